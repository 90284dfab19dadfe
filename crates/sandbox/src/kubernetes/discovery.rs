//! The documents about the API itself: versions, groups, resources, health.

use http::StatusCode;
use serde_json::{Value, json};

use super::Cluster;
use super::openapi;
use super::resources::Resource;
use super::route::object_response;
use super::status::Outcome;
use crate::wire::{Request, Response};

impl Cluster {
    /// The document at a path; none when the path is no document's.
    pub(super) fn document(&self, path: &[&str], request: &Request) -> Outcome<Option<Response>> {
        let answer = match path {
            [] => Some(self.paths()),
            ["api"] => Some(core_versions(request)),
            ["apis"] => Some(self.group_list()),
            ["api", version] => self.resource_list("", version),
            ["apis", group] => self.group(group),
            ["apis", group, version] => self.resource_list(group, version),
            ["version"] => Some(self.version()),
            ["healthz" | "livez" | "readyz", rest @ ..] => return Ok(Some(health(path, rest, request))),
            ["openapi", "v2"] => Some(openapi::version_2(&self.catalog, &self.shape.version)),
            ["openapi", "v3"] => Some(openapi::index(&self.catalog)),
            ["openapi", "v3", rest @ ..] => openapi::version_3(&self.catalog, rest, &self.shape.version),
            _ => return Ok(None),
        };
        match answer {
            Some(document) => Ok(Some(object_response(StatusCode::OK, &document))),
            None => Ok(None),
        }
    }

    fn version(&self) -> Value {
        let bare = self.shape.version.trim_start_matches('v');
        let mut parts = bare.split(['.', '-']);
        json!({
            "major": parts.next().unwrap_or_default(),
            "minor": parts.next().unwrap_or_default(),
            "gitVersion": self.shape.version,
            "gitCommit": "",
            "gitTreeState": "clean",
            "buildDate": "2026-01-01T00:00:00Z",
            "goVersion": "",
            "compiler": "gc",
            "platform": "linux/amd64",
        })
    }

    fn paths(&self) -> Value {
        let mut paths: Vec<String> = ["/api", "/api/v1", "/apis"].map(str::to_owned).to_vec();
        for (group, versions) in self.catalog.groups().into_iter().filter(|(group, _)| !group.is_empty()) {
            paths.push(format!("/apis/{group}"));
            paths.extend(versions.iter().map(|version| format!("/apis/{group}/{version}")));
        }
        paths.extend(
            ["/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"].map(str::to_owned),
        );
        json!({"paths": paths})
    }

    fn group_list(&self) -> Value {
        let groups: Vec<Value> = self
            .catalog
            .groups()
            .into_iter()
            .filter(|(group, _)| !group.is_empty())
            .map(|(group, versions)| group_object(group, &versions))
            .collect();
        json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
    }

    fn group(&self, group: &str) -> Option<Value> {
        let versions = self.catalog.groups().remove(group).filter(|_| !group.is_empty())?;
        let mut object = group_object(group, &versions);
        object["kind"] = "APIGroup".into();
        object["apiVersion"] = "v1".into();
        Some(object)
    }

    fn resource_list(&self, group: &str, version: &str) -> Option<Value> {
        let mut resources = Vec::new();
        for resource in self.catalog.version(group, version)? {
            resources.push(resource_object(resource));
            resources.extend(subresource_objects(resource));
        }
        let group_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
        Some(json!({
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": group_version,
            "resources": resources,
        }))
    }
}

fn core_versions(request: &Request) -> Value {
    let host = request.header("host").unwrap_or_default();
    json!({
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": host}],
    })
}

fn health(path: &[&str], rest: &[&str], request: &Request) -> Response {
    if request.query_pairs().iter().any(|(name, _)| name == "verbose") && rest.is_empty() {
        let check = path.first().copied().unwrap_or_default();
        return Response::text(StatusCode::OK, format!("[+]ping ok\n[+]etcd ok\n{check} check passed\n"));
    }
    Response::text(StatusCode::OK, "ok")
}

fn group_object(group: &str, versions: &[&str]) -> Value {
    let version = |version: &str| json!({"groupVersion": format!("{group}/{version}"), "version": version});
    let all: Vec<Value> = versions.iter().rev().map(|one| version(one)).collect();
    let preferred = all.first().cloned().unwrap_or_default();
    json!({"name": group, "versions": all, "preferredVersion": preferred})
}

fn resource_object(resource: &Resource) -> Value {
    let mut object = json!({
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": resource.verbs(),
    });
    if resource.plural == "namespaces" {
        object["verbs"] = json!(["create", "delete", "get", "list", "patch", "update", "watch"]);
    }
    if !resource.short_names.is_empty() {
        object["shortNames"] = json!(resource.short_names);
    }
    if !resource.categories.is_empty() {
        object["categories"] = json!(resource.categories);
    }
    object
}

fn subresource_objects(resource: &Resource) -> Vec<Value> {
    let mut objects = Vec::new();
    let mut add = |name: &str, group: &str, version: &str, kind: &str, verbs: &[&str]| {
        let mut object = json!({
            "name": format!("{}/{name}", resource.plural),
            "singularName": "",
            "namespaced": resource.namespaced,
            "kind": kind,
            "verbs": verbs,
        });
        if !version.is_empty() {
            object["group"] = group.into();
            object["version"] = version.into();
        }
        objects.push(object);
    };
    let changes = ["get", "patch", "update"];
    if resource.has_status {
        add("status", "", "", &resource.kind, &changes);
    }
    if resource.scale.is_some() {
        add("scale", "autoscaling", "v1", "Scale", &changes);
    }
    match resource.stored_as().as_str() {
        "pods" => {
            add("binding", "", "", "Binding", &["create"]);
            add("eviction", "policy", "v1", "Eviction", &["create"]);
            add("log", "", "", "Pod", &["get"]);
            add("portforward", "", "", "PodPortForwardOptions", &["create", "get"]);
        }
        "namespaces" => add("finalize", "", "", "Namespace", &["update"]),
        "serviceaccounts" => add("token", "authentication.k8s.io", "v1", "TokenRequest", &["create"]),
        _ => {}
    }
    objects
}
