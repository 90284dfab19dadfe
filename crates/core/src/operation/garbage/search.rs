//! Looking through all services for what belongs to no network.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Deserialize;

use super::{Remainder, RemainderKind, before_us};
use crate::discovery::{PRIVATE_FILE, PUBLIC_FILE, networks_in};
use crate::error::{Result, render_chain};
use crate::names::NetworkName;
use crate::operation::{Services, archive};
use crate::state::{Holder, Journal, JournalDocument, Lock, RecordStore};
use crate::traits::{Cluster, ClusterList, ObjectStore, Ownership};

/// Operations that remove networks, by the names that they have in locks and journals.
const REMOVALS: [&str; 2] = ["delete-network", "gc"];

/// What was found in all services.
pub(super) struct Found {
    /// What is left, by network.
    pub remains: BTreeMap<NetworkName, Vec<Remainder>>,
    /// What somebody should look at.
    pub notices: Vec<String>,
    /// What could not be seen.
    pub problems: Vec<String>,
    /// Whether every location of clusters answered.
    pub complete: bool,
}

/// Everything seen so far.
pub(super) struct Search<'a> {
    only: Option<&'a NetworkName>,
    existing: BTreeSet<String>,
    found: Found,
}

pub(super) async fn search(services: &Services, only: Option<&NetworkName>) -> Result<Found> {
    let (clusters, state) = futures::try_join!(services.cluster.list(), services.state_store.list(""))?;
    let recorded = RecordStore::names_in(&state);
    let forsaken = forsaken(services, &recorded, &clusters).await?;
    let mut search = Search::new(only, &recorded, &clusters, &forsaken);
    for cluster in &forsaken {
        if let Ownership::Ours(network) = &cluster.ownership {
            let name = format!("{}/{}", cluster.location, cluster.name);
            search.add(network.clone(), RemainderKind::Cluster, &name, cluster.created);
        }
    }
    search.notice_clusters(&recorded, &clusters, &forsaken, services.cluster.capabilities().creates_clusters);
    for (key, _) in &state {
        if let Some(network) = state_network(key) {
            let created = written_at(&*services.state_store, key).await;
            search.add(network, RemainderKind::State, key, created);
        }
    }
    search.look_at_infrastructure(services).await;
    search.look_at_load_balancers(services).await;
    search.look_at_names(services).await;
    before_us::look_at_names(&mut search, services).await;
    before_us::look_at_disks(&mut search, services).await;
    search.look_at_archives(services).await;
    search.look_at_discovery(services).await;
    Ok(search.found)
}

/// Clusters of ours that say that their record is in this state store, where there is none. Only where they are at hand: one in another location is for `delete-network`.
async fn forsaken(
    services: &Services,
    recorded: &[NetworkName],
    clusters: &ClusterList,
) -> Result<Vec<Cluster>> {
    if !services.cluster.capabilities().creates_clusters {
        return Ok(Vec::new());
    }
    let here = services.state_store.location();
    let mut forsaken = Vec::new();
    for cluster in &clusters.clusters {
        let Ownership::Ours(network) = &cluster.ownership else { continue };
        if recorded.contains(network) || cluster.recorded_in.as_ref() != Some(&here) {
            continue;
        }
        if is_being_made(&*services.state_store, network).await? {
            continue;
        }
        let at_hand = services.cluster.get(network).await?;
        if at_hand.is_some_and(|at_hand| at_hand.location == cluster.location) {
            forsaken.push(cluster.clone());
        }
    }
    Ok(forsaken)
}

/// Whether something began to make or change the network and did not end, which the same command goes on with. What cannot be read may be that.
async fn is_being_made(store: &dyn ObjectStore, network: &NetworkName) -> Result<bool> {
    let Some(object) = store.get(&Journal::key(network)).await? else { return Ok(false) };
    Ok(serde_json::from_slice(&object.bytes).map_or(true, |journal: JournalDocument| {
        journal.finished_at.is_none() && !REMOVALS.contains(&journal.operation.as_str())
    }))
}

impl<'a> Search<'a> {
    fn new(
        only: Option<&'a NetworkName>,
        recorded: &[NetworkName],
        clusters: &ClusterList,
        forsaken: &[Cluster],
    ) -> Self {
        let standing = || clusters.clusters.iter().filter(|cluster| !forsaken.contains(cluster));
        // A cluster of somebody else counts too: what bears its name may well be of its network.
        let named = standing().map(|cluster| cluster.name.clone());
        let owned = standing().filter_map(|cluster| match &cluster.ownership {
            Ownership::Ours(network) => Some(network.to_string()),
            Ownership::Foreign => None,
        });
        let existing = recorded.iter().map(NetworkName::to_string).chain(named).chain(owned).collect();
        let problems = clusters.unreachable.iter().map(|location| format!("no answer from {location}"));
        let found = Found {
            remains: BTreeMap::new(),
            notices: Vec::new(),
            problems: problems.collect(),
            complete: clusters.unreachable.is_empty(),
        };
        Self { only, existing, found }
    }

    /// Whether a network, or cluster, of this name is looked for and does not exist.
    pub(super) fn is_gone(&self, network: &str) -> bool {
        self.only.is_none_or(|only| only.as_str() == network) && !self.existing.contains(network)
    }

    /// Whether all networks are looked for.
    pub(super) fn is_about_all(&self) -> bool {
        self.only.is_none()
    }

    /// Tells of something that somebody should look at.
    pub(super) fn notice(&mut self, notice: String) {
        self.found.notices.push(notice);
    }

    fn add(&mut self, network: NetworkName, kind: RemainderKind, name: &str, created: Option<Timestamp>) {
        if self.is_gone(network.as_str()) {
            let piece = Remainder { kind, name: name.to_owned(), created };
            self.found.remains.entry(network).or_default().push(piece);
        }
    }

    pub(super) fn trouble(&mut self, error: &crate::Error) {
        self.found.problems.push(render_chain(error));
    }

    /// Networks that are there only in part, which `delete-network` knows how to remove, and clusters that are not ours.
    fn notice_clusters(
        &mut self,
        recorded: &[NetworkName],
        clusters: &ClusterList,
        forsaken: &[Cluster],
        own_clusters: bool,
    ) {
        let has_cluster = |network: &NetworkName| {
            clusters.clusters.iter().any(|cluster| cluster.ownership == Ownership::Ours(network.clone()))
        };
        let mut notices = Vec::new();
        if own_clusters && self.found.complete {
            notices.extend(recorded.iter().filter(|network| !has_cluster(network)).map(|network| {
                format!("network {network} has a record, but no cluster: delete-network --network-name {network} removes it unless it is just being made")
            }));
        }
        let standing = clusters.clusters.iter().filter(|cluster| !forsaken.contains(cluster));
        notices.extend(standing.filter_map(|cluster| notice_of(cluster, recorded)));
        let about = |notice: &String| self.only.is_none_or(|only| notice.contains(&format!(" {only} ")));
        self.found.notices.extend(notices.into_iter().filter(about));
    }

    async fn look_at_infrastructure(&mut self, services: &Services) {
        let provider = &services.cluster;
        if !provider.capabilities().manages_infrastructure {
            return;
        }
        match provider.disks(self.only).await {
            Ok(disks) => {
                for disk in disks {
                    let name = format!("{}/{}", disk.location, disk.name);
                    self.add(disk.network, RemainderKind::Disk, &name, disk.created);
                }
            }
            Err(error) => self.trouble(&error),
        }
        match provider.firewall_rules(self.only).await {
            Ok(rules) => {
                for rule in rules {
                    self.add(rule.network, RemainderKind::FirewallRule, &rule.name, rule.created);
                }
            }
            Err(error) => self.trouble(&error),
        }
    }

    async fn look_at_load_balancers(&mut self, services: &Services) {
        if !services.cluster.capabilities().manages_infrastructure {
            return;
        }
        match services.cluster.load_balancers(self.only, &[]).await {
            Ok(balancers) => {
                for balancer in balancers {
                    self.add(balancer.network, RemainderKind::LoadBalancer, &balancer.name, balancer.created);
                }
            }
            Err(error) => self.trouble(&error),
        }
    }

    async fn look_at_names(&mut self, services: &Services) {
        let Some(dns) = &services.dns else { return };
        match dns.list(self.only).await {
            Ok(records) => {
                for record in records {
                    self.add(record.network, RemainderKind::DnsRecord, &record.name, None);
                }
            }
            Err(error) => self.trouble(&error),
        }
    }

    async fn look_at_archives(&mut self, services: &Services) {
        let prefix = self.only.map(|only| archive(only.as_str())).unwrap_or_default();
        match services.config_store.list(&prefix).await {
            Ok(objects) => {
                for (key, _) in objects {
                    if let Some(network) = archived_network(&key) {
                        self.add(network, RemainderKind::Archive, &key, None);
                    }
                }
            }
            Err(error) => self.trouble(&error),
        }
    }

    async fn look_at_discovery(&mut self, services: &Services) {
        for file in [PUBLIC_FILE, PRIVATE_FILE] {
            match networks_in(&*services.discovery_store, file).await {
                Ok(networks) => networks
                    .into_iter()
                    .for_each(|network| self.add(network, RemainderKind::DiscoveryEntry, file, None)),
                Err(error) => self.trouble(&error),
            }
        }
    }
}

fn notice_of(cluster: &Cluster, recorded: &[NetworkName]) -> Option<String> {
    match &cluster.ownership {
        Ownership::Foreign => Some(format!(
            "cluster {} in {} was not made by Spacecraft (perhaps by go-spacecraft): it is left alone",
            cluster.name, cluster.location
        )),
        Ownership::Ours(network) if !recorded.contains(network) => Some(format!(
            "network {network} has a cluster in {}, but no record in this state store: delete-network --network-name {network} removes it unless another state store has it",
            cluster.location
        )),
        Ownership::Ours(_) => None,
    }
}

/// The network whose lock or journal an object of the state store is.
fn state_network(key: &str) -> Option<NetworkName> {
    let network = NetworkName::new(key.split_once('/')?.0).ok()?;
    [Lock::key(&network), Journal::key(&network)].iter().any(|own| own == key).then_some(network)
}

/// The network whose published objects an object is among.
fn archived_network(key: &str) -> Option<NetworkName> {
    NetworkName::new(key.split_once('/')?.0.strip_suffix("-archive")?).ok()
}

/// When a lock was taken or a journal begun by something that may be making the network. None when it was a removal, which is to be gone on with at once, and when that
/// cannot be read.
async fn written_at(store: &dyn ObjectStore, key: &str) -> Option<Timestamp> {
    #[derive(Deserialize)]
    struct Written {
        taken_at: Option<Timestamp>,
        started_at: Option<Timestamp>,
        operation: Option<String>,
        holder: Option<Holder>,
    }
    let object = store.get(key).await.ok()??;
    let written: Written = serde_json::from_slice(&object.bytes).ok()?;
    let operation = written.operation.or(written.holder.map(|holder| holder.operation));
    let removes = operation.is_some_and(|operation| REMOVALS.contains(&operation.as_str()));
    written.taken_at.or(written.started_at).filter(|_| !removes)
}
