//! Writing YAML as Go's `yaml.v2` does, after a trip through JSON.

use std::borrow::Cow;

use super::Error;
use super::resolve::{Scalar, is_timestamp, resolve};
use super::style::{Analysis, Style};
use super::trip::{NEXT_LINE, next_lines_folded, yaml_text};
use crate::natural::{LettersBehindDigits, natural_sort};
use crate::number::{format_float, format_float_json};
use crate::value::Value;
use crate::value::shape::{Allowance, Shape, TooLarge, shape};

/// Text is folded at the first space past this column.
const WIDTH: usize = 80;
/// Spaces that a level is indented by.
const INDENT: usize = 2;
/// A longer key is written as `? key`.
const SIMPLE_KEY_LENGTH: usize = 128;

/// Writes a value as a YAML document, with a line break at its end.
///
/// # Errors
/// [`Error`] if the value holds what JSON or YAML cannot (an infinite number, control characters), or is too large to be
/// written out.
pub fn to_string(value: &Value) -> Result<String, Error> {
    write(value, Emitter { width: WIDTH, ..Emitter::default() })
}

/// Writes a value as [`to_string`] does, but with sequences indented in mappings, no text folded, and floats in Go's own form.
///
/// # Errors
/// As [`to_string`].
pub fn to_string_pretty(value: &Value) -> Result<String, Error> {
    write(value, Emitter { width: usize::MAX, is_pretty: true, ..Emitter::default() })
}

fn write(value: &Value, mut emitter: Emitter) -> Result<String, Error> {
    emitter.at_line_start = true;
    emitter.after_space = true;
    emitter.out.reserve(256);
    emitter.node(value, Context::Root, &mut Allowance::default())?;
    emitter.start_line();
    Ok(emitter.out)
}

impl From<TooLarge> for Error {
    fn from(error: TooLarge) -> Self {
        Self::new(error.to_string())
    }
}

/// What a node is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Context {
    Root,
    Sequence,
    SimpleKey,
    MappingValue,
}

/// Writes text and keeps count of where on the line it is.
#[derive(Debug, Default)]
struct Emitter {
    out: String,
    width: usize,
    /// Sequences in mappings are indented, and floats were never on a trip through JSON.
    is_pretty: bool,
    column: usize,
    /// Indentation of the block that is open; none outside of all.
    indent: Option<usize>,
    /// Only indentation, or indicators such as `-` that count as such, since the line began.
    at_line_start: bool,
    after_space: bool,
}

impl Emitter {
    fn push(&mut self, character: char) {
        self.out.push(character);
        self.column += 1;
    }

    fn push_str(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += if text.is_ascii() { text.len() } else { text.chars().count() };
    }

    fn line_break(&mut self) {
        self.out.push('\n');
        self.column = 0;
    }

    /// Goes to the indentation of the open block, on a new line if this one has content.
    fn start_line(&mut self) {
        let indent = self.indent.unwrap_or(0);
        if !self.at_line_start || self.column > indent || self.column == indent && !self.after_space {
            self.line_break();
        }
        while self.column < indent {
            self.push(' ');
        }
        self.after_space = true;
        self.at_line_start = true;
    }

    fn indicator(&mut self, text: &str, needs_space: bool, is_indentation: bool) {
        if needs_space && !self.after_space {
            self.push(' ');
        }
        self.push_str(text);
        self.after_space = false;
        self.at_line_start &= is_indentation;
    }

    /// Writes something one level deeper.
    fn deeper<T>(&mut self, indent: usize, write: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.indent.replace(indent);
        let written = write(self);
        self.indent = outer;
        written
    }

    fn node(&mut self, value: &Value, context: Context, allowance: &mut Allowance) -> Result<(), Error> {
        allowance.visit(|allowance| match shape(value) {
            Shape::Null => self.plain_scalar("null", context),
            Shape::Bool(value) => self.plain_scalar(if value { "true" } else { "false" }, context),
            Shape::Int(value) => self.plain_scalar(&value.to_string(), context),
            Shape::Uint(value) => self.plain_scalar(&value.to_string(), context),
            Shape::Float(value) if self.is_pretty => self.plain_scalar(&pretty_float_text(value), context),
            Shape::Float(value) => self.plain_scalar(&float_text(value)?, context),
            Shape::Text(text) if self.is_pretty => self.text(&yaml_text(&text)?, context),
            Shape::Text(text) => self.text(&next_lines_folded(yaml_text(&text)?), context),
            Shape::List(items) if items.is_empty() => self.flow_empty("[]"),
            Shape::Map(entries) if entries.is_empty() => self.flow_empty("{}"),
            Shape::List(items) => self.sequence(&items, context, allowance),
            Shape::Map(entries) => self.mapping(&entries, allowance),
        })
    }

    fn flow_empty(&mut self, text: &str) -> Result<(), Error> {
        self.indicator(text, true, false);
        Ok(())
    }

    /// A sequence in a mapping is not indented more than the mapping.
    fn sequence(
        &mut self,
        items: &[Cow<'_, Value>],
        context: Context,
        allowance: &mut Allowance,
    ) -> Result<(), Error> {
        let stays = context == Context::MappingValue && !self.at_line_start && !self.is_pretty;
        let step = if stays { 0 } else { INDENT };
        let indent = self.indent.map_or(0, |indent| indent + step);
        self.deeper(indent, |emitter| {
            items.iter().try_for_each(|item| {
                emitter.start_line();
                emitter.indicator("-", true, true);
                emitter.node(item, Context::Sequence, allowance)
            })
        })
    }

    fn mapping<K: AsRef<[u8]>>(
        &mut self,
        entries: &[(K, Value)],
        allowance: &mut Allowance,
    ) -> Result<(), Error> {
        let mut sorted: Vec<(Cow<'_, str>, &Value)> = entries
            .iter()
            .map(|(key, value)| Ok((self.key_text(key.as_ref())?, value)))
            .collect::<Result<_, Error>>()?;
        let letters = if self.is_pretty { LettersBehindDigits::First } else { LettersBehindDigits::Last };
        natural_sort(&mut sorted, letters, |entry| &entry.0);
        let indent = self.indent.map_or(0, |indent| indent + INDENT);
        self.deeper(indent, |emitter| {
            sorted.iter().try_for_each(|(key, value)| {
                emitter.start_line();
                emitter.entry(key, value, allowance)
            })
        })
    }

    /// A key as it comes out of a trip through JSON, where it may not span lines.
    fn key_text<'k>(&self, key: &'k [u8]) -> Result<Cow<'k, str>, Error> {
        let text = yaml_text(key)?;
        if !self.is_pretty && text.contains(NEXT_LINE) {
            return Err(Error::new("yaml: could not find expected ':'"));
        }
        Ok(text)
    }

    fn entry(&mut self, key: &str, value: &Value, allowance: &mut Allowance) -> Result<(), Error> {
        if key.len() <= SIMPLE_KEY_LENGTH && !key.contains(is_break) {
            self.text(key, Context::SimpleKey)?;
            self.indicator(":", false, false);
        } else {
            self.indicator("?", true, true);
            self.text(key, Context::MappingValue)?;
            self.start_line();
            self.indicator(":", true, true);
        }
        self.node(value, Context::MappingValue, allowance)
    }

    fn plain_scalar(&mut self, text: &str, context: Context) -> Result<(), Error> {
        self.scalar(text, Style::Plain, context);
        Ok(())
    }

    /// A word that is written as it is, wherever it stands.
    fn word(&mut self, text: &str) {
        if !self.after_space {
            self.push(' ');
        }
        self.push_str(text);
        self.after_space = false;
        self.at_line_start = false;
    }

    /// Text in the style that reads back as the same text.
    fn text(&mut self, text: &str, context: Context) -> Result<(), Error> {
        if is_word(text) {
            self.word(text);
            return Ok(());
        }
        let wanted = if text.contains('\n') {
            Style::Literal
        } else if resolve(text) == Scalar::Text && !is_timestamp(text) && !is_base_60(text) {
            Style::Plain
        } else {
            Style::DoubleQuoted
        };
        let is_key = context == Context::SimpleKey;
        let style = Analysis::of(text, self.is_pretty).style(wanted, is_key);
        self.scalar(text, style, context);
        Ok(())
    }

    fn scalar(&mut self, text: &str, style: Style, context: Context) {
        let indent = self.indent.map_or(INDENT, |indent| indent + INDENT);
        let may_fold = context != Context::SimpleKey;
        self.deeper(indent, |emitter| match style {
            Style::Plain => emitter.plain(text, may_fold),
            Style::SingleQuoted => emitter.single_quoted(text, may_fold),
            Style::DoubleQuoted => emitter.double_quoted(text, may_fold),
            Style::Literal => emitter.literal(text),
        });
    }

    fn plain(&mut self, text: &str, may_fold: bool) {
        if !self.after_space && !text.is_empty() {
            self.push(' ');
        }
        self.folded(text, may_fold, |emitter, character| emitter.push(character));
        self.after_space = false;
        self.at_line_start = false;
    }

    fn single_quoted(&mut self, text: &str, may_fold: bool) {
        self.indicator("'", true, false);
        self.folded(text, may_fold, |emitter, character| {
            if character == '\'' {
                emitter.push('\'');
            }
            emitter.push(character);
        });
        self.indicator("'", false, false);
        self.after_space = false;
        self.at_line_start = false;
    }

    /// Writes characters, with a line break in place of a lone space past the width.
    fn folded(&mut self, text: &str, may_fold: bool, mut write: impl FnMut(&mut Self, char)) {
        let (mut after_space, mut after_break) = (false, false);
        let mut characters = text.chars().peekable();
        let mut is_first = true;
        while let Some(character) = characters.next() {
            let next = characters.peek().copied();
            if character == ' ' {
                let inside = !is_first && next.is_some_and(|next| next != ' ');
                if may_fold && !after_space && self.column > self.width && inside {
                    self.start_line();
                } else {
                    self.push(' ');
                }
            } else if is_break(character) {
                self.out.push(character);
                self.column = 0;
                self.at_line_start = true;
            } else {
                if after_break {
                    self.start_line();
                }
                write(self, character);
                self.at_line_start = false;
            }
            after_break = is_break(character);
            after_space = character == ' ';
            is_first = false;
        }
    }

    fn double_quoted(&mut self, text: &str, may_fold: bool) {
        self.indicator("\"", true, false);
        let mut after_space = false;
        let mut characters = text.chars().peekable();
        // Go looks for a byte order mark at the beginning of the text, whichever character it is about to write.
        let all_escaped = text.starts_with('\u{feff}');
        let mut is_first = true;
        while let Some(character) = characters.next() {
            let next = characters.peek().copied();
            if all_escaped || must_be_escaped(character) {
                self.push_str(&escaped(character));
            } else if character == ' '
                && may_fold
                && !after_space
                && self.column > self.width
                && !is_first
                && next.is_some()
            {
                self.start_line();
                if next == Some(' ') {
                    self.push('\\');
                }
            } else {
                self.push(character);
                self.at_line_start = false;
            }
            after_space = character == ' ';
            is_first = false;
        }
        self.indicator("\"", false, false);
        self.after_space = false;
        self.at_line_start = false;
    }

    /// A block scalar, line by line; its header says what its first and last characters need said.
    fn literal(&mut self, text: &str) {
        self.indicator("|", true, false);
        if text.starts_with(' ') || text.starts_with(is_break) {
            self.push_str(&INDENT.to_string());
        }
        let mut from_end = text.chars().rev();
        match (from_end.next(), from_end.next()) {
            (Some(last), _) if !is_break(last) => self.push('-'),
            (Some(_), None) => self.push('+'),
            (Some(_), Some(before)) if is_break(before) => self.push('+'),
            _ => {}
        }
        self.line_break();
        self.at_line_start = true;
        self.after_space = true;
        let mut line_begins = true;
        for character in text.chars() {
            if is_break(character) {
                if character == '\n' {
                    self.line_break();
                } else {
                    self.out.push(character);
                    self.column = 0;
                }
                self.at_line_start = true;
                line_begins = true;
            } else {
                if line_begins {
                    self.start_line();
                }
                self.push(character);
                self.at_line_start = false;
                line_begins = false;
            }
        }
    }
}

pub(super) fn is_break(character: char) -> bool {
    matches!(character, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// What YAML's writer in Go takes for printable; characters beyond the basic plane are not.
pub(super) fn is_printable(character: char) -> bool {
    matches!(character,
        '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

/// Whether a text is of letters and what stands inside names, so that nothing else can be meant by it, nor anything be folded in it.
fn is_word(text: &str) -> bool {
    let inside = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/');
    match text.as_bytes() {
        [first, rest @ ..] => {
            first.is_ascii_alphabetic() && rest.iter().all(inside) && resolve(text) == Scalar::Text
        }
        [] => false,
    }
}

fn must_be_escaped(character: char) -> bool {
    !is_printable(character) || is_break(character) || matches!(character, '"' | '\\')
}

fn escaped(character: char) -> String {
    let code = u32::from(character);
    let simple = match character {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' => '"',
        '\\' => '\\',
        '\u{85}' => 'N',
        '\u{a0}' => '_',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        _ if code <= 0xff => return format!("\\x{code:02X}"),
        _ if code <= 0xffff => return format!("\\u{code:04X}"),
        _ => return format!("\\U{code:08X}"),
    };
    format!("\\{simple}")
}

/// A float as it comes out of a trip through JSON: whole numbers become integers.
fn float_text(value: f64) -> Result<String, Error> {
    if !value.is_finite() {
        return Err(Error::new(format!("json: unsupported value: {}", format_float(value))));
    }
    if let Some(whole) = small_whole(value) {
        return Ok(whole.to_string());
    }
    let json = format_float_json(value);
    Ok(match resolve(&json) {
        Scalar::Int(value) => value.to_string(),
        Scalar::Uint(value) => value.to_string(),
        _ => format_float(value),
    })
}

/// A float as Go writes it by itself: with an exponent from a million on, or if it is very small.
fn pretty_float_text(value: f64) -> String {
    if value.is_nan() {
        return ".nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    format_float(value)
}

/// A whole number that is written with all its digits however it is written; negative zero is none.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "only small whole numbers come out"
)]
fn small_whole(value: f64) -> Option<i64> {
    const SMALL: f64 = 1e15;
    let whole = value as i64;
    let is_whole = value.abs() < SMALL && whole as f64 == value && !(whole == 0 && value.is_sign_negative());
    is_whole.then_some(whole)
}

/// `1:30` and its like, numbers to base 60 to other readers of YAML 1.1.
fn is_base_60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let Some((first, rest)) = unsigned.split_once(':') else { return false };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let first_is_good = first.starts_with(|digit: char| digit.is_ascii_digit()) && digits(first);
    let (groups, fraction) = rest.split_once('.').unwrap_or((rest, ""));
    first_is_good && digits(fraction) && groups.split(':').all(is_sexagesimal)
}

fn is_sexagesimal(group: &str) -> bool {
    match group.as_bytes() {
        [digit] => digit.is_ascii_digit(),
        [tens, ones] => matches!(tens, b'0'..=b'5') && ones.is_ascii_digit(),
        _ => false,
    }
}
