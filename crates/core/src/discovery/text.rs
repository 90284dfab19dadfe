//! JSON as it is written: where the elements of an array and the members of an object stand in the text.

use serde::de::IgnoredAny;
use serde_json::Deserializer;

use super::invalid;
use crate::error::Result;

/// One element of an array: where it is, and what stands between it and the one before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element<'a> {
    pub raw: &'a str,
    pub separator: &'a str,
    pub start: usize,
    pub end: usize,
}

/// One member of an object: its name, and its value as it is written with where that is.
#[derive(Debug, Clone)]
pub(super) struct Member<'a> {
    pub name: String,
    pub raw: &'a str,
    pub start: usize,
    pub end: usize,
}

/// The elements of the array `text`, which is known to be one of objects.
pub(super) fn elements(text: &str, count: usize) -> Result<Vec<Element<'_>>> {
    let mut end = text.find('[').map_or(0, |bracket| bracket + 1);
    let mut elements = Vec::with_capacity(count);
    for _ in 0..count {
        let start = end + until(slice(text, end, text.len())?, '{')?;
        let raw = value_at(text, start)?;
        elements.push(Element { raw, separator: slice(text, end, start)?, start, end: start + raw.len() });
        end = start + raw.len();
    }
    Ok(elements)
}

/// The members of the object `text`, which is known to be one, in the order in which they are written.
pub(super) fn members(text: &str) -> Result<Vec<Member<'_>>> {
    let mut at = until(text, '{')? + 1;
    let mut members = Vec::new();
    loop {
        let rest = slice(text, at, text.len())?;
        let Some(quote) = rest.find(|letter: char| !letter.is_ascii_whitespace() && letter != ',') else {
            return Err(unreadable());
        };
        if rest.get(quote..).is_none_or(|rest| rest.starts_with('}')) {
            return Ok(members);
        }
        let name = value_at(text, at + quote)?;
        let colon = at + quote + name.len();
        let after = colon + until(slice(text, colon, text.len())?, ':')? + 1;
        let gap = slice(text, after, text.len())?.find(|letter: char| !letter.is_ascii_whitespace());
        let start = after + gap.ok_or_else(unreadable)?;
        let raw = value_at(text, start)?;
        at = start + raw.len();
        let name = serde_json::from_str(name).map_err(|error| unreadable().with_source(error))?;
        members.push(Member { name, raw, start, end: at });
    }
}

/// The JSON value that begins at `start`, as it is written.
fn value_at(text: &str, start: usize) -> Result<&str> {
    let rest = slice(text, start, text.len())?;
    let mut stream = Deserializer::from_str(rest).into_iter::<IgnoredAny>();
    match stream.next() {
        Some(Ok(_)) => slice(rest, 0, stream.byte_offset()),
        Some(Err(error)) => Err(unreadable().with_source(error)),
        None => Err(unreadable()),
    }
}

fn until(text: &str, letter: char) -> Result<usize> {
    text.find(letter).ok_or_else(unreadable)
}

fn slice(text: &str, start: usize, end: usize) -> Result<&str> {
    text.get(start..end).ok_or_else(unreadable)
}

fn unreadable() -> crate::error::Error {
    invalid("it cannot be read")
}
