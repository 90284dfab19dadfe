//! `release-network` on a simulated cloud.

use super::{Cloud, writes};

fn release(cloud: &Cloud, version: &str) -> (i32, serde_json::Value) {
    cloud.json(&[
        "release-network",
        "--provider",
        "sandbox",
        "-n",
        "net1",
        "--go-sm-release-version",
        version,
    ])
}

#[test]
fn a_network_is_released_with_its_config_and_a_second_run_writes_nothing() {
    let cloud = Cloud::new();
    let create = [
        "create-network",
        "--provider",
        "sandbox",
        "-n",
        "net1",
        "-m",
        "3",
        "--bootnode-amount",
        "1",
        "--logs",
        "none",
    ];
    let (code, created) = cloud.json(&create);
    assert_eq!(code, 0, "{created}");

    let (code, missing) = release(&cloud, "no-such-version");
    assert_eq!(code, 2, "{missing}");
    assert!(missing["error"].as_str().unwrap().contains("no build of version no-such-version"), "{missing}");

    let (code, released) = release(&cloud, "v1.7.6");
    assert_eq!((code, &released["kind"]), (0, &"ReleaseReport".into()), "{released}");
    let steps = released["steps"].as_array().unwrap();
    assert!(steps.len() == 4 && steps.iter().all(|step| step["outcome"] == "created"), "{released}");
    let inventory = cloud.inventory();
    let published = inventory["buckets"]["spacemesh-release-builds"].as_object().unwrap();
    assert_eq!(published.len(), 3, "{published:?}");
    assert_eq!(inventory["releases"][0]["tag"], "v1.7.6");

    let (code, again) = release(&cloud, "v1.7.6");
    assert_eq!(code, 0, "{again}");
    assert!(again["steps"].as_array().unwrap().iter().all(|step| step["outcome"] == "unchanged"), "{again}");
    assert_eq!(writes(&cloud.inventory()), writes(&inventory), "the second run wrote something");

    let sandbox_dir = cloud.sandbox_dir();
    let denied =
        ["sandbox", "configure", "denied_github_permissions=contents:write", "--sandbox-dir", &sandbox_dir];
    assert_eq!(cloud.run(&denied).status.code(), Some(0));
    let (code, denied) = release(&cloud, "v1.7.7");
    assert_eq!(code, 2, "{denied}");
    assert!(denied["hint"].as_str().unwrap().contains("contents=write"), "{denied}");
}

#[test]
fn wrong_versions_and_repositories_are_told_together() {
    let cloud = Cloud::new();
    let (code, wrong) = cloud.json(&[
        "release-network",
        "--provider",
        "sandbox",
        "-n",
        "net1",
        "--go-sm-release-version",
        "../v1",
        "--repository",
        "nowhere",
    ]);
    let keys: Vec<&str> =
        wrong["errors"].as_array().unwrap().iter().filter_map(|error| error["key"].as_str()).collect();
    assert_eq!((code, keys), (2, vec!["go-sm-release-version", "repository"]), "{wrong}");
}
