use std::fmt;

use serde::{Deserialize, Serialize};

use super::StepReport;
use crate::error::{Error, Meaning};
use crate::traits::Evidence;

/// An operation that did not get to its end.
#[derive(Debug)]
pub struct OperationFailure {
    /// Why.
    pub error: Error,
    /// The steps that came to an end.
    pub steps: Vec<StepReport>,
    /// What it leaves behind, as far as the journal knows.
    pub leftovers: Vec<Leftover>,
    /// What was seen of pods that were not ready.
    pub evidence: Option<Evidence>,
}

/// Something that a failed operation leaves behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leftover {
    /// The step that made it, or meant to.
    pub step: String,
    /// What it is.
    pub resources: Vec<String>,
    /// False when it is not certain that it exists.
    pub certain: bool,
}

impl OperationFailure {
    /// A failure before anything was done.
    #[must_use]
    pub fn untouched(error: Error) -> Self {
        Self { error, steps: Vec::new(), leftovers: Vec::new(), evidence: None }
    }

    /// True when something is left that the same command would go on with.
    #[must_use]
    pub fn is_resumable(&self) -> bool {
        !self.leftovers.is_empty()
    }

    /// True when the operator's input was wrong and nothing was changed.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        self.leftovers.is_empty() && matches!(self.error.meaning(), Meaning::Invalid | Meaning::NotFound)
    }
}

impl From<Error> for OperationFailure {
    fn from(error: Error) -> Self {
        Self::untouched(error)
    }
}

impl fmt::Display for OperationFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(formatter)
    }
}

impl std::error::Error for OperationFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.error)
    }
}
