use serde_json::{Value, json};

use super::facts::{NodeFacts, PoetServer, PublishedFacts};
use crate::consensus::{peer_minimum, peer_minimum_path};
use crate::error::{Error, Meaning, Result};
use crate::identity::{Genesis, is_poet_public_key};
use crate::node_config::{ConfigProblem, NodeConfig, set};
use crate::spec::Generation;

/// Keys that those who join a v1 network read in its config, whatever preset it names.
const V1_COMPLETE: [&str; 9] = [
    "main.layer-duration",
    "main.layers-per-epoch",
    "main.network-hrp",
    "post.post-labels-per-unit",
    "post.post-min-numunits",
    "post.post-max-numunits",
    "poet.phase-shift",
    "poet.cycle-gap",
    "poet.grace-period",
];

/// What is put over the network's config, for a node or for the published one.
struct Overlay<'a> {
    config: &'a Value,
    genesis: &'a Genesis,
    fleet_nodes: Option<u32>,
    bootnodes: &'a [String],
    poets: &'a [PoetServer],
    beacon_url: Option<&'a str>,
}

/// The `config.json` of a node.
pub(super) fn node_config(generation: Generation, facts: &NodeFacts) -> Result<Value> {
    let overlay = Overlay {
        config: &facts.config,
        genesis: &facts.genesis,
        fleet_nodes: facts.fleet_nodes,
        bootnodes: &facts.bootnodes,
        poets: &facts.poets,
        beacon_url: None,
    };
    let mut config = overlay.apply(generation).map_err(|problem| refused("make node config", &problem))?;
    if generation == Generation::V0 {
        set(&mut config, "api.grpc", json!(services_without_smesher(&facts.config)))
            .map_err(|problem| refused("make node config", &problem))?;
    }
    Ok(config)
}

/// The `config.json` that those who join download.
pub(super) fn published_config(generation: Generation, facts: &PublishedFacts) -> Result<Value> {
    let overlay = Overlay {
        config: &facts.config,
        genesis: &facts.genesis,
        fleet_nodes: facts.fleet_nodes,
        bootnodes: &facts.bootnodes,
        poets: std::slice::from_ref(&facts.poet),
        beacon_url: facts.beacon_url.as_deref(),
    };
    overlay.apply(generation).map_err(|problem| refused("make published config", &problem))
}

fn refused(operation: &str, problem: &ConfigProblem) -> Error {
    Error::new(Meaning::Invalid, operation, &problem.path, &problem.message)
}

impl Overlay<'_> {
    fn apply(&self, generation: Generation) -> Result<Value, ConfigProblem> {
        let view = NodeConfig::new(generation, self.config);
        let mut config = self.config.clone();
        set(&mut config, "p2p.bootnodes", json!(self.bootnodes))?;
        if let Some(minimum) = peer_minimum(view, self.fleet_nodes) {
            set(&mut config, peer_minimum_path(generation), json!(minimum))?;
        }
        match generation {
            Generation::V0 => self.apply_v0(&mut config)?,
            Generation::V1 => self.apply_v1(view, &mut config)?,
        }
        Ok(config)
    }

    fn apply_v0(&self, config: &mut Value) -> Result<(), ConfigProblem> {
        set(config, "main.genesis-time", json!(self.genesis.time_text()))?;
        if let Some(nodes) = self.fleet_nodes {
            set(config, "main.genesis-active-size", json!(nodes))?;
        }
        if let Some(id) = self.genesis.network_id {
            set(config, "p2p.network-id", json!(id))?;
        }
        if let Some(poet) = self.poets.first() {
            set(config, "main.poet-server", json!(without_scheme(&poet.address)))?;
        }
        Ok(())
    }

    fn apply_v1(&self, view: NodeConfig<'_>, config: &mut Value) -> Result<(), ConfigProblem> {
        set(config, "genesis.genesis-time", json!(self.genesis.time_text()))?;
        set(config, "genesis.genesis-extra-data", json!(self.genesis.extra_data))?;
        set(config, "main.poet-servers", Value::Array(self.poets.iter().map(v1_poet_server).collect()))?;
        for path in V1_COMPLETE {
            if let Some(effective) = view.effective(path) {
                set(config, path, effective.clone())?;
            }
        }
        if let Some(url) = self.beacon_url {
            set(config, "bootstrap.bootstrap-url", json!(url))?;
        }
        Ok(())
    }
}

/// `{ "address": URL, "pubkey": base64 }`; a plan that has no key yet shows its placeholder.
fn v1_poet_server(poet: &PoetServer) -> Value {
    let address =
        if poet.address.contains("://") { poet.address.clone() } else { format!("http://{}", poet.address) };
    json!({"address": address, "pubkey": poet.public_key.as_deref().unwrap_or_default()})
}

/// `host:port`: v0 nodes put `http://` before it and `/v1` after it themselves.
fn without_scheme(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    rest.trim_end_matches('/')
}

/// The services of a v0 node's one gRPC port, without `smesher`, by which anybody could redirect rewards.
pub(super) fn services_without_smesher(config: &Value) -> String {
    const ALWAYS: [&str; 4] = ["gateway", "node", "mesh", "globalstate"];
    let listed: Vec<String> = match config.pointer("/api/grpc") {
        Some(Value::String(text)) => text.split(',').map(|name| name.trim().to_owned()).collect(),
        Some(Value::Array(items)) => {
            items.iter().filter_map(Value::as_str).map(|name| name.trim().to_owned()).collect()
        }
        _ => vec!["transaction".to_owned()],
    };
    let mut services: Vec<String> = ALWAYS.map(str::to_owned).to_vec();
    for name in listed {
        if !name.is_empty() && name != "smesher" && !services.contains(&name) {
            services.push(name);
        }
    }
    services.join(",")
}

/// Checks that v1 PoETs have keys nodes can use.
pub(super) fn check_poet_keys(poets: &[PoetServer]) -> Result<()> {
    let bad = poets.iter().find(|poet| {
        poet.public_key.as_deref().is_some_and(|key| !is_poet_public_key(key) && !key.starts_with('<'))
    });
    match bad {
        None => Ok(()),
        Some(poet) => Err(Error::new(
            Meaning::Invalid,
            "make poet-servers entry",
            &poet.address,
            "its public key is no base64 of 32 bytes",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v0_nodes_serve_what_the_config_lists_but_never_the_smesher() {
        assert_eq!(services_without_smesher(&json!({})), "gateway,node,mesh,globalstate,transaction");
        let listed = json!({"api": {"grpc": "smesher, debug,node"}});
        assert_eq!(services_without_smesher(&listed), "gateway,node,mesh,globalstate,debug");
        let array = json!({"api": {"grpc": ["smesher", "transaction"]}});
        assert_eq!(services_without_smesher(&array), "gateway,node,mesh,globalstate,transaction");
    }

    #[test]
    fn poet_addresses_take_the_form_of_the_generation() {
        assert_eq!(without_scheme("http://poet-1:5000/"), "poet-1:5000");
        assert_eq!(without_scheme("poet-1:5000"), "poet-1:5000");
        let bare = PoetServer { address: "poet-1:5000".to_owned(), public_key: None };
        assert_eq!(v1_poet_server(&bare)["address"], "http://poet-1:5000");
    }
}
