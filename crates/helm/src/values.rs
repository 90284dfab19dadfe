//! The values that a chart is rendered with: the chart's own, under what files and flags say.

mod coalesce;
pub mod options;
mod set;

use serde_json::{Map, Value};
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_gotemplate::yaml;

pub(crate) use coalesce::{Nulls, combine_tables};
pub use coalesce::{coalesce, merge};
pub use options::ValueOptions;

/// A table of values. Whole numbers that came through YAML or JSON are floats, those of `--set` are `i64`.
pub type Values = Map<String, Value>;

/// Puts `over` on top of `base`: tables are merged key by key, anything else is replaced; a null stays, as an order to
/// remove the key once the chart's own values come in.
#[must_use]
pub fn overlay(mut base: Values, over: Values) -> Values {
    for (key, value) in over {
        let merged = match (base.remove(&key), value) {
            (Some(Value::Object(below)), Value::Object(above)) => Value::Object(overlay(below, above)),
            (_, value) => value,
        };
        base.insert(key, merged);
    }
    base
}

/// A document of values as Helm prints it: YAML, keys in order.
///
/// # Errors
/// [`Meaning::Invalid`] if it holds what YAML cannot, such as control characters.
pub fn to_yaml(document: Value) -> Result<String> {
    yaml::to_string(&document.into()).map_err(|error| {
        Error::new(Meaning::Invalid, "write values", "", "they cannot be written as YAML").with_source(error)
    })
}

/// The table at the dotted `path`, if every step of it is a table.
pub(crate) fn table_at<'a>(values: &'a Values, path: &str) -> Option<&'a Values> {
    path.split('.').try_fold(values, |table, key| table.get(key)?.as_object())
}

/// The value at the dotted `path` unless it is a table.
pub(crate) fn leaf_at<'a>(values: &'a Values, path: &str) -> Option<&'a Value> {
    let found = match path.rsplit_once('.') {
        None => values.get(path),
        Some((table, key)) => table_at(values, table)?.get(key),
    };
    found.filter(|value| !value.is_object())
}

/// `value` with every whole number as the float that it is once it has been through JSON in Go.
pub(crate) fn as_go_json(value: Value) -> Value {
    match value {
        Value::Number(number) => number
            .as_f64()
            .and_then(serde_json::Number::from_f64)
            .map_or(Value::Number(number), Value::Number),
        Value::Array(items) => Value::Array(items.into_iter().map(as_go_json).collect()),
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(key, value)| (key, as_go_json(value))).collect())
        }
        other => other,
    }
}

/// The same data with whole numbers as integers, which is how a Kubernetes API wants `replicas: 1`.
pub(crate) fn as_kubernetes_json(value: Value) -> Value {
    match value {
        Value::Number(number) => Value::Number(whole(&number).unwrap_or(number)),
        Value::Array(items) => Value::Array(items.into_iter().map(as_kubernetes_json).collect()),
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(key, value)| (key, as_kubernetes_json(value))).collect())
        }
        other => other,
    }
}

fn whole(number: &serde_json::Number) -> Option<serde_json::Number> {
    /// Beyond this, floats do not hold every whole number.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let float =
        number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0 && float.abs() <= EXACT)?;
    format!("{float:.0}").parse::<i64>().ok().map(serde_json::Number::from)
}

/// The name of a value's type in Go, for error texts.
pub(crate) fn go_type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "nil",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn table(value: Value) -> Values {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn overlaying_merges_tables_replaces_the_rest_and_keeps_nulls() {
        let base = table(json!({"a": {"x": 1, "y": 2}, "list": [1, 2], "gone": 1}));
        let over = table(json!({"a": {"y": 3}, "list": [], "gone": null, "s": {"new": true}}));
        assert_eq!(
            Value::Object(overlay(base, over)),
            json!({"a": {"x": 1, "y": 3}, "list": [], "gone": null, "s": {"new": true}})
        );
    }

    #[test]
    fn a_path_leads_to_leaves_and_tables_only_through_tables() {
        let values = table(json!({"kid": {"enabled": true, "deep": {"a": 1}}, "x": 1}));
        assert_eq!(leaf_at(&values, "kid.enabled"), Some(&json!(true)));
        assert_eq!(leaf_at(&values, "kid.deep"), None);
        assert_eq!(leaf_at(&values, "x.y"), None);
        assert_eq!(table_at(&values, "kid.deep").map(Values::len), Some(1));
        assert!(table_at(&values, "x").is_none());
    }

    #[test]
    fn whole_numbers_are_integers_and_fractions_stay() {
        assert_eq!(
            as_kubernetes_json(json!({"a": 1.0, "b": [2.5, -3.0], "c": 1e300})),
            json!({"a": 1, "b": [2.5, -3], "c": 1e300})
        );
    }
}
