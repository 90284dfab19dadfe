//! What a cluster is like, and what it asks of its host.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a cluster is like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClusterShape {
    /// The cluster's name.
    pub name: String,
    /// The version that `/version` answers, such as `v1.36.0`.
    pub version: String,
    /// What UIDs and generated names depend on.
    pub seed: u64,
    /// How long things take.
    pub times: StartTimes,
    /// How containers behave, by image: the whole reference, or without its tag. Others run and stay.
    pub images: BTreeMap<String, ImageBehaviour>,
    /// The driver of the default storage class `standard-rwo`.
    pub disk_driver: String,
    /// Storage classes as name and disk type; the first is the default.
    pub storage_classes: Vec<(String, String)>,
    /// The first two octets of every cluster IP.
    pub service_range: [u8; 2],
}

impl Default for ClusterShape {
    fn default() -> Self {
        Self {
            name: "sandbox".to_owned(),
            version: "v1.36.0".to_owned(),
            seed: 0,
            times: StartTimes::default(),
            images: BTreeMap::new(),
            disk_driver: "pd.csi.storage.gke.io".to_owned(),
            storage_classes: [
                ("standard-rwo", "pd-balanced"),
                ("standard", "pd-standard"),
                ("premium-rwo", "pd-ssd"),
            ]
            .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
            .to_vec(),
            service_range: [10, 96],
        }
    }
}

/// How long things take, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StartTimes {
    /// From a pod's binding to a worker until it is ready.
    pub pod_start_seconds: f64,
    /// From the deletion of a running pod until it is gone, unless its grace period is shorter.
    pub pod_stop_seconds: f64,
    /// How long the container of a job runs.
    pub job_seconds: f64,
    /// From the moment a volume can be provisioned until it is bound.
    pub volume_seconds: f64,
}

impl Default for StartTimes {
    fn default() -> Self {
        Self { pod_start_seconds: 20.0, pod_stop_seconds: 2.0, job_seconds: 3.0, volume_seconds: 1.0 }
    }
}

/// How the containers of an image behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageBehaviour {
    /// It runs and becomes ready.
    Runs,
    /// It runs and never becomes ready.
    NeverReady,
    /// It cannot be pulled.
    CannotPull,
    /// It exits with an error soon after each start.
    Crashes,
    /// It exits well, as the container of a job does.
    Completes,
    /// It exits with an error, as that of a failing job does.
    Fails,
}

/// A worker, as the node pool makes it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WorkerShape {
    /// The node's name.
    pub name: String,
    /// Its address inside.
    pub internal_ip: String,
    /// Its address outside, when it has one.
    pub external_ip: Option<String>,
    /// Thousandths of a core that it has, and that pods may use.
    pub cpu_milli: u64,
    /// Thousandths of a core that pods may use.
    pub allocatable_cpu_milli: u64,
    /// Bytes of memory that it has.
    pub memory_bytes: u64,
    /// Bytes of memory that pods may use.
    pub allocatable_memory_bytes: u64,
    /// Labels beside those that every node has.
    pub labels: BTreeMap<String, String>,
    /// How many pods it takes.
    pub pods: u32,
    /// How many disks it takes.
    pub disks: u32,
    /// The identifier of the machine behind it.
    pub provider_id: String,
    /// What `status.nodeInfo.kubeletVersion` says; empty for the cluster's own version.
    pub kubelet_version: String,
}

/// What the cluster asks its host to do outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "kebab-case")]
pub enum CloudEffect {
    /// A volume was provisioned, and needs a disk.
    DiskWanted {
        /// The volume's name, which names the disk too.
        volume: String,
        /// The claim's name.
        claim: String,
        /// The claim's namespace.
        namespace: String,
        /// The size in bytes.
        size_bytes: u64,
        /// The claim's labels.
        labels: BTreeMap<String, String>,
        /// The storage class.
        class: String,
        /// The disk type of that class.
        disk_type: String,
    },
    /// A volume is gone, and its disk with it.
    DiskReleased {
        /// The volume's name.
        volume: String,
    },
    /// A service needs a load balancer.
    LoadBalancerWanted {
        /// The service's UID.
        service_uid: String,
        /// The service's namespace.
        namespace: String,
        /// The service's name.
        name: String,
        /// The ports to listen on, with their protocols and node ports.
        ports: Vec<LoadBalancerPort>,
        /// The address asked for; empty for any.
        address: String,
        /// Who may connect; empty for everybody.
        source_ranges: Vec<String>,
    },
    /// A service needs its load balancer no longer.
    LoadBalancerReleased {
        /// The service's UID.
        service_uid: String,
        /// The service's namespace.
        namespace: String,
        /// The service's name.
        name: String,
    },
}

/// A port of a load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadBalancerPort {
    /// `TCP` or `UDP`.
    pub protocol: String,
    /// The port that clients use.
    pub port: u16,
    /// The port on the workers.
    pub node_port: u16,
}
