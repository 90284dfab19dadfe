use std::error::Error as StdError;
use std::time::Duration;

use spacecraft_core::{Effect, Error, Meaning};

use crate::call::{Call, Idempotency};

type Source = Box<dyn StdError + Send + Sync + 'static>;

/// How one attempt of a call failed.
#[derive(Debug)]
pub enum Failure {
    /// Nothing was sent: there was no connection. Every call may be tried again.
    NotSent {
        /// What happened, in a few words.
        reason: String,
        /// The cause.
        source: Option<Source>,
    },
    /// Something was sent and no whole reply came back: the call may have taken effect.
    ReplyLost {
        /// What happened, in a few words.
        reason: String,
        /// True when it was patience that ended.
        timed_out: bool,
        /// The cause.
        source: Option<Source>,
    },
    /// The server said no.
    Refused(Refusal),
    /// Trying again is pointless whatever the call is; the error is passed on as it is.
    Final(Error),
}

/// A server's no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What a caller can act on.
    pub meaning: Meaning,
    /// The server's own words.
    pub message: String,
    /// The service's code for it, such as `409 alreadyExists`; empty without one.
    pub code: String,
    /// Whether trying again can help.
    pub repeat: Repeat,
    /// How long the server asked to wait before the next attempt.
    pub retry_after: Option<Duration>,
    /// What the reader should do, when the dialect knows.
    pub hint: Option<String>,
}

/// Whether a refused call can be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Repeat {
    /// The answer would be the same.
    Never,
    /// The failure passes, but the server may have done the work before it failed: only repeatable calls are repeated.
    MayHaveActed,
    /// The failure passes and the server certainly did nothing, as with a rate limit: every call may be repeated.
    CertainlyDidNothing,
}

impl Failure {
    /// Whether the attempt may have changed something.
    #[must_use]
    pub fn effect(&self, idempotency: Idempotency) -> Effect {
        let ambiguous = match self {
            Self::NotSent { .. } => false,
            Self::ReplyLost { .. } => true,
            Self::Refused(refusal) => refusal.repeat == Repeat::MayHaveActed,
            Self::Final(error) => error.effect() == Effect::Possible,
        };
        if ambiguous && idempotency != Idempotency::Safe { Effect::Possible } else { Effect::None }
    }

    /// Whether the call may be tried again after this.
    #[must_use]
    pub fn may_be_repeated(&self, idempotency: Idempotency) -> bool {
        let repeatable = idempotency != Idempotency::NotRepeatable;
        match self {
            Self::NotSent { .. } => true,
            Self::ReplyLost { .. } => repeatable,
            Self::Refused(refusal) => match refusal.repeat {
                Repeat::Never => false,
                Repeat::MayHaveActed => repeatable,
                Repeat::CertainlyDidNothing => true,
            },
            Self::Final(_) => false,
        }
    }

    /// How long the server asked to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refusal) => refusal.retry_after,
            Self::NotSent { .. } | Self::ReplyLost { .. } | Self::Final(_) => None,
        }
    }

    /// The failure in a few words, for logs.
    #[must_use]
    pub fn summary(&self) -> String {
        match self {
            Self::NotSent { reason, .. } | Self::ReplyLost { reason, .. } => reason.clone(),
            Self::Refused(refusal) => refusal.text(),
            Self::Final(error) => error.to_string(),
        }
    }

    /// The error of `call` after `attempts` attempts of which this was the last; `effect` is of all of them together.
    #[must_use]
    pub fn into_error(self, call: &Call, attempts: u32, effect: Effect) -> Error {
        let (meaning, reason, source, hint) = match self {
            Self::Final(error) => return error.with_effect(effect),
            Self::NotSent { reason, source } => (Meaning::Unavailable, reason, source, None),
            Self::ReplyLost { reason, timed_out: true, source } => (Meaning::TimedOut, reason, source, None),
            Self::ReplyLost { reason, timed_out: false, source } => {
                (Meaning::Unavailable, reason, source, None)
            }
            Self::Refused(refusal) => (refusal.meaning, refusal.text(), None, refusal.hint),
        };
        let reason = if attempts > 1 { format!("{reason}, after {attempts} attempts") } else { reason };
        let mut error =
            Error::new(meaning, call.operation.as_str(), call.resource.as_str(), reason).with_effect(effect);
        if let Some(source) = source {
            error = error.with_source(source);
        }
        match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}

impl Refusal {
    /// A refusal of `meaning` in the server's words, which another attempt would not change.
    pub fn new(meaning: Meaning, message: impl Into<String>, code: impl Into<String>) -> Self {
        Self {
            meaning,
            message: message.into(),
            code: code.into(),
            repeat: Repeat::Never,
            retry_after: None,
            hint: None,
        }
    }

    fn text(&self) -> String {
        match (self.message.is_empty(), self.code.is_empty()) {
            (false, false) => format!("{} ({})", self.message, self.code),
            (false, true) => self.message.clone(),
            (true, false) => self.code.clone(),
            (true, true) => "refused without a reason".to_owned(),
        }
    }
}
