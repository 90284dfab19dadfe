use std::fmt;

use serde::{Deserialize, Serialize};

use crate::spec::Generation;

/// Whom a key of the node config concerns, and so how it can be changed in a network that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reach {
    /// The node alone: nodes may differ in it.
    Node,
    /// All nodes and PoETs, which must agree on it at every moment: it changes only while all of them are stopped.
    Network,
    /// Who the network is: with another value it is another network.
    Identity,
}

impl fmt::Display for Reach {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Node => "each node by itself",
            Self::Network => "all nodes together",
            Self::Identity => "the identity of the network",
        })
    }
}

impl Reach {
    /// Whom the key at `path` concerns. A preset brings values of every kind, so that it concerns all nodes.
    #[must_use]
    pub fn of(generation: Generation, path: &str) -> Self {
        let keys = Keys::of(generation);
        let within = |listed: &[&str]| listed.iter().any(|listed| is_at_or_below(path, listed));
        if within(keys.identity) {
            Self::Identity
        } else if within(keys.network) && !within(keys.node) {
            Self::Network
        } else {
            Self::Node
        }
    }
}

/// Keys and whole sections by whom they concern; what is named nowhere concerns the node alone.
struct Keys {
    identity: &'static [&'static str],
    network: &'static [&'static str],
    /// Keys within sections of `network` that concern the node alone after all.
    node: &'static [&'static str],
}

impl Keys {
    const fn of(generation: Generation) -> Self {
        match generation {
            Generation::V0 => V0,
            Generation::V1 => V1,
        }
    }
}

/// v0.2.17: identity is `p2p.network-id`, which is also a folder of each node's data, with the genesis time and accounts.
const V0: Keys = Keys {
    identity: &[
        "genesis",
        "main.genesis-time",
        "main.genesis-active-size",
        "main.golden-atx",
        "p2p.network-id",
    ],
    network: &[
        "preset",
        "main.layer-duration-sec",
        "main.layers-per-epoch",
        "main.layer-average-size",
        "main.block-gas-limit",
        "main.optimistic-filtering-threshold",
        "hare",
        "hare-eligibility",
        "tortoise",
        "tortoise-beacon",
        "beacon",
        "reward",
        "post",
    ],
    node: &["hare.hare-limit-concurrent"],
};

/// v1: the genesis id, which follows from the section `genesis`, is the prologue of every connection; a node whose data has another genesis does not start.
const V1: Keys = Keys {
    identity: &["genesis", "main.standalone"],
    network: &[
        "preset",
        "main.layer-duration",
        "main.layers-per-epoch",
        "main.layer-average-size",
        "main.network-hrp",
        "main.tick-size",
        "main.atx-versions",
        "main.atx-grade-delay",
        "main.block-gas-limit",
        "main.optimistic-filtering-threshold",
        "hare3",
        "hare4",
        "hare-eligibility",
        "certificate",
        "tortoise",
        "beacon",
        "vm",
        "post",
        "poet.phase-shift",
        "poet.cycle-gap",
        "poet.grace-period",
    ],
    node: &["hare3.log-stats", "hare4.log-stats"],
};

fn is_at_or_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn genesis_and_network_id_are_who_the_network_is() {
        for path in
            ["main.genesis-time", "genesis.accounts.0xaa", "p2p.network-id", "main.genesis-active-size"]
        {
            assert_eq!(Reach::of(Generation::V0, path), Reach::Identity, "{path}");
        }
        for path in ["genesis.genesis-time", "genesis.genesis-extra-data", "genesis.accounts.stest1x"] {
            assert_eq!(Reach::of(Generation::V1, path), Reach::Identity, "{path}");
        }
    }

    #[test]
    fn what_nodes_must_agree_on_concerns_all_of_them_in_both_generations() {
        let v0 = [
            "main.layer-duration-sec",
            "main.layers-per-epoch",
            "hare.hare-round-duration-sec",
            "hare-eligibility.eligibility-confidence-param",
            "tortoise.tortoise-zdist",
            "beacon.beacon-rounds-number",
            "post.post-k1",
            "preset",
        ];
        for path in v0 {
            assert_eq!(Reach::of(Generation::V0, path), Reach::Network, "{path}");
        }
        let v1 = [
            "main.layer-duration",
            "main.network-hrp",
            "main.atx-versions.3",
            "hare3.round-duration",
            "hare3.committeeupgrade.layer",
            "hare4.enable",
            "tortoise.tortoise-hdist",
            "beacon.beacon-theta",
            "post.post-labels-per-unit",
            "poet.phase-shift",
            "poet.cycle-gap",
        ];
        for path in v1 {
            assert_eq!(Reach::of(Generation::V1, path), Reach::Network, "{path}");
        }
    }

    #[test]
    fn all_else_concerns_the_node_alone() {
        for path in [
            "logging.hare",
            "p2p.low-peers",
            "smeshing.smeshing-opts.smeshing-opts-numunits",
            "hare3.log-stats",
        ] {
            assert_eq!(Reach::of(Generation::V1, path), Reach::Node, "{path}");
        }
        for path in ["poet.poet-request-timeout", "poet.retry-max", "hare30.x", "postservice.x"] {
            assert_eq!(Reach::of(Generation::V1, path), Reach::Node, "{path}");
        }
    }
}
