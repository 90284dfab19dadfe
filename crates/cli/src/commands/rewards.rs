//! `rewards`: what the chain paid, to whom, and whether that is what it should have paid.

mod text;

use std::path::Path;

use clap::Arg;
use spacecraft_core::identity::{CoinbaseSource, NodeKeys};
use spacecraft_core::operation::with_way_out;
use spacecraft_core::settings::{Command, Settings, SettingsError, SettingsErrors};
use spacecraft_core::state::NetworkRecord;
use spacecraft_core::time::{Clock as _, SystemClock};
use spacecraft_core::traits::Workloads;
use spacecraft_core::workload::Part;
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_http::Retrier;
use spacecraft_rewards::source::{NodeListeners, RewardSource};
use spacecraft_rewards::{
    Chain, Ledger, ManagedKeys, ReachedNode, Reading, RewardsReport, chart, csv, reach_healthy_node,
};
use spacecraft_spacemesh::grpc::NodeAddress;

use crate::arguments::of;
use crate::exit::ExitStatus;
use crate::recorded::{RecordedNetwork, recorded_network};
use crate::session::Session;
use crate::wiring::client;

/// What the command was asked for.
pub(crate) struct Wanted {
    host: Option<String>,
    from: Option<u32>,
    to: Option<u32>,
    table: csv::Table,
}

/// The node that is asked, and what is known of its network.
struct Asked {
    listeners: NodeListeners,
    keys: ManagedKeys,
    record: Option<NetworkRecord>,
    /// Keeps the tunnels open.
    _reached: Option<ReachedNode>,
}

/// Its command line.
pub(crate) fn arguments() -> clap::Command {
    of(Command::Rewards, "Report what the chain paid to whom, and whether it is what it should be").args([
        Arg::new("chart")
            .long("chart")
            .value_name("FILE")
            .help("draw rewards per epoch and the managed share into this SVG file as well"),
        Arg::new("output")
            .long("output")
            .value_name("FORMAT")
            .value_parser(["text", "table", "json", "csv"])
            .default_value("text")
            .hide_possible_values(true)
            .help("text (or table) for people, json for one document, csv for the table of --by, in smidge"),
    ])
}

pub(crate) async fn run(session: &Session<'_>) -> ExitStatus {
    let (settings, wanted) = match asked(session) {
        Ok(asked) => asked,
        Err(wrong) => return session.output.wrong_settings(&wrong),
    };
    let network = if settings.text("network-name").is_some() {
        match recorded_network(session, Command::Rewards).await {
            Ok(network) => Some(network),
            Err(status) => return status,
        }
    } else {
        None
    };
    match Box::pin(report(session, &wanted, network)).await {
        Ok(report) => show(session, &report, wanted.table),
        Err(error) => session.output.failed(error),
    }
}

fn wanted(settings: &Settings) -> Wanted {
    let layer = |name: &str| settings.number(name).and_then(|layer| u32::try_from(layer).ok());
    let table = match settings.text("by") {
        Some("smesher") => csv::Table::Smesher,
        Some("epoch") => csv::Table::Epoch,
        Some("layer") => csv::Table::Layer,
        _ => csv::Table::Coinbase,
    };
    Wanted {
        host: settings.text("host").map(str::to_owned),
        from: layer("from-layer"),
        to: layer("to-layer"),
        table,
    }
}

/// What is asked for, checked before anything is called.
pub(crate) fn asked(session: &Session<'_>) -> Result<(Settings, Wanted), SettingsErrors> {
    session.checked(Command::Rewards, |settings| {
        let wanted = wanted(settings);
        let mut mistakes = mistakes(settings, &wanted);
        mistakes.extend(session.argument("chart").and_then(no_folder_for));
        SettingsErrors::unless_empty(mistakes, || wanted)
    })
}

/// What is wrong with the file of a picture whose folder does not exist.
fn no_folder_for(path: &str) -> Option<SettingsError> {
    let folder = Path::new(path).parent().filter(|folder| !folder.as_os_str().is_empty())?;
    (!folder.is_dir())
        .then(|| SettingsError::new("chart", path, "its folder does not exist: name a file in one that does"))
}

fn mistakes(settings: &Settings, wanted: &Wanted) -> Vec<SettingsError> {
    let mut mistakes = Vec::new();
    if let Some(error) = wanted.host.as_deref().and_then(|host| NodeAddress::parse(host).err()) {
        let message = format!("{}; {}", error.reason(), error.hint().unwrap_or_default());
        mistakes.push(SettingsError::new("host", error.resource(), message));
    }
    if wanted.host.is_none() && settings.text("network-name").is_none() && !settings.is_unread("host") {
        let message = "name a network, any healthy node of which is asked, or a node with --host";
        mistakes.push(SettingsError::new("network-name", "", message));
    }
    let (from, to) = (wanted.from.unwrap_or_default(), wanted.to.unwrap_or(u32::MAX));
    if from > to {
        let message = format!("no layer is from {from} to {to}");
        mistakes.push(SettingsError::new("to-layer", to.to_string(), message));
    }
    mistakes
}

async fn report(
    session: &Session<'_>,
    wanted: &Wanted,
    network: Option<RecordedNetwork>,
) -> Result<RewardsReport> {
    let retrier = client(session.environment)?.0.retrier().clone();
    let asked = node_to_ask(session, wanted, network).await?;
    read(session, wanted, &retrier, asked).await
}

/// The node of `--host`, or any healthy one of the network.
async fn node_to_ask(
    session: &Session<'_>,
    wanted: &Wanted,
    network: Option<RecordedNetwork>,
) -> Result<Asked> {
    let mut keys = network.as_ref().map(|network| recorded_keys(&network.record)).unwrap_or_default();
    if let Some(host) = &wanted.host {
        let public = NodeAddress::parse(host)?;
        if !public.is_protected() {
            session.output.warn(&format!(
                "{host} is read without encryption: who is in between can change what it says; https:// before it asks for TLS"
            ));
        }
        let listeners = NodeListeners { name: host.clone(), public, private: None };
        return Ok(Asked { listeners, keys, record: network.map(|network| network.record), _reached: None });
    }
    let network = network
        .ok_or_else(|| Error::new(Meaning::Invalid, "find a healthy node", "", "no network is named"))?;
    let RecordedNetwork { record, services, .. } = network;
    let workloads = services.connect(&record.spec).await?.workloads;
    let generation = record.spec.generation;
    let reached = reach_healthy_node(&*workloads, &*services.spacemesh, generation, &record.nodes)
        .await
        .map_err(with_way_out)?;
    if !reached.status.synced {
        session
            .output
            .warn(&format!("{} is not synced, and no node that answers is", reached.listeners.name));
    }
    take_secret_keys(&mut keys, &*workloads, &record).await?;
    Ok(Asked { listeners: reached.listeners.clone(), keys, record: Some(record), _reached: Some(reached) })
}

fn recorded_keys(record: &NetworkRecord) -> ManagedKeys {
    let mut keys = ManagedKeys::default();
    for node in &record.nodes {
        keys.insert(&node.name, &node.coinbase, node.smesher_id.as_deref());
    }
    keys
}

/// Adds what the nodes' own keys say: in v0, the record knows no smesher ids. Secrets of nodes that are gone count for nothing.
async fn take_secret_keys(
    keys: &mut ManagedKeys,
    workloads: &dyn Workloads,
    record: &NetworkRecord,
) -> Result<()> {
    for secret in workloads.secrets().await? {
        let Some(Part::Node { number, .. }) = secret.part else { continue };
        let Some(node) = record.nodes.iter().find(|node| node.number == number) else { continue };
        let given = CoinbaseSource::Given(&node.coinbase);
        let Ok(node_keys) = NodeKeys::from_secret(record.spec.generation, given, &secret) else { continue };
        let identity = node_keys.identity();
        keys.insert(&node.name, &identity.coinbase, Some(&identity.smesher_id));
    }
    Ok(())
}

async fn read(
    session: &Session<'_>,
    wanted: &Wanted,
    retrier: &Retrier,
    asked: Asked,
) -> Result<RewardsReport> {
    let source = RewardSource::connect(retrier, &asked.listeners).await?;
    let chain = source.chain().await?;
    if let Some(record) = &asked.record {
        check_network(record, &chain, source.name())?;
    }
    let span = chain.span(wanted.from, wanted.to, source.name())?;
    let known = asked.keys.coinbases();
    let nothing_managed = asked.keys.is_empty();
    let by_layer = wanted.table == csv::Table::Layer;
    let mut ledger = Ledger::new(chain.clone(), span, asked.keys, by_layer);
    session.output.say(&format!(
        "reading rewards of layers {} to {} from {}",
        span.first,
        span.last,
        source.name()
    ));
    let unknown = source.read(&chain, span, &known, &mut |reward| ledger.add(reward)).await?;
    let balances = source.balances(&chain, &ledger.coinbases()).await?;
    let network = asked.record.map(|record| record.network.to_string());
    let mut reading = Reading::new(&ledger, network, source.name(), SystemClock.now());
    reading.unknown = unknown;
    if nothing_managed {
        let reason =
            "which accounts and smeshers are managed: --network-name names the network whose record tells";
        reading.unknown.push(reason.to_owned());
    }
    Ok(RewardsReport::new(ledger, reading, &balances))
}

/// Refuses a node of another network, whose rewards would be told as this one's.
fn check_network(record: &NetworkRecord, chain: &Chain, node: &str) -> Result<()> {
    let refuse = |reason: String| Err(Error::new(Meaning::Invalid, "read rewards from", node, reason));
    let generation = record.spec.generation;
    if chain.generation != generation {
        return refuse(format!(
            "it is a {} node, and {} is of generation {generation}",
            chain.generation, record.network
        ));
    }
    match &record.genesis {
        Some(genesis) if genesis.id != chain.network_id => {
            refuse(format!("it is of network {}, and {} is {}", chain.network_id, record.network, genesis.id))
        }
        _ => Ok(()),
    }
}

fn show(session: &Session<'_>, report: &RewardsReport, table: csv::Table) -> ExitStatus {
    if let Some(path) = session.argument("chart").map(Path::new) {
        if let Err(error) = std::fs::write(path, chart::draw(report)) {
            let reason = "the file cannot be written";
            let error = Error::new(Meaning::Other, "write chart", path.display().to_string(), reason)
                .with_source(error);
            return session.output.failed(error);
        }
        session.output.say(&format!("drew {}", path.display()));
    }
    if session.argument("output") == Some("csv") {
        return session.output.write(&csv::write(report, table));
    }
    session.output.result(report, || text::write(report, table))
}
