//! Functions and methods that templates can call.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

use crate::builtins;
use crate::exec::Interpreter;
use crate::hash::NameHash;
use crate::template::TemplateSet;
use crate::value::{Map, TooLarge, Value};

/// The Go type of a parameter, which decides what arguments a function takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// `interface {}`: anything.
    Any,
    /// `bool`.
    Bool,
    /// `int`.
    Int,
    /// `int64`.
    Int64,
    /// `float64`.
    Float,
    /// `string`.
    String,
    /// `[]interface {}`.
    List,
    /// `[]string`.
    Strings,
    /// `map[string]interface {}`.
    Map,
    /// A type of the host's, by the name that `%T` prints.
    Named(&'static str),
}

impl Type {
    /// The type's name in Go.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Int64 => "int64",
            Self::Float => "float64",
            Self::String => "string",
            Self::List => "[]interface {}",
            Self::Strings => "[]string",
            Self::Map => "map[string]interface {}",
            Self::Named(name) => name,
        }
    }

    /// Whether nil is a value of the type.
    #[must_use]
    pub fn can_be_nil(self) -> bool {
        match self {
            Self::Any | Self::List | Self::Strings | Self::Map => true,
            Self::Named(name) => name.starts_with('*'),
            Self::Bool | Self::Int | Self::Int64 | Self::Float | Self::String => false,
        }
    }

    /// Whether a value that is not nil can be passed as it is.
    #[must_use]
    pub fn accepts(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Any, _)
            | (Self::Bool, Value::Bool(_))
            | (Self::Int, Value::Int(_))
            | (Self::Int64, Value::Int64(_))
            | (Self::Float, Value::Float(_))
            | (Self::String, Value::String(_)) => true,
            (Self::List, Value::List(list)) => list.holds_interfaces(),
            (Self::Strings, Value::List(list)) => list.element() == "string",
            (Self::Map, Value::Map(map)) => map.holds_interfaces(),
            (Self::Named(name), Value::Object(object)) => object.type_name() == name,
            _ => false,
        }
    }
}

/// What a function says when it fails: Go's `error`, as text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CallError {
    message: String,
}

impl CallError {
    /// A failure with the message that follows `error calling NAME: `.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }

    /// A failure that says what another error says.
    pub fn of(error: &impl fmt::Display) -> Self {
        Self::new(error.to_string())
    }
}

impl From<TooLarge> for CallError {
    fn from(error: TooLarge) -> Self {
        Self::of(&error)
    }
}

/// What a function gives.
pub type CallResult = Result<Value, CallError>;

/// A call of a function: its arguments, which are of the function's parameter types, and where it happens.
#[derive(Clone, Copy)]
pub struct Call<'c> {
    arguments: &'c [Value],
    interpreter: &'c Interpreter<'c>,
    templates: &'c TemplateSet<'c>,
}

impl<'c> Call<'c> {
    pub(crate) fn new(
        arguments: &'c [Value],
        interpreter: &'c Interpreter<'c>,
        templates: &'c TemplateSet<'c>,
    ) -> Self {
        Self { arguments, interpreter, templates }
    }

    /// All arguments.
    #[must_use]
    pub fn arguments(&self) -> &'c [Value] {
        self.arguments
    }

    /// The arguments from the one at `index` on.
    #[must_use]
    pub fn rest(&self, index: usize) -> &'c [Value] {
        self.arguments.get(index..).unwrap_or_default()
    }

    /// An argument; nil if there is none.
    #[must_use]
    pub fn value(&self, index: usize) -> &'c Value {
        self.arguments.get(index).unwrap_or(&Value::Nil)
    }

    /// An argument of type `string`, with U+FFFD for what is not UTF-8.
    #[must_use]
    pub fn text(&self, index: usize) -> Cow<'c, str> {
        crate::value::lossy(self.bytes(index))
    }

    /// The bytes of an argument of type `string`.
    #[must_use]
    pub fn bytes(&self, index: usize) -> &'c [u8] {
        match self.value(index) {
            Value::String(text) => text.as_bytes(),
            _ => &[],
        }
    }

    /// An argument of type `int` or `int64`.
    #[must_use]
    pub fn int(&self, index: usize) -> i64 {
        match self.value(index) {
            Value::Int(value) | Value::Int64(value) => *value,
            _ => 0,
        }
    }

    /// An argument of type `float64`.
    #[must_use]
    pub fn float(&self, index: usize) -> f64 {
        match self.value(index) {
            Value::Float(value) => *value,
            _ => 0.0,
        }
    }

    /// An argument of type `bool`.
    #[must_use]
    pub fn boolean(&self, index: usize) -> bool {
        matches!(self.value(index), Value::Bool(true))
    }

    /// An argument of a map's type; none for nil.
    #[must_use]
    pub fn map(&self, index: usize) -> Option<&'c Map> {
        match self.value(index) {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// Where the call happens.
    #[must_use]
    pub fn interpreter(&self) -> &'c Interpreter<'c> {
        self.interpreter
    }

    /// The templates that the calling template can call.
    #[must_use]
    pub fn templates(&self) -> &'c TemplateSet<'c> {
        self.templates
    }

    /// Asks for the time of so many steps before a function does something that takes long.
    ///
    /// # Errors
    /// If the execution has used up the steps that it is given.
    pub fn takes_long(&self, steps: u64) -> Result<(), CallError> {
        self.interpreter.take_steps(steps).map_err(|error| CallError::of(&error))
    }

    /// Asks for room before a function makes a large value.
    ///
    /// # Errors
    /// If the execution has used up the room that it is given.
    pub fn reserve(&self, bytes: usize) -> Result<(), CallError> {
        self.interpreter.charge(bytes).map_err(|error| CallError::of(&error))
    }
}

type Native = dyn Fn(&Call<'_>) -> CallResult;

/// How a function is carried out.
#[derive(Clone)]
pub(crate) enum Body {
    Native(Rc<Native>),
    /// `and` and `or` stop at the argument that decides.
    And,
    Or,
    /// `call`, of which no value of ours is callable.
    Call,
}

/// A function or a method.
#[derive(Clone)]
pub struct Function {
    pub(crate) parameters: &'static [Type],
    pub(crate) variadic: Option<Type>,
    pub(crate) body: Body,
}

impl fmt::Debug for Function {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Function").field(&self.parameters).field(&self.variadic).finish()
    }
}

impl Function {
    /// A function with these parameters.
    pub fn new(parameters: &'static [Type], body: impl Fn(&Call<'_>) -> CallResult + 'static) -> Self {
        Self { parameters, variadic: None, body: Body::Native(Rc::new(body)) }
    }

    /// A function with these parameters and any number of further arguments of one type.
    pub fn variadic(
        parameters: &'static [Type],
        rest: Type,
        body: impl Fn(&Call<'_>) -> CallResult + 'static,
    ) -> Self {
        Self { parameters, variadic: Some(rest), body: Body::Native(Rc::new(body)) }
    }

    pub(crate) fn special(variadic: Option<Type>, body: Body) -> Self {
        Self { parameters: &[Type::Any], variadic, body }
    }

    /// The type of the argument at `index`.
    pub(crate) fn parameter(&self, index: usize) -> Type {
        self.parameters.get(index).copied().or(self.variadic).unwrap_or(Type::Any)
    }
}

/// Names of functions, which is all that parsing needs to know.
#[derive(Debug, Clone, Default)]
pub struct FunctionNames(HashMap<&'static str, usize, NameHash>);

impl FunctionNames {
    /// Where the function of that name stands among all.
    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.0.get(name).copied()
    }
}

/// The functions that templates can call, by name.
#[derive(Debug, Clone, Default)]
pub struct Functions {
    names: FunctionNames,
    functions: Vec<(&'static str, Function)>,
}

impl Functions {
    /// Go's own functions.
    #[must_use]
    pub fn builtin() -> Self {
        let mut functions = Self::default();
        builtins::add(&mut functions);
        functions
    }

    /// Adds a function, in place of one of the same name.
    pub fn insert(&mut self, name: &'static str, function: Function) {
        let end = self.functions.len();
        let place = *self.names.0.entry(name).or_insert(end);
        match self.functions.get_mut(place) {
            Some(known) => *known = (name, function),
            None => self.functions.push((name, function)),
        }
    }

    /// The function of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Function> {
        self.at(self.names.place(name)?, name)
    }

    /// The function of that name, which was at this place among the functions that its template was parsed with: at the same one here, as a
    /// rule.
    pub(crate) fn get_at(&self, place: usize, name: &str) -> Option<&Function> {
        self.at(place, name).or_else(|| self.get(name))
    }

    fn at(&self, place: usize, name: &str) -> Option<&Function> {
        self.functions.get(place).filter(|(known, _)| *known == name).map(|(_, function)| function)
    }

    /// The names of all functions.
    #[must_use]
    pub fn names(&self) -> &FunctionNames {
        &self.names
    }
}
