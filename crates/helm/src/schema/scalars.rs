//! What schemas say of texts, numbers, kinds and equality: everything that needs no other schema.

use regex::Regex;
use serde_json::{Map, Value};

use super::validator::{Findings, Outcome, Place, SchemaError};
use super::violation::{number, quote};
use crate::functions::re2::compile;

pub(super) fn text_keywords(
    schema: &Map<String, Value>,
    text: &str,
    place: Place<'_>,
    findings: &mut Findings,
) -> Outcome {
    bounds(schema, "minLength", "maxLength", text.chars().count(), place, findings);
    if let Some(pattern) = schema.get("pattern").and_then(Value::as_str)
        && !regex(pattern)?.is_match(text)
    {
        findings.add(place.at, format!("{} does not match pattern {}", quote(text), quote(pattern)));
    }
    Ok(())
}

pub(super) fn number_keywords(
    schema: &Map<String, Value>,
    value: f64,
    place: Place<'_>,
    findings: &mut Findings,
) {
    let limit = |keyword: &str| schema.get(keyword).and_then(Value::as_f64);
    let excludes = |keyword: &str| schema.get(keyword) == Some(&Value::Bool(true));
    let mut check = |keyword: &str, limit: Option<f64>, is_met: &dyn Fn(f64) -> bool| {
        if let Some(limit) = limit.filter(|limit| !is_met(*limit)) {
            findings.add(place.at, format!("{keyword}: got {}, want {}", number(value), number(limit)));
        }
    };
    let (minimum, maximum) = (limit("minimum"), limit("maximum"));
    let below = excludes("exclusiveMinimum").then_some(minimum).flatten().or(limit("exclusiveMinimum"));
    let above = excludes("exclusiveMaximum").then_some(maximum).flatten().or(limit("exclusiveMaximum"));
    check("minimum", minimum.filter(|_| !excludes("exclusiveMinimum")), &|limit| value >= limit);
    check("maximum", maximum.filter(|_| !excludes("exclusiveMaximum")), &|limit| value <= limit);
    check("exclusiveMinimum", below, &|limit| value > limit);
    check("exclusiveMaximum", above, &|limit| value < limit);
    check("multipleOf", limit("multipleOf").filter(|of| *of > 0.0), &|of| is_multiple(value, of));
}

/// True of a multiple, up to what is lost in writing decimal fractions as binary ones.
pub(super) fn is_multiple(value: f64, of: f64) -> bool {
    let quotient = value / of;
    (quotient - quotient.round()).abs() <= 1e-9 * quotient.abs().max(1.0)
}

pub(super) fn bounds(
    schema: &Map<String, Value>,
    least: &str,
    most: &str,
    found: usize,
    place: Place<'_>,
    findings: &mut Findings,
) {
    let text = |keyword: &str, wanted: usize| format!("{keyword}: got {found}, want {wanted}");
    if let Some(wanted) = count(schema, least).filter(|wanted| found < *wanted) {
        findings.add(place.at, text(least, wanted));
    }
    if let Some(wanted) = count(schema, most).filter(|wanted| found > *wanted) {
        findings.add(place.at, text(most, wanted));
    }
}

pub(super) fn count(schema: &Map<String, Value>, keyword: &str) -> Option<usize> {
    let value = schema.get(keyword)?;
    value
        .as_u64()
        .or_else(|| format!("{:.0}", value.as_f64()?).parse().ok())
        .and_then(|count| count.try_into().ok())
}

pub(super) fn missing<'s>(required: Option<&'s Value>, object: &Map<String, Value>) -> Vec<&'s str> {
    let names = required.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    names.filter(|name| !object.contains_key(*name)).collect()
}

pub(super) fn regex(pattern: &str) -> Outcome<Regex> {
    compile(pattern).map_err(|_| SchemaError::Pattern(quote(pattern)))
}

pub(super) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

pub(super) fn type_fault(wanted: &Value, value: &Value) -> Option<String> {
    const ALL: [&str; 7] = ["null", "boolean", "number", "integer", "string", "array", "object"];
    let named: Vec<&str> = match wanted {
        Value::String(name) => vec![name.as_str()],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => return None,
    };
    let is_whole = value.as_f64().is_some_and(|number| number.fract() == 0.0);
    let is_met = |name: &&str| *name == type_name(value) || (*name == "integer" && is_whole);
    if named.is_empty() || named.iter().any(is_met) {
        return None;
    }
    let wanted: Vec<&str> = ALL.iter().copied().filter(|name| named.contains(name)).collect();
    Some(format!("got {}, want {}", type_name(value), wanted.join(" or ")))
}

pub(super) fn is_compound(value: &Value) -> bool {
    value.is_array() || value.is_object()
}

pub(super) fn enum_text(wanted: &[Value]) -> String {
    if wanted.iter().any(is_compound) {
        return "'enum' failed".to_owned();
    }
    let shown = wanted.iter().map(display).collect::<Vec<_>>().join(", ");
    if wanted.len() == 1 { format!("value must be {shown}") } else { format!("value must be one of {shown}") }
}

pub(super) fn display(value: &Value) -> String {
    match value {
        Value::String(text) => quote(text),
        Value::Null => "<nil>".to_owned(),
        other => other.to_string(),
    }
}

/// Equality as JSON Schema means it: 1 and 1.0 are the same number.
pub(super) fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| other.get(key).is_some_and(|found| equal(value, found)))
        }
        (one, other) => one == other,
    }
}

pub(super) fn first_pair_of_equals(items: &[Value]) -> Option<(usize, usize)> {
    items.iter().enumerate().find_map(|(place, item)| {
        let earlier = items.iter().take(place).position(|other| equal(item, other))?;
        Some((earlier, place))
    })
}
