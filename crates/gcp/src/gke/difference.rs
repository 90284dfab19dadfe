//! How a cluster differs from what is asked for.

use spacecraft_core::traits::{ClusterRequest, ClusterState};

use super::cluster::{ClusterBody, PoolBody};

/// What differs, in words, by what can be done about it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Differences {
    /// What passes by itself.
    pub(crate) passing: Vec<String>,
    /// What can be changed on a living cluster.
    pub(crate) changeable: Vec<String>,
    /// What a cluster keeps for life.
    pub(crate) fixed: Vec<String>,
}

impl Differences {
    pub(crate) fn between(cluster: &ClusterBody, request: &ClusterRequest) -> Self {
        let mut differences = Self::default();
        if !matches!(cluster.state(), ClusterState::Running | ClusterState::Reconciling) {
            differences.passing.push(format!("status: {}, wanted RUNNING", cluster.status));
        }
        differences.compare_vpc(cluster, request);
        match cluster.pool() {
            Some(pool) => {
                differences.compare_machines(pool, request);
                differences.compare_size(cluster, pool, request.workers, request.most_workers);
            }
            None => differences.fixed.push("node pool `default`: missing".to_owned()),
        }
        differences
    }

    /// All differences, for people.
    pub(crate) fn into_lines(self) -> Vec<String> {
        [self.passing, self.fixed, self.changeable].concat()
    }

    fn compare_vpc(&mut self, cluster: &ClusterBody, request: &ClusterRequest) {
        let wanted = request.vpc.as_deref().unwrap_or("default");
        let existing = cluster.network.rsplit('/').next().unwrap_or_default();
        if !existing.is_empty() && existing != wanted {
            self.fixed.push(format!("VPC network: {existing}, wanted {wanted}"));
        }
    }

    fn compare_machines(&mut self, pool: &PoolBody, request: &ClusterRequest) {
        let (existing, wanted) = (&pool.config.machine_type, &request.machine.machine_type);
        if existing != wanted {
            self.fixed.push(format!("machine type: {existing}, wanted {wanted}"));
        }
        let existing = pool
            .config
            .accelerators
            .first()
            .map(|found| format!("{} {}", found.accelerator_count, found.accelerator_type));
        let wanted = request
            .accelerator
            .as_ref()
            .map(|wanted| format!("{} {}", wanted.count, wanted.accelerator_type));
        if existing != wanted {
            let text = |found: Option<String>| found.unwrap_or_else(|| "none".to_owned());
            self.fixed.push(format!("accelerators: {}, wanted {}", text(existing), text(wanted)));
        }
    }

    fn compare_size(&mut self, cluster: &ClusterBody, pool: &PoolBody, workers: u32, most_workers: u32) {
        let mut least = |what: &str, existing: u32, wanted: u32| {
            if existing < wanted {
                self.changeable.push(format!("{what}: {existing}, wanted at least {wanted}"));
            }
        };
        least("workers", cluster.current_node_count, workers);
        least("fewest workers of the pool", pool.autoscaling.min_node_count, workers);
        least("most workers of the pool", pool.autoscaling.max_node_count, most_workers);
        if !pool.autoscaling.enabled {
            self.changeable.push("autoscaling: off, wanted on".to_owned());
        }
    }
}

#[cfg(test)]
mod unit_tests {
    use serde_json::json;
    use spacecraft_core::names::NetworkName;
    use spacecraft_core::quantity::{Bytes, MilliCpu};
    use spacecraft_core::traits::MachineShape;

    use super::*;

    fn cluster() -> serde_json::Value {
        json!({"name": "net1", "status": "RUNNING", "currentNodeCount": 3, "network": "default",
               "nodePools": [{"name": "default", "config": {"machineType": "e2-standard-4"},
                              "autoscaling": {"enabled": true, "minNodeCount": 3, "maxNodeCount": 5}}]})
    }

    fn request() -> ClusterRequest {
        ClusterRequest {
            network: NetworkName::new("net1").unwrap(),
            kubernetes_version: None,
            release_channel: "regular".to_owned(),
            machine: MachineShape {
                machine_type: "e2-standard-4".to_owned(),
                cpu: MilliCpu::cores(4),
                memory: Bytes::gibi(16),
            },
            workers: 3,
            most_workers: 5,
            accelerator: None,
            vpc: None,
        }
    }

    fn between(cluster: &serde_json::Value, request: &ClusterRequest) -> Differences {
        Differences::between(&serde_json::from_value(cluster.clone()).unwrap(), request)
    }

    #[test]
    fn a_cluster_as_asked_for_or_larger_does_not_differ() {
        assert_eq!(between(&cluster(), &request()), Differences::default());
        let smaller = ClusterRequest { workers: 2, most_workers: 4, ..request() };
        assert_eq!(between(&cluster(), &smaller), Differences::default());
    }

    #[test]
    fn a_small_pool_can_be_changed() {
        let larger = ClusterRequest { workers: 4, most_workers: 6, ..request() };
        assert_eq!(
            between(&cluster(), &larger).changeable,
            [
                "workers: 3, wanted at least 4",
                "fewest workers of the pool: 3, wanted at least 4",
                "most workers of the pool: 5, wanted at least 6"
            ]
        );
    }

    #[test]
    fn machines_and_network_are_for_life() {
        let mut other = cluster();
        other["nodePools"][0]["config"] = json!({"machineType": "n2-standard-8",
            "accelerators": [{"acceleratorType": "nvidia-tesla-t4", "acceleratorCount": "1"}]});
        other["network"] = json!("projects/p/global/networks/other");
        assert_eq!(
            between(&other, &request()).fixed,
            [
                "VPC network: other, wanted default",
                "machine type: n2-standard-8, wanted e2-standard-4",
                "accelerators: 1 nvidia-tesla-t4, wanted none"
            ]
        );
    }

    #[test]
    fn a_cluster_that_is_being_made_differs_for_now() {
        let mut young = cluster();
        young["status"] = json!("PROVISIONING");
        assert_eq!(between(&young, &request()).passing, ["status: PROVISIONING, wanted RUNNING"]);
    }
}
