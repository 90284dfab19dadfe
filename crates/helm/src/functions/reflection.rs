//! What kind of value a value is.

use spacecraft_gotemplate::{Function, Functions, Type, Value};

pub(super) fn add(functions: &mut Functions) {
    functions.insert("typeOf", Function::new(&[Type::Any], |call| Ok(type_of(call.value(0)).into())));
    functions.insert(
        "typeIs",
        Function::new(&[Type::String, Type::Any], |call| Ok((call.text(0) == type_of(call.value(1))).into())),
    );
    functions.insert(
        "typeIsLike",
        Function::new(&[Type::String, Type::Any], |call| {
            let (wanted, found) = (call.text(0), type_of(call.value(1)));
            Ok((wanted == found || format!("*{wanted}") == found).into())
        }),
    );
    functions.insert("kindOf", Function::new(&[Type::Any], |call| Ok(call.value(0).kind().into())));
    functions.insert(
        "kindIs",
        Function::new(&[Type::String, Type::Any], |call| Ok((call.text(0) == call.value(1).kind()).into())),
    );
    functions.insert(
        "deepEqual",
        Function::new(&[Type::Any, Type::Any], |call| Ok(call.value(0).deep_equals(call.value(1))?.into())),
    );
}

fn type_of(value: &Value) -> String {
    value.type_name().into_owned()
}
