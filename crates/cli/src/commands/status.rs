//! `status`: how a network is.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use spacecraft_core::inspection::{
    NodeHealth, PoetHealth, StatusReport, WebServicesState, WorkloadHealth, find_status,
};
use spacecraft_core::settings::{Command, Settings, SettingsErrors};
use spacecraft_core::spec::WaitFor;
use spacecraft_core::spelling::counted;
use spacecraft_core::state::RecordStore;
use spacecraft_core::traits::NodeStatus;
use spacecraft_core::{Error, Meaning, Result};

use super::create_network;
use crate::arguments::{of, switch};
use crate::exit::ExitStatus;
use crate::output::table::{or_dash, table};
use crate::recorded::{RecordedNetwork, recorded_network};
use crate::session::{Session, network_name, one_mistake};

/// The pause between two looks of `--watch`.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Takes the cursor of a terminal home and wipes what is below.
const REDRAW: &str = "\u{1b}[H\u{1b}[2J";

/// Its command line.
pub(crate) fn arguments() -> clap::Command {
    of(Command::Status, "Show how a network is; exit code 4 when something is off").args([
        switch("watch", "show it again every few seconds, until Ctrl-C"),
        switch("no-drift", "do not compare the network with what create-network would make"),
    ])
}

pub(crate) async fn run(session: &Session<'_>) -> ExitStatus {
    if let Err(wrong) = asked(session) {
        return session.output.wrong_settings(&wrong);
    }
    let network = match recorded_network(session, Command::Status).await {
        Ok(network) => network,
        Err(status) => return status,
    };
    let shown = if session.switch("watch") {
        watch(session, network).await
    } else {
        look(session, &network)
            .await
            .map(|report| verdict(&report, session.output.result(&report, || text(&report))))
    };
    shown.unwrap_or_else(|error| session.output.failed(error))
}

/// Checks what can be checked before the network's record is read.
pub(crate) fn asked(session: &Session<'_>) -> Result<(), SettingsErrors> {
    let watched = if session.switch("watch") && session.output.is_json() {
        let message = "one JSON document cannot be written again and again: leave out --output json";
        Err(one_mistake("watch", "true", message))
    } else {
        Ok(())
    };
    let look = |settings: &Settings| SettingsErrors::both(network_name(settings), watched);
    session.checked(Command::Status, look).map(drop)
}

async fn look(session: &Session<'_>, network: &RecordedNetwork) -> Result<StatusReport> {
    let request = if session.switch("no-drift") {
        None
    } else {
        Some(create_network::request(session, &network.settings, network.record.spec.clone())?)
    };
    let depth = WaitFor::given_now(&network.settings);
    Box::pin(find_status(&network.services, &network.record, request, depth)).await
}

/// Something off is a difference; a result that could not be written stays a failure.
fn verdict(report: &StatusReport, written: ExitStatus) -> ExitStatus {
    match written {
        ExitStatus::Done if !report.is_well() => ExitStatus::Difference,
        written => written,
    }
}

/// Looks again and again until the operator has seen enough; ends with the verdict of the last look.
async fn watch(session: &Session<'_>, mut network: RecordedNetwork) -> Result<ExitStatus> {
    let interrupt = network.services.interrupt.clone();
    let mut last = ExitStatus::Done;
    loop {
        let report = tokio::select! {
            biased;
            () = interrupt.stopped() => return Ok(last),
            report = look(session, &network) => report?,
        };
        last = verdict(&report, ExitStatus::Done);
        let redraw = if io::stdout().is_terminal() { REDRAW } else { "" };
        let wanted = session.output.write_part(&format!("{redraw}{}", clean(&report))).map_err(|error| {
            Error::new(Meaning::Other, "write status to", "stdout", "it cannot be written").with_source(error)
        })?;
        if !wanted {
            return Ok(last);
        }
        tokio::select! {
            () = interrupt.stopped() => return Ok(last),
            () = network.services.clock.sleep(LOOK_AGAIN) => {}
        }
        let store = RecordStore::new(network.services.state_store.clone(), &network.record.network);
        match store.read().await? {
            Some(record) => network.record = record,
            None => {
                session.output.say(&format!("network {} is gone", network.record.network));
                return Ok(last);
            }
        }
    }
}

/// The text, free of what a server could have put in to steer the terminal.
fn clean(report: &StatusReport) -> String {
    spacecraft_core::error::printable(&text(report))
}

fn text(report: &StatusReport) -> String {
    let sections = [
        headline(report),
        nodes(&report.nodes),
        poets(&report.poets),
        support(&report.support),
        charts(report),
        names(report),
        listing(report),
        findings(report),
    ];
    sections.into_iter().filter(|section| !section.is_empty()).collect::<Vec<_>>().join("\n")
}

fn headline(report: &StatusReport) -> String {
    let well = if report.is_well() { "all is well" } else { "something is off" };
    let mut text =
        format!("network {} ({}) at {:.0}: {well}\n", report.network, report.generation, report.at);
    if let Some(cluster) = &report.cluster {
        text.push_str(&format!(
            "cluster in {}: {}, Kubernetes {}\n",
            cluster.location,
            counted(cluster.workers, "worker", "workers"),
            cluster.version
        ));
    }
    if let Some(genesis) = &report.genesis {
        let when = if genesis.passed { "was" } else { "will be" };
        text.push_str(&format!("genesis {when} at {}, network id {}\n", genesis.time, genesis.id));
    }
    text
}

fn nodes(nodes: &[NodeHealth]) -> String {
    let said =
        |node: &NodeHealth, of: fn(&NodeStatus) -> String| or_dash(node.says.as_ref().map(of).as_deref());
    table(
        [
            "NODE", "ROLE", "POD", "PEERS", "SYNCED", "LAYER", "VERIFIED", "RESTARTS", "WORKER", "VERSION",
            "IMAGE",
        ],
        nodes.iter().map(|node| {
            [
                node.pod.name.clone(),
                node.role.to_string(),
                pod(&node.pod, node.error.as_deref()),
                said(node, |says| says.connected_peers.to_string()),
                said(node, |says| if says.synced { "yes" } else { "no" }.to_owned()),
                said(node, |says| format!("{}/{}", says.synced_layer, says.top_layer)),
                said(node, |says| says.verified_layer.to_string()),
                node.pod.restarts.to_string(),
                or_dash(node.pod.worker.as_deref()),
                or_dash(node.version.as_deref()),
                node.pod.image.clone(),
            ]
        }),
    )
}

/// How a pod is, in one word or two; the whole reason is among the findings.
fn pod(pod: &WorkloadHealth, error: Option<&str>) -> String {
    match (pod.ready, error) {
        (true, None) => "ready",
        (true, Some(_)) => "no answer",
        (false, _) => "not ready",
    }
    .to_owned()
}

fn poets(poets: &[PoetHealth]) -> String {
    table(
        ["POET", "POD", "OPEN ROUND", "RESTARTS", "IMAGE"],
        poets.iter().map(|poet| {
            let started = poet.says.as_ref().map(|says| if says.started { "yes" } else { "no" });
            [
                poet.pod.name.clone(),
                pod(&poet.pod, poet.error.as_deref()),
                or_dash(started),
                poet.pod.restarts.to_string(),
                poet.pod.image.clone(),
            ]
        }),
    )
}

fn support(workloads: &[WorkloadHealth]) -> String {
    table(
        ["SUPPORT", "POD", "RESTARTS", "IMAGE"],
        workloads.iter().map(|workload| {
            [
                workload.name.clone(),
                pod(workload, None),
                workload.restarts.to_string(),
                workload.image.clone(),
            ]
        }),
    )
}

fn charts(report: &StatusReport) -> String {
    table(
        ["CHART", "NAMESPACE", "VERSION", "STATUS"],
        report.charts.iter().map(|chart| {
            [
                chart.name.clone(),
                chart.namespace.clone(),
                or_dash(chart.installed.as_deref()),
                or_dash(chart.status.as_deref()),
            ]
        }),
    )
}

fn names(report: &StatusReport) -> String {
    table(
        ["NAME", "POINTS TO"],
        report.dns.iter().map(|name| [name.name.clone(), or_dash(name.address.as_deref())]),
    )
}

fn listing(report: &StatusReport) -> String {
    let listing = &report.listing;
    let discovery = if listing.discovery.is_empty() { "no".to_owned() } else { listing.discovery.join(", ") };
    let web_services = match listing.web_services {
        WebServicesState::None => "none",
        WebServicesState::Unfinished => "unfinished",
        WebServicesState::Deployed => "deployed",
    };
    table(
        ["PUBLISHED", "WHERE"],
        [
            ["config".to_owned(), or_dash(listing.config_url.as_deref())],
            ["discovery entry".to_owned(), discovery],
            ["web services".to_owned(), web_services.to_owned()],
        ],
    )
}

fn findings(report: &StatusReport) -> String {
    let mut text: String =
        report.findings.iter().map(|finding| format!("! {}\n", finding.replace('\n', "\n  "))).collect();
    if let Some(early) = report.drift.as_ref().and_then(|drift| drift.ended_early.as_ref()) {
        text.push_str(&format!(
            "the comparison with the record ended early: {}\n",
            early.replace('\n', "\n  ")
        ));
    }
    text
}
