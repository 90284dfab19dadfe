//! Strict reading of Google's request bodies: proto3 JSON, where an unknown name or a value of the wrong type is a 400.

use std::{collections::BTreeMap, sync::LazyLock};

use serde_json::{Map, Value, json};

use super::ApiError;

/// The messages of the services, one `Message:` line each followed by `name type` lines.
const MESSAGES: &str = include_str!("messages.txt");

static SCHEMA: LazyLock<BTreeMap<&'static str, BTreeMap<&'static str, Kind>>> = LazyLock::new(parse_schema);

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Text,
    Boolean,
    Int32,
    Int64,
    Double,
    Anything,
    StringMap,
    MessageMap(&'static str),
    Enumeration(Vec<&'static str>),
    Message(&'static str),
    List(Box<Kind>),
}

fn parse_schema() -> BTreeMap<&'static str, BTreeMap<&'static str, Kind>> {
    let mut schema: BTreeMap<&str, BTreeMap<&str, Kind>> = BTreeMap::new();
    let mut current = "";
    for line in MESSAGES.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(name) = line.strip_suffix(':') {
            current = name;
            schema.entry(current).or_default();
        } else if let Some((names, kind)) = line.rsplit_once(' ') {
            for name in names.split_whitespace() {
                schema.entry(current).or_default().insert(name, parse_kind(kind));
            }
        }
    }
    schema
}

fn parse_kind(text: &'static str) -> Kind {
    if let Some(inner) = text.strip_prefix("[]") {
        return Kind::List(Box::new(parse_kind(inner)));
    }
    if let Some(inner) = text.strip_prefix("map:") {
        return Kind::MessageMap(inner);
    }
    match text {
        "string" => Kind::Text,
        "bool" => Kind::Boolean,
        "int32" => Kind::Int32,
        "int64" => Kind::Int64,
        "double" => Kind::Double,
        "any" => Kind::Anything,
        "map" => Kind::StringMap,
        _ if text.contains('|') => Kind::Enumeration(text.split('|').collect()),
        _ => Kind::Message(text),
    }
}

/// The body as a message of the given name, with every field in its JSON name and canonical type: `int64` as text,
/// `int32` as numbers, snake_case names turned into camelCase.
///
/// # Errors
/// `INVALID_ARGUMENT`, in the service's words, for an unknown field or a value of another type.
pub(crate) fn read_message(message: &'static str, body: &Value) -> Result<Value, ApiError> {
    Kind::Message(message).read(body, "").map_err(|problem| problem.into_error())
}

struct Problem {
    field: String,
    description: String,
}

impl Problem {
    fn into_error(self) -> ApiError {
        ApiError::invalid(format!("Invalid JSON payload received. {}", self.description)).with_detail(json!({
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [{"field": self.field, "description": format!("Invalid JSON payload received. {}", self.description)}],
        }))
    }
}

impl Kind {
    fn read(&self, value: &Value, path: &str) -> Result<Value, Problem> {
        match self {
            Self::Anything => Ok(value.clone()),
            Self::Text => value.as_str().map(Value::from).ok_or_else(|| mismatch(path, "TYPE_STRING", value)),
            Self::Boolean => {
                value.as_bool().map(Value::from).ok_or_else(|| mismatch(path, "TYPE_BOOL", value))
            }
            Self::Double => {
                value.as_f64().map(Value::from).ok_or_else(|| mismatch(path, "TYPE_DOUBLE", value))
            }
            Self::Int32 => integer(value)
                .and_then(|number| i32::try_from(number).ok())
                .map(Value::from)
                .ok_or_else(|| mismatch(path, "TYPE_INT32", value)),
            Self::Int64 => integer(value)
                .map(|number| Value::from(number.to_string()))
                .ok_or_else(|| mismatch(path, "TYPE_INT64", value)),
            Self::Enumeration(names) => read_enumeration(names, value, path),
            Self::StringMap => read_map(value, path, &Self::Text),
            Self::MessageMap(message) => read_map(value, path, &Self::Message(message)),
            Self::List(inner) => read_list(inner, value, path),
            Self::Message(message) => read_fields(message, value, path),
        }
    }
}

fn read_enumeration(names: &[&str], value: &Value, path: &str) -> Result<Value, Problem> {
    match value.as_str() {
        Some(text) if names.contains(&text) => Ok(Value::from(text)),
        _ => Err(mismatch(path, "TYPE_ENUM", value)),
    }
}

fn read_list(inner: &Kind, value: &Value, path: &str) -> Result<Value, Problem> {
    let items = value.as_array().ok_or_else(|| mismatch(path, "TYPE_MESSAGE", value))?;
    items.iter().enumerate().map(|(index, item)| inner.read(item, &format!("{path}[{index}]"))).collect()
}

fn read_map(value: &Value, path: &str, inner: &Kind) -> Result<Value, Problem> {
    let entries = value.as_object().ok_or_else(|| mismatch(path, "TYPE_MESSAGE", value))?;
    let mut map = Map::new();
    for (key, entry) in entries {
        map.insert(key.clone(), inner.read(entry, &format!("{path}[{key}]"))?);
    }
    Ok(Value::Object(map))
}

fn read_fields(message: &str, value: &Value, path: &str) -> Result<Value, Problem> {
    let entries = value.as_object().ok_or_else(|| mismatch(path, "TYPE_MESSAGE", value))?;
    let fields = SCHEMA.get(message);
    let mut read = Map::new();
    for (name, entry) in entries {
        let camel = camel_case(name);
        let Some(kind) = fields.and_then(|fields| fields.get(camel.as_str())) else {
            return Err(unknown_name(path, name));
        };
        if !entry.is_null() {
            read.insert(camel, kind.read(entry, &join(path, name))?);
        }
    }
    Ok(Value::Object(read))
}

fn unknown_name(path: &str, name: &str) -> Problem {
    let place = if path.is_empty() { String::new() } else { format!(" at '{path}'") };
    Problem {
        field: path.to_owned(),
        description: format!("Unknown name \"{name}\"{place}: Cannot find field."),
    }
}

fn mismatch(path: &str, kind: &str, value: &Value) -> Problem {
    Problem { field: path.to_owned(), description: format!("Invalid value at '{path}' ({kind}), {value}") }
}

fn join(path: &str, name: &str) -> String {
    let name = snake_case(name);
    if path.is_empty() { name } else { format!("{path}.{name}") }
}

fn integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn camel_case(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    let mut upper = false;
    for character in name.chars() {
        if character == '_' {
            upper = true;
        } else if upper {
            text.extend(character.to_uppercase());
            upper = false;
        } else {
            text.push(character);
        }
    }
    text
}

fn snake_case(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            text.push('_');
        }
        text.push(character.to_ascii_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::Response;

    fn message_of(error: ApiError) -> String {
        let response: Response = error.into_rpc_response();
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        body["error"]["message"].as_str().unwrap().to_owned()
    }

    #[test]
    fn an_unknown_field_is_refused_with_its_place() {
        let body = json!({"cluster": {"name": "net1", "nodePools": [{"nam": "x"}]}});
        let error = read_message("CreateClusterRequest", &body).unwrap_err();
        assert_eq!(
            message_of(error),
            "Invalid JSON payload received. Unknown name \"nam\" at 'cluster.node_pools[0]': Cannot find field."
        );
    }

    #[test]
    fn a_value_of_another_type_is_refused() {
        let body = json!({"nodeCount": "three"});
        let error = read_message("SetNodePoolSizeRequest", &body).unwrap_err();
        assert_eq!(
            message_of(error),
            "Invalid JSON payload received. Invalid value at 'node_count' (TYPE_INT32), \"three\""
        );
    }

    #[test]
    fn names_and_integers_become_canonical() {
        let body = json!({"node_pool": {"name": "p", "maxPodsConstraint": {"maxPodsPerNode": 64},
                                        "initialNodeCount": "3"}});
        assert_eq!(
            read_message("CreateNodePoolRequest", &body).unwrap(),
            json!({"nodePool": {"name": "p", "maxPodsConstraint": {"maxPodsPerNode": "64"}, "initialNodeCount": 3}})
        );
    }

    #[test]
    fn every_message_that_a_field_names_is_described() {
        fn messages(kind: &Kind) -> Vec<&'static str> {
            match kind {
                Kind::Message(name) | Kind::MessageMap(name) => vec![name],
                Kind::List(inner) => messages(inner),
                Kind::Text
                | Kind::Boolean
                | Kind::Int32
                | Kind::Int64
                | Kind::Double
                | Kind::Anything
                | Kind::StringMap
                | Kind::Enumeration(_) => vec![],
            }
        }
        for (message, fields) in SCHEMA.iter() {
            for (field, kind) in fields {
                for name in messages(kind) {
                    assert!(SCHEMA.contains_key(name), "{message}.{field} names {name}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn camel_case_turns_snake_case_back(name in "[a-z]{1,5}([A-Z][a-z]{1,5}){0,4}") {
            prop_assert_eq!(camel_case(&snake_case(&name)), name);
        }
    }
}
