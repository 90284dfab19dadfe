//! Go's structs and named types, as the host shows them to templates.

use std::fmt::Debug;

use super::Value;
use crate::function::Function;

/// A value with fields and methods of its own: a struct, a pointer to one, or a named type such as a duration.
pub trait Object: Debug {
    /// The name of the Go type, as `%T` prints it: `*chart.Metadata`, `time.Time`.
    fn type_name(&self) -> &str;

    /// The kind of the Go type: `struct`, `ptr`, `int`, ...
    fn kind(&self) -> &'static str;

    /// An exported field.
    fn field(&self, name: &str) -> Option<Value>;

    /// A method.
    fn method(&self, _name: &str) -> Option<Function> {
        None
    }

    /// What the type's `String` or `Error` method gives, which is what printing it shows.
    fn text(&self) -> Option<String> {
        None
    }

    /// What an action that prints nothing but the value shows: there Go can take the value's address, and so finds a
    /// `String` method of the pointer too.
    fn text_in_place(&self) -> Option<String> {
        self.text()
    }

    /// What the value is to JSON and to YAML.
    fn data(&self) -> Data;

    /// What the value is to printing if it has no [`Object::text`]: a struct in a struct is a field of its own there.
    fn shown(&self) -> Data {
        self.data()
    }

    /// Whether `if` takes the value for true; in Go every struct is.
    fn is_true(&self) -> bool {
        true
    }

    /// What the value is to functions that want a number, such as a month's.
    fn number(&self) -> Option<i64> {
        None
    }

    /// The object as its own type, for functions that know it.
    fn as_any(&self) -> &dyn std::any::Any;
}

/// The contents of an [`Object`].
#[derive(Debug, Clone)]
pub enum Data {
    /// A struct's fields in their order: the name in Go, the name in JSON (none: left out there), the value.
    Fields(Vec<(&'static str, Option<&'static str>, Value)>),
    /// Another value that stands for it.
    Value(Value),
}
