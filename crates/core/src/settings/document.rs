use serde_json::{Map, Value};

/// The keys and values of a config file: JSON, YAML or TOML, by the ending of its name, or where that says nothing by its content.
///
/// # Errors
///
/// What is wrong with it, with line and column where the parser knows them.
pub(super) fn read_config(name: &str, text: &str) -> Result<Map<String, Value>, String> {
    let document = match format_of(name, text) {
        Format::Json => serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?,
        Format::Toml => toml::from_str(text).map_err(|error| toml_mistake(text, &error))?,
        Format::Yaml => read_yaml(text)?,
    };
    match document {
        Value::Object(entries) => Ok(entries),
        Value::Null => Ok(Map::new()),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err("it must hold settings by name".to_owned())
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Yaml,
    Toml,
}

fn format_of(name: &str, text: &str) -> Format {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
    match ending.as_str() {
        "json" => Format::Json,
        "yaml" | "yml" => Format::Yaml,
        "toml" => Format::Toml,
        _ if text.trim_start().starts_with('{') => Format::Json,
        _ if toml::from_str::<toml::Table>(text).is_ok() => Format::Toml,
        _ => Format::Yaml,
    }
}

fn read_yaml(text: &str) -> Result<Value, String> {
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    // A piece of the text around the mistake could show a secret that stands there.
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| format!("it is no YAML: {error}"))
}

/// What is wrong and in which line, without the piece of the text that the parser would show: it could hold a secret.
fn toml_mistake(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map(|before| format!(" (line {})", before.matches('\n').count() + 1));
    format!("it is no TOML{}: {}", line.unwrap_or_default(), error.message())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_broken_file_is_told_by_its_line_and_not_by_its_content() {
        for (name, text) in [
            ("a.yaml", "miners: 3\nslack-token: [hush-hush\n"),
            ("a.json", "{\"miners\": 3,\n\"slack-token\": \"hush-hush"),
            ("a.toml", "miners = 3\nslack-token = hush-hush\n"),
        ] {
            let message = read_config(name, text).unwrap_err();
            assert!(message.contains("line 2") || message.contains("line 3"), "{message}");
            assert!(!message.contains("hush"), "{message}");
        }
    }

    #[test]
    fn the_three_formats_say_the_same() {
        let expected = json!({"miners": 10, "charts": {"kibana": {"version": "8.5.1"}}});
        let json = r#"{"miners": 10, "charts": {"kibana": {"version": "8.5.1"}}}"#;
        let yaml = "miners: 10\ncharts:\n  kibana:\n    version: 8.5.1\n";
        let toml = "miners = 10\n[charts.kibana]\nversion = \"8.5.1\"\n";
        for (name, text) in [
            ("a.json", json),
            ("a", json),
            ("a.yaml", yaml),
            ("a.YML", yaml),
            ("a", yaml),
            ("a.toml", toml),
            ("a.conf", toml),
        ] {
            assert_eq!(read_config(name, text).map(Value::Object), Ok(expected.clone()), "{name}: {text}");
        }
    }

    #[test]
    fn an_empty_file_sets_nothing() {
        for name in ["a.yaml", "a.toml", "a"] {
            assert_eq!(read_config(name, "\n"), Ok(Map::new()), "{name}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_says_where() {
        assert!(read_config("a.json", "{\"a\": }").unwrap_err().contains("line 1 column 7"));
        assert!(read_config("a.toml", "a = ").unwrap_err().starts_with("it is no TOML"));
        assert!(read_config("a.yaml", "a: [1").unwrap_err().starts_with("it is no YAML"));
        assert_eq!(read_config("a.json", "[1]").unwrap_err(), "it must hold settings by name");
    }

    #[test]
    fn aliases_that_multiply_are_refused_in_bounded_time() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let above = level - 1;
            let items = vec![format!("*a{above}"); 10].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{items}]\n"));
        }
        assert!(read_config("a.yaml", &text).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_panic(text in any::<String>(), name in "a(\\.json|\\.yaml|\\.toml)?") {
            let _ = read_config(&name, &text);
        }
    }
}
