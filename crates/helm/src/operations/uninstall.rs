//! The end of a release.

use spacecraft_core::{Error, Meaning, Result};

use super::{Operation, owner, whole_text};
use crate::cluster::{Address, Propagation};
use crate::manifest::{UNINSTALL_ORDER, by_kind};
use crate::objects::{PlacedObject, belongs_to_another, is_kept};
use crate::release::storage::Stored;
use crate::release::{HookEvent, Release, Status};

/// How a release is uninstalled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Uninstallation {
    pub(crate) no_hooks: bool,
    /// The records stay, so that the release can be rolled back.
    pub(crate) keep_history: bool,
    /// It ends when all objects are gone.
    pub(crate) wait: bool,
    /// For the record, in place of `Uninstallation complete`.
    pub(crate) description: String,
    pub(crate) cascade: Propagation,
}

/// What became of an uninstalled release.
#[derive(Debug, Clone, PartialEq)]
pub struct Uninstalled {
    /// The last revision.
    pub release: Release,
    /// The objects that stay by their resource policy, as `[Kind] name`.
    pub kept: Vec<String>,
}

impl Operation<'_> {
    /// Uninstalls a release; none if there is no record of it.
    ///
    /// # Errors
    /// If something fails on the way; running it again goes on.
    pub(crate) async fn uninstall(
        &self,
        namespace: &str,
        name: &str,
        how: &Uninstallation,
    ) -> Result<Option<Uninstalled>> {
        let history = self.storage.history(namespace, name).await?;
        let Some(mut stored) = history.last().cloned() else { return Ok(None) };
        if stored.release.info.status == Status::Uninstalled {
            if how.keep_history {
                let reason = format!("the release named {name:?} is already deleted");
                return Err(Error::new(Meaning::NotFound, "uninstall release", name, reason));
            }
            self.purge(&history).await?;
            return Ok(Some(Uninstalled { release: stored.release, kept: Vec::new() }));
        }
        self.delete_left_hooks(&stored).await?;
        stored.release.info.status = Status::Uninstalling;
        stored.release.info.deleted = Some(self.now());
        "Deletion in progress (or silently failed)".clone_into(&mut stored.release.info.description);
        self.record(&stored).await?;
        if !how.no_hooks {
            self.run_hooks(&mut stored, HookEvent::PreDelete).await?;
        }
        let kept = self.delete_objects(&history, &stored.release, how).await?;
        if !how.no_hooks {
            self.run_hooks(&mut stored, HookEvent::PostDelete).await?;
        }
        self.conclude(&history, stored, how, kept).await.map(Some)
    }

    async fn conclude(
        &self,
        history: &[Stored],
        mut stored: Stored,
        how: &Uninstallation,
        kept: Vec<String>,
    ) -> Result<Uninstalled> {
        stored.release.info.status = Status::Uninstalled;
        stored.release.info.description = if how.description.is_empty() {
            "Uninstallation complete".to_owned()
        } else {
            how.description.clone()
        };
        if how.keep_history {
            // The mark of the end comes last: who finds it does not look for more to do.
            self.supersede(history.get(..history.len().saturating_sub(1)).unwrap_or_default()).await?;
            self.record(&stored).await?;
        } else {
            self.purge(history).await?;
        }
        Ok(Uninstalled { release: stored.release, kept })
    }

    /// Deletes the objects of the last revision, and of an earlier one in force if the last one failed; answers which stay.
    async fn delete_objects(
        &self,
        history: &[Stored],
        release: &Release,
        how: &Uninstallation,
    ) -> Result<Vec<String>> {
        let mut objects = self.place_former(release);
        if let Some(in_force) = super::deployed(history) {
            let placed = self.place_former(&in_force.release);
            objects.extend(crate::objects::gone(&placed, &objects.clone()).into_iter().cloned());
        }
        objects.sort_by(|one, other| {
            by_kind(&one.address.resource.kind, &other.address.resource.kind, UNINSTALL_ORDER)
        });
        let (kept, doomed): (Vec<PlacedObject>, Vec<PlacedObject>) =
            objects.into_iter().partition(|placed| is_kept(&placed.object));
        let mut deleted = Vec::new();
        let mut faults = Vec::new();
        for placed in doomed {
            match self.delete_object(&placed, release, how.cascade).await {
                Ok(true) => deleted.push(placed.address),
                Ok(false) => {}
                Err(error) => faults.push(whole_text(&error)),
            }
        }
        if !faults.is_empty() {
            let reason = format!("{} objects could not be deleted: {}", faults.len(), faults.join("; "));
            return Err(Error::new(Meaning::Other, "uninstall release", release.name.as_str(), reason)
                .with_hint("run the command again to go on"));
        }
        if how.wait {
            self.until_gone(&deleted).await?;
        }
        Ok(kept
            .iter()
            .map(|placed| format!("[{}] {}", placed.address.resource.kind, placed.address.name))
            .collect())
    }

    async fn delete_object(
        &self,
        placed: &PlacedObject,
        release: &Release,
        cascade: Propagation,
    ) -> Result<bool> {
        let address: &Address = &placed.address;
        match self.cluster.get(address).await? {
            Some(live) if !belongs_to_another(&live, owner(release)) => {
                self.cluster.delete_with(address, cascade).await
            }
            _ => Ok(false),
        }
    }

    async fn purge(&self, history: &[Stored]) -> Result<()> {
        for stored in history {
            self.storage.delete(&stored.release).await?;
        }
        Ok(())
    }

    /// Takes a first install that failed away again.
    pub(super) async fn uninstall_failed(&self, stored: Stored, no_hooks: bool) -> Result<()> {
        let how = Uninstallation { wait: true, no_hooks, ..Uninstallation::default() };
        self.uninstall(&stored.release.namespace, &stored.release.name, &how).await.map(drop)
    }
}
