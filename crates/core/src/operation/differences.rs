//! Where two specs differ.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::spec::NetworkSpec;

/// Where two specs differ, each as `path: recorded -> asked for`. How an operation goes about its work (timeouts, windows) is no property of a network.
#[must_use]
pub fn differences(recorded: &NetworkSpec, asked: &NetworkSpec) -> Vec<String> {
    let of = |spec: &NetworkSpec| {
        let mut value = serde_json::to_value(spec).unwrap_or_default();
        if let Some(fields) = value.as_object_mut() {
            fields.remove("rollout");
        }
        value
    };
    let mut found = Vec::new();
    compare("", &of(recorded), &of(asked), &mut found);
    found
}

fn compare(path: &str, recorded: &Value, asked: &Value, found: &mut Vec<String>) {
    match (recorded, asked) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let inner = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                compare(
                    &inner,
                    a.get(key).unwrap_or(&Value::Null),
                    b.get(key).unwrap_or(&Value::Null),
                    found,
                );
            }
        }
        (a, b) if a == b => {}
        (a, b) => found.push(format!("{path}: {a} -> {b}")),
    }
}
