//! Defaults and choices.

use spacecraft_gotemplate::{Function, Functions, Type, Value};

use super::{add_as, failure};

/// What sprig takes for empty: as `if` does, but no struct is.
fn is_empty(value: &Value) -> bool {
    !value.is_true()
}

pub(super) fn add(functions: &mut Functions) {
    functions.insert(
        "default",
        Function::variadic(&[Type::Any], Type::Any, |call| {
            let given = call.rest(1).first().filter(|given| !is_empty(given));
            Ok(given.unwrap_or(call.value(0)).clone())
        }),
    );
    functions.insert("empty", Function::new(&[Type::Any], |call| Ok(is_empty(call.value(0)).into())));
    functions.insert(
        "coalesce",
        Function::variadic(&[], Type::Any, |call| {
            Ok(call.arguments().iter().find(|value| !is_empty(value)).cloned().unwrap_or_default())
        }),
    );
    functions.insert(
        "all",
        Function::variadic(&[], Type::Any, |call| Ok((!call.arguments().iter().any(is_empty)).into())),
    );
    functions.insert(
        "any",
        Function::variadic(&[], Type::Any, |call| Ok((!call.arguments().iter().all(is_empty)).into())),
    );
    functions.insert(
        "ternary",
        Function::new(&[Type::Any, Type::Any, Type::Bool], |call| {
            Ok(call.value(usize::from(!call.boolean(2))).clone())
        }),
    );
    let deep_copy = Function::new(&[Type::Any], |call| match call.value(0) {
        Value::Nil => failure("reflect: call of reflect.Value.Type on zero Value"),
        value => Ok(value.deep_copy()?),
    });
    add_as(functions, &["deepCopy", "mustDeepCopy"], &deep_copy);
}
