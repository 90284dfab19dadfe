//! The in-memory [`Workloads`].

mod space;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::MutexGuard;
use std::time::Duration;

use async_trait::async_trait;
use spacecraft_core::names::NetworkName;
use spacecraft_core::observer::{Event, Outcome};
use spacecraft_core::traits::{
    Evidence, LogLines, LogQuery, Look, PodEvidence, ServiceAddress, ServiceName, Tunnel, TunnelGuard,
    Workloads,
};
use spacecraft_core::wait::{Progress, Wait};
use spacecraft_core::workload::{Foundation, NetworkSecret, ObservedWorkload, TlsSecret, Worker, Workload};
use spacecraft_core::{Error, Meaning, Result};

use self::space::{Hindrance, Space, default_worker};
use crate::cluster::ClusterLink;
use crate::difference;
use crate::ledger::Ledger;
use crate::shared::Shared;

/// What runs in a network's cluster, in memory. Pods are ready as soon as their workload is there, unless they are held back, break down,
/// or are pinned to a slot that no worker carries.
#[derive(Debug, Clone)]
pub struct InMemoryWorkloads {
    network: NetworkName,
    namespace: String,
    ledger: Ledger,
    link: ClusterLink,
    space: Shared<Space>,
}

impl InMemoryWorkloads {
    /// An empty cluster of three workers with a namespace of the network's name, counting calls in `ledger`.
    #[must_use]
    pub fn new(network: &NetworkName, ledger: Ledger) -> Self {
        Self {
            network: network.clone(),
            namespace: network.to_string(),
            ledger,
            link: ClusterLink::default(),
            space: Shared::default(),
        }
    }

    /// Workloads that live and die with the network's cluster and leave their disks to it, counted in its ledger.
    #[must_use]
    pub fn in_cluster(network: &NetworkName, link: ClusterLink) -> Self {
        Self { ledger: link.ledger(), link, ..Self::new(network, Ledger::default()) }
    }

    /// The same in another namespace.
    #[must_use]
    pub fn in_namespace(self, namespace: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), ..self }
    }

    /// The calls so far, and faults to come.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Replaces the workers.
    pub fn set_workers(&self, workers: Vec<Worker>) {
        self.space.lock().workers = Some(workers);
    }

    /// Keeps a workload's pod from becoming ready, for this reason, until [`Self::let_go`].
    pub fn hold_back(&self, workload: impl Into<String>, reason: impl Into<String>) {
        let hindrance = Hindrance { reason: reason.into(), terminal: false };
        self.space.lock().hindrances.insert(workload.into(), hindrance);
    }

    /// Breaks a workload's pod down for a reason that cannot pass by itself.
    pub fn break_down(&self, workload: impl Into<String>, reason: impl Into<String>) {
        let hindrance = Hindrance { reason: reason.into(), terminal: true };
        self.space.lock().hindrances.insert(workload.into(), hindrance);
    }

    /// Breaks a workload's pod down, for a reason that cannot pass by itself, while it runs this image.
    pub fn break_release(
        &self,
        workload: impl Into<String>,
        image: impl Into<String>,
        reason: impl Into<String>,
    ) {
        self.space.lock().broken_releases.insert((workload.into(), image.into()), reason.into());
    }

    /// Lets a workload's pod become ready.
    pub fn let_go(&self, workload: &str) {
        self.space.lock().hindrances.remove(workload);
    }

    /// Gives a Service a load balancer.
    pub fn set_load_balancer(&self, service: ServiceName, ip: impl Into<String>) {
        let ip = ip.into();
        if let Some(cloud) = self.link.cloud() {
            cloud.add_load_balancer(space::load_balancer(&self.network, &service, &ip));
        }
        self.space.lock().load_balancers.insert(service, ip);
    }

    /// Puts a Secret of something else into a namespace.
    pub fn put_secret(&self, namespace: impl Into<String>, secret: NetworkSecret) {
        self.space.lock().other_secrets.insert((namespace.into(), secret.name.clone()), secret);
    }

    /// Lets a workload's container have written these lines.
    pub fn write_logs(&self, workload: impl Into<String>, lines: Vec<String>) {
        self.space.lock().logs.insert(workload.into(), lines);
    }

    /// The workloads as they were last asked for, by name.
    #[must_use]
    pub fn workloads(&self) -> BTreeMap<String, Workload> {
        self.space.lock().workloads.clone()
    }

    /// Takes a workload away behind everybody's back; its keys stay.
    pub fn forget(&self, workload: &str) {
        self.space.lock().workloads.remove(workload);
    }

    /// True when nothing of the network is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.space.lock().is_empty()
    }

    /// Lets a pod of somebody else hold a host port of a worker.
    pub fn take_host_port(&self, worker: &str, port: u16) {
        self.space.lock().taken_host_ports.entry(worker.to_owned()).or_default().insert(port);
    }

    /// The state in the present cluster: a new cluster is empty.
    fn present(&self) -> Result<MutexGuard<'_, Space>> {
        let incarnation = self.link.incarnation()?;
        let mut space = self.space.lock();
        if space.incarnation != incarnation {
            space.begin_anew(incarnation);
        }
        let missing = self.link.workers();
        space.workers.get_or_insert_with(|| (1..=missing).map(default_worker).collect());
        Ok(space)
    }

    /// Takes load balancers and claims away, and what stands behind those in the cloud; true when there were any.
    fn release_claims(&self) -> Result<bool> {
        let balanced: Vec<ServiceName> = self.present()?.load_balancers.keys().cloned().collect();
        let released = self.present()?.release_infrastructure();
        if let Some(cloud) = self.link.cloud() {
            let balancers = balanced.iter().map(space::balancer_name);
            balancers.for_each(|balancer| cloud.take_load_balancer(&balancer));
            let disks = released.claims.iter().map(|claim| space::disk_name(&self.namespace, claim));
            disks.for_each(|disk| cloud.take_disk(&disk));
        }
        Ok(released.anything)
    }

    /// The state of a network whose namespace exists.
    fn founded(&self, operation: &str) -> Result<MutexGuard<'_, Space>> {
        let space = self.present()?;
        if space.foundation.is_none() {
            let reason = "there is no such namespace";
            return Err(Error::new(Meaning::NotFound, operation, &self.namespace, reason));
        }
        Ok(space)
    }

    fn look_for_readiness(&self, names: &[String], wait: &Wait, told: &mut usize) -> Result<Progress<()>> {
        let space = self.present()?;
        let mut waiting = Vec::new();
        for name in names {
            match space.why_not_ready(name)? {
                Some(hindrance) if hindrance.terminal => {
                    return Err(Error::new(Meaning::Other, "start pod of", name, hindrance.reason));
                }
                Some(hindrance) => waiting.push(format!("{name}: {}", hindrance.reason)),
                None => {}
            }
        }
        let ready = names.len() - waiting.len();
        if ready > *told {
            *told = ready;
            wait.observer().observe(&Event::Progress {
                step: wait.step().to_owned(),
                done: ready as u64,
                total: names.len() as u64,
            });
        }
        Ok(waiting.into_iter().next().map_or(Progress::Ready(()), Progress::Pending))
    }
}

#[async_trait]
impl Workloads for InMemoryWorkloads {
    fn namespace(&self) -> &str {
        &self.namespace
    }

    async fn look_foundation(&self, foundation: &Foundation) -> Result<Look> {
        let call = self.ledger.begin("workloads.look_foundation", &self.namespace).await?;
        let look = difference::look(self.present()?.foundation.as_ref(), foundation);
        call.read(look)
    }

    async fn ensure_foundation(&self, foundation: &Foundation) -> Result<Outcome> {
        let call = self.ledger.begin("workloads.ensure_foundation", &self.namespace).await?;
        let before = self.present()?.foundation.replace(foundation.clone());
        if let Some(cloud) = self.link.cloud() {
            cloud.set_sharing(&self.network, Some(foundation));
        }
        call.changed(match before {
            None => Outcome::Created,
            Some(same) if same == *foundation => Outcome::Unchanged,
            Some(_) => Outcome::Updated,
        })
    }

    async fn secrets(&self) -> Result<Vec<NetworkSecret>> {
        let call = self.ledger.begin("workloads.secrets", "").await?;
        let secrets = self.present()?.secrets.values().cloned().collect();
        call.read(secrets)
    }

    async fn create_secret(&self, secret: &NetworkSecret) -> Result<NetworkSecret> {
        let call = self.ledger.begin("workloads.create_secret", &secret.name).await?;
        let stored = {
            let mut space = self.founded("create Secret")?;
            space.secrets.entry(secret.name.clone()).or_insert_with(|| secret.clone()).clone()
        };
        call.wrote(stored)
    }

    async fn read_secret(&self, namespace: &str, name: &str) -> Result<Option<NetworkSecret>> {
        let call = self.ledger.begin("workloads.read_secret", name).await?;
        let space = self.present()?;
        let own = space.secrets.get(name).filter(|_| namespace == self.namespace);
        let other = space.other_secrets.get(&(namespace.to_owned(), name.to_owned()));
        call.read(own.or(other).cloned())
    }

    async fn look_tls_secret(&self, secret: &TlsSecret) -> Result<Look> {
        let call = self.ledger.begin("workloads.look_tls_secret", &secret.name).await?;
        let look = self.present()?.look_tls(secret);
        call.read(look)
    }

    async fn ensure_tls_secret(&self, secret: &TlsSecret) -> Result<Outcome> {
        let call = self.ledger.begin("workloads.ensure_tls_secret", &secret.name).await?;
        let outcome = self.founded("ensure Secret")?.ensure_tls(secret, &self.namespace)?;
        call.changed(outcome)
    }

    async fn workers(&self) -> Result<Vec<Worker>> {
        let call = self.ledger.begin("workloads.workers", "").await?;
        let mut workers = self.present()?.workers.clone().unwrap_or_default();
        workers.sort_by(|left, right| left.name.cmp(&right.name));
        call.read(workers)
    }

    async fn taken_host_ports(&self) -> Result<BTreeMap<String, BTreeSet<u16>>> {
        let call = self.ledger.begin("workloads.taken_host_ports", &self.namespace).await?;
        call.read(self.present()?.taken_host_ports.clone())
    }

    async fn assign_slot(&self, worker: &str, slot: u32) -> Result<Outcome> {
        let call = self.ledger.begin("workloads.assign_slot", worker).await?;
        let outcome = self.present()?.assign_slot(worker, slot)?;
        call.changed(outcome)
    }

    async fn look_workloads(&self, workloads: &[Workload]) -> Result<Vec<Look>> {
        let call = self.ledger.begin("workloads.look_workloads", "").await?;
        let space = self.present()?;
        let look = |wanted: &Workload| difference::look(space.workloads.get(&wanted.name), wanted);
        call.read(workloads.iter().map(look).collect())
    }

    async fn ensure_workload(&self, workload: &Workload) -> Result<Outcome> {
        let call = self.ledger.begin("workloads.ensure_workload", &workload.name).await?;
        let outcome = self.founded("ensure workload")?.ensure(workload)?;
        if let (Some(cloud), Some(data)) = (self.link.cloud(), &workload.data) {
            cloud.add_disk(space::disk(&self.network, &self.namespace, &workload.name, data.size));
        }
        call.changed(outcome)
    }

    async fn list(&self) -> Result<Vec<ObservedWorkload>> {
        let call = self.ledger.begin("workloads.list", "").await?;
        let observed = self.present()?.observe();
        call.read(observed)
    }

    async fn wait_ready(&self, names: &[String], wait: &Wait) -> Result<()> {
        let call = self.ledger.begin("workloads.wait_ready", "").await?;
        let told = Shared::new(0);
        let look = || async { self.look_for_readiness(names, wait, &mut told.lock()) };
        call.read(wait.until("pods to be ready", Duration::from_secs(1), look).await?)
    }

    async fn remove_workload(&self, name: &str, _wait: &Wait) -> Result<Outcome> {
        let call = self.ledger.begin("workloads.remove_workload", name).await?;
        let outcome = self.present()?.remove_workload(name);
        if let Some(cloud) = self.link.cloud() {
            cloud.take_disk(&space::disk_name(&self.namespace, name));
        }
        call.changed(outcome)
    }

    async fn release_infrastructure(&self, _wait: &Wait) -> Result<Outcome> {
        let call = self.ledger.begin("workloads.release_infrastructure", &self.namespace).await?;
        let anything = self.release_claims()?;
        call.changed(if anything { Outcome::Removed } else { Outcome::Absent })
    }

    async fn remove_namespace(&self, name: &str, _wait: &Wait) -> Result<Outcome> {
        let call = self.ledger.begin("workloads.remove_namespace", name).await?;
        let removed = self.present()?.remove_namespace(name);
        call.changed(if removed { Outcome::Removed } else { Outcome::Absent })
    }

    async fn remove_all(&self, _wait: &Wait) -> Result<Outcome> {
        let call = self.ledger.begin("workloads.remove_all", &self.namespace).await?;
        let removed = self.release_claims()? | {
            let mut space = self.present()?;
            let incarnation = space.incarnation;
            let anything = !space.is_empty();
            space.begin_anew(incarnation);
            anything
        };
        if let Some(cloud) = self.link.cloud() {
            cloud.set_sharing(&self.network, None);
        }
        call.changed(if removed { Outcome::Removed } else { Outcome::Absent })
    }

    async fn service_address(&self, service: &ServiceName) -> Result<Option<ServiceAddress>> {
        let call = self.ledger.begin("workloads.service_address", &service.name).await?;
        let ip = self.present()?.load_balancers.get(service).cloned();
        let uid = Some(format!("{}-{}", service.namespace, service.name));
        call.read(ip.map(|ip| ServiceAddress { ip, uid }))
    }

    async fn tunnel(&self, service: &ServiceName, port: u16) -> Result<Tunnel> {
        let call = self.ledger.begin("workloads.tunnel", &service.name).await?;
        let local = SocketAddr::from(([127, 0, 0, 1], port));
        call.read(Tunnel { local, guard: Box::new(OpenTunnel) })
    }

    async fn logs(&self, query: &LogQuery) -> Result<Vec<String>> {
        let call = self.ledger.begin("workloads.logs", &query.workload).await?;
        let space = self.present()?;
        if !space.workloads.contains_key(&query.workload) {
            return Err(space::no_workload("read logs of", &query.workload));
        }
        let lines = space.logs.get(&query.workload).cloned().unwrap_or_default();
        let surplus = lines.len().saturating_sub(query.tail as usize);
        call.read(lines.into_iter().skip(surplus).collect())
    }

    async fn follow_logs(&self, query: &LogQuery) -> Result<LogLines> {
        let lines = self.logs(query).await?;
        Ok(Box::pin(futures::stream::iter(lines.into_iter().map(Ok))))
    }

    async fn evidence(&self) -> Result<Evidence> {
        let call = self.ledger.begin("workloads.evidence", "").await?;
        let space = self.present()?;
        let unready = space.observe().into_iter().filter(|workload| !workload.ready);
        let evidence = |workload: ObservedWorkload| PodEvidence {
            pod: format!("{}-0", workload.name),
            last_log_lines: space.logs.get(&workload.name).cloned().unwrap_or_default(),
            reason: workload.reason,
            workload: workload.name,
        };
        call.read(Evidence { pods: unready.map(evidence).collect(), warnings: Vec::new() })
    }
}

#[derive(Debug)]
struct OpenTunnel;

impl TunnelGuard for OpenTunnel {
    fn blocked(&self) -> Option<Error> {
        None
    }
}
