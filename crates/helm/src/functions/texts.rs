//! Splitting and joining text, quoting and wrapping it.

use spacecraft_gotemplate::{Call, CallResult, Function, Functions, GoString, Map, Type, Value, fmt, number};

use super::cast::{to_text, to_texts};
use super::octets::with_texts;

pub(super) fn add(functions: &mut Functions) {
    functions.insert(
        "quote",
        Function::variadic(&[], Type::Any, |call| {
            Ok(joined(call.arguments(), |value| number::quote_go(to_text(value).as_bytes()).into_bytes()))
        }),
    );
    functions.insert(
        "squote",
        Function::variadic(&[], Type::Any, |call| {
            Ok(joined(call.arguments(), |value| {
                [b"'", fmt::sprint(std::slice::from_ref(value)).as_slice(), b"'"].concat()
            }))
        }),
    );
    functions.insert(
        "cat",
        Function::variadic(&[], Type::Any, |call| {
            Ok(joined(call.arguments(), |value| fmt::sprint(std::slice::from_ref(value))))
        }),
    );
    functions.insert(
        "join",
        Function::new(&[Type::String, Type::Any], |call| {
            let texts = to_texts(call.value(1));
            let parts: Vec<&[u8]> = texts.iter().map(GoString::as_bytes).collect();
            Ok(Value::text(parts.join(call.bytes(0))))
        }),
    );
    functions
        .insert("toStrings", Function::new(&[Type::Any], |call| Ok(Value::strings(to_texts(call.value(0))))));
    functions.insert(
        "sortAlpha",
        Function::new(&[Type::Any], |call| {
            let mut texts = match call.value(0) {
                nil @ Value::Nil => vec![to_text(nil)],
                other => to_texts(other),
            };
            texts.sort();
            Ok(Value::strings(texts))
        }),
    );
    add_splitting(functions);
    add_wrapping(functions);
}

/// Values that are not nil, each made text, with spaces between.
fn joined(values: &[Value], make: impl Fn(&Value) -> Vec<u8>) -> Value {
    if let [value] = values
        && !matches!(value, Value::Nil)
    {
        return Value::text(make(value));
    }
    let parts: Vec<Vec<u8>> = values.iter().filter(|value| !matches!(value, Value::Nil)).map(make).collect();
    Value::text(parts.join(&b' '))
}

fn add_splitting(functions: &mut Functions) {
    functions.insert(
        "splitList",
        Function::new(&[Type::String, Type::String], |call| {
            Ok(Value::strings(split(call.bytes(1), call.bytes(0), usize::MAX)))
        }),
    );
    functions.insert(
        "split",
        Function::new(&[Type::String, Type::String], |call| {
            Ok(numbered(split(call.bytes(1), call.bytes(0), usize::MAX)))
        }),
    );
    functions.insert(
        "splitn",
        Function::new(&[Type::String, Type::Int, Type::String], |call| {
            let most = usize::try_from(call.int(1)).unwrap_or(usize::MAX);
            Ok(numbered(split(call.bytes(2), call.bytes(0), most)))
        }),
    );
}

/// Splits a text into at most `most` parts; an empty separator splits it into characters.
fn split(text: &[u8], separator: &[u8], most: usize) -> Vec<GoString> {
    with_texts([text, separator], |[text, separator], bytes| match (most, separator.as_ref()) {
        (0, _) => Vec::new(),
        (_, "") => {
            let mut characters = text.chars();
            let single = |character: char| bytes(character.encode_utf8(&mut [0; 4]));
            let mut parts: Vec<_> = characters.by_ref().take(most - 1).map(single).collect();
            if !characters.as_str().is_empty() {
                parts.push(bytes(characters.as_str()));
            }
            parts
        }
        (_, separator) => text.splitn(most, separator).map(bytes).collect(),
    })
}

/// Parts under the keys `_0`, `_1`, ...
fn numbered(parts: Vec<GoString>) -> Value {
    let map = Map::of("string");
    for (index, part) in parts.into_iter().enumerate() {
        map.insert(format!("_{index}"), Value::String(part));
    }
    Value::Map(map)
}

fn add_wrapping(functions: &mut Functions) {
    functions.insert(
        "wrap",
        Function::new(&[Type::Int, Type::String], |call| {
            Ok(Value::text(wrapped(call.bytes(1), call.int(0), b"\n", false)))
        }),
    );
    functions.insert("wrapWith", Function::new(&[Type::Int, Type::String, Type::String], wrap_with));
}

fn wrap_with(call: &Call<'_>) -> CallResult {
    let separator = call.bytes(1);
    let lines = call.bytes(2).len() / usize::try_from(call.int(0).max(1)).unwrap_or(1);
    call.reserve(lines.saturating_mul(separator.len()))?;
    let separator = if separator.is_empty() { b"\n" } else { separator };
    Ok(Value::text(wrapped(call.bytes(2), call.int(0), separator, true)))
}

/// Breaks a text at spaces so that lines have at most `width` bytes; words that are longer are cut or left whole.
fn wrapped(text: &[u8], width: i64, separator: &[u8], cut_words: bool) -> Vec<u8> {
    let width = usize::try_from(width.max(1)).unwrap_or(1);
    let mut lines = Vec::with_capacity(text.len());
    let mut rest = text;
    while rest.len() > width {
        if let Some(after) = rest.strip_prefix(b" ") {
            rest = after;
            continue;
        }
        let head = rest.get(..=width).unwrap_or(rest);
        let space = match head.iter().rposition(|byte| *byte == b' ') {
            Some(space) => Some(space),
            None if cut_words => None,
            None => match rest.iter().position(|byte| *byte == b' ') {
                Some(space) => Some(space),
                None => break,
            },
        };
        let (line, after) = rest.split_at_checked(space.unwrap_or(width)).unwrap_or((rest, b""));
        lines.extend_from_slice(line);
        lines.extend_from_slice(separator);
        rest = after.get(usize::from(space.is_some())..).unwrap_or_default();
    }
    lines.extend_from_slice(rest);
    lines
}
