//! How logs get into Elasticsearch: Filebeat on every worker, without anything in between.

use spacecraft_core::names::NetworkName;

const CONFIG: &str = include_str!("filebeat/filebeat.yml");
/// Which containers are read: those of the network's nodes and PoETs.
const NODES: &str = "            and:
              - equals:
                  kubernetes.labels.spacecraft_io/network: @NETWORK@
              - or:
                  - equals:
                      kubernetes.container.name: miner
                  - equals:
                      kubernetes.container.name: poet";

/// Which containers are read: all of the namespace, since the pods of web services carry the labels of their charts.
const ALL: &str = "            has_fields: [kubernetes.container.id]";

const SCRIPT: &str = include_str!("filebeat/fields.js");

/// How deep the script stands in the configuration.
const INDENT: &str = "        ";

/// The `filebeat.yml` for a network whose nodes and PoETs run in `namespace`, for the chart `elastic/filebeat` 8.5.1 beside the
/// chart `elastic/elasticsearch` of the same version.
///
/// Every line that one of their containers writes becomes a document of the index `sm-YYYY.MM.dd`: each field of a JSON line
/// as a string under `sm`, any other line under `sm.message`, and the pod's label `name` as `name`.
#[must_use]
pub fn filebeat_config(network: &NetworkName, namespace: &str) -> String {
    let nodes = NODES.replace("@NETWORK@", &quoted(network.as_str()));
    config(namespace, &nodes, "sm")
}

/// The `filebeat.yml` for a network's web services, which run in `namespace`, for a release of the same chart in the namespace of Elasticsearch: every line
/// of their containers becomes a document of the index `ws-YYYY.MM.dd`, in the same form and with the pod's name as `name`.
#[must_use]
pub fn web_services_filebeat_config(namespace: &str) -> String {
    config(namespace, ALL, "ws")
}

fn config(namespace: &str, condition: &str, index: &str) -> String {
    let script: Vec<String> = SCRIPT.lines().map(indented).collect();
    CONFIG
        .replace("@CONDITION@", condition)
        .replace("@INDEX@", index)
        .replace("@NAMESPACE@", &quoted(namespace))
        .replace("@SCRIPT@", &script.join("\n"))
}

/// Text as a YAML string: JSON strings are YAML.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn indented(line: &str) -> String {
    if line.is_empty() { String::new() } else { format!("{INDENT}{line}") }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn config() -> Value {
        let network = NetworkName::new("net1").unwrap();
        serde_saphyr::from_str(&filebeat_config(&network, "net1-nodes")).unwrap()
    }

    #[test]
    fn the_script_arrives_in_the_configuration_unchanged() {
        assert_eq!(
            config()["processors"][0]["script"]["source"].as_str().map(str::trim_end),
            Some(SCRIPT.trim_end())
        );
    }

    #[test]
    fn only_this_networks_containers_are_read() {
        let config = config();
        let provider = &config["filebeat.autodiscover"]["providers"][0];
        assert_eq!(provider["namespace"], "net1-nodes");
        let condition = json!({"and": [
            {"equals": {"kubernetes.labels.spacecraft_io/network": "net1"}},
            {"or": [
                {"equals": {"kubernetes.container.name": "miner"}},
                {"equals": {"kubernetes.container.name": "poet"}},
            ]},
        ]});
        assert_eq!(provider["templates"][0]["condition"], condition);
    }

    #[test]
    fn a_custom_index_comes_with_templates_and_lifecycle_of_filebeat_turned_off() {
        let config = config();
        assert_eq!(config["output.elasticsearch"]["index"], "sm-%{+yyyy.MM.dd}");
        assert_eq!(
            (&config["setup.ilm.enabled"], &config["setup.template.enabled"]),
            (&json!(false), &json!(false))
        );
    }

    #[test]
    fn web_services_have_an_index_of_their_own_and_every_container_of_their_namespace_is_read() {
        let config: Value = serde_saphyr::from_str(&web_services_filebeat_config("net1-ws")).unwrap();
        let provider = &config["filebeat.autodiscover"]["providers"][0];
        assert_eq!(provider["namespace"], "net1-ws");
        assert_eq!(provider["templates"][0]["condition"], json!({"has_fields": ["kubernetes.container.id"]}));
        assert_eq!(config["output.elasticsearch"]["index"], "ws-%{+yyyy.MM.dd}");
    }

    #[test]
    fn a_namespace_cannot_break_out_of_its_place() {
        let network = NetworkName::new("net1").unwrap();
        let odd = "a\"\noutput.console: {}\n#";
        let config: Value = serde_saphyr::from_str(&filebeat_config(&network, odd)).unwrap();
        assert_eq!(config["filebeat.autodiscover"]["providers"][0]["namespace"], odd);
        assert_eq!(config.get("output.console"), None);
    }
}

#[cfg(test)]
mod script_tests;
