use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use spacecraft_core::time::Clock as _;
use spacecraft_core::traits::{NodeStatus, PoetInfo, PoetStart, SpacemeshApi};
use spacecraft_core::{Error, Meaning, Result};

use crate::clock::TestClock;
use crate::ledger::Ledger;
use crate::shared::Shared;

/// The version that all nodes say they are.
const VERSION: &str = "v1.2.3";

/// Nodes and PoETs in memory. An address answers once something was put there, or when everything answers.
#[derive(Debug, Clone, Default)]
pub struct InMemorySpacemesh {
    ledger: Ledger,
    state: Shared<Processes>,
}

#[derive(Debug, Default)]
struct Processes {
    nodes: BTreeMap<SocketAddr, NodeStatus>,
    poets: BTreeMap<SocketAddr, Poet>,
    node_anywhere: Option<NodeStatus>,
    chain: Option<Chain>,
    poet_anywhere: Option<Poet>,
}

/// A chain whose layers follow a clock.
#[derive(Debug)]
struct Chain {
    clock: TestClock,
    genesis: Timestamp,
    layer: Duration,
}

impl Chain {
    fn layer(&self) -> u32 {
        let since = self.clock.now().duration_since(self.genesis).as_secs();
        let layer = i64::try_from(self.layer.as_secs()).unwrap_or(i64::MAX);
        since.checked_div(layer).and_then(|layer| u32::try_from(layer).ok()).unwrap_or(0)
    }
}

#[derive(Debug, Clone)]
struct Poet {
    info: PoetInfo,
    start: Option<PoetStart>,
}

impl InMemorySpacemesh {
    /// Nothing answers yet; calls are counted in `ledger`.
    #[must_use]
    pub fn with_ledger(ledger: Ledger) -> Self {
        Self { ledger, state: Shared::default() }
    }

    /// The calls so far, and faults to come.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Puts a node at an address.
    pub fn put_node(&self, grpc: SocketAddr, status: NodeStatus) {
        self.state.lock().nodes.insert(grpc, status);
    }

    /// Puts a PoET at an address.
    pub fn put_poet(&self, rest: SocketAddr, info: PoetInfo) {
        self.state.lock().poets.insert(rest, Poet { info, start: None });
    }

    /// Lets every other address answer as a node with this status and as a PoET with this info.
    pub fn answer_anywhere(&self, status: NodeStatus, info: PoetInfo) {
        let mut processes = self.state.lock();
        processes.node_anywhere = Some(status);
        processes.poet_anywhere = Some(Poet { info, start: None });
    }

    /// Lets the layers of nodes that answer anywhere follow a clock from genesis on.
    pub fn follow_chain(&self, clock: &TestClock, genesis: Timestamp, layer: Duration) {
        self.state.lock().chain = Some(Chain { clock: clock.clone(), genesis, layer });
    }

    /// How the PoETs were started, by address.
    #[must_use]
    pub fn starts(&self) -> BTreeMap<SocketAddr, PoetStart> {
        let processes = self.state.lock();
        let started = processes.poets.iter().filter_map(|(rest, poet)| Some((*rest, poet.start.clone()?)));
        started.collect()
    }
}

impl Processes {
    fn node(&self, grpc: SocketAddr) -> Option<NodeStatus> {
        if let Some(status) = self.nodes.get(&grpc) {
            return Some(status.clone());
        }
        let status = self.node_anywhere.clone()?;
        let Some(layer) = self.chain.as_ref().map(Chain::layer) else { return Some(status) };
        Some(NodeStatus { synced_layer: layer, top_layer: layer, verified_layer: layer, ..status })
    }

    fn poet(&mut self, operation: &str, rest: SocketAddr) -> Result<&mut Poet> {
        if let Some(poet) = self.poet_anywhere.clone() {
            self.poets.entry(rest).or_insert(poet);
        }
        self.poets.get_mut(&rest).ok_or_else(|| silent(operation, rest))
    }
}

fn silent(operation: &str, address: SocketAddr) -> Error {
    Error::new(Meaning::Unavailable, operation, address.to_string(), "nothing answers there")
}

#[async_trait]
impl SpacemeshApi for InMemorySpacemesh {
    async fn node_status(&self, grpc: SocketAddr) -> Result<NodeStatus> {
        let call = self.ledger.begin("spacemesh.node_status", &grpc.to_string()).await?;
        let status = self.state.lock().node(grpc);
        call.read(status.ok_or_else(|| silent("read node status", grpc))?)
    }

    async fn node_version(&self, grpc: SocketAddr) -> Result<String> {
        let call = self.ledger.begin("spacemesh.node_version", &grpc.to_string()).await?;
        let status = self.state.lock().node(grpc);
        status.ok_or_else(|| silent("read node version", grpc))?;
        call.read(VERSION.to_owned())
    }

    async fn poet_info(&self, rest: SocketAddr) -> Result<PoetInfo> {
        let call = self.ledger.begin("spacemesh.poet_info", &rest.to_string()).await?;
        let info = self.state.lock().poet("read PoET info", rest)?.info.clone();
        call.read(info)
    }

    async fn start_poet(&self, rest: SocketAddr, start: &PoetStart) -> Result<bool> {
        let call = self.ledger.begin("spacemesh.start_poet", &rest.to_string()).await?;
        let begins = {
            let mut processes = self.state.lock();
            let poet = processes.poet("start PoET", rest)?;
            let begins = !poet.info.started;
            if begins {
                poet.info.started = true;
                poet.start = Some(start.clone());
            }
            begins
        };
        call.wrote(begins)
    }
}
