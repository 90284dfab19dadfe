use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::support::profiler_url;
use super::{Plan, PlannedNode, beacon_url};
use crate::charts;
use crate::error::{Error, Meaning, Result};
use crate::generation::{
    Launch, NodeFacts, NodeOptions, PoetFacts, PoetServer, Profile, PublishedFacts, REST_PORT,
};
use crate::identity::{Genesis, NodeIdentity, PoetIdentity, is_private_address, peer_multiaddress};
use crate::image::ImageReference;
use crate::node_config::NodeConfig;
use crate::quantity::{Bytes, Resources};
use crate::spec::{Generation, NetworkSpec, NodeMakeup};
use crate::topology::{Knows, poet_name};
use crate::workload::{DataVolume, Part, Probe, Role, Workload};

/// What a plan leaves open until keys are made and workers exist.
#[derive(Debug, Clone, PartialEq)]
pub struct Bindings {
    /// The genesis.
    pub genesis: Genesis,
    /// The nodes' public identities, by number.
    pub nodes: BTreeMap<u32, NodeIdentity>,
    /// v1: the PoETs' public identities, by number.
    pub poets: BTreeMap<u32, PoetIdentity>,
    /// How many slots there are.
    pub slots: u32,
    /// The addresses of the workers that carry slots, by slot; a slot whose worker is gone has none.
    pub slot_addresses: BTreeMap<u32, String>,
    /// v0: the instant at which the PoETs will be activated.
    pub poet_activation: Option<Timestamp>,
    /// Peers that nodes were told of once and are not told of anew, by number: see [`keeps_peers`](super::keeps_peers).
    pub told: BTreeMap<u32, Vec<String>>,
}

impl Bindings {
    /// Bindings that show a plan's reader what is still open: `<peer-id miner-3>`, `<worker-1>`.
    #[must_use]
    pub fn placeholders(spec: &NetworkSpec, plan: &Plan, genesis: Genesis) -> Self {
        let identity = |node: &PlannedNode| NodeIdentity {
            peer_id: format!("<peer-id {}>", node.name),
            smesher_id: format!("<smesher-id {}>", node.name),
            coinbase: spec.coinbase.clone().unwrap_or_else(|| format!("<coinbase {}>", node.name)),
        };
        let poet = |name: &str| PoetIdentity { public_key: format!("<public-key {name}>") };
        Self {
            poet_activation: (spec.generation == Generation::V0).then_some(genesis.time),
            told: BTreeMap::new(),
            genesis,
            nodes: plan.nodes.iter().map(|node| (node.number, identity(node))).collect(),
            poets: plan.poets.iter().map(|planned| (planned.number, poet(&planned.name))).collect(),
            slots: plan.cluster.slots,
            slot_addresses: (0..plan.cluster.slots)
                .map(|slot| (slot, format!("<worker-{}>", slot + 1)))
                .collect(),
        }
    }

    /// The slot that a pinned node has here: where a cluster has fewer workers than there are pinned nodes, they share them.
    fn slot_of(&self, node: &PlannedNode) -> Option<u32> {
        node.slot?.checked_rem(self.slots)
    }

    /// The public address of a pinned node; none for nodes that run anywhere.
    #[must_use]
    pub fn p2p_address(&self, node: &PlannedNode) -> Option<String> {
        let address = self.slot_addresses.get(&self.slot_of(node)?)?;
        let identity = self.nodes.get(&node.number)?;
        Some(peer_multiaddress(address, node.p2p_port, &identity.peer_id))
    }

    /// The public addresses of the nodes that others are told of: the bootnodes, or where there are none, the bootstrap node, or where that is gone too, those whom the
    /// network's own config names.
    #[must_use]
    pub fn bootnode_addresses(&self, spec: &NetworkSpec, plan: &Plan) -> Vec<String> {
        let of_role = |role: Role| -> Vec<String> {
            plan.nodes
                .iter()
                .filter(|node| node.role == role)
                .filter_map(|node| self.p2p_address(node))
                .collect()
        };
        let told = [of_role(Role::Bootnode), of_role(Role::Bootstrap), config_bootnodes(spec)];
        told.into_iter().find(|addresses| !addresses.is_empty()).unwrap_or_default()
    }

    /// The workload of a node.
    ///
    /// # Errors
    ///
    /// [`Meaning::Other`] when the node has no identity in these bindings; what the profile's templates fail with.
    pub fn node(
        &self,
        spec: &NetworkSpec,
        plan: &Plan,
        profile: &Profile,
        node: &PlannedNode,
    ) -> Result<Workload> {
        let identity = self.nodes.get(&node.number).ok_or_else(|| unbound(&node.name))?;
        let makeup = spec.makeup(node.number);
        let facts = NodeFacts {
            number: node.number,
            role: node.role,
            config: makeup.config.clone(),
            genesis: self.genesis.clone(),
            fleet_nodes: spec.fleet.bootstrap.then_some(spec.fleet.nodes),
            bootnodes: self
                .told
                .get(&node.number)
                .cloned()
                .unwrap_or_else(|| self.known_peers(spec, plan, node)),
            poets: vec![self.poet_server(spec, &node.poet, plan)?],
            coinbase: identity.coinbase.clone(),
            p2p_port: node.p2p_port,
            advertise_address: self.slot_of(node).and_then(|slot| self.slot_addresses.get(&slot)).cloned(),
            private_network: self.slot_addresses.values().any(|address| is_private_address(address)),
            beacon_url: beacon_url(spec),
            options: node_options(spec, &makeup),
            resources: makeup.resources,
        };
        let frame = Frame {
            name: &node.name,
            part: Part::Node { number: node.number, role: node.role },
            image: makeup.image,
            resources: makeup.resources,
            disk: makeup.disk,
            startup_budget: plan.time_to_genesis(),
        };
        let mut workload = frame.around(profile.node(&facts)?);
        workload.slot = self.slot_of(node);
        workload.accelerators =
            spec.cluster.accelerator.as_ref().map_or(0, |accelerator| accelerator.count.min(1));
        workload.monitored = makeup.metrics && spec.metrics.is_some();
        set_node_port(&mut workload, "grpcport", node.grpc_node_port);
        set_node_port(&mut workload, "jsonport", node.json_node_port);
        Ok(workload)
    }

    /// The workload of PoET `number`.
    ///
    /// # Errors
    ///
    /// What the profile's templates fail with.
    pub fn poet(&self, spec: &NetworkSpec, plan: &Plan, profile: &Profile, number: u32) -> Result<Workload> {
        let name = poet_name(number);
        let facts = PoetFacts {
            number,
            genesis: self.genesis.clone(),
            config: spec.node.base_config.clone(),
            activation: self.poet_activation,
            initial_phase_shift: spec.poet.initial_phase_shift,
            resources: spec.poet.resources,
        };
        let frame = Frame {
            name: &name,
            part: Part::Poet { number },
            image: &spec.poet.image,
            resources: spec.poet.resources,
            disk: spec.poet.disk,
            startup_budget: plan.time_to_genesis(),
        };
        let mut workload = frame.around(profile.poet(&facts)?);
        let planned = plan.poets.iter().find(|poet| poet.number == number);
        set_node_port(&mut workload, "restport", planned.and_then(|poet| poet.rest_node_port));
        Ok(workload)
    }

    /// Whom a node is to ask for peers; never itself.
    #[must_use]
    pub fn known_peers(&self, spec: &NetworkSpec, plan: &Plan, node: &PlannedNode) -> Vec<String> {
        let of_role = |role: Role| {
            plan.nodes
                .iter()
                .filter(|other| other.role == role && other.number != node.number)
                .filter_map(|other| self.p2p_address(other))
                .collect()
        };
        match node.knows {
            Knows::Bootstrap => of_role(Role::Bootstrap),
            Knows::Bootnodes => of_role(Role::Bootnode),
            Knows::Config => config_bootnodes(spec),
        }
    }

    /// A PoET as the network's own nodes reach it, inside the cluster.
    fn poet_server(&self, spec: &NetworkSpec, poet: &str, plan: &Plan) -> Result<PoetServer> {
        let planned = plan.poets.iter().find(|planned| planned.name == poet).ok_or_else(|| unbound(poet))?;
        Ok(PoetServer {
            address: format!("http://{poet}.{}.svc:{REST_PORT}", spec.cluster.namespace),
            public_key: self.poets.get(&planned.number).map(|identity| identity.public_key.clone()),
        })
    }
}

/// The config that the network publishes for those who join: with its bootnodes and its first PoET under public addresses.
///
/// # Errors
///
/// What the profile fails with.
pub fn published_config(
    spec: &NetworkSpec,
    plan: &Plan,
    profile: &Profile,
    bindings: &Bindings,
    first_poet_url: &str,
    beacon_directory: Option<String>,
) -> Result<Value> {
    profile.published_config(&PublishedFacts {
        config: spec.node.base_config.clone(),
        genesis: bindings.genesis.clone(),
        fleet_nodes: spec.fleet.bootstrap.then_some(spec.fleet.nodes),
        bootnodes: bindings.bootnode_addresses(spec, plan),
        poet: PoetServer {
            address: first_poet_url.to_owned(),
            public_key: bindings.poets.get(&1).map(|identity| identity.public_key.clone()),
        },
        beacon_url: beacon_directory,
    })
}

/// The bootnodes that the config names which the network was made from.
fn config_bootnodes(spec: &NetworkSpec) -> Vec<String> {
    let config = NodeConfig::new(spec.generation, &spec.node.base_config);
    config.bootnodes().into_iter().map(str::to_owned).collect()
}

fn node_options(spec: &NetworkSpec, makeup: &NodeMakeup<'_>) -> NodeOptions {
    NodeOptions {
        json_api: spec.node.json_api,
        go_debug: spec.node.go_debug,
        metrics: makeup.metrics,
        metrics_push_url: charts::push_gateway_url(spec).filter(|_| makeup.metrics),
        pprof: spec.profiling.is_some(),
        profiler_url: makeup.profiling.then(|| profiler_url(spec)),
    }
}

/// All of a workload that does not depend on the generation.
struct Frame<'a> {
    name: &'a str,
    part: Part,
    image: &'a ImageReference,
    resources: Resources,
    disk: Bytes,
    startup_budget: std::time::Duration,
}

impl Frame<'_> {
    fn around(&self, launch: Launch) -> Workload {
        Workload {
            name: self.name.to_owned(),
            part: self.part,
            image: self.image.clone(),
            command: launch.command,
            arguments: launch.arguments,
            environment: launch.environment,
            secret_environment: launch.secret_environment,
            files: launch.files,
            keys: launch.keys,
            data: Some(DataVolume { size: self.disk, mount_path: launch.data_mount }),
            scratch: launch.scratch,
            resources: self.resources,
            accelerators: 0,
            ports: launch.ports,
            services: launch.services,
            monitored: false,
            slot: None,
            probe: Some(Probe { port: launch.probe_port, startup_budget: self.startup_budget }),
            grace_period: launch.grace_period,
            stopped: false,
        }
    }
}

fn set_node_port(workload: &mut Workload, port_name: &str, node_port: Option<u16>) {
    let ports = workload.services.iter_mut().flat_map(|service| service.ports.iter_mut());
    for port in ports.filter(|port| port.name == port_name) {
        port.node_port = node_port;
    }
}

fn unbound(name: &str) -> Error {
    Error::new(Meaning::Other, "bind plan", name, "it has no identity yet")
}
