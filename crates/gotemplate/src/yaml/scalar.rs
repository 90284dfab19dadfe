//! Scanning of scalars: block, quoted and plain.

use super::scan::Scanner;
use super::token::SyntaxError;

type Scanned<T> = Result<T, SyntaxError>;

/// What lies between two words of a scalar: white space on one line, or line breaks to be folded.
#[derive(Debug, Default)]
struct Gap {
    blanks: String,
    first_break: String,
    more_breaks: String,
    over_lines: bool,
}

impl Gap {
    fn is_empty(&self) -> bool {
        !self.over_lines && self.blanks.is_empty()
    }

    /// Writes the gap: one line break is a space, more are one less; blanks around them go.
    fn fold_into(&mut self, value: &mut String) {
        if !self.over_lines {
            value.push_str(&self.blanks);
        } else if self.first_break == "\n" || self.first_break.is_empty() {
            let joined_by_space = self.more_breaks.is_empty() && !self.first_break.is_empty();
            value.push_str(if joined_by_space { " " } else { &self.more_breaks });
        } else {
            value.push_str(&self.first_break);
            value.push_str(&self.more_breaks);
        }
        *self = Self::default();
    }
}

/// What to do with the line breaks at the end of a block scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chomping {
    Strip,
    Clip,
    Keep,
}

impl Scanner<'_> {
    fn scalar_error<T>(&self, problem: &str) -> Scanned<T> {
        Err(SyntaxError::scanner(problem, self.reader.mark))
    }

    /// Takes blanks and breaks into `gap`.
    fn scan_gap_character(&mut self, gap: &mut Gap) {
        if self.reader.is_blank(0) {
            let taken = self.reader.take();
            if !gap.over_lines {
                gap.blanks.extend(taken);
            }
        } else if gap.over_lines {
            self.reader.take_break(&mut gap.more_breaks);
        } else {
            gap.blanks.clear();
            self.reader.take_break(&mut gap.first_break);
            gap.over_lines = true;
        }
    }

    pub(super) fn scan_plain(&mut self) -> Scanned<String> {
        let mut value = String::new();
        let mut gap = Gap::default();
        let indent = usize::try_from(self.indent + 1).unwrap_or(0);
        loop {
            if self.reader.at_document_indicator() || self.reader.byte(0) == b'#' {
                break;
            }
            while !self.reader.is_blank_or_end(0) && !self.ends_plain() {
                if !gap.is_empty() {
                    gap.fold_into(&mut value);
                }
                value.extend(self.reader.take());
            }
            if !(self.reader.is_blank(0) || self.reader.is_break(0)) {
                break;
            }
            while self.reader.is_blank(0) || self.reader.is_break(0) {
                if gap.over_lines && self.reader.mark.column < indent && self.reader.byte(0) == b'\t' {
                    return self.scalar_error("found a tab character that violates indentation");
                }
                self.scan_gap_character(&mut gap);
            }
            if !self.in_flow() && self.reader.mark.column < indent {
                break;
            }
        }
        if gap.over_lines {
            self.simple_key_allowed = true;
        }
        Ok(value)
    }

    fn ends_plain(&self) -> bool {
        match self.reader.byte(0) {
            b':' => self.reader.is_blank_or_end(1),
            b',' | b'?' | b'[' | b']' | b'{' | b'}' => self.in_flow(),
            _ => false,
        }
    }

    pub(super) fn scan_quoted(&mut self, quote: u8) -> Scanned<String> {
        self.reader.skip(1);
        let mut value = String::new();
        loop {
            if self.reader.at_document_indicator() {
                return self.scalar_error("found unexpected document indicator");
            }
            if self.reader.at_end() {
                return self.scalar_error("found unexpected end of stream");
            }
            let mut gap = Gap::default();
            self.scan_quoted_word(quote, &mut value, &mut gap)?;
            if self.reader.byte(0) == quote {
                break;
            }
            while self.reader.is_blank(0) || self.reader.is_break(0) {
                self.scan_gap_character(&mut gap);
            }
            gap.fold_into(&mut value);
        }
        self.reader.skip(1);
        Ok(value)
    }

    /// Takes characters up to white space or the closing quote. An escaped line break begins a gap of no width.
    fn scan_quoted_word(&mut self, quote: u8, value: &mut String, gap: &mut Gap) -> Scanned<()> {
        while !self.reader.is_blank_or_end(0) {
            match self.reader.byte(0) {
                b'\'' if quote == b'\'' && self.reader.byte(1) == b'\'' => {
                    value.push('\'');
                    self.reader.skip(2);
                }
                byte if byte == quote => return Ok(()),
                b'\\' if quote == b'"' && self.reader.is_break(1) => {
                    self.reader.skip(1);
                    self.reader.skip_break();
                    gap.over_lines = true;
                    return Ok(());
                }
                b'\\' if quote == b'"' => value.push(self.scan_escape()?),
                _ => value.extend(self.reader.take()),
            }
        }
        Ok(())
    }

    fn scan_escape(&mut self) -> Scanned<char> {
        let simple = match self.reader.byte(1) {
            b'0' => '\0',
            b'a' => '\u{7}',
            b'b' => '\u{8}',
            b't' | b'\t' => '\t',
            b'n' => '\n',
            b'v' => '\u{b}',
            b'f' => '\u{c}',
            b'r' => '\r',
            b'e' => '\u{1b}',
            b' ' => ' ',
            b'"' => '"',
            b'\'' => '\'',
            b'\\' => '\\',
            b'N' => '\u{85}',
            b'_' => '\u{a0}',
            b'L' => '\u{2028}',
            b'P' => '\u{2029}',
            b'x' => return self.scan_code_point(2),
            b'u' => return self.scan_code_point(4),
            b'U' => return self.scan_code_point(8),
            _ => return self.scalar_error("found unknown escape character"),
        };
        self.reader.skip(2);
        Ok(simple)
    }

    fn scan_code_point(&mut self, digits: usize) -> Scanned<char> {
        self.reader.skip(2);
        let mut code = 0u32;
        for ahead in 0..digits {
            let Some(digit) = char::from(self.reader.byte(ahead)).to_digit(16) else {
                return self.scalar_error("did not find expected hexdecimal number");
            };
            code = code << 4 | digit;
        }
        let Some(character) = char::from_u32(code) else {
            return self.scalar_error("found invalid Unicode character escape code");
        };
        self.reader.skip(digits);
        Ok(character)
    }

    pub(super) fn scan_block_scalar(&mut self, literal: bool) -> Scanned<String> {
        self.reader.skip(1);
        let (chomping, increment) = self.scan_block_header()?;
        let mut indent =
            increment.map_or(0, |increment| usize::try_from(self.indent.max(0)).unwrap_or(0) + increment);
        let mut value = String::new();
        let (mut first_break, mut more_breaks) = (String::new(), String::new());
        self.scan_block_breaks(&mut indent, &mut more_breaks)?;
        let mut after_blank = false;
        while self.reader.mark.column == indent && !self.reader.at_end() {
            let at_blank = self.reader.is_blank(0);
            if !literal && !after_blank && !at_blank && first_break == "\n" {
                value.push_str(if more_breaks.is_empty() { " " } else { "" });
            } else {
                value.push_str(&first_break);
            }
            value.push_str(&more_breaks);
            first_break.clear();
            more_breaks.clear();
            after_blank = at_blank;
            while !self.reader.is_break_or_end(0) {
                value.extend(self.reader.take());
            }
            self.reader.take_break(&mut first_break);
            self.scan_block_breaks(&mut indent, &mut more_breaks)?;
        }
        if chomping != Chomping::Strip {
            value.push_str(&first_break);
        }
        if chomping == Chomping::Keep {
            value.push_str(&more_breaks);
        }
        Ok(value)
    }

    /// What follows `|` or `>` on its line: chomping and indentation indicators in either order, a comment.
    fn scan_block_header(&mut self) -> Scanned<(Chomping, Option<usize>)> {
        let (mut chomping, mut increment) = (None, None);
        loop {
            match self.reader.byte(0) {
                sign @ (b'+' | b'-') if chomping.is_none() => {
                    chomping = Some(if sign == b'+' { Chomping::Keep } else { Chomping::Strip });
                }
                b'0' if increment.is_none() => {
                    return self.scalar_error("found an indentation indicator equal to 0");
                }
                digit @ b'1'..=b'9' if increment.is_none() => increment = Some(usize::from(digit - b'0')),
                _ => break,
            }
            self.reader.skip(1);
        }
        while self.reader.is_blank(0) {
            self.reader.skip(1);
        }
        if self.reader.byte(0) == b'#' {
            self.skip_line_content();
        }
        if !self.reader.is_break_or_end(0) {
            return self.scalar_error("did not find expected comment or line break");
        }
        self.reader.skip_break();
        Ok((chomping.unwrap_or(Chomping::Clip), increment))
    }

    /// Takes indentation and empty lines; the first line with content settles an `indent` that is still 0.
    fn scan_block_breaks(&mut self, indent: &mut usize, breaks: &mut String) -> Scanned<()> {
        let mut deepest = 0;
        loop {
            while (*indent == 0 || self.reader.mark.column < *indent) && self.reader.byte(0) == b' ' {
                self.reader.skip(1);
            }
            deepest = deepest.max(self.reader.mark.column);
            if (*indent == 0 || self.reader.mark.column < *indent) && self.reader.byte(0) == b'\t' {
                return self.scalar_error("found a tab character where an indentation space is expected");
            }
            if !self.reader.is_break(0) {
                break;
            }
            self.reader.take_break(breaks);
        }
        if *indent == 0 {
            let least = usize::try_from(self.indent + 1).unwrap_or(0).max(1);
            *indent = deepest.max(least);
        }
        Ok(())
    }
}
