//! Operations: what Spacecraft does to networks, as steps over the provider [`traits`](crate::traits).
//!
//! A step looks first and writes only what differs. Before the first write of an operation its lock is taken and its intent is written
//! down; an operation that finds nothing to do takes no lock and writes nothing.

mod bring_up;
mod change;
mod chaos;
mod create;
mod delete;
mod differences;
mod elsewhere;
mod failure;
mod garbage;
mod miners;
mod release;
mod rollback;
mod run;
mod support;
mod upgrade;
mod web_services;
mod window;

pub(crate) use bring_up::{ELASTIC_SECRET, GRAFANA_SECRET, archive};
pub use bring_up::{NetworkMaterials, binding_of, planned_genesis, secrets_of};
pub use change::Limits;
pub use chaos::{ChaosRequest, deploy_chaos_mesh};
pub use create::{CreateOptions, CreateRequest, Drift, create_network, look_at_network};
pub use delete::{DeleteRequest, delete_network, keep_logs_and_metrics};
pub use differences::differences;
pub use failure::{Leftover, OperationFailure};
pub use garbage::{
    FailedRemoval, GarbageReport, GarbageRequest, Remainder, RemainderKind, Remains, find_garbage,
    remove_garbage,
};
pub use miners::{AddMinersRequest, NewMiners, RemoveMinersRequest, add_miners, remove_miners};
pub use release::{
    NOTES_TEMPLATE, ReleaseReport, ReleaseRequest, ReleaseVersion, ReleasedBuild, release_network,
    release_templates,
};
pub use rollback::{finish_roll_back, roll_back};
pub use run::{Basis, Run, StepDifference, StepReport};
pub use support::{SupportBundle, collect_support};
pub use upgrade::{UpgradeRequest, upgrade_network};
pub use web_services::{TlsPair, WebServicesRequest, deploy_web_services};

use std::sync::Arc;

use crate::error::{Error, Meaning, Result};
use crate::interrupt::Interrupt;
use crate::names::NetworkName;
use crate::observer::Observer;
use crate::spec::NetworkSpec;
use crate::state::{Holder, HolderProbe};
use crate::time::{Clock, Random};
use crate::traits::{
    Access, ClusterConnector, ClusterProvider, ClusterServices, DnsProvider, Notifier, ObjectStore,
    SpacemeshApi,
};

/// Everything outside that operations work with.
#[derive(Debug, Clone)]
pub struct Services {
    /// Clusters, disks and firewall rules.
    pub cluster: Arc<dyn ClusterProvider>,
    /// What lives inside a cluster.
    pub connector: Arc<dyn ClusterConnector>,
    /// Nodes and PoETs.
    pub spacemesh: Arc<dyn SpacemeshApi>,
    /// The public bucket.
    pub config_store: Arc<dyn ObjectStore>,
    /// The private bucket.
    pub state_store: Arc<dyn ObjectStore>,
    /// The bucket of the discovery file.
    pub discovery_store: Arc<dyn ObjectStore>,
    /// DNS, when there are credentials for it.
    pub dns: Option<Arc<dyn DnsProvider>>,
    /// Messages to people, when there are credentials for them.
    pub notifier: Option<Arc<dyn Notifier>>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub random: Arc<dyn Random>,
    /// Who is told what happens.
    pub observer: Arc<dyn Observer>,
    /// The operator's wish to stop.
    pub interrupt: Interrupt,
    /// Who runs this.
    pub holder: Holder,
    /// Whether other processes of this host still run.
    pub probe: Arc<dyn HolderProbe>,
    /// The version of the program.
    pub version: String,
}

impl Services {
    /// What is inside the cluster of a network of this spec.
    ///
    /// # Errors
    ///
    /// Those of the cluster provider and of the connection; [`Meaning::NotFound`] when there is no cluster.
    pub async fn connect(&self, spec: &NetworkSpec) -> Result<ClusterServices> {
        let access = self.access(&spec.network).await?;
        let binding = binding_of(spec, self.cluster.capabilities().creates_clusters);
        self.connector.connect(&access, &binding).await
    }

    /// How the cluster of a network is reached.
    ///
    /// # Errors
    ///
    /// Those of the cluster provider; [`Meaning::NotFound`] with what to do when there is no cluster.
    pub async fn access(&self, network: &NetworkName) -> Result<Access> {
        self.cluster.access(network).await.map_err(|error| match error.meaning() {
            Meaning::NotFound => cluster_is_gone(network).with_source(error),
            _ => error,
        })
    }
}

/// That a network has no cluster any more, with what to do about it.
#[must_use]
pub fn cluster_is_gone(network: &NetworkName) -> Error {
    let reason = "there is none: it was deleted, or never made";
    Error::new(Meaning::NotFound, "reach the cluster of", network.as_str(), reason)
        .with_hint("delete-network removes what is left of the network; create-network makes it anew")
}

/// An error of asking a network's cluster, with what to do next when it did not answer and the error does not say.
#[must_use]
pub fn with_way_out(error: Error) -> Error {
    let is_silent = matches!(error.meaning(), Meaning::Unavailable | Meaning::TimedOut);
    if !is_silent || error.hint().is_some() {
        return error;
    }
    error.with_hint(
        "see that the cluster runs and can be reached from here, then run the command again; list tells which networks there are",
    )
}
