//! From tokens to templates: what stands inside an action.

use std::sync::Arc;

use super::lex::{Kind, Token};
use super::node::{Argument, Command, Constant, Name, Pipeline, Position};
use super::number::{parse_character, parse_number};
use super::parse::{Parser, Parsing};
use crate::value::GoString;

/// How many fields most chains have at most, such as `.Values.image.tag`.
const TYPICAL_FIELDS: usize = 3;

impl Parser<'_> {
    /// A pipeline up to the token that ends it.
    pub(super) fn pipeline(&mut self, context: &str, end: Kind) -> Parsing<Pipeline> {
        let position = self.peek_non_space().position;
        let mut pipeline = Pipeline {
            position,
            is_assignment: false,
            variables: Vec::new(),
            commands: Vec::with_capacity(1),
        };
        self.declarations(&mut pipeline, context)?;
        loop {
            let token = self.next_non_space();
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
                    self.push_back(token);
                    pipeline.commands.push(self.command()?);
                }
                _ => return self.unexpected(&token, context),
            }
        }
        self.check(&pipeline, context)?;
        Ok(pipeline)
    }

    /// `$x :=`, `$x =` or, of a range, `$i, $x :=`.
    fn declarations(&mut self, pipeline: &mut Pipeline, context: &str) -> Parsing<()> {
        loop {
            let variable = self.peek_non_space();
            if variable.kind != Kind::Variable {
                return Ok(());
            }
            self.next_non_space();
            let after = self.next();
            let following = if after.kind == Kind::Space { self.peek_non_space() } else { after };
            let is_comma = following.kind == Kind::Character && following.text == ",";
            let declares = matches!(following.kind, Kind::Assign | Kind::Declare);
            if !declares && !is_comma {
                self.push_back(after);
                self.push_back(variable);
                return Ok(());
            }
            if after.kind == Kind::Space {
                self.next_non_space();
            }
            let name: Arc<str> = Arc::from(variable.text);
            pipeline.variables.push(Arc::clone(&name));
            self.variables.push(name);
            if declares {
                pipeline.is_assignment = following.kind == Kind::Assign;
                return Ok(());
            }
            if context != "range" || pipeline.variables.len() >= 2 {
                return self.error(format!("too many declarations in {context}"));
            }
            let next = self.peek_non_space().kind;
            if !matches!(next, Kind::Variable | Kind::RightDelimiter | Kind::RightParenthesis) {
                return self.error("range can only initialize variables");
            }
        }
    }

    fn check(&self, pipeline: &Pipeline, context: &str) -> Parsing<()> {
        if pipeline.commands.is_empty() {
            return self.error(format!("missing value for {context}"));
        }
        for (index, command) in pipeline.commands.iter().enumerate().skip(1) {
            if let Some(Argument::Dot { .. } | Argument::Nil { .. } | Argument::Constant { .. }) =
                command.arguments.first()
            {
                return self.error(format!("non executable command in pipeline stage {}", index + 1));
            }
        }
        Ok(())
    }

    fn command(&mut self) -> Parsing<Command> {
        let position = self.peek_non_space().position;
        let mut arguments = Vec::with_capacity(2);
        loop {
            self.peek_non_space();
            if let Some(argument) = self.operand()? {
                arguments.push(argument);
            }
            let token = self.next();
            match token.kind {
                Kind::Space => continue,
                Kind::RightDelimiter | Kind::RightParenthesis => self.push_back(token),
                Kind::Pipe => {}
                _ => return self.unexpected(&token, "operand"),
            }
            break;
        }
        if arguments.is_empty() {
            return self.error("empty command");
        }
        Ok(Command { position, arguments })
    }

    /// A term with the fields that follow it.
    fn operand(&mut self) -> Parsing<Option<Argument>> {
        let Some(term) = self.term()? else { return Ok(None) };
        let first = self.peek();
        if first.kind != Kind::Field {
            return Ok(Some(term));
        }
        self.chain(term, first.position).map(Some)
    }

    fn chain(&mut self, term: Argument, position: Position) -> Parsing<Argument> {
        Ok(match term {
            Argument::Field { names, .. } => Argument::Field { position, names: self.fields(names) },
            Argument::Variable { name, fields, .. } => {
                Argument::Variable { position, name, fields: self.fields(fields) }
            }
            Argument::Dot { .. } | Argument::Nil { .. } | Argument::Constant { .. } => {
                let shown = crate::number::quote_go(term.to_string().as_bytes());
                return self.error(format!("unexpected . after term {shown}"));
            }
            base => Argument::Chain { position, base: Box::new(base), fields: self.fields(Vec::new()) },
        })
    }

    /// The fields that follow, behind those that came before.
    fn fields(&mut self, mut fields: Vec<Name>) -> Vec<Name> {
        while self.peek().kind == Kind::Field {
            let field = self.next();
            fields.push(self.field_name(&field));
        }
        fields
    }

    fn field_name(&self, token: &Token<'_>) -> Name {
        let dot = usize::from(token.text.starts_with('.'));
        self.name(token.position + dot..token.position + token.text.len())
    }

    fn text_of(&self, token: &Token<'_>) -> Name {
        self.name(token.position..token.position + token.text.len())
    }

    fn term(&mut self) -> Parsing<Option<Argument>> {
        let token = self.next_non_space();
        let position = token.position;
        Ok(Some(match token.kind {
            Kind::Identifier => {
                if !self.is_function(token.text) {
                    let quoted = crate::number::quote_go(token.text.as_bytes());
                    return self.error(format!("function {quoted} not defined"));
                }
                Argument::Function { position, name: self.text_of(&token) }
            }
            Kind::Dot => Argument::Dot { position },
            Kind::Nil => Argument::Nil { position },
            Kind::Variable => self.variable(&token)?,
            Kind::Field => {
                let mut names = Vec::with_capacity(TYPICAL_FIELDS);
                names.push(self.field_name(&token));
                Argument::Field { position, names }
            }
            Kind::Bool => Argument::Constant { position, value: Constant::Bool(token.text == "true") },
            Kind::CharacterConstant | Kind::Number => self.number(&token)?,
            Kind::LeftParenthesis => Argument::Pipeline(
                self.nested(|parser| parser.pipeline("parenthesized pipeline", Kind::RightParenthesis))?,
            ),
            Kind::String | Kind::RawString => self.string(&token)?,
            _ => {
                self.push_back(token);
                return Ok(None);
            }
        }))
    }

    fn variable(&self, token: &Token<'_>) -> Parsing<Argument> {
        match self.variables.iter().find(|known| known.as_ref() == token.text) {
            Some(name) => Ok(Argument::Variable {
                position: token.position,
                name: Arc::clone(name),
                fields: Vec::new(),
            }),
            None => {
                let quoted = crate::number::quote_go(token.text.as_bytes());
                self.error(format!("undefined variable {quoted}"))
            }
        }
    }

    fn number(&self, token: &Token<'_>) -> Parsing<Argument> {
        let parsed = match token.kind {
            Kind::CharacterConstant => parse_character(self.text_of(token)),
            _ => parse_number(self.text_of(token)),
        };
        match parsed {
            Ok(number) => {
                Ok(Argument::Constant { position: token.position, value: Constant::Number(number) })
            }
            Err(message) => self.error(message),
        }
    }

    fn string(&self, token: &Token<'_>) -> Parsing<Argument> {
        let Some(value) = crate::number::unquote_go(token.text) else { return self.error("invalid syntax") };
        let value = Constant::String { source: self.text_of(token), value: GoString::from(value) };
        Ok(Argument::Constant { position: token.position, value })
    }
}
