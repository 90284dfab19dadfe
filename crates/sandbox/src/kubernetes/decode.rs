//! Decoding bodies as strictly as the API server does: types must fit; unknown and duplicate fields are found.

use std::collections::BTreeSet;
use std::fmt;

use base64::Engine;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::fields;
use super::quantity::Quantity;
use super::schema::{ListMerge, Shape, Structure};

/// A document and the paths of its duplicate fields.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) value: Value,
    pub(crate) duplicates: Vec<String>,
}

/// Reads JSON, or YAML when it is none.
///
/// # Errors
/// The reader's message when it is neither.
pub(crate) fn parse(body: &[u8]) -> Result<Parsed, String> {
    let mut duplicates = Vec::new();
    let mut json = serde_json::Deserializer::from_slice(body);
    let seed = Reader { path: String::new(), duplicates: &mut duplicates };
    let read = seed.deserialize(&mut json).and_then(|value| json.end().map(|()| value));
    match read {
        Ok(value) => Ok(Parsed { value, duplicates }),
        Err(error) => parse_yaml(body).ok_or_else(|| error.to_string()),
    }
}

fn parse_yaml(body: &[u8]) -> Option<Parsed> {
    let text = std::str::from_utf8(body).ok()?;
    if text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    let value: Value = serde_saphyr::from_str(text).ok()?;
    value.is_object().then_some(Parsed { value, duplicates: Vec::new() })
}

/// Reads a value, noting fields that come twice; the last one counts.
struct Reader<'a> {
    path: String,
    duplicates: &'a mut Vec<String>,
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            let path = format!("{}[{}]", self.path, list.len());
            match sequence.next_element_seed(Reader { path, duplicates: self.duplicates })? {
                Some(item) => list.push(item),
                None => return Ok(Value::Array(list)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let path = joined(&self.path, &key);
            if map.contains_key(&key) {
                self.duplicates.push(path.clone());
            }
            let value = entries.next_value_seed(Reader { path, duplicates: self.duplicates })?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

fn joined(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// A value that does not fit the type of its field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Misfit {
    /// The path of the field, without list indices.
    pub(crate) path: String,
    message: String,
}

impl fmt::Display for Misfit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

/// Fits an object to its structure: drops unknown fields and nulls, and returns the paths of the unknown ones.
///
/// # Errors
/// The first value that does not fit.
pub(crate) fn fit(object: &mut Value, structure: &Structure) -> Result<Vec<String>, Misfit> {
    let mut fitting = Fitting { unknown: BTreeSet::new(), holder: structure.short_name().to_owned() };
    fitting.structure(object, structure, "", "")?;
    Ok(fitting.unknown.into_iter().collect())
}

struct Fitting {
    unknown: BTreeSet<String>,
    holder: String,
}

impl Fitting {
    fn structure(
        &mut self,
        value: &mut Value,
        structure: &Structure,
        path: &str,
        bare: &str,
    ) -> Result<(), Misfit> {
        let wanted = go_name(structure);
        let Value::Object(map) = value else { return Err(self.misfit(value, bare, &wanted)) };
        if !structure.open {
            let unknown: Vec<String> =
                map.keys().filter(|key| !structure.fields.contains_key(*key)).cloned().collect();
            for key in unknown {
                map.remove(&key);
                self.unknown.insert(joined(path, &key));
            }
        }
        map.retain(|_, value| !value.is_null());
        let outer = std::mem::replace(&mut self.holder, structure.short_name().to_owned());
        for (key, value) in map.iter_mut() {
            if let Some(field) = structure.fields.get(key) {
                self.shape(value, &field.shape, &joined(path, key), &joined(bare, key))?;
            }
        }
        self.holder = outer;
        Ok(())
    }

    fn shape(&mut self, value: &mut Value, shape: &Shape, path: &str, bare: &str) -> Result<(), Misfit> {
        match shape {
            Shape::Structure(structure) => self.structure(value, structure, path, bare),
            Shape::List(list) => {
                let Value::Array(items) = value else {
                    return Err(self.misfit(value, bare, &format!("[]{}", go_type(&list.item))));
                };
                for (index, item) in items.iter_mut().enumerate() {
                    self.shape(item, &list.item, &format!("{path}[{index}]"), bare)?;
                }
                Ok(())
            }
            Shape::Map { item, .. } => {
                let Value::Object(map) = value else {
                    return Err(self.misfit(value, bare, &format!("map[string]{}", go_type(item))));
                };
                for (key, value) in map.iter_mut() {
                    if value.is_null() && **item == Shape::Text {
                        *value = Value::String(String::new());
                    }
                    self.shape(value, item, &joined(path, key), bare)?;
                }
                Ok(())
            }
            Shape::Quantity => match canonical_quantity(value) {
                Some(canonical) => {
                    *value = canonical.into();
                    Ok(())
                }
                None => Err(self.misfit(value, bare, "resource.Quantity")),
            },
            Shape::Bytes if value.is_string() => match base64_mistake(value.as_str().unwrap_or_default()) {
                Some(at) => {
                    let message = format!("illegal base64 data at input byte {at}");
                    Err(Misfit { path: bare.to_owned(), message })
                }
                None => Ok(()),
            },
            scalar if fits(value, scalar) => Ok(()),
            scalar => Err(self.misfit(value, bare, &go_type(scalar))),
        }
    }

    fn misfit(&self, value: &Value, path: &str, wanted: &str) -> Misfit {
        let (found, holder) = (json_name(value), &self.holder);
        let message =
            format!("json: cannot unmarshal {found} into Go struct field {holder}.{path} of type {wanted}");
        Misfit { path: path.to_owned(), message }
    }
}

/// Checks that every item of a keyed list has its keys, and that no two have the same.
///
/// # Errors
/// What is wrong, after the path of the list.
pub(crate) fn check_lists(value: &Value, shape: &Shape, path: &str) -> Result<(), String> {
    match (shape, value) {
        (Shape::Structure(structure), Value::Object(map)) => map.iter().try_for_each(|(key, value)| {
            structure
                .fields
                .get(key)
                .map_or(Ok(()), |field| check_lists(value, &field.shape, &format!("{path}.{key}")))
        }),
        (Shape::Map { item, .. }, Value::Object(map)) => {
            map.iter().try_for_each(|(key, value)| check_lists(value, item, &format!("{path}.{key}")))
        }
        (Shape::List(list), Value::Array(items)) => {
            if let ListMerge::Map(keys) = &list.merge {
                check_keys(items, keys, path)?;
            }
            let merge = (list.merge != ListMerge::Atomic).then_some(&list.merge);
            let mut seen = BTreeSet::new();
            for item in items {
                let element = merge.map(|merge| fields::item_element(item, merge));
                if let Some(element) = element
                    && !seen.insert(element)
                {
                    return Err(format!("{path}: duplicate entries for key {item}"));
                }
                check_lists(item, &list.item, path)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn check_keys(items: &[Value], keys: &[String], path: &str) -> Result<(), String> {
    for (index, item) in items.iter().enumerate() {
        if let Some(key) = keys.iter().find(|key| fields::key_value(item, key).is_none()) {
            return Err(format!(
                "{path}: element {index}: associative list with keys has an element that omits key field {key:?} \
                 (and doesn't have default value)"
            ));
        }
    }
    Ok(())
}

fn fits(value: &Value, shape: &Shape) -> bool {
    match shape {
        Shape::Text | Shape::Bytes => value.is_string(),
        Shape::Boolean => value.is_boolean(),
        Shape::Int32 => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        Shape::Int64 => value.as_i64().is_some(),
        Shape::Number => value.is_number(),
        Shape::Quantity => value.is_string() || value.is_number(),
        Shape::IntOrText => value.is_string() || value.as_i64().is_some(),
        Shape::Time | Shape::MicroTime => value.as_str().is_some_and(is_instant),
        Shape::Any | Shape::List(_) | Shape::Map { .. } | Shape::Structure(_) => true,
    }
}

fn canonical_quantity(value: &Value) -> Option<String> {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Quantity::parse(&text).map(Quantity::canonical)
}

/// Where a text stops being base64.
fn base64_mistake(text: &str) -> Option<usize> {
    match base64::engine::general_purpose::STANDARD.decode(text) {
        Ok(_) => None,
        Err(base64::DecodeError::InvalidByte(at, _) | base64::DecodeError::InvalidLastSymbol(at, _)) => {
            Some(at)
        }
        Err(base64::DecodeError::InvalidLength(_) | base64::DecodeError::InvalidPadding) => Some(text.len()),
    }
}

fn is_instant(text: &str) -> bool {
    text.parse::<jiff::Timestamp>().is_ok()
}

fn json_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn go_type(shape: &Shape) -> String {
    match shape {
        Shape::Text => "string".to_owned(),
        Shape::Boolean => "bool".to_owned(),
        Shape::Int32 => "int32".to_owned(),
        Shape::Int64 => "int64".to_owned(),
        Shape::Number => "float64".to_owned(),
        Shape::Bytes => "[]uint8".to_owned(),
        Shape::Quantity => "resource.Quantity".to_owned(),
        Shape::IntOrText => "intstr.IntOrString".to_owned(),
        Shape::Time => "v1.Time".to_owned(),
        Shape::MicroTime => "v1.MicroTime".to_owned(),
        Shape::Any => "interface {}".to_owned(),
        Shape::List(list) => format!("[]{}", go_type(&list.item)),
        Shape::Map { item, .. } => format!("map[string]{}", go_type(item)),
        Shape::Structure(structure) => go_name(structure),
    }
}

fn go_name(structure: &Structure) -> String {
    structure.name.rsplit('/').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kubernetes::schema::built_in;

    #[test]
    fn duplicate_fields_are_named_by_their_path() {
        let parsed = parse(br#"{"spec":{"replicas":1,"replicas":2},"list":[{"a":1,"a":2}]}"#).unwrap();
        assert_eq!(parsed.duplicates, ["spec.replicas", "list[0].a"]);
        assert_eq!(parsed.value["spec"]["replicas"], 2);
    }

    #[test]
    fn yaml_is_read_where_json_is_not() {
        let parsed = parse(b"apiVersion: v1\nkind: ConfigMap\n").unwrap();
        assert_eq!(parsed.value, json!({"apiVersion": "v1", "kind": "ConfigMap"}));
        assert!(parse(b"{\"a\":").is_err());
    }

    #[test]
    fn unknown_fields_are_dropped_and_named() {
        let structure = built_in("apps/v1.Deployment").unwrap();
        let mut object =
            json!({"spec": {"foo": 1, "template": {"spec": {"containers": [{"name": "a", "bar": 2}]}}}});
        let unknown = fit(&mut object, &structure).unwrap();
        assert_eq!(unknown, ["spec.foo", "spec.template.spec.containers[0].bar"]);
        assert_eq!(object, json!({"spec": {"template": {"spec": {"containers": [{"name": "a"}]}}}}));
    }

    #[test]
    fn a_value_of_the_wrong_type_is_refused_in_the_servers_words() {
        let structure = built_in("apps/v1.Deployment").unwrap();
        let misfit = fit(&mut json!({"spec": {"replicas": "3"}}), &structure).unwrap_err();
        assert_eq!(
            misfit.to_string(),
            "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32"
        );
    }
}
