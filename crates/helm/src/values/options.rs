//! The values that an operator gives: files and the `--set` family.

use serde_json::Value;
use spacecraft_gotemplate::yaml;

use super::set::{Reading, set};
use super::{Values, as_go_json, overlay};
use crate::chart::ChartError;

/// Where the values of a release come from; each field is what Helm's flag of that name takes.
///
/// Later sources win: values files in their order, then `--set-json`, `--set`, `--set-string`, `--set-file` and
/// `--set-literal`, each in the order given.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ValueOptions {
    /// `-f`, `--values`: YAML files.
    pub values_files: Vec<String>,
    /// `--set-json`: `name=JSON`, or a whole JSON object.
    pub set_json: Vec<String>,
    /// `--set`: `name=value`, typed by how it looks.
    pub set: Vec<String>,
    /// `--set-string`: `name=value`, always text.
    pub set_string: Vec<String>,
    /// `--set-file`: `name=path`, the file's content being the value.
    pub set_file: Vec<String>,
    /// `--set-literal`: `name=text` up to the end, with no escapes.
    pub set_literal: Vec<String>,
}

impl ValueOptions {
    /// The values that these sources give together; `read` gives the content of a named file.
    ///
    /// # Errors
    /// If a file cannot be read or is no table in YAML, or a flag's argument is not well formed.
    pub fn values(&self, read: &dyn Fn(&str) -> std::io::Result<Vec<u8>>) -> Result<Values, ChartError> {
        let mut values = Values::new();
        for path in &self.values_files {
            values = overlay(values, values_file(path, read)?);
        }
        for argument in &self.set_json {
            values = set_json(argument, values)?;
        }
        let from_file = |path: &str| read_text(path, read);
        let flags: [(&str, &[String], Reading<'_>); 4] = [
            ("--set", &self.set, Reading::Typed),
            ("--set-string", &self.set_string, Reading::Text),
            ("--set-file", &self.set_file, Reading::File(&from_file)),
            ("--set-literal", &self.set_literal, Reading::Literal),
        ];
        for (flag, arguments, reading) in flags {
            for argument in arguments {
                set(argument, &mut values, &reading)
                    .map_err(|error| error.within(format!("failed parsing {flag} data")))?;
            }
        }
        Ok(values)
    }
}

fn values_file(path: &str, read: &dyn Fn(&str) -> std::io::Result<Vec<u8>>) -> Result<Values, ChartError> {
    let content = read_bytes(path, read)?;
    let context = || format!("failed to parse {path}");
    let value =
        yaml::from_slice(&content).map_err(|error| ChartError::new(error.to_string()).within(context()))?;
    table(value).map_err(|error| error.within(context()))
}

fn read_text(path: &str, read: &dyn Fn(&str) -> std::io::Result<Vec<u8>>) -> Result<String, ChartError> {
    Ok(String::from_utf8_lossy(&read_bytes(path, read)?).into_owned())
}

fn read_bytes(path: &str, read: &dyn Fn(&str) -> std::io::Result<Vec<u8>>) -> Result<Vec<u8>, ChartError> {
    read(path).map_err(|error| ChartError::new(format!("open {path}: {error}")))
}

fn set_json(argument: &str, mut values: Values) -> Result<Values, ChartError> {
    let context = || format!("failed parsing --set-json data {argument}");
    let trimmed = argument.trim();
    if trimmed.starts_with('{') {
        let value: Value = serde_json::from_str(trimmed)
            .map_err(|error| ChartError::new(error.to_string()).within(context()))?;
        return Ok(overlay(values, table(as_go_json(value))?));
    }
    set(argument, &mut values, &Reading::Json).map_err(|error| error.within(context()))?;
    Ok(values)
}

/// The table that a document of values is; an empty document is an empty table.
///
/// # Errors
/// If it is something else.
pub(crate) fn table(value: Value) -> Result<Values, ChartError> {
    let found = match value {
        Value::Object(table) => return Ok(table),
        Value::Null => return Ok(Values::new()),
        Value::Array(_) => "array",
        Value::String(_) => "string",
        Value::Number(_) => "number",
        Value::Bool(_) => "bool",
    };
    Err(ChartError::new(format!(
        "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {found} into Go value of type \
         map[string]interface {{}}"
    )))
}
