//! What runs in one network's cluster, on any Kubernetes API.
//!
//! Objects of ours are applied by server-side apply; Secrets are only ever created. Everything is found again by label, by one
//! list for each kind, and waited for by one watch for each kind.

mod ensure;
mod evidence;
mod foundation;
mod host_ports;
mod listing;
mod logs;
mod removal;
mod scope;
mod tunnel;
mod waiting;
mod workers;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use serde::Deserialize;
use spacecraft_core::Result;
use spacecraft_core::observer::Outcome;
use spacecraft_core::traits::{
    Evidence, LogLines, LogQuery, Look, NetworkBinding, ServiceAddress, ServiceName, Tunnel, Workloads,
};
use spacecraft_core::wait::Wait;
use spacecraft_core::workload::{Foundation, NetworkSecret, ObservedWorkload, TlsSecret, Worker, Workload};

use self::ensure::Memory;
pub(crate) use self::scope::Namespace;
use crate::connection::{Connection, Metadata, Query};
use crate::objects::secret::{self, StoredSecret};
use crate::objects::{Target, labels};
use crate::observed::ServiceStatus;
use crate::resource::{Address, ResourceType, SECRET, SERVICE};

/// A Service, cut down to what tells its load balancer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct BalancedService {
    metadata: Metadata,
    status: ServiceStatus,
}

/// The workloads of one network.
#[derive(Debug)]
pub struct KubernetesWorkloads {
    connection: Connection,
    target: Target,
    namespaces: Vec<String>,
    most_workers: Option<u32>,
    memory: Mutex<Memory>,
}

impl KubernetesWorkloads {
    /// The workloads of the network that `binding` names, reached through `connection`. A binding that knows the most workers of the
    /// pool lets a wait fail early when a pod fits nowhere and no worker can come.
    #[must_use]
    pub fn new(connection: Connection, binding: &NetworkBinding) -> Self {
        Self {
            connection,
            target: Target::of(binding),
            namespaces: binding.owned_namespaces.clone(),
            most_workers: binding.most_workers,
            memory: Mutex::default(),
        }
    }

    /// The connection to the cluster.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    fn network(&self) -> &str {
        self.target.network.as_str()
    }

    fn selector(&self) -> String {
        labels::network_selector(self.network())
    }

    /// All objects of a kind that belong to the network, in its own namespace.
    fn ours(&self, kind: ResourceType) -> Query {
        Query::within(kind, &self.target.namespace).labelled(self.selector())
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Workloads for KubernetesWorkloads {
    fn namespace(&self) -> &str {
        &self.target.namespace
    }

    async fn look_foundation(&self, foundation: &Foundation) -> Result<Look> {
        foundation::look(self, foundation).await
    }

    async fn ensure_foundation(&self, foundation: &Foundation) -> Result<Outcome> {
        foundation::ensure(self, foundation).await
    }

    async fn secrets(&self) -> Result<Vec<NetworkSecret>> {
        let mut secrets = Vec::new();
        let query = self.ours(SECRET);
        self.connection
            .list_each(&query, |stored: StoredSecret| secrets.push(stored.into_network_secret()))
            .await?;
        Ok(secrets)
    }

    async fn create_secret(&self, secret: &NetworkSecret) -> Result<NetworkSecret> {
        let address = secret::address(&self.target, secret);
        let body = secret::with_contents(&self.target, secret);
        let (stored, _): (StoredSecret, bool) = self.connection.create_or_read(&address, &body).await?;
        Ok(stored.into_network_secret())
    }

    async fn read_secret(&self, namespace: &str, name: &str) -> Result<Option<NetworkSecret>> {
        let stored: Option<StoredSecret> =
            self.connection.get(&Address::new(SECRET, namespace, name)).await?;
        Ok(stored.map(StoredSecret::into_network_secret))
    }

    async fn look_tls_secret(&self, secret: &TlsSecret) -> Result<Look> {
        let stored = self.read_secret(&secret.namespace, &secret.name).await?;
        Ok(secret::look_tls(secret, stored.as_ref()))
    }

    async fn ensure_tls_secret(&self, secret: &TlsSecret) -> Result<Outcome> {
        let address = Address::new(SECRET, secret.namespace.as_str(), secret.name.as_str());
        let body = secret::tls_with_contents(&self.target, secret);
        let (stored, created): (StoredSecret, bool) = self.connection.create_or_read(&address, &body).await?;
        if created {
            return Ok(Outcome::Created);
        }
        if secret::look_tls(secret, Some(&stored.into_network_secret())).is_same() {
            return Ok(Outcome::Unchanged);
        }
        self.connection.merge(&address, &secret::tls_contents(secret)).await?;
        Ok(Outcome::Updated)
    }

    async fn workers(&self) -> Result<Vec<Worker>> {
        workers::list(self).await
    }

    async fn taken_host_ports(&self) -> Result<BTreeMap<String, BTreeSet<u16>>> {
        host_ports::of_others(self).await
    }

    async fn assign_slot(&self, worker: &str, slot: u32) -> Result<Outcome> {
        workers::assign_slot(self, worker, slot).await
    }

    async fn look_workloads(&self, workloads: &[Workload]) -> Result<Vec<Look>> {
        ensure::look(self, workloads).await
    }

    async fn ensure_workload(&self, workload: &Workload) -> Result<Outcome> {
        ensure::ensure(self, workload).await
    }

    async fn list(&self) -> Result<Vec<ObservedWorkload>> {
        listing::list(self).await
    }

    async fn wait_ready(&self, names: &[String], wait: &Wait) -> Result<()> {
        waiting::until_ready(self, names, wait).await
    }

    async fn remove_workload(&self, name: &str, wait: &Wait) -> Result<Outcome> {
        removal::remove_workload(self, name, wait).await
    }

    async fn release_infrastructure(&self, wait: &Wait) -> Result<Outcome> {
        removal::release_infrastructure(self, wait).await
    }

    async fn remove_namespace(&self, name: &str, wait: &Wait) -> Result<Outcome> {
        removal::remove_namespace(self, name, wait).await
    }

    async fn remove_all(&self, wait: &Wait) -> Result<Outcome> {
        removal::remove_all(self, wait).await
    }

    async fn service_address(&self, service: &ServiceName) -> Result<Option<ServiceAddress>> {
        let address = Address::new(SERVICE, service.namespace.as_str(), service.name.as_str());
        let Some(service) = self.connection.get::<BalancedService>(&address).await? else { return Ok(None) };
        let uid = Some(service.metadata.uid).filter(|uid| !uid.is_empty());
        let ip = service.status.load_balancer.ingress.into_iter().find_map(|ingress| ingress.ip);
        Ok(ip.map(|ip| ServiceAddress { ip, uid }))
    }

    async fn tunnel(&self, service: &ServiceName, port: u16) -> Result<Tunnel> {
        tunnel::open(&self.connection, service, port).await
    }

    async fn logs(&self, query: &LogQuery) -> Result<Vec<String>> {
        logs::logs(self, query).await
    }

    async fn follow_logs(&self, query: &LogQuery) -> Result<LogLines> {
        logs::follow(self, query).await
    }

    async fn evidence(&self) -> Result<Evidence> {
        evidence::collect(self).await
    }
}
