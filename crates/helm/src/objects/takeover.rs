//! Helm's client-side fields become server-side ones.
//!
//! A client-side apply leaves `managedFields` of the operation `Update`. A server-side apply under the same name would own
//! its fields beside those, and a field that is left out later would stay, because the other entry still owns it. So the
//! entries are joined before the first server-side apply.

use serde_json::{Map, Value, json};

use crate::cluster::FIELD_MANAGER;

/// The JSON patch that turns the client-side entries of `live` into a server-side one; none if it has no such entry.
///
/// The patch holds the resource version, so that it fails if the object changed in between.
pub(crate) fn takeover_patch(live: &Value) -> Option<Value> {
    let entries = live.pointer("/metadata/managedFields")?.as_array()?;
    let version = live.pointer("/metadata/resourceVersion")?;
    if !entries.iter().any(is_client_side) {
        return None;
    }
    let (ours, others): (Vec<&Value>, Vec<&Value>) =
        entries.iter().partition(|entry| is_client_side(entry) || is_server_side(entry));
    let newest = ours.iter().copied().max_by_key(|entry| text(entry, "time"))?;
    let fields = ours.iter().filter_map(|entry| entry.get("fieldsV1")?.as_object()).fold(Map::new(), united);
    let mut joined = newest.as_object()?.clone();
    joined.insert("operation".to_owned(), json!("Apply"));
    joined.insert("fieldsV1".to_owned(), Value::Object(fields));
    let entries: Vec<Value> =
        std::iter::once(Value::Object(joined)).chain(others.into_iter().cloned()).collect();
    Some(json!([
        {"op": "replace", "path": "/metadata/managedFields", "value": entries},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
    ]))
}

fn is_client_side(entry: &Value) -> bool {
    is_ours(entry) && text(entry, "operation") == "Update"
}

fn is_server_side(entry: &Value) -> bool {
    is_ours(entry) && text(entry, "operation") == "Apply"
}

fn is_ours(entry: &Value) -> bool {
    text(entry, "manager") == FIELD_MANAGER && text(entry, "subresource").is_empty()
}

fn text<'a>(entry: &'a Value, field: &str) -> &'a str {
    entry.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// A set of fields is a tree of maps; two are united by laying one over the other.
fn united(mut one: Map<String, Value>, other: &Map<String, Value>) -> Map<String, Value> {
    for (key, value) in other {
        let below = match one.remove(key) {
            Some(Value::Object(below)) => below,
            _ => Map::new(),
        };
        let inner = value.as_object().map_or_else(|| below.clone(), |above| united(below.clone(), above));
        one.insert(key.clone(), Value::Object(inner));
    }
    one
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(entries: Value) -> Value {
        json!({"metadata": {"resourceVersion": "7", "managedFields": entries}})
    }

    #[test]
    fn both_sets_of_fields_become_one_server_side_entry() {
        let patch = takeover_patch(&live(json!([
            {"manager": "helm", "operation": "Apply", "time": "1", "fieldsV1": {"f:data": {"f:a": {}}}},
            {"manager": "helm", "operation": "Update", "time": "2", "fieldsV1": {"f:data": {"f:b": {}}}},
            {"manager": "controller", "operation": "Update", "subresource": "status", "fieldsV1": {"f:status": {}}},
        ])))
        .unwrap();
        assert_eq!(
            patch,
            json!([
                {"op": "replace", "path": "/metadata/managedFields", "value": [
                    {"manager": "helm", "operation": "Apply", "time": "2",
                     "fieldsV1": {"f:data": {"f:a": {}, "f:b": {}}}},
                    {"manager": "controller", "operation": "Update", "subresource": "status",
                     "fieldsV1": {"f:status": {}}},
                ]},
                {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"},
            ])
        );
    }

    #[test]
    fn an_object_that_was_only_applied_server_side_needs_nothing() {
        assert_eq!(takeover_patch(&live(json!([{"manager": "helm", "operation": "Apply"}]))), None);
        assert_eq!(takeover_patch(&live(json!([{"manager": "kubectl", "operation": "Update"}]))), None);
    }
}
