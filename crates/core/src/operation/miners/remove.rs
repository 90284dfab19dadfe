use std::collections::BTreeSet;
use std::sync::Arc;

use super::{named_by_unended_run, refused, within};
use crate::consensus::peer_minimum;
use crate::error::Result;
use crate::fleet_change::check_removal;
use crate::names::NetworkName;
use crate::node_config::NodeConfig;
use crate::observer::{Event, Outcome};
use crate::operation::bring_up::{BringUp, NetworkMaterials, poets_open, recorded_keys};
use crate::operation::change::{Limits, plan_of, ready_record};
use crate::operation::run::{Basis, Run, anew_when_outdated};
use crate::operation::window::sliding_window;
use crate::operation::{OperationFailure, Services};
use crate::plan::Plan;
use crate::report::{MinersReport, RemovedNode};
use crate::spec::{NetworkSpec, WaitFor};
use crate::state::{NetworkRecord, RecordStore};
use crate::topology::{node_name, node_names, role_of};
use crate::traits::{Look, Workloads};

const DELETE_MINER: &str = "delete-miner";

/// The step whose intent names the nodes that go.
const REMOVAL: &str = "removal";

/// How many nodes are being removed at once.
const REMOVED_AT_ONCE: usize = 16;

/// What `delete-miner` is to do.
#[derive(Debug)]
pub struct RemoveMinersRequest {
    /// The network.
    pub network: NetworkName,
    /// The numbers of the nodes.
    pub numbers: BTreeSet<u32>,
    /// Removes even the bootstrap node and the last bootnode.
    pub forced: bool,
    /// Templates, files and tokens.
    pub materials: NetworkMaterials,
    /// How long it may take.
    pub limits: Limits,
}

/// Removes nodes with all they own: Deployment, claim and disk, config, Services, monitor and the Secret with their keys, wallet keys included.
///
/// The watch service and the published config forget them first. Nodes that were told of a bootnode which goes keep running with that: they learn of it on their next change.
/// Only those that would know nobody any more are told of others, and restart. The numbers can be given again.
///
/// A run that was stopped is gone on with by any further `delete-miner`: the record says which numbers are leaving.
///
/// # Errors
///
/// [`OperationFailure`]; before anything is changed [`Meaning::NotFound`](crate::Meaning::NotFound) for numbers that are not there, and [`Meaning::Invalid`](crate::Meaning::Invalid) for
/// the bootstrap node and the last bootnode unless forced, and for all nodes at once.
pub async fn remove_miners(
    services: &Services,
    request: RemoveMinersRequest,
) -> Result<MinersReport, OperationFailure> {
    anew_when_outdated(async || remove_once(services, &request).await).await
}

async fn remove_once(
    services: &Services,
    request: &RemoveMinersRequest,
) -> Result<MinersReport, OperationFailure> {
    const OPERATION: &str = "remove miners from";
    let records = RecordStore::new(Arc::clone(&services.state_store), &request.network);
    let record = ready_record(services, &records, &request.network, OPERATION).await?;
    let leaving = leaving(services, &record).await?;
    check_removal(&record.spec.fleet, &leaving, &request.numbers, request.forced)
        .map_err(|refusal| refused(OPERATION, &request.network, refusal))?;
    let numbers: BTreeSet<u32> = request.numbers.union(&leaving).copied().collect();
    let removed: Vec<RemovedNode> = numbers.iter().map(|number| removed_node(&record, *number)).collect();
    let changed = without(&record, &numbers);
    let working = within(request.limits, &changed.spec, WaitFor::Ready);
    let plan = plan_of(services, &working)?;
    let run = Run::new(
        services,
        &request.network,
        DELETE_MINER,
        intents(&plan, &numbers),
        request.limits,
        Basis::of(&records).await,
    );
    tell_what_others_lose(&run, &record.spec, &working, &numbers);
    let is_new = changed != record;
    let bring_up = BringUp { run: &run, spec: &working, plan: &plan, materials: &request.materials, records };
    let removal = Removal { bring_up, numbers: &numbers };
    match run.keeping_lock(Box::pin(removal.flow(changed, is_new))).await {
        Ok(()) => {
            let mut report = MinersReport::of_removed(&working.network, removed, working.fleet.count());
            report.steps = run.finish(&report.summary()).await;
            Ok(report)
        }
        Err(error) => Err(run.fail(error, None).await),
    }
}

/// Numbers that an earlier run began to remove: those that the record says are leaving, and where it had only its end to write down, those of its journal.
async fn leaving(services: &Services, record: &NetworkRecord) -> Result<BTreeSet<u32>> {
    let mut leaving = named_by_unended_run(services, &record.network, DELETE_MINER, REMOVAL).await?;
    leaving.retain(|number| !record.spec.fleet.contains(*number));
    leaving.extend(&record.leaving);
    Ok(leaving)
}

/// The record once these nodes are leaving.
fn without(record: &NetworkRecord, numbers: &BTreeSet<u32>) -> NetworkRecord {
    let mut changed = record.clone();
    for number in numbers {
        changed.spec.fleet.remove(*number);
        changed.spec.node_overrides.remove(number);
        changed.joining.remove(number);
        changed.leaving.insert(*number);
    }
    changed.nodes.retain(|node| !numbers.contains(&node.number));
    changed
}

fn removed_node(record: &NetworkRecord, number: u32) -> RemovedNode {
    let recorded = record.nodes.iter().find(|node| node.number == number);
    RemovedNode {
        name: node_name(number),
        role: recorded.map_or_else(|| role_of(number, &record.spec.fleet), |node| node.role),
        peer_id: recorded.map(|node| node.peer_id.clone()),
        coinbase: recorded.map(|node| node.coinbase.clone()),
    }
}

/// What the network gives up with these nodes, without being harmed at once.
fn tell_what_others_lose(run: &Run, before: &NetworkSpec, after: &NetworkSpec, numbers: &BTreeSet<u32>) {
    let gateways: BTreeSet<u32> =
        numbers.iter().copied().filter(|number| before.is_gateway(*number)).collect();
    if !gateways.is_empty() {
        run.warn(format!(
            "{} is a gateway of the PoETs, which keep the gateways that they were activated with",
            node_names(&gateways)
        ));
    }
    let config = NodeConfig::new(after.generation, &after.node.base_config);
    let wanted = peer_minimum(config, after.fleet.bootstrap.then_some(after.fleet.nodes)).unwrap_or(0);
    let others = u64::from(after.fleet.count()).saturating_sub(1);
    if after.fleet.bootstrap && others < wanted {
        run.warn(format!(
            "each node wants {wanted} peers, as the network was made with {} nodes, and only {others} others are left",
            after.fleet.nodes
        ));
    }
}

/// Every step that may write. The intent of [`REMOVAL`] names the nodes one by one.
fn intents(plan: &Plan, numbers: &BTreeSet<u32>) -> Vec<(String, Vec<String>)> {
    let (network, namespace) = (&plan.network, &plan.namespaces.network);
    let intent = |step: &str, resource: String| (step.to_owned(), vec![resource]);
    vec![
        intent("record", format!("record of {network}")),
        intent("watch", format!("spacemesh-watch in namespace {namespace}")),
        intent("config", format!("published config of {network}")),
        intent("nodes", format!("nodes in namespace {namespace} that know nobody else")),
        (REMOVAL.to_owned(), numbers.iter().map(|number| node_name(*number)).collect()),
        intent("foundation", format!("disruption budgets of {network}")),
        intent("firewall", format!("firewall rules of {network}")),
    ]
}

/// One removal under way.
#[derive(Debug)]
struct Removal<'a> {
    bring_up: BringUp<'a>,
    numbers: &'a BTreeSet<u32>,
}

impl Removal<'_> {
    async fn flow(&self, mut record: NetworkRecord, is_new: bool) -> Result<()> {
        let bring_up = &self.bring_up;
        let cluster = bring_up.connect().await?;
        let workloads = &*cluster.workloads;
        bring_up.ensure_record("record", &mut record, is_new).await?;
        let fleet = bring_up.bind_as_it_is(workloads, &recorded_keys(&record), &record).await?;
        let observed = workloads.list().await?;
        bring_up.ensure_watch(workloads).await?;
        bring_up.publish(&fleet, &observed).await?;
        let cut_off = bring_up.cut_off(&fleet.bindings, &observed);
        if !cut_off.is_empty() {
            bring_up.ensure_nodes(workloads, &fleet, &cut_off).await?;
            let names: Vec<String> = cut_off.iter().map(|number| node_name(*number)).collect();
            bring_up.wait_for(workloads, &names).await?;
        }
        self.remove(workloads).await?;
        let poets_open = poets_open(bring_up.spec, &record);
        bring_up.ensure_foundation(workloads, poets_open).await?;
        bring_up.ensure_firewall(poets_open).await?;
        record.leaving.clear();
        bring_up.run.begin_writing().await?;
        bring_up.write_record(&mut record).await
    }

    async fn remove(&self, workloads: &dyn Workloads) -> Result<()> {
        let run = self.bring_up.run;
        let total = u64::try_from(self.numbers.len()).unwrap_or(u64::MAX);
        let wait = run.wait(REMOVAL);
        let remove = async |_| {
            let (mut done, mut outcome) = (0, Outcome::Absent);
            let removed = |one: Outcome| {
                done += 1;
                if one == Outcome::Removed {
                    outcome = Outcome::Removed;
                }
                run.observe(&Event::Progress { step: REMOVAL.to_owned(), done, total });
            };
            let names = self.numbers.iter().map(|number| node_name(*number));
            let remove = async |name: String| workloads.remove_workload(&name, &wait).await;
            sliding_window(names, REMOVED_AT_ONCE, || run.may_start(REMOVAL), remove, removed).await?;
            Ok(outcome)
        };
        let look = async || Ok(Look::Differs(Vec::new()));
        run.step(REMOVAL, &node_names(self.numbers), look, remove).await?;
        Ok(())
    }
}
