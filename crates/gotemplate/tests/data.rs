//! YAML and JSON as Go reads and writes them.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::json;
use spacecraft_gotemplate::{Map, Value, fmt, json as go_json, yaml};

fn read(text: &str) -> serde_json::Value {
    yaml::from_str(text).expect("the text is YAML")
}

fn refusal(text: &str) -> String {
    yaml::from_str(text).expect_err("the text is refused").to_string()
}

fn written(value: serde_json::Value) -> String {
    yaml::to_string(&Value::from(value)).expect("the value is written")
}

#[test]
fn plain_scalars_have_the_types_of_yaml_1_1() {
    let text = "[yes, no, on, Off, ~, null, '', 12, 0644, 0o17, 0x1F, 0b11, 1_000, 1.5, .5, 1e3, 1:30, 2001-01-01, 1e400]";
    let expected = json!([
        true,
        false,
        true,
        false,
        null,
        null,
        "",
        12.0,
        420.0,
        15.0,
        31.0,
        3.0,
        1000.0,
        1.5,
        0.5,
        1000.0,
        "1:30",
        "2001-01-01",
        "1e400"
    ]);
    assert_eq!(read(text), expected);
}

#[test]
fn a_lone_exclamation_mark_makes_text_of_what_follows() {
    assert_eq!(read("[! 1, ! yes, ! 'on', ! null]"), json!(["1", "yes", "on", "null"]));
}

#[test]
fn a_byte_order_mark_is_passed_over_at_the_start_only() {
    assert_eq!(read("\u{feff}a: 1\n\u{feff}b: 2\n"), json!({"a": 1.0, "\u{feff}b": 2.0}));
}

#[test]
fn a_text_that_begins_with_a_byte_order_mark_is_escaped_whole() {
    assert_eq!(written(json!("\u{feff}ab")), "\"\\uFEFF\\x61\\x62\"\n");
}

#[test]
fn keys_become_text_as_in_json() {
    assert_eq!(
        read("{1: a, yes: b, 1.5: c, 'on': d}"),
        json!({"1": "a", "true": "b", "1.5": "c", "on": "d"})
    );
    assert!(refusal("~: x").ends_with("unsupported map key of type: %!s(<nil>), key: <nil>, value: \"x\""));
}

#[test]
fn tags_decide_the_type() {
    assert_eq!(
        read("[!!str 12, !!int '3', !!float 1, !!binary aGk=, !custom x]"),
        json!(["12", 3.0, 1.0, "hi", "x"])
    );
    assert_eq!(read("a: !\nb: ! 1"), json!({"a": "", "b": "1"}));
    assert!(refusal("!!int x").contains("cannot decode !!str `x` as a !!int"));
}

#[test]
fn aliases_and_merges_are_resolved_where_they_stand() {
    let text =
        "base: &b {p: 1, q: 2}\nlater: {<<: *b, q: 3}\nearlier: {q: 3, <<: *b}\nmany: {<<: [{p: 5}, *b]}";
    let expected = json!({
        "base": {"p": 1.0, "q": 2.0}, "later": {"p": 1.0, "q": 3.0}, "earlier": {"p": 1.0, "q": 2.0},
        "many": {"p": 5.0, "q": 2.0}
    });
    assert_eq!(read(text), expected);
    assert!(refusal("a: *nope").ends_with("unknown anchor 'nope' referenced"));
    assert!(refusal("a: &a [*a]").contains("contains itself"));
    assert!(refusal("<<: 1").ends_with("map merge requires map or sequence of maps as the value"));
}

#[test]
fn block_scalars_fold_and_chomp() {
    assert_eq!(
        read("a: |\n  x\n   y\n\nb: >-\n  p\n  q\n\n  r\nc: |+\n  k\n\n"),
        json!({
            "a": "x\n y\n", "b": "p q\nr", "c": "k\n\n"
        })
    );
    assert_eq!(read("a: |2\n    x\n"), json!({"a": "  x\n"}));
}

#[test]
fn quoted_scalars_fold_lines_and_read_escapes() {
    assert_eq!(read("\"a\\x41\\u00e9\\n\\\n  b\n  c\""), json!("aAé\nb c"));
    assert_eq!(read("'it''s\n\n  x'"), json!("it's\nx"));
}

#[test]
fn only_the_first_document_counts_unless_all_are_asked_for() {
    assert_eq!(read("a: 1\n---\nb: 2\n"), json!({"a": 1.0}));
    assert_eq!(
        yaml::documents("a: 1\n---\n---\n- x\n...\n").unwrap(),
        [json!({"a": 1.0}), json!(null), json!(["x"])]
    );
}

#[test]
fn errors_are_those_of_go_line_numbers_included() {
    let cases = [
        ("a: [1", "yaml: line 1: did not find expected ',' or ']'"),
        ("a:\n\tb: 2", "yaml: line 2: found character that cannot start any token"),
        ("a: b: c", "yaml: mapping values are not allowed in this context"),
        ("a: 1\nb\nc: 1", "yaml: line 3: could not find expected ':'"),
        ("- a\nb: c", "yaml: line 1: did not find expected '-' indicator"),
        ("a: 'x", "yaml: found unexpected end of stream"),
        ("[a, , b]", "yaml: did not find expected node content"),
        ("{: a}", "yaml: did not find expected node content"),
        ("a: {b: c, : d}", "yaml: did not find expected node content"),
        (": a", "yaml: did not find expected key"),
        ("a:\n  - b\n: c", "yaml: line 2: did not find expected key"),
        ("a: \"\\q\"", "yaml: found unknown escape character"),
        ("a: \u{1}", "yaml: control characters are not allowed"),
        ("a: .inf", "json: unsupported value: +Inf"),
        ("...\na: 1", "yaml: did not find expected node content"),
        (
            "a: {{ .Values.x }}",
            "yaml: invalid map key: map[interface {}]interface {}{\".Values.x\":interface {}(nil)}",
        ),
    ];
    for (text, message) in cases {
        assert_eq!(refusal(text), format!("error converting YAML to JSON: {message}"), "{text}");
    }
}

#[test]
fn a_small_text_that_stands_for_huge_data_is_refused() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let previous = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{previous}]\n"));
    }
    assert!(refusal(&text).ends_with("document contains excessive aliasing"));
}

#[test]
fn deep_nesting_is_refused() {
    assert!(refusal(&"[".repeat(100_000)).contains("exceeded max depth"));
    assert!(refusal(&"- ".repeat(100_000)).contains("exceeded max depth"));
}

#[test]
fn a_values_file_must_be_a_mapping() {
    assert!(yaml::object_from_slice(b"").unwrap().is_empty());
    assert_eq!(
        yaml::object_from_slice(b"- a").unwrap_err().to_string(),
        "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type map[string]interface {}"
    );
}

#[test]
fn ambiguous_strings_are_quoted_when_written() {
    let cases = [
        ("plain text", "plain text\n"),
        ("yes", "\"yes\"\n"),
        ("12", "\"12\"\n"),
        ("", "\"\"\n"),
        ("1:30", "\"1:30\"\n"),
        ("2001-01-01", "\"2001-01-01\"\n"),
        ("a: b", "'a: b'\n"),
        ("# x", "'# x'\n"),
        ("- x", "'- x'\n"),
        ("-x", "-x\n"),
        (" x", "' x'\n"),
        ("it's", "it's\n"),
        ("'x", "'''x'\n"),
        ("a\tb", "\"a\\tb\"\n"),
        ("😀", "\"\\U0001F600\"\n"),
        ("*x", "'*x'\n"),
        ("---", "'---'\n"),
        ("<<", "<<\n"),
    ];
    for (text, expected) in cases {
        assert_eq!(written(json!(text)), expected, "{text:?}");
    }
}

#[test]
fn lines_are_written_as_blocks_with_what_their_ends_need() {
    assert_eq!(written(json!({"a": "x\ny"})), "a: |-\n  x\n  y\n");
    assert_eq!(written(json!({"a": "x\n"})), "a: |\n  x\n");
    assert_eq!(written(json!({"a": "x\n\n"})), "a: |+\n  x\n\n");
    assert_eq!(written(json!({"a": " x\n"})), "a: |2\n   x\n");
    assert_eq!(written(json!({"a": "x \ny"})), "a: \"x \\ny\"\n");
}

#[test]
fn text_is_folded_past_column_80() {
    let words = ["0123456789"; 12].join(" ");
    let folded = written(json!({ "k": words }));
    assert_eq!(folded.lines().count(), 2);
    assert_eq!(read(&folded), json!({ "k": words }));
}

#[test]
fn keys_are_sorted_naturally_and_sequences_in_mappings_stay_in_line() {
    let value = json!({"a10": 1.0, "a9": [1.5, {"x": true, "y": []}], "b": {}, "A": [["n"]]});
    assert_eq!(written(value), "A:\n- - \"n\"\na9:\n- 1.5\n- x: true\n  \"y\": []\na10: 1\nb: {}\n");
}

#[test]
fn floats_are_written_as_after_a_trip_through_json() {
    let cases = [
        (3.0, "3"),
        (1e6, "1000000"),
        (1e21, "1e+21"),
        (0.1, "0.1"),
        (1e-7, "1e-07"),
        (1e20, "1e+20"),
        (-0.5, "-0.5"),
    ];
    for (number, expected) in cases {
        assert_eq!(written(json!(number)), format!("{expected}\n"));
    }
}

#[test]
fn json_escapes_html_and_sorts_keys() {
    let value = Value::from(json!({"b": "<&>", "a": [1.0, null, 1e21], "c": "\u{2028}\u{1}"}));
    assert_eq!(
        go_json::to_string(&value, true).unwrap(),
        r#"{"a":[1,null,1e+21],"b":"\u003c\u0026\u003e","c":"\u2028\u0001"}"#
    );
    assert!(go_json::to_string(&value, false).unwrap().contains("<&>"));
    assert_eq!(
        go_json::to_string_indented(&Value::from(json!({"a": [], "b": [true]}))).unwrap(),
        "{\n  \"a\": [],\n  \"b\": [\n    true\n  ]\n}"
    );
}

#[test]
fn json_errors_are_those_of_go() {
    let cases = [
        ("{bad", "invalid character 'b' looking for beginning of object key string"),
        ("", "unexpected end of JSON input"),
        ("[1,]", "invalid character ']' looking for beginning of value"),
        ("{\"a\" 1}", "invalid character '1' after object key"),
        ("tru", "invalid character ' ' in literal true (expecting 'e')"),
        ("[-", "invalid character ' ' in numeric literal"),
        ("\"\\u12", "invalid character ' ' in \\u hexadecimal character escape"),
        ("\"a", "unexpected end of JSON input"),
        ("é", "invalid character 'Ã' looking for beginning of value"),
        ("1 2", "invalid character '2' after top-level value"),
        ("\"\n\"", "invalid character '\\n' in string literal"),
    ];
    for (text, message) in cases {
        assert_eq!(go_json::from_str(text).unwrap_err().to_string(), message, "{text:?}");
    }
    assert_eq!(
        go_json::from_str(r#"{"a":"\ud83d\ude00\ud800","n":10}"#).unwrap(),
        json!({"a": "😀\u{fffd}", "n": 10.0})
    );
}

#[test]
fn pretty_yaml_has_floats_as_go_writes_them_by_itself() {
    let floats = [123_456_789.0, 1e20, 12_345.0, 0.1, 1e-7, f64::INFINITY].map(Value::Float).to_vec();
    assert_eq!(
        yaml::to_string_pretty(&Value::list(floats)).unwrap(),
        "- 1.23456789e+08\n- 1e+20\n- 12345\n- 0.1\n- 1e-07\n- .inf\n"
    );
}

#[test]
fn the_next_line_of_unicode_is_folded_in_texts_and_refused_in_keys() {
    for (text, folded) in [
        ("a\u{85}b", "a b\n"),
        ("a  \u{85}  b", "a b\n"),
        ("\u{85}", "' '\n"),
        ("a\u{85}\u{85} \u{85}b", "|-\n  a\n\n  b\n"),
        ("2001-01-01\u{85}", "'2001-01-01 '\n"),
    ] {
        assert_eq!(written(json!(text)), folded, "{text:?}");
    }
    assert!(yaml::to_string(&Value::from(json!({"a\u{85}b": 1}))).is_err());
}

#[test]
fn letters_behind_digits_come_last_but_first_in_the_pretty_form() {
    let value = Value::from(json!({"k8s": 1, "k8s-a": 2, "a1b": 3, "a10": 4, "01": 5, "0x": 6}));
    assert_eq!(yaml::to_string(&value).unwrap(), "\"01\": 5\n0x: 6\na10: 4\na1b: 3\nk8s: 1\nk8s-a: 2\n");
    assert_eq!(
        yaml::to_string_pretty(&value).unwrap(),
        "0x: 6\n\"01\": 5\na1b: 3\na10: 4\nk8s: 1\nk8s-a: 2\n"
    );
}

#[test]
fn tabs_stand_in_blocks_of_the_pretty_form_only() {
    let value = Value::from(json!({"a": "b\tc\nd", "e": "f\tg"}));
    assert_eq!(yaml::to_string(&value).unwrap(), "a: \"b\\tc\\nd\"\ne: \"f\\tg\"\n");
    assert_eq!(yaml::to_string_pretty(&value).unwrap(), "a: |-\n  b\tc\n  d\ne: \"f\\tg\"\n");
}

#[test]
fn bytes_that_are_no_characters_are_told_unless_a_fault_comes_long_before_them() {
    let read = |bytes: &[u8]| yaml::from_slice(bytes).map_err(|error| error.to_string());
    let refused = |problem: &str| Err(format!("error converting YAML to JSON: yaml: {problem}"));
    assert_eq!(read(b"a: b\xff"), refused("invalid leading UTF-8 octet"));
    assert_eq!(read(b"a: \xe2\x82"), refused("incomplete UTF-8 octet sequence"));
    assert_eq!(read(b"a: [\nb\x07"), refused("control characters are not allowed"));
    let far = |before: &str| [before.as_bytes(), b"#", &[b' '; 1024], b"\x07"].concat();
    assert_eq!(read(&far("a: [}\n")), refused("did not find expected node content"));
    assert_eq!(read(&far("a: b\n---\n")), Ok(serde_json::json!({"a": "b"})));
    assert_eq!(read(&far("a: b\n")), refused("control characters are not allowed"));
}

#[test]
fn a_nil_map_is_null_to_json_and_yaml_and_stays_one_when_it_is_copied() {
    let nil = Value::Map(Map::nil("string"));
    assert_eq!(go_json::to_string(&nil, true).unwrap(), "null");
    assert_eq!(yaml::to_string(&nil.deep_copy().unwrap()).unwrap(), "null\n");
    assert_eq!(fmt::sprintf("%v %#v", &[nil.clone(), nil]), b"map[] map[string]string(nil)");
}
