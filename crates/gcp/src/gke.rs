//! Clusters on Google Kubernetes Engine.

mod cluster;
mod difference;
mod lifecycle;
mod operation;
mod pool;
mod spec;
mod version;

use std::sync::Arc;

use async_trait::async_trait;
use spacecraft_core::Result;
use spacecraft_core::names::NetworkName;
use spacecraft_core::observer::Outcome;
use spacecraft_core::traits::{
    Access, BearerTokens, Cluster, ClusterCapabilities, ClusterList, ClusterProvider, ClusterRequest, Disk,
    Finding, FirewallRequest, FirewallRule, LoadBalancer, Look, PreflightRequest, RememberedBalancer,
    UnmarkedDisk,
};
use spacecraft_core::wait::Wait;
use spacecraft_http::Client;

use crate::api::{Api, Endpoints};
use crate::compute::{disk, firewall, load_balancer};
use crate::preflight;
pub(crate) use spec::BOOT_DISK_GB;

/// What a [`Gke`] works with.
#[derive(Debug, Clone)]
pub struct GkeOptions {
    /// Sends the requests and tries them again.
    pub client: Client,
    /// Gives the tokens, to the services and to the Kubernetes API of clusters.
    pub tokens: Arc<dyn BearerTokens>,
    /// The project's identifier.
    pub project: String,
    /// The region or zone of clusters.
    pub location: String,
    /// The zone of their workers.
    pub zone: String,
    /// The bucket in which networks are recorded, which their clusters tell; none when it is no bucket.
    pub state_bucket: Option<String>,
    /// Where the services answer.
    pub endpoints: Endpoints,
}

/// Clusters, disks and firewall rules of one project on Google Cloud: a cluster per network, with one node pool.
///
/// What is ours carries the labels [`MANAGED_BY_LABEL`](crate::MANAGED_BY_LABEL) and [`NETWORK_LABEL`](crate::NETWORK_LABEL); a cluster
/// of the network's name without them is refused and left alone.
#[derive(Debug, Clone)]
pub struct Gke {
    pub(crate) api: Api,
    pub(crate) location: String,
    pub(crate) zone: String,
    pub(crate) state_bucket: Option<String>,
}

impl Gke {
    /// A provider; asks nothing yet.
    #[must_use]
    pub fn new(options: GkeOptions) -> Self {
        let GkeOptions { client, tokens, project, location, zone, state_bucket, endpoints } = options;
        Self { api: Api { client, tokens, project, endpoints }, location, zone, state_bucket }
    }
}

#[async_trait]
impl ClusterProvider for Gke {
    fn name(&self) -> &'static str {
        "gcp"
    }

    fn capabilities(&self) -> ClusterCapabilities {
        ClusterCapabilities { creates_clusters: true, manages_infrastructure: true, plans_node_ports: true }
    }

    async fn preflight(&self, request: &PreflightRequest) -> Result<Vec<Finding>> {
        Box::pin(preflight::preflight(self, request)).await
    }

    async fn get(&self, network: &NetworkName) -> Result<Option<Cluster>> {
        Ok(self.find_cluster(network).await?.map(cluster::ClusterBody::into_cluster))
    }

    async fn list(&self) -> Result<ClusterList> {
        self.list_clusters().await
    }

    async fn look_cluster(&self, request: &ClusterRequest) -> Result<Look> {
        self.look(request).await
    }

    async fn ensure_cluster(&self, request: &ClusterRequest, wait: &Wait) -> Result<Outcome> {
        self.ensure(request, wait).await
    }

    async fn resize(
        &self,
        network: &NetworkName,
        workers: u32,
        most_workers: u32,
        wait: &Wait,
    ) -> Result<Outcome> {
        self.resize_pool(network, workers, most_workers, wait).await
    }

    async fn delete_cluster(&self, network: &NetworkName, wait: &Wait) -> Result<Outcome> {
        self.delete(network, wait).await
    }

    async fn access(&self, network: &NetworkName) -> Result<Access> {
        self.cluster_access(network).await
    }

    async fn look_firewall(&self, request: &FirewallRequest) -> Result<Look> {
        firewall::look(&self.api, request).await
    }

    async fn ensure_firewall(&self, request: &FirewallRequest, wait: &Wait) -> Result<Outcome> {
        firewall::ensure(&self.api, request, wait).await
    }

    async fn firewall_rules(&self, network: Option<&NetworkName>) -> Result<Vec<FirewallRule>> {
        firewall::list_ours(&self.api, network).await
    }

    async fn delete_firewall_rule(&self, rule: &FirewallRule, wait: &Wait) -> Result<Outcome> {
        firewall::delete(&self.api, rule, wait).await
    }

    async fn disks(&self, network: Option<&NetworkName>) -> Result<Vec<Disk>> {
        disk::list_ours(&self.api, network).await
    }

    async fn unmarked_disks(&self) -> Result<Vec<UnmarkedDisk>> {
        disk::list_unmarked(&self.api).await
    }

    async fn load_balancers(
        &self,
        network: Option<&NetworkName>,
        remembered: &[RememberedBalancer],
    ) -> Result<Vec<LoadBalancer>> {
        load_balancer::list_ours(&self.api, network, remembered).await
    }

    async fn delete_load_balancer(&self, balancer: &LoadBalancer, wait: &Wait) -> Result<Outcome> {
        load_balancer::delete(&self.api, balancer, wait).await
    }

    async fn delete_disk(&self, disk: &Disk, wait: &Wait) -> Result<Outcome> {
        disk::delete(&self.api, disk, wait).await
    }
}
