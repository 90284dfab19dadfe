//! `eq`, `ne`, `lt`, `le`, `gt` and `ge`.

use std::cmp::Ordering;

use crate::function::{CallError, Function, Functions, Type};
use crate::value::Value;

type Compared = Result<bool, CallError>;

pub(super) fn add(functions: &mut Functions) {
    functions.insert(
        "eq",
        Function::variadic(&[Type::Any], Type::Any, |call| {
            equals_any(call.value(0), call.rest(1)).map(Value::Bool)
        }),
    );
    let pair = |compare: fn(&Value, &Value) -> Compared| {
        Function::new(&[Type::Any, Type::Any], move |call| {
            compare(call.value(0), call.value(1)).map(Value::Bool)
        })
    };
    functions.insert("ne", pair(|left, right| Ok(!equals(left, right)?)));
    functions.insert("lt", pair(less));
    functions.insert("le", pair(less_or_equal));
    functions.insert("gt", pair(|left, right| Ok(!less_or_equal(left, right)?)));
    functions.insert("ge", pair(|left, right| Ok(!less(left, right)?)));
}

fn equals_any(left: &Value, others: &[Value]) -> Compared {
    if others.is_empty() {
        return Err(CallError::new("missing argument for comparison"));
    }
    for other in others {
        if equals(left, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Values that compare with one another.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Basic<'v> {
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(&'v [u8]),
}

fn basic(value: &Value) -> Option<Basic<'_>> {
    match value {
        Value::Bool(value) => Some(Basic::Bool(*value)),
        Value::Int(value) | Value::Int64(value) => Some(Basic::Integer(i128::from(*value))),
        Value::Uint64(value) => Some(Basic::Integer(i128::from(*value))),
        Value::Byte(value) => Some(Basic::Integer(i128::from(*value))),
        Value::Float(value) => Some(Basic::Float(*value)),
        Value::String(text) => Some(Basic::Text(text.as_bytes())),
        Value::Object(object) => object.number().map(|number| Basic::Integer(i128::from(number))),
        _ => None,
    }
}

fn incompatible(left: &Value, right: &Value) -> CallError {
    CallError::new(format!(
        "incompatible types for comparison: {} and {}",
        left.type_name(),
        right.type_name()
    ))
}

fn same_kind(left: &Basic<'_>, right: &Basic<'_>) -> bool {
    std::mem::discriminant(left) == std::mem::discriminant(right)
}

fn equals(left: &Value, right: &Value) -> Compared {
    match (basic(left), basic(right)) {
        (Some(first), Some(second)) if same_kind(&first, &second) => Ok(first == second),
        (None, None) => equals_composite(left, right),
        _ if matches!(left, Value::Nil) || matches!(right, Value::Nil) => Ok(false),
        _ => Err(incompatible(left, right)),
    }
}

fn equals_composite(left: &Value, right: &Value) -> Compared {
    match (left, right) {
        (Value::Nil, Value::Nil) => Ok(true),
        (Value::Nil, _) | (_, Value::Nil) => Ok(false),
        _ if left.kind() != right.kind() => Err(CallError::new(format!(
            "non-comparable types {}: {}, {}: {}",
            as_text(left),
            left.type_name(),
            right.type_name(),
            crate::fmt::display(right)
        ))),
        (Value::Object(_), Value::Object(_)) => left.deep_equals(right).map_err(CallError::from),
        _ => Err(CallError::new(format!("non-comparable type {}: {}", as_text(right), right.type_name()))),
    }
}

/// A value as `%s` prints it.
fn as_text(value: &Value) -> String {
    crate::value::lossy(&crate::fmt::sprintf("%s", std::slice::from_ref(value))).into_owned()
}

fn less(left: &Value, right: &Value) -> Compared {
    let bad = || CallError::new("invalid type for comparison");
    let (first, second) = (basic(left).ok_or_else(bad)?, basic(right).ok_or_else(bad)?);
    if !same_kind(&first, &second) {
        return Err(incompatible(left, right));
    }
    match (first, second) {
        (Basic::Integer(first), Basic::Integer(second)) => Ok(first < second),
        (Basic::Float(first), Basic::Float(second)) => Ok(first < second),
        (Basic::Text(first), Basic::Text(second)) => Ok(first.cmp(second) == Ordering::Less),
        _ => Err(bad()),
    }
}

fn less_or_equal(left: &Value, right: &Value) -> Compared {
    Ok(less(left, right)? || equals(left, right)?)
}
