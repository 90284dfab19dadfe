//! Lists of objects (`kind: List`), whose items are objects as well.

use serde_json::Value;

use super::text;

/// Which objects were in which lists.
pub(super) struct Shape(Vec<Place>);

enum Place {
    Object,
    /// A list without its items, and how many it had.
    List(Value, usize),
}

/// The objects themselves, those of lists in the place of their lists.
pub(super) fn flat(objects: Vec<Value>) -> impl Iterator<Item = Value> {
    objects.into_iter().flat_map(|mut object| match take_items(&mut object) {
        Some(items) => items,
        None => vec![object],
    })
}

impl Shape {
    pub(super) fn of(objects: &[Value]) -> Self {
        Self(objects.iter().map(place).collect())
    }

    /// The objects in their lists again. A list that has lost all its items is gone, and so are items that are none any more.
    pub(super) fn filled(self, objects: Vec<Option<Value>>) -> Vec<Option<Value>> {
        let mut objects = objects.into_iter();
        let mut fill = |place| match place {
            Place::Object => objects.next().flatten(),
            Place::List(list, count) => with_items(list, objects.by_ref().take(count).collect()),
        };
        self.0.into_iter().map(&mut fill).collect()
    }
}

fn place(object: &Value) -> Place {
    let mut list = object.clone();
    match take_items(&mut list) {
        Some(items) => Place::List(list, items.len()),
        None => Place::Object,
    }
}

fn take_items(object: &mut Value) -> Option<Vec<Value>> {
    if text(object, "/kind") != "List" || text(object, "/apiVersion") != "v1" {
        return None;
    }
    match object.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => Some(items),
        _ => None,
    }
}

fn with_items(mut list: Value, items: Vec<Option<Value>>) -> Option<Value> {
    let had_items = !items.is_empty();
    let items: Vec<Value> = items.into_iter().flatten().collect();
    if had_items && items.is_empty() {
        return None;
    }
    if let Some(place) = list.get_mut("items") {
        *place = Value::Array(items);
    }
    Some(list)
}
