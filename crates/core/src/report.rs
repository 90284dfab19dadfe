//! What operations end with, in types of their own that scripts can rely on.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::charts;
use crate::discovery::DiscoveryEntry;
use crate::image::ImageReference;
use crate::names::NetworkName;
use crate::operation::StepReport;
use crate::plan::{Exposure, Plan};
use crate::spec::{ChaosSpec, Generation, NetworkSpec};
use crate::spelling::counted;
use crate::state::{GenesisRecord, SCHEMA};
use crate::upgrade::KeyChange;
use crate::workload::Role;

/// A network that is up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkReport {
    /// `spacecraft/v1`.
    pub schema: String,
    /// `NetworkReport`.
    pub kind: String,
    /// The network.
    pub network: NetworkName,
    /// The generation of its nodes.
    pub generation: Generation,
    /// `ready`.
    pub status: String,
    /// When the chain starts.
    pub genesis_time: Timestamp,
    /// v1: the genesis id; v0: the network id.
    pub network_id: String,
    /// Where the config can be read.
    pub config_url: String,
    /// Its nodes, by number.
    pub nodes: Vec<NodeReport>,
    /// Its PoETs, by number.
    pub poets: Vec<PoetReport>,
    /// What can be opened, by what it is: an address, or the command that leads there.
    pub urls: BTreeMap<String, String>,
    /// Who can reach what.
    pub exposure: Vec<Exposure>,
    /// What the operation did.
    pub steps: Vec<StepReport>,
}

/// A node that is up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeReport {
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// Its peer id.
    pub peer_id: String,
    /// Where its rewards go.
    pub coinbase: String,
    /// Its P2P multiaddr.
    pub p2p: Option<String>,
    /// Its gRPC address, `host:port`; reachable only from where `exposure` says.
    pub grpc: Option<String>,
    /// Its JSON address.
    pub json: Option<String>,
    /// Its PoET.
    pub poet: String,
    /// The worker it runs on.
    pub worker: Option<String>,
}

/// A PoET that is up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoetReport {
    /// Its name.
    pub name: String,
    /// Its public URL.
    pub url: Option<String>,
}

impl NetworkReport {
    /// A report without steps, which come at the very end.
    #[must_use]
    pub fn new(
        spec: &NetworkSpec,
        genesis: &GenesisRecord,
        nodes: Vec<NodeReport>,
        poets: Vec<PoetReport>,
        urls: BTreeMap<String, String>,
        exposure: Vec<Exposure>,
        config_url: String,
    ) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            kind: "NetworkReport".to_owned(),
            network: spec.network.clone(),
            generation: spec.generation,
            status: "ready".to_owned(),
            genesis_time: genesis.genesis.time,
            network_id: genesis.id.clone(),
            config_url,
            nodes,
            poets,
            urls,
            exposure,
            steps: Vec::new(),
        }
    }

    /// The network in a few lines, for messages to people.
    #[must_use]
    pub fn summary(&self) -> String {
        format!(
            "{}, {}, genesis at {}\nconfig: {}",
            counted(self.nodes.len(), "node", "nodes"),
            counted(self.poets.len(), "PoET", "PoETs"),
            self.genesis_time,
            self.config_url
        )
    }
}

/// A network whose release or config was changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UpgradeReport {
    /// `spacecraft/v1`.
    pub schema: String,
    /// `UpgradeReport`.
    pub kind: String,
    /// The network.
    pub network: NetworkName,
    /// The generation of its nodes.
    pub generation: Generation,
    /// `upgraded`, `held` when a share of the nodes is left, or `taken back`.
    pub status: String,
    /// The image of its PoETs.
    pub poet_image: ImageReference,
    /// What changed, or is changing, in the config of nodes.
    pub config_changes: Vec<KeyChange>,
    /// All its nodes, by number.
    pub nodes: Vec<UpgradedNode>,
    /// Where the config can be read.
    pub config_url: Option<String>,
    /// What the operation did.
    pub steps: Vec<StepReport>,
}

/// A node of a network that is upgraded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpgradedNode {
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// The number of its wave; none for a node that is left out.
    pub wave: Option<u32>,
    /// The image that it runs.
    pub image: ImageReference,
    /// Whether it has what the upgrade brings.
    pub upgraded: bool,
}

impl UpgradeReport {
    /// How many nodes have what the upgrade brings, for messages to people.
    #[must_use]
    pub fn summary(&self) -> String {
        let upgraded = self.nodes.iter().filter(|node| node.upgraded).count();
        format!("{}: {upgraded} of {} nodes", self.status, self.nodes.len())
    }
}

/// What can be opened of a network beside its config, by what it is: an address, or the command that leads there where nothing is published.
#[must_use]
pub fn urls(spec: &NetworkSpec) -> BTreeMap<String, String> {
    let network = &spec.network;
    let tunnel = |service: &str| format!("spacecraft tunnel {service} --network-name {network}");
    let public = |service: &str| format!("https://{}/", charts::public_name(spec, service));
    let dashboard =
        |service: &str| if charts::is_published(spec) { public(service) } else { tunnel(service) };
    let mut urls = BTreeMap::new();
    if spec.logs.is_some() {
        urls.insert("kibana".to_owned(), dashboard("kibana"));
    }
    if spec.metrics.is_some() {
        urls.insert("grafana".to_owned(), dashboard("grafana"));
    }
    if spec.profiling.is_some() {
        urls.insert("pyroscope".to_owned(), tunnel("pyroscope"));
    }
    if spec.web_services.is_some() {
        for (what, service) in
            [("dashboard", "dash-api"), ("explorer", "explorer-api"), ("json api", "api-json")]
        {
            urls.insert(what.to_owned(), public(service));
        }
    }
    urls
}

/// A network that is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletionReport {
    /// `spacecraft/v1`.
    pub schema: String,
    /// `DeletionReport`.
    pub kind: String,
    /// The network.
    pub network: NetworkName,
    /// The chart releases that were kept, with `--keep-logs-metrics`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<String>,
    /// What was done.
    pub steps: Vec<StepReport>,
}

impl DeletionReport {
    /// A report of what `steps` took away, but for the releases `kept`.
    #[must_use]
    pub fn new(network: &NetworkName, kept: Vec<String>, steps: Vec<StepReport>) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            kind: "DeletionReport".to_owned(),
            network: network.clone(),
            kept,
            steps,
        }
    }
}

/// The web services of a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WebServicesReport {
    /// `spacecraft/v1`.
    pub schema: String,
    /// `WebServicesReport`.
    pub kind: String,
    /// The network.
    pub network: String,
    /// Where they are reached, by what they are.
    pub urls: BTreeMap<String, String>,
    /// The address that their names point to, once the load balancer has one.
    pub address: Option<String>,
    /// The discovery file with the network's entry.
    pub discovery_url: String,
    /// That entry.
    pub entry: DiscoveryEntry,
    /// What was done.
    pub steps: Vec<StepReport>,
}

impl WebServicesReport {
    /// A report without steps, which come at the very end.
    #[must_use]
    pub fn new(entry: &DiscoveryEntry, discovery_url: String, address: Option<String>) -> Self {
        let urls = [
            ("grpc", &entry.grpc_api),
            ("json", &entry.json_api),
            ("explorer API", &entry.explorer_api),
            ("dashboard API", &entry.dash_api),
        ];
        Self {
            schema: SCHEMA.to_owned(),
            kind: "WebServicesReport".to_owned(),
            network: entry.net_name.clone(),
            urls: urls.into_iter().map(|(what, url)| (what.to_owned(), url.clone())).collect(),
            address,
            discovery_url,
            entry: entry.clone(),
            steps: Vec::new(),
        }
    }

    /// The web services in a few lines, for messages to people.
    #[must_use]
    pub fn summary(&self) -> String {
        let urls: Vec<String> = self.urls.iter().map(|(what, url)| format!("{what}: {url}")).collect();
        format!("{}\ndiscovery: {}", urls.join("\n"), self.discovery_url)
    }
}

/// Chaos mesh in a network's cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChaosMeshReport {
    /// `spacecraft/v1`.
    pub schema: String,
    /// `ChaosMeshReport`.
    pub kind: String,
    /// The network.
    pub network: NetworkName,
    /// The namespace that chaos mesh is in.
    pub namespace: String,
    /// The version of its chart.
    pub version: String,
    /// What was done.
    pub steps: Vec<StepReport>,
}

impl ChaosMeshReport {
    /// A report without steps, which come at the very end.
    #[must_use]
    pub fn new(plan: &Plan, chaos: &ChaosSpec) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            kind: "ChaosMeshReport".to_owned(),
            network: plan.network.clone(),
            namespace: plan.namespaces.chaos.clone(),
            version: chaos.version.clone(),
            steps: Vec::new(),
        }
    }

    /// Chaos mesh in a line, for messages to people.
    #[must_use]
    pub fn summary(&self) -> String {
        format!("chaos mesh {} in namespace {}", self.version, self.namespace)
    }
}

/// A fleet that has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MinersReport {
    /// `spacecraft/v1`.
    pub schema: String,
    /// `MinersReport`.
    pub kind: String,
    /// The network.
    pub network: NetworkName,
    /// Nodes that were added, by number; they are up.
    pub added: Vec<NodeReport>,
    /// Nodes that were removed, by number.
    pub removed: Vec<RemovedNode>,
    /// How many nodes the network has now.
    pub nodes: u32,
    /// What the operation did.
    pub steps: Vec<StepReport>,
}

/// A node that is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedNode {
    /// Its name.
    pub name: String,
    /// The role it had.
    pub role: Role,
    /// Its peer id; none when an earlier run forgot it already.
    pub peer_id: Option<String>,
    /// Where its rewards went; none when an earlier run forgot it already.
    pub coinbase: Option<String>,
}

impl MinersReport {
    /// The report of an addition, without steps, which come at the very end.
    #[must_use]
    pub fn of_added(network: &NetworkName, added: Vec<NodeReport>, nodes: u32) -> Self {
        Self::new(network, added, Vec::new(), nodes)
    }

    /// The report of a removal, without steps.
    #[must_use]
    pub fn of_removed(network: &NetworkName, removed: Vec<RemovedNode>, nodes: u32) -> Self {
        Self::new(network, Vec::new(), removed, nodes)
    }

    fn new(network: &NetworkName, added: Vec<NodeReport>, removed: Vec<RemovedNode>, nodes: u32) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            kind: "MinersReport".to_owned(),
            network: network.clone(),
            added,
            removed,
            nodes,
            steps: Vec::new(),
        }
    }

    /// The change in one line, for messages to people.
    #[must_use]
    pub fn summary(&self) -> String {
        let names = |names: Vec<&str>| names.join(", ");
        let added = names(self.added.iter().map(|node| node.name.as_str()).collect());
        let removed = names(self.removed.iter().map(|node| node.name.as_str()).collect());
        let changes =
            [("added", added), ("removed", removed)].into_iter().filter(|(_, names)| !names.is_empty());
        let changes: Vec<String> = changes.map(|(what, names)| format!("{what} {names}")).collect();
        format!("{}; {} now", changes.join("; "), counted(self.nodes, "node", "nodes"))
    }
}
