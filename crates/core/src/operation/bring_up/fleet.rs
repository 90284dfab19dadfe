//! The fleet: places for pinned nodes, what a plan needs to become workloads, and nodes, PoETs and support applied.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::try_join_all;

use super::BringUp;
use super::keys::NetworkKeys;
use super::workloads::Wanted;
use crate::error::{Error, Meaning, Result};
use crate::observer::Outcome;
use crate::operation::failure::all_together;
use crate::plan::{Bindings, PlannedNode, WATCH, beacon_files, keeps_peers, support_workloads, told_peers};
use crate::slots::{SlotAssignment, missing_assignments};
use crate::spec::{Generation, RolloutOrder};
use crate::state::{GenesisRecord, NetworkRecord};
use crate::topology::{bootnodes, node_name};
use crate::traits::{Look, Workloads};
use crate::wait::Progress;
use crate::workload::{ConfigFile, ObservedWorkload, Worker, Workload};

/// How often something without a watch is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// All that a plan leaves open, known.
#[derive(Debug)]
pub(in crate::operation) struct Fleet {
    /// Genesis, identities and addresses.
    pub bindings: Bindings,
    /// All workers, by name.
    pub workers: Vec<Worker>,
    /// The genesis and whether the PoETs run.
    pub genesis: GenesisRecord,
    /// The files of the epoch-2 beacon.
    pub beacon_files: Vec<ConfigFile>,
}

/// The workers of a cluster, of which some carry the slots of pinned nodes.
#[derive(Debug)]
pub(in crate::operation) struct Places {
    slots: u32,
    workers: Vec<Worker>,
}

impl BringUp<'_> {
    /// Sees to it that pinned nodes have workers, and binds the plan to keys, workers and genesis.
    pub(in crate::operation) async fn bind(
        &self,
        workloads: &dyn Workloads,
        keys: &NetworkKeys,
        record: &mut NetworkRecord,
    ) -> Result<Fleet> {
        let places = self.ensure_places(workloads, record).await?;
        self.bind_to(places, keys, record)
    }

    /// Sees to it that pinned nodes have workers.
    pub(in crate::operation) async fn ensure_places(
        &self,
        workloads: &dyn Workloads,
        record: &NetworkRecord,
    ) -> Result<Places> {
        let slots = self.slots(workloads, record).await?;
        Ok(Places { slots, workers: self.ensure_workers(workloads, slots).await? })
    }

    /// Binds the plan to keys, places and genesis.
    pub(in crate::operation) fn bind_to(
        &self,
        places: Places,
        keys: &NetworkKeys,
        record: &mut NetworkRecord,
    ) -> Result<Fleet> {
        record.slots = places.slots;
        self.bound(places.workers, keys, record)
    }

    /// The same with the workers that carry slots at the moment, waiting for none.
    pub(in crate::operation) async fn bind_as_it_is(
        &self,
        workloads: &dyn Workloads,
        keys: &NetworkKeys,
        record: &NetworkRecord,
    ) -> Result<Fleet> {
        let workers = workloads.workers().await?;
        self.bound(workers, keys, record)
    }

    fn bound(&self, workers: Vec<Worker>, keys: &NetworkKeys, record: &NetworkRecord) -> Result<Fleet> {
        let genesis = self.choose_genesis(record)?;
        let bindings = Bindings {
            genesis: genesis.genesis.clone(),
            nodes: keys.nodes.clone(),
            poets: keys.poets.clone(),
            slots: record.slots,
            slot_addresses: slot_addresses(&workers, record.slots),
            poet_activation: genesis.poet_activation,
            told: BTreeMap::new(),
        };
        let beacon_files = beacon_files(self.spec, &self.materials.profile, &genesis.genesis)?;
        Ok(Fleet { bindings, workers, genesis, beacon_files })
    }

    /// How many worker slots there are: those recorded; else those planned, or on a cluster that is not ours as many as it has ready workers.
    async fn slots(&self, workloads: &dyn Workloads, record: &NetworkRecord) -> Result<u32> {
        let planned = self.plan.cluster.slots;
        if !record.nodes.is_empty() {
            return Ok(record.slots.max(1));
        }
        if self.services().cluster.capabilities().creates_clusters {
            return Ok(planned);
        }
        let ready = workloads.workers().await?.iter().filter(|worker| worker.schedulable).count();
        let ready = u32::try_from(ready).unwrap_or(u32::MAX);
        if ready < planned {
            self.run.tell(format!("{planned} pinned nodes share {ready} ready workers of the cluster"));
        }
        Ok(planned.min(ready).max(1))
    }

    /// Puts the slots that no worker carries on ready ones, waiting for workers that are still coming.
    async fn ensure_workers(&self, workloads: &dyn Workloads, slots: u32) -> Result<Vec<Worker>> {
        let wait = self.run.wait("workers");
        let missing = async || -> Result<Vec<SlotAssignment>> {
            wait.until("workers for pinned nodes", LOOK_AGAIN, async || {
                let now = self.services().clock.now();
                Ok(match missing_assignments(&workloads.workers().await?, slots, now) {
                    Ok(missing) => Progress::Ready(missing),
                    Err(why) => Progress::Pending(why),
                })
            })
            .await
        };
        let look = async || Ok(if missing().await?.is_empty() { Look::Same } else { Look::Absent });
        let assign = async |_| {
            let missing = missing().await?;
            let assign = missing.iter().map(|one| workloads.assign_slot(&one.worker, one.slot));
            try_join_all(assign).await?;
            Ok(Outcome::Created)
        };
        self.run.step("workers", "places for bootstrap node and bootnodes", look, assign).await?;
        workloads.workers().await
    }

    /// Opens the firewall, applies what differs of the whole fleet, and waits until all of it is up. True when anything was applied.
    pub(in crate::operation) async fn ensure_fleet(
        &self,
        workloads: &dyn Workloads,
        fleet: &Fleet,
        poets_open: bool,
    ) -> Result<bool> {
        let support = support_workloads(self.spec, self.plan, fleet.beacon_files.clone());
        let poets = match self.spec.generation {
            Generation::V1 => self.poet_workloads(&fleet.bindings)?,
            Generation::V0 => Vec::new(),
        };
        let numbers = self.spec.fleet.numbers();
        let mut names: Vec<String> = numbers.iter().map(|number| node_name(*number)).collect();
        names.extend(support.iter().chain(&poets).map(|workload| workload.name.clone()));
        let firewall = async { self.ensure_firewall(poets_open).await.map(|()| Outcome::Unchanged) };
        let support = self.ensure_any(workloads, "support", support);
        let poets = self.ensure_any(workloads, "poets", poets);
        let nodes = self.ensure_nodes(workloads, fleet, &numbers);
        let applied = match self.spec.rollout.order {
            RolloutOrder::Parallel => {
                let (firewall, support, poets, nodes) = futures::join!(firewall, support, poets, nodes);
                all_together([firewall, support, poets, nodes])?
            }
            RolloutOrder::Ordered => firewall.await?.and(support.await?).and(poets.await?).and(nodes.await?),
        };
        self.wait_for(workloads, &names).await?;
        self.wait_healthy_if_asked(workloads, &numbers).await?;
        Ok(applied != Outcome::Unchanged)
    }

    /// A step over a group of workloads that may be empty, and then is no step.
    async fn ensure_any(
        &self,
        workloads: &dyn Workloads,
        step: &str,
        group: Vec<Workload>,
    ) -> Result<Outcome> {
        if group.is_empty() {
            return Ok(Outcome::Unchanged);
        }
        self.ensure_group(workloads, step, all_new(group)).await
    }

    /// Applies what differs of some nodes, as one step, without waiting for them.
    pub(in crate::operation) async fn ensure_nodes(
        &self,
        workloads: &dyn Workloads,
        fleet: &Fleet,
        numbers: &BTreeSet<u32>,
    ) -> Result<Outcome> {
        let nodes = self.wanted_nodes(workloads, fleet, numbers).await?;
        self.ensure_group(workloads, "nodes", nodes).await
    }

    /// Has spacemesh-watch watch the nodes that there are, where there is one.
    pub(in crate::operation) async fn ensure_watch(&self, workloads: &dyn Workloads) -> Result<()> {
        let mut support = support_workloads(self.spec, self.plan, Vec::new());
        support.retain(|workload| workload.name == WATCH);
        if support.is_empty() {
            return Ok(());
        }
        self.ensure_group(workloads, "watch", all_new(support)).await?;
        self.wait_for(workloads, &[WATCH.to_owned()]).await
    }

    /// The workloads of some nodes. Those that know nodes which are gone, and need not be told, may stay as they are.
    pub(in crate::operation) async fn wanted_nodes(
        &self,
        workloads: &dyn Workloads,
        fleet: &Fleet,
        numbers: &BTreeSet<u32>,
    ) -> Result<Vec<Wanted>> {
        let new = self.node_workloads(&fleet.bindings, numbers)?;
        if !self.has_lost_pinned_nodes() {
            return Ok(all_new(new));
        }
        let observed = workloads.list().await?;
        let told = self.kept_peers(&fleet.bindings, &observed);
        let kept = self.node_workloads(&Bindings { told, ..fleet.bindings.clone() }, numbers)?;
        Ok(kept.into_iter().zip(new).map(|(kept, new)| Wanted::or_kept(kept, new)).collect())
    }

    fn node_workloads(&self, bindings: &Bindings, numbers: &BTreeSet<u32>) -> Result<Vec<Workload>> {
        let nodes = self.plan.nodes.iter().filter(|node| numbers.contains(&node.number));
        nodes.map(|node| bindings.node(self.spec, self.plan, &self.materials.profile, node)).collect()
    }

    /// Whether a node was removed that others may know.
    fn has_lost_pinned_nodes(&self) -> bool {
        let fleet = &self.spec.fleet;
        let left = bootnodes(fleet).count() + usize::from(fleet.bootstrap && fleet.is_original(1));
        left < bootnodes(&fleet.as_made()).count() + usize::from(fleet.bootstrap)
    }

    /// What nodes were told of their peers and need not be told anew, by number.
    fn kept_peers(&self, bindings: &Bindings, observed: &[ObservedWorkload]) -> BTreeMap<u32, Vec<String>> {
        let kept = |node: &PlannedNode| {
            let running = observed.iter().find(|observed| observed.name == node.name)?;
            let told = told_peers(self.spec.generation, running)?;
            let known = bindings.known_peers(self.spec, self.plan, node);
            keeps_peers(&told, &known, bindings, self.plan).then_some((node.number, told))
        };
        self.plan.nodes.iter().filter_map(kept).collect()
    }

    /// Numbers of the nodes that must be told of others, because those they know are gone.
    pub(in crate::operation) fn cut_off(
        &self,
        bindings: &Bindings,
        observed: &[ObservedWorkload],
    ) -> BTreeSet<u32> {
        if !self.has_lost_pinned_nodes() {
            return BTreeSet::new();
        }
        let kept = self.kept_peers(bindings, observed);
        let runs = |node: &&PlannedNode| observed.iter().any(|observed| observed.name == node.name);
        let running = self.plan.nodes.iter().filter(runs).map(|node| node.number);
        running.filter(|number| !kept.contains_key(number)).collect()
    }
}

/// Workloads that are to be exactly so.
pub(in crate::operation) fn all_new(workloads: Vec<Workload>) -> Vec<Wanted> {
    workloads.into_iter().map(Wanted::new).collect()
}

/// The address of each slot's worker: the one from outside, else the one inside. A worker that takes no pods at the moment keeps its slot, and those who run there their addresses,
/// unless another one has it by now.
fn slot_addresses(workers: &[Worker], slots: u32) -> BTreeMap<u32, String> {
    let address = |worker: &Worker| worker.external_ip.clone().or_else(|| worker.internal_ip.clone());
    let carrier = |slot: u32| {
        let mut carriers = workers.iter().filter(|worker| worker.slot == Some(slot));
        let any = carriers.clone().next();
        carriers.find(|worker| worker.schedulable).or(any)
    };
    (0..slots).filter_map(|slot| Some((slot, address(carrier(slot)?)?))).collect()
}

/// An error that says that a service answered without an address.
pub(super) fn no_address(what: &str) -> Error {
    Error::new(Meaning::Unavailable, "find address", what, "no worker has an address that others can reach")
}
