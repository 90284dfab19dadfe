//! The conditions under which nodes and PoETs start at all, checked before anything is called.
//!
//! Nodes compare their consensus parameters at start and exit when these cannot work; PoETs and nodes must agree on rounds. The sources are go-spacemesh
//! `cmd/node` and `hare3`, and PoET `config`; each check names the formula. Values come from the config, its preset, or the node's defaults.

mod v0;
mod v1;

use serde_json::Value;

use crate::node_config::{ConfigProblem, NetworkTiming, NodeConfig, misplaced_keys, problem};
use crate::node_config::{KeyCatalogue, preset_names};
use crate::spec::Generation;

/// All reasons why nodes or PoETs of a network with this node config would not start or never agree; empty when there is none.
///
/// `config` may be a base config or one that is already filled in for a node.
#[must_use]
pub fn check(generation: Generation, config: &Value) -> Vec<ConfigProblem> {
    if !config.is_object() {
        return vec![problem(
            "",
            config,
            "a node config is a JSON object with sections such as main and p2p",
        )];
    }
    let view = NodeConfig::new(generation, config);
    let mut problems = check_preset(view);
    match NetworkTiming::read(view) {
        Err(found) => problems.extend(found),
        Ok(timing) => problems.extend(match generation {
            Generation::V0 => v0::check(view, &timing),
            Generation::V1 => v1::check(view, &timing),
        }),
    }
    problems
}

/// [`check`], and keys that do not belong into a config of this generation.
#[must_use]
pub fn check_with_keys(catalogue: &KeyCatalogue, config: &Value) -> Vec<ConfigProblem> {
    let mut problems = misplaced_keys(catalogue, config);
    problems.extend(check(catalogue.generation(), config));
    problems
}

fn check_preset(config: NodeConfig<'_>) -> Vec<ConfigProblem> {
    let known = preset_names(config.generation());
    match config.given("preset") {
        None => Vec::new(),
        Some(given) if given.as_str().is_some_and(|name| known.contains(&name)) => Vec::new(),
        Some(given) => {
            let message = format!("{} nodes have the presets {}", config.generation(), known.join(", "));
            vec![problem("preset", given, &message)]
        }
    }
}

/// How many peers a node must have before it starts to sync (v1 `p2p.min-peers`, v0 `p2p.target-outbound`), so that a small network does not wait for
/// peers that do not exist.
///
/// `fleet_nodes` is the size of the network, none when it extends a parent: then what the config says stays. Otherwise it is six tenths of the
/// nodes below 100, a third above, never more than 50 (the rule of go-spacemesh's own system tests), nor more than the config asks for, nor than there are
/// other nodes.
#[must_use]
pub fn peer_minimum(config: NodeConfig<'_>, fleet_nodes: Option<u32>) -> Option<u64> {
    let path = peer_minimum_path(config.generation());
    let given = config.given(path).and_then(|_| config.number(path).ok().flatten());
    let Some(nodes) = fleet_nodes.map(u64::from) else { return given };
    let by_size = if nodes < 100 { nodes * 6 / 10 } else { (nodes / 3).min(50) };
    let others = nodes.saturating_sub(1);
    Some(given.unwrap_or(by_size.max(1)).min(others))
}

/// The key of [`peer_minimum`].
pub(crate) const fn peer_minimum_path(generation: Generation) -> &'static str {
    match generation {
        Generation::V0 => "p2p.target-outbound",
        Generation::V1 => "p2p.min-peers",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_config_that_is_no_object_is_refused() {
        assert_eq!(check(Generation::V1, &json!([1])).len(), 1);
    }

    #[test]
    fn a_preset_that_nodes_do_not_have_is_refused_with_those_they_have() {
        let config = json!({"preset": "fastnt", "main": {"layer-duration-sec": 200, "layers-per-epoch": 6}});
        let problems = check(Generation::V0, &config);
        assert_eq!(problems[0].message, "v0 nodes have the presets testnet, fastnet");
    }

    #[test]
    fn nobody_waits_for_more_peers_than_there_are() {
        let minimum = |config: Value, nodes| peer_minimum(NodeConfig::new(Generation::V1, &config), nodes);
        assert_eq!(minimum(json!({}), Some(1)), Some(0));
        assert_eq!(minimum(json!({}), Some(2)), Some(1));
        assert_eq!(minimum(json!({}), Some(10)), Some(6));
        assert_eq!(minimum(json!({}), Some(120)), Some(40));
        assert_eq!(minimum(json!({}), Some(1000)), Some(50));
        assert_eq!(minimum(json!({"p2p": {"min-peers": 20}}), Some(10)), Some(9));
        assert_eq!(minimum(json!({"p2p": {"min-peers": 20}}), None), Some(20));
        assert_eq!(minimum(json!({}), None), None);
    }

    proptest! {
        #[test]
        fn the_minimum_is_always_less_than_the_fleet(nodes in 1_u32.., given in proptest::option::of(any::<u32>())) {
            let config = given.map_or(json!({}), |given| json!({"p2p": {"min-peers": given}}));
            let minimum = peer_minimum(NodeConfig::new(Generation::V1, &config), Some(nodes)).unwrap();
            prop_assert!(minimum < u64::from(nodes));
        }
    }
}
