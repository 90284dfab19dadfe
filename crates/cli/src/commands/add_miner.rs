//! `add-miner`: more plain miners for a network that is up.

use std::collections::BTreeSet;

use spacecraft_core::Result;
use spacecraft_core::operation::{AddMinersRequest, NewMiners, add_miners};
use spacecraft_core::report::{MinersReport, NodeReport};
use spacecraft_core::settings::{Command, Settings, SettingsErrors, SystemFiles};
use spacecraft_core::spec::{NodeOverride, WaitFor};
use spacecraft_core::spelling::counted;
use spacecraft_core::state::NetworkRecord;
use spacecraft_core::upgrade::{OwnValues, parse_numbers};

use crate::additions::limits;
use crate::arguments::{force_unlock, of};
use crate::exit::ExitStatus;
use crate::materials::materials;
use crate::output::table::{or_dash, table};
use crate::recorded::{RecordedNetwork, recorded_network};
use crate::session::{Session, network_name, one_mistake};
use crate::support::tell_failure;

const MINER_NUMBER: &str = "miner-number";
const PROFILED: &str = "profile-miners";

const HELP: &str = "New miners are as the network's nodes are but for what is given here. Workers are added where they do not fit. No other node is
touched; spacemesh-watch watches the new ones too.

Run again after it was stopped or failed, the same command goes on with the same miners. Run again after it ended, it adds the
next ones. While some are not finished, other ones are refused; delete-miner takes them back.";

/// Its command line.
pub(crate) fn arguments() -> clap::Command {
    of(Command::AddMiner, "Add plain miners to a network that is up").args([force_unlock()]).after_help(HELP)
}

pub(crate) async fn run(session: &Session<'_>) -> ExitStatus {
    if let Err(wrong) = asked(session) {
        return session.output.wrong_settings(&wrong);
    }
    let network = match recorded_network(session, Command::AddMiner).await {
        Ok(network) => network,
        Err(status) => return status,
    };
    let RecordedNetwork { settings, record, services, .. } = &network;
    let wanted = differences(settings, record).and_then(|differences| miners(settings, differences));
    let wanted = match wanted {
        Ok(wanted) => wanted,
        Err(wrong) => return session.output.refused_settings(&wrong),
    };
    let request = match request(session, settings, record, wanted) {
        Ok(request) => request,
        Err(error) => return session.output.failed(error),
    };
    match Box::pin(add_miners(services, request)).await {
        Ok(report) => session.output.result(&report, || text(&report)),
        Err(failure) => {
            let next = [
                (
                    "to go on with the same miners, run the same command again",
                    session.same_again("add-miner"),
                ),
                ("to take them back, name them to", session.again("delete-miner", record.network.as_str())),
            ];
            let about = (&record.network, "add-miner");
            tell_failure(session, (settings, services), about, &failure, &next).await
        }
    }
}

/// Checks what can be checked before the network's record is read.
pub(crate) fn asked(session: &Session<'_>) -> Result<(), SettingsErrors> {
    let look = |given: &Settings| {
        let miners = SettingsErrors::both(network_name(given), miners(given, NodeOverride::default()));
        SettingsErrors::both(miners, NodeOverride::check_alone(given, &SystemFiles))
    };
    session.checked(Command::AddMiner, look).map(drop)
}

fn request(
    session: &Session<'_>,
    settings: &Settings,
    record: &NetworkRecord,
    miners: NewMiners,
) -> Result<AddMinersRequest> {
    let most_workers = settings.is_given_now("max-nodes").then(|| settings.number("max-nodes")).flatten();
    Ok(AddMinersRequest {
        network: record.network.clone(),
        miners,
        most_workers: most_workers.and_then(|most| u32::try_from(most).ok()),
        materials: materials(settings, &record.spec)?,
        wait: if settings.text("wait") == Some("healthy") { WaitFor::Healthy } else { WaitFor::Ready },
        limits: limits(session, settings),
    })
}

/// What new miners have otherwise than the network's nodes.
fn differences(settings: &Settings, record: &NetworkRecord) -> Result<NodeOverride, SettingsErrors> {
    let fleet = &record.spec.fleet;
    let bootnodes = record.bootnode_addresses();
    let own = OwnValues {
        genesis: record.genesis.as_ref().map(|genesis| &genesis.genesis),
        fleet_nodes: fleet.bootstrap.then_some(fleet.nodes),
        bootnodes: &bootnodes,
    };
    NodeOverride::from_settings(settings, &record.spec, &own, &SystemFiles)
}

fn miners(settings: &Settings, differences: NodeOverride) -> Result<NewMiners, SettingsErrors> {
    let profiled = settings.is_given_now(PROFILED).then(|| numbers_of(settings, PROFILED)).transpose();
    let (first, profiled) = SettingsErrors::both(first_number(settings), profiled)?;
    Ok(NewMiners {
        count: settings.number("count").and_then(|count| u32::try_from(count).ok()).unwrap_or(1),
        first,
        differences,
        profiled,
    })
}

fn first_number(settings: &Settings) -> Result<Option<u32>, SettingsErrors> {
    let numbers = numbers_of(settings, MINER_NUMBER)?;
    if numbers.len() > 1 {
        let given = settings.list(MINER_NUMBER).join(",");
        let message = "give the number of the first one; --count adds those after it";
        return Err(one_mistake(MINER_NUMBER, &given, message));
    }
    Ok(numbers.first().copied())
}

fn numbers_of(settings: &Settings, name: &str) -> Result<BTreeSet<u32>, SettingsErrors> {
    let given = settings.list(name);
    parse_numbers(given).map_err(|message| one_mistake(name, &given.join(","), message))
}

fn text(report: &MinersReport) -> String {
    let row = |node: &NodeReport| {
        [
            node.name.clone(),
            node.poet.clone(),
            or_dash(node.worker.as_deref()),
            or_dash(node.p2p.as_deref()),
            or_dash(node.grpc.as_deref()),
            node.coinbase.clone(),
        ]
    };
    let steps = report.steps.iter().map(|step| [step.name.clone(), step.outcome.to_string()]);
    format!(
        "network {} has {} now\n\n{}\n{}",
        report.network,
        counted(report.nodes, "node", "nodes"),
        table(["ADDED", "POET", "WORKER", "P2P", "GRPC", "COINBASE"], report.added.iter().map(row)),
        table(["STEP", "OUTCOME"], steps)
    )
}
