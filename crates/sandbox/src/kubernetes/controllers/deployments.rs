//! Deployments: a ReplicaSet per revision of the template, rolled or recreated.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::pods::{set_count, template_hash};
use crate::kubernetes::Cluster;
use crate::kubernetes::deletion::DeleteOptions;
use crate::kubernetes::object::{self, flag, set, text, text_or_empty, whole};
use crate::kubernetes::resources::{PODS, REPLICA_SETS};
use crate::kubernetes::store::Key;

const REVISION: &str = "deployment.kubernetes.io/revision";
const HASH_LABEL: &str = "pod-template-hash";

/// The ReplicaSets of a deployment: that of the present template, and the others, oldest first.
struct Sets {
    new: Option<Value>,
    old: Vec<Value>,
}

impl Sets {
    fn all(&self) -> impl Iterator<Item = &Value> {
        self.new.iter().chain(&self.old)
    }

    fn sum(&self, pointer: &str) -> i64 {
        self.all().map(|set| whole(set, pointer).unwrap_or(0)).sum()
    }
}

impl Cluster {
    pub(super) fn reconcile_deployment(&mut self, key: &Key) {
        let Some(deployment) = self.store.object(key) else { return };
        let mut created = false;
        if !object::is_terminating(&deployment) && !flag(&deployment, "/spec/paused") {
            created = self.roll(key, &deployment);
        }
        let sets = self.sets_of(&deployment);
        self.write_deployment_status(key, &deployment, &sets, created);
        self.forget_old_revisions(&deployment, &sets);
    }

    fn sets_of(&self, deployment: &Value) -> Sets {
        let uid = object::uid(deployment);
        let mut sets: Vec<Value> = self
            .store
            .owned_by(uid)
            .filter(|key| key.resource == REPLICA_SETS)
            .filter_map(|key| self.store.object(key))
            .collect();
        sets.sort_by_key(revision);
        let template = deployment.pointer("/spec/template").cloned().unwrap_or_default();
        let new = sets.iter().rposition(|set| !object::is_terminating(set) && bare_template(set) == template);
        let new = new.map(|index| sets.remove(index));
        Sets { new, old: sets }
    }

    /// Brings the ReplicaSets one step nearer to what the deployment asks for; true when a new one was made.
    fn roll(&mut self, key: &Key, deployment: &Value) -> bool {
        let sets = self.sets_of(deployment);
        let recreates = text(deployment, "/spec/strategy/type") == Some("Recreate");
        if recreates && self.stop_old(deployment, &sets) {
            return false;
        }
        let created = sets.new.is_none();
        let sets = if created {
            self.make_set(deployment, &sets);
            self.sets_of(deployment)
        } else {
            sets
        };
        self.note_revision(key, &sets);
        let Some(new) = &sets.new else { return created };
        let wanted = whole(deployment, "/spec/replicas").unwrap_or(1);
        if recreates || sets.old.iter().all(|old| whole(old, "/spec/replicas").unwrap_or(0) == 0) {
            self.scale_set(deployment, new, wanted);
            return created;
        }
        self.roll_on(deployment, &sets, new, wanted);
        created
    }

    /// Scales the old ReplicaSets down; true while pods of them are still there.
    fn stop_old(&mut self, deployment: &Value, sets: &Sets) -> bool {
        let mut waits = false;
        for old in &sets.old {
            self.scale_set(deployment, old, 0);
            waits |= self.store.owned_by(object::uid(old)).any(|key| key.resource == PODS);
        }
        waits
    }

    /// Grows the new ReplicaSet and shrinks the old ones within the bounds of the strategy.
    fn roll_on(&mut self, deployment: &Value, sets: &Sets, new: &Value, wanted: i64) {
        let bound = |name: &str, up: bool| {
            let found = deployment.pointer(&format!("/spec/strategy/rollingUpdate/{name}"));
            found.map_or(0, |bound| share_of(bound, wanted, up))
        };
        let surge = bound("maxSurge", true);
        let unavailable = match bound("maxUnavailable", false) {
            0 if surge == 0 => 1,
            bound => bound,
        };
        let total = sets.sum("/spec/replicas");
        let new_size = whole(new, "/spec/replicas").unwrap_or(0);
        let grown = (new_size + (wanted + surge - total).max(0)).min(wanted).max(new_size.min(wanted));
        self.scale_set(deployment, new, grown);
        let new_unavailable = (new_size - whole(new, "/status/availableReplicas").unwrap_or(0)).max(0);
        let mut spare = total - (wanted - unavailable) - new_unavailable;
        for old in &sets.old {
            let size = whole(old, "/spec/replicas").unwrap_or(0);
            let unhealthy = (size - whole(old, "/status/availableReplicas").unwrap_or(0)).max(0);
            let taken = size.min(spare.max(0)).max(unhealthy.min(spare.max(0)));
            if taken > 0 {
                self.scale_set(deployment, old, size - taken);
                spare -= taken;
            }
        }
    }

    fn make_set(&mut self, deployment: &Value, sets: &Sets) {
        let mut template = deployment.pointer("/spec/template").cloned().unwrap_or_default();
        let collisions = whole(deployment, "/status/collisionCount").unwrap_or(0);
        let hash = template_hash(&json!([template, collisions]));
        set(&mut template, &format!("/metadata/labels/{HASH_LABEL}"), hash.as_str());
        let mut selector = deployment.pointer("/spec/selector").cloned().unwrap_or_default();
        set(&mut selector, &format!("/matchLabels/{HASH_LABEL}"), hash.as_str());
        let wanted = whole(deployment, "/spec/replicas").unwrap_or(1);
        let rolling = !sets.old.is_empty() && sets.sum("/spec/replicas") > 0;
        let next = sets.old.iter().map(revision).max().unwrap_or(0) + 1;
        let object = json!({
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": format!("{}-{hash}", object::name(deployment)),
                "namespace": object::namespace(deployment),
                "labels": template.pointer("/metadata/labels"),
                "annotations": {
                    REVISION: next.to_string(),
                    "deployment.kubernetes.io/desired-replicas": wanted.to_string(),
                },
                "ownerReferences": [object::controller_reference(deployment)],
            },
            "spec": {
                "replicas": if rolling { 0 } else { wanted },
                "minReadySeconds": whole(deployment, "/spec/minReadySeconds").unwrap_or(0),
                "selector": selector,
                "template": template,
            },
        });
        if self.create_internal(REPLICA_SETS, object::namespace(deployment), object).is_ok() && !rolling {
            let message =
                format!("Scaled up replica set {}-{hash} from 0 to {wanted}", object::name(deployment));
            self.tell(deployment, "Normal", "ScalingReplicaSet", &message, "deployment-controller");
        }
    }

    /// Gives the newest ReplicaSet the highest revision, and the deployment the same.
    fn note_revision(&mut self, key: &Key, sets: &Sets) {
        let Some(new) = &sets.new else { return };
        let highest_old = sets.old.iter().map(revision).max().unwrap_or(0);
        let number = if revision(new) > highest_old { revision(new) } else { highest_old + 1 };
        if number != revision(new) {
            let place = Key::new(REPLICA_SETS, object::namespace(new), object::name(new));
            self.edit(&place, |set| object::annotate(set, REVISION, &number.to_string()));
        }
        self.edit(key, |deployment| object::annotate(deployment, REVISION, &number.to_string()));
    }

    fn scale_set(&mut self, deployment: &Value, replica_set: &Value, wanted: i64) {
        let size = whole(replica_set, "/spec/replicas").unwrap_or(0);
        if size == wanted {
            return;
        }
        let key = Key::new(REPLICA_SETS, object::namespace(replica_set), object::name(replica_set));
        self.edit(&key, |stored| set(stored, "/spec/replicas", wanted));
        let direction = if wanted > size { "up" } else { "down" };
        let message = format!("Scaled {direction} replica set {} from {size} to {wanted}", key.name);
        self.tell(deployment, "Normal", "ScalingReplicaSet", &message, "deployment-controller");
    }

    fn write_deployment_status(&mut self, key: &Key, deployment: &Value, sets: &Sets, created: bool) {
        let wanted = whole(deployment, "/spec/replicas").unwrap_or(1);
        let counts = Counts {
            replicas: sets.sum("/status/replicas"),
            updated: sets.new.as_ref().and_then(|new| whole(new, "/status/replicas")).unwrap_or(0),
            ready: sets.sum("/status/readyReplicas"),
            available: sets.sum("/status/availableReplicas"),
        };
        let unavailable = (sets.sum("/spec/replicas").max(wanted) - counts.available).max(0);
        let failure = sets.all().find_map(|set| object::condition(set, "ReplicaFailure").cloned());
        let now = self.now;
        let mut due = None;
        self.edit(key, |stored| {
            let progressed = counts.is_further_than(stored) || created;
            set(stored, "/status/observedGeneration", whole(deployment, "/metadata/generation").unwrap_or(1));
            set_count(stored, "/status/replicas", counts.replicas);
            set_count(stored, "/status/updatedReplicas", counts.updated);
            set_count(stored, "/status/readyReplicas", counts.ready);
            set_count(stored, "/status/availableReplicas", counts.available);
            set_count(stored, "/status/unavailableReplicas", unavailable);
            let bound = deployment.pointer("/spec/strategy/rollingUpdate/maxUnavailable");
            let tolerated = bound.map_or(0, |bound| share_of(bound, wanted, false));
            set_available(stored, counts.available >= wanted - tolerated, now);
            let complete =
                counts.updated == wanted && counts.replicas == wanted && counts.available == wanted;
            due = set_progressing(stored, sets, Progress { complete, progressed, created }, now);
            set_failure(stored, failure, now);
        });
        if let Some(due) = due {
            self.reconcile_at(key, due);
        }
    }

    fn forget_old_revisions(&mut self, deployment: &Value, sets: &Sets) {
        let limit =
            whole(deployment, "/spec/revisionHistoryLimit").and_then(|limit| usize::try_from(limit).ok());
        let idle: Vec<&Value> = sets
            .old
            .iter()
            .filter(|set| {
                ["/spec/replicas", "/status/replicas"].iter().all(|count| whole(set, count).unwrap_or(0) == 0)
            })
            .collect();
        let surplus = idle.len().saturating_sub(limit.unwrap_or(10));
        for old in idle.into_iter().take(surplus) {
            let key = Key::new(REPLICA_SETS, object::namespace(old), object::name(old));
            self.begin_deletion(&key, &DeleteOptions::background());
        }
    }
}

struct Counts {
    replicas: i64,
    updated: i64,
    ready: i64,
    available: i64,
}

impl Counts {
    fn is_further_than(&self, stored: &Value) -> bool {
        let before = |pointer: &str| whole(stored, pointer).unwrap_or(0);
        let old_left = before("/status/replicas") - before("/status/updatedReplicas");
        self.updated > before("/status/updatedReplicas")
            || self.replicas - self.updated < old_left
            || self.ready > before("/status/readyReplicas")
            || self.available > before("/status/availableReplicas")
    }
}

#[derive(Clone, Copy)]
struct Progress {
    complete: bool,
    progressed: bool,
    created: bool,
}

fn revision(replica_set: &Value) -> i64 {
    object::annotation(replica_set, REVISION).and_then(|revision| revision.parse().ok()).unwrap_or(0)
}

fn bare_template(replica_set: &Value) -> Value {
    let mut template = replica_set.pointer("/spec/template").cloned().unwrap_or_default();
    object::remove(&mut template, &format!("/metadata/labels/{HASH_LABEL}"));
    template
}

/// A number, or a percentage of a total, rounded up or down.
pub(super) fn share_of(bound: &Value, total: i64, up: bool) -> i64 {
    match bound {
        Value::String(percentage) => {
            let percent: i64 = percentage.trim_end_matches('%').parse().unwrap_or(0);
            let scaled = percent.saturating_mul(total);
            if up { (scaled + 99).div_euclid(100) } else { scaled.div_euclid(100) }
        }
        bound => bound.as_i64().unwrap_or(0),
    }
}

/// Sets a condition that also says when it was last updated; only a change of its words counts as an update, unless
/// something moved.
fn set_updated(stored: &mut Value, mut condition: Value, moved: bool, now: Timestamp) {
    let kind = text_or_empty(&condition, "/type").to_owned();
    let old = object::condition(stored, &kind);
    let same = old.is_some_and(|old| {
        old.get("reason") == condition.get("reason") && old.get("status") == condition.get("status")
    });
    let kept = old.filter(|_| same && !moved).and_then(|old| old.get("lastUpdateTime")).cloned();
    set(&mut condition, "/lastUpdateTime", kept.unwrap_or_else(|| object::written(now).into()));
    object::set_condition(stored, condition, now);
}

fn set_available(stored: &mut Value, available: bool, now: Timestamp) {
    let condition = if available {
        json!({"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable",
            "message": "Deployment has minimum availability."})
    } else {
        json!({"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable",
            "message": "Deployment does not have minimum availability."})
    };
    set_updated(stored, condition, false, now);
}

/// Says how the rollout goes; returns when it will have taken too long.
fn set_progressing(stored: &mut Value, sets: &Sets, progress: Progress, now: Timestamp) -> Option<Timestamp> {
    let Some(new) = &sets.new else { return None };
    let name = object::name(new);
    let deadline = whole(stored, "/spec/progressDeadlineSeconds").unwrap_or(600);
    let old = object::condition(stored, "Progressing");
    let was_complete = old.is_some_and(|old| text(old, "/reason") == Some("NewReplicaSetAvailable"));
    let since = old.and_then(|old| object::instant(old, "/lastUpdateTime")).unwrap_or(now);
    let due = since.checked_add(SignedDuration::from_secs(deadline)).unwrap_or(Timestamp::MAX);
    let exceeded = old.is_some_and(|old| text(old, "/reason") == Some("ProgressDeadlineExceeded"));
    let say = |status: &str, reason: &str, message: String| json!({"type": "Progressing", "status": status, "reason": reason, "message": message});
    if progress.complete {
        let message = format!("ReplicaSet \"{name}\" has successfully progressed.");
        set_updated(stored, say("True", "NewReplicaSetAvailable", message), false, now);
        return None;
    }
    if progress.created {
        let message = format!("Created new replica set \"{name}\"");
        set_updated(stored, say("True", "NewReplicaSetCreated", message), true, now);
    } else if progress.progressed || (old.is_none()) {
        let message = format!("ReplicaSet \"{name}\" is progressing.");
        set_updated(stored, say("True", "ReplicaSetUpdated", message), true, now);
    } else if was_complete {
        return None;
    } else if exceeded || due <= now {
        let message = format!("ReplicaSet \"{name}\" has timed out progressing.");
        set_updated(stored, say("False", "ProgressDeadlineExceeded", message), false, now);
        return None;
    } else {
        return Some(due);
    }
    now.checked_add(SignedDuration::from_secs(deadline)).ok()
}

fn set_failure(stored: &mut Value, failure: Option<Value>, now: Timestamp) {
    match failure {
        Some(failure) => set_updated(stored, failure, false, now),
        None => {
            if let Some(conditions) = stored.pointer_mut("/status/conditions").and_then(Value::as_array_mut) {
                conditions.retain(|condition| text(condition, "/type") != Some("ReplicaFailure"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_round_as_the_strategy_says() {
        assert_eq!(share_of(&json!("25%"), 10, true), 3);
        assert_eq!(share_of(&json!("25%"), 10, false), 2);
        assert_eq!(share_of(&json!(4), 10, false), 4);
    }
}
