//! What the simulated GKE keeps of a cluster, and how it shows it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::super::{PROJECT, machines};
use crate::google::compute::catalog;

/// The life of a cluster or pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Status {
    Provisioning,
    Running,
    Reconciling,
    Stopping,
    Error,
}

impl Status {
    fn name(self) -> &'static str {
        match self {
            Self::Provisioning => "PROVISIONING",
            Self::Running => "RUNNING",
            Self::Reconciling => "RECONCILING",
            Self::Stopping => "STOPPING",
            Self::Error => "ERROR",
        }
    }
}

/// A virtual machine of a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Worker {
    pub(crate) name: String,
    pub(crate) zone: String,
    pub(crate) internal_ip: String,
    pub(crate) external_ip: String,
    pub(crate) created: Timestamp,
}

/// A node pool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pool {
    pub(crate) name: String,
    /// The pool as asked for, with the service's defaults.
    pub(crate) spec: Map<String, Value>,
    pub(crate) status: Status,
    pub(crate) workers: Vec<Worker>,
}

/// A cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cluster {
    /// 64 hexadecimal digits, never used twice.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) location: String,
    /// Counts from 0; the lowest free one, from which addresses are derived.
    pub(crate) index: u8,
    /// The cluster as asked for, without its pools.
    pub(crate) spec: Map<String, Value>,
    pub(crate) pools: Vec<Pool>,
    pub(crate) version: String,
    pub(crate) status: Status,
    pub(crate) status_message: Option<String>,
    pub(crate) created: Timestamp,
    /// Host and port of the Kubernetes API, once there is a control plane.
    pub(crate) endpoint: Option<String>,
    /// How many workers were ever made, so that no two have one address.
    pub(crate) workers_made: u32,
}

impl Pool {
    pub(crate) fn text(&self, field: &str) -> Option<&str> {
        self.config().get(field)?.as_str()
    }

    fn config(&self) -> &Map<String, Value> {
        static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
        self.spec.get("config").and_then(Value::as_object).unwrap_or(&EMPTY)
    }

    /// A string map of the pool's node config (`labels`, `resourceLabels`).
    pub(crate) fn map(&self, field: &str) -> impl Iterator<Item = (String, String)> + '_ {
        string_map(self.config().get(field))
    }

    pub(crate) fn machine_type(&self) -> &str {
        self.text("machineType").unwrap_or("e2-medium")
    }

    pub(crate) fn machine(&self) -> machines::Machine {
        let fallback = machines::Machine { milli_cpus: 2_000, memory_mib: 4_096 };
        machines::machine(self.machine_type()).unwrap_or(fallback)
    }

    pub(crate) fn max_pods(&self) -> u32 {
        self.spec
            .get("maxPodsConstraint")
            .and_then(|constraint| constraint["maxPodsPerNode"].as_str()?.parse().ok())
            .unwrap_or(110)
    }

    pub(crate) fn zones(&self) -> Vec<String> {
        let locations = self.spec.get("locations").and_then(Value::as_array);
        locations.into_iter().flatten().filter_map(|zone| Some(zone.as_str()?.to_owned())).collect()
    }

    /// The resource as GKE shows it.
    pub(crate) fn to_json(&self, cluster: &Cluster) -> Value {
        let mut body = self.spec.clone();
        body.insert("version".to_owned(), json!(cluster.version));
        body.insert("status".to_owned(), json!(self.status.name()));
        body.insert("podIpv4CidrSize".to_owned(), json!(24));
        body.insert("selfLink".to_owned(), json!(format!("{}/nodePools/{}", cluster.self_link(), self.name)));
        let groups: Vec<String> = self
            .zones()
            .iter()
            .map(|zone| {
                format!(
                    "https://www.googleapis.com/compute/v1/projects/{PROJECT}/zones/{zone}/\
                     instanceGroupManagers/{}-grp",
                    self.instance_prefix(cluster)
                )
            })
            .collect();
        body.insert("instanceGroupUrls".to_owned(), json!(groups));
        Value::Object(body)
    }

    /// The beginning of the names of the pool's machines: `gke-CLUSTER-POOL-HASH`, cut as GKE does.
    pub(crate) fn instance_prefix(&self, cluster: &Cluster) -> String {
        let hash: String = cluster.id.chars().take(8).collect();
        let cut = |text: &str, limit: usize| text.chars().take(limit).collect::<String>();
        format!("gke-{}-{}-{hash}", cut(&cluster.name, 18), cut(&self.name, 15))
    }
}

impl Cluster {
    pub(crate) fn self_link(&self) -> String {
        let kind = if catalog::is_zone(&self.location) { "zones" } else { "locations" };
        format!(
            "https://container.googleapis.com/v1/projects/{PROJECT}/{kind}/{}/clusters/{}",
            self.location, self.name
        )
    }

    pub(crate) fn resource_labels(&self) -> impl Iterator<Item = (String, String)> + '_ {
        string_map(self.spec.get("resourceLabels"))
    }

    pub(crate) fn has_control_plane(&self) -> bool {
        self.endpoint.is_some()
    }

    pub(crate) fn pool(&self, name: &str) -> Option<&Pool> {
        self.pools.iter().find(|pool| pool.name == name)
    }

    pub(crate) fn pool_mut(&mut self, name: &str) -> Option<&mut Pool> {
        self.pools.iter_mut().find(|pool| pool.name == name)
    }

    /// The resource as GKE shows it; `authority_pem` is the certificate authority of its API server.
    pub(crate) fn to_json(&self, authority_pem: &str) -> Value {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let mut body = self.spec.clone();
        let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
        put("name", json!(self.name));
        put("id", json!(self.id));
        put("etag", json!(self.id.chars().take(36).collect::<String>()));
        put("selfLink", json!(self.self_link()));
        put("location", json!(self.location));
        put("zone", json!(self.location));
        put("status", json!(self.status.name()));
        put("createTime", json!(self.created.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()));
        put("initialClusterVersion", json!(self.version));
        put("currentMasterVersion", json!(self.version));
        put("currentNodeVersion", json!(self.version));
        put("servicesIpv4Cidr", json!(self.services_cidr()));
        put("clusterIpv4Cidr", json!(self.pods_cidr()));
        let nodes: usize = self.pools.iter().map(|pool| pool.workers.len()).sum();
        if nodes > 0 {
            put("currentNodeCount", json!(nodes));
        }
        put("nodePools", self.pools.iter().map(|pool| pool.to_json(self)).collect());
        if let Some(message) = &self.status_message {
            put("statusMessage", json!(message));
            put("conditions", json!([{"message": message, "canonicalCode": "RESOURCE_EXHAUSTED"}]));
        }
        if let Some(endpoint) = &self.endpoint {
            put("endpoint", json!(endpoint));
            put("masterAuth", json!({"clusterCaCertificate": STANDARD.encode(authority_pem)}));
        }
        Value::Object(body)
    }

    /// What GKE puts before the names of what it keeps for this cluster in the project.
    pub(crate) fn resource_prefix(&self) -> String {
        format!("gke-{}-{}", self.name, self.id.chars().take(8).collect::<String>())
    }

    /// The tag that GKE gives all workers of this cluster.
    pub(crate) fn node_tag(&self) -> String {
        format!("{}-node", self.resource_prefix())
    }

    /// The range of pod addresses.
    pub(crate) fn pods_cidr(&self) -> String {
        format!("10.{}.0.0/17", 8_u16 + u16::from(self.index) * 2)
    }

    /// The range of Service addresses.
    pub(crate) fn services_cidr(&self) -> String {
        format!("34.118.{}.0/22", u16::from(self.index) * 4)
    }
}

fn string_map(value: Option<&Value>) -> impl Iterator<Item = (String, String)> + '_ {
    value
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
}
