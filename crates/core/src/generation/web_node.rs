use serde_json::{Value, json};

use super::arguments::render_arguments;
use super::overlay::services_without_smesher;
use crate::error::{Error, Result};
use crate::identity::is_private_address;
use crate::node_config::{ConfigProblem, NodeConfig, set};
use crate::spec::Generation;
use crate::templates::Templates;

/// The ports of the nodes of the charts `spacemesh-api` and `spacemesh-explorer`.
const GRPC_PORT: u16 = 9092;
const JSON_PORT: u16 = 9093;
/// Away from the JSON port, which is the private listener's own default.
const GRPC_PRIVATE_PORT: u16 = 9094;

/// Where the charts mount the config.
const CONFIG_FILE: &str = "/etc/spacemesh/config.json";

const TEMPLATE: &str = "v1/web-node.arguments";

/// What is known of the nodes of web services when they are launched.
#[derive(Debug, Clone, PartialEq)]
pub struct WebNodeFacts {
    /// The config that the network publishes.
    pub published: Value,
    /// v1: where the epoch-2 beacon is served inside the cluster.
    pub beacon_url: Option<String>,
}

/// How the nodes of web services are run.
#[derive(Debug, Clone, PartialEq)]
pub struct WebNode {
    /// Their `config.json`.
    pub config: Value,
    /// The arguments of public API nodes in the place of those that the chart has; none where the chart's own fit.
    pub api_arguments: Option<Vec<String>>,
}

/// The nodes of web services: they join like everybody else, but smesh nothing and ask for the beacon inside the cluster.
pub(super) fn web_node(
    generation: Generation,
    templates: &Templates,
    facts: &WebNodeFacts,
) -> Result<WebNode> {
    let config = config(generation, facts).map_err(|problem| {
        Error::new(crate::Meaning::Invalid, "make config of web services", problem.path, problem.message)
    })?;
    let api_arguments = match generation {
        Generation::V0 => None,
        Generation::V1 => Some(render_arguments(
            templates,
            TEMPLATE,
            &json!({
                "config_file": CONFIG_FILE,
                "grpc_port": GRPC_PORT,
                "grpc_private_port": GRPC_PRIVATE_PORT,
                "json_port": JSON_PORT,
            }),
        )?),
    };
    Ok(WebNode { config, api_arguments })
}

fn config(generation: Generation, facts: &WebNodeFacts) -> Result<Value, ConfigProblem> {
    let mut config = facts.published.clone();
    let view = NodeConfig::new(generation, &facts.published);
    if view.switch("smeshing.smeshing-start") {
        set(&mut config, "smeshing.smeshing-start", json!(false))?;
    }
    match generation {
        Generation::V0 => {
            set(&mut config, "api.grpc", json!(services_without_smesher(&facts.published)))?;
            set(&mut config, "api.grpc-port", json!(GRPC_PORT))?;
            set(&mut config, "api.json-port", json!(JSON_PORT))?;
        }
        Generation::V1 => {
            if let Some(url) = &facts.beacon_url {
                set(&mut config, "bootstrap.bootstrap-url", json!(url))?;
            }
            if bootnodes_are_private(view) {
                set(&mut config, "p2p.p2p-private-network", json!(true))?;
            }
        }
    }
    Ok(config)
}

/// Whether a bootnode has an address that nodes refuse to dial by default.
fn bootnodes_are_private(config: NodeConfig<'_>) -> bool {
    let listed = config.given("p2p.bootnodes").and_then(Value::as_array);
    listed.into_iter().flatten().filter_map(Value::as_str).any(is_private_address)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::consensus;
    use crate::generation::Profile;
    use crate::node_config::{KeyCatalogue, base_config, misplaced_keys};

    const PRIVATE: &str = "/ip4/10.0.0.7/tcp/5002/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";

    fn node(generation: Generation) -> WebNode {
        let mut published = base_config(generation, "mininet").unwrap();
        published["p2p"]["bootnodes"] = json!([PRIVATE]);
        published["smeshing"]["smeshing-start"] = json!(true);
        let beacon_url = Some("http://beacon.default.svc:8080".to_owned());
        let profile = Profile::new(generation, &BTreeMap::new()).unwrap();
        profile.web_node(&WebNodeFacts { published, beacon_url }).unwrap()
    }

    #[test]
    fn a_v1_node_gets_arguments_of_its_own_and_what_differs_inside_the_cluster() {
        let node = node(Generation::V1);
        insta::assert_json_snapshot!(node.api_arguments);
        assert_eq!(node.config["bootstrap"]["bootstrap-url"], "http://beacon.default.svc:8080");
        assert_eq!(node.config["p2p"]["p2p-private-network"], true);
        assert_eq!(misplaced_keys(&KeyCatalogue::of(Generation::V1), &node.config), vec![]);
    }

    #[test]
    fn a_v0_node_keeps_the_arguments_of_the_chart_and_serves_no_smesher() {
        let node = node(Generation::V0);
        assert_eq!(node.api_arguments, None);
        assert_eq!(node.config["api"]["grpc"], "gateway,node,mesh,globalstate,transaction");
        assert_eq!(
            (&node.config["api"]["grpc-port"], &node.config["api"]["json-port"]),
            (&json!(9092), &json!(9093))
        );
    }

    #[test]
    fn web_nodes_of_both_generations_can_start_and_smesh_nothing() {
        for generation in [Generation::V0, Generation::V1] {
            let node = node(generation);
            assert_eq!(consensus::check(generation, &node.config), vec![], "{generation}");
            assert_eq!(node.config["smeshing"]["smeshing-start"], false);
        }
    }
}
