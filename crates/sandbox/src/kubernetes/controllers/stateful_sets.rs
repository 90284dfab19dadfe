//! StatefulSets: numbered pods, in order, with claims of their own.

use serde_json::{Value, json};

use super::pods::{Pod, REVISION_LABEL, count_of, set_count, template_hash};
use crate::kubernetes::Cluster;
use crate::kubernetes::object::{self, items, set, text, whole};
use crate::kubernetes::resources::CLAIMS;
use crate::kubernetes::store::Key;

impl Cluster {
    pub(super) fn reconcile_stateful_set(&mut self, key: &Key) {
        let Some(owner) = self.store.object(key) else { return };
        let revision = revision_of(&owner);
        if !object::is_terminating(&owner) {
            self.step_stateful_set(&owner, &revision);
        }
        let pods = self.pods_of(object::uid(&owner), REVISION_LABEL);
        self.write_stateful_status(key, &owner, &pods, &revision);
    }

    /// Does the next thing: replaces an ended pod, makes the next missing one, takes away one too many, or updates one.
    fn step_stateful_set(&mut self, owner: &Value, revision: &str) {
        let wanted = whole(owner, "/spec/replicas").unwrap_or(1);
        let parallel = text(owner, "/spec/podManagementPolicy") == Some("Parallel");
        let pods = self.pods_of(object::uid(owner), REVISION_LABEL);
        let first = whole(owner, "/spec/ordinals/start").unwrap_or(0);
        for ordinal in first..first + wanted {
            let name = format!("{}-{ordinal}", object::name(owner));
            match pods.iter().find(|pod| pod.key.name == name) {
                None => {
                    let made = self.make_numbered_pod(owner, ordinal, &name, revision);
                    if !made || !parallel {
                        return;
                    }
                }
                Some(pod) if pod.has_ended() && !pod.terminating => {
                    self.delete_pod(owner, pod);
                    return;
                }
                Some(pod) if !parallel && (!pod.ready || pod.terminating) => return,
                Some(_) => {}
            }
        }
        if self.shrink(owner, &pods, first + wanted, parallel) {
            return;
        }
        self.update_one(owner, &pods, revision, first);
    }

    /// Deletes the pods beyond the wanted number, the highest first; true while there are such pods.
    fn shrink(&mut self, owner: &Value, pods: &[Pod], end: i64, parallel: bool) -> bool {
        let mut beyond: Vec<&Pod> =
            pods.iter().filter(|pod| ordinal_of(pod).is_some_and(|ordinal| ordinal >= end)).collect();
        beyond.sort_by_key(|pod| std::cmp::Reverse(ordinal_of(pod)));
        for pod in &beyond {
            if !pod.terminating {
                self.delete_pod(owner, pod);
            }
            if !parallel {
                break;
            }
        }
        !beyond.is_empty()
    }

    /// Deletes the highest pod of another revision, when all others are ready.
    fn update_one(&mut self, owner: &Value, pods: &[Pod], revision: &str, first: i64) {
        if text(owner, "/spec/updateStrategy/type") == Some("OnDelete")
            || pods.iter().any(|pod| pod.terminating)
        {
            return;
        }
        let partition = whole(owner, "/spec/updateStrategy/rollingUpdate/partition").unwrap_or(0);
        let stale = pods
            .iter()
            .filter(|pod| {
                pod.hash != revision && ordinal_of(pod).is_some_and(|ordinal| ordinal - first >= partition)
            })
            .max_by_key(|pod| ordinal_of(pod));
        let Some(stale) = stale else { return };
        if pods.iter().all(|pod| pod.ready || pod.key == stale.key) {
            self.delete_pod(owner, stale);
        }
    }

    fn make_numbered_pod(&mut self, owner: &Value, ordinal: i64, name: &str, revision: &str) -> bool {
        let mut volumes = Vec::new();
        for template in items(owner, "/spec/volumeClaimTemplates") {
            let claim = format!("{}-{name}", object::name(template));
            self.make_claim(owner, template, &claim);
            volumes.push(json!({
                "name": object::name(template),
                "persistentVolumeClaim": {"claimName": claim},
            }));
        }
        let subdomain = text(owner, "/spec/serviceName").map(str::to_owned);
        let made = self.make_pod(owner, Some(name), |pod| {
            set(pod, "/metadata/labels/statefulset.kubernetes.io~1pod-name", name);
            set(pod, "/metadata/labels/apps.kubernetes.io~1pod-index", ordinal.to_string());
            set(pod, &format!("/metadata/labels/{REVISION_LABEL}"), revision);
            set(pod, "/spec/hostname", name);
            if let Some(subdomain) = subdomain {
                set(pod, "/spec/subdomain", subdomain);
            }
            if let Some(all) = object::list_mut(pod, "/spec/volumes") {
                all.retain(|one| volumes.iter().all(|volume| volume.get("name") != one.get("name")));
                all.extend(volumes);
            }
        });
        if made.is_err() {
            let key = Key::new("statefulsets.apps", object::namespace(owner), object::name(owner));
            let retry = self.later(10);
            self.reconcile_at(&key, retry);
        }
        made.is_ok()
    }

    fn make_claim(&mut self, owner: &Value, template: &Value, name: &str) {
        let namespace = object::namespace(owner);
        if self.store.get(&Key::new(CLAIMS, namespace, name)).is_some() {
            return;
        }
        let mut labels = object::labels(template);
        labels.extend(object::texts(owner, "/spec/selector/matchLabels"));
        let claim = json!({
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "namespace": namespace, "labels": labels,
                "annotations": template.pointer("/metadata/annotations").cloned().unwrap_or_else(|| json!({}))},
            "spec": template.get("spec"),
        });
        if let Err(failure) = self.create_internal(CLAIMS, namespace, claim) {
            let message = format!("create Claim {name} failed error: {}", failure.message());
            self.tell(owner, "Warning", "FailedCreate", &message, "statefulset-controller");
        }
    }

    fn write_stateful_status(&mut self, key: &Key, owner: &Value, pods: &[Pod], revision: &str) {
        let pods: Vec<Pod> = pods.iter().filter(|pod| !pod.has_ended()).cloned().collect();
        let min_ready = whole(owner, "/spec/minReadySeconds").unwrap_or(0);
        let available = self.count_available(key, &pods, min_ready);
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let ready = number(pods.iter().filter(|pod| pod.ready).count());
        let updated = number(pods.iter().filter(|pod| pod.hash == revision).count());
        let wanted = whole(owner, "/spec/replicas").unwrap_or(1);
        let name = format!("{}-{revision}", object::name(owner));
        self.edit(key, |stored| {
            let all_updated = updated == count_of(&pods) && ready == wanted;
            if all_updated || text(stored, "/status/currentRevision").is_none() {
                set(stored, "/status/currentRevision", name.as_str());
            }
            let current = text(stored, "/status/currentRevision") == Some(&name);
            set(stored, "/status/updateRevision", name.as_str());
            set(stored, "/status/observedGeneration", whole(owner, "/metadata/generation").unwrap_or(1));
            set(stored, "/status/replicas", count_of(&pods));
            set(stored, "/status/availableReplicas", available);
            set(stored, "/status/collisionCount", 0);
            set_count(stored, "/status/readyReplicas", ready);
            set_count(stored, "/status/updatedReplicas", updated);
            set_count(
                stored,
                "/status/currentReplicas",
                if current { updated } else { count_of(&pods) - updated },
            );
        });
    }
}

fn revision_of(owner: &Value) -> String {
    template_hash(owner.pointer("/spec/template").unwrap_or(&Value::Null))
}

fn ordinal_of(pod: &Pod) -> Option<i64> {
    pod.key.name.rsplit_once('-').and_then(|(_, ordinal)| ordinal.parse().ok())
}
