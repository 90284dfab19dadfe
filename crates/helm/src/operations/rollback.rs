//! Back to an earlier revision, as a new one.

use spacecraft_core::{Error, Meaning, Result};

use super::{Manner, Operation, deployed, whole_text};
use crate::objects::PlacedObject;
use crate::release::storage::Stored;
use crate::release::{HookEvent, Release, Status};

/// A return to an earlier revision.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rollback {
    /// The revision to go back to; 0 for the one before the last.
    pub(crate) revision: u32,
    pub(crate) manner: Manner,
    /// How many revisions are kept; 0 for all.
    pub(crate) history_max: usize,
    /// Objects that a failed rollback made are deleted.
    pub(crate) cleanup_on_fail: bool,
}

impl Operation<'_> {
    /// Makes an earlier revision of `history` the one in force, under a new number.
    ///
    /// # Errors
    /// [`Meaning::NotFound`] if there is no such revision, and what fails on the way.
    pub(crate) async fn rollback(&self, mut history: Vec<Stored>, rollback: Rollback) -> Result<Release> {
        let Rollback { manner, history_max, cleanup_on_fail, .. } = rollback;
        let (mut stored, last) = self.rollback_target(&history, rollback.revision)?;
        let in_force = deployed(&history).unwrap_or(&last);
        let former = self.place_all_former(&history, &in_force.release);
        let objects = self.place_new(&stored.release)?;
        if history_max > 0 {
            self.storage.trim(&mut history, history_max.saturating_sub(1)).await?;
        }
        self.storage.create(&stored, self.now()).await?;
        if let Err(error) = self.roll_objects_back(&mut stored, &former, &objects, manner).await {
            return Err(self.failed_rollback(stored, last, &objects, &former, error, cleanup_on_fail).await);
        }
        self.supersede(&history).await?;
        stored.release.info.status = Status::Deployed;
        self.record(&stored).await?;
        Ok(stored.release)
    }

    /// The new revision as a rollback would make it; nothing is changed.
    ///
    /// # Errors
    /// [`Meaning::NotFound`] if there is no such revision.
    pub(crate) async fn rehearse_rollback(
        &self,
        namespace: &str,
        name: &str,
        revision: u32,
    ) -> Result<Release> {
        let history = self.storage.history(namespace, name).await?;
        self.rollback_target(&history, revision).map(|(stored, _)| stored.release)
    }

    /// The new revision as a copy of the one to go back to, and the last one there is. A rollback that a client left unfinished is taken
    /// up again unless a revision is named.
    fn rollback_target(&self, history: &[Stored], revision: u32) -> Result<(Stored, Stored)> {
        let not_found =
            |name: &str, reason: String| Error::new(Meaning::NotFound, "roll back release", name, reason);
        let last = history.last().ok_or_else(|| not_found("", "release: not found".to_owned()))?;
        let name = &last.release.name;
        let wanted = match revision {
            0 => unfinished_goal(&last.release).unwrap_or(last.release.version.saturating_sub(1)),
            named => named,
        };
        let target = history
            .iter()
            .find(|stored| stored.release.version == wanted)
            .ok_or_else(|| not_found(name, format!("release has no {wanted} version")))?;
        let mut stored = target.clone();
        stored.release.version = last.release.version.saturating_add(1);
        stored.release.info.first_deployed = last.release.info.first_deployed;
        stored.release.info.last_deployed = Some(self.now());
        stored.release.info.deleted = None;
        stored.release.info.status = Status::PendingRollback;
        stored.release.info.description = description(wanted);
        Ok((stored, last.clone()))
    }

    async fn roll_objects_back(
        &self,
        stored: &mut Stored,
        former: &[PlacedObject],
        objects: &[PlacedObject],
        manner: Manner,
    ) -> Result<()> {
        if !manner.no_hooks {
            self.run_hooks(stored, HookEvent::PreRollback).await?;
        }
        self.apply(objects, &stored.release, manner, &mut Vec::new()).await?;
        self.remove_gone(former, objects, &stored.release).await?;
        self.until_ready(objects, manner, &stored.release).await?;
        if manner.no_hooks { Ok(()) } else { self.run_hooks(stored, HookEvent::PostRollback).await }
    }

    async fn failed_rollback(
        &self,
        mut stored: Stored,
        last: Stored,
        objects: &[PlacedObject],
        former: &[PlacedObject],
        error: Error,
        cleanup: bool,
    ) -> Error {
        let name = stored.release.name.clone();
        stored.release.info.status = Status::Failed;
        stored.release.info.description = format!("Rollback {name:?} failed: {}", whole_text(&error));
        if let Err(unrecorded) = self.record(&stored).await {
            tracing::warn!(release = name, error = %unrecorded, "the failure could not be recorded");
        }
        let made = if cleanup { crate::objects::gone(objects, former) } else { Vec::new() };
        for placed in made.iter().rev() {
            if let Err(left) = self.cluster.delete(&placed.address).await {
                tracing::warn!(object = %placed.address, error = %left, "an object could not be deleted");
            }
        }
        let reason = format!(
            "revision {} failed; revision {} was the last before it",
            stored.release.version, last.release.version
        );
        Error::new(error.meaning(), "roll back release", name, reason).with_source(error)
    }
}

/// What the record says of a rollback, as in Helm.
fn description(revision: u32) -> String {
    format!("Rollback to {revision}")
}

/// What it says of one that a client left unfinished.
pub(super) fn left_description(revision: u32, left: &str) -> String {
    format!("{}: {left}", description(revision))
}

/// The revision that an unfinished rollback was to go back to: records hold it in their description alone.
pub(super) fn unfinished_goal(release: &Release) -> Option<u32> {
    let text = release.info.description.strip_prefix("Rollback to ")?;
    match release.info.status {
        Status::PendingRollback => text.parse().ok(),
        Status::Failed => text.split_once(": Left ")?.0.parse().ok(),
        _ => None,
    }
}
