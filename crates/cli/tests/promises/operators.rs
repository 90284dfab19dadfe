//! Two operators on one network.

use serde_json::{Value, json};

use crate::cloud::{Cloud, Ended, Started, existing, until};

const CREATE: &str = "create-network -n net1 -m 3 --bootnode-amount 1 --logs none";
const DELETE: &str = "delete-network -n net1 --yes";
const UPGRADE: &str = "upgrade-network --provider sandbox -n net1 --go-sm-image spacemeshos/go-spacemesh:v1.7.7 \
                       --restart-wait-time 0";

/// The network is whole, once, and nobody holds its lock.
fn assert_is_whole(cloud: &Cloud) {
    let report = cloud.json(CREATE);
    let steps = report["steps"].as_array().unwrap();
    assert!(steps.iter().all(|step| step["outcome"] == "unchanged"), "{steps:?}");
    let inventory = cloud.inventory();
    assert_eq!(inventory["clusters"].as_array().unwrap().len(), 1, "{inventory}");
    let objects = inventory["buckets"].as_object().unwrap();
    assert!(objects.values().all(|bucket| bucket["net1/lock.json"].is_null()), "{objects:?}");
}

fn assert_is_gone(cloud: &Cloud, before: &Value) {
    assert_eq!(existing(&cloud.inventory()), existing(before));
}

#[test]
fn two_creations_of_one_network_at_once_make_it_once() {
    let cloud = Cloud::new();
    let before = cloud.inventory();
    let both = [cloud.start(CREATE), cloud.start(CREATE)].map(crate::cloud::Started::end);
    let codes: Vec<Option<i32>> = both.iter().map(|ended| ended.code).collect();
    assert!(codes.contains(&Some(0)), "{both:?}");
    for refused in both.iter().filter(|ended| ended.code != Some(0)) {
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.stderr.contains("create-network by tester"), "{}", refused.stderr);
    }
    assert_is_whole(&cloud);
    cloud.done(DELETE);
    assert_is_gone(&cloud, &before);
}

#[test]
fn a_network_that_is_being_created_is_not_deleted_by_somebody_else() {
    let cloud = Cloud::new();
    cloud.done("sandbox configure cluster_creation_seconds=3600");
    let creation = cloud.start(CREATE);
    until("the cluster is waited for", || creation.said().contains("waiting for"));
    let deletion = cloud.run(DELETE);
    assert_eq!(deletion.code, Some(1), "{deletion:?}");
    assert!(deletion.stderr.contains("it is held: create-network by tester"), "{}", deletion.stderr);
    cloud.done("sandbox configure cluster_creation_seconds=1 --advance 3600");
    assert_eq!(creation.end().code, Some(0));
    assert_is_whole(&cloud);
}

#[test]
fn two_deletions_at_once_and_a_deletion_of_what_is_gone_leave_nothing() {
    let cloud = Cloud::new();
    let before = cloud.inventory();
    cloud.done(CREATE);
    let both = [cloud.start(DELETE), cloud.start(DELETE)].map(crate::cloud::Started::end);
    assert!(both.iter().any(|ended| ended.code == Some(0)), "{both:?}");
    assert!(both.iter().all(|ended| matches!(ended.code, Some(0..=2))), "{both:?}");
    assert_is_gone(&cloud, &before);
}

#[test]
fn the_lock_of_a_killed_process_is_taken_over() {
    let cloud = Cloud::new();
    let before = cloud.inventory();
    cloud.done("sandbox configure cluster_creation_seconds=3600");
    let creation = cloud.start(CREATE);
    until("the cluster is waited for", || creation.said().contains("waiting for"));
    creation.signal("KILL");
    assert_eq!(creation.end().signal, Some(9));
    cloud.done("sandbox configure cluster_creation_seconds=1 --advance 3600");
    let taken_over = cloud.done(DELETE);
    assert!(!taken_over.stderr.contains("may still be at work"), "a dead process was waited for");
    assert_is_gone(&cloud, &before);
}

#[test]
fn a_holder_whose_lock_was_broken_ends_without_writing_over_the_other() {
    let cloud = Cloud::new();
    cloud.done("sandbox configure cluster_creation_seconds=3600");
    let frozen = cloud.start(CREATE);
    until("the cluster is waited for", || frozen.said().contains("waiting for"));
    frozen.signal("STOP");
    cloud.done("sandbox configure cluster_creation_seconds=1 --advance 3600");
    cloud.done(&format!("{CREATE} --force-unlock"));
    let record = cloud.inventory()["buckets"].clone();
    frozen.signal("CONT");
    let late = frozen.end();
    assert!(matches!(late.code, Some(1 | 3)), "{late:?}");
    assert!(late.stderr.contains("another operation"), "{}", late.stderr);
    assert_eq!(cloud.inventory()["buckets"], record, "the late process wrote");
    assert_is_whole(&cloud);
}

/// All nodes run the release that they were upgraded to, and nothing is left to do.
fn assert_is_upgraded(cloud: &Cloud) {
    let report = cloud.json(UPGRADE);
    let steps = report["steps"].as_array().unwrap();
    assert!(steps.iter().all(|step| step["outcome"] == "unchanged"), "{steps:?}");
    let nodes = cloud
        .objects()
        .into_iter()
        .filter(|object| object["kind"] == "Deployment" && object["metadata"]["labels"]["app"] == "miner");
    let images: Vec<Value> =
        nodes.map(|node| node["spec"]["template"]["spec"]["containers"][0]["image"].clone()).collect();
    assert_eq!(images, vec![json!("spacemeshos/go-spacemesh:v1.7.7"); 3]);
    assert_is_whole(cloud);
}

/// A command that has begun its work, and waits for pods that do not come up.
fn begun(cloud: &Cloud, line: &str) -> Started {
    let started = cloud.start(&format!("{line} -v"));
    until("its work has begun", || started.said().contains("waiting for"));
    started
}

fn assert_lost_its_lock(late: &Ended) {
    assert!(matches!(late.code, Some(1 | 3)), "{late:?}");
    assert!(late.stderr.contains("another operation"), "{}", late.stderr);
}

#[test]
fn two_upgrades_of_one_network_at_once_upgrade_it_once() {
    let cloud = Cloud::new();
    cloud.done(CREATE);
    let both = [cloud.start(UPGRADE), cloud.start(UPGRADE)].map(Started::end);
    assert!(both.iter().any(|ended| ended.code == Some(0)), "{both:?}");
    for refused in both.iter().filter(|ended| ended.code != Some(0)) {
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.stderr.contains("upgrade-network by tester"), "{}", refused.stderr);
    }
    assert_is_upgraded(&cloud);
}

#[test]
fn an_upgrade_whose_holder_died_is_finished_by_another() {
    let cloud = Cloud::new();
    cloud.done(CREATE);
    cloud.done("sandbox configure pod_start_seconds=3600");
    let upgrade = begun(&cloud, UPGRADE);
    upgrade.signal("KILL");
    assert_eq!(upgrade.end().signal, Some(9));
    cloud.done("sandbox configure pod_start_seconds=1 --advance 3600");
    let finished = cloud.done(UPGRADE);
    assert!(!finished.stderr.contains("may still be at work"), "a dead process was waited for");
    assert_is_upgraded(&cloud);
}

#[test]
fn an_upgrade_whose_lock_was_broken_ends_without_writing_over_the_other() {
    let cloud = Cloud::new();
    cloud.done(CREATE);
    cloud.done("sandbox configure pod_start_seconds=3600");
    let frozen = begun(&cloud, UPGRADE);
    frozen.signal("STOP");
    cloud.done("sandbox configure pod_start_seconds=1 --advance 3600");
    cloud.done(&format!("{UPGRADE} --force-unlock"));
    let record = cloud.inventory()["buckets"].clone();
    frozen.signal("CONT");
    assert_lost_its_lock(&frozen.end());
    assert_eq!(cloud.inventory()["buckets"], record, "the late process wrote");
    assert_is_upgraded(&cloud);
}

#[test]
fn a_deletion_whose_holder_died_is_finished_by_another_and_one_whose_lock_was_broken_ends() {
    let cloud = Cloud::new();
    let before = cloud.inventory();
    for end in ["KILL", "STOP"] {
        cloud.done(CREATE);
        cloud.done("sandbox configure cluster_deletion_seconds=3600");
        let deletion = begun(&cloud, DELETE);
        let refused = cloud.run(DELETE);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.stderr.contains("it is held: delete-network by tester"), "{}", refused.stderr);
        deletion.signal(end);
        cloud.done("sandbox configure cluster_deletion_seconds=1 --advance 3600");
        if end == "KILL" {
            assert_eq!(deletion.end().signal, Some(9));
            cloud.done(DELETE);
        } else {
            cloud.done(&format!("{DELETE} --force-unlock"));
            deletion.signal("CONT");
            let late = deletion.end();
            assert!(matches!(late.code, Some(0..=3)), "{late:?}");
        }
        assert_is_gone(&cloud, &before);
    }
}
