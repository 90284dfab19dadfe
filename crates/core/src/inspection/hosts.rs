//! Where a network's nodes answer.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::names::NetworkName;
use crate::operation::{Services, with_way_out};
use crate::plan::{Reach, api_reach, watched_node};
use crate::state::{NetworkRecord, SCHEMA};
use crate::workload::{ObservedWorkload, Part, Role, Worker};

/// Where the nodes of a network answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostsReport {
    /// `spacecraft/v1`.
    pub schema: String,
    /// `Hosts`.
    pub kind: String,
    /// The network.
    pub network: NetworkName,
    /// Who can reach the addresses of `hosts`.
    pub reach: Reach,
    /// Its nodes, by number.
    pub hosts: Vec<Host>,
    /// The same nodes by their addresses inside the cluster, as `--nodes` of spacemesh-watch takes them: `host:port/name`, separated by commas.
    pub watch: String,
}

/// Where a node answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// The node's name.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// Its gRPC address, `host:port`; none while it has no worker.
    pub grpc: Option<String>,
    /// Its JSON address, `host:port`; none without a JSON API.
    pub json: Option<String>,
    /// Its gRPC address inside the cluster, `host:port`.
    pub in_cluster: String,
    /// The worker it runs on.
    pub worker: Option<String>,
    /// True when its pod is ready.
    pub ready: bool,
}

/// Finds where the nodes of a recorded network answer, by a number of calls that does not depend on how many there are.
///
/// # Errors
///
/// Those of the cluster provider and of the Kubernetes API.
pub async fn find_hosts(services: &Services, record: &NetworkRecord) -> Result<HostsReport> {
    let cluster = services.connect(&record.spec).await?;
    let looked = futures::try_join!(cluster.workloads.list(), cluster.workloads.workers());
    let (observed, workers) = looked.map_err(with_way_out)?;
    Ok(report(record, &observed, &workers))
}

fn report(record: &NetworkRecord, observed: &[ObservedWorkload], workers: &[Worker]) -> HostsReport {
    let namespace = &record.spec.cluster.namespace;
    let mut observed: Vec<&ObservedWorkload> = observed.iter().collect();
    observed.sort_by_key(|workload| workload.part);
    let hosts: Vec<Host> =
        observed.iter().filter_map(|workload| host(workload, workers, namespace)).collect();
    let watch: Vec<String> = hosts.iter().map(|host| format!("{}/{}", host.in_cluster, host.name)).collect();
    HostsReport {
        schema: SCHEMA.to_owned(),
        kind: "Hosts".to_owned(),
        network: record.network.clone(),
        reach: api_reach(&record.spec),
        hosts,
        watch: watch.join(","),
    }
}

fn host(workload: &ObservedWorkload, workers: &[Worker], namespace: &str) -> Option<Host> {
    let Part::Node { role, .. } = workload.part else { return None };
    let address = workload.address(workers);
    let at = |port: &str| Some(format!("{}:{}", address?, workload.node_ports.get(port)?));
    Some(Host {
        name: workload.name.clone(),
        role,
        grpc: at("grpcport"),
        json: at("jsonport"),
        in_cluster: watched_node(&workload.name, namespace),
        worker: workload.worker.clone(),
        ready: workload.ready,
    })
}
