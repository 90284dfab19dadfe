//! What `Chart.yaml` holds, read as Helm reads it and written as Helm's release records have it.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// `Chart.yaml`. Absent fields are empty, as in Helm; the order of fields is that of Helm's records.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[allow(missing_docs, reason = "the fields are those of Chart.yaml, documented by Helm")]
pub struct Metadata {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub home: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keywords: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub maintainers: Vec<Maintainer>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub icon: String,
    /// `v1` or `v2`: the version of the chart format.
    #[serde(rename = "apiVersion", skip_serializing_if = "String::is_empty")]
    pub api_version: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub condition: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tags: String,
    #[serde(rename = "appVersion", skip_serializing_if = "String::is_empty")]
    pub app_version: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deprecated: bool,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// A constraint on the Kubernetes version, in Masterminds' grammar.
    #[serde(rename = "kubeVersion", skip_serializing_if = "String::is_empty")]
    pub kube_version: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<Dependency>,
    /// A list of dependencies is there, with nothing in it. Helm settles such a chart as it does one that has some.
    #[serde(skip)]
    pub has_empty_dependencies: bool,
    /// `application`, `library` or empty.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub chart_type: String,
}

/// A person or organisation in charge of a chart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the fields are those of Chart.yaml, documented by Helm")]
pub struct Maintainer {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub email: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub url: String,
}

/// A chart that this one needs.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Dependency {
    /// The dependency's own name.
    pub name: String,
    /// A version or a constraint in Masterminds' grammar.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Where it was taken from; of no use once it is packed in `charts/`.
    pub repository: String,
    /// Comma-separated value paths; the first that is a boolean decides whether the dependency takes part.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub condition: String,
    /// Names looked up under `tags` in the values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Whether it takes part; set while dependencies are processed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub enabled: bool,
    /// Values of the dependency that become values of the parent: a string, or `{child, parent}`.
    #[serde(rename = "import-values", skip_serializing_if = "Vec::is_empty")]
    pub import_values: Vec<Value>,
    /// The name under which the dependency is used.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub alias: String,
}

/// `Chart.lock`: the exact dependencies that were packed.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Lock {
    /// When, as text, unread.
    pub generated: String,
    /// Hash over the requirements and the locked dependencies.
    pub digest: String,
    /// The locked dependencies.
    pub dependencies: Vec<Dependency>,
}

/// Why a value cannot be read as a field of `Chart.yaml`, in the words of Go's JSON decoder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {found} into Go {target}")]
pub struct FieldError {
    found: &'static str,
    target: String,
}

impl Metadata {
    /// Reads the value of a `Chart.yaml`.
    ///
    /// As in Helm, a number or a boolean where text belongs becomes text (an unquoted `appVersion: 1.10` is the number
    /// 1.1), keys match whatever their case, and unknown keys are passed over.
    ///
    /// # Errors
    /// [`FieldError`] if a field has the wrong shape.
    pub fn from_value(value: &Value) -> Result<Self, FieldError> {
        let fields = Fields::of(value, "Metadata")?;
        let dependencies = fields.each("dependencies", Dependency::from_value)?;
        Ok(Self {
            name: fields.text("name")?,
            home: fields.text("home")?,
            sources: fields.texts("sources")?,
            version: fields.text("version")?,
            description: fields.text("description")?,
            keywords: fields.texts("keywords")?,
            maintainers: fields.each("maintainers", Maintainer::from_value)?,
            icon: fields.text("icon")?,
            api_version: fields.text("apiVersion")?,
            condition: fields.text("condition")?,
            tags: fields.text("tags")?,
            app_version: fields.text("appVersion")?,
            deprecated: fields.boolean("deprecated")?,
            annotations: fields.text_map("annotations")?,
            kube_version: fields.text("kubeVersion")?,
            has_empty_dependencies: dependencies.is_empty() && fields.get("dependencies").is_some(),
            dependencies,
            chart_type: fields.text("type")?,
        })
    }
}

impl Maintainer {
    fn from_value(value: &Value) -> Result<Self, FieldError> {
        let fields = Fields::of(value, "Maintainer")?;
        Ok(Self { name: fields.text("name")?, email: fields.text("email")?, url: fields.text("url")? })
    }
}

impl Dependency {
    /// Reads one entry of a `dependencies` list.
    ///
    /// # Errors
    /// [`FieldError`] if a field has the wrong shape.
    pub fn from_value(value: &Value) -> Result<Self, FieldError> {
        let fields = Fields::of(value, "Dependency")?;
        Ok(Self {
            name: fields.text("name")?,
            version: fields.text("version")?,
            repository: fields.text("repository")?,
            condition: fields.text("condition")?,
            tags: fields.texts("tags")?,
            enabled: fields.boolean("enabled")?,
            import_values: fields.list("import-values")?.to_vec(),
            alias: fields.text("alias")?,
        })
    }

    /// The name under which the dependency is used: its alias, if it has one.
    #[must_use]
    pub fn effective_name(&self) -> &str {
        if self.alias.is_empty() { &self.name } else { &self.alias }
    }
}

impl Lock {
    /// Reads the value of a `Chart.lock`.
    ///
    /// # Errors
    /// [`FieldError`] if a field has the wrong shape.
    pub fn from_value(value: &Value) -> Result<Self, FieldError> {
        let fields = Fields::of(value, "Lock")?;
        Ok(Self {
            generated: fields.text("generated")?,
            digest: fields.text("digest")?,
            dependencies: fields.each("dependencies", Dependency::from_value)?,
        })
    }
}

macro_rules! deserialize_from_value {
    ($($type:ty),*) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::from_value(&Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }
    )*};
}
deserialize_from_value!(Metadata, Dependency, Lock);

/// The fields of one object, read leniently as Helm's YAML reader does.
struct Fields<'a> {
    object: Option<&'a Map<String, Value>>,
    type_name: &'static str,
}

impl<'a> Fields<'a> {
    fn of(value: &'a Value, type_name: &'static str) -> Result<Self, FieldError> {
        match value {
            Value::Null => Ok(Self { object: None, type_name }),
            Value::Object(object) => Ok(Self { object: Some(object), type_name }),
            other => {
                Err(FieldError { found: kind_of(other), target: format!("value of type chart.{type_name}") })
            }
        }
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        let object = self.object?;
        let found = object.get(name).or_else(|| {
            object.iter().find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value))
        })?;
        (!found.is_null()).then_some(found)
    }

    fn mismatch(&self, found: &Value, name: &str, go_type: &str) -> FieldError {
        let target = format!("struct field {}.{name} of type {go_type}", self.type_name);
        FieldError { found: kind_of(found), target }
    }

    fn text(&self, name: &str) -> Result<String, FieldError> {
        self.get(name).map_or(Ok(String::new()), |value| {
            scalar_text(value).ok_or_else(|| self.mismatch(value, name, "string"))
        })
    }

    fn boolean(&self, name: &str) -> Result<bool, FieldError> {
        match self.get(name) {
            None => Ok(false),
            Some(Value::Bool(value)) => Ok(*value),
            Some(other) => Err(self.mismatch(other, name, "bool")),
        }
    }

    fn list(&self, name: &str) -> Result<&'a [Value], FieldError> {
        match self.get(name) {
            None => Ok(&[]),
            Some(Value::Array(items)) => Ok(items),
            Some(other) => Err(self.mismatch(other, name, "[]interface {}")),
        }
    }

    fn texts(&self, name: &str) -> Result<Vec<String>, FieldError> {
        let item_text = |value: &Value| match value {
            Value::Null => Ok(String::new()),
            other => scalar_text(other).ok_or_else(|| self.mismatch(other, name, "string")),
        };
        self.list(name)?.iter().map(item_text).collect()
    }

    fn each<T>(
        &self,
        name: &str,
        read: impl Fn(&Value) -> Result<T, FieldError>,
    ) -> Result<Vec<T>, FieldError> {
        self.list(name)?.iter().filter(|item| !item.is_null()).map(read).collect()
    }

    fn text_map(&self, name: &str) -> Result<BTreeMap<String, String>, FieldError> {
        match self.get(name) {
            None => Ok(BTreeMap::new()),
            Some(Value::Object(entries)) => entries
                .iter()
                .map(|(key, value)| {
                    let text = if value.is_null() { Some(String::new()) } else { scalar_text(value) };
                    Ok((key.clone(), text.ok_or_else(|| self.mismatch(value, name, "string"))?))
                })
                .collect(),
            Some(other) => Err(self.mismatch(other, name, "map[string]string")),
        }
    }
}

/// The text of a scalar where a YAML reader was told to expect text.
fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(number) => Some(number_text(number)),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A number as Go writes it: whole ones in full, others by the shortest digits, with an exponent when that is far out.
fn number_text(number: &serde_json::Number) -> String {
    const LARGEST_WHOLE: f64 = 1e21;
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < LARGEST_WHOLE => {
            format!("{float:.0}")
        }
        Some(float) if number.is_f64() && float.abs() >= 1e-4 && float.abs() < LARGEST_WHOLE => {
            float.to_string()
        }
        Some(float) if number.is_f64() => go_exponent(float),
        _ => number.to_string(),
    }
}

/// `1.5e-7` as Go writes it: a sign and at least two digits in the exponent.
fn go_exponent(float: f64) -> String {
    let text = format!("{float:e}");
    match text.split_once('e') {
        Some((digits, exponent)) => {
            let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |rest| ('-', rest));
            format!("{digits}e{sign}{exponent:0>2}")
        }
        None => text,
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_unquoted_version_becomes_the_text_of_the_number() {
        let metadata = Metadata::from_value(
            &json!({"name": "demo", "version": "1.0.0", "appVersion": 1.1, "tags": true}),
        )
        .unwrap();
        assert_eq!((metadata.app_version.as_str(), metadata.tags.as_str()), ("1.1", "true"));
        let metadata = Metadata::from_value(&json!({"appVersion": 20_260_101.0, "version": 1e-7})).unwrap();
        assert_eq!((metadata.app_version.as_str(), metadata.version.as_str()), ("20260101", "1e-07"));
    }

    #[test]
    fn a_field_of_the_wrong_shape_is_named_in_the_error() {
        let error = Metadata::from_value(&json!({"keywords": "one"})).unwrap_err();
        assert_eq!(
            error.to_string(),
            "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal string into Go struct field \
             Metadata.keywords of type []interface {}"
        );
    }

    #[test]
    fn keys_match_whatever_their_case_and_unknown_keys_are_passed_over() {
        let metadata = Metadata::from_value(&json!({"appversion": "2", "engine": "gotpl"})).unwrap();
        assert_eq!(metadata.app_version, "2");
    }

    #[test]
    fn a_record_leaves_empty_fields_out_and_keeps_the_order_of_helm() {
        let metadata = Metadata::from_value(&json!({
            "type": "application", "version": "1.2.3", "name": "live", "apiVersion": "v2",
            "dependencies": [{"name": "kid", "alias": "k"}],
        }))
        .unwrap();
        assert_eq!(
            serde_json::to_string(&metadata).unwrap(),
            r#"{"name":"live","version":"1.2.3","apiVersion":"v2","dependencies":[{"name":"kid","repository":"","alias":"k"}],"type":"application"}"#
        );
        assert_eq!(metadata.dependencies[0].effective_name(), "k");
    }
}
