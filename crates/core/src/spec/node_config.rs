use std::io;

use serde_json::Value;

use super::Generation;
use super::reader::Reader;
use crate::consensus;
use crate::identity::check_multiaddress;
use crate::node_config::{BASE_CONFIG_NAMES, ConfigProblem, KeyCatalogue, NodeConfig, V1_KEYS, base_config};
use crate::settings::FileReader;
use crate::spelling::nearest;

/// The setting with the config of a network of its own.
const OWN: &str = "go-sm-config";
/// The setting with the config of the network that is extended.
const PARENT: &str = "miner-go-sm-config";

impl Reader<'_> {
    /// The node config that the network is made from, checked; none when it cannot be read.
    pub(super) fn base_config(
        &mut self,
        generation: Generation,
        bootstrap: bool,
        files: &dyn FileReader,
    ) -> Option<Value> {
        if !self.were_read(&["bootstrap"]) {
            return None;
        }
        if bootstrap && self.settings.is_given_now(PARENT) {
            let given = self.text(PARENT).unwrap_or_default();
            self.wrong(PARENT, given, "it is the config of a network to extend, which --bootstrap=false asks for; for a network of its own give --go-sm-config");
        }
        let name = if bootstrap { OWN } else { PARENT };
        if !bootstrap && self.settings.get(PARENT).is_none() {
            self.needed(
                PARENT,
                "with --bootstrap=false the network extends another, whose published config it needs",
            );
            return None;
        }
        let config = self.read_config(name, generation, files)?;
        if !self.knows_generation() {
            return None;
        }
        let catalogue = self.key_catalogue(generation, files);
        let mut problems = consensus::check_with_keys(&catalogue, &config);
        if !bootstrap {
            problems.extend(check_parent(NodeConfig::new(generation, &config)));
        }
        if problems.is_empty() {
            return Some(completed(generation, config));
        }
        for problem in &problems {
            self.wrong(name, found_at(problem), &problem.message);
        }
        self.suggest_other_generation(generation, &config);
        None
    }

    /// A config that is wrong for this generation and right for the other one was probably meant for that.
    fn suggest_other_generation(&mut self, generation: Generation, config: &Value) {
        let other = match generation {
            Generation::V0 => Generation::V1,
            Generation::V1 => Generation::V0,
        };
        if consensus::check_with_keys(&KeyCatalogue::of(other), config).is_empty() {
            let message = format!("the node config is one of generation {other}: give --generation {other}");
            self.wrong("generation", generation, message);
        }
    }

    /// A node config: built in by name, from a file, or written out in the settings.
    pub(super) fn read_config(
        &mut self,
        name: &str,
        generation: Generation,
        files: &dyn FileReader,
    ) -> Option<Value> {
        if let Some(document) = self.settings.document(name) {
            return Some(document.clone());
        }
        let path = self.text(name)?;
        if name == OWN
            && let Some(config) = base_config(generation, path)
        {
            return Some(config);
        }
        let text = match files.read_text(path) {
            Ok(text) => text,
            Err(error) => {
                self.wrong(name, path, unreadable(name, path, &error));
                return None;
            }
        };
        serde_json::from_str(&text)
            .map_err(|error| self.wrong(name, path, format!("it is no JSON: {error}")))
            .ok()
    }

    /// The keys that nodes take; an operator's template folder may have a list for a newer release.
    pub(super) fn key_catalogue(&mut self, generation: Generation, files: &dyn FileReader) -> KeyCatalogue {
        let catalogue = KeyCatalogue::of(generation);
        let Some(folder) = self.text("templates") else { return catalogue };
        let path = format!("{}/{V1_KEYS}", folder.trim_end_matches('/'));
        match files.read_text(&path) {
            Ok(text) => catalogue.with_known_keys(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => catalogue,
            Err(error) => {
                self.wrong("templates", path, format!("the file cannot be read: {error}"));
                catalogue
            }
        }
    }
}

/// The config with the prefix of addresses written out, which otherwise only the node's preset knows.
pub(super) fn completed(generation: Generation, mut config: Value) -> Value {
    if generation == Generation::V1 {
        let prefix = Value::from(NodeConfig::new(generation, &config).address_prefix());
        if let Some(main) = config.get_mut("main").and_then(Value::as_object_mut) {
            main.entry("network-hrp").or_insert(prefix);
        }
    }
    config
}

fn unreadable(name: &str, path: &str, error: &io::Error) -> String {
    let built_in = BASE_CONFIG_NAMES.join(", ");
    match nearest(path, BASE_CONFIG_NAMES) {
        Some(near) if name == OWN => format!("the file cannot be read: {error}; did you mean {near}?"),
        _ if name == OWN => format!("the file cannot be read: {error}; built in are {built_in}"),
        _ => format!("the file cannot be read: {error}"),
    }
}

/// What a network that extends another needs to know of it.
fn check_parent(config: NodeConfig<'_>) -> Vec<ConfigProblem> {
    let missing = |path: &str, what: &str| ConfigProblem {
        path: path.to_owned(),
        value: String::new(),
        message: format!("{what} of the parent network must be here: take the config that it published"),
    };
    let time = match config.generation() {
        Generation::V0 => "main.genesis-time",
        Generation::V1 => "genesis.genesis-time",
    };
    let mut problems = Vec::new();
    if config.genesis_time().is_none() {
        problems.push(missing(time, "the genesis time (RFC 3339)"));
    }
    if config.generation() == Generation::V1 && config.genesis_extra_data().is_none() {
        problems.push(missing("genesis.genesis-extra-data", "the extra data"));
    }
    if config.bootnodes().is_empty() {
        problems.push(missing("p2p.bootnodes", "bootnodes"));
    }
    for address in config.bootnodes() {
        if let Err(message) = check_multiaddress(address) {
            problems.push(ConfigProblem {
                path: "p2p.bootnodes".to_owned(),
                value: address.to_owned(),
                message,
            });
        }
    }
    problems
}

/// `path = value`, or what there is of it.
pub(super) fn found_at(problem: &ConfigProblem) -> String {
    match (problem.path.is_empty(), problem.value.is_empty()) {
        (true, _) => problem.value.clone(),
        (false, true) => problem.path.clone(),
        (false, false) => format!("{} = {}", problem.path, problem.value),
    }
}
