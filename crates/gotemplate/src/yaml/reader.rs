//! A cursor over the text that counts lines and columns.

use super::token::Mark;

/// The text and the place that has been reached in it.
#[derive(Debug)]
pub(super) struct Reader<'t> {
    bytes: usize,
    rest: &'t str,
    pub(super) mark: Mark,
}

impl<'t> Reader<'t> {
    /// A cursor at the start of a text, behind its byte order mark if it has one.
    pub(super) fn new(text: &'t str) -> Self {
        Self { bytes: text.len(), rest: text.strip_prefix('\u{feff}').unwrap_or(text), mark: Mark::default() }
    }

    /// How many bytes of the text are behind.
    pub(super) fn taken(&self) -> usize {
        self.bytes - self.rest.len()
    }

    /// The byte `ahead` of here; 0 past the end of the text, which itself holds no such byte.
    pub(super) fn byte(&self, ahead: usize) -> u8 {
        self.rest.as_bytes().get(ahead).copied().unwrap_or(0)
    }

    pub(super) fn at_end(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn starts_with(&self, text: &str) -> bool {
        self.rest.starts_with(text)
    }

    /// A space or a tab `ahead` of here.
    pub(super) fn is_blank(&self, ahead: usize) -> bool {
        matches!(self.byte(ahead), b' ' | b'\t')
    }

    /// A line break `ahead` of here: CR, LF, or Unicode's next line, line and paragraph separators.
    pub(super) fn is_break(&self, ahead: usize) -> bool {
        match self.byte(ahead) {
            b'\r' | b'\n' => true,
            0xC2 => self.byte(ahead + 1) == 0x85,
            0xE2 => self.byte(ahead + 1) == 0x80 && matches!(self.byte(ahead + 2), 0xA8 | 0xA9),
            _ => false,
        }
    }

    pub(super) fn is_end(&self, ahead: usize) -> bool {
        ahead >= self.rest.len()
    }

    /// A line break or the end of the text.
    pub(super) fn is_break_or_end(&self, ahead: usize) -> bool {
        self.is_end(ahead) || self.is_break(ahead)
    }

    /// White space, a line break or the end of the text.
    pub(super) fn is_blank_or_end(&self, ahead: usize) -> bool {
        self.is_blank(ahead) || self.is_break_or_end(ahead)
    }

    /// A letter, a digit, `_` or `-`.
    pub(super) fn is_word(&self) -> bool {
        matches!(self.byte(0), b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'-')
    }

    /// `---` or `...` alone at the beginning of a line.
    pub(super) fn at_document_indicator(&self) -> bool {
        self.mark.column == 0
            && (self.starts_with("---") || self.starts_with("..."))
            && self.is_blank_or_end(3)
    }

    /// Takes one character.
    pub(super) fn take(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let taken = characters.next()?;
        self.rest = characters.as_str();
        self.mark.index += 1;
        self.mark.column += 1;
        Some(taken)
    }

    /// Passes over `count` characters.
    pub(super) fn skip(&mut self, count: usize) {
        for _ in 0..count {
            self.take();
        }
    }

    /// Takes a line break and appends it as YAML normalises it; at the end of the text there is none.
    pub(super) fn take_break(&mut self, into: &mut String) {
        if self.starts_with("\r\n") {
            self.take();
        }
        if self.at_end() {
            return;
        }
        if let Some(taken) = self.take() {
            into.push(if matches!(taken, '\u{2028}' | '\u{2029}') { taken } else { '\n' });
        }
        self.mark.column = 0;
        self.mark.line += 1;
    }

    /// Passes over a line break.
    pub(super) fn skip_break(&mut self) {
        self.take_break(&mut String::new());
    }
}
