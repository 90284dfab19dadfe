//! Creating, replacing, patching, deleting.

use http::Method;
use serde_json::{Value, json};

use crate::subject::{Subject, config_map, deployment};

pub(crate) async fn creating_fills_in_metadata(subject: &Subject) {
    let made = subject.post(&subject.core("configmaps"), &config_map("a")).await.expect(201);
    let metadata = &made["metadata"];
    assert_eq!(metadata["namespace"], subject.namespace.as_str());
    for field in ["uid", "resourceVersion", "creationTimestamp"] {
        assert!(metadata[field].as_str().is_some_and(|text| !text.is_empty()), "{field} in {made}");
    }
    let got = subject.get(&subject.core("configmaps/a")).await.expect(200);
    assert_eq!(got, made);
}

pub(crate) async fn creating_twice_is_refused(subject: &Subject) {
    let path = subject.core("configmaps");
    subject.post(&path, &config_map("a")).await.expect(201);
    let message = subject.post(&path, &config_map("a")).await.refused(409, "AlreadyExists");
    assert_eq!(message, "configmaps \"a\" already exists");
    let path = subject.grouped("apps/v1", "deployments");
    subject.post(&path, &deployment("a")).await.expect(201);
    let message = subject.post(&path, &deployment("a")).await.refused(409, "AlreadyExists");
    assert_eq!(message, "deployments.apps \"a\" already exists");
}

pub(crate) async fn a_name_is_generated_from_its_prefix(subject: &Subject) {
    let body = json!({"metadata": {"generateName": "prefix-"}});
    let path = subject.core("configmaps");
    let (first, second) =
        (subject.post(&path, &body).await.expect(201), subject.post(&path, &body).await.expect(201));
    let names = [first, second].map(|made| made["metadata"]["name"].as_str().unwrap().to_owned());
    assert_ne!(names[0], names[1]);
    assert!(
        names.iter().all(|name| name.starts_with("prefix-") && name.len() == "prefix-".len() + 5),
        "{names:?}"
    );
    subject.post(&path, &json!({"metadata": {}})).await.refused(422, "Invalid");
}

pub(crate) async fn a_namespace_must_exist_and_match(subject: &Subject) {
    let reply = subject.post("/api/v1/namespaces/no-such-namespace/configmaps", &config_map("a")).await;
    assert_eq!(reply.refused(404, "NotFound"), "namespaces \"no-such-namespace\" not found");
    let mut elsewhere = config_map("a");
    elsewhere["metadata"]["namespace"] = "elsewhere".into();
    let message = subject.post(&subject.core("configmaps"), &elsewhere).await.refused(400, "BadRequest");
    assert!(message.contains("does not match the namespace"), "{message}");
    let message = subject.get(&subject.core("configmaps/none")).await.refused(404, "NotFound");
    assert_eq!(message, "configmaps \"none\" not found");
}

pub(crate) async fn unknown_and_duplicate_fields_are_refused_when_strict(subject: &Subject) {
    let path = format!("{}?fieldValidation=Strict", subject.grouped("apps/v1", "deployments"));
    let mut body = deployment("a");
    body["spec"]["foo"] = 1.into();
    body["spec"]["template"]["spec"]["containers"][0]["bar"] = 2.into();
    let message = subject.post(&path, &body).await.refused(400, "BadRequest");
    assert!(message.contains("strict decoding error"), "{message}");
    assert!(message.contains("unknown field \"spec.foo\""), "{message}");
    assert!(message.contains("unknown field \"spec.template.spec.containers[0].bar\""), "{message}");
    let twice = r#"{"metadata":{"name":"a"},"data":{"k":"1"},"data":{"k":"2"}}"#;
    let path = format!("{}?fieldValidation=Strict", subject.core("configmaps"));
    let reply =
        subject.send(Method::POST, &path, &[("content-type", "application/json")], twice.into()).await;
    let message = reply.refused(400, "BadRequest");
    assert!(message.contains("duplicate field \"data\""), "{message}");
}

pub(crate) async fn unknown_fields_are_warned_of_or_ignored_otherwise(subject: &Subject) {
    let mut body = config_map("a");
    body["foo"] = 1.into();
    let reply = subject.post(&format!("{}?fieldValidation=Warn", subject.core("configmaps")), &body).await;
    assert_eq!(reply.expect(201).get("foo"), None);
    let warning = reply.headers.get("warning").and_then(|value| value.to_str().ok()).unwrap_or_default();
    assert!(warning.starts_with("299 ") && warning.contains("unknown field"), "{warning}");
    body["metadata"]["name"] = "b".into();
    let reply = subject.post(&format!("{}?fieldValidation=Ignore", subject.core("configmaps")), &body).await;
    reply.expect(201);
    assert_eq!(reply.headers.get("warning"), None);
}

pub(crate) async fn a_value_of_the_wrong_type_is_refused(subject: &Subject) {
    let mut body = deployment("a");
    body["spec"]["replicas"] = "three".into();
    let message =
        subject.post(&subject.grouped("apps/v1", "deployments"), &body).await.refused(400, "BadRequest");
    assert!(message.contains("spec.replicas of type int32"), "{message}");
    let mut body = config_map("a");
    body["data"]["key"] = 1.into();
    subject.post(&subject.core("configmaps"), &body).await.refused(400, "BadRequest");
    let mut body = config_map("a");
    body["apiVersion"] = "apps/v1".into();
    let message = subject.post(&subject.core("configmaps"), &body).await.refused(400, "BadRequest");
    assert!(message.contains("apps/v1"), "{message}");
    let path = subject.grouped("autoscaling/v2", "horizontalpodautoscalers");
    let older =
        json!({"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "a"}});
    let message = subject.post(&path, &older).await.refused(400, "BadRequest");
    assert!(message.contains("does not match the expected API version"), "{message}");
}

pub(crate) async fn a_dry_run_stores_nothing(subject: &Subject) {
    let path = subject.core("configmaps");
    let made = subject.post(&format!("{path}?dryRun=All"), &config_map("a")).await.expect(201);
    assert!(made["metadata"]["uid"].is_string());
    subject.get(&format!("{path}/a")).await.refused(404, "NotFound");
}

pub(crate) async fn replacing_needs_the_latest_version(subject: &Subject) {
    let made = subject.post(&subject.core("configmaps"), &config_map("a")).await.expect(201);
    let path = subject.core("configmaps/a");
    let mut changed = made.clone();
    changed["data"]["key"] = "other".into();
    let stored = subject.put(&path, &changed).await.expect(200);
    assert_ne!(stored["metadata"]["resourceVersion"], made["metadata"]["resourceVersion"]);
    let message = subject.put(&path, &changed).await.refused(409, "Conflict");
    assert!(message.contains("the object has been modified"), "{message}");
    let mut free = stored.clone();
    free["metadata"].as_object_mut().unwrap().remove("resourceVersion");
    free["data"]["key"] = "third".into();
    assert_eq!(subject.put(&path, &free).await.expect(200)["data"]["key"], "third");
    subject.put(&subject.core("configmaps/none"), &config_map("none")).await.refused(404, "NotFound");
}

pub(crate) async fn json_patches_change_what_they_name(subject: &Subject) {
    subject.post(&subject.core("configmaps"), &config_map("a")).await.expect(201);
    let path = subject.core("configmaps/a");
    let patch = json!([
        {"op": "test", "path": "/data/key", "value": "value"},
        {"op": "add", "path": "/data/second", "value": "2"},
        {"op": "remove", "path": "/data/key"},
    ]);
    let patched = subject.patch(&path, "json-patch+json", &patch).await.expect(200);
    assert_eq!(patched["data"], json!({"second": "2"}));
    let failing = json!([{"op": "test", "path": "/data/second", "value": "3"}]);
    subject.patch(&path, "json-patch+json", &failing).await.refused(422, "Invalid");
}

pub(crate) async fn merge_patches_remove_by_null(subject: &Subject) {
    subject.post(&subject.core("configmaps"), &config_map("a")).await.expect(201);
    let path = subject.core("configmaps/a");
    let patch = json!({"data": {"key": null, "other": "x"}});
    let patched = subject.patch(&path, "merge-patch+json", &patch).await.expect(200);
    assert_eq!(patched["data"], json!({"other": "x"}));
    let stale = json!({"metadata": {"resourceVersion": "1"}, "data": {"other": "y"}});
    subject.patch(&path, "merge-patch+json", &stale).await.refused(409, "Conflict");
}

pub(crate) async fn strategic_patches_merge_lists_by_key(subject: &Subject) {
    subject.post(&subject.grouped("apps/v1", "deployments"), &deployment("a")).await.expect(201);
    let path = subject.grouped("apps/v1", "deployments/a");
    let containers = json!([{"name": "side", "image": "registry.example/side:1"}]);
    let patch = json!({"spec": {"template": {"spec": {"containers": containers}}}});
    let patched = subject.patch(&path, "strategic-merge-patch+json", &patch).await.expect(200);
    let names: Vec<&Value> = patched["spec"]["template"]["spec"]["containers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["name"])
        .collect();
    assert_eq!(names.len(), 2, "{patched}");
    let removal = json!([{"name": "side", "$patch": "delete"}]);
    let patch = json!({"spec": {"template": {"spec": {"containers": removal}}}});
    let patched = subject.patch(&path, "strategic-merge-patch+json", &patch).await.expect(200);
    assert_eq!(patched["spec"]["template"]["spec"]["containers"].as_array().unwrap().len(), 1);
}

pub(crate) async fn generations_count_changes_of_the_spec(subject: &Subject) {
    let made = subject.post(&subject.grouped("apps/v1", "deployments"), &deployment("a")).await.expect(201);
    assert_eq!(made["metadata"]["generation"], 1);
    let path = subject.grouped("apps/v1", "deployments/a");
    let labelled = json!({"metadata": {"labels": {"b": "c"}}});
    let patched = subject.patch(&path, "merge-patch+json", &labelled).await.expect(200);
    assert_eq!(patched["metadata"]["generation"], 1);
    let scaled = json!({"spec": {"minReadySeconds": 1}});
    let patched = subject.patch(&path, "merge-patch+json", &scaled).await.expect(200);
    assert_eq!(patched["metadata"]["generation"], 2);
}

pub(crate) async fn status_changes_only_through_its_subresource(subject: &Subject) {
    subject.post(&subject.grouped("policy/v1", "poddisruptionbudgets"), &json!({
        "metadata": {"name": "a"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "none"}}},
    })).await.expect(201);
    let path = subject.grouped("policy/v1", "poddisruptionbudgets/a");
    let status = json!({"status": {"disruptedPods": {"pod-a": "2026-01-01T00:00:00Z"}}});
    let patched = subject.patch(&path, "merge-patch+json", &status).await.expect(200);
    assert_eq!(patched["status"].get("disruptedPods"), None);
    let both =
        json!({"spec": {"minAvailable": 5}, "status": {"disruptedPods": {"pod-a": "2026-01-01T00:00:00Z"}}});
    let patched = subject.patch(&format!("{path}/status"), "merge-patch+json", &both).await.expect(200);
    assert_eq!(patched["spec"]["minAvailable"], 1);
    assert_eq!(patched["status"]["disruptedPods"]["pod-a"], "2026-01-01T00:00:00Z");
}

pub(crate) async fn scale_reads_and_sets_the_replicas(subject: &Subject) {
    subject.post(&subject.grouped("apps/v1", "deployments"), &deployment("a")).await.expect(201);
    let path = subject.grouped("apps/v1", "deployments/a/scale");
    let scale = subject.get(&path).await.expect(200);
    assert_eq!(scale["kind"], "Scale");
    assert_eq!(scale["spec"].get("replicas").and_then(Value::as_i64).unwrap_or(0), 0);
    let mut negative = scale.clone();
    negative["spec"]["replicas"] = (-1).into();
    subject.put(&path, &negative).await.refused(422, "Invalid");
    let patched =
        subject.patch(&path, "merge-patch+json", &json!({"spec": {"replicas": 1}})).await.expect(200);
    assert_eq!(patched["spec"]["replicas"], 1);
    let stored = subject.get(&subject.grouped("apps/v1", "deployments/a")).await.expect(200);
    assert_eq!(stored["spec"]["replicas"], 1);
}

pub(crate) async fn deleting_answers_with_success_and_then_not_found(subject: &Subject) {
    subject.post(&subject.core("configmaps"), &config_map("a")).await.expect(201);
    let path = subject.core("configmaps/a");
    let deleted = subject.delete(&path).await.expect(200);
    assert_eq!((deleted["kind"].as_str(), deleted["status"].as_str()), (Some("Status"), Some("Success")));
    assert_eq!(deleted["details"]["name"], "a");
    subject.get(&path).await.refused(404, "NotFound");
    subject.delete(&path).await.refused(404, "NotFound");
}

pub(crate) async fn deleting_keeps_to_its_preconditions(subject: &Subject) {
    let made = subject.post(&subject.core("configmaps"), &config_map("a")).await.expect(201);
    let path = subject.core("configmaps/a");
    let other = json!({"preconditions": {"uid": "11111111-2222-3333-4444-555555555555"}});
    let message = subject.delete_with(&path, &other).await.refused(409, "Conflict");
    assert!(message.contains("the UID in the precondition"), "{message}");
    let right = json!({"preconditions": {"uid": made["metadata"]["uid"]}});
    subject.delete_with(&path, &right).await.expect(200);
    subject.post(&subject.core("configmaps"), &config_map("b")).await.expect(201);
    subject
        .delete_with(&subject.core("configmaps/b"), &json!({"propagationPolicy": "Sideways"}))
        .await
        .refused(422, "Invalid");
}

pub(crate) async fn finalizers_hold_what_is_deleted(subject: &Subject) {
    let mut held = config_map("a");
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    subject.post(&subject.core("configmaps"), &held).await.expect(201);
    let path = subject.core("configmaps/a");
    let going = subject.delete(&path).await.expect(200);
    assert!(going["metadata"]["deletionTimestamp"].is_string(), "{going}");
    assert!(subject.get(&path).await.expect(200)["metadata"]["deletionTimestamp"].is_string());
    let released = json!({"metadata": {"finalizers": null}});
    subject.patch(&path, "merge-patch+json", &released).await.expect(200);
    subject.get(&path).await.refused(404, "NotFound");
}

pub(crate) async fn a_collection_is_deleted_by_selector(subject: &Subject) {
    for (name, label) in [("a", "x"), ("b", "x"), ("c", "y")] {
        let mut body = config_map(name);
        body["metadata"]["labels"] = json!({"group": label});
        subject.post(&subject.core("configmaps"), &body).await.expect(201);
    }
    subject.delete(&format!("{}?labelSelector=group%3Dx", subject.core("configmaps"))).await.expect(200);
    let left = subject.get(&format!("{}?labelSelector=group", subject.core("configmaps"))).await.expect(200);
    let names: Vec<&Value> =
        left["items"].as_array().unwrap().iter().map(|one| &one["metadata"]["name"]).collect();
    assert_eq!(names, [&json!("c")]);
}

pub(crate) async fn a_namespace_that_goes_away_takes_nothing_new(subject: &Subject) {
    let made = subject
        .post("/api/v1/namespaces", &json!({"metadata": {"generateName": "going-"}}))
        .await
        .expect(201);
    let name = made["metadata"]["name"].as_str().unwrap();
    assert_eq!(made["metadata"]["labels"]["kubernetes.io/metadata.name"], name);
    assert_eq!(made["spec"]["finalizers"], json!(["kubernetes"]));
    let mut held = config_map("held");
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    let inside = format!("/api/v1/namespaces/{name}/configmaps");
    subject.post(&inside, &held).await.expect(201);
    let going = subject.delete(&format!("/api/v1/namespaces/{name}")).await.expect(200);
    assert_eq!(going["status"]["phase"], "Terminating");
    let message = subject.post(&inside, &config_map("late")).await.refused(403, "Forbidden");
    assert!(message.contains("because it is being terminated"), "{message}");
    let released = json!({"metadata": {"finalizers": null}});
    subject.patch(&format!("{inside}/held"), "merge-patch+json", &released).await.expect(200);
}
