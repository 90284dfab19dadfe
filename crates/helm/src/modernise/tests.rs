use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use spacecraft_gotemplate::yaml;

use super::*;
use crate::manifest;

/// What Kubernetes 1.36 serves of the kinds in question: the current versions only.
fn serves(api_version: &str, _: &str) -> bool {
    const CURRENT: [&str; 17] = [
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
        "node.k8s.io/v1",
        "flowcontrol.apiserver.k8s.io/v1",
        "certificates.k8s.io/v1",
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
fn a_budget_that_matched_no_pod_matches_none_afterwards_and_not_all() {
    for selector in [json!({}), json!({"matchLabels": {}})] {
        let budget = json!({
            "apiVersion": "policy/v1beta1", "kind": "PodDisruptionBudget", "metadata": {"name": "b"},
            "spec": {"minAvailable": 1, "selector": selector},
        });
        assert_eq!(one(budget)["spec"], json!({"minAvailable": 1}));
    }
}

/// The one object that comes of one.
fn one(object: Value) -> Value {
    modernise(vec![object], &serves).unwrap().objects.pop().flatten().unwrap()
}

#[test]
fn items_of_lists_are_rewritten_and_dropped_like_others() {
    let policy =
        json!({"apiVersion": "policy/v1beta1", "kind": "PodSecurityPolicy", "metadata": {"name": "p"}});
    let budget =
        json!({"apiVersion": "policy/v1beta1", "kind": "PodDisruptionBudget", "metadata": {"name": "b"}});
    let list = |items: &[&Value]| json!({"apiVersion": "v1", "kind": "List", "items": items});
    let last = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}});
    let objects = vec![list(&[&policy, &budget]), list(&[&policy]), list(&[]), last.clone()];
    let modernised = modernise(objects, &serves).unwrap();
    let mut new = budget.clone();
    new["apiVersion"] = json!("policy/v1");
    assert_eq!(modernised.objects, [Some(list(&[&new])), None, Some(list(&[])), Some(last)]);
    assert_eq!(modernised.changes.len(), 3);
}

#[test]
fn an_autoscaler_of_any_version_finds_its_target_under_the_version_that_it_has_now() {
    for version in ["autoscaling/v1", "autoscaling/v2beta2"] {
        let autoscaler = json!({
            "apiVersion": version, "kind": "HorizontalPodAutoscaler", "metadata": {"name": "h"},
            "spec": {"scaleTargetRef": {"apiVersion": "extensions/v1beta1", "kind": "Deployment", "name": "d"}},
        });
        assert_eq!(one(autoscaler).pointer("/spec/scaleTargetRef/apiVersion"), Some(&json!("apps/v1")));
    }
}

#[test]
fn subjects_of_the_first_bindings_get_a_group() {
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1alpha1", "kind": "ClusterRoleBinding", "metadata": {"name": "b"},
        "subjects": [
            {"kind": "User", "name": "*", "apiVersion": "rbac.authorization.k8s.io/v1alpha1"},
            {"kind": "ServiceAccount", "name": "a", "namespace": "n", "apiVersion": "v1"},
        ],
    });
    let group = "rbac.authorization.k8s.io";
    assert_eq!(
        one(binding)["subjects"],
        json!([
            {"kind": "Group", "name": "system:authenticated", "apiGroup": group},
            {"kind": "ServiceAccount", "name": "a", "namespace": "n"},
        ])
    );
}

#[test]
fn parts_of_a_definitions_schema_without_a_type_take_anything_as_before() {
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1beta1", "kind": "CustomResourceDefinition", "metadata": {"name": "d"},
        "spec": {
            "group": "g", "version": "v1", "preserveUnknownFields": false,
            "names": {"plural": "ds", "kind": "D"},
            "validation": {"openAPIV3Schema": {"properties": {
                "any": {"description": "anything"},
                "port": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
                "list": {"type": "array", "items": {"properties": {"x": {"type": "string"}}}},
            }}},
        },
    });
    assert_eq!(
        one(definition).pointer("/spec/versions/0/schema/openAPIV3Schema"),
        Some(&json!({"type": "object", "properties": {
            "any": {"description": "anything", "x-kubernetes-preserve-unknown-fields": true},
            "port": {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": true},
            "list": {"type": "array", "items": {
                "properties": {"x": {"type": "string"}}, "x-kubernetes-preserve-unknown-fields": true,
            }},
        }}))
    );
}

#[test]
fn classes_of_runtimes_and_priorities_of_requests_have_their_new_fields() {
    let class = json!({
        "apiVersion": "node.k8s.io/v1alpha1", "kind": "RuntimeClass", "metadata": {"name": "r"},
        "spec": {"runtimeHandler": "gvisor"},
    });
    assert_eq!(one(class)["handler"], "gvisor");
    let level = |shares: i64| {
        one(json!({
            "apiVersion": "flowcontrol.apiserver.k8s.io/v1beta2", "kind": "PriorityLevelConfiguration",
            "metadata": {"name": "p"}, "spec": {"type": "Limited", "limited": {"assuredConcurrencyShares": shares}},
        }))["spec"]["limited"]
            .clone()
    };
    assert_eq!((level(5), level(0)), (json!({"nominalConcurrencyShares": 5}), json!({})));
}

#[test]
fn what_would_need_a_guess_is_an_error_that_says_what_is_missing() {
    let request = json!({
        "apiVersion": "certificates.k8s.io/v1beta1", "kind": "CertificateSigningRequest", "metadata": {"name": "c"},
        "spec": {"usages": ["client auth"]},
    });
    assert!(modernise(vec![request], &serves).unwrap_err().to_string().contains("it names no signer"));
    let webhook = json!({"name": "w.example.org", "sideEffects": "None"});
    let webhooks = json!({
        "apiVersion": "admissionregistration.k8s.io/v1beta1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "v"}, "webhooks": [webhook, webhook],
    });
    assert!(modernise(vec![webhooks], &serves).unwrap_err().to_string().contains("two webhooks named"));
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
