//! Go's maps: shared, and changed in place.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use super::entries::Entries;
use super::{GoString, Value};
use crate::function::Function;

/// A map with keys of text, in the order of their bytes. A clone is the same map.
#[derive(Debug, Clone)]
pub struct Map {
    inner: Rc<Inner>,
    named: Option<&'static NamedMap>,
}

#[derive(Debug)]
struct Inner {
    element: &'static str,
    is_nil: bool,
    entries: RefCell<Entries>,
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
        Self { inner: Rc::new(Inner { element, is_nil: false, entries: RefCell::default() }), named: None }
    }

    /// A nil map whose values would be of the Go type `element`.
    #[must_use]
    pub fn nil(element: &'static str) -> Self {
        Self { inner: Rc::new(Inner { element, is_nil: true, entries: RefCell::default() }), named: None }
    }

    /// Whether the map is nil: JSON and YAML write `null` for it.
    #[must_use]
    pub fn is_nil(&self) -> bool {
        self.inner.is_nil
    }

    /// The same map, seen as of a named type.
    #[must_use]
    pub fn named(&self, named: &'static NamedMap) -> Self {
        Self { inner: Rc::clone(&self.inner), named: Some(named) }
    }

    /// The same map, seen as of no named type.
    #[must_use]
    pub fn unnamed(&self) -> Self {
        Self { inner: Rc::clone(&self.inner), named: None }
    }

    /// An empty map of the same type.
    pub(super) fn clone_shape(&self) -> Self {
        Self { named: self.named, ..Self::of(self.inner.element) }
    }

    /// The value under a key.
    #[must_use]
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<Value> {
        self.inner.entries.borrow().get(key.as_ref()).cloned()
    }

    /// Whether there is a value, nil included, under a key.
    #[must_use]
    pub fn contains(&self, key: impl AsRef<[u8]>) -> bool {
        self.inner.entries.borrow().get(key.as_ref()).is_some()
    }

    /// Sets the value under a key.
    pub fn insert(&self, key: impl Into<GoString>, value: Value) {
        let replaced = self.inner.entries.borrow_mut().insert(key.into(), value);
        drop(replaced);
    }

    /// Removes a key.
    pub fn remove(&self, key: impl AsRef<[u8]>) {
        let removed = self.inner.entries.borrow_mut().remove(key.as_ref());
        drop(removed);
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.entries.borrow().len()
    }

    /// True of a map without entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entries as they are now, by key.
    #[must_use]
    pub fn entries(&self) -> Vec<(GoString, Value)> {
        self.inner.entries.borrow().to_vec()
    }

    /// The keys as they are now, in order.
    #[must_use]
    pub fn keys(&self) -> Vec<GoString> {
        self.inner.entries.borrow().keys()
    }

    /// The Go type of the values.
    #[must_use]
    pub fn element(&self) -> &'static str {
        self.inner.element
    }

    /// Whether the values are of Go's interface type, which can hold anything.
    #[must_use]
    pub fn holds_interfaces(&self) -> bool {
        self.inner.element == "interface {}"
    }

    /// A method of the map's named type.
    #[must_use]
    pub fn method(&self, name: &str) -> Option<Function> {
        self.named.and_then(|named| (named.method)(self, name))
    }

    /// Whether the map is of a named type, which Go tells from a plain `map[string]interface {}`.
    #[must_use]
    pub fn is_named(&self) -> bool {
        self.named.is_some()
    }

    /// Whether the two are one and the same map.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.inner, &other.inner)
    }

    pub(super) fn address(&self) -> usize {
        Rc::as_ptr(&self.inner).addr()
    }

    pub(super) fn type_name(&self) -> Cow<'static, str> {
        match (self.named, self.inner.element) {
            (Some(named), _) => Cow::Borrowed(named.name),
            (None, "interface {}") => Cow::Borrowed("map[string]interface {}"),
            (None, element) => Cow::Owned(format!("map[string]{element}")),
        }
    }

    fn into_unshared_values(self) -> Vec<Value> {
        match Rc::try_unwrap(self.inner) {
            Ok(mut inner) => std::mem::take(inner.entries.get_mut()).into_values(),
            Err(_) => Vec::new(),
        }
    }
}

impl FromIterator<(GoString, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (GoString, Value)>>(entries: I) -> Self {
        let entries = RefCell::new(entries.into_iter().collect());
        Self { inner: Rc::new(Inner { element: "interface {}", is_nil: false, entries }), named: None }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        drop_all(std::mem::take(self.entries.get_mut()).into_values());
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
