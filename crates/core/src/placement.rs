//! How many workers a network needs: bin packing of every pod into what machines have to give.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::machine;
use crate::quantity::Resources;
use crate::traits::MachineShape;

/// A pod that needs a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodDemand {
    /// Its name, for the plan's reader.
    pub name: String,
    /// What it requests.
    pub resources: Resources,
    /// Disks that it attaches.
    pub disks: u32,
    /// Pods of the same group never share a worker (hard anti-affinity).
    pub apart: Option<String>,
    /// The slot it is pinned to: the worker with this index.
    pub slot: Option<u32>,
}

/// What one worker can give to pods that have a place to choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerCapacity {
    /// Processor and memory, less what runs on every worker.
    pub resources: Resources,
    /// Pods, less those that run on every worker.
    pub pods: u32,
    /// Disks.
    pub disks: u32,
}

impl WorkerCapacity {
    /// The capacity of a GKE worker that also runs `on_every_worker` (log shipper, chaos daemon, ...), each a pod.
    #[must_use]
    pub fn of(machine: &MachineShape, on_every_worker: &[Resources]) -> Self {
        let all = machine::allocatable(machine);
        let taken = machine::SYSTEM_PER_WORKER + on_every_worker.iter().copied().sum();
        let daemons = u32::try_from(on_every_worker.len()).unwrap_or(u32::MAX);
        Self {
            resources: minus(all, taken),
            pods: machine::PODS_PER_WORKER
                .saturating_sub(machine::SYSTEM_PODS_PER_WORKER)
                .saturating_sub(daemons),
            disks: machine::DISKS_PER_WORKER,
        }
    }
}

/// A worker of the plan and what is expected to run on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedWorker {
    /// Names of the pods, in the order they were placed.
    pub pods: Vec<String>,
    /// What they request together, with what runs on every worker.
    pub requested: Resources,
}

/// Places pods on at least `least_workers` workers and as few more as it takes (first fit, largest first).
///
/// # Errors
///
/// A sentence that names a pod that does not fit on an empty worker, and what is short.
pub fn place(
    pods: &[PodDemand],
    capacity: &WorkerCapacity,
    least_workers: u32,
    on_every_worker: Resources,
) -> Result<Vec<PlannedWorker>, String> {
    let mut workers: Vec<Bin> = (0..least_workers.max(1)).map(|_| Bin::default()).collect();
    let mut first_with_room: BTreeMap<Shape, usize> = BTreeMap::new();
    for pod in in_order(pods) {
        if !Bin::default().takes(pod, capacity) {
            return Err(does_not_fit(pod, capacity));
        }
        let at = match pod.slot.and_then(|slot| usize::try_from(slot).ok()) {
            Some(slot) if workers.get(slot).is_some_and(|worker| worker.takes(pod, capacity)) => slot,
            Some(slot) => {
                return Err(format!(
                    "{} does not fit on worker {} beside what is pinned there",
                    pod.name,
                    slot + 1
                ));
            }
            None => {
                // Workers only fill up, so what had no room for this shape of pod before has none now.
                let from = first_with_room.get(&Shape::of(pod)).copied().unwrap_or(0);
                let found =
                    (from..workers.len()).find(|at| workers.get(*at).is_some_and(|w| w.takes(pod, capacity)));
                let at = found.unwrap_or(workers.len());
                first_with_room.insert(Shape::of(pod), at);
                at
            }
        };
        if at == workers.len() {
            workers.push(Bin::default());
        }
        if let Some(worker) = workers.get_mut(at) {
            worker.add(pod);
        }
    }
    Ok(workers
        .into_iter()
        .map(|worker| PlannedWorker { pods: worker.names, requested: worker.used + on_every_worker })
        .collect())
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Shape(u64, u64, u32, Option<String>);

impl Shape {
    fn of(pod: &PodDemand) -> Self {
        Self(pod.resources.cpu.0, pod.resources.memory.0, pod.disks, pod.apart.clone())
    }
}

/// Pinned pods first, then the largest by memory and processor.
fn in_order(pods: &[PodDemand]) -> Vec<&PodDemand> {
    let mut order: Vec<&PodDemand> = pods.iter().collect();
    order.sort_by_key(|pod| {
        let size = (pod.resources.memory.0, pod.resources.cpu.0);
        (pod.slot.is_none(), std::cmp::Reverse(size))
    });
    order
}

#[derive(Debug, Default)]
struct Bin {
    used: Resources,
    names: Vec<String>,
    disks: u32,
    groups: BTreeSet<String>,
}

impl Bin {
    fn takes(&self, pod: &PodDemand, capacity: &WorkerCapacity) -> bool {
        let then = self.used + pod.resources;
        then.cpu <= capacity.resources.cpu
            && then.memory <= capacity.resources.memory
            && u32::try_from(self.names.len()).is_ok_and(|pods| pods < capacity.pods)
            && self.disks.saturating_add(pod.disks) <= capacity.disks
            && pod.apart.as_ref().is_none_or(|group| !self.groups.contains(group))
    }

    fn add(&mut self, pod: &PodDemand) {
        self.used = self.used + pod.resources;
        self.disks += pod.disks;
        self.names.push(pod.name.clone());
        self.groups.extend(pod.apart.clone());
    }
}

fn minus(from: Resources, less: Resources) -> Resources {
    Resources {
        cpu: crate::quantity::MilliCpu(from.cpu.0.saturating_sub(less.cpu.0)),
        memory: crate::quantity::Bytes(from.memory.0.saturating_sub(less.memory.0)),
    }
}

fn does_not_fit(pod: &PodDemand, capacity: &WorkerCapacity) -> String {
    format!(
        "{} requests {} processor and {} memory, but a worker has {} and {} left for pods: choose a larger --gcp-machine-type",
        pod.name, pod.resources.cpu, pod.resources.memory, capacity.resources.cpu, capacity.resources.memory
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::quantity::{Bytes, MilliCpu};

    fn machine() -> MachineShape {
        MachineShape {
            machine_type: "e2-standard-16".into(),
            cpu: MilliCpu::cores(16),
            memory: Bytes::gibi(64),
        }
    }

    fn pod(name: &str, millicpu: u64, mebibytes: u64) -> PodDemand {
        PodDemand {
            name: name.into(),
            resources: Resources { cpu: MilliCpu(millicpu), memory: Bytes::mebi(mebibytes) },
            disks: 1,
            apart: None,
            slot: None,
        }
    }

    #[test]
    fn fractions_of_a_core_count() {
        let pods: Vec<PodDemand> = (0..300).map(|n| pod(&format!("miner-{n}"), 100, 1024)).collect();
        let capacity = WorkerCapacity::of(&machine(), &[]);
        let workers = place(&pods, &capacity, 1, Resources::default()).unwrap();
        assert!(workers.len() >= 6, "300 GiB do not fit on {} workers of 64 GiB", workers.len());
    }

    #[test]
    fn a_pod_larger_than_a_machine_is_refused_with_what_is_short() {
        let capacity = WorkerCapacity::of(&machine(), &[]);
        let refusal = place(&[pod("poet-1", 16_000, 1024)], &capacity, 1, Resources::default()).unwrap_err();
        assert!(refusal.contains("poet-1 requests 16 processor"), "{refusal}");
    }

    #[test]
    fn pods_that_must_stay_apart_get_a_worker_each() {
        let capacity = WorkerCapacity::of(&machine(), &[]);
        let pods: Vec<PodDemand> = (0..3)
            .map(|n| PodDemand { apart: Some("elasticsearch".into()), ..pod(&format!("es-{n}"), 1000, 2048) })
            .collect();
        assert_eq!(place(&pods, &capacity, 1, Resources::default()).unwrap().len(), 3);
    }

    proptest! {
        #[test]
        fn placement_always_fits_and_forgets_no_pod(
            sizes in prop::collection::vec((1_u64..15_000, 1_u64..50_000), 0..120),
            least in 0_u32..20,
        ) {
            let pods: Vec<PodDemand> = sizes.iter().enumerate().map(|(n, (cpu, memory))| pod(&format!("p{n}"), *cpu, *memory)).collect();
            let capacity = WorkerCapacity::of(&machine(), &[]);
            let workers = place(&pods, &capacity, least, Resources::default()).unwrap();
            prop_assert!(workers.len() >= least as usize);
            let placed: BTreeSet<&String> = workers.iter().flat_map(|worker| &worker.pods).collect();
            prop_assert_eq!(placed.len(), pods.len());
            for worker in &workers {
                prop_assert!(worker.requested.cpu <= capacity.resources.cpu);
                prop_assert!(worker.requested.memory <= capacity.resources.memory);
                prop_assert!(worker.pods.len() <= capacity.pods as usize);
            }
        }
    }
}
