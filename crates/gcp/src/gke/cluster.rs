//! Clusters as GKE describes them, and reading them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Deserialize;
use spacecraft_core::names::NetworkName;
use spacecraft_core::traits::{Access, Cluster, ClusterList, ClusterState, Ownership};
use spacecraft_core::{Error, Meaning, Result};

use super::Gke;
use super::operation::Condition;
use crate::api::{fetch, find};
use crate::number;
use crate::ownership::{foreign, owner, recorded_in};

/// The one node pool of a network's cluster.
pub(crate) const POOL: &str = "default";

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ClusterBody {
    pub(crate) name: String,
    pub(crate) location: String,
    pub(crate) status: String,
    status_message: String,
    conditions: Vec<Condition>,
    current_master_version: String,
    #[serde(deserialize_with = "number::lenient")]
    pub(crate) current_node_count: u32,
    create_time: String,
    resource_labels: BTreeMap<String, String>,
    endpoint: String,
    master_auth: MasterAuth,
    pub(crate) network: String,
    pub(crate) node_pools: Vec<PoolBody>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct MasterAuth {
    cluster_ca_certificate: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PoolBody {
    pub(crate) name: String,
    pub(crate) status: String,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) config: PoolConfig,
    pub(crate) autoscaling: Autoscaling,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PoolConfig {
    pub(crate) machine_type: String,
    pub(crate) accelerators: Vec<AcceleratorBody>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct AcceleratorBody {
    pub(crate) accelerator_type: String,
    #[serde(deserialize_with = "number::lenient")]
    pub(crate) accelerator_count: u64,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Autoscaling {
    pub(crate) enabled: bool,
    #[serde(deserialize_with = "number::lenient")]
    pub(crate) min_node_count: u32,
    #[serde(deserialize_with = "number::lenient")]
    pub(crate) max_node_count: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ClusterListBody {
    clusters: Vec<ClusterBody>,
    missing_zones: Vec<String>,
}

impl ClusterBody {
    pub(crate) fn state(&self) -> ClusterState {
        match self.status.as_str() {
            "PROVISIONING" => ClusterState::Provisioning,
            "RUNNING" => ClusterState::Running,
            "RECONCILING" => ClusterState::Reconciling,
            "STOPPING" => ClusterState::Stopping,
            "DEGRADED" => ClusterState::Degraded,
            "ERROR" => ClusterState::Error,
            _ => ClusterState::Unknown,
        }
    }

    /// What GKE says about the state, in one line.
    pub(crate) fn message(&self) -> String {
        let conditions = self.conditions.iter().map(Condition::text).collect::<Vec<_>>().join("; ");
        if conditions.is_empty() { self.status_message.clone() } else { conditions }
    }

    pub(crate) fn ownership(&self) -> Ownership {
        owner(&self.resource_labels)
    }

    pub(crate) fn pool(&self) -> Option<&PoolBody> {
        self.node_pools.iter().find(|pool| pool.name == POOL)
    }

    pub(crate) fn into_cluster(self) -> Cluster {
        Cluster {
            ownership: self.ownership(),
            state: self.state(),
            message: self.message(),
            name: self.name,
            location: self.location,
            version: self.current_master_version,
            workers: self.current_node_count,
            created: self.create_time.parse::<Timestamp>().ok(),
            recorded_in: recorded_in(&self.resource_labels),
            labels: self.resource_labels,
        }
    }

    /// Whether the control plane has an address.
    pub(crate) fn has_endpoint(&self) -> bool {
        !self.endpoint.is_empty()
    }

    /// Refuses a cluster that is not the network's own.
    pub(crate) fn require_ours(&self, operation: &str, network: &NetworkName) -> Result<()> {
        if self.ownership() == Ownership::Ours(network.clone()) {
            Ok(())
        } else {
            Err(foreign(operation, "cluster", &self.name))
        }
    }

    /// The server and the certificate authority of the Kubernetes API.
    fn api_server(&self) -> Result<(String, Option<String>), &'static str> {
        if self.endpoint.is_empty() {
            return Err("the cluster has no control plane yet");
        }
        let encoded = self.master_auth.cluster_ca_certificate.as_str();
        let authority = if encoded.is_empty() { None } else { Some(decode_pem(encoded)?) };
        Ok((format!("https://{}", self.endpoint), authority))
    }
}

fn decode_pem(encoded: &str) -> Result<String, &'static str> {
    let bytes = STANDARD.decode(encoded).ok();
    let pem = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    pem.filter(|pem| pem.contains("BEGIN CERTIFICATE"))
        .ok_or("the certificate authority of the cluster is not a PEM certificate in base64")
}

impl Gke {
    pub(crate) async fn find_cluster(&self, network: &NetworkName) -> Result<Option<ClusterBody>> {
        let url = self.api.container(&["locations", &self.location, "clusters", network.as_str()]);
        let request = self.api.get(&url).about("get cluster", network.as_str());
        let cluster: Option<ClusterBody> = find(request, "a GKE cluster").await?;
        match cluster {
            Some(cluster) if cluster.name != network.as_str() => {
                let reason = format!("the reply is about another cluster, {:?}", cluster.name);
                Err(Error::new(Meaning::Invalid, "get cluster", network.as_str(), reason))
            }
            cluster => Ok(cluster),
        }
    }

    /// The network's own cluster; an error when there is none or it is somebody else's.
    pub(crate) async fn own_cluster(&self, operation: &str, network: &NetworkName) -> Result<ClusterBody> {
        let Some(cluster) = self.find_cluster(network).await? else {
            let reason = format!("there is no such cluster in {}", self.location);
            return Err(Error::new(Meaning::NotFound, operation, network.as_str(), reason));
        };
        cluster.require_ours(operation, network)?;
        Ok(cluster)
    }

    pub(super) async fn list_clusters(&self) -> Result<ClusterList> {
        let url = self.api.container(&["locations", "-", "clusters"]);
        let request = self.api.get(&url).about("list clusters of project", self.api.project.as_str());
        let list: ClusterListBody = fetch(request, "a list of GKE clusters").await?;
        Ok(ClusterList {
            clusters: list.clusters.into_iter().map(ClusterBody::into_cluster).collect(),
            unreachable: list.missing_zones,
        })
    }

    pub(super) async fn cluster_access(&self, network: &NetworkName) -> Result<Access> {
        let operation = "reach cluster";
        let cluster = self.own_cluster(operation, network).await?;
        let (server, certificate_authority) = cluster.api_server().map_err(|reason| {
            Error::new(Meaning::Unavailable, operation, network.as_str(), reason)
                .with_hint("run the command again once the cluster is there")
        })?;
        Ok(Access::Bearer { server, certificate_authority, tokens: self.api.tokens.clone() })
    }
}

#[cfg(test)]
mod unit_tests {
    use serde_json::json;

    use super::*;

    fn cluster(body: &serde_json::Value) -> ClusterBody {
        serde_json::from_value(body.clone()).unwrap()
    }

    #[test]
    fn what_gke_leaves_out_is_zero() {
        let cluster = cluster(&json!({"name": "net1"})).into_cluster();
        assert_eq!((cluster.workers, cluster.state), (0, ClusterState::Unknown));
        assert_eq!(cluster.ownership, Ownership::Foreign);
    }

    #[test]
    fn a_creation_time_with_an_offset_is_read() {
        let cluster = cluster(&json!({"name": "net1", "createTime": "2026-11-22T15:00:00+01:00"}));
        let expected: Timestamp = "2026-11-22T14:00:00Z".parse().unwrap();
        assert_eq!(cluster.into_cluster().created, Some(expected));
    }

    #[test]
    fn the_endpoint_may_name_a_port() {
        let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let authority = STANDARD.encode(pem);
        let cluster = cluster(&json!({"name": "net1", "endpoint": "127.0.0.1:6443",
                                      "masterAuth": {"clusterCaCertificate": authority}}));
        let expected = ("https://127.0.0.1:6443".to_owned(), Some(pem.to_owned()));
        assert_eq!(cluster.api_server(), Ok(expected));
    }

    #[test]
    fn a_certificate_authority_that_cannot_be_read_is_not_passed_over() {
        for authority in ["%%", "AAAA", "//79/Q=="] {
            let cluster = cluster(&json!({"name": "net1", "endpoint": "203.0.113.7",
                                          "masterAuth": {"clusterCaCertificate": authority}}));
            assert!(cluster.api_server().is_err(), "{authority}");
        }
    }
}
