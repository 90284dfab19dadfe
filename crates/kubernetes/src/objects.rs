//! Plain data of the plan turned into Kubernetes objects: pure, and the one place that knows their fields.
//!
//! Every object carries the labels of [`labels`] and, as an annotation, a digest of itself, so that a later look notices
//! a field that is no longer wanted. Quantities are written in canonical form, so that what the server stores compares
//! equal to what was sent.

mod deployment;
pub(crate) mod digest;
pub(crate) mod foundation;
pub(crate) mod labels;
mod pod;
pub(crate) mod secret;
mod service;
mod state;

#[cfg(test)]
pub(crate) mod tests;

use serde::Serialize;
use serde_json::{Map, Value, json};
use spacecraft_core::names::NetworkName;
use spacecraft_core::traits::NetworkBinding;
use spacecraft_core::workload::{Foundation, NetworkSecret, Workload};

pub use labels::MANAGER;

use crate::resource::{Address, CLAIM, CONFIG_MAP, DEPLOYMENT, POD_MONITOR, ResourceType, SERVICE};

/// Where the objects of one network go, and what they need to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The network.
    pub network: NetworkName,
    /// The namespace of its own objects.
    pub namespace: String,
    /// True when the cluster holds other networks too.
    pub shared_cluster: bool,
    /// The image of the init container that copies keys: anything with a POSIX shell and `cp`.
    pub key_copier: String,
}

impl Target {
    /// The image that copies keys unless another one is given. It is not the node's own image, because a node image needs
    /// no shell, and not a floating tag, because it handles private keys.
    pub const KEY_COPIER: &'static str = "docker.io/library/busybox:1.37.0";

    /// Where the objects of a network go that is bound to its cluster so, with the usual image for copying keys.
    #[must_use]
    pub fn of(binding: &NetworkBinding) -> Self {
        Self {
            network: binding.network.clone(),
            namespace: binding.namespaces.network.clone(),
            shared_cluster: binding.shared_cluster,
            key_copier: Self::KEY_COPIER.to_owned(),
        }
    }
}

/// One object as it is to be applied.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Manifest {
    /// Where it goes.
    pub(crate) address: Address,
    /// The object, with its digest as an annotation.
    pub(crate) body: Value,
}

impl Manifest {
    /// The object at `address` with `labels` and `content`, the fields besides `metadata`, such as `spec`.
    fn new(address: Address, labels: &impl Serialize, content: Value) -> Self {
        let mut metadata = json!({ "name": address.name, "labels": labels });
        if !address.namespace.is_empty() {
            set(&mut metadata, "namespace", json!(address.namespace));
        }
        let mut body = json!({
            "apiVersion": address.resource.api_version(),
            "kind": address.resource.kind,
            "metadata": metadata,
        });
        if let (Some(fields), Value::Object(content)) = (body.as_object_mut(), content) {
            fields.extend(content);
        }
        let digest = digest::of(&body);
        if let Some(metadata) = body.get_mut("metadata") {
            set(metadata, "annotations", json!({ labels::MANIFEST_DIGEST: digest }));
        }
        Self { address, body }
    }

    /// The same with one more annotation.
    fn annotated(mut self, key: &str, value: &str) -> Self {
        if let Some(annotations) = self.body.pointer_mut("/metadata/annotations") {
            set(annotations, key, json!(value));
        }
        self
    }

    /// The digest in its annotation.
    pub(crate) fn digest(&self) -> &str {
        self.body
            .pointer("/metadata/annotations")
            .and_then(|annotations| annotations.get(labels::MANIFEST_DIGEST))
            .and_then(Value::as_str)
            .unwrap_or_default()
    }
}

/// The kinds of objects that workloads consist of, in the order in which they are applied: what a pod needs, then the Deployment, which makes it.
pub(crate) const WORKLOAD_KINDS: [ResourceType; 5] = [CLAIM, CONFIG_MAP, SERVICE, POD_MONITOR, DEPLOYMENT];

/// The objects of one workload in the order in which they are applied.
pub(crate) fn of_workload(target: &Target, workload: &Workload) -> Vec<Manifest> {
    WORKLOAD_KINDS.into_iter().flat_map(|kind| of_kind(target, workload, kind)).collect()
}

/// The objects of one workload and one kind.
pub(crate) fn of_kind(target: &Target, workload: &Workload, kind: ResourceType) -> Vec<Manifest> {
    match kind {
        CLAIM => state::claim(target, workload).into_iter().collect(),
        CONFIG_MAP => state::config_map(target, workload).into_iter().collect(),
        SERVICE => workload.services.iter().map(|spec| service::service(target, workload, spec)).collect(),
        POD_MONITOR => service::monitor(target, workload).into_iter().collect(),
        DEPLOYMENT => vec![deployment::deployment(target, workload)],
        _ => Vec::new(),
    }
}

/// The names of the objects of one workload and one kind.
pub(crate) fn names_of_kind(workload: &Workload, kind: ResourceType) -> Vec<&str> {
    let own = |exists: bool| exists.then_some(workload.name.as_str()).into_iter().collect();
    match kind {
        CLAIM => own(workload.data.is_some()),
        CONFIG_MAP => own(!workload.files.is_empty()),
        SERVICE => workload.services.iter().map(|spec| spec.name.as_str()).collect(),
        POD_MONITOR => own(workload.monitored),
        DEPLOYMENT => own(true),
        _ => Vec::new(),
    }
}

/// Every object of a network as JSON, in the order in which it is applied: namespaces, policies, budgets, Secrets, then
/// the objects of each workload. Contents of Secrets are blanked.
#[must_use]
pub fn manifests(
    target: &Target,
    foundation: &Foundation,
    secrets: &[NetworkSecret],
    workloads: &[Workload],
) -> Vec<Value> {
    foundation::manifests(target, foundation)
        .into_iter()
        .map(|manifest| manifest.body)
        .chain(secrets.iter().map(|secret| secret::blanked(target, secret)))
        .chain(
            workloads.iter().flat_map(|workload| of_workload(target, workload)).map(|manifest| manifest.body),
        )
        .collect()
}

/// The address of an object of the network in its own namespace.
fn at(target: &Target, resource: ResourceType, name: &str) -> Address {
    Address::new(resource, target.namespace.as_str(), name)
}

/// Puts `value` under `key` of a JSON object.
fn set(object: &mut Value, key: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(key.to_owned(), value);
    }
}

/// Puts `value` under `key` unless it is empty: the server drops empty lists and maps, and then they would differ for ever.
fn set_unless_empty(object: &mut Value, key: &str, value: Value) {
    let empty = match &value {
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Null => true,
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    };
    if !empty {
        set(object, key, value);
    }
}

/// A JSON object of string values.
fn strings<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Value {
    Value::Object(pairs.into_iter().map(|(key, value)| (key.to_owned(), json!(value))).collect::<Map<_, _>>())
}
