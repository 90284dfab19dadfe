//! Evaluating pipelines, commands and operands.

use super::Operand;
use super::walk::{Evaluated, Place, State};
use crate::function::Type;
use crate::template::{Argument, Command, Constant, Name, NumberConstant, Pipeline, Span};
use crate::value::{GoString, Map, Value};

impl<'e> State<'e> {
    /// The value of a pipeline, which its variables get too.
    pub(super) fn pipeline(&mut self, dot: &Operand, pipeline: &'e Pipeline) -> Evaluated<Operand> {
        self.place = Place::Pipeline(pipeline);
        let mut last = None;
        for command in self.tree().commands(pipeline.commands) {
            let operand = self.command(dot, command, last)?;
            last = Some(Operand::bare(operand.value));
        }
        let operand = last.unwrap_or_else(Operand::absent);
        for name in self.tree().names(pipeline.variables) {
            if pipeline.is_assignment {
                self.assign(*name, operand.clone())?;
            } else {
                self.declare(*name, operand.clone());
            }
        }
        Ok(operand)
    }

    /// The value of a command; `last` is the value of the one before it in the pipeline.
    fn command(&mut self, dot: &Operand, command: &'e Command, last: Option<Operand>) -> Evaluated<Operand> {
        let Some((first, arguments)) = self.tree().arguments(command.arguments).split_first() else {
            return Ok(Operand::absent());
        };
        match first {
            Argument::Function { name, place, .. } => {
                self.place = Place::Argument(first);
                self.function(dot, (*name, *place), Place::Command(command), arguments, last)
            }
            Argument::Field { names, .. } => {
                self.place = Place::Argument(first);
                self.fields(dot, first, *names, dot.clone(), arguments, last)
            }
            Argument::Variable { name, fields, .. } => {
                self.place = Place::Argument(first);
                let operand = self.variable(*name)?;
                if fields.is_empty() {
                    self.not_a_function(first, arguments, last.as_ref())?;
                    return Ok(operand);
                }
                self.fields(dot, first, *fields, operand, arguments, last)
            }
            Argument::Chain { base, fields, .. } => self.chain(dot, first, base, *fields, arguments, last),
            Argument::Pipeline(pipeline) => {
                self.not_a_function(first, arguments, last.as_ref())?;
                self.parenthesized(dot, pipeline)
            }
            _ => {
                self.place = Place::Argument(first);
                self.not_a_function(first, arguments, last.as_ref())?;
                self.constant_or_dot(dot, first)
            }
        }
    }

    fn parenthesized(&mut self, dot: &Operand, pipeline: &'e Pipeline) -> Evaluated<Operand> {
        let level = self.located(self.interpreter.enter())?;
        let operand = self.pipeline(dot, pipeline)?;
        drop(level);
        Ok(operand)
    }

    fn not_a_function(
        &self,
        first: &Argument,
        arguments: &[Argument],
        last: Option<&Operand>,
    ) -> Evaluated<()> {
        if arguments.is_empty() && last.is_none() {
            return Ok(());
        }
        self.error(format!("can't give argument to non-function {}", self.shown(first)))
    }

    fn constant_or_dot(&self, dot: &Operand, argument: &Argument) -> Evaluated<Operand> {
        match argument {
            Argument::Dot { .. } => Ok(dot.clone()),
            Argument::Nil { .. } => self.error("nil is not a command"),
            Argument::Constant { value: Constant::Number(number), .. } => {
                self.ideal(number).map(Operand::bare)
            }
            Argument::Constant { value: Constant::Bool(value), .. } => Ok(Operand::bare(Value::Bool(*value))),
            Argument::Constant { value: Constant::String { value, .. }, .. } => {
                Ok(Operand::bare(Value::String(value.clone())))
            }
            other => self.error(format!("can't evaluate command \"{}\"", self.shown(other))),
        }
    }

    /// A number constant where no type is asked for: an `int`, or a `float64` if it is written like one.
    fn ideal(&self, number: &NumberConstant) -> Evaluated<Value> {
        let source = self.text_of(number.source);
        let hexadecimal = source.contains(['x', 'X']) && !source.contains(['p', 'P']);
        let is_float =
            source.contains(['.', 'e', 'E', 'p', 'P']) && !hexadecimal && !source.starts_with('\'');
        match (number.float, number.int) {
            (Some(float), _) if is_float => Ok(Value::Float(float)),
            (_, Some(int)) => Ok(Value::Int(int)),
            _ => self.error(format!("{source} overflows int")),
        }
    }

    fn variable(&self, name: Name) -> Evaluated<Operand> {
        let name = self.text_of(name);
        match self.variables.iter().rev().find(|variable| variable.name == name) {
            Some(variable) => Ok(variable.operand.clone()),
            None => self.error(format!("undefined variable: {name}")),
        }
    }

    fn chain(
        &mut self,
        dot: &Operand,
        argument: &'e Argument,
        base: &'e Argument,
        fields: Span,
        arguments: &'e [Argument],
        last: Option<Operand>,
    ) -> Evaluated<Operand> {
        self.place = Place::Argument(argument);
        let operand = self.untyped_argument(dot, base)?;
        self.fields(dot, argument, fields, operand, arguments, last)
    }

    /// The field or method at the end of a chain of fields; the last one gets the arguments. Errors name what was evaluated last: of
    /// `(x).y` what is in the parentheses.
    fn fields(
        &mut self,
        dot: &Operand,
        argument: &'e Argument,
        names: Span,
        mut receiver: Operand,
        arguments: &'e [Argument],
        last: Option<Operand>,
    ) -> Evaluated<Operand> {
        let Some((final_name, names)) = self.tree().names(names).split_last() else { return Ok(receiver) };
        for name in names {
            receiver = self.field(dot, argument, self.text_of(*name), receiver, &[], None)?;
        }
        self.field(dot, argument, self.text_of(*final_name), receiver, arguments, last)
    }

    fn field(
        &mut self,
        dot: &Operand,
        argument: &'e Argument,
        name: &'e str,
        receiver: Operand,
        arguments: &'e [Argument],
        last: Option<Operand>,
    ) -> Evaluated<Operand> {
        if receiver.is_absent() {
            return Ok(Operand::absent());
        }
        let method = match &receiver.value {
            Value::Nil => return self.error(format!("nil pointer evaluating interface {{}}.{name}")),
            Value::Map(map) => map.method(name),
            Value::List(list) => list.method(name),
            Value::Object(object) => object.method(name),
            _ => None,
        };
        if let Some(method) = method {
            return self.call(dot, &method, name, Place::Argument(argument), arguments, last);
        }
        let has_arguments = !arguments.is_empty() || last.is_some();
        match &receiver.value {
            Value::Map(_) if has_arguments => self.error(format!("{name} is not a method but has arguments")),
            Value::Map(map) => Ok(map_entry(map, name.as_bytes())),
            Value::Object(object) => match object.field(name) {
                Some(_) if has_arguments => {
                    self.error(format!("{name} has arguments but cannot be invoked as function"))
                }
                Some(value) => Ok(Operand::bare(value)),
                None => self.no_field(name, &receiver),
            },
            _ => self.no_field(name, &receiver),
        }
    }

    fn no_field(&self, name: &str, receiver: &Operand) -> Evaluated<Operand> {
        self.error(format!("can't evaluate field {name} in type {}", receiver.type_name()))
    }

    /// An argument that may be of any type.
    fn untyped_argument(&mut self, dot: &Operand, argument: &'e Argument) -> Evaluated<Operand> {
        self.place = Place::Argument(argument);
        match argument {
            Argument::Field { names, .. } => self.fields(dot, argument, *names, dot.clone(), &[], None),
            Argument::Variable { name, fields, .. } => {
                let operand = self.variable(*name)?;
                if fields.is_empty() {
                    return Ok(operand);
                }
                self.fields(dot, argument, *fields, operand, &[], None)
            }
            Argument::Pipeline(pipeline) => self.parenthesized(dot, pipeline),
            Argument::Function { name, place, .. } => {
                self.function(dot, (*name, *place), Place::Argument(argument), &[], None)
            }
            Argument::Chain { base, fields, .. } => self.chain(dot, argument, base, *fields, &[], None),
            Argument::Nil { .. } => Ok(Operand::absent()),
            _ => self.constant_or_dot(dot, argument),
        }
    }

    /// An argument for a parameter of some type. Constants take on the type where they can.
    pub(super) fn argument(&mut self, dot: &Operand, kind: Type, argument: &'e Argument) -> Evaluated<Value> {
        self.place = Place::Argument(argument);
        match argument {
            Argument::Nil { .. } if kind.can_be_nil() => Ok(Value::Nil),
            Argument::Nil { .. } => self.error(format!("cannot assign nil to {}", kind.name())),
            Argument::Constant { value, .. } => self.constant_of(kind, value, argument),
            _ => {
                let operand = self.untyped_argument(dot, argument)?;
                self.checked(operand, kind)
            }
        }
    }

    fn constant_of(&self, kind: Type, constant: &Constant, argument: &Argument) -> Evaluated<Value> {
        match (kind, constant) {
            (Type::Any | Type::Bool, Constant::Bool(value)) => Ok(Value::Bool(*value)),
            (Type::Any | Type::String, Constant::String { value, .. }) => Ok(Value::String(value.clone())),
            (Type::Any, Constant::Number(number)) => self.ideal(number),
            (Type::Int, Constant::Number(NumberConstant { int: Some(int), .. })) => Ok(Value::Int(*int)),
            (Type::Int64, Constant::Number(NumberConstant { int: Some(int), .. })) => Ok(Value::Int64(*int)),
            (Type::Float, Constant::Number(NumberConstant { float: Some(float), .. })) => {
                Ok(Value::Float(*float))
            }
            (Type::Bool, _) => self.error(format!("expected bool; found {}", self.shown(argument))),
            (Type::String, _) => self.error(format!("expected string; found {}", self.shown(argument))),
            (Type::Int | Type::Int64, _) => {
                self.error(format!("expected integer; found {}", self.shown(argument)))
            }
            (Type::Float, _) => self.error(format!("expected float; found {}", self.shown(argument))),
            (Type::List | Type::Strings | Type::Map | Type::Named(_), _) => {
                let shown = self.shown(argument);
                self.error(format!("can't handle {shown} for arg of type {}", kind.name()))
            }
        }
    }

    /// A value that suits a parameter's type, or Go's complaint.
    pub(super) fn checked(&self, operand: Operand, kind: Type) -> Evaluated<Value> {
        match &operand.value {
            Value::Nil if kind == Type::Any => Ok(Value::Nil),
            Value::Nil if operand.in_interface => {
                self.error(format!("wrong type for value; expected {}; got interface {{}}", kind.name()))
            }
            Value::Nil if kind.can_be_nil() => Ok(Value::Nil),
            Value::Nil => self.error(format!("invalid value; expected {}", kind.name())),
            value if kind.accepts(value) => Ok(operand.value),
            value => self.error(format!(
                "wrong type for value; expected {}; got {}",
                kind.name(),
                value.type_name()
            )),
        }
    }
}

/// What a map holds under a key; the zero of the map's element type if it holds nothing.
pub(super) fn map_entry(map: &Map, key: &[u8]) -> Operand {
    match map.get(key) {
        Some(value) => Operand { value, in_interface: map.holds_interfaces() },
        None => match map.element() {
            "interface {}" => Operand::boxed(Value::Nil),
            "string" => Operand::bare(Value::String(GoString::default())),
            "[]uint8" => Operand::bare(Value::Bytes(std::rc::Rc::from([].as_slice()))),
            _ => Operand::absent(),
        },
    }
}
