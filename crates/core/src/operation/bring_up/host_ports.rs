//! Whether the nodes' P2P ports are free on the workers of a shared cluster, before anything is made there.

use std::collections::{BTreeMap, BTreeSet};

use super::BringUp;
use crate::error::{Error, Meaning, Result};
use crate::plan::PlannedNode;
use crate::ports::p2p_port;
use crate::traits::Workloads;
use crate::workload::Worker;

/// How far apart the bases are that are tried.
const STEP: u16 = 100;

/// Host ports that others hold, by worker.
type Taken = BTreeMap<String, BTreeSet<u16>>;

impl BringUp<'_> {
    /// Refuses ports that pods of others hold, with a base that is free.
    pub(super) async fn check_host_ports(&self, workloads: &dyn Workloads) -> Result<()> {
        let (taken, workers) = (workloads.taken_host_ports().await?, workloads.workers().await?);
        let nodes = &self.plan.nodes;
        let Some((node, worker)) =
            nodes.iter().find_map(|node| Some((node, hindering(node, &workers, &taken)?)))
        else {
            return Ok(());
        };
        let reason = format!(
            "it would listen on port {} of its worker, which on {worker} a pod of somebody else holds",
            node.p2p_port
        );
        let error = Error::new(Meaning::Invalid, "plan node", node.name.as_str(), reason);
        let numbers: Vec<u32> = nodes.iter().map(|node| node.number).collect();
        Err(match free_base(self.spec.node.p2p_port_base, &numbers, &taken) {
            Some(base) => error.with_hint(format!("give --p2p-port-base {base}")),
            None => error.with_hint("choose another --p2p-port-base"),
        })
    }
}

/// The worker on which a node's port is taken, where that leaves the node no place: a pinned node may be put on any worker, another one needs one that is free.
fn hindering<'a>(node: &PlannedNode, workers: &'a [Worker], taken: &Taken) -> Option<&'a str> {
    let is_taken =
        |worker: &&Worker| taken.get(&worker.name).is_some_and(|ports| ports.contains(&node.p2p_port));
    let hindered: Vec<&Worker> = workers.iter().filter(is_taken).collect();
    let hinders = node.slot.is_some() || hindered.len() == workers.len();
    hindered.first().filter(|_| hinders).map(|worker| worker.name.as_str())
}

/// The next base from which all nodes get ports that nobody holds anywhere.
fn free_base(base: u16, numbers: &[u32], taken: &Taken) -> Option<u16> {
    let held: BTreeSet<u16> = taken.values().flatten().copied().collect();
    let is_free = |base: &u16| {
        numbers.iter().all(|number| p2p_port(*base, *number).is_ok_and(|port| !held.contains(&port)))
    };
    std::iter::successors(base.checked_add(STEP), |base| base.checked_add(STEP)).find(is_free)
}
