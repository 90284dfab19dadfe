//! What will exist, computed from the spec and machine facts alone: nothing is asked, nothing is called.
//!
//! Addresses and keys are not known yet: a plan names workers `<worker-k>` and keys `<peer-id miner-N>`. Once they are, [`Bindings`]
//! turn the plan into [`Workload`](crate::workload::Workload)s.

mod admissions;
mod bindings;
mod bring_up;
mod exposure;
mod foundation;
mod from_sources;
mod peers;
mod support;

pub use admissions::guarded_namespaces;
pub(crate) use admissions::guarded_remains;
pub use bindings::{Bindings, published_config};
pub use bring_up::predicted_bring_up;
pub use exposure::{Exposure, Reach, api_reach, firewall_openings};
pub use foundation::foundation_of;
pub use peers::{keeps_peers, told_peers};
pub use support::{
    BEACON, PYROSCOPE, WATCH, WATCH_SECRET, beacon_files, beacon_url, support_workloads, watched_node,
};

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::charts::{self, Namespaces, PlannedChart};
use crate::names::NetworkName;
use crate::placement::{PlannedWorker, PodDemand, WorkerCapacity, place};
use crate::ports::{NodePortBlock, p2p_port};
use crate::quantity::{Bytes, MilliCpu, Resources};
use crate::spec::{Generation, NetworkSpec, ProviderKind};
use crate::spelling::counted;
use crate::topology::{Knows, NodePlace, pinned_nodes, places, poet_name};
use crate::traits::{ClusterCapabilities, ClusterRequest, MachineShape};
use crate::workload::{DisruptionBudget, Role, SharedChart};

/// What a reason against a plan is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The setting that would have to change.
    pub key: String,
    /// Its value.
    pub value: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// A network before it exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The network.
    pub network: NetworkName,
    /// Where it will run.
    pub provider: ProviderKind,
    /// The generation of its nodes.
    pub generation: Generation,
    /// The namespaces.
    pub namespaces: Namespaces,
    /// Its nodes, by number.
    pub nodes: Vec<PlannedNode>,
    /// Its PoETs, by number.
    pub poets: Vec<PlannedPoet>,
    /// The cluster.
    pub cluster: PlannedCluster,
    /// The charts, in the order of their stages.
    pub charts: Vec<PlannedChart>,
    /// The DNS names.
    pub dns: Vec<PlannedName>,
    /// Who will be able to reach what.
    pub exposure: Vec<Exposure>,
    /// How many Kubernetes objects of our own there will be, by kind.
    pub objects: BTreeMap<String, u32>,
    /// When the chain will start.
    pub genesis: PlannedGenesis,
    /// What the operator should know.
    pub notes: Vec<String>,
}

/// A node before it exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedNode {
    /// Its name.
    pub name: String,
    /// Its number.
    pub number: u32,
    /// Its role.
    pub role: Role,
    /// The name of its PoET.
    pub poet: String,
    /// Whom it asks for peers.
    pub knows: Knows,
    /// The slot it is pinned to.
    pub slot: Option<u32>,
    /// Its P2P port, on its worker.
    pub p2p_port: u16,
    /// Where others reach it, for pinned nodes: with placeholders.
    pub p2p: Option<String>,
    /// Its gRPC node port, when it is planned.
    pub grpc_node_port: Option<u16>,
    /// Its JSON node port, when it is planned.
    pub json_node_port: Option<u16>,
    /// v0: whether PoETs use it as a gateway.
    pub gateway: bool,
}

/// A PoET before it exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedPoet {
    /// Its name.
    pub name: String,
    /// Its number.
    pub number: u32,
    /// Its REST node port, when it is planned.
    pub rest_node_port: Option<u16>,
}

/// The cluster before it exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedCluster {
    /// The machine of each worker.
    pub machine: MachineShape,
    /// What pods can have of it.
    pub allocatable: Resources,
    /// How many workers.
    pub workers: u32,
    /// The most the pool may ever have.
    pub most_workers: u32,
    /// Worker slots that nodes are pinned to.
    pub slots: u32,
    /// What is expected on each worker.
    pub placement: Vec<PlannedWorker>,
    /// What all pods request together.
    pub requested: Resources,
    /// Disk that all claims take.
    pub disk: Bytes,
    /// How many claims there are.
    pub disks: u32,
}

/// A DNS name before it exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedName {
    /// The whole name.
    pub name: String,
    /// Whether traffic goes through the DNS provider's proxy.
    pub proxied: bool,
}

/// When the chain will start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedGenesis {
    /// How long the bring-up is expected to take once the first node is applied, in seconds.
    pub predicted_bring_up_seconds: u64,
    /// The margin after that, in seconds.
    pub delay_seconds: u64,
    /// True when genesis comes from the parent's config instead.
    pub from_parent: bool,
}

impl Plan {
    /// The plan of a spec on a provider with these capabilities.
    ///
    /// # Errors
    ///
    /// All reasons why there can be no such network: ports that collide or run out, pods larger than a worker, more workers than allowed.
    pub fn new(spec: &NetworkSpec, capabilities: &ClusterCapabilities) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut notes = Vec::new();
        let node_ports = node_port_block(spec, capabilities, &mut problems);
        let cluster = plan_cluster(spec, capabilities, &mut problems, &mut notes);
        let nodes = plan_nodes(spec, cluster.slots, node_ports.as_ref(), &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        let poets = (1..=spec.fleet.poets)
            .map(|number| PlannedPoet {
                name: poet_name(number),
                number,
                rest_node_port: node_ports.and_then(|block| block.poet(number)),
            })
            .collect();
        let bring_up = predicted_bring_up(spec, workers_when_made(spec, capabilities, &cluster));
        let mut plan = Self {
            network: spec.network.clone(),
            provider: spec.provider,
            generation: spec.generation,
            namespaces: Namespaces::of(spec),
            exposure: exposure::exposure(spec, node_ports.as_ref()),
            objects: BTreeMap::new(),
            charts: charts::planned(spec),
            dns: dns_names(spec),
            genesis: PlannedGenesis {
                predicted_bring_up_seconds: bring_up.as_secs(),
                delay_seconds: spec.genesis.delay.as_secs(),
                from_parent: !spec.fleet.bootstrap,
            },
            nodes,
            poets,
            cluster,
            notes,
        };
        let foundation = foundation_of(spec, &plan, true, "");
        plan.objects = support::object_counts(spec, &foundation);
        Ok(plan)
    }

    /// The cluster that the plan needs.
    #[must_use]
    pub fn cluster_request(&self, spec: &NetworkSpec) -> ClusterRequest {
        ClusterRequest {
            network: self.network.clone(),
            kubernetes_version: spec.cluster.kubernetes_version.clone(),
            release_channel: spec.cluster.release_channel.clone(),
            machine: self.cluster.machine.clone(),
            workers: self.cluster.workers,
            most_workers: self.cluster.most_workers,
            accelerator: spec.cluster.accelerator.clone(),
            vpc: spec.cluster.vpc.clone(),
        }
    }

    /// The charts that the network shares with others of the cluster.
    #[must_use]
    pub fn shared_charts(&self) -> Vec<SharedChart> {
        charts::shared(&self.charts)
    }

    /// Numbers of the nodes that PoETs use as gateways, in order.
    #[must_use]
    pub fn gateways(&self) -> Vec<u32> {
        self.nodes.iter().filter(|node| node.gateway).map(|node| node.number).collect()
    }

    /// For each role with more than one node, how many a drain may take away at once: one bootnode, a tenth of the miners and at least one.
    #[must_use]
    pub fn disruption_budgets(&self) -> Vec<DisruptionBudget> {
        let count = |role: Role| self.nodes.iter().filter(|node| node.role == role).count();
        let tenth = u32::try_from(count(Role::Miner).div_ceil(10)).unwrap_or(u32::MAX);
        [(Role::Bootnode, 1), (Role::Miner, tenth.max(1))]
            .into_iter()
            .filter(|(role, _)| count(*role) > 1)
            .map(|(role, max_unavailable)| DisruptionBudget { role, max_unavailable })
            .collect()
    }

    /// The time from applying the first node to genesis.
    #[must_use]
    pub fn time_to_genesis(&self) -> Duration {
        Duration::from_secs(self.genesis.predicted_bring_up_seconds + self.genesis.delay_seconds)
    }
}

fn node_port_block(
    spec: &NetworkSpec,
    capabilities: &ClusterCapabilities,
    problems: &mut Vec<Problem>,
) -> Option<NodePortBlock> {
    // Where the server chooses the ports, only as many are needed as there are nodes.
    let nodes = if capabilities.plans_node_ports { spec.fleet.last_number() } else { spec.fleet.count() };
    match NodePortBlock::new(spec.fleet.poets, nodes, spec.node.json_api) {
        Ok(block) => capabilities.plans_node_ports.then_some(block),
        Err(message) => {
            problems.push(Problem { key: "miners".to_owned(), value: nodes.to_string(), message });
            None
        }
    }
}

fn plan_nodes(
    spec: &NetworkSpec,
    slots: u32,
    ports: Option<&NodePortBlock>,
    problems: &mut Vec<Problem>,
) -> Vec<PlannedNode> {
    let mut nodes = Vec::new();
    for place in places(&spec.fleet, slots) {
        match p2p_port(spec.node.p2p_port_base, place.number) {
            Ok(port) => nodes.push(plan_node(spec, &place, port, ports)),
            Err(message) => {
                problems.push(Problem {
                    key: "p2p-port-base".to_owned(),
                    value: spec.node.p2p_port_base.to_string(),
                    message,
                });
                break;
            }
        }
    }
    nodes
}

fn plan_node(
    spec: &NetworkSpec,
    place: &NodePlace,
    p2p_port: u16,
    ports: Option<&NodePortBlock>,
) -> PlannedNode {
    let name = place.name();
    let number = place.number;
    PlannedNode {
        p2p: place.slot.map(|slot| format!("/ip4/<worker-{}>/tcp/{p2p_port}/p2p/<peer-id {name}>", slot + 1)),
        name,
        number,
        role: place.role,
        poet: poet_name(place.poet),
        knows: place.knows,
        slot: place.slot,
        p2p_port,
        grpc_node_port: ports.and_then(|block| block.grpc(number)),
        json_node_port: ports.and_then(|block| block.json(number)),
        gateway: spec.is_gateway(number),
    }
}

/// How many workers the network was made with. What nodes were told about its genesis follows from it, and stays.
fn workers_when_made(spec: &NetworkSpec, capabilities: &ClusterCapabilities, now: &PlannedCluster) -> u32 {
    let fleet = spec.fleet.as_made();
    if fleet == spec.fleet && spec.node_overrides.is_empty() {
        return now.workers;
    }
    let made = NetworkSpec { fleet, node_overrides: BTreeMap::new(), ..spec.clone() };
    plan_cluster(&made, capabilities, &mut Vec::new(), &mut Vec::new()).workers
}

fn plan_cluster(
    spec: &NetworkSpec,
    capabilities: &ClusterCapabilities,
    problems: &mut Vec<Problem>,
    notes: &mut Vec<String>,
) -> PlannedCluster {
    let pinned = pinned_nodes(&spec.fleet);
    let (chart_pods, on_every_worker) = charts::demands(spec);
    let capacity = WorkerCapacity::of(&spec.cluster.machine, &on_every_worker);
    let every = on_every_worker.iter().copied().sum();
    let ceiling = spec.cluster.most_workers.unwrap_or(u32::MAX);
    let slots = slots_within(pinned, ceiling, notes);
    let mut pods = pods_of_network(spec, slots);
    pods.extend(chart_pods);
    let placement = place(&pods, &capacity, slots, every).unwrap_or_else(|message| {
        if capabilities.creates_clusters {
            problems.push(Problem {
                key: "gcp-machine-type".to_owned(),
                value: spec.cluster.machine.machine_type.clone(),
                message,
            });
        }
        Vec::new()
    });
    let workers = u32::try_from(placement.len()).unwrap_or(u32::MAX);
    if workers > ceiling && capabilities.creates_clusters {
        problems.push(Problem {
            key: "max-nodes".to_owned(),
            value: ceiling.to_string(),
            message: format!(
                "the network needs {} of type {}",
                counted(workers, "worker", "workers"),
                spec.cluster.machine.machine_type
            ),
        });
    }
    let (chart_disk, chart_disks) = charts::claims(spec);
    PlannedCluster {
        machine: spec.cluster.machine.clone(),
        allocatable: crate::machine::allocatable(&spec.cluster.machine),
        workers,
        most_workers: spec
            .cluster
            .most_workers
            .unwrap_or_else(|| workers.saturating_add(workers.div_ceil(4))),
        slots,
        placement,
        requested: pods.iter().map(|pod| pod.resources).sum(),
        disk: disk_of_nodes(spec) + spec.poet.disk * u64::from(spec.fleet.poets) + chart_disk,
        disks: spec.fleet.count().saturating_add(spec.fleet.poets).saturating_add(chart_disks),
    }
}

fn disk_of_nodes(spec: &NetworkSpec) -> Bytes {
    let disks = spec.fleet.numbers().into_iter().map(|number| spec.makeup(number).disk.0);
    Bytes(disks.fold(0, u64::saturating_add))
}

/// How many workers it takes for the charts alone, without nodes and PoETs.
///
/// # Errors
///
/// A sentence that names a pod that does not fit on a worker.
pub(crate) fn workers_for_charts(spec: &NetworkSpec) -> Result<u32, String> {
    let (mut pods, on_every_worker) = charts::demands(spec);
    pods.push(system_demand());
    let capacity = WorkerCapacity::of(&spec.cluster.machine, &on_every_worker);
    let workers = place(&pods, &capacity, 1, on_every_worker.iter().copied().sum())?;
    Ok(u32::try_from(workers.len()).unwrap_or(u32::MAX))
}

/// Worker slots for `pinned` nodes: one each, unless fewer workers are allowed.
fn slots_within(pinned: u32, ceiling: u32, notes: &mut Vec<String>) -> u32 {
    if pinned > ceiling {
        notes.push(format!(
            "{pinned} pinned nodes (bootstrap node and bootnodes) share {ceiling} workers, because --max-nodes allows no more: a lost worker takes several of them away"
        ));
    }
    pinned.min(ceiling).max(1)
}

fn pods_of_network(spec: &NetworkSpec, slots: u32) -> Vec<PodDemand> {
    let nodes = places(&spec.fleet, slots).into_iter().map(|place| PodDemand {
        name: place.name(),
        resources: spec.makeup(place.number).resources,
        disks: 1,
        apart: None,
        slot: place.slot,
    });
    let poets = (1..=spec.fleet.poets).map(|number| PodDemand {
        name: poet_name(number),
        resources: spec.poet.resources,
        disks: 1,
        apart: None,
        slot: None,
    });
    nodes.chain(poets).chain(support::demands(spec)).chain([system_demand()]).collect()
}

fn system_demand() -> PodDemand {
    PodDemand {
        name: "kube-system".to_owned(),
        resources: crate::machine::SYSTEM_PER_CLUSTER,
        disks: 0,
        apart: None,
        slot: None,
    }
}

/// The public names of a network.
pub(crate) fn dns_names(spec: &NetworkSpec) -> Vec<PlannedName> {
    let name = |service: &str| PlannedName { name: charts::public_name(spec, service), proxied: true };
    let published = charts::is_published(spec);
    let kibana = spec.logs.iter().filter(|_| published).map(|_| name("kibana"));
    let grafana = spec.metrics.iter().filter(|_| published).map(|_| name("grafana"));
    kibana.chain(grafana).chain(charts::web_service_names(spec)).collect()
}

/// Processor and memory of a helper pod that hardly does anything.
const SMALL: Resources = Resources { cpu: MilliCpu(50), memory: Bytes::mebi(64) };
