//! What every [`ObjectStore`] promises.

use std::collections::BTreeSet;

use futures::future::join_all;
use spacecraft_core::Meaning;
use spacecraft_core::discovery::{PUBLIC_FILE, edit_file, with_entry, without_entry};
use spacecraft_core::names::NetworkName;
use spacecraft_core::observer::Outcome;
use spacecraft_core::traits::{ObjectStore, Precondition, PutOptions};

/// Runs the suite on an empty, writable store; the argument is a future of a [`Subject`](super::Subject).
#[macro_export]
macro_rules! object_store_conformance {
    ($subject:expr) => {
        $crate::conformance_tests! { $subject, objects():
            access_to_an_empty_store_is_granted
            an_object_that_was_never_written_is_none
            what_was_written_is_read_back_with_its_generation
            empty_and_binary_contents_survive
            a_write_without_precondition_replaces
            a_write_that_expects_nothing_refuses_what_is_there
            a_write_that_expects_a_generation_replaces_it
            a_write_that_expects_another_generation_changes_nothing
            a_write_that_expects_a_generation_of_nothing_is_refused
            a_generation_is_never_used_again
            of_writers_that_expect_the_same_generation_one_wins
            of_writers_that_expect_nothing_one_wins
            of_twenty_writers_of_the_discovery_file_none_loses_an_entry
            deleting_nothing_is_absent
            what_was_deleted_is_gone
            deleting_another_generation_changes_nothing
            a_list_has_the_keys_with_the_prefix_in_order
            a_key_may_begin_another_keys_name
            keys_that_lead_out_of_the_store_are_invalid
            the_url_names_the_object
        }
    };
}

async fn put(store: &dyn ObjectStore, key: &str, text: &str, precondition: Precondition) -> i64 {
    store.put(key, text.as_bytes().to_vec(), &PutOptions::json(precondition)).await.unwrap()
}

async fn put_meaning(store: &dyn ObjectStore, key: &str, text: &str, precondition: Precondition) -> Meaning {
    let written = store.put(key, text.as_bytes().to_vec(), &PutOptions::json(precondition)).await;
    written.expect_err("the precondition does not hold").meaning()
}

async fn text(store: &dyn ObjectStore, key: &str) -> String {
    let object = store.get(key).await.unwrap().expect("the object is there");
    String::from_utf8(object.bytes).unwrap()
}

pub async fn access_to_an_empty_store_is_granted(store: &dyn ObjectStore) {
    store.check_access().await.unwrap();
}

pub async fn an_object_that_was_never_written_is_none(store: &dyn ObjectStore) {
    assert_eq!(store.get("a/b.json").await.unwrap(), None);
}

pub async fn what_was_written_is_read_back_with_its_generation(store: &dyn ObjectStore) {
    let generation = put(store, "net1/network.json", "{\"a\":1}", Precondition::None).await;
    let object = store.get("net1/network.json").await.unwrap().unwrap();
    assert_eq!(object.generation, generation);
    assert_eq!(object.bytes, b"{\"a\":1}");
}

pub async fn empty_and_binary_contents_survive(store: &dyn ObjectStore) {
    let binary: Vec<u8> = (0..=255).collect();
    let options = PutOptions::json(Precondition::None);
    store.put("empty", Vec::new(), &options).await.unwrap();
    store.put("binary", binary.clone(), &options).await.unwrap();
    assert_eq!(store.get("empty").await.unwrap().unwrap().bytes, Vec::<u8>::new());
    assert_eq!(store.get("binary").await.unwrap().unwrap().bytes, binary);
}

pub async fn a_write_without_precondition_replaces(store: &dyn ObjectStore) {
    put(store, "a", "old", Precondition::None).await;
    put(store, "a", "new", Precondition::None).await;
    assert_eq!(text(store, "a").await, "new");
}

pub async fn a_write_that_expects_nothing_refuses_what_is_there(store: &dyn ObjectStore) {
    put(store, "lock", "first", Precondition::Absent).await;
    let meaning = put_meaning(store, "lock", "second", Precondition::Absent).await;
    assert_eq!(meaning, Meaning::PreconditionFailed);
    assert_eq!(text(store, "lock").await, "first");
}

pub async fn a_write_that_expects_a_generation_replaces_it(store: &dyn ObjectStore) {
    let first = put(store, "a", "1", Precondition::None).await;
    let second = put(store, "a", "2", Precondition::Generation(first)).await;
    assert_ne!(first, second);
    assert_eq!(text(store, "a").await, "2");
}

pub async fn a_write_that_expects_another_generation_changes_nothing(store: &dyn ObjectStore) {
    let first = put(store, "a", "1", Precondition::None).await;
    put(store, "a", "2", Precondition::None).await;
    let meaning = put_meaning(store, "a", "3", Precondition::Generation(first)).await;
    assert_eq!(meaning, Meaning::PreconditionFailed);
    assert_eq!(text(store, "a").await, "2");
}

pub async fn a_write_that_expects_a_generation_of_nothing_is_refused(store: &dyn ObjectStore) {
    let meaning = put_meaning(store, "a", "1", Precondition::Generation(7)).await;
    assert_eq!(meaning, Meaning::PreconditionFailed);
    assert_eq!(store.get("a").await.unwrap(), None);
}

pub async fn a_generation_is_never_used_again(store: &dyn ObjectStore) {
    let mut generations = BTreeSet::new();
    for _ in 0..3 {
        generations.insert(put(store, "a", "same", Precondition::None).await);
        generations.insert(put(store, "a", "same", Precondition::None).await);
        store.delete("a", Precondition::None).await.unwrap();
    }
    assert_eq!(generations.len(), 6, "generations were {generations:?}");
}

pub async fn of_writers_that_expect_the_same_generation_one_wins(store: &dyn ObjectStore) {
    let first = put(store, "a", "first", Precondition::None).await;
    assert_one_wins(store, Precondition::Generation(first)).await;
}

pub async fn of_writers_that_expect_nothing_one_wins(store: &dyn ObjectStore) {
    assert_one_wins(store, Precondition::Absent).await;
}

async fn assert_one_wins(store: &dyn ObjectStore, precondition: Precondition) {
    let options = PutOptions::json(precondition);
    let options = &options;
    let write = async |number: usize| store.put("a", number.to_string().into_bytes(), options).await;
    let results = join_all((0..8).map(write)).await;
    let winners: Vec<usize> =
        (0..8).filter(|number| results.get(*number).is_some_and(Result::is_ok)).collect();
    let [winner] = winners.as_slice() else { panic!("{winners:?} all believe that they wrote") };
    assert_eq!(text(store, "a").await, winner.to_string());
    let losers = results.into_iter().filter_map(Result::err);
    assert!(losers.into_iter().all(|error| error.meaning() == Meaning::PreconditionFailed));
}

/// A discovery file that others keep too, with fields and an order of theirs.
const FOREIGN_FILE: &str = r#"[
  {"netName": "theirs", "zzz": 1.50, "aaa": {"unknown": [1e3]}, "netID": 7},
  {"aaa": "ours not", "netName":"theirs too"}
]
"#;

pub async fn of_twenty_writers_of_the_discovery_file_none_loses_an_entry(store: &dyn ObjectStore) {
    put(store, PUBLIC_FILE, FOREIGN_FILE, Precondition::None).await;
    let networks: Vec<NetworkName> =
        (1..=20).map(|number| NetworkName::new(format!("net{number}")).unwrap()).collect();
    let add = async |network: &NetworkName| {
        let entry = serde_json::json!({"netName": network.as_str()});
        edit_file(store, PUBLIC_FILE, |text| with_entry(text, network, &entry)).await.unwrap();
    };
    join_all(networks.iter().map(add)).await;
    let file = text(store, PUBLIC_FILE).await;
    for network in &networks {
        let entry = format!("\"netName\": \"{network}\"");
        assert_eq!(file.matches(&entry).count(), 1, "{network} in {file}");
    }
    let foreign = FOREIGN_FILE.strip_prefix("[\n").unwrap();
    assert!(file.ends_with(foreign), "foreign entries changed: {file}");

    let remove = async |network: &NetworkName| {
        edit_file(store, PUBLIC_FILE, |text| without_entry(text, network)).await.unwrap();
    };
    join_all(networks.iter().map(remove)).await;
    assert_eq!(text(store, PUBLIC_FILE).await, FOREIGN_FILE);
}

pub async fn deleting_nothing_is_absent(store: &dyn ObjectStore) {
    assert_eq!(store.delete("a", Precondition::None).await.unwrap(), Outcome::Absent);
}

pub async fn what_was_deleted_is_gone(store: &dyn ObjectStore) {
    let generation = put(store, "a/b", "1", Precondition::None).await;
    let outcome = store.delete("a/b", Precondition::Generation(generation)).await.unwrap();
    assert_eq!(outcome, Outcome::Removed);
    assert_eq!(store.get("a/b").await.unwrap(), None);
    assert_eq!(store.list("").await.unwrap(), []);
}

pub async fn deleting_another_generation_changes_nothing(store: &dyn ObjectStore) {
    let generation = put(store, "a", "1", Precondition::None).await;
    let refused = store.delete("a", Precondition::Generation(generation + 1)).await;
    assert_eq!(refused.expect_err("it has another generation").meaning(), Meaning::PreconditionFailed);
    assert_eq!(text(store, "a").await, "1");
}

pub async fn a_list_has_the_keys_with_the_prefix_in_order(store: &dyn ObjectStore) {
    let mut expected = Vec::new();
    for number in (100..140).rev() {
        let key = format!("net1/journal/{number}.json");
        expected.push((key.clone(), put(store, &key, "{}", Precondition::None).await));
    }
    put(store, "net10/network.json", "{}", Precondition::None).await;
    expected.reverse();
    assert_eq!(store.list("net1/").await.unwrap(), expected);
    assert_eq!(store.list("net").await.unwrap().len(), 41);
    assert_eq!(store.list("other").await.unwrap(), []);
}

pub async fn a_key_may_begin_another_keys_name(store: &dyn ObjectStore) {
    put(store, "config.json", "1", Precondition::None).await;
    put(store, "config.json.old", "2", Precondition::None).await;
    assert_eq!(text(store, "config.json").await, "1");
    assert_eq!(text(store, "config.json.old").await, "2");
    assert_eq!(store.list("config.json").await.unwrap().len(), 2);
}

pub async fn keys_that_lead_out_of_the_store_are_invalid(store: &dyn ObjectStore) {
    for key in ["", "/a", "a/", "a//b", "..", "../a", "a/../../b", "./a", "a/."] {
        let options = PutOptions::json(Precondition::None);
        let written = store.put(key, Vec::new(), &options).await.map(|_| ());
        let read = store.get(key).await.map(|_| ());
        let deleted = store.delete(key, Precondition::None).await.map(|_| ());
        for result in [written, read, deleted] {
            let error = result.expect_err(&format!("the key {key:?} was taken"));
            assert_eq!(error.meaning(), Meaning::Invalid, "{key:?}");
        }
    }
}

pub async fn the_url_names_the_object(store: &dyn ObjectStore) {
    assert!(store.url("net1-archive/config.json").ends_with("config.json"));
    assert!(!store.location().is_empty());
}
