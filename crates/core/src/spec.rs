//! What the operator asked for, validated.
//!
//! A [`NetworkSpec`] holds no secret: it is stored in the network's record and compared on every further run. Tokens travel beside it.

mod cluster;
mod credentials;
mod exposure;
mod fleet;
mod from_settings;
mod node_config;
mod node_override;
mod nodes;
mod reader;
mod roster;
mod stacks;
mod to_settings;
mod upgrade;

pub use credentials::Credentials;
pub(crate) use from_settings::DescribedNetwork;
pub use roster::{NodeMakeup, NodeOverride};
pub use upgrade::{UpgradeSpec, UpgradeSwitches};

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::image::ImageReference;
use crate::names::NetworkName;
use crate::quantity::{Bytes, Resources};
use crate::settings::Settings;
use crate::traits::{Accelerator, ClusterCapabilities, MachineShape, ObjectPatch};

/// The family of go-spacemesh releases that a network runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Generation {
    /// v0.2.13-beta.0 to v0.2.17-beta.0.
    V0,
    /// v1.x.
    V1,
}

impl fmt::Display for Generation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::V0 => "v0",
            Self::V1 => "v1",
        })
    }
}

/// Where a network runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderKind {
    /// A cluster of its own on Google Kubernetes Engine.
    Gcp,
    /// A namespace of an existing cluster.
    Kubernetes,
    /// The simulated cloud.
    Sandbox,
}

impl ProviderKind {
    /// What the provider can do, as a plan needs to know before anything is called.
    #[must_use]
    pub const fn capabilities(self) -> ClusterCapabilities {
        let own_clusters = !matches!(self, Self::Kubernetes);
        ClusterCapabilities {
            creates_clusters: own_clusters,
            manages_infrastructure: own_clusters,
            plans_node_ports: own_clusters,
        }
    }
}

impl fmt::Display for ProviderKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Gcp => "gcp",
            Self::Kubernetes => "kubernetes",
            Self::Sandbox => "sandbox",
        })
    }
}

/// A network as it was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NetworkSpec {
    /// Its name.
    pub network: NetworkName,
    /// Where it runs.
    pub provider: ProviderKind,
    /// The generation of its nodes.
    pub generation: Generation,
    /// How many nodes of which role, and PoETs.
    pub fleet: FleetSpec,
    /// The nodes.
    pub node: NodeSpec,
    /// The PoETs.
    pub poet: PoetSpec,
    /// The address that all rewards go to; none makes one for each node.
    pub coinbase: Option<String>,
    /// The genesis.
    pub genesis: GenesisSpec,
    /// How it is rolled out.
    pub rollout: RolloutSpec,
    /// The cluster it runs on.
    pub cluster: ClusterSpec,
    /// The log stack; none for `--logs none`.
    pub logs: Option<LogsSpec>,
    /// The metrics stack; none without `--metrics`.
    pub metrics: Option<MetricsSpec>,
    /// The profiler; none without `--deploy-pyroscope`.
    pub profiling: Option<ProfilingSpec>,
    /// Alerts on Slack; none without `--enable-slack-alerts`.
    pub alerts: Option<AlertsSpec>,
    /// Chaos mesh; none without `--chaos-mesh`.
    pub chaos: Option<ChaosSpec>,
    /// The web services; none until `deploy-ws` adds them. No setting of `create-network` does: it keeps those that the record has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web_services: Option<WebServicesSpec>,
    /// Who may reach what, and under which names.
    pub exposure: ExposureSpec,
    /// Where config, state and discovery file are kept.
    pub storage: StorageSpec,
    /// What differs from the defaults of charts, by the chart's setting name (`elasticsearch`, ...).
    pub charts: BTreeMap<String, ChartOverride>,
    /// What single nodes have otherwise than the rest, by number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub node_overrides: BTreeMap<u32, NodeOverride>,
}

/// How many of what the network was made with, and which nodes came and went since.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FleetSpec {
    /// True for a network of its own, false for one that extends a parent.
    pub bootstrap: bool,
    /// All nodes that the network was made with: bootstrap node, bootnodes and miners. What a genesis fixes (active set size, peer minimum) follows this number.
    pub nodes: u32,
    /// Bootnodes that it was made with, the bootstrap node not among them.
    pub bootnodes: u32,
    /// PoETs.
    pub poets: u32,
    /// v0: how many nodes, the first by number, are gateways of the PoETs.
    pub gateways: u32,
    /// Numbers of nodes that it was made with and that were removed since.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub removed: BTreeSet<u32>,
    /// Numbers of plain miners that were added since; they may be numbers of removed nodes.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub added: BTreeSet<u32>,
}

/// What every node is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeSpec {
    /// Its image.
    pub image: ImageReference,
    /// Requests and limits.
    pub resources: Resources,
    /// Its claim.
    pub disk: Bytes,
    /// The node config that the network is made from: `--go-sm-config`, or the parent's for `--bootstrap=false`.
    pub base_config: Value,
    /// Whether nodes serve the JSON API.
    pub json_api: bool,
    /// Whether the Go runtime traces itself (`GODEBUG`).
    pub go_debug: bool,
    /// The host port of node N's P2P listener is this plus N.
    pub p2p_port_base: u16,
}

/// What every PoET is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoetSpec {
    /// Its image.
    pub image: ImageReference,
    /// Requests and limits.
    pub resources: Resources,
    /// Its claim.
    pub disk: Bytes,
    /// v0: how much later each further PoET closes its first round.
    pub initial_phase_shift: Duration,
}

/// When the chain starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenesisSpec {
    /// Time between the predicted end of the bring-up and the genesis.
    pub delay: Duration,
}

/// How the network is brought up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutSpec {
    /// How many deployments are being applied at the same time.
    pub max_concurrent_deployments: u32,
    /// In which order.
    pub order: RolloutOrder,
    /// What counts as up.
    pub wait: WaitFor,
    /// The limit of the whole operation.
    pub timeout: Duration,
    /// The limit of each step.
    pub step_timeout: Duration,
}

/// In which order nodes are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RolloutOrder {
    /// All through one sliding window.
    Parallel,
    /// PoETs, bootstrap node, bootnodes, miners, each wave up before the next.
    Ordered,
}

/// What counts as up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WaitFor {
    /// Pods are ready by their probes.
    Ready,
    /// Every node also answers over gRPC.
    Healthy,
}

impl WaitFor {
    /// What counts for a command that asks nodes unless it is told now that pods are enough. What a creation waited for says nothing of it.
    #[must_use]
    pub fn given_now(settings: &Settings) -> Self {
        if settings.is_given_now("wait") && settings.text("wait") == Some("ready") {
            Self::Ready
        } else {
            Self::Healthy
        }
    }
}

/// The cluster that the network runs on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterSpec {
    /// The GCP project; empty where there is none.
    pub project: String,
    /// The region or zone of the cluster.
    pub location: String,
    /// The zone of the workers.
    pub zone: String,
    /// The machine of each worker.
    pub machine: MachineShape,
    /// Accelerators of each worker.
    pub accelerator: Option<Accelerator>,
    /// The VPC network; none takes the default one.
    pub vpc: Option<String>,
    /// The Kubernetes version; none takes the channel's default.
    pub kubernetes_version: Option<String>,
    /// The GKE release channel.
    pub release_channel: String,
    /// The most workers that may ever be paid for; none is a quarter more than planned.
    pub most_workers: Option<u32>,
    /// The namespace of the network's objects.
    pub namespace: String,
}

/// The log stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogsSpec {
    /// Each Elasticsearch pod.
    pub elasticsearch: Resources,
    /// Its Java heap.
    pub heap: Bytes,
    /// Its claim.
    pub disk: Bytes,
    /// How many there are.
    pub replicas: u32,
    /// How many of them must agree on a master.
    pub master_nodes: u32,
    /// Kibana.
    pub kibana: Resources,
    /// Days after which logs are deleted.
    pub expiry_days: u32,
    /// Kibana objects instead of the built-in ones, newline-delimited JSON.
    pub saved_objects: Option<String>,
}

/// The metrics stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricsSpec {
    /// Where nodes push to; none is the network's own Pushgateway.
    pub push_gateway_url: Option<String>,
}

/// The profiler.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfilingSpec {
    /// Its image.
    pub image: ImageReference,
    /// Requests and limits.
    pub resources: Resources,
    /// Numbers of the nodes that push profiles.
    pub nodes: Vec<u32>,
}

/// Alerts on Slack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertsSpec {
    /// The image of spacemesh-watch.
    pub image: ImageReference,
    /// The channel's identifier.
    pub channel: String,
}

/// Chaos mesh.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChaosSpec {
    /// The chart's version.
    pub version: String,
}

/// Public API nodes, explorer and dashboard, with their entry in the discovery file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebServicesSpec {
    /// The image of their nodes; none follows the network's own nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageReference>,
    /// What their nodes request; none follows the network's own nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// The version of the explorer.
    pub explorer_version: String,
    /// The version of the dashboard.
    pub dash_version: String,
    /// The least release of the wallet app, for the discovery file.
    pub smapp_version: String,
    /// Whether the entry is in the private discovery file.
    pub private: bool,
    /// Days after which their logs are deleted.
    pub logs_expiry_days: u32,
}

impl NetworkSpec {
    /// The image of the web services' nodes.
    #[must_use]
    pub fn web_node_image<'a>(&'a self, services: &'a WebServicesSpec) -> &'a ImageReference {
        services.image.as_ref().unwrap_or(&self.node.image)
    }

    /// What the web services' nodes request.
    #[must_use]
    pub fn web_node_resources(&self, services: &WebServicesSpec) -> Resources {
        services.resources.unwrap_or(self.node.resources)
    }
}

/// Who may reach what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExposureSpec {
    /// Address ranges that may reach gRPC and JSON ports; nobody outside when empty.
    pub allow_from: Vec<String>,
    /// Whether Kibana and Grafana are published through the ingress controller.
    pub publish: Publish,
    /// The domain of all names.
    pub domain: String,
    /// Whether there are credentials for DNS.
    pub dns: bool,
}

/// What is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Publish {
    /// Kibana and Grafana, both with login.
    Dashboards,
    /// Nothing.
    None,
}

/// Where things are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageSpec {
    /// A folder instead of buckets.
    pub object_dir: Option<String>,
    /// The public bucket of `<network>-archive/config.json`.
    pub bucket: String,
    /// The private bucket of records, journals and locks.
    pub state_bucket: String,
    /// The bucket of the discovery file.
    pub discovery_bucket: String,
}

impl StorageSpec {
    /// Where records, journals and locks are: a bucket, or a part of the folder.
    #[must_use]
    pub fn state_location(&self) -> String {
        match &self.object_dir {
            Some(folder) => format!("{}/state", folder.trim_end_matches('/')),
            None => format!("gs://{}", self.state_bucket),
        }
    }
}

/// What differs from a chart's defaults.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChartOverride {
    /// Another repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo: Option<String>,
    /// Another version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Values over Spacecraft's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Value>,
    /// Patches to rendered objects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<ObjectPatch>,
}

#[cfg(test)]
mod tests;
