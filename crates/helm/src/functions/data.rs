//! YAML, JSON and TOML.

use spacecraft_gotemplate::{CallError, CallResult, Function, Functions, Type, Value, json, yaml};

use super::toml;

const ANY: &[Type] = &[Type::Any];
const TEXT: &[Type] = &[Type::String];

pub(super) fn add(functions: &mut Functions) {
    add_yaml(functions);
    add_json(functions);
    functions.insert(
        "toToml",
        Function::new(ANY, |call| {
            if matches!(call.value(0), Value::Nil) {
                return Err(CallError::new("reflect: call of reflect.Value.Type on zero Value"));
            }
            Ok(toml::to_string(call.value(0)).unwrap_or_else(|problem| problem).into())
        }),
    );
    functions.insert("fromToml", Function::new(TEXT, |call| Ok(toml::from_bytes(call.bytes(0)))));
}

fn add_yaml(functions: &mut Functions) {
    functions.insert(
        "toYaml",
        Function::new(ANY, |call| Ok(yaml::to_string(call.value(0)).map_or_else(|_| "".into(), trimmed))),
    );
    functions.insert(
        "toYamlPretty",
        Function::new(ANY, |call| {
            Ok(yaml::to_string_pretty(call.value(0)).map_or_else(|_| "".into(), trimmed))
        }),
    );
    functions.insert(
        "fromYaml",
        Function::new(TEXT, |call| {
            let read = yaml::object_from_slice(call.bytes(0)).map(serde_json::Value::Object);
            Ok(read.map_or_else(|error| error_map(&error), Value::from))
        }),
    );
    functions.insert(
        "fromYamlArray",
        Function::new(TEXT, |call| {
            Ok(yaml::array_from_slice(call.bytes(0)).map_or_else(|error| error_list(&error), array))
        }),
    );
}

/// Without the line break at the end.
fn trimmed(text: String) -> Value {
    text.strip_suffix('\n').unwrap_or(&text).into()
}

fn array(items: Vec<serde_json::Value>) -> Value {
    Value::from(serde_json::Value::Array(items))
}

/// Helm gives an error in place of the data.
fn error_map(error: &impl ToString) -> Value {
    Value::map([("Error", error.to_string().into())])
}

fn error_list(error: &impl ToString) -> Value {
    Value::list(vec![error.to_string().into()])
}

fn add_json(functions: &mut Functions) {
    functions.insert(
        "toJson",
        Function::new(ANY, |call| Ok(json::to_string(call.value(0), true).unwrap_or_default().into())),
    );
    functions.insert("mustToJson", Function::new(ANY, |call| written(json::to_string(call.value(0), true))));
    functions.insert(
        "toPrettyJson",
        Function::new(ANY, |call| Ok(json::to_string_indented(call.value(0)).unwrap_or_default().into())),
    );
    functions.insert(
        "mustToPrettyJson",
        Function::new(ANY, |call| written(json::to_string_indented(call.value(0)))),
    );
    let raw = Function::new(ANY, |call| written(json::to_string(call.value(0), false)));
    super::add_as(functions, &["toRawJson", "mustToRawJson"], &raw);
    functions.insert("fromJson", Function::new(TEXT, |call| Ok(from_json(call.bytes(0)))));
    functions.insert("fromJsonArray", Function::new(TEXT, |call| Ok(from_json_array(call.bytes(0)))));
    functions.insert(
        "mustFromJson",
        Function::new(TEXT, |call| {
            json::from_slice(call.bytes(0)).map(Value::from).map_err(|error| CallError::of(&error))
        }),
    );
}

fn written(json: Result<String, json::WriteError>) -> CallResult {
    json.map(Value::from).map_err(|error| CallError::of(&error))
}

fn from_json(text: &[u8]) -> Value {
    match json::from_slice(text) {
        Ok(object @ serde_json::Value::Object(_)) => Value::from(object),
        Ok(serde_json::Value::Null) => Value::map::<&str>([]),
        Ok(other) => {
            let kind = json::kind_of(&other);
            let target = "map[string]interface {}";
            error_map(&format!("json: cannot unmarshal {kind} into Go value of type {target}"))
        }
        Err(error) => error_map(&error),
    }
}

fn from_json_array(text: &[u8]) -> Value {
    match json::from_slice(text) {
        Ok(list @ serde_json::Value::Array(_)) => Value::from(list),
        Ok(serde_json::Value::Null) => Value::list(Vec::new()),
        Ok(other) => {
            let kind = json::kind_of(&other);
            error_list(&format!("json: cannot unmarshal {kind} into Go value of type []interface {{}}"))
        }
        Err(error) => error_list(&error),
    }
}
