//! Plain keys first, then tables, each level indented by two spaces.

use spacecraft_gotemplate::number::format_float_as;
use spacecraft_gotemplate::{GoString, Value};

use super::{MAX_DEPTH, quoted, quoted_key};
use crate::functions::layout;
use crate::functions::time::Moment;

/// Writes a dictionary, or any other value as it stands behind a key.
///
/// # Errors
/// A message for what TOML cannot hold, in the words of the library that Helm uses.
pub(in super::super) fn to_string(value: &Value) -> Result<String, String> {
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
            self.out.push_str(&quoted_key(&key.to_str()));
            self.out.push_str(" = ");
            self.inline(value, 0)?;
            self.out.push('\n');
        }
        for (key, value) in entries.iter().filter(|(_, value)| is_table(value)) {
            path.push(quoted_key(&key.to_str()));
            self.sub_table(value, path)?;
            path.pop();
        }
        Ok(())
    }

    fn sub_table(&mut self, value: &Value, path: &mut Vec<String>) -> Result<(), String> {
        match value {
            Value::Map(map) if map.is_nil() => Ok(()),
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
                    self.out.push_str(&format!("{} = ", quoted_key(&key.to_str())));
                    self.inline(item, depth + 1)?;
                }
                self.out.push('}');
            }
            Value::Object(_) if Moment::of(value).is_some() => {
                self.out.push_str(&Moment::of(value).map(instant).unwrap_or_default());
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

/// A point in time with as much of it as was read.
fn instant(moment: &Moment) -> String {
    let layout = match moment.zone_name().as_str() {
        "date-local" => "2006-01-02",
        "time-local" => "15:04:05.999999999",
        "datetime-local" => "2006-01-02T15:04:05.999999999",
        _ => "2006-01-02T15:04:05.999999999Z07:00",
    };
    layout::format(layout, moment)
}
