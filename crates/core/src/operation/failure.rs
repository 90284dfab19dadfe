use std::fmt;

use serde::{Deserialize, Serialize};

use super::StepReport;
use crate::error::{Error, Meaning, Result};
use crate::observer::Outcome;
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
        let is_mistake = matches!(self.error.meaning(), Meaning::Invalid | Meaning::NotFound);
        self.leftovers.is_empty() && is_mistake && !self.error.is_of_reply()
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

/// What one of several tracks came to that ran side by side, or the failure that made them stop.
pub(super) fn unless_another_failed<T>(
    track: Result<T>,
    others: impl IntoIterator<Item = Result<()>>,
) -> Result<T> {
    let mut failures = others.into_iter().filter_map(Result::err);
    match track {
        Ok(value) => failures.next().map_or(Ok(value), |first| Err(cause(first, failures))),
        Err(first) => Err(cause(first, failures)),
    }
}

/// What two tracks came to that ran side by side, or the failure that made them stop.
pub(super) fn both<T, U>(first: Result<T>, second: Result<U>) -> Result<(T, U)> {
    match (first, second) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
        (Err(first), Err(second)) => Err(cause(first, [second])),
    }
}

/// What steps that ran side by side did together, or the failure that made them stop.
pub(super) fn all_together(steps: impl IntoIterator<Item = Result<Outcome>>) -> Result<Outcome> {
    let mut outcome = Outcome::Unchanged;
    let mut failures = Vec::new();
    for step in steps {
        match step {
            Ok(one) => outcome = outcome.and(one),
            Err(error) => failures.push(error),
        }
    }
    let mut failures = failures.into_iter();
    failures.next().map_or(Ok(outcome), |first| Err(cause(first, failures)))
}

/// The failure that is none of stopping because of another one.
fn cause(first: Error, others: impl IntoIterator<Item = Error>) -> Error {
    let stopped = |error: &Error| error.meaning() == Meaning::Interrupted;
    if !stopped(&first) {
        return first;
    }
    others.into_iter().find(|error| !stopped(error)).unwrap_or(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(meaning: Meaning) -> Error {
        Error::new(meaning, "work", "", "failed")
    }

    #[test]
    fn of_tracks_that_ran_side_by_side_the_failure_that_stopped_the_others_is_told() {
        let (stopped, denied) = (Meaning::Interrupted, Meaning::Denied);
        let told = |result: Result<()>| result.unwrap_err().meaning();
        assert_eq!(told(unless_another_failed(Err(failed(stopped)), [Ok(()), Err(failed(denied))])), denied);
        assert_eq!(told(unless_another_failed(Err(failed(denied)), [Err(failed(stopped))])), denied);
        assert_eq!(told(unless_another_failed(Ok(()), [Err(failed(stopped)), Err(failed(denied))])), denied);
        assert_eq!(told(unless_another_failed(Err(failed(stopped)), [Ok(())])), stopped);
        assert_eq!(unless_another_failed(Ok(7), [Ok(()), Ok(())]).unwrap(), 7);
        let together = |first: Result<()>, second: Result<()>| both(first, second).unwrap_err().meaning();
        assert_eq!(together(Err(failed(stopped)), Err(failed(denied))), denied);
        assert_eq!(together(Ok(()), Err(failed(denied))), denied);
        assert_eq!(both(Ok(7), Ok(8)).unwrap(), (7, 8));
    }

    #[test]
    fn steps_together_did_what_the_weightiest_did() {
        let steps = [Ok(Outcome::Unchanged), Ok(Outcome::Created), Ok(Outcome::Updated)];
        assert_eq!(all_together(steps).unwrap(), Outcome::Created);
        let steps = [Ok(Outcome::Created), Err(failed(Meaning::Interrupted)), Err(failed(Meaning::Denied))];
        assert_eq!(all_together(steps).unwrap_err().meaning(), Meaning::Denied);
    }

    #[test]
    fn a_reply_that_cannot_be_read_is_no_mistake_of_the_operator() {
        let error = |reason: &str| Error::new(Meaning::Invalid, "get cluster", "net1", reason);
        assert!(OperationFailure::untouched(error("its name has an underscore")).is_usage());
        let misread = error("the reply is a web page").of_reply();
        let caused = error("there is no access token").with_source(misread);
        assert!(!OperationFailure::untouched(caused).is_usage());
    }
}
