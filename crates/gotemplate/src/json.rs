//! JSON as Go's `encoding/json` reads and writes it.

mod read;
mod write;

pub use read::{Error, from_slice, from_str, kind_of};
pub use write::{WriteError, to_string, to_string_indented};
