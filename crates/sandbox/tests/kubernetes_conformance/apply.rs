//! Server-side apply.

use serde_json::{Value, json};

use crate::subject::{Subject, config_map, deployment};

fn managers(object: &Value) -> Vec<(String, String)> {
    let text = |entry: &Value, field: &str| entry[field].as_str().unwrap_or_default().to_owned();
    let entries = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    entries.iter().map(|entry| (text(entry, "manager"), text(entry, "operation"))).collect()
}

pub(crate) async fn applying_creates_and_then_changes_nothing(subject: &Subject) {
    let path = subject.core("configmaps/a");
    let made = subject.apply(&path, "one", &config_map("a")).await.expect(201);
    assert_eq!(managers(&made), [("one".to_owned(), "Apply".to_owned())]);
    assert_eq!(made["metadata"]["managedFields"][0]["fieldsV1"], json!({"f:data": {"f:key": {}}}));
    let again = subject.apply(&path, "one", &config_map("a")).await.expect(200);
    assert_eq!(again["metadata"]["resourceVersion"], made["metadata"]["resourceVersion"]);
}

pub(crate) async fn what_is_no_longer_applied_goes_away(subject: &Subject) {
    let path = subject.core("configmaps/a");
    let mut both = config_map("a");
    both["data"]["second"] = "2".into();
    both["metadata"]["labels"] = json!({"x": "y"});
    subject.apply(&path, "one", &both).await.expect(201);
    let less = subject.apply(&path, "one", &config_map("a")).await.expect(200);
    assert_eq!(less["data"], json!({"key": "value"}));
    assert_eq!(less["metadata"].get("labels"), None);
    subject
        .apply(&path, "two", &json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"key": "value"}}))
        .await
        .expect(200);
    let none = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}});
    let shared = subject.apply(&path, "one", &none).await.expect(200);
    assert_eq!(shared["data"], json!({"key": "value"}), "another manager applies it too");
}

pub(crate) async fn what_others_own_conflicts_unless_forced(subject: &Subject) {
    let path = subject.core("configmaps/a");
    subject.apply(&path, "one", &config_map("a")).await.expect(201);
    let mut other = config_map("a");
    other["data"]["key"] = "other".into();
    let reply = subject.apply(&path, "two", &other).await;
    let message = reply.refused(409, "Conflict");
    assert_eq!(message, "Apply failed with 1 conflict: conflict with \"one\": .data.key");
    let cause = &reply.json()["details"]["causes"][0];
    assert_eq!(
        (cause["reason"].as_str(), cause["field"].as_str()),
        (Some("FieldManagerConflict"), Some(".data.key"))
    );
    let forced = subject.apply(&format!("{path}?force=true"), "two", &other).await.expect(200);
    assert_eq!(forced["data"]["key"], "other");
    assert_eq!(managers(&forced), [("two".to_owned(), "Apply".to_owned())]);
}

pub(crate) async fn containers_merge_by_name(subject: &Subject) {
    let path = subject.grouped("apps/v1", "deployments/a");
    subject.apply(&path, "one", &deployment("a")).await.expect(201);
    let side = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "a"},
        "spec": {"template": {"spec": {"containers": [
            {"name": "side", "image": "registry.example/side:1", "ports": [{"containerPort": 80}]}]}}},
    });
    let merged = subject.apply(&path, "two", &side).await.expect(200);
    let containers = merged["spec"]["template"]["spec"]["containers"].as_array().unwrap().clone();
    assert_eq!(containers.len(), 2, "{merged}");
    let nothing = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}});
    let left = subject.apply(&path, "two", &nothing).await.expect(200);
    let containers = left["spec"]["template"]["spec"]["containers"].as_array().unwrap();
    assert_eq!(containers.iter().map(|one| one["name"].as_str().unwrap()).collect::<Vec<_>>(), ["main"]);
    let mut again = deployment("a");
    again["spec"]["replicas"] = Value::Null;
    let stays = subject.apply(&path, "one", &again).await.expect(200);
    assert_eq!(stays["spec"]["replicas"], 1, "what is not applied any more falls back to its default");
}

pub(crate) async fn updates_own_what_they_change(subject: &Subject) {
    let path = subject.core("configmaps/a");
    subject.apply(&path, "one", &config_map("a")).await.expect(201);
    let patch = json!({"data": {"key": "patched"}});
    let patched =
        subject.patch(&format!("{path}?fieldManager=hand"), "merge-patch+json", &patch).await.expect(200);
    let found = managers(&patched);
    assert_eq!(found, [("hand".to_owned(), "Update".to_owned())], "{patched}");
    let message = subject.apply(&path, "one", &config_map("a")).await.refused(409, "Conflict");
    assert!(message.contains("conflict with \"hand\" using v1"), "{message}");
    let made = subject.post(&subject.core("configmaps"), &config_map("b")).await.expect(201);
    assert_eq!(managers(&made), [("conformance".to_owned(), "Update".to_owned())]);
}

pub(crate) async fn an_application_needs_its_manager_and_known_fields(subject: &Subject) {
    let path = subject.core("configmaps/a");
    let message = subject.patch(&path, "apply-patch+yaml", &config_map("a")).await.refused(422, "Invalid");
    assert!(message.contains("fieldManager: Required value"), "{message}");
    let mut unknown = config_map("a");
    unknown["foo"] = 1.into();
    let refused = subject.apply(&path, "one", &unknown).await.expect(500);
    let message = refused["message"].as_str().unwrap();
    assert!(message.contains(".foo: field not declared in schema"), "{message}");
    let mut managed = config_map("a");
    managed["metadata"]["managedFields"] = json!([{"manager": "x"}]);
    let message = subject.apply(&path, "one", &managed).await.refused(400, "BadRequest");
    assert!(message.contains("metadata.managedFields must be nil"), "{message}");
    let reply = subject.patch(&format!("{path}?force=true"), "merge-patch+json", &json!({})).await;
    reply.refused(422, "Invalid");
}

pub(crate) async fn applied_quantities_are_stored_in_their_canonical_form(subject: &Subject) {
    let path = subject.grouped("apps/v1", "deployments/a");
    let mut body = deployment("a");
    body["spec"]["template"]["spec"]["containers"][0]["resources"] =
        json!({"requests": {"cpu": "0.5", "memory": "1024Mi"}, "limits": {"cpu": "1000m", "memory": "1Gi"}});
    let made = subject.apply(&path, "one", &body).await.expect(201);
    let resources = &made["spec"]["template"]["spec"]["containers"][0]["resources"];
    assert_eq!(
        *resources,
        json!({"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "1Gi"}})
    );
    let again = subject.apply(&path, "one", &body).await.expect(200);
    assert_eq!(again["metadata"]["generation"], made["metadata"]["generation"]);
}
