//! Whom nodes were told to ask for peers, and when they must be told anew.
//!
//! A node reads its bootnodes when it starts, so that telling it others restarts it. When a bootnode is removed, the nodes that know it go on with one address that nobody
//! answers at; they learn of that on their next change. Only a node that would find nobody any more, or that was told of a node at an address which that node left, is
//! told anew for this alone.

use std::collections::BTreeMap;

use crate::node_config::NodeConfig;
use crate::spec::Generation;
use crate::workload::ObservedWorkload;

use super::{Bindings, Plan};

/// The node's config file in its ConfigMap.
const CONFIG_FILE: &str = "config.json";

/// The bootnodes that a node as it runs was told of; none when its config cannot be read.
#[must_use]
pub fn told_peers(generation: Generation, observed: &ObservedWorkload) -> Option<Vec<String>> {
    let config = serde_json::from_str(observed.files.get(CONFIG_FILE)?).ok()?;
    Some(NodeConfig::new(generation, &config).bootnodes().into_iter().map(str::to_owned).collect())
}

/// Whether a node that was told of `told` may keep that, although it would be told of `known` today.
#[must_use]
pub fn keeps_peers(told: &[String], known: &[String], bindings: &Bindings, plan: &Plan) -> bool {
    if told == known {
        return true;
    }
    let pinned = plan.nodes.iter().filter_map(|node| bindings.p2p_address(node));
    let here: BTreeMap<String, String> =
        pinned.filter_map(|address| Some((peer_of(&address)?.to_owned(), address))).collect();
    let place = |address: &String| here.get(peer_of(address)?);
    let moved = told.iter().any(|address| place(address).is_some_and(|now| now != address));
    let finds_somebody = told.iter().any(|address| place(address).is_some());
    !moved && (finds_somebody || known.is_empty())
}

/// The peer id at the end of a multiaddr.
fn peer_of(address: &str) -> Option<&str> {
    address.rsplit_once("/p2p/").map(|(_, peer)| peer)
}
