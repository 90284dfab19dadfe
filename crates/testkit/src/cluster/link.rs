use spacecraft_core::Result;
use spacecraft_core::names::NetworkName;

use super::{InMemoryCluster, no_cluster};
use crate::ledger::Ledger;

/// Ties in-memory workloads and charts to one network's cluster, so that they are gone when it is. The default ties them to nothing.
#[derive(Debug, Clone, Default)]
pub struct ClusterLink(Option<(InMemoryCluster, NetworkName)>);

impl ClusterLink {
    /// A link to the cluster that a cloud has for a network, now or later.
    pub(super) fn to(cloud: &InMemoryCluster, network: &NetworkName) -> Self {
        Self(Some((cloud.clone(), network.clone())))
    }

    /// The ledger of the cluster, or a new one without a cluster.
    pub(crate) fn ledger(&self) -> Ledger {
        self.0.as_ref().map(|(cloud, _)| cloud.ledger.clone()).unwrap_or_default()
    }

    /// Which cluster of that name it is: a number that a cluster made anew does not have in common with its predecessor.
    pub(crate) fn incarnation(&self) -> Result<u64> {
        match &self.0 {
            Some((cloud, network)) if cloud.capabilities.creates_clusters => {
                let entry = cloud.present(network);
                Ok(entry.ok_or_else(|| no_cluster("reach cluster", network))?.incarnation)
            }
            _ => Ok(0),
        }
    }

    /// How many workers the cluster has.
    pub(crate) fn workers(&self) -> u32 {
        let present = self.0.as_ref().and_then(|(cloud, network)| cloud.present(network));
        present.map_or(3, |entry| entry.cluster.workers)
    }

    /// The cluster, when there is one behind the link.
    pub(crate) fn cloud(&self) -> Option<&InMemoryCluster> {
        self.0.as_ref().map(|(cloud, _)| cloud)
    }
}
