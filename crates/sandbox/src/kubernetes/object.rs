//! Reading and writing parts of an object by JSON pointer, and the metadata that every object has.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The text at a pointer.
pub(crate) fn text<'a>(object: &'a Value, pointer: &str) -> Option<&'a str> {
    object.pointer(pointer).and_then(Value::as_str)
}

/// The text at a pointer, empty when there is none.
pub(crate) fn text_or_empty<'a>(object: &'a Value, pointer: &str) -> &'a str {
    text(object, pointer).unwrap_or_default()
}

/// The whole number at a pointer.
pub(crate) fn whole(object: &Value, pointer: &str) -> Option<i64> {
    object.pointer(pointer).and_then(Value::as_i64)
}

/// The truth at a pointer; absent is false.
pub(crate) fn flag(object: &Value, pointer: &str) -> bool {
    object.pointer(pointer).and_then(Value::as_bool).unwrap_or(false)
}

/// The items of the list at a pointer; absent is empty.
pub(crate) fn items<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The entries of the map at a pointer; absent is empty.
pub(crate) fn entries<'a>(object: &'a Value, pointer: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    object.pointer(pointer).and_then(Value::as_object).into_iter().flatten()
}

/// The texts of the map at a pointer, such as labels or a selector.
pub(crate) fn texts(object: &Value, pointer: &str) -> BTreeMap<String, String> {
    entries(object, pointer)
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// The instant at a pointer.
pub(crate) fn instant(object: &Value, pointer: &str) -> Option<Timestamp> {
    text(object, pointer).and_then(|written| written.parse().ok())
}

/// Puts a value at a pointer, making the maps on the way. What stands in the way and is no map is replaced.
pub(crate) fn set(object: &mut Value, pointer: &str, value: impl Into<Value>) {
    let mut place = object;
    for step in pointer.split('/').skip(1) {
        place = map_of(place).entry(unescaped(step)).or_insert(Value::Null);
    }
    *place = value.into();
}

/// Puts a value at a pointer where there is none yet.
pub(crate) fn set_default(object: &mut Value, pointer: &str, value: impl Into<Value>) {
    if object.pointer(pointer).is_none_or(Value::is_null) {
        set(object, pointer, value);
    }
}

/// Takes away what is at a pointer.
pub(crate) fn remove(object: &mut Value, pointer: &str) -> Option<Value> {
    let (parent, last) = pointer.rsplit_once('/')?;
    object.pointer_mut(parent)?.as_object_mut()?.remove(&unescaped(last))
}

/// The value as a map, which it becomes when it is none.
pub(crate) fn map_of(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(map) => map,
        _ => unreachable!("the value was just made a map"),
    }
}

/// The list at a pointer, which is made when there is none.
pub(crate) fn list_mut<'a>(object: &'a mut Value, pointer: &str) -> Option<&'a mut Vec<Value>> {
    set_default(object, pointer, json!([]));
    object.pointer_mut(pointer).and_then(Value::as_array_mut)
}

fn unescaped(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

/// The object's name.
pub(crate) fn name(object: &Value) -> &str {
    text_or_empty(object, "/metadata/name")
}

/// The object's namespace; empty for cluster-wide objects.
pub(crate) fn namespace(object: &Value) -> &str {
    text_or_empty(object, "/metadata/namespace")
}

/// The object's unique identifier.
pub(crate) fn uid(object: &Value) -> &str {
    text_or_empty(object, "/metadata/uid")
}

/// The object's labels.
pub(crate) fn labels(object: &Value) -> BTreeMap<String, String> {
    texts(object, "/metadata/labels")
}

/// One annotation.
pub(crate) fn annotation<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object.pointer("/metadata/annotations").and_then(|all| all.get(key)).and_then(Value::as_str)
}

/// Sets one annotation.
pub(crate) fn annotate(object: &mut Value, key: &str, value: &str) {
    set_default(object, "/metadata/annotations", json!({}));
    if let Some(all) = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        all.insert(key.to_owned(), value.into());
    }
}

/// True once deletion was asked for.
pub(crate) fn is_terminating(object: &Value) -> bool {
    object.pointer("/metadata/deletionTimestamp").is_some()
}

/// An owner reference by which `owner` controls another object.
pub(crate) fn controller_reference(owner: &Value) -> Value {
    json!({
        "apiVersion": text_or_empty(owner, "/apiVersion"),
        "kind": text_or_empty(owner, "/kind"),
        "name": name(owner),
        "uid": uid(owner),
        "controller": true,
        "blockOwnerDeletion": true,
    })
}

/// An instant as the API writes it: whole seconds, UTC.
pub(crate) fn written(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The condition of a type in `status.conditions`.
pub(crate) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    items(object, "/status/conditions").iter().find(|condition| text(condition, "/type") == Some(kind))
}

/// Sets a condition, keeping its transition time while its status stays the same.
pub(crate) fn set_condition(object: &mut Value, mut condition: Value, now: Timestamp) {
    let kind = text_or_empty(&condition, "/type").to_owned();
    let Some(conditions) = list_mut(object, "/status/conditions") else { return };
    let old = conditions.iter().position(|old| text(old, "/type") == Some(&kind));
    let kept = old
        .and_then(|index| conditions.get(index))
        .filter(|old| old.get("status") == condition.get("status"));
    let since = kept.and_then(|old| old.get("lastTransitionTime")).cloned();
    set(&mut condition, "/lastTransitionTime", since.unwrap_or_else(|| written(now).into()));
    match old.and_then(|index| conditions.get_mut(index)) {
        Some(place) => *place = condition,
        None => conditions.push(condition),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setting_makes_the_maps_on_the_way() {
        let mut object = json!({});
        set(&mut object, "/metadata/labels/a~1b", "c");
        assert_eq!(object, json!({"metadata": {"labels": {"a/b": "c"}}}));
    }

    #[test]
    fn a_condition_keeps_its_transition_time_while_its_status_stays() {
        let (first, second) =
            ("2026-01-01T00:00:00Z".parse().unwrap(), "2026-01-01T00:01:00Z".parse().unwrap());
        let mut object = json!({});
        set_condition(&mut object, json!({"type": "Ready", "status": "True", "reason": "A"}), first);
        set_condition(&mut object, json!({"type": "Ready", "status": "True", "reason": "B"}), second);
        let condition = condition(&object, "Ready").unwrap();
        assert_eq!(text(condition, "/reason"), Some("B"));
        assert_eq!(instant(condition, "/lastTransitionTime"), Some(first));
    }
}
