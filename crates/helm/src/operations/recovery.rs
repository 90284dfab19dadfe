//! Releases that a client left in the middle of something when it died.

use spacecraft_core::Result;

use super::uninstall::Uninstallation;
use super::{Operation, rollback};
use crate::release::storage::Stored;
use crate::release::{HookEvent, Release, Status};

impl Operation<'_> {
    /// Takes a pending last revision over: a first install is forgotten, so that it can be made anew over the objects that
    /// it left, which carry its marks; any other revision counts as failed, and the one before it stays in force. Hooks that the client began and
    /// would have deleted in the end are deleted, because they are created and never applied.
    pub(super) async fn recover(&self, mut history: Vec<Stored>) -> Result<Vec<Stored>> {
        let is_only = history.len() == 1;
        let Some(last) = history.last_mut() else { return Ok(history) };
        let status = last.release.info.status;
        if !status.is_pending() {
            return Ok(history);
        }
        tracing::warn!(
            release = last.release.name,
            revision = last.release.version,
            %status,
            "this revision was left pending by a client that ended; it is taken over"
        );
        self.delete_left_hooks(last).await?;
        if is_only && status == Status::PendingInstall {
            self.storage.delete(&last.release).await?;
            return Ok(Vec::new());
        }
        last.release.info.description = left_description(&last.release);
        last.release.info.status = Status::Failed;
        self.record(last).await?;
        Ok(history)
    }

    /// Ends an uninstallation that a client left unfinished, so that the name can be used again.
    pub(super) async fn finish_uninstallation(&self, history: Vec<Stored>) -> Result<Vec<Stored>> {
        let Some(last) = history.last().filter(|last| last.release.info.status == Status::Uninstalling)
        else {
            return Ok(history);
        };
        let Release { namespace, name, .. } = &last.release;
        tracing::warn!(
            release = name,
            "this release was left half uninstalled by a client that ended; the rest follows"
        );
        Box::pin(self.uninstall(namespace, name, &Uninstallation::default())).await?;
        Ok(Vec::new())
    }

    /// Deletes the hooks of the event in which a client died and that it would have deleted in the end.
    pub(super) async fn delete_left_hooks(&self, stored: &Stored) -> Result<()> {
        match events_of(stored.release.info.status) {
            Some(events) => self.delete_begun_hooks(stored, events).await,
            None => Ok(()),
        }
    }
}

/// The events whose hooks run while a revision has this status.
fn events_of(status: Status) -> Option<[HookEvent; 2]> {
    match status {
        Status::PendingInstall => Some([HookEvent::PreInstall, HookEvent::PostInstall]),
        Status::PendingUpgrade => Some([HookEvent::PreUpgrade, HookEvent::PostUpgrade]),
        Status::PendingRollback => Some([HookEvent::PreRollback, HookEvent::PostRollback]),
        Status::Uninstalling => Some([HookEvent::PreDelete, HookEvent::PostDelete]),
        _ => None,
    }
}

/// What the record says of a revision that was left pending; of a rollback also where to, so that it can be taken up again.
fn left_description(release: &Release) -> String {
    let left = format!("Left {} by a client that ended before it was done", release.info.status);
    match rollback::unfinished_goal(release) {
        Some(revision) => rollback::left_description(revision, &left),
        None => left,
    }
}
