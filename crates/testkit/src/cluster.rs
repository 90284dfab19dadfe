use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use spacecraft_core::charts::usage_label;
use spacecraft_core::names::NetworkName;
use spacecraft_core::observer::Outcome;
use spacecraft_core::secret::SecretString;
use spacecraft_core::traits::{
    Access, BearerTokens, Cluster, ClusterCapabilities, ClusterList, ClusterProvider, ClusterRequest,
    ClusterState, Disk, Finding, FirewallRequest, FirewallRule, LoadBalancer, Look, Ownership,
    PreflightRequest, RememberedBalancer, UnmarkedDisk,
};
use spacecraft_core::wait::Wait;
use spacecraft_core::workload::Foundation;
use spacecraft_core::{Error, Meaning, Result};

use crate::difference;
use crate::ledger::Ledger;
use crate::shared::Shared;

pub use link::ClusterLink;

mod link;

/// Clusters, disks and firewall rules in memory: like a cloud that makes a cluster per network, or like one cluster that
/// networks share.
#[derive(Debug, Clone)]
pub struct InMemoryCluster {
    ledger: Ledger,
    capabilities: ClusterCapabilities,
    state: Shared<Cloud>,
}

#[derive(Debug, Default)]
struct Cloud {
    clusters: BTreeMap<String, Entry>,
    incarnations: u64,
    sharing: BTreeMap<NetworkName, Founded>,
    firewalls: BTreeMap<NetworkName, FirewallRequest>,
    disks: BTreeMap<String, Disk>,
    foreign_disks: Vec<UnmarkedDisk>,
    balancers: BTreeMap<String, LoadBalancer>,
    findings: Vec<Finding>,
    unreachable: Vec<String>,
}

/// What the foundation of a network tells.
#[derive(Debug)]
struct Founded {
    shared_charts: Vec<String>,
    recorded_in: String,
}

#[derive(Debug, Clone)]
struct Entry {
    cluster: Cluster,
    request: Option<ClusterRequest>,
    incarnation: u64,
}

const LOCATION: &str = "memory";

impl InMemoryCluster {
    /// A cloud without clusters that makes one per network.
    #[must_use]
    pub fn new(ledger: Ledger) -> Self {
        let capabilities = ClusterCapabilities {
            creates_clusters: true,
            manages_infrastructure: true,
            plans_node_ports: true,
        };
        Self { ledger, capabilities, state: Shared::default() }
    }

    /// One cluster that is always there and that networks share.
    #[must_use]
    pub fn shared(ledger: Ledger) -> Self {
        let capabilities = ClusterCapabilities {
            creates_clusters: false,
            manages_infrastructure: false,
            plans_node_ports: false,
        };
        Self { ledger, capabilities, state: Shared::default() }
    }

    /// The calls so far, and faults to come.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What ties in-memory workloads and charts to the cluster of a network.
    #[must_use]
    pub fn link(&self, network: &NetworkName) -> ClusterLink {
        ClusterLink::to(self, network)
    }

    /// Puts a cluster of somebody else there.
    pub fn add_foreign_cluster(&self, name: &NetworkName) {
        let mut cloud = self.state.lock();
        let incarnation = cloud.next_incarnation();
        let cluster = describe(name, Ownership::Foreign, 3);
        cloud.clusters.insert(name.to_string(), Entry { cluster, request: None, incarnation });
    }

    /// Takes a cluster away behind everybody's back, leaving detached disks and firewall rules; of a network on a shared cluster its namespaces.
    pub fn lose_cluster(&self, network: &NetworkName) {
        self.state.lock().take_away(network);
    }

    /// Lets a network's own cluster tell where the network is recorded.
    pub fn tell_recorded_in(&self, network: &NetworkName, location: String) {
        if let Some(entry) = self.state.lock().clusters.get_mut(network.as_str()) {
            entry.cluster.recorded_in = Some(location);
        }
    }

    /// What the next preflights will find.
    pub fn set_findings(&self, findings: Vec<Finding>) {
        self.state.lock().findings = findings;
    }

    /// Locations that will not answer a list.
    pub fn set_unreachable(&self, locations: Vec<String>) {
        self.state.lock().unreachable = locations;
    }

    /// Puts a disk there.
    pub fn add_disk(&self, disk: Disk) {
        self.state.lock().disks.insert(disk.name.clone(), disk);
    }

    /// Puts a disk of somebody else there, which nothing uses.
    pub fn add_foreign_disk(&self, disk: UnmarkedDisk) {
        self.state.lock().foreign_disks.push(disk);
    }

    /// Puts a load balancer there.
    pub fn add_load_balancer(&self, balancer: LoadBalancer) {
        self.state.lock().balancers.insert(balancer.name.clone(), balancer);
    }

    /// The names of all load balancers.
    #[must_use]
    pub fn load_balancer_names(&self) -> Vec<String> {
        self.state.lock().balancers.keys().cloned().collect()
    }

    pub(crate) fn take_load_balancer(&self, name: &str) {
        self.state.lock().balancers.remove(name);
    }

    pub(crate) fn take_disk(&self, name: &str) {
        self.state.lock().disks.remove(name);
    }

    /// Notes that a network shares the cluster, with what its foundation tells, or with none that it does no more.
    pub(crate) fn set_sharing(&self, network: &NetworkName, foundation: Option<&Foundation>) {
        let mut cloud = self.state.lock();
        match foundation {
            Some(foundation) => {
                let founded = Founded {
                    shared_charts: foundation.shared_charts.iter().map(|chart| chart.name.clone()).collect(),
                    recorded_in: foundation.recorded_in.clone(),
                };
                cloud.sharing.insert(network.clone(), founded);
            }
            None => {
                cloud.sharing.remove(network);
            }
        }
    }

    fn require(&self, able: bool, operation: &'static str) -> Result<()> {
        if able { Ok(()) } else { Err(Error::unsupported(operation, self.name())) }
    }

    fn require_infrastructure(&self, operation: &'static str) -> Result<()> {
        self.require(self.capabilities.manages_infrastructure, operation)
    }

    /// The network's cluster as it is, however it came to be.
    fn present(&self, network: &NetworkName) -> Option<Entry> {
        let cloud = self.state.lock();
        if self.capabilities.creates_clusters {
            return cloud.clusters.get(network.as_str()).cloned();
        }
        let cluster = shared_by(network, cloud.sharing.get(network)?);
        Some(Entry { cluster, request: None, incarnation: 0 })
    }
}

impl Cloud {
    fn next_incarnation(&mut self) -> u64 {
        self.incarnations += 1;
        self.incarnations
    }

    fn own(&mut self, operation: &str, network: &NetworkName) -> Result<Option<&mut Entry>> {
        let entry = self.clusters.get_mut(network.as_str());
        match entry {
            Some(entry) if entry.cluster.ownership != Ownership::Ours(network.clone()) => {
                let reason = "a cluster of that name belongs to somebody else";
                Err(Error::new(Meaning::AlreadyExists, operation, network.as_str(), reason))
            }
            entry => Ok(entry),
        }
    }

    fn ensure(&mut self, request: &ClusterRequest) -> Result<Outcome> {
        if let Some(entry) = self.own("ensure cluster", &request.network)? {
            if entry.request.as_ref().is_some_and(|existing| satisfies(existing, request)) {
                return Ok(Outcome::Unchanged);
            }
            entry.cluster.workers = entry.cluster.workers.max(request.workers);
            entry.request = Some(request.clone());
            return Ok(Outcome::Updated);
        }
        let incarnation = self.next_incarnation();
        let cluster = describe(&request.network, Ownership::Ours(request.network.clone()), request.workers);
        let entry = Entry { cluster, request: Some(request.clone()), incarnation };
        self.clusters.insert(request.network.to_string(), entry);
        Ok(Outcome::Created)
    }

    fn resize(&mut self, network: &NetworkName, workers: u32, most_workers: u32) -> Result<Outcome> {
        let Some(entry) = self.own("resize pool", network)? else {
            return Err(no_cluster("resize pool", network));
        };
        let most_before = entry.request.as_ref().map(|request| request.most_workers);
        if entry.cluster.workers == workers && most_before == Some(most_workers) {
            return Ok(Outcome::Unchanged);
        }
        entry.cluster.workers = workers;
        if let Some(request) = &mut entry.request {
            request.workers = workers;
            request.most_workers = most_workers;
        }
        Ok(Outcome::Updated)
    }

    fn delete(&mut self, network: &NetworkName) -> Result<Outcome> {
        if self.own("delete cluster", network)?.is_none() {
            return Ok(Outcome::Absent);
        }
        self.take_away(network);
        Ok(Outcome::Removed)
    }

    fn take_away(&mut self, network: &NetworkName) {
        self.clusters.remove(network.as_str());
        self.sharing.remove(network);
        for disk in self.disks.values_mut().filter(|disk| disk.network == *network) {
            disk.users.clear();
        }
    }
}

/// A pool with more workers than asked for counts as the same.
fn satisfies(existing: &ClusterRequest, wanted: &ClusterRequest) -> bool {
    let workers = existing.workers.max(wanted.workers);
    ClusterRequest { workers, ..wanted.clone() } == *existing
}

fn describe(name: &NetworkName, ownership: Ownership, workers: u32) -> Cluster {
    Cluster {
        name: name.to_string(),
        ownership,
        location: LOCATION.to_owned(),
        state: ClusterState::Running,
        message: String::new(),
        version: "1.35.0".to_owned(),
        workers,
        created: Some(Timestamp::UNIX_EPOCH),
        labels: BTreeMap::new(),
        recorded_in: None,
    }
}

/// The cluster that networks share, as one of them has it.
fn shared_by(network: &NetworkName, founded: &Founded) -> Cluster {
    let labels = founded.shared_charts.iter().map(|chart| (usage_label(chart), "true".to_owned())).collect();
    let recorded_in = Some(founded.recorded_in.clone()).filter(|location| !location.is_empty());
    Cluster { labels, recorded_in, ..describe(network, Ownership::Ours(network.clone()), 3) }
}

fn no_cluster(operation: &str, network: &NetworkName) -> Error {
    Error::new(Meaning::NotFound, operation, network.as_str(), "there is no such cluster")
}

fn rules(request: &FirewallRequest) -> Vec<FirewallRule> {
    let ports = |(protocol, range): &(String, String)| format!("{protocol}:{range}");
    let rule = |opening: &spacecraft_core::traits::FirewallOpening| FirewallRule {
        name: format!("spacecraft-{}-{}", request.network, opening.name),
        network: request.network.clone(),
        ports: opening.ports.iter().map(ports).collect(),
        created: Some(Timestamp::UNIX_EPOCH),
    };
    request.openings.iter().map(rule).collect()
}

#[async_trait]
impl ClusterProvider for InMemoryCluster {
    fn name(&self) -> &'static str {
        "in-memory"
    }

    fn capabilities(&self) -> ClusterCapabilities {
        self.capabilities
    }

    async fn preflight(&self, request: &PreflightRequest) -> Result<Vec<Finding>> {
        let call = self.ledger.begin("cluster.preflight", request.cluster.network.as_str()).await?;
        let findings = self.state.lock().findings.clone();
        call.read(findings)
    }

    async fn get(&self, network: &NetworkName) -> Result<Option<Cluster>> {
        let call = self.ledger.begin("cluster.get", network.as_str()).await?;
        call.read(self.present(network).map(|entry| entry.cluster))
    }

    async fn list(&self) -> Result<ClusterList> {
        let call = self.ledger.begin("cluster.list", "").await?;
        let cloud = self.state.lock();
        let made = cloud.clusters.values().map(|entry| entry.cluster.clone());
        let sharing = cloud.sharing.iter().filter(|_| !self.capabilities.creates_clusters);
        let clusters = made.chain(sharing.map(|(network, founded)| shared_by(network, founded))).collect();
        call.read(ClusterList { clusters, unreachable: cloud.unreachable.clone() })
    }

    async fn look_cluster(&self, request: &ClusterRequest) -> Result<Look> {
        let call = self.ledger.begin("cluster.look_cluster", request.network.as_str()).await?;
        if !self.capabilities.creates_clusters {
            return call.read(Look::Same);
        }
        let mut cloud = self.state.lock();
        let existing = cloud.own("look at cluster", &request.network)?;
        let existing = existing.and_then(|entry| entry.request.clone());
        call.read(match existing {
            Some(existing) if satisfies(&existing, request) => Look::Same,
            existing => difference::look(existing.as_ref(), request),
        })
    }

    async fn ensure_cluster(&self, request: &ClusterRequest, _wait: &Wait) -> Result<Outcome> {
        let call = self.ledger.begin("cluster.ensure_cluster", request.network.as_str()).await?;
        if !self.capabilities.creates_clusters {
            return call.changed(Outcome::Unchanged);
        }
        let outcome = self.state.lock().ensure(request)?;
        call.changed(outcome)
    }

    async fn resize(
        &self,
        network: &NetworkName,
        workers: u32,
        most_workers: u32,
        _wait: &Wait,
    ) -> Result<Outcome> {
        self.require(self.capabilities.creates_clusters, "resize pool")?;
        let call = self.ledger.begin("cluster.resize", network.as_str()).await?;
        let outcome = self.state.lock().resize(network, workers, most_workers)?;
        call.changed(outcome)
    }

    async fn delete_cluster(&self, network: &NetworkName, _wait: &Wait) -> Result<Outcome> {
        self.require(self.capabilities.creates_clusters, "delete cluster")?;
        let call = self.ledger.begin("cluster.delete_cluster", network.as_str()).await?;
        let outcome = self.state.lock().delete(network)?;
        call.changed(outcome)
    }

    async fn access(&self, network: &NetworkName) -> Result<Access> {
        let call = self.ledger.begin("cluster.access", network.as_str()).await?;
        if self.capabilities.creates_clusters && self.present(network).is_none() {
            return Err(no_cluster("reach cluster", network));
        }
        call.read(Access::Bearer {
            server: "https://cluster.invalid".to_owned(),
            certificate_authority: None,
            tokens: Arc::new(NoTokens),
        })
    }

    async fn look_firewall(&self, request: &FirewallRequest) -> Result<Look> {
        self.require_infrastructure("look at firewall rules")?;
        let call = self.ledger.begin("cluster.look_firewall", request.network.as_str()).await?;
        let cloud = self.state.lock();
        call.read(difference::look(cloud.firewalls.get(&request.network), request))
    }

    async fn ensure_firewall(&self, request: &FirewallRequest, _wait: &Wait) -> Result<Outcome> {
        self.require_infrastructure("ensure firewall rules")?;
        let call = self.ledger.begin("cluster.ensure_firewall", request.network.as_str()).await?;
        let before = self.state.lock().firewalls.insert(request.network.clone(), request.clone());
        call.changed(match before {
            None => Outcome::Created,
            Some(same) if same == *request => Outcome::Unchanged,
            Some(_) => Outcome::Updated,
        })
    }

    async fn firewall_rules(&self, network: Option<&NetworkName>) -> Result<Vec<FirewallRule>> {
        self.require_infrastructure("list firewall rules")?;
        let call =
            self.ledger.begin("cluster.firewall_rules", network.map_or("", NetworkName::as_str)).await?;
        let cloud = self.state.lock();
        let all = cloud.firewalls.values().flat_map(rules);
        call.read(all.filter(|rule| network.is_none_or(|network| rule.network == *network)).collect())
    }

    async fn delete_firewall_rule(&self, rule: &FirewallRule, _wait: &Wait) -> Result<Outcome> {
        self.require_infrastructure("delete firewall rule")?;
        let call = self.ledger.begin("cluster.delete_firewall_rule", &rule.name).await?;
        let outcome = {
            let mut cloud = self.state.lock();
            match cloud.firewalls.get_mut(&rule.network) {
                Some(request) if rules(request).iter().any(|existing| existing.name == rule.name) => {
                    let network = request.network.clone();
                    request
                        .openings
                        .retain(|opening| rule.name != format!("spacecraft-{network}-{}", opening.name));
                    if request.openings.is_empty() {
                        cloud.firewalls.remove(&network);
                    }
                    Outcome::Removed
                }
                _ => Outcome::Absent,
            }
        };
        call.changed(outcome)
    }

    async fn disks(&self, network: Option<&NetworkName>) -> Result<Vec<Disk>> {
        self.require_infrastructure("list disks")?;
        let call = self.ledger.begin("cluster.disks", network.map_or("", NetworkName::as_str)).await?;
        let cloud = self.state.lock();
        let wanted = |disk: &&Disk| network.is_none_or(|network| disk.network == *network);
        call.read(cloud.disks.values().filter(wanted).cloned().collect())
    }

    async fn unmarked_disks(&self) -> Result<Vec<UnmarkedDisk>> {
        self.require_infrastructure("list disks")?;
        let call = self.ledger.begin("cluster.unmarked_disks", "").await?;
        call.read(self.state.lock().foreign_disks.clone())
    }

    async fn load_balancers(
        &self,
        network: Option<&NetworkName>,
        remembered: &[RememberedBalancer],
    ) -> Result<Vec<LoadBalancer>> {
        self.require_infrastructure("list load balancers")?;
        let call =
            self.ledger.begin("cluster.load_balancers", network.map_or("", NetworkName::as_str)).await?;
        let cloud = self.state.lock();
        // No mark is on them: only who remembers one knows whose it is.
        let known = |balancer: &&LoadBalancer| {
            let is_it = |seen: &RememberedBalancer| {
                balancer.service.as_ref() == Some(&seen.service)
                    && (seen.address.is_none() || balancer.address == seen.address)
            };
            network.is_some() && remembered.iter().any(is_it)
        };
        call.read(cloud.balancers.values().filter(known).cloned().collect())
    }

    async fn delete_load_balancer(&self, balancer: &LoadBalancer, _wait: &Wait) -> Result<Outcome> {
        self.require_infrastructure("delete load balancer")?;
        let call = self.ledger.begin("cluster.delete_load_balancer", &balancer.name).await?;
        let removed = self.state.lock().balancers.remove(&balancer.name);
        call.changed(removed.map_or(Outcome::Absent, |_| Outcome::Removed))
    }

    async fn delete_disk(&self, disk: &Disk, wait: &Wait) -> Result<Outcome> {
        self.require_infrastructure("delete disk")?;
        let call = self.ledger.begin("cluster.delete_disk", &disk.name).await?;
        let outcome = {
            let mut cloud = self.state.lock();
            let users = cloud.disks.get(&disk.name).map(|disk| disk.users.clone()).unwrap_or_default();
            if !users.is_empty() {
                let why = format!("it is attached to {}", users.join(", "));
                return Err(wait.timed_out(&format!("disk {} to be detached", disk.name), &why));
            }
            cloud.disks.remove(&disk.name).map_or(Outcome::Absent, |_| Outcome::Removed)
        };
        call.changed(outcome)
    }
}

/// Gives no tokens: nothing answers at the server that the access names.
#[derive(Debug)]
struct NoTokens;

#[async_trait]
impl BearerTokens for NoTokens {
    async fn bearer_token(&self) -> Result<SecretString> {
        Err(Error::unsupported("give a bearer token", "in-memory"))
    }
}
