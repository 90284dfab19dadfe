//! Go's slices.

use std::borrow::Cow;
use std::ops::Deref;
use std::rc::Rc;

use super::{Value, map};
use crate::function::Function;

/// A slice. Its items never change once it is made, so sharing them is safe.
#[derive(Debug, Clone)]
pub struct List(Rc<Items>);

#[derive(Debug)]
struct Items {
    element: &'static str,
    is_nil: bool,
    named: Option<&'static NamedList>,
    items: Vec<Value>,
}

/// A named Go type whose underlying type is a slice, and that has methods.
#[derive(Debug)]
pub struct NamedList {
    /// The type's name, such as `chartutil.VersionSet`.
    pub name: &'static str,
    /// The method of a list of this type, by name.
    pub method: fn(&List, &str) -> Option<Function>,
}

impl List {
    /// A `[]interface {}`.
    #[must_use]
    pub fn new(items: Vec<Value>) -> Self {
        Self::of("interface {}", items)
    }

    /// A slice of the Go type `element`, which all items must have.
    #[must_use]
    pub fn of(element: &'static str, items: Vec<Value>) -> Self {
        Self(Rc::new(Items { element, is_nil: false, named: None, items }))
    }

    /// A nil slice of the Go type `element`: empty, and `null` in JSON.
    #[must_use]
    pub fn nil(element: &'static str) -> Self {
        Self(Rc::new(Items { element, is_nil: true, named: None, items: Vec::new() }))
    }

    /// A slice of a named type.
    #[must_use]
    pub fn named(named: &'static NamedList, element: &'static str, items: Vec<Value>) -> Self {
        Self(Rc::new(Items { element, is_nil: false, named: Some(named), items }))
    }

    /// A method of the list's named type.
    #[must_use]
    pub fn method(&self, name: &str) -> Option<Function> {
        self.0.named.and_then(|named| (named.method)(self, name))
    }

    /// The Go type of the items.
    #[must_use]
    pub fn element(&self) -> &'static str {
        self.0.element
    }

    /// Whether the items are of Go's interface type, which can hold anything.
    #[must_use]
    pub fn holds_interfaces(&self) -> bool {
        self.0.element == "interface {}"
    }

    /// Whether this is Go's nil slice.
    #[must_use]
    pub fn is_nil(&self) -> bool {
        self.0.is_nil
    }

    pub(super) fn type_name(&self) -> Cow<'static, str> {
        if let Some(named) = self.0.named {
            return Cow::Borrowed(named.name);
        }
        match self.0.element {
            "interface {}" => Cow::Borrowed("[]interface {}"),
            "string" => Cow::Borrowed("[]string"),
            element => Cow::Owned(format!("[]{element}")),
        }
    }

    pub(super) fn address(&self) -> usize {
        Rc::as_ptr(&self.0).addr()
    }

    /// The items, if nothing else holds the list.
    pub(super) fn into_unshared_items(self) -> Vec<Value> {
        match Rc::try_unwrap(self.0) {
            Ok(mut list) => std::mem::take(&mut list.items),
            Err(_) => Vec::new(),
        }
    }
}

impl Deref for List {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        &self.0.items
    }
}

impl Drop for Items {
    fn drop(&mut self) {
        map::drop_all(std::mem::take(&mut self.items));
    }
}
