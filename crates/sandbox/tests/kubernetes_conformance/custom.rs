//! Custom resources.

use serde_json::{Value, json};

use crate::subject::Subject;

/// Defines gadgets of a group of the test's own; returns the group and the definition's path.
async fn define(subject: &Subject) -> (String, String) {
    let group = format!("{}.example.com", subject.namespace);
    let schema = json!({
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "required": ["size"],
                "properties": {
                    "size": {"type": "integer", "minimum": 1},
                    "colour": {"type": "string", "enum": ["red", "blue"]},
                },
            },
            "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        },
    });
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("gadgets.{group}")},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": "gadgets", "kind": "Gadget", "shortNames": ["gd"]},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema},
                "subresources": {"status": {}}}],
        },
    });
    let all = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    subject.post(all, &definition).await.expect(201);
    let path = format!("{all}/gadgets.{group}");
    let established = |body: &Value| {
        let conditions = body["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.iter().any(|one| one["type"] == "Established" && one["status"] == "True")
    };
    let reply = subject.eventually(&path, |reply| established(&reply.json())).await;
    assert!(established(&reply.json()), "{}", reply.text);
    let gadgets = subject.grouped(&format!("{group}/v1"), "gadgets");
    subject.eventually(&gadgets, |reply| reply.status == 200).await.expect(200);
    (group, path)
}

fn gadget(group: &str, spec: &Value) -> Value {
    json!({"apiVersion": format!("{group}/v1"), "kind": "Gadget", "metadata": {"name": "a"}, "spec": spec})
}

pub(crate) async fn a_definition_brings_a_new_resource(subject: &Subject) {
    let (group, definition) = define(subject).await;
    let discovery = format!("/apis/{group}/v1");
    let list = subject.eventually(&discovery, |reply| reply.status == 200).await.expect(200);
    let gadgets = list["resources"].as_array().unwrap().iter().find(|one| one["name"] == "gadgets").unwrap();
    assert_eq!(gadgets["shortNames"], json!(["gd"]));
    let path = subject.grouped(&format!("{group}/v1"), "gadgets");
    let made = subject.post(&path, &gadget(&group, &json!({"size": 3}))).await.expect(201);
    assert_eq!((made["kind"].as_str(), made["metadata"]["generation"].as_i64()), (Some("Gadget"), Some(1)));
    let patch = json!({"spec": {"size": 4}});
    let patched = subject.patch(&format!("{path}/a"), "merge-patch+json", &patch).await.expect(200);
    assert_eq!(patched["metadata"]["generation"], 2);
    subject.delete(&format!("{path}/a")).await.expect(200);
    subject.delete(&definition).await.expect(200);
    let gone = subject.eventually(&path, |reply| reply.status == 404).await;
    assert_eq!(gone.status, 404);
}

pub(crate) async fn custom_resources_are_pruned_and_checked(subject: &Subject) {
    let (group, definition) = define(subject).await;
    let path = subject.grouped(&format!("{group}/v1"), "gadgets");
    let made = subject.post(&path, &gadget(&group, &json!({"size": 3, "extra": 1}))).await.expect(201);
    assert_eq!(made["spec"], json!({"size": 3}));
    let strict = format!("{path}?fieldValidation=Strict");
    let message = subject
        .post(&strict, &gadget(&group, &json!({"size": 3, "extra": 1})))
        .await
        .refused(400, "BadRequest");
    assert!(message.contains("unknown field \"spec.extra\""), "{message}");
    for spec in [json!({}), json!({"size": 0}), json!({"size": 1, "colour": "green"})] {
        subject.post(&path, &gadget(&group, &spec)).await.refused(422, "Invalid");
    }
    let one = format!("{path}/a");
    subject.patch(&one, "strategic-merge-patch+json", &json!({})).await.refused(415, "UnsupportedMediaType");
    let mut unversioned = made.clone();
    unversioned["metadata"].as_object_mut().unwrap().remove("resourceVersion");
    subject.put(&one, &unversioned).await.refused(422, "Invalid");
    subject.delete(&definition).await;
}
