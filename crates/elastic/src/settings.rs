//! Settings of indices as Elasticsearch writes them: nested or with dotted names, with or without `index.`, numbers as text.

use std::collections::BTreeMap;

use serde_json::Value;

/// Settings by dotted name without `index.`, as text.
pub(crate) fn flatten(settings: &Value) -> BTreeMap<String, String> {
    let mut flat = BTreeMap::new();
    add(&mut flat, "", settings);
    flat
}

fn add(flat: &mut BTreeMap<String, String>, above: &str, value: &Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let name = if above.is_empty() { name.clone() } else { format!("{above}.{name}") };
                add(flat, &name, value);
            }
        }
        value => {
            let name = above.strip_prefix("index.").unwrap_or(above).to_owned();
            flat.insert(name, value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_spellings_of_a_setting_are_the_same() {
        let expected = BTreeMap::from([("lifecycle.name".to_owned(), "sm".to_owned())]);
        for spelling in [
            json!({"index": {"lifecycle": {"name": "sm"}}}),
            json!({"index": {"lifecycle.name": "sm"}}),
            json!({"index.lifecycle.name": "sm"}),
            json!({"lifecycle": {"name": "sm"}}),
        ] {
            assert_eq!(flatten(&spelling), expected, "{spelling}");
        }
    }

    #[test]
    fn numbers_are_text() {
        assert_eq!(flatten(&json!({"number_of_replicas": 1})), flatten(&json!({"number_of_replicas": "1"})));
    }
}
