//! Writing JSON as Go's `encoding/json` does: keys sorted, `<`, `>` and `&` escaped unless told otherwise.

use std::borrow::Cow;

use crate::number::{format_float, format_float_json};
use crate::value::shape::{Allowance, Shape, TooLarge, shape};
use crate::value::{GoString, Value};

/// Why a value cannot be written as JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// JSON has no infinite numbers.
    #[error("json: unsupported value: {0}")]
    Unsupported(String),
    /// The value cannot be written out whole.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
}

/// Writes a value on one line. With `escape_html`, `<`, `>` and `&` become `\u003c`, `\u003e` and `\u0026`.
///
/// # Errors
/// [`WriteError`] if the value holds an infinite number or is too large to be written out.
pub fn to_string(value: &Value, escape_html: bool) -> Result<String, WriteError> {
    let mut writer = Writer { out: String::new(), escape_html, indent: None };
    writer.node(value, 0, &mut Allowance::default())?;
    Ok(writer.out)
}

/// Writes a value over several lines, two spaces a level, with `<`, `>` and `&` escaped.
///
/// # Errors
/// As [`to_string`].
pub fn to_string_indented(value: &Value) -> Result<String, WriteError> {
    let mut writer = Writer { out: String::new(), escape_html: true, indent: Some("  ") };
    writer.node(value, 0, &mut Allowance::default())?;
    Ok(writer.out)
}

struct Writer {
    out: String,
    escape_html: bool,
    indent: Option<&'static str>,
}

impl Writer {
    fn node(&mut self, value: &Value, depth: usize, allowance: &mut Allowance) -> Result<(), WriteError> {
        allowance.visit(|allowance| {
            match shape(value) {
                Shape::Null => self.out.push_str("null"),
                Shape::Bool(value) => self.out.push_str(if value { "true" } else { "false" }),
                Shape::Int(value) => self.out.push_str(&value.to_string()),
                Shape::Uint(value) => self.out.push_str(&value.to_string()),
                Shape::Float(value) if value.is_finite() => self.out.push_str(&format_float_json(value)),
                Shape::Float(value) => return Err(WriteError::Unsupported(format_float(value))),
                Shape::Text(text) => self.text(&text),
                Shape::List(items) => self.list(&items, depth, allowance)?,
                Shape::Map(entries) => self.map(&entries, depth, allowance)?,
            }
            Ok(())
        })
    }

    fn new_line(&mut self, depth: usize) {
        if let Some(indent) = self.indent {
            self.out.push('\n');
            for _ in 0..depth {
                self.out.push_str(indent);
            }
        }
    }

    fn list(
        &mut self,
        items: &[Cow<'_, Value>],
        depth: usize,
        allowance: &mut Allowance,
    ) -> Result<(), WriteError> {
        self.out.push('[');
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.out.push(',');
            }
            self.new_line(depth + 1);
            self.node(item, depth + 1, allowance)?;
        }
        if !items.is_empty() {
            self.new_line(depth);
        }
        self.out.push(']');
        Ok(())
    }

    fn map(
        &mut self,
        entries: &[(GoString, Value)],
        depth: usize,
        allowance: &mut Allowance,
    ) -> Result<(), WriteError> {
        self.out.push('{');
        for (index, (key, value)) in entries.iter().enumerate() {
            if index > 0 {
                self.out.push(',');
            }
            self.new_line(depth + 1);
            self.text(key.as_bytes());
            self.out.push(':');
            if self.indent.is_some() {
                self.out.push(' ');
            }
            self.node(value, depth + 1, allowance)?;
        }
        if !entries.is_empty() {
            self.new_line(depth);
        }
        self.out.push('}');
        Ok(())
    }

    fn text(&mut self, bytes: &[u8]) {
        self.out.push('"');
        if let Ok(text) = std::str::from_utf8(bytes)
            && bytes.iter().all(u8::is_ascii_alphanumeric)
        {
            self.out.push_str(text);
        } else {
            self.escaped(bytes);
        }
        self.out.push('"');
    }

    fn escaped(&mut self, bytes: &[u8]) {
        for chunk in bytes.utf8_chunks() {
            for character in chunk.valid().chars() {
                self.character(character);
            }
            for _ in chunk.invalid() {
                self.out.push_str("\\ufffd");
            }
        }
    }

    fn character(&mut self, character: char) {
        match character {
            '"' => self.out.push_str("\\\""),
            '\\' => self.out.push_str("\\\\"),
            '\u{8}' => self.out.push_str("\\b"),
            '\u{c}' => self.out.push_str("\\f"),
            '\n' => self.out.push_str("\\n"),
            '\r' => self.out.push_str("\\r"),
            '\t' => self.out.push_str("\\t"),
            '\0'..='\u{1f}' | '\u{2028}' | '\u{2029}' => self.code_point(character),
            '<' | '>' | '&' if self.escape_html => self.code_point(character),
            other => self.out.push(other),
        }
    }

    fn code_point(&mut self, character: char) {
        self.out.push_str(&format!("\\u{:04x}", u32::from(character)));
    }
}
