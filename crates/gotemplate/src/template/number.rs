//! Number constants of templates.

use super::node::{Name, NumberConstant};
use crate::number::{Unquoted, parse_float, parse_int, parse_uint, unquote_char};

/// Reads the number constant `text`, which stands at `source`.
///
/// # Errors
/// Go's message for what is no number, or none that a template can use.
pub(super) fn parse_number(text: &str, source: Name) -> Result<NumberConstant, String> {
    let quoted = || crate::number::quote_go(text.as_bytes());
    let unsigned = parse_uint(text);
    let int = parse_int(text).or_else(|| unsigned.filter(|value| *value == 0).map(|_| 0));
    if let Some(int) = int {
        return Ok(NumberConstant { source, int: Some(int), float: Some(to_float(int)) });
    }
    if unsigned.is_some() {
        return Ok(NumberConstant { source, int: None, float: None });
    }
    let float = parse_float(text).ok_or_else(|| format!("illegal number syntax: {}", quoted()))?;
    if !text.contains(['.', 'e', 'E', 'p', 'P']) {
        return Err(format!("integer overflow: {}", quoted()));
    }
    Ok(NumberConstant { source, int: whole(float), float: Some(float) })
}

/// Reads a character constant: it is a number, the character's code point.
///
/// # Errors
/// Go's message for a malformed constant.
pub(super) fn parse_character(text: &str, source: Name) -> Result<NumberConstant, String> {
    let malformed = || format!("malformed character constant: {text}");
    let body = text.strip_prefix('\'').ok_or_else(malformed)?;
    let (character, rest) = unquote_char(body, '\'').ok_or_else(|| "invalid syntax".to_owned())?;
    if rest != "'" {
        return Err(malformed());
    }
    let code = match character {
        Unquoted::Char(character) => i64::from(u32::from(character)),
        Unquoted::Byte(byte) => i64::from(byte),
    };
    Ok(NumberConstant { source, int: Some(code), float: Some(to_float(code)) })
}

#[allow(clippy::cast_precision_loss, reason = "Go converts the constant the same way")]
fn to_float(int: i64) -> f64 {
    int as f64
}

#[allow(clippy::cast_possible_truncation, reason = "only a value that survives the way back is used")]
fn whole(float: f64) -> Option<i64> {
    let int = float as i64;
    (to_float(int) == float).then_some(int)
}
