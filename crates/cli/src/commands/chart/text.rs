//! Helm's texts: what scripts that read Helm's output expect.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_helm::charts::DRY_RUN;
use spacecraft_helm::release::{Hook, HookEvent, Release};
use spacecraft_helm::values::to_yaml;

use crate::session::Session;

/// Go's `time.ANSIC`.
const ANSI_C: &str = "%a %b %e %H:%M:%S %Y";

/// What `-o` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Table,
    Json,
    Yaml,
}

pub(super) fn form(session: &Session<'_>) -> Form {
    match session.argument("output") {
        Some("json") => Form::Json,
        Some("yaml") => Form::Yaml,
        _ => Form::Table,
    }
}

/// The result in the form that `-o` names, `text` if it is a table.
pub(super) fn written(
    session: &Session<'_>,
    document: &impl Serialize,
    text: impl FnOnce() -> Result<String>,
) -> Result<String> {
    let failed =
        |error| Error::new(Meaning::Other, "write", "the result", "it is no JSON").with_source(error);
    match form(session) {
        Form::Table => text(),
        Form::Json => serde_json::to_string(document).map_err(failed),
        Form::Yaml => to_yaml(serde_json::to_value(document).map_err(failed)?),
    }
}

/// What `helm install` and `helm upgrade` print.
pub(super) fn installed(session: &Session<'_>, release: &Release) -> Result<String> {
    written(session, release, || {
        let notes = if session.switch("hide-notes") { String::new() } else { notes(release) };
        Ok(format!("{}{}{notes}", status(release, ""), rehearsed(release)))
    })
}

/// The objects of a release that was rendered only; nothing for one that is there.
fn rehearsed(release: &Release) -> String {
    if release.info.description != DRY_RUN {
        return String::new();
    }
    format!("HOOKS:\n{}MANIFEST:\n{}\n", release.hooks_text(), release.manifest)
}

/// How a release stands, with `about` before its tests.
pub(super) fn status(release: &Release, about: &str) -> String {
    let deployed = release.info.last_deployed.map(go_date).unwrap_or_default();
    format!(
        "NAME: {}\nLAST DEPLOYED: {deployed}\nNAMESPACE: {}\nSTATUS: {}\nREVISION: {}\n{about}{}",
        release.name,
        release.namespace,
        release.info.status,
        release.version,
        test_suites(release)
    )
}

/// The tests that ran; that there are none, if so.
fn test_suites(release: &Release) -> String {
    let is_test = |hook: &&Hook| hook.events.contains(&HookEvent::Test);
    let mut tests = release.hooks.iter().filter(is_test).peekable();
    if tests.peek().is_none() {
        return "TEST SUITE: None\n".to_owned();
    }
    let ran = tests.filter_map(|hook| Some((hook, hook.last_run.started_at?)));
    ran.map(|(hook, started)| {
        let completed = hook.last_run.completed_at.map(go_date).unwrap_or_default();
        format!(
            "TEST SUITE:     {}\nLast Started:   {}\nLast Completed: {completed}\nPhase:          {:?}\n",
            hook.name,
            go_date(started),
            hook.last_run.phase
        )
    })
    .collect()
}

/// The notes under their title; nothing without notes.
pub(super) fn notes(release: &Release) -> String {
    match release.info.notes.trim() {
        "" => String::new(),
        notes => format!("NOTES:\n{notes}\n"),
    }
}

/// A time as Go's `time.ANSIC` has it, where this machine is.
pub(super) fn go_date(time: Timestamp) -> String {
    time.to_zoned(TimeZone::system()).strftime(ANSI_C).to_string()
}

/// A time as Go prints one.
pub(super) fn go_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S%.f +0000 UTC").to_string()
}

/// The chart of a release, such as `web-1.2.3`.
pub(super) fn chart_name(release: &Release) -> String {
    format!("{}-{}", release.chart.metadata.name, release.chart.metadata.version)
}

/// Rows with their cells filled up to the width of the column and a tab between them, as Helm's tables have it, so that both eyes
/// and `cut` find the columns.
pub(super) fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let rows: Vec<[String; N]> = rows.iter().map(|row| row.each_ref().map(|cell| one_line(cell))).collect();
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |row: &[String; N]| {
        let cells: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        cells.join("\t") + "\n"
    };
    rows.iter().map(line).collect()
}

/// A cell that cannot break its table.
fn one_line(cell: &str) -> String {
    let plain = |character: char| if character.is_control() { ' ' } else { character };
    cell.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_hold_no_line_breaks() {
        let rows = [["NAME", "STATUS"], ["a-long-name", "failed:\nwhy"]];
        let text = columns(&rows.map(|row| row.map(str::to_owned)));
        assert_eq!(text, "NAME       \tSTATUS     \na-long-name\tfailed: why\n");
    }

    #[test]
    fn times_are_written_as_go_prints_them() {
        let time: Timestamp = "2026-11-22T14:56:20.1955Z".parse().unwrap();
        assert_eq!(go_time(time), "2026-11-22 14:56:20.1955 +0000 UTC");
        let whole: Timestamp = "2026-11-02T14:56:20Z".parse().unwrap();
        assert_eq!(go_time(whole), "2026-11-02 14:56:20 +0000 UTC");
        assert_eq!(whole.strftime(ANSI_C).to_string(), "Mon Nov  2 14:56:20 2026");
    }

    #[test]
    fn a_release_that_ran_no_tests_says_so_and_one_with_notes_ends_in_them() {
        let mut release = Release { name: "web".to_owned(), ..Release::default() };
        release.info.notes = "\nopen it\n".to_owned();
        let text = format!("{}{}", status(&release, ""), notes(&release));
        assert!(text.starts_with("NAME: web\nLAST DEPLOYED: \n"), "{text}");
        assert!(text.ends_with("REVISION: 1\nTEST SUITE: None\nNOTES:\nopen it\n"), "{text}");
    }
}
