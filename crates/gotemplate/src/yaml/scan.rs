//! From text to tokens, by the rules of YAML 1.1 as libyaml has them.
//!
//! The awkward part of YAML is that a mapping is known only when its first `:` comes. So the scanner remembers where a
//! key may have begun (a *simple key*), holds back the tokens from there on, and inserts the mapping's start and the
//! key's token in front of them once it meets the colon.

use std::collections::VecDeque;

use super::reader::Reader;
use super::token::{Mark, SyntaxError, Token, TokenKind};

type Scanned<T> = Result<T, SyntaxError>;

/// A key that needs no `?` ends on its own line, within this many characters.
const SIMPLE_KEY_LENGTH: usize = 1024;

/// How deep collections may be nested; deeper is an attack.
pub(super) const MAX_DEPTH: usize = 256;

/// Where a key may have begun.
#[derive(Debug, Clone, Copy)]
struct SimpleKey {
    required: bool,
    token_number: usize,
    mark: Mark,
}

/// Gives the tokens of a text one by one.
#[derive(Debug)]
pub(super) struct Scanner<'t> {
    pub(super) reader: Reader<'t>,
    tokens: VecDeque<Token>,
    tokens_taken: usize,
    /// The column of the block that is open; -1 outside of all.
    pub(super) indent: isize,
    indents: Vec<isize>,
    /// One entry for the block context and one for each open flow collection.
    simple_keys: Vec<Option<SimpleKey>>,
    pub(super) simple_key_allowed: bool,
    finished: bool,
}

impl<'t> Scanner<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            reader: Reader::new(text),
            tokens: VecDeque::new(),
            tokens_taken: 0,
            indent: -1,
            indents: Vec::new(),
            simple_keys: vec![None],
            simple_key_allowed: true,
            finished: false,
        }
    }

    /// The next token, left in place.
    pub(super) fn peek(&mut self) -> Scanned<&Token> {
        self.fetch_more()?;
        Ok(&self.tokens[0])
    }

    /// Takes the next token.
    pub(super) fn next(&mut self) -> Scanned<Token> {
        self.fetch_more()?;
        self.tokens_taken += 1;
        let end = Token { kind: TokenKind::StreamEnd, start: self.reader.mark };
        Ok(self.tokens.pop_front().unwrap_or(end))
    }

    pub(super) fn in_flow(&self) -> bool {
        self.simple_keys.len() > 1
    }

    fn column(&self) -> isize {
        isize::try_from(self.reader.mark.column).unwrap_or(isize::MAX)
    }

    fn error<T>(&self, problem: &str) -> Scanned<T> {
        Err(SyntaxError::scanner(problem, self.reader.mark))
    }

    /// Scans until the first token in the queue cannot turn out to be a key any more.
    fn fetch_more(&mut self) -> Scanned<()> {
        loop {
            if !self.tokens.is_empty() {
                self.drop_stale_keys()?;
                let first = self.tokens_taken;
                if !self.simple_keys.iter().flatten().any(|key| key.token_number == first) {
                    return Ok(());
                }
            }
            if self.finished {
                self.push(TokenKind::StreamEnd);
                return Ok(());
            }
            self.fetch()?;
        }
    }

    /// Forgets the keys that ended without a colon in time.
    fn drop_stale_keys(&mut self) -> Scanned<()> {
        let here = self.reader.mark;
        for index in 0..self.simple_keys.len() {
            let Some(key) = self.simple_keys[index] else { continue };
            if is_stale(&key, here) {
                self.simple_keys[index] = None;
                if key.required {
                    return self.error("could not find expected ':'");
                }
            }
        }
        Ok(())
    }

    fn push(&mut self, kind: TokenKind) {
        let start = self.reader.mark;
        self.tokens.push_back(Token { kind, start });
    }

    /// Scans one token.
    fn fetch(&mut self) -> Scanned<()> {
        self.skip_to_token();
        self.drop_stale_keys()?;
        self.unroll_indent(self.column());
        if self.reader.at_end() {
            return self.fetch_stream_end();
        }
        if self.reader.mark.column == 0 && self.reader.byte(0) == b'%' {
            return self.fetch_directive();
        }
        if self.reader.at_document_indicator() {
            return self.fetch_document_indicator();
        }
        let followed_by_blank = self.reader.is_blank_or_end(1);
        let opens = self.in_flow() || followed_by_blank;
        match self.reader.byte(0) {
            b'[' => self.fetch_flow_start(TokenKind::FlowSequenceStart),
            b'{' => self.fetch_flow_start(TokenKind::FlowMappingStart),
            b']' => self.fetch_flow_end(TokenKind::FlowSequenceEnd),
            b'}' => self.fetch_flow_end(TokenKind::FlowMappingEnd),
            b',' => self.fetch_flow_entry(),
            b'-' if followed_by_blank => self.fetch_block_entry(),
            b'?' if opens => self.fetch_key(),
            b':' if opens => self.fetch_value(),
            b'*' | b'&' => self.fetch_anchor(),
            b'!' => self.fetch_tag(),
            style @ (b'|' | b'>') if !self.in_flow() => self.fetch_block_scalar(style == b'|'),
            quote @ (b'\'' | b'"') => self.fetch_quoted(quote),
            first if self.may_start_plain(first) => self.fetch_plain(),
            _ => self.error("found character that cannot start any token"),
        }
    }

    fn may_start_plain(&self, first: u8) -> bool {
        match first {
            b'-' => !self.reader.is_blank(1),
            b'?' | b':' => !self.in_flow() && !self.reader.is_blank_or_end(1),
            b',' | b'[' | b']' | b'{' | b'}' | b'#' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\'' | b'"'
            | b'%' | b'@' | b'`' => false,
            _ => !self.reader.is_blank_or_end(0),
        }
    }

    /// Passes over white space, comments and line breaks. A tab may not stand where it could be indentation.
    fn skip_to_token(&mut self) {
        loop {
            while self.reader.byte(0) == b' '
                || (self.reader.byte(0) == b'\t' && (self.in_flow() || !self.simple_key_allowed))
            {
                self.reader.skip(1);
            }
            if self.reader.byte(0) == b'#' {
                self.skip_line_content();
            }
            if !self.reader.is_break(0) {
                return;
            }
            self.reader.skip_break();
            if !self.in_flow() {
                self.simple_key_allowed = true;
            }
        }
    }

    pub(super) fn skip_line_content(&mut self) {
        while !self.reader.is_break_or_end(0) {
            self.reader.skip(1);
        }
    }

    /// Remembers that a key may begin here.
    fn save_simple_key(&mut self) -> Scanned<()> {
        if !self.simple_key_allowed {
            return Ok(());
        }
        let required = !self.in_flow() && self.indent == self.column();
        let token_number = self.tokens_taken + self.tokens.len();
        self.remove_simple_key()?;
        if let Some(last) = self.simple_keys.last_mut() {
            *last = Some(SimpleKey { required, token_number, mark: self.reader.mark });
        }
        Ok(())
    }

    fn remove_simple_key(&mut self) -> Scanned<()> {
        match self.simple_keys.last_mut().and_then(Option::take) {
            Some(key) if key.required => self.error("could not find expected ':'"),
            _ => Ok(()),
        }
    }

    /// Opens a block at `column` if it is deeper than the one that is open; its start token goes in at `position` of
    /// the queue, else at its end.
    fn roll_indent(
        &mut self,
        column: isize,
        position: Option<usize>,
        kind: TokenKind,
        mark: Mark,
    ) -> Scanned<()> {
        if self.in_flow() || self.indent >= column {
            return Ok(());
        }
        self.indents.push(self.indent);
        self.indent = column;
        if self.indents.len() > MAX_DEPTH {
            return self.error(&format!("exceeded max depth of {MAX_DEPTH}"));
        }
        let position = position.unwrap_or(self.tokens.len()).min(self.tokens.len());
        self.tokens.insert(position, Token { kind, start: mark });
        Ok(())
    }

    /// Closes the blocks that are deeper than `column`.
    fn unroll_indent(&mut self, column: isize) {
        while !self.in_flow() && self.indent > column {
            self.push(TokenKind::BlockEnd);
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    fn fetch_stream_end(&mut self) -> Scanned<()> {
        if self.reader.mark.column != 0 {
            self.reader.mark.column = 0;
            self.reader.mark.line += 1;
        }
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        self.finished = true;
        self.push(TokenKind::StreamEnd);
        Ok(())
    }

    fn fetch_directive(&mut self) -> Scanned<()> {
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.reader.mark;
        let kind = self.scan_directive()?;
        self.tokens.push_back(Token { kind, start });
        Ok(())
    }

    fn fetch_document_indicator(&mut self) -> Scanned<()> {
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        let starts = self.reader.byte(0) == b'-';
        self.push(if starts { TokenKind::DocumentStart } else { TokenKind::DocumentEnd });
        self.reader.skip(3);
        Ok(())
    }

    fn fetch_flow_start(&mut self, kind: TokenKind) -> Scanned<()> {
        self.save_simple_key()?;
        self.simple_keys.push(None);
        if self.simple_keys.len() > MAX_DEPTH {
            return self.error(&format!("exceeded max depth of {MAX_DEPTH}"));
        }
        self.simple_key_allowed = true;
        self.push(kind);
        self.reader.skip(1);
        Ok(())
    }

    fn fetch_flow_end(&mut self, kind: TokenKind) -> Scanned<()> {
        self.remove_simple_key()?;
        if self.in_flow() {
            self.simple_keys.pop();
        }
        self.simple_key_allowed = false;
        self.push(kind);
        self.reader.skip(1);
        Ok(())
    }

    fn fetch_flow_entry(&mut self) -> Scanned<()> {
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        self.push(TokenKind::FlowEntry);
        self.reader.skip(1);
        Ok(())
    }

    fn fetch_block_entry(&mut self) -> Scanned<()> {
        if !self.in_flow() {
            if !self.simple_key_allowed {
                return self.error("block sequence entries are not allowed in this context");
            }
            self.roll_indent(self.column(), None, TokenKind::BlockSequenceStart, self.reader.mark)?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        self.push(TokenKind::BlockEntry);
        self.reader.skip(1);
        Ok(())
    }

    fn fetch_key(&mut self) -> Scanned<()> {
        if !self.in_flow() {
            if !self.simple_key_allowed {
                return self.error("mapping keys are not allowed in this context");
            }
            self.roll_indent(self.column(), None, TokenKind::BlockMappingStart, self.reader.mark)?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = !self.in_flow();
        self.push(TokenKind::Key);
        self.reader.skip(1);
        Ok(())
    }

    fn fetch_value(&mut self) -> Scanned<()> {
        match self.simple_keys.last_mut().and_then(Option::take) {
            Some(key) => self.insert_simple_key(key)?,
            None => self.open_complex_value()?,
        }
        self.push(TokenKind::Value);
        self.reader.skip(1);
        Ok(())
    }

    /// What was scanned since `key` was a key: says so in front of it.
    fn insert_simple_key(&mut self, key: SimpleKey) -> Scanned<()> {
        if is_stale(&key, self.reader.mark) {
            if key.required {
                return self.error("could not find expected ':'");
            }
            return self.open_complex_value();
        }
        let position = key.token_number.saturating_sub(self.tokens_taken).min(self.tokens.len());
        self.tokens.insert(position, Token { kind: TokenKind::Key, start: key.mark });
        let column = isize::try_from(key.mark.column).unwrap_or(isize::MAX);
        self.roll_indent(column, Some(position), TokenKind::BlockMappingStart, key.mark)?;
        self.simple_key_allowed = false;
        Ok(())
    }

    /// A colon after a complex key, or with no key at all.
    fn open_complex_value(&mut self) -> Scanned<()> {
        if !self.in_flow() {
            if !self.simple_key_allowed {
                return self.error("mapping values are not allowed in this context");
            }
            self.roll_indent(self.column(), None, TokenKind::BlockMappingStart, self.reader.mark)?;
        }
        self.simple_key_allowed = !self.in_flow();
        Ok(())
    }

    fn fetch_anchor(&mut self) -> Scanned<()> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.reader.mark;
        let kind = self.scan_anchor()?;
        self.tokens.push_back(Token { kind, start });
        Ok(())
    }

    fn fetch_tag(&mut self) -> Scanned<()> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.reader.mark;
        let kind = self.scan_tag()?;
        self.tokens.push_back(Token { kind, start });
        Ok(())
    }

    fn fetch_block_scalar(&mut self, literal: bool) -> Scanned<()> {
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        let start = self.reader.mark;
        let value = self.scan_block_scalar(literal)?;
        self.tokens.push_back(Token { kind: TokenKind::Scalar { value, plain: false }, start });
        Ok(())
    }

    fn fetch_quoted(&mut self, quote: u8) -> Scanned<()> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.reader.mark;
        let value = self.scan_quoted(quote)?;
        self.tokens.push_back(Token { kind: TokenKind::Scalar { value, plain: false }, start });
        Ok(())
    }

    fn fetch_plain(&mut self) -> Scanned<()> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.reader.mark;
        let value = self.scan_plain()?;
        self.tokens.push_back(Token { kind: TokenKind::Scalar { value, plain: true }, start });
        Ok(())
    }
}

fn is_stale(key: &SimpleKey, here: Mark) -> bool {
    key.mark.line < here.line || key.mark.index + SIMPLE_KEY_LENGTH < here.index
}
