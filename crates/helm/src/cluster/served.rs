//! What a cluster serves, by discovery: aggregated where the server can, else version by version.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};
use http::Method;
use serde_json::Value;
use spacecraft_core::Result;
use spacecraft_http::{Call, Idempotency};

use super::{Cluster, Draft};
use crate::capabilities::{ApiVersions, Capabilities, KubeVersion};

const AGGREGATED: &str =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList, application/json";
/// How many versions are asked for at once by a server without aggregated discovery.
const AT_ONCE: usize = 8;

/// A kind of object as a cluster serves it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Resource {
    /// `apps/v1`.
    pub api_version: String,
    /// `Deployment`.
    pub kind: String,
    /// `deployments`.
    pub plural: String,
    /// False for objects of the whole cluster.
    pub namespaced: bool,
}

/// The kinds that a cluster serves, in all versions, and the cluster's version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Served {
    /// `v1.35.5-gke.100`.
    pub version: String,
    resources: BTreeMap<(String, String), Resource>,
}

impl Served {
    /// What a cluster of this version with these resources serves.
    #[must_use]
    pub fn new(version: impl Into<String>, resources: impl IntoIterator<Item = Resource>) -> Self {
        let keyed = |resource: Resource| ((resource.api_version.clone(), resource.kind.clone()), resource);
        Self { version: version.into(), resources: resources.into_iter().map(keyed).collect() }
    }

    /// The same with the kinds that custom resource definitions (`apiextensions.k8s.io/v1`) will add.
    #[must_use]
    pub fn with_definitions<'d>(mut self, definitions: impl IntoIterator<Item = &'d Value>) -> Self {
        for resource in definitions.into_iter().flat_map(defined) {
            self.resources.entry((resource.api_version.clone(), resource.kind.clone())).or_insert(resource);
        }
        self
    }

    /// The resource of this API version and kind.
    #[must_use]
    pub fn resource(&self, api_version: &str, kind: &str) -> Option<&Resource> {
        self.resources.get(&(api_version.to_owned(), kind.to_owned()))
    }

    /// True if some kind is served in this API version.
    #[must_use]
    pub fn has_version(&self, api_version: &str) -> bool {
        self.resources.keys().any(|(served, _)| served == api_version)
    }

    /// What templates see as `.Capabilities`.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        let versions =
            self.resources.keys().flat_map(|(version, kind)| [version.clone(), format!("{version}/{kind}")]);
        Capabilities {
            kube_version: KubeVersion::of(&self.version),
            api_versions: versions.collect::<BTreeSet<_>>().into_iter().collect::<ApiVersions>(),
        }
    }
}

/// The kinds that a definition adds: one in each version that it serves.
fn defined(definition: &Value) -> Vec<Resource> {
    let text = |pointer: &str| definition.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (group, kind, plural) = (text("/spec/group"), text("/spec/names/kind"), text("/spec/names/plural"));
    let versions = definition.pointer("/spec/versions").and_then(Value::as_array).into_iter().flatten();
    let names = versions
        .filter(|version| version.get("served") == Some(&Value::Bool(true)))
        .filter_map(|version| version.get("name")?.as_str());
    names
        .map(|version| Resource {
            api_version: format!("{group}/{version}"),
            kind: kind.to_owned(),
            plural: plural.to_owned(),
            namespaced: text("/spec/scope") == "Namespaced",
        })
        .collect()
}

pub(super) async fn discover(cluster: &Cluster) -> Result<Served> {
    let (version, core, groups) =
        futures::try_join!(read(cluster, "/version"), read(cluster, "/api"), read(cluster, "/apis"))?;
    let git_version = version.get("gitVersion").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut resources = Vec::new();
    let mut one_by_one = Vec::new();
    for (root, reply) in [("/api", &core), ("/apis", &groups)] {
        if reply.get("kind").and_then(Value::as_str) == Some("APIGroupDiscoveryList") {
            resources.extend(aggregated(reply));
        } else {
            one_by_one.extend(versions(reply).into_iter().map(|version| format!("{root}/{version}")));
        }
    }
    let lists: Vec<Vec<Resource>> = stream::iter(one_by_one)
        .map(|path| async move { listed(cluster, &path).await })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    resources.extend(lists.into_iter().flatten());
    Ok(Served::new(git_version, resources))
}

async fn read(cluster: &Cluster, path: &str) -> Result<Value> {
    let call = Call::new("discover what the cluster serves at", path, Idempotency::Safe);
    let mut draft = Draft::new(Method::GET, path);
    draft.accept = AGGREGATED;
    cluster.exchange(&call, &draft).await
}

/// The kinds of one version. A version whose own server does not answer serves nothing, as for kubectl.
async fn listed(cluster: &Cluster, path: &str) -> Result<Vec<Resource>> {
    match read(cluster, path).await {
        Ok(list) => Ok(of_version(&list)),
        Err(error) if path.starts_with("/apis/") && path.matches('.').count() > 0 => {
            tracing::warn!(path, error = %error, "an API version cannot be discovered");
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}

/// The versions in an `APIVersions` or an `APIGroupList`.
fn versions(reply: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let core = list(reply, "versions").iter().filter_map(text);
    let groups = list(reply, "groups").iter().flat_map(|group| list(group, "versions"));
    core.chain(groups.filter_map(|version| text(version.get("groupVersion")?))).collect()
}

/// The kinds in an `APIResourceList`, subresources left out.
fn of_version(list_reply: &Value) -> Vec<Resource> {
    let version = list_reply.get("groupVersion").and_then(Value::as_str).unwrap_or_default();
    let resource = |entry: &Value| {
        let plural = entry.get("name")?.as_str()?;
        (!plural.contains('/')).then_some(Resource {
            api_version: version.to_owned(),
            kind: entry.get("kind")?.as_str()?.to_owned(),
            plural: plural.to_owned(),
            namespaced: entry.get("namespaced").and_then(Value::as_bool).unwrap_or(false),
        })
    };
    list(list_reply, "resources").iter().filter_map(resource).collect()
}

/// The kinds in an `APIGroupDiscoveryList`.
fn aggregated(reply: &Value) -> Vec<Resource> {
    let mut found = Vec::new();
    for group in list(reply, "items") {
        let name = group.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        for version in list(group, "versions") {
            let version_name = version.get("version").and_then(Value::as_str).unwrap_or_default();
            let api_version =
                if name.is_empty() { version_name.to_owned() } else { format!("{name}/{version_name}") };
            found.extend(
                list(version, "resources").iter().filter_map(|entry| aggregated_kind(&api_version, entry)),
            );
        }
    }
    found
}

fn aggregated_kind(api_version: &str, entry: &Value) -> Option<Resource> {
    Some(Resource {
        api_version: api_version.to_owned(),
        kind: entry.pointer("/responseKind/kind")?.as_str()?.to_owned(),
        plural: entry.get("resource")?.as_str()?.to_owned(),
        namespaced: entry.get("scope").and_then(Value::as_str) == Some("Namespaced"),
    })
}

fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn kinds_are_read_from_aggregated_and_from_plain_discovery_alike() {
        let aggregated = aggregated(&json!({"kind": "APIGroupDiscoveryList", "items": [
            {"metadata": {"name": "apps"}, "versions": [{"version": "v1", "resources": [
                {"resource": "deployments", "responseKind": {"kind": "Deployment"}, "scope": "Namespaced"},
            ]}]},
        ]}));
        let plain = of_version(&json!({"groupVersion": "apps/v1", "resources": [
            {"name": "deployments", "kind": "Deployment", "namespaced": true},
            {"name": "deployments/status", "kind": "Deployment", "namespaced": true},
        ]}));
        assert_eq!(aggregated, plain);
    }

    #[test]
    fn versions_are_read_from_both_kinds_of_lists() {
        assert_eq!(versions(&json!({"kind": "APIVersions", "versions": ["v1"]})), ["v1"]);
        let groups =
            json!({"groups": [{"name": "apps", "versions": [{"groupVersion": "apps/v1", "version": "v1"}]}]});
        assert_eq!(versions(&groups), ["apps/v1"]);
    }

    #[test]
    fn capabilities_have_versions_and_kinds() {
        let resource = Resource {
            api_version: "policy/v1".to_owned(),
            kind: "PodDisruptionBudget".to_owned(),
            plural: "poddisruptionbudgets".to_owned(),
            namespaced: true,
        };
        let capabilities = Served::new("v1.35.5-gke.100", [resource]).capabilities();
        assert!(capabilities.api_versions.has("policy/v1"));
        assert!(capabilities.api_versions.has("policy/v1/PodDisruptionBudget"));
        assert_eq!(capabilities.kube_version.minor, "35");
    }
}
