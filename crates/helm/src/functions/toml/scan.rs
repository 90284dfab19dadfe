//! The pieces of a TOML text: names, texts, numbers and dates, as far as they can be told apart by their characters.

use spacecraft_gotemplate::{Value, fmt::sprintf};

/// Why a text is not TOML, and in which line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) line: usize,
    pub(super) message: String,
}

/// A number or a date as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Literal<'t> {
    Integer(&'t str),
    Float(&'t str),
    Date(&'t str),
}

/// Goes through a text.
pub(super) struct Scanner<'t> {
    text: &'t str,
    /// The byte after the text that is no UTF-8.
    bad_byte: Option<u8>,
    position: usize,
    line: usize,
}

/// A character in single quotes, as Go's `%q` has it; the end of the text is the character zero.
pub(super) fn shown(character: Option<char>) -> String {
    let number = i64::from(u32::from(character.unwrap_or('\0')));
    String::from_utf8_lossy(&sprintf("%q", &[Value::Int(number)])).into_owned()
}

/// A character in single quotes, as it is.
pub(super) fn shown_or_end(character: Option<char>) -> String {
    character.map_or_else(|| "end of file".to_owned(), |character| format!("'{character}'"))
}

pub(super) fn is_blank(character: char) -> bool {
    matches!(character, '\t' | ' ')
}

pub(super) fn is_line_end(character: char) -> bool {
    matches!(character, '\n' | '\r')
}

impl<'t> Scanner<'t> {
    pub(super) fn new(bytes: &'t [u8]) -> Self {
        let (text, bad_byte) = match std::str::from_utf8(bytes) {
            Ok(text) => (text, None),
            Err(error) => {
                let (good, bad) = bytes.split_at_checked(error.valid_up_to()).unwrap_or((bytes, &[]));
                (std::str::from_utf8(good).unwrap_or_default(), bad.first().copied())
            }
        };
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self { text, bad_byte, position: 0, line: 1 }
    }

    pub(super) fn line(&self) -> usize {
        self.line
    }

    /// What is left of the text.
    pub(super) fn rest(&self) -> &'t str {
        self.text.get(self.position..).unwrap_or_default()
    }

    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// The text from a position to where the scanner is.
    pub(super) fn since(&self, start: usize) -> &'t str {
        self.text.get(start..self.position).unwrap_or_default()
    }

    /// A fault at the line that the scanner is in.
    pub(super) fn fault(&self, message: impl Into<String>) -> Fault {
        Fault { line: self.line, message: message.into() }
    }

    /// A fault at the line before.
    pub(super) fn fault_before(&self, message: impl Into<String>) -> Fault {
        Fault { line: self.line - 1, message: message.into() }
    }

    /// A fault about a character that was taken: one that is about the end of the text is at the last line that is not empty.
    pub(super) fn fault_at(&self, taken: Option<char>, message: impl Into<String>) -> Fault {
        let ends_line = self.text.get(..self.position).is_some_and(|before| before.ends_with('\n'));
        if taken.is_none() && ends_line { self.fault_before(message) } else { self.fault(message) }
    }

    /// The next character; none at the end.
    pub(super) fn peek(&self) -> Result<Option<char>, Fault> {
        let mut characters = self.rest().chars();
        let next = characters.next();
        match (next, self.bad_byte) {
            (Some('\u{fffd}'), _) => Err(self.fault("invalid UTF-8 byte: 0xef")),
            (Some('\r'), _) if characters.next() == Some('\n') => Ok(next),
            (Some(control @ ('\0'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{7f}')), _) => {
                let number = u32::from(control);
                let message = format!("TOML files cannot contain control characters: '0x{number:02x}'");
                Err(self.fault(message))
            }
            (None, Some(byte)) => Err(self.fault(format!("invalid UTF-8 byte: 0x{byte:02x}"))),
            _ => Ok(next),
        }
    }

    /// Takes the next character.
    pub(super) fn take(&mut self) -> Result<Option<char>, Fault> {
        let next = self.peek()?;
        if let Some(character) = next {
            self.position += character.len_utf8();
            self.line += usize::from(character == '\n');
        }
        Ok(next)
    }

    /// Takes the next character if it is this one.
    pub(super) fn takes(&mut self, wanted: char) -> Result<bool, Fault> {
        let is_next = self.peek()? == Some(wanted);
        if is_next {
            self.take()?;
        }
        Ok(is_next)
    }

    /// Takes all characters that fit, and looks at the one behind them.
    pub(super) fn take_while(&mut self, fits: impl Fn(char) -> bool) -> Result<&'t str, Fault> {
        let start = self.position;
        while self.peek()?.is_some_and(&fits) {
            self.take()?;
        }
        Ok(self.since(start))
    }

    pub(super) fn skip_blanks(&mut self) -> Result<(), Fault> {
        self.take_while(is_blank).map(drop)
    }

    /// A comment, up to the end of the line; the `#` was taken.
    pub(super) fn comment(&mut self) -> Result<(), Fault> {
        self.take_while(|character| !is_line_end(character)).map(drop)
    }

    /// A text in `quote`s on one line, escapes not yet replaced; the first quote was taken.
    pub(super) fn line_text(&mut self, quote: char) -> Result<&'t str, Fault> {
        let start = self.position;
        loop {
            match self.take()? {
                None if quote == '"' => return Err(self.fault_at(None, r#"unexpected EOF; expected '"'"#)),
                None => return Err(self.fault_at(None, r#"unexpected EOF; expected "'""#)),
                Some('\n') => return Err(self.fault_before("strings cannot contain newlines")),
                Some('\\') if quote == '"' => self.escape(start)?,
                Some(end) if end == quote => {
                    let text = self.since(start);
                    return Ok(text.get(..text.len() - 1).unwrap_or_default());
                }
                Some(_) => {}
            }
        }
    }

    /// A text in three `quote`s, escapes not yet replaced; the first three were taken. Two more quotes may stand before the last three.
    pub(super) fn block_text(&mut self, quote: char) -> Result<&'t str, Fault> {
        let triple: String = std::iter::repeat_n(quote, 3).collect();
        let start = self.position;
        loop {
            match self.take()? {
                None if quote == '"' => return Err(self.fault_at(None, r#"unexpected EOF; expected '"""'"#)),
                None => return Err(self.fault_at(None, r#"unexpected EOF; expected "'''""#)),
                Some('\\') if quote == '"' => {
                    if !self.takes('\n')? {
                        self.escape(start)?;
                    }
                }
                Some(end) if end == quote => {
                    let rest = self.rest();
                    let two = triple.get(1..).unwrap_or_default();
                    let Some(after) = rest.strip_prefix(two) else { continue };
                    if after.starts_with(quote) {
                        self.refuse_six(start, quote)?;
                        continue;
                    }
                    let text = self.since(start);
                    self.take()?;
                    self.take()?;
                    return Ok(text.get(..text.len() - 1).unwrap_or_default());
                }
                Some(_) => {}
            }
        }
    }

    /// Refuses a sixth quote in a row, of which one was taken and three more follow.
    fn refuse_six(&self, start: usize, quote: char) -> Result<(), Fault> {
        let five: String = std::iter::repeat_n(quote, 5).collect();
        let taken = self.text.get(start..self.position + 2).unwrap_or_default();
        let is_escaped = quote == '"' && taken.ends_with(&format!("\\{five}"));
        if !taken.ends_with(&five) || is_escaped {
            return Ok(());
        }
        let mark = if quote == '"' { '\'' } else { '"' };
        Err(self.fault(format!("unexpected {mark}{five}{quote}{mark}")))
    }

    /// What follows a backslash, in a text that begins at `start`.
    fn escape(&mut self, start: usize) -> Result<(), Fault> {
        let (digits, name) = match self.take()? {
            Some('b' | 't' | 'n' | 'f' | 'r' | '"' | ' ' | '\t' | '\\') => return Ok(()),
            Some('u') => (4, "four hexadecimal digits after '\\u'"),
            Some('U') => (8, "eight hexadecimal digits after '\\U'"),
            other => {
                let message = format!("invalid escape in string '\\{}'", other.unwrap_or('\0'));
                return Err(self.fault_at(other, message));
            }
        };
        for _ in 0..digits {
            let digit = self.take()?;
            if !digit.is_some_and(|digit| digit.is_ascii_hexdigit()) {
                let taken = spacecraft_gotemplate::number::quote_go(self.since(start).as_bytes());
                return Err(self.fault_at(digit, format!("expected {name}, but got {taken} instead")));
            }
        }
        Ok(())
    }

    /// A number with a sign, which was taken and is at `start`.
    pub(super) fn signed(&mut self, start: usize) -> Result<Literal<'t>, Fault> {
        let first = self.take()?;
        match first {
            Some('i') => self.named_float(start, ['n', 'f']),
            Some('n') => self.named_float(start, ['a', 'n']),
            Some('.') => Err(self.fault("floats must start with a digit, not '.'")),
            Some('0') if matches!(self.peek()?, Some('b' | 'o' | 'x')) => {
                let number = self.text.get(start..self.position + 1).unwrap_or_default();
                Err(self.fault(format!("cannot use sign with non-decimal numbers: '{number}'")))
            }
            Some('0'..='9') => self.decimal(start),
            other => Err(self.fault_at(other, format!("expected a digit but got {}", shown(other)))),
        }
    }

    /// The rest of `inf` or `nan`.
    fn named_float(&mut self, start: usize, rest: [char; 2]) -> Result<Literal<'t>, Fault> {
        for wanted in rest {
            if !self.takes(wanted)? {
                return Err(self.fault(format!("invalid float: '{}'", self.since(start))));
            }
        }
        Ok(Literal::Float(self.since(start)))
    }

    /// A number or a date that begins with a digit.
    pub(super) fn number(&mut self) -> Result<Literal<'t>, Fault> {
        let start = self.position;
        let is_zero = self.take()? == Some('0');
        match self.peek()? {
            Some('b') if is_zero => self.in_base(start, "a binary", |digit| matches!(digit, '0' | '1')),
            Some('o') if is_zero => self.in_base(start, "an octal", |digit| matches!(digit, '0'..='7')),
            Some('x') if is_zero => self.in_base(start, "a hexadecimal", |digit| digit.is_ascii_hexdigit()),
            Some('-' | ':') if is_zero => Ok(Literal::Integer(self.since(start))),
            _ => {
                self.take_while(|character| character.is_ascii_digit())?;
                match self.peek()? {
                    Some('-' | ':') => self.date(start),
                    _ => self.decimal(start),
                }
            }
        }
    }

    fn in_base(
        &mut self,
        start: usize,
        name: &str,
        is_digit: fn(char) -> bool,
    ) -> Result<Literal<'t>, Fault> {
        self.take()?;
        let first = self.peek()?;
        if !first.is_some_and(is_digit) {
            let (taken, first) = (self.since(start), first.unwrap_or('\0'));
            return Err(self.fault(format!("not {name} number: '{taken}{first}'")));
        }
        self.take_while(|character| is_digit(character) || character == '_')?;
        Ok(Literal::Integer(self.since(start)))
    }

    fn decimal(&mut self, start: usize) -> Result<Literal<'t>, Fault> {
        self.take_while(|character| character.is_ascii_digit() || character == '_')?;
        if !matches!(self.peek()?, Some('.' | 'e' | 'E')) {
            return Ok(Literal::Integer(self.since(start)));
        }
        self.take_while(|c| c.is_ascii_digit() || matches!(c, '_' | '.' | '-' | '+' | 'e' | 'E'))?;
        Ok(Literal::Float(self.since(start)))
    }

    fn date(&mut self, start: usize) -> Result<Literal<'t>, Fault> {
        let belongs = |c: char| c.is_ascii_digit() || "-:Tt .Zz+".contains(c);
        self.take_while(belongs)?;
        Ok(Literal::Date(self.since(start).trim()))
    }

    /// A word of letters from a position on.
    pub(super) fn word_from(&mut self, start: usize) -> Result<&'t str, Fault> {
        self.position = start;
        self.take_while(char::is_alphabetic)
    }
}
