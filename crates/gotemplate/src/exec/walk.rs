//! Walking over a template's pieces.

use std::fmt;

use smallvec::{SmallVec, smallvec};

use super::{ExecError, Interpreter, Operand, Variable};
use crate::template::{
    Argument, Branch, Command, Name, Node, Pipeline, Position, Span, Template, TemplateCall, TemplateSet,
    Tree,
};
use crate::value::Value;

pub(super) type Evaluated<T> = Result<T, Box<ExecError>>;

/// The variable that holds the dot that a template was called with.
const ROOT: &str = "$";

/// How many variables most templates have at most at a time.
const TYPICAL_VARIABLES: usize = 4;

/// How a piece ended: on to the next, or out of a round of a loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
}

/// What is being evaluated, for errors.
#[derive(Clone, Copy)]
pub(super) enum Place<'t> {
    Start,
    Pipeline(&'t Pipeline),
    Command(&'t Command),
    Argument(&'t Argument),
    Template(&'t TemplateCall),
}

impl Place<'_> {
    fn position(&self) -> Position {
        match self {
            Self::Start => 0,
            Self::Pipeline(pipeline) => pipeline.position,
            Self::Command(command) => command.position,
            Self::Argument(argument) => argument.position(),
            Self::Template(call) => call.position,
        }
    }
}

impl<'t> Place<'t> {
    /// What stands there, as Go's errors show it.
    fn shown(&self, template: &'t Template) -> String {
        match self {
            Self::Start => String::new(),
            Self::Pipeline(node) => template.shown(*node).to_string(),
            Self::Command(node) => template.shown(*node).to_string(),
            Self::Argument(node) => template.shown(*node).to_string(),
            Self::Template(node) => template.shown(*node).to_string(),
        }
    }
}

/// One execution of one template.
pub(super) struct State<'e> {
    pub(super) interpreter: &'e Interpreter<'e>,
    pub(super) templates: &'e TemplateSet<'e>,
    pub(super) template: &'e Template,
    pub(super) variables: SmallVec<[Variable<'e>; TYPICAL_VARIABLES]>,
    out: &'e mut Vec<u8>,
    pub(super) place: Place<'e>,
    data: Operand,
}

impl<'e> State<'e> {
    pub(super) fn new(
        interpreter: &'e Interpreter<'_>,
        templates: &'e TemplateSet<'_>,
        template: &'e Template,
        data: Value,
        out: &'e mut Vec<u8>,
    ) -> Self {
        Self::with_dot(interpreter, templates, template, Operand::bare(data), out)
    }

    fn with_dot(
        interpreter: &'e Interpreter<'_>,
        templates: &'e TemplateSet<'_>,
        template: &'e Template,
        data: Operand,
        out: &'e mut Vec<u8>,
    ) -> Self {
        let variables = smallvec![Variable { name: ROOT, operand: data.clone() }];
        Self { interpreter, templates, template, variables, out, place: Place::Start, data }
    }

    pub(super) fn run(mut self) -> Result<(), ExecError> {
        let dot = self.data.clone();
        let template = self.template;
        self.walk_all(&dot, template.body).map(|_| ()).map_err(|error| *error)
    }

    /// Go's message for a failure at the place that is being evaluated.
    pub(super) fn error<T>(&self, message: impl fmt::Display) -> Evaluated<T> {
        let quoted = crate::number::quote_go(self.template.name().as_bytes());
        Err(Box::new(ExecError::new(format!(
            "template: {}: executing {quoted} at <{}>: {message}",
            self.template.location(self.place.position()),
            self.place.shown(self.template)
        ))))
    }

    /// A name of the template that is executed.
    pub(super) fn text_of(&self, name: Name) -> &'e str {
        name.of(&self.template.source.text)
    }

    /// A piece of it, as Go's errors show it.
    pub(super) fn shown(&self, argument: &Argument) -> String {
        self.template.shown(argument).to_string()
    }

    pub(super) fn located<T>(&self, result: Result<T, ExecError>) -> Evaluated<T> {
        result.or_else(|error| self.error(error))
    }

    /// The tree of the text that the template is part of.
    pub(super) fn tree(&self) -> &'e Tree {
        &self.template.source.tree
    }

    fn walk_all(&mut self, dot: &Operand, nodes: Span) -> Evaluated<Flow> {
        let level = self.located(self.interpreter.enter())?;
        for node in self.tree().nodes(nodes) {
            let flow = self.walk(dot, node)?;
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        drop(level);
        Ok(Flow::Next)
    }

    fn walk(&mut self, dot: &Operand, node: &'e Node) -> Evaluated<Flow> {
        self.located(self.interpreter.step())?;
        match node {
            Node::Text(text) => {
                let text = self.text_of(*text);
                self.out.extend_from_slice(text.as_bytes());
                self.charge(text.len())?;
            }
            Node::Action(pipeline) => {
                let operand = self.pipeline(dot, pipeline)?;
                if pipeline.variables.is_empty() {
                    self.print(&operand.value)?;
                }
            }
            Node::If(branch) => return self.branch(dot, branch, false),
            Node::With(branch) => return self.branch(dot, branch, true),
            Node::Range(branch) => return self.range(dot, branch),
            Node::Template(call) => self.template_call(dot, call)?,
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    fn charge(&self, bytes: usize) -> Evaluated<()> {
        self.located(self.interpreter.charge(bytes))
    }

    fn print(&mut self, value: &Value) -> Evaluated<()> {
        let before = self.out.len();
        match value {
            Value::Nil => self.out.extend_from_slice(b"<no value>"),
            Value::Object(object) if let Some(text) = object.text_in_place() => {
                self.out.extend_from_slice(text.as_bytes());
            }
            other => crate::fmt::append(self.out, other),
        }
        self.charge(self.out.len() - before)
    }

    fn branch(&mut self, dot: &Operand, branch: &'e Branch, sets_dot: bool) -> Evaluated<Flow> {
        let mark = self.variables.len();
        let operand = self.pipeline(dot, &branch.pipeline)?;
        let flow = if operand.value.is_true() {
            self.walk_all(if sets_dot { &operand } else { dot }, branch.body)?
        } else if let Some(otherwise) = branch.otherwise {
            self.walk_all(dot, otherwise)?
        } else {
            Flow::Next
        };
        self.variables.truncate(mark);
        Ok(flow)
    }

    fn range(&mut self, dot: &Operand, branch: &'e Branch) -> Evaluated<Flow> {
        let mark = self.variables.len();
        let over = self.pipeline(dot, &branch.pipeline)?.value;
        let ran = self.range_over(branch, &over)?;
        self.variables.truncate(mark);
        match branch.otherwise {
            Some(otherwise) if !ran => {
                let flow = self.walk_all(dot, otherwise)?;
                self.variables.truncate(mark);
                Ok(flow)
            }
            _ => Ok(Flow::Next),
        }
    }

    /// Runs the body for each element; false if there is none.
    fn range_over(&mut self, branch: &'e Branch, over: &Value) -> Evaluated<bool> {
        let index = |index: usize| Operand::bare(Value::Int(i64::try_from(index).unwrap_or(i64::MAX)));
        match over {
            Value::Nil => Ok(false),
            Value::List(list) => {
                for (number, item) in list.iter().enumerate() {
                    let item = Operand { value: item.clone(), in_interface: list.holds_interfaces() };
                    if self.round(branch, index(number), item)? == Flow::Break {
                        break;
                    }
                }
                Ok(!list.is_empty())
            }
            Value::Bytes(bytes) => {
                for (number, byte) in bytes.iter().enumerate() {
                    let item = Operand::bare(Value::Byte(*byte));
                    if self.round(branch, index(number), item)? == Flow::Break {
                        break;
                    }
                }
                Ok(!bytes.is_empty())
            }
            Value::Map(map) => {
                let entries = map.entries();
                let ran = !entries.is_empty();
                for (key, value) in entries {
                    let value = Operand { value, in_interface: map.holds_interfaces() };
                    if self.round(branch, Operand::bare(Value::String(key)), value)? == Flow::Break {
                        break;
                    }
                }
                Ok(ran)
            }
            Value::Int(_) | Value::Int64(_) | Value::Uint64(_) | Value::Byte(_) => {
                self.range_over_integer(branch, over)
            }
            other => {
                let shown = crate::fmt::display(other);
                self.error(format!("range can't iterate over {shown}"))
            }
        }
    }

    fn range_over_integer(&mut self, branch: &'e Branch, over: &Value) -> Evaluated<bool> {
        if self.tree().names(branch.pipeline.variables).len() > 1 {
            let shown = crate::fmt::display(over);
            return self.error(format!("can't use {shown} to iterate over more than one variable"));
        }
        let (end, make): (i128, fn(i128) -> Value) = match over {
            Value::Int(end) => (i128::from(*end), |n| Value::Int(i64::try_from(n).unwrap_or(i64::MAX))),
            Value::Int64(end) => (i128::from(*end), |n| Value::Int64(i64::try_from(n).unwrap_or(i64::MAX))),
            Value::Uint64(end) => (i128::from(*end), |n| Value::Uint64(u64::try_from(n).unwrap_or(u64::MAX))),
            Value::Byte(end) => (i128::from(*end), |n| Value::Byte(u8::try_from(n).unwrap_or(u8::MAX))),
            _ => (0, |_| Value::Nil),
        };
        for number in 0..end {
            let item = Operand::bare(make(number));
            if self.round(branch, item.clone(), item)? == Flow::Break {
                break;
            }
        }
        Ok(end > 0)
    }

    /// One round of a loop. The pipeline has pushed the loop's variables; of two, the element's is on top.
    fn round(&mut self, branch: &'e Branch, index: Operand, item: Operand) -> Evaluated<Flow> {
        self.located(self.interpreter.step())?;
        let pipeline = &branch.pipeline;
        let top = self.variables.len();
        match (pipeline.is_assignment, self.tree().names(pipeline.variables)) {
            (_, []) => {}
            (true, [single]) => self.assign(*single, item.clone())?,
            (true, [first, second, ..]) => {
                self.assign(*first, index)?;
                self.assign(*second, item.clone())?;
            }
            (false, declared) => {
                self.set_from_top(1, item.clone());
                if declared.len() > 1 {
                    self.set_from_top(2, index);
                }
            }
        }
        let flow = self.walk_all(&item, branch.body)?;
        self.variables.truncate(top);
        Ok(flow)
    }

    fn set_from_top(&mut self, from_top: usize, operand: Operand) {
        let index = self.variables.len().checked_sub(from_top);
        if let Some(variable) = index.and_then(|index| self.variables.get_mut(index)) {
            variable.operand = operand;
        }
    }

    pub(super) fn assign(&mut self, name: Name, operand: Operand) -> Evaluated<()> {
        let name = self.text_of(name);
        match self.variables.iter_mut().rev().find(|variable| variable.name == name) {
            Some(variable) => {
                variable.operand = operand;
                Ok(())
            }
            None => self.error(format!("undefined variable: {name}")),
        }
    }

    fn template_call(&mut self, dot: &Operand, call: &'e TemplateCall) -> Evaluated<()> {
        self.place = Place::Template(call);
        let Some(template) = self.templates.get(&call.name) else {
            let quoted = crate::number::quote_go(call.name.as_bytes());
            return self.error(format!("template {quoted} not defined"));
        };
        let dot = match &call.pipeline {
            Some(pipeline) => self.pipeline(dot, pipeline)?,
            None => Operand::absent(),
        };
        let level = self.located(self.interpreter.enter())?;
        let inner = State::with_dot(self.interpreter, self.templates, template, dot, self.out);
        inner.run().map_err(Box::new)?;
        drop(level);
        Ok(())
    }

    /// Gives the last declared variables' operand a place on the stack.
    pub(super) fn declare(&mut self, name: Name, operand: Operand) {
        let name = self.text_of(name);
        self.variables.push(Variable { name, operand });
    }
}
