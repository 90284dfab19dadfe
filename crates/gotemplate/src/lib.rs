//! Go's text/template, fmt, YAML and JSON in Rust, to the byte.
//!
//! Parse texts with [`template::parse`] into a [`TemplateSet`], give an [`Interpreter`] the [`Functions`] that they may
//! call, and execute one of them over a [`Value`]. What a template can do to its host is bounded by [`Limits`].

mod builtins;
pub mod exec;
pub mod fmt;
pub mod function;
mod hash;
pub mod json;
mod natural;
pub mod number;
pub mod template;
pub mod value;
pub mod yaml;

pub use exec::{ExecError, Interpreter, Limits, Output};
pub use function::{Call, CallError, CallResult, Function, FunctionNames, Functions, Type};
pub use hash::NameHash;
pub use template::{ParseError, Parsed, TemplateSet, parse};
pub use value::{GoString, List, Map, Value};
