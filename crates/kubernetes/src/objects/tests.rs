//! Snapshots of every kind of object, and that each is one the API knows.

pub(crate) mod sample;

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, PersistentVolumeClaim, Secret, Service};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use spacecraft_core::secret::SecretBytes;
use spacecraft_core::workload::{NetworkSecret, Part, Role, Workload};

use super::*;

fn target() -> Target {
    sample::target()
}

fn bodies(workload: &Workload) -> Vec<Value> {
    of_workload(&target(), workload).into_iter().map(|manifest| manifest.body).collect()
}

macro_rules! snapshots {
    ($($test:ident: $sample:ident;)*) => {
        $(#[test]
        fn $test() {
            insta::assert_yaml_snapshot!(bodies(&sample::$sample()));
        })*
    };
}

snapshots! {
    objects_of_a_v1_node: v1_node;
    objects_of_a_v0_bootnode: v0_bootnode;
    objects_of_a_poet: poet;
    objects_of_the_beacon_server: beacon;
    objects_of_spacemesh_watch: watch;
    objects_of_pyroscope: pyroscope;
}

#[test]
fn objects_of_the_foundation() {
    let bodies: Vec<Value> =
        foundation::manifests(&target(), &sample::foundation()).into_iter().map(|m| m.body).collect();
    insta::assert_yaml_snapshot!(bodies);
}

#[test]
fn a_namespace_that_nobody_is_admitted_to_is_closed_all_the_same() {
    let closed = foundation::inside(&target(), &Foundation::default());
    let policies: Vec<_> = closed.iter().map(|manifest| manifest.body["spec"].clone()).collect();
    let among_themselves = json!([{ "from": [{ "podSelector": {} }] }]);
    let expected = json!({ "podSelector": {}, "policyTypes": ["Ingress"], "ingress": among_themselves });
    assert_eq!(policies, [expected]);
}

#[test]
fn a_pinned_node_on_a_shared_cluster_is_pinned_by_a_label_of_its_network() {
    let target = Target { shared_cluster: true, ..target() };
    let deployment = of_workload(&target, &sample::v0_bootnode()).pop().unwrap().body;
    assert_eq!(
        deployment.pointer("/spec/template/spec/nodeSelector"),
        Some(&json!({ "spacecraft.io/slot-net1": "1" }))
    );
}

#[test]
fn shown_manifests_come_in_the_order_of_applying_and_without_contents_of_secrets() {
    let secret = NetworkSecret {
        name: "miner-3-keys".to_owned(),
        part: Some(Part::Node { number: 3, role: Role::Miner }),
        data: BTreeMap::from([("p2p.key".to_owned(), SecretBytes::new(*b"private"))]),
    };
    let shown = manifests(&target(), &sample::foundation(), &[secret], &[sample::v1_node()]);
    let kinds: Vec<&str> = shown.iter().filter_map(|object| object["kind"].as_str()).collect();
    insta::assert_debug_snapshot!(kinds);
    assert!(!serde_json::to_string(&shown).unwrap().contains("private\""));
}

#[test]
fn the_names_of_objects_are_known_without_making_them() {
    for workload in [sample::v1_node(), sample::v0_bootnode(), sample::poet(), sample::watch()] {
        for kind in WORKLOAD_KINDS {
            let manifests = of_kind(&target(), &workload, kind);
            let made: Vec<&str> = manifests.iter().map(|manifest| manifest.address.name.as_str()).collect();
            assert_eq!(names_of_kind(&workload, kind), made);
        }
    }
}

#[test]
fn a_changed_config_file_changes_the_pod_template() {
    let before = sample::v1_node();
    let mut after = before.clone();
    after.files[0].content.push(' ');
    let digest = |workload: &Workload| {
        let deployment = of_workload(&target(), workload).pop().unwrap().body;
        deployment.pointer("/spec/template/metadata/annotations").cloned().unwrap()
    };
    assert_ne!(digest(&before), digest(&after));
}

#[test]
fn key_paths_are_arguments_and_no_part_of_the_script() {
    let mut workload = sample::v1_node();
    workload.keys[0].path = "$(reboot)/p2p.key".to_owned();
    let deployment = of_workload(&target(), &workload).pop().unwrap().body;
    let copier = deployment.pointer("/spec/template/spec/initContainers/0").unwrap();
    assert!(!copier["args"][0].as_str().unwrap().contains("reboot"));
    assert_eq!(copier["args"][3], "/data/$(reboot)/p2p.key");
}

/// Fails when a field of `object` is unknown to the API's type: it would be lost on the way through it.
fn assert_known_to_api<T: DeserializeOwned + Serialize>(object: &Value) {
    let typed: T = serde_json::from_value(object.clone()).unwrap();
    assert_eq!(&serde_json::to_value(typed).unwrap(), object);
}

#[test]
fn every_field_is_known_to_the_api() {
    let samples = [
        sample::v1_node(),
        sample::v0_bootnode(),
        sample::poet(),
        sample::beacon(),
        sample::watch(),
        sample::pyroscope(),
    ];
    let all = manifests(&target(), &sample::foundation(), &[], &samples);
    for object in &all {
        match object["kind"].as_str().unwrap() {
            "Deployment" => assert_known_to_api::<Deployment>(object),
            "ConfigMap" => assert_known_to_api::<ConfigMap>(object),
            "PersistentVolumeClaim" => assert_known_to_api::<PersistentVolumeClaim>(object),
            "Service" => assert_known_to_api::<Service>(object),
            "Secret" => assert_known_to_api::<Secret>(object),
            "Namespace" => assert_known_to_api::<Namespace>(object),
            "NetworkPolicy" => assert_known_to_api::<NetworkPolicy>(object),
            "PodDisruptionBudget" => assert_known_to_api::<PodDisruptionBudget>(object),
            "PodMonitor" => {}
            other => panic!("{other} is not checked"),
        }
    }
}
