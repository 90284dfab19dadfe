//! Kibana's saved objects as newline-delimited JSON: read and compared, without calls.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use spacecraft_core::traits::Look;
use spacecraft_core::{Error, Meaning, Result};

/// What names a saved object: its type and its identifier.
pub(crate) type Identity = (String, String);

/// Saved objects by what names them.
pub(crate) type SavedObjects = BTreeMap<Identity, Value>;

/// Reads an export: one object a line; the summary line that Kibana adds is left out.
///
/// # Errors
///
/// [`Meaning::Invalid`] with the number of the first line that is no saved object.
pub(crate) fn parse(text: &str) -> Result<SavedObjects> {
    let mut objects = SavedObjects::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let refuse = |reason: &str| {
            Error::new(Meaning::Invalid, "read saved objects", format!("line {}", index + 1), reason)
        };
        let object: Value =
            serde_json::from_str(line).map_err(|error| refuse("it is no JSON").with_source(error))?;
        if object.get("exportedCount").is_some() {
            continue;
        }
        let identity = identity(&object).ok_or_else(|| refuse("it has no type or no id"))?;
        if objects.insert(identity, object).is_some() {
            return Err(refuse("an object with that type and id comes before it"));
        }
    }
    Ok(objects)
}

/// Type and identifier of an object, or of a reference to one.
pub(crate) fn identity(object: &Value) -> Option<Identity> {
    let text = |name: &str| object.get(name).and_then(Value::as_str).map(str::to_owned);
    Some((text("type")?, text("id")?))
}

/// Compares what exists with what is wanted, object by object.
pub(crate) fn look(existing: &SavedObjects, wanted: &SavedObjects) -> Look {
    let differs = |(identity, object): &(&Identity, &Value)| {
        existing.get(*identity).is_none_or(|existing| !is_same(existing, object))
    };
    let differing = wanted.iter().filter(differs);
    let points: Vec<String> = differing.map(|((kind, id), _)| format!("{kind} {id}")).collect();
    if points.is_empty() {
        Look::Same
    } else if wanted.keys().all(|identity| !existing.contains_key(identity)) {
        Look::Absent
    } else {
        Look::Differs(points)
    }
}

/// True when an object has all that is wanted of it. Kibana adds fields of its own when it imports.
fn is_same(existing: &Value, wanted: &Value) -> bool {
    let attributes = |object: &Value| object.get("attributes").cloned().unwrap_or_default();
    contains(&attributes(existing), &attributes(wanted)) && references(existing) == references(wanted)
}

fn references(object: &Value) -> BTreeSet<(String, String, String)> {
    let references =
        object.get("references").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let named = |reference: &Value| {
        let (kind, id) = identity(reference)?;
        Some((reference.get("name")?.as_str()?.to_owned(), kind, id))
    };
    references.iter().filter_map(named).collect()
}

/// True when `existing` has everything that `wanted` has. Texts that hold JSON, as Kibana keeps many, are compared as JSON.
fn contains(existing: &Value, wanted: &Value) -> bool {
    match (existing, wanted) {
        (Value::Object(existing), Value::Object(wanted)) => {
            wanted.iter().all(|(name, value)| existing.get(name).is_some_and(|found| contains(found, value)))
        }
        (Value::Array(existing), Value::Array(wanted)) => {
            existing.len() == wanted.len()
                && existing.iter().zip(wanted).all(|(existing, wanted)| contains(existing, wanted))
        }
        (Value::String(existing), Value::String(wanted)) => {
            existing == wanted
                || both_json(existing, wanted).is_some_and(|(found, value)| contains(&found, &value))
        }
        (existing, wanted) => existing == wanted,
    }
}

fn both_json(existing: &str, wanted: &str) -> Option<(Value, Value)> {
    let parse = |text: &str| {
        let value: Value = serde_json::from_str(text).ok()?;
        (value.is_object() || value.is_array()).then_some(value)
    };
    Some((parse(existing)?, parse(wanted)?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn dashboard(attributes: &Value) -> SavedObjects {
        let object = json!({"type": "dashboard", "id": "d", "attributes": attributes, "references": [
            {"name": "panel_0", "type": "visualization", "id": "v"},
        ]});
        parse(&object.to_string()).unwrap()
    }

    #[test]
    fn the_summary_line_of_an_export_is_no_object() {
        let text = "{\"type\":\"search\",\"id\":\"a\"}\n\n{\"exportedCount\":1,\"missingRefCount\":0}\n";
        assert_eq!(parse(text).unwrap().len(), 1);
    }

    #[test]
    fn a_line_that_is_no_object_is_named() {
        for (text, line) in [
            ("{\"type\":\"a\",\"id\":\"b\"}\nnonsense", "line 2"),
            ("{\"type\":\"a\"}", "line 1"),
            ("{\"type\":\"a\",\"id\":\"b\"}\n{\"type\":\"a\",\"id\":\"b\"}", "line 2"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!((error.meaning(), error.resource()), (Meaning::Invalid, line));
        }
    }

    #[test]
    fn what_kibana_adds_makes_no_difference() {
        let wanted = dashboard(&json!({"title": "Status", "panelsJSON": "[{\"panelIndex\":\"1\"}]"}));
        let existing = dashboard(&json!({
            "title": "Status", "timeRestore": false,
            "panelsJSON": "[ {\"version\": \"8.5.1\", \"panelIndex\": \"1\"} ]",
        }));
        assert_eq!(look(&existing, &wanted), Look::Same);
    }

    #[test]
    fn what_differs_is_named() {
        let wanted = dashboard(&json!({"title": "Status", "panelsJSON": "[{\"panelIndex\":\"1\"}]"}));
        for other in [
            json!({"title": "status", "panelsJSON": "[{\"panelIndex\":\"1\"}]"}),
            json!({"title": "Status", "panelsJSON": "[{\"panelIndex\":\"2\"}]"}),
            json!({"title": "Status", "panelsJSON": "[]"}),
            json!({"title": "Status", "panelsJSON": "garbage"}),
            json!({"title": "Status"}),
        ] {
            assert_eq!(look(&dashboard(&other), &wanted), Look::Differs(vec!["dashboard d".to_owned()]));
        }
        assert_eq!(look(&SavedObjects::new(), &wanted), Look::Absent);
    }

    #[test]
    fn another_reference_is_a_difference() {
        let wanted = dashboard(&json!({"title": "Status"}));
        let mut existing = wanted.clone();
        for object in existing.values_mut() {
            object["references"] = json!([]);
        }
        assert!(matches!(look(&existing, &wanted), Look::Differs(_)));
    }
}
