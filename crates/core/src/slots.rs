//! Which worker carries which slot, so that pinned nodes stay where their published address says.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::workload::Worker;

/// A slot that is to be put on a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotAssignment {
    /// The worker's name.
    pub worker: String,
    /// The slot.
    pub slot: u32,
}

/// How long pods stay on a worker that is not ready: Kubernetes' own default, by the tolerations that pods get for the taints `not-ready` and `unreachable`.
const PODS_STAY: SignedDuration = SignedDuration::from_mins(5);

/// The assignments that are missing so that each of `slots` slots is on a worker of its own, given what time it is `now`.
///
/// A slot stays on a worker that takes pods, and on one that has not been ready for less time than its pods stay, five minutes. One whose worker is gone, cordoned or
/// out for longer moves to the first worker, by name, that takes pods and has none.
///
/// # Errors
///
/// A sentence that says how many workers it takes, how many take pods, and why the others do not.
pub fn missing_assignments(
    workers: &[Worker],
    slots: u32,
    now: Timestamp,
) -> Result<Vec<SlotAssignment>, String> {
    let mut schedulable: Vec<&Worker> = workers.iter().filter(|worker| worker.schedulable).collect();
    schedulable.sort_by(|a, b| a.name.cmp(&b.name));
    let mut held = BTreeSet::new();
    let mut free = Vec::new();
    for worker in &schedulable {
        match worker.slot {
            Some(slot) if slot < slots && held.insert(slot) => {}
            _ => free.push(*worker),
        }
    }
    held.extend(workers.iter().filter(|worker| keeps_its_pods(worker, now)).filter_map(|worker| worker.slot));
    let mut free = free.into_iter();
    (0..slots)
        .filter(|slot| !held.contains(slot))
        .map(|slot| {
            free.next()
                .map(|worker| SlotAssignment { worker: worker.name.clone(), slot })
                .ok_or_else(|| too_few(slots, schedulable.len(), workers.len()))
        })
        .collect()
}

fn keeps_its_pods(worker: &Worker, now: Timestamp) -> bool {
    worker.unready_since.is_some_and(|since| now.duration_since(since) < PODS_STAY)
}

fn too_few(slots: u32, schedulable: usize, workers: usize) -> String {
    let needed = if slots == 1 { "worker is" } else { "workers are" };
    let others = match workers.saturating_sub(schedulable) {
        0 => String::new(),
        others => format!("; {others} more are not ready, cordoned or tainted"),
    };
    format!("{slots} {needed} needed for pinned nodes, but only {schedulable} take pods{others}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::quantity::{Bytes, MilliCpu};

    fn worker(name: &str, schedulable: bool, slot: Option<u32>) -> Worker {
        Worker {
            name: name.into(),
            external_ip: None,
            internal_ip: None,
            schedulable,
            unready_since: None,
            slot,
            allocatable_cpu: MilliCpu::cores(15),
            allocatable_memory: Bytes::gibi(50),
            allocatable_pods: 110,
        }
    }

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn a_slot_stays_on_a_worker_that_is_not_ready_for_as_long_as_its_pods_do() {
        let unready_for = |minutes| {
            let since = NOW.checked_sub(SignedDuration::from_mins(minutes)).unwrap();
            let unready = Worker { unready_since: Some(since), ..worker("a", false, Some(0)) };
            missing_assignments(&[unready, worker("b", true, None)], 1, NOW).unwrap()
        };
        assert_eq!(unready_for(4), []);
        assert_eq!(unready_for(5), [SlotAssignment { worker: "b".into(), slot: 0 }]);
    }

    #[test]
    fn a_slot_moves_only_when_its_worker_is_lost() {
        let workers = [worker("a", true, Some(1)), worker("b", false, Some(0)), worker("c", true, None)];
        assert_eq!(
            missing_assignments(&workers, 2, NOW),
            Ok(vec![SlotAssignment { worker: "c".into(), slot: 0 }])
        );
    }

    #[test]
    fn too_few_workers_are_refused_with_the_arithmetic() {
        let workers = [worker("a", true, None), worker("b", false, None), worker("c", false, None)];
        let refusal = missing_assignments(&workers, 2, NOW).unwrap_err();
        assert_eq!(
            refusal,
            "2 workers are needed for pinned nodes, but only 1 take pods; 2 more are not ready, cordoned or tainted"
        );
    }

    proptest! {
        #[test]
        fn every_pin_ends_on_a_ready_worker_of_its_own(
            states in prop::collection::vec((any::<bool>(), prop::option::of(0_u32..12)), 1..20), slots in 1_u32..8,
        ) {
            let workers: Vec<Worker> = states.iter().enumerate().map(|(n, (ready, slot))| worker(&format!("w{n:02}"), *ready, *slot)).collect();
            let ready = workers.iter().filter(|worker| worker.schedulable).count();
            match missing_assignments(&workers, slots, NOW) {
                Err(_) => prop_assert!(ready < slots as usize),
                Ok(assignments) => {
                    let mut after = workers.clone();
                    for assignment in &assignments {
                        for worker in &mut after {
                            if worker.slot == Some(assignment.slot) { worker.slot = None; }
                        }
                        let target = after.iter_mut().find(|worker| worker.name == assignment.worker).unwrap();
                        prop_assert!(target.schedulable);
                        target.slot = Some(assignment.slot);
                    }
                    for slot in 0..slots {
                        prop_assert!(after.iter().any(|w| w.schedulable && w.slot == Some(slot)), "slot {} is nowhere", slot);
                    }
                }
            }
        }
    }
}
