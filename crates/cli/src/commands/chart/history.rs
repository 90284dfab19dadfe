//! `chart history`.

use clap::Command;
use serde::Serialize;
use spacecraft_core::Result;
use spacecraft_helm::release::{Release, Status};

use super::flags::{self, number, parsed};
use super::target::Target;
use super::text::{chart_name, columns, go_date, written};
use crate::session::Session;

pub(super) fn arguments() -> Command {
    Command::new("history")
        .visible_alias("hist")
        .about("List the revisions of a release, as helm history does")
        .arg(flags::release())
        .arg(flags::namespace())
        .arg(number("max", "at most so many, the newest").default_value("256"))
        .args(flags::places())
        .arg(flags::output())
}

/// A revision as Helm's documents have it.
#[derive(Debug, Serialize)]
struct Revision<'a> {
    revision: u32,
    updated: String,
    status: Status,
    chart: String,
    app_version: &'a str,
    description: &'a str,
}

pub(super) async fn run(session: &Session<'_>) -> Result<String> {
    let target = Target::open(session).await?;
    let most = parsed(session, "max").unwrap_or(256);
    let name = flags::text(session, "release");
    let history = target.charts.history(&target.namespace, &name, most).await?;
    let revisions: Vec<Revision<'_>> = history.iter().map(revision).collect();
    written(session, &revisions, || Ok(table(&history)))
}

fn revision(release: &Release) -> Revision<'_> {
    Revision {
        revision: release.version,
        updated: release.info.last_deployed.map(|time| time.to_string()).unwrap_or_default(),
        status: release.info.status,
        chart: chart_name(release),
        app_version: &release.chart.metadata.app_version,
        description: &release.info.description,
    }
}

fn table(history: &[Release]) -> String {
    let head = ["REVISION", "UPDATED", "STATUS", "CHART", "APP VERSION", "DESCRIPTION"].map(str::to_owned);
    let rows = history.iter().map(|release| {
        [
            release.version.to_string(),
            release.info.last_deployed.map(go_date).unwrap_or_default(),
            release.info.status.to_string(),
            chart_name(release),
            release.chart.metadata.app_version.clone(),
            release.info.description.clone(),
        ]
    });
    columns(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
}
