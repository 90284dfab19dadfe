//! What a plain scalar means: null, a boolean, a number or text, by the rules of YAML 1.1 as Go's yaml.v2 has them.

use super::Error;

/// The prefix of YAML's own tags.
pub(super) const TAG_PREFIX: &str = "tag:yaml.org,2002:";

/// A scalar with its type.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    /// A date or a time; used as text, but quoted when written.
    Timestamp,
    Text,
}

impl Scalar {
    fn tag(&self) -> &'static str {
        match self {
            Self::Null => "!!null",
            Self::Bool(_) => "!!bool",
            Self::Int(_) | Self::Uint(_) => "!!int",
            Self::Float(_) => "!!float",
            Self::Timestamp => "!!timestamp",
            Self::Text => "!!str",
        }
    }
}

/// Resolves text without a tag.
pub(super) fn resolve(text: &str) -> Scalar {
    match text.as_bytes().first() {
        None => Scalar::Null,
        Some(b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~') => {
            resolve_word(text)
        }
        Some(b'.') => resolve_dotted(text),
        Some(b'+' | b'-' | b'0'..=b'9') => resolve_number(text),
        Some(_) => Scalar::Text,
    }
}

/// Resolves text under the tag of YAML's own types; other tags leave it text.
///
/// # Errors
/// If the text is not of the tag's type.
pub(super) fn resolve_tagged(tag: &str, text: &str) -> Result<Scalar, Error> {
    let Some(short) = tag.strip_prefix(TAG_PREFIX) else { return Ok(Scalar::Text) };
    let found = match short {
        "bool" | "int" | "float" | "null" | "timestamp" => resolve(text),
        _ => return Ok(Scalar::Text),
    };
    match (short, found) {
        ("float", Scalar::Int(value)) => Ok(Scalar::Float(to_float(value))),
        (wanted, found) if found.tag().get(2..) == Some(wanted) => Ok(found),
        (wanted, found) => Err(Error::new(format!(
            "error converting YAML to JSON: yaml: cannot decode {} `{text}` as a !!{wanted}",
            found.tag()
        ))),
    }
}

#[allow(clippy::cast_precision_loss, reason = "Go converts an int to a float64 the same way")]
fn to_float(value: i64) -> f64 {
    value as f64
}

fn resolve_word(text: &str) -> Scalar {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Scalar::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Scalar::Bool(false)
        }
        "~" | "null" | "Null" | "NULL" => Scalar::Null,
        _ => Scalar::Text,
    }
}

fn resolve_dotted(text: &str) -> Scalar {
    match text {
        ".nan" | ".NaN" | ".NAN" => Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" => Scalar::Float(f64::INFINITY),
        _ => crate::number::parse_float(text).map_or(Scalar::Text, Scalar::Float),
    }
}

fn resolve_number(text: &str) -> Scalar {
    match text {
        "+.inf" | "+.Inf" | "+.INF" => return Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Scalar::Float(f64::NEG_INFINITY),
        _ => {}
    }
    if is_timestamp(text) {
        return Scalar::Timestamp;
    }
    let digits = text.replace('_', "");
    if let Some(value) = crate::number::parse_int(&digits) {
        return Scalar::Int(value);
    }
    if let Some(value) = crate::number::parse_uint(&digits) {
        return Scalar::Uint(value);
    }
    if is_float(&digits)
        && let Some(value) = crate::number::parse_float(&digits)
    {
        return Scalar::Float(value);
    }
    Scalar::Text
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa_is_good = match mantissa.split_once('.') {
        Some((whole, fraction)) => {
            all_digits(whole) && all_digits(fraction) && !(whole.is_empty() && fraction.is_empty())
        }
        None => !mantissa.is_empty() && all_digits(mantissa),
    };
    let exponent_is_good = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    mantissa_is_good && exponent_is_good
}

/// Reads numbers out of a date.
struct DateReader<'t> {
    rest: &'t str,
}

impl DateReader<'_> {
    /// Between `least` and `most` digits.
    fn number(&mut self, least: usize, most: usize) -> Option<u32> {
        let count = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        if count < least {
            return None;
        }
        let (digits, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        digits.parse().ok()
    }

    fn takes(&mut self, prefix: &[char]) -> bool {
        match self.rest.strip_prefix(prefix) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }
}

/// `2001-2-3`, `2001-02-03 04:05:06.7` or `2001-02-03T04:05:06.7Z` (or `+01:00`), with a day that exists.
pub(super) fn is_timestamp(text: &str) -> bool {
    let mut reader = DateReader { rest: text };
    read_date(&mut reader).is_some() && (reader.rest.is_empty() || read_time(&mut reader).is_some())
}

fn read_date(reader: &mut DateReader<'_>) -> Option<()> {
    let year = reader.number(4, 4)?;
    let month = reader.takes(&['-']).then(|| reader.number(1, 2))??;
    let day = reader.takes(&['-']).then(|| reader.number(1, 2))??;
    (1..=days_of(year, month)?).contains(&day).then_some(())
}

fn days_of(year: u32, month: u32) -> Option<u32> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => Some(31),
        4 | 6 | 9 | 11 => Some(30),
        2 => Some(if leap { 29 } else { 28 }),
        _ => None,
    }
}

fn read_time(reader: &mut DateReader<'_>) -> Option<()> {
    let zoned = match reader.rest.chars().next()? {
        'T' | 't' => true,
        ' ' => false,
        _ => return None,
    };
    reader.rest = reader.rest.get(1..)?;
    let hour = reader.number(1, 2)?;
    let minute = reader.takes(&[':']).then(|| reader.number(1, 2))??;
    let second = reader.takes(&[':']).then(|| reader.number(1, 2))??;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    if reader.takes(&['.', ',']) {
        reader.rest = reader.rest.trim_start_matches(|digit: char| digit.is_ascii_digit());
    }
    let zone_is_good = if zoned { is_zone(reader.rest) } else { reader.rest.is_empty() };
    zone_is_good.then_some(())
}

fn is_zone(text: &str) -> bool {
    let mut reader = DateReader { rest: text };
    if text == "Z" {
        return true;
    }
    let zone = reader
        .takes(&['+', '-'])
        .then(|| reader.number(2, 2))
        .and_then(|_| reader.takes(&[':']).then(|| reader.number(2, 2)));
    zone.flatten().is_some() && reader.rest.is_empty()
}
