//! What a simulated go-spacemesh node knows of itself and of its chain, from its own command line, configuration and
//! keys, and the time.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::process::{Process, go_duration_seconds, port_of};

/// How many peers a node keeps at most.
pub(crate) const MAX_PEERS: u64 = 40;

/// Which family of releases a node belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Generation {
    V0,
    V1,
}

/// A node's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) generation: Generation,
    pub(crate) version: String,
    pub(crate) genesis_time: Timestamp,
    pub(crate) layer_seconds: u64,
    pub(crate) layers_per_epoch: u32,
    /// The network's number in v0.
    pub(crate) network_id: u64,
    /// The network's identity in v1, 20 bytes.
    pub(crate) genesis_id: Vec<u8>,
    pub(crate) hrp: String,
    pub(crate) labels_per_unit: u64,
    pub(crate) peer_id: String,
    pub(crate) listen: String,
    pub(crate) known_peers: Vec<String>,
    pub(crate) smesher_id: Vec<u8>,
    pub(crate) coinbase: String,
    pub(crate) is_smeshing: bool,
    /// What accounts hold from the beginning, in smidge.
    pub(crate) genesis_accounts: BTreeMap<String, u64>,
    /// v0: the services that the configuration lists; none for all of them.
    services: Option<BTreeSet<String>>,
    public_port: u16,
    private_port: Option<u16>,
}

/// Which services a port carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listener {
    Public,
    Private,
}

/// Where a chain stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) is_synced: bool,
    pub(crate) top_layer: u32,
    pub(crate) synced_layer: u32,
    pub(crate) verified_layer: u32,
    pub(crate) connected_peers: u64,
}

impl Node {
    /// Reads what a go-spacemesh process was started with; `None` when its configuration cannot be read, as the real
    /// one would not start then either.
    pub(crate) fn of(process: &Process) -> Option<Self> {
        let path = process.argument("config").or_else(|| process.argument("c"))?;
        let config: Value = serde_json::from_str(&process.file(&path)?).ok()?;
        let is_v1 = process.argument("grpc-public-listener").is_some()
            || config["api"].get("grpc-public-listener").is_some()
            || config["genesis"].get("genesis-time").is_some()
            || config["main"].get("network-hrp").is_some();
        let generation = if is_v1 { Generation::V1 } else { Generation::V0 };
        Some(Self {
            generation,
            version: process.image_tag().to_owned(),
            genesis_time: genesis_time(&config)?,
            layer_seconds: layer_seconds(&config).filter(|seconds| *seconds > 0)?,
            layers_per_epoch: number(&config["main"]["layers-per-epoch"])
                .and_then(|n| u32::try_from(n).ok())
                .filter(|n| *n > 0)?,
            network_id: network_id(process, &config),
            genesis_id: genesis_id(&config),
            hrp: config["main"]["network-hrp"].as_str().unwrap_or("sm").to_owned(),
            labels_per_unit: number(&config["post"]["post-labels-per-unit"]).unwrap_or_default(),
            peer_id: p2p_key(process).unwrap_or_else(|| made_up_peer_id(process)),
            listen: process.argument("listen").unwrap_or_else(|| "/ip4/0.0.0.0/tcp/7513".to_owned()),
            known_peers: bootnodes(process, &config),
            smesher_id: smesher_id(process),
            coinbase: process.argument("smeshing-coinbase").unwrap_or_default(),
            is_smeshing: process.argument("smeshing-start").is_some_and(|value| value == "true"),
            genesis_accounts: genesis_accounts(&config),
            services: services(&config),
            public_port: public_port(process, &config, generation),
            private_port: private_port(process, &config, generation),
        })
    }

    /// Which listener answers on a port, if any does.
    pub(crate) fn listener(&self, port: u16) -> Option<Listener> {
        if port == self.public_port {
            return Some(Listener::Public);
        }
        (Some(port) == self.private_port).then_some(Listener::Private)
    }

    /// Whether a v0 node has a service switched on; a v1 node has all of them.
    pub(crate) fn serves(&self, service: &str) -> bool {
        let listed = self.services.as_ref().is_none_or(|services| services.contains(service));
        self.generation == Generation::V1 || listed
    }

    /// The layer from which blocks are applied.
    pub(crate) fn effective_genesis(&self) -> u32 {
        self.layers_per_epoch.saturating_mul(2).saturating_sub(1)
    }

    /// The layer that the clock is in; 0 until the genesis time.
    pub(crate) fn current_layer(&self, now: Timestamp) -> u32 {
        let elapsed =
            u64::try_from(now.as_second().saturating_sub(self.genesis_time.as_second())).unwrap_or_default();
        u32::try_from(elapsed / self.layer_seconds).unwrap_or(u32::MAX)
    }

    /// Where the chain stands; `peers` nodes of the network are up, this one among them.
    pub(crate) fn progress(&self, now: Timestamp, peers: u64) -> Progress {
        let top_layer = self.current_layer(now);
        let verified_layer = top_layer.saturating_sub(1).max(self.effective_genesis().min(top_layer));
        let connected_peers = peers.saturating_sub(1).min(MAX_PEERS);
        let is_synced = connected_peers > 0 || peers <= 1;
        Progress { is_synced, top_layer, synced_layer: top_layer, verified_layer, connected_peers }
    }
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn genesis_time(config: &Value) -> Option<Timestamp> {
    let text =
        config["genesis"]["genesis-time"].as_str().or_else(|| config["main"]["genesis-time"].as_str())?;
    text.parse().ok()
}

fn layer_seconds(config: &Value) -> Option<u64> {
    let main = &config["main"];
    let text = main["layer-duration"].as_str().and_then(go_duration_seconds);
    text.or_else(|| number(&main["layer-duration-sec"]))
}

fn genesis_accounts(config: &Value) -> BTreeMap<String, u64> {
    let accounts = config["genesis"]["accounts"].as_object();
    let known = accounts.into_iter().flatten();
    known.filter_map(|(address, amount)| Some((address.clone(), number(amount)?))).collect()
}

/// The services that v0's `api.grpc` lists, by commas or as an array.
fn services(config: &Value) -> Option<BTreeSet<String>> {
    let listed = &config["api"]["grpc"];
    let words = |text: &str| text.split(',').map(|word| word.trim().to_owned()).collect();
    let array =
        || Some(listed.as_array()?.iter().filter_map(|word| Some(word.as_str()?.to_owned())).collect());
    listed.as_str().map(words).or_else(array)
}

fn network_id(process: &Process, config: &Value) -> u64 {
    let flag = process.argument("network-id").and_then(|text| text.parse().ok());
    flag.or_else(|| number(&config["p2p"]["network-id"])).unwrap_or_default()
}

/// The first 20 bytes of BLAKE3 over the decimal genesis time and the extra data.
fn genesis_id(config: &Value) -> Vec<u8> {
    let seconds = genesis_time(config).map(Timestamp::as_second).unwrap_or_default();
    let extra = config["genesis"]["genesis-extra-data"].as_str().unwrap_or_default();
    let hash = blake3::hash(format!("{seconds}{extra}").as_bytes());
    hash.as_bytes().iter().take(20).copied().collect()
}

/// The peer id of the key file that was mounted, if one was.
fn p2p_key(process: &Process) -> Option<String> {
    let key: Value = serde_json::from_str(&process.file("p2p.key")?).ok()?;
    key["ID"].as_str().map(str::to_owned)
}

fn made_up_peer_id(process: &Process) -> String {
    let mut bytes = vec![0x00, 0x24, 0x08, 0x01, 0x12, 0x20];
    bytes.extend(Sha256::digest(process.identity.as_bytes()));
    bs58::encode(bytes).into_string()
}

fn bootnodes(process: &Process, config: &Value) -> Vec<String> {
    if let Some(list) = process.argument("bootnodes") {
        return list.split(',').filter(|node| !node.is_empty()).map(str::to_owned).collect();
    }
    let listed = config["p2p"]["bootnodes"].as_array();
    listed.into_iter().flatten().filter_map(|node| Some(node.as_str()?.to_owned())).collect()
}

/// The public half of the smesher's key file, or a value made from the pod's name.
fn smesher_id(process: &Process) -> Vec<u8> {
    let hexadecimal = process.file("local.key").and_then(|text| hex::decode(text.trim()).ok());
    let raw = process.files.get("key.bin").cloned();
    let key = hexadecimal.or(raw).filter(|key| key.len() == 64);
    let public = key.as_deref().and_then(|key| key.get(32..64)).map(<[u8]>::to_vec);
    public.unwrap_or_else(|| Sha256::digest(format!("smesher {}", process.identity)).to_vec())
}

fn public_port(process: &Process, config: &Value, generation: Generation) -> u16 {
    let found = match generation {
        Generation::V0 => process
            .argument("grpc-port")
            .and_then(|text| text.parse().ok())
            .or_else(|| number(&config["api"]["grpc-port"]).and_then(|port| u16::try_from(port).ok())),
        Generation::V1 => process
            .argument("grpc-public-listener")
            .or_else(|| config["api"]["grpc-public-listener"].as_str().map(str::to_owned))
            .and_then(|address| port_of(&address)),
    };
    found.unwrap_or(9092)
}

fn private_port(process: &Process, config: &Value, generation: Generation) -> Option<u16> {
    if generation == Generation::V0 {
        return None;
    }
    let address = process
        .argument("grpc-private-listener")
        .or_else(|| config["api"]["grpc-private-listener"].as_str().map(str::to_owned));
    address.map_or(Some(9093), |address| port_of(&address))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn node(config: &str, arguments: &[&str]) -> Option<Node> {
        let mut arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
        arguments.push("--config=/etc/config/config.json".to_owned());
        Node::of(&Process {
            image: "spacemeshos/go-spacemesh:v1.7.6".to_owned(),
            arguments,
            files: BTreeMap::from([("/etc/config/config.json".to_owned(), config.as_bytes().to_vec())]),
            identity: "miner-1".to_owned(),
            ..Process::default()
        })
    }

    const MAINNET: &str = r#"{"main":{"layer-duration":"5m","layers-per-epoch":4032,"network-hrp":"sm"},
        "genesis":{"genesis-time":"2023-07-14T08:00:00Z",
                   "genesis-extra-data":"00000000000000000001a6bc150307b5c1998045752b3c87eccf3c013036f3cc"}}"#;

    #[test]
    fn the_genesis_id_is_derived_as_the_node_does() {
        let node = node(MAINNET, &[]).unwrap();
        assert_eq!(hex::encode(&node.genesis_id), "9eebff023abb17ccb775c602daade8ed708f0a50");
        assert_eq!(node.generation, Generation::V1);
    }

    #[test]
    fn layers_follow_the_clock_from_genesis_on() {
        let node = node(MAINNET, &[]).unwrap();
        let at = |seconds: i64| Timestamp::from_second(node.genesis_time.as_second() + seconds).unwrap();
        assert_eq!(node.current_layer(at(-60)), 0);
        assert_eq!(node.current_layer(at(299)), 0);
        assert_eq!(node.current_layer(at(300)), 1);
        assert_eq!(node.progress(at(3_000), 5).top_layer, 10);
        assert!(node.progress(at(3_000), 5).verified_layer <= 10);
    }

    #[test]
    fn listeners_follow_the_flags_of_the_generation() {
        let flags = ["--grpc-public-listener=0.0.0.0:6000", "--grpc-private-listener=0.0.0.0:6001"];
        let v1 = node(MAINNET, &flags).unwrap();
        assert_eq!(v1.listener(6000), Some(Listener::Public));
        assert_eq!(v1.listener(6001), Some(Listener::Private));
        assert_eq!(v1.listener(9092), None);
        // v0 has accounts in its genesis section, and the time elsewhere.
        let config = r#"{"main":{"layer-duration-sec":"60","layers-per-epoch":4,"genesis-time":"2026-01-01T00:00:00Z"},
            "genesis":{"accounts":{"0x01":"5"}},"api":{"grpc":"node, mesh"},"p2p":{"network-id":7}}"#;
        let v0 = node(config, &["--grpc-port=6000"]).unwrap();
        assert_eq!(
            (v0.generation, v0.listener(6000), v0.network_id),
            (Generation::V0, Some(Listener::Public), 7)
        );
        assert!(v0.serves("mesh") && !v0.serves("debug") && v1.serves("debug"));
        assert_eq!(v0.genesis_accounts["0x01"], 5);
    }

    #[test]
    fn genesis_accounts_make_no_v1_node_of_a_v0_one() {
        let config = r#"{"main":{"layer-duration-sec":60,"layers-per-epoch":4,"genesis-time":"2026-01-01T00:00:00Z"},
            "genesis":{"accounts":{"0xff083c9a22e05d3459b03f3dbed61c7ad6e0a209":1}},"p2p":{"network-id":7}}"#;
        let v0 = node(config, &["--grpc-port=6000"]).unwrap();
        assert_eq!((v0.generation, v0.listener(6000)), (Generation::V0, Some(Listener::Public)));
    }

    #[test]
    fn a_node_without_a_usable_configuration_does_not_start() {
        for config in [
            "",
            "{}",
            r#"{"main":{"layer-duration":"0s","layers-per-epoch":4,"genesis-time":"2026-01-01T00:00:00Z"}}"#,
        ] {
            assert!(node(config, &[]).is_none(), "{config}");
        }
    }

    #[test]
    fn the_smesher_is_the_public_half_of_the_key() {
        let mut process = Process { identity: "x".to_owned(), ..Process::default() };
        let key: Vec<u8> = (0..64).collect();
        process.files.insert("key.bin".to_owned(), key.clone());
        assert_eq!(smesher_id(&process), key[32..]);
    }
}
