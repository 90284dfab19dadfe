//! The Deployment of a workload: one replica, or none while it is stopped, replaced only after its predecessor is gone, because both would use one claim.

use std::time::Duration;

use serde_json::json;
use spacecraft_core::workload::Workload;

use super::{Manifest, Target, at, labels, pod};
use crate::resource::DEPLOYMENT;

/// What a rollout may take beyond the time that the process has for opening its port: pulling images, attaching disks.
const ROLLOUT_ALLOWANCE: Duration = Duration::from_secs(600);
/// How many earlier ReplicaSets the server keeps for `kubectl rollout undo`.
const KEPT_REVISIONS: u32 = 2;

/// The Deployment of the workload.
pub(super) fn deployment(target: &Target, workload: &Workload) -> Manifest {
    let network = target.network.as_str();
    let startup = workload.probe.as_ref().map_or(Duration::ZERO, |probe| probe.startup_budget);
    let content = json!({
        "spec": {
            "replicas": i32::from(!workload.stopped),
            "revisionHistoryLimit": KEPT_REVISIONS,
            "progressDeadlineSeconds": seconds(startup.saturating_add(ROLLOUT_ALLOWANCE)),
            "strategy": { "type": "Recreate" },
            "selector": { "matchLabels": labels::selecting(network, &workload.name) },
            "template": pod::template(target, workload),
        },
    });
    let labels = labels::of_workload(network, &workload.name, workload.part);
    Manifest::new(at(target, DEPLOYMENT, &workload.name), &labels, content)
}

/// Whole seconds, rounded up and within what the API's 32-bit fields hold.
pub(super) fn seconds(duration: Duration) -> u64 {
    let whole = duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0));
    whole.min(i32::MAX.unsigned_abs().into())
}
