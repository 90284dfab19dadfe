//! From a template's text to tokens.

use super::node::Name;
use crate::number::is_printable;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Error,
    End,
    Text,
    LeftDelimiter,
    RightDelimiter,
    Assign,
    Declare,
    Pipe,
    LeftParenthesis,
    RightParenthesis,
    Bool,
    Character,
    CharacterConstant,
    Dot,
    Field,
    Identifier,
    Number,
    String,
    RawString,
    Variable,
    Keyword,
    Nil,
}

/// A token: a stretch of the text, or an error, whose message the lexer has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Whether there is white space before it, inside an action.
    pub(super) after_space: bool,
    pub(super) place: Name,
}

impl Token {
    /// The token as Go's parse errors show it.
    pub(super) fn shown(self, source: &str) -> String {
        let quote = |text: &str| crate::number::quote_go(text.as_bytes());
        let text = self.place.of(source);
        match self.kind {
            Kind::End => "EOF".to_owned(),
            Kind::Keyword | Kind::Nil | Kind::Dot => format!("<{text}>"),
            _ if text.len() > 10 => {
                let head: String = text.chars().take(10).collect();
                format!("{}...", quote(&head))
            }
            _ => quote(text),
        }
    }
}

const LEFT: &str = "{{";
const RIGHT: &str = "}}";

fn is_keyword(word: &str) -> bool {
    matches!(
        word,
        "block" | "break" | "continue" | "define" | "else" | "end" | "if" | "range" | "template" | "with"
    )
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

fn is_word(character: char) -> bool {
    character == '_' || character.is_alphanumeric()
}

/// What a byte can be part of; bytes of characters beyond ASCII are looked at as characters.
const SPACE: u8 = 1;
/// A letter, a digit or an underscore.
const WORD: u8 = 2;
/// Ends a name.
const TERMINATOR: u8 = 4;

/// The classes of all bytes.
static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        classes[byte as usize] = match byte {
            b' ' | b'\t' | b'\r' | b'\n' => SPACE | TERMINATOR,
            b'.' | b',' | b'|' | b':' | b')' | b'(' => TERMINATOR,
            b'_' | b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => WORD,
            _ => 0,
        };
        byte += 1;
    }
    classes
}

fn is_in(byte: u8, class: u8) -> bool {
    CLASSES[usize::from(byte)] & class != 0
}

/// The tokens of a text.
#[derive(Debug)]
pub(super) struct Tokens {
    tokens: Vec<Token>,
    /// The last one: the end or an error.
    last: Token,
    failure: Option<String>,
}

impl Tokens {
    /// A token; behind all others stands the end of the text, or the error that ended the search for more.
    pub(super) fn get(&self, index: usize) -> Token {
        self.tokens.get(index).copied().unwrap_or(self.last)
    }

    /// The message of an error token.
    pub(super) fn failure(&self) -> &str {
        self.failure.as_deref().unwrap_or_default()
    }
}

/// Bytes of text for which there is one token, about.
const BYTES_PER_TOKEN: usize = 12;

/// Finds the tokens of a text one by one.
#[derive(Debug)]
pub(super) struct Lexer<'t> {
    text: &'t str,
    start: usize,
    position: usize,
    in_action: bool,
    after_space: bool,
    parentheses: usize,
    /// What is wrong with the text; nothing is read after that.
    failure: Option<String>,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            text,
            start: 0,
            position: 0,
            in_action: false,
            after_space: false,
            parentheses: 0,
            failure: None,
        }
    }

    /// All tokens.
    pub(super) fn tokens(mut self) -> Tokens {
        let mut tokens = Vec::with_capacity(self.text.len() / BYTES_PER_TOKEN);
        if self.text.len() > Name::MOST_BYTES {
            tokens.push(self.fail("the text is too long"));
        }
        while self.failure.is_none() {
            let token = if self.in_action { self.lex_action() } else { self.lex_text() };
            if token.kind == Kind::End {
                break;
            }
            tokens.push(token);
        }
        let end = Name::new(self.text.len()..self.text.len());
        let last = Token { kind: Kind::End, place: end, after_space: false };
        Tokens { tokens, last, failure: self.failure }
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.position..).unwrap_or_default()
    }

    fn bytes_from(&self, position: usize) -> &'t [u8] {
        self.text.as_bytes().get(position..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        let first = *self.text.as_bytes().get(self.position)?;
        if first.is_ascii() { Some(char::from(first)) } else { self.rest().chars().next() }
    }

    fn take(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.position += character.len_utf8();
        Some(character)
    }

    fn takes(&mut self, accepted: impl FnOnce(char) -> bool) -> bool {
        let found = self.peek().is_some_and(accepted);
        if found {
            self.take();
        }
        found
    }

    fn take_while(&mut self, accepted: impl Fn(char) -> bool) {
        let bytes = self.text.as_bytes();
        loop {
            // Nearly all text is ASCII, which needs no decoding.
            match bytes.get(self.position) {
                Some(byte) if byte.is_ascii() && accepted(char::from(*byte)) => self.position += 1,
                Some(byte) if !byte.is_ascii() && self.takes(&accepted) => {}
                _ => return,
            }
        }
    }

    /// Passes over a word.
    fn skip_word(&mut self) {
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.position) {
                Some(byte) if is_in(*byte, WORD) => self.position += 1,
                Some(byte) if !byte.is_ascii() && self.takes(is_word) => {}
                _ => return,
            }
        }
    }

    fn skip_spaces(&mut self) {
        let bytes = self.text.as_bytes();
        while bytes.get(self.position).is_some_and(|byte| is_in(*byte, SPACE)) {
            self.position += 1;
        }
    }

    fn token(&mut self, kind: Kind) -> Token {
        let place = Name::new(self.start..self.position);
        self.start = self.position;
        Token { kind, place, after_space: std::mem::take(&mut self.after_space) }
    }

    fn fail(&mut self, message: impl Into<String>) -> Token {
        self.failure = Some(message.into());
        Token { kind: Kind::Error, place: Name::new(self.start..self.start), after_space: false }
    }

    /// Text up to the next action, without the white space that the action's `{{-` trims. Comments are passed over.
    fn lex_text(&mut self) -> Token {
        loop {
            let Some(length) = left_delimiter(self.rest()) else {
                self.position = self.text.len();
                let kind = if self.position > self.start { Kind::Text } else { Kind::End };
                return self.token(kind);
            };
            let delimiter = self.position + length;
            let after = self.text.get(delimiter + LEFT.len()..).unwrap_or_default();
            let before = self.text.get(self.start..delimiter).unwrap_or_default();
            let kept =
                if has_left_trim(after) { before.trim_end_matches(is_space).len() } else { before.len() };
            if kept > 0 {
                self.position = self.start + kept;
                let token = self.token(Kind::Text);
                self.position = delimiter;
                self.start = delimiter;
                return token;
            }
            self.position = delimiter;
            self.start = delimiter;
            if let Some(token) = self.lex_left_delimiter() {
                return token;
            }
        }
    }

    /// `{{` or `{{- `; none if it began a comment, which has then been passed over.
    fn lex_left_delimiter(&mut self) -> Option<Token> {
        self.position += LEFT.len();
        let trim = if has_left_trim(self.rest()) { 2 } else { 0 };
        if self.rest().get(trim..).is_some_and(|rest| rest.starts_with("/*")) {
            self.position += trim;
            self.start = self.position;
            return self.skip_comment();
        }
        let token = self.token(Kind::LeftDelimiter);
        self.in_action = true;
        self.parentheses = 0;
        self.position += trim;
        self.start = self.position;
        Some(token)
    }

    fn skip_comment(&mut self) -> Option<Token> {
        let Some(length) = self.rest().get(2..).and_then(|rest| rest.find("*/")) else {
            return Some(self.fail("unclosed comment"));
        };
        self.position += 2 + length + 2;
        let Some(trims) = right_delimiter(self.bytes_from(self.position)) else {
            return Some(self.fail("comment ends before closing delimiter"));
        };
        self.skip_right_delimiter(trims);
        None
    }

    fn skip_right_delimiter(&mut self, trims: bool) {
        self.position += RIGHT.len() + if trims { 2 } else { 0 };
        if trims {
            self.skip_spaces();
        }
        self.start = self.position;
    }

    fn lex_right_delimiter(&mut self, trims: bool) -> Token {
        if trims {
            self.position += 2;
            self.start = self.position;
        }
        self.position += RIGHT.len();
        let token = self.token(Kind::RightDelimiter);
        if trims {
            self.skip_spaces();
            self.start = self.position;
        }
        self.in_action = false;
        token
    }

    fn lex_action(&mut self) -> Token {
        self.skip_space_inside();
        if let Some(trims) = right_delimiter(self.bytes_from(self.position)) {
            if self.parentheses > 0 {
                return self.fail("unclosed left paren");
            }
            return self.lex_right_delimiter(trims);
        }
        let Some(first) = self.take() else { return self.fail("unclosed action") };
        match first {
            '=' => self.token(Kind::Assign),
            ':' if self.takes(|next| next == '=') => self.token(Kind::Declare),
            ':' => self.fail("expected :="),
            '|' => self.token(Kind::Pipe),
            '"' => self.lex_quoted(b'"', Kind::String, "unterminated quoted string"),
            '\'' => self.lex_quoted(b'\'', Kind::CharacterConstant, "unterminated character constant"),
            '`' => self.lex_raw_string(),
            '$' => self.lex_name(Kind::Variable, Kind::Variable),
            '.' if !self.peek().is_some_and(|next| next.is_ascii_digit()) => {
                self.lex_name(Kind::Field, Kind::Dot)
            }
            '.' | '+' | '-' | '0'..='9' => self.lex_number(),
            '(' => {
                self.parentheses += 1;
                self.token(Kind::LeftParenthesis)
            }
            ')' if self.parentheses == 0 => self.fail("unexpected right paren"),
            ')' => {
                self.parentheses -= 1;
                self.token(Kind::RightParenthesis)
            }
            _ if is_word(first) => self.lex_identifier(),
            _ if first.is_ascii() && is_printable(first) => self.token(Kind::Character),
            _ => self.fail(format!("unrecognized character in action: {}", describe(first))),
        }
    }

    /// Passes over white space, but for its last character if that belongs to a trimming ` -}}`.
    fn skip_space_inside(&mut self) {
        let start = self.position;
        self.skip_spaces();
        if self.position == start {
            return;
        }
        let last = self.position - 1;
        if right_delimiter(self.bytes_from(last)) == Some(true) {
            self.position = last;
        }
        self.after_space = self.position > start;
        self.start = self.position;
    }

    fn at_terminator(&self) -> bool {
        match self.text.as_bytes().get(self.position..) {
            None | Some([] | [b'}', b'}', ..]) => true,
            Some([next, ..]) => is_in(*next, TERMINATOR),
        }
    }

    /// `.name` or `$name`; `alone` is what the mark is without a name.
    fn lex_name(&mut self, kind: Kind, alone: Kind) -> Token {
        if self.at_terminator() {
            return self.token(alone);
        }
        self.skip_word();
        if !self.at_terminator() {
            return self.bad_character();
        }
        self.token(kind)
    }

    fn bad_character(&mut self) -> Token {
        let shown = self.peek().map(describe).unwrap_or_default();
        self.fail(format!("bad character {shown}"))
    }

    fn lex_identifier(&mut self) -> Token {
        self.skip_word();
        if !self.at_terminator() {
            return self.bad_character();
        }
        let kind = match self.text.get(self.start..self.position).unwrap_or_default() {
            "nil" => Kind::Nil,
            word if is_keyword(word) => Kind::Keyword,
            "true" | "false" => Kind::Bool,
            _ => Kind::Identifier,
        };
        self.token(kind)
    }

    fn lex_quoted(&mut self, quote: u8, kind: Kind, unterminated: &str) -> Token {
        let bytes = self.text.as_bytes();
        loop {
            // No byte of a character beyond ASCII looks like one of these.
            match bytes.get(self.position) {
                Some(b'\\') if bytes.get(self.position + 1).is_some_and(|next| *next != b'\n') => {
                    self.position += 1;
                    self.take();
                }
                None | Some(b'\\' | b'\n') => return self.fail(unterminated),
                Some(byte) => {
                    self.position += 1;
                    if *byte == quote {
                        return self.token(kind);
                    }
                }
            }
        }
    }

    fn lex_raw_string(&mut self) -> Token {
        loop {
            match self.take() {
                None => return self.fail("unterminated raw quoted string"),
                Some('`') => return self.token(Kind::RawString),
                Some(_) => {}
            }
        }
    }

    fn lex_number(&mut self) -> Token {
        self.position = self.start;
        self.skip_number();
        if self.takes(is_word) {
            let text = self.text.get(self.start..self.position).unwrap_or_default();
            return self.fail(format!("bad number syntax: {}", crate::number::quote_go(text.as_bytes())));
        }
        self.token(Kind::Number)
    }

    fn skip_number(&mut self) {
        self.takes(|sign| matches!(sign, '+' | '-'));
        let mut digits: fn(char) -> bool = |digit| digit.is_ascii_digit() || digit == '_';
        let mut exponents: &[char] = &['e', 'E'];
        if self.takes(|zero| zero == '0') {
            if self.takes(|base| matches!(base, 'x' | 'X')) {
                digits = |digit| digit.is_ascii_hexdigit() || digit == '_';
                exponents = &['p', 'P'];
            } else if self.takes(|base| matches!(base, 'o' | 'O' | 'b' | 'B')) {
                exponents = &[];
            }
        }
        self.take_while(digits);
        if self.takes(|point| point == '.') {
            self.take_while(digits);
        }
        if self.takes(|exponent| exponents.contains(&exponent)) {
            self.takes(|sign| matches!(sign, '+' | '-'));
            self.take_while(|digit| digit.is_ascii_digit() || digit == '_');
        }
        self.takes(|imaginary| imaginary == 'i');
    }
}

/// Where the first `{{` of a text begins. Single bytes are found many times faster than pairs.
fn left_delimiter(text: &str) -> Option<usize> {
    let text = text.as_bytes();
    memchr::memchr_iter(b'{', text).find(|place| text.get(place + 1) == Some(&b'{'))
}

/// A minus and white space after `{{` trim the text before.
fn has_left_trim(after: &str) -> bool {
    after.strip_prefix('-').is_some_and(|rest| rest.starts_with(is_space))
}

/// Whether a text begins with `}}` (false) or ` -}}` (true).
fn right_delimiter(text: &[u8]) -> Option<bool> {
    match text {
        [b'}', b'}', ..] => Some(false),
        [b' ' | b'\t' | b'\r' | b'\n', b'-', b'}', b'}', ..] => Some(true),
        _ => None,
    }
}

/// A character as Go's `%#U` prints it: `U+0040 '@'`.
fn describe(character: char) -> String {
    let code = format!("U+{:04X}", u32::from(character));
    if is_printable(character) { format!("{code} '{character}'") } else { code }
}
