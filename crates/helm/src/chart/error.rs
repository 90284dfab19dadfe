//! What can be wrong with a chart or its values.

use std::fmt;

/// What is wrong with a chart or with the values for it, in Helm's words where Helm has words for it.
///
/// Helm's texts name their causes themselves (`cannot load values.yaml: error converting ...`), and people search for
/// them, so the text is whole and there is no further `source()`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartError(String);

impl ChartError {
    /// An error with this text.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The same error with what was being done in front: `context: text`.
    #[must_use]
    pub(crate) fn within(self, context: impl fmt::Display) -> Self {
        Self(format!("{context}: {}", self.0))
    }
}

impl fmt::Display for ChartError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for ChartError {}
