//! The functions that Go's templates have by themselves.

mod compare;
mod escape;
mod index;

use crate::fmt;
use crate::function::{Body, Function, Functions, Type};
use crate::value::{GoString, Value};

/// Adds Go's functions.
pub(crate) fn add(functions: &mut Functions) {
    functions.insert("and", Function::special(Some(Type::Any), Body::And));
    functions.insert("or", Function::special(Some(Type::Any), Body::Or));
    functions.insert("call", Function::special(Some(Type::Any), Body::Call));
    functions.insert("not", Function::new(&[Type::Any], |call| Ok((!call.value(0).is_true()).into())));
    functions.insert("print", text_function(fmt::sprint));
    functions.insert("println", text_function(fmt::sprintln));
    functions.insert("html", text_function(|values| escape::html(&evaluated(values))));
    functions.insert("js", text_function(|values| escape::js(&evaluated(values))));
    functions.insert("urlquery", text_function(|values| escape::url_query(&evaluated(values))));
    functions.insert(
        "printf",
        Function::variadic(&[Type::String], Type::Any, |call| {
            Ok(text(fmt::sprintf(&call.text(0), call.rest(1))))
        }),
    );
    index::add(functions);
    compare::add(functions);
}

fn text(bytes: Vec<u8>) -> Value {
    Value::String(GoString::from(bytes))
}

fn text_function(make: fn(&[Value]) -> Vec<u8>) -> Function {
    Function::variadic(&[], Type::Any, move |call| Ok(text(make(call.arguments()))))
}

/// Values as `print` shows them, but with `<no value>` for nil.
fn evaluated(values: &[Value]) -> Vec<u8> {
    let shown: Vec<Value> = values
        .iter()
        .map(|value| match value {
            Value::Nil => Value::from("<no value>"),
            other => other.clone(),
        })
        .collect();
    fmt::sprint(&shown)
}
