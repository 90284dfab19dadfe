//! Comparing workloads with what is there, and applying what differs.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use futures::future::try_join_all;
use serde_json::Value;
use spacecraft_core::observer::Outcome;
use spacecraft_core::traits::Look;
use spacecraft_core::workload::Workload;
use spacecraft_core::{Error, Meaning, Result};

use super::KubernetesWorkloads;
use crate::compare;
use crate::connection::Applied;
use crate::objects::{self, Manifest, Target, WORKLOAD_KINDS, labels};
use crate::resource::{Address, CLAIM, DEPLOYMENT, POD_MONITOR, ResourceType};

/// What looks and applications have shown, so that an application right after a look sends only what differs.
///
/// An object that a look found as wanted is left out of the next application only; after that it is sent again, because somebody else
/// may have changed it since. Sending again what is as wanted changes nothing on the server.
#[derive(Debug, Default)]
pub(super) struct Memory(HashMap<String, Notes>);

/// What is remembered of one workload.
#[derive(Debug, Default)]
struct Notes {
    /// Digests of objects that a look found as wanted.
    seen: HashMap<Address, String>,
    /// Digests of objects that were applied.
    applied: HashMap<Address, String>,
    /// Objects that a look found and that are no longer wanted.
    obsolete: Vec<Address>,
}

impl Memory {
    /// Forgets everything about one workload.
    pub(super) fn forget(&mut self, workload: &str) {
        self.0.remove(workload);
    }

    fn notes(&mut self, workload: &str) -> &mut Notes {
        self.0.entry(workload.to_owned()).or_default()
    }
}

impl Notes {
    /// True when the last look found the object as wanted; asking forgets it.
    fn take_seen(&mut self, manifest: &Manifest) -> bool {
        self.seen.remove(&manifest.address).is_some_and(|digest| digest == manifest.digest())
    }

    /// Remembers an application; true when the same was applied before.
    fn note_applied(&mut self, manifest: &Manifest) -> bool {
        let before = self.applied.insert(manifest.address.clone(), manifest.digest().to_owned());
        before.is_some_and(|digest| digest == manifest.digest())
    }
}

/// One look for each workload, by one list for each kind.
pub(super) async fn look(workloads: &KubernetesWorkloads, wanted: &[Workload]) -> Result<Vec<Look>> {
    let mut survey = Survey::new(wanted);
    for kind in WORKLOAD_KINDS {
        survey.expect(kind);
    }
    let seen = Mutex::new(survey);
    let lists = WORKLOAD_KINDS.map(async |kind| {
        let query = workloads.ours(kind);
        let see = |live: Value| {
            seen.lock().unwrap_or_else(PoisonError::into_inner).see(&workloads.target, kind, &live);
        };
        match workloads.connection.list_each(&query, see).await {
            // Without its definition there is no monitor either.
            Err(error) if error.is_not_found() && kind == POD_MONITOR => Ok(()),
            other => other.map(drop),
        }
    });
    try_join_all(lists).await?;
    let mut survey = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
    survey.remember(&mut workloads.memory());
    Ok(survey.looks())
}

/// What was found of each workload so far.
struct Survey<'a> {
    by_name: HashMap<&'a str, usize>,
    found: Vec<Found<'a>>,
}

/// What was found of one workload so far.
struct Found<'a> {
    workload: &'a Workload,
    parts: Vec<(ResourceType, String, Look)>,
    seen: HashMap<Address, String>,
    obsolete: Vec<Address>,
}

impl<'a> Survey<'a> {
    fn new(wanted: &'a [Workload]) -> Self {
        let found =
            |workload| Found { workload, parts: Vec::new(), seen: HashMap::new(), obsolete: Vec::new() };
        Self {
            by_name: wanted
                .iter()
                .enumerate()
                .map(|(index, workload)| (workload.name.as_str(), index))
                .collect(),
            found: wanted.iter().map(found).collect(),
        }
    }

    /// Every object of a kind counts as absent until it is seen.
    fn expect(&mut self, kind: ResourceType) {
        for found in &mut self.found {
            let names = objects::names_of_kind(found.workload, kind);
            found.parts.extend(names.into_iter().map(|name| (kind, name.to_owned(), Look::Absent)));
        }
    }

    fn see(&mut self, target: &Target, kind: ResourceType, live: &Value) {
        let labels = live.pointer("/metadata/labels");
        let owner = labels.and_then(|labels| labels.get(labels::NAME)).and_then(Value::as_str);
        let index = owner.and_then(|owner| self.by_name.get(owner));
        if let Some(found) = index.and_then(|index| self.found.get_mut(*index)) {
            found.see(target, kind, live);
        }
    }

    fn remember(&mut self, memory: &mut Memory) {
        for found in &mut self.found {
            let notes = memory.notes(&found.workload.name);
            notes.seen = std::mem::take(&mut found.seen);
            notes.obsolete = std::mem::take(&mut found.obsolete);
        }
    }

    fn looks(self) -> Vec<Look> {
        self.found.into_iter().map(Found::look).collect()
    }
}

impl Found<'_> {
    fn see(&mut self, target: &Target, kind: ResourceType, live: &Value) {
        let name = live.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        let manifests = objects::of_kind(target, self.workload, kind);
        if let Some(manifest) = manifests.iter().find(|manifest| manifest.address.name == name) {
            self.compare(manifest, live);
        } else if kind != CLAIM {
            // Data is never removed because a plan no longer mentions it; anything else of ours is.
            let what = Look::Differs(vec![format!("{} {name}: is no longer wanted", kind.kind)]);
            self.parts.push((kind, name.to_owned(), what));
            self.obsolete.push(Address::new(kind, target.namespace.as_str(), name));
        }
    }

    fn compare(&mut self, manifest: &Manifest, live: &Value) {
        let Address { resource, name, .. } = &manifest.address;
        let found = compare::look(manifest, Some(live));
        if found.is_same() {
            self.seen.insert(manifest.address.clone(), manifest.digest().to_owned());
        }
        let part = self.parts.iter_mut().find(|(kind, part, _)| kind == resource && part == name);
        if let Some((_, _, look)) = part {
            *look = found;
        }
    }

    fn look(self) -> Look {
        let absent = self.parts.iter().any(|(kind, _, look)| *kind == DEPLOYMENT && *look == Look::Absent);
        let named = self.parts.into_iter().map(|(kind, name, look)| (format!("{} {name}", kind.kind), look));
        compare::joined(absent, named)
    }
}

/// Applies the objects of one workload: first, side by side, what its pod needs, then the Deployment that makes the pod.
pub(super) async fn ensure(workloads: &KubernetesWorkloads, workload: &Workload) -> Result<Outcome> {
    let (deployments, needs): (Vec<_>, Vec<_>) = objects::of_workload(&workloads.target, workload)
        .into_iter()
        .partition(|manifest| manifest.address.resource == DEPLOYMENT);
    let apply = |manifest| apply(workloads, &workload.name, manifest);
    let mut outcomes = try_join_all(needs.iter().map(apply)).await?;
    let created = try_join_all(deployments.iter().map(apply)).await?;
    let made = created.contains(&Outcome::Created);
    outcomes.extend(created);
    outcomes.extend(remove_obsolete(workloads, workload).await?);
    Ok(match outcomes.into_iter().fold(Outcome::Unchanged, Outcome::and) {
        Outcome::Unchanged => Outcome::Unchanged,
        _ if made => Outcome::Created,
        _ => Outcome::Updated,
    })
}

async fn apply(workloads: &KubernetesWorkloads, workload: &str, manifest: &Manifest) -> Result<Outcome> {
    if workloads.memory().notes(workload).take_seen(manifest) {
        return Ok(Outcome::Unchanged);
    }
    let applied = workloads.connection.apply(manifest).await.map_err(|error| explained(error, manifest))?;
    let again = workloads.memory().notes(workload).note_applied(manifest);
    Ok(match applied {
        Applied::Created => Outcome::Created,
        Applied::Existing if again => Outcome::Unchanged,
        Applied::Existing => Outcome::Updated,
    })
}

/// A PodMonitor is a custom resource that only clusters with the Prometheus operator know.
fn explained(error: Error, manifest: &Manifest) -> Error {
    let unknown_kind = error.is_not_found() && !error.reason().contains("namespaces");
    if manifest.address.resource != POD_MONITOR || !unknown_kind {
        return error;
    }
    Error::new(
        Meaning::Invalid,
        "apply",
        manifest.address.to_string(),
        "this cluster does not know PodMonitors, by which Prometheus finds what it scrapes",
    )
    .with_hint("let Spacecraft install kube-prometheus-stack (--metrics), or install the Prometheus operator's definitions")
    .with_source(error)
}

async fn remove_obsolete(workloads: &KubernetesWorkloads, workload: &Workload) -> Result<Vec<Outcome>> {
    let obsolete = std::mem::take(&mut workloads.memory().notes(&workload.name).obsolete);
    try_join_all(obsolete.iter().map(|address| async {
        let existed = workloads.connection.delete(address, None).await?;
        Ok(if existed { Outcome::Updated } else { Outcome::Unchanged })
    }))
    .await
}
