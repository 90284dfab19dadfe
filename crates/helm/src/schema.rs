//! `values.schema.json`: whether the values of a chart are what the chart says they must be.
//!
//! An own validator of JSON Schema (drafts 4, 6, 7, 2019-09 and 2020-12) with references inside the document, and with
//! the error texts of the one that Helm uses. A schema is read as data from a chart that anybody may have written:
//! recursion is bounded and nothing is fetched.

mod format;
mod meta;
mod reference;
mod scalars;
mod validator;
mod violation;

use serde_json::Value;
use spacecraft_gotemplate::json;

use crate::chart::{Chart, ChartError};
use crate::values::{Values, as_kubernetes_json};
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
        faults.push_str(&format!("{}:\n{fault}", chart.name()));
    }
    for subchart in &chart.dependencies {
        let empty = Values::new();
        let own = values.get(subchart.name()).and_then(Value::as_object).unwrap_or(&empty);
        collect(subchart, own, faults);
    }
}

/// What is wrong with the values, each in a line of its own, or with the schema, which is a text without an end of line, as in Helm.
fn fault(schema: &[u8], values: &Values) -> Option<String> {
    let schema = match read(schema) {
        Ok(schema) => schema,
        Err(problem) => return Some(problem),
    };
    let validator = Validator::new(&schema);
    if let Some(problem) = unfit(&schema, validator.draft()) {
        return Some(problem);
    }
    match validator.validate(&Value::Object(values.clone())) {
        Ok(violations) if violations.is_empty() => None,
        Ok(violations) => Some(format!("{}\n", violation::to_text(&violations))),
        Err(error) => Some(error.to_string()),
    }
}

fn read(schema: &[u8]) -> Result<Value, String> {
    json::from_slice(schema).map(as_kubernetes_json).map_err(|error| match error.to_string() {
        _ if schema.trim_ascii().is_empty() => "EOF".to_owned(),
        text if text == "unexpected end of JSON input" => "unexpected EOF".to_owned(),
        text => text,
    })
}

/// Why a schema is none: it is not what its draft says, or refers to what it has not got.
fn unfit(schema: &Value, draft: u16) -> Option<String> {
    let meta = meta::schema(draft);
    match Validator::of_schemas(&meta).validate(schema) {
        Ok(violations) if violations.is_empty() => reference::first_missing(schema, draft),
        Ok(violations) => Some(format!(
            "\"file:///values.schema.json#\" is not valid against metaschema: jsonschema validation failed with '{}'\n{}",
            meta::url(draft),
            violation::to_text(&violations)
        )),
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
        fault(&schema, values.as_object().unwrap()).unwrap_or_default().trim_end().to_owned()
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
    fn what_is_wrong_with_one_value_alone_stands_by_itself_unless_a_reference_led_to_it() {
        let limits = json!({"minProperties": 5, "not": {"required": ["z"]}});
        let faults = "- at '/a': minProperties: got 1, want 5\n- at '/a': 'not' failed";
        assert_eq!(text(json!({"properties": {"a": limits}}), json!({"a": {"z": 1}})), faults);
        let schema = json!({"properties": {"a": {"$ref": "#/$defs/x"}}, "$defs": {"x": limits}});
        assert_eq!(
            text(schema, json!({"a": {"z": 1}})),
            format!("- at '/a': validation failed\n  {}", faults.replace('\n', "\n  "))
        );
    }

    #[test]
    fn numbers_and_unknown_keywords_of_other_drafts_are_as_they_are_written() {
        assert_eq!(
            text(json!({"properties": {"a": {"const": 5}}}), json!({"a": 4})),
            "- at '/a': value must be 5"
        );
        let schema = json!({"additionalItems": {"$ref": "#/nowhere"}, "properties": {}});
        assert_eq!(text(schema, json!({})), "");
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
        assert_eq!(
            text(json!({"$ref": "#/nowhere"}), json!({})),
            "json-pointer in \"file:///values.schema.json#/nowhere\" not found"
        );
        assert_eq!(
            text(json!({"properties": {"a": {"$ref": "#there"}}}), json!({})),
            "anchor in \"file:///values.schema.json#there\" not found in schema \"file:///values.schema.json\""
        );
        assert!(
            text(json!({"$ref": "https://example.org/x.json"}), json!({}))
                .contains("'https://example.org/x.json'")
        );
        assert!(text(json!({"$ref": "#"}), json!({})).contains("'#'"));
        let refusal = |text: &[u8]| fault(text, &Values::new()).unwrap_or_default();
        assert_eq!(refusal(b"{"), "unexpected EOF");
        assert_eq!(refusal(b" "), "EOF");
        assert_eq!(refusal(br#"{"a":1}x"#), "invalid character 'x' after top-level value");
    }

    #[test]
    fn a_schema_that_is_not_what_its_draft_says_is_refused() {
        let refusal = |schema: Value| {
            let text = text(schema, json!({}));
            let (head, faults) = text.split_once('\n').unwrap_or_default();
            let draft = head.rsplit_once(' ').map_or("", |(_, draft)| draft);
            (draft.to_owned(), faults.to_owned())
        };
        let newest = "'https://json-schema.org/draft/2020-12/schema#'";
        assert_eq!(
            refusal(json!({"properties": {"a": {"pattern": "("}}})),
            (
                newest.to_owned(),
                "- at '': 'allOf' failed\n  - at '/properties/a': 'allOf' failed\n    - at '/properties/a/pattern': \
                 '(' is not valid regex: error parsing regexp: missing closing ): `(`"
                    .to_owned()
            )
        );
        assert_eq!(
            refusal(json!({"type": "strin"})),
            (
                newest.to_owned(),
                "- at '': 'allOf' failed\n  - at '/type': 'anyOf' failed\n    - at '/type': value must be one of 'array', \
                 'boolean', 'integer', 'null', 'number', 'object', 'string'\n    - at '/type': got string, want array"
                    .to_owned()
            )
        );
        let seven = "http://json-schema.org/draft-07/schema#";
        assert_eq!(
            refusal(json!({"$schema": seven, "minLength": -1})),
            (
                format!("'{seven}'"),
                "- at '/minLength': 'allOf' failed\n  - at '/minLength': minimum: got -1, want 0".to_owned()
            )
        );
        let four = "http://json-schema.org/draft-04/schema#";
        assert_eq!(
            refusal(json!({"$schema": four, "exclusiveMinimum": true})).1,
            "- at '': properties 'minimum' required, if 'exclusiveMinimum' exists"
        );
        assert_eq!(text(json!({"$schema": four, "exclusiveMinimum": true, "minimum": 1}), json!({})), "");
    }

    proptest! {
        #[test]
        fn any_schema_ends_in_an_answer(text in "[\\[\\]{}\",:a-z$#/0-9]{0,60}") {
            let _ = fault(text.as_bytes(), &Values::new());
        }
    }
}
