//! TOML, read and written as the library does it that Helm uses.

mod read;
mod scalar;
mod scan;
mod tables;
mod write;

use spacecraft_gotemplate::Value;

pub(super) use write::to_string;

/// How deep tables and arrays can be inside one another.
const MAX_DEPTH: usize = 200;

/// Reads TOML into a dictionary; an error stands in it under `Error`.
pub(super) fn from_bytes(text: &[u8]) -> Value {
    read::read(text).unwrap_or_else(|problem| Value::map([("Error", format!("toml: {problem}").into())]))
}

/// A key as it is written in TOML: in quotes if it needs them.
fn quoted_key(key: &str) -> String {
    let is_bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if is_bare { key.to_owned() } else { quoted(key) }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '\t' => quoted.push_str("\\t"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\0'..='\u{1f}' | '\u{7f}' => quoted.push_str(&format!("\\u{:04x}", u32::from(character))),
            other => quoted.push(other),
        }
    }
    quoted + "\""
}
