//! What templates compute with: Go's values, as far as templates can tell them apart.

mod convert;
mod entries;
mod list;
mod map;
mod object;
mod text;

pub(crate) mod shape {
    //! What JSON and YAML see of a value.
    pub(crate) use super::convert::{Allowance, Shape, TooLarge, shape};
}

use std::borrow::Cow;
use std::rc::Rc;

pub use convert::TooLarge;
pub use list::{List, NamedList};
pub use map::{Map, NamedMap};
pub use object::{Data, Object};
pub use text::{GoString, lossy};

/// A value of a template. Cloning is cheap, and a cloned [`Map`] is the same map: what is set in one shows in the other.
#[derive(Debug, Clone, Default)]
pub enum Value {
    /// Go's nil.
    #[default]
    Nil,
    /// A `bool`.
    Bool(bool),
    /// An `int`: a number written in a template, a length, what `int` gives.
    Int(i64),
    /// An `int64`: what arithmetic functions give, and whole numbers of `--set`.
    Int64(i64),
    /// A `uint64`.
    Uint64(u64),
    /// A `uint8`: a byte of a string.
    Byte(u8),
    /// A `float64`: every number that was read from YAML or JSON.
    Float(f64),
    /// A `string`.
    String(GoString),
    /// A `[]byte`.
    Bytes(Rc<[u8]>),
    /// A slice.
    List(List),
    /// A map with keys of text.
    Map(Map),
    /// A struct or a named type, with fields and methods of its own.
    Object(Rc<dyn Object>),
}

impl Value {
    /// Text.
    pub fn text(text: impl Into<GoString>) -> Self {
        Self::String(text.into())
    }

    /// A Go `[]interface {}`.
    #[must_use]
    pub fn list(items: Vec<Self>) -> Self {
        Self::List(List::new(items))
    }

    /// A Go `[]string`.
    pub fn strings<S: Into<GoString>>(items: impl IntoIterator<Item = S>) -> Self {
        Self::List(List::of("string", items.into_iter().map(Self::text).collect()))
    }

    /// A Go `map[string]interface {}`.
    pub fn map<K: Into<GoString>>(entries: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    /// The text of a string.
    #[must_use]
    pub fn as_text(&self) -> Option<&GoString> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The name of the value's Go type, as `%T` prints it.
    #[must_use]
    pub fn type_name(&self) -> Cow<'static, str> {
        match self {
            Self::Nil => Cow::Borrowed("<nil>"),
            Self::Bool(_) => Cow::Borrowed("bool"),
            Self::Int(_) => Cow::Borrowed("int"),
            Self::Int64(_) => Cow::Borrowed("int64"),
            Self::Uint64(_) => Cow::Borrowed("uint64"),
            Self::Byte(_) => Cow::Borrowed("uint8"),
            Self::Float(_) => Cow::Borrowed("float64"),
            Self::String(_) => Cow::Borrowed("string"),
            Self::Bytes(_) => Cow::Borrowed("[]uint8"),
            Self::List(list) => list.type_name(),
            Self::Map(map) => map.type_name(),
            Self::Object(object) => Cow::Owned(object.type_name().to_owned()),
        }
    }

    /// The kind of the value's Go type, as `reflect` names it: `slice`, `map`, `ptr`, ...
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Nil => "invalid",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Int64(_) => "int64",
            Self::Uint64(_) => "uint64",
            Self::Byte(_) => "uint8",
            Self::Float(_) => "float64",
            Self::String(_) => "string",
            Self::Bytes(_) | Self::List(_) => "slice",
            Self::Map(_) => "map",
            Self::Object(object) => object.kind(),
        }
    }

    /// Whether `if` takes the value for true: not zero, not empty, not nil.
    #[must_use]
    pub fn is_true(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(value) => *value,
            Self::Int(value) | Self::Int64(value) => *value != 0,
            Self::Uint64(value) => *value != 0,
            Self::Byte(value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::String(text) => !text.is_empty(),
            Self::Bytes(bytes) => !bytes.is_empty(),
            Self::List(list) => !list.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Object(object) => object.is_true(),
        }
    }

    /// The number of elements, or of bytes of a string.
    #[must_use]
    pub fn length(&self) -> Option<usize> {
        match self {
            Self::String(text) => Some(text.len()),
            Self::Bytes(bytes) => Some(bytes.len()),
            Self::List(list) => Some(list.len()),
            Self::Map(map) => Some(map.len()),
            _ => None,
        }
    }

    /// Whether Go's deep equality holds: same types, same contents.
    ///
    /// # Errors
    /// [`TooLarge`] if the values are too large to compare, or contain themselves.
    pub fn deep_equals(&self, other: &Self) -> Result<bool, TooLarge> {
        convert::deep_equals(self, other)
    }

    /// A copy that shares no map with this value.
    ///
    /// # Errors
    /// [`TooLarge`] if the value is too large to copy, or contains itself.
    pub fn deep_copy(&self) -> Result<Self, TooLarge> {
        convert::deep_copy(self)
    }

    /// The value as JSON has it; `int64` stays a whole number, floats stay floats.
    ///
    /// # Errors
    /// [`TooLarge`] if the value is too large to write out, or contains itself.
    pub fn to_json(&self) -> Result<serde_json::Value, TooLarge> {
        convert::to_json(self)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}
