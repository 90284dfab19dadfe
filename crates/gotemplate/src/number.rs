//! Numbers and quoted strings as Go's `strconv` reads and writes them.

use std::fmt::Write as _;

/// Reads an integer with Go's base prefixes (`0x`, `0o`, `0b`, a leading 0 for octal) and digit separators.
pub fn parse_int(text: &str) -> Option<i64> {
    let (negative, unsigned) = split_sign(text);
    let magnitude = i128::from(parse_magnitude(unsigned)?);
    i64::try_from(if negative { -magnitude } else { magnitude }).ok()
}

/// Reads an unsigned integer; see [`parse_int`].
pub fn parse_uint(text: &str) -> Option<u64> {
    parse_magnitude(text)
}

fn split_sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(unsigned) => (true, unsigned),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn parse_magnitude(text: &str) -> Option<u64> {
    let (base, digits) = split_base(text);
    if digits.is_empty() || digits.starts_with(['+', '-']) || !separators_are_good(text) {
        return None;
    }
    if digits.contains('_') {
        return u64::from_str_radix(&digits.replace('_', ""), base).ok();
    }
    u64::from_str_radix(digits, base).ok()
}

fn split_base(text: &str) -> (u32, &str) {
    let Some(rest) = text.strip_prefix('0') else { return (10, text) };
    let prefixed = |letters: [char; 2]| rest.strip_prefix(letters);
    if let Some(digits) = prefixed(['x', 'X']) {
        return (16, digits);
    }
    if let Some(digits) = prefixed(['o', 'O']) {
        return (8, digits);
    }
    if let Some(digits) = prefixed(['b', 'B']) {
        return (2, digits);
    }
    if rest.is_empty() { (10, text) } else { (8, rest) }
}

/// Underscores stand between digits, or between the base prefix and a digit.
fn separators_are_good(text: &str) -> bool {
    if !text.contains('_') {
        return true;
    }
    let (_, unsigned) = split_sign(text);
    let has_prefix =
        unsigned.starts_with('0') && unsigned.as_bytes().get(1).is_some_and(u8::is_ascii_alphabetic);
    let is_hex = has_prefix && unsigned.as_bytes().get(1).is_some_and(|byte| byte | 0x20 == b'x');
    let body = if has_prefix { unsigned.get(2..).unwrap_or_default() } else { unsigned };
    let mut after_digit = has_prefix;
    let mut after_separator = false;
    for byte in body.bytes() {
        let digit = byte.is_ascii_digit() || is_hex && byte.is_ascii_hexdigit();
        if byte == b'_' && !after_digit || after_separator && !digit {
            return false;
        }
        after_separator = byte == b'_';
        after_digit = digit;
    }
    !after_separator
}

/// Reads a float as Go's `ParseFloat` does: decimal or hexadecimal, `inf` and `nan` in any case; a number too large for
/// a float is none.
pub fn parse_float(text: &str) -> Option<f64> {
    let (negative, unsigned) = split_sign(text);
    let signed = |value: f64| if negative { -value } else { value };
    match unsigned.to_ascii_lowercase().as_str() {
        "inf" | "infinity" => return Some(signed(f64::INFINITY)),
        "nan" => return (unsigned.len() == text.len()).then_some(f64::NAN),
        hexadecimal if hexadecimal.starts_with("0x") => {
            return parse_hexadecimal_float(text, hexadecimal).map(signed);
        }
        _ => {}
    }
    let starts_well = unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.');
    if !starts_well || !separators_are_good(text) {
        return None;
    }
    let digits = unsigned.replace('_', "");
    digits.parse::<f64>().ok().filter(|value| value.is_finite()).map(signed)
}

/// `0x1.8p3`; the exponent is not optional.
fn parse_hexadecimal_float(text: &str, lower: &str) -> Option<f64> {
    if !separators_are_good(text) {
        return None;
    }
    let digits = lower.strip_prefix("0x")?.replace('_', "");
    let (mantissa, exponent) = digits.split_once('p')?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let significand = u64::from_str_radix(&all, 16).ok()?;
    let fraction_bits = i32::try_from(fraction.len().checked_mul(4)?).ok()?;
    let exponent: i32 = exponent.parse().ok()?;
    #[allow(clippy::cast_precision_loss, reason = "the nearest float is what is wanted")]
    let value = significand as f64 * 2f64.powi(exponent.checked_sub(fraction_bits)?);
    value.is_finite().then_some(value)
}

/// The decimal digits of a finite number without trailing zeros, and where the point stands before, in or after them.
struct Digits {
    digits: String,
    point: i32,
}

impl Digits {
    /// Of Rust's scientific notation, such as `1.25e-7`.
    fn of(scientific: &str) -> Self {
        let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
        let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
        let trimmed = digits.trim_end_matches('0');
        if trimmed.is_empty() {
            return Self { digits: String::new(), point: 0 };
        }
        Self { digits: trimmed.to_owned(), point: exponent.parse::<i32>().unwrap_or(0) + 1 }
    }

    fn len(&self) -> i32 {
        i32::try_from(self.digits.len()).unwrap_or(i32::MAX)
    }

    /// `%e` with `precision` digits after the point.
    fn exponential(&self, precision: usize) -> String {
        let mut digits = self.digits.clone();
        while digits.len() <= precision {
            digits.push('0');
        }
        let (first, rest) = digits.split_at_checked(1).unwrap_or(("0", ""));
        let point = if precision > 0 { "." } else { "" };
        let exponent = if self.digits.is_empty() { 0 } else { self.point - 1 };
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{first}{point}{rest}e{sign}{:02}", exponent.unsigned_abs())
    }

    /// `%f` with as many digits after the point as there are.
    fn fixed(&self) -> String {
        let point = usize::try_from(self.point).unwrap_or(0);
        if self.point <= 0 {
            let zeros = "0".repeat(usize::try_from(-self.point).unwrap_or(0));
            return if self.digits.is_empty() { "0".to_owned() } else { format!("0.{zeros}{}", self.digits) };
        }
        match self.digits.split_at_checked(point) {
            Some((whole, "")) => whole.to_owned(),
            Some((whole, fraction)) => format!("{whole}.{fraction}"),
            None => format!("{:0<point$}", self.digits),
        }
    }

    /// `%g`: exponential for numbers that are very large or very small for the precision.
    fn general(&self, precision: Option<usize>) -> String {
        let limit = match precision {
            None => 6,
            Some(precision) => {
                let limit = i32::try_from(precision).unwrap_or(i32::MAX);
                if limit > self.len() && self.len() >= self.point { self.len() } else { limit }
            }
        };
        let exponent = if self.digits.is_empty() { 0 } else { self.point - 1 };
        if exponent < -4 || exponent >= limit.max(1) {
            self.exponential(self.digits.len().saturating_sub(1))
        } else {
            self.fixed()
        }
    }
}

fn special(value: f64) -> Option<&'static str> {
    if value.is_nan() {
        Some("NaN")
    } else if value.is_infinite() {
        Some(if value > 0.0 { "+Inf" } else { "-Inf" })
    } else {
        None
    }
}

/// A float in its shortest form, as `%v` prints it: `1e+06`, `0.5`, `3`, `+Inf`.
pub fn format_float(value: f64) -> String {
    if let Some(special) = special(value) {
        return special.to_owned();
    }
    let sign = if value.is_sign_negative() { "-" } else { "" };
    format!("{sign}{}", Digits::of(&format!("{:e}", value.abs())).general(None))
}

/// A float with the digits that tell it from its neighbours among 32-bit floats.
pub fn format_float32(value: f32) -> String {
    if let Some(special) = special(f64::from(value)) {
        return special.to_owned();
    }
    let sign = if value.is_sign_negative() { "-" } else { "" };
    format!("{sign}{}", Digits::of(&format!("{:e}", value.abs())).general(None))
}

/// A float by one of the verbs `e`, `f` or `g` (or in upper case); no precision is the shortest form.
pub fn format_float_as(value: f64, verb: char, precision: Option<usize>) -> String {
    if let Some(special) = special(value) {
        return special.to_owned();
    }
    let sign = if value.is_sign_negative() { "-" } else { "" };
    let magnitude = value.abs();
    let digits = |precision: Option<usize>| match precision {
        Some(precision) => Digits::of(&format!("{magnitude:.precision$e}")),
        None => Digits::of(&format!("{magnitude:e}")),
    };
    let text = match (verb.to_ascii_lowercase(), precision) {
        ('e', Some(precision)) => digits(Some(precision)).exponential(precision),
        ('e', None) => {
            let digits = digits(None);
            digits.exponential(digits.digits.len().saturating_sub(1))
        }
        ('f', Some(precision)) => format!("{magnitude:.precision$}"),
        ('f', None) => digits(None).fixed(),
        (_, Some(precision)) => {
            let significant = precision.max(1);
            digits(Some(significant - 1)).general(Some(significant))
        }
        (_, None) => digits(None).general(None),
    };
    let text = if verb.is_ascii_uppercase() { text.to_ascii_uppercase() } else { text };
    format!("{sign}{text}")
}

/// A float as Go's JSON writes it: plain digits, but exponential below 1e-6 and from 1e21 on.
pub fn format_float_json(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        let text = format_float_as(value, 'e', None);
        return text.replace("e-0", "e-");
    }
    format_float_as(value, 'f', None)
}

/// Whether Go's `strconv.IsPrint` shows a character as it is: letters, marks, numbers, punctuation, symbols, space.
pub fn is_printable(character: char) -> bool {
    if character.is_ascii() {
        return matches!(character, ' '..='~');
    }
    // `str::escape_debug` spells out what is not printable, and, only at the start of a text, what joins with the
    // character before; hence the letter in front.
    let mut text = [0u8; 5];
    text[0] = b'a';
    let length = character.encode_utf8(&mut text[1..]).len();
    let shown = std::str::from_utf8(&text[..=length]).unwrap_or_default();
    shown.escape_debug().nth(1) == Some(character)
}

/// Text in double quotes as Go's `%q` prints it; bytes that are not UTF-8 come out as `\x..`.
pub fn quote_go(text: &[u8]) -> String {
    quote_with(text, '"', false)
}

/// As [`quote_go`], with everything beyond ASCII escaped, as `%+q` prints it.
pub fn quote_go_ascii(text: &[u8]) -> String {
    quote_with(text, '"', true)
}

/// A character in single quotes as `%q` prints an integer.
pub fn quote_go_char(character: char, ascii_only: bool) -> String {
    let mut buffer = [0u8; 4];
    quote_with(character.encode_utf8(&mut buffer).as_bytes(), '\'', ascii_only)
}

fn quote_with(text: &[u8], quote: char, ascii_only: bool) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push(quote);
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && *byte != b'\\' && char::from(*byte) != quote;
    if let Ok(plain) = std::str::from_utf8(text)
        && text.iter().all(is_plain)
    {
        quoted.push_str(plain);
        quoted.push(quote);
        return quoted;
    }
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            push_quoted(&mut quoted, character, quote, ascii_only);
        }
        for byte in chunk.invalid() {
            let _ = write!(quoted, "\\x{byte:02x}");
        }
    }
    quoted.push(quote);
    quoted
}

fn push_quoted(quoted: &mut String, character: char, quote: char, ascii_only: bool) {
    let simple = match character {
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\u{c}' => 'f',
        '\n' => 'n',
        '\r' => 'r',
        '\t' => 't',
        '\u{b}' => 'v',
        '\\' => '\\',
        other if other == quote => other,
        other => {
            if is_printable(other) && (!ascii_only || other.is_ascii()) {
                quoted.push(other);
            } else {
                push_code_point(quoted, u32::from(other));
            }
            return;
        }
    };
    quoted.push('\\');
    quoted.push(simple);
}

fn push_code_point(quoted: &mut String, code: u32) {
    let _ = match code {
        0..0x80 => write!(quoted, "\\x{code:02x}"),
        0x80..0x1_0000 => write!(quoted, "\\u{code:04x}"),
        _ => write!(quoted, "\\U{code:08x}"),
    };
}

/// Reads a Go string literal, in double quotes or backquotes.
///
/// # Errors
/// `()` if the literal is malformed.
pub fn unquote_go(literal: &str) -> Option<Vec<u8>> {
    if let Some(raw) = literal.strip_prefix('`') {
        let raw = raw.strip_suffix('`')?;
        return (!raw.contains('`')).then(|| raw.bytes().filter(|byte| *byte != b'\r').collect());
    }
    let mut rest = literal.strip_prefix('"')?.strip_suffix('"')?;
    if !rest.bytes().any(|byte| matches!(byte, b'\\' | b'"' | b'\n')) {
        return Some(rest.as_bytes().to_vec());
    }
    let mut text = Vec::with_capacity(rest.len());
    while !rest.is_empty() {
        let (unquoted, after) = unquote_char(rest, '"')?;
        match unquoted {
            Unquoted::Byte(byte) => text.push(byte),
            Unquoted::Char(character) => text.extend(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
        rest = after;
    }
    Some(text)
}

/// One character of a literal: a code point, or a raw byte from `\x..` or an octal escape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unquoted {
    /// A code point.
    Char(char),
    /// A byte.
    Byte(u8),
}

/// Reads one character of a literal that stands in `quote`s, and what follows it.
pub fn unquote_char(text: &str, quote: char) -> Option<(Unquoted, &str)> {
    let mut characters = text.chars();
    let first = characters.next()?;
    if first == quote || first == '\n' {
        return None;
    }
    if first != '\\' {
        return Some((Unquoted::Char(first), characters.as_str()));
    }
    let escape = characters.next()?;
    let rest = characters.as_str();
    let simple = match escape {
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        '\\' => '\\',
        'x' => return read_code(rest, 2, 16).and_then(as_byte),
        'u' => return read_code(rest, 4, 16).and_then(as_char),
        'U' => return read_code(rest, 8, 16).and_then(as_char),
        '0'..='7' => return read_code(text.get(1..)?, 3, 8).and_then(as_byte),
        other if other == quote => other,
        _ => return None,
    };
    Some((Unquoted::Char(simple), rest))
}

fn read_code(text: &str, digits: usize, base: u32) -> Option<(u32, &str)> {
    let (code, rest) = text.split_at_checked(digits)?;
    let all_digits = code.chars().all(|digit| digit.is_digit(base));
    Some((all_digits.then(|| u32::from_str_radix(code, base).ok())??, rest))
}

fn as_byte((code, rest): (u32, &str)) -> Option<(Unquoted, &str)> {
    Some((Unquoted::Byte(u8::try_from(code).ok()?), rest))
}

fn as_char((code, rest): (u32, &str)) -> Option<(Unquoted, &str)> {
    Some((Unquoted::Char(char::from_u32(code)?), rest))
}
