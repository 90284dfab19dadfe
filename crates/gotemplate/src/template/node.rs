//! The tree of a template, and its text as Go's errors show it.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use crate::value::GoString;

/// A byte offset in the template's text.
pub(crate) type Position = usize;

/// A name, or another stretch of a template's text. It takes no memory of its own: templates have very many of them.
#[derive(Debug, Clone)]
pub(crate) struct Name {
    source: Arc<str>,
    range: Range<usize>,
}

impl Name {
    pub(crate) fn new(source: &Arc<str>, range: Range<usize>) -> Self {
        Self { source: Arc::clone(source), range }
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        self.source.get(self.range.clone()).unwrap_or_default()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self)
    }
}

/// A piece of a template.
#[derive(Debug)]
pub(crate) enum Node {
    /// Text to be copied, by its place in the source.
    Text(Range<usize>),
    Action(Pipeline),
    If(Branch),
    With(Branch),
    Range(Branch),
    Template(TemplateCall),
    Break,
    Continue,
}

/// `{{if}}`, `{{with}}` or `{{range}}` with its bodies.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) pipeline: Pipeline,
    pub(crate) body: Vec<Node>,
    pub(crate) otherwise: Option<Vec<Node>>,
}

/// `{{template "name" pipeline}}`.
#[derive(Debug)]
pub(crate) struct TemplateCall {
    pub(crate) position: Position,
    pub(crate) name: String,
    pub(crate) pipeline: Option<Pipeline>,
}

/// Commands, each taking the value of the one before as its last argument.
#[derive(Debug)]
pub(crate) struct Pipeline {
    pub(crate) position: Position,
    pub(crate) is_assignment: bool,
    pub(crate) variables: Vec<Arc<str>>,
    pub(crate) commands: Vec<Command>,
}

/// An operand, or a function or method with its arguments.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) position: Position,
    pub(crate) arguments: Vec<Argument>,
}

/// An operand.
#[derive(Debug)]
pub(crate) enum Argument {
    /// `.a.b`.
    Field {
        position: Position,
        names: Vec<Name>,
    },
    /// `$x.a.b`.
    Variable {
        position: Position,
        name: Arc<str>,
        fields: Vec<Name>,
    },
    /// `(...).a.b`.
    Chain {
        position: Position,
        base: Box<Argument>,
        fields: Vec<Name>,
    },
    /// A function's name.
    Function {
        position: Position,
        name: Name,
    },
    Dot {
        position: Position,
    },
    Nil {
        position: Position,
    },
    Constant {
        position: Position,
        value: Constant,
    },
    /// `(...)`.
    Pipeline(Pipeline),
}

/// A constant.
#[derive(Debug)]
pub(crate) enum Constant {
    Bool(bool),
    Number(NumberConstant),
    String { source: Name, value: GoString },
}

/// A number; which of its forms is used depends on where it stands.
#[derive(Debug)]
pub(crate) struct NumberConstant {
    pub(crate) source: Name,
    pub(crate) int: Option<i64>,
    pub(crate) float: Option<f64>,
}

impl Argument {
    pub(crate) fn position(&self) -> Position {
        match self {
            Self::Field { position, .. }
            | Self::Variable { position, .. }
            | Self::Chain { position, .. }
            | Self::Function { position, .. }
            | Self::Dot { position }
            | Self::Nil { position }
            | Self::Constant { position, .. } => *position,
            Self::Pipeline(pipeline) => pipeline.position,
        }
    }
}

fn write_fields(formatter: &mut fmt::Formatter<'_>, fields: &[Name]) -> fmt::Result {
    fields.iter().try_for_each(|field| write!(formatter, ".{field}"))
}

impl fmt::Display for Argument {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field { names, .. } => write_fields(formatter, names),
            Self::Variable { name, fields, .. } => {
                formatter.write_str(name)?;
                write_fields(formatter, fields)
            }
            Self::Chain { base, fields, .. } => {
                write_in_parentheses(formatter, base)?;
                write_fields(formatter, fields)
            }
            Self::Function { name, .. } => formatter.write_str(name),
            Self::Dot { .. } => formatter.write_str("."),
            Self::Nil { .. } => formatter.write_str("nil"),
            Self::Constant { value, .. } => write!(formatter, "{value}"),
            Self::Pipeline(pipeline) => write!(formatter, "{pipeline}"),
        }
    }
}

fn write_in_parentheses(formatter: &mut fmt::Formatter<'_>, argument: &Argument) -> fmt::Result {
    match argument {
        Argument::Pipeline(pipeline) => write!(formatter, "({pipeline})"),
        other => write!(formatter, "{other}"),
    }
}

impl fmt::Display for Constant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(formatter, "{value}"),
            Self::Number(number) => formatter.write_str(&number.source),
            Self::String { source, .. } => formatter.write_str(source),
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, argument) in self.arguments.iter().enumerate() {
            if index > 0 {
                formatter.write_str(" ")?;
            }
            write_in_parentheses(formatter, argument)?;
        }
        Ok(())
    }
}

impl fmt::Display for Pipeline {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.variables.is_empty() {
            let operator = if self.is_assignment { "=" } else { ":=" };
            write!(formatter, "{} {operator} ", self.variables.join(", "))?;
        }
        for (index, command) in self.commands.iter().enumerate() {
            if index > 0 {
                formatter.write_str(" | ")?;
            }
            write!(formatter, "{command}")?;
        }
        Ok(())
    }
}

impl fmt::Display for TemplateCall {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{{{{template {}", crate::number::quote_go(self.name.as_bytes()))?;
        if let Some(pipeline) = &self.pipeline {
            write!(formatter, " {pipeline}")?;
        }
        formatter.write_str("}}")
    }
}
