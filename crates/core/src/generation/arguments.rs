use serde::Serialize;
use serde_json::Value;

use crate::error::{Error, Meaning, Result};
use crate::templates::Templates;

/// Renders a template of arguments, one a line: lines are trimmed and empty ones left out.
///
/// Values come from settings, keys and servers; one with a line end would add an argument of its own, so control characters are refused.
///
/// # Errors
///
/// [`Meaning::Invalid`] for such a value, or when the template does not fit its data.
pub(super) fn render_arguments(
    templates: &Templates,
    name: &str,
    data: &impl Serialize,
) -> Result<Vec<String>> {
    let text = render_text(templates, name, data)?;
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// Renders a template of a config file, under the same conditions.
///
/// # Errors
///
/// As [`render_arguments`].
pub(super) fn render_text(templates: &Templates, name: &str, data: &impl Serialize) -> Result<String> {
    let data = serde_json::to_value(data).map_err(|error| {
        Error::new(Meaning::Other, "render template", name, "its data cannot be written as JSON")
            .with_source(error)
    })?;
    if let Some(path) = control_character(&data, "") {
        let reason = format!("the value of {path} has a line end or another control character in it");
        return Err(Error::new(Meaning::Invalid, "render template", name, reason));
    }
    templates.render(name, &data)
}

/// The path of the first text with a control character.
fn control_character(value: &Value, path: &str) -> Option<String> {
    match value {
        Value::String(text) => text.chars().any(char::is_control).then(|| path.to_owned()),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(index, item)| control_character(item, &format!("{path}[{index}]"))),
        Value::Object(entries) => entries.iter().find_map(|(key, entry)| {
            control_character(entry, &if path.is_empty() { key.clone() } else { format!("{path}.{key}") })
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn templates() -> Templates {
        Templates::new(&[("a", "--one={{x}}\n{{#if y}}\n--two={{y}}\n{{/if}}\n\n--three")], &BTreeMap::new())
            .unwrap()
    }

    #[test]
    fn each_line_is_an_argument_and_empty_lines_are_none() {
        let arguments = |data: Value| render_arguments(&templates(), "a", &data).unwrap();
        assert_eq!(arguments(json!({"x": 1, "y": null})), ["--one=1", "--three"]);
        assert_eq!(arguments(json!({"x": "a b", "y": "$(c)"})), ["--one=a b", "--two=$(c)", "--three"]);
    }

    #[test]
    fn a_value_with_a_line_end_is_refused_by_its_path() {
        let error =
            render_arguments(&templates(), "a", &json!({"x": {"inner": ["ok", "a\n--evil"]}})).unwrap_err();
        assert!(error.reason().contains("x.inner[1]"), "{}", error.reason());
    }

    proptest! {
        #[test]
        fn no_value_adds_an_argument(x in any::<String>(), y in any::<String>()) {
            if let Ok(arguments) = render_arguments(&templates(), "a", &json!({"x": x, "y": y})) {
                prop_assert!(arguments.len() <= 3);
                prop_assert!(arguments.first().is_some_and(|first| first.starts_with("--one=")));
            }
        }
    }
}
