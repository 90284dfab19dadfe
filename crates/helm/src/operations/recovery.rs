//! Releases that a client left pending when it died.

use spacecraft_core::Result;

use super::Operation;
use crate::release::Status;
use crate::release::storage::Stored;

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
        self.delete_begun_hooks(last).await?;
        if is_only && status == Status::PendingInstall {
            self.storage.delete(&last.release).await?;
            return Ok(Vec::new());
        }
        last.release.info.status = Status::Failed;
        last.release.info.description = format!("Left {status} by a client that ended before it was done");
        self.record(last).await?;
        Ok(history)
    }
}
