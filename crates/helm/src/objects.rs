//! The objects of a release: from manifests to addresses in a cluster, whose they are, and what is gone in a new revision.

mod takeover;

use serde_json::{Map, Value, json};
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_gotemplate::yaml;

use crate::cluster::{Address, Served};
use crate::manifest;
use crate::values::as_kubernetes_json;

pub(crate) use takeover::takeover_patch;

const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
const RELEASE_NAME: &str = "meta.helm.sh/release-name";
const RELEASE_NAMESPACE: &str = "meta.helm.sh/release-namespace";
const RESOURCE_POLICY: &str = "helm.sh/resource-policy";

/// An object with where it is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PlacedObject {
    pub(crate) address: Address,
    pub(crate) object: Value,
}

/// The release that objects belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner<'a> {
    pub(crate) name: &'a str,
    pub(crate) namespace: &'a str,
}

impl PlacedObject {
    /// What makes an object the same one although its API version changes.
    fn identity(&self) -> (&str, &str, Option<&str>, &str) {
        let version = &self.address.resource.api_version;
        let group = version.split_once('/').map_or("", |(group, _)| group);
        (group, &self.address.resource.kind, self.address.namespace.as_deref(), &self.address.name)
    }

    /// The object as it is applied: with its owner's marks, in its namespace, and without what only servers write.
    pub(crate) fn owned_by(&self, owner: Owner<'_>) -> Value {
        with_metadata(self.plain(), |metadata| {
            edit(metadata, "labels", |labels| {
                labels.insert(MANAGED_BY.to_owned(), json!("Helm"));
            });
            edit(metadata, "annotations", |annotations| {
                annotations.insert(RELEASE_NAME.to_owned(), json!(owner.name));
                annotations.insert(RELEASE_NAMESPACE.to_owned(), json!(owner.namespace));
            });
        })
    }

    /// The object as it is sent when it belongs to nobody.
    pub(crate) fn plain(&self) -> Value {
        let mut fields = table(self.object.clone());
        fields.remove("status");
        with_metadata(Value::Object(fields), |metadata| {
            for field in
                ["managedFields", "creationTimestamp", "resourceVersion", "uid", "generation", "selfLink"]
            {
                metadata.remove(field);
            }
            match &self.address.namespace {
                Some(namespace) => metadata.insert("namespace".to_owned(), json!(namespace)),
                None => metadata.remove("namespace"),
            };
        })
    }
}

fn table(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn edit(fields: &mut Map<String, Value>, key: &str, change: impl FnOnce(&mut Map<String, Value>)) {
    let mut inner = table(fields.remove(key).unwrap_or_default());
    change(&mut inner);
    fields.insert(key.to_owned(), Value::Object(inner));
}

fn with_metadata(object: Value, change: impl FnOnce(&mut Map<String, Value>)) -> Value {
    let mut fields = table(object);
    edit(&mut fields, "metadata", change);
    Value::Object(fields)
}

/// The objects of a manifest's text, lists taken apart. Those of kinds that the cluster does not serve are answered apart, as
/// the text that names them.
pub(crate) fn place(
    text: &str,
    served: &Served,
    namespace: &str,
) -> Result<(Vec<PlacedObject>, Vec<String>)> {
    let (mut placed, mut unknown) = (Vec::new(), Vec::new());
    for document in manifest::split(text) {
        let value = yaml::from_str(document).map_err(|error| {
            Error::new(Meaning::Invalid, "read the manifest of", "the release", error.to_string())
        })?;
        for object in items(as_kubernetes_json(value)) {
            place_one(object, served, namespace, &mut placed, &mut unknown);
        }
    }
    Ok((placed, unknown))
}

fn place_one(
    object: Value,
    served: &Served,
    namespace: &str,
    placed: &mut Vec<PlacedObject>,
    unknown: &mut Vec<String>,
) {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (api_version, kind, name) = (text("/apiVersion"), text("/kind"), text("/metadata/name"));
    if kind.is_empty() && api_version.is_empty() {
        return;
    }
    match served.resource(api_version, kind) {
        None => unknown.push(format!("{kind} {name} of {api_version}")),
        Some(resource) => {
            let own = text("/metadata/namespace");
            let namespace = if own.is_empty() { namespace } else { own };
            let address = Address::new(resource.clone(), namespace, name);
            placed.push(PlacedObject { address, object });
        }
    }
}

/// The objects of a list, or the one object that is no list.
fn items(value: Value) -> Vec<Value> {
    let is_list = value.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"));
    match value {
        Value::Object(mut fields) if is_list && fields.get("items").is_some_and(Value::is_array) => {
            match fields.remove("items") {
                Some(Value::Array(items)) => items,
                _ => Vec::new(),
            }
        }
        Value::Object(fields) => vec![Value::Object(fields)],
        _ => Vec::new(),
    }
}

/// The objects of `former` that `current` has no more.
pub(crate) fn gone<'a>(former: &'a [PlacedObject], current: &[PlacedObject]) -> Vec<&'a PlacedObject> {
    let stays = |object: &&PlacedObject| current.iter().any(|other| other.identity() == object.identity());
    former.iter().filter(|object| !stays(object)).collect()
}

/// True if an object, as it is in the cluster or in a manifest, is to stay when its release goes.
pub(crate) fn is_kept(object: &Value) -> bool {
    annotation(object, RESOURCE_POLICY).trim().eq_ignore_ascii_case("keep")
}

fn annotation<'a>(object: &'a Value, name: &str) -> &'a str {
    metadata_text(object, "annotations", name).unwrap_or_default()
}

fn metadata_text<'a>(object: &'a Value, map: &str, name: &str) -> Option<&'a str> {
    object.get("metadata")?.get(map)?.get(name)?.as_str()
}

/// True if the object in the cluster carries another release's marks.
pub(crate) fn belongs_to_another(live: &Value, owner: Owner<'_>) -> bool {
    let (name, namespace) = (annotation(live, RELEASE_NAME), annotation(live, RELEASE_NAMESPACE));
    !name.is_empty() && (name != owner.name || namespace != owner.namespace)
}

/// Why an object that exists cannot become part of the release; none if it carries the release's marks.
pub(crate) fn foreign(address: &Address, live: &Value, owner: Owner<'_>) -> Option<String> {
    let fault = |map: &str, name: &str, wanted: &str| {
        let what = map.strip_suffix('s').unwrap_or(map);
        match metadata_text(live, map, name) {
            Some(found) if found == wanted => None,
            Some(found) => Some(format!(
                "{what} validation error: key {name:?} must equal {wanted:?}: current value is {found:?}"
            )),
            None => Some(format!("{what} validation error: missing key {name:?}: must be set to {wanted:?}")),
        }
    };
    let faults: Vec<String> = [
        fault("labels", MANAGED_BY, "Helm"),
        fault("annotations", RELEASE_NAME, owner.name),
        fault("annotations", RELEASE_NAMESPACE, owner.namespace),
    ]
    .into_iter()
    .flatten()
    .collect();
    if faults.is_empty() {
        return None;
    }
    let namespace = address.namespace.as_deref().unwrap_or_default();
    Some(format!(
        "{} {:?} in namespace {namespace:?} exists and cannot be imported into the current release: invalid ownership \
         metadata; {}",
        address.resource.kind,
        address.name,
        faults.join("; ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Resource;

    fn resource(api_version: &str, kind: &str, namespaced: bool) -> Resource {
        Resource {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            plural: format!("{}s", kind.to_lowercase()),
            namespaced,
        }
    }

    fn served() -> Served {
        let resources = [
            resource("v1", "ConfigMap", true),
            resource("rbac.authorization.k8s.io/v1", "ClusterRole", false),
            resource("policy/v1", "PodDisruptionBudget", true),
            resource("policy/v1beta1", "PodDisruptionBudget", true),
        ];
        Served::new("v1.36.0", resources)
    }

    fn placed(text: &str) -> Vec<PlacedObject> {
        place(text, &served(), "apps").unwrap().0
    }

    const OWNER: Owner<'_> = Owner { name: "rel", namespace: "apps" };

    #[test]
    fn objects_are_placed_in_the_releases_namespace_unless_they_name_one() {
        let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\napiVersion: v1\nkind: ConfigMap\n\
                    metadata: {name: b, namespace: other}\n---\napiVersion: rbac.authorization.k8s.io/v1\n\
                    kind: ClusterRole\nmetadata: {name: c, namespace: apps}";
        let places: Vec<String> = placed(text).iter().map(|object| object.address.to_string()).collect();
        assert_eq!(
            places,
            ["ConfigMap a in namespace apps", "ConfigMap b in namespace other", "ClusterRole c"]
        );
    }

    #[test]
    fn lists_are_taken_apart_and_unknown_kinds_are_answered_apart() {
        let text = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n\
                    - {apiVersion: example.org/v1, kind: Widget, metadata: {name: w}}";
        let (placed, unknown) = place(text, &served(), "apps").unwrap();
        assert_eq!(placed.len(), 1);
        assert_eq!(unknown, ["Widget w of example.org/v1"]);
    }

    #[test]
    fn an_applied_object_carries_its_release_and_nothing_of_a_servers_own() {
        let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, creationTimestamp: null, labels: {x: z}}\n\
                    status: {}\ndata: {count: 1}";
        assert_eq!(
            placed(text)[0].owned_by(OWNER),
            json!({
                "apiVersion": "v1", "kind": "ConfigMap", "data": {"count": 1},
                "metadata": {
                    "name": "a", "namespace": "apps", "labels": {"x": "z", "app.kubernetes.io/managed-by": "Helm"},
                    "annotations": {"meta.helm.sh/release-name": "rel", "meta.helm.sh/release-namespace": "apps"},
                },
            })
        );
    }

    #[test]
    fn an_object_of_a_newer_api_version_is_the_same_object() {
        let old = placed("apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: a}");
        let new = placed("apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: a}");
        assert!(gone(&old, &new).is_empty());
        assert_eq!(gone(&old, &[]).len(), 1);
    }

    #[test]
    fn an_object_without_the_releases_marks_is_foreign() {
        let object = &placed("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}")[0];
        assert_eq!(foreign(&object.address, &object.owned_by(OWNER), OWNER), None);
        let text = foreign(&object.address, &object.plain(), OWNER).unwrap();
        assert_eq!(
            text,
            "ConfigMap \"a\" in namespace \"apps\" exists and cannot be imported into the current release: invalid \
             ownership metadata; label validation error: missing key \"app.kubernetes.io/managed-by\": must be set to \
             \"Helm\"; annotation validation error: missing key \"meta.helm.sh/release-name\": must be set to \"rel\"; \
             annotation validation error: missing key \"meta.helm.sh/release-namespace\": must be set to \"apps\""
        );
        let other = object.owned_by(Owner { name: "other", namespace: "apps" });
        assert!(foreign(&object.address, &other, OWNER).unwrap().contains("current value is \"other\""));
        assert!(belongs_to_another(&other, OWNER));
    }
}
