//! The tree of a template, and its text as Go's errors show it.

use std::fmt;
use std::ops::Range;

use super::tree::{Span, Tree};
use crate::value::GoString;

/// A byte offset in the template's text.
pub(crate) type Position = u32;

/// A name, or another stretch of a template's text, which has to be at hand to read it: templates have very many of them, and none of them
/// takes memory of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name {
    start: u32,
    end: u32,
}

impl Name {
    /// A stretch of a text that is no longer than [`Name::MOST_BYTES`].
    pub(crate) fn new(range: Range<usize>) -> Self {
        let place = |position: usize| u32::try_from(position).unwrap_or(u32::MAX);
        Self { start: place(range.start), end: place(range.end) }
    }

    /// Where it begins.
    pub(crate) fn position(self) -> Position {
        self.start
    }

    /// The same without its first byte.
    pub(crate) fn behind_first(self) -> Self {
        Self { start: self.start.saturating_add(1).min(self.end), ..self }
    }

    /// How long a text may be whose names are to be found again.
    pub(crate) const MOST_BYTES: usize = u32::MAX as usize;

    /// The name in its text.
    pub(crate) fn of(self, source: &str) -> &str {
        let place = |position: u32| usize::try_from(position).unwrap_or(usize::MAX);
        source.get(place(self.start)..place(self.end)).unwrap_or_default()
    }
}

/// A piece of a template.
#[derive(Debug)]
pub(crate) enum Node {
    /// Text to be copied.
    Text(Name),
    Action(Pipeline),
    If(Box<Branch>),
    With(Box<Branch>),
    Range(Box<Branch>),
    Template(Box<TemplateCall>),
    Break,
    Continue,
}

/// `{{if}}`, `{{with}}` or `{{range}}` with its bodies.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) pipeline: Pipeline,
    pub(crate) body: Span,
    pub(crate) otherwise: Option<Span>,
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
    pub(crate) variables: Span,
    pub(crate) commands: Span,
}

/// An operand, or a function or method with its arguments.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) position: Position,
    pub(crate) arguments: Span,
}

/// An operand.
#[derive(Debug)]
pub(crate) enum Argument {
    /// `.a.b`.
    Field {
        position: Position,
        names: Span,
    },
    /// `$x.a.b`.
    Variable {
        position: Position,
        name: Name,
        fields: Span,
    },
    /// `(...).a.b`.
    Chain {
        position: Position,
        base: Box<Argument>,
        fields: Span,
    },
    /// A function's name.
    Function {
        position: Position,
        name: Name,
        /// Its place among the functions that the text was parsed with.
        place: usize,
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
    Pipeline(Box<Pipeline>),
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

/// Something of a template's tree, with the text that its names are in.
pub(crate) struct Shown<'t, T> {
    pub(crate) node: &'t T,
    pub(crate) source: &'t str,
    pub(crate) tree: &'t Tree,
}

impl<'t, T> Shown<'t, T> {
    /// A part of it.
    fn part<P>(&self, node: &'t P) -> Shown<'t, P> {
        Shown { node, source: self.source, tree: self.tree }
    }

    fn write_fields(&self, formatter: &mut fmt::Formatter<'_>, fields: Span) -> fmt::Result {
        self.tree.names(fields).iter().try_for_each(|field| write!(formatter, ".{}", field.of(self.source)))
    }
}

impl fmt::Display for Shown<'_, Argument> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.node {
            Argument::Field { names, .. } => self.write_fields(formatter, *names),
            Argument::Variable { name, fields, .. } => {
                formatter.write_str(name.of(self.source))?;
                self.write_fields(formatter, *fields)
            }
            Argument::Chain { base, fields, .. } => {
                self.part(&**base).write_in_parentheses(formatter)?;
                self.write_fields(formatter, *fields)
            }
            Argument::Function { name, .. } => formatter.write_str(name.of(self.source)),
            Argument::Dot { .. } => formatter.write_str("."),
            Argument::Nil { .. } => formatter.write_str("nil"),
            Argument::Constant { value, .. } => write!(formatter, "{}", self.part(value)),
            Argument::Pipeline(pipeline) => write!(formatter, "{}", self.part(&**pipeline)),
        }
    }
}

impl Shown<'_, Argument> {
    fn write_in_parentheses(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.node {
            Argument::Pipeline(_) => write!(formatter, "({self})"),
            _ => write!(formatter, "{self}"),
        }
    }
}

impl fmt::Display for Shown<'_, Constant> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.node {
            Constant::Bool(value) => write!(formatter, "{value}"),
            Constant::Number(number) => formatter.write_str(number.source.of(self.source)),
            Constant::String { source, .. } => formatter.write_str(source.of(self.source)),
        }
    }
}

impl fmt::Display for Shown<'_, Command> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, argument) in self.tree.arguments(self.node.arguments).iter().enumerate() {
            if index > 0 {
                formatter.write_str(" ")?;
            }
            self.part(argument).write_in_parentheses(formatter)?;
        }
        Ok(())
    }
}

impl fmt::Display for Shown<'_, Pipeline> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, variable) in self.tree.names(self.node.variables).iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(formatter, "{comma}{}", variable.of(self.source))?;
        }
        if !self.node.variables.is_empty() {
            let operator = if self.node.is_assignment { "=" } else { ":=" };
            write!(formatter, " {operator} ")?;
        }
        for (index, command) in self.tree.commands(self.node.commands).iter().enumerate() {
            if index > 0 {
                formatter.write_str(" | ")?;
            }
            write!(formatter, "{}", self.part(command))?;
        }
        Ok(())
    }
}

impl fmt::Display for Shown<'_, TemplateCall> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{{{{template {}", crate::number::quote_go(self.node.name.as_bytes()))?;
        if let Some(pipeline) = &self.node.pipeline {
            write!(formatter, " {}", self.part(pipeline))?;
        }
        formatter.write_str("}}")
    }
}
