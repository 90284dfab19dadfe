//! Go's maps: shared, and changed in place.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::{GoString, Value};
use crate::function::Function;

/// A map with keys of text, in the order of their bytes. A clone is the same map.
#[derive(Debug, Clone)]
pub struct Map(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    element: &'static str,
    named: Option<&'static NamedMap>,
    entries: RefCell<BTreeMap<GoString, Value>>,
}

/// A named Go type whose underlying type is a map, and that has methods.
#[derive(Debug)]
pub struct NamedMap {
    /// The type's name, such as `chartutil.Values`.
    pub name: &'static str,
    /// The method of a map of this type, by name.
    pub method: fn(&Map, &str) -> Option<Function>,
}

impl Default for Map {
    fn default() -> Self {
        Self::of("interface {}")
    }
}

impl Map {
    /// An empty `map[string]interface {}`.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty map whose values are of the Go type `element`.
    #[must_use]
    pub fn of(element: &'static str) -> Self {
        Self(Rc::new(Inner { element, named: None, entries: RefCell::default() }))
    }

    /// The same entries as a map of a named type. Unlike in Go the two are apart: later changes of one do not show in the
    /// other.
    #[must_use]
    pub fn named(&self, named: &'static NamedMap) -> Self {
        let entries = self.0.entries.borrow().clone();
        Self(Rc::new(Inner { element: self.0.element, named: Some(named), entries: RefCell::new(entries) }))
    }

    /// The same entries as a map of no named type; see [`Map::named`].
    #[must_use]
    pub fn unnamed(&self) -> Self {
        let entries = self.0.entries.borrow().clone();
        Self(Rc::new(Inner { element: self.0.element, named: None, entries: RefCell::new(entries) }))
    }

    /// An empty map of the same type.
    pub(super) fn clone_shape(&self) -> Self {
        Self(Rc::new(Inner { element: self.0.element, named: self.0.named, entries: RefCell::default() }))
    }

    /// The value under a key.
    #[must_use]
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<Value> {
        self.0.entries.borrow().get(key.as_ref()).cloned()
    }

    /// Whether there is a value, nil included, under a key.
    #[must_use]
    pub fn contains(&self, key: impl AsRef<[u8]>) -> bool {
        self.0.entries.borrow().contains_key(key.as_ref())
    }

    /// Sets the value under a key.
    pub fn insert(&self, key: impl Into<GoString>, value: Value) {
        let replaced = self.0.entries.borrow_mut().insert(key.into(), value);
        drop(replaced);
    }

    /// Removes a key.
    pub fn remove(&self, key: impl AsRef<[u8]>) {
        let removed = self.0.entries.borrow_mut().remove(key.as_ref());
        drop(removed);
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.entries.borrow().len()
    }

    /// True of a map without entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.entries.borrow().is_empty()
    }

    /// The entries as they are now, by key.
    #[must_use]
    pub fn entries(&self) -> Vec<(GoString, Value)> {
        self.0.entries.borrow().iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// The keys as they are now, in order.
    #[must_use]
    pub fn keys(&self) -> Vec<GoString> {
        self.0.entries.borrow().keys().cloned().collect()
    }

    /// The Go type of the values.
    #[must_use]
    pub fn element(&self) -> &'static str {
        self.0.element
    }

    /// Whether the values are of Go's interface type, which can hold anything.
    #[must_use]
    pub fn holds_interfaces(&self) -> bool {
        self.0.element == "interface {}"
    }

    /// A method of the map's named type.
    #[must_use]
    pub fn method(&self, name: &str) -> Option<Function> {
        self.0.named.and_then(|named| (named.method)(self, name))
    }

    /// Whether the map is of a named type, which Go tells from a plain `map[string]interface {}`.
    #[must_use]
    pub fn is_named(&self) -> bool {
        self.0.named.is_some()
    }

    /// Whether the two are one and the same map.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    pub(super) fn address(&self) -> usize {
        Rc::as_ptr(&self.0).addr()
    }

    pub(super) fn type_name(&self) -> Cow<'static, str> {
        match (self.0.named, self.0.element) {
            (Some(named), _) => Cow::Borrowed(named.name),
            (None, "interface {}") => Cow::Borrowed("map[string]interface {}"),
            (None, element) => Cow::Owned(format!("map[string]{element}")),
        }
    }

    fn into_unshared_values(self) -> Vec<Value> {
        match Rc::try_unwrap(self.0) {
            Ok(mut inner) => std::mem::take(inner.entries.get_mut()).into_values().collect(),
            Err(_) => Vec::new(),
        }
    }
}

impl FromIterator<(GoString, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (GoString, Value)>>(entries: I) -> Self {
        let entries = RefCell::new(entries.into_iter().collect());
        Self(Rc::new(Inner { element: "interface {}", named: None, entries }))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        drop_all(std::mem::take(self.entries.get_mut()).into_values().collect());
    }
}

/// Drops values with all that only they hold, without recursion: a template can nest lists far deeper than a stack goes.
pub(super) fn drop_all(mut values: Vec<Value>) {
    while let Some(value) = values.pop() {
        match value {
            Value::List(list) => values.extend(list.into_unshared_items()),
            Value::Map(map) => values.extend(map.into_unshared_values()),
            _ => {}
        }
    }
}
