use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::{named_by_unended_run, refused, within};
use crate::error::{Error, Meaning, Result};
use crate::fleet_change::{Refusal, fits_no_worker, numbers_of_new_miners};
use crate::names::NetworkName;
use crate::operation::bring_up::{BringUp, Fleet, NetworkMaterials, poets_open};
use crate::operation::change::{Limits, plan_of, ready_record};
use crate::operation::run::{Basis, Run, anew_when_outdated};
use crate::operation::{OperationFailure, Services};
use crate::plan::Plan;
use crate::report::MinersReport;
use crate::spec::{NetworkSpec, NodeOverride, WaitFor};
use crate::spelling::counted;
use crate::state::{NetworkRecord, RecordStore};
use crate::topology::{node_name, node_names};
use crate::traits::Workloads;

const ADD_MINER: &str = "add-miner";

/// The step whose intent names the new miners.
const NODES: &str = "nodes";

/// What `add-miner` is to do.
#[derive(Debug)]
pub struct AddMinersRequest {
    /// The network.
    pub network: NetworkName,
    /// The miners.
    pub miners: NewMiners,
    /// The most workers that may ever be paid for from now on; none keeps what the network has.
    pub most_workers: Option<u32>,
    /// Templates, files and tokens.
    pub materials: NetworkMaterials,
    /// What counts as up.
    pub wait: WaitFor,
    /// How long it may take.
    pub limits: Limits,
}

/// Plain miners that are to join.
#[derive(Debug, Clone, PartialEq)]
pub struct NewMiners {
    /// How many.
    pub count: u32,
    /// The number of the first one, the others following; none takes the numbers after the highest.
    pub first: Option<u32>,
    /// What they have otherwise than the network's nodes.
    pub differences: NodeOverride,
    /// Numbers of those that push profiles; none leaves that to the network's own list.
    pub profiled: Option<BTreeSet<u32>>,
}

/// Adds plain miners to a network that is up and waits until they are up too.
///
/// They know the network's bootnodes, use PoETs round robin by number, and are made of what the network's nodes are made of but for what the request says. Workers are added
/// where they do not fit. No other node is touched.
///
/// A run that was stopped is gone on with when the same is asked for again: the same numbers come up, and no others. It is recognised by the numbers that the record says
/// are joining, and where all was done but the end, by a journal that was not closed or a lock that was not given back. After a run that ended, the same request adds the next ones.
///
/// # Errors
///
/// [`OperationFailure`]; [`Meaning::Invalid`] before anything is changed for numbers that are taken, for another request than the one that is not finished, and for a network
/// that they do not fit into.
pub async fn add_miners(
    services: &Services,
    request: AddMinersRequest,
) -> Result<MinersReport, OperationFailure> {
    anew_when_outdated(async || add_once(services, &request).await).await
}

async fn add_once(services: &Services, request: &AddMinersRequest) -> Result<MinersReport, OperationFailure> {
    let records = RecordStore::new(Arc::clone(&services.state_store), &request.network);
    let record = ready_record(services, &records, &request.network, "add miners to").await?;
    let numbers = numbers(services, request, &record).await?;
    let spec = spec_with(&record.spec, request, &numbers)?;
    let working = within(request.limits, &spec, request.wait);
    let plan = plan_of(services, &working)?;
    let run = Run::new(
        services,
        &request.network,
        ADD_MINER,
        intents(&plan, &numbers),
        request.limits,
        Basis::of(&records).await,
    );
    let bring_up = BringUp { run: &run, spec: &working, plan: &plan, materials: &request.materials, records };
    let addition = Addition { bring_up, numbers: &numbers };
    let changed = NetworkRecord { settings: settings_with(&record, &spec), spec, ..record };
    match run.keeping_lock(Box::pin(addition.flow(changed))).await {
        Ok(mut report) => {
            report.steps = run.finish(&report.summary()).await;
            Ok(report)
        }
        Err(error) => {
            let evidence = addition.bring_up.evidence().await;
            Err(run.fail(error, evidence).await)
        }
    }
}

/// The numbers of the new miners: those of a run that was stopped, or free ones.
async fn numbers(
    services: &Services,
    request: &AddMinersRequest,
    record: &NetworkRecord,
) -> Result<BTreeSet<u32>> {
    let invalid = |refusal| refused("add miners to", &request.network, refusal);
    if record.joining.is_empty() {
        let ended = named_by_unended_run(services, &request.network, ADD_MINER, NODES).await?;
        if !ended.is_empty() && ended.is_subset(&record.spec.fleet.added) && is_meant(request, record, &ended)
        {
            return Ok(ended);
        }
        let NewMiners { first, count, .. } = request.miners;
        return numbers_of_new_miners(&record.spec.fleet, &record.leaving, first, count).map_err(invalid);
    }
    if is_meant(request, record, &record.joining) {
        return Ok(record.joining.clone());
    }
    let numbers: Vec<String> = record.joining.iter().map(u32::to_string).collect();
    Err(invalid(Refusal {
        reason: format!("the addition of {} is not finished", node_names(&record.joining)),
        hint: format!(
            "run the same command as then again to finish it (--count {}), or take it back with delete-miner --miner-number {}",
            numbers.len(),
            numbers.join(",")
        ),
        is_not_found: false,
    }))
}

/// Whether the miners of these numbers, which the record has, are those that are asked for.
fn is_meant(request: &AddMinersRequest, record: &NetworkRecord, numbers: &BTreeSet<u32>) -> bool {
    let miners = &request.miners;
    let count = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
    let has_differences = |number: &u32| {
        let recorded = record.spec.node_overrides.get(number).cloned().unwrap_or_default();
        recorded == miners.differences_of(*number)
    };
    count == miners.count
        && miners.first.is_none_or(|first| numbers.first() == Some(&first))
        && numbers.iter().all(has_differences)
}

impl NewMiners {
    fn differences_of(&self, number: u32) -> NodeOverride {
        let profiling = self.profiled.as_ref().map(|profiled| profiled.contains(&number));
        NodeOverride { profiling: profiling.or(self.differences.profiling), ..self.differences.clone() }
    }
}

/// The network's spec with the new miners, and what they have otherwise.
fn spec_with(
    recorded: &NetworkSpec,
    request: &AddMinersRequest,
    numbers: &BTreeSet<u32>,
) -> Result<NetworkSpec> {
    check_profiled(recorded, request, numbers)?;
    let mut spec = recorded.clone();
    spec.cluster.most_workers = request.most_workers.or(spec.cluster.most_workers);
    for number in numbers {
        spec.fleet.add(*number);
        let differences = request.miners.differences_of(*number);
        if !differences.is_empty() {
            spec.node_overrides.insert(*number, differences);
        }
    }
    Ok(spec)
}

/// The settings of the record, where the network is another one now.
fn settings_with(record: &NetworkRecord, spec: &NetworkSpec) -> BTreeMap<String, Value> {
    if spec.cluster == record.spec.cluster { record.settings.clone() } else { spec.to_settings() }
}

fn check_profiled(recorded: &NetworkSpec, request: &AddMinersRequest, numbers: &BTreeSet<u32>) -> Result<()> {
    let Some(profiled) = &request.miners.profiled else { return Ok(()) };
    let invalid = |reason: String, hint: &str| {
        Err(Error::new(Meaning::Invalid, "profile miners of", request.network.as_str(), reason)
            .with_hint(hint))
    };
    if recorded.profiling.is_none() {
        return invalid("the network has no profiler".to_owned(), "leave --profile-miners out");
    }
    let others: BTreeSet<u32> = profiled.difference(numbers).copied().collect();
    if others.is_empty() {
        return Ok(());
    }
    invalid(
        format!("{} is none of the new miners", node_names(&others)),
        &format!("the new miners are {}", node_names(numbers)),
    )
}

/// Every step that may write. The intent of [`NODES`] names the new miners one by one.
fn intents(plan: &Plan, numbers: &BTreeSet<u32>) -> Vec<(String, Vec<String>)> {
    let (network, namespace) = (&plan.network, &plan.namespaces.network);
    let names: Vec<String> = numbers.iter().map(|number| node_name(*number)).collect();
    let intent = |step: &str, resources: Vec<String>| (step.to_owned(), resources);
    vec![
        intent("cluster", vec![format!("more workers of cluster {network}")]),
        intent("workers", vec![counted(plan.cluster.slots, "worker slot", "worker slots")]),
        intent("keys", vec![format!("key Secrets of {} in namespace {namespace}", names.join(", "))]),
        intent("record", vec![format!("record of {network}")]),
        intent("foundation", vec![format!("disruption budgets of {network}")]),
        intent("firewall", vec![format!("firewall rules of {network}")]),
        intent("watch", vec![format!("spacemesh-watch in namespace {namespace}")]),
        intent(NODES, names),
    ]
}

/// One addition under way.
#[derive(Debug)]
struct Addition<'a> {
    bring_up: BringUp<'a>,
    numbers: &'a BTreeSet<u32>,
}

impl Addition<'_> {
    async fn flow(&self, mut record: NetworkRecord) -> Result<MinersReport> {
        let bring_up = &self.bring_up;
        bring_up.grow_cluster().await?;
        let cluster = bring_up.connect().await?;
        let workloads = &*cluster.workloads;
        self.check_workers(workloads).await?;
        let keys = bring_up.ensure_keys(workloads).await?;
        let fleet = bring_up.bind(workloads, &keys, &mut record).await?;
        let finished = self.remember(&mut record, &fleet).await?;
        let poets_open = poets_open(bring_up.spec, &record);
        bring_up.ensure_foundation(workloads, poets_open).await?;
        bring_up.ensure_firewall(poets_open).await?;
        bring_up.ensure_nodes(workloads, &fleet, self.numbers).await?;
        let names: Vec<String> = self.numbers.iter().map(|number| node_name(*number)).collect();
        bring_up.wait_for(workloads, &names).await?;
        bring_up.wait_healthy_if_asked(workloads, self.numbers).await?;
        bring_up.ensure_watch(workloads).await?;
        if !finished {
            record.joining.clear();
            bring_up.run.begin_writing().await?;
            bring_up.write_record(&mut record).await?;
        }
        bring_up.run.settle().await?;
        let observed = workloads.list().await?;
        let added = bring_up.node_reports(&fleet, &observed, self.numbers);
        Ok(MinersReport::of_added(&bring_up.spec.network, added, bring_up.spec.fleet.count()))
    }

    /// Workers of a cluster that others own cannot be added: whether a new miner fits one is asked before anything is made.
    async fn check_workers(&self, workloads: &dyn Workloads) -> Result<()> {
        let bring_up = &self.bring_up;
        if bring_up.run.services().cluster.capabilities().creates_clusters {
            return Ok(());
        }
        let workers = workloads.workers().await?;
        let why = self
            .numbers
            .iter()
            .find_map(|number| fits_no_worker(bring_up.spec.makeup(*number).resources, &workers));
        let Some(why) = why else { return Ok(()) };
        let error = Error::new(Meaning::Invalid, "add miners to", bring_up.spec.network.as_str(), why);
        Err(error.with_hint(
            "ask for less with --miner-cpu and --miner-ram, or have a larger worker added to the cluster",
        ))
    }

    /// Writes down which nodes are joining, with their identities. True when an earlier run did that and came to its end.
    async fn remember(&self, record: &mut NetworkRecord, fleet: &Fleet) -> Result<bool> {
        let are_recorded =
            self.numbers.iter().all(|number| record.nodes.iter().any(|node| node.number == *number));
        if are_recorded && record.joining.is_empty() {
            return Ok(true);
        }
        let is_new = record.joining != *self.numbers;
        record.joining.clone_from(self.numbers);
        self.bring_up.remember(record, fleet, is_new).await?;
        Ok(false)
    }
}
