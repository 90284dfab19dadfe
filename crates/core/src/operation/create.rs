//! `create-network`: makes a whole network, goes on with one that was begun, or finds that nothing is to be done.

mod drift;

pub use drift::{Drift, look_at_network};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::bring_up::{
    BringUp, Fleet, NetworkKeys, NetworkMaterials, Places, chart_step, dns_step, poets_open,
    refuse_public_state, unplannable,
};
use super::differences::differences;
use super::elsewhere::refuse_recorded_elsewhere;
use super::failure::{both, unless_another_failed};
use super::run::{Basis, Run, anew_when_outdated};
use super::window::sliding_window;
use super::{Leftover, Limits, OperationFailure, Services};
use crate::charts::{ChartSecrets, ChartStage};
use crate::error::{Error, Meaning, Result};
use crate::names::NetworkName;
use crate::observer::{Event, Outcome};
use crate::plan::Plan;
use crate::report::NetworkReport;
use crate::spec::{Generation, NetworkSpec};
use crate::spelling::counted;
use crate::state::{NetworkRecord, NetworkStatus, RECORD_KIND, RecordStore, SCHEMA};
use crate::topology::node_names;
use crate::traits::{ClusterServices, Look, Workloads};

/// The step that removes an old chain.
const NEW_GENESIS: &str = "new genesis";

/// What `create-network` is to do.
#[derive(Debug)]
pub struct CreateRequest {
    /// The network.
    pub spec: NetworkSpec,
    /// The settings it was asked for with, by key, for the record; no secrets.
    pub settings: BTreeMap<String, Value>,
    /// Templates, files and tokens.
    pub materials: NetworkMaterials,
    /// How to go about it.
    pub options: CreateOptions,
}

/// How `create-network` goes about it.
#[derive(Debug, Clone, Copy, Default)]
pub struct CreateOptions {
    /// Breaks the lock of another operation.
    pub force_unlock: bool,
    /// Starts the chain of a network that was begun anew.
    pub new_genesis: bool,
    /// Starts it anew even when its config was published, so that others may have joined it.
    pub forced: bool,
}

/// Makes the network of `request` and waits until it is up.
///
/// A network that exists with the same spec is continued or left alone: when nothing differs, nothing is written. Nodes that were added, removed or changed since by
/// other commands are as the record has them. One with another spec is refused with what differs.
///
/// # Errors
///
/// [`OperationFailure`] with what was done, what is left behind, and what was seen of pods that did not come up.
pub async fn create_network(
    services: &Services,
    mut request: CreateRequest,
) -> Result<NetworkReport, OperationFailure> {
    anew_when_outdated(async || create_once(services, &mut request).await).await
}

async fn create_once(
    services: &Services,
    request: &mut CreateRequest,
) -> Result<NetworkReport, OperationFailure> {
    let records = RecordStore::new(Arc::clone(&services.state_store), &request.spec.network);
    let known = records.read().await?;
    if let Some(known) = &known {
        request.spec = request.spec.clone().with_changes_of(&known.spec);
    }
    let request = &*request;
    let plan = Plan::new(&request.spec, &services.cluster.capabilities())
        .map_err(|problems| unplannable(&problems))?;
    check_known(request, known.as_ref())?;
    if known.is_none() {
        let cluster = services.cluster.get(&request.spec.network).await?;
        let here = services.state_store.location();
        refuse_recorded_elsewhere("create network", &request.spec.network, cluster.as_ref(), &here)?;
        refuse_public_state(services, &request.spec.network).await?;
    }
    let rollout = &request.spec.rollout;
    let run = Run::new(
        services,
        &request.spec.network,
        "create-network",
        intents(&request.spec, &plan, request.options.new_genesis),
        Limits {
            timeout: rollout.timeout,
            step_timeout: rollout.step_timeout,
            force_unlock: request.options.force_unlock,
        },
        Basis::of(&records).await,
    );
    let bring_up =
        BringUp { run: &run, spec: &request.spec, plan: &plan, materials: &request.materials, records };
    let creation = Creation { request, bring_up };
    let was_begun = known.as_ref().is_some_and(|known| known.status == NetworkStatus::Creating);
    match run.keeping_lock(Box::pin(creation.flow(known))).await {
        Ok(mut report) => {
            report.steps = run.finish(&report.summary()).await;
            Ok(report)
        }
        Err(error) => {
            let evidence = creation.bring_up.evidence().await;
            let mut failure = run.fail(error, evidence).await;
            if was_begun && failure.leftovers.is_empty() && !run.was_kept_from_writing() {
                failure.leftovers.push(begun_before(&request.spec.network));
            }
            Err(failure)
        }
    }
}

/// What is left by a run that changed nothing because earlier ones, which came to no end either, had made all that it would have made.
fn begun_before(network: &NetworkName) -> Leftover {
    let resources = vec![format!("what earlier runs made of network {network}")];
    Leftover { step: "record".to_owned(), resources, certain: true }
}

/// Refuses what `create-network` cannot do to a network that is known already.
fn check_known(request: &CreateRequest, known: Option<&NetworkRecord>) -> Result<()> {
    let Some(known) = known else { return Ok(()) };
    known.check_alive("create network")?;
    let refuse = |reason: String, hint: &str| {
        Err(Error::new(Meaning::Invalid, "create network", request.spec.network.as_str(), reason)
            .with_hint(hint))
    };
    if !known.leaving.is_empty() {
        return refuse(
            format!("the removal of {} is not finished", node_names(&known.leaving)),
            "run delete-miner again with these numbers",
        );
    }
    let mut recorded = known.spec.clone();
    if request.options.new_genesis {
        recorded.genesis = request.spec.genesis.clone();
    }
    if known.status == NetworkStatus::Creating {
        // A creation that a chart's repository, version or values stopped goes on with better ones.
        recorded.charts.clone_from(&request.spec.charts);
    }
    let differences = differences(&recorded, &request.spec);
    if differences.is_empty() {
        return Ok(());
    }
    refuse(
        format!("it exists with other settings: {}", differences.join("; ")),
        "add-miner and delete-miner change its size, upgrade-network its release and config, deploy-ws its web services; for anything else delete it and create it anew",
    )
}

/// Every step that may write, with what it makes.
fn intents(spec: &NetworkSpec, plan: &Plan, new_genesis: bool) -> Vec<(String, Vec<String>)> {
    let namespace = &plan.namespaces.network;
    let intent = |step: &str, resources: Vec<String>| (step.to_owned(), resources);
    let mut intents = vec![
        intent("record", vec![format!("record of {}", plan.network)]),
        intent("cluster", vec![format!("cluster {}", plan.network)]),
        intent(
            "foundation",
            vec![format!("namespaces, network policies and disruption budgets of {}", plan.network)],
        ),
        intent("workers", vec![counted(plan.cluster.slots, "worker slot", "worker slots")]),
        intent("keys", vec![format!("key Secrets in namespace {namespace}")]),
        intent("poets", vec![format!("PoETs poet-1 to poet-{} in namespace {namespace}", plan.poets.len())]),
        intent(
            "nodes",
            vec![format!("nodes miner-1 to miner-{} in namespace {namespace}", plan.nodes.len())],
        ),
        intent("support", vec![format!("beacon server, watch and profiler in namespace {namespace}")]),
        intent("firewall", vec![format!("firewall rules of {}", plan.network)]),
        intent("config", vec![format!("published config of {}", plan.network)]),
    ];
    intents.extend(plan.charts.iter().map(|chart| {
        intent(
            &chart_step(&chart.name),
            vec![format!("chart release {} in namespace {}", chart.name, chart.namespace)],
        )
    }));
    if new_genesis {
        let removed = format!(
            "removal of all nodes and PoETs of the old chain in namespace {namespace}, with claims and keys"
        );
        intents.push(intent(NEW_GENESIS, vec![removed]));
    }
    if spec.logs.is_some() {
        intents.push(intent("log-retention", vec!["lifecycle policy and index template sm".to_owned()]));
        intents.push(intent("dashboards", vec!["Kibana saved objects".to_owned()]));
    }
    intents.extend(
        plan.dns.iter().map(|name| intent(&dns_step(&name.name), vec![format!("DNS record {}", name.name)])),
    );
    if spec.generation == Generation::V0 {
        intents.push(intent("poet-activation", vec!["first rounds of the PoETs".to_owned()]));
    }
    intents
}

/// One creation under way.
#[derive(Debug)]
struct Creation<'a> {
    request: &'a CreateRequest,
    bring_up: BringUp<'a>,
}

impl Creation<'_> {
    fn spec(&self) -> &NetworkSpec {
        &self.request.spec
    }

    async fn flow(&self, known: Option<NetworkRecord>) -> Result<NetworkReport> {
        let bring_up = &self.bring_up;
        let mut record = match known {
            Some(known) => self.with_asked_charts(known).await?,
            None => self.new_record(),
        };
        record.made_cluster |= bring_up.ensure_cluster(&record).await? == Outcome::Created;
        let cluster = bring_up.connect().await?;
        let poets_open = poets_open(self.spec(), &record);
        bring_up.ensure_first_foundation(&cluster, poets_open, &record).await?;
        self.start_anew(&*cluster.workloads, &mut record).await?;
        let keys = bring_up.ensure_keys(&*cluster.workloads);
        let places = bring_up.ensure_places(&*cluster.workloads, &record);
        let (keys, places) = futures::join!(keys, places);
        let (keys, places) = both(keys, places)?;
        let secrets = ChartSecrets {
            elastic_password: keys.elastic_password.clone(),
            grafana_password: keys.grafana_password.clone(),
            filebeat_config: self.request.materials.filebeat_config.clone(),
        };
        bring_up.ensure_charts(&cluster, &secrets, &[ChartStage::Metrics]).await?;
        let nodes = self.bring_up_fleet(&cluster, &keys, places, &mut record);
        let logs = bring_up.bring_up_logs(&cluster, &secrets);
        let extras = bring_up.ensure_charts(&cluster, &secrets, &[ChartStage::Extras]);
        let (nodes, logs, extras) = futures::join!(nodes, logs, extras);
        let fleet = unless_another_failed(nodes, [logs, extras])?;
        bring_up.finish(&cluster, fleet, record).await
    }

    /// Brings PoETs and nodes up, or sees that they are.
    async fn bring_up_fleet(
        &self,
        cluster: &ClusterServices,
        keys: &NetworkKeys,
        places: Places,
        record: &mut NetworkRecord,
    ) -> Result<Fleet> {
        let (bring_up, workloads) = (&self.bring_up, &*cluster.workloads);
        let mut fleet = bring_up.bind_to(places, keys, record)?;
        bring_up.remember(record, &fleet, false).await?;
        let started = bring_up.run.services().clock.now();
        let changed = bring_up.ensure_fleet(workloads, &fleet, poets_open(self.spec(), record)).await?;
        let now = bring_up.run.services().clock.now();
        let took = Duration::try_from(now.duration_since(started)).unwrap_or(Duration::ZERO);
        if changed {
            bring_up.check_margin(&fleet.genesis, took)?;
        }
        if self.spec().generation == Generation::V0 {
            bring_up.activate_poets(workloads, &mut fleet, record, took).await?;
        }
        Ok(fleet)
    }

    /// With `--new-genesis`: removes nodes and PoETs of a chain that was begun, with claims and keys, so that it starts anew.
    async fn start_anew(&self, workloads: &dyn Workloads, record: &mut NetworkRecord) -> Result<()> {
        if !self.request.options.new_genesis || record.genesis.is_none() {
            return Ok(());
        }
        if record.config_url.is_some() && !self.request.options.forced {
            let reason = "its config was published, so that others may have joined it";
            return Err(Error::new(
                Meaning::Invalid,
                "start chain anew",
                self.spec().network.as_str(),
                reason,
            )
            .with_hint("add --force if those who joined are to join it anew, or delete the network and create it again"));
        }
        let look = async || Ok(Look::Differs(Vec::new()));
        let detail = "removing nodes and PoETs of the old chain";
        self.bring_up.run.step(NEW_GENESIS, detail, look, |_| self.remove_old_chain(workloads)).await?;
        record.genesis = None;
        record.config_url = None;
        record.nodes.clear();
        record.poets.clear();
        record.spec = self.spec().clone();
        Ok(())
    }

    /// Removes all nodes and PoETs side by side, each in the time that a step may take.
    async fn remove_old_chain(&self, workloads: &dyn Workloads) -> Result<Outcome> {
        let BringUp { run, plan, .. } = &self.bring_up;
        let nodes = plan.nodes.iter().map(|node| &node.name);
        let names: Vec<&String> = nodes.chain(plan.poets.iter().map(|poet| &poet.name)).collect();
        let total = u64::try_from(names.len()).unwrap_or(u64::MAX);
        let mut done = 0;
        let removed = |_| {
            done += 1;
            run.observe(&Event::Progress { step: NEW_GENESIS.to_owned(), done, total });
        };
        let remove = async |name: &String| workloads.remove_workload(name, &run.wait(NEW_GENESIS)).await;
        let width = usize::try_from(self.spec().rollout.max_concurrent_deployments).unwrap_or(usize::MAX);
        sliding_window(names, width, || run.may_start(NEW_GENESIS), remove, removed).await?;
        Ok(Outcome::Removed)
    }

    /// The record with the charts that are asked for now, which differ from the recorded ones only as long as the network is being created.
    async fn with_asked_charts(&self, mut record: NetworkRecord) -> Result<NetworkRecord> {
        if record.spec.charts != self.spec().charts {
            let same = |name: &str| record.spec.charts.get(name) == self.spec().charts.get(name);
            self.bring_up.find_charts_unless(|chart| same(&chart.chart)).await?;
            record.spec.charts.clone_from(&self.spec().charts);
            let asked = self.request.settings.get("charts").cloned().unwrap_or_default();
            record.settings.insert("charts".to_owned(), asked);
            self.bring_up.run.begin_writing().await?;
            self.bring_up.write_record(&mut record).await?;
        }
        Ok(record)
    }

    fn new_record(&self) -> NetworkRecord {
        let services = self.bring_up.run.services();
        let now = services.clock.now();
        NetworkRecord {
            schema: SCHEMA.to_owned(),
            kind: RECORD_KIND.to_owned(),
            network: self.spec().network.clone(),
            status: NetworkStatus::Creating,
            taken_back: false,
            spec: self.spec().clone(),
            settings: self.request.settings.clone(),
            made_cluster: false,
            genesis: None,
            nodes: Vec::new(),
            poets: Vec::new(),
            charts: Vec::new(),
            joining: BTreeSet::new(),
            leaving: BTreeSet::new(),
            load_balancers: Vec::new(),
            discovery_files: BTreeSet::new(),
            upgrade: None,
            slots: self.bring_up.plan.cluster.slots,
            config_url: None,
            written_by_version: services.version.clone(),
            created_at: now,
            created_by: services.holder.operator.clone(),
            updated_at: now,
            updated_by: services.holder.operator.clone(),
            fence: 0,
        }
    }
}
