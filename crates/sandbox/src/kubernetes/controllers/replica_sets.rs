//! ReplicaSets: as many pods as asked for.

use serde_json::{Value, json};

use super::pods::{Pod, count_of, set_count};
use crate::kubernetes::Cluster;
use crate::kubernetes::object::{self, set, whole};
use crate::kubernetes::store::Key;

/// How long after a refused creation it is tried again.
const RETRY_SECONDS: i64 = 10;

impl Cluster {
    pub(super) fn reconcile_replica_set(&mut self, key: &Key) {
        let Some(set) = self.store.object(key) else { return };
        let pods = self.pods_of(object::uid(&set), "");
        let active: Vec<Pod> = pods.into_iter().filter(Pod::is_active).collect();
        let refused = if object::is_terminating(&set) {
            None
        } else {
            let wanted = whole(&set, "/spec/replicas").unwrap_or(1);
            self.resize(key, &set, &active, wanted)
        };
        let pods: Vec<Pod> = self.pods_of(object::uid(&set), "").into_iter().filter(Pod::is_active).collect();
        self.write_replica_status(key, &set, &pods, refused.as_deref());
    }

    /// Makes missing pods and deletes those too many; returns why a pod was refused.
    fn resize(&mut self, key: &Key, set: &Value, active: &[Pod], wanted: i64) -> Option<String> {
        let missing = wanted - count_of(active);
        for _ in 0..missing {
            if let Err(failure) = self.make_pod(set, None, |_| {}) {
                let retry = self.later(RETRY_SECONDS);
                self.reconcile_at(key, retry);
                return Some(failure.message().to_owned());
            }
        }
        let mut candidates: Vec<&Pod> = active.iter().collect();
        candidates.sort_by_key(|pod| (pod.scheduled, pod.ready, pod.uid.clone()));
        let surplus = usize::try_from(-missing).unwrap_or(0);
        for pod in candidates.into_iter().take(surplus) {
            self.delete_pod(set, pod);
        }
        None
    }

    fn write_replica_status(&mut self, key: &Key, replica_set: &Value, pods: &[Pod], refused: Option<&str>) {
        let min_ready = whole(replica_set, "/spec/minReadySeconds").unwrap_or(0);
        let available = self.count_available(key, pods, min_ready);
        let ready = i64::try_from(pods.iter().filter(|pod| pod.ready).count()).unwrap_or(0);
        let (count, now) = (count_of(pods), self.now);
        let generation = whole(replica_set, "/metadata/generation").unwrap_or(1);
        self.edit(key, |stored| {
            set(stored, "/status/replicas", count);
            set_count(stored, "/status/fullyLabeledReplicas", count);
            set_count(stored, "/status/readyReplicas", ready);
            set_count(stored, "/status/availableReplicas", available);
            set(stored, "/status/observedGeneration", generation);
            match refused {
                Some(_) if object::condition(stored, "ReplicaFailure").is_some() => {}
                Some(message) => {
                    let condition =
                        json!({"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message});
                    object::set_condition(stored, condition, now);
                }
                None => drop(object::remove(stored, "/status/conditions")),
            }
        });
    }
}
