//! `logs`: what a part of a network wrote.

use clap::Arg;
use futures::StreamExt as _;
use serde_json::json;
use spacecraft_core::error::printable;
use spacecraft_core::interrupt::Interrupt;
use spacecraft_core::operation::with_way_out;
use spacecraft_core::settings::{Command, Settings, SettingsErrors};
use spacecraft_core::state::{NetworkRecord, SCHEMA};
use spacecraft_core::traits::{LogLines, LogQuery, Workloads};
use spacecraft_core::{Error, Meaning, Result};

use crate::arguments::{of, switch};
use crate::exit::ExitStatus;
use crate::recorded::recorded_network;
use crate::session::{Session, network_name, one_mistake};

/// How many of the last lines are shown when nothing else is asked for.
const USUAL_TAIL: u32 = 200;

/// Its command line.
pub(crate) fn arguments() -> clap::Command {
    of(Command::Logs, "Show what a part of the network wrote").args([
        Arg::new("node")
            .value_name("NODE")
            .required(true)
            .help("miner-N, poet-N, beacon, spacemesh-watch or pyroscope"),
        switch("follow", "go on with what it writes, until Ctrl-C").short('f'),
        switch("previous", "what its container wrote before it was restarted"),
    ])
}

pub(crate) async fn run(session: &Session<'_>) -> ExitStatus {
    if let Err(wrong) = asked(session) {
        return session.output.wrong_settings(&wrong);
    }
    let network = match recorded_network(session, Command::Logs).await {
        Ok(network) => network,
        Err(status) => return status,
    };
    let query = query(session, &network.settings);
    let workloads = match network.services.connect(&network.record.spec).await {
        Ok(cluster) => cluster.workloads,
        Err(error) => return session.output.failed(error),
    };
    let shown = if session.switch("follow") {
        follow(session, &*workloads, &query, &network.services.interrupt).await
    } else {
        show(session, &*workloads, &query).await
    };
    shown.unwrap_or_else(|error| {
        session.output.failed(with_way_out(explained(error, &network.record, &query)))
    })
}

/// Checks what can be checked before the network's record is read.
pub(crate) fn asked(session: &Session<'_>) -> Result<(), SettingsErrors> {
    let look = |settings: &Settings| SettingsErrors::both(network_name(settings), check_switches(session));
    session.checked(Command::Logs, look).map(drop)
}

fn check_switches(session: &Session<'_>) -> Result<(), SettingsErrors> {
    if !session.switch("follow") {
        return Ok(());
    }
    if session.switch("previous") {
        return Err(one_mistake(
            "previous",
            "true",
            "a run that is over writes nothing more: leave out --follow",
        ));
    }
    if session.output.is_json() {
        let message = "one JSON document cannot be written while lines still come: leave out --output json";
        return Err(one_mistake("follow", "true", message));
    }
    Ok(())
}

fn query(session: &Session<'_>, settings: &Settings) -> LogQuery {
    let since = settings.duration("since");
    let usual = if since.is_some() { u32::MAX } else { USUAL_TAIL };
    LogQuery {
        workload: session.argument("node").unwrap_or_default().to_owned(),
        tail: settings.number("tail").and_then(|tail| u32::try_from(tail).ok()).unwrap_or(usual),
        since,
        previous: session.switch("previous"),
    }
}

async fn show(session: &Session<'_>, workloads: &dyn Workloads, query: &LogQuery) -> Result<ExitStatus> {
    let lines = workloads.logs(query).await?;
    let document = json!({"schema": SCHEMA, "kind": "Logs", "workload": query.workload, "lines": lines});
    if lines.is_empty() && !session.output.is_json() {
        session.output.say(&format!("{} wrote nothing", query.workload));
        return Ok(ExitStatus::Done);
    }
    Ok(session.output.result(&document, || lines.join("\n")))
}

/// Writes lines as they come, until the container ends or the operator has seen enough.
async fn follow(
    session: &Session<'_>,
    workloads: &dyn Workloads,
    query: &LogQuery,
    interrupt: &Interrupt,
) -> Result<ExitStatus> {
    let mut lines: LogLines = workloads.follow_logs(query).await?;
    loop {
        let line = tokio::select! {
            biased;
            () = interrupt.stopped() => return Ok(ExitStatus::Done),
            line = lines.next() => line,
        };
        let Some(line) = line else {
            session.output.say(&format!("the container of {} ended", query.workload));
            return Ok(ExitStatus::Done);
        };
        let wanted = session.output.write_part(&printable(&line?)).map_err(|error| {
            Error::new(Meaning::Other, "write lines to", "stdout", "they cannot be written")
                .with_source(error)
        })?;
        if !wanted {
            return Ok(ExitStatus::Done);
        }
    }
}

/// A part that the network does not have is told with those that it has.
fn explained(error: Error, record: &NetworkRecord, query: &LogQuery) -> Error {
    if error.meaning() != Meaning::NotFound {
        return error;
    }
    let parts = record.nodes.iter().map(|node| node.name.as_str());
    let parts: Vec<&str> = parts.chain(record.poets.iter().map(|poet| poet.name.as_str())).collect();
    match spacecraft_core::spelling::nearest(&query.workload, parts.iter().copied()) {
        Some(meant) if meant != query.workload => error.with_hint(format!("did you mean {meant}?")),
        _ => error.with_hint("name a node (miner-N), a PoET (poet-N), beacon, spacemesh-watch or pyroscope"),
    }
}
