use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use futures::Stream;
use serde::{Deserialize, Serialize};

use super::Look;
use crate::error::{Error, Result};
use crate::observer::Outcome;
use crate::wait::Wait;
use crate::workload::{Foundation, NetworkSecret, ObservedWorkload, TlsSecret, Worker, Workload};

/// What runs in a network's cluster.
///
/// An implementation is bound to one network and its namespace. Everything is found by label, never by a part of a name.
///
/// # Contract
///
/// * `look_*` methods, `secrets`, `workers`, `taken_host_ports` and `list` cost a constant number of calls, however many workloads there are.
/// * `ensure_workload` makes all objects of one workload so, by at most seven calls, and does not wait for its pod.
/// * `create_secrets` is create-only: what exists already wins and is what it answers.
/// * A workload that is `stopped` has everything but a pod. One that was stopped runs again, with the data it had, once it is ensured without that.
/// * `wait_ready` uses one watch per kind for all names together. It fails before its deadline when a reason cannot pass by itself: an invalid
///   image name or config at once, an image that cannot be pulled after two minutes, a container that crashed three times, a pod that fits on no worker while
///   no worker can come.
/// * `follow_logs` fails at once where `logs` would. Its stream ends when the container does, or after an error; nothing is left open once it is dropped.
/// * `remove_workload` and `remove_all` remove everything the workload or network owns, claims and their disks included, and tolerate what is already gone.
#[async_trait]
pub trait Workloads: Debug + Send + Sync {
    /// The namespace of the network's own objects.
    fn namespace(&self) -> &str;

    /// Compares namespaces, policies and budgets with what is wanted.
    async fn look_foundation(&self, foundation: &Foundation) -> Result<Look>;

    /// Makes namespaces, policies and budgets so.
    async fn ensure_foundation(&self, foundation: &Foundation) -> Result<Outcome>;

    /// All Secrets that the network keeps for its parts, with their contents; none when the namespace does not exist.
    async fn secrets(&self) -> Result<Vec<NetworkSecret>>;

    /// Creates one Secret unless it exists; answers what is then in the cluster.
    async fn create_secret(&self, secret: &NetworkSecret) -> Result<NetworkSecret>;

    /// A Secret that something else keeps in a namespace, by name (such as a chart's passwords).
    async fn read_secret(&self, namespace: &str, name: &str) -> Result<Option<NetworkSecret>>;

    /// Compares a TLS Secret with what is wanted.
    async fn look_tls_secret(&self, secret: &TlsSecret) -> Result<Look>;

    /// Makes a TLS Secret so, in a namespace that exists.
    async fn ensure_tls_secret(&self, secret: &TlsSecret) -> Result<Outcome>;

    /// The workers that pods can run on, sorted by name.
    async fn workers(&self) -> Result<Vec<Worker>>;

    /// The host ports that pods of others hold, by the worker they run on; none where they may not be seen.
    async fn taken_host_ports(&self) -> Result<BTreeMap<String, BTreeSet<u16>>>;

    /// Puts a slot (`spacecraft.io/slot`) on a worker, taking it from any other worker.
    async fn assign_slot(&self, worker: &str, slot: u32) -> Result<Outcome>;

    /// Compares workloads with what is wanted, one look for each in the same order.
    async fn look_workloads(&self, workloads: &[Workload]) -> Result<Vec<Look>>;

    /// Makes all objects of one workload so.
    async fn ensure_workload(&self, workload: &Workload) -> Result<Outcome>;

    /// The network's workloads as they are.
    async fn list(&self) -> Result<Vec<ObservedWorkload>>;

    /// Waits until the newest pod of each named workload is ready and no older one is left, or of a stopped one, until no pod is left. Progress is told as workloads
    /// become ready.
    async fn wait_ready(&self, names: &[String], wait: &Wait) -> Result<()>;

    /// Removes one workload with all it owns.
    async fn remove_workload(&self, name: &str, wait: &Wait) -> Result<Outcome>;

    /// Removes what would outlive the cluster or its namespaces: Services of type LoadBalancer and claims of all of the network's namespaces, and waits until
    /// their load balancers and volumes are gone.
    async fn release_infrastructure(&self, wait: &Wait) -> Result<Outcome>;

    /// Removes a namespace that the network has besides its own with all that is in it, or of one that somebody else made what is the network's, and waits
    /// until it is gone. A namespace that was made for a shared chart goes too: whoever asks knows that nobody uses that any more.
    async fn remove_namespace(&self, name: &str, wait: &Wait) -> Result<Outcome>;

    /// Removes the network's namespaces with all that is in them, and what it labelled elsewhere: for clusters that stay.
    async fn remove_all(&self, wait: &Wait) -> Result<Outcome>;

    /// Where a Service can be reached from outside: the address of its load balancer, if it has one by now.
    async fn service_address(&self, service: &ServiceName) -> Result<Option<ServiceAddress>>;

    /// A tunnel from a local port, through the Kubernetes API, to a port of a ready pod behind a Service.
    async fn tunnel(&self, service: &ServiceName, port: u16) -> Result<Tunnel>;

    /// The last lines that a workload's container wrote, oldest first.
    async fn logs(&self, query: &LogQuery) -> Result<Vec<String>>;

    /// The same lines, and then those that the container writes, as they come.
    async fn follow_logs(&self, query: &LogQuery) -> Result<LogLines>;

    /// What there is to know about workloads that are not ready: events, states, last log lines.
    async fn evidence(&self) -> Result<Evidence>;
}

/// Names a Service.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ServiceName {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl ServiceName {
    /// The Service `name` in `namespace`.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

/// Where a load balancer answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceAddress {
    /// Its IPv4 address.
    pub ip: String,
    /// The identifier of the Service, which no other ever has.
    pub uid: Option<String>,
}

/// An open tunnel; it closes when it is dropped.
#[derive(Debug)]
pub struct Tunnel {
    /// The local end.
    pub local: SocketAddr,
    /// Keeps the tunnel open.
    pub guard: Box<dyn TunnelGuard>,
}

impl Tunnel {
    /// What came through the tunnel; where nothing came because it led nowhere, why that is so.
    ///
    /// # Errors
    ///
    /// Why the last connection could not be carried to the other end, or else the answer's own.
    pub fn told<T>(&self, answer: Result<T>) -> Result<T> {
        answer.map_err(|error| self.guard.blocked().unwrap_or(error))
    }
}

/// Keeps a tunnel open until it is dropped.
pub trait TunnelGuard: Debug + Send + Sync {
    /// Why the last connection could not be carried to the other end; told once. Whoever connected saw no more than that its connection ended.
    fn blocked(&self) -> Option<Error>;
}

/// Log lines as they come.
pub type LogLines = Pin<Box<dyn Stream<Item = Result<String>> + Send>>;

/// Which log lines are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogQuery {
    /// The workload's name.
    pub workload: String,
    /// At most this many of the last lines.
    pub tail: u32,
    /// Only lines of the last while.
    pub since: Option<Duration>,
    /// The lines of the container's previous run.
    pub previous: bool,
}

/// What there is to know about pods that are not ready.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// One entry for each pod that is not ready.
    pub pods: Vec<PodEvidence>,
    /// The namespace's last warnings, oldest first, each as one line.
    pub warnings: Vec<String>,
}

/// What there is to know about a pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodEvidence {
    /// The workload.
    pub workload: String,
    /// The pod.
    pub pod: String,
    /// Why it is not ready.
    pub reason: String,
    /// Its last log lines.
    pub last_log_lines: Vec<String>,
}
