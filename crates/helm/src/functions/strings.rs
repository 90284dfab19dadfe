//! Trimming, cutting, searching and repeating text.

use spacecraft_gotemplate::{Call, CallResult, Function, Functions, GoString, Type, Value};

use super::cast::to_text;
use super::octets::with_texts;
use super::words::{lower, upper};
use super::{add_as, failure};

const ONE: &[Type] = &[Type::String];
const TWO: &[Type] = &[Type::String, Type::String];

pub(super) fn add(functions: &mut Functions) {
    let mut one = |name, make: fn(&str) -> String| {
        functions.insert(name, Function::new(ONE, move |call| Ok(make(&call.text(0)).into())));
    };
    one("upper", |text| text.chars().map(upper).collect());
    one("lower", |text| text.chars().map(lower).collect());
    // Like the library that Helm uses, this takes each byte for a character.
    functions.insert(
        "nospace",
        Function::new(ONE, |call| {
            let characters = call.bytes(0).iter().map(|byte| char::from(*byte));
            let kept: String = characters.filter(|character| !character.is_whitespace()).collect();
            Ok(kept.into())
        }),
    );
    functions.insert("hello", Function::new(&[], |_| Ok("Hello!".into())));
    add_trimming(functions);
    add_searching(functions);
    add_cutting(functions);
    functions.insert("repeat", Function::new(&[Type::Int, Type::String], repeat));
    functions.insert("indent", Function::new(&[Type::Int, Type::String], |call| indent(call, "")));
    functions.insert("nindent", Function::new(&[Type::Int, Type::String], |call| indent(call, "\n")));
    functions.insert("replace", Function::new(&[Type::String, Type::String, Type::String], replace));
    functions.insert(
        "plural",
        Function::new(&[Type::String, Type::String, Type::Int], |call| {
            Ok(call.value(usize::from(call.int(2) != 1)).clone())
        }),
    );
    functions
        .insert("toString", Function::new(&[Type::Any], |call| Ok(Value::String(to_text(call.value(0))))));
}

fn add_trimming(functions: &mut Functions) {
    let trim_all = Function::new(TWO, |call| {
        Ok(Value::String(with_texts([call.bytes(0), call.bytes(1)], |[cut, text], bytes| {
            bytes(text.trim_matches(|character| cut.contains(character)))
        })))
    });
    functions.insert(
        "trim",
        Function::new(ONE, |call| {
            Ok(Value::String(with_texts([call.bytes(0)], |[text], bytes| bytes(text.trim()))))
        }),
    );
    add_as(functions, &["trimAll", "trimall"], &trim_all);
    functions.insert(
        "trimSuffix",
        Function::new(TWO, |call| {
            let text = call.bytes(1);
            Ok(Value::text(text.strip_suffix(call.bytes(0)).unwrap_or(text)))
        }),
    );
    functions.insert(
        "trimPrefix",
        Function::new(TWO, |call| {
            let text = call.bytes(1);
            Ok(Value::text(text.strip_prefix(call.bytes(0)).unwrap_or(text)))
        }),
    );
}

fn add_searching(functions: &mut Functions) {
    let mut test = |name, holds: fn(&[u8], &[u8]) -> bool| {
        functions
            .insert(name, Function::new(TWO, move |call| Ok(holds(call.bytes(0), call.bytes(1)).into())));
    };
    test("contains", |part, text| part.is_empty() || text.windows(part.len()).any(|window| window == part));
    test("hasPrefix", |prefix, text| text.starts_with(prefix));
    test("hasSuffix", |suffix, text| text.ends_with(suffix));
}

fn add_cutting(functions: &mut Functions) {
    functions.insert(
        "trunc",
        Function::new(&[Type::Int, Type::String], |call| {
            Ok(Value::text(truncated(call.int(0), call.bytes(1))))
        }),
    );
    functions.insert("substr", Function::new(&[Type::Int, Type::Int, Type::String], substr));
    functions.insert(
        "abbrev",
        Function::new(&[Type::Int, Type::String], |call| {
            Ok(Value::text(abbreviated(0, call.int(0), call.bytes(1))))
        }),
    );
    functions.insert(
        "abbrevboth",
        Function::new(&[Type::Int, Type::Int, Type::String], |call| {
            let (left, right) = (call.int(0), call.int(1));
            if left > 0 && right < 7 {
                return Ok(call.value(2).clone());
            }
            Ok(Value::text(abbreviated(left, right, call.bytes(2))))
        }),
    );
}

/// The first bytes of a text, or, of a negative count, the last ones.
fn truncated(count: i64, text: &[u8]) -> &[u8] {
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if wanted >= text.len() {
        return text;
    }
    let range = if count < 0 { text.len() - wanted..text.len() } else { 0..wanted };
    text.get(range).unwrap_or(text)
}

fn substr(call: &Call<'_>) -> CallResult {
    let (start, end, text) = (call.int(0), call.int(1), call.bytes(2));
    let length = i64::try_from(text.len()).unwrap_or(i64::MAX);
    let (from, to) = match (start, end) {
        (i64::MIN..0, _) => (0, end),
        (_, _) if end < 0 || end > length => (start, length),
        _ => (start, end),
    };
    let range = usize::try_from(from).ok().zip(usize::try_from(to).ok());
    match range.and_then(|(from, to)| text.get(from..to)) {
        Some(part) => Ok(Value::text(part)),
        None if to < 0 => failure(format!("runtime error: slice bounds out of range [:{to}]")),
        None if to > length => {
            failure(format!("runtime error: slice bounds out of range [:{to}] with length {length}"))
        }
        None => failure(format!("runtime error: slice bounds out of range [{from}:{to}]")),
    }
}

/// A text cut to `width` bytes with `...` where something is missing; an `offset` says which part is to stay.
fn abbreviated(offset: i64, width: i64, text: &[u8]) -> GoString {
    let Some(width) = usize::try_from(width).ok().filter(|width| *width >= 4 && text.len() > *width) else {
        return GoString::from(text);
    };
    let kept = width - 3;
    let mut offset = usize::try_from(offset).unwrap_or(0).min(text.len());
    if text.len() - offset < kept {
        offset = text.len() - kept;
    }
    let part = |start: usize, length: usize| text.get(start..start + length).unwrap_or_default();
    if offset <= 4 {
        return GoString::from([part(0, kept), b"..."].concat());
    }
    if offset + kept < text.len() {
        let rest = abbreviated(0, i64::try_from(kept).unwrap_or(0), text.get(offset..).unwrap_or_default());
        return GoString::from([b"...", rest.as_bytes()].concat());
    }
    GoString::from([b"...", part(text.len() - kept, kept)].concat())
}

fn repeat(call: &Call<'_>) -> CallResult {
    let Ok(count) = usize::try_from(call.int(0)) else { return failure("strings: negative Repeat count") };
    call.reserve(count.saturating_mul(call.bytes(1).len()))?;
    Ok(Value::text(call.bytes(1).repeat(count)))
}

fn indent(call: &Call<'_>, head: &str) -> CallResult {
    let Ok(spaces) = usize::try_from(call.int(0)) else { return failure("strings: negative Repeat count") };
    let text = call.bytes(1);
    let breaks = memchr::memchr_iter(b'\n', text).count();
    let size = spaces.saturating_mul(breaks + 1).saturating_add(text.len());
    call.reserve(size)?;
    let mut indented = Vec::with_capacity(size + 1);
    indented.extend_from_slice(head.as_bytes());
    let mut start = 0;
    for line_break in memchr::memchr_iter(b'\n', text).chain([text.len()]) {
        let end = text.len().min(line_break + 1);
        indented.resize(indented.len() + spaces, b' ');
        indented.extend_from_slice(text.get(start..end).unwrap_or_default());
        start = end;
    }
    Ok(Value::text(indented))
}

fn replace(call: &Call<'_>) -> CallResult {
    with_texts([call.bytes(0), call.bytes(1), call.bytes(2)], |[old, new, text], bytes| {
        let places = text.matches(old.as_ref()).count();
        call.reserve(places.saturating_mul(new.len()).saturating_add(text.len()))?;
        Ok(Value::String(bytes(&text.replace(old.as_ref(), &new))))
    })
}
