//! Sets of fields, as `managedFields` writes them (`fieldsV1`), and what they are computed from.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::schema::{ListMerge, Shape};

/// A set of fields: a tree whose edges are path elements as `fieldsV1` writes them (`f:name`, `k:{"name":"a"}`,
/// `v:"x"`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct FieldSet {
    /// True when the field at this place is itself in the set.
    pub(crate) member: bool,
    /// The sets below.
    pub(crate) children: BTreeMap<String, FieldSet>,
}

impl FieldSet {
    /// True when nothing is in it.
    pub(crate) fn is_empty(&self) -> bool {
        !self.member && self.children.is_empty()
    }

    /// Reads `fieldsV1`.
    pub(crate) fn read(fields: &Value) -> Self {
        let mut set = Self::default();
        let Some(map) = fields.as_object() else { return set };
        for (element, below) in map.iter().filter(|(element, _)| *element != ".") {
            let mut child = Self::read(below);
            child.member |= below.get(".").is_some() || child.children.is_empty();
            set.children.insert(element.clone(), child);
        }
        set
    }

    /// Writes `fieldsV1`.
    pub(crate) fn written(&self) -> Value {
        let mut map = Map::new();
        for (element, child) in &self.children {
            let mut below = child.written();
            if child.member
                && !child.children.is_empty()
                && let Value::Object(below) = &mut below
            {
                below.insert(".".to_owned(), Value::Object(Map::new()));
            }
            map.insert(element.clone(), below);
        }
        Value::Object(map)
    }

    /// Adds everything that is in another set.
    pub(crate) fn add(&mut self, other: &Self) {
        self.member |= other.member;
        for (element, child) in &other.children {
            self.children.entry(element.clone()).or_default().add(child);
        }
    }

    /// What is in both.
    pub(crate) fn and(&self, other: &Self) -> Self {
        let children = self
            .children
            .iter()
            .filter_map(|(element, child)| Some((element.clone(), child.and(other.children.get(element)?))))
            .filter(|(_, child)| !child.is_empty())
            .collect();
        Self { member: self.member && other.member, children }
    }

    /// What is in this one and not in the other.
    pub(crate) fn without(&self, other: &Self) -> Self {
        let children = self
            .children
            .iter()
            .map(|(element, child)| match other.children.get(element) {
                Some(taken) => (element.clone(), child.without(taken)),
                None => (element.clone(), child.clone()),
            })
            .filter(|(_, child)| !child.is_empty())
            .collect();
        Self { member: self.member && !other.member, children }
    }

    /// The paths of the members, as conflicts name them: `.spec.containers[name="a"].image`.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.collect_paths(String::new(), &mut paths);
        paths
    }

    fn collect_paths(&self, path: String, paths: &mut Vec<String>) {
        for (element, child) in &self.children {
            child.collect_paths(format!("{path}{}", shown(element)), paths);
        }
        if self.member {
            paths.push(path);
        }
    }

    fn put(&mut self, element: String, child: Self) {
        if !child.is_empty() {
            self.children.entry(element).or_default().add(&child);
        }
    }

    /// The fields of a value. With `containers`, maps count themselves too, as they do for whoever made them by an
    /// update.
    pub(crate) fn of(value: &Value, shape: &Shape, containers: bool) -> Self {
        let mut set = Self::default();
        match parts(value, shape) {
            None => set.member = true,
            Some(parts) if parts.is_empty() => set.member = true,
            Some(parts) => {
                set.member = containers && matches!(shape, Shape::Map { .. });
                for part in parts {
                    let mut child = Self::of(part.value, part.shape, containers);
                    child.member |= part.counts_itself;
                    set.put(part.element, child);
                }
            }
        }
        set
    }

    /// What differs between two values of one shape: the fields that are new or changed, and those that are gone.
    pub(crate) fn difference(old: &Value, new: &Value, shape: &Shape) -> (Self, Self) {
        let (mut changed, mut gone) = (Self::default(), Self::default());
        let (Some(before), Some(after)) = (parts(old, shape), parts(new, shape)) else {
            changed.member = old != new;
            return (changed, gone);
        };
        let mut before: BTreeMap<String, Part<'_>> =
            before.into_iter().map(|part| (part.element.clone(), part)).collect();
        for part in after {
            match before.remove(&part.element) {
                None => {
                    let mut child = Self::of(part.value, part.shape, true);
                    child.member |= part.counts_itself;
                    changed.put(part.element, child);
                }
                Some(old) => {
                    let (changed_below, gone_below) = Self::difference(old.value, part.value, part.shape);
                    changed.put(part.element.clone(), changed_below);
                    gone.put(part.element, gone_below);
                }
            }
        }
        for (element, part) in before {
            let mut child = Self::of(part.value, part.shape, true);
            child.member = true;
            gone.put(element, child);
        }
        (changed, gone)
    }

    /// Takes out of a value everything that is in this set and that `keep` does not hold.
    pub(crate) fn prune(&self, value: &mut Value, shape: &Shape, keep: &Self) {
        for (element, child) in &self.children {
            match keep.children.get(element) {
                None => remove_element(value, shape, element),
                Some(kept) => {
                    if let Some((below, shape)) = element_mut(value, shape, element) {
                        child.prune(below, &shape, kept);
                    }
                }
            }
        }
    }

    /// The set below a field; made when there is none.
    pub(crate) fn remove_field(&mut self, path: &[&str]) {
        let Some((first, rest)) = path.split_first() else { return };
        let element = format!("f:{first}");
        if rest.is_empty() {
            self.children.remove(&element);
        } else if let Some(child) = self.children.get_mut(&element) {
            child.remove_field(rest);
            if child.children.is_empty() {
                self.children.remove(&element);
            }
        }
    }
}

/// A part of a value that can be owned by itself.
struct Part<'a> {
    element: String,
    value: &'a Value,
    shape: &'a Shape,
    /// True for items of lists and entries of maps, which are in a set beside what they hold.
    counts_itself: bool,
}

const UNTYPED: &Shape = &Shape::Any;

/// The parts of a value; none when it is owned whole.
fn parts<'a>(value: &'a Value, shape: &'a Shape) -> Option<Vec<Part<'a>>> {
    match (shape, value) {
        (Shape::Structure(structure), Value::Object(map)) if !structure.atomic => Some(
            map.iter()
                .map(|(key, value)| {
                    let known = structure.fields.get(key);
                    let shape = known.map_or(UNTYPED, |field| &field.shape);
                    Part { element: format!("f:{key}"), value, shape, counts_itself: known.is_none() }
                })
                .collect(),
        ),
        (Shape::Map { item, atomic: false }, Value::Object(map)) => Some(
            map.iter()
                .map(|(key, value)| Part {
                    element: format!("f:{key}"),
                    value,
                    shape: item,
                    counts_itself: true,
                })
                .collect(),
        ),
        (Shape::Any, Value::Object(map)) => Some(
            map.iter()
                .map(|(key, value)| Part {
                    element: format!("f:{key}"),
                    value,
                    shape: UNTYPED,
                    counts_itself: true,
                })
                .collect(),
        ),
        (Shape::List(list), Value::Array(items)) if list.merge != ListMerge::Atomic => Some(
            items
                .iter()
                .map(|item| Part {
                    element: item_element(item, &list.merge),
                    value: item,
                    shape: &list.item,
                    counts_itself: true,
                })
                .collect(),
        ),
        _ => None,
    }
}

/// The path element of an item of a list that merges.
pub(crate) fn item_element(item: &Value, merge: &ListMerge) -> String {
    match merge {
        ListMerge::Map(keys) => {
            let key: BTreeMap<&str, Value> =
                keys.iter().filter_map(|key| Some((key.as_str(), key_value(item, key)?))).collect();
            format!("k:{}", serde_json::to_string(&key).unwrap_or_default())
        }
        ListMerge::Set | ListMerge::Atomic => format!("v:{item}"),
    }
}

/// The value of a key field of a list item; the protocol of a port is TCP when it is not given.
pub(crate) fn key_value(item: &Value, key: &str) -> Option<Value> {
    item.get(key).cloned().or_else(|| (key == "protocol").then(|| "TCP".into()))
}

fn shown(element: &str) -> String {
    if let Some(field) = element.strip_prefix("f:") {
        return format!(".{field}");
    }
    if let Some(key) = element.strip_prefix("k:") {
        let key: BTreeMap<String, Value> = serde_json::from_str(key).unwrap_or_default();
        let pairs: Vec<String> = key.iter().map(|(name, value)| format!("{name}={value}")).collect();
        return format!("[{}]", pairs.join(","));
    }
    format!("[={}]", element.strip_prefix("v:").unwrap_or(element))
}

fn position(items: &[Value], merge: &ListMerge, element: &str) -> Option<usize> {
    items.iter().position(|item| item_element(item, merge) == element)
}

fn remove_element(value: &mut Value, shape: &Shape, element: &str) {
    match (value, shape) {
        (Value::Object(map), _) => {
            if let Some(field) = element.strip_prefix("f:") {
                map.remove(field);
            }
        }
        (Value::Array(items), Shape::List(list)) => {
            if let Some(index) = position(items, &list.merge, element) {
                items.remove(index);
            }
        }
        _ => {}
    }
}

fn element_mut<'a>(value: &'a mut Value, shape: &Shape, element: &str) -> Option<(&'a mut Value, Shape)> {
    match (value, shape) {
        (Value::Object(map), shape) => {
            let field = element.strip_prefix("f:")?;
            let below = match shape {
                Shape::Structure(structure) => {
                    structure.fields.get(field).map_or(Shape::Any, |field| field.shape.clone())
                }
                Shape::Map { item, .. } => (**item).clone(),
                _ => Shape::Any,
            };
            Some((map.get_mut(field)?, below))
        }
        (Value::Array(items), Shape::List(list)) => {
            let index = position(items, &list.merge, element)?;
            Some((items.get_mut(index)?, list.item.clone()))
        }
        _ => None,
    }
}

/// Lays an applied configuration over a live value.
pub(crate) fn merged(live: &Value, applied: &Value, shape: &Shape) -> Value {
    match (shape, live, applied) {
        (Shape::Structure(structure), Value::Object(live), Value::Object(applied)) if !structure.atomic => {
            merged_maps(live, applied, |key| {
                structure.fields.get(key).map_or(&Shape::Any, |field| &field.shape)
            })
        }
        (Shape::Map { item, atomic: false }, Value::Object(live), Value::Object(applied)) => {
            merged_maps(live, applied, |_| item)
        }
        (Shape::Any, Value::Object(live), Value::Object(applied)) => merged_maps(live, applied, |_| UNTYPED),
        (Shape::List(list), Value::Array(live), Value::Array(applied)) if list.merge != ListMerge::Atomic => {
            let mut items = live.clone();
            for item in applied {
                match position(&items, &list.merge, &item_element(item, &list.merge)) {
                    Some(index) => {
                        if let Some(place) = items.get_mut(index) {
                            *place = merged(place, item, &list.item);
                        }
                    }
                    None => items.push(item.clone()),
                }
            }
            Value::Array(items)
        }
        (_, _, applied) => applied.clone(),
    }
}

fn merged_maps<'a>(
    live: &Map<String, Value>,
    applied: &Map<String, Value>,
    shape: impl Fn(&str) -> &'a Shape,
) -> Value {
    let mut map = live.clone();
    for (key, value) in applied {
        let value = live.get(key).map_or_else(|| value.clone(), |old| merged(old, value, shape(key)));
        map.insert(key.clone(), value);
    }
    Value::Object(map)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::kubernetes::schema::built_in;

    fn pod_spec() -> Shape {
        Shape::Structure(built_in("core/v1.PodSpec").unwrap())
    }

    #[test]
    fn list_items_are_owned_by_their_keys() {
        let spec = json!({"containers": [{"name": "a", "image": "i", "ports": [{"containerPort": 80}]}]});
        let set = FieldSet::of(&spec, &pod_spec(), false);
        assert_eq!(
            set.written(),
            json!({"f:containers": {"k:{\"name\":\"a\"}": {".": {}, "f:name": {}, "f:image": {},
                "f:ports": {"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}}}}})
        );
        assert_eq!(FieldSet::read(&set.written()), set);
    }

    #[test]
    fn pruning_takes_away_what_nobody_keeps() {
        let mut live = json!({"containers": [{"name": "a", "image": "i"}, {"name": "b"}], "nodeName": "n"});
        let old = FieldSet::of(&live, &pod_spec(), false);
        let new = FieldSet::of(&json!({"containers": [{"name": "a"}]}), &pod_spec(), false);
        old.prune(&mut live, &pod_spec(), &new);
        assert_eq!(live, json!({"containers": [{"name": "a"}]}));
    }

    #[test]
    fn conflicts_name_fields_by_path() {
        let set = FieldSet::of(&json!({"containers": [{"name": "a"}]}), &pod_spec(), false);
        assert_eq!(set.paths(), [".containers[name=\"a\"].name", ".containers[name=\"a\"]"]);
    }

    fn tree() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(json!(1)), Just(json!("x")), Just(json!(true))];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop::collection::btree_map("[a-d]", inner, 1..4)
                .prop_map(|map| Value::Object(map.into_iter().collect()))
        })
    }

    proptest! {
        #[test]
        fn a_set_survives_being_written_and_read(value in tree()) {
            let mut set = FieldSet::of(&json!({"root": value}), &Shape::Any, true);
            set.member = false;
            prop_assert_eq!(FieldSet::read(&set.written()), set);
        }

        #[test]
        fn merging_makes_every_applied_field_what_was_applied(live in tree(), applied in tree()) {
            let (live, applied) = (json!({"root": live}), json!({"root": applied}));
            let merged = merged(&live, &applied, &Shape::Any);
            let again = super::merged(&merged, &applied, &Shape::Any);
            prop_assert_eq!(again, merged);
        }

        #[test]
        fn nothing_differs_between_equals(value in tree()) {
            let (changed, gone) = FieldSet::difference(&value, &value, &Shape::Any);
            prop_assert!(changed.is_empty() && gone.is_empty());
        }
    }
}
