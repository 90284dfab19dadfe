//! Discovery, versions, health, and what is no API.

use http::Method;
use serde_json::json;

use crate::subject::{Subject, config_map};

pub(crate) async fn it_is_alive_and_says_its_version(subject: &Subject) {
    for path in ["/healthz", "/livez", "/readyz"] {
        assert_eq!(subject.get(path).await.text, "ok", "{path}");
    }
    let version = subject.get("/version").await.expect(200);
    assert_eq!(version["major"], "1");
    assert!(version["gitVersion"].as_str().is_some_and(|text| text.starts_with("v1.")), "{version}");
}

pub(crate) async fn discovery_lists_groups_and_resources(subject: &Subject) {
    assert_eq!(subject.get("/api").await.expect(200)["versions"], json!(["v1"]));
    let groups = subject.get("/apis").await.expect(200);
    let apps = groups["groups"].as_array().unwrap().iter().find(|group| group["name"] == "apps").unwrap();
    assert_eq!(apps["preferredVersion"]["groupVersion"], "apps/v1");
    let list = subject.get("/apis/apps/v1").await.expect(200);
    assert_eq!(list["kind"], "APIResourceList");
    let resources = list["resources"].as_array().unwrap();
    let deployments = resources.iter().find(|resource| resource["name"] == "deployments").unwrap();
    assert_eq!(deployments["kind"], "Deployment");
    assert_eq!(deployments["namespaced"], true);
    assert!(deployments["shortNames"].as_array().unwrap().contains(&json!("deploy")));
    assert!(resources.iter().any(|resource| resource["name"] == "deployments/scale"));
}

pub(crate) async fn openapi_describes_every_group(subject: &Subject) {
    let index = subject.get("/openapi/v3").await.expect(200);
    let address = index["paths"]["apis/apps/v1"]["serverRelativeURL"].as_str().unwrap().to_owned();
    let document = subject.get(&address).await.expect(200);
    assert!(document["components"]["schemas"]["io.k8s.api.apps.v1.Deployment"].is_object());
}

pub(crate) async fn an_unknown_path_is_not_found(subject: &Subject) {
    for path in [
        "/apis/apps/v1/gadgets",
        "/api/v1/namespaces/default/gadgets/a",
        "/apis/gadgets.example.com/v1",
        "/apis/gadgets.example.com/v1/namespaces/default/gadgets",
    ] {
        assert_eq!(subject.get(path).await.status, 404, "{path}");
    }
}

pub(crate) async fn an_unknown_method_or_media_type_is_refused(subject: &Subject) {
    let path = subject.core("configmaps");
    let body = config_map("a").to_string().into_bytes();
    let reply = subject.send(Method::PUT, &path, &[("content-type", "application/json")], body.clone()).await;
    assert!(reply.refused(405, "MethodNotAllowed").contains("does not allow this method"));
    let reply = subject.send(Method::POST, &path, &[("content-type", "text/plain")], body).await;
    reply.refused(415, "UnsupportedMediaType");
    subject.post(&path, &config_map("a")).await.expect(201);
    let reply = subject.patch(&format!("{path}/a"), "octet-stream", &json!({})).await;
    reply.refused(415, "UnsupportedMediaType");
    let reply = subject.send(Method::GET, &path, &[("accept", "text/html")], Vec::new()).await;
    assert_eq!(reply.status, 406, "{}", reply.text);
}

pub(crate) async fn whoever_asks_learns_what_they_may_do(subject: &Subject) {
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"verb": "create", "resource": "configmaps", "namespace": subject.namespace}},
    });
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    assert_eq!(subject.post(path, &review).await.expect(201)["status"]["allowed"], true);
}
