//! What the texts, numbers and dates of TOML mean.

use jiff::tz::TimeZone;
use spacecraft_gotemplate::{Value, number::quote_go};

use crate::functions::layout;

/// A text with its escapes replaced.
pub(super) fn unescaped(raw: &str) -> Result<String, String> {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        let mut characters = after.chars();
        let (plain, digits) = match characters.next() {
            Some('b') => ('\u{8}', 0),
            Some('t') => ('\t', 0),
            Some('n') => ('\n', 0),
            Some('f') => ('\u{c}', 0),
            Some('r') => ('\r', 0),
            Some('u') => ('\0', 4),
            Some('U') => ('\0', 8),
            Some(blank @ (' ' | '\t')) => {
                return Err(format!("invalid escape: '\\{blank}'"));
            }
            other => (other.unwrap_or('\\'), 0),
        };
        rest = characters.as_str();
        if digits == 0 {
            text.push(plain);
        } else {
            let (code, after) = rest.split_at_checked(digits).unwrap_or((rest, ""));
            let character = u32::from_str_radix(code, 16).ok().and_then(char::from_u32);
            text.push(character.ok_or_else(|| format!("Escaped character '\\u{code}' is not valid UTF-8."))?);
            rest = after;
        }
    }
    Ok(text + rest)
}

/// The text without backslashes at the ends of lines and all blanks that follow them.
pub(super) fn without_escaped_line_ends(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        let trimmed = after.trim_start_matches([' ', '\t', '\r', '\n']);
        if after.strip_suffix(trimmed).is_some_and(|blanks| blanks.contains('\n')) {
            rest = trimmed;
            continue;
        }
        text.push('\\');
        let escaped = after.chars().next().map_or(0, char::len_utf8);
        let (escaped, after) = after.split_at_checked(escaped).unwrap_or((after, ""));
        text.push_str(escaped);
        rest = after;
    }
    text + rest
}

fn underscores_are_between_digits(number: &str) -> bool {
    if matches!(number.trim_start_matches(['+', '-']), "inf" | "nan") {
        return true;
    }
    let mut before = false;
    for character in number.chars() {
        if character == '_' && !before {
            return false;
        }
        before = character.is_ascii_hexdigit();
    }
    before
}

fn has_leading_zero(number: &str) -> bool {
    match number.as_bytes() {
        [b'0', second, ..] => !matches!(second, b'b' | b'o' | b'x'),
        [b'-' | b'+', b'0', _, ..] => true,
        _ => false,
    }
}

pub(super) fn integer(text: &str) -> Result<i64, String> {
    let shown = || quote_go(text.as_bytes());
    if !underscores_are_between_digits(text) {
        return Err(format!("Invalid integer {}: underscores must be surrounded by digits", shown()));
    }
    if has_leading_zero(text) {
        return Err(format!("Invalid integer {}: cannot have leading zeroes", shown()));
    }
    let digits = text.replace('_', "");
    let number = match digits.split_at_checked(2) {
        Some(("0b", digits)) => i64::from_str_radix(digits, 2),
        Some(("0o", digits)) => i64::from_str_radix(digits, 8),
        Some(("0x", digits)) => i64::from_str_radix(digits, 16),
        _ => digits.parse(),
    };
    number.map_err(|_| format!("{text} is out of range for int64"))
}

pub(super) fn float(text: &str) -> Result<f64, String> {
    let shown = || quote_go(text.as_bytes());
    let mut parts = text.split(['.', 'e', 'E']).filter(|part| !part.is_empty()).peekable();
    let leads_with_zero = parts.peek().is_some_and(|first| has_leading_zero(first));
    if !parts.all(underscores_are_between_digits) {
        return Err(format!("Invalid float {}: underscores must be surrounded by digits", shown()));
    }
    if leads_with_zero {
        return Err(format!("Invalid float {}: cannot have leading zeroes", shown()));
    }
    let mut fractions = text.split('.').skip(1);
    if !fractions.all(|fraction| fraction.starts_with(|first: char| first.is_ascii_digit())) {
        return Err(format!("Invalid float {}: '.' must be followed by one or more digits", shown()));
    }
    let number: f64 =
        text.replace('_', "").parse().map_err(|_| format!("Invalid float value: {}", shown()))?;
    if number.is_infinite() && !text.ends_with("inf") {
        return Err(format!("{text} is out of range for float64"));
    }
    Ok(number)
}

/// A point in time. Where something is left out, it is the year 0, midnight, or UTC under a name that tells so.
pub(super) fn date(text: &str) -> Result<Value, String> {
    const LAYOUTS: [(&str, Option<&str>); 4] = [
        ("2006-01-02T15:04:05.999999999Z07:00", None),
        ("2006-01-02T15:04:05.999999999", Some("datetime-local")),
        ("2006-01-02", Some("date-local")),
        ("15:04:05.999999999", Some("time-local")),
    ];
    let text = text.replace('z', "Z").replace(['t', ' '], "T");
    for (layout, zone_name) in LAYOUTS {
        if let Ok(moment) = layout::parse(layout, &text, &TimeZone::UTC) {
            return Ok(zone_name.map_or(moment.clone(), |name| moment.named(name)).into_value());
        }
    }
    Err(format!("invalid datetime: {}", quote_go(text.as_bytes())))
}
