//! From tokens to templates: the actions.

use super::is_blank;
use super::lex::{Kind, Lexer, Token, Tokens};
use super::node::{Branch, Node, Position, TemplateCall};
use super::tree::{Growing, Span, Tree};
use crate::function::FunctionNames;

/// Why a text is not a template; Go's message, `template: NAME:LINE: ...`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseError(String);

pub(super) type Parsing<T> = Result<T, ParseError>;

/// The variable that holds the dot that a template was called with.
const ROOT: &str = "$";

/// How deep actions and parentheses may be nested.
const MAX_DEPTH: usize = 250;

/// What ends a list of pieces.
enum End {
    End,
    /// Followed by an `if` or a `with` that belongs to the same action, or by the end of the action.
    Else,
}

impl End {
    fn shown(&self) -> &'static str {
        match self {
            Self::Else => "{{else}}",
            Self::End => "{{end}}",
        }
    }
}

/// The templates of a text.
#[derive(Debug)]
pub(super) struct Definitions {
    /// All of them, by name.
    pub(super) named: Vec<(String, Span)>,
    /// The text's own.
    pub(super) main: Span,
}

/// Parses one text.
pub(super) struct Parser<'t> {
    name: &'t str,
    text: &'t str,
    functions: &'t FunctionNames,
    tokens: Tokens,
    /// The token to be read next.
    next: usize,
    /// How many tokens were read, those that are to be read again included; errors name the line of the last one.
    read: usize,
    pub(super) variables: Vec<&'t str>,
    range_depth: usize,
    depth: usize,
    action_position: Option<Position>,
    named: Vec<(String, Span)>,
    pub(super) growing: Growing,
}

impl<'t> Parser<'t> {
    pub(super) fn new(name: &'t str, text: &'t str, functions: &'t FunctionNames) -> Self {
        Self {
            name,
            text,
            functions,
            tokens: Lexer::new(text).tokens(),
            next: 0,
            read: 0,
            variables: vec![ROOT],
            range_depth: 0,
            depth: 0,
            action_position: None,
            named: Vec::new(),
            growing: Growing::with_room_for(text.len()),
        }
    }

    /// The text's tree and the templates in it.
    pub(super) fn parse(mut self) -> Parsing<(Tree, Definitions)> {
        loop {
            let token = self.peek();
            match token.kind {
                Kind::End => break,
                Kind::LeftDelimiter => {
                    self.next();
                    let following = self.next();
                    if self.is_keyword(following, "define") {
                        self.definition()?;
                        continue;
                    }
                    self.back();
                    self.back();
                }
                _ => {}
            }
            if let Some(end) = self.text_or_action()? {
                return self.error(format!("unexpected {}", end.shown()));
            }
        }
        let main = self.growing.place_nodes(0);
        self.add(self.name.to_owned(), main)?;
        Ok((self.growing.tree, Definitions { named: self.named, main }))
    }

    fn add(&mut self, name: String, body: Span) -> Parsing<()> {
        let is_empty = |body| is_blank(self.growing.tree.nodes(body), self.text);
        match self.named.iter().position(|(known, _)| *known == name) {
            None => self.named.push((name, body)),
            Some(index) if is_empty(self.named[index].1) => self.named[index].1 = body,
            Some(_) if is_empty(body) => {}
            Some(_) => {
                let quoted = crate::number::quote_go(name.as_bytes());
                return self.error(format!("template: multiple definition of template {quoted}"));
            }
        }
        Ok(())
    }

    pub(super) fn error<T>(&self, message: impl std::fmt::Display) -> Parsing<T> {
        Err(ParseError(format!("template: {}:{}: {message}", self.name, self.last_line())))
    }

    fn line(&self, position: Position) -> usize {
        let position = usize::try_from(position).unwrap_or(usize::MAX);
        self.text.get(..position).unwrap_or_default().matches('\n').count() + 1
    }

    /// The line of the last token that was read.
    fn last_line(&self) -> usize {
        let last = self.read.checked_sub(1).map(|last| self.tokens.get(last));
        self.line(last.map_or(0, |token| token.place.position()))
    }

    pub(super) fn next(&mut self) -> Token {
        let token = self.peek();
        self.next += 1;
        token
    }

    /// Has the last token read again.
    pub(super) fn back(&mut self) {
        self.next = self.next.saturating_sub(1);
    }

    pub(super) fn peek(&mut self) -> Token {
        self.read = self.read.max(self.next + 1);
        self.tokens.get(self.next)
    }

    pub(super) fn unexpected<T>(&self, token: Token, context: &str) -> Parsing<T> {
        if token.kind != Kind::Error {
            return self.error(format!("unexpected {} in {context}", token.shown(self.text)));
        }
        let message = self.tokens.failure();
        let started = self.action_position.map(|position| self.line(position));
        match started {
            Some(line) if line != self.line(token.place.position()) => {
                let inside = if message.ends_with(" action") { " started" } else { " in action started" };
                self.error(format!("{message}{inside} at {}:{line}", self.name))
            }
            _ => self.error(message),
        }
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Parsing<Token> {
        let token = self.next();
        if token.kind == kind { Ok(token) } else { self.unexpected(token, context) }
    }

    pub(super) fn text_of(&self, token: Token) -> &'t str {
        token.place.of(self.text)
    }

    fn is_keyword(&self, token: Token, word: &str) -> bool {
        token.kind == Kind::Keyword && self.text_of(token) == word
    }

    pub(super) fn text(&self) -> &'t str {
        self.text
    }

    /// The place of a function among those that templates can call.
    pub(super) fn function(&self, name: &str) -> Option<usize> {
        self.functions.place(name)
    }

    pub(super) fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsing<T>) -> Parsing<T> {
        if self.depth >= MAX_DEPTH {
            return self.error("max expression depth exceeded");
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    /// `{{define "name"}}...{{end}}`, whose variables and loops are its own.
    fn definition(&mut self) -> Parsing<()> {
        let token = self.next();
        let name = self.template_name(token, "define clause")?;
        self.expect(Kind::RightDelimiter, "define clause")?;
        let body = self.own_scope(|parser| parser.list_to_end("define clause"))?;
        self.add(name, body)?;
        Ok(())
    }

    fn own_scope<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsing<T>) -> Parsing<T> {
        let variables = std::mem::replace(&mut self.variables, vec![ROOT]);
        let range_depth = std::mem::take(&mut self.range_depth);
        let parsed = parse(self);
        self.variables = variables;
        self.range_depth = range_depth;
        parsed
    }

    fn list_to_end(&mut self, context: &str) -> Parsing<Span> {
        match self.list()? {
            (body, End::End) => Ok(body),
            (_, end) => self.error(format!("unexpected {} in {context}", end.shown())),
        }
    }

    /// Pieces up to an `{{end}}` or `{{else}}`.
    fn list(&mut self) -> Parsing<(Span, End)> {
        let before = self.growing.nodes.len();
        while self.peek().kind != Kind::End {
            if let Some(end) = self.text_or_action()? {
                return Ok((self.growing.place_nodes(before), end));
            }
        }
        self.error("unexpected EOF")
    }

    /// The next piece, added to those that wait, or what ends them.
    fn text_or_action(&mut self) -> Parsing<Option<End>> {
        let token = self.next();
        match token.kind {
            Kind::Text => {
                self.growing.nodes.push(Node::Text(token.place));
                Ok(None)
            }
            Kind::LeftDelimiter => {
                self.action_position = Some(token.place.position());
                let end = self.nested(Self::action);
                self.action_position = None;
                end
            }
            _ => self.unexpected(token, "input"),
        }
    }

    fn action(&mut self) -> Parsing<Option<End>> {
        let token = self.next();
        let keyword = if token.kind == Kind::Keyword { self.text_of(token) } else { "" };
        let node = match keyword {
            "block" => self.block()?,
            "break" => self.loop_control("break", Node::Break)?,
            "continue" => self.loop_control("continue", Node::Continue)?,
            "else" => return self.otherwise().map(Some),
            "end" => {
                self.expect(Kind::RightDelimiter, "end")?;
                return Ok(Some(End::End));
            }
            "if" => Node::If(Box::new(self.branch("if")?)),
            "range" => Node::Range(Box::new(self.branch("range")?)),
            "template" => self.template_call()?,
            "with" => Node::With(Box::new(self.branch("with")?)),
            _ => {
                self.back();
                Node::Action(self.pipeline("command", Kind::RightDelimiter)?)
            }
        };
        self.growing.nodes.push(node);
        Ok(None)
    }

    fn loop_control(&mut self, keyword: &str, node: Node) -> Parsing<Node> {
        let token = self.next();
        if token.kind != Kind::RightDelimiter {
            return self.unexpected(token, &format!("{{{{{keyword}}}}}"));
        }
        if self.range_depth == 0 {
            return self.error(format!("{{{{{keyword}}}}} outside {{{{range}}}}"));
        }
        Ok(node)
    }

    fn otherwise(&mut self) -> Parsing<End> {
        let token = self.peek();
        let goes_on = self.is_keyword(token, "if") || self.is_keyword(token, "with");
        if !goes_on {
            self.expect(Kind::RightDelimiter, "else")?;
        }
        Ok(End::Else)
    }

    fn branch(&mut self, context: &'static str) -> Parsing<Branch> {
        let variables = self.variables.len();
        let pipeline = self.pipeline(context, Kind::RightDelimiter)?;
        let in_range = usize::from(context == "range");
        self.range_depth += in_range;
        let (body, end) = self.list()?;
        self.range_depth -= in_range;
        let otherwise = match end {
            End::Else => Some(self.else_branch(context)?),
            End::End => None,
        };
        self.variables.truncate(variables);
        Ok(Branch { pipeline, body, otherwise })
    }

    /// After `{{else`: another branch of the same kind in the same action, or a body up to the end.
    fn else_branch(&mut self, context: &'static str) -> Parsing<Span> {
        let token = self.peek();
        if self.is_keyword(token, context) && matches!(context, "if" | "with") {
            self.next();
            let branch = Box::new(self.nested(|parser| parser.branch(context))?);
            let before = self.growing.nodes.len();
            self.growing.nodes.push(if context == "if" { Node::If(branch) } else { Node::With(branch) });
            return Ok(self.growing.place_nodes(before));
        }
        match self.list()? {
            (body, End::End) => Ok(body),
            (_, end) => self.error(format!("expected end; found {}", end.shown())),
        }
    }

    /// `{{block "name" pipeline}}` defines a template and calls it.
    fn block(&mut self) -> Parsing<Node> {
        let token = self.next();
        let name = self.template_name(token, "block clause")?;
        let pipeline = self.pipeline("block clause", Kind::RightDelimiter)?;
        let body = self.own_scope(|parser| parser.list_to_end("block clause"))?;
        self.add(name.clone(), body)?;
        let call = TemplateCall { position: token.place.position(), name, pipeline: Some(pipeline) };
        Ok(Node::Template(Box::new(call)))
    }

    fn template_call(&mut self) -> Parsing<Node> {
        let token = self.next();
        let name = self.template_name(token, "template clause")?;
        let following = self.next();
        let pipeline = if following.kind == Kind::RightDelimiter {
            None
        } else {
            self.back();
            Some(self.pipeline("template clause", Kind::RightDelimiter)?)
        };
        Ok(Node::Template(Box::new(TemplateCall { position: token.place.position(), name, pipeline })))
    }

    fn template_name(&mut self, token: Token, context: &str) -> Parsing<String> {
        if !matches!(token.kind, Kind::String | Kind::RawString) {
            return self.unexpected(token, context);
        }
        match crate::number::unquote_go(self.text_of(token)) {
            Some(name) => Ok(String::from_utf8_lossy(&name).into_owned()),
            None => self.error("invalid syntax"),
        }
    }
}
