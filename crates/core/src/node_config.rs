//! The `config.json` of go-spacemesh nodes: reading it as the node would, and changing it.
//!
//! A config may name a `preset`, whose values hold wherever the config itself says nothing; without one, v1 falls back on mainnet's values and v0 on
//! its own. [`NodeConfig`] looks values up in that order, so that checks see what the node will see. Keys are paths such as `main.layers-per-epoch`.

mod base;
mod keys;
mod presets;
mod timing;

pub use base::{BASE_CONFIG_NAMES, base_config};
pub use keys::{KeyCatalogue, V1_KEYS, misplaced_keys};
pub(crate) use presets::preset_names;
pub(crate) use timing::later;
pub use timing::{NetworkTiming, PoetTiming};

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::go_duration;
use crate::identity::DEFAULT_ADDRESS_PREFIX;
use crate::spec::Generation;

/// Something in a node config that the network could not run with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigProblem {
    /// The key's path, such as `main.layer-duration`.
    pub path: String,
    /// What the config has there; empty when it has nothing.
    pub value: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// A node config as the node of a generation would read it.
#[derive(Debug, Clone, Copy)]
pub struct NodeConfig<'a> {
    generation: Generation,
    value: &'a Value,
    preset: &'static Value,
}

impl<'a> NodeConfig<'a> {
    /// A view of `value`. A preset that is not known counts as none; [`crate::consensus`] reports it.
    #[must_use]
    pub fn new(generation: Generation, value: &'a Value) -> Self {
        let name = value.get("preset").and_then(Value::as_str).unwrap_or_default();
        Self { generation, value, preset: presets::preset_or_default(generation, name) }
    }

    /// The generation it is read for.
    #[must_use]
    pub fn generation(self) -> Generation {
        self.generation
    }

    /// What the config itself has at `path`.
    #[must_use]
    pub fn given(self, path: &str) -> Option<&'a Value> {
        at(self.value, path)
    }

    /// What the node will use at `path`: the config's value, else the preset's, else the generation's default, as far as these are known.
    #[must_use]
    pub fn effective(self, path: &str) -> Option<&'a Value> {
        let default = presets::preset_or_default(self.generation, "");
        self.given(path).or_else(|| at(self.preset, path)).or_else(|| at(default, path))
    }

    /// The paths of all values that the config, its preset and the generation's defaults have, as far as these are known. An object without keys counts as a
    /// value.
    #[must_use]
    pub fn paths(self) -> BTreeSet<String> {
        let default = presets::preset_or_default(self.generation, "");
        let mut paths = BTreeSet::new();
        for values in [self.value, self.preset, default] {
            collect_paths("", values, &mut paths);
        }
        paths
    }

    /// A whole number; v0 also takes text that holds one.
    ///
    /// # Errors
    ///
    /// The problem, when something else is there.
    pub fn number(self, path: &str) -> Result<Option<u64>, ConfigProblem> {
        let Some(value) = self.effective(path) else { return Ok(None) };
        let from_text = || value.as_str().filter(|_| self.generation == Generation::V0)?.trim().parse().ok();
        value
            .as_u64()
            .or_else(from_text)
            .map(Some)
            .ok_or_else(|| problem(path, value, "it must be a whole number, zero or more"))
    }

    /// A duration: v0 a number of seconds, v1 text with units.
    ///
    /// # Errors
    ///
    /// The problem, when something else is there.
    pub fn duration(self, path: &str) -> Result<Option<Duration>, ConfigProblem> {
        if self.generation == Generation::V0 {
            return Ok(self.number(path)?.map(Duration::from_secs));
        }
        let Some(value) = self.effective(path) else { return Ok(None) };
        let text = value.as_str().ok_or_else(|| {
            problem(path, value, "it must be a duration in quotes, such as \"30s\" or \"5m\"")
        })?;
        go_duration::parse(text).map(Some).map_err(|message| problem(path, value, &message))
    }

    /// True where a switch is on.
    #[must_use]
    pub fn switch(self, path: &str) -> bool {
        self.effective(path).is_some_and(|value| value.as_bool().unwrap_or(value.as_str() == Some("true")))
    }

    /// True when nodes listen for QUIC, on UDP ports of the same numbers as their TCP ports.
    #[must_use]
    pub fn speaks_quic(self) -> bool {
        self.generation == Generation::V1 && self.switch("p2p.enable-quic-transport")
    }

    /// The prefix (HRP) of a v1 network's addresses.
    #[must_use]
    pub fn address_prefix(self) -> &'a str {
        self.effective("main.network-hrp").and_then(Value::as_str).unwrap_or(DEFAULT_ADDRESS_PREFIX)
    }

    /// The genesis time that the config itself names, as the config of a parent does.
    #[must_use]
    pub fn genesis_time(self) -> Option<Timestamp> {
        let path = match self.generation {
            Generation::V0 => "main.genesis-time",
            Generation::V1 => "genesis.genesis-time",
        };
        self.given(path).and_then(Value::as_str).and_then(|text| text.parse().ok())
    }

    /// v1: the genesis extra data that the config itself names.
    #[must_use]
    pub fn genesis_extra_data(self) -> Option<&'a str> {
        self.given("genesis.genesis-extra-data").and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// v0: the network id.
    #[must_use]
    pub fn network_id(self) -> Option<u32> {
        self.number("p2p.network-id").ok().flatten().and_then(|id| u32::try_from(id).ok())
    }

    /// The bootnodes that the config itself names.
    #[must_use]
    pub fn bootnodes(self) -> Vec<&'a str> {
        let listed = self.given("p2p.bootnodes").and_then(Value::as_array);
        listed.into_iter().flatten().filter_map(Value::as_str).collect()
    }
}

/// The problem that `value` is at `path`.
pub(crate) fn problem(path: &str, value: &Value, message: &str) -> ConfigProblem {
    ConfigProblem { path: path.to_owned(), value: shown(value), message: message.to_owned() }
}

/// The problem that nothing is at `path`.
pub(crate) fn missing(path: &str, message: &str) -> ConfigProblem {
    ConfigProblem { path: path.to_owned(), value: String::new(), message: message.to_owned() }
}

/// A value as people read it, cut short.
fn shown(value: &Value) -> String {
    const LONGEST: usize = 80;
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut short: String = text.chars().take(LONGEST).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// What is at `path`, a sequence of keys joined by dots.
fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(value, |value, key| value.get(key))
}

fn collect_paths(above: &str, value: &Value, paths: &mut BTreeSet<String>) {
    match value.as_object().filter(|entries| !entries.is_empty()) {
        Some(entries) => {
            for (key, value) in entries {
                let path = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
                collect_paths(&path, value, paths);
            }
        }
        None if above.is_empty() => {}
        None => {
            paths.insert(above.to_owned());
        }
    }
}

/// Takes what is at `path` away; objects above it that become empty stay.
pub fn remove(config: &mut Value, path: &str) {
    let (above, key) = path.rsplit_once('.').unwrap_or(("", path));
    let holder =
        above.split('.').filter(|key| !key.is_empty()).try_fold(config, |value, key| value.get_mut(key));
    if let Some(entries) = holder.and_then(Value::as_object_mut) {
        entries.remove(key);
    }
}

/// Puts `new` at `path`, making the objects above it.
///
/// # Errors
///
/// The problem, when something that is no object is in the way.
pub fn set(config: &mut Value, path: &str, new: Value) -> Result<(), ConfigProblem> {
    let in_the_way = |value: &Value| problem(path, value, "this must be an object of keys and values");
    let mut keys: Vec<&str> = path.split('.').collect();
    let last = keys.pop().unwrap_or_default();
    let mut target = config;
    for key in keys {
        target = match target {
            Value::Object(entries) => entries.entry(key).or_insert_with(|| Value::Object(Map::new())),
            other => return Err(in_the_way(other)),
        };
    }
    match target {
        Value::Object(entries) => {
            entries.insert(last.to_owned(), new);
            Ok(())
        }
        other => Err(in_the_way(other)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_config_does_not_say_its_preset_says() {
        let config = json!({"preset": "fastnet", "main": {"layer-duration": "20s"}});
        let config = NodeConfig::new(Generation::V1, &config);
        assert_eq!(config.duration("main.layer-duration"), Ok(Some(Duration::from_secs(20))));
        assert_eq!(config.number("main.layers-per-epoch"), Ok(Some(4)));
        assert_eq!(config.address_prefix(), "stest");
        let bare = json!({});
        assert_eq!(NodeConfig::new(Generation::V1, &bare).address_prefix(), "sm");
    }

    #[test]
    fn v0_takes_numbers_in_quotes_and_v1_does_not() {
        let config = json!({"main": {"layers-per-epoch": "6", "layer-duration-sec": "200"}});
        let v0 = NodeConfig::new(Generation::V0, &config);
        assert_eq!(v0.duration("main.layer-duration-sec"), Ok(Some(Duration::from_secs(200))));
        let problem = NodeConfig::new(Generation::V1, &config).number("main.layers-per-epoch").unwrap_err();
        assert_eq!((problem.path.as_str(), problem.value.as_str()), ("main.layers-per-epoch", "6"));
    }

    #[test]
    fn a_value_is_set_at_its_path_and_neighbours_stay() {
        let mut config = json!({"main": {"a": 1}});
        set(&mut config, "main.b.c", json!(2)).unwrap();
        assert_eq!(config, json!({"main": {"a": 1, "b": {"c": 2}}}));
        assert!(set(&mut config, "main.a.x", json!(3)).is_err());
        assert!(set(&mut json!([]), "main.a", json!(3)).is_err());
    }

    proptest! {
        #[test]
        fn what_is_set_is_what_is_there(path in "[a-z]{1,3}(\\.[a-z]{1,3}){0,3}", number in any::<u64>()) {
            let mut config = json!({});
            set(&mut config, &path, json!(number)).unwrap();
            prop_assert_eq!(NodeConfig::new(Generation::V0, &config).number(&path), Ok(Some(number)));
        }
    }
}
