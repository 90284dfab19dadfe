//! Dictionaries.

use spacecraft_gotemplate::{Call, CallError, CallResult, Function, Functions, GoString, Map, Type, Value};

use super::cast::to_text;
use super::failure;

pub(super) fn add(functions: &mut Functions) {
    functions.insert("dict", Function::variadic(&[], Type::Any, |call| Ok(dict(call.arguments()))));
    functions.insert(
        "get",
        Function::new(&[Type::Map, Type::String], |call| {
            Ok(call.map(0).and_then(|map| map.get(call.bytes(1))).unwrap_or_else(|| "".into()))
        }),
    );
    functions.insert("set", Function::new(&[Type::Map, Type::String, Type::Any], set));
    functions.insert(
        "unset",
        Function::new(&[Type::Map, Type::String], |call| {
            let Some(map) = call.map(0) else { return Ok(Value::map::<&str>([])) };
            map.remove(call.bytes(1));
            Ok(call.value(0).clone())
        }),
    );
    functions.insert(
        "hasKey",
        Function::new(&[Type::Map, Type::String], |call| {
            Ok(call.map(0).is_some_and(|map| map.contains(call.bytes(1))).into())
        }),
    );
    functions.insert(
        "pluck",
        Function::variadic(&[Type::String], Type::Map, |call| {
            let found = call.rest(1).iter().filter_map(|map| as_map(map)?.get(call.bytes(0)));
            Ok(Value::list(found.collect()))
        }),
    );
    functions.insert(
        "keys",
        Function::variadic(&[], Type::Map, |call| {
            Ok(Value::strings(call.arguments().iter().filter_map(as_map).flat_map(Map::keys)))
        }),
    );
    functions.insert(
        "values",
        Function::new(&[Type::Map], |call| {
            let entries = call.map(0).map(Map::entries).unwrap_or_default();
            Ok(Value::list(entries.into_iter().map(|(_, value)| value).collect()))
        }),
    );
    functions.insert("pick", Function::variadic(&[Type::Map], Type::String, |call| Ok(filtered(call, true))));
    functions
        .insert("omit", Function::variadic(&[Type::Map], Type::String, |call| Ok(filtered(call, false))));
    functions.insert("dig", Function::variadic(&[], Type::Any, dig));
}

fn as_map(value: &Value) -> Option<&Map> {
    match value {
        Value::Map(map) => Some(map),
        _ => None,
    }
}

/// Keys and values in turns; a key without a value gets an empty text.
fn dict(pairs: &[Value]) -> Value {
    Value::map(pairs.chunks(2).filter_map(|pair| {
        let value = pair.get(1).cloned().unwrap_or_else(|| "".into());
        Some((to_text(pair.first()?), value))
    }))
}

fn set(call: &Call<'_>) -> CallResult {
    match call.map(0) {
        Some(map) => map.insert(call.bytes(1), call.value(2).clone()),
        None => return failure("assignment to entry in nil map"),
    }
    Ok(call.value(0).clone())
}

fn filtered(call: &Call<'_>, keep_named: bool) -> Value {
    let named: Vec<&GoString> = call.rest(1).iter().filter_map(Value::as_text).collect();
    let entries = call.map(0).map(Map::entries).unwrap_or_default();
    Value::map(entries.into_iter().filter(|(key, _)| named.contains(&key) == keep_named))
}

/// Goes down a path of keys; what is missing on the way is replaced by a default.
fn dig(call: &Call<'_>) -> CallResult {
    let [path @ .., default, dictionary] = call.arguments() else { return few_arguments() };
    if path.is_empty() {
        return few_arguments();
    }
    plain_map(dictionary)?;
    if let Some(key) = path.iter().find(|key| !matches!(key, Value::String(_))) {
        return failure(format!("interface conversion: interface {{}} is {}, not string", type_of(key)));
    }
    let mut step = dictionary.clone();
    for key in path.iter().filter_map(Value::as_text) {
        let map = plain_map(&step)?;
        let Some(next) = map.get(key) else { return Ok(default.clone()) };
        step = next;
    }
    Ok(step)
}

fn few_arguments() -> CallResult {
    failure("dig needs at least three arguments")
}

fn type_of(value: &Value) -> String {
    if matches!(value, Value::Nil) { "nil".to_owned() } else { value.type_name().into_owned() }
}

fn plain_map(value: &Value) -> Result<&Map, CallError> {
    match value {
        Value::Map(map) if !map.is_named() && map.holds_interfaces() => Ok(map),
        other => Err(CallError::new(format!(
            "interface conversion: interface {{}} is {}, not map[string]interface {{}}",
            type_of(other)
        ))),
    }
}
