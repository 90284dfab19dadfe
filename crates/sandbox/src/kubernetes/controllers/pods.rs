//! What every controller of pods needs: its pods, new ones from a template, the hash of a template.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::kubernetes::Cluster;
use crate::kubernetes::deletion::DeleteOptions;
use crate::kubernetes::object::{self, text_or_empty};
use crate::kubernetes::resources::PODS;
use crate::kubernetes::status::Outcome;
use crate::kubernetes::store::{Key, Stored};

/// A pod that a controller controls, in brief.
#[derive(Debug, Clone)]
pub(super) struct Pod {
    pub(super) key: Key,
    pub(super) uid: String,
    pub(super) ready: bool,
    pub(super) scheduled: bool,
    pub(super) terminating: bool,
    pub(super) phase: String,
    /// The hash of the template that it was made from.
    pub(super) hash: String,
    pub(super) node: String,
}

impl Pod {
    fn of(stored: &Stored, hash_label: &str) -> Self {
        let brief = stored.pod.clone().unwrap_or_default();
        Self {
            key: Key::new(PODS, &stored.namespace, &stored.name),
            uid: stored.uid.clone(),
            ready: brief.ready,
            scheduled: !brief.node.is_empty(),
            terminating: stored.terminating,
            phase: brief.phase,
            hash: stored.labels.get(hash_label).cloned().unwrap_or_default(),
            node: brief.node,
        }
    }

    /// True while it counts: neither ended nor going.
    pub(super) fn is_active(&self) -> bool {
        !self.terminating && !self.has_ended()
    }

    /// True once it ended, well or not.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.phase.as_str(), "Succeeded" | "Failed")
    }
}

/// The label that says from which revision a pod of a stateful or daemon set was made.
pub(super) const REVISION_LABEL: &str = "controller-revision-hash";

impl Cluster {
    /// The pods that an owner controls, by name.
    pub(super) fn pods_of(&self, uid: &str, hash_label: &str) -> Vec<Pod> {
        self.store
            .owned_by(uid)
            .filter(|key| key.resource == PODS)
            .filter_map(|key| self.store.get(key))
            .filter(|stored| stored.is_controlled_by(uid))
            .map(|stored| Pod::of(stored, hash_label))
            .collect()
    }

    /// Makes a pod from an owner's template, with a name of its own or one that is generated.
    pub(super) fn make_pod(
        &mut self,
        owner: &Value,
        name: Option<&str>,
        change: impl FnOnce(&mut Value),
    ) -> Outcome<Value> {
        let template = owner.pointer("/spec/template").cloned().unwrap_or_default();
        let mut pod = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {},
            "spec": template.get("spec").cloned().unwrap_or_default(),
        });
        // Nothing else of a template's metadata counts, its name in particular.
        for part in ["labels", "annotations", "finalizers"] {
            if let Some(value) = template.pointer(&format!("/metadata/{part}")) {
                object::set(&mut pod, &format!("/metadata/{part}"), value.clone());
            }
        }
        match name {
            Some(name) => object::set(&mut pod, "/metadata/name", name),
            None => object::set(&mut pod, "/metadata/generateName", format!("{}-", object::name(owner))),
        }
        object::set(&mut pod, "/metadata/namespace", object::namespace(owner));
        object::set(&mut pod, "/metadata/ownerReferences", json!([object::controller_reference(owner)]));
        change(&mut pod);
        let made = self.create_internal(PODS, object::namespace(owner), pod);
        let component = component_of(owner);
        match &made {
            Ok(pod) => {
                let message = format!("Created pod: {}", object::name(pod));
                self.tell(owner, "Normal", "SuccessfulCreate", &message, &component);
            }
            Err(failure) => {
                let message = format!("Error creating: {}", failure.message());
                self.tell(owner, "Warning", "FailedCreate", &message, &component);
            }
        }
        made
    }

    /// Deletes a pod of an owner.
    pub(super) fn delete_pod(&mut self, owner: &Value, pod: &Pod) {
        self.begin_deletion(&pod.key, &DeleteOptions::background());
        let message = format!("Deleted pod: {}", pod.key.name);
        self.tell(owner, "Normal", "SuccessfulDelete", &message, &component_of(owner));
    }

    /// When a pod becomes available: some seconds after it became ready. None while it is not ready.
    pub(super) fn available_at(&self, pod: &Pod, min_ready_seconds: i64) -> Option<jiff::Timestamp> {
        if !pod.ready {
            return None;
        }
        if min_ready_seconds <= 0 {
            return Some(self.now);
        }
        let object = self.store.object(&pod.key)?;
        let since = object::condition(&object, "Ready")
            .and_then(|ready| object::instant(ready, "/lastTransitionTime"))?;
        since.checked_add(jiff::SignedDuration::from_secs(min_ready_seconds)).ok()
    }

    /// How many of the pods are available; whatever becomes so by time alone has its owner looked at again then.
    pub(super) fn count_available(&mut self, owner: &Key, pods: &[Pod], min_ready_seconds: i64) -> i64 {
        let mut available = 0;
        for pod in pods.iter().filter(|pod| !pod.terminating) {
            match self.available_at(pod, min_ready_seconds) {
                Some(at) if at <= self.now => available += 1,
                Some(at) => self.reconcile_at(owner, at),
                None => {}
            }
        }
        available
    }

    /// Has a controller look at an object at an instant.
    pub(super) fn reconcile_at(&mut self, key: &Key, at: jiff::Timestamp) {
        let task = crate::kubernetes::queue::Task::Reconcile {
            resource: key.resource.clone(),
            namespace: key.namespace.clone(),
            name: key.name.clone(),
        };
        self.queue.add(task, at);
    }
}

fn component_of(owner: &Value) -> String {
    format!("{}-controller", text_or_empty(owner, "/kind").to_lowercase())
}

/// The hash of a template, in characters that spell no words.
pub(super) fn template_hash(template: &Value) -> String {
    const ALPHABET: [char; 27] = [
        'b', 'c', 'd', 'f', 'g', 'h', 'j', 'k', 'l', 'm', 'n', 'p', 'q', 'r', 's', 't', 'v', 'w', 'x', 'z',
        '2', '4', '5', '6', '7', '8', '9',
    ];
    Sha256::digest(template.to_string())
        .iter()
        .take(10)
        .filter_map(|byte| ALPHABET.get(usize::from(*byte) % ALPHABET.len()))
        .collect()
}

/// Sets a count in a status; zero is left out, as the server leaves it out.
pub(super) fn set_count(object: &mut Value, pointer: &str, count: i64) {
    if count == 0 {
        object::remove(object, pointer);
    } else {
        object::set(object, pointer, count);
    }
}

/// A length as a count.
pub(super) fn count_of<T>(list: &[T]) -> i64 {
    i64::try_from(list.len()).unwrap_or(i64::MAX)
}
