//! `gc`: what networks left behind that no longer exist.

use std::time::Duration;

use spacecraft_core::operation::{
    GarbageReport, GarbageRequest, Remains, Services, find_garbage, remove_garbage,
};
use spacecraft_core::settings::{Command, Settings, SettingsErrors};
use spacecraft_core::{Error, Meaning, Result};

use crate::arguments::{of, switch};
use crate::confirmation::ask;
use crate::exit::ExitStatus;
use crate::output::table::{or_dash, table};
use crate::session::{Session, network_name};
use crate::wiring::{Wiring, known_of_sandbox, start_sandbox};

/// Its command line.
pub(crate) fn arguments() -> clap::Command {
    of(Command::Gc, "List what networks left behind that no longer exist")
        .args([switch("apply", "remove it"), switch("yes", "do not ask before removing it")])
}

pub(crate) async fn run(session: &Session<'_>) -> ExitStatus {
    let (settings, request) = match asked(session) {
        Ok(asked) => asked,
        Err(wrong) => return session.output.wrong_settings(&wrong),
    };
    let found: Result<(Services, GarbageReport)> = async {
        let info = start_sandbox(&settings, session.environment).await?;
        let settings = session
            .settings(Command::Gc, &known_of_sandbox(info.as_ref()))
            .map_err(|wrong| Error::new(Meaning::Invalid, "read settings", "", wrong.to_string()))?;
        let services =
            Wiring::new(&settings, session.environment, info)?.services("gc", session.output).await?;
        let report = find_garbage(&services, &request).await?;
        Ok((services, report))
    }
    .await;
    match found {
        Ok((services, report)) => decide(session, &services, &request, report).await,
        Err(error) => session.output.failed(error),
    }
}

/// The settings, and what is asked for.
pub(crate) fn asked(session: &Session<'_>) -> Result<(Settings, GarbageRequest), SettingsErrors> {
    session.checked(Command::Gc, request)
}

fn request(settings: &Settings) -> Result<GarbageRequest, SettingsErrors> {
    let network = settings.text("network-name").map(|_| network_name(settings)).transpose()?;
    let limit = |name: &str, usual_minutes: u64| {
        settings.duration(name).unwrap_or(Duration::from_secs(usual_minutes * 60))
    };
    Ok(GarbageRequest {
        network,
        older_than: limit("older-than", 60),
        timeout: limit("timeout", 120),
        step_timeout: limit("step-timeout", 45),
    })
}

/// Lists what was found, or removes it when that is asked for.
async fn decide(
    session: &Session<'_>,
    services: &Services,
    request: &GarbageRequest,
    report: GarbageReport,
) -> ExitStatus {
    let count = report.removable().count();
    if !session.switch("apply") || count == 0 {
        let status = session.output.result(&report, || text(&report));
        tell_problems(session, &report);
        if count > 0 {
            session.output.say("nothing was removed; --apply removes what can go");
        }
        return status;
    }
    if !session.switch("yes") {
        let question =
            format!("{}\nthis is removed, data on disks included\ntype yes to go on:", text(&report));
        let unattended = "removing destroys data: without a terminal to ask on, --yes must be given";
        if let Err(status) = ask(session, &question, "yes", unattended) {
            return status;
        }
    }
    let report = Box::pin(remove_garbage(services, request, report)).await;
    let status = session.output.result(&report, || text(&report));
    tell_problems(session, &report);
    match status {
        ExitStatus::Done if !report.failed.is_empty() => {
            session.output.complain("not everything could be removed; the same command goes on");
            ExitStatus::Resumable
        }
        status => status,
    }
}

fn tell_problems(session: &Session<'_>, report: &GarbageReport) {
    for problem in &report.problems {
        session.output.warn(&format!("not everything could be seen: {problem}"));
    }
}

fn text(report: &GarbageReport) -> String {
    let rows = report.remains.iter().flat_map(|remains| {
        remains.pieces.iter().map(|piece| {
            [
                remains.network.to_string(),
                piece.kind.describe().to_owned(),
                piece.name.clone(),
                or_dash(piece.created.map(|created| created.to_string()).as_deref()),
            ]
        })
    });
    let mut text = table(["NETWORK", "WHAT", "NAME", "CREATED"], rows);
    if text.is_empty() {
        text.push_str("nothing is left of networks that no longer exist\n");
    }
    for remains in &report.remains {
        text.push_str(&outcome(report, remains));
    }
    for notice in &report.notices {
        text.push_str(&format!("note: {notice}\n"));
    }
    text
}

/// What becomes, or became, of the remains of a network.
fn outcome(report: &GarbageReport, remains: &Remains) -> String {
    let network = &remains.network;
    if report.removed.contains(network) {
        return format!("{network}: removed\n");
    }
    if let Some(failed) = report.failed.iter().find(|failed| failed.network == *network) {
        return format!("{network}: {}\n", failed.error.replace('\n', "\n  "));
    }
    match &remains.kept_because {
        Some(reason) => format!("{network}: stays, because {reason}\n"),
        None => format!("{network}: can be removed\n"),
    }
}
