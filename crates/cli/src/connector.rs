//! What lives inside a cluster: workloads, charts, and the log store behind tunnels.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use spacecraft_core::Result;
use spacecraft_core::observer::Outcome;
use spacecraft_core::traits::{
    Access, ChartInstaller, ChartRelease, ClusterConnector, ClusterServices, InstalledRelease, LogStore,
    LogStoreAccess, Look, NetworkBinding,
};
use spacecraft_core::wait::Wait;
use spacecraft_elastic::Elastic;
use spacecraft_helm::charts::Charts;
use spacecraft_helm::cluster::Cluster;
use spacecraft_helm::keys::RsaKeys;
use spacecraft_helm::source::ChartSources;
use spacecraft_http::{Client, ClientOptions};
use spacecraft_kubernetes::{Connection, KubernetesWorkloads};

/// Makes the services inside clusters.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    client: Client,
    options: ClientOptions,
    chart_cache: PathBuf,
    rsa_keys: Arc<dyn RsaKeys>,
    mirrors: BTreeMap<String, String>,
}

impl Connector {
    /// Requests go through `client`, which was built from `options`. Charts are kept in `chart_cache`, and have RSA keys from `rsa_keys`. Public hosts in `mirrors` are asked at the
    /// address given there.
    pub(crate) fn new(
        client: Client,
        options: ClientOptions,
        chart_cache: PathBuf,
        rsa_keys: Arc<dyn RsaKeys>,
        mirrors: BTreeMap<String, String>,
    ) -> Self {
        Self { client, options, chart_cache, rsa_keys, mirrors }
    }

    /// Charts, for releases on a cluster or for rendering alone.
    pub(crate) fn charts_on(&self, cluster: Option<Cluster>) -> Charts {
        let sources = ChartSources::new(Some(self.client.clone()), Some(self.chart_cache.clone()));
        Charts::new(sources, cluster, Arc::clone(&self.options.clock), Arc::clone(&self.options.random))
            .with_rsa_keys(Arc::clone(&self.rsa_keys))
    }

    /// A connection to a cluster, and the charts and releases on it.
    pub(crate) async fn open(&self, access: &Access) -> Result<(Connection, Charts)> {
        let retrier = self.client.retrier().clone();
        let connection = Connection::open(access, retrier.clone()).await?;
        let charts = self.charts_on(Some(Cluster::new(connection.client().clone(), retrier)));
        Ok((connection, charts))
    }

    fn installer(&self, charts: Charts) -> Arc<dyn ChartInstaller> {
        let installer: Arc<dyn ChartInstaller> = Arc::new(charts);
        if self.mirrors.is_empty() {
            return installer;
        }
        Arc::new(MirroredCharts { installer, mirrors: self.mirrors.clone() })
    }
}

#[async_trait]
impl ClusterConnector for Connector {
    async fn connect(&self, access: &Access, network: &NetworkBinding) -> Result<ClusterServices> {
        let (connection, charts) = self.open(access).await?;
        let workloads = KubernetesWorkloads::new(connection, network);
        Ok(ClusterServices { workloads: Arc::new(workloads), charts: self.installer(charts) })
    }

    fn charts(&self) -> Arc<dyn ChartInstaller> {
        self.installer(self.charts_on(None))
    }

    async fn log_store(&self, access: &LogStoreAccess) -> Result<Arc<dyn LogStore>> {
        Ok(Arc::new(Elastic::connect(self.options.clone(), access)?))
    }
}

/// Charts whose public repositories are mirrored elsewhere, as by the simulated cloud.
#[derive(Debug)]
struct MirroredCharts {
    installer: Arc<dyn ChartInstaller>,
    mirrors: BTreeMap<String, String>,
}

impl MirroredCharts {
    fn mirrored(&self, release: &ChartRelease) -> ChartRelease {
        let mirror = |repository: &str| {
            let (host, path) = repository
                .strip_prefix("https://")?
                .split_once('/')
                .unwrap_or((repository.strip_prefix("https://")?, ""));
            let base = self.mirrors.get(host)?;
            Some(format!("{}/{path}", base.trim_end_matches('/')).trim_end_matches('/').to_owned())
        };
        let repository = mirror(&release.repository).unwrap_or_else(|| release.repository.clone());
        ChartRelease { repository, ..release.clone() }
    }
}

#[async_trait]
impl ChartInstaller for MirroredCharts {
    async fn find(&self, release: &ChartRelease) -> Result<()> {
        self.installer.find(&self.mirrored(release)).await
    }

    async fn look(&self, release: &ChartRelease) -> Result<Look> {
        self.installer.look(&self.mirrored(release)).await
    }

    async fn ensure(&self, release: &ChartRelease, wait: &Wait) -> Result<Outcome> {
        self.installer.ensure(&self.mirrored(release), wait).await
    }

    async fn remove(&self, namespace: &str, name: &str, wait: &Wait) -> Result<Outcome> {
        self.installer.remove(namespace, name, wait).await
    }

    async fn list(&self, namespace: Option<&str>) -> Result<Vec<InstalledRelease>> {
        self.installer.list(namespace).await
    }
}
