//! `hosts`: where a network's nodes answer.

use spacecraft_core::inspection::{Host, HostsReport, find_hosts};
use spacecraft_core::plan::Reach;
use spacecraft_core::settings::Command;

use crate::arguments::of;
use crate::exit::ExitStatus;
use crate::output::table::{or_dash, table};
use crate::recorded::recorded_network;
use crate::session::Session;

/// Its command line.
pub(crate) fn arguments() -> clap::Command {
    of(Command::Hosts, "Show where the network's nodes answer, and the list that spacemesh-watch takes")
}

pub(crate) async fn run(session: &Session<'_>) -> ExitStatus {
    let network = match recorded_network(session, Command::Hosts).await {
        Ok(network) => network,
        Err(status) => return status,
    };
    match find_hosts(&network.services, &network.record).await {
        Ok(report) => {
            let status = session.output.result(&report, || text(&report));
            session.output.say(&reach(&report.reach));
            status
        }
        Err(error) => session.output.failed(error),
    }
}

fn text(report: &HostsReport) -> String {
    let row = |host: &Host| {
        [
            host.name.clone(),
            host.role.to_string(),
            or_dash(host.grpc.as_deref()),
            or_dash(host.json.as_deref()),
            or_dash(host.worker.as_deref()),
        ]
    };
    let hosts = table(["NAME", "ROLE", "GRPC", "JSON", "WORKER"], report.hosts.iter().map(row));
    format!("{hosts}\nfor spacemesh-watch, inside the cluster:\n{}\n", report.watch)
}

fn reach(reach: &Reach) -> String {
    match reach {
        Reach::ClusterOnly => "these ports are closed to the outside, because the network was made without --allow-from; spacecraft tunnel miner-N leads to one".to_owned(),
        Reach::Ranges(ranges) => format!("these ports are open to {}", ranges.join(", ")),
        Reach::Everybody => "these ports are open to everybody".to_owned(),
    }
}
