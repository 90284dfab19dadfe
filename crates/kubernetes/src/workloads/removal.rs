//! Taking away: one workload, what would outlive the cluster, everything.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use spacecraft_core::charts::{SHARED, usage_label};
use spacecraft_core::observer::Outcome;
use spacecraft_core::wait::{Progress, Wait};
use spacecraft_core::{Meaning, Result};

use super::scope::{self, Namespace, Scope};
use super::{KubernetesWorkloads, workers};
use crate::connection::{Connection, Listed, Metadata, Query};
use crate::objects::labels;
use crate::resource::{
    Address, CLAIM, CONFIG_MAP, CRON_JOB, DEPLOYMENT, DISRUPTION_BUDGET, JOB, NAMESPACE, NETWORK_POLICY, POD,
    POD_MONITOR, ResourceType, SECRET, SERVICE, STATEFUL_SET, VOLUME,
};

/// How often it is looked whether what was deleted is gone.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How many deletions are under way at once.
const DELETIONS_AT_ONCE: usize = 16;
/// What makes pods, and so keeps claims in use.
const POD_OWNERS: [ResourceType; 4] = [CRON_JOB, JOB, DEPLOYMENT, STATEFUL_SET];
/// What we make in a namespace, in the order in which it goes: first what makes pods, last what they use.
const OUR_KINDS: [ResourceType; 8] =
    [DEPLOYMENT, POD_MONITOR, SERVICE, CONFIG_MAP, DISRUPTION_BUDGET, NETWORK_POLICY, SECRET, CLAIM];

/// Removes one workload with its Secrets, its claim and the volume behind it.
pub(super) async fn remove_workload(
    workloads: &KubernetesWorkloads,
    name: &str,
    wait: &Wait,
) -> Result<Outcome> {
    workloads.memory().forget(name);
    let place = Place {
        namespace: Some(workloads.target.namespace.clone()),
        selector: labels::workload_selector(workloads.network(), name),
    };
    let places = [place];
    let volumes = volumes_of_claims(&workloads.connection, &places).await?;
    let removed = delete_kinds(&workloads.connection, &places, &OUR_KINDS).await?;
    let gone = || async {
        let left = pods_left(&workloads.connection, &places).await?;
        still(left.or(storage_left(&workloads.connection, &places, &volumes).await?))
    };
    wait.until(&format!("the removal of {name}"), LOOK_AGAIN_AFTER, gone).await?;
    Ok(outcome(removed))
}

/// Removes load balancers and claims, with the pods that use them, and waits for what is behind them.
pub(super) async fn release_infrastructure(workloads: &KubernetesWorkloads, wait: &Wait) -> Result<Outcome> {
    let connection = &workloads.connection;
    let places = places_with_infrastructure(workloads).await?;
    let balanced = if workloads.target.shared_cluster { places.clone() } else { vec![Place::everywhere()] };
    let mut removed = false;
    for service in load_balancers(connection, &balanced).await? {
        removed |= connection.delete(&service.address(SERVICE), Some(&service.uid)).await?;
    }
    let volumes = volumes_of_claims(connection, &places).await?;
    if any_claim(connection, &places).await? {
        delete_kinds(connection, &places, &POD_OWNERS).await?;
        removed |= delete_kinds(connection, &places, &[CLAIM]).await?;
    }
    let gone = || async {
        let balancer = load_balancers(connection, &balanced).await?.into_iter().next();
        let left =
            balancer.map(|service| format!("the load balancer of Service {} is being removed", service.name));
        let storage = storage_left(connection, &places, &volumes).await?;
        if storage.is_some() {
            // An operator whose pod outlived its Deployment for a moment may have made them again.
            delete_kinds(connection, &places, &[STATEFUL_SET, CLAIM]).await?;
        }
        still(left.or(storage))
    };
    wait.until("load balancers and volumes to be released", LOOK_AGAIN_AFTER, gone).await?;
    Ok(outcome(removed))
}

/// Removes the network from a cluster that stays: the namespaces that we made, what we put into others, the workers' slots.
pub(super) async fn remove_all(workloads: &KubernetesWorkloads, wait: &Wait) -> Result<Outcome> {
    let slots = workers::clear_slots(workloads).await?;
    let namespaces = scope::of_network(workloads).await?;
    remove_namespaces(workloads, &namespaces, wait).await?;
    Ok(outcome(slots == Outcome::Removed || !namespaces.is_empty()))
}

/// Removes one of the network's namespaces.
pub(super) async fn remove_namespace(
    workloads: &KubernetesWorkloads,
    name: &str,
    wait: &Wait,
) -> Result<Outcome> {
    let named = scope::named(workloads, name).await?;
    remove_namespaces(workloads, named.as_slice(), wait).await?;
    Ok(outcome(named.is_some()))
}

/// Removes namespaces that we made, and what we put into others.
async fn remove_namespaces(
    workloads: &KubernetesWorkloads,
    namespaces: &[(Namespace, Scope)],
    wait: &Wait,
) -> Result<()> {
    let connection = &workloads.connection;
    for (namespace, scope) in namespaces {
        let name = &namespace.metadata.name;
        match scope {
            Scope::Ours => {
                connection.delete(&Address::new(NAMESPACE, "", name.as_str()), None).await?;
            }
            Scope::Shared => leave_namespace(workloads, name, wait).await?,
        }
    }
    let ours = namespaces.iter().filter(|(_, scope)| *scope == Scope::Ours);
    for (namespace, _) in ours {
        let name = namespace.metadata.name.as_str();
        let gone = || async { still(namespace_left(connection, name).await?) };
        wait.until(&format!("the removal of namespace {name}"), LOOK_AGAIN_AFTER, gone).await?;
    }
    Ok(())
}

/// Removes what is ours from a namespace that is not, and our label from it.
async fn leave_namespace(workloads: &KubernetesWorkloads, name: &str, wait: &Wait) -> Result<()> {
    let connection = &workloads.connection;
    let place = |selector| [Place { namespace: Some(name.to_owned()), selector }];
    let places = place(workloads.selector());
    let claimed = place(labels::bearing_network_selector(workloads.network()));
    delete_kinds(connection, &places, &OUR_KINDS).await?;
    delete_kinds(connection, &claimed, &[CLAIM]).await?;
    let gone = || async {
        let left = pods_left(connection, &places).await?;
        still(left.or(storage_left(connection, &claimed, &BTreeSet::new()).await?))
    };
    wait.until(&format!("the network's objects to leave namespace {name}"), LOOK_AGAIN_AFTER, gone).await?;
    let ours = SHARED.map(usage_label).into_iter().chain([labels::NETWORK.to_owned()]);
    let labels: BTreeMap<String, Value> = ours.map(|label| (label, Value::Null)).collect();
    let patch = json!({ "metadata": {
        "labels": labels,
        "annotations": { labels::MANIFEST_DIGEST: null, labels::RECORDED_IN: null },
    } });
    connection.merge(&Address::new(NAMESPACE, "", name), &patch).await
}

fn outcome(removed: bool) -> Outcome {
    if removed { Outcome::Removed } else { Outcome::Absent }
}

fn still(left: Option<String>) -> Result<Progress<()>> {
    Ok(left.map_or(Progress::Ready(()), Progress::Pending))
}

/// Where objects are looked for: a namespace, or all, and a label selector, empty for all objects in it.
#[derive(Debug, Clone)]
struct Place {
    namespace: Option<String>,
    selector: String,
}

impl Place {
    fn everywhere() -> Self {
        Self { namespace: None, selector: String::new() }
    }

    fn query(&self, kind: ResourceType) -> Query {
        let query = match &self.namespace {
            Some(namespace) => Query::within(kind, namespace),
            None => Query::everywhere(kind),
        };
        query.labelled(self.selector.as_str())
    }
}

/// On a cluster of its own all of the network's namespaces are wholly ours; on a shared one only those that we made.
async fn places_with_infrastructure(workloads: &KubernetesWorkloads) -> Result<Vec<Place>> {
    let whole = |namespace: &str| Place { namespace: Some(namespace.to_owned()), selector: String::new() };
    if workloads.target.shared_cluster {
        let namespaces = scope::of_network(workloads).await?;
        let place = |(namespace, scope): &(Namespace, Scope)| match scope {
            Scope::Ours => whole(&namespace.metadata.name),
            Scope::Shared => Place { selector: workloads.selector(), ..whole(&namespace.metadata.name) },
        };
        return Ok(namespaces.iter().map(place).collect());
    }
    let names: BTreeSet<&String> = workloads.namespaces.iter().chain([&workloads.target.namespace]).collect();
    Ok(names.into_iter().filter(|name| !name.starts_with("kube-")).map(|name| whole(name)).collect())
}

/// Deletes all objects of some kinds, kind by kind; true when there was any.
async fn delete_kinds(connection: &Connection, places: &[Place], kinds: &[ResourceType]) -> Result<bool> {
    let mut existed = false;
    for kind in kinds {
        for place in places {
            let found: Vec<Listed> = connection.list_if_known(&place.query(*kind)).await?;
            existed |= !found.is_empty();
            stream::iter(found.into_iter().filter(|object| object.metadata.deletion_timestamp.is_none()))
                .map(|object| async move {
                    let Metadata { namespace, name, uid, .. } = object.metadata;
                    connection.delete(&Address::new(*kind, namespace, name), Some(&uid)).await
                })
                .buffer_unordered(DELETIONS_AT_ONCE)
                .try_collect::<Vec<bool>>()
                .await?;
        }
    }
    Ok(existed)
}

async fn pods_left(connection: &Connection, places: &[Place]) -> Result<Option<String>> {
    for place in places {
        let pods: Vec<Listed> = connection.list(&place.query(POD)).await?;
        if let Some(pod) = pods.first() {
            return Ok(Some(format!("pod {} is shutting down", pod.metadata.name)));
        }
    }
    Ok(None)
}

/// A claim as the API shows it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Claim {
    metadata: Metadata,
    spec: ClaimSpec,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ClaimSpec {
    volume_name: String,
}

async fn claims(connection: &Connection, places: &[Place]) -> Result<Vec<Claim>> {
    let mut all = Vec::new();
    for place in places {
        all.extend(connection.list(&place.query(CLAIM)).await?);
    }
    Ok(all)
}

async fn any_claim(connection: &Connection, places: &[Place]) -> Result<bool> {
    Ok(!claims(connection, places).await?.is_empty())
}

async fn volumes_of_claims(connection: &Connection, places: &[Place]) -> Result<BTreeSet<String>> {
    let claims = claims(connection, places).await?;
    Ok(claims.into_iter().map(|claim| claim.spec.volume_name).filter(|name| !name.is_empty()).collect())
}

/// A volume as the API shows it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Volume {
    metadata: Metadata,
    spec: VolumeSpec,
    status: VolumeStatus,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct VolumeSpec {
    persistent_volume_reclaim_policy: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct VolumeStatus {
    message: String,
}

/// The first claim or volume that is still there. A volume that its class retains is left alone, and so is one that we may not see.
async fn storage_left(
    connection: &Connection,
    places: &[Place],
    volumes: &BTreeSet<String>,
) -> Result<Option<String>> {
    if let Some(claim) = claims(connection, places).await?.first() {
        return Ok(Some(format!("claim {} is being removed", claim.metadata.name)));
    }
    if volumes.is_empty() {
        return Ok(None);
    }
    let present: Vec<Volume> = match connection.list(&Query::everywhere(VOLUME)).await {
        Err(error) if error.meaning() == Meaning::Denied => return Ok(None),
        other => other?,
    };
    let left = present.into_iter().find(|volume| {
        volumes.contains(&volume.metadata.name) && volume.spec.persistent_volume_reclaim_policy != "Retain"
    });
    Ok(left.map(|volume| match volume.status.message.as_str() {
        "" => format!("volume {} is being deleted", volume.metadata.name),
        message => format!("volume {} is being deleted: {message}", volume.metadata.name),
    }))
}

/// A Service of type LoadBalancer.
struct LoadBalancer {
    namespace: String,
    name: String,
    uid: String,
}

impl LoadBalancer {
    fn address(&self, kind: ResourceType) -> Address {
        Address::new(kind, self.namespace.as_str(), self.name.as_str())
    }
}

async fn load_balancers(connection: &Connection, places: &[Place]) -> Result<Vec<LoadBalancer>> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Service {
        metadata: Metadata,
        spec: Spec,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Spec {
        r#type: String,
    }
    let mut found = Vec::new();
    for place in places {
        connection
            .list_each(&place.query(SERVICE), |service: Service| {
                if service.spec.r#type == "LoadBalancer" {
                    let Metadata { namespace, name, uid, .. } = service.metadata;
                    found.push(LoadBalancer { namespace, name, uid });
                }
            })
            .await?;
    }
    Ok(found)
}

async fn namespace_left(connection: &Connection, name: &str) -> Result<Option<String>> {
    let namespace: Option<Namespace> = connection.get(&Address::new(NAMESPACE, "", name)).await?;
    Ok(namespace.map(|namespace| namespace.ending()))
}
