//! The cluster that GKE is asked for.

use jiff::Timestamp;
use serde_json::{Value, json};
use spacecraft_core::traits::{Accelerator, ClusterRequest};
use spacecraft_core::workload::KUBERNETES_NETWORK_LABEL;

use super::cluster::POOL;
use crate::api::vpc_name;
use crate::ownership::{network_labels, network_tag, state_label};

/// Boot disk of a worker, in GB.
pub(crate) const BOOT_DISK_GB: u64 = 100;
/// The type of boot disks, which counts against the quota of SSDs.
const BOOT_DISK_TYPE: &str = "pd-balanced";
/// Pods per worker that the placement plans with; GKE fixes the number when it makes a pool.
const PODS_PER_WORKER: u32 = 110;
/// What workers may ask Google's services for themselves: pull images, write logs and metrics. Pods get tokens of their own.
const WORKER_SCOPES: [&str; 4] = [
    "https://www.googleapis.com/auth/devstorage.read_only",
    "https://www.googleapis.com/auth/logging.write",
    "https://www.googleapis.com/auth/monitoring.write",
    "https://www.googleapis.com/auth/servicecontrol",
];

/// Where a cluster is to be made, and what was found out for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Site<'a> {
    pub(crate) project: &'a str,
    pub(crate) zone: &'a str,
    /// The bucket in which the network is recorded.
    pub(crate) state_bucket: Option<&'a str>,
    /// The exact Kubernetes version.
    pub(crate) version: &'a str,
    pub(crate) now: Timestamp,
}

/// The body of `clusters.create`.
///
/// Upgrades of the minor version and of the workers are excluded until the version's support ends, because a network does
/// not survive the loss of its workers unnoticed; patches of the control plane still come.
pub(crate) fn create_body(request: &ClusterRequest, site: Site<'_>) -> Value {
    let mut labels = network_labels(&request.network);
    labels.extend(site.state_bucket.and_then(state_label));
    let mut cluster = json!({
        "name": request.network,
        "initialClusterVersion": site.version,
        "releaseChannel": {"channel": request.release_channel.to_ascii_uppercase()},
        "resourceLabels": labels,
        "ipAllocationPolicy": {
            "useIpAliases": true,
            "clusterIpv4CidrBlock": format!("/{}", pod_range_prefix(request.most_workers)),
            "servicesIpv4CidrBlock": "/20",
        },
        "networkConfig": {"datapathProvider": "ADVANCED_DATAPATH"},
        "workloadIdentityConfig": {"workloadPool": format!("{}.svc.id.goog", site.project)},
        "shieldedNodes": {"enabled": true},
        "loggingConfig": {"componentConfig": {"enableComponents": ["SYSTEM_COMPONENTS"]}},
        "monitoringConfig": {
            "componentConfig": {"enableComponents": ["SYSTEM_COMPONENTS"]},
            "managedPrometheusConfig": {"enabled": false},
        },
        "maintenancePolicy": {"window": {"maintenanceExclusions": {"spacecraft": {
            "startTime": site.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "maintenanceExclusionOptions": {
                "scope": "NO_MINOR_OR_NODE_UPGRADES",
                "endTimeBehavior": "UNTIL_END_OF_SUPPORT",
            },
        }}}},
        "nodePools": [pool(request, site.zone)],
    });
    if let (Some(vpc), Some(fields)) = (&request.vpc, cluster.as_object_mut()) {
        fields.insert("network".to_owned(), json!(vpc_name(site.project, Some(vpc))));
    }
    json!({ "cluster": cluster })
}

/// The node pool. Its location is one zone, so that counts per zone are counts; public addresses stay on, because peers reach
/// nodes on their workers' own addresses.
fn pool(request: &ClusterRequest, zone: &str) -> Value {
    let mut config = json!({
        "machineType": request.machine.machine_type,
        "diskSizeGb": BOOT_DISK_GB,
        "diskType": BOOT_DISK_TYPE,
        "imageType": "COS_CONTAINERD",
        "oauthScopes": WORKER_SCOPES,
        "tags": [network_tag(&request.network)],
        "labels": {KUBERNETES_NETWORK_LABEL: request.network},
        "resourceLabels": network_labels(&request.network),
        "workloadMetadataConfig": {"mode": "GKE_METADATA"},
        "shieldedInstanceConfig": {"enableSecureBoot": true, "enableIntegrityMonitoring": true},
    });
    if let (Some(accelerator), Some(fields)) = (&request.accelerator, config.as_object_mut()) {
        fields.insert("accelerators".to_owned(), json!([accelerators(accelerator)]));
    }
    json!({
        "name": POOL,
        "initialNodeCount": request.workers,
        "locations": [zone],
        "autoscaling": autoscaling(request.workers, request.most_workers),
        "management": {"autoUpgrade": true, "autoRepair": true},
        "upgradeSettings": {"maxSurge": 1, "maxUnavailable": 0},
        "maxPodsConstraint": {"maxPodsPerNode": PODS_PER_WORKER.to_string()},
        "maintenancePolicy": {"exclusionUntilEndOfSupport": {"enabled": true}},
        "config": config,
    })
}

/// The bounds of a pool: it never shrinks below what was planned, for its addresses are in other nodes' configs, and never
/// costs more than was agreed to.
pub(crate) fn autoscaling(workers: u32, most_workers: u32) -> Value {
    json!({"enabled": true, "minNodeCount": workers, "maxNodeCount": most_workers.max(workers)})
}

fn accelerators(accelerator: &Accelerator) -> Value {
    json!({
        "acceleratorType": accelerator.accelerator_type,
        "acceleratorCount": accelerator.count.to_string(),
        "gpuDriverInstallationConfig": {"gpuDriverVersion": "DEFAULT"},
    })
}

/// The prefix length of the range of pod addresses. A worker of up to 128 pods takes 256 addresses; one worker more than the
/// most is counted for surge upgrades, and the range is never smaller than for 128 workers.
fn pod_range_prefix(most_workers: u32) -> u32 {
    let workers = most_workers.saturating_add(1).max(128).checked_next_power_of_two().unwrap_or(1 << 16);
    24_u32.saturating_sub(workers.ilog2()).max(8)
}

#[cfg(test)]
mod unit_tests {
    use proptest::prelude::*;
    use spacecraft_core::names::NetworkName;
    use spacecraft_core::quantity::{Bytes, MilliCpu};
    use spacecraft_core::traits::MachineShape;

    use super::*;

    fn request() -> ClusterRequest {
        ClusterRequest {
            network: NetworkName::new("net1").unwrap(),
            kubernetes_version: Some("1.35".to_owned()),
            release_channel: "regular".to_owned(),
            machine: MachineShape {
                machine_type: "e2-standard-16".to_owned(),
                cpu: MilliCpu::cores(16),
                memory: Bytes::gibi(64),
            },
            workers: 3,
            most_workers: 5,
            accelerator: None,
            vpc: None,
        }
    }

    fn site() -> Site<'static> {
        let now = "2026-11-22T14:00:00.25Z".parse().unwrap();
        Site {
            project: "p",
            zone: "us-central1-a",
            state_bucket: Some("state"),
            version: "1.35.5-gke.2",
            now,
        }
    }

    #[test]
    fn a_cluster_is_asked_for_like_this() {
        insta::assert_json_snapshot!(create_body(&request(), site()));
    }

    #[test]
    fn a_vpc_and_accelerators_are_asked_for_with_drivers() {
        let accelerator = Accelerator { accelerator_type: "nvidia-tesla-t4".to_owned(), count: 2 };
        let request = ClusterRequest {
            accelerator: Some(accelerator),
            vpc: Some("spacecraft".to_owned()),
            ..request()
        };
        let body = create_body(&request, site());
        assert_eq!(body["cluster"]["network"], "projects/p/global/networks/spacecraft");
        assert_eq!(
            body["cluster"]["nodePools"][0]["config"]["accelerators"],
            json!([{"acceleratorType": "nvidia-tesla-t4", "acceleratorCount": "2",
                    "gpuDriverInstallationConfig": {"gpuDriverVersion": "DEFAULT"}}])
        );
    }

    proptest! {
        #[test]
        fn the_pod_range_has_room_for_all_workers_and_one_more(most_workers in 0_u32..15_000) {
            let addresses = 1_u64 << (32 - pod_range_prefix(most_workers));
            prop_assert!(addresses >= 256 * (u64::from(most_workers) + 1));
        }
    }
}
