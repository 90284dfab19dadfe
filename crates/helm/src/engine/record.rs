//! Go's structs as templates see them.

use std::any::Any;
use std::rc::Rc;

use spacecraft_gotemplate::value::{Data, Object};
use spacecraft_gotemplate::{Function, Value};

/// A field: its name in Go, its name in JSON (none if it is left out there, as empty ones usually are), its value.
pub(super) type Field = (&'static str, Option<&'static str>, Value);

/// A struct, or a pointer to one.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) type_name: &'static str,
    pub(super) fields: Vec<Field>,
    /// A struct that stands in this one without a name of its own, its fields among the fields of this one.
    pub(super) embedded: Option<(&'static str, Value)>,
    /// What the `String` method of a pointer to it gives, and the other methods without arguments.
    pub(super) text: Option<String>,
    pub(super) getters: Vec<(&'static str, Value)>,
}

impl Record {
    pub(super) fn new(type_name: &'static str, fields: Vec<Field>) -> Self {
        Self { type_name, fields, embedded: None, text: None, getters: Vec::new() }
    }

    pub(super) fn into_value(self) -> Value {
        Value::Object(Rc::new(self))
    }
}

/// A field that JSON leaves out when it is empty.
pub(super) fn optional(name: &'static str, json_name: &'static str, value: Value) -> Field {
    let json_name = value.is_true().then_some(json_name);
    (name, json_name, value)
}

impl Object for Record {
    fn type_name(&self) -> &str {
        self.type_name
    }

    fn kind(&self) -> &'static str {
        if self.type_name.starts_with('*') { "ptr" } else { "struct" }
    }

    fn field(&self, name: &str) -> Option<Value> {
        let embedded = self.embedded.iter().map(|(known, value)| (known, value));
        let own = self.fields.iter().map(|(known, _, value)| (known, value));
        own.chain(embedded).find(|(known, _)| **known == name).map(|(_, value)| value.clone())
    }

    fn method(&self, name: &str) -> Option<Function> {
        let value = self.getters.iter().find(|(known, _)| *known == name)?.1.clone();
        Some(Function::new(&[], move |_| Ok(value.clone())))
    }

    fn text_in_place(&self) -> Option<String> {
        self.text.clone()
    }

    fn data(&self) -> Data {
        Data::Fields(self.fields.clone())
    }

    fn shown(&self) -> Data {
        let Some((name, Value::Object(embedded))) = &self.embedded else { return self.data() };
        let embedded_has = |name: &str| embedded.field(name).is_some();
        let own = self.fields.iter().filter(|(name, _, _)| !embedded_has(name)).cloned();
        let embedded = (*name, None, Value::Object(Rc::clone(embedded)));
        Data::Fields(std::iter::once(embedded).chain(own).collect())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
