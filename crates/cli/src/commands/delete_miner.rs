//! `delete-miner`: nodes leave a network that is up, with all they own.

use std::collections::BTreeSet;

use clap::Arg;
use spacecraft_core::names::NetworkName;
use spacecraft_core::operation::{RemoveMinersRequest, remove_miners};
use spacecraft_core::report::{MinersReport, RemovedNode};
use spacecraft_core::settings::{Command, Settings, SettingsErrors};
use spacecraft_core::spelling::counted;
use spacecraft_core::topology::node_names;
use spacecraft_core::upgrade::parse_numbers;

use crate::additions::limits;
use crate::arguments::{force_unlock, of, switch};
use crate::confirmation::ask;
use crate::exit::ExitStatus;
use crate::materials::materials;
use crate::output::table::{or_dash, table};
use crate::recorded::{RecordedNetwork, recorded_network};
use crate::session::{Session, network_name, one_mistake};
use crate::support::tell_failure;

const MINER_NUMBER: &str = "miner-number";

const HELP: &str = "A node goes with its data, disk, config, Services and keys; its wallet key goes too, unless rewards go to a coinbase of your own
(keys export writes wallet keys out). Its number can be given again.

The published config forgets a bootnode at once. Nodes that know it are not restarted for that: they are told of others on
their next change, and only those that would know nobody any more at once.

Run again after it was stopped or failed, the same command finishes it.";

/// Its command line.
pub(crate) fn arguments() -> clap::Command {
    of(Command::DeleteMiner, "Delete nodes of a network that is up, with all they own")
        .args([
            Arg::new("numbers")
                .value_name("NUMBERS")
                .num_args(0..)
                .help("numbers of the nodes: 3, 3,5 or 7-9; --miner-number does the same"),
            switch("force", "delete even the bootstrap node or the last bootnode"),
            switch("yes", "do not ask for the network's name"),
            force_unlock(),
        ])
        .after_help(HELP)
}

pub(crate) async fn run(session: &Session<'_>) -> ExitStatus {
    let (name, numbers) = match asked(session) {
        Ok(asked) => asked,
        Err(wrong) => return session.output.wrong_settings(&wrong),
    };
    if !session.switch("yes")
        && let Err(status) = confirm(session, &name, &numbers)
    {
        return status;
    }
    let network = match recorded_network(session, Command::DeleteMiner).await {
        Ok(network) => network,
        Err(status) => return status,
    };
    let RecordedNetwork { settings, record, services, .. } = &network;
    let materials = match materials(settings, &record.spec) {
        Ok(materials) => materials,
        Err(error) => return session.output.failed(error),
    };
    let request = RemoveMinersRequest {
        network: record.network.clone(),
        numbers: numbers.clone(),
        forced: session.switch("force"),
        materials,
        limits: limits(session, settings),
    };
    match Box::pin(remove_miners(services, request)).await {
        Ok(report) => session.output.result(&report, || text(&report)),
        Err(failure) => {
            let next = [("to go on, run the same command again", same_again(session))];
            let about = (&record.network, "delete-miner");
            tell_failure(session, (settings, services), about, &failure, &next).await
        }
    }
}

/// The network and the numbers of its nodes that are to go.
pub(crate) fn asked(session: &Session<'_>) -> Result<(NetworkName, BTreeSet<u32>), SettingsErrors> {
    let look = |settings: &Settings| SettingsErrors::both(network_name(settings), numbers(session, settings));
    session.checked(Command::DeleteMiner, look).map(|(_, asked)| asked)
}

fn confirm(session: &Session<'_>, network: &NetworkName, numbers: &BTreeSet<u32>) -> Result<(), ExitStatus> {
    let question = format!(
        "this deletes {} of network {network} with data and wallet keys (keys export writes them out)\ntype the network's name to go on:",
        node_names(numbers)
    );
    let unattended =
        "deleting destroys data and wallet keys: without a terminal to ask on, --yes must be given";
    ask(session, &question, network.as_str(), unattended)
}

/// The numbers that the command's own argument and `--miner-number` name together.
fn numbers(session: &Session<'_>, settings: &Settings) -> Result<BTreeSet<u32>, SettingsErrors> {
    let arguments = session.arguments("numbers");
    let mut items: Vec<String> =
        arguments.iter().flat_map(|argument| argument.split(',')).map(str::to_owned).collect();
    items.extend_from_slice(settings.list(MINER_NUMBER));
    let mistake = |message: String| one_mistake(MINER_NUMBER, &items.join(","), message);
    if items.is_empty() {
        return Err(mistake("say which miners: 3, 3,5 or 7-9".to_owned()));
    }
    parse_numbers(&items).map_err(mistake)
}

fn same_again(session: &Session<'_>) -> String {
    let command = [session.same_again("delete-miner")].into_iter();
    command.chain(session.arguments("numbers")).collect::<Vec<_>>().join(" ")
}

fn text(report: &MinersReport) -> String {
    let row = |node: &RemovedNode| {
        [
            node.name.clone(),
            node.role.to_string(),
            or_dash(node.peer_id.as_deref()),
            or_dash(node.coinbase.as_deref()),
        ]
    };
    let steps = report.steps.iter().map(|step| [step.name.clone(), step.outcome.to_string()]);
    format!(
        "network {} has {} now\n\n{}\n{}",
        report.network,
        counted(report.nodes, "node", "nodes"),
        table(["REMOVED", "ROLE", "PEER ID", "COINBASE"], report.removed.iter().map(row)),
        table(["STEP", "OUTCOME"], steps)
    )
}
