//! What a run goes by: the record as it was when the run was made up.

use crate::error::{Error, Meaning, Result};
use crate::names::NetworkName;
use crate::operation::OperationFailure;
use crate::state::RecordStore;
use crate::traits::ObjectStore;

/// What an operation was about when it found that its record is no longer what it was.
const GO_ON_AFTER_ANOTHER: &str = "go on after another operation on";
/// How often an operation begins anew because of that.
const MOST_BEGINNINGS: u32 = 5;

/// What an operation goes by, which must still be so once its lock is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Basis(Known);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// The record's generation; none when there was no record.
    Record(Option<i64>),
    /// Nothing that another operation would change.
    Nothing,
}

impl Basis {
    /// The record as it was read or written last.
    pub async fn of(records: &RecordStore) -> Self {
        Self(Known::Record(records.generation().await))
    }

    /// Nothing: for runs that only look, and for those that neither follow from what may change in the record nor write it.
    #[must_use]
    pub fn nothing() -> Self {
        Self(Known::Nothing)
    }

    /// Fails when the record is no longer the one that the operation goes by.
    pub(super) async fn check(self, store: &dyn ObjectStore, network: &NetworkName) -> Result<()> {
        let Known::Record(generation) = self.0 else { return Ok(()) };
        let present = store.get(&RecordStore::key(network)).await?;
        if present.map(|object| object.generation) == generation {
            return Ok(());
        }
        let reason = "it changed the record while this one waited";
        Err(Error::new(Meaning::PreconditionFailed, GO_ON_AFTER_ANOTHER, network.as_str(), reason)
            .with_hint("run the command again"))
    }
}

/// An operation, begun anew as often as another one changed the record while it waited for the lock.
///
/// # Errors
///
/// What the last attempt fails with.
pub(in crate::operation) async fn anew_when_outdated<T>(
    mut attempt: impl AsyncFnMut() -> Result<T, OperationFailure>,
) -> Result<T, OperationFailure> {
    let mut begun = 1;
    loop {
        match attempt().await {
            Err(failure) if failure.is_outdated() && begun < MOST_BEGINNINGS => begun += 1,
            ended => return ended,
        }
    }
}

impl OperationFailure {
    /// True when nothing was done because another operation changed the network's record first; beginning anew goes by what it wrote.
    #[must_use]
    pub fn is_outdated(&self) -> bool {
        self.error.operation() == GO_ON_AFTER_ANOTHER
    }
}
