//! The texts that operators may replace: arguments, configs, chart values, Filebeat's config.
//!
//! Each is a handlebars template with a name such as `v1/node.arguments` or `charts/kibana.yaml`, embedded in the program and
//! overridable by a file of that name in `--templates DIR`. Rendering is strict: a name that is not in the data is an error. Nothing is
//! escaped; the helper `json` writes a value as JSON, which is a safe quotation in YAML too.

use std::collections::BTreeMap;

use handlebars::{Context, Handlebars, Helper, Output, RenderContext, RenderErrorReason};
use serde::Serialize;

use crate::error::{Error, Meaning, Result};

/// A set of templates, ready to render.
#[derive(Debug, Clone)]
pub struct Templates(Handlebars<'static>);

impl Templates {
    /// The embedded templates, with those in `overrides` (text by name) in the place of their namesakes.
    ///
    /// # Errors
    ///
    /// [`Meaning::Invalid`] for a template that cannot be parsed.
    pub fn new(embedded: &[(&str, &str)], overrides: &BTreeMap<String, String>) -> Result<Self> {
        let mut templates = Handlebars::new();
        templates.set_strict_mode(true);
        templates.register_escape_fn(handlebars::no_escape);
        templates.register_helper("json", Box::new(write_json));
        for (name, text) in embedded {
            register(&mut templates, name, overrides.get(*name).map_or(*text, String::as_str))?;
        }
        Ok(Self(templates))
    }

    /// The text of template `name` for `data`.
    ///
    /// # Errors
    ///
    /// [`Meaning::Invalid`] when the template uses a name that the data does not have.
    pub fn render(&self, name: &str, data: &impl Serialize) -> Result<String> {
        self.0.render(name, data).map_err(|error| {
            Error::new(Meaning::Invalid, "render template", name, "it does not fit its data")
                .with_source(error)
                .with_hint("templates of --templates DIR must use the names that the built-in ones use")
        })
    }
}

fn register(templates: &mut Handlebars<'static>, name: &str, text: &str) -> Result<()> {
    templates.register_template_string(name, text).map_err(|error| {
        Error::new(Meaning::Invalid, "read template", name, "it cannot be parsed").with_source(error)
    })
}

fn write_json(
    helper: &Helper<'_>,
    _: &Handlebars<'_>,
    _: &Context,
    _: &mut RenderContext<'_, '_>,
    output: &mut dyn Output,
) -> std::result::Result<(), handlebars::RenderError> {
    let value = helper.param(0).ok_or(RenderErrorReason::ParamNotFoundForIndex("json", 0))?;
    if value.is_value_missing() {
        let name = value.relative_path().cloned();
        return Err(RenderErrorReason::MissingVariable(name).into());
    }
    let text = serde_json::to_string(value.value()).map_err(RenderErrorReason::from)?;
    output.write(&text)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn templates(overrides: &[(&str, &str)]) -> Result<Templates> {
        let overrides =
            overrides.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        Templates::new(&[("a", "{{x}} {{json y}}")], &overrides)
    }

    #[test]
    fn values_are_written_unescaped_and_json_quotes_them() {
        let text = templates(&[]).unwrap().render("a", &json!({"x": "<&>", "y": "a\"b\n"})).unwrap();
        assert_eq!(text, "<&> \"a\\\"b\\n\"");
    }

    #[test]
    fn a_name_that_the_data_does_not_have_is_an_error() {
        assert_eq!(
            templates(&[]).unwrap().render("a", &json!({"x": 1})).unwrap_err().meaning(),
            Meaning::Invalid
        );
    }

    #[test]
    fn a_template_of_the_operator_takes_the_place_of_its_namesake() {
        assert_eq!(templates(&[("a", "mine")]).unwrap().render("a", &json!({})).unwrap(), "mine");
        assert_eq!(templates(&[("a", "{{#if}")]).unwrap_err().meaning(), Meaning::Invalid);
    }
}
