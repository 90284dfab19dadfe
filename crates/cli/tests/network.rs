//! The binary itself, on a simulated cloud of its own.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on should say where")]

#[path = "network/metrics.rs"]
mod metrics;
#[path = "network/miners.rs"]
mod miners;
#[path = "network/mistakes.rs"]
mod mistakes;
#[path = "network/namespaces.rs"]
mod namespaces;
#[path = "network/places.rs"]
mod places;
#[path = "network/release.rs"]
mod release;
#[path = "network/rewards.rs"]
mod rewards;
#[path = "network/upgrade.rs"]
mod upgrade;
#[path = "network/web_services.rs"]
mod web_services;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

/// A simulated cloud in a folder of its own; its server ends with it.
struct Cloud {
    home: TempDir,
}

impl Cloud {
    fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    fn sandbox_dir(&self) -> String {
        self.home.path().join("sandbox").display().to_string()
    }

    /// Writes a file beside the cloud and answers its path.
    fn file(&self, name: &str, content: &str) -> String {
        let path = self.home.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        spacecraft(self.home.path(), arguments)
    }

    /// Runs a command on this cloud and reads the JSON it prints.
    fn json(&self, arguments: &[&str]) -> (i32, Value) {
        let sandbox_dir = self.sandbox_dir();
        let mut all = arguments.to_vec();
        all.extend(["--sandbox-dir", &sandbox_dir, "--output", "json"]);
        let output = self.run(&all);
        let text = String::from_utf8(output.stdout).unwrap();
        let talk = String::from_utf8_lossy(&output.stderr);
        let document =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text:?}, {talk}"));
        (output.status.code().unwrap(), document)
    }

    /// Runs a command with the flags of a place, which has to succeed, and reads the JSON it prints.
    fn succeeds_at(&self, place: &[String], arguments: &[&str]) -> Value {
        let mut all = arguments.to_vec();
        all.extend(place.iter().map(String::as_str));
        let (code, report) = self.json(&all);
        assert_eq!(code, 0, "{arguments:?}: {report}");
        report
    }

    fn inventory(&self) -> Value {
        self.json(&["sandbox", "inventory"]).1
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        let sandbox_dir = self.sandbox_dir();
        self.run(&["sandbox", "stop", "--sandbox-dir", &sandbox_dir]);
    }
}

fn spacecraft(home: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::cargo_bin("spacecraft").unwrap();
    command.env_clear().env("HOME", home).env("PATH", "/usr/bin:/bin").args(arguments).output().unwrap()
}

fn writes(inventory: &Value) -> u64 {
    let services = inventory["calls"].as_object().unwrap().values();
    services.map(|service| service["writes"].as_u64().unwrap()).sum()
}

#[test]
fn a_network_is_created_once_and_deleted_without_a_trace() {
    let cloud = Cloud::new();
    let before = cloud.inventory();
    let create = [
        "create-network",
        "--provider",
        "sandbox",
        "-n",
        "net1",
        "-m",
        "4",
        "-p",
        "2",
        "--bootnode-amount",
        "2",
        "--logs",
        "none",
    ];

    let (code, report) = cloud.json(&create);
    assert_eq!(code, 0, "{report}");
    assert_eq!((&report["kind"], &report["status"]), (&"NetworkReport".into(), &"ready".into()));
    let steps = report["steps"].as_array().unwrap();
    assert!(steps.iter().all(|step| step["outcome"] == "created"), "{steps:?}");
    let nodes = report["nodes"].as_array().unwrap();
    let peers: BTreeSet<&str> = nodes.iter().filter_map(|node| node["peer_id"].as_str()).collect();
    assert_eq!(peers.len(), 4);
    let roles: Vec<&str> = nodes.iter().filter_map(|node| node["role"].as_str()).collect();
    assert_eq!(roles, ["bootstrap", "bootnode", "bootnode", "miner"]);

    let written = writes(&cloud.inventory());
    let (code, again) = cloud.json(&create);
    assert_eq!(code, 0, "{again}");
    let steps = again["steps"].as_array().unwrap();
    assert!(steps.iter().all(|step| step["outcome"] == "unchanged"), "{steps:?}");
    assert_eq!(writes(&cloud.inventory()), written, "the second run wrote something");

    let (code, hosts) = cloud.json(&["hosts", "--provider", "sandbox", "-n", "net1"]);
    assert_eq!((code, &hosts["kind"]), (0, &"Hosts".into()), "{hosts}");
    assert_eq!(hosts["hosts"][3]["grpc"], nodes[3]["grpc"], "{hosts}");
    assert_eq!(hosts["reach"]["who"], "cluster-only");

    let (code, list) = cloud.json(&["list", "--provider", "sandbox"]);
    assert_eq!((code, &list["networks"][0]["network"]), (0, &"net1".into()), "{list}");
    assert_eq!(list["networks"][0]["nodes"]["ready"], 4, "{list}");
    let (code, status) = cloud.json(&["status", "--provider", "sandbox", "-n", "net1"]);
    assert_eq!((code, &status["findings"]), (0, &Value::Array(Vec::new())), "{status}");
    let (code, logs) = cloud.json(&["logs", "miner-2", "--provider", "sandbox", "-n", "net1"]);
    assert_eq!(code, 0, "{logs}");
    assert!(!logs["lines"].as_array().unwrap().is_empty(), "{logs}");
    let (code, missing) = cloud.json(&["logs", "miner-5", "--provider", "sandbox", "-n", "net1"]);
    assert_eq!(code, 2, "{missing}");
    assert_eq!(writes(&cloud.inventory()), written, "looking wrote something");

    let (code, other) = cloud.json(&["create-network", "--provider", "sandbox", "-n", "net1", "-m", "8"]);
    assert_eq!(code, 2, "{other}");
    assert!(other["error"].as_str().unwrap().contains("fleet.nodes: 4 -> 8"), "{other}");

    let (code, deleted) = cloud.json(&["delete-network", "--provider", "sandbox", "-n", "net1", "--yes"]);
    assert_eq!(code, 0, "{deleted}");
    let after = cloud.inventory();
    for kind in [
        "clusters",
        "disks",
        "firewall_rules",
        "load_balancers",
        "addresses",
        "buckets",
        "dns_records",
        "kubernetes",
    ] {
        assert_eq!(after[kind], before[kind], "{kind}");
    }
}

#[test]
fn wrong_settings_are_told_together_and_nothing_is_called() {
    let cloud = Cloud::new();
    let calls = cloud.inventory()["calls"].clone();
    let (code, wrong) = cloud.json(&[
        "create-network",
        "--provider",
        "sandbox",
        "-n",
        "Net_1",
        "--poets",
        "0",
        "--miner-ram",
        "much",
        "--max-concurrent-deployments",
        "0",
    ]);
    assert_eq!((code, &wrong["kind"]), (2, &"SettingsErrors".into()), "{wrong}");
    let keys: BTreeSet<&str> =
        wrong["errors"].as_array().unwrap().iter().filter_map(|error| error["key"].as_str()).collect();
    for key in ["network-name", "poets", "miner-ram", "max-concurrent-deployments"] {
        assert!(keys.contains(key), "{key} is missing in {keys:?}");
    }
    assert_eq!(cloud.inventory()["calls"], calls);
}

#[test]
fn a_network_is_not_deleted_without_its_name_being_confirmed() {
    let home = tempfile::tempdir().unwrap();
    let sandbox_dir = home.path().join("sandbox").display().to_string();
    let output = spacecraft(
        home.path(),
        &["delete-network", "--provider", "sandbox", "--sandbox-dir", &sandbox_dir, "-n", "net1"],
    );
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--yes"));
    let output = spacecraft(
        home.path(),
        &["delete-network", "--provider", "sandbox", "--sandbox-dir", &sandbox_dir, "--yes"],
    );
    assert_eq!(output.status.code(), Some(2), "a network without a name was accepted");
}

#[test]
fn a_plan_calls_nothing_and_names_every_node() {
    let home = tempfile::tempdir().unwrap();
    let output =
        spacecraft(home.path(), &["plan", "--provider", "sandbox", "-m", "1000", "--output", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(plan["kind"], "Plan");
    assert_eq!(plan["nodes"].as_array().unwrap().len(), 1000);
    assert!(!home.path().join(".local").exists(), "a simulated cloud was started");
}

#[test]
fn manifests_hold_no_secret() {
    let home = tempfile::tempdir().unwrap();
    let output = spacecraft(home.path(), &["plan", "--provider", "sandbox", "--manifests"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("kind: Deployment") && text.contains("kind: Secret"));
    assert!(!text.contains("CAESQ"), "a P2P key is printed");
}
