//! Which node of a network is asked.

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use spacecraft_core::generation::{GRPC_PORT, GRPC_PRIVATE_PORT};
use spacecraft_core::spec::Generation;
use spacecraft_core::state::NodeRecord;
use spacecraft_core::traits::{NodeStatus, ServiceName, SpacemeshApi, Tunnel, Workloads};
use spacecraft_core::{Error, Meaning, Result, render_chain};

use crate::source::NodeListeners;

/// How many nodes are asked before it is said that none answers.
const MOST_ASKED: usize = 10;

/// A node that is reached through tunnels, which are open as long as this is kept.
#[derive(Debug)]
pub struct ReachedNode {
    /// Where it answers on this machine.
    pub listeners: NodeListeners,
    /// What it says of itself.
    pub status: NodeStatus,
    tunnels: Vec<Tunnel>,
}

/// Reaches a node of a network: of the first ten, which are asked together, the first one that says it is synced; else the one that verified the most layers.
///
/// # Errors
///
/// [`Meaning::Unavailable`] with what the last one failed with, when none answers.
pub async fn reach_healthy_node(
    workloads: &dyn Workloads,
    spacemesh: &dyn SpacemeshApi,
    generation: Generation,
    nodes: &[NodeRecord],
) -> Result<ReachedNode> {
    let asked = nodes.iter().take(MOST_ASKED).map(|node| reach(workloads, spacemesh, generation, &node.name));
    let mut answers: FuturesUnordered<_> = asked.collect();
    let mut best: Option<ReachedNode> = None;
    let mut failure = None;
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(reached) if reached.status.synced => return Ok(reached),
            Ok(reached) => {
                let layer = |node: &ReachedNode| node.status.verified_layer;
                if best.as_ref().is_none_or(|best| layer(best) < layer(&reached)) {
                    best = Some(reached);
                }
            }
            Err(error) => {
                tracing::debug!(error = render_chain(&error), "a node is not asked for rewards");
                failure = Some(error);
            }
        }
    }
    best.ok_or_else(|| none_answers(nodes.len().min(MOST_ASKED), failure))
}

async fn reach(
    workloads: &dyn Workloads,
    spacemesh: &dyn SpacemeshApi,
    generation: Generation,
    name: &str,
) -> Result<ReachedNode> {
    let service = ServiceName::new(workloads.namespace(), name);
    let public = workloads.tunnel(&service, GRPC_PORT).await?;
    let status = public.told(spacemesh.node_status(public.local).await)?;
    let private = match generation {
        Generation::V0 => None,
        Generation::V1 => Some(workloads.tunnel(&service, GRPC_PRIVATE_PORT).await?),
    };
    let listeners = NodeListeners {
        name: name.to_owned(),
        public: public.local.into(),
        private: private.as_ref().map(|tunnel| tunnel.local.into()),
    };
    let tunnels = std::iter::once(public).chain(private).collect();
    Ok(ReachedNode { listeners, status, tunnels })
}

impl ReachedNode {
    /// How many tunnels lead to the node.
    #[must_use]
    pub fn tunnels(&self) -> usize {
        self.tunnels.len()
    }
}

fn none_answers(asked: usize, failure: Option<Error>) -> Error {
    let reason = format!("none of the {asked} nodes that were asked answers");
    let error = Error::new(Meaning::Unavailable, "find a healthy node", "", reason)
        .with_hint("see how the nodes are with spacecraft status, or name one with --host");
    match failure {
        Some(failure) => error.with_source(failure),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use spacecraft_core::names::NetworkName;
    use spacecraft_core::traits::PoetInfo;
    use spacecraft_core::workload::Role;
    use spacecraft_testkit::{InMemorySpacemesh, InMemoryWorkloads, Ledger};

    use super::*;

    fn node(number: u32) -> NodeRecord {
        NodeRecord {
            name: format!("miner-{number}"),
            number,
            role: Role::Miner,
            poet: "poet-1".to_owned(),
            peer_id: String::new(),
            smesher_id: None,
            coinbase: String::new(),
            p2p: None,
        }
    }

    fn workloads() -> InMemoryWorkloads {
        InMemoryWorkloads::new(&NetworkName::new("net1").unwrap(), Ledger::default())
    }

    fn status(synced: bool) -> NodeStatus {
        NodeStatus { connected_peers: 3, synced, synced_layer: 9, top_layer: 9, verified_layer: 8 }
    }

    #[tokio::test]
    async fn a_synced_node_is_reached_with_as_many_listeners_as_its_generation_has() {
        for (generation, tunnels) in [(Generation::V0, 1), (Generation::V1, 2)] {
            let spacemesh = InMemorySpacemesh::default();
            spacemesh.answer_anywhere(status(true), PoetInfo { public_key: String::new(), started: true });
            let workloads = workloads();
            let reached =
                reach_healthy_node(&workloads, &spacemesh, generation, &[node(1), node(2)]).await.unwrap();
            assert!(reached.listeners.name.starts_with("miner-"));
            assert_eq!(reached.tunnels(), tunnels);
        }
    }

    #[tokio::test]
    async fn a_node_that_is_behind_is_better_than_none() {
        let spacemesh = InMemorySpacemesh::default();
        spacemesh.put_node(SocketAddr::from(([127, 0, 0, 1], GRPC_PORT)), status(false));
        let workloads = workloads();
        let reached = reach_healthy_node(&workloads, &spacemesh, Generation::V1, &[node(1)]).await.unwrap();
        assert!(!reached.status.synced);
    }

    #[tokio::test]
    async fn when_none_answers_the_error_says_how_many_were_asked() {
        let (spacemesh, workloads) = (InMemorySpacemesh::default(), workloads());
        let nodes: Vec<NodeRecord> = (1..=12).map(node).collect();
        let error = reach_healthy_node(&workloads, &spacemesh, Generation::V1, &nodes).await.unwrap_err();
        assert_eq!(error.meaning(), Meaning::Unavailable);
        assert!(error.reason().contains("none of the 10 nodes"), "{error}");
    }
}
