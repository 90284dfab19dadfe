use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Look, ServiceName};
use crate::error::Result;
use crate::names::NetworkName;
use crate::observer::Outcome;
use crate::quantity::{Bytes, MilliCpu};
use crate::secret::SecretString;
use crate::wait::Wait;

/// Makes, finds and removes the cluster that a network runs on, with the disks, firewall rules and load balancers that belong to it.
///
/// # Contract
///
/// * `get` and the `look_*` methods change nothing. An error is never "absent": only a reply that says so is.
/// * `ensure_cluster` returns when the cluster's API can be used and its pool has at least the workers asked for. A cluster of the same name that
///   does not carry our ownership mark is refused with [`Meaning::AlreadyExists`](crate::Meaning::AlreadyExists); one that does is adopted. After an ambiguous
///   reply it looks before it tries again.
/// * Deleting what is already gone is [`Outcome::Absent`], not an error. Nothing that is not ours is ever deleted. `delete_cluster` returns when the
///   cluster is gone.
/// * Waits obey the [`Wait`] they are given and tell what they wait for.
/// * What an implementation cannot do is [`Error::unsupported`](crate::Error::unsupported), and its [`ClusterCapabilities`] say so beforehand.
#[async_trait]
pub trait ClusterProvider: Debug + Send + Sync {
    /// The provider's name, as in `--provider`.
    fn name(&self) -> &'static str;

    /// What this provider can do.
    fn capabilities(&self) -> ClusterCapabilities;

    /// Asks the services whether they would let us: permissions, enabled APIs, zone, quota. Changes nothing. Findings that stop a creation have
    /// [`Finding::blocking`] set.
    async fn preflight(&self, request: &PreflightRequest) -> Result<Vec<Finding>>;

    /// The network's cluster; none when there is none.
    async fn get(&self, network: &NetworkName) -> Result<Option<Cluster>>;

    /// All clusters that can be seen, ours and others.
    async fn list(&self) -> Result<ClusterList>;

    /// Compares the network's cluster with what is asked for (its pool counts as same when it has at least the workers asked for).
    async fn look_cluster(&self, request: &ClusterRequest) -> Result<Look>;

    /// Makes or adopts the network's cluster and waits until it can be used.
    async fn ensure_cluster(&self, request: &ClusterRequest, wait: &Wait) -> Result<Outcome>;

    /// Changes the number of workers, and the most that the pool may grow to, and waits for them.
    async fn resize(
        &self,
        network: &NetworkName,
        workers: u32,
        most_workers: u32,
        wait: &Wait,
    ) -> Result<Outcome>;

    /// Deletes the network's cluster and waits until it is gone.
    async fn delete_cluster(&self, network: &NetworkName, wait: &Wait) -> Result<Outcome>;

    /// How to reach the Kubernetes API of the network's cluster.
    async fn access(&self, network: &NetworkName) -> Result<Access>;

    /// Compares the network's firewall rule with what is to be open.
    async fn look_firewall(&self, request: &FirewallRequest) -> Result<Look>;

    /// Makes the network's one firewall rule open exactly what is asked for.
    async fn ensure_firewall(&self, request: &FirewallRequest, wait: &Wait) -> Result<Outcome>;

    /// Our firewall rules: of one network, or of all.
    async fn firewall_rules(&self, network: Option<&NetworkName>) -> Result<Vec<FirewallRule>>;

    /// Deletes one firewall rule of ours.
    async fn delete_firewall_rule(&self, rule: &FirewallRule, wait: &Wait) -> Result<Outcome>;

    /// Disks that belong to networks of ours, by label: of one network, or of all. Boot disks of workers are not among them.
    async fn disks(&self, network: Option<&NetworkName>) -> Result<Vec<Disk>>;

    /// Detached disks of claims that carry no mark of ours: somebody else's.
    async fn unmarked_disks(&self) -> Result<Vec<UnmarkedDisk>>;

    /// Deletes one disk of ours. A disk that is still attached is waited for.
    async fn delete_disk(&self, disk: &Disk, wait: &Wait) -> Result<Outcome>;

    /// What Services of a network's cluster left behind of their load balancers: those that `remembered` describes, and those that carry our mark. Without a network only the
    /// latter, of all networks. One that was deleted in part is among them.
    async fn load_balancers(
        &self,
        network: Option<&NetworkName>,
        remembered: &[RememberedBalancer],
    ) -> Result<Vec<LoadBalancer>>;

    /// Deletes one load balancer of ours with all that belongs to it alone. For load balancers whose cluster is gone: a cluster that lives makes them anew.
    async fn delete_load_balancer(&self, balancer: &LoadBalancer, wait: &Wait) -> Result<Outcome>;
}

/// What a cluster provider can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterCapabilities {
    /// It makes and deletes whole clusters; otherwise the network shares one that exists.
    pub creates_clusters: bool,
    /// It has firewall rules and disks of its own.
    pub manages_infrastructure: bool,
    /// Node ports are planned by us in one block; otherwise the server chooses them.
    pub plans_node_ports: bool,
}

/// What is asked of the services before anything is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreflightRequest {
    /// What will be asked for.
    pub cluster: ClusterRequest,
    /// Disk that all claims of the network take, those that are there among them.
    pub disk: Bytes,
    /// How many claims the network has then.
    pub disks: u32,
    /// External addresses beyond the workers' own (load balancers).
    pub addresses: u32,
    /// True when the cluster is still to be made, so that its whole quota has to be there; otherwise that of what the network does not have yet.
    pub creates_cluster: bool,
}

/// Something a preflight found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// True when the operation must not start.
    pub blocking: bool,
    /// What was asked, such as `quota CPUS in us-central1`.
    pub subject: String,
    /// What the answer was and what to do.
    pub message: String,
}

/// The cluster a network wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterRequest {
    /// The network.
    pub network: NetworkName,
    /// The Kubernetes version (`1.35`, `1.35.5-gke.1`); none takes the channel's default.
    pub kubernetes_version: Option<String>,
    /// The release channel: `rapid`, `regular`, `stable` or `extended`.
    pub release_channel: String,
    /// The machine of each worker.
    pub machine: MachineShape,
    /// Workers the plan needs.
    pub workers: u32,
    /// The most workers the pool may ever have.
    pub most_workers: u32,
    /// Accelerators of each worker.
    pub accelerator: Option<Accelerator>,
    /// The VPC network; none takes the project's default.
    pub vpc: Option<String>,
}

/// The machine of a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineShape {
    /// Its type's name, such as `e2-standard-16`.
    pub machine_type: String,
    /// Its processor.
    pub cpu: MilliCpu,
    /// Its memory.
    pub memory: Bytes,
}

/// Accelerators of a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accelerator {
    /// Their type, such as `nvidia-tesla-t4`.
    pub accelerator_type: String,
    /// How many each worker has.
    pub count: u32,
}

/// Who made a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ownership {
    /// Spacecraft, for the network named.
    Ours(NetworkName),
    /// Somebody else, or nobody knows.
    Foreign,
}

/// In which state a cluster is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClusterState {
    /// Being made.
    Provisioning,
    /// Usable.
    Running,
    /// Usable while something about it changes.
    Reconciling,
    /// Being deleted.
    Stopping,
    /// Usable in part; needs somebody.
    Degraded,
    /// Not usable.
    Error,
    /// A state this version does not know.
    Unknown,
}

/// A cluster as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// Who made it.
    pub ownership: Ownership,
    /// The zone or region, or the kubeconfig context.
    pub location: String,
    /// Its state.
    pub state: ClusterState,
    /// What the service says about that state.
    pub message: String,
    /// The Kubernetes version of its control plane.
    pub version: String,
    /// How many workers it has.
    pub workers: u32,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Where the network's record is, if the cluster tells.
    pub recorded_in: Option<String>,
}

/// All clusters that could be seen.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ClusterList {
    /// The clusters.
    pub clusters: Vec<Cluster>,
    /// Locations that did not answer: a cluster that is missing from the list may be there.
    pub unreachable: Vec<String>,
}

/// How to reach a Kubernetes API.
#[derive(Debug, Clone)]
pub enum Access {
    /// By bearer tokens.
    Bearer {
        /// The server, such as `https://203.0.113.7`.
        server: String,
        /// The certificate authority that signed its certificate, in PEM; none trusts the public authorities.
        certificate_authority: Option<String>,
        /// Gives tokens; each request asks, so that a long run never holds a stale one.
        tokens: Arc<dyn BearerTokens>,
    },
    /// By a kubeconfig.
    Kubeconfig {
        /// Its text, which may hold keys.
        text: SecretString,
        /// The context to use; none takes the current one.
        context: Option<String>,
    },
}

/// Gives bearer tokens that are valid now.
///
/// # Contract
///
/// Tokens are cached until shortly before they expire; calls are cheap and may come from many tasks at once.
#[async_trait]
pub trait BearerTokens: Debug + Send + Sync {
    /// A token that is valid for at least some minutes.
    async fn bearer_token(&self) -> Result<SecretString>;
}

/// What is to be reachable from outside on the network's workers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirewallRequest {
    /// The network.
    pub network: NetworkName,
    /// The VPC network of its cluster; none takes the project's default.
    pub vpc: Option<String>,
    /// The openings; each becomes a rule of its own where sources differ.
    pub openings: Vec<FirewallOpening>,
}

/// Ports that some may reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirewallOpening {
    /// A short name, such as `public` or `api`.
    pub name: String,
    /// `tcp` or `udp` and ports or ranges, such as `("tcp", "5001-5010")`, sorted.
    pub ports: Vec<(String, String)>,
    /// Address ranges that may reach them; never empty.
    pub sources: Vec<String>,
}

/// A firewall rule of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirewallRule {
    /// Its name.
    pub name: String,
    /// The network it belongs to.
    pub network: NetworkName,
    /// What it opens, such as `tcp:5001-5010`.
    pub ports: Vec<String>,
    /// When it was made.
    pub created: Option<Timestamp>,
}

/// A disk that a claim of ours made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// Its name.
    pub name: String,
    /// The network it belongs to.
    pub network: NetworkName,
    /// Its zone or region.
    pub location: String,
    /// True for a regional disk.
    pub regional: bool,
    /// Its size.
    pub size: Bytes,
    /// What it is attached to; empty when it is detached.
    pub users: Vec<String>,
    /// The claim it was made for, as `namespace/name`, when that is known.
    pub claim: Option<String>,
    /// When it was made.
    pub created: Option<Timestamp>,
}

/// A disk that a claim of somebody else made, and that nothing uses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnmarkedDisk {
    /// The cluster that it was made in, when that is known.
    pub cluster: Option<String>,
    /// Its zone or region.
    pub location: String,
    /// The claim it was made for, as `namespace/name`.
    pub claim: String,
    /// Its name.
    pub name: String,
}

/// A load balancer as it was seen while the Service that it stands before lived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RememberedBalancer {
    /// The Service.
    pub service: ServiceName,
    /// The identifier that the Kubernetes API gave the Service and no other; none when it was not seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Its IPv4 address; none when that was not seen either, and nothing is known but that a cluster of the network may have had one for this Service. Then it is the
    /// one whose workers were those of a cluster of the network's name that is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// A load balancer that a Service of ours was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadBalancer {
    /// Its name.
    pub name: String,
    /// The network it belongs to.
    pub network: NetworkName,
    /// Its region, as far as it has parts in one.
    pub region: Option<String>,
    /// Its address; none when it has lost that.
    pub address: Option<String>,
    /// The Service it was made for, when that is known.
    pub service: Option<ServiceName>,
    /// When it was made.
    pub created: Option<Timestamp>,
}
