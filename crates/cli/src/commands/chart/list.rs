//! `chart list`.

use clap::{ArgGroup, Command};
use regex::Regex;
use serde::Serialize;
use spacecraft_core::Result;
use spacecraft_helm::functions::format_time;
use spacecraft_helm::release::{Release, Status};

use super::flags::{self, number, one, parsed, switch};
use super::target::Target;
use super::text::{Form, chart_name, columns, form, go_time, written};
use crate::session::Session;

const STATUSES: [&str; 6] = ["deployed", "failed", "pending", "superseded", "uninstalled", "uninstalling"];

pub(super) fn arguments() -> Command {
    Command::new("list")
        .visible_alias("ls")
        .about("List releases, as helm list does")
        .arg(flags::namespace())
        .args([
            switch("all-namespaces", "those of all namespaces").short('A'),
            switch("all", "those of any status, not only deployed and failed ones").short('a'),
            switch("deployed", "deployed ones"),
            switch("failed", "failed ones"),
            switch("pending", "those that an operation is under way for, or was when its client died"),
            switch("superseded", "superseded ones"),
            switch("uninstalled", "uninstalled ones whose history was kept"),
            switch("uninstalling", "those that are being uninstalled"),
            one("filter", "REGEX", "those whose name this matches")
                .short('f')
                .value_parser(|text: &str| Regex::new(text)),
            one("selector", "LABELS", "those whose record has these labels, such as team=core").short('l'),
            switch("date", "in the order in which they were made").short('d'),
            switch("reverse", "in the opposite order").short('r'),
            number("max", "at most so many; 0 for all").short('m').default_value("256"),
            number("offset", "leave out so many at the beginning").default_value("0"),
            switch("short", "names only").short('q'),
            switch("no-headers", "no line of column names"),
            one(
                "time-format",
                "LAYOUT",
                "how times look: a layout of Go's, such as 2006-01-02 15:04:05Z0700",
            ),
        ])
        .group(ArgGroup::new("status").args(STATUSES).multiple(true))
        .args(flags::places())
        .arg(flags::output())
}

/// A release as Helm's documents have it; the revision is text there.
#[derive(Debug, Serialize)]
struct Listed {
    name: String,
    namespace: String,
    revision: String,
    updated: String,
    status: Status,
    chart: String,
    app_version: String,
}

pub(super) async fn run(session: &Session<'_>) -> Result<String> {
    let target = Target::open(session).await?;
    let namespace = (!session.switch("all-namespaces")).then_some(target.namespace.as_str());
    let wanted = wanted(session);
    let releases = if wanted == ["superseded"] && !session.switch("all") {
        // No newest revision is superseded, so these are all the others.
        target.charts.superseded(namespace).await?
    } else {
        let all = session.switch("all") || !wanted.is_empty();
        target.charts.list_labelled(namespace, all, &flags::text(session, "selector")).await?
    };
    let listed: Vec<Listed> =
        chosen(session, releases).iter().map(|release| listed(session, release)).collect();
    if !session.switch("short") {
        return written(session, &listed, || Ok(table(&listed, !session.switch("no-headers"))));
    }
    let names: Vec<&str> = listed.iter().map(|release| release.name.as_str()).collect();
    match form(session) {
        Form::Table => Ok(names.iter().map(|name| format!("{name}\n")).collect()),
        _ => written(session, &names, || Ok(String::new())),
    }
}

/// The statuses that are asked for; none for the usual ones.
fn wanted(session: &Session<'_>) -> Vec<&'static str> {
    STATUSES.into_iter().filter(|status| session.switch(status)).collect()
}

/// The releases that the flags choose, in the order that they say.
fn chosen(session: &Session<'_>, mut releases: Vec<Release>) -> Vec<Release> {
    let wanted = wanted(session);
    let filter: Option<Regex> = parsed(session, "filter");
    releases.retain(|release| {
        let status = release.info.status;
        let fits =
            |wanted: &&str| *wanted == status.as_str() || (*wanted == "pending" && status.is_pending());
        let named = filter.as_ref().is_none_or(|filter| filter.is_match(&release.name));
        named && (session.switch("all") || wanted.is_empty() || wanted.iter().any(fits))
    });
    if session.switch("date") {
        releases.sort_by_key(|release| release.info.last_deployed);
    }
    if session.switch("reverse") {
        releases.reverse();
    }
    let most = match parsed(session, "max") {
        None | Some(0) => usize::MAX,
        Some(most) => most,
    };
    releases.into_iter().skip(parsed(session, "offset").unwrap_or(0)).take(most).collect()
}

fn listed(session: &Session<'_>, release: &Release) -> Listed {
    let time = |time| match session.argument("time-format") {
        None | Some("") => go_time(time),
        Some(layout) => format_time(layout, time),
    };
    Listed {
        name: release.name.clone(),
        namespace: release.namespace.clone(),
        revision: release.version.to_string(),
        updated: release.info.last_deployed.map(time).unwrap_or_default(),
        status: release.info.status,
        chart: chart_name(release),
        app_version: release.chart.metadata.app_version.clone(),
    }
}

fn table(releases: &[Listed], with_head: bool) -> String {
    let head = ["NAME", "NAMESPACE", "REVISION", "UPDATED", "STATUS", "CHART", "APP VERSION"];
    let rows = releases.iter().map(|release| {
        [
            release.name.clone(),
            release.namespace.clone(),
            release.revision.clone(),
            release.updated.clone(),
            release.status.to_string(),
            release.chart.clone(),
            release.app_version.clone(),
        ]
    });
    let head = with_head.then(|| head.map(str::to_owned));
    columns(&head.into_iter().chain(rows).collect::<Vec<_>>())
}
