use serde::Serialize;
use serde_json::Value;
use spacecraft_core::traits::Look;

/// Compares what exists with what is wanted. The points where they differ are told by name only, since values may be secret.
pub(crate) fn look<T: Serialize>(existing: Option<&T>, wanted: &T) -> Look {
    let Some(existing) = existing else { return Look::Absent };
    let points = differing_fields(&plain(existing), &plain(wanted));
    if points.is_empty() { Look::Same } else { Look::Differs(points) }
}

fn plain<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}

fn differing_fields(existing: &Value, wanted: &Value) -> Vec<String> {
    let (Value::Object(existing), Value::Object(wanted)) = (existing, wanted) else {
        return if existing == wanted { Vec::new() } else { vec!["value".to_owned()] };
    };
    let mut names: Vec<&String> = existing.keys().chain(wanted.keys()).collect();
    names.sort();
    names.dedup();
    names.into_iter().filter(|name| existing.get(*name) != wanted.get(*name)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_fields_that_differ_are_named() {
        let existing = json!({"image": "a:1", "name": "n", "slot": 1});
        let wanted = json!({"image": "a:2", "name": "n"});
        assert_eq!(
            look(Some(&existing), &wanted),
            Look::Differs(vec!["image".to_owned(), "slot".to_owned()])
        );
        assert_eq!(look(Some(&existing), &existing), Look::Same);
        assert_eq!(look(None, &existing), Look::Absent);
    }
}
