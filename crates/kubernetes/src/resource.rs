//! The kinds of objects that Spacecraft reads and writes, and where the API serves them.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What a path segment or a query value may hold as it is: the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A kind of object, in the version that is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ResourceType {
    /// The API group; empty for the core group.
    pub(crate) group: &'static str,
    /// The version in the group.
    pub(crate) version: &'static str,
    /// The name in paths, such as `deployments`.
    pub(crate) plural: &'static str,
    /// The name in objects, such as `Deployment`.
    pub(crate) kind: &'static str,
    /// False for objects of the whole cluster.
    pub(crate) namespaced: bool,
}

impl ResourceType {
    const fn namespaced(
        group: &'static str,
        version: &'static str,
        plural: &'static str,
        kind: &'static str,
    ) -> Self {
        Self { group, version, plural, kind, namespaced: true }
    }

    const fn cluster_wide(
        group: &'static str,
        version: &'static str,
        plural: &'static str,
        kind: &'static str,
    ) -> Self {
        Self { group, version, plural, kind, namespaced: false }
    }

    /// The `apiVersion` of its objects.
    pub(crate) fn api_version(self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// The path of all its objects: of one namespace, or of the whole cluster without one.
    pub(crate) fn collection_path(self, namespace: Option<&str>) -> String {
        let root = if self.group.is_empty() {
            format!("/api/{}", self.version)
        } else {
            format!("/apis/{}/{}", self.group, self.version)
        };
        match namespace {
            Some(namespace) if self.namespaced => {
                format!("{root}/namespaces/{}/{}", encoded(namespace), self.plural)
            }
            _ => format!("{root}/{}", self.plural),
        }
    }
}

pub(crate) const ACCESS_REVIEW: ResourceType = ResourceType::cluster_wide(
    "authorization.k8s.io",
    "v1",
    "selfsubjectaccessreviews",
    "SelfSubjectAccessReview",
);
pub(crate) const CLAIM: ResourceType =
    ResourceType::namespaced("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim");
pub(crate) const CONFIG_MAP: ResourceType = ResourceType::namespaced("", "v1", "configmaps", "ConfigMap");
pub(crate) const CRON_JOB: ResourceType = ResourceType::namespaced("batch", "v1", "cronjobs", "CronJob");
pub(crate) const DEPLOYMENT: ResourceType =
    ResourceType::namespaced("apps", "v1", "deployments", "Deployment");
pub(crate) const DISRUPTION_BUDGET: ResourceType =
    ResourceType::namespaced("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget");
pub(crate) const EVENT: ResourceType = ResourceType::namespaced("", "v1", "events", "Event");
pub(crate) const JOB: ResourceType = ResourceType::namespaced("batch", "v1", "jobs", "Job");
pub(crate) const NAMESPACE: ResourceType = ResourceType::cluster_wide("", "v1", "namespaces", "Namespace");
pub(crate) const NETWORK_POLICY: ResourceType =
    ResourceType::namespaced("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy");
pub(crate) const NODE: ResourceType = ResourceType::cluster_wide("", "v1", "nodes", "Node");
pub(crate) const POD: ResourceType = ResourceType::namespaced("", "v1", "pods", "Pod");
pub(crate) const POD_MONITOR: ResourceType =
    ResourceType::namespaced("monitoring.coreos.com", "v1", "podmonitors", "PodMonitor");
pub(crate) const SECRET: ResourceType = ResourceType::namespaced("", "v1", "secrets", "Secret");
pub(crate) const SERVICE: ResourceType = ResourceType::namespaced("", "v1", "services", "Service");
pub(crate) const STATEFUL_SET: ResourceType =
    ResourceType::namespaced("apps", "v1", "statefulsets", "StatefulSet");
pub(crate) const VOLUME: ResourceType =
    ResourceType::cluster_wide("", "v1", "persistentvolumes", "PersistentVolume");

/// Where one object is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Address {
    /// Its kind.
    pub(crate) resource: ResourceType,
    /// Its namespace; empty for objects of the whole cluster.
    pub(crate) namespace: String,
    /// Its name.
    pub(crate) name: String,
}

impl Address {
    /// The object `name` in `namespace`, which is ignored for kinds of the whole cluster.
    pub(crate) fn new(resource: ResourceType, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        let namespace = if resource.namespaced { namespace.into() } else { String::new() };
        Self { resource, namespace, name: name.into() }
    }

    /// Its path in the API.
    pub(crate) fn path(&self) -> String {
        let namespace = Some(self.namespace.as_str()).filter(|namespace| !namespace.is_empty());
        format!("{}/{}", self.resource.collection_path(namespace), encoded(&self.name))
    }

    /// The path of its collection.
    pub(crate) fn collection_path(&self) -> String {
        let namespace = Some(self.namespace.as_str()).filter(|namespace| !namespace.is_empty());
        self.resource.collection_path(namespace)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(formatter, "{} {}", self.resource.kind, self.name)
        } else {
            write!(formatter, "{} {} in namespace {}", self.resource.kind, self.name, self.namespace)
        }
    }
}

/// `text` as one path segment or query value.
pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_api() {
        assert_eq!(
            Address::new(DEPLOYMENT, "net1", "miner-1").path(),
            "/apis/apps/v1/namespaces/net1/deployments/miner-1"
        );
        assert_eq!(Address::new(SECRET, "net1", "a").path(), "/api/v1/namespaces/net1/secrets/a");
        assert_eq!(Address::new(NODE, "ignored", "worker-1").path(), "/api/v1/nodes/worker-1");
        assert_eq!(POD.collection_path(None), "/api/v1/pods");
    }

    #[test]
    fn a_hostile_name_stays_one_segment() {
        assert_eq!(
            Address::new(POD, "n", "../secrets/x?watch=1").path(),
            "/api/v1/namespaces/n/pods/..%2Fsecrets%2Fx%3Fwatch%3D1"
        );
    }
}
