use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::node_config::base_config;

const NOTHING_OWN: OwnValues<'_> = OwnValues { genesis: None, fleet_nodes: None, bootnodes: &[] };

fn mininet(generation: Generation) -> Value {
    base_config(generation, "mininet").unwrap()
}

fn merged(running: &Value, change: Value) -> Value {
    ConfigChange::Merge(change).applied_to(running, Generation::V1, &NOTHING_OWN)
}

fn changed(generation: Generation, change: Value) -> Vec<(String, Reach)> {
    let running = mininet(generation);
    let wanted = ConfigChange::Merge(change).applied_to(&running, generation, &NOTHING_OWN);
    key_changes(generation, &running, &wanted).into_iter().map(|change| (change.path, change.reach)).collect()
}

fn messages(generation: Generation, change: Value, all_are_stopped: bool) -> Vec<String> {
    let running = mininet(generation);
    let wanted = ConfigChange::Merge(change).applied_to(&running, generation, &NOTHING_OWN);
    ConfigChange::problems(&KeyCatalogue::of(generation), &running, &wanted, &NOTHING_OWN, all_are_stopped)
        .into_iter()
        .map(|problem| format!("{}: {}", problem.path, problem.message))
        .collect()
}

#[test]
fn a_merge_changes_what_it_names_and_null_takes_away() {
    let running = json!({"main": {"a": 1, "b": 2}, "p2p": {"x": [1]}});
    let change =
        json!({"main": {"b": null, "c": {"d": 3}}, "p2p": {"x": [2, 3]}, "logging": {"hare": "debug"}});
    let expected =
        json!({"main": {"a": 1, "c": {"d": 3}}, "p2p": {"x": [2, 3]}, "logging": {"hare": "debug"}});
    assert_eq!(merged(&running, change), expected);
    assert_eq!(merged(&json!({"a": 1}), json!({"a": {"b": null}})), json!({"a": {}}));
}

#[test]
fn a_genesis_that_no_config_says_is_told_as_the_network_has_it() {
    let genesis = Genesis {
        time: "2030-01-01T00:00:00Z".parse::<Timestamp>().unwrap(),
        extra_data: "net1-1".to_owned(),
        network_id: None,
    };
    let own = OwnValues { genesis: Some(&genesis), ..NOTHING_OWN };
    let (generation, running) = (Generation::V1, mininet(Generation::V1));
    let change = json!({"genesis": {"genesis-time": "2031-01-01T00:00:00Z", "genesis-extra-data": "x"}});
    let wanted = ConfigChange::Merge(change).applied_to(&running, generation, &own);
    let told = ConfigChange::problems(&KeyCatalogue::of(generation), &running, &wanted, &own, true);
    let told: Vec<&str> =
        told.iter().map(|problem| problem.message.split(": ").next().unwrap_or_default()).collect();
    assert_eq!(told, ["net1-1 -> x", "2030-01-01T00:00:00Z -> 2031-01-01T00:00:00Z"]);
}

#[test]
fn keys_of_a_node_alone_change_in_waves() {
    let change = json!({"logging": {"hare": "debug"}, "p2p": {"low-peers": 30}});
    assert_eq!(
        changed(Generation::V1, change.clone()),
        [("logging.hare".to_owned(), Reach::Node), ("p2p.low-peers".to_owned(), Reach::Node)]
    );
    assert_eq!(messages(Generation::V1, change.clone(), false), [""; 0]);
    assert_eq!(messages(Generation::V0, change, false), [""; 0]);
}

#[test]
fn what_nodes_agree_on_changes_only_while_all_are_stopped() {
    let cases = [
        (Generation::V0, json!({"main": {"layer-duration-sec": 240}}), "main.layer-duration-sec: 200 -> 240"),
        (
            Generation::V0,
            json!({"hare": {"hare-round-duration-sec": 20}}),
            "hare.hare-round-duration-sec: 30 -> 20",
        ),
        (Generation::V1, json!({"main": {"layer-duration": "40s"}}), "main.layer-duration: 30s -> 40s"),
        (Generation::V1, json!({"main": {"atx-versions": {"4": 2}}}), "main.atx-versions.4: nothing -> 2"),
        (Generation::V1, json!({"poet": {"cycle-gap": "50s"}}), "poet.cycle-gap: 60s -> 50s"),
    ];
    for (generation, change, expected) in cases {
        let refused = messages(generation, change.clone(), false);
        assert_eq!(refused.len(), 1, "{refused:?}");
        assert!(refused[0].starts_with(expected) && refused[0].contains("--restart-all"), "{refused:?}");
        assert_eq!(messages(generation, change, true), [""; 0]);
    }
}

#[test]
fn genesis_and_identity_change_never() {
    let cases = [
        (Generation::V0, json!({"p2p": {"network-id": 206}})),
        (Generation::V0, json!({"main": {"genesis-time": "2030-01-01T00:00:00Z"}})),
        (Generation::V0, json!({"genesis": {"accounts": {"0xff083c9a22e05d3459b03f3dbed61c7ad6e0a209": 1}}})),
        (Generation::V1, json!({"genesis": {"genesis-time": "2030-01-01T00:00:00Z"}})),
        (Generation::V1, json!({"genesis": {"genesis-extra-data": "other"}})),
    ];
    for (generation, change) in cases {
        for stopped in [false, true] {
            let refused = messages(generation, change.clone(), stopped);
            assert!(
                refused.iter().any(|message| message.contains("another network")),
                "{change}: {refused:?}"
            );
        }
    }
}

#[test]
fn a_config_that_nodes_would_not_start_with_is_refused_as_at_creation() {
    let refused = messages(Generation::V1, json!({"hare3": {"round-duration": "5s"}}), true);
    assert!(refused.iter().any(|message| message.contains("hare may take")), "{refused:?}");
    let refused = messages(Generation::V1, json!({"main": {"layer-duratoin": "5s"}}), false);
    assert!(
        refused.iter().any(|message| message.contains("did you mean main.layer-duration?")),
        "{refused:?}"
    );
}

#[test]
fn values_that_mean_the_same_are_no_change() {
    assert_eq!(changed(Generation::V1, json!({"poet": {"cycle-gap": "1m"}})), []);
    assert_eq!(changed(Generation::V0, json!({"main": {"layers-per-epoch": "6"}})), []);
    assert_eq!(changed(Generation::V1, json!({"p2p": {"min-peers": 10}})), [], "as the preset has it");
    assert_eq!(changed(Generation::V1, json!({"main": {"atx-versions": {}}})), []);
}

#[test]
fn another_preset_concerns_all_nodes_with_all_that_it_brings() {
    let found = changed(Generation::V1, json!({"preset": "standalone"}));
    assert!(found.contains(&("preset".to_owned(), Reach::Network)), "{found:?}");
}

#[test]
fn a_published_config_can_be_edited_and_given_back() {
    let running = mininet(Generation::V1);
    let genesis = Genesis {
        time: "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap(),
        extra_data: "extra".to_owned(),
        network_id: None,
    };
    let bootnodes = ["/ip4/203.0.113.1/tcp/5002/p2p/x".to_owned()];
    let mut published = running.clone();
    merge(
        &mut published,
        &json!({
            "genesis": {"genesis-time": "2026-01-01T00:00:00Z", "genesis-extra-data": "extra"},
            "main": {"poet-servers": [{"address": "http://x", "pubkey": ""}]},
            "p2p": {"bootnodes": bootnodes},
            "logging": {"hare": "debug"},
        }),
    );
    let own = OwnValues { genesis: Some(&genesis), fleet_nodes: Some(4), bootnodes: &bootnodes };
    for change in [ConfigChange::Merge(published.clone()), ConfigChange::Replace(published)] {
        let wanted = change.applied_to(&running, Generation::V1, &own);
        let paths: Vec<String> =
            key_changes(Generation::V1, &running, &wanted).into_iter().map(|change| change.path).collect();
        assert_eq!(paths, ["logging.hare"]);
    }
}

fn any_config() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![any::<u8>().prop_map(Value::from), "[a-z]{0,3}".prop_map(Value::from)];
    let section = prop::collection::btree_map("[a-d]", leaf, 0..4);
    prop::collection::btree_map("[a-d]", section, 0..4).prop_map(|sections| json!(sections))
}

proptest! {
    #[test]
    fn merging_the_same_twice_changes_no_more(running in any_config(), change in any_config()) {
        let once = merged(&running, change.clone());
        prop_assert_eq!(merged(&once, change), once);
    }

    #[test]
    fn a_config_does_not_differ_from_itself_and_differences_are_mutual(one in any_config(), other in any_config()) {
        for generation in [Generation::V0, Generation::V1] {
            prop_assert_eq!(key_changes(generation, &one, &one), []);
            let paths = |changes: Vec<KeyChange>| changes.into_iter().map(|change| change.path).collect::<Vec<_>>();
            prop_assert_eq!(paths(key_changes(generation, &one, &other)), paths(key_changes(generation, &other, &one)));
        }
    }

    #[test]
    fn no_config_makes_comparing_panic(key in "\\PC{0,10}", text in "\\PC{0,10}") {
        let odd = json!({key.clone(): {text.clone(): [null]}, "main": text, "p2p": {key: 1}});
        for generation in [Generation::V0, Generation::V1] {
            let running = mininet(generation);
            for change in [ConfigChange::Merge(odd.clone()), ConfigChange::Replace(odd.clone())] {
                let wanted = change.applied_to(&running, generation, &NOTHING_OWN);
                let _ = ConfigChange::problems(&KeyCatalogue::of(generation), &running, &wanted, &NOTHING_OWN, false);
            }
        }
    }
}
