//! Executing templates.

mod call;
mod eval;
mod output;
mod walk;

use std::cell::Cell;

use crate::function::Functions;
use crate::template::{Template, TemplateSet};
use crate::value::Value;
pub use output::Output;
use walk::State;

/// How much an execution may take. Templates of real charts stay far below; they exist for those that never end.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Actions, function calls and rounds of loops.
    pub steps: u64,
    /// Bytes of text made by functions and templates, intermediate values included.
    pub bytes: u64,
    /// Nesting of template calls, control structures and parentheses. Each level takes up to 2 KiB of stack (in a debug
    /// build 10 KiB), so this must suit the stack of the thread.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { steps: 50_000_000, bytes: 512 * 1024 * 1024, depth: 100 }
    }
}

/// Why a template could not be executed: Go's message,
/// `template: NAME:LINE:COLUMN: executing "NAME" at <NODE>: ...`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExecError {
    message: String,
}

impl ExecError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

/// Executes templates with a set of functions, within [`Limits`] that hold for all executions together.
#[derive(Debug)]
pub struct Interpreter<'f> {
    functions: &'f Functions,
    limits: Limits,
    steps: Cell<u64>,
    bytes: Cell<u64>,
    depth: Cell<usize>,
    spare: output::Spare,
}

impl<'f> Interpreter<'f> {
    /// An interpreter that has used up nothing of its limits.
    #[must_use]
    pub fn new(functions: &'f Functions, limits: Limits) -> Self {
        Self {
            functions,
            limits,
            steps: Cell::new(0),
            bytes: Cell::new(0),
            depth: Cell::new(0),
            spare: output::Spare::default(),
        }
    }

    /// Executes the template `name` with `data` as its dot, and gives its output.
    ///
    /// # Errors
    /// [`ExecError`] if there is no such template, or it fails.
    pub fn execute(
        &self,
        templates: &TemplateSet<'_>,
        name: &str,
        data: &Value,
    ) -> Result<Output<'_>, ExecError> {
        match templates.get(name) {
            Some(template) => self.execute_template(templates, template, data),
            None => Err(ExecError::new(format!(
                "template: no template {} associated with template \"gotpl\"",
                crate::number::quote_go(name.as_bytes())
            ))),
        }
    }

    /// Executes a template that can call those of a set.
    ///
    /// # Errors
    /// [`ExecError`] if it fails.
    pub fn execute_template(
        &self,
        templates: &TemplateSet<'_>,
        template: &Template,
        data: &Value,
    ) -> Result<Output<'_>, ExecError> {
        let mut output = Output::new(&self.spare);
        State::new(self, templates, template, data.clone(), &mut output.bytes).run()?;
        Ok(output)
    }

    /// The functions that templates can call.
    #[must_use]
    pub fn functions(&self) -> &'f Functions {
        self.functions
    }

    /// Takes `bytes` off what may still be made.
    pub(crate) fn charge(&self, bytes: usize) -> Result<(), ExecError> {
        let used = self.bytes.get().saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        self.bytes.set(used);
        if used > self.limits.bytes {
            return Err(ExecError::new(format!("the templates made more than {} bytes", self.limits.bytes)));
        }
        Ok(())
    }

    fn step(&self) -> Result<(), ExecError> {
        self.take_steps(1)
    }

    /// Takes so many steps off what may still be taken.
    pub(crate) fn take_steps(&self, steps: u64) -> Result<(), ExecError> {
        let used = self.steps.get().saturating_add(steps);
        self.steps.set(used);
        if used > self.limits.steps {
            return Err(ExecError::new(format!("the templates took more than {} steps", self.limits.steps)));
        }
        Ok(())
    }

    /// Goes one level deeper.
    fn enter(&self) -> Result<Level<'_>, ExecError> {
        if self.depth.get() >= self.limits.depth {
            return Err(ExecError::new(format!("exceeded maximum template depth ({})", self.limits.depth)));
        }
        self.depth.set(self.depth.get() + 1);
        Ok(Level(&self.depth))
    }
}

/// A level of nesting, left when dropped.
struct Level<'d>(&'d Cell<usize>);

impl Drop for Level<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

/// A value in an evaluation.
///
/// Go tells a value from the interface that holds it: what comes out of a map or a list is held by an interface, and
/// errors then speak of `interface {}`. A nil that is not held by one is the absence of a value.
#[derive(Debug, Clone)]
struct Operand {
    value: Value,
    in_interface: bool,
}

impl Operand {
    fn bare(value: Value) -> Self {
        Self { value, in_interface: false }
    }

    fn boxed(value: Value) -> Self {
        Self { value, in_interface: true }
    }

    fn absent() -> Self {
        Self::bare(Value::Nil)
    }

    fn is_absent(&self) -> bool {
        !self.in_interface && matches!(self.value, Value::Nil)
    }

    fn type_name(&self) -> std::borrow::Cow<'static, str> {
        if self.in_interface { "interface {}".into() } else { self.value.type_name() }
    }
}

/// A variable and its value.
#[derive(Debug)]
struct Variable<'t> {
    name: &'t str,
    operand: Operand,
}
