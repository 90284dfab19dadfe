//! One error type for every provider and operation.
//!
//! An [`Error`] says what was attempted on what and why it failed, and carries a [`Meaning`] that a caller can act on. Its
//! `Display` speaks for its own layer only; the cause stays in `source()` and [`render_chain`] prints the whole chain once.

use std::error::Error as StdError;
use std::fmt;

/// The result of anything that a provider or an operation does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = Box<dyn StdError + Send + Sync + 'static>;

/// What a caller can do differently because of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Meaning {
    /// What was asked for does not exist.
    NotFound,
    /// What was to be created exists already.
    AlreadyExists,
    /// A conditional write met another state than it expected.
    PreconditionFailed,
    /// The credentials lack a right, or there are none.
    Denied,
    /// A quota or limit is used up; waiting a moment does not help.
    Quota,
    /// The request, a setting or a reply is not valid.
    Invalid,
    /// The service does not answer or answers that it cannot right now.
    Unavailable,
    /// A deadline passed.
    TimedOut,
    /// The provider cannot do this at all.
    Unsupported,
    /// The operator asked to stop.
    Interrupted,
    /// Anything else.
    Other,
}

/// Whether a failed call may have changed something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// The call certainly changed nothing.
    None,
    /// The call may have taken effect although its reply says or shows nothing of it.
    Possible,
}

/// What was attempted on what, why it failed, and what to do about it.
pub struct Error(Box<Detail>);

struct Detail {
    meaning: Meaning,
    effect: Effect,
    misread: bool,
    operation: String,
    resource: String,
    reason: String,
    hint: Option<String>,
    source: Option<Source>,
}

impl Error {
    /// An error of `operation` (a verb phrase such as `create cluster`) on `resource` (its name) because of `reason`.
    pub fn new(
        meaning: Meaning,
        operation: impl Into<String>,
        resource: impl Into<String>,
        reason: impl Into<String>,
    ) -> Self {
        Self(Box::new(Detail {
            meaning,
            effect: Effect::None,
            misread: false,
            operation: operation.into(),
            resource: resource.into(),
            reason: reason.into(),
            hint: None,
            source: None,
        }))
    }

    /// The error of an implementation that cannot do `operation` at all.
    pub fn unsupported(operation: impl Into<String>, provider: impl Into<String>) -> Self {
        let provider = provider.into();
        let reason = format!("the {provider} provider cannot do this");
        Self::new(Meaning::Unsupported, operation, provider, reason)
    }

    /// The same error with its cause, which [`render_chain`] prints below it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The same error with what the reader should do next.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// The same error of a call that may have taken effect.
    #[must_use]
    pub fn with_effect(mut self, effect: Effect) -> Self {
        self.0.effect = effect;
        self
    }

    /// The same error about a service's reply that is not what it should be, so that nobody takes it for a mistake of the operator.
    #[must_use]
    pub fn of_reply(mut self) -> Self {
        self.0.misread = true;
        self
    }

    /// True when a service's reply was not what it should be, which is this error or one of its causes.
    #[must_use]
    pub fn is_of_reply(&self) -> bool {
        let cause = std::error::Error::source(self).and_then(|cause| cause.downcast_ref::<Self>());
        self.0.misread || cause.is_some_and(Self::is_of_reply)
    }

    /// What a caller can act on.
    #[must_use]
    pub fn meaning(&self) -> Meaning {
        self.0.meaning
    }

    /// Whether the failed call may have changed something.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.0.effect
    }

    /// What was attempted.
    #[must_use]
    pub fn operation(&self) -> &str {
        &self.0.operation
    }

    /// What it was attempted on.
    #[must_use]
    pub fn resource(&self) -> &str {
        &self.0.resource
    }

    /// Why it failed.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.0.reason
    }

    /// What to do next, when that is known.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// True when what was asked for does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.meaning() == Meaning::NotFound
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Detail { operation, resource, reason, .. } = &*self.0;
        match (resource.is_empty(), reason.is_empty()) {
            (true, true) => formatter.write_str(operation),
            (true, false) => write!(formatter, "{operation}: {reason}"),
            (false, true) => write!(formatter, "{operation} {resource}"),
            (false, false) => write!(formatter, "{operation} {resource}: {reason}"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Error")
            .field("meaning", &self.0.meaning)
            .field("effect", &self.0.effect)
            .field("operation", &self.0.operation)
            .field("resource", &self.0.resource)
            .field("reason", &self.0.reason)
            .field("hint", &self.0.hint)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0.source {
            Some(source) => Some(&**source),
            None => None,
        }
    }
}

/// The whole chain of an error as text: its own line, one `caused by:` line for each cause, and the hints at the end.
///
/// A cause whose text its parent already ends with is not repeated. Control characters are escaped, because texts of
/// servers end here.
///
/// ```
/// use spacecraft_core::{Error, Meaning, render_chain};
///
/// let cause = std::io::Error::other("connection refused");
/// let error = Error::new(Meaning::Unavailable, "create cluster", "net1", "the token request failed")
///     .with_source(cause)
///     .with_hint("check the network and run the command again");
/// assert_eq!(
///     render_chain(&error),
///     "create cluster net1: the token request failed\n  caused by: connection refused\n  hint: check the network and run the command again"
/// );
/// ```
#[must_use]
pub fn render_chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = printable(&error.to_string());
    let mut hints = Vec::new();
    let mut previous = text.clone();
    let mut current = Some(error);
    while let Some(layer) = current {
        if let Some(hint) = layer.downcast_ref::<Error>().and_then(Error::hint) {
            hints.push(printable(hint));
        }
        current = layer.source();
        if let Some(cause) = current {
            let line = printable(&cause.to_string());
            if !line.is_empty() && !previous.ends_with(&line) {
                text.push_str("\n  caused by: ");
                text.push_str(&line);
                previous = line;
            }
        }
    }
    for hint in hints {
        text.push_str("\n  hint: ");
        text.push_str(&hint);
    }
    text
}

/// Whether a character steers a terminal, as control characters do other than line ends and tabs, or turns the direction of writing, so that a text looks like another one.
#[must_use]
pub fn steers_terminal(character: char) -> bool {
    let turns = matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || (character.is_control() && character != '\n' && character != '\t')
}

/// `text` with the characters escaped that [steer a terminal](steers_terminal).
#[must_use]
pub fn printable(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for character in text.chars() {
        if steers_terminal(character) {
            clean.extend(character.escape_default());
        } else {
            clean.push(character);
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_speaks_for_its_own_layer_only() {
        let error = Error::new(Meaning::Denied, "list disks", "p/z", "forbidden")
            .with_source(std::io::Error::other("inner"));
        assert_eq!(error.to_string(), "list disks p/z: forbidden");
    }

    #[test]
    fn a_cause_that_is_already_said_is_not_repeated() {
        let error = Error::new(Meaning::Other, "read", "file", "disk full")
            .with_source(std::io::Error::other("disk full"));
        assert_eq!(render_chain(&error), "read file: disk full");
    }

    #[test]
    fn text_of_a_server_cannot_steer_the_terminal() {
        let error = Error::new(Meaning::Other, "read", "x", "\u{1b}[2Jgone");
        assert_eq!(render_chain(&error), "read x: \\u{1b}[2Jgone");
    }
}
