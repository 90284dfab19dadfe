//! The name of a release and its chart, as Helm's commands take them: `[NAME] CHART`.

use clap::Arg;
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_helm::Charts;

use super::flags::{list, one, switch};
use crate::session::Session;

/// A release's name and its chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub release: String,
    pub chart: String,
}

/// `[NAME] CHART` and the flags that name a release.
pub(super) fn arguments() -> [Arg; 3] {
    [
        Arg::new("names")
            .value_names(["NAME", "CHART"])
            .num_args(1..=2)
            .required(true)
            .help("the release's name, and the chart: a folder, an archive, a URL, oci://..., or with --repo a name"),
        switch("generate-name", "make a name of the chart's and the time").short('g'),
        one("name-template", "TEMPLATE", "a Go template that gives the name"),
    ]
}

/// What the command line names; `unnamed` is the name if nothing else gives one.
///
/// # Errors
/// [`Meaning::Invalid`] in Helm's words.
pub(super) fn named(session: &Session<'_>, charts: &Charts, unnamed: Option<&str>) -> Result<Named> {
    let names = list(session, "names");
    let template = session.argument("name-template");
    let generate = session.switch("generate-name");
    match names.as_slice() {
        [_, _] if generate => Err(wrong("cannot set --generate-name and also specify a name")),
        [_, _] if template.is_some() => Err(wrong("cannot set --name-template and also specify a name")),
        [release, chart] => Ok(Named { release: release.clone(), chart: chart.clone() }),
        [chart, ..] => {
            let release = match (template, unnamed) {
                (Some(template), _) => charts.name_from_template(template)?,
                (None, Some(name)) => name.to_owned(),
                (None, None) if generate => charts.generated_name(chart),
                (None, None) => return Err(wrong("must either provide a name or specify --generate-name")),
            };
            Ok(Named { release, chart: chart.clone() })
        }
        [] => Err(wrong("a chart is missing")),
    }
}

fn wrong(reason: &str) -> Error {
    Error::new(Meaning::Invalid, "name the release", "", reason)
}
