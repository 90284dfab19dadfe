//! YAML as Helm reads and writes it: YAML 1.1 through JSON, byte for byte what Go's `sigs.k8s.io/yaml` gives.
//!
//! Reading turns a document into the data that JSON could hold: `yes` is true, `0644` is 420, a key `on:` is the key
//! `"true"`, `<<` merges, and every number becomes a float, as Go's decoder gives it. Writing sorts keys, quotes what
//! would read back as something else, and folds plain text at column 80.

mod compose;
mod decode;
mod directive;
mod emit;
mod octets;
mod reader;
mod resolve;
mod scalar;
mod scan;
mod style;
mod token;
mod trip;

pub use decode::{array_from_slice, documents, from_slice, from_str, object_from_slice};
pub use emit::{to_string, to_string_pretty};

/// Why a text is not YAML that JSON could hold; its message is Go's, e.g.
/// `error converting YAML to JSON: yaml: line 2: found character that cannot start any token`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    message: String,
}

impl Error {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}
