//! Namespaces, NetworkPolicies and PodDisruptionBudgets as they are wanted, and nothing of ours beyond them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use futures::future::try_join_all;
use futures::try_join;
use serde_json::Value;
use spacecraft_core::observer::Outcome;
use spacecraft_core::traits::Look;
use spacecraft_core::workload::Foundation;
use spacecraft_core::{Error, Meaning, Result};

use super::KubernetesWorkloads;
use super::scope::{LiveNamespace, Namespace, namespace};
use crate::compare;
use crate::connection::{Applied, Query};
use crate::objects::{Manifest, foundation};
use crate::resource::{Address, DISRUPTION_BUDGET, NETWORK_POLICY};

pub(super) async fn look(workloads: &KubernetesWorkloads, wanted: &Foundation) -> Result<Look> {
    let own = try_join_all(foundation::namespaces(&workloads.target, wanted).into_iter().map(async |name| {
        let live = namespace(workloads, name).await?;
        Ok((name, look_namespace(workloads, wanted, name, live.as_ref())))
    }));
    let shared = try_join_all(wanted.shared_charts.iter().map(async |chart| {
        let address = foundation::shared_namespace(&chart.namespace).address;
        let live: Option<Namespace> = workloads.connection.get(&address).await?;
        Ok((chart.namespace.as_str(), if live.is_some() { Look::Same } else { Look::Absent }))
    }));
    let (own, shared, inside) = try_join!(own, shared, Inside::look(workloads, wanted))?;
    if own.iter().any(|(name, look)| *name == workloads.target.namespace && *look == Look::Absent) {
        return Ok(Look::Absent);
    }
    let namespaces = own.into_iter().chain(shared);
    let mut looks: Vec<_> = namespaces.map(|(name, look)| (format!("Namespace {name}"), look)).collect();
    looks.extend(inside.looks());
    Ok(compare::joined(false, looks))
}

pub(super) async fn ensure(workloads: &KubernetesWorkloads, wanted: &Foundation) -> Result<Outcome> {
    let (outcome, inside) =
        futures::join!(ensure_namespaces(workloads, wanted), Inside::look(workloads, wanted));
    let (mut outcome, inside) = (outcome?, inside?);
    let differing = inside.wanted.iter().filter(|(_, look)| !look.is_same());
    let applied = differing.map(|(manifest, _)| workloads.connection.apply(manifest));
    outcome = try_join_all(applied).await?.into_iter().map(outcome_of).fold(outcome, Outcome::and);
    for address in &inside.obsolete {
        workloads.connection.delete(address, None).await?;
        outcome = outcome.and(Outcome::Updated);
    }
    Ok(outcome)
}

async fn ensure_namespaces(workloads: &KubernetesWorkloads, wanted: &Foundation) -> Result<Outcome> {
    let mut outcome = Outcome::Unchanged;
    for name in foundation::namespaces(&workloads.target, wanted) {
        outcome = outcome.and(ensure_namespace(workloads, wanted, name).await?);
    }
    for chart in &wanted.shared_charts {
        let namespace = foundation::shared_namespace(&chart.namespace);
        let (_, created): (Value, bool) =
            workloads.connection.create_or_read(&namespace.address, &namespace.body).await?;
        outcome = outcome.and(if created { Outcome::Created } else { Outcome::Unchanged });
    }
    Ok(outcome)
}

fn look_namespace(
    workloads: &KubernetesWorkloads,
    foundation: &Foundation,
    name: &str,
    live: Option<&LiveNamespace>,
) -> Look {
    let Some(LiveNamespace { namespace, object }) = live else { return Look::Absent };
    if namespace.is_ending() {
        return Look::Differs(vec![format!("Namespace {name}: is being deleted")]);
    }
    let wanted = foundation::namespace(&workloads.target, foundation, name, namespace.is_owned());
    compare::look(&wanted, Some(object))
}

/// Creates a namespace, which makes it ours to delete, or takes part in one that exists.
async fn ensure_namespace(
    workloads: &KubernetesWorkloads,
    foundation: &Foundation,
    name: &str,
) -> Result<Outcome> {
    let Some(live) = namespace(workloads, name).await? else {
        let owned = foundation::namespace(&workloads.target, foundation, name, true);
        let (_, created): (Value, bool) =
            workloads.connection.create_or_read(&owned.address, &owned.body).await?;
        if created {
            return Ok(Outcome::Created);
        }
        let live = namespace(workloads, name).await?.unwrap_or_default();
        return join_namespace(workloads, foundation, name, &live).await;
    };
    join_namespace(workloads, foundation, name, &live).await
}

async fn join_namespace(
    workloads: &KubernetesWorkloads,
    foundation: &Foundation,
    name: &str,
    live: &LiveNamespace,
) -> Result<Outcome> {
    if live.namespace.is_ending() {
        return Err(Error::new(Meaning::Unavailable, "use namespace", name, "it is being deleted")
            .with_hint("run the command again when it is gone"));
    }
    let wanted = foundation::namespace(&workloads.target, foundation, name, live.namespace.is_owned());
    if look_namespace(workloads, foundation, name, Some(live)).is_same() {
        return Ok(Outcome::Unchanged);
    }
    workloads.connection.apply(&wanted).await.map(outcome_of)
}

fn outcome_of(applied: Applied) -> Outcome {
    match applied {
        Applied::Created => Outcome::Created,
        Applied::Existing => Outcome::Updated,
    }
}

/// Policies and budgets inside the network's namespaces.
struct Inside {
    wanted: Vec<(Manifest, Look)>,
    obsolete: Vec<Address>,
}

impl Inside {
    async fn look(workloads: &KubernetesWorkloads, wanted: &Foundation) -> Result<Self> {
        let live = Mutex::new(BTreeMap::new());
        let guarded = foundation::guarded(&workloads.target, wanted);
        let policies = guarded.iter().map(|guarded| (NETWORK_POLICY, &guarded.namespace));
        let budgets = std::iter::once((DISRUPTION_BUDGET, &workloads.target.namespace));
        let lists = policies.chain(budgets).map(async |(kind, namespace)| {
            let query = Query::within(kind, namespace).labelled(workloads.selector());
            let see = |object: Value| {
                let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
                let address = Address::new(kind, namespace.as_str(), name);
                live.lock().unwrap_or_else(PoisonError::into_inner).insert(address, object);
            };
            workloads.connection.list_each(&query, see).await
        });
        try_join_all(lists).await?;
        let mut live = live.into_inner().unwrap_or_else(PoisonError::into_inner);
        let wanted = foundation::inside(&workloads.target, wanted)
            .into_iter()
            .map(|manifest| {
                let look = compare::look(&manifest, live.remove(&manifest.address).as_ref());
                (manifest, look)
            })
            .collect();
        Ok(Self { wanted, obsolete: live.into_keys().collect() })
    }

    fn looks(&self) -> Vec<(String, Look)> {
        let wanted = self.wanted.iter().map(|(manifest, look)| {
            (format!("{} {}", manifest.address.resource.kind, manifest.address.name), look.clone())
        });
        let obsolete = self.obsolete.iter().map(|address| {
            let what = format!("{} {}", address.resource.kind, address.name);
            let look = Look::Differs(vec![format!("{what}: is no longer wanted")]);
            (what, look)
        });
        wanted.chain(obsolete).collect()
    }
}
