//! Launches of both generations as a whole.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::consensus;
use crate::identity::{Genesis, peer_multiaddress};
use crate::node_config::{BASE_CONFIG_NAMES, KeyCatalogue, base_config, misplaced_keys};
use crate::quantity::{Bytes, MilliCpu, Resources};
use crate::spec::Generation;
use crate::workload::Role;

const PEER: &str = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";
const POET_KEY: &str = "O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik=";

fn profile(generation: Generation) -> Profile {
    Profile::new(generation, &BTreeMap::new()).unwrap()
}

fn genesis() -> Genesis {
    Genesis {
        time: "2026-01-02T03:04:05Z".parse().unwrap(),
        extra_data: "net1".to_owned(),
        network_id: Some(205),
    }
}

fn resources() -> Resources {
    Resources { cpu: MilliCpu(1500), memory: Bytes::gibi(2) }
}

/// A plain node, as most are.
fn miner(generation: Generation) -> NodeFacts {
    NodeFacts {
        number: 9,
        role: Role::Miner,
        config: base_config(generation, "mininet").unwrap(),
        genesis: genesis(),
        fleet_nodes: Some(10),
        bootnodes: vec![peer_multiaddress("203.0.113.7", 5002, PEER)],
        poets: vec![PoetServer {
            address: "http://poet-1.net1.svc:5000".to_owned(),
            public_key: Some(POET_KEY.to_owned()),
        }],
        coinbase: match generation {
            Generation::V0 => "0xff083c9a22e05d3459b03f3dbed61c7ad6e0a209".to_owned(),
            Generation::V1 => "stest1qqqqqqz9rf583slhn38g6q6a562ctltv9fv5w8qha56t0".to_owned(),
        },
        p2p_port: 5009,
        advertise_address: None,
        private_network: false,
        beacon_url: None,
        options: NodeOptions { json_api: true, ..NodeOptions::default() },
        resources: resources(),
    }
}

/// A node with everything switched on.
fn busy_bootnode(generation: Generation) -> NodeFacts {
    NodeFacts {
        number: 2,
        role: Role::Bootnode,
        p2p_port: 5002,
        advertise_address: Some("10.0.0.7".to_owned()),
        private_network: true,
        beacon_url: Some("http://beacon".to_owned()),
        options: NodeOptions {
            json_api: false,
            go_debug: true,
            metrics: true,
            metrics_push_url: Some("http://pushgateway.metrics.svc:9091".to_owned()),
            pprof: true,
            profiler_url: Some("http://pyroscope:4040".to_owned()),
        },
        ..miner(generation)
    }
}

fn poet(generation: Generation, number: u32) -> PoetFacts {
    PoetFacts {
        number,
        genesis: genesis(),
        config: base_config(generation, "mininet").unwrap(),
        activation: Some("2026-01-02T02:54:05Z".parse().unwrap()),
        initial_phase_shift: Duration::from_secs(60),
        resources: resources(),
    }
}

fn published(generation: Generation) -> Value {
    profile(generation)
        .published_config(&PublishedFacts {
            config: base_config(generation, "mininet").unwrap(),
            genesis: genesis(),
            fleet_nodes: Some(10),
            bootnodes: vec![peer_multiaddress("203.0.113.7", 5002, PEER)],
            poet: PoetServer {
                address: "http://203.0.113.7:30086".to_owned(),
                public_key: Some(POET_KEY.to_owned()),
            },
            beacon_url: Some("https://storage.example/net1-archive".to_owned()),
        })
        .unwrap()
}

#[test]
fn a_v1_miner_is_launched_like_this() {
    insta::assert_yaml_snapshot!(profile(Generation::V1).node(&miner(Generation::V1)).unwrap());
}

#[test]
fn a_v1_bootnode_with_everything_switched_on_is_launched_like_this() {
    insta::assert_yaml_snapshot!(profile(Generation::V1).node(&busy_bootnode(Generation::V1)).unwrap());
}

#[test]
fn a_v0_miner_is_launched_like_this() {
    insta::assert_yaml_snapshot!(profile(Generation::V0).node(&miner(Generation::V0)).unwrap());
}

#[test]
fn a_v0_bootnode_with_everything_switched_on_is_launched_like_this() {
    insta::assert_yaml_snapshot!(profile(Generation::V0).node(&busy_bootnode(Generation::V0)).unwrap());
}

#[test]
fn a_v1_poet_is_launched_like_this() {
    insta::assert_yaml_snapshot!(profile(Generation::V1).poet(&poet(Generation::V1, 2)).unwrap());
}

#[test]
fn a_v0_poet_is_launched_like_this() {
    insta::assert_yaml_snapshot!(profile(Generation::V0).poet(&poet(Generation::V0, 2)).unwrap());
}

#[test]
fn a_v1_network_publishes_this() {
    insta::assert_json_snapshot!(published(Generation::V1));
}

#[test]
fn a_v0_network_publishes_this() {
    insta::assert_json_snapshot!(published(Generation::V0));
}

#[test]
fn the_beacon_of_epoch_2_is_served_like_this_and_always_the_same() {
    let facts = BeaconFacts { genesis: genesis(), directory: "/usr/share/nginx/html".to_owned() };
    let files = profile(Generation::V1).beacon_files(&facts).unwrap();
    insta::assert_yaml_snapshot!(files);
    assert_eq!(profile(Generation::V1).beacon_files(&facts).unwrap(), files);
    assert_eq!(profile(Generation::V0).beacon_files(&facts).unwrap(), []);
}

#[test]
fn quic_is_listened_on_when_the_config_asks_for_it() {
    let mut facts = miner(Generation::V1);
    facts.config["p2p"]["enable-quic-transport"] = json!(true);
    let launch = profile(Generation::V1).node(&facts).unwrap();
    assert!(launch.arguments.contains(&"--listen=/ip4/0.0.0.0/udp/5009/quic-v1".to_owned()));
    let udp = launch.ports.iter().find(|port| port.name == "p2p-quic").unwrap();
    assert_eq!((udp.port, udp.host_port), (5009, Some(5009)));
}

#[test]
fn a_network_that_extends_a_parent_keeps_the_parents_peer_minimum_and_beacon() {
    let mut facts = miner(Generation::V1);
    facts.fleet_nodes = None;
    facts.config["p2p"]["min-peers"] = json!(20);
    facts.config["bootstrap"]["bootstrap-url"] = json!("https://parent.example");
    let config = config_of(&profile(Generation::V1).node(&facts).unwrap());
    assert_eq!(config["p2p"]["min-peers"], json!(20));
    assert_eq!(config["bootstrap"]["bootstrap-url"], json!("https://parent.example"));
}

#[test]
fn a_key_of_a_poet_that_is_no_key_is_refused() {
    let mut facts = miner(Generation::V1);
    facts.poets[0].public_key = Some("short".to_owned());
    assert_eq!(profile(Generation::V1).node(&facts).unwrap_err().meaning(), crate::Meaning::Invalid);
}

#[test]
fn an_operators_template_takes_the_place_of_the_built_in_one() {
    let overrides = BTreeMap::from([("v1/node.arguments".to_owned(), "--renamed={{coinbase}}".to_owned())]);
    let launch = Profile::new(Generation::V1, &overrides).unwrap().node(&miner(Generation::V1)).unwrap();
    assert_eq!(launch.arguments, ["--renamed=stest1qqqqqqz9rf583slhn38g6q6a562ctltv9fv5w8qha56t0"]);
}

#[test]
fn poets_and_nodes_of_v1_agree_on_the_rounds() {
    let poet = profile(Generation::V1).poet(&poet(Generation::V1, 1)).unwrap();
    let poet = &poet.files[0].content;
    let node = config_of(&profile(Generation::V1).node(&miner(Generation::V1)).unwrap());
    let said_to_poet = |key: &str| {
        let line = poet.lines().find_map(|line| line.strip_prefix(&format!("{key} = "))).unwrap();
        crate::go_duration::parse(line.trim_matches('"')).unwrap()
    };
    let said_to_node = |key: &str| crate::go_duration::parse(node["poet"][key].as_str().unwrap()).unwrap();
    for key in ["phase-shift", "cycle-gap"] {
        assert_eq!(said_to_poet(key), said_to_node(key), "nodes exit when a PoET has another {key}");
    }
    let layer = crate::go_duration::parse(node["main"]["layer-duration"].as_str().unwrap()).unwrap();
    let layers = u32::try_from(node["main"]["layers-per-epoch"].as_u64().unwrap()).unwrap();
    assert_eq!(said_to_poet("epoch-duration"), layer * layers);
}

fn config_of(launch: &Launch) -> Value {
    let file = launch.files.iter().find(|file| file.name == "config.json").unwrap();
    serde_json::from_str(&file.content).unwrap()
}

fn generations() -> impl Strategy<Value = Generation> {
    prop_oneof![Just(Generation::V0), Just(Generation::V1)]
}

proptest! {
    #[test]
    fn every_launched_node_can_start(
        generation in generations(),
        name in prop::sample::select(BASE_CONFIG_NAMES.to_vec()),
        nodes in 1_u32..2000,
        number in 1_u32..2000,
        switches in any::<[bool; 4]>(),
    ) {
        let facts = NodeFacts {
            number,
            config: base_config(generation, name).unwrap(),
            fleet_nodes: Some(nodes),
            options: NodeOptions { json_api: switches[0], metrics: switches[1], pprof: switches[2], go_debug: switches[3], ..NodeOptions::default() },
            ..miner(generation)
        };
        let launch = profile(generation).node(&facts).unwrap();
        let config = config_of(&launch);
        prop_assert_eq!(consensus::check(generation, &config), vec![]);
        prop_assert_eq!(misplaced_keys(&KeyCatalogue::of(generation), &config), vec![]);
        prop_assert!(launch.arguments.iter().all(|argument| argument.starts_with("--")));
        prop_assert!(launch.ports.iter().all(|port| port.name.len() <= 15));
        let peers = config["p2p"][if generation == Generation::V0 { "target-outbound" } else { "min-peers" }].as_u64().unwrap();
        prop_assert!(peers < u64::from(nodes));
    }

    #[test]
    fn no_fact_adds_an_argument_or_panics(coinbase in any::<String>(), url in any::<String>(), generation in generations()) {
        let mut facts = busy_bootnode(generation);
        let usual = profile(generation).node(&facts).unwrap().arguments.len();
        facts.coinbase = coinbase;
        facts.options.profiler_url = Some(url);
        if let Ok(launch) = profile(generation).node(&facts) {
            prop_assert!(launch.arguments.len() <= usual);
        }
    }

    #[test]
    fn no_config_makes_a_launch_panic(section in "main|p2p|genesis|api|poet|post", key in "\\PC{0,12}", number in any::<u8>(), generation in generations()) {
        for value in [json!(number), json!({key.clone(): [null]}), json!(null), json!([{}])] {
            let mut node = miner(generation);
            node.config[section.as_str()] = value.clone();
            let _ = profile(generation).node(&node);
            let mut poet = poet(generation, 1);
            poet.config = node.config;
            let _ = profile(generation).poet(&poet);
            let _ = consensus::check(generation, &poet.config);
        }
    }
}
