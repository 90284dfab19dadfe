//! `chart show ...`: what a chart says of itself.

use clap::Command;
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_helm::chart::Chart;
use spacecraft_helm::values::to_yaml;

use super::flags::{self, text};
use super::{pull, source};
use crate::session::Session;

pub(super) fn arguments() -> Command {
    let part = |name: &'static str, about: &'static str| {
        Command::new(name).about(about).arg(flags::chart()).args(source::arguments())
    };
    Command::new("show")
        .visible_alias("inspect")
        .about("Print what a chart holds, as helm show does")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([
            part("chart", "Its Chart.yaml"),
            part("values", "Its values.yaml"),
            part("readme", "Its README"),
            part("crds", "Its custom resource definitions"),
            part("all", "All of it"),
        ])
}

pub(super) async fn run(session: &Session<'_>) -> Result<String> {
    let Some((part, matches)) = session.matches.subcommand() else { return Ok(String::new()) };
    let session = &Session { matches, ..*session };
    let charts = pull::offline(session)?;
    let chart = charts.look_at(&source::reference(session, &text(session, "chart"))).await?;
    match part {
        "chart" => metadata(&chart),
        "values" => Ok(format!("{}\n", lossy(&chart.values_text))),
        "readme" => Ok(readme(&chart).map(|text| format!("{text}\n")).unwrap_or_default()),
        "crds" => Ok(definitions(&chart)),
        _ => all(&chart),
    }
}

fn metadata(chart: &Chart) -> Result<String> {
    let value = serde_json::to_value(&chart.metadata).map_err(|error| {
        Error::new(Meaning::Other, "write", "Chart.yaml", "it is no JSON").with_source(error)
    })?;
    Ok(format!("{}\n", to_yaml(value)?))
}

fn readme(chart: &Chart) -> Option<String> {
    let is_readme = |name: &str| {
        ["readme.md", "readme.txt", "readme"].iter().any(|known| name.eq_ignore_ascii_case(known))
    };
    chart.files.iter().find(|file| is_readme(&file.name)).map(|file| lossy(&file.data))
}

/// All definitions, as a stream of documents.
fn definitions(chart: &Chart) -> String {
    let crds = chart.crds();
    let texts = crds.iter().map(|crd| lossy(&crd.data));
    texts.map(|text| if text.starts_with("---") { text + "\n" } else { format!("---\n{text}\n") }).collect()
}

fn all(chart: &Chart) -> Result<String> {
    let mut text = metadata(chart)?;
    if !chart.values_text.is_empty() {
        text.push_str(&format!("---\n{}\n", lossy(&chart.values_text)));
    }
    if let Some(readme) = readme(chart) {
        text.push_str(&format!("---\n{readme}\n"));
    }
    text.push_str(&definitions(chart));
    Ok(text)
}

fn lossy(data: &[u8]) -> String {
    String::from_utf8_lossy(data).into_owned()
}
