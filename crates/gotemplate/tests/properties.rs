//! What holds of any input: readers never panic, and what is written reads back as the same.

use proptest::prelude::*;
use serde_json::{Map, Number, Value as Json};
use spacecraft_gotemplate::{Functions, Interpreter, Limits, TemplateSet, Value, json, number, parse, yaml};

/// Characters that mean something to YAML and templates, and a few that do not.
fn syntax() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "a",
        "b1",
        " ",
        "  ",
        "\n",
        "\n  ",
        "\t",
        ":",
        ": ",
        "- ",
        "-",
        "? ",
        "[",
        "]",
        "{",
        "}",
        ",",
        "&x ",
        "*x",
        "!",
        "!!str ",
        "|",
        ">",
        "'",
        "\"",
        "\\",
        "#",
        "%",
        "@",
        "`",
        "~",
        "0x1",
        "1e9",
        "---\n",
        "...\n",
        "<<: ",
        "é",
        "\u{feff}",
        "\r\n",
        "{{",
        "}}",
        "{{- ",
        " -}}",
        "/*",
        "*/",
        "if ",
        "end",
        "range ",
        "with ",
        "else ",
        "define ",
        "template ",
        "\"n\"",
        "$x",
        ":=",
        "=",
        "|",
        "(",
        ")",
        ".",
        ".a",
        "print ",
        "index ",
        "break",
        "nil",
        "'c'",
        "1.5",
        "true ",
    ]);
    prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat())
}

fn data() -> impl Strategy<Value = Json> {
    let text = prop_oneof![".*", syntax(), "[a-z0-9:#' \n-]{0,120}"].boxed();
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        any::<f64>().prop_filter_map("finite", |number| Number::from_f64(number).map(Json::Number)),
        (-1_000_000i32..1_000_000).prop_map(|number| Json::from(f64::from(number))),
        text.clone().prop_map(Json::String),
    ];
    // A key `<<` is written plain, as Go does, and reads back as a merge.
    let key = text.clone().prop_filter("a key that merges", |key| key != "<<").boxed();
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::Array),
            prop::collection::vec((key.clone(), inner), 0..6)
                .prop_map(|entries| Json::Object(entries.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// JSON's `-0` is YAML's integer 0.
fn without_negative_zero(value: Json) -> Json {
    match value {
        Json::Number(number) if number.as_f64() == Some(0.0) => Json::from(0.0),
        Json::Array(items) => Json::Array(items.into_iter().map(without_negative_zero).collect()),
        Json::Object(entries) => Json::Object(
            entries.into_iter().map(|(key, value)| (key, without_negative_zero(value))).collect(),
        ),
        other => other,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reading_yaml_ends_without_a_panic(text in prop_oneof![".*", syntax()]) {
        let _ = yaml::documents(&text);
    }

    #[test]
    fn reading_json_ends_without_a_panic(text in prop_oneof![".*", syntax()]) {
        let _ = json::from_str(&text);
    }

    #[test]
    fn parsing_and_executing_a_template_ends_without_a_panic(text in prop_oneof![".*", syntax()], data in data()) {
        let functions = Functions::builtin();
        if let Ok(parsed) = parse("t", &text, functions.names()) {
            let mut templates = TemplateSet::new();
            templates.add(&parsed);
            let limits = Limits { steps: 10_000, bytes: 1_000_000, depth: 50 };
            let _ = Interpreter::new(&functions, limits).execute(&templates, "t", &Value::from(data));
        }
    }

    #[test]
    fn yaml_that_was_written_reads_back_as_the_same(value in data()) {
        // Go's way from JSON to YAML folds next lines.
        prop_assume!(!value.to_string().contains('\u{85}'));
        if let Ok(text) = yaml::to_string(&Value::from(&value)) {
            prop_assert_eq!(yaml::from_str(&text), Ok(without_negative_zero(value)), "{}", text);
        }
    }

    #[test]
    fn json_that_was_written_reads_back_as_the_same(value in data(), escape_html: bool) {
        let text = json::to_string(&Value::from(&value), escape_html).unwrap_or_default();
        prop_assert_eq!(json::from_str(&text), Ok(value), "{}", text);
    }

    #[test]
    fn a_quoted_text_unquotes_to_itself(bytes: Vec<u8>) {
        prop_assert_eq!(number::unquote_go(&number::quote_go(&bytes)), Some(bytes));
    }

    #[test]
    fn a_float_reads_back_from_its_shortest_form(number: f64) {
        let read = number::parse_float(&number::format_float(number));
        prop_assert!(number.is_infinite() || number.is_nan() || read == Some(number), "{:?}", read);
    }

    #[test]
    fn printing_by_any_format_ends_without_a_panic(format in "[%#0+\\- .*\\[\\]0-9a-zA-Z]{0,20}", value in data()) {
        let value = Value::from(value);
        let _ = spacecraft_gotemplate::fmt::sprintf(&format, &[value.clone(), Value::Int(3), value]);
    }
}
