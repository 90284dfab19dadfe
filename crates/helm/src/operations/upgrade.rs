//! A further revision of a release.

use spacecraft_core::{Error, Meaning, Result};

use super::recovery::Recovered;
use super::rollback::Rollback;
use super::{Manner, Operation, deployed, whole_text};
use crate::cluster::Address;
use crate::objects::PlacedObject;
use crate::release::storage::Stored;
use crate::release::{HookEvent, Release, Status};

/// A revision that is to follow the others: its record as it will be, but for status, times and number.
#[derive(Debug)]
pub(crate) struct Upgrade {
    pub(crate) stored: Stored,
    pub(crate) manner: Manner,
    /// What fails is rolled back.
    pub(crate) atomic: bool,
    /// Objects that a failed upgrade made are deleted.
    pub(crate) cleanup_on_fail: bool,
    /// How many revisions are kept; 0 for all.
    pub(crate) history_max: usize,
    /// For the record, in place of `Upgrade complete`.
    pub(crate) description: String,
}

impl Operation<'_> {
    /// The revisions of a release, a pending one taken over. Empty if there is none, or if it was uninstalled.
    pub(crate) async fn live_history(&self, namespace: &str, name: &str) -> Result<Recovered> {
        let history = self.storage.history(namespace, name).await?;
        self.recover(history).await
    }

    /// The same, where a release that is not there will be installed: one that is half uninstalled goes first.
    pub(crate) async fn installable_history(&self, namespace: &str, name: &str) -> Result<Recovered> {
        self.finish_uninstallation(self.live_history(namespace, name).await?).await
    }

    /// Makes a new revision the one in force.
    ///
    /// # Errors
    /// If an object belongs to somebody else (nothing was changed then), or something fails on the way: the former revision
    /// stays in force then, which the error says.
    pub(crate) async fn upgrade(&self, mut history: Vec<Stored>, upgrade: Upgrade) -> Result<Release> {
        let Upgrade { mut stored, manner, atomic, cleanup_on_fail, history_max, description } = upgrade;
        let current = current_of(&history, &stored.release.name)?.clone();
        let former = self.place_all_former(&history, &current.release);
        let objects = self.place_new(&stored.release)?;
        if !manner.take_ownership {
            let new: Vec<&PlacedObject> = crate::objects::gone(&objects, &former);
            self.check_ownership(&new, &stored.release, "upgrade").await?;
        }
        let info = &mut stored.release.info;
        info.first_deployed = current.release.info.first_deployed;
        info.last_deployed = Some(self.now());
        info.status = Status::PendingUpgrade;
        "Preparing upgrade".clone_into(&mut info.description);
        stored.release.version = history.last().map_or(1, |last| last.release.version.saturating_add(1));
        if history_max > 0 {
            self.storage.trim(&mut history, history_max.saturating_sub(1)).await?;
        }
        self.storage.create(&stored, self.now()).await?;
        let mut created = Vec::new();
        let outcome = self.upgrade_objects(&mut stored, &former, &objects, manner, &mut created).await;
        if let Err(error) = outcome {
            let made = if cleanup_on_fail { created } else { Vec::new() };
            let goal = atomic.then(|| last_good(&history)).flatten();
            return Err(self.failed_upgrade(stored, &current, error, made, goal, manner).await);
        }
        self.supersede(&history).await?;
        stored.release.info.status = Status::Deployed;
        stored.release.info.description =
            if description.is_empty() { "Upgrade complete".to_owned() } else { description };
        self.record(&stored).await?;
        Ok(stored.release)
    }

    /// Objects of the revision in force and of failed ones after it, which may have made some.
    pub(super) fn place_all_former(&self, history: &[Stored], current: &Release) -> Vec<PlacedObject> {
        let mut objects = self.place_former(current);
        let later =
            history.iter().map(|stored| &stored.release).filter(|release| release.version > current.version);
        for release in later {
            let placed = self.place_former(release);
            let new: Vec<PlacedObject> =
                crate::objects::gone(&placed, &objects).into_iter().cloned().collect();
            objects.extend(new);
        }
        objects
    }

    async fn upgrade_objects(
        &self,
        stored: &mut Stored,
        former: &[PlacedObject],
        objects: &[PlacedObject],
        manner: Manner,
        created: &mut Vec<Address>,
    ) -> Result<()> {
        if !manner.no_hooks {
            self.run_hooks(stored, HookEvent::PreUpgrade).await?;
        }
        self.apply(objects, &stored.release, manner, created).await?;
        self.remove_gone(former, objects, &stored.release).await?;
        self.until_ready(objects, manner, &stored.release).await?;
        if manner.no_hooks { Ok(()) } else { self.run_hooks(stored, HookEvent::PostUpgrade).await }
    }

    /// Marks the revisions that were in force as superseded.
    pub(super) async fn supersede(&self, history: &[Stored]) -> Result<()> {
        for stored in history.iter().filter(|stored| stored.release.info.status == Status::Deployed) {
            let mut stored = stored.clone();
            stored.release.info.status = Status::Superseded;
            self.record(&stored).await?;
        }
        Ok(())
    }

    async fn failed_upgrade(
        &self,
        mut stored: Stored,
        current: &Stored,
        error: Error,
        made: Vec<Address>,
        goal: Option<u32>,
        manner: Manner,
    ) -> Error {
        let name = stored.release.name.clone();
        stored.release.info.status = Status::Failed;
        stored.release.info.description = format!("Upgrade {name:?} failed: {}", whole_text(&error));
        if let Err(unrecorded) = self.record(&stored).await {
            tracing::warn!(release = name, error = %unrecorded, "the failure could not be recorded");
        }
        for address in made.iter().rev() {
            if let Err(left) = self.cluster.delete(address).await {
                tracing::warn!(object = %address, error = %left, "an object of the failed upgrade could not be deleted");
            }
        }
        let in_force = current.release.version;
        let what_stands = match goal {
            None => format!("revision {in_force} stays in force"),
            Some(goal) => match self.roll_back_to(&stored, goal, manner).await {
                Ok(revision) => format!("it was rolled back to revision {goal} as revision {revision}"),
                Err(left) => format!("and rolling back to revision {goal} failed too: {}", whole_text(&left)),
            },
        };
        Error::new(
            error.meaning(),
            "upgrade release",
            name,
            format!("revision {} failed, {what_stands}", stored.release.version),
        )
        .with_source(error)
    }

    async fn roll_back_to(&self, failed: &Stored, revision: u32, manner: Manner) -> Result<u32> {
        let history = self.storage.history(&failed.release.namespace, &failed.release.name).await?;
        let manner = Manner { wait: true, ..manner };
        let rollback = Rollback { revision, manner, history_max: 0, cleanup_on_fail: false };
        self.rollback(history, rollback).await.map(|release| release.version)
    }
}

/// The newest revision that was ever in force, which a failed upgrade can go back to.
fn last_good(history: &[Stored]) -> Option<u32> {
    let was_in_force =
        |stored: &&Stored| matches!(stored.release.info.status, Status::Deployed | Status::Superseded);
    history.iter().rev().find(was_in_force).map(|stored| stored.release.version)
}

/// The revision that an upgrade starts from: the one in force, or after a first install that failed, that one.
pub(crate) fn current_of<'h>(history: &'h [Stored], name: &str) -> Result<&'h Stored> {
    let last = history.last().filter(|stored| {
        matches!(stored.release.info.status, Status::Failed | Status::Superseded | Status::Unknown)
    });
    deployed(history).or(last).ok_or_else(|| {
        Error::new(Meaning::NotFound, "upgrade release", name, format!("{name:?} has no deployed releases"))
    })
}
