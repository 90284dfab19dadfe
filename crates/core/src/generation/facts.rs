use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::identity::Genesis;
use crate::quantity::Resources;
use crate::workload::Role;

/// What is known of a node when it is launched.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeFacts {
    /// Its number, from 1.
    pub number: u32,
    /// What it is for.
    pub role: Role,
    /// The network's node config, without what is known only now (genesis, bootnodes, PoETs, peer minimum): that is put over it here.
    pub config: Value,
    /// The genesis.
    pub genesis: Genesis,
    /// Nodes of the network, this one included; none when it extends a parent, whose nodes nobody has counted.
    pub fleet_nodes: Option<u32>,
    /// Addresses of the peers it knows from the start, `/ip4/.../tcp/.../p2p/...`; empty for the bootstrap node.
    pub bootnodes: Vec<String>,
    /// The PoETs it submits to: v1 any number, v0 the first one.
    pub poets: Vec<PoetServer>,
    /// The address that its rewards go to.
    pub coinbase: String,
    /// The port it listens on for peers, in the container and on the worker alike.
    pub p2p_port: u16,
    /// The address (IP or name) under which others reach it, when that is known.
    pub advertise_address: Option<String>,
    /// v1: whether peers of this network have private addresses, which nodes refuse to dial by default
    /// ([`is_private_address`](crate::identity::is_private_address)).
    pub private_network: bool,
    /// v1: where the epoch-2 beacon is served, `http://beacon/`-like, without the file's name.
    pub beacon_url: Option<String>,
    /// What the operator chose.
    pub options: NodeOptions,
    /// Requests and limits.
    pub resources: Resources,
}

/// What an operator can choose for nodes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NodeOptions {
    /// Serves the JSON API.
    pub json_api: bool,
    /// Has the Go runtime trace itself.
    pub go_debug: bool,
    /// Serves metrics.
    pub metrics: bool,
    /// Pushes metrics to this Pushgateway.
    pub metrics_push_url: Option<String>,
    /// Serves pprof.
    pub pprof: bool,
    /// Pushes profiles to this Pyroscope.
    pub profiler_url: Option<String>,
}

/// A PoET as nodes address it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoetServer {
    /// Its REST address: v0 `host:port`, v1 a URL. Either form is taken for both.
    pub address: String,
    /// v1: its public key, base64.
    pub public_key: Option<String>,
}

/// What is known of a PoET when it is launched.
#[derive(Debug, Clone, PartialEq)]
pub struct PoetFacts {
    /// Its number, from 1.
    pub number: u32,
    /// The genesis.
    pub genesis: Genesis,
    /// The network's node config, which says how long layers and epochs are.
    pub config: Value,
    /// v0: the instant at which `/v1/start` will be called.
    pub activation: Option<Timestamp>,
    /// v0: how much later each further PoET closes its first round.
    pub initial_phase_shift: Duration,
    /// Requests and limits.
    pub resources: Resources,
}

/// What a network publishes for those who join.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedFacts {
    /// The network's node config, as in [`NodeFacts::config`].
    pub config: Value,
    /// The genesis.
    pub genesis: Genesis,
    /// Nodes of the network; none when it extends a parent.
    pub fleet_nodes: Option<u32>,
    /// Public addresses of the bootnodes.
    pub bootnodes: Vec<String>,
    /// The first PoET, under its public address.
    pub poet: PoetServer,
    /// v1: where the epoch-2 beacon is published.
    pub beacon_url: Option<String>,
}

/// What the beacon of epoch 2 is made from.
#[derive(Debug, Clone, PartialEq)]
pub struct BeaconFacts {
    /// The genesis.
    pub genesis: Genesis,
    /// The directory that the files are served from.
    pub directory: String,
}
