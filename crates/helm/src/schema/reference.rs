//! Where a `$ref` leads inside a schema document.

use std::collections::HashSet;

use percent_encoding::percent_decode_str;
use serde_json::Value;

/// The schema that `reference` names in `root`: `#`, `#/json/pointer`, an anchor, or the `$id` of a part of the document,
/// with or without a fragment. Nothing outside of the document is ever fetched.
pub(super) fn resolve<'a>(root: &'a Value, reference: &str) -> Option<&'a Value> {
    let (document, fragment) = reference.split_once('#').unwrap_or((reference, ""));
    let base = if document.is_empty() { root } else { find(root, &|schema| has_id(schema, document))? };
    let fragment = percent_decode_str(fragment).decode_utf8().ok()?;
    if fragment.is_empty() || fragment.starts_with('/') {
        return base.pointer(&fragment);
    }
    let anchor = format!("#{fragment}");
    find(base, &|schema| {
        let named = |key: &str, name: &str| schema.get(key).and_then(Value::as_str) == Some(name);
        named("$anchor", &fragment)
            || named("$dynamicAnchor", &fragment)
            || named("$id", &anchor)
            || named("id", &anchor)
    })
}

fn has_id(schema: &Value, document: &str) -> bool {
    ["$id", "id"].iter().filter_map(|key| schema.get(key)?.as_str()).any(|id| {
        let id = id.trim_end_matches('#');
        id == document || id.rsplit('/').next() == Some(document)
    })
}

fn find<'a>(value: &'a Value, wanted: &dyn Fn(&Value) -> bool) -> Option<&'a Value> {
    if wanted(value) {
        return Some(value);
    }
    match value {
        Value::Object(fields) => fields.values().find_map(|field| find(field, wanted)),
        Value::Array(items) => items.iter().find_map(|item| find(item, wanted)),
        _ => None,
    }
}

/// What to say of the first reference that leads nowhere, of all that can be reached from the root.
pub(super) fn first_missing(root: &Value, draft: u16) -> Option<String> {
    let (mut to_visit, mut seen) = (vec![root], HashSet::new());
    while let Some(schema) = to_visit.pop() {
        let Some(keywords) = schema.as_object().filter(|_| seen.insert(std::ptr::from_ref(schema))) else {
            continue;
        };
        for keyword in ["$ref", "$dynamicRef", "$recursiveRef"] {
            let Some(reference) = keywords.get(keyword).and_then(Value::as_str) else { continue };
            match resolve(root, reference) {
                Some(target) => to_visit.push(target),
                None => return Some(missing(reference)),
            }
        }
        if draft >= 2019 || !keywords.contains_key("$ref") {
            to_visit.extend(keywords.iter().flat_map(|(keyword, value)| schemas_in(keyword, value, draft)));
        }
    }
    None
}

fn missing(reference: &str) -> String {
    const DOCUMENT: &str = "file:///values.schema.json";
    match reference.strip_prefix('#') {
        Some(pointer) if pointer.starts_with('/') => {
            format!("json-pointer in \"{DOCUMENT}{reference}\" not found")
        }
        Some(_) => format!("anchor in \"{DOCUMENT}{reference}\" not found in schema \"{DOCUMENT}\""),
        None => format!("the schema refers to '{reference}', which is not in it"),
    }
}

/// The schemas that a keyword applies to parts of a value, or to all of it.
fn schemas_in<'a>(keyword: &str, value: &'a Value, draft: u16) -> Vec<&'a Value> {
    let is_known = match keyword {
        "contains" | "propertyNames" => draft >= 6,
        "if" | "then" | "else" => draft >= 7,
        "dependentSchemas" | "unevaluatedProperties" | "unevaluatedItems" => draft >= 2019,
        "prefixItems" => draft >= 2020,
        "additionalItems" => draft < 2020,
        _ => true,
    };
    if !is_known {
        return Vec::new();
    }
    match (keyword, value) {
        (
            "properties" | "patternProperties" | "dependentSchemas" | "dependencies",
            Value::Object(by_name),
        ) => by_name.values().collect(),
        ("allOf" | "anyOf" | "oneOf" | "prefixItems" | "items", Value::Array(schemas)) => {
            schemas.iter().collect()
        }
        (
            "additionalProperties"
            | "propertyNames"
            | "additionalItems"
            | "contains"
            | "not"
            | "if"
            | "then"
            | "else"
            | "items"
            | "unevaluatedProperties"
            | "unevaluatedItems",
            schema,
        ) => vec![schema],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_lead_to_pointers_anchors_and_ids() {
        let root = json!({
            "$id": "https://example.org/root.json",
            "definitions": {
                "a/b": {"type": "string"},
                "named": {"$anchor": "here", "type": "number"},
                "own": {"$id": "other.json", "definitions": {"x": {"type": "null"}}},
            },
        });
        let kind = |reference: &str| resolve(&root, reference).and_then(|schema| schema.get("type")).cloned();
        assert_eq!(kind("#/definitions/a~1b"), Some(json!("string")));
        assert_eq!(kind("#/definitions/a%7E1b"), Some(json!("string")));
        assert_eq!(kind("#here"), Some(json!("number")));
        assert_eq!(kind("other.json#/definitions/x"), Some(json!("null")));
        assert_eq!(resolve(&root, "#"), Some(&root));
        assert_eq!(resolve(&root, "https://elsewhere.example.org/x.json"), None);
    }
}
