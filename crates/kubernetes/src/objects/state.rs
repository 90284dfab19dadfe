//! What a workload keeps and reads: its claim and its config files.

use serde_json::json;
use spacecraft_core::workload::Workload;

use super::{Manifest, Target, at, labels, strings};
use crate::resource::{CLAIM, CONFIG_MAP};

/// The claim of the workload's name, of the cluster's default storage class; none for workloads without data.
pub(super) fn claim(target: &Target, workload: &Workload) -> Option<Manifest> {
    let data = workload.data.as_ref()?;
    let content = json!({
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": { "requests": { "storage": data.size.to_string() } },
        },
    });
    let labels = labels::of_workload(target.network.as_str(), &workload.name, workload.part);
    Some(Manifest::new(at(target, CLAIM, &workload.name), &labels, content))
}

/// The ConfigMap of the workload's name with all its files; none for workloads without files.
pub(super) fn config_map(target: &Target, workload: &Workload) -> Option<Manifest> {
    if workload.files.is_empty() {
        return None;
    }
    let data = strings(workload.files.iter().map(|file| (file.name.as_str(), file.content.as_str())));
    let labels = labels::of_workload(target.network.as_str(), &workload.name, workload.part);
    Some(Manifest::new(at(target, CONFIG_MAP, &workload.name), &labels, json!({ "data": data })))
}
