//! Go's `fmt`: how values print.

mod flags;
mod printer;
mod verbs;

use crate::value::Value;
use printer::Printer;

/// Prints values one after the other, with a space between two that are both no strings.
#[must_use]
pub fn sprint(values: &[Value]) -> Vec<u8> {
    let mut printer = Printer::default();
    let mut after_string = true;
    for (index, value) in values.iter().enumerate() {
        let is_string = value.kind() == "string";
        if index > 0 && !is_string && !after_string {
            printer.push_str(" ");
        }
        printer.argument(value, 'v');
        after_string = is_string;
    }
    printer.finish()
}

/// Prints values with a space between any two, and a line break at the end.
#[must_use]
pub fn sprintln(values: &[Value]) -> Vec<u8> {
    let mut printer = Printer::default();
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            printer.push_str(" ");
        }
        printer.argument(value, 'v');
    }
    printer.push_str("\n");
    printer.finish()
}

/// Prints values by a format. What does not fit is said in the text: `%!d(string=hi)`, `%!s(MISSING)`, `%!(EXTRA int=1)`.
#[must_use]
pub fn sprintf(format: &str, values: &[Value]) -> Vec<u8> {
    let mut printer = Printer::default();
    verbs::format(&mut printer, format, values);
    printer.finish()
}

/// Appends a value as `%v` prints it.
pub fn append(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::String(text) => out.extend_from_slice(text.as_bytes()),
        Value::Bool(flag) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
        other => out.extend(sprint(std::slice::from_ref(other))),
    }
}

/// A value as `%v` prints it, with U+FFFD for what is not UTF-8.
#[must_use]
pub fn display(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_str().into_owned(),
        other => crate::value::lossy(&sprint(std::slice::from_ref(other))).into_owned(),
    }
}
