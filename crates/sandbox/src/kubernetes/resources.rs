//! Which resources the API serves: the built-in ones and those that custom resource definitions add.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::object::{flag, items, text, text_or_empty};
use super::schema::{self, Structure};
use super::status::About;

pub(crate) const PODS: &str = "pods";
pub(crate) const SERVICES: &str = "services";
pub(crate) const SECRETS: &str = "secrets";
pub(crate) const CONFIG_MAPS: &str = "configmaps";
pub(crate) const CLAIMS: &str = "persistentvolumeclaims";
pub(crate) const VOLUMES: &str = "persistentvolumes";
pub(crate) const NAMESPACES: &str = "namespaces";
pub(crate) const NODES: &str = "nodes";
pub(crate) const SERVICE_ACCOUNTS: &str = "serviceaccounts";
pub(crate) const EVENTS: &str = "events";
pub(crate) const DEPLOYMENTS: &str = "deployments.apps";
pub(crate) const STATEFUL_SETS: &str = "statefulsets.apps";
pub(crate) const DAEMON_SETS: &str = "daemonsets.apps";
pub(crate) const REPLICA_SETS: &str = "replicasets.apps";
pub(crate) const JOBS: &str = "jobs.batch";
pub(crate) const INGRESSES: &str = "ingresses.networking.k8s.io";
pub(crate) const INGRESS_CLASSES: &str = "ingressclasses.networking.k8s.io";
pub(crate) const DISRUPTION_BUDGETS: &str = "poddisruptionbudgets.policy";
pub(crate) const STORAGE_CLASSES: &str = "storageclasses.storage.k8s.io";
pub(crate) const ENDPOINT_SLICES: &str = "endpointslices.discovery.k8s.io";
pub(crate) const ENDPOINTS: &str = "endpoints";
pub(crate) const LEASES: &str = "leases.coordination.k8s.io";
pub(crate) const DEFINITIONS: &str = "customresourcedefinitions.apiextensions.k8s.io";
pub(crate) const PRIORITY_CLASSES: &str = "priorityclasses.scheduling.k8s.io";

/// One version of one resource.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Resource {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) plural: String,
    pub(crate) singular: String,
    pub(crate) kind: String,
    pub(crate) list_kind: String,
    pub(crate) namespaced: bool,
    pub(crate) short_names: Vec<String>,
    pub(crate) categories: Vec<String>,
    /// True when `status` is a subresource.
    pub(crate) has_status: bool,
    /// How the `scale` subresource reads the object.
    pub(crate) scale: Option<ScalePaths>,
    /// True when the object can only be sent, as access reviews are.
    pub(crate) create_only: bool,
    /// The fields.
    pub(crate) structure: Arc<Structure>,
    /// The extra columns and the schema that a definition gives; none for built-in resources.
    pub(crate) custom: Option<Arc<Custom>>,
}

/// What only custom resources have.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Custom {
    /// `additionalPrinterColumns`.
    pub(crate) columns: Vec<Value>,
    /// `openAPIV3Schema`.
    pub(crate) open_api: Value,
}

/// The pointers of the `scale` subresource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScalePaths {
    pub(crate) spec_replicas: String,
    pub(crate) status_replicas: String,
    pub(crate) selector: Option<String>,
}

impl Resource {
    /// The resource without its version, as in `deployments.apps`: what objects are stored under.
    pub(crate) fn stored_as(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// The API version that objects carry, as in `apps/v1`.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// What failures about an object of this resource name.
    pub(crate) fn about<'a>(&'a self, name: &'a str) -> About<'a> {
        About { group: &self.group, plural: &self.plural, name }
    }

    /// True when changes of the object outside metadata and status count as a new generation.
    pub(crate) fn counts_generations(&self) -> bool {
        self.custom.is_some()
            || (self.structure.fields.contains_key("spec")
                && !matches!(
                    self.plural.as_str(),
                    "services"
                        | "persistentvolumeclaims"
                        | "persistentvolumes"
                        | "namespaces"
                        | "nodes"
                        | "leases"
                        | "resourcequotas"
                        | "limitranges"
                ))
            || self.plural.ends_with("webhookconfigurations")
    }

    /// The verbs that discovery lists.
    pub(crate) fn verbs(&self) -> &'static [&'static str] {
        if self.create_only {
            &["create"]
        } else {
            &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
        }
    }
}

/// Every resource that the API serves.
#[derive(Debug, Clone)]
pub(crate) struct Catalog {
    /// By group and version, then plural.
    versions: BTreeMap<(String, String), BTreeMap<String, Arc<Resource>>>,
}

/// group, version, plural, kind, type, short names, marks: n namespaced, s status, c scale, o create only, a all.
const BUILT_IN: &[(&str, &str, &str, &str, &str, &str)] = &[
    ("", "v1", "configmaps", "ConfigMap", "cm", "n"),
    ("", "v1", "endpoints", "Endpoints", "ep", "n"),
    ("", "v1", "events", "Event", "ev", "n"),
    ("", "v1", "limitranges", "LimitRange", "limits", "n"),
    ("", "v1", "namespaces", "Namespace", "ns", "s"),
    ("", "v1", "nodes", "Node", "no", "s"),
    ("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", "pvc", "ns"),
    ("", "v1", "persistentvolumes", "PersistentVolume", "pv", "s"),
    ("", "v1", "pods", "Pod", "po", "nsa"),
    ("", "v1", "podtemplates", "PodTemplate", "", "n"),
    ("", "v1", "replicationcontrollers", "ReplicationController", "rc", "nsca"),
    ("", "v1", "resourcequotas", "ResourceQuota", "quota", "ns"),
    ("", "v1", "secrets", "Secret", "", "n"),
    ("", "v1", "serviceaccounts", "ServiceAccount", "sa", "n"),
    ("", "v1", "services", "Service", "svc", "nsa"),
    (
        "admissionregistration.k8s.io",
        "v1",
        "mutatingwebhookconfigurations",
        "MutatingWebhookConfiguration",
        "",
        "",
    ),
    (
        "admissionregistration.k8s.io",
        "v1",
        "validatingwebhookconfigurations",
        "ValidatingWebhookConfiguration",
        "",
        "",
    ),
    ("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", "crd,crds", "s"),
    ("apiregistration.k8s.io", "v1", "apiservices", "APIService", "", "s"),
    ("apps", "v1", "controllerrevisions", "ControllerRevision", "", "n"),
    ("apps", "v1", "daemonsets", "DaemonSet", "ds", "nsa"),
    ("apps", "v1", "deployments", "Deployment", "deploy", "nsca"),
    ("apps", "v1", "replicasets", "ReplicaSet", "rs", "nsca"),
    ("apps", "v1", "statefulsets", "StatefulSet", "sts", "nsca"),
    ("authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", "", "o"),
    ("authentication.k8s.io", "v1", "tokenreviews", "TokenReview", "", "o"),
    ("authorization.k8s.io", "v1", "localsubjectaccessreviews", "LocalSubjectAccessReview", "", "no"),
    ("authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", "", "o"),
    ("authorization.k8s.io", "v1", "selfsubjectrulesreviews", "SelfSubjectRulesReview", "", "o"),
    ("authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", "", "o"),
    ("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", "hpa", "nsa"),
    ("batch", "v1", "cronjobs", "CronJob", "cj", "nsa"),
    ("batch", "v1", "jobs", "Job", "", "nsa"),
    ("coordination.k8s.io", "v1", "leases", "Lease", "", "n"),
    ("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", "", "n"),
    ("networking.k8s.io", "v1", "ingressclasses", "IngressClass", "", ""),
    ("networking.k8s.io", "v1", "ingresses", "Ingress", "ing", "ns"),
    ("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", "netpol", "n"),
    ("node.k8s.io", "v1", "runtimeclasses", "RuntimeClass", "", ""),
    ("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", "pdb", "ns"),
    ("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", "", ""),
    ("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", "", ""),
    ("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding", "", "n"),
    ("rbac.authorization.k8s.io", "v1", "roles", "Role", "", "n"),
    ("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", "pc", ""),
    ("storage.k8s.io", "v1", "csidrivers", "CSIDriver", "", ""),
    ("storage.k8s.io", "v1", "csinodes", "CSINode", "", ""),
    ("storage.k8s.io", "v1", "storageclasses", "StorageClass", "sc", ""),
    ("storage.k8s.io", "v1", "volumeattachments", "VolumeAttachment", "", "s"),
];

impl Catalog {
    /// The built-in resources.
    pub(crate) fn new() -> Self {
        let mut catalog = Self { versions: BTreeMap::new() };
        for &(group, version, plural, kind, short_names, marks) in BUILT_IN {
            catalog.add(built_in(group, version, plural, kind, short_names, marks));
        }
        catalog
    }

    fn add(&mut self, resource: Resource) {
        self.versions
            .entry((resource.group.clone(), resource.version.clone()))
            .or_default()
            .insert(resource.plural.clone(), Arc::new(resource));
    }

    /// The resource of a group, version and plural.
    pub(crate) fn find(&self, group: &str, version: &str, plural: &str) -> Option<&Arc<Resource>> {
        self.versions.get(&(group.to_owned(), version.to_owned()))?.get(plural)
    }

    /// The resource under which objects of this name (`deployments.apps`) are stored; of several versions the newest.
    pub(crate) fn stored(&self, stored_as: &str) -> Option<&Arc<Resource>> {
        let (plural, group) = stored_as.split_once('.').unwrap_or((stored_as, ""));
        self.versions
            .iter()
            .rev()
            .filter(|((each, _), _)| each == group)
            .find_map(|(_, resources)| resources.get(plural))
    }

    /// Every group with its versions, in order; the core group is the empty one.
    pub(crate) fn groups(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (group, version) in self.versions.keys() {
            groups.entry(group).or_default().push(version);
        }
        groups
    }

    /// The resources of one version of a group.
    pub(crate) fn version(&self, group: &str, version: &str) -> Option<impl Iterator<Item = &Arc<Resource>>> {
        self.versions.get(&(group.to_owned(), version.to_owned())).map(BTreeMap::values)
    }

    /// Every resource, whatever its group and version.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Resource>> {
        self.versions.values().flat_map(BTreeMap::values)
    }

    /// Serves what a custom resource definition defines, instead of what it defined before.
    pub(crate) fn define(&mut self, definition: &Value) {
        self.forget(definition);
        for version in items(definition, "/spec/versions").iter().filter(|version| flag(version, "/served")) {
            self.add(defined(definition, version));
        }
    }

    /// Serves no longer what a custom resource definition defined.
    pub(crate) fn forget(&mut self, definition: &Value) {
        let group = text_or_empty(definition, "/spec/group");
        let plural = text_or_empty(definition, "/spec/names/plural");
        for ((each, _), resources) in &mut self.versions {
            if each == group && resources.get(plural).is_some_and(|resource| resource.custom.is_some()) {
                resources.remove(plural);
            }
        }
        self.versions.retain(|_, resources| !resources.is_empty());
    }
}

fn built_in(
    group: &str,
    version: &str,
    plural: &str,
    kind: &str,
    short_names: &str,
    marks: &str,
) -> Resource {
    let folder = match group.split_once('.') {
        None if group.is_empty() => "core",
        None => group,
        Some((first, _)) => first,
    };
    let structure = schema::built_in(&format!("{folder}/{version}.{kind}")).unwrap_or_default();
    Resource {
        group: group.to_owned(),
        version: version.to_owned(),
        plural: plural.to_owned(),
        singular: kind.to_lowercase(),
        kind: kind.to_owned(),
        list_kind: format!("{kind}List"),
        namespaced: marks.contains('n'),
        short_names: short_names.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        categories: if marks.contains('a') { vec!["all".to_owned()] } else { Vec::new() },
        has_status: marks.contains('s'),
        scale: marks.contains('c').then(|| ScalePaths {
            spec_replicas: "/spec/replicas".to_owned(),
            status_replicas: "/status/replicas".to_owned(),
            selector: None,
        }),
        create_only: marks.contains('o'),
        structure,
        custom: None,
    }
}

fn defined(definition: &Value, version: &Value) -> Resource {
    let names = |pointer: &str| -> Vec<String> {
        items(definition, pointer).iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let kind = text_or_empty(definition, "/spec/names/kind");
    let open_api = version.pointer("/schema/openAPIV3Schema").cloned().unwrap_or_default();
    Resource {
        group: text_or_empty(definition, "/spec/group").to_owned(),
        version: text_or_empty(version, "/name").to_owned(),
        plural: text_or_empty(definition, "/spec/names/plural").to_owned(),
        singular: text(definition, "/spec/names/singular").map_or_else(|| kind.to_lowercase(), str::to_owned),
        kind: kind.to_owned(),
        list_kind: text(definition, "/spec/names/listKind")
            .map_or_else(|| format!("{kind}List"), str::to_owned),
        namespaced: text(definition, "/spec/scope") == Some("Namespaced"),
        short_names: names("/spec/names/shortNames"),
        categories: names("/spec/names/categories"),
        has_status: version.pointer("/subresources/status").is_some(),
        scale: version.pointer("/subresources/scale").map(|scale| ScalePaths {
            spec_replicas: pointer_of(text_or_empty(scale, "/specReplicasPath")),
            status_replicas: pointer_of(text_or_empty(scale, "/statusReplicasPath")),
            selector: text(scale, "/labelSelectorPath").map(pointer_of),
        }),
        create_only: false,
        structure: schema::custom(&open_api),
        custom: Some(Arc::new(Custom {
            columns: items(version, "/additionalPrinterColumns").to_vec(),
            open_api,
        })),
    }
}

/// The JSON pointer of a simple JSON path such as `.spec.replicas`.
fn pointer_of(json_path: &str) -> String {
    json_path.replace('.', "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_resource_has_its_fields() {
        for resource in Catalog::new().all() {
            assert!(resource.structure.fields.contains_key("kind"), "{} has no fields", resource.kind);
        }
    }

    #[test]
    fn a_resource_is_found_by_what_it_is_stored_as() {
        let catalog = Catalog::new();
        assert_eq!(catalog.stored("deployments.apps").unwrap().kind, "Deployment");
        assert_eq!(catalog.stored("pods").unwrap().kind, "Pod");
        assert!(catalog.stored("pods.apps").is_none());
    }
}
