//! Releases that a client left in the middle of something when it died.

use spacecraft_core::Result;

use super::uninstall::Uninstallation;
use super::{Operation, rollback};
use crate::release::storage::Stored;
use crate::release::{HookEvent, Release, Status};

/// How the description of a revision begins that was left pending.
const LEFT: &str = "Left";

/// What there is of a release once a revision that a client left pending was taken over.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recovered {
    /// The revisions that count, oldest first.
    pub(crate) history: Vec<Stored>,
    /// The revision that was left pending, as the client that died recorded it. Of a first install it is the only record there is, and none of
    /// the history.
    pub(crate) left: Option<Stored>,
}

impl Operation<'_> {
    /// Takes a pending last revision over: a first install counts for nothing, so that it can be made anew over the objects that
    /// it left, which carry its marks; any other revision counts as failed, and the one before it stays in force. Hooks that the client began and
    /// would have deleted in the end are deleted, because they are created and never applied.
    pub(super) async fn recover(&self, mut history: Vec<Stored>) -> Result<Recovered> {
        let is_only = history.len() == 1;
        let Some(last) = history.last_mut() else { return Ok(Recovered::default()) };
        let status = last.release.info.status;
        if !status.is_pending() {
            let left = was_taken_over(&last.release).then(|| last.clone());
            return Ok(Recovered { history, left });
        }
        tracing::warn!(
            release = last.release.name,
            revision = last.release.version,
            %status,
            "this revision was left pending by a client that ended; it is taken over"
        );
        self.delete_left_hooks(last).await?;
        let left = Some(last.clone());
        if is_only && status == Status::PendingInstall {
            return Ok(Recovered { history: Vec::new(), left });
        }
        last.release.info.description = left_description(&last.release);
        last.release.info.status = Status::Failed;
        self.record(last).await?;
        Ok(Recovered { history, left })
    }

    /// Ends an uninstallation that a client left unfinished, so that the name can be used again.
    pub(super) async fn finish_uninstallation(&self, found: Recovered) -> Result<Recovered> {
        let Some(last) = found.history.last().filter(|last| last.release.info.status == Status::Uninstalling)
        else {
            return Ok(found);
        };
        let Release { namespace, name, .. } = &last.release;
        tracing::warn!(
            release = name,
            "this release was left half uninstalled by a client that ended; the rest follows"
        );
        Box::pin(self.uninstall(namespace, name, &Uninstallation::default())).await?;
        Ok(Recovered::default())
    }

    /// Deletes the hooks of the event in which a client died and that it would have deleted in the end.
    pub(super) async fn delete_left_hooks(&self, stored: &Stored) -> Result<()> {
        match events_of(stored.release.info.status) {
            Some(events) => self.delete_begun_hooks(stored, events).await,
            None => Ok(()),
        }
    }
}

/// True when a revision was left pending and counts as failed since.
fn was_taken_over(release: &Release) -> bool {
    release.info.status == Status::Failed && release.info.description.starts_with(&format!("{LEFT} pending-"))
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
    let left = format!("{LEFT} {} by a client that ended before it was done", release.info.status);
    match rollback::unfinished_goal(release) {
        Some(revision) => rollback::left_description(revision, &left),
        None => left,
    }
}
