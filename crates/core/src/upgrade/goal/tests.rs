use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::node_config::KeyCatalogue;
use crate::settings::{Command, Settings};
use crate::spec::{UpgradeSwitches, WaitFor};
use crate::state::{NetworkStatus, RECORD_KIND, SCHEMA};

fn image(tag: &str) -> ImageReference {
    ImageReference::parse(&format!("spacemeshos/go-spacemesh:{tag}")).unwrap()
}

/// Ten nodes of v1.
fn record() -> NetworkRecord {
    let flags = [
        ("provider", "sandbox"),
        ("network-name", "net1"),
        ("go-sm-image", "spacemeshos/go-spacemesh:v1.7.6"),
    ];
    let flags = flags.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let builder = Settings::builder(Command::CreateNetwork).flags(flags);
    let (_, spec, _) = NetworkSpec::from_sources(builder, &BTreeMap::<String, String>::new()).unwrap();
    let now = jiff::Timestamp::UNIX_EPOCH;
    NetworkRecord {
        schema: SCHEMA.to_owned(),
        kind: RECORD_KIND.to_owned(),
        network: spec.network.clone(),
        status: NetworkStatus::Ready,
        taken_back: false,
        settings: BTreeMap::new(),
        made_cluster: true,
        genesis: None,
        nodes: Vec::new(),
        poets: Vec::new(),
        charts: Vec::new(),
        joining: BTreeSet::new(),
        leaving: BTreeSet::new(),
        load_balancers: Vec::new(),
        discovery_files: BTreeSet::new(),
        upgrade: None,
        slots: 7,
        config_url: None,
        written_by_version: "0".to_owned(),
        created_at: now,
        created_by: "tester".to_owned(),
        updated_at: now,
        updated_by: "tester".to_owned(),
        fence: 1,
        spec,
    }
}

fn asked(to: Option<&str>, change: Option<Value>) -> UpgradeSpec {
    UpgradeSpec {
        image: to.map(image),
        config: change.map(ConfigChange::Merge),
        poet_image: None,
        keys: KeyCatalogue::of(Generation::V1),
        only: None,
        wave_size: None,
        hold_at: None,
        between_waves: Duration::ZERO,
        wait: WaitFor::Healthy,
        switches: UpgradeSwitches::default(),
        timeout: Duration::ZERO,
        step_timeout: Duration::ZERO,
    }
}

#[test]
fn when_all_nodes_have_it_the_network_has_it() {
    let goal =
        Goal::new(&record(), &asked(Some("v1.7.7"), Some(json!({"logging": {"hare": "debug"}})))).unwrap();
    assert_eq!(goal.end.node.image, image("v1.7.7"));
    assert_eq!(goal.end.node.base_config["logging"], json!({"hare": "debug"}));
    assert!(goal.end.node_overrides.is_empty());
    assert_eq!(goal.waves.len(), 10, "a tenth of ten nodes is one");
}

#[test]
fn a_node_that_differed_keeps_what_the_upgrade_does_not_change() {
    let mut record = record();
    let own = json!({"logging": {"app": "debug"}, "main": record.spec.node.base_config["main"].clone()});
    let own = NodeOverride {
        image: Some(image("v1.7.5")),
        config: Some(own.clone()),
        metrics: Some(true),
        ..NodeOverride::default()
    };
    record.spec.node_overrides.insert(9, own.clone());
    let goal = Goal::new(&record, &asked(Some("v1.7.7"), None)).unwrap();
    let expected = NodeOverride { image: None, ..own };
    assert_eq!(goal.end.node_overrides, BTreeMap::from([(9, expected)]));
}

#[test]
fn changes_are_told_once_for_all_nodes_with_the_same_config() {
    let goal = Goal::new(&record(), &asked(None, Some(json!({"logging": {"hare": "debug"}})))).unwrap();
    assert_eq!(goal.changes.len(), 1);
}

#[test]
fn an_address_of_the_operator_must_fit_the_new_prefix() {
    let mut record = record();
    let prefix = json!({"main": {"network-hrp": "other"}});
    let restart = |change| UpgradeSpec {
        switches: UpgradeSwitches { restart_all: true, ..UpgradeSwitches::default() },
        ..asked(None, Some(change))
    };
    assert!(Goal::new(&record, &restart(prefix.clone())).is_ok());
    record.spec.coinbase = Some("stest1qqqqqqz9rf583slhn38g6q6a562ctltv9fv5w8qha56t0".to_owned());
    let refused = Goal::new(&record, &restart(prefix)).unwrap_err();
    assert!(refused.reason().contains("main.network-hrp"), "{refused}");
}

proptest! {
    #[test]
    fn however_much_is_done_already_an_upgrade_leads_to_the_same_end_and_back_to_the_same_begin(
        done in prop::collection::btree_set(1_u32..=10, 0..=10),
        own in prop::collection::btree_set(1_u32..=10, 0..4),
        config: bool,
    ) {
        let mut record = record();
        for number in own {
            let own = NodeOverride { image: Some(image("v1.7.5")), ..NodeOverride::default() };
            record.spec.node_overrides.insert(number, own);
        }
        let asked = asked(Some("v1.7.7"), config.then(|| json!({"logging": {"hare": "debug"}})));
        let goal = Goal::new(&record, &asked).unwrap();
        let before = record.spec.clone();
        let from = Release::of(&before);
        record.spec = goal.with_nodes(&record.spec, &done);
        for number in 1..=10 {
            prop_assert_eq!(goal.is_recorded(&record.spec, number), done.contains(&number));
        }
        let again = Goal::new(&record, &asked).unwrap();
        prop_assert_eq!(&again.end, &goal.end);
        prop_assert_eq!(again.target, goal.target);
        prop_assert_eq!(from.restored_in(&record.spec, &done), before);
    }
}
