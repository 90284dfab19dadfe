//! Regular expressions.

use spacecraft_gotemplate::{Call, CallError, CallResult, Function, Functions, List, Type, Value};

use super::octets::with_texts;
use super::re2::{compile, quote_meta};

type Body = fn(&Call<'_>, &regex::Regex) -> CallResult;

pub(super) fn add(functions: &mut Functions) {
    const TWO: &[Type] = &[Type::String, Type::String];
    const THREE: &[Type] = &[Type::String, Type::String, Type::String];
    const WITH_COUNT: &[Type] = &[Type::String, Type::String, Type::Int];
    add_pair(functions, "regexFind", "mustRegexFind", TWO, |call, regex| {
        Ok(Value::String(with_texts([call.bytes(1)], |[text], bytes| {
            bytes(regex.find(&text).map_or("", |found| found.as_str()))
        })))
    });
    add_pair(functions, "regexFindAll", "mustRegexFindAll", WITH_COUNT, find_all);
    add_pair(functions, "regexReplaceAll", "mustRegexReplaceAll", THREE, |call, regex| {
        Ok(Value::String(with_texts([call.bytes(1), call.bytes(2)], |[text, new], bytes| {
            bytes(&regex.replace_all(&text, new.as_ref()))
        })))
    });
    add_pair(functions, "regexReplaceAllLiteral", "mustRegexReplaceAllLiteral", THREE, |call, regex| {
        Ok(Value::String(with_texts([call.bytes(1), call.bytes(2)], |[text, new], bytes| {
            bytes(&regex.replace_all(&text, regex::NoExpand(&new)))
        })))
    });
    add_pair(functions, "regexSplit", "mustRegexSplit", WITH_COUNT, split);
    functions.insert(
        "mustRegexMatch",
        Function::new(TWO, |call| {
            let regex = compile(&call.text(0)).map_err(CallError::new)?;
            Ok(regex.is_match(&call.text(1)).into())
        }),
    );
    // `regexMatch` swallows a bad expression.
    functions.insert(
        "regexMatch",
        Function::new(TWO, |call| {
            Ok(compile(&call.text(0)).is_ok_and(|regex| regex.is_match(&call.text(1))).into())
        }),
    );
    functions.insert(
        "regexQuoteMeta",
        Function::new(&[Type::String], |call| Ok(quote_meta(&call.text(0)).into())),
    );
}

/// Adds a function in the form that panics in Go over a bad expression, and in the form that gives an error.
fn add_pair(
    functions: &mut Functions,
    name: &'static str,
    must_name: &'static str,
    parameters: &'static [Type],
    body: Body,
) {
    functions.insert(
        name,
        Function::new(parameters, move |call| {
            let expression = call.text(0);
            let regex = compile(&expression).map_err(|problem| {
                CallError::new(format!("regexp: Compile({}): {problem}", quoted(&expression)))
            })?;
            body(call, &regex)
        }),
    );
    functions.insert(
        must_name,
        Function::new(parameters, move |call| body(call, &compile(&call.text(0)).map_err(CallError::new)?)),
    );
}

fn quoted(expression: &str) -> String {
    if expression.contains('`') {
        return spacecraft_gotemplate::number::quote_go(expression.as_bytes());
    }
    format!("`{expression}`")
}

/// At most so many matches; a negative count means all.
fn find_all(call: &Call<'_>, regex: &regex::Regex) -> CallResult {
    let most = usize::try_from(call.int(2)).unwrap_or(usize::MAX);
    let found: Vec<Value> = with_texts([call.bytes(1)], |[text], bytes| {
        let found = regex.find_iter(&text).take(most);
        found.map(|found| Value::String(bytes(found.as_str()))).collect()
    });
    Ok(Value::List(if found.is_empty() { List::nil("string") } else { List::of("string", found) }))
}

/// At most so many parts, the last of them unsplit; a negative count means all.
fn split(call: &Call<'_>, regex: &regex::Regex) -> CallResult {
    let count = call.int(2);
    if count == 0 {
        return Ok(Value::List(List::nil("string")));
    }
    if call.bytes(1).is_empty() && !call.bytes(0).is_empty() {
        return Ok(Value::strings([""]));
    }
    let most = usize::try_from(count).unwrap_or(usize::MAX);
    Ok(with_texts([call.bytes(1)], |[text], bytes| {
        Value::strings(parts(&text, regex, most).into_iter().map(bytes))
    }))
}

fn parts<'t>(text: &'t str, regex: &regex::Regex, most: usize) -> Vec<&'t str> {
    let mut parts = Vec::new();
    let (mut begin, mut end) = (0, 0);
    for found in regex.find_iter(text) {
        if parts.len() + 1 == most {
            break;
        }
        end = found.start();
        if found.end() != 0 {
            parts.push(text.get(begin..end).unwrap_or_default());
        }
        begin = found.end();
    }
    if end != text.len() {
        parts.push(text.get(begin..).unwrap_or_default());
    }
    parts
}
