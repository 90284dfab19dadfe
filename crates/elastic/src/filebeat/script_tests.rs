//! The script in an engine that speaks ECMAScript 5.1, with an event as Filebeat gives it.

use ducc::{Ducc, ExecSettings, Function};
use serde_json::{Value, json};

use super::SCRIPT;

/// An event with the calls that the script makes; `run` answers its fields after processing as JSON.
const HARNESS: &str = r#"
function run(text) {
    var fields = JSON.parse(text);
    process({
        Get: function (key) { return fields.hasOwnProperty(key) ? fields[key] : null; },
        Put: function (key, value) {
            if (typeof value !== "string") { throw new Error(key + " is no string"); }
            fields[key] = value;
        },
        Delete: function (key) { delete fields[key]; return true; }
    });
    return JSON.stringify(fields);
}
run;
"#;

fn process(fields: &Value) -> Value {
    let engine = Ducc::new();
    let program = format!("{SCRIPT}\n{HARNESS}");
    let run: Function<'_> = engine.exec(&program, Some("fields.js"), ExecSettings::default()).unwrap();
    let answer: String = run.call((fields.to_string(),)).unwrap();
    serde_json::from_str(&answer).unwrap()
}

fn fields_of(line: &str) -> Value {
    process(&json!({ "message": line }))
}

#[test]
fn the_engine_refuses_what_filebeat_refuses() {
    let engine = Ducc::new();
    for modern in ["let a = 1;", "var f = (a) => a;", "var s = `a`;"] {
        assert!(engine.exec::<()>(modern, None, ExecSettings::default()).is_err(), "{modern}");
    }
}

#[test]
fn every_field_of_a_json_line_is_a_string() {
    let line = r#"{"L":"INFO","M":"atx published","epoch":3,"weight":1.5,"ok":true,"peer":null}"#;
    let expected = json!({
        "sm.L": "INFO", "sm.M": "atx published", "sm.epoch": "3", "sm.weight": "1.5", "sm.ok": "true", "sm.peer": "null",
    });
    assert_eq!(fields_of(line), expected);
}

#[test]
fn nested_objects_and_arrays_are_json_text() {
    let line = r#"{"a":{"b":[1,null,{"c":"d"}]},"e":[],"f":{}}"#;
    let expected = json!({"sm.a": r#"{"b":[1,null,{"c":"d"}]}"#, "sm.e": "[]", "sm.f": "{}"});
    assert_eq!(fields_of(line), expected);
}

#[test]
fn the_time_of_the_line_is_dropped() {
    assert_eq!(fields_of(r#"{"T":"2026-11-22T10:00:00Z","M":"m"}"#), json!({"sm.M": "m"}));
}

#[test]
fn a_line_that_is_no_json_object_is_kept_raw() {
    for line in ["panic: runtime error", r#"{"M":"broken"#, "[1,2]", "null", "12", r#""text""#, "", "{}{}"] {
        assert_eq!(fields_of(line), json!({ "sm.message": line }), "{line}");
    }
}

#[test]
fn unicode_survives() {
    let line = r#"{"M":"grüße \ud83d\ude80 日本","schlüssel":"ö"}"#;
    assert_eq!(fields_of(line), json!({"sm.M": "grüße 🚀 日本", "sm.schlüssel": "ö"}));
}

#[test]
fn numbers_keep_all_their_digits() {
    let line = r#"{"nonce":18446744073709551615,"text":"id \"18446744073709551615\" 9223372036854775807","list":[-9223372036854775808]}"#;
    let expected = json!({
        "sm.nonce": "18446744073709551615",
        "sm.text": r#"id "18446744073709551615" 9223372036854775807"#,
        "sm.list": r#"["-9223372036854775808"]"#,
    });
    assert_eq!(fields_of(line), expected);
}

#[test]
fn names_that_an_index_would_refuse_are_changed() {
    let line = r#"{"a.b":"1","":"2",".":"3","x.":"4"}"#;
    let fields = fields_of(line);
    assert_eq!(
        (&fields["sm.a_b"], &fields["sm._"], &fields["sm.x_"]),
        (&json!("1"), &json!("3"), &json!("4"))
    );
}

#[test]
fn names_that_mean_something_to_the_language_are_fields_like_others() {
    let line = r#"{"toString":"a","hasOwnProperty":"b","constructor":"c"}"#;
    let expected = json!({"sm.toString": "a", "sm.hasOwnProperty": "b", "sm.constructor": "c"});
    assert_eq!(fields_of(line), expected);
}

#[test]
fn very_long_lines_are_taken() {
    let long = "x".repeat(1 << 20);
    assert_eq!(fields_of(&json!({"M": long, "id": 1}).to_string())["sm.M"], json!(long));
    assert_eq!(fields_of(&long), json!({"sm.message": long}));
    let with_number = format!(r#"{{"M":"{}","id":12345678901234567890}}"#, "y\\\"".repeat(10_000));
    assert_eq!(fields_of(&with_number)["sm.id"], "12345678901234567890");
}

#[test]
fn a_line_with_too_many_fields_is_kept_raw() {
    let fields: serde_json::Map<String, Value> = (0..300).map(|n| (format!("f{n}"), json!(n))).collect();
    let line = Value::Object(fields).to_string();
    assert_eq!(fields_of(&line), json!({ "sm.message": line }));
}

#[test]
fn the_document_is_named_after_the_pods_label() {
    let event =
        json!({"message": "m", "kubernetes.labels.name": "miner-7", "kubernetes.pod.name": "miner-7-abc"});
    assert_eq!(process(&event)["name"], "miner-7");
    let unlabelled = json!({"message": "m", "kubernetes.pod.name": "miner-7-abc"});
    assert_eq!(process(&unlabelled)["name"], "miner-7-abc");
}

#[test]
fn an_event_without_a_line_stays_as_it_is() {
    assert_eq!(process(&json!({"other": "x"})), json!({"other": "x"}));
}
