use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;

use super::{Access, ChartInstaller, LogStore, Workloads};
use crate::charts::Namespaces;
use crate::error::Result;
use crate::names::NetworkName;
use crate::secret::SecretString;

/// Makes the services that live inside a cluster, once there is one.
///
/// # Contract
///
/// Connecting makes no write. Credentials are used as they are asked for, so that what is connected outlives a token.
#[async_trait]
pub trait ClusterConnector: Debug + Send + Sync {
    /// Workloads and charts of a network on the cluster that `access` leads to.
    async fn connect(&self, access: &Access, network: &NetworkBinding) -> Result<ClusterServices>;

    /// Charts before there is a cluster to install them in: they can be found, and nothing else.
    fn charts(&self) -> Arc<dyn ChartInstaller>;

    /// The log store behind two tunnels.
    async fn log_store(&self, access: &LogStoreAccess) -> Result<Arc<dyn LogStore>>;
}

/// Which network a connection is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkBinding {
    /// The network.
    pub network: NetworkName,
    /// Its namespaces.
    pub namespaces: Namespaces,
    /// Those that belong to it alone.
    pub owned_namespaces: Vec<String>,
    /// True when other networks live on the cluster too.
    pub shared_cluster: bool,
    /// The most workers that the cluster's pool may have; none when that is not known.
    pub most_workers: Option<u32>,
}

/// What lives inside a cluster.
#[derive(Debug, Clone)]
pub struct ClusterServices {
    /// The network's workloads.
    pub workloads: Arc<dyn Workloads>,
    /// Its charts.
    pub charts: Arc<dyn ChartInstaller>,
}

/// How to reach a log store through tunnels.
#[derive(Debug, Clone)]
pub struct LogStoreAccess {
    /// The local end of the tunnel to Elasticsearch, which speaks TLS with a certificate for `elasticsearch-master`.
    pub elasticsearch: SocketAddr,
    /// The local end of the tunnel to Kibana, which speaks plain HTTP.
    pub kibana: SocketAddr,
    /// The user.
    pub user: String,
    /// The password.
    pub password: SecretString,
    /// The certificate authority that signed Elasticsearch's certificate, in PEM.
    pub certificate_authority: String,
}
