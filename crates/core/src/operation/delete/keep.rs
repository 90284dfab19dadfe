//! `delete-network --keep-logs-metrics`: takes a network away but for its logs and metrics, with their disks and names, and shrinks the pool to what they need.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::refusals::{check_names, refuse_foreign};
use super::{DeleteRequest, charts_to_remove, remove_charts, remove_prefix};
use crate::charts;
use crate::discovery::{empty_file, files_with_entry};
use crate::error::{Error, Meaning, Result};
use crate::observer::Outcome;
use crate::operation::bring_up::{archive, binding_of};
use crate::operation::run::{Basis, Run, anew_when_outdated};
use crate::operation::window::sliding_window;
use crate::operation::{OperationFailure, Services};
use crate::plan::{BEACON, PYROSCOPE, WATCH, dns_names, guarded_remains, workers_for_charts};
use crate::report::DeletionReport;
use crate::spec::NetworkSpec;
use crate::state::{NetworkRecord, NetworkStatus, RecordStore, unknown_network};
use crate::traits::{Cluster, ClusterServices, Look, Workloads};
use crate::workload::Foundation;

/// How many workloads are being removed at the same time.
const REMOVALS_AT_ONCE: usize = 50;

/// Removes everything of a network but its logs and metrics. Run again, it goes on; the same without keeping removes the rest.
///
/// # Errors
///
/// [`OperationFailure`]; before anything is changed [`Meaning::NotFound`] without such a network, [`Meaning::Invalid`] when it has nothing to keep or is being
/// deleted already.
pub async fn keep_logs_and_metrics(
    services: &Services,
    request: DeleteRequest,
) -> Result<DeletionReport, OperationFailure> {
    anew_when_outdated(async || keep_once(services, &request).await).await
}

async fn keep_once(services: &Services, request: &DeleteRequest) -> Result<DeletionReport, OperationFailure> {
    let records = RecordStore::new(Arc::clone(&services.state_store), &request.network);
    let Some(known) = records.read().await? else {
        return Err(unknown_network(&*services.state_store, "delete network", &request.network).await.into());
    };
    let cluster = services.cluster.get(&request.network).await?;
    refuse_foreign(&request.network, cluster.as_ref())?;
    check_names(services, &known)?;
    let cluster = keepable(&known, cluster)?;
    let spec = kept(&known.spec);
    let run = Run::new(
        services,
        &request.network,
        "delete-network",
        intents(&known),
        request.limits,
        Basis::of(&records).await,
    );
    let keeping = Keeping { run: &run, records, known, spec, cluster };
    match run.keeping_lock(Box::pin(keeping.flow())).await {
        Ok(()) => {
            let kept = charts::planned(&keeping.spec).into_iter().map(|chart| chart.name).collect();
            let steps = run.finish("its logs and metrics are kept").await;
            Ok(DeletionReport::new(&request.network, kept, steps))
        }
        Err(error) => Err(run.fail(error, None).await),
    }
}

/// The cluster of a network that has something to keep.
fn keepable(known: &NetworkRecord, cluster: Option<Cluster>) -> Result<Cluster> {
    let refuse = |reason: &str| {
        Error::new(Meaning::Invalid, "keep logs and metrics of", known.network.as_str(), reason)
            .with_hint("run delete-network without --keep-logs-metrics")
    };
    if known.status == NetworkStatus::Deleting {
        return Err(refuse("it is being deleted with them"));
    }
    if known.spec.logs.is_none() && known.spec.metrics.is_none() {
        return Err(refuse("it has neither a log stack nor metrics"));
    }
    cluster.ok_or_else(|| refuse("its cluster is gone"))
}

/// What is left of a spec once only logs and metrics are.
fn kept(spec: &NetworkSpec) -> NetworkSpec {
    NetworkSpec { web_services: None, chaos: None, alerts: None, profiling: None, ..spec.clone() }
}

fn intents(known: &NetworkRecord) -> Vec<(String, Vec<String>)> {
    let steps = [
        ("record", "record"),
        ("discovery", "discovery entry"),
        ("dns", "DNS records of web services"),
        ("charts", "chart releases of web services and chaos mesh"),
        ("workloads", "nodes, PoETs and what helps them, with claims and keys"),
        ("namespaces", "namespaces of web services"),
        ("foundation", "network policies and disruption budgets of nodes"),
        ("firewall", "firewall rules"),
        ("config", "published config"),
        ("cluster", "workers that are no longer needed"),
        ("remainder", "record of what is left"),
    ];
    let network = &known.network;
    steps.into_iter().map(|(step, what)| (step.to_owned(), vec![format!("{what} of {network}")])).collect()
}

/// One such deletion under way.
#[derive(Debug)]
struct Keeping<'a> {
    run: &'a Run,
    records: RecordStore,
    known: NetworkRecord,
    spec: NetworkSpec,
    cluster: Cluster,
}

impl Keeping<'_> {
    fn services(&self) -> &Services {
        self.run.services()
    }

    async fn flow(&self) -> Result<()> {
        let kept = NetworkRecord { status: NetworkStatus::Kept, ..self.known.clone() };
        let mut record = self.ensure_record("record", &self.known, kept).await?;
        self.run.removes_from_here();
        self.remove_discovery_entry().await?;
        self.remove_names().await?;
        let cluster = self.connect().await?;
        self.remove_releases(&cluster).await?;
        let workloads = &*cluster.workloads;
        self.remove_workloads(workloads).await?;
        self.remove_namespaces(workloads).await?;
        self.ensure_foundation(workloads).await?;
        self.remove_firewall_rules().await?;
        self.remove_published().await?;
        self.shrink().await?;
        let before = record.clone();
        record.spec = self.spec.clone();
        record.charts.retain(|chart| charts::planned(&self.spec).iter().any(|kept| kept.name == chart.name));
        record.genesis = None;
        record.config_url = None;
        record.nodes.clear();
        record.poets.clear();
        self.ensure_record("remainder", &before, record).await?;
        self.run.settle().await
    }

    /// Writes a record that differs from the one before.
    async fn ensure_record(
        &self,
        step: &str,
        before: &NetworkRecord,
        mut wanted: NetworkRecord,
    ) -> Result<NetworkRecord> {
        let services = self.services();
        let same = *before == wanted;
        let look = async || Ok(if same { Look::Same } else { Look::Differs(vec!["record".to_owned()]) });
        let written = &mut wanted;
        let write = async |_| {
            written.fence = self.run.fence().unwrap_or_default();
            written.updated_at = services.clock.now();
            written.updated_by.clone_from(&services.holder.operator);
            self.records.write(written).await?;
            Ok(Outcome::Updated)
        };
        self.run.step(step, "remembering what is kept", look, write).await?;
        Ok(wanted)
    }

    async fn connect(&self) -> Result<ClusterServices> {
        let services = self.services();
        let access = services.cluster.access(&self.known.network).await?;
        let binding = binding_of(&self.known.spec, services.cluster.capabilities().creates_clusters);
        services.connector.connect(&access, &binding).await
    }

    async fn remove_discovery_entry(&self) -> Result<()> {
        let (store, network) = (&*self.services().discovery_store, &self.known.network);
        let begun = &self.known.discovery_files;
        let look = async || {
            let mut there = !files_with_entry(store, network).await?.is_empty();
            for file in begun {
                there |= empty_file(store, file).await?.is_some();
            }
            Ok(present(there))
        };
        self.run
            .step("discovery", "the discovery entry", look, |_| super::remove_entries(store, network, begun))
            .await?;
        Ok(())
    }

    /// Removes all names but those of dashboards.
    async fn remove_names(&self) -> Result<()> {
        let Some(dns) = &self.services().dns else { return Ok(()) };
        let network = &self.known.network;
        let kept: BTreeSet<String> = dns_names(&self.spec).into_iter().map(|name| name.name).collect();
        let others = async || -> Result<Vec<String>> {
            let names = dns.list(Some(network)).await?.into_iter().map(|record| record.name);
            Ok(names.filter(|name| !kept.contains(name)).collect())
        };
        let look = async || Ok(present(!others().await?.is_empty()));
        let remove = async |_| {
            for name in others().await? {
                dns.remove(&name, network).await?;
            }
            Ok(Outcome::Removed)
        };
        self.run.step("dns", "names of web services", look, remove).await?;
        Ok(())
    }

    async fn remove_releases(&self, cluster: &ClusterServices) -> Result<()> {
        let kept = charts::planned(&self.spec);
        let all = charts_to_remove(self.services(), &self.known).await?;
        let gone: Vec<_> =
            all.into_iter().filter(|chart| kept.iter().all(|kept| kept.name != chart.name)).collect();
        let look = async || {
            for chart in &gone {
                let installed = cluster.charts.list(Some(&chart.namespace)).await?;
                if installed.iter().any(|release| release.name == chart.name) {
                    return Ok(present(true));
                }
            }
            Ok(Look::Same)
        };
        let wait = self.run.wait("charts");
        self.run.step("charts", "chart releases", look, |_| remove_charts(cluster, &gone, &wait)).await?;
        Ok(())
    }

    /// Nodes, PoETs and what helps them, each with all it owns.
    async fn remove_workloads(&self, workloads: &dyn Workloads) -> Result<()> {
        let names = async || -> Result<BTreeSet<String>> {
            let listed = workloads.list().await?.into_iter().map(|workload| workload.name);
            let secrets = workloads.secrets().await?;
            let keyed = secrets.iter().filter_map(|secret| secret.part).map(|part| part.workload_name());
            Ok(listed.chain(keyed).chain(self.recorded_workloads()).collect())
        };
        let look = async || Ok(present(!names().await?.is_empty()));
        let wait = self.run.wait("workloads");
        let remove = async |_| {
            let one = async |name: String| workloads.remove_workload(&name, &wait).await;
            let may_start = || self.run.may_start("workloads");
            sliding_window(names().await?, REMOVALS_AT_ONCE, may_start, one, |_| ()).await?;
            Ok(Outcome::Removed)
        };
        self.run.step("workloads", "nodes and PoETs", look, remove).await?;
        Ok(())
    }

    /// What the record says that there was, until it is written that all of it is gone: of a workload that was being removed when a run died, there may be parts left that
    /// are listed as no workload.
    fn recorded_workloads(&self) -> Vec<String> {
        let nodes = self.known.nodes.iter().map(|node| node.name.clone());
        let recorded: Vec<String> =
            nodes.chain(self.known.poets.iter().map(|poet| poet.name.clone())).collect();
        match recorded.is_empty() {
            true => recorded,
            false => recorded.into_iter().chain([BEACON, WATCH, PYROSCOPE].map(str::to_owned)).collect(),
        }
    }

    async fn remove_namespaces(&self, workloads: &dyn Workloads) -> Result<()> {
        let namespaces = charts::Namespaces::of(&self.known.spec);
        let kept = namespaces.owned(&self.spec);
        let gone: Vec<String> =
            namespaces.owned(&self.known.spec).into_iter().filter(|name| !kept.contains(name)).collect();
        let look = async || Ok(present(!gone.is_empty()));
        let wait = self.run.wait("namespaces");
        let remove = async |_| {
            let mut outcome = Outcome::Absent;
            for name in &gone {
                if workloads.remove_namespace(name, &wait).await? == Outcome::Removed {
                    outcome = Outcome::Removed;
                }
            }
            Ok(outcome)
        };
        self.run.step("namespaces", "namespaces of web services", look, remove).await?;
        Ok(())
    }

    /// Policies without anything that is open for nodes and PoETs.
    async fn ensure_foundation(&self, workloads: &dyn Workloads) -> Result<()> {
        let namespaces = charts::Namespaces::of(&self.spec);
        let others = namespaces.owned(&self.spec).into_iter().filter(|name| *name != namespaces.network);
        let foundation = Foundation {
            namespaces: others.collect(),
            shared_charts: charts::shared(&charts::planned(&self.spec)),
            guarded: guarded_remains(&self.spec),
            recorded_in: self.services().state_store.location(),
            disruption_budgets: Vec::new(),
        };
        let look = || workloads.look_foundation(&foundation);
        self.run.step("foundation", "policies", look, |_| workloads.ensure_foundation(&foundation)).await?;
        Ok(())
    }

    async fn remove_firewall_rules(&self) -> Result<()> {
        let provider = &self.services().cluster;
        if !provider.capabilities().manages_infrastructure {
            return Ok(());
        }
        let rules = || provider.firewall_rules(Some(&self.known.network));
        let look = async || Ok(present(!rules().await?.is_empty()));
        let wait = self.run.wait("firewall");
        let remove = async |_| {
            for rule in rules().await? {
                provider.delete_firewall_rule(&rule, &wait).await?;
            }
            Ok(Outcome::Removed)
        };
        self.run.step("firewall", "firewall rules", look, remove).await?;
        Ok(())
    }

    async fn remove_published(&self) -> Result<()> {
        let store = &*self.services().config_store;
        let prefix = archive(self.known.network.as_str());
        let look = async || Ok(present(!store.list(&prefix).await?.is_empty()));
        self.run.step("config", "the published config", look, |_| remove_prefix(store, &prefix)).await?;
        Ok(())
    }

    /// Takes workers away that the log and metrics stacks do not need.
    async fn shrink(&self) -> Result<()> {
        let provider = &self.services().cluster;
        if !provider.capabilities().creates_clusters {
            return Ok(());
        }
        let needed = workers_for_charts(&self.spec).map_err(|reason| {
            Error::new(Meaning::Invalid, "shrink pool of", self.known.network.as_str(), reason)
        })?;
        let present = self.cluster.workers;
        let look = async || Ok(if present <= needed { Look::Same } else { Look::Differs(Vec::new()) });
        let wait = self.run.wait("cluster");
        let detail = format!("{needed} workers in the place of {present}");
        let most = needed.saturating_add(needed.div_ceil(4));
        self.run
            .step("cluster", &detail, look, |_| provider.resize(&self.known.network, needed, most, &wait))
            .await?;
        Ok(())
    }
}

/// Something to remove that is there, or not.
fn present(is_there: bool) -> Look {
    if is_there { Look::Differs(Vec::new()) } else { Look::Same }
}
