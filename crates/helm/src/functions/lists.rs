//! Lists.

use spacecraft_gotemplate::{Call, CallError, CallResult, Function, Functions, List, Type, Value};

use super::cast::{items, to_int64};
use super::{add_as, failure};

const LIST: &[Type] = &[Type::Any];

pub(super) fn add(functions: &mut Functions) {
    let list = Function::variadic(&[], Type::Any, |call| Ok(Value::list(call.arguments().to_vec())));
    add_as(functions, &["list", "tuple"], &list);
    add_growing(functions);
    add_parts(functions);
    add_filters(functions);
    let chunk = Function::new(&[Type::Int, Type::Any], chunk);
    add_as(functions, &["chunk", "mustChunk"], &chunk);
    functions.insert("concat", Function::variadic(&[], Type::Any, concat));
}

/// The items of the list that `index` holds, or Go's complaint that this `action` cannot be done to it.
fn list_of(call: &Call<'_>, index: usize, action: &str) -> Result<Vec<Value>, CallError> {
    let value = call.value(index);
    if let Some(items) = items(value) {
        return Ok(items.into_owned());
    }
    Err(match value {
        Value::Nil => CallError::new("runtime error: invalid memory address or nil pointer dereference"),
        other => CallError::new(format!("Cannot {action} on type {}", other.kind())),
    })
}

fn add_growing(functions: &mut Functions) {
    let append = Function::new(&[Type::Any, Type::Any], |call| {
        let mut items = list_of(call, 0, "push")?;
        items.push(call.value(1).clone());
        Ok(Value::list(items))
    });
    add_as(functions, &["append", "push", "mustAppend", "mustPush"], &append);
    let prepend = Function::new(&[Type::Any, Type::Any], |call| {
        let mut items = list_of(call, 0, "prepend")?;
        items.insert(0, call.value(1).clone());
        Ok(Value::list(items))
    });
    add_as(functions, &["prepend", "mustPrepend"], &prepend);
}

fn add_parts(functions: &mut Functions) {
    let first = Function::new(LIST, |call| {
        Ok(list_of(call, 0, "find first")?.into_iter().next().unwrap_or_default())
    });
    add_as(functions, &["first", "mustFirst"], &first);
    let last = Function::new(LIST, |call| Ok(list_of(call, 0, "find last")?.pop().unwrap_or_default()));
    add_as(functions, &["last", "mustLast"], &last);
    let rest = Function::new(LIST, |call| {
        let items = list_of(call, 0, "find rest")?;
        Ok(items.split_first().map_or_else(nil_list, |(_, rest)| Value::list(rest.to_vec())))
    });
    add_as(functions, &["rest", "mustRest"], &rest);
    let initial = Function::new(LIST, |call| {
        let items = list_of(call, 0, "find initial")?;
        Ok(items.split_last().map_or_else(nil_list, |(_, initial)| Value::list(initial.to_vec())))
    });
    add_as(functions, &["initial", "mustInitial"], &initial);
    let reverse = Function::new(LIST, |call| {
        let mut items = list_of(call, 0, "find reverse")?;
        items.reverse();
        Ok(Value::list(items))
    });
    add_as(functions, &["reverse", "mustReverse"], &reverse);
    let slice = Function::variadic(LIST, Type::Any, slice);
    add_as(functions, &["slice", "mustSlice"], &slice);
}

fn nil_list() -> Value {
    Value::List(List::nil("interface {}"))
}

fn add_filters(functions: &mut Functions) {
    let compact = Function::new(LIST, |call| {
        let items = list_of(call, 0, "compact")?;
        Ok(Value::list(items.into_iter().filter(Value::is_true).collect()))
    });
    add_as(functions, &["compact", "mustCompact"], &compact);
    let uniq = Function::new(LIST, |call| {
        let mut kept = Vec::new();
        for item in list_of(call, 0, "find uniq")? {
            if !holds(&kept, &item)? {
                kept.push(item);
            }
        }
        Ok(Value::list(kept))
    });
    add_as(functions, &["uniq", "mustUniq"], &uniq);
    let without = Function::variadic(LIST, Type::Any, |call| {
        let mut kept = Vec::new();
        for item in list_of(call, 0, "find without")? {
            if !holds(call.rest(1), &item)? {
                kept.push(item);
            }
        }
        Ok(Value::list(kept))
    });
    add_as(functions, &["without", "mustWithout"], &without);
    let has = Function::new(&[Type::Any, Type::Any], |call| {
        if matches!(call.value(1), Value::Nil) {
            return Ok(false.into());
        }
        Ok(holds(&list_of(call, 1, "find has")?, call.value(0))?.into())
    });
    add_as(functions, &["has", "mustHas"], &has);
}

fn holds(items: &[Value], wanted: &Value) -> Result<bool, CallError> {
    for item in items {
        if item.deep_equals(wanted)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn slice(call: &Call<'_>) -> CallResult {
    let Some(items) = items(call.value(0)) else {
        return match call.value(0) {
            Value::Nil => failure("runtime error: invalid memory address or nil pointer dereference"),
            other => failure(format!("list should be type of slice or array but {}", other.kind())),
        };
    };
    if items.is_empty() {
        return Ok(Value::Nil);
    }
    let start = call.rest(1).first().map_or(0, to_int64);
    let end = call.rest(2).first().map_or(i64::try_from(items.len()).unwrap_or(i64::MAX), to_int64);
    let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    let Some(part) = range.and_then(|(start, end)| items.get(start..end)) else {
        return failure("reflect.Value.Slice: slice index out of bounds");
    };
    Ok(match call.value(0) {
        Value::List(list) => Value::List(List::of(list.element(), part.to_vec())),
        _ => Value::list(part.to_vec()),
    })
}

fn chunk(call: &Call<'_>) -> CallResult {
    let value = call.value(1);
    let Some(items) = items(value) else {
        return match value {
            Value::Nil => failure("runtime error: invalid memory address or nil pointer dereference"),
            other => failure(format!("Cannot chunk type {}", other.kind())),
        };
    };
    let wanted = call.int(0);
    let Some(size) = usize::try_from(wanted).ok().filter(|size| *size > 0) else {
        // sprig's formula for the number of chunks gives none for a negative size that is not too small.
        let least = u64::try_from(items.len()).unwrap_or(u64::MAX).saturating_sub(1);
        let gives_none = wanted < 0 && least > 0 && wanted.unsigned_abs() >= least;
        if gives_none {
            return Ok(Value::List(List::of("[]interface {}", Vec::new())));
        }
        return failure("runtime error: makeslice: len out of range");
    };
    let chunks = items.chunks(size).map(|chunk| Value::list(chunk.to_vec())).collect();
    Ok(Value::List(List::of("[]interface {}", chunks)))
}

fn concat(call: &Call<'_>) -> CallResult {
    let mut all = Vec::new();
    for value in call.arguments() {
        match (items(value), value) {
            (Some(items), _) => all.extend(items.into_owned()),
            (None, Value::Nil) => {
                return failure("runtime error: invalid memory address or nil pointer dereference");
            }
            (None, other) => return failure(format!("Cannot concat type {} as list", other.kind())),
        }
    }
    if all.is_empty() { Ok(nil_list()) } else { Ok(Value::list(all)) }
}
