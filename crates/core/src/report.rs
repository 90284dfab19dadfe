//! What operations end with, in types of their own that scripts can rely on.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::names::NetworkName;
use crate::operation::StepReport;
use crate::plan::Exposure;
use crate::spec::{Generation, NetworkSpec};
use crate::state::{GenesisRecord, SCHEMA};
use crate::workload::Role;

/// A network that is up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkReport {
    /// `spacecraft/v1`.
    pub schema: String,
    /// `NetworkReport`.
    pub kind: String,
    /// The network.
    pub network: NetworkName,
    /// The generation of its nodes.
    pub generation: Generation,
    /// `ready`.
    pub status: String,
    /// When the chain starts.
    pub genesis_time: Timestamp,
    /// v1: the genesis id; v0: the network id.
    pub network_id: String,
    /// Where the config can be read.
    pub config_url: String,
    /// Its nodes, by number.
    pub nodes: Vec<NodeReport>,
    /// Its PoETs, by number.
    pub poets: Vec<PoetReport>,
    /// What can be opened, by what it is: an address, or the command that leads there.
    pub urls: BTreeMap<String, String>,
    /// Who can reach what.
    pub exposure: Vec<Exposure>,
    /// What the operation did.
    pub steps: Vec<StepReport>,
}

/// A node that is up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeReport {
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// Its peer id.
    pub peer_id: String,
    /// Where its rewards go.
    pub coinbase: String,
    /// Its P2P multiaddr.
    pub p2p: Option<String>,
    /// Its gRPC address, `host:port`; reachable only from where `exposure` says.
    pub grpc: Option<String>,
    /// Its JSON address.
    pub json: Option<String>,
    /// Its PoET.
    pub poet: String,
    /// The worker it runs on.
    pub worker: Option<String>,
}

/// A PoET that is up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoetReport {
    /// Its name.
    pub name: String,
    /// Its public URL.
    pub url: Option<String>,
}

impl NetworkReport {
    /// A report without steps, which come at the very end.
    #[must_use]
    pub fn new(
        spec: &NetworkSpec,
        genesis: &GenesisRecord,
        nodes: Vec<NodeReport>,
        poets: Vec<PoetReport>,
        urls: BTreeMap<String, String>,
        exposure: Vec<Exposure>,
        config_url: String,
    ) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            kind: "NetworkReport".to_owned(),
            network: spec.network.clone(),
            generation: spec.generation,
            status: "ready".to_owned(),
            genesis_time: genesis.genesis.time,
            network_id: genesis.id.clone(),
            config_url,
            nodes,
            poets,
            urls,
            exposure,
            steps: Vec::new(),
        }
    }

    /// The network in a few lines, for messages to people.
    #[must_use]
    pub fn summary(&self) -> String {
        format!(
            "{} nodes, {} PoETs, genesis at {}\nconfig: {}",
            self.nodes.len(),
            self.poets.len(),
            self.genesis_time,
            self.config_url
        )
    }
}

/// A network that is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletionReport {
    /// `spacecraft/v1`.
    pub schema: String,
    /// `DeletionReport`.
    pub kind: String,
    /// The network.
    pub network: NetworkName,
    /// What was done.
    pub steps: Vec<StepReport>,
}
