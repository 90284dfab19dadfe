//! TOML as Helm writes it: plain keys first, then tables, each level indented by two spaces.

use spacecraft_gotemplate::number::format_float_as;
use spacecraft_gotemplate::{GoString, Value};

/// A dictionary can hold itself; writing goes no deeper than this.
const MAX_DEPTH: usize = 200;

/// Writes a dictionary, or any other value as it stands behind a key.
///
/// # Errors
/// A message for what TOML cannot hold, in the words of the library that Helm uses.
pub(super) fn to_string(value: &Value) -> Result<String, String> {
    let mut writer = Writer { out: String::new() };
    match value {
        Value::Map(map) => writer.table(&map.entries(), &mut Vec::new())?,
        other if is_table(other) || matches!(other, Value::Nil) => {
            return Err("toml: top-level values must be Go maps or structs".to_owned());
        }
        other => writer.inline(other, 0)?,
    }
    Ok(writer.out)
}

/// Reads TOML into a dictionary; an error stands in it under `Error`.
pub(super) fn from_str(text: &str) -> Value {
    match ::toml::from_str::<::toml::Table>(text) {
        Ok(table) => from_table(&table),
        Err(error) => Value::map([("Error", format!("toml: {}", error.message()).into())]),
    }
}

fn from_table(table: &::toml::Table) -> Value {
    Value::map(table.iter().map(|(key, value)| (key.as_str(), from_toml(value))))
}

fn from_toml(value: &::toml::Value) -> Value {
    match value {
        ::toml::Value::String(text) => text.as_str().into(),
        ::toml::Value::Integer(number) => Value::Int64(*number),
        ::toml::Value::Float(number) => Value::Float(*number),
        ::toml::Value::Boolean(flag) => (*flag).into(),
        ::toml::Value::Datetime(time) => instant(time).into(),
        ::toml::Value::Array(items) => Value::list(items.iter().map(from_toml).collect()),
        ::toml::Value::Table(table) => from_table(table),
    }
}

type Entry = (GoString, Value);

struct Writer {
    out: String,
}

/// A dictionary, or a list of nothing but dictionaries, has a heading of its own.
fn is_table(value: &Value) -> bool {
    matches!(value, Value::Map(_)) || is_table_list(value)
}

fn is_table_list(value: &Value) -> bool {
    match value {
        Value::List(list) => !list.is_empty() && list.iter().all(|item| matches!(item, Value::Map(_))),
        _ => false,
    }
}

fn quoted_key(key: &GoString) -> String {
    let key = key.to_str();
    let is_bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if is_bare { key.into_owned() } else { quoted(&key) }
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

impl Writer {
    fn table(&mut self, entries: &[Entry], path: &mut Vec<String>) -> Result<(), String> {
        if path.len() > MAX_DEPTH {
            return Err("toml: the value is nested too deep".to_owned());
        }
        for (key, value) in entries.iter().filter(|(_, value)| !is_table(value)) {
            if matches!(value, Value::Nil) {
                continue;
            }
            self.indent(path.len());
            self.out.push_str(&quoted_key(key));
            self.out.push_str(" = ");
            self.inline(value, 0)?;
            self.out.push('\n');
        }
        for (key, value) in entries.iter().filter(|(_, value)| is_table(value)) {
            path.push(quoted_key(key));
            self.sub_table(value, path)?;
            path.pop();
        }
        Ok(())
    }

    fn sub_table(&mut self, value: &Value, path: &mut Vec<String>) -> Result<(), String> {
        match value {
            Value::Map(map) => {
                if path.len() == 1 && !self.out.is_empty() {
                    self.out.push('\n');
                }
                self.heading("[", path, "]");
                self.table(&map.entries(), path)
            }
            Value::List(list) => list.iter().try_for_each(|item| {
                if !self.out.is_empty() {
                    self.out.push('\n');
                }
                self.heading("[[", path, "]]");
                match item {
                    Value::Map(map) => self.table(&map.entries(), path),
                    _ => Ok(()),
                }
            }),
            _ => Ok(()),
        }
    }

    fn heading(&mut self, open: &str, path: &[String], close: &str) {
        self.indent(path.len() - 1);
        self.out.push_str(&format!("{open}{}{close}\n", path.join(".")));
    }

    fn indent(&mut self, depth: usize) {
        self.out.push_str(&"  ".repeat(depth));
    }

    fn inline(&mut self, value: &Value, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err("toml: the value is nested too deep".to_owned());
        }
        match value {
            Value::Nil => return Err("toml: cannot encode array with nil element".to_owned()),
            Value::Bool(flag) => self.out.push_str(&flag.to_string()),
            Value::Int(number) | Value::Int64(number) => self.out.push_str(&number.to_string()),
            Value::Uint64(number) => self.out.push_str(&number.to_string()),
            Value::Byte(number) => self.out.push_str(&number.to_string()),
            Value::Float(number) => self.out.push_str(&float(*number)),
            Value::String(text) => self.out.push_str(&quoted(&text.to_str())),
            Value::List(items) => {
                self.out.push('[');
                for (index, item) in items.iter().enumerate() {
                    self.out.push_str(if index > 0 { ", " } else { "" });
                    self.inline(item, depth + 1)?;
                }
                self.out.push(']');
            }
            Value::Map(map) => {
                self.out.push('{');
                for (index, (key, item)) in map.entries().iter().enumerate() {
                    self.out.push_str(if index > 0 { ", " } else { "" });
                    self.out.push_str(&format!("{} = ", quoted_key(key)));
                    self.inline(item, depth + 1)?;
                }
                self.out.push('}');
            }
            Value::Bytes(_) | Value::Object(_) => {
                self.out.push_str(&quoted(&spacecraft_gotemplate::fmt::display(value)));
            }
        }
        Ok(())
    }
}

fn float(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+inf".to_owned() } else { "-inf".to_owned() };
    }
    let text = format_float_as(number, 'f', None);
    if text.contains('.') { text } else { format!("{text}.0") }
}

/// A date or time as Go has it, for which there are only instants: what is left out is the year 0, midnight, or UTC.
fn instant(time: &::toml::value::Datetime) -> String {
    let date = time.date.map_or_else(|| "0000-01-01".to_owned(), |date| date.to_string());
    let clock = time.time.map_or_else(|| "00:00:00".to_owned(), |clock| clock.to_string());
    let offset = time.offset.map_or_else(|| "Z".to_owned(), |offset| offset.to_string());
    format!("{date}T{clock}{offset}")
}
