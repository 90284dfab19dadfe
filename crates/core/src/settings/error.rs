use std::error::Error;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A mistake in one setting.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SettingsError {
    /// The setting's name, or what was given in its place.
    pub key: String,
    /// What was given; empty when nothing was, `[redacted]` for a secret.
    pub value: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// What stands in for the value of a secret.
pub(crate) const REDACTED: &str = "[redacted]";

impl SettingsError {
    /// A mistake in the setting `key`, for which `value` was given.
    pub fn new(key: impl Into<String>, value: impl Into<String>, message: impl Into<String>) -> Self {
        Self { key: key.into(), value: value.into(), message: message.into() }
    }

    /// A setting that is needed and not given.
    pub(crate) fn missing(key: &str, message: impl Into<String>) -> Self {
        Self::new(key, "", message)
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, value, message } = self;
        if value.is_empty() {
            write!(formatter, "{key}: {message}")
        } else {
            write!(formatter, "{key} {value:?}: {message}")
        }
    }
}

/// All mistakes in the settings of a run, sorted by key; never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsErrors {
    /// The mistakes.
    pub errors: Vec<SettingsError>,
}

impl SettingsErrors {
    /// `value` if there are no mistakes, else all of them.
    ///
    /// # Errors
    ///
    /// The mistakes, sorted, each once.
    pub fn unless_empty<T>(errors: Vec<SettingsError>, value: impl FnOnce() -> T) -> Result<T, Self> {
        if errors.is_empty() { Ok(value()) } else { Err(Self::of(errors)) }
    }

    /// Both values, or the mistakes of both.
    ///
    /// # Errors
    ///
    /// The mistakes, sorted, each once.
    pub fn both<A, B>(first: Result<A, Self>, second: Result<B, Self>) -> Result<(A, B), Self> {
        match (first, second) {
            (Ok(first), Ok(second)) => Ok((first, second)),
            (Err(wrong), Ok(_)) | (Ok(_), Err(wrong)) => Err(wrong),
            (Err(first), Err(second)) => Err(Self::of([first.errors, second.errors].concat())),
        }
    }

    /// These mistakes, sorted, each once.
    #[must_use]
    pub fn of(mut errors: Vec<SettingsError>) -> Self {
        errors.sort();
        errors.dedup();
        Self { errors }
    }
}

impl fmt::Display for SettingsErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.errors.iter().map(SettingsError::to_string).collect();
        formatter.write_str(&texts.join("\n"))
    }
}

impl Error for SettingsErrors {}
