//! Scanning of directives, anchors and tags.

use super::scan::Scanner;
use super::token::{SyntaxError, TokenKind};

type Scanned<T> = Result<T, SyntaxError>;

impl Scanner<'_> {
    fn fail<T>(&self, problem: &str) -> Scanned<T> {
        Err(SyntaxError::scanner(problem, self.reader.mark))
    }

    fn skip_blanks(&mut self) {
        while self.reader.is_blank(0) {
            self.reader.skip(1);
        }
    }

    fn take_word(&mut self) -> String {
        let mut word = String::new();
        while self.reader.is_word() {
            word.extend(self.reader.take());
        }
        word
    }

    /// `%YAML 1.1` or `%TAG !e! prefix`.
    pub(super) fn scan_directive(&mut self) -> Scanned<TokenKind> {
        self.reader.skip(1);
        let name = self.take_word();
        if name.is_empty() {
            return self.fail("could not find expected directive name");
        }
        if !self.reader.is_blank_or_end(0) {
            return self.fail("found unexpected non-alphabetical character");
        }
        let kind = match name.as_str() {
            "YAML" => self.scan_version()?,
            "TAG" => self.scan_tag_directive()?,
            _ => return self.fail("found unknown directive name"),
        };
        self.skip_blanks();
        if self.reader.byte(0) == b'#' {
            self.skip_line_content();
        }
        if !self.reader.is_break_or_end(0) {
            return self.fail("did not find expected comment or line break");
        }
        self.reader.skip_break();
        Ok(kind)
    }

    fn scan_version(&mut self) -> Scanned<TokenKind> {
        self.skip_blanks();
        let major = self.scan_version_number()?;
        if self.reader.byte(0) != b'.' {
            return self.fail("did not find expected digit or '.' character");
        }
        self.reader.skip(1);
        let minor = self.scan_version_number()?;
        Ok(TokenKind::VersionDirective { major, minor })
    }

    fn scan_version_number(&mut self) -> Scanned<u32> {
        let mut value = 0u32;
        let mut digits = 0;
        while let digit @ b'0'..=b'9' = self.reader.byte(0) {
            digits += 1;
            if digits > 2 {
                return self.fail("found extremely long version number");
            }
            value = value * 10 + u32::from(digit - b'0');
            self.reader.skip(1);
        }
        if digits == 0 {
            return self.fail("did not find expected version number");
        }
        Ok(value)
    }

    fn scan_tag_directive(&mut self) -> Scanned<TokenKind> {
        self.skip_blanks();
        let handle = self.scan_tag_handle(true)?;
        if !self.reader.is_blank(0) {
            return self.fail("did not find expected whitespace");
        }
        self.skip_blanks();
        let prefix = self.scan_tag_uri("")?;
        if !self.reader.is_blank_or_end(0) {
            return self.fail("did not find expected whitespace or line break");
        }
        Ok(TokenKind::TagDirective { handle, prefix })
    }

    /// `&name` or `*name`.
    pub(super) fn scan_anchor(&mut self) -> Scanned<TokenKind> {
        let is_alias = self.reader.byte(0) == b'*';
        self.reader.skip(1);
        let name = self.take_word();
        let ends_well = self.reader.is_blank_or_end(0)
            || matches!(self.reader.byte(0), b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`');
        if name.is_empty() || !ends_well {
            return self.fail("did not find expected alphabetic or numeric character");
        }
        Ok(if is_alias { TokenKind::Alias(name) } else { TokenKind::Anchor(name) })
    }

    /// `!<uri>`, `!suffix`, `!!suffix` or `!handle!suffix`.
    pub(super) fn scan_tag(&mut self) -> Scanned<TokenKind> {
        let (handle, suffix) = if self.reader.byte(1) == b'<' {
            self.reader.skip(2);
            let suffix = self.scan_tag_uri("")?;
            if self.reader.byte(0) != b'>' {
                return self.fail("did not find the expected '>'");
            }
            self.reader.skip(1);
            (String::new(), suffix)
        } else {
            self.scan_short_tag()?
        };
        if !self.reader.is_blank_or_end(0) {
            return self.fail("did not find expected whitespace or line break");
        }
        Ok(TokenKind::Tag { handle, suffix })
    }

    fn scan_short_tag(&mut self) -> Scanned<(String, String)> {
        let handle = self.scan_tag_handle(false)?;
        if handle.len() >= 2 && handle.ends_with('!') {
            return Ok((handle, self.scan_tag_uri("")?));
        }
        let suffix = self.scan_tag_uri(&handle)?;
        Ok(if suffix.is_empty() { (suffix, "!".to_owned()) } else { ("!".to_owned(), suffix) })
    }

    fn scan_tag_handle(&mut self, in_directive: bool) -> Scanned<String> {
        if self.reader.byte(0) != b'!' {
            return self.fail("did not find expected '!'");
        }
        self.reader.skip(1);
        let mut handle = format!("!{}", self.take_word());
        if self.reader.byte(0) == b'!' {
            self.reader.skip(1);
            handle.push('!');
        } else if in_directive && handle != "!" {
            return self.fail("did not find expected '!'");
        }
        Ok(handle)
    }

    /// The characters of a URI; `head`, if any, is a handle that turned out to be part of a suffix.
    fn scan_tag_uri(&mut self, head: &str) -> Scanned<String> {
        let mut uri: Vec<u8> = head.as_bytes().get(1..).unwrap_or_default().to_vec();
        let had_head = !head.is_empty();
        loop {
            match self.reader.byte(0) {
                b'%' => uri.push(self.scan_uri_escape()?),
                byte if is_uri_byte(byte) => {
                    uri.push(byte);
                    self.reader.skip(1);
                }
                _ => break,
            }
        }
        if uri.is_empty() && !had_head {
            return self.fail("did not find expected tag URI");
        }
        Ok(String::from_utf8_lossy(&uri).into_owned())
    }

    fn scan_uri_escape(&mut self) -> Scanned<u8> {
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let (Some(high), Some(low)) = (digit(self.reader.byte(1)), digit(self.reader.byte(2))) else {
            return self.fail("did not find URI escaped octet");
        };
        self.reader.skip(3);
        Ok(high << 4 | low)
    }
}

fn is_uri_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'_' | b'-'
                | b';'
                | b'/'
                | b'?'
                | b':'
                | b'@'
                | b'&'
                | b'='
                | b'+'
                | b'$'
                | b','
                | b'.'
                | b'!'
                | b'~'
                | b'*'
                | b'\''
                | b'('
                | b')'
                | b'['
                | b']'
        )
}
