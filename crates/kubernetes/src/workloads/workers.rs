//! Workers and the slots that pods are pinned to.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use spacecraft_core::observer::Outcome;
use spacecraft_core::quantity::{Bytes, MilliCpu};
use spacecraft_core::workload::Worker;
use spacecraft_core::{Error, Meaning, Result};

use super::KubernetesWorkloads;
use crate::connection::Query;
use crate::objects::labels;
use crate::observed::Condition;
use crate::quantity;
use crate::resource::{Address, NODE};

/// The taint of workers with accelerators, which our pods tolerate when they ask for some.
const ACCELERATOR_TAINT: &str = "nvidia.com/gpu";
/// Taints that say how a worker is at the moment; all others say what it is for.
const CONDITION_TAINTS: [&str; 4] = [
    "node.kubernetes.io/",
    "node.cloudprovider.kubernetes.io/",
    "ToBeDeletedByClusterAutoscaler",
    "DeletionCandidateOfClusterAutoscaler",
];

/// Those of them that say that it is to be empty.
const LEAVING_TAINTS: [&str; 4] = [
    "node.kubernetes.io/unschedulable",
    "node.kubernetes.io/out-of-service",
    "node.cloudprovider.kubernetes.io/shutdown",
    "ToBeDeletedByClusterAutoscaler",
];

/// A node of Kubernetes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Node {
    metadata: NodeMetadata,
    spec: NodeSpec,
    status: NodeStatus,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct NodeMetadata {
    name: String,
    labels: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct NodeSpec {
    unschedulable: bool,
    taints: Vec<Taint>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Taint {
    key: String,
    effect: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct NodeStatus {
    addresses: Vec<NodeAddress>,
    conditions: Vec<Condition>,
    allocatable: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct NodeAddress {
    #[serde(rename = "type")]
    kind: String,
    address: String,
}

impl Node {
    /// True when pods like ours may run on it at all: control planes and workers kept for others have taints that we do not tolerate.
    fn is_for_us(&self) -> bool {
        self.spec
            .taints
            .iter()
            .filter(|taint| taint.effect != "PreferNoSchedule")
            .all(|taint| taint.key == ACCELERATOR_TAINT || is_about_condition(&taint.key))
    }

    fn is_schedulable(&self) -> bool {
        let ready = |condition: &Condition| condition.kind == "Ready" && condition.status == "True";
        let held_back = |taint: &Taint| taint.effect != "PreferNoSchedule" && is_about_condition(&taint.key);
        !self.spec.unschedulable
            && self.status.conditions.iter().any(ready)
            && !self.spec.taints.iter().any(held_back)
    }

    /// Since when something holds pods back that may pass by itself; none where somebody wants the worker empty.
    fn unready_since(&self) -> Option<Timestamp> {
        let is_leaving = |taint: &Taint| LEAVING_TAINTS.iter().any(|known| taint.key.starts_with(known));
        if self.is_schedulable() || self.spec.unschedulable || self.spec.taints.iter().any(is_leaving) {
            return None;
        }
        let conditions = &self.status.conditions;
        let ready = conditions.iter().find(|condition| condition.kind == "Ready")?;
        if ready.status != "True" {
            return ready.last_transition_time;
        }
        conditions.iter().filter_map(|condition| condition.last_transition_time).max()
    }

    fn address(&self, kind: &str) -> Option<String> {
        let found = self.status.addresses.iter().find(|address| address.kind == kind)?;
        Some(found.address.clone())
    }

    fn allocatable(&self, resource: &str) -> &str {
        self.status.allocatable.get(resource).map_or("0", String::as_str)
    }

    fn into_worker(self, slot_key: &str) -> Worker {
        let thousandths = quantity::thousandths(self.allocatable("cpu")).unwrap_or(0);
        Worker {
            external_ip: self.address("ExternalIP"),
            internal_ip: self.address("InternalIP"),
            schedulable: self.is_schedulable(),
            unready_since: self.unready_since(),
            slot: self.metadata.labels.get(slot_key).and_then(|slot| slot.parse().ok()),
            allocatable_cpu: MilliCpu(u64::try_from(thousandths).unwrap_or(0)),
            allocatable_memory: Bytes(quantity::units(self.allocatable("memory"))),
            allocatable_pods: u32::try_from(quantity::units(self.allocatable("pods"))).unwrap_or(u32::MAX),
            name: self.metadata.name,
        }
    }
}

fn is_about_condition(key: &str) -> bool {
    CONDITION_TAINTS.iter().any(|known| key.starts_with(known))
}

/// The workers that pods of ours may run on, sorted by name.
pub(super) async fn list(workloads: &KubernetesWorkloads) -> Result<Vec<Worker>> {
    let key = slot_key(workloads);
    let mut workers = Vec::new();
    workloads
        .connection
        .list_each(&Query::everywhere(NODE), |node: Node| {
            if node.is_for_us() {
                workers.push(node.into_worker(&key));
            }
        })
        .await?;
    workers.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(workers)
}

/// Takes the slot from every other worker first, so that a pod pinned to it never has two places to go.
pub(super) async fn assign_slot(workloads: &KubernetesWorkloads, worker: &str, slot: u32) -> Result<Outcome> {
    let workers = list(workloads).await?;
    let Some(present) = workers.iter().find(|other| other.name == worker) else {
        return Err(Error::new(Meaning::NotFound, "pin a slot to worker", worker, "there is no such worker"));
    };
    let mut outcome = Outcome::Unchanged;
    for other in workers.iter().filter(|other| other.name != worker && other.slot == Some(slot)) {
        set_slot(workloads, &other.name, None).await?;
        outcome = Outcome::Updated;
    }
    if present.slot != Some(slot) {
        set_slot(workloads, worker, Some(slot)).await?;
        let moved = outcome == Outcome::Updated || present.slot.is_some();
        outcome = if moved { Outcome::Updated } else { Outcome::Created };
    }
    Ok(outcome)
}

/// Takes the network's slots from all workers.
pub(super) async fn clear_slots(workloads: &KubernetesWorkloads) -> Result<Outcome> {
    let key = slot_key(workloads);
    let labelled: Vec<Node> =
        workloads.connection.list(&Query::everywhere(NODE).labelled(key.as_str())).await?;
    for node in &labelled {
        set_slot(workloads, &node.metadata.name, None).await?;
    }
    Ok(if labelled.is_empty() { Outcome::Absent } else { Outcome::Removed })
}

async fn set_slot(workloads: &KubernetesWorkloads, worker: &str, slot: Option<u32>) -> Result<()> {
    let value = slot.map(|slot| slot.to_string());
    let patch = json!({ "metadata": { "labels": { slot_key(workloads): value } } });
    workloads.connection.merge(&Address::new(NODE, "", worker), &patch).await
}

fn slot_key(workloads: &KubernetesWorkloads) -> String {
    labels::slot_key(workloads.network(), workloads.target.shared_cluster)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn node(taints: Value, unschedulable: bool, ready: &str) -> Node {
        serde_json::from_value(json!({
            "metadata": { "name": "worker-1", "labels": { "spacecraft.io/slot": "2" } },
            "spec": { "taints": taints, "unschedulable": unschedulable },
            "status": {
                "addresses": [
                    { "type": "InternalIP", "address": "10.0.0.2" },
                    { "type": "ExternalIP", "address": "203.0.113.2" },
                ],
                "conditions": [{ "type": "Ready", "status": ready }],
                "allocatable": { "cpu": "15890m", "memory": "57974352Ki", "pods": "110" },
            },
        }))
        .unwrap()
    }

    #[test]
    fn a_worker_is_read_with_its_slot_addresses_and_room() {
        insta::assert_debug_snapshot!(node(json!([]), false, "True").into_worker("spacecraft.io/slot"));
    }

    #[test]
    fn control_planes_and_workers_kept_for_others_are_not_for_us() {
        for key in ["node-role.kubernetes.io/control-plane", "dedicated"] {
            assert!(!node(json!([{ "key": key, "effect": "NoSchedule" }]), false, "True").is_for_us());
        }
        let accelerated = json!([{ "key": "nvidia.com/gpu", "effect": "NoSchedule" }]);
        let preferred = json!([{ "key": "dedicated", "effect": "PreferNoSchedule" }]);
        assert!(node(accelerated, false, "True").is_for_us());
        assert!(node(preferred, false, "True").is_for_us());
    }

    #[test]
    fn since_when_a_worker_is_not_ready_is_told_unless_somebody_wants_it_empty() {
        let since = "2026-01-02T03:04:05Z";
        let unready = |taints: Value, unschedulable: bool, ready: &str| {
            let mut node = node(taints, unschedulable, ready);
            node.status.conditions[0].last_transition_time = Some(since.parse().unwrap());
            node.unready_since().map(|since| since.to_string())
        };
        let taint = |key: &str| json!([{ "key": key, "effect": "NoExecute" }]);
        assert_eq!(unready(json!([]), false, "Unknown").as_deref(), Some(since));
        assert_eq!(
            unready(taint("node.kubernetes.io/unreachable"), false, "Unknown").as_deref(),
            Some(since)
        );
        assert_eq!(unready(taint("node.kubernetes.io/not-ready"), false, "True").as_deref(), Some(since));
        assert_eq!(unready(json!([]), false, "True"), None);
        assert_eq!(unready(json!([]), true, "Unknown"), None);
        for leaving in LEAVING_TAINTS {
            assert_eq!(unready(taint(leaving), false, "Unknown"), None, "{leaving}");
        }
    }

    #[test]
    fn a_worker_that_is_cordoned_or_not_ready_takes_no_pods() {
        let cordoned = json!([{ "key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule" }]);
        let unreachable = json!([{ "key": "node.kubernetes.io/unreachable", "effect": "NoExecute" }]);
        assert!(node(json!([]), false, "True").is_schedulable());
        assert!(!node(json!([]), true, "True").is_schedulable());
        assert!(!node(json!([]), false, "Unknown").is_schedulable());
        for taints in [cordoned, unreachable] {
            let node = node(taints, false, "True");
            assert!(node.is_for_us() && !node.is_schedulable());
        }
    }
}
