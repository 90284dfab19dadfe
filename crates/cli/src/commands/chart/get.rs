//! `chart get ...`: what the record of a release holds.

use std::collections::BTreeMap;

use clap::Command;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use spacecraft_core::Result;
use spacecraft_helm::chart::Dependency;
use spacecraft_helm::release::{Release, Status};
use spacecraft_helm::values::to_yaml;

use super::flags::{self, parsed, switch};
use super::target::Target;
use super::text::{notes, status, written};
use crate::session::Session;

pub(super) fn arguments() -> Command {
    let part = |name: &'static str, about: &'static str| {
        Command::new(name)
            .about(about)
            .arg(flags::release())
            .arg(flags::namespace())
            .arg(flags::revision())
            .args(flags::places())
    };
    Command::new("get")
        .about("Print what a release was made of, as helm get does")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([
            part("values", "The values that were given")
                .arg(switch("all", "all values that the chart was rendered with").short('a'))
                .arg(flags::output()),
            part("manifest", "The objects as they were applied, hooks apart"),
            part("hooks", "The hooks"),
            part("notes", "The notes"),
            part("metadata", "What the chart and the revision are").arg(flags::output()),
            part("all", "All of it"),
        ])
}

pub(super) async fn run(session: &Session<'_>) -> Result<String> {
    let Some((part, matches)) = session.matches.subcommand() else { return Ok(String::new()) };
    let session = &Session { matches, ..*session };
    let target = Target::open(session).await?;
    let name = flags::text(session, "release");
    let release = target.charts.get(&target.namespace, &name, parsed(session, "revision")).await?;
    match part {
        "values" => values(session, &release),
        "manifest" => Ok(format!("{}\n", release.manifest)),
        "hooks" => Ok(release.hooks_text()),
        "notes" => Ok(format!("NOTES:\n{}\n", release.info.notes)),
        "metadata" => metadata(session, &release),
        _ => all(&release),
    }
}

fn values(session: &Session<'_>, release: &Release) -> Result<String> {
    if session.switch("all") {
        let computed = Value::Object(release.computed_values()?);
        return written(session, &computed, || titled("COMPUTED VALUES", computed.clone()));
    }
    let given = given(release);
    written(session, &given, || titled("USER-SUPPLIED VALUES", given.clone()))
}

/// The values that were given; Helm prints `null` for none.
fn given(release: &Release) -> Value {
    if release.config.is_empty() { Value::Null } else { Value::Object(release.config.clone()) }
}

fn titled(title: &str, values: Value) -> Result<String> {
    Ok(format!("{title}:\n{}", to_yaml(values)?))
}

fn all(release: &Release) -> Result<String> {
    let metadata = &release.chart.metadata;
    let (name, version, app_version) = (&metadata.name, &metadata.version, &metadata.app_version);
    let chart = format!("CHART: {name}\nVERSION: {version}\nAPP_VERSION: {app_version}\n");
    let given = titled("USER-SUPPLIED VALUES", given(release))?;
    let computed = titled("COMPUTED VALUES", Value::Object(release.computed_values()?))?;
    Ok(format!(
        "{}{given}\n{computed}\nHOOKS:\n{}MANIFEST:\n{}\n{}",
        status(release, &chart),
        release.hooks_text(),
        release.manifest,
        notes(release)
    ))
}

/// What `helm get metadata` tells.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct About<'a> {
    name: &'a str,
    chart: &'a str,
    version: &'a str,
    app_version: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "<[Dependency]>::is_empty")]
    dependencies: &'a [Dependency],
    namespace: &'a str,
    revision: u32,
    status: Status,
    deployed_at: String,
}

fn metadata(session: &Session<'_>, release: &Release) -> Result<String> {
    let metadata = &release.chart.metadata;
    let about = About {
        name: &release.name,
        chart: &metadata.name,
        version: &metadata.version,
        app_version: &metadata.app_version,
        annotations: &metadata.annotations,
        dependencies: &metadata.dependencies,
        namespace: &release.namespace,
        revision: release.version,
        status: release.info.status,
        deployed_at: release.info.last_deployed.map(to_the_second).unwrap_or_default(),
    };
    written(session, &about, || Ok(lines(&about)))
}

fn to_the_second(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn lines(about: &About<'_>) -> String {
    let annotations: Vec<String> =
        about.annotations.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let dependencies: Vec<&str> =
        about.dependencies.iter().map(|dependency| dependency.name.as_str()).collect();
    format!(
        "NAME: {}\nCHART: {}\nVERSION: {}\nAPP_VERSION: {}\nANNOTATIONS: {}\nDEPENDENCIES: {}\nNAMESPACE: {}\n\
         REVISION: {}\nSTATUS: {}\nDEPLOYED_AT: {}\n",
        about.name,
        about.chart,
        about.version,
        about.app_version,
        annotations.join(","),
        dependencies.join(","),
        about.namespace,
        about.revision,
        about.status,
        about.deployed_at
    )
}
