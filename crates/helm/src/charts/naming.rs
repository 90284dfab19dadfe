//! Names of releases that nobody typed.

use std::path::Path;
use std::rc::Rc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_gotemplate::value::lossy;
use spacecraft_gotemplate::{Interpreter, Limits, TemplateSet, Value, parse};

use super::Charts;
use crate::functions::{Surroundings, library};

impl Charts {
    /// `--generate-name`: the last part of the chart's path or name up to its first dot, and the second that it is.
    #[must_use]
    pub fn generated_name(&self, chart: &str) -> String {
        generated_name(chart, self.clock.now())
    }

    /// `--name-template`: what a Go template without data gives, in which all functions but Helm's own can be called.
    ///
    /// # Errors
    /// [`Meaning::Invalid`] in Go's words if it cannot be parsed, or fails.
    pub fn name_from_template(&self, template: &str) -> Result<String> {
        let mut seed = [0; 32];
        self.random.fill(&mut seed);
        let surroundings =
            Rc::new(Surroundings::new(self.clock.now(), TimeZone::UTC, seed, self.keys.clone()));
        from_template(template, &surroundings)
            .map_err(|reason| Error::new(Meaning::Invalid, "name the release by", template, reason))
    }
}

fn generated_name(chart: &str, now: Timestamp) -> String {
    let last = Path::new(chart).file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let base = match last.split('.').next().unwrap_or_default() {
        "" => "chart",
        base => base,
    };
    format!("{base}-{}", now.as_second())
}

fn from_template(template: &str, surroundings: &Rc<Surroundings>) -> Result<String, String> {
    const NAME: &str = "name-template";
    let functions = library(surroundings);
    let parsed = parse(NAME, template, functions.names()).map_err(|error| error.to_string())?;
    let mut templates = TemplateSet::new();
    templates.add(&parsed);
    let interpreter = Interpreter::new(&functions, Limits::default());
    let name = interpreter
        .execute_template(&templates, parsed.main(), &Value::Nil)
        .map_err(|error| error.to_string())?;
    Ok(lossy(&name).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_name_is_the_charts_and_the_second() {
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        assert_eq!(generated_name("oci://example.org/charts/web", now), "web-1700000000");
        assert_eq!(generated_name("./web-1.2.3.tgz", now), "web-1-1700000000");
        assert_eq!(generated_name(".", now), "chart-1700000000");
        assert_eq!(generated_name("..", now), "chart-1700000000");
    }

    #[test]
    fn a_name_template_can_call_functions_and_fails_in_gos_words() {
        let surroundings = Rc::new(Surroundings::fixed());
        let name = |template: &str| from_template(template, &surroundings);
        assert_eq!(name("web-{{ \"ABC\" | lower }}").unwrap(), "web-abc");
        assert_eq!(
            name("{{ nothing }}").unwrap_err(),
            "template: name-template:1: function \"nothing\" not defined"
        );
    }
}
