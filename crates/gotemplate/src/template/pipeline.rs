//! From tokens to templates: what stands inside an action.

use super::lex::{Kind, Token};
use super::node::{Argument, Command, Constant, Name, Pipeline, Position, Shown};
use super::number::{parse_character, parse_number};
use super::parse::{Parser, Parsing};
use super::tree::Span;
use crate::value::GoString;

impl Parser<'_> {
    /// A pipeline up to the token that ends it.
    pub(super) fn pipeline(&mut self, context: &str, end: Kind) -> Parsing<Pipeline> {
        let position = self.peek().place.position();
        let (variables, is_assignment) = self.declarations(context)?;
        let before = self.growing.commands.len();
        loop {
            let token = self.next();
            match token.kind {
                kind if kind == end => break,
                Kind::Bool
                | Kind::CharacterConstant
                | Kind::Dot
                | Kind::Field
                | Kind::Identifier
                | Kind::Number
                | Kind::Nil
                | Kind::RawString
                | Kind::String
                | Kind::Variable
                | Kind::LeftParenthesis => {
                    self.back();
                    let command = self.command()?;
                    self.growing.commands.push(command);
                }
                _ => return self.unexpected(token, context),
            }
        }
        let commands = self.growing.place_commands(before);
        self.check(commands, context)?;
        Ok(Pipeline { position, is_assignment, variables, commands })
    }

    /// `$x :=`, `$x =` or, of a range, `$i, $x :=`: the variables, and whether values are assigned to them.
    fn declarations(&mut self, context: &str) -> Parsing<(Span, bool)> {
        let mut variables = self.growing.no_names();
        let mut count = 0;
        loop {
            let variable = self.peek();
            if variable.kind != Kind::Variable {
                return Ok((variables, false));
            }
            self.next();
            let following = self.peek();
            let is_comma = following.kind == Kind::Character && self.text_of(following) == ",";
            let declares = matches!(following.kind, Kind::Assign | Kind::Declare);
            if !declares && !is_comma {
                self.back();
                return Ok((variables, false));
            }
            self.next();
            variables = self.growing.with_name(variables, variable.place);
            count += 1;
            self.variables.push(self.text_of(variable));
            if declares {
                return Ok((variables, following.kind == Kind::Assign));
            }
            if context != "range" || count >= 2 {
                return self.error(format!("too many declarations in {context}"));
            }
            let next = self.peek().kind;
            if !matches!(next, Kind::Variable | Kind::RightDelimiter | Kind::RightParenthesis) {
                return self.error("range can only initialize variables");
            }
        }
    }

    fn check(&self, commands: Span, context: &str) -> Parsing<()> {
        let tree = &self.growing.tree;
        if commands.is_empty() {
            return self.error(format!("missing value for {context}"));
        }
        for (index, command) in tree.commands(commands).iter().enumerate().skip(1) {
            if let Some(Argument::Dot { .. } | Argument::Nil { .. } | Argument::Constant { .. }) =
                tree.arguments(command.arguments).first()
            {
                return self.error(format!("non executable command in pipeline stage {}", index + 1));
            }
        }
        Ok(())
    }

    fn command(&mut self) -> Parsing<Command> {
        let position = self.peek().place.position();
        let before = self.growing.arguments.len();
        loop {
            self.peek();
            let operand = self.operand()?;
            let found = operand.is_some();
            self.growing.arguments.extend(operand);
            let token = self.peek();
            match token.kind {
                Kind::RightDelimiter | Kind::RightParenthesis => {}
                Kind::Pipe => drop(self.next()),
                _ if found && token.after_space => continue,
                _ => return self.unexpected(token, "operand"),
            }
            break;
        }
        let arguments = self.growing.place_arguments(before);
        if arguments.is_empty() {
            return self.error("empty command");
        }
        Ok(Command { position, arguments })
    }

    /// A term with the fields that follow it.
    fn operand(&mut self) -> Parsing<Option<Argument>> {
        let Some(term) = self.term()? else { return Ok(None) };
        let first = self.peek();
        if first.kind != Kind::Field || first.after_space {
            return Ok(Some(term));
        }
        self.chain(term, first.place.position()).map(Some)
    }

    fn chain(&mut self, term: Argument, position: Position) -> Parsing<Argument> {
        Ok(match term {
            Argument::Field { names, .. } => Argument::Field { position, names: self.fields(names) },
            Argument::Variable { name, fields, .. } => {
                Argument::Variable { position, name, fields: self.fields(fields) }
            }
            Argument::Dot { .. } | Argument::Nil { .. } | Argument::Constant { .. } => {
                let shown = Shown { node: &term, source: self.text(), tree: &self.growing.tree }.to_string();
                let shown = crate::number::quote_go(shown.as_bytes());
                return self.error(format!("unexpected . after term {shown}"));
            }
            base => {
                let fields = self.growing.no_names();
                Argument::Chain { position, base: Box::new(base), fields: self.fields(fields) }
            }
        })
    }

    /// The fields that follow, behind those that came before.
    fn fields(&mut self, mut fields: Span) -> Span {
        loop {
            let field = self.peek();
            if field.kind != Kind::Field || field.after_space {
                return fields;
            }
            self.next();
            fields = self.growing.with_name(fields, field_name(field));
        }
    }

    fn term(&mut self) -> Parsing<Option<Argument>> {
        let token = self.next();
        let position = token.place.position();
        let text = self.text_of(token);
        Ok(Some(match token.kind {
            Kind::Identifier => {
                let Some(place) = self.function(text) else {
                    let quoted = crate::number::quote_go(text.as_bytes());
                    return self.error(format!("function {quoted} not defined"));
                };
                Argument::Function { position, name: token.place, place }
            }
            Kind::Dot => Argument::Dot { position },
            Kind::Nil => Argument::Nil { position },
            Kind::Variable => self.variable(token)?,
            Kind::Field => {
                let names = self.growing.no_names();
                Argument::Field { position, names: self.growing.with_name(names, field_name(token)) }
            }
            Kind::Bool => Argument::Constant { position, value: Constant::Bool(text == "true") },
            Kind::CharacterConstant | Kind::Number => self.number(token)?,
            Kind::LeftParenthesis => Argument::Pipeline(Box::new(
                self.nested(|parser| parser.pipeline("parenthesized pipeline", Kind::RightParenthesis))?,
            )),
            Kind::String | Kind::RawString => self.string(token)?,
            _ => {
                self.back();
                return Ok(None);
            }
        }))
    }

    fn variable(&self, token: Token) -> Parsing<Argument> {
        let text = self.text_of(token);
        if !self.variables.contains(&text) {
            let quoted = crate::number::quote_go(text.as_bytes());
            return self.error(format!("undefined variable {quoted}"));
        }
        let fields = self.growing.no_names();
        Ok(Argument::Variable { position: token.place.position(), name: token.place, fields })
    }

    fn number(&self, token: Token) -> Parsing<Argument> {
        let parsed = match token.kind {
            Kind::CharacterConstant => parse_character(self.text_of(token), token.place),
            _ => parse_number(self.text_of(token), token.place),
        };
        match parsed {
            Ok(number) => {
                Ok(Argument::Constant { position: token.place.position(), value: Constant::Number(number) })
            }
            Err(message) => self.error(message),
        }
    }

    fn string(&self, token: Token) -> Parsing<Argument> {
        let Some(value) = crate::number::unquote_go(self.text_of(token)) else {
            return self.error("invalid syntax");
        };
        let value = Constant::String { source: token.place, value: GoString::from(value) };
        Ok(Argument::Constant { position: token.place.position(), value })
    }
}

/// Where the name in a field's token stands, behind the dot.
fn field_name(token: Token) -> Name {
    token.place.behind_first()
}
