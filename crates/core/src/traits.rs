//! What Spacecraft needs of the services it works with.
//!
//! Each trait is object safe and used as `Arc<dyn Trait>`; each has a *Contract* section that every implementation keeps
//! and that `spacecraft-testkit` checks. Vendors' types stay out of these signatures.
//!
//! Changes come in pairs: `look_*` compares what exists with what is wanted and writes nothing; `ensure_*` makes it so and
//! says what it did. An operation looks first, and only when something differs does it take its lock, write its intent down
//! and ensure.

mod charts;
mod cluster;
mod connector;
mod dns;
mod logs;
mod notify;
mod objects;
mod release;
mod spacemesh;
mod workloads;

pub use charts::{ChartInstaller, ChartRelease, InstalledRelease, ObjectPatch, PatchKind};
pub use cluster::{
    Accelerator, Access, BearerTokens, Cluster, ClusterCapabilities, ClusterList, ClusterProvider,
    ClusterRequest, ClusterState, Disk, Finding, FirewallOpening, FirewallRequest, FirewallRule,
    LoadBalancer, MachineShape, Ownership, PreflightRequest, RememberedBalancer, UnmarkedDisk,
};
pub use connector::{ClusterConnector, ClusterServices, LogStoreAccess, NetworkBinding};
pub use dns::{DnsProvider, DnsRecord};
pub use logs::{LogRetention, LogStore};
pub use notify::{Message, MessageId, Mood, Notifier};
pub use objects::{ObjectStore, Precondition, PutOptions, StoredObject, check_object_key};
pub use release::{
    FileDigests, FileStore, NetworkBuild, Platform, ReleaseAsset, ReleaseBuilds, ReleaseDraft,
    ReleasePublisher, StoredFile,
};
pub use spacemesh::{LONGEST_VERSION, NodeStatus, PoetInfo, PoetStart, SpacemeshApi};
pub use workloads::{
    Evidence, LogLines, LogQuery, PodEvidence, ServiceAddress, ServiceName, Tunnel, TunnelGuard, Workloads,
};

use serde::{Deserialize, Serialize};

/// What a look at something that is to be ensured found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Look {
    /// It does not exist.
    Absent,
    /// It exists and differs in these points, each a path with what is there and what is wanted, secrets blanked.
    Differs(Vec<String>),
    /// It is as wanted.
    Same,
}

impl Look {
    /// True when nothing has to be written.
    #[must_use]
    pub fn is_same(&self) -> bool {
        matches!(self, Self::Same)
    }
}
