//! A cluster that exists already, named by a kubeconfig: networks get namespaces in it, and it stays when they go.

mod rights;
mod version;

use std::collections::BTreeMap;

use async_trait::async_trait;
use http::Method;
use serde::Deserialize;
use spacecraft_core::names::NetworkName;
use spacecraft_core::observer::Outcome;
use spacecraft_core::secret::SecretString;
use spacecraft_core::traits::{
    Access, Cluster, ClusterCapabilities, ClusterList, ClusterProvider, ClusterRequest, ClusterState, Disk,
    Finding, FirewallRequest, FirewallRule, LoadBalancer, Look, Ownership, PreflightRequest,
    RememberedBalancer, UnmarkedDisk,
};
use spacecraft_core::wait::Wait;
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_http::{Call, Idempotency, Retrier};
use tokio::sync::OnceCell;

use crate::connection::{Connection, Draft, Listed, Query};
use crate::objects::labels;
use crate::resource::{NAMESPACE, NODE};
use crate::workloads::Namespace;

/// The provider's name.
const NAME: &str = "kubernetes";

/// The cluster that a kubeconfig's context names.
///
/// Workers are not ours to add, so [`ClusterProvider::ensure_cluster`] only makes sure that the API answers: whether the pods fit is
/// for the scheduler to say, and for the wait to tell.
#[derive(Debug)]
pub struct KubeconfigCluster {
    access: Access,
    location: String,
    namespace: Option<String>,
    retrier: Retrier,
    connection: OnceCell<Connection>,
}

impl KubeconfigCluster {
    /// The cluster of `context` in the kubeconfig's text, whose paths must be absolute; without a context that of the current one.
    #[must_use]
    pub fn new(kubeconfig: SecretString, context: Option<String>, retrier: Retrier) -> Self {
        let location = context.clone().unwrap_or_else(|| "(current context)".to_owned());
        let access = Access::Kubeconfig { text: kubeconfig, context };
        Self { access, location, namespace: None, retrier, connection: OnceCell::new() }
    }

    /// The same, with the namespace that networks will use instead of one of their own name: the preflight asks for rights in it.
    #[must_use]
    pub fn with_namespace(self, namespace: Option<String>) -> Self {
        Self { namespace, ..self }
    }

    async fn connection(&self) -> Result<&Connection> {
        self.connection.get_or_try_init(|| Connection::open(&self.access, self.retrier.clone())).await
    }

    async fn version(&self) -> Result<String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Version {
            git_version: String,
        }
        let connection = self.connection().await?;
        let call = Call::new("read the version of", connection.server(), Idempotency::Safe);
        let received = connection.read(&call, &Draft::new(Method::GET, "/version".to_owned())).await?;
        received.json(&call).map(|version: Version| version.git_version)
    }

    /// Asks the server for its version, and refuses one that does not know our objects.
    async fn check_version(&self) -> Result<()> {
        let version = self.version().await?;
        match version::refusal(&version) {
            None => Ok(()),
            Some(reason) => Err(Error::new(Meaning::Invalid, "use cluster", &self.location, reason)),
        }
    }

    /// The networks of the cluster: all namespaces that carry our labels, by network.
    async fn clusters(&self, selector: &str) -> Result<Vec<Cluster>> {
        let connection = self.connection().await?;
        let mut networks: BTreeMap<NetworkName, Vec<Namespace>> = BTreeMap::new();
        let query = Query::everywhere(NAMESPACE).labelled(selector);
        connection
            .list_each(&query, |namespace: Namespace| {
                let network = namespace.network().map(NetworkName::new);
                if let Some(Ok(network)) = network {
                    networks.entry(network).or_default().push(namespace);
                }
            })
            .await?;
        if networks.is_empty() {
            return Ok(Vec::new());
        }
        let version = self.version().await?;
        let workers = self.count_workers().await?;
        let cluster = |(network, namespaces): (NetworkName, Vec<Namespace>)| {
            self.cluster(network, &namespaces, &version, workers)
        };
        Ok(networks.into_iter().map(cluster).collect())
    }

    async fn count_workers(&self) -> Result<u32> {
        let mut count: u32 = 0;
        let count_one = |_: Listed| count = count.saturating_add(1);
        self.connection().await?.list_each(&Query::everywhere(NODE), count_one).await?;
        Ok(count)
    }

    fn cluster(
        &self,
        network: NetworkName,
        namespaces: &[Namespace],
        version: &str,
        workers: u32,
    ) -> Cluster {
        let names: Vec<&str> = namespaces.iter().map(|one| one.metadata.name.as_str()).collect();
        let labels = namespaces.iter().flat_map(|one| one.metadata.labels.clone()).collect();
        Cluster {
            name: network.as_str().to_owned(),
            location: self.location.clone(),
            state: state_of(namespaces),
            message: format!("namespaces {}", names.join(", ")),
            version: version.to_owned(),
            workers,
            created: namespaces.iter().filter_map(|one| one.metadata.creation_timestamp).min(),
            labels,
            recorded_in: namespaces.iter().find_map(Namespace::recorded_in).map(str::to_owned),
            ownership: Ownership::Ours(network),
        }
    }

    fn unsupported(operation: &str) -> Error {
        Error::unsupported(operation, NAME)
            .with_hint("this provider uses a cluster that exists and leaves its machines alone")
    }
}

/// How far a network with these namespaces is. One that only some are being deleted of is left by a deletion that died, and the others are still to be deleted.
fn state_of(namespaces: &[Namespace]) -> ClusterState {
    if namespaces.iter().all(Namespace::is_ending) { ClusterState::Stopping } else { ClusterState::Running }
}

#[async_trait]
impl ClusterProvider for KubeconfigCluster {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> ClusterCapabilities {
        ClusterCapabilities {
            creates_clusters: false,
            manages_infrastructure: false,
            plans_node_ports: false,
        }
    }

    async fn preflight(&self, request: &PreflightRequest) -> Result<Vec<Finding>> {
        let network = request.cluster.network.as_str();
        let namespace = self.namespace.as_deref().unwrap_or(network);
        rights::missing(self.connection().await?, namespace).await
    }

    async fn get(&self, network: &NetworkName) -> Result<Option<Cluster>> {
        let selector = labels::namespace_selector(Some(network.as_str()));
        Ok(self.clusters(&selector).await?.into_iter().next())
    }

    async fn list(&self) -> Result<ClusterList> {
        let selector = labels::namespace_selector(None);
        Ok(ClusterList { clusters: self.clusters(&selector).await?, unreachable: Vec::new() })
    }

    async fn look_cluster(&self, _request: &ClusterRequest) -> Result<Look> {
        self.check_version().await.map(|()| Look::Same)
    }

    async fn ensure_cluster(&self, _request: &ClusterRequest, _wait: &Wait) -> Result<Outcome> {
        self.check_version().await.map(|()| Outcome::Unchanged)
    }

    async fn resize(&self, _: &NetworkName, _: u32, _: u32, _: &Wait) -> Result<Outcome> {
        Err(Self::unsupported("resize the pool of workers"))
    }

    async fn delete_cluster(&self, _: &NetworkName, _: &Wait) -> Result<Outcome> {
        Err(Self::unsupported("delete a cluster"))
    }

    async fn access(&self, _network: &NetworkName) -> Result<Access> {
        Ok(self.access.clone())
    }

    async fn look_firewall(&self, _: &FirewallRequest) -> Result<Look> {
        Err(Self::unsupported("look at firewall rules"))
    }

    async fn ensure_firewall(&self, _: &FirewallRequest, _: &Wait) -> Result<Outcome> {
        Err(Self::unsupported("set firewall rules"))
    }

    async fn firewall_rules(&self, _: Option<&NetworkName>) -> Result<Vec<FirewallRule>> {
        Err(Self::unsupported("list firewall rules"))
    }

    async fn delete_firewall_rule(&self, _: &FirewallRule, _: &Wait) -> Result<Outcome> {
        Err(Self::unsupported("delete a firewall rule"))
    }

    async fn disks(&self, _: Option<&NetworkName>) -> Result<Vec<Disk>> {
        Err(Self::unsupported("list disks"))
    }

    async fn unmarked_disks(&self) -> Result<Vec<UnmarkedDisk>> {
        Err(Self::unsupported("list disks"))
    }

    async fn load_balancers(
        &self,
        _: Option<&NetworkName>,
        _: &[RememberedBalancer],
    ) -> Result<Vec<LoadBalancer>> {
        Err(Self::unsupported("list load balancers"))
    }

    async fn delete_load_balancer(&self, _: &LoadBalancer, _: &Wait) -> Result<Outcome> {
        Err(Self::unsupported("delete a load balancer"))
    }

    async fn delete_disk(&self, _: &Disk, _: &Wait) -> Result<Outcome> {
        Err(Self::unsupported("delete a disk"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn namespace(ending: bool) -> Namespace {
        let deleted = ending.then_some("2026-11-22T06:00:00Z");
        serde_json::from_value(json!({"metadata": {"name": "net1", "deletionTimestamp": deleted}})).unwrap()
    }

    #[test]
    fn a_network_is_being_deleted_only_when_all_its_namespaces_are() {
        assert_eq!(state_of(&[namespace(true), namespace(true)]), ClusterState::Stopping);
        assert_eq!(state_of(&[namespace(true), namespace(false)]), ClusterState::Running);
        assert_eq!(state_of(&[namespace(false)]), ClusterState::Running);
    }
}
