//! What the programs in a cluster's pods serve.

use jiff::Timestamp;

use super::World;
use crate::{
    address::{Workload, WorkloadKind},
    workloads::{
        chain::{MAX_PEERS, Node},
        economy::{Economy, Smesher},
        process::Process,
        served::Served,
    },
};

/// The Service of Elasticsearch that Kibana asks, and its port.
const ELASTICSEARCH: (&str, u16) = ("elasticsearch-master", 9200);

/// The label of the pods that are nodes.
const NODE_LABEL: (&str, &str) = ("app", "miner");

impl World {
    /// What answers on a port of a pod, and what its state is kept under; `None` when nothing listens there.
    pub(crate) fn serving(
        &self,
        cluster: &str,
        namespace: &str,
        pod: &str,
        port: u16,
    ) -> Option<(Served, Workload)> {
        let process = self.clusters.get(cluster)?.process(namespace, pod, port)?;
        let served = Served::of(&process, port)?;
        let workload = Workload {
            kind: served.workload_kind(),
            cluster: cluster.to_owned(),
            namespace: namespace.to_owned(),
            name: state_name(&served, &process),
        };
        Some((served, workload))
    }

    /// The password of the user `elastic` in a namespace's Elasticsearch.
    pub(crate) fn elastic_password(&self, cluster: &str, namespace: &str) -> Option<String> {
        let (service, port) = ELASTICSEARCH;
        let process = self.clusters.get(cluster)?.service_process(namespace, service, port)?;
        process.environment.get("ELASTIC_PASSWORD").cloned()
    }

    /// Who earns on a node's chain: the smeshing nodes of its namespace, each from when it was first deployed on.
    pub(crate) fn economy(&self, cluster: &str, namespace: &str, node: &Node) -> Economy {
        let hosted = self.clusters.get(cluster);
        let deployed = hosted.map(|hosted| hosted.deployed(namespace, NODE_LABEL)).unwrap_or_default();
        let smesher = |(created, process): &(Timestamp, Process)| Smesher::of(&Node::of(process)?, *created);
        Economy::new(node, deployed.iter().filter_map(smesher).collect())
    }

    /// How many nodes a namespace has, counted up to one more than a node's peers.
    pub(crate) fn count_nodes(&mut self, cluster: &str, namespace: &str, now: Timestamp) -> u64 {
        let hosted = self.clusters.get_mut(cluster);
        hosted.map_or(1, |hosted| hosted.count_pods(namespace, NODE_LABEL, MAX_PEERS + 1, now))
    }
}

/// Pods of one Elasticsearch share their state; every other program keeps its own.
fn state_name(served: &Served, process: &Process) -> String {
    match served {
        Served::Elasticsearch { .. } => {
            process.environment.get("cluster.name").cloned().unwrap_or_else(|| "elasticsearch".to_owned())
        }
        Served::Kibana => "kibana".to_owned(),
        Served::Poet(_) | Served::Node { .. } | Served::Files(_) | Served::Healthy(_) => {
            process.identity.clone()
        }
    }
}

impl Served {
    fn workload_kind(&self) -> WorkloadKind {
        match self {
            Self::Elasticsearch { .. } => WorkloadKind::Elasticsearch,
            Self::Kibana => WorkloadKind::Kibana,
            Self::Poet(_) => WorkloadKind::Poet,
            Self::Node { .. } => WorkloadKind::Node,
            Self::Files(_) | Self::Healthy(_) => WorkloadKind::Other,
        }
    }
}
