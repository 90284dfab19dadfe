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
    /// What its `String` method gives, and the other methods without arguments.
    pub(super) text: Option<String>,
    pub(super) getters: Vec<(&'static str, Value)>,
}

impl Record {
    pub(super) fn new(type_name: &'static str, fields: Vec<Field>) -> Self {
        Self { type_name, fields, text: None, getters: Vec::new() }
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
        self.fields.iter().find(|(known, _, _)| *known == name).map(|(_, _, value)| value.clone())
    }

    fn method(&self, name: &str) -> Option<Function> {
        let value = self.getters.iter().find(|(known, _)| *known == name)?.1.clone();
        Some(Function::new(&[], move |_| Ok(value.clone())))
    }

    fn text(&self) -> Option<String> {
        self.text.clone()
    }

    fn data(&self) -> Data {
        Data::Fields(self.fields.clone())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
