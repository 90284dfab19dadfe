//! Turning values of any type into numbers and text, as sprig does.

use std::borrow::Cow;

use spacecraft_gotemplate::number::{parse_float, parse_int};
use spacecraft_gotemplate::{GoString, Value, fmt};

/// The whole number in a value: text is read in any of Go's bases, fractions are cut off, anything else is 0.
pub(super) fn to_int64(value: &Value) -> i64 {
    match value {
        Value::Int(number) | Value::Int64(number) => *number,
        Value::Uint64(number) => i64::from_le_bytes(number.to_le_bytes()),
        Value::Byte(number) => i64::from(*number),
        Value::Float(number) => truncate(*number),
        Value::Bool(flag) => i64::from(*flag),
        Value::String(text) => parse_int(without_zero_fraction(&text.to_str())).unwrap_or(0),
        Value::Object(object) => object.number().unwrap_or(0),
        Value::Nil | Value::Bytes(_) | Value::List(_) | Value::Map(_) => 0,
    }
}

/// A float without its fraction; one that no `int64` can hold becomes the smallest, as on the processors Helm runs on.
#[allow(clippy::cast_possible_truncation, reason = "the range is checked")]
pub(super) fn truncate(number: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&number) { number as i64 } else { i64::MIN }
}

/// The number in a value; what holds none is 0.
#[allow(clippy::cast_precision_loss, reason = "Go converts the same way")]
pub(super) fn to_float64(value: &Value) -> f64 {
    match value {
        Value::Float(number) => *number,
        Value::Uint64(number) => *number as f64,
        Value::String(text) => parse_float(&text.to_str()).unwrap_or(0.0),
        other => to_int64(other) as f64,
    }
}

/// `5.000` as `5`.
fn without_zero_fraction(text: &str) -> &str {
    match text.rsplit_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|digit| digit == b'0') => whole,
        _ => text,
    }
}

/// A value as text.
pub(super) fn to_text(value: &Value) -> GoString {
    match value {
        Value::String(text) => text.clone(),
        Value::Bytes(bytes) => GoString::from(bytes.as_ref()),
        other => GoString::from(fmt::sprint(std::slice::from_ref(other))),
    }
}

/// The items of a list as text, without nils; any other value is a list of itself, nil an empty one.
pub(super) fn to_texts(value: &Value) -> Vec<GoString> {
    match value {
        Value::Nil => Vec::new(),
        Value::List(list) => list.iter().filter(|item| !matches!(item, Value::Nil)).map(to_text).collect(),
        other => vec![to_text(other)],
    }
}

/// The items of a list or the bytes of a byte slice.
pub(super) fn items(value: &Value) -> Option<Cow<'_, [Value]>> {
    match value {
        Value::List(list) => Some(Cow::Borrowed(list)),
        Value::Bytes(bytes) => Some(Cow::Owned(bytes.iter().copied().map(Value::Byte).collect())),
        _ => None,
    }
}
