//! Miners that join and leave a network on a simulated cloud.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Cloud, spacecraft, writes};

fn names<'a>(report: &'a Value, list: &str) -> Vec<&'a str> {
    let nodes = report[list].as_array().unwrap_or_else(|| panic!("{report}"));
    nodes.iter().filter_map(|node| node["name"].as_str()).collect()
}

fn refused(cloud: &Cloud, arguments: &[&str], why: &str) {
    let (code, document) = cloud.json(arguments);
    assert_eq!(code, 2, "{document}");
    assert!(document.to_string().contains(why), "{document}");
}

fn life_of_a_fleet(generation: &str, wait: &'static str) {
    let cloud = Cloud::new();
    let before = cloud.inventory();
    let on = ["--provider", "sandbox", "-n", "net1"];
    let with = |words: &[&'static str]| [words, &on].concat();
    let mut create =
        with(&["create-network", "-m", "4", "-p", "2", "--bootnode-amount", "2", "--logs", "none"]);
    create.extend(["--poet-gateway-amount", "2", "--enable-slack-alerts", "--generation", generation]);
    let (code, created) = cloud.json(&create);
    assert_eq!(code, 0, "{created}");
    let disks = |inventory: &Value| inventory["disks"].as_array().map_or(0, Vec::len);
    let disks_of_four = disks(&cloud.inventory());

    let (code, added) = cloud.json(&with(&["add-miner", "--count", "2", "--wait", wait]));
    assert_eq!((code, &added["kind"]), (0, &"MinersReport".into()), "{added}");
    assert_eq!(names(&added, "added"), ["miner-5", "miner-6"]);
    let (code, added) = cloud.json(&with(&["addMiner", "--miner-number", "20", "--miner-ram", "3"]));
    assert_eq!((code, names(&added, "added"), &added["nodes"]), (0, vec!["miner-20"], &7.into()), "{added}");
    assert_eq!(disks(&cloud.inventory()), disks_of_four + 3);
    refused(&cloud, &with(&["add-miner", "--miner-number", "5"]), "miner-5 already");

    let written = writes(&cloud.inventory());
    let (code, again) = cloud.json(&create);
    assert_eq!(code, 0, "{again}");
    let outcomes: BTreeSet<&str> =
        again["steps"].as_array().unwrap().iter().filter_map(|step| step["outcome"].as_str()).collect();
    assert_eq!(outcomes, BTreeSet::from(["unchanged"]), "{again}");
    assert_eq!(writes(&cloud.inventory()), written, "the network is not as it is remembered");

    refused(&cloud, &with(&["delete-miner", "1", "--yes"]), "bootstrap node");
    refused(&cloud, &with(&["delete-miner", "2-3", "--yes"]), "no bootnode would be left");
    refused(&cloud, &with(&["delete-miner", "7", "--yes"]), "there is no miner-7");
    refused(&cloud, &with(&["delete-miner", "5"]), "--yes");
    let (code, removed) = cloud.json(&with(&["delete-miner", "5-6", "3", "--yes"]));
    assert_eq!((code, names(&removed, "removed")), (0, vec!["miner-3", "miner-5", "miner-6"]), "{removed}");
    let (code, removed) = cloud.json(&with(&["deleteMiner", "--miner-number", "20", "--yes"]));
    assert_eq!((code, &removed["nodes"]), (0, &3.into()), "{removed}");
    let inventory = cloud.inventory();
    assert_eq!(disks(&inventory), disks_of_four - 1);
    let objects = inventory["kubernetes"].to_string();
    for gone in ["miner-3\"", "miner-5", "miner-6", "miner-20", "miner-3-"] {
        assert!(!objects.contains(gone), "{gone} is left behind");
    }
    let (code, again) = cloud.json(&create);
    assert_eq!(code, 0, "{again}");
    assert!(again["steps"].as_array().unwrap().iter().all(|step| step["outcome"] == "unchanged"), "{again}");

    let (code, added) = cloud.json(&with(&["add-miner", "--miner-number", "3"]));
    assert_eq!((code, &added["added"][0]["role"]), (0, &"miner".into()), "{added}");
    let (code, deleted) = cloud.json(&with(&["delete-network", "--yes"]));
    assert_eq!(code, 0, "{deleted}");
    let after = cloud.inventory();
    for kind in ["clusters", "disks", "firewall_rules", "addresses", "buckets", "kubernetes"] {
        assert_eq!(after[kind], before[kind], "{kind}");
    }
}

#[test]
fn miners_join_and_leave_a_v1_network_without_a_trace() {
    life_of_a_fleet("v1", "healthy");
}

#[test]
fn miners_join_and_leave_a_v0_network_without_a_trace() {
    life_of_a_fleet("v0", "ready");
}

#[test]
fn numbers_that_are_none_are_told_before_anything_is_called() {
    let home = tempfile::tempdir().unwrap();
    for (arguments, why) in [
        (["add-miner", "--miner-number", "3,4"], "number of the first one"),
        (["add-miner", "--miner-number", "x"], "no node number"),
        (["delete-miner", "7-5", "--yes"], "ends before it begins"),
        (["delete-miner", "--yes", "--force"], "say which miners"),
    ] {
        let all = [&arguments[..], &["--provider", "sandbox", "-n", "net1"]].concat();
        let output = spacecraft(home.path(), &all);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.contains(why), "{arguments:?}: {told}");
    }
    assert!(!home.path().join(".local").exists(), "a simulated cloud was started");
}
