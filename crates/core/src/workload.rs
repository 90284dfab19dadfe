//! What runs in the cluster, in plain data: the plan makes it, a provider turns it into Kubernetes objects.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::image::ImageReference;
use crate::quantity::{Bytes, MilliCpu, Resources};
use crate::secret::{SecretBytes, SecretString};

/// The label of a network's workers and of everything of it in a cluster, with the network's name.
pub const KUBERNETES_NETWORK_LABEL: &str = "spacecraft.io/network";

/// The annotation of a network's namespaces with the location of the store of its record.
pub const RECORDED_IN_ANNOTATION: &str = "spacecraft.io/recorded-in";
/// The label of a network's own cluster that says in which bucket the network is recorded.
pub const STATE_BUCKET_LABEL: &str = "spacecraft-state-bucket";

/// What a node is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The one node that all bootnodes know.
    Bootstrap,
    /// A node that the miners know.
    Bootnode,
    /// A plain miner.
    Miner,
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Bootstrap => "bootstrap",
            Self::Bootnode => "bootnode",
            Self::Miner => "miner",
        })
    }
}

/// What part of a network a workload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "part", rename_all = "lowercase")]
pub enum Part {
    /// A go-spacemesh process, `miner-<number>`.
    Node {
        /// Its number, from 1.
        number: u32,
        /// What it is for.
        role: Role,
    },
    /// A PoET, `poet-<number>`.
    Poet {
        /// Its number, from 1.
        number: u32,
    },
    /// The web server of the epoch-2 beacon.
    Beacon,
    /// spacemesh-watch, which alerts on Slack.
    Watch,
    /// The profiler.
    Pyroscope,
}

impl Part {
    /// The name of the workload that it is, such as `miner-3`.
    #[must_use]
    pub fn workload_name(self) -> String {
        match self {
            Self::Node { number, .. } => crate::topology::node_name(number),
            Self::Poet { number } => crate::topology::poet_name(number),
            Self::Beacon | Self::Watch | Self::Pyroscope => self.application().to_owned(),
        }
    }

    /// The value of the label `app`: `miner`, `poet`, or the name of the one of its kind.
    #[must_use]
    pub const fn application(self) -> &'static str {
        match self {
            Self::Node { .. } => "miner",
            Self::Poet { .. } => "poet",
            Self::Beacon => "beacon",
            Self::Watch => "spacemesh-watch",
            Self::Pyroscope => "pyroscope",
        }
    }
}

/// One Deployment of one replica with all that belongs to it: config, claim, Services, monitor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workload {
    /// The name of every object of this workload, such as `miner-3`.
    pub name: String,
    /// What part of the network it is.
    pub part: Part,
    /// The image of its one container.
    pub image: ImageReference,
    /// The command, replacing the image's entry point; empty to keep that.
    pub command: Vec<String>,
    /// The arguments, as an array: no shell reads them.
    pub arguments: Vec<String>,
    /// Environment variables with plain values.
    pub environment: BTreeMap<String, String>,
    /// Environment variables whose values come from Secrets.
    pub secret_environment: Vec<SecretVariable>,
    /// Files from a ConfigMap of the workload's name; empty when it needs none.
    pub files: Vec<ConfigFile>,
    /// Keys that an init container copies from Secrets into the data volume before the process starts.
    pub keys: Vec<KeyFile>,
    /// The claim that holds its data; none for workloads without state.
    pub data: Option<DataVolume>,
    /// Paths that must be writable although the root file system is read-only; each an empty directory.
    pub scratch: Vec<String>,
    /// Requests and limits of the container.
    pub resources: Resources,
    /// Accelerators requested, `nvidia.com/gpu`.
    pub accelerators: u32,
    /// The container's ports.
    pub ports: Vec<ContainerPort>,
    /// The Services in front of it.
    pub services: Vec<ServiceSpec>,
    /// True to have Prometheus scrape the port named `metrics` (a PodMonitor; needs its CRD).
    pub monitored: bool,
    /// The worker slot (`spacecraft.io/slot`) it is pinned to; none to run anywhere.
    pub slot: Option<u32>,
    /// How the kubelet decides that it is up; none for workloads without a port.
    pub probe: Option<Probe>,
    /// The time it gets to shut down.
    pub grace_period: Duration,
    /// True to keep all of it but its pod: config, claim and Services stay while nothing runs.
    #[serde(default)]
    pub stopped: bool,
}

/// An environment variable read from a Secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretVariable {
    /// The variable.
    pub variable: String,
    /// The Secret's name.
    pub secret: String,
    /// The key in the Secret.
    pub key: String,
}

/// A file that a ConfigMap provides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigFile {
    /// The file name, which is the key in the ConfigMap.
    pub name: String,
    /// The directory it is mounted in, such as `/etc/config`.
    pub directory: String,
    /// Its content.
    pub content: String,
}

/// A key file that is copied into the data volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyFile {
    /// The Secret's name.
    pub secret: String,
    /// The key in the Secret.
    pub key: String,
    /// The path relative to the data volume's root.
    pub path: String,
}

/// A persistent volume claim of the workload's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataVolume {
    /// Its size.
    pub size: Bytes,
    /// Where the container sees it.
    pub mount_path: String,
}

/// A port that the container listens on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerPort {
    /// Its name, at most 15 characters.
    pub name: String,
    /// The port in the container.
    pub port: u16,
    /// The same port opened on the worker itself, when it is to be reached from outside without a Service.
    pub host_port: Option<u16>,
    /// The transport.
    pub protocol: Protocol,
}

/// A transport protocol of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Protocol {
    /// TCP.
    #[serde(rename = "TCP")]
    Tcp,
    /// UDP.
    #[serde(rename = "UDP")]
    Udp,
}

/// A Service in front of one workload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceSpec {
    /// The Service's name.
    pub name: String,
    /// Whether workers answer for it on a port of their own.
    pub exposure: ServiceExposure,
    /// Its ports.
    pub ports: Vec<ServicePort>,
}

/// From where a Service can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ServiceExposure {
    /// Inside the cluster only.
    ClusterIp,
    /// On a port of every worker as well.
    NodePort,
}

/// One port of a Service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServicePort {
    /// Its name, such as `grpcport`.
    pub name: String,
    /// The port of the Service, and of the container behind it.
    pub port: u16,
    /// The port on every worker; none lets the server choose (and is the only choice for [`ServiceExposure::ClusterIp`]).
    pub node_port: Option<u16>,
}

/// A TCP probe for start and readiness; there is none for liveness.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// The port that must accept connections.
    pub port: u16,
    /// How long the process may take to open it.
    pub startup_budget: Duration,
}

/// A Secret of the network, as it is in the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkSecret {
    /// Its name, such as `miner-3-keys`.
    pub name: String,
    /// The part of the network it belongs to, if it belongs to one.
    pub part: Option<Part>,
    /// Its contents by key.
    pub data: BTreeMap<String, SecretBytes>,
}

/// A certificate with its private key, as ingress controllers read them from a Secret of type `kubernetes.io/tls`.
#[derive(Debug, Clone)]
pub struct TlsSecret {
    /// The namespace, one of the network's.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The certificate and those between it and an authority, in PEM.
    pub certificate: String,
    /// The private key, in PEM.
    pub key: SecretString,
}

impl TlsSecret {
    /// The key of the certificate in the Secret.
    pub const CERTIFICATE: &'static str = "tls.crt";
    /// The key of the private key in the Secret.
    pub const KEY: &'static str = "tls.key";
}

/// What the whole network needs before its workloads: namespaces, policies, budgets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Foundation {
    /// Namespaces besides the network's own that the network uses (`metrics`, ...).
    pub namespaces: Vec<String>,
    /// Charts that the network shares with others: they stay until the last network that uses them goes.
    pub shared_charts: Vec<SharedChart>,
    /// The namespaces whose pods are closed, each with who may reach them all the same. The network's own is closed in any case, and admits nobody unless it is
    /// named here.
    pub guarded: Vec<GuardedNamespace>,
    /// Where the network's record is, which is noted on its namespaces: who looks for it elsewhere learns that it is another's.
    pub recorded_in: String,
    /// For each role with more than one node, how many of its nodes a drain may take away at once.
    pub disruption_budgets: Vec<DisruptionBudget>,
}

/// A namespace whose pods are reached by each other and by those who are admitted, and by nobody else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardedNamespace {
    /// Its name.
    pub namespace: String,
    /// Who else may reach what.
    pub admissions: Vec<Admission>,
}

/// A port of pods of a guarded namespace that is open to callers from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admission {
    /// The label `app` of the pods; none means all pods of the namespace.
    pub application: Option<String>,
    /// Which of their ports.
    pub port: AdmittedPort,
    /// Who may reach it.
    pub callers: Callers,
}

/// Ports of pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AdmittedPort {
    /// All of them.
    All,
    /// This TCP port of the container.
    Number(u16),
    /// The host ports of a transport (the P2P ports, whose numbers differ per node).
    Host(Protocol),
}

/// Who may reach a port of a guarded namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Callers {
    /// Everybody.
    Everybody,
    /// Address ranges, in CIDR notation.
    Ranges(Vec<String>),
    /// Pods of a namespace.
    Pods {
        /// The namespace.
        namespace: String,
        /// The label `app` of the pods; none means all pods of the namespace.
        application: Option<String>,
    },
}

/// A chart that networks of a cluster share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedChart {
    /// The release's name.
    pub name: String,
    /// Its namespace, which goes with it when it was made for it.
    pub namespace: String,
}

/// How many pods of a role may be taken away at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisruptionBudget {
    /// The role.
    pub role: Role,
    /// `maxUnavailable` of the PodDisruptionBudget.
    pub max_unavailable: u32,
}

/// A worker of the cluster, as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worker {
    /// The node's name in Kubernetes.
    pub name: String,
    /// The address from outside, when it has one.
    pub external_ip: Option<String>,
    /// The address inside the cluster's network.
    pub internal_ip: Option<String>,
    /// True when it is ready and not cordoned.
    pub schedulable: bool,
    /// Since when it takes no pods for a reason that may pass by itself, while those that run there stay; none when it takes pods, and when somebody wants it empty.
    pub unready_since: Option<Timestamp>,
    /// The slot it carries (`spacecraft.io/slot`), per network on a shared cluster.
    pub slot: Option<u32>,
    /// Processor that pods can have.
    pub allocatable_cpu: MilliCpu,
    /// Memory that pods can have.
    pub allocatable_memory: Bytes,
    /// How many pods it takes.
    pub allocatable_pods: u32,
}

/// A workload as it is in the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedWorkload {
    /// Its name.
    pub name: String,
    /// The part of the network it is.
    pub part: Part,
    /// The image its Deployment asks for.
    pub image: String,
    /// True when its newest pod is ready and no older one is left.
    pub ready: bool,
    /// Why it is not ready; empty when it is. Of a workload without a pod that is meant to have none: that it is stopped.
    pub reason: String,
    /// True when it is meant to have no pod.
    #[serde(default)]
    pub stopped: bool,
    /// The worker its pod runs on.
    pub worker: Option<String>,
    /// The node ports of its Services, by port name.
    pub node_ports: BTreeMap<String, u16>,
    /// Files of its ConfigMap, by name.
    pub files: BTreeMap<String, String>,
    /// How often its container was restarted.
    pub restarts: u32,
}

impl ObservedWorkload {
    /// The address of the worker that its pod runs on, from outside if it has one there; none while it runs on none of `workers`.
    #[must_use]
    pub fn address<'a>(&self, workers: &'a [Worker]) -> Option<&'a str> {
        let own = workers.iter().find(|worker| Some(&worker.name) == self.worker.as_ref())?;
        own.external_ip.as_deref().or(own.internal_ip.as_deref())
    }
}
