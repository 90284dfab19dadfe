//! `delete-network`: takes away everything that belongs to a network, whatever state it is in, and nothing else.

mod charts;
mod keep;
mod refusals;
mod remnants;

pub use keep::keep_logs_and_metrics;

use std::collections::BTreeSet;
use std::sync::Arc;

use self::charts::{charts_to_remove, remove_charts};
use jiff::Timestamp;

use super::bring_up::{archive, binding_of};
use super::elsewhere::refuse_recorded_elsewhere;
use super::run::{Basis, Run, anew_when_outdated};
use super::{Limits, OperationFailure, Services};
use crate::discovery::{edit_file, files_with_entry, remove_empty_file, without_entry};
use crate::error::{Error, Meaning, Result, render_chain};
use crate::names::NetworkName;
use crate::observer::Outcome;
use crate::report::DeletionReport;
use crate::state::{NetworkRecord, NetworkStatus, RecordStore, unknown_network};
use crate::traits::{
    Cluster, ClusterServices, ClusterState, Look, NetworkBinding, ObjectStore, Precondition,
};

/// What `delete-network` is to do.
#[derive(Debug, Clone)]
pub struct DeleteRequest {
    /// The network.
    pub network: NetworkName,
    /// How to find what is inside its cluster when there is no record of it.
    pub fallback: NetworkBinding,
    /// How long it may take.
    pub limits: Limits,
}

/// What is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// A network, whatever state it is in.
    Everything,
    /// What is left of a network that no longer exists.
    Remains {
        /// Its cluster, if that is among it.
        cluster: Option<LeftCluster>,
    },
    /// What creates that did not finish have made; the cluster only if one of them made it.
    Unfinished {
        /// Whether one of them did.
        made_cluster: bool,
    },
}

/// A cluster that was found to be left over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LeftCluster {
    /// When it was made, which tells it from one that was made since.
    pub(super) created: Option<Timestamp>,
}

/// Deletes a network: discovery entry, DNS, what is inside the cluster and would outlive it, cluster, disks, firewall rules, published objects, record.
///
/// Every step tolerates what is already gone. A cluster, disk, rule or record that is not ours is never touched.
///
/// # Errors
///
/// [`OperationFailure`]; [`Meaning::NotFound`] when there is nothing of such a network.
pub async fn delete_network(
    services: &Services,
    request: DeleteRequest,
) -> Result<DeletionReport, OperationFailure> {
    anew_when_outdated(async || {
        remove_network(services, &request, "delete-network", Extent::Everything).await
    })
    .await
}

/// The same for a network that no longer exists: refused when, once its lock is held, there is a record of it after all, or another cluster than the one that was left over.
pub(super) async fn delete_remains(
    services: &Services,
    request: DeleteRequest,
    cluster: Option<LeftCluster>,
) -> Result<DeletionReport, OperationFailure> {
    let extent = Extent::Remains { cluster };
    anew_when_outdated(async || remove_network(services, &request, "delete-network", extent).await).await
}

/// Removes a network as `operation`, as far as `extent` says.
pub(super) async fn remove_network(
    services: &Services,
    request: &DeleteRequest,
    operation: &'static str,
    extent: Extent,
) -> Result<DeletionReport, OperationFailure> {
    let record = RecordStore::new(Arc::clone(&services.state_store), &request.network);
    let known = read_record(services, &record).await?;
    let cluster = services.cluster.get(&request.network).await?;
    refusals::refuse_foreign(&request.network, cluster.as_ref())?;
    if known.is_none() {
        let here = services.state_store.location();
        refuse_recorded_elsewhere("delete network", &request.network, cluster.as_ref(), &here)?;
    }
    if let Some(known) = &known {
        refusals::check_names(services, known)?;
        if cluster.is_none() {
            refusals::check_elsewhere(services, &request.network).await?;
        }
    }
    let run = Run::new(
        services,
        &request.network,
        operation,
        intents(&request.network),
        request.limits,
        Basis::of(&record).await,
    );
    let deletion = Deletion { run: &run, request, record, known, cluster, extent };
    if !deletion.finds_anything().await? {
        let error = unknown_network(&*services.state_store, "delete network", &request.network).await;
        return Err(error.into());
    }
    let flow = async {
        run.begin_writing().await?;
        deletion.check_extent().await?;
        deletion.flow().await
    };
    match run.keeping_lock(flow).await {
        Ok(()) => {
            let steps = run.finish_removed().await?;
            Ok(DeletionReport::new(&request.network, Vec::new(), steps))
        }
        Err(error) => Err(run.fail(error, None).await),
    }
}

/// The record; one that cannot be read is told and passed over, because what it describes is found by label as well.
async fn read_record(services: &Services, record: &RecordStore) -> Result<Option<NetworkRecord>> {
    match record.read().await {
        Err(error) if error.meaning() == Meaning::Invalid => {
            services.observer.observe(&crate::observer::Event::Warning { text: render_chain(&error) });
            Ok(None)
        }
        read => read,
    }
}

fn intents(network: &NetworkName) -> Vec<(String, Vec<String>)> {
    let steps = [
        ("discovery", "discovery entry"),
        ("dns", "DNS records"),
        ("charts", "chart releases"),
        ("cluster contents", "load balancers, claims and namespaces"),
        ("cluster", "cluster"),
        ("disks", "disks"),
        ("load balancers", "load balancers"),
        ("firewall", "firewall rules"),
        ("config", "published config"),
        ("record", "record"),
    ];
    steps.into_iter().map(|(step, what)| (step.to_owned(), vec![format!("{what} of {network}")])).collect()
}

/// One deletion under way.
#[derive(Debug)]
struct Deletion<'a> {
    run: &'a Run,
    request: &'a DeleteRequest,
    record: RecordStore,
    known: Option<NetworkRecord>,
    cluster: Option<Cluster>,
    extent: Extent,
}

impl Deletion<'_> {
    fn services(&self) -> &Services {
        self.run.services()
    }

    fn network(&self) -> &NetworkName {
        &self.request.network
    }

    /// Looks once more, under the lock, whether the network is what it was taken for.
    async fn check_extent(&self) -> Result<()> {
        match self.extent {
            Extent::Everything => Ok(()),
            Extent::Remains { cluster } => self.refuse_existing(cluster).await,
            Extent::Unfinished { .. } => check_unfinished(self.record.read().await?.as_ref()),
        }
    }

    /// Refuses a network that exists: whoever makes one holds the lock from before there is a cluster until there is a record.
    async fn refuse_existing(&self, left: Option<LeftCluster>) -> Result<()> {
        let services = self.services();
        let recorded = services.state_store.get(&RecordStore::key(self.network())).await?.is_some();
        let cluster = services.cluster.get(self.network()).await?;
        let here = services.state_store.location();
        let is_left = |cluster: Cluster| {
            left.is_some_and(|left| left.created == cluster.created) && cluster.recorded_in == Some(here)
        };
        if !recorded && cluster.is_none_or(is_left) {
            return Ok(());
        }
        let reason = "it exists: somebody made it just now";
        Err(Error::new(Meaning::PreconditionFailed, "remove remains of", self.network().as_str(), reason))
    }

    /// Whether anything of the network is there at all.
    async fn finds_anything(&self) -> Result<bool> {
        if self.known.is_some() || self.cluster.is_some() {
            return Ok(true);
        }
        let services = self.services();
        let state = services.state_store.list(&format!("{}/", self.network())).await?;
        Ok(!state.is_empty()
            || !services.config_store.list(&archive(self.network().as_str())).await?.is_empty()
            || self.has_disks().await?
            || (self.manages_infrastructure()
                && !services.cluster.firewall_rules(Some(self.network())).await?.is_empty())
            || self.has_dns_records().await?
            || !files_with_entry(&*services.discovery_store, self.network()).await?.is_empty())
    }

    async fn has_disks(&self) -> Result<bool> {
        Ok(self.manages_infrastructure()
            && !self.services().cluster.disks(Some(self.network())).await?.is_empty())
    }

    async fn has_dns_records(&self) -> Result<bool> {
        match &self.services().dns {
            Some(dns) => Ok(!dns.list(Some(self.network())).await?.is_empty()),
            None => Ok(false),
        }
    }

    fn removes_cluster(&self) -> bool {
        let goes = !matches!(self.extent, Extent::Unfinished { made_cluster: false });
        goes && self.services().cluster.capabilities().creates_clusters
    }

    fn manages_infrastructure(&self) -> bool {
        self.services().cluster.capabilities().manages_infrastructure
    }

    async fn flow(&self) -> Result<()> {
        self.run.begin_writing().await?;
        self.mark_deleting().await?;
        let balancers = remnants::remembered(self).await?;
        self.remove_discovery_entry().await?;
        if !balancers.known_by_names_alone {
            self.remove_dns_records().await?;
        }
        let had_disks = self.has_disks().await?;
        self.empty_cluster().await?;
        self.remove_cluster().await?;
        if self.manages_infrastructure() {
            self.remove_disks(had_disks).await?;
            remnants::remove_load_balancers(self, &balancers.remembered).await?;
            self.remove_firewall_rules().await?;
        }
        if balancers.known_by_names_alone {
            self.remove_dns_records().await?;
        }
        self.remove_published().await?;
        self.run.step("record", "the record", present, async |_| self.record.remove().await).await?;
        Ok(())
    }

    /// From here on the network can only be deleted, whatever happens to this run.
    async fn mark_deleting(&self) -> Result<()> {
        self.run.removes_from_here();
        let Some(known) = &self.known else { return Ok(()) };
        if known.status == NetworkStatus::Deleting {
            return Ok(());
        }
        let services = self.services();
        let record = NetworkRecord {
            status: NetworkStatus::Deleting,
            taken_back: matches!(self.extent, Extent::Unfinished { .. }),
            fence: self.run.fence().unwrap_or_default(),
            updated_at: services.clock.now(),
            updated_by: services.holder.operator.clone(),
            ..known.clone()
        };
        self.record.write(&record).await
    }

    async fn remove_discovery_entry(&self) -> Result<()> {
        let store = &*self.services().discovery_store;
        let network = self.network();
        let begun = self.known.as_ref().map(|known| known.discovery_files.clone()).unwrap_or_default();
        self.run
            .step("discovery", "the discovery entry", present, |_| remove_entries(store, network, &begun))
            .await?;
        Ok(())
    }

    async fn remove_dns_records(&self) -> Result<()> {
        let Some(dns) = &self.services().dns else { return Ok(()) };
        let remove = async |_| {
            let mut outcome = Outcome::Absent;
            for record in dns.list(Some(self.network())).await? {
                if dns.remove(&record.name, self.network()).await? == Outcome::Removed {
                    outcome = Outcome::Removed;
                }
            }
            Ok(outcome)
        };
        self.run.step("dns", "DNS records", present, remove).await?;
        Ok(())
    }

    /// Whether there may be something of the network in a cluster: also in a shared one where its namespaces, by which the network is found there, were deleted by hand.
    fn may_hold_something(&self) -> bool {
        let beyond_use = [ClusterState::Provisioning, ClusterState::Stopping, ClusterState::Error];
        match &self.cluster {
            Some(cluster) => !beyond_use.contains(&cluster.state),
            None => self.known.is_some() && !self.services().cluster.capabilities().creates_clusters,
        }
    }

    /// While the cluster lives: removes what would outlive it, or on a shared cluster all that is the network's.
    async fn empty_cluster(&self) -> Result<()> {
        if !self.may_hold_something() {
            return Ok(());
        }
        let connected = match self.reach().await {
            Ok(connected) => connected,
            Err(error) if self.removes_cluster() && self.manages_infrastructure() => {
                self.run.warn(format!(
                    "the cluster is not reachable, so that disks and load balancers are removed after it: {}",
                    render_chain(&error)
                ));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let cluster_goes = self.removes_cluster();
        if !cluster_goes {
            self.remove_charts(&connected).await?;
        }
        let wait = self.run.wait("cluster contents");
        let remove = async |_| {
            let workloads = &connected.workloads;
            if cluster_goes {
                workloads.release_infrastructure(&wait).await
            } else {
                workloads.remove_all(&wait).await
            }
        };
        self.run.step("cluster contents", "load balancers and claims", present, remove).await?;
        Ok(())
    }

    /// What is inside the cluster, once its API answered.
    async fn reach(&self) -> Result<ClusterServices> {
        let connected = self.connect().await?;
        connected.workloads.workers().await?;
        Ok(connected)
    }

    async fn connect(&self) -> Result<ClusterServices> {
        let services = self.services();
        let access = services.cluster.access(self.network()).await?;
        let binding = self.known.as_ref().map_or_else(
            || self.request.fallback.clone(),
            |known| binding_of(&known.spec, services.cluster.capabilities().creates_clusters),
        );
        services.connector.connect(&access, &binding).await
    }

    /// Uninstalls the network's charts, last installed first.
    async fn remove_charts(&self, connected: &ClusterServices) -> Result<()> {
        let charts = match &self.known {
            Some(known) => charts_to_remove(self.services(), known).await?,
            None => Vec::new(),
        };
        let wait = self.run.wait("charts");
        let remove = |_| remove_charts(connected, &charts, &wait);
        self.run.step("charts", "chart releases", present, remove).await?;
        Ok(())
    }

    async fn remove_cluster(&self) -> Result<()> {
        let provider = &self.services().cluster;
        if !self.removes_cluster() {
            return Ok(());
        }
        let wait = self.run.wait("cluster");
        let remove = async |_| provider.delete_cluster(self.network(), &wait).await;
        self.run.step("cluster", "the cluster", present, remove).await?;
        Ok(())
    }

    /// The disks that did not go with their claims. `had_disks` says whether there were any before those went: then the network's disks are removed now, whoever
    /// did it.
    async fn remove_disks(&self, had_disks: bool) -> Result<()> {
        let provider = &self.services().cluster;
        let wait = self.run.wait("disks");
        let remove = async |_| {
            let disks = provider.disks(Some(self.network())).await?;
            let removed =
                futures::future::join_all(disks.iter().map(|disk| provider.delete_disk(disk, &wait))).await;
            let outcome = all_removed(removed)?;
            Ok(if had_disks { Outcome::Removed } else { outcome })
        };
        self.run.step("disks", "disks of claims", present, remove).await?;
        Ok(())
    }

    async fn remove_firewall_rules(&self) -> Result<()> {
        let provider = &self.services().cluster;
        let wait = self.run.wait("firewall");
        let remove = async |_| {
            let rules = provider.firewall_rules(Some(self.network())).await?;
            let removed = rules.iter().map(|rule| provider.delete_firewall_rule(rule, &wait));
            all_removed(futures::future::join_all(removed).await)
        };
        self.run.step("firewall", "firewall rules", present, remove).await?;
        Ok(())
    }

    async fn remove_published(&self) -> Result<()> {
        let store = &*self.services().config_store;
        let prefix = archive(self.network().as_str());
        self.run
            .step("config", "the published config", present, async |_| remove_prefix(store, &prefix).await)
            .await?;
        Ok(())
    }
}

/// Takes a network's entry out of both discovery files, and removes those that were `begun` with it and are empty again. A bucket that does not exist has no
/// entries.
async fn remove_entries(
    store: &dyn ObjectStore,
    network: &NetworkName,
    begun: &BTreeSet<String>,
) -> Result<Outcome> {
    let mut outcome = Outcome::Absent;
    for file in files_with_entry(store, network).await? {
        if edit_file(store, file, |text| without_entry(text, network)).await? == Outcome::Updated {
            outcome = Outcome::Removed;
        }
    }
    for file in begun {
        if remove_empty_file(store, file).await? == Outcome::Removed {
            outcome = Outcome::Removed;
        }
    }
    Ok(outcome)
}

async fn present() -> Result<Look> {
    Ok(Look::Differs(Vec::new()))
}

async fn remove_prefix(store: &dyn ObjectStore, prefix: &str) -> Result<Outcome> {
    let mut outcome = Outcome::Absent;
    for (key, _) in store.list(prefix).await? {
        if store.delete(&key, Precondition::None).await? == Outcome::Removed {
            outcome = Outcome::Removed;
        }
    }
    Ok(outcome)
}

/// Removed when anything was; the first failure, after all were tried.
fn all_removed(results: Vec<Result<Outcome>>) -> Result<Outcome> {
    let mut outcome = Outcome::Absent;
    for result in results {
        if result? == Outcome::Removed {
            outcome = Outcome::Removed;
        }
    }
    Ok(outcome)
}

/// Refuses a network that was up once, or that is being deleted whole: more is at stake there than a create that failed.
pub(super) fn check_unfinished(known: Option<&NetworkRecord>) -> Result<()> {
    match known {
        Some(known) if known.status != NetworkStatus::Creating && !known.taken_back => Err(Error::new(
            Meaning::Invalid,
            "roll back network",
            known.network.as_str(),
            "it was up before, so that nothing of it is removed",
        )
        .with_hint("delete-network removes it")),
        _ => Ok(()),
    }
}
