//! `values.schema.json`: whether the values of a chart are what the chart says they must be.
//!
//! An own validator of JSON Schema (drafts 4, 6, 7, 2019-09 and 2020-12) with references inside the document, and with
//! the error texts of the one that Helm uses. A schema is read as data from a chart that anybody may have written:
//! recursion is bounded and nothing is fetched.

mod format;
mod reference;
mod scalars;
mod validator;
mod violation;

use serde_json::Value;

use crate::chart::{Chart, ChartError};
use crate::values::Values;
use validator::Validator;

/// Checks the complete values against the schema of `chart` and of each subchart.
///
/// # Errors
/// One error for all faults found, by chart, in Helm's words.
pub fn validate(chart: &Chart, values: &Values) -> Result<(), ChartError> {
    let mut faults = String::new();
    collect(chart, values, &mut faults);
    if faults.is_empty() {
        return Ok(());
    }
    Err(ChartError::new(format!(
        "values don't meet the specifications of the schema(s) in the following chart(s):\n{faults}"
    )))
}

fn collect(chart: &Chart, values: &Values, faults: &mut String) {
    if let Some(schema) = &chart.schema
        && let Some(fault) = fault(schema, values)
    {
        faults.push_str(&format!("{}:\n{fault}\n", chart.name()));
    }
    for subchart in &chart.dependencies {
        let empty = Values::new();
        let own = values.get(subchart.name()).and_then(Value::as_object).unwrap_or(&empty);
        collect(subchart, own, faults);
    }
}

fn fault(schema: &[u8], values: &Values) -> Option<String> {
    let schema: Value = match serde_json::from_slice(schema) {
        Ok(schema) => schema,
        Err(error) => return Some(format!("invalid schema: {error}")),
    };
    match Validator::new(&schema).validate(&Value::Object(values.clone())) {
        Ok(violations) if violations.is_empty() => None,
        Ok(violations) => Some(violation::to_text(&violations)),
        Err(error) => Some(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn text(schema: Value, values: Value) -> String {
        let schema = serde_json::to_vec(&schema).unwrap();
        fault(&schema, values.as_object().unwrap()).unwrap_or_default()
    }

    #[test]
    fn missing_and_additional_properties_are_named_together() {
        let schema = json!({
            "type": "object", "required": ["name"], "properties": {"name": {"type": "string"}},
            "additionalProperties": false,
        });
        assert_eq!(
            text(schema, json!({"typo": 1})),
            "- at '': missing property 'name'\n- at '': additional properties 'typo' not allowed"
        );
    }

    #[test]
    fn a_wrong_type_is_told_with_its_place() {
        let schema = json!({"properties": {"a": {"properties": {"port": {"type": ["integer", "null"]}}}}});
        assert_eq!(
            text(schema, json!({"a": {"port": "x"}})),
            "- at '/a/port': got string, want null or integer"
        );
    }

    #[test]
    fn whole_floats_are_integers() {
        let schema = json!({"properties": {"port": {"type": "integer", "minimum": 1, "maximum": 65535}}});
        assert_eq!(text(schema.clone(), json!({"port": 80.0})), "");
        assert_eq!(text(schema.clone(), json!({"port": 80.5})), "- at '/port': got number, want integer");
        assert_eq!(text(schema, json!({"port": 70000})), "- at '/port': maximum: got 70,000, want 65,535");
    }

    #[test]
    fn references_lead_to_definitions_and_are_skipped_in_the_text_when_they_have_one_cause() {
        let schema = json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "definitions": {"port": {"type": "integer"}, "list": {"items": {"$ref": "#/definitions/port"}}},
            "properties": {"ports": {"$ref": "#/definitions/list"}},
        });
        assert_eq!(text(schema.clone(), json!({"ports": [1, 2]})), "");
        assert_eq!(text(schema, json!({"ports": [1, "x"]})), "- at '/ports/1': got string, want integer");
    }

    #[test]
    fn combinators_nest_their_causes() {
        let schema = json!({"properties": {"a": {"anyOf": [{"type": "string"}, {"type": "integer"}]}}});
        assert_eq!(
            text(schema, json!({"a": true})),
            "- at '/a': 'anyOf' failed\n  - at '/a': got boolean, want string\n  - at '/a': got boolean, want integer"
        );
        let schema = json!({"oneOf": [{"required": ["a"]}, {"required": ["b"]}]});
        assert_eq!(text(schema, json!({"a": 1, "b": 2})), "- at '': 'oneOf' failed, subschemas 0, 1 matched");
        let schema = json!({"not": {"required": ["a"]}});
        assert_eq!(text(schema, json!({"a": 1})), "- at '': 'not' failed");
    }

    #[test]
    fn conditions_choose_what_must_hold() {
        let schema = json!({
            "if": {"properties": {"kind": {"const": "tls"}}, "required": ["kind"]},
            "then": {"required": ["secret"]}, "else": {"properties": {"secret": false}},
        });
        assert_eq!(text(schema.clone(), json!({"kind": "tls"})), "- at '': missing property 'secret'");
        assert_eq!(text(schema, json!({"kind": "x", "secret": "s"})), "- at '/secret': false schema");
    }

    #[test]
    fn properties_that_no_part_of_the_schema_speaks_of_can_be_refused() {
        let schema = json!({
            "allOf": [{"properties": {"a": true}}], "properties": {"b": true}, "unevaluatedProperties": false,
        });
        assert_eq!(text(schema.clone(), json!({"a": 1, "b": 2})), "");
        assert_eq!(text(schema, json!({"c": 1})), "- at '/c': false schema");
    }

    #[test]
    fn enums_patterns_and_lengths_are_told_as_they_are_written() {
        let schema = json!({"properties": {
            "e": {"enum": ["a", "b"]}, "p": {"pattern": "^[a-z]+$"}, "l": {"minLength": 3}, "u": {"uniqueItems": true},
        }});
        assert_eq!(
            text(schema, json!({"e": "c", "p": "A1", "l": "é", "u": [1, 2, 1.0]})),
            "- at '/e': value must be one of 'a', 'b'\n- at '/l': minLength: got 1, want 3\n\
             - at '/p': 'A1' does not match pattern '^[a-z]+$'\n- at '/u': items at 0 and 2 are equal"
        );
    }

    #[test]
    fn a_schema_that_cannot_be_used_is_told() {
        assert!(text(json!({"$ref": "#/nowhere"}), json!({})).contains("#/nowhere"));
        assert!(text(json!({"properties": {"a": {"pattern": "("}}}), json!({"a": "x"})).contains("pattern"));
        assert!(text(json!({"$ref": "#"}), json!({})).contains("'#'"));
        assert!(fault(b"{", &Values::new()).is_some());
    }

    proptest! {
        #[test]
        fn any_schema_ends_in_an_answer(text in "[\\[\\]{}\",:a-z$#/0-9]{0,60}") {
            let _ = fault(text.as_bytes(), &Values::new());
        }
    }
}
