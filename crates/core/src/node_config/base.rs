use serde_json::Value;

use crate::spec::Generation;

/// The names of the node configs that come with the program.
pub const BASE_CONFIG_NAMES: [&str; 3] = ["mininet", "devnet", "testnet"];

/// The node config of that name; none when there is no such one.
///
/// * `mininet`: short epochs (v1 5 minutes, v0 20 minutes), for trying things out;
/// * `devnet`: epochs of 2 hours;
/// * `testnet`: epochs of a day.
#[must_use]
pub fn base_config(generation: Generation, name: &str) -> Option<Value> {
    let text = match (generation, name) {
        (Generation::V0, "mininet") => include_str!("../../configs/v0/mininet.json"),
        (Generation::V0, "devnet") => include_str!("../../configs/v0/devnet.json"),
        (Generation::V0, "testnet") => include_str!("../../configs/v0/testnet.json"),
        (Generation::V1, "mininet") => include_str!("../../configs/v1/mininet.json"),
        (Generation::V1, "devnet") => include_str!("../../configs/v1/devnet.json"),
        (Generation::V1, "testnet") => include_str!("../../configs/v1/testnet.json"),
        _ => return None,
    };
    serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consensus;
    use crate::node_config::{KeyCatalogue, NetworkTiming, NodeConfig, misplaced_keys};

    fn all() -> impl Iterator<Item = (Generation, &'static str, Value)> {
        [Generation::V0, Generation::V1].into_iter().flat_map(|generation| {
            BASE_CONFIG_NAMES.map(|name| (generation, name, base_config(generation, name).unwrap()))
        })
    }

    #[test]
    fn every_base_config_lets_nodes_and_poets_start() {
        for (generation, name, config) in all() {
            assert_eq!(consensus::check(generation, &config), [], "{generation} {name}");
        }
    }

    #[test]
    fn every_base_config_has_only_keys_of_its_generation() {
        for (generation, name, config) in all() {
            let catalogue = KeyCatalogue::of(generation);
            assert_eq!(misplaced_keys(&catalogue, &config), [], "{generation} {name}");
        }
    }

    #[test]
    fn a_wallet_app_finds_all_it_needs_in_every_v1_base_config() {
        for (generation, name, config) in all().filter(|(generation, ..)| *generation == Generation::V1) {
            let config = NodeConfig::new(generation, &config);
            for path in [
                "main.layer-duration",
                "main.layers-per-epoch",
                "post.post-labels-per-unit",
                "post.post-max-numunits",
                "poet.cycle-gap",
            ] {
                assert!(config.given(path).is_some(), "{name} has no {path}");
            }
        }
    }

    #[test]
    fn the_beacon_of_every_v1_base_config_is_agreed_on_within_an_epoch() {
        for (generation, name, config) in all().filter(|(generation, ..)| *generation == Generation::V1) {
            let config = NodeConfig::new(generation, &config);
            let seconds = |key: &str| {
                config.duration(&format!("beacon.beacon-{key}-duration")).unwrap().unwrap().as_secs()
            };
            let rounds = config.number("beacon.beacon-rounds-number").unwrap().unwrap();
            let needed = seconds("grace-period")
                + seconds("proposal")
                + seconds("first-voting-round")
                + rounds * (seconds("voting-round") + seconds("weak-coin-round"));
            let epoch = NetworkTiming::read(config).unwrap().epoch().as_secs();
            assert!(needed < epoch / 2, "{name}: {needed} s of an epoch of {epoch} s");
        }
    }
}
