//! Whole values: copies, comparison, JSON.

use std::borrow::Cow;

use super::{Data, GoString, List, Map, Value};

/// A value that would take too much room when written out: because it contains itself, or parts of it over and over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the value is too large to be written out, or contains itself")]
pub struct TooLarge;

/// What may still be visited of a value.
#[derive(Debug)]
pub(crate) struct Allowance {
    nodes: usize,
    depth: usize,
}

impl Default for Allowance {
    fn default() -> Self {
        Self { nodes: 5_000_000, depth: 256 }
    }
}

impl Allowance {
    /// Visits one node: `inner` visits what is inside.
    pub(crate) fn visit<T, E: From<TooLarge>>(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        if self.nodes == 0 || self.depth == 0 {
            return Err(TooLarge.into());
        }
        self.nodes -= 1;
        self.depth -= 1;
        let result = inner(self);
        self.depth += 1;
        result
    }
}

/// The shape of a value to JSON and YAML.
pub(crate) enum Shape<'v> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    Text(Cow<'v, [u8]>),
    List(Vec<Cow<'v, Value>>),
    /// Entries in the order in which JSON writes them.
    Map(Vec<(GoString, Value)>),
}

/// The shape of a value; an object's contents stand for it.
pub(crate) fn shape(value: &Value) -> Shape<'_> {
    match value {
        Value::Nil => Shape::Null,
        Value::Bool(value) => Shape::Bool(*value),
        Value::Int(value) | Value::Int64(value) => Shape::Int(*value),
        Value::Uint64(value) => Shape::Uint(*value),
        Value::Byte(value) => Shape::Uint(u64::from(*value)),
        Value::Float(value) => Shape::Float(*value),
        Value::String(text) => Shape::Text(Cow::Borrowed(text.as_bytes())),
        Value::Bytes(bytes) => Shape::Text(Cow::Owned(encode_bytes(bytes))),
        Value::List(list) if list.is_nil() => Shape::Null,
        Value::List(list) => Shape::List(list.iter().map(Cow::Borrowed).collect()),
        Value::Map(map) if map.is_nil() => Shape::Null,
        Value::Map(map) => Shape::Map(map.entries()),
        Value::Object(object) => object_shape(object.data()),
    }
}

fn encode_bytes(bytes: &[u8]) -> Vec<u8> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.encode(bytes).into_bytes()
}

fn object_shape(data: Data) -> Shape<'static> {
    match data {
        Data::Fields(fields) => Shape::Map(
            fields
                .into_iter()
                .filter_map(|(_, json_name, value)| Some((GoString::from(json_name?), value)))
                .collect(),
        ),
        Data::Value(value) => match shape(&value) {
            Shape::Null => Shape::Null,
            Shape::Bool(value) => Shape::Bool(value),
            Shape::Int(value) => Shape::Int(value),
            Shape::Uint(value) => Shape::Uint(value),
            Shape::Float(value) => Shape::Float(value),
            Shape::Text(text) => Shape::Text(Cow::Owned(text.into_owned())),
            Shape::List(items) => {
                Shape::List(items.into_iter().map(|item| Cow::Owned(item.into_owned())).collect())
            }
            Shape::Map(entries) => Shape::Map(entries),
        },
    }
}

pub(super) fn to_json(value: &Value) -> Result<serde_json::Value, TooLarge> {
    json_of(value, &mut Allowance::default())
}

fn json_of(value: &Value, allowance: &mut Allowance) -> Result<serde_json::Value, TooLarge> {
    allowance.visit(|allowance| {
        Ok(match shape(value) {
            Shape::Null => serde_json::Value::Null,
            Shape::Bool(value) => serde_json::Value::Bool(value),
            Shape::Int(value) => serde_json::Value::from(value),
            Shape::Uint(value) => serde_json::Value::from(value),
            Shape::Float(value) => serde_json::Value::from(value),
            Shape::Text(text) => serde_json::Value::String(crate::value::lossy(&text).into_owned()),
            Shape::List(items) => serde_json::Value::Array(
                items.iter().map(|item| json_of(item, allowance)).collect::<Result<_, _>>()?,
            ),
            Shape::Map(entries) => serde_json::Value::Object(
                entries
                    .iter()
                    .map(|(key, value)| Ok((key.to_str().into_owned(), json_of(value, allowance)?)))
                    .collect::<Result<_, TooLarge>>()?,
            ),
        })
    })
}

impl From<serde_json::Value> for Value {
    /// Floats become `float64`, whole numbers `int64` (or `uint64`).
    fn from(value: serde_json::Value) -> Self {
        Self::from(&value)
    }
}

impl From<&serde_json::Value> for Value {
    fn from(value: &serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Nil,
            serde_json::Value::Bool(value) => Self::Bool(*value),
            serde_json::Value::Number(number) => from_number(number),
            serde_json::Value::String(text) => Self::text(text),
            serde_json::Value::Array(items) => Self::list(items.iter().map(Self::from).collect()),
            serde_json::Value::Object(entries) => {
                Self::map(entries.iter().map(|(key, value)| (key.as_str(), Self::from(value))))
            }
        }
    }
}

fn from_number(number: &serde_json::Number) -> Value {
    if let Some(value) = number.as_i64() {
        return Value::Int64(value);
    }
    if let Some(value) = number.as_u64() {
        return Value::Uint64(value);
    }
    Value::Float(number.as_f64().unwrap_or_default())
}

pub(super) fn deep_copy(value: &Value) -> Result<Value, TooLarge> {
    copy(value, &mut Allowance::default())
}

fn copy(value: &Value, allowance: &mut Allowance) -> Result<Value, TooLarge> {
    allowance.visit(|allowance| {
        Ok(match value {
            Value::List(list) if list.is_nil() => value.clone(),
            Value::Map(map) if map.is_nil() => value.clone(),
            Value::List(list) => {
                let items = list.iter().map(|item| copy(item, allowance)).collect::<Result<_, _>>()?;
                Value::List(List::of(list.element(), items))
            }
            Value::Map(map) => {
                let copied = map.clone_shape();
                for (key, value) in map.entries() {
                    copied.insert(key, copy(&value, allowance)?);
                }
                Value::Map(copied)
            }
            other => other.clone(),
        })
    })
}

pub(super) fn deep_equals(left: &Value, right: &Value) -> Result<bool, TooLarge> {
    equal(left, right, &mut Allowance::default())
}

fn equal(left: &Value, right: &Value, allowance: &mut Allowance) -> Result<bool, TooLarge> {
    allowance.visit(|allowance| {
        Ok(match (left, right) {
            (Value::Nil, Value::Nil) => true,
            (Value::Bool(left), Value::Bool(right)) => left == right,
            (Value::Int(left), Value::Int(right)) | (Value::Int64(left), Value::Int64(right)) => {
                left == right
            }
            (Value::Uint64(left), Value::Uint64(right)) => left == right,
            (Value::Byte(left), Value::Byte(right)) => left == right,
            (Value::Float(left), Value::Float(right)) => left == right,
            (Value::String(left), Value::String(right)) => left == right,
            (Value::Bytes(left), Value::Bytes(right)) => left == right,
            (Value::List(left), Value::List(right)) => equal_lists(left, right, allowance)?,
            (Value::Map(left), Value::Map(right)) => equal_maps(left, right, allowance)?,
            (Value::Object(left), Value::Object(right)) => {
                left.type_name() == right.type_name() && format!("{left:?}") == format!("{right:?}")
            }
            _ => false,
        })
    })
}

fn equal_lists(left: &List, right: &List, allowance: &mut Allowance) -> Result<bool, TooLarge> {
    if left.element() != right.element() || left.len() != right.len() || left.is_nil() != right.is_nil() {
        return Ok(false);
    }
    if left.address() == right.address() {
        return Ok(true);
    }
    for (left, right) in left.iter().zip(right.iter()) {
        if !equal(left, right, allowance)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn equal_maps(left: &Map, right: &Map, allowance: &mut Allowance) -> Result<bool, TooLarge> {
    if left.type_name() != right.type_name() || left.len() != right.len() {
        return Ok(false);
    }
    if left.address() == right.address() {
        return Ok(true);
    }
    for ((left_key, left), (right_key, right)) in left.entries().iter().zip(right.entries().iter()) {
        if left_key != right_key || !equal(left, right, allowance)? {
            return Ok(false);
        }
    }
    Ok(true)
}
