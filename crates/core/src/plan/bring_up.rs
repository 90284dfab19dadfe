use std::time::Duration;

use crate::spec::{NetworkSpec, RolloutOrder};

/// Pulling images, attaching the first disks and starting a first pod on a new worker.
const FIRST_POD: Duration = Duration::from_secs(90);

/// Applying one workload, all calls of the window side by side: measured at about 50 workloads a second.
const EACH_WORKLOAD: Duration = Duration::from_millis(20);

/// Attaching one more disk to the same worker.
const EACH_DISK_OF_A_WORKER: Duration = Duration::from_secs(3);

/// How long it takes to bring up the network that was made, from applying the first node until the last one is ready: the first pod, all applies, and the disks of the fullest worker. An
/// ordered rollout waits for its waves one after another.
#[must_use]
pub fn predicted_bring_up(spec: &NetworkSpec, workers: u32) -> Duration {
    let workloads = spec.fleet.nodes.saturating_add(spec.fleet.poets);
    let disks_of_a_worker = workloads.div_ceil(workers.max(1));
    let side_by_side = FIRST_POD + EACH_WORKLOAD * workloads + EACH_DISK_OF_A_WORKER * disks_of_a_worker;
    match spec.rollout.order {
        RolloutOrder::Parallel => side_by_side,
        RolloutOrder::Ordered => side_by_side + FIRST_POD * waves(spec).saturating_sub(1),
    }
}

/// PoETs, bootstrap node, bootnodes, and the miners in chunks.
fn waves(spec: &NetworkSpec) -> u32 {
    3 + spec.fleet.nodes.div_ceil(spec.rollout.max_concurrent_deployments.max(1))
}
