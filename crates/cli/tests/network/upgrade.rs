//! Releases and configs of networks on a simulated cloud.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Cloud, writes};

const ON: [&str; 6] = ["--provider", "sandbox", "-n", "net1", "--restart-wait-time", "0"];

/// A network of five nodes, and the image that it can be upgraded to.
fn network(generation: &str) -> (Cloud, &'static str) {
    let cloud = Cloud::new();
    let create =
        ["create-network", "--provider", "sandbox", "-n", "net1", "-m", "5", "-p", "1", "--logs", "none"];
    let fleet = ["--bootnode-amount", "2", "--poet-gateway-amount", "2", "--generation", generation];
    let (code, report) = cloud.json(&[create.as_slice(), &fleet].concat());
    assert_eq!(code, 0, "{report}");
    let newer = match generation {
        "v0" => "spacemeshos/go-spacemesh:v0.2.16-beta.0",
        _ => "spacemeshos/go-spacemesh:v1.7.7",
    };
    (cloud, newer)
}

fn upgrade(cloud: &Cloud, flags: &[&str]) -> (i32, Value) {
    cloud.json(&[&["upgrade-network"], flags, ON.as_slice()].concat())
}

/// The names of the nodes that run an image, by the report.
fn running(report: &Value, image: &str) -> BTreeSet<String> {
    let nodes = report["nodes"].as_array().unwrap_or_else(|| panic!("{report}")).iter();
    let running = nodes.filter(|node| node["image"] == image);
    running.filter_map(|node| Some(node["name"].as_str()?.to_owned())).collect()
}

fn refused(cloud: &Cloud, flags: &[&str], why: &str) {
    let (code, document) = upgrade(cloud, flags);
    assert_eq!(code, 2, "{document}");
    assert!(document.to_string().contains(why), "{document}");
}

fn release_and_config(generation: &str) {
    let (cloud, newer) = network(generation);
    let written = writes(&cloud.inventory());
    refused(&cloud, &[], "needs something new");
    refused(&cloud, &["--rollback"], "nothing to take back");
    refused(&cloud, &["--go-sm-image", "spacemeshos/go-spacemesh"], "add a tag or a digest");
    refused(&cloud, &["--go-sm-image", newer, "--only", "7"], "no miner-7");
    let identity = cloud.file("identity.json", r#"{"genesis": {"accounts": {"x": 1}}}"#);
    refused(&cloud, &["--go-sm-config", &identity], "another network");
    let agreed = cloud.file("agreed.json", r#"{"tortoise": {"tortoise-hdist": 9}}"#);
    refused(&cloud, &["--go-sm-config", &agreed], "--restart-all");
    assert_eq!(writes(&cloud.inventory()), written, "a refused upgrade wrote something");

    let (code, held) = upgrade(&cloud, &["--go-sm-image", newer, "--hold-at", "40%"]);
    assert_eq!((code, &held["status"]), (0, &"held".into()), "{held}");
    assert_eq!(running(&held, newer), BTreeSet::from(["miner-4".to_owned(), "miner-5".to_owned()]));
    let (code, done) = upgrade(&cloud, &["--go-sm-image", newer, "--poet-image", "spacemeshos/poet:other"]);
    assert_eq!((code, &done["status"]), (0, &"upgraded".into()), "{done}");
    assert_eq!(running(&done, newer).len(), 5);
    let written = writes(&cloud.inventory());
    let (code, again) = upgrade(&cloud, &["--go-sm-image", newer, "--poet-image", "spacemeshos/poet:other"]);
    assert_eq!(code, 0, "{again}");
    assert_eq!(writes(&cloud.inventory()), written, "the second run wrote something");

    let change = cloud.file("change.json", r#"{"logging": {"hare": "debug"}}"#);
    let (code, changed) = upgrade(&cloud, &["--go-sm-config", &change, "--wave-size", "4"]);
    assert_eq!(code, 0, "{changed}");
    assert_eq!(changed["config_changes"][0]["path"], "logging.hare");
    let (code, changed) = upgrade(&cloud, &["--go-sm-config", &agreed, "--restart-all"]);
    assert_eq!(code, 0, "{changed}");
    let steps: Vec<&str> =
        changed["steps"].as_array().unwrap().iter().filter_map(|step| step["name"].as_str()).collect();
    assert!(steps.contains(&"stop") && !steps.iter().any(|step| step.starts_with("wave")), "{steps:?}");
    let written = writes(&cloud.inventory());
    let (code, status) = cloud.json(&["status", "--provider", "sandbox", "-n", "net1"]);
    assert_eq!((code, &status["findings"]), (0, &Value::Array(Vec::new())), "{status}");
    assert_eq!(writes(&cloud.inventory()), written);
}

#[test]
fn a_v0_network_is_upgraded_and_configured_anew() {
    release_and_config("v0");
}

#[test]
fn a_v1_network_is_upgraded_and_configured_anew() {
    release_and_config("v1");
}

#[test]
fn a_release_that_crashes_is_taken_back_or_stays_at_its_canary() {
    let (cloud, newer) = network("v1");
    let crashing = format!("crashing_images={newer}");
    let configured = cloud.run(&["sandbox", "configure", "--sandbox-dir", &cloud.sandbox_dir(), &crashing]);
    assert!(configured.status.success());
    let flags = ["--go-sm-image", newer, "--step-timeout", "3m"];
    let (code, failed) = upgrade(&cloud, &flags);
    assert_eq!((code, &failed["resumable"]), (3, &true.into()), "{failed}");
    let next = failed["next"].to_string();
    assert!(next.contains("--rollback") && next.contains(&format!("--go-sm-image={newer}")), "{next}");
    let (code, back) = upgrade(&cloud, &["--rollback"]);
    assert_eq!((code, &back["status"]), (0, &"taken back".into()), "{back}");
    assert_eq!(running(&back, newer), BTreeSet::new());

    let (code, failed) = upgrade(&cloud, &[flags.as_slice(), &["--rollback"]].concat());
    assert_eq!((code, &failed["resumable"]), (1, &false.into()), "{failed}");
    assert!(failed["error"].as_str().unwrap().contains("runs again as before"), "{failed}");
    let (code, status) = cloud.json(&["status", "--provider", "sandbox", "-n", "net1"]);
    assert_eq!(code, 0, "{status}");
}
