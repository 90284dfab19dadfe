use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Reach;
use crate::consensus;
use crate::go_duration;
use crate::identity::Genesis;
use crate::node_config::{ConfigProblem, KeyCatalogue, NodeConfig, remove};
use crate::spec::Generation;

/// How the config of running nodes is to change.
#[derive(Debug, Clone, PartialEq)]
pub enum ConfigChange {
    /// The document is laid over the running config: objects are merged key by key, `null` takes a key away, everything else replaces what was there (the merge
    /// patch of RFC 7386).
    Merge(Value),
    /// The document takes the place of the running config.
    Replace(Value),
}

/// A key whose value differs between two configs, as nodes would use it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeyChange {
    /// The key's path, such as `logging.hare`.
    pub path: String,
    /// What nodes use now; null for what they take from defaults that are not known here.
    pub from: Value,
    /// What they would use.
    pub to: Value,
    /// Whom it concerns.
    pub reach: Reach,
}

impl ConfigChange {
    /// The config that `running` becomes. What a network sets for each node by itself, and a published config therefore names, is left out when it is what
    /// the network has: its genesis, its bootnodes and its PoETs.
    #[must_use]
    pub fn applied_to(&self, running: &Value, generation: Generation, own: &OwnValues<'_>) -> Value {
        let mut config = match self {
            Self::Merge(change) => {
                let mut config = running.clone();
                merge(&mut config, change);
                config
            }
            Self::Replace(config) => config.clone(),
        };
        own.take_out_of(&mut config, running, generation);
        config
    }

    /// Why `wanted`, which `running` is to become, cannot be: genesis or identity would change, keys that nodes agree on would change while others run with
    /// the old ones, or nodes would not start with it. What the network sets by itself is told as it has it.
    #[must_use]
    pub fn problems(
        catalogue: &KeyCatalogue,
        running: &Value,
        wanted: &Value,
        own: &OwnValues<'_>,
        all_are_stopped: bool,
    ) -> Vec<ConfigProblem> {
        let changes = key_changes(catalogue.generation(), running, wanted);
        let changes = changes.into_iter().map(|change| own.told_in(change));
        let mut problems: Vec<ConfigProblem> =
            changes.filter_map(|change| change.problem(all_are_stopped)).collect();
        problems.extend(consensus::check_with_keys(catalogue, wanted));
        problems
    }
}

/// What a network sets in the config of every node.
#[derive(Debug, Clone, Copy)]
pub struct OwnValues<'a> {
    /// Its genesis, once that is fixed.
    pub genesis: Option<&'a Genesis>,
    /// The nodes that genesis counted; none where the network extends a parent.
    pub fleet_nodes: Option<u32>,
    /// The public addresses of its bootnodes.
    pub bootnodes: &'a [String],
}

impl OwnValues<'_> {
    /// The change, with what nodes use now where no config says it.
    fn told_in(&self, mut change: KeyChange) -> KeyChange {
        if let Some(genesis) = self.genesis.filter(|_| change.from.is_null()) {
            match change.path.as_str() {
                "main.genesis-time" | "genesis.genesis-time" => {
                    change.from = Value::String(genesis.time.to_string());
                }
                "genesis.genesis-extra-data" => change.from = Value::String(genesis.extra_data.clone()),
                _ => {}
            }
        }
        change
    }

    /// Takes out of `config` what it says of the network as the network has it, unless `running` says it too.
    fn take_out_of(&self, config: &mut Value, running: &Value, generation: Generation) {
        let given = NodeConfig::new(generation, config);
        let has_time = self.genesis.is_some_and(|genesis| given.genesis_time() == Some(genesis.time));
        let has_extra_data = self
            .genesis
            .is_some_and(|genesis| given.genesis_extra_data() == Some(genesis.extra_data.as_str()));
        let counted = given.number("main.genesis-active-size").ok().flatten();
        let has_size = counted.is_some() && counted == self.fleet_nodes.map(u64::from);
        let has_bootnodes = !self.bootnodes.is_empty() && given.bootnodes() == self.bootnodes;
        let own = [
            ("main.genesis-time", has_time),
            ("genesis.genesis-time", has_time),
            ("genesis.genesis-extra-data", has_extra_data),
            ("main.genesis-active-size", has_size),
            ("p2p.bootnodes", has_bootnodes),
            ("main.poet-server", true),
            ("main.poet-servers", true),
        ];
        let before = NodeConfig::new(generation, running);
        for (path, _) in own.into_iter().filter(|(path, is_own)| *is_own && before.given(path).is_none()) {
            remove(config, path);
        }
    }
}

impl KeyChange {
    /// Why the change cannot be made; none when it can.
    #[must_use]
    pub fn problem(&self, all_are_stopped: bool) -> Option<ConfigProblem> {
        let message = match self.reach {
            Reach::Identity => "genesis and identity of a network never change: with another value this would be another network".to_owned(),
            Reach::Network if !all_are_stopped => {
                "nodes must agree on this at every moment, so that it cannot change in waves: --restart-all stops all nodes and PoETs, then starts them with it".to_owned()
            }
            Reach::Network | Reach::Node => return None,
        };
        let message = format!("{} -> {}: {message}", shown(&self.from), shown(&self.to));
        Some(ConfigProblem { path: self.path.clone(), value: String::new(), message })
    }
}

/// A value as people read it.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Where two configs differ in what nodes would use, in the order of paths. Values that mean the same (`60s` and `1m`; in v0 also `6` and `"6"`) do not differ, nor
/// does a key that is written out as its preset has it.
#[must_use]
pub fn key_changes(generation: Generation, running: &Value, wanted: &Value) -> Vec<KeyChange> {
    let (before, after) = (NodeConfig::new(generation, running), NodeConfig::new(generation, wanted));
    let mut paths: BTreeSet<String> = before.paths();
    paths.extend(after.paths());
    let change = |path: String| {
        let (from, to) = (before.effective(&path), after.effective(&path));
        let holds_others = |value: Option<&Value>| {
            value.is_some_and(|value| value.as_object().is_some_and(|keys| !keys.is_empty()))
        };
        if mean_the_same(generation, from, to) || holds_others(from) || holds_others(to) {
            return None;
        }
        let reach = Reach::of(generation, &path);
        let value = |value: Option<&Value>| value.cloned().unwrap_or_default();
        Some(KeyChange { reach, from: value(from), to: value(to), path })
    };
    paths.into_iter().filter_map(change).collect()
}

fn mean_the_same(generation: Generation, from: Option<&Value>, to: Option<&Value>) -> bool {
    let (Some(from), Some(to)) = (from, to) else {
        // An empty object says as much as none.
        let is_nothing = |value: Option<&Value>| {
            value.is_none_or(|value| value.as_object().is_some_and(serde_json::Map::is_empty))
        };
        return is_nothing(from) && is_nothing(to);
    };
    let as_duration = |value: &Value| value.as_str().and_then(|text| go_duration::parse(text).ok());
    let as_number = |value: &Value| value.as_u64().or_else(|| value.as_str()?.trim().parse().ok());
    from == to
        || match generation {
            Generation::V0 => as_number(from).is_some() && as_number(from) == as_number(to),
            Generation::V1 => as_duration(from).is_some() && as_duration(from) == as_duration(to),
        }
}

/// Lays `change` over `config` as RFC 7386 says.
fn merge(config: &mut Value, change: &Value) {
    let Some(changes) = change.as_object() else {
        *config = change.clone();
        return;
    };
    if !config.is_object() {
        *config = Value::Object(serde_json::Map::new());
    }
    let Some(entries) = config.as_object_mut() else { return };
    for (key, change) in changes {
        if change.is_null() {
            entries.remove(key);
        } else {
            merge(entries.entry(key.as_str()).or_insert(Value::Null), change);
        }
    }
}

#[cfg(test)]
mod tests;
