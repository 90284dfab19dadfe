//! From tokens to templates: the actions.

use std::sync::Arc;

use super::Template;
use super::lex::{Kind, Lexer, Token};
use super::node::{Branch, Name, Node, Position, TemplateCall};

/// Why a text is not a template; Go's message, `template: NAME:LINE: ...`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseError(String);

pub(super) type Parsing<T> = Result<T, ParseError>;

/// The variable that holds the dot that a template was called with.
const ROOT: &str = "$";

/// Room for the pieces of most bodies.
const TYPICAL_PIECES: usize = 8;

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

/// The most tokens that are to be read again at a time.
const MOST_PENDING: usize = 3;

/// Tokens to be read again, the next one last.
#[derive(Default)]
struct Pending {
    tokens: [Option<Token>; MOST_PENDING],
    count: usize,
}

impl Pending {
    fn push(&mut self, token: Token) {
        if let Some(place) = self.tokens.get_mut(self.count) {
            *place = Some(token);
            self.count += 1;
        }
    }

    fn pop(&mut self) -> Option<Token> {
        let token = self.last()?;
        self.count -= 1;
        Some(token)
    }

    fn last(&self) -> Option<Token> {
        self.tokens.get(self.count.checked_sub(1)?).copied().flatten()
    }
}

/// Parses one text.
pub(super) struct Parser<'t> {
    name: &'t str,
    source_name: Arc<str>,
    source: Arc<str>,
    text: &'t str,
    is_function: &'t dyn Fn(&str) -> bool,
    lexer: Lexer<'t>,
    pending: Pending,
    /// Where the token stands that was last taken from the lexer; errors name its line.
    last_position: Position,
    pub(super) variables: Vec<&'t str>,
    range_depth: usize,
    depth: usize,
    action_position: Option<Position>,
    templates: Vec<Arc<Template>>,
}

impl<'t> Parser<'t> {
    pub(super) fn new(name: &'t str, text: &'t str, is_function: &'t dyn Fn(&str) -> bool) -> Self {
        Self {
            name,
            source_name: Arc::from(name),
            source: Arc::from(text),
            text,
            is_function,
            lexer: Lexer::new(text),
            pending: Pending::default(),
            last_position: 0,
            variables: vec![ROOT],
            range_depth: 0,
            depth: 0,
            action_position: None,
            templates: Vec::new(),
        }
    }

    /// All templates of the text, and the text's own.
    pub(super) fn parse(mut self) -> Parsing<(Vec<Arc<Template>>, Arc<Template>)> {
        if self.text.len() > Name::MOST_BYTES {
            return self.error("the text is too long");
        }
        let mut body = Vec::with_capacity(2 * TYPICAL_PIECES);
        loop {
            let token = self.peek();
            match token.kind {
                Kind::End => break,
                Kind::LeftDelimiter => {
                    let delimiter = self.next();
                    let following = self.next();
                    if self.is_keyword(following, "define") {
                        self.definition()?;
                        continue;
                    }
                    self.push_back(following);
                    self.push_back(delimiter);
                }
                _ => {}
            }
            if let Some(end) = self.text_or_action(&mut body)? {
                return self.error(format!("unexpected {}", end.shown()));
            }
        }
        let main = self.add(self.name.to_owned(), body)?;
        Ok((self.templates, main))
    }

    fn add(&mut self, name: String, body: Vec<Node>) -> Parsing<Arc<Template>> {
        let source_name = Arc::clone(&self.source_name);
        let template = Arc::new(Template { name, source_name, source: Arc::clone(&self.source), body });
        let known = self.templates.iter().position(|known| known.name == template.name);
        match known {
            None => self.templates.push(Arc::clone(&template)),
            Some(index) if self.templates[index].is_empty() => self.templates[index] = Arc::clone(&template),
            Some(_) if template.is_empty() => {}
            Some(_) => {
                let quoted = crate::number::quote_go(template.name.as_bytes());
                return self.error(format!("template: multiple definition of template {quoted}"));
            }
        }
        Ok(template)
    }

    pub(super) fn error<T>(&self, message: impl std::fmt::Display) -> Parsing<T> {
        Err(ParseError(format!("template: {}:{}: {message}", self.name, self.line(self.last_position))))
    }

    fn line(&self, position: Position) -> usize {
        let position = usize::try_from(position).unwrap_or(usize::MAX);
        self.text.get(..position).unwrap_or_default().matches('\n').count() + 1
    }

    pub(super) fn next(&mut self) -> Token {
        self.pending.pop().unwrap_or_else(|| {
            let token = self.lexer.next_token();
            self.last_position = token.place.position();
            token
        })
    }

    pub(super) fn push_back(&mut self, token: Token) {
        self.pending.push(token);
    }

    pub(super) fn peek(&mut self) -> Token {
        if let Some(token) = self.pending.last() {
            return token;
        }
        let token = self.next();
        self.push_back(token);
        token
    }

    pub(super) fn unexpected<T>(&self, token: Token, context: &str) -> Parsing<T> {
        if token.kind != Kind::Error {
            return self.error(format!("unexpected {} in {context}", token.shown(self.text)));
        }
        let message = self.lexer.failure();
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

    pub(super) fn is_function(&self, name: &str) -> bool {
        (self.is_function)(name)
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

    fn list_to_end(&mut self, context: &str) -> Parsing<Vec<Node>> {
        match self.list()? {
            (body, End::End) => Ok(body),
            (_, end) => self.error(format!("unexpected {} in {context}", end.shown())),
        }
    }

    /// Pieces up to an `{{end}}` or `{{else}}`.
    fn list(&mut self) -> Parsing<(Vec<Node>, End)> {
        let mut nodes = Vec::with_capacity(TYPICAL_PIECES);
        while self.peek().kind != Kind::End {
            if let Some(end) = self.text_or_action(&mut nodes)? {
                return Ok((nodes, end));
            }
        }
        self.error("unexpected EOF")
    }

    /// The next piece, added to `nodes`, or what ends them.
    fn text_or_action(&mut self, nodes: &mut Vec<Node>) -> Parsing<Option<End>> {
        let token = self.next();
        match token.kind {
            Kind::Text => {
                nodes.push(Node::Text(token.place));
                Ok(None)
            }
            Kind::LeftDelimiter => {
                self.action_position = Some(token.place.position());
                let end = self.nested(|parser| parser.action(nodes));
                self.action_position = None;
                end
            }
            _ => self.unexpected(token, "input"),
        }
    }

    fn action(&mut self, nodes: &mut Vec<Node>) -> Parsing<Option<End>> {
        let token = self.next();
        let keyword = if token.kind == Kind::Keyword { self.text_of(token) } else { "" };
        nodes.push(match keyword {
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
                self.push_back(token);
                Node::Action(self.pipeline("command", Kind::RightDelimiter)?)
            }
        });
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
    fn else_branch(&mut self, context: &'static str) -> Parsing<Vec<Node>> {
        let token = self.peek();
        if self.is_keyword(token, context) && matches!(context, "if" | "with") {
            self.next();
            let branch = Box::new(self.nested(|parser| parser.branch(context))?);
            return Ok(vec![if context == "if" { Node::If(branch) } else { Node::With(branch) }]);
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
            self.push_back(following);
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
