//! DaemonSets: one pod on every worker that suits.

use serde_json::{Value, json};

use super::deployments::share_of;
use super::pods::{Pod, REVISION_LABEL, count_of, set_count, template_hash};
use super::scheduler;
use crate::kubernetes::Cluster;
use crate::kubernetes::object::{self, set, text, whole};
use crate::kubernetes::resources::NODES;
use crate::kubernetes::store::Key;

impl Cluster {
    pub(super) fn reconcile_daemon_set(&mut self, key: &Key) {
        let Some(owner) = self.store.object(key) else { return };
        let revision = template_hash(owner.pointer("/spec/template").unwrap_or(&Value::Null));
        let suitable = self.suitable_workers(&owner);
        if !object::is_terminating(&owner) {
            self.step_daemon_set(key, &owner, &suitable, &revision);
        }
        let pods = self.pods_of(object::uid(&owner), REVISION_LABEL);
        self.write_daemon_status(key, &owner, &pods, &suitable, &revision);
    }

    fn suitable_workers(&self, owner: &Value) -> Vec<String> {
        let pod = daemon_pod(owner);
        self.store
            .list(NODES, None)
            .filter(|node| !node.terminating && scheduler::suits(&pod, node))
            .map(|node| node.name.clone())
            .collect()
    }

    fn step_daemon_set(&mut self, key: &Key, owner: &Value, suitable: &[String], revision: &str) {
        let pods = self.pods_of(object::uid(owner), REVISION_LABEL);
        let wanted_node = |pod: &Pod| self.assigned_node(pod);
        let placed: Vec<(String, Pod)> = pods.into_iter().map(|pod| (wanted_node(&pod), pod)).collect();
        for (node, pod) in &placed {
            let stays = suitable.contains(node) && !pod.has_ended();
            if !stays && !pod.terminating {
                self.delete_pod(owner, pod);
            }
        }
        for node in suitable {
            if placed.iter().any(|(each, _)| each == node) {
                continue;
            }
            let made = self.make_pod(owner, None, |pod| {
                set(pod, &format!("/metadata/labels/{REVISION_LABEL}"), revision);
                pin(pod, node);
                tolerate(pod);
            });
            if made.is_err() {
                let retry = self.later(10);
                self.reconcile_at(key, retry);
                return;
            }
        }
        self.update_daemons(owner, &placed, revision);
    }

    fn update_daemons(&mut self, owner: &Value, placed: &[(String, Pod)], revision: &str) {
        if text(owner, "/spec/updateStrategy/type") == Some("OnDelete") {
            return;
        }
        let bound = owner.pointer("/spec/updateStrategy/rollingUpdate/maxUnavailable");
        let allowed = bound.map_or(1, |bound| share_of(bound, count_of(placed), true)).max(1);
        let unavailable = placed.iter().filter(|(_, pod)| !pod.ready || pod.terminating).count();
        let room = usize::try_from(allowed).unwrap_or(1).saturating_sub(unavailable);
        let stale = |pod: &&Pod| pod.hash != revision && !pod.terminating;
        let (broken, ready): (Vec<&Pod>, Vec<&Pod>) =
            placed.iter().map(|(_, pod)| pod).filter(stale).partition(|pod| !pod.ready);
        for pod in broken.into_iter().chain(ready.into_iter().take(room)) {
            self.delete_pod(owner, pod);
        }
    }

    /// The worker that a daemon's pod is bound to, or made for.
    fn assigned_node(&self, pod: &Pod) -> String {
        if !pod.node.is_empty() {
            return pod.node.clone();
        }
        let object = self.store.object(&pod.key).unwrap_or_default();
        object
            .pointer(&format!("{AFFINITY}/nodeSelectorTerms/0/matchFields/0/values/0"))
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    }

    fn write_daemon_status(
        &mut self,
        key: &Key,
        owner: &Value,
        pods: &[Pod],
        suitable: &[String],
        revision: &str,
    ) {
        let here: Vec<Pod> = pods.iter().filter(|pod| pod.is_active()).cloned().collect();
        let min_ready = whole(owner, "/spec/minReadySeconds").unwrap_or(0);
        let available = self.count_available(key, &here, min_ready);
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let ready = number(here.iter().filter(|pod| pod.ready).count());
        let updated = number(here.iter().filter(|pod| pod.hash == revision).count());
        let wanted = count_of(suitable);
        self.edit(key, |stored| {
            set(stored, "/status/desiredNumberScheduled", wanted);
            set(stored, "/status/currentNumberScheduled", count_of(&here));
            set(stored, "/status/numberMisscheduled", 0);
            set(stored, "/status/numberReady", ready);
            set_count(stored, "/status/numberAvailable", available);
            set_count(stored, "/status/numberUnavailable", (wanted - available).max(0));
            set_count(stored, "/status/updatedNumberScheduled", updated);
            set(stored, "/status/observedGeneration", whole(owner, "/metadata/generation").unwrap_or(1));
        });
    }
}

const AFFINITY: &str = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution";

/// The pod that the set would make, before it is pinned to a worker.
fn daemon_pod(owner: &Value) -> Value {
    let mut pod = json!({"spec": owner.pointer("/spec/template/spec").cloned().unwrap_or_default()});
    tolerate(&mut pod);
    pod
}

fn pin(pod: &mut Value, node: &str) {
    let field = json!({"key": "metadata.name", "operator": "In", "values": [node]});
    let terms = format!("{AFFINITY}/nodeSelectorTerms");
    match pod.pointer_mut(&terms).and_then(Value::as_array_mut) {
        Some(terms) => terms.iter_mut().for_each(|term| set(term, "/matchFields", json!([field]))),
        None => set(pod, &terms, json!([{"matchFields": [field]}])),
    }
}

/// Daemons run on workers that are in trouble or cordoned.
fn tolerate(pod: &mut Value) {
    let Some(tolerations) = object::list_mut(pod, "/spec/tolerations") else { return };
    for (key, effect) in [
        ("node.kubernetes.io/not-ready", "NoExecute"),
        ("node.kubernetes.io/unreachable", "NoExecute"),
        ("node.kubernetes.io/disk-pressure", "NoSchedule"),
        ("node.kubernetes.io/memory-pressure", "NoSchedule"),
        ("node.kubernetes.io/pid-pressure", "NoSchedule"),
        ("node.kubernetes.io/unschedulable", "NoSchedule"),
    ] {
        let toleration = json!({"key": key, "operator": "Exists", "effect": effect});
        if !tolerations.contains(&toleration) {
            tolerations.push(toleration);
        }
    }
}
