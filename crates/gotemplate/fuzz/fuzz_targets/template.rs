//! Any text parses or is refused, and what parses executes within its limits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use spacecraft_gotemplate::{Functions, Interpreter, Limits, TemplateSet, Value, parse};

fuzz_target!(|text: &str| {
    let functions = Functions::builtin();
    let Ok(parsed) = parse("t", text, functions.names()) else { return };
    let mut templates = TemplateSet::new();
    templates.add(&parsed);
    let limits = Limits { steps: 10_000, bytes: 1_000_000, depth: 50 };
    let data = Value::from(serde_json::json!({"a": {"b": [1.5, "x", null]}, "n": 3}));
    let _ = Interpreter::new(&functions, limits).execute(&templates, "t", &data);
});
