use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use spacecraft_gotemplate::yaml;

use super::*;
use crate::manifest;

/// What Kubernetes 1.36 serves of the kinds in question: the current versions only.
fn serves(api_version: &str, _: &str) -> bool {
    const CURRENT: [&str; 14] = [
        "v1",
        "apps/v1",
        "networking.k8s.io/v1",
        "policy/v1",
        "autoscaling/v2",
        "autoscaling/v1",
        "batch/v1",
        "rbac.authorization.k8s.io/v1",
        "admissionregistration.k8s.io/v1",
        "apiregistration.k8s.io/v1",
        "apiextensions.k8s.io/v1",
        "scheduling.k8s.io/v1",
        "storage.k8s.io/v1",
        "coordination.k8s.io/v1",
    ];
    CURRENT.contains(&api_version)
}

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/old-apis");
    let mut cases: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

fn documents(case: &Path, file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(case.join(file)).unwrap();
    manifest::split(&text).map(|document| yaml::from_str(document).unwrap()).collect()
}

fn numbers_as_floats(value: Value) -> Value {
    crate::values::as_go_json(value)
}

#[test]
fn every_recorded_case_becomes_what_a_current_server_accepted() {
    let cases = cases();
    assert!(cases.len() >= 15);
    for case in cases {
        let old = documents(&case, "old.yaml");
        let modernised = modernise(old.clone(), &serves).unwrap();
        let found: Vec<Value> = modernised.objects.into_iter().flatten().map(numbers_as_floats).collect();
        assert_eq!(found, documents(&case, "new.yaml"), "{}", case.display());
        let is_changed = old != found;
        assert_eq!(is_changed, !modernised.changes.is_empty(), "{}", case.display());
    }
}

#[test]
fn what_is_modern_already_stays_as_it_is() {
    for case in cases() {
        let new = documents(&case, "new.yaml");
        let modernised = modernise(new.clone(), &serves).unwrap();
        assert_eq!(modernised.objects.into_iter().flatten().collect::<Vec<_>>(), new);
        assert!(modernised.changes.is_empty());
    }
}

#[test]
fn nothing_changes_on_a_server_that_still_serves_the_old_versions() {
    for case in cases() {
        let old = documents(&case, "old.yaml");
        let modernised = modernise(old.clone(), &|_, _| true).unwrap();
        assert_eq!(modernised.objects.into_iter().flatten().collect::<Vec<_>>(), old);
    }
}

#[test]
fn a_webhook_with_side_effects_cannot_be_rewritten() {
    let webhook = json!({
        "apiVersion": "admissionregistration.k8s.io/v1beta1", "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "m"}, "webhooks": [{"name": "w.example.org"}],
    });
    let error = modernise(vec![webhook], &serves).unwrap_err().to_string();
    assert!(
        error.starts_with("MutatingWebhookConfiguration m is of admissionregistration.k8s.io/v1beta1"),
        "{error}"
    );
    assert!(error.contains("sideEffects Unknown"), "{error}");
}

#[test]
fn a_budget_that_matched_no_pod_is_not_turned_into_one_that_matches_all() {
    let budget = json!({
        "apiVersion": "policy/v1beta1", "kind": "PodDisruptionBudget", "metadata": {"name": "b"},
        "spec": {"selector": {}},
    });
    assert!(modernise(vec![budget], &serves).is_err());
}

#[test]
fn defaults_that_differ_are_written_down() {
    let daemon_set = json!({
        "apiVersion": "extensions/v1beta1", "kind": "DaemonSet", "metadata": {"name": "d"},
        "spec": {"template": {"metadata": {"labels": {"a": "b"}}}},
    });
    let modernised = modernise(vec![daemon_set], &serves).unwrap();
    let spec = modernised.objects[0].as_ref().unwrap().get("spec").unwrap();
    assert_eq!(spec.pointer("/updateStrategy/type"), Some(&json!("OnDelete")));
    assert_eq!(spec.pointer("/selector/matchLabels/a"), Some(&json!("b")));
}

#[test]
fn a_workload_without_any_labels_cannot_get_a_selector() {
    let deployment = json!({
        "apiVersion": "apps/v1beta1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": {"template": {}},
    });
    assert!(
        modernise(vec![deployment], &serves)
            .unwrap_err()
            .to_string()
            .contains("neither a selector nor labels")
    );
}

#[test]
fn an_ingress_keeps_a_class_that_is_set_already() {
    let ingress = json!({
        "apiVersion": "networking.k8s.io/v1beta1", "kind": "Ingress",
        "metadata": {"name": "i", "annotations": {"kubernetes.io/ingress.class": "old"}},
        "spec": {"ingressClassName": "new"},
    });
    let modernised = modernise(vec![ingress], &serves).unwrap();
    let ingress = modernised.objects[0].as_ref().unwrap();
    assert_eq!(ingress.pointer("/spec/ingressClassName"), Some(&json!("new")));
    assert_eq!(ingress.pointer("/metadata/annotations"), None);
}
