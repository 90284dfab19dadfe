//! The one way in which objects change: stored, remembered, and noticed by whoever reacts to it.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Cluster;
use super::brief::PodBrief;
use super::object;
use super::queue::Task;
use super::resources::{
    CLAIMS, CONFIG_MAPS, DAEMON_SETS, DEFINITIONS, DEPLOYMENTS, DISRUPTION_BUDGETS, INGRESS_CLASSES,
    INGRESSES, JOBS, NAMESPACES, NODES, PODS, REPLICA_SETS, SECRETS, SERVICE_ACCOUNTS, SERVICES,
    STATEFUL_SETS, VOLUMES,
};
use super::selector::Selector;
use super::store::{Key, Occurrence, Stored};

impl Cluster {
    /// Stores an object, unless it is what is stored already; returns it as it is stored.
    pub(super) fn save(&mut self, key: &Key, mut object: Value) -> Value {
        let old = self.store.object(key);
        let counts = self.catalog.stored(&key.resource).is_some_and(|resource| resource.counts_generations());
        match &old {
            Some(old) => {
                let generation = object::whole(old, "/metadata/generation");
                let version = object::text_or_empty(old, "/metadata/resourceVersion").to_owned();
                object::set(&mut object, "/metadata/resourceVersion", version);
                if let Some(generation) = generation {
                    object::set(&mut object, "/metadata/generation", generation);
                }
                if object == *old {
                    return object;
                }
                if counts && spec_differs(old, &object) {
                    object::set(&mut object, "/metadata/generation", generation.unwrap_or(0) + 1);
                }
            }
            None if counts => object::set(&mut object, "/metadata/generation", 1),
            None => {}
        }
        let occurrence = self.store.put(key, object);
        let stored = occurrence.after.object();
        self.notice(key, &occurrence);
        stored
    }

    /// Changes a stored object; false when it is not there.
    pub(super) fn edit(&mut self, key: &Key, change: impl FnOnce(&mut Value)) -> bool {
        let Some(mut object) = self.store.object(key) else { return false };
        change(&mut object);
        self.save(key, object);
        true
    }

    /// Takes an object away for good.
    pub(super) fn erase(&mut self, key: &Key) {
        if let Some(occurrence) = self.store.delete(key) {
            self.notice(key, &occurrence);
        }
    }

    /// Completes the metadata of a new object and stores it, as controllers do; what is there already stays.
    pub(super) fn make(&mut self, key: &Key, mut object: Value) {
        if self.store.get(key).is_some() {
            return;
        }
        self.complete_metadata(&mut object, key);
        if let Some(resource) = self.catalog.stored(&key.resource) {
            super::defaults::fill(&resource.kind, &mut object);
        }
        self.save(key, object);
    }

    /// Gives a new object its name, namespace, UID and time.
    pub(super) fn complete_metadata(&mut self, object: &mut Value, key: &Key) {
        object::set(object, "/metadata/name", key.name.as_str());
        if !key.namespace.is_empty() {
            object::set(object, "/metadata/namespace", key.namespace.as_str());
        }
        object::set(object, "/metadata/uid", self.mint.uuid().to_string());
        object::set(object, "/metadata/creationTimestamp", object::written(self.now));
    }

    /// Has a controller look at an object now.
    pub(super) fn reconcile(&mut self, resource: &str, namespace: &str, name: &str) {
        let task = Task::Reconcile {
            resource: resource.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        self.queue.add(task, self.now);
    }

    /// Has a controller look at every object of a resource in a namespace, or in all.
    pub(super) fn reconcile_all(&mut self, resource: &str, namespace: Option<&str>) {
        for key in self.store.keys(resource, namespace) {
            self.reconcile(resource, &key.namespace, &key.name);
        }
    }

    fn notice(&mut self, key: &Key, occurrence: &Occurrence) {
        let after = &occurrence.after;
        match key.resource.as_str() {
            PODS => self.notice_pod(key, occurrence),
            SERVICES => self.notice_service(key, occurrence),
            NODES => {
                self.queue.add(Task::ScheduleAll, self.now);
                self.reconcile_all(DAEMON_SETS, None);
            }
            VOLUMES => self.notice_volume(key, occurrence),
            CLAIMS => self.notice_claim(key, occurrence),
            DEFINITIONS => self.notice_definition(key, occurrence),
            INGRESS_CLASSES => self.reconcile_all(INGRESSES, None),
            CONFIG_MAPS | SECRETS if occurrence.before.is_none() => self.wake_pods_that_need(key),
            CONFIG_MAPS | SERVICE_ACCOUNTS if occurrence.deleted => {
                self.reconcile(NAMESPACES, "", &key.namespace);
            }
            REPLICA_SETS => {
                self.reconcile(REPLICA_SETS, &key.namespace, &key.name);
                self.reconcile_controller(after);
            }
            NAMESPACES | DEPLOYMENTS | STATEFUL_SETS | DAEMON_SETS | JOBS | INGRESSES
            | DISRUPTION_BUDGETS
                if !occurrence.deleted =>
            {
                self.reconcile(&key.resource, &key.namespace, &key.name);
            }
            _ => {}
        }
        self.notice_ownership(occurrence);
        if occurrence.deleted && self.is_namespace_terminating(&key.namespace) {
            self.reconcile(NAMESPACES, "", &key.namespace);
        }
    }

    fn notice_ownership(&mut self, occurrence: &Occurrence) {
        let after = &occurrence.after;
        if occurrence.deleted || after.terminating {
            if occurrence.deleted {
                for owner in after.owners.iter().filter(|owner| owner.blocks) {
                    self.queue.add(Task::Collect { uid: owner.uid.clone() }, self.now);
                }
            }
            if self.store.owned_by(&after.uid).next().is_some() || after.terminating {
                self.queue.add(Task::Collect { uid: after.uid.clone() }, self.now);
            }
        } else if occurrence.before.is_none() {
            for owner in after.owners.iter().filter(|owner| self.store.by_uid(&owner.uid).is_none()) {
                self.queue.add(Task::Collect { uid: owner.uid.clone() }, self.now);
            }
        }
    }

    /// Has the controller of an object look at it.
    fn reconcile_controller(&mut self, stored: &Stored) {
        let owner = stored.owners.iter().find(|owner| owner.controls);
        if let Some(key) = owner.and_then(|owner| self.store.by_uid(&owner.uid)).cloned() {
            self.reconcile(&key.resource, &key.namespace, &key.name);
        }
    }

    /// Has the owner of an object's controller look: a deployment that recreates waits for pods to be gone.
    fn reconcile_owner_of_controller(&mut self, stored: &Stored) {
        let owner = stored.owners.iter().find(|owner| owner.controls);
        let controller = owner
            .and_then(|owner| self.store.by_uid(&owner.uid))
            .and_then(|key| self.store.get(key))
            .cloned();
        if let Some(controller) = controller {
            self.reconcile_controller(&controller);
        }
    }

    fn notice_pod(&mut self, key: &Key, occurrence: &Occurrence) {
        let (before, after) = (occurrence.before.as_ref(), &occurrence.after);
        self.reconcile_controller(after);
        if occurrence.deleted {
            self.reconcile_owner_of_controller(after);
        }
        let place = (key.namespace.clone(), key.name.clone());
        let Some(pod) = &after.pod else { return };
        let waits = pod.node.is_empty() && !after.terminating && !pod.has_ended() && !occurrence.deleted;
        if waits {
            if self.unscheduled.insert(place.clone()) {
                let task = Task::Schedule { namespace: place.0, name: place.1 };
                self.queue.add(task, self.now);
            }
        } else {
            self.unscheduled.remove(&place);
        }
        if !occurrence.deleted && !pod.node.is_empty() {
            let task = Task::Kubelet { namespace: key.namespace.clone(), name: key.name.clone() };
            self.queue.add(task, self.now);
        }
        if occurrence.deleted {
            self.logs.forget(&key.namespace, &key.name);
        }
        let ended_now = pod.has_ended()
            && before.is_some_and(|before| before.pod.as_ref().is_some_and(|pod| !pod.has_ended()));
        if occurrence.deleted || ended_now {
            self.schedule_waiting();
            for claim in pod.claims.clone() {
                self.reconcile(CLAIMS, &key.namespace, &claim);
            }
        }
        if serving(before) != serving((!occurrence.deleted).then_some(after)) {
            self.notice_backend(key, before, after);
        }
    }

    /// Tries again what waits for room.
    fn schedule_waiting(&mut self) {
        if !self.unscheduled.is_empty() {
            self.queue.add(Task::ScheduleAll, self.now);
        }
    }

    fn notice_backend(&mut self, key: &Key, before: Option<&Arc<Stored>>, after: &Arc<Stored>) {
        let touched: Vec<String> = self
            .allocations
            .selectors(&key.namespace)
            .filter(|(_, selector)| {
                selects(selector, after) || before.is_some_and(|before| selects(selector, before))
            })
            .map(|(name, _)| name.to_owned())
            .collect();
        for name in touched {
            self.queue.add(Task::Endpoints { namespace: key.namespace.clone(), name }, self.now);
        }
        self.reconcile_all(DISRUPTION_BUDGETS, Some(&key.namespace));
    }

    fn notice_service(&mut self, key: &Key, occurrence: &Occurrence) {
        let old = occurrence.before.as_ref().map(|before| before.object());
        if let Some(old) = &old {
            self.allocations.release(old);
        }
        if occurrence.deleted {
            if let Some(old) = old {
                self.load_balancer_released(&old);
            }
        } else {
            self.allocations.take(&occurrence.after.object());
            self.reconcile(SERVICES, &key.namespace, &key.name);
            self.reconcile_all(INGRESSES, None);
        }
        let task = Task::Endpoints { namespace: key.namespace.clone(), name: key.name.clone() };
        self.queue.add(task, self.now);
    }

    /// Has the kubelets look again at pods that could not start without a ConfigMap or Secret.
    fn wake_pods_that_need(&mut self, key: &Key) {
        let secret = key.resource == SECRETS;
        self.wake_pods(&key.namespace, |pod| {
            pod.needs.iter().any(|need| need.secret == secret && need.name == key.name)
        });
    }

    /// Has the kubelets look at the pods of a namespace that have not started yet.
    pub(super) fn wake_pods(&mut self, namespace: &str, concerned: impl Fn(&PodBrief) -> bool) {
        let waiting: Vec<String> = self
            .store
            .list(PODS, Some(namespace))
            .filter(|stored| {
                let waits =
                    |pod: &&PodBrief| pod.phase == "Pending" && !pod.node.is_empty() && concerned(pod);
                stored.pod.as_ref().is_some_and(|pod| waits(&pod))
            })
            .map(|stored| stored.name.clone())
            .collect();
        for name in waiting {
            self.queue.add(Task::Kubelet { namespace: namespace.to_owned(), name }, self.now);
        }
    }

    fn notice_claim(&mut self, key: &Key, occurrence: &Occurrence) {
        if !occurrence.deleted {
            self.reconcile(CLAIMS, &key.namespace, &key.name);
        }
        let waits = |(namespace, name): &&(String, String)| {
            *namespace == key.namespace
                && self
                    .store
                    .get(&Key::new(PODS, namespace, name))
                    .and_then(|stored| stored.pod.as_ref())
                    .is_some_and(|pod| pod.claims.contains(&key.name))
        };
        let waiting: Vec<(String, String)> = self.unscheduled.iter().filter(waits).cloned().collect();
        for (namespace, name) in waiting {
            self.queue.add(Task::Schedule { namespace, name }, self.now);
        }
    }

    fn notice_volume(&mut self, key: &Key, occurrence: &Occurrence) {
        if occurrence.deleted {
            self.disk_released(&occurrence.after.object());
        } else {
            self.reconcile(VOLUMES, "", &key.name);
        }
    }

    fn notice_definition(&mut self, key: &Key, occurrence: &Occurrence) {
        let definition = occurrence.after.object();
        if occurrence.deleted {
            self.catalog.forget(&definition);
        } else {
            self.catalog.define(&definition);
            self.reconcile(DEFINITIONS, "", &key.name);
        }
    }

    /// True while a namespace is going away.
    pub(super) fn is_namespace_terminating(&self, namespace: &str) -> bool {
        !namespace.is_empty()
            && self.store.get(&Key::new(NAMESPACES, "", namespace)).is_some_and(|stored| stored.terminating)
    }
}

/// What a service sees of a pod.
fn serving(
    pod: Option<&Arc<Stored>>,
) -> Option<(bool, &str, bool, &std::collections::BTreeMap<String, String>)> {
    let stored = pod?;
    let brief = stored.pod.as_ref()?;
    Some((brief.ready, brief.ip.as_str(), stored.terminating, &stored.labels))
}

fn selects(selector: &Selector, stored: &Stored) -> bool {
    selector.matches(&stored.labels)
}

/// True when something other than metadata and status differs.
fn spec_differs(old: &Value, new: &Value) -> bool {
    let rest = |object: &Value| {
        let mut rest = object.clone();
        if let Some(map) = rest.as_object_mut() {
            map.remove("metadata");
            map.remove("status");
        }
        rest
    };
    let deleted = |object: &Value| object::is_terminating(object);
    rest(old) != rest(new) || deleted(old) != deleted(new)
}

/// An empty object of a kind.
pub(super) fn blank(api_version: &str, kind: &str) -> Value {
    json!({"apiVersion": api_version, "kind": kind, "metadata": {}})
}
