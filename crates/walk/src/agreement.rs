//! What must be true of a cloud at rest however it came to be what it is, and what a comparison of two ends by the places of their values does not see.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use regex::Regex;
use serde_json::Value;
use spacecraft_core::identity::{P2pKey, PoetKey, SmesherKey};
use spacecraft_core::secret::SecretBytes;
use spacecraft_core::spec::Generation;
use spacecraft_core::workload::{KUBERNETES_NETWORK_LABEL, NetworkSecret};

use crate::holdings::{Holdings, text_at};

/// The entries of Secrets of nodes and PoETs that are private keys.
const PRIVATE_KEYS: [&str; 5] = ["p2p.key", "local.key", "key.bin", "privateKey", "POET_PRIVATE_KEY"];

/// A genesis time in a config, in JSON, in JSON inside JSON, or in what a PoET reads.
static GENESIS_TIME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"genesis[-_]?time\\?"?[=: ]+\\?"?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?)"#).ok()
});

/// The address of a peer.
static PEER_ADDRESS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"/(?:ip4|ip6|dns4)/([0-9a-zA-Z.:-]+)/tcp/(\d+)/p2p/(12D3KooW[1-9A-HJ-NP-Za-km-z]+)").ok()
});

/// In what the parts of networks that are up contradict each other.
#[must_use]
pub fn contradictions(holdings: &Holdings) -> Vec<String> {
    let up: Vec<&Value> = holdings
        .records()
        .filter(|record| ["creating", "ready"].contains(&text_at(record, "/status")))
        .collect();
    let known: BTreeSet<&str> = up
        .iter()
        .flat_map(|record| record["nodes"].as_array().into_iter().flatten())
        .filter_map(|node| node["p2p"].as_str())
        .collect();
    let mut found = keys_used_twice(holdings);
    for record in up {
        let network = Network::of(holdings, record);
        found.extend(network.genesis_times());
        found.extend(network.identities());
        found.extend(network.addresses());
        found.extend(network.peers_of_nobody(&known));
    }
    found
}

/// A private key that is in two Secrets, of whatever networks.
fn keys_used_twice(holdings: &Holdings) -> Vec<String> {
    let mut owners: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (cluster, objects) in holdings.clusters() {
        for secret in objects.iter().filter(|object| object["kind"] == "Secret") {
            let place = format!(
                "{cluster} {}/{}",
                text_at(secret, "/metadata/namespace"),
                text_at(secret, "/metadata/name")
            );
            let keys = PRIVATE_KEYS.iter().filter_map(|entry| secret["data"][entry].as_str());
            keys.for_each(|key| owners.entry(key).or_default().push(place.clone()));
        }
    }
    owners
        .into_values()
        .filter(|places| places.len() > 1)
        .map(|places| format!("one key in {places:?}"))
        .collect()
}

/// A network by its record, and what there is of it.
struct Network<'a> {
    name: &'a str,
    record: &'a Value,
    /// Its objects, in whatever cluster.
    objects: Vec<&'a Value>,
    /// The workers of the clusters that have objects of it.
    workers: Vec<&'a Value>,
    /// What it published.
    published: Vec<&'a Value>,
}

impl<'a> Network<'a> {
    fn of(holdings: &'a Holdings, record: &'a Value) -> Self {
        let name = text_at(record, "/network");
        let is_of_it = |object: &&Value| object["metadata"]["labels"][KUBERNETES_NETWORK_LABEL] == name;
        let (mut objects, mut workers) = (Vec::new(), Vec::new());
        for (_, all) in holdings.clusters() {
            let own: Vec<&Value> = all.iter().filter(is_of_it).collect();
            if !own.is_empty() {
                workers.extend(all.iter().filter(|object| object["kind"] == "Node"));
            }
            objects.extend(own);
        }
        let archive = format!("{name}-archive/");
        let is_published = |stored: &&crate::holdings::Stored| stored.name.starts_with(&archive);
        let published = holdings.stored.iter().filter(is_published).map(|stored| &stored.content).collect();
        Self { name, record, objects, workers, published }
    }

    fn of_kind(&self, kind: &str) -> impl Iterator<Item = &'a Value> {
        self.objects.iter().copied().filter(move |object| object["kind"] == kind)
    }

    fn parts(&self, kind: &str) -> impl Iterator<Item = &'a Value> {
        self.record[kind].as_array().into_iter().flatten()
    }

    /// The texts that tell other programs of the network: configs, arguments, and what is published.
    fn told(&self) -> impl Iterator<Item = String> {
        let configs =
            ["ConfigMap", "Deployment", "StatefulSet", "Pod"].into_iter().flat_map(|kind| self.of_kind(kind));
        let told = configs.map(|object| match object["kind"].as_str() {
            Some("ConfigMap") => object["data"].to_string(),
            _ => object["spec"].to_string(),
        });
        told.chain(self.published.iter().map(ToString::to_string))
    }

    /// All that is told of the genesis is one instant.
    fn genesis_times(&self) -> Vec<String> {
        let mut times: BTreeSet<Timestamp> =
            text_at(self.record, "/genesis/time").parse().into_iter().collect();
        for text in self.told() {
            let found = GENESIS_TIME.iter().flat_map(|pattern| pattern.captures_iter(&text));
            times.extend(found.filter_map(|found| found[1].replace(' ', "T").parse::<Timestamp>().ok()));
        }
        (times.len() > 1)
            .then(|| format!("{} has several genesis times: {times:?}", self.name))
            .into_iter()
            .collect()
    }

    /// The identities in the record are those of the keys in the Secrets.
    fn identities(&self) -> Vec<String> {
        let nodes = self.parts("nodes").flat_map(|node| {
            let of = |field: &str| node[field].as_str().map(str::to_owned);
            [
                (node, "peer id", of("peer_id"), self.peer_id(node)),
                (node, "smesher id", of("smesher_id"), of("smesher_id").and(self.smesher_id(node))),
                (
                    node,
                    "coinbase",
                    of("coinbase"),
                    self.entry(node, "address")
                        .map_or_else(|| of("coinbase"), |address| String::from_utf8(address).ok()),
                ),
            ]
        });
        let poets = self.parts("poets").map(|poet| {
            let recorded = poet["public_key"].as_str().map(str::to_owned);
            (poet, "public key", recorded.clone(), recorded.and(self.poet_key(poet)))
        });
        let differing = nodes.chain(poets).filter(|(_, _, recorded, own)| recorded != own);
        differing
            .map(|(part, what, recorded, own)| {
                format!(
                    "{} {}: the record says {what} {recorded:?}, its Secret {own:?}",
                    self.name, part["name"]
                )
            })
            .collect()
    }

    /// An entry of the Secret of a node or PoET.
    fn entry(&self, part: &Value, entry: &str) -> Option<Vec<u8>> {
        let name = format!("{}-keys", text_at(part, "/name"));
        let secret = self.of_kind("Secret").find(|secret| secret["metadata"]["name"] == name)?;
        STANDARD.decode(secret["data"][entry].as_str()?).ok()
    }

    fn peer_id(&self, node: &Value) -> Option<String> {
        let key = SecretBytes::new(self.entry(node, "p2p.key")?);
        P2pKey::from_file(&key).ok().map(|key| key.peer_id())
    }

    fn smesher_id(&self, node: &Value) -> Option<String> {
        let files = [(Generation::V1, "local.key"), (Generation::V0, "key.bin")];
        let found =
            files.into_iter().find_map(|(generation, file)| Some((generation, self.entry(node, file)?)));
        let (generation, key) = found?;
        SmesherKey::from_file(generation, &SecretBytes::new(key)).ok().map(|key| key.smesher_id())
    }

    fn poet_key(&self, poet: &Value) -> Option<String> {
        let entry = "POET_PRIVATE_KEY";
        let data = BTreeMap::from([(entry.to_owned(), SecretBytes::new(self.entry(poet, entry)?))]);
        let secret = NetworkSecret { name: text_at(poet, "/name").to_owned(), part: None, data };
        PoetKey::from_secret(&secret).ok().map(|key| key.identity().public_key)
    }

    /// The address of each node in the record leads to the worker and the port of its pod, and names its peer id.
    fn addresses(&self) -> Vec<String> {
        let mut found = Vec::new();
        for node in self.parts("nodes") {
            let name = text_at(node, "/name");
            let Some(told) = node["p2p"].as_str() else { continue };
            let Some(pod) = self.of_kind("Pod").find(|pod| pod["metadata"]["labels"]["name"] == name) else {
                continue;
            };
            let is_own = |worker: &&&Value| worker["metadata"]["name"] == pod["spec"]["nodeName"];
            let addresses = self
                .workers
                .iter()
                .find(is_own)
                .and_then(|worker| worker.pointer("/status/addresses")?.as_array());
            let external = addresses.into_iter().flatten().find(|address| address["type"] == "ExternalIP");
            let address = external.map(|address| text_at(address, "/address")).unwrap_or_default();
            let ports = pod["spec"]["containers"].as_array().into_iter().flatten();
            let mut ports = ports.flat_map(|container| container["ports"].as_array().into_iter().flatten());
            let parts = PEER_ADDRESS.as_ref().and_then(|pattern| pattern.captures(told));
            let is_right = parts.is_some_and(|parts| {
                parts[1] == *address
                    && parts[3] == *text_at(node, "/peer_id")
                    && ports.any(|port| port["hostPort"].as_u64() == parts[2].parse().ok())
            });
            if !is_right {
                found.push(format!("{} {name}: the record says {told}, its pod is on {address}", self.name));
            }
        }
        found
    }

    /// Addresses of peers that no record has.
    fn peers_of_nobody(&self, known: &BTreeSet<&str>) -> Vec<String> {
        let mut strange = BTreeSet::new();
        for text in self.told() {
            let told = PEER_ADDRESS.iter().flat_map(|pattern| pattern.find_iter(&text));
            strange.extend(
                told.map(|peer| peer.as_str().to_owned()).filter(|peer| !known.contains(peer.as_str())),
            );
        }
        strange
            .into_iter()
            .map(|peer| format!("{} tells of {peer}, whom no record knows", self.name))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use spacecraft_core::time::SeededRandom;

    use super::*;
    use crate::holdings::Stored;

    const GENESIS: &str = "2026-11-28T12:00:00Z";

    /// A network of one node and one PoET, all of which agrees.
    fn parts(random: &SeededRandom) -> (Value, Vec<Value>) {
        let (p2p, smesher, poet) =
            (P2pKey::generate(random), SmesherKey::generate(random), PoetKey::generate(random));
        let address = format!("/ip4/203.0.113.1/tcp/5001/p2p/{}", p2p.peer_id());
        let entry = |content: &SecretBytes| STANDARD.encode(content.expose());
        let labels = json!({KUBERNETES_NETWORK_LABEL: "net1", "name": "miner-1"});
        let metadata = |name: &str| json!({"name": name, "namespace": "default", "labels": labels});
        let poet_entries = poet.to_secret(1).data;
        let record = json!({
            "kind": "NetworkRecord", "network": "net1", "status": "ready", "genesis": {"time": GENESIS},
            "nodes": [{"name": "miner-1", "peer_id": p2p.peer_id(), "smesher_id": smesher.smesher_id(), "coinbase": "sm1a", "p2p": address}],
            "poets": [{"name": "poet-1", "public_key": poet.identity().public_key}],
        });
        let objects = vec![
            json!({"kind": "Node", "metadata": {"name": "worker"}, "status": {"addresses": [{"type": "ExternalIP", "address": "203.0.113.1"}]}}),
            json!({"kind": "Pod", "metadata": metadata("miner-1-x"), "spec": {"nodeName": "worker", "containers": [{"ports": [{"hostPort": 5001}]}]}}),
            json!({"kind": "ConfigMap", "metadata": metadata("miner-1"), "data": {"config.json": format!(r#"{{"genesis": {{"genesis-time": "{GENESIS}"}}, "bootnodes": ["{address}"]}}"#)}}),
            json!({"kind": "Secret", "metadata": metadata("miner-1-keys"),
                   "data": {"p2p.key": entry(&p2p.to_file()), "local.key": entry(&smesher.to_file(Generation::V1)), "address": STANDARD.encode("sm1a")}}),
            json!({"kind": "Secret", "metadata": metadata("poet-1-keys"), "data": {"POET_PRIVATE_KEY": entry(&poet_entries["POET_PRIVATE_KEY"])}}),
        ];
        (record, objects)
    }

    fn told((record, objects): (Value, Vec<Value>)) -> Vec<String> {
        let stored =
            Stored { place: "state".to_owned(), name: "net1/network.json".to_owned(), content: record };
        contradictions(&Holdings { contents: json!({"clusters": {"net1": objects}}), stored: vec![stored] })
    }

    fn changed(pointer: &str, value: &str) -> Vec<String> {
        let (mut record, objects) = parts(&SeededRandom::new(1));
        *record.pointer_mut(pointer).unwrap() = Value::from(value);
        told((record, objects))
    }

    #[test]
    fn parts_that_agree_are_no_contradiction() {
        assert_eq!(told(parts(&SeededRandom::new(1))), Vec::<String>::new());
    }

    #[test]
    fn a_second_genesis_time_is_seen() {
        let found = changed("/genesis/time", "2026-11-28T12:00:01Z");
        assert!(found.iter().any(|found| found.contains("several genesis times")), "{found:?}");
    }

    #[test]
    fn identities_of_other_keys_are_seen() {
        let (other, _) = parts(&SeededRandom::new(2));
        for pointer in ["/nodes/0/peer_id", "/nodes/0/smesher_id", "/poets/0/public_key"] {
            let found = changed(pointer, text_at(&other, pointer));
            assert!(found.iter().any(|found| found.contains("its Secret")), "{pointer}: {found:?}");
        }
        assert!(!changed("/nodes/0/coinbase", "sm1b").is_empty());
    }

    #[test]
    fn an_address_of_another_worker_port_or_peer_is_seen() {
        let (record, _) = parts(&SeededRandom::new(1));
        let told = text_at(&record, "/nodes/0/p2p").to_owned();
        for (from, to) in [("113.1", "113.2"), ("5001", "5002"), ("12D3KooW", "12D3KooX")] {
            let found = changed("/nodes/0/p2p", &told.replace(from, to));
            assert!(found.iter().any(|found| found.contains("its pod is on")), "{to}: {found:?}");
        }
    }

    #[test]
    fn a_peer_of_no_record_and_a_key_of_two_nodes_are_seen() {
        let (record, mut objects) = parts(&SeededRandom::new(1));
        let (_, others) = parts(&SeededRandom::new(2));
        let mut twin = objects[3].clone();
        twin["metadata"]["name"] = json!("miner-2-keys");
        objects.extend([others[2].clone(), twin]);
        let found = told((record, objects));
        assert!(found.iter().any(|found| found.contains("whom no record knows")), "{found:?}");
        assert!(found.iter().any(|found| found.contains("one key in")), "{found:?}");
    }
}
