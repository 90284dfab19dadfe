//! Digests of what is wanted.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// How many bytes of the SHA-256 sum are kept: enough to tell any two versions of an object apart, short enough to read.
const KEPT_BYTES: usize = 12;

/// A digest of a JSON value in hexadecimal: the same for the same value, whatever the order of its keys was.
pub(crate) fn of(value: &Value) -> String {
    let mut hasher = Sha256::new();
    feed(value, &mut hasher);
    hex::encode(hasher.finalize().get(..KEPT_BYTES).unwrap_or_default())
}

/// Feeds objects with sorted keys, so that a map type that keeps insertion order makes no difference.
fn feed(value: &Value, hasher: &mut Sha256) {
    match value {
        Value::Object(fields) => {
            let mut keys: Vec<&String> = fields.keys().collect();
            keys.sort();
            hasher.update(b"{");
            for key in keys {
                hasher.update(Value::from(key.as_str()).to_string());
                hasher.update(b":");
                feed(fields.get(key).unwrap_or(&Value::Null), hasher);
            }
            hasher.update(b"}");
        }
        Value::Array(items) => {
            hasher.update(b"[");
            for item in items {
                feed(item, hasher);
                hasher.update(b",");
            }
            hasher.update(b"]");
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            hasher.update(value.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_differs_has_another_digest() {
        let digests = [
            of(&json!({"a": [1, 2]})),
            of(&json!({"a": [12]})),
            of(&json!({"a": ["1", "2"]})),
            of(&json!({"b": [1, 2]})),
            of(&json!({"a": {"1": 2}})),
        ];
        let distinct: std::collections::BTreeSet<&String> = digests.iter().collect();
        assert_eq!(distinct.len(), digests.len());
    }

    #[test]
    fn the_order_of_keys_makes_no_difference() {
        let one: Value = serde_json::from_str(r#"{"a":1,"b":{"c":2,"d":3}}"#).unwrap();
        let other: Value = serde_json::from_str(r#"{"b":{"d":3,"c":2},"a":1}"#).unwrap();
        assert_eq!(of(&one), of(&other));
    }
}
