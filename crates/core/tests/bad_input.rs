//! Bad input: whatever a file or a store holds is read or refused with a reason, and never makes the program panic.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use proptest::prelude::*;
use serde_json::{Value, json};
use spacecraft_core::consensus;
use spacecraft_core::discovery::{with_entry, without_entry};
use spacecraft_core::names::NetworkName;
use spacecraft_core::node_config::{NodeConfig, base_config};
use spacecraft_core::spec::Generation;
use spacecraft_core::state::{Journal, RecordStore};
use spacecraft_core::traits::{ObjectStore, Precondition, PutOptions};
use spacecraft_core::{Meaning, render_chain};
use spacecraft_testkit::InMemoryObjects;

fn network() -> NetworkName {
    NetworkName::new("net1").unwrap()
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map("[a-zA-Z-]{1,12}", inner, 0..5)
                .prop_map(|fields| fields.into_iter().collect()),
        ]
    })
}

/// A good config of which one part, found by counting, is something else.
fn spoilt_config() -> impl Strategy<Value = (Generation, Value)> {
    let generation = prop_oneof![Just(Generation::V0), Just(Generation::V1)];
    (generation, any::<prop::sample::Index>(), any_json()).prop_map(|(generation, which, spoilt)| {
        let mut config = base_config(generation, "mininet").unwrap();
        let mut places = Vec::new();
        collect_places(&config, String::new(), &mut places);
        let place = which.get(&places).clone();
        *config.pointer_mut(&place).unwrap() = spoilt;
        (generation, config)
    })
}

fn collect_places(value: &Value, at: String, places: &mut Vec<String>) {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| (key.replace('~', "~0").replace('/', "~1"), value)).collect()
        }
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    for (key, value) in inner {
        collect_places(value, format!("{at}/{key}"), places);
    }
    places.push(at);
}

/// A runtime for stores in memory.
fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

async fn holding(key: &str, bytes: Vec<u8>) -> InMemoryObjects {
    let store = InMemoryObjects::new("state");
    store.put(key, bytes, &PutOptions::json(Precondition::None)).await.unwrap();
    store
}

proptest! {
    #[test]
    fn a_spoilt_node_config_is_checked_and_read(spoilt in spoilt_config()) {
        let (generation, config) = spoilt;
        let _ = consensus::check(generation, &config);
        let config = NodeConfig::new(generation, &config);
        let _ = (config.genesis_time(), config.network_id(), config.bootnodes(), config.address_prefix(), config.paths());
    }

    #[test]
    fn any_record_is_read_or_refused_with_its_key(bytes in prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..80),
        any_json().prop_map(|value| value.to_string().into_bytes()),
        any_json().prop_map(|value| json!({ "schema": "spacecraft/v1", "kind": "NetworkRecord", "network": "net1", "spec": value }).to_string().into_bytes()),
    ]) {
        let read = run(async {
            let store = holding(&RecordStore::key(&network()), bytes).await;
            RecordStore::new(std::sync::Arc::new(store), &network()).read().await
        });
        if let Err(error) = read {
            prop_assert_eq!(error.meaning(), Meaning::Invalid);
            prop_assert!(render_chain(&error).contains("net1"), "{}", render_chain(&error));
        }
    }

    #[test]
    fn any_journal_is_open_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..80), value in any_json()) {
        let _ = Journal::is_open(&bytes);
        let _ = Journal::is_open(value.to_string().as_bytes());
    }

    #[test]
    fn any_discovery_file_is_edited_or_refused(text in prop_oneof![
        "\\PC{0,60}",
        any_json().prop_map(|value| value.to_string()),
        proptest::collection::vec(any_json(), 0..4).prop_map(|values| Value::from(values).to_string()),
        proptest::collection::vec(any_json(), 0..4).prop_map(|values| {
            let entries: Vec<Value> = values.into_iter().map(|value| json!({ "netName": "other", "x": value })).collect();
            serde_json::to_string_pretty(&entries).unwrap()
        }),
    ]) {
        let entry = json!({ "netName": "net1" });
        match with_entry(&text, &network(), &entry) {
            Ok(Some(added)) => {
                prop_assert!(matches!(with_entry(&added, &network(), &entry), Ok(None)), "{}", added);
                prop_assert!(matches!(without_entry(&added, &network()), Ok(Some(_))), "{}", added);
            }
            Ok(None) => {}
            Err(error) => prop_assert_eq!(error.meaning(), Meaning::Invalid),
        }
    }
}
