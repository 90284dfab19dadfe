//! From a tree to data that JSON could hold, as Go's decoder and its conversion to JSON give it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Number, Value};

use super::Error;
use super::compose::{ComposeError, Composer, Document, Node, NodeId};
use super::octets::first_fault;
use super::resolve::{Scalar, TAG_PREFIX, resolve, resolve_tagged};
use crate::number::{format_float, quote_go};

/// Reads the first document of a text; no document at all is null. Later ones are not looked at, as in Helm.
///
/// Every number is a float, keys are text (`1:` is `"1"`, `yes:` is `"true"`), and the last of equal keys wins.
///
/// # Errors
/// [`Error`] with Go's message if the text is not YAML, or holds what JSON cannot: a null key, an infinite number.
pub fn from_str(text: &str) -> Result<Value, Error> {
    from_slice(text.as_bytes())
}

/// Reads the first document of a text in UTF-8; see [`from_str`].
///
/// # Errors
/// As [`from_str`], and if the bytes are not UTF-8.
pub fn from_slice(bytes: &[u8]) -> Result<Value, Error> {
    read(bytes, |composer| decode_next(composer).map(Option::unwrap_or_default))
}

/// Reads the first document of a text as a mapping; an empty document is an empty one.
///
/// # Errors
/// As [`from_slice`], and if the document is something else than a mapping.
pub fn object_from_slice(bytes: &[u8]) -> Result<Map<String, Value>, Error> {
    match from_slice(bytes)? {
        Value::Object(entries) => Ok(entries),
        Value::Null => Ok(Map::new()),
        other => Err(wrong_shape(&other, "map[string]interface {}")),
    }
}

/// Reads the first document of a text as a list; an empty document is an empty one.
///
/// # Errors
/// As [`from_slice`], and if the document is something else than a list.
pub fn array_from_slice(bytes: &[u8]) -> Result<Vec<Value>, Error> {
    match from_slice(bytes)? {
        Value::Array(items) => Ok(items),
        Value::Null => Ok(Vec::new()),
        other => Err(wrong_shape(&other, "[]interface {}")),
    }
}

fn wrong_shape(found: &Value, wanted: &str) -> Error {
    let found = crate::json::kind_of(found);
    Error::new(format!(
        "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {found} into Go value of type {wanted}"
    ))
}

/// Reads all documents of a text.
///
/// # Errors
/// As [`from_str`], for any of the documents.
pub fn documents(text: &str) -> Result<Vec<Value>, Error> {
    read(text.as_bytes(), |composer| std::iter::from_fn(|| decode_next(composer).transpose()).collect())
}

/// Reads from a text up to the first bytes that are no character; they are told unless something else is wrong with the text long before.
fn read<T>(bytes: &[u8], decode: impl FnOnce(&mut Composer<'_>) -> Result<T, Error>) -> Result<T, Error> {
    let fault = first_fault(bytes);
    let sound = bytes.get(..fault.as_ref().map_or(bytes.len(), |fault| fault.at)).unwrap_or_default();
    let mut composer = Composer::new(std::str::from_utf8(sound).unwrap_or_default());
    let decoded = decode(&mut composer);
    match fault {
        Some(fault) if fault.is_met_at(composer.taken()) => {
            Err(conversion_error(format!("yaml: {}", fault.problem)))
        }
        _ => decoded,
    }
}

fn conversion_error(message: impl std::fmt::Display) -> Error {
    Error::new(format!("error converting YAML to JSON: {message}"))
}

fn decode_next(composer: &mut Composer<'_>) -> Result<Option<Value>, Error> {
    let document = composer.next_document().map_err(|error| match error {
        ComposeError::Syntax(error) => conversion_error(error.message()),
        ComposeError::UnknownAnchor(name) => {
            conversion_error(format!("yaml: unknown anchor '{name}' referenced"))
        }
    })?;
    let Some(document) = document else { return Ok(None) };
    let mut decoder = Decoder {
        document: &document,
        open: vec![false; document.nodes.len()],
        alias_depth: 0,
        decoded: 0,
        aliased: 0,
    };
    decoder.decode(document.root).map(Some)
}

/// Turns nodes into values, counting what comes through aliases so that a small text cannot become huge data.
struct Decoder<'d> {
    document: &'d Document,
    /// The nodes that are being decoded, to find those that contain themselves.
    open: Vec<bool>,
    alias_depth: usize,
    decoded: u64,
    aliased: u64,
}

/// The share of nodes that may come through aliases: nearly all in a small document, a tenth in a huge one.
fn allowed_alias_share(decoded: u64) -> f64 {
    const SMALL: u64 = 400_000;
    const HUGE: u64 = 4_000_000;
    match decoded {
        0..=SMALL => 0.99,
        HUGE.. => 0.10,
        between => 0.99 - 0.89 * to_float(between - SMALL) / to_float(HUGE - SMALL),
    }
}

#[allow(clippy::cast_precision_loss, reason = "a share needs no more than a float's precision")]
fn to_float(count: u64) -> f64 {
    count as f64
}

impl Decoder<'_> {
    fn count(&mut self) -> Result<(), Error> {
        self.decoded += 1;
        self.aliased += u64::from(self.alias_depth > 0);
        let share = to_float(self.aliased) / to_float(self.decoded);
        if self.aliased > 100 && self.decoded > 1_000 && share > allowed_alias_share(self.decoded) {
            return Err(conversion_error("yaml: document contains excessive aliasing"));
        }
        Ok(())
    }

    fn decode(&mut self, id: NodeId) -> Result<Value, Error> {
        self.count()?;
        let document = self.document;
        match &document.nodes[id] {
            Node::Alias(target) => self.through_alias(*target, Self::decode),
            Node::Scalar { value, tag, plain } => scalar_value(value, tag.as_deref(), *plain),
            Node::Sequence(items) => self.inside(id, |decoder| {
                items.iter().map(|item| decoder.decode(*item)).collect::<Result<_, _>>().map(Value::Array)
            }),
            Node::Mapping(entries) => self.inside(id, |decoder| {
                let mut into = Map::new();
                decoder.decode_entries(entries, &mut into)?;
                Ok(Value::Object(into))
            }),
        }
    }

    fn through_alias<T>(
        &mut self,
        target: NodeId,
        decode: impl FnOnce(&mut Self, NodeId) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if self.open[target] {
            return Err(conversion_error("yaml: anchor contains itself"));
        }
        self.alias_depth += 1;
        let decoded = decode(self, target);
        self.alias_depth -= 1;
        decoded
    }

    fn inside<T>(
        &mut self,
        id: NodeId,
        decode: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.open[id] = true;
        let decoded = decode(self);
        self.open[id] = false;
        decoded
    }

    fn decode_entries(
        &mut self,
        entries: &[(NodeId, NodeId)],
        into: &mut Map<String, Value>,
    ) -> Result<(), Error> {
        for (key, value) in entries {
            if self.is_merge(*key) {
                self.merge(*value, into)?;
                continue;
            }
            let key = self.decode_key(*key)?;
            let value = self.decode(*value)?;
            match key {
                Key::Text(key) => drop(into.insert(key, value)),
                Key::Refused { type_name, text } => {
                    return Err(conversion_error(format!(
                        "unsupported map key of type: {type_name}, key: {text}, value: {}",
                        go_syntax(&value)
                    )));
                }
            }
        }
        Ok(())
    }

    fn is_merge(&self, key: NodeId) -> bool {
        matches!(&self.document.nodes[key], Node::Scalar { value, tag, plain }
            if value == "<<" && (*plain || tag.as_deref() == Some("tag:yaml.org,2002:merge")))
    }

    /// Puts in the entries of the mapping, or of the list of mappings, at `id`. They take the place of entries that came
    /// before the `<<`, and those of the list's first mapping win.
    fn merge(&mut self, id: NodeId, into: &mut Map<String, Value>) -> Result<(), Error> {
        let document = self.document;
        match &document.nodes[id] {
            Node::Mapping(_) | Node::Alias(_) => self.merge_mapping(id, into),
            Node::Sequence(items) => items.iter().rev().try_for_each(|item| self.merge_mapping(*item, into)),
            Node::Scalar { .. } => refuse_merge(),
        }
    }

    fn merge_mapping(&mut self, id: NodeId, into: &mut Map<String, Value>) -> Result<(), Error> {
        self.count()?;
        let document = self.document;
        match &document.nodes[id] {
            Node::Mapping(entries) => self.inside(id, |decoder| decoder.decode_entries(entries, into)),
            Node::Alias(target) if matches!(document.nodes[*target], Node::Mapping(_)) => {
                self.through_alias(*target, |decoder, target| decoder.merge_mapping(target, into))
            }
            _ => refuse_merge(),
        }
    }

    fn decode_key(&mut self, id: NodeId) -> Result<Key, Error> {
        let document = self.document;
        match &document.nodes[id] {
            Node::Scalar { value, tag, plain } => key_of(value, tag.as_deref(), *plain),
            Node::Alias(target) => self.through_alias(*target, Self::decode_key),
            Node::Sequence(_) | Node::Mapping(_) => {
                let value = self.decode(id)?;
                Err(conversion_error(format!("yaml: invalid map key: {}", go_syntax(&value))))
            }
        }
    }
}

fn refuse_merge() -> Result<(), Error> {
    Err(conversion_error("yaml: map merge requires map or sequence of maps as the value"))
}

/// A mapping's key in JSON, or one that JSON cannot have.
enum Key {
    Text(String),
    Refused { type_name: &'static str, text: String },
}

fn scalar_of(value: &str, tag: Option<&str>, plain: bool) -> Result<Scalar, Error> {
    match tag {
        None if plain => Ok(resolve(value)),
        None => Ok(Scalar::Text),
        Some(tag) => resolve_tagged(tag, value),
    }
}

fn key_of(value: &str, tag: Option<&str>, plain: bool) -> Result<Key, Error> {
    Ok(match scalar_of(value, tag, plain)? {
        Scalar::Text | Scalar::Timestamp => Key::Text(scalar_text(value, tag)?),
        Scalar::Bool(value) => Key::Text(value.to_string()),
        Scalar::Int(value) => Key::Text(value.to_string()),
        Scalar::Float(value) => Key::Text(float_key(value)),
        Scalar::Null => Key::Refused { type_name: "%!s(<nil>)", text: "<nil>".to_owned() },
        Scalar::Uint(value) => Key::Refused { type_name: "uint64", text: format!("{value:#x}") },
    })
}

#[allow(clippy::cast_possible_truncation, reason = "Go writes such keys with a float32's digits")]
fn float_key(value: f64) -> String {
    match crate::number::format_float32(value as f32).as_str() {
        "+Inf" => ".inf".to_owned(),
        "-Inf" => "-.inf".to_owned(),
        "NaN" => ".nan".to_owned(),
        text => text.to_owned(),
    }
}

fn scalar_text(value: &str, tag: Option<&str>) -> Result<String, Error> {
    if tag.and_then(|tag| tag.strip_prefix(TAG_PREFIX)) != Some("binary") {
        return Ok(value.to_owned());
    }
    let packed: String = value.split_ascii_whitespace().collect();
    let bytes = STANDARD
        .decode(packed)
        .map_err(|_| conversion_error("yaml: !!binary value contains invalid base64 data"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn scalar_value(value: &str, tag: Option<&str>, plain: bool) -> Result<Value, Error> {
    Ok(match scalar_of(value, tag, plain)? {
        Scalar::Null => Value::Null,
        Scalar::Bool(value) => Value::Bool(value),
        Scalar::Int(value) => number(integer_to_float(i128::from(value)))?,
        Scalar::Uint(value) => number(integer_to_float(i128::from(value)))?,
        Scalar::Float(value) => number(value)?,
        Scalar::Timestamp | Scalar::Text => Value::String(scalar_text(value, tag)?),
    })
}

#[allow(clippy::cast_precision_loss, reason = "Go's JSON decoder makes a float64 of every number")]
fn integer_to_float(value: i128) -> f64 {
    value as f64
}

fn number(value: f64) -> Result<Value, Error> {
    Number::from_f64(value)
        .map(Value::Number)
        .ok_or_else(|| conversion_error(format!("json: unsupported value: {}", format_float(value))))
}

/// A value in Go's syntax, as `%#v` prints it.
fn go_syntax(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => match number.as_f64().unwrap_or_default() {
            whole if whole.fract() == 0.0 && whole.abs() < 9e15 => format!("{whole:.0}"),
            other => format_float(other),
        },
        Value::String(text) => quote_go(text.as_bytes()),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(item_syntax).collect();
            format!("[]interface {{}}{{{}}}", items.join(", "))
        }
        Value::Object(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|(key, value)| format!("{}:{}", quote_go(key.as_bytes()), item_syntax(value)))
                .collect();
            format!("map[interface {{}}]interface {{}}{{{}}}", entries.join(", "))
        }
    }
}

/// A part of a value, where Go says that a nil is one of any type.
fn item_syntax(value: &Value) -> String {
    if value.is_null() { "interface {}(nil)".to_owned() } else { go_syntax(value) }
}
