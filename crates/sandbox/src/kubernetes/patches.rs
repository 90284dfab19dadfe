//! The patch types that carry changes: JSON patch, JSON merge patch, strategic merge patch.

use serde_json::{Map, Value, json};

use super::schema::{List, ListMerge, Shape};
use super::status::{Failure, Outcome};

/// Applies an RFC 6902 patch.
///
/// # Errors
/// 400 when it is no patch; 422 when an operation does not fit the object.
pub(crate) fn json_patch(object: &Value, patch: Value) -> Outcome<Value> {
    let patch: json_patch::Patch = serde_json::from_value(patch)
        .map_err(|error| Failure::bad_request(format!("error decoding patch: {error}")))?;
    let mut patched = object.clone();
    json_patch::patch(&mut patched, &patch).map_err(|error| {
        Failure::unprocessable(format!(
            "the server rejected our request due to an error in our request: {error}"
        ))
    })?;
    Ok(patched)
}

/// Applies an RFC 7396 patch.
pub(crate) fn merge_patch(object: &Value, patch: &Value) -> Value {
    let mut patched = object.clone();
    json_patch::merge(&mut patched, patch);
    patched
}

/// Applies a strategic merge patch: like a merge patch, but lists with a merge key are matched item by item, and
/// `$patch`, `$retainKeys`, `$deleteFromPrimitiveList` and `$setElementOrder` direct the merge.
///
/// # Errors
/// 400 when an item of a keyed list lacks its key or a directive is unknown.
pub(crate) fn strategic(object: &Value, patch: &Value, shape: &Shape) -> Outcome<Value> {
    match (object, patch) {
        (Value::Object(old), Value::Object(patch)) => strategic_map(old, patch, shape),
        (_, Value::Object(patch)) => strategic_map(&Map::new(), patch, shape),
        (_, other) => Ok(other.clone()),
    }
}

fn strategic_map(old: &Map<String, Value>, patch: &Map<String, Value>, shape: &Shape) -> Outcome<Value> {
    match patch.get("$patch").and_then(Value::as_str) {
        Some("replace") => return Ok(Value::Object(without_directives(patch))),
        Some("delete") => return Ok(json!({})),
        Some("merge") | None => {}
        Some(other) => {
            return Err(Failure::bad_request(format!("Unknown patch type: {other} in patch")));
        }
    }
    let mut map = old.clone();
    if let Some(kept) = patch.get("$retainKeys").and_then(Value::as_array) {
        map.retain(|key, _| kept.iter().any(|one| one.as_str() == Some(key)));
    }
    for (key, value) in patch {
        if let Some(field) = key.strip_prefix("$deleteFromPrimitiveList/") {
            delete_primitives(&mut map, field, value);
        } else if value.is_null() {
            map.remove(key);
        } else if !key.starts_with('$') {
            let below = shape_below(shape, key);
            let old = map.get(key).cloned().unwrap_or(Value::Null);
            map.insert(key.clone(), strategic_value(&old, value, &below)?);
        }
    }
    for (key, order) in patch {
        if let Some(field) = key.strip_prefix("$setElementOrder/") {
            reorder(&mut map, field, order, shape);
        }
    }
    Ok(Value::Object(map))
}

fn strategic_value(old: &Value, patch: &Value, shape: &Shape) -> Outcome<Value> {
    match (shape, patch) {
        (Shape::List(list), Value::Array(items))
            if list.patch_key.is_some() || list.merge == ListMerge::Set =>
        {
            strategic_list(old.as_array().map_or(&[], Vec::as_slice), items, list)
        }
        (_, Value::Object(_)) => strategic(old, patch, shape),
        (_, other) => Ok(other.clone()),
    }
}

fn strategic_list(old: &[Value], patch: &[Value], list: &List) -> Outcome<Value> {
    let Some(key) = &list.patch_key else { return Ok(primitive_union(old, patch)) };
    let replaces = |item: &Value| item.get("$patch").and_then(Value::as_str) == Some("replace");
    if patch.iter().any(replaces) {
        return Ok(Value::Array(patch.iter().filter(|item| !replaces(item)).cloned().collect()));
    }
    let mut items = old.to_vec();
    for item in patch {
        let Some(wanted) = item.get(key).filter(|value| !value.is_null()) else {
            return Err(Failure::bad_request(format!(
                "map: {item} does not contain declared merge key: {key}"
            )));
        };
        let place = items.iter().position(|one| one.get(key) == Some(wanted));
        let deletes = item.get("$patch").and_then(Value::as_str) == Some("delete");
        match place {
            Some(index) if deletes => {
                items.remove(index);
            }
            Some(index) => {
                if let Some(place) = items.get_mut(index) {
                    *place = strategic(place, item, &list.item)?;
                }
            }
            None if deletes => {}
            None => items.push(strategic(&json!({}), item, &list.item)?),
        }
    }
    Ok(Value::Array(items))
}

fn primitive_union(old: &[Value], patch: &[Value]) -> Value {
    let mut items = old.to_vec();
    items.extend(patch.iter().filter(|item| !old.contains(item)).cloned());
    Value::Array(items)
}

fn without_directives(map: &Map<String, Value>) -> Map<String, Value> {
    map.iter()
        .filter(|(key, _)| !key.starts_with('$'))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

fn delete_primitives(map: &mut Map<String, Value>, field: &str, values: &Value) {
    if let (Some(items), Some(values)) = (map.get_mut(field).and_then(Value::as_array_mut), values.as_array())
    {
        items.retain(|item| !values.contains(item));
    }
}

/// Puts the items that the order names into that order; the others keep their places after them.
fn reorder(map: &mut Map<String, Value>, field: &str, order: &Value, shape: &Shape) {
    let Shape::List(list) = shape_below(shape, field) else { return };
    let (Some(items), Some(order)) = (map.get_mut(field).and_then(Value::as_array_mut), order.as_array())
    else {
        return;
    };
    let rank = |item: &Value| match &list.patch_key {
        Some(key) => order.iter().position(|one| one.get(key) == item.get(key)),
        None => order.iter().position(|one| one == item),
    };
    items.sort_by_key(|item| rank(item).unwrap_or(usize::MAX));
}

fn shape_below(shape: &Shape, key: &str) -> Shape {
    match shape {
        Shape::Structure(structure) => {
            structure.fields.get(key).map_or(Shape::Any, |field| field.shape.clone())
        }
        Shape::Map { item, .. } => (**item).clone(),
        _ => Shape::Any,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kubernetes::schema::built_in;

    fn pod_spec() -> Shape {
        Shape::Structure(built_in("core/v1.PodSpec").unwrap())
    }

    #[test]
    fn containers_are_patched_by_name() {
        let old = json!({"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]});
        let patch = json!({"containers": [{"name": "b", "image": "2"}, {"name": "a", "$patch": "delete"}]});
        let patched = strategic(&old, &patch, &pod_spec()).unwrap();
        assert_eq!(patched, json!({"containers": [{"name": "b", "image": "2"}]}));
    }

    #[test]
    fn lists_without_a_key_are_replaced() {
        let old = json!({"tolerations": [{"key": "a"}]});
        let patched = strategic(&old, &json!({"tolerations": [{"key": "b"}]}), &pod_spec()).unwrap();
        assert_eq!(patched, json!({"tolerations": [{"key": "b"}]}));
    }

    #[test]
    fn an_item_without_its_merge_key_is_refused() {
        assert!(strategic(&json!({}), &json!({"containers": [{"image": "x"}]}), &pod_spec()).is_err());
    }

    #[test]
    fn the_order_directive_orders_items() {
        let old = json!({"containers": [{"name": "a"}, {"name": "b"}]});
        let patch = json!({"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]});
        let patched = strategic(&old, &patch, &pod_spec()).unwrap();
        assert_eq!(patched, json!({"containers": [{"name": "b"}, {"name": "a"}]}));
    }

    proptest! {
        #[test]
        fn a_strategic_patch_of_plain_maps_is_a_merge_patch(
            old in prop::collection::btree_map("[a-c]", 0..3_i32, 0..4),
            patch in prop::collection::btree_map("[a-c]", prop::option::of(0..3_i32), 0..4),
        ) {
            let (old, patch) = (json!(old), json!(patch));
            prop_assert_eq!(strategic(&old, &patch, &Shape::Any).unwrap(), merge_patch(&old, &patch));
        }
    }
}
