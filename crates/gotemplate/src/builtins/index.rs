//! `index`, `slice` and `len`.

use crate::function::{CallError, CallResult, Function, Functions, Type};
use crate::value::{GoString, List, Value};

pub(super) fn add(functions: &mut Functions) {
    functions.insert(
        "index",
        Function::variadic(&[Type::Any], Type::Any, |call| {
            if matches!(call.value(0), Value::Nil) {
                return Err(CallError::new("index of untyped nil"));
            }
            call.rest(1).iter().try_fold(call.value(0).clone(), |item, index| at(&item, index))
        }),
    );
    functions.insert(
        "slice",
        Function::variadic(&[Type::Any], Type::Any, |call| slice(call.value(0), call.rest(1))),
    );
    functions.insert("len", Function::new(&[Type::Any], |call| length(call.value(0))));
}

fn at(item: &Value, index: &Value) -> CallResult {
    match item {
        Value::Nil => Err(CallError::new("index of nil pointer")),
        Value::List(list) => {
            let place = place(index, list.len())?;
            list.get(place).cloned().ok_or_else(|| CallError::new("reflect: slice index out of range"))
        }
        Value::Bytes(bytes) => {
            let place = place(index, bytes.len())?;
            let byte = bytes.get(place).copied();
            byte.map(Value::Byte).ok_or_else(|| CallError::new("reflect: slice index out of range"))
        }
        Value::String(text) => {
            let place = place(index, text.len())?;
            let byte = text.as_bytes().get(place).copied();
            byte.map(Value::Byte).ok_or_else(|| CallError::new("reflect: string index out of range"))
        }
        Value::Map(map) => match index {
            Value::String(key) => Ok(match (map.get(key), map.element()) {
                (Some(value), _) => value,
                (None, "string") => Value::text(""),
                (None, _) => Value::Nil,
            }),
            Value::Nil => Err(CallError::new("value is nil; should be of type string")),
            other => Err(CallError::new(format!("value has type {}; should be string", other.type_name()))),
        },
        other => Err(CallError::new(format!(
            "can't index item of type {}",
            other.type_name().trim_start_matches('*')
        ))),
    }
}

/// An index between 0 and `length`.
fn place(index: &Value, length: usize) -> Result<usize, CallError> {
    let number = match index {
        Value::Int(number) | Value::Int64(number) => i128::from(*number),
        Value::Uint64(number) => i128::from(*number),
        Value::Byte(number) => i128::from(*number),
        Value::Nil => return Err(CallError::new("cannot index slice/array with nil")),
        other => {
            return Err(CallError::new(format!("cannot index slice/array with type {}", other.type_name())));
        }
    };
    usize::try_from(number)
        .ok()
        .filter(|place| *place <= length)
        .ok_or_else(|| CallError::new(format!("index out of range: {number}")))
}

fn slice(item: &Value, indexes: &[Value]) -> CallResult {
    let length = match item {
        Value::Nil => return Err(CallError::new("slice of untyped nil")),
        Value::List(_) | Value::String(_) | Value::Bytes(_) => item.length().unwrap_or(0),
        other => return Err(CallError::new(format!("can't slice item of type {}", other.type_name()))),
    };
    if indexes.len() > 3 {
        return Err(CallError::new(format!("too many slice indexes: {}", indexes.len())));
    }
    if indexes.len() == 3 && matches!(item, Value::String(_)) {
        return Err(CallError::new("cannot 3-index slice a string"));
    }
    let start = indexes.first().map_or(Ok(0), |index| place(index, length))?;
    let end = indexes.get(1).map_or(Ok(length), |index| place(index, length))?;
    if start > end {
        return Err(CallError::new(format!("invalid slice index: {start} > {end}")));
    }
    Ok(match item {
        Value::String(text) => {
            Value::String(GoString::from(text.as_bytes().get(start..end).unwrap_or_default()))
        }
        Value::Bytes(bytes) => Value::Bytes(bytes.get(start..end).unwrap_or_default().into()),
        Value::List(list) => {
            Value::List(List::of(list.element(), list.get(start..end).unwrap_or_default().to_vec()))
        }
        other => other.clone(),
    })
}

fn length(item: &Value) -> CallResult {
    match (item.length(), item) {
        (Some(length), _) => Ok(Value::Int(i64::try_from(length).unwrap_or(i64::MAX))),
        (None, Value::Nil) => Err(CallError::new("len of nil pointer")),
        (None, other) => {
            Err(CallError::new(format!("len of type {}", other.type_name().trim_start_matches('*'))))
        }
    }
}
