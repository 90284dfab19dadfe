//! Nodes, PoETs and what they need beside them: applied through one window, waited for together.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::keys::NetworkKeys;
use super::{Creation, poets_open};
use crate::error::{Error, Meaning, Result};
use crate::generation::{BeaconFacts, GRPC_PORT, REST_PORT};
use crate::observer::{Event, Outcome};
use crate::operation::window::sliding_window;
use crate::plan::{Bindings, PlannedPoet, support_workloads};
use crate::slots::{SlotAssignment, missing_assignments};
use crate::spec::{Generation, RolloutOrder, WaitFor};
use crate::state::{GenesisRecord, NetworkRecord, NodeRecord, PoetRecord};
use crate::traits::{ClusterServices, Look, PoetStart, ServiceName, Workloads};
use crate::wait::Progress;
use crate::workload::{ConfigFile, Part, Role, Worker, Workload};

/// How often something without a watch is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// No pod is up sooner than this.
const SHORTEST_DEPLOYMENT: Duration = Duration::from_secs(5);

/// Where the beacon's web server finds its files.
const BEACON_DIRECTORY: &str = "/usr/share/nginx/html";

/// A fleet that is up.
#[derive(Debug)]
pub(super) struct Fleet {
    /// Genesis, identities and addresses.
    pub bindings: Bindings,
    /// All workers, by name.
    pub workers: Vec<Worker>,
    /// The genesis and whether the PoETs run.
    pub genesis: GenesisRecord,
    /// The files of the epoch-2 beacon.
    pub beacon_files: Vec<ConfigFile>,
}

impl Creation<'_> {
    /// Brings PoETs and nodes up, or sees that they are.
    pub(super) async fn bring_up(
        &self,
        cluster: &ClusterServices,
        keys: &NetworkKeys,
        record: &mut NetworkRecord,
    ) -> Result<Fleet> {
        let workloads = &*cluster.workloads;
        record.slots = self.slots(workloads, record).await?;
        let workers = self.ensure_workers(workloads, record.slots).await?;
        let genesis = self.choose_genesis(record)?;
        let mut bindings = Bindings {
            genesis: genesis.genesis.clone(),
            nodes: keys.nodes.clone(),
            poets: keys.poets.clone(),
            slot_addresses: slot_addresses(&workers, record.slots),
            poet_activation: genesis.poet_activation,
        };
        self.remember(record, &genesis, &bindings).await?;
        self.ensure_firewall(poets_open(self.spec(), record)).await?;
        let beacon_files = self.beacon_files(&genesis)?;
        let started = self.services().clock.now();
        let changed = self.ensure_fleet(workloads, &bindings, &beacon_files).await?;
        let bring_up = elapsed(started, self.services().clock.now());
        if changed {
            self.check_margin(&genesis, bring_up)?;
        }
        let genesis = match self.spec().generation {
            Generation::V1 => genesis,
            Generation::V0 => {
                self.activate_poets(workloads, &mut bindings, record, genesis, bring_up).await?
            }
        };
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

    /// Puts the slots on ready workers, waiting for workers that are still coming.
    async fn ensure_workers(&self, workloads: &dyn Workloads, slots: u32) -> Result<Vec<Worker>> {
        let wait = self.run.wait("workers");
        let missing = async || -> Result<Vec<SlotAssignment>> {
            wait.until("workers for pinned nodes", LOOK_AGAIN, async || {
                Ok(match missing_assignments(&workloads.workers().await?, slots) {
                    Ok(missing) => Progress::Ready(missing),
                    Err(why) => Progress::Pending(why),
                })
            })
            .await
        };
        let look = async || Ok(if missing().await?.is_empty() { Look::Same } else { Look::Absent });
        let assign = async |_| {
            for assignment in missing().await? {
                workloads.assign_slot(&assignment.worker, assignment.slot).await?;
            }
            Ok(Outcome::Created)
        };
        self.run.step("workers", "places for bootstrap node and bootnodes", look, assign).await?;
        workloads.workers().await
    }

    /// Writes genesis, identities and addresses into the record when it does not have them yet.
    async fn remember(
        &self,
        record: &mut NetworkRecord,
        genesis: &GenesisRecord,
        bindings: &Bindings,
    ) -> Result<()> {
        let nodes = self.node_records(bindings);
        let poets = self.poet_records(bindings, &record.poets);
        let changed =
            record.genesis.as_ref() != Some(genesis) || record.nodes != nodes || record.poets != poets;
        record.genesis = Some(genesis.clone());
        record.nodes = nodes;
        record.poets = poets;
        self.ensure_record("record", record, changed).await?;
        Ok(())
    }

    fn node_records(&self, bindings: &Bindings) -> Vec<NodeRecord> {
        let record = |node: &crate::plan::PlannedNode| {
            let identity = bindings.nodes.get(&node.number)?;
            Some(NodeRecord {
                name: node.name.clone(),
                number: node.number,
                role: node.role,
                poet: node.poet.clone(),
                peer_id: identity.peer_id.clone(),
                smesher_id: Some(identity.smesher_id.clone()),
                coinbase: identity.coinbase.clone(),
                p2p: bindings.p2p_address(node),
            })
        };
        self.plan.nodes.iter().filter_map(record).collect()
    }

    /// A PoET's URL is known beforehand where its node port is planned, else once its Service was seen.
    fn poet_records(&self, bindings: &Bindings, known: &[PoetRecord]) -> Vec<PoetRecord> {
        let address = bindings.slot_addresses.get(&0);
        let planned = |poet: &PlannedPoet| Some(format!("http://{}:{}", address?, poet.rest_node_port?));
        let seen = |poet: &PlannedPoet| known.iter().find(|known| known.number == poet.number)?.url.clone();
        let record = |poet: &PlannedPoet| PoetRecord {
            name: poet.name.clone(),
            number: poet.number,
            public_key: bindings.poets.get(&poet.number).map(|identity| identity.public_key.clone()),
            url: planned(poet).or_else(|| seen(poet)),
        };
        self.plan.poets.iter().map(record).collect()
    }

    fn beacon_files(&self, genesis: &GenesisRecord) -> Result<Vec<ConfigFile>> {
        if crate::plan::beacon_url(self.spec()).is_none() {
            return Ok(Vec::new());
        }
        let directory = BEACON_DIRECTORY.to_owned();
        self.request.profile.beacon_files(&BeaconFacts { genesis: genesis.genesis.clone(), directory })
    }

    /// Applies what differs and waits until all of it is up. True when anything was applied.
    async fn ensure_fleet(
        &self,
        workloads: &dyn Workloads,
        bindings: &Bindings,
        beacon: &[ConfigFile],
    ) -> Result<bool> {
        let spec = self.spec();
        let support = support_workloads(spec, self.plan, beacon.to_vec());
        let poets = match spec.generation {
            Generation::V1 => self.poet_workloads(bindings)?,
            Generation::V0 => Vec::new(),
        };
        let nodes: Vec<Workload> = self
            .plan
            .nodes
            .iter()
            .map(|node| bindings.node(spec, self.plan, &self.request.profile, node))
            .collect::<Result<_>>()?;
        let mut names: Vec<String> = Vec::new();
        let mut changed = false;
        for (step, group) in [("support", support), ("poets", poets), ("nodes", nodes)] {
            if group.is_empty() {
                continue;
            }
            names.extend(group.iter().map(|workload| workload.name.clone()));
            changed |= self.ensure_group(workloads, step, group).await? != Outcome::Unchanged;
        }
        self.wait_for(workloads, &names).await?;
        if spec.rollout.wait == WaitFor::Healthy {
            self.wait_healthy(workloads).await?;
        }
        Ok(changed)
    }

    fn poet_workloads(&self, bindings: &Bindings) -> Result<Vec<Workload>> {
        let poet =
            |poet: &PlannedPoet| bindings.poet(self.spec(), self.plan, &self.request.profile, poet.number);
        self.plan.poets.iter().map(poet).collect()
    }

    /// One step over a group of workloads: those that differ are applied through the window.
    async fn ensure_group(
        &self,
        workloads: &dyn Workloads,
        step: &str,
        group: Vec<Workload>,
    ) -> Result<Outcome> {
        let group = Arc::new(group);
        let looks = std::sync::Mutex::new(Vec::new());
        let look = async || {
            let found = workloads.look_workloads(&group).await?;
            let together = together(&found);
            *looks.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = found;
            Ok(together)
        };
        let detail = format!("{} of them", group.len());
        let apply = async |_| {
            let found = std::mem::take(&mut *looks.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
            let differing =
                group.iter().zip(found).filter(|(_, look)| !look.is_same()).map(|(workload, _)| workload);
            self.apply(workloads, step, differing.cloned().collect()).await
        };
        self.run.step(step, &detail, look, apply).await
    }

    /// Applies workloads, all through one window, or wave by wave when the rollout is ordered.
    async fn apply(&self, workloads: &dyn Workloads, step: &str, all: Vec<Workload>) -> Result<Outcome> {
        let rollout = &self.spec().rollout;
        let width = usize::try_from(rollout.max_concurrent_deployments).unwrap_or(usize::MAX);
        let total = u64::try_from(all.len()).unwrap_or(u64::MAX);
        let (mut done, mut outcome) = (0, Outcome::Unchanged);
        let waves = match rollout.order {
            RolloutOrder::Parallel => vec![all],
            RolloutOrder::Ordered => waves(all, width),
        };
        for wave in waves {
            let names: Vec<String> = wave.iter().map(|workload| workload.name.clone()).collect();
            let applied = |one: Outcome| {
                done += 1;
                outcome = outcome.and(one);
                self.run.observe(&Event::Progress { step: step.to_owned(), done, total });
            };
            let apply = async |workload: Workload| workloads.ensure_workload(&workload).await;
            sliding_window(wave, width, || self.run.may_start(step), apply, applied).await?;
            if rollout.order == RolloutOrder::Ordered {
                self.wait_for(workloads, &names).await?;
            }
        }
        Ok(outcome)
    }

    async fn wait_for(&self, workloads: &dyn Workloads, names: &[String]) -> Result<()> {
        let wait = self.run.wait("ready");
        self.services().interrupt.or("ready", workloads.wait_ready(names, &wait)).await
    }

    /// Waits until every node answers over gRPC, through the Kubernetes API.
    async fn wait_healthy(&self, workloads: &dyn Workloads) -> Result<()> {
        let total = u64::try_from(self.plan.nodes.len()).unwrap_or(u64::MAX);
        let mut done = 0;
        let answered = |()| {
            done += 1;
            self.run.observe(&Event::Progress { step: "healthy".to_owned(), done, total });
        };
        let wait = self.run.wait("healthy");
        let ask = async |name: String| {
            let service = ServiceName::new(workloads.namespace(), &name);
            wait.until(&name, LOOK_AGAIN, async || {
                let tunnel = workloads.tunnel(&service, GRPC_PORT).await?;
                Ok(match self.services().spacemesh.node_status(tunnel.local).await {
                    Ok(_) => Progress::Ready(()),
                    Err(error) => Progress::Pending(crate::render_chain(&error)),
                })
            })
            .await
        };
        let names = self.plan.nodes.iter().map(|node| node.name.clone());
        sliding_window(names, 50, || self.run.may_start("healthy"), ask, answered).await
    }

    /// v0: deploys the PoETs so that their first round is computed from a planned instant, and activates them at that instant with the gateways in the
    /// order of their numbers. When the instant passed while they were being deployed, they are deployed again.
    async fn activate_poets(
        &self,
        workloads: &dyn Workloads,
        bindings: &mut Bindings,
        record: &mut NetworkRecord,
        mut genesis: GenesisRecord,
        bring_up: Duration,
    ) -> Result<GenesisRecord> {
        let already = genesis.poets_activated;
        if !already {
            self.plan_activation(bindings, record, &mut genesis, bring_up).await?;
        }
        self.deploy_poets(workloads, bindings, true).await?;
        let look = async || Ok(if already { Look::Same } else { Look::Absent });
        let activate = async |_| {
            let mut deployment = bring_up;
            while is_past(genesis.poet_activation, self.services().clock.now()) {
                self.run.may_start("poet-activation")?;
                let began = self.services().clock.now();
                self.plan_activation(bindings, record, &mut genesis, deployment).await?;
                self.deploy_poets(workloads, bindings, false).await?;
                deployment = deployment.max(elapsed(began, self.services().clock.now()));
            }
            for poet in &self.plan.poets {
                self.activate(workloads, &poet.name, genesis.poet_activation).await?;
            }
            genesis.poets_activated = true;
            self.write_genesis(record, &genesis).await?;
            self.open_poets(workloads).await?;
            Ok(Outcome::Created)
        };
        self.run.step("poet-activation", "first rounds of the PoETs", look, activate).await?;
        Ok(genesis)
    }

    /// Chooses and remembers the instant of activation: after the time that bringing pods up took just now, and half of that again.
    async fn plan_activation(
        &self,
        bindings: &mut Bindings,
        record: &mut NetworkRecord,
        genesis: &mut GenesisRecord,
        deployment: Duration,
    ) -> Result<()> {
        let soon = deployment.max(SHORTEST_DEPLOYMENT) * 3 / 2;
        genesis.poet_activation = Some(plus(self.services().clock.now(), soon));
        bindings.poet_activation = genesis.poet_activation;
        self.write_genesis(record, genesis).await
    }

    async fn write_genesis(&self, record: &mut NetworkRecord, genesis: &GenesisRecord) -> Result<()> {
        record.genesis = Some(genesis.clone());
        self.run.begin_writing().await?;
        self.write_record(record).await
    }

    async fn deploy_poets(
        &self,
        workloads: &dyn Workloads,
        bindings: &Bindings,
        as_step: bool,
    ) -> Result<()> {
        let poets = self.poet_workloads(bindings)?;
        let names: Vec<String> = poets.iter().map(|poet| poet.name.clone()).collect();
        if as_step {
            self.ensure_group(workloads, "poets", poets).await?;
        } else {
            self.apply(workloads, "poets", poets).await?;
        }
        self.wait_for(workloads, &names).await
    }

    async fn activate(
        &self,
        workloads: &dyn Workloads,
        poet: &str,
        instant: Option<Timestamp>,
    ) -> Result<()> {
        let wait = self.run.wait("poet-activation");
        if let Some(instant) = instant {
            let left = elapsed(self.services().clock.now(), instant);
            if !left.is_zero() {
                wait.tell(poet, "its first round was computed for a moment that has not come yet");
                self.services().clock.sleep(left).await;
            }
        }
        let namespace = workloads.namespace();
        let gateway =
            |number: u32| format!("{}.{namespace}.svc:{GRPC_PORT}", crate::topology::node_name(number));
        let start = PoetStart { gateways: self.plan.gateways().into_iter().map(gateway).collect() };
        let service = ServiceName::new(namespace, poet);
        let tunnel = workloads.tunnel(&service, REST_PORT).await?;
        self.services().spacemesh.start_poet(tunnel.local, &start).await?;
        Ok(())
    }
}

/// What a group of looks says together.
fn together(looks: &[Look]) -> Look {
    if looks.iter().all(Look::is_same) {
        Look::Same
    } else if looks.iter().all(|look| *look == Look::Absent) {
        Look::Absent
    } else {
        Look::Differs(Vec::new())
    }
}

/// Bootstrap node, then bootnodes, then miners in chunks of `width`; what is no node goes first.
fn waves(all: Vec<Workload>, width: usize) -> Vec<Vec<Workload>> {
    let mut by_turn: BTreeMap<u8, Vec<Workload>> = BTreeMap::new();
    for workload in all {
        let turn = match workload.part {
            Part::Node { role: Role::Bootstrap, .. } => 1,
            Part::Node { role: Role::Bootnode, .. } => 2,
            Part::Node { role: Role::Miner, .. } => 3,
            Part::Poet { .. } | Part::Beacon | Part::Watch | Part::Pyroscope => 0,
        };
        by_turn.entry(turn).or_default().push(workload);
    }
    by_turn
        .into_values()
        .flat_map(|turn| turn.chunks(width.max(1)).map(<[Workload]>::to_vec).collect::<Vec<_>>())
        .collect()
}

/// The address of each slot's worker: the one from outside, else the one inside.
fn slot_addresses(workers: &[Worker], slots: u32) -> BTreeMap<u32, String> {
    let address = |worker: &Worker| worker.external_ip.clone().or_else(|| worker.internal_ip.clone());
    let carrier = |slot: u32| workers.iter().find(|worker| worker.schedulable && worker.slot == Some(slot));
    (0..slots).filter_map(|slot| Some((slot, address(carrier(slot)?)?))).collect()
}

fn is_past(instant: Option<Timestamp>, now: Timestamp) -> bool {
    instant.is_some_and(|instant| instant < now)
}

fn elapsed(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or(Duration::ZERO)
}

fn plus(now: Timestamp, by: Duration) -> Timestamp {
    jiff::SignedDuration::try_from(by).ok().and_then(|by| now.checked_add(by).ok()).unwrap_or(now)
}

/// An error that says that a service answered without an address.
pub(super) fn no_address(what: &str) -> Error {
    Error::new(Meaning::Unavailable, "find address", what, "no worker has an address that others can reach")
}
