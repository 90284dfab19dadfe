//! The fields of every kind: their types, and how lists and maps merge.
//!
//! The fields of the built-in kinds are the table in `fields.txt`, which a test compares with `k8s-openapi`; those of custom resources come from the schema in
//! their definition. Decoding, server-side apply, strategic merge and the published OpenAPI document all read the same
//! [`Structure`]s.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use serde_json::Value;

/// The type of a field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    /// A JSON string.
    Text,
    /// A JSON boolean.
    Boolean,
    /// A whole number of 32 bits.
    Int32,
    /// A whole number of 64 bits.
    Int64,
    /// Any number.
    Number,
    /// Base64 text.
    Bytes,
    /// A quantity such as `500Mi`, as text or number.
    Quantity,
    /// A number, or the name or percentage that stands for one.
    IntOrText,
    /// An instant with seconds.
    Time,
    /// An instant with microseconds.
    MicroTime,
    /// Anything; not looked into.
    Any,
    /// A list.
    List(Arc<List>),
    /// A map from text.
    Map {
        /// The type of each value.
        item: Arc<Shape>,
        /// True when server-side apply replaces the map whole.
        atomic: bool,
    },
    /// An object with known fields.
    Structure(Arc<Structure>),
}

/// A list's items and how it merges.
#[derive(Debug, PartialEq)]
pub(crate) struct List {
    /// The type of each item.
    pub(crate) item: Shape,
    /// How server-side apply merges it.
    pub(crate) merge: ListMerge,
    /// The key by which a strategic merge patch matches items; none when it replaces the list.
    pub(crate) patch_key: Option<String>,
}

/// How server-side apply merges a list.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ListMerge {
    /// The list is replaced whole.
    Atomic,
    /// Items are values, each owned by itself.
    Set,
    /// Items are objects, each known by the values of these fields.
    Map(Vec<String>),
}

/// An object type: its fields by name.
#[derive(Debug, PartialEq, Default)]
pub(crate) struct Structure {
    /// The name of the type, as in `core/v1.PodSpec`; empty for those inside custom resources.
    pub(crate) name: String,
    /// True when server-side apply replaces it whole.
    pub(crate) atomic: bool,
    /// True when fields that are not listed are kept.
    pub(crate) open: bool,
    /// The fields.
    pub(crate) fields: BTreeMap<String, Field>,
}

/// One field of a [`Structure`].
#[derive(Debug, PartialEq)]
pub(crate) struct Field {
    /// Its type.
    pub(crate) shape: Shape,
    /// True when the documents call it required.
    pub(crate) required: bool,
}

impl Structure {
    /// The part of the type's name after the last dot, as Go would print it.
    pub(crate) fn short_name(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or_default()
    }
}

static BUILT_IN: LazyLock<BTreeMap<String, Arc<Structure>>> =
    LazyLock::new(|| Parser::new(include_str!("fields.txt")).parse());

/// The structure of a built-in type, named as in `apps/v1.Deployment`.
pub(crate) fn built_in(name: &str) -> Option<Arc<Structure>> {
    BUILT_IN.get(name).cloned()
}

/// Every built-in structure, for the OpenAPI document.
pub(crate) fn all_built_in() -> impl Iterator<Item = &'static Arc<Structure>> {
    BUILT_IN.values()
}

/// Reads the table of fields; types refer to each other by name and never in a circle.
struct Parser<'a> {
    paragraphs: BTreeMap<&'a str, (bool, Vec<&'a str>)>,
    done: BTreeMap<String, Arc<Structure>>,
}

impl<'a> Parser<'a> {
    fn new(table: &'a str) -> Self {
        let mut paragraphs: BTreeMap<&str, (bool, Vec<&str>)> = BTreeMap::new();
        let mut current = "";
        for line in table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let Some(field) = line.strip_prefix("  ") {
                if let Some((_, fields)) = paragraphs.get_mut(current) {
                    fields.push(field);
                }
            } else {
                let (name, atomic) = line.strip_suffix(" atomic").map_or((line, false), |name| (name, true));
                current = name;
                paragraphs.insert(name, (atomic, Vec::new()));
            }
        }
        Self { paragraphs, done: BTreeMap::new() }
    }

    fn parse(mut self) -> BTreeMap<String, Arc<Structure>> {
        let names: Vec<&str> = self.paragraphs.keys().copied().collect();
        for name in names {
            self.structure(name);
        }
        self.done
    }

    fn structure(&mut self, name: &'a str) -> Arc<Structure> {
        if let Some(done) = self.done.get(name) {
            return done.clone();
        }
        let (atomic, lines) = self.paragraphs.get(name).cloned().unwrap_or_default();
        let fields = lines.into_iter().filter_map(|line| self.field(line)).collect();
        let structure = Arc::new(Structure { name: name.to_owned(), atomic, open: false, fields });
        self.done.insert(name.to_owned(), structure.clone());
        structure
    }

    fn field(&mut self, line: &'a str) -> Option<(String, Field)> {
        let mut words = line.split(' ');
        let name = words.next()?;
        let kind = words.next()?;
        let marks: Vec<&str> = words.collect();
        let shape = self.shape(kind, &marks);
        let required = name.ends_with('!');
        Some((name.trim_end_matches('!').to_owned(), Field { shape, required }))
    }

    fn shape(&mut self, kind: &'a str, marks: &[&str]) -> Shape {
        if let Some(item) = kind.strip_prefix("[]") {
            let keys = marked(marks, "map=");
            let merge = match &keys {
                Some(keys) => ListMerge::Map(keys.split(',').map(str::to_owned).collect()),
                None if marks.contains(&"set") => ListMerge::Set,
                None => ListMerge::Atomic,
            };
            let first_key = keys.and_then(|keys| keys.split(',').next().map(str::to_owned));
            let patch_key = marked(marks, "merge=").or(first_key);
            return Shape::List(Arc::new(List { item: self.shape(item, &[]), merge, patch_key }));
        }
        if let Some(item) = kind.strip_prefix("{}") {
            let atomic = marks.contains(&"atomic");
            return Shape::Map { item: Arc::new(self.shape(item, &[])), atomic };
        }
        match kind {
            "string" => Shape::Text,
            "bool" => Shape::Boolean,
            "int32" => Shape::Int32,
            "int64" => Shape::Int64,
            "number" => Shape::Number,
            "bytes" => Shape::Bytes,
            "quantity" => Shape::Quantity,
            "int-or-string" => Shape::IntOrText,
            "time" => Shape::Time,
            "micro-time" => Shape::MicroTime,
            "any" => Shape::Any,
            name => Shape::Structure(self.structure(name)),
        }
    }
}

fn marked(marks: &[&str], prefix: &str) -> Option<String> {
    marks.iter().find_map(|mark| mark.strip_prefix(prefix)).map(str::to_owned)
}

/// The structure of a custom resource, from the `openAPIV3Schema` of one version of its definition. `metadata`,
/// `apiVersion` and `kind` are those of every object.
pub(crate) fn custom(open_api: &Value) -> Arc<Structure> {
    let mut structure = structure_of(open_api);
    for (name, shape) in [("apiVersion", Shape::Text), ("kind", Shape::Text)] {
        structure.fields.insert(name.to_owned(), Field { shape, required: false });
    }
    if let Some(metadata) = built_in("meta/v1.ObjectMeta") {
        let shape = Shape::Structure(metadata);
        structure.fields.insert("metadata".to_owned(), Field { shape, required: false });
    }
    Arc::new(structure)
}

fn structure_of(open_api: &Value) -> Structure {
    let required: Vec<&str> = open_api
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let properties = open_api.get("properties").and_then(Value::as_object);
    let fields = properties
        .into_iter()
        .flatten()
        .map(|(name, schema)| {
            let required = required.contains(&name.as_str());
            (name.clone(), Field { shape: shape_of(schema), required })
        })
        .collect();
    Structure {
        name: String::new(),
        atomic: extension(open_api, "x-kubernetes-map-type") == Some("atomic"),
        open: is_true(open_api, "x-kubernetes-preserve-unknown-fields"),
        fields,
    }
}

fn shape_of(schema: &Value) -> Shape {
    if is_true(schema, "x-kubernetes-int-or-string") {
        return Shape::IntOrText;
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("string") => Shape::Text,
        Some("boolean") => Shape::Boolean,
        Some("integer") if schema.get("format").and_then(Value::as_str) == Some("int32") => Shape::Int32,
        Some("integer") => Shape::Int64,
        Some("number") => Shape::Number,
        Some("array") => Shape::List(Arc::new(list_of(schema))),
        Some("object") => object_shape(schema),
        Some(_) | None => Shape::Any,
    }
}

fn object_shape(schema: &Value) -> Shape {
    if is_true(schema, "x-kubernetes-embedded-resource") {
        return Shape::Any;
    }
    match schema.get("additionalProperties") {
        Some(item @ Value::Object(_)) => {
            let atomic = extension(schema, "x-kubernetes-map-type") == Some("atomic");
            Shape::Map { item: Arc::new(shape_of(item)), atomic }
        }
        Some(Value::Bool(true)) => Shape::Map { item: Arc::new(Shape::Any), atomic: false },
        Some(_) | None => Shape::Structure(Arc::new(structure_of(schema))),
    }
}

fn list_of(schema: &Value) -> List {
    let keys: Vec<String> = schema
        .get("x-kubernetes-list-map-keys")
        .and_then(Value::as_array)
        .map(|keys| keys.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        .unwrap_or_default();
    let merge = match extension(schema, "x-kubernetes-list-type") {
        Some("map") => ListMerge::Map(keys),
        Some("set") => ListMerge::Set,
        Some(_) | None => ListMerge::Atomic,
    };
    List { item: schema.get("items").map_or(Shape::Any, shape_of), merge, patch_key: None }
}

fn extension<'a>(schema: &'a Value, name: &str) -> Option<&'a str> {
    schema.get(name).and_then(Value::as_str)
}

fn is_true(schema: &Value, name: &str) -> bool {
    schema.get(name).and_then(Value::as_bool).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_knows_the_containers_of_a_pod_by_name() {
        let spec = built_in("core/v1.PodSpec").unwrap();
        let Shape::List(containers) = &spec.fields["containers"].shape else {
            panic!("containers is no list")
        };
        assert_eq!(containers.merge, ListMerge::Map(vec!["name".to_owned()]));
        assert_eq!(containers.patch_key.as_deref(), Some("name"));
    }

    #[test]
    fn ports_merge_by_number_and_protocol_but_are_patched_by_number() {
        let spec = built_in("core/v1.ServiceSpec").unwrap();
        let Shape::List(ports) = &spec.fields["ports"].shape else { panic!("ports is no list") };
        assert_eq!(ports.merge, ListMerge::Map(vec!["port".to_owned(), "protocol".to_owned()]));
        assert_eq!(ports.patch_key.as_deref(), Some("port"));
    }

    #[test]
    fn every_type_that_the_table_names_is_in_it() {
        for structure in all_built_in() {
            assert!(!structure.fields.is_empty(), "{} has no fields", structure.name);
        }
    }
}
