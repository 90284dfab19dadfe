//! Which namespaces are wholly ours, which we only share, and which are somebody else's.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;
use spacecraft_core::{Error, Meaning, Result};

use super::KubernetesWorkloads;
use crate::objects::labels;
use crate::observed::{Condition, phrase};
use crate::resource::{Address, NAMESPACE};

/// Namespaces that every cluster has and that nobody can delete.
const PERMANENT: [&str; 4] = ["default", "kube-system", "kube-public", "kube-node-lease"];

/// A namespace as the API shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Namespace {
    pub(crate) metadata: NamespaceMetadata,
    pub(crate) status: NamespaceStatus,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct NamespaceMetadata {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) creation_timestamp: Option<jiff::Timestamp>,
    pub(crate) deletion_timestamp: Option<jiff::Timestamp>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct NamespaceStatus {
    conditions: Vec<Condition>,
}

/// Whose a namespace is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// We made it for this network, so all that is in it goes with it.
    Ours,
    /// It was there before us: only what carries our labels is ours.
    Shared,
}

impl Namespace {
    /// The network that it belongs to.
    pub(crate) fn network(&self) -> Option<&str> {
        self.metadata.labels.get(labels::NETWORK).map(String::as_str)
    }

    /// Where the network's record is, as its founder noted.
    pub(crate) fn recorded_in(&self) -> Option<&str> {
        self.metadata.annotations.get(labels::RECORDED_IN).map(String::as_str)
    }

    /// True when we made it.
    pub(crate) fn is_owned(&self) -> bool {
        let permanent = PERMANENT.contains(&self.metadata.name.as_str());
        !permanent && self.metadata.labels.get(labels::OWNED).is_some_and(|owned| owned == "true")
    }

    /// True when we made it for a chart that networks share.
    fn is_for_shared_chart(&self) -> bool {
        self.is_owned() && self.network().is_none() && self.metadata.labels.contains_key(labels::SHARED)
    }

    /// True when it is being deleted.
    pub(crate) fn is_ending(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
    }

    /// What its deletion waits for.
    pub(super) fn ending(&self) -> String {
        let holding = |condition: &&Condition| condition.status == "True";
        match self.status.conditions.iter().find(holding) {
            Some(condition) => phrase(&condition.reason, &condition.message),
            None => "its content is being deleted".to_owned(),
        }
    }
}

/// A namespace with the whole object that it was read from.
#[derive(Debug, Clone, Default)]
pub(super) struct LiveNamespace {
    pub(super) namespace: Namespace,
    pub(super) object: Value,
}

/// The namespace `name`; none when it does not exist.
///
/// # Errors
///
/// [`Meaning::AlreadyExists`] when it belongs to another network.
pub(super) async fn namespace(workloads: &KubernetesWorkloads, name: &str) -> Result<Option<LiveNamespace>> {
    let address = Address::new(NAMESPACE, "", name);
    let Some(object) = workloads.connection.get::<Value>(&address).await? else { return Ok(None) };
    let namespace = Namespace::deserialize(&object).map_err(|error| {
        Error::new(Meaning::Invalid, "read namespace", name, "the reply is no namespace")
            .with_source(error)
            .of_reply()
    })?;
    match namespace.network() {
        Some(other) if other != workloads.network() => Err(Error::new(
            Meaning::AlreadyExists,
            "use namespace",
            name,
            format!("it belongs to the network {other}"),
        )
        .with_hint("choose another --namespace or network name")),
        _ => Ok(Some(LiveNamespace { namespace, object })),
    }
}

/// The network's namespaces that exist and are labelled as its own, with whose they are.
pub(super) async fn of_network(workloads: &KubernetesWorkloads) -> Result<Vec<(Namespace, Scope)>> {
    let names: BTreeSet<&String> = workloads.namespaces.iter().chain([&workloads.target.namespace]).collect();
    let mut found = Vec::new();
    for name in names {
        found.extend(named(workloads, name).await?);
    }
    Ok(found)
}

/// The namespace `name`, when it exists and is labelled as the network's, or as made for a chart that networks share.
pub(super) async fn named(workloads: &KubernetesWorkloads, name: &str) -> Result<Option<(Namespace, Scope)>> {
    let namespace: Option<Namespace> = workloads.connection.get(&Address::new(NAMESPACE, "", name)).await?;
    let ours = namespace.filter(|namespace| {
        namespace.network() == Some(workloads.network()) || namespace.is_for_shared_chart()
    });
    Ok(ours.map(|namespace| {
        let scope = if namespace.is_owned() { Scope::Ours } else { Scope::Shared };
        (namespace, scope)
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn named(name: &str) -> Namespace {
        serde_json::from_value(json!({
            "metadata": { "name": name, "labels": { labels::OWNED: "true", labels::NETWORK: "net1" } },
        }))
        .unwrap()
    }

    #[test]
    fn a_namespace_that_every_cluster_has_is_never_owned() {
        assert!(named("net1").is_owned());
        assert!(!named("default").is_owned() && !named("kube-system").is_owned());
    }
}
