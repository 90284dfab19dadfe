//! How operations tell what they do, without printing.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a step did to what it is responsible for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Nothing differed, so nothing was written.
    Unchanged,
    /// Something that existed was changed.
    Updated,
    /// Something that did not exist was made.
    Created,
    /// Something that existed was taken away.
    Removed,
    /// What was to be taken away was not there.
    Absent,
}

impl Outcome {
    /// What two parts of one step did together: `Created` weighs more than `Updated`, that more than `Unchanged`.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.max(other)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Unchanged => "unchanged",
            Self::Updated => "updated",
            Self::Created => "created",
            Self::Removed => "removed",
            Self::Absent => "absent",
        })
    }
}

/// Something worth telling the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A step begins.
    StepStarted {
        /// The step's name, such as `cluster`.
        step: String,
        /// What it is about to see to, in a few words.
        detail: String,
    },
    /// `done` of `total` parts of a step are through.
    Progress {
        /// The step's name.
        step: String,
        /// Parts that are through.
        done: u64,
        /// All parts.
        total: u64,
    },
    /// A resource was seen to.
    Resource {
        /// The step's name.
        step: String,
        /// Kind and name, such as `Deployment miner-1`.
        resource: String,
        /// What was done to it.
        outcome: Outcome,
    },
    /// A step waits.
    Waiting {
        /// The step's name.
        step: String,
        /// What it waits for.
        what: String,
        /// Why that is not there yet.
        why: String,
    },
    /// A step is through.
    StepDone {
        /// The step's name.
        step: String,
        /// What it did.
        outcome: Outcome,
    },
    /// Something the operator should know although nothing failed.
    Note {
        /// The text.
        text: String,
    },
    /// Something that is probably not as the operator wants it.
    Warning {
        /// The text.
        text: String,
    },
}

/// Receives the events of operations.
///
/// # Contract
///
/// `observe` returns quickly and never fails; it may be called from several tasks at once.
pub trait Observer: fmt::Debug + Send + Sync {
    /// Takes note of an event.
    fn observe(&self, event: &Event);
}

/// An observer that ignores everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn observe(&self, _event: &Event) {}
}
