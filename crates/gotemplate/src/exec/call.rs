//! Calling functions and methods.

use smallvec::SmallVec;

use super::Operand;
use super::walk::{Evaluated, Place, State};
use crate::function::{Body, Call, Function, Type};
use crate::template::{Argument, Name};
use crate::value::Value;

/// How many arguments most calls have at most; more than these take memory of their own.
const TYPICAL_ARGUMENTS: usize = 4;

/// How many bytes a function reads in the time of a step.
const BYTES_PER_STEP: usize = 256;

/// The steps that it takes to read arguments as large as these, as far as that can be told at once.
fn steps_to_read(values: &[Value]) -> u64 {
    let bytes = |value: &Value| match value {
        Value::String(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(list) => list.len().saturating_mul(size_of::<Value>()),
        Value::Map(map) => map.len().saturating_mul(size_of::<Value>()),
        _ => 0,
    };
    let bytes = values.iter().map(bytes).fold(0, usize::saturating_add);
    u64::try_from(bytes / BYTES_PER_STEP).unwrap_or(u64::MAX)
}

impl<'e> State<'e> {
    /// Calls a function, known by its name and its place among all; `place` is what an error of the function is said to be at.
    pub(super) fn function(
        &mut self,
        dot: &Operand,
        (name, known_place): (Name, usize),
        place: Place<'e>,
        arguments: &'e [Argument],
        last: Option<Operand>,
    ) -> Evaluated<Operand> {
        let name = self.text_of(name);
        match self.interpreter.functions().get_at(known_place, name) {
            Some(function) => self.call(dot, function, name, place, arguments, last),
            None => {
                let quoted = crate::number::quote_go(name.as_bytes());
                self.error(format!("{quoted} is not a defined function"))
            }
        }
    }

    /// Calls a function or method with its arguments and, at the end of them, the value from the pipeline.
    pub(super) fn call(
        &mut self,
        dot: &Operand,
        function: &Function,
        name: &str,
        place: Place<'e>,
        arguments: &'e [Argument],
        last: Option<Operand>,
    ) -> Evaluated<Operand> {
        self.located(self.interpreter.step())?;
        self.check_count(function, name, arguments.len(), last.is_some())?;
        let native = match &function.body {
            Body::And => return self.short_circuit(dot, arguments, last, false),
            Body::Or => return self.short_circuit(dot, arguments, last, true),
            Body::Call => return self.call_value(dot, place, arguments, last),
            Body::Native(native) => native,
        };
        let mut values = SmallVec::<[Value; TYPICAL_ARGUMENTS]>::new();
        for (index, argument) in arguments.iter().enumerate() {
            values.push(self.argument(dot, function.parameter(index), argument)?);
        }
        if let Some(last) = last {
            values.push(self.checked(last, function.parameter(values.len()))?);
        }
        self.located(self.interpreter.take_steps(steps_to_read(&values)))?;
        let level = self.located(self.interpreter.enter())?;
        let result = native(&Call::new(&values, self.interpreter, self.templates));
        drop(level);
        match result {
            Ok(value) => {
                self.charge_for(&value)?;
                Ok(Operand::bare(value))
            }
            Err(error) => {
                self.place = place;
                self.error(format!("error calling {name}: {error}"))
            }
        }
    }

    /// Takes what a function made off the room that is left.
    fn charge_for(&self, value: &Value) -> Evaluated<()> {
        let bytes = match value {
            Value::String(text) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
            Value::List(list) => list.len().saturating_mul(size_of::<Value>()),
            _ => 0,
        };
        self.located(self.interpreter.charge(bytes))
    }

    fn check_count(
        &self,
        function: &Function,
        name: &str,
        arguments: usize,
        has_last: bool,
    ) -> Evaluated<()> {
        let wanted = function.parameters.len();
        let given = arguments + usize::from(has_last);
        if function.variadic.is_some() {
            if given < wanted {
                return self.error(format!(
                    "wrong number of args for {name}: want at least {wanted} got {arguments}"
                ));
            }
        } else if given != wanted {
            return self.error(format!("wrong number of args for {name}: want {wanted} got {given}"));
        }
        Ok(())
    }

    /// `and` and `or` give the first argument that decides, and evaluate no more than they need.
    fn short_circuit(
        &mut self,
        dot: &Operand,
        arguments: &'e [Argument],
        last: Option<Operand>,
        decided_by: bool,
    ) -> Evaluated<Operand> {
        let mut value = Value::Nil;
        for argument in arguments {
            value = self.argument(dot, Type::Any, argument)?;
            if value.is_true() == decided_by {
                return Ok(Operand::bare(value));
            }
        }
        Ok(last.unwrap_or_else(|| Operand::bare(value)))
    }

    /// `call`: fails, as no value is a function.
    fn call_value(
        &mut self,
        dot: &Operand,
        place: Place<'e>,
        arguments: &'e [Argument],
        last: Option<Operand>,
    ) -> Evaluated<Operand> {
        let mut values = Vec::new();
        for argument in arguments {
            values.push(self.argument(dot, Type::Any, argument)?);
        }
        let shown = arguments.first().map(|argument| self.shown(argument));
        let value = values.into_iter().next().or(last.map(|last| last.value)).unwrap_or_default();
        self.place = place;
        if matches!(value, Value::Nil) {
            return self.error("error calling call: call of nil");
        }
        let shown = shown.unwrap_or_else(|| match &value {
            Value::String(text) => text.to_str().into_owned(),
            other => format!("<{} Value>", other.type_name()),
        });
        self.error(format!("error calling call: non-function {shown} of type {}", value.type_name()))
    }
}
