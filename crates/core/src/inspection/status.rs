//! How a network is: its parts one by one, and everything that is off.

mod health;
mod surroundings;

use std::collections::BTreeSet;

use serde::Serialize;

use super::{ClusterSummary, networks};
use crate::error::{Result, render_chain};
use crate::names::NetworkName;
use crate::operation::{CreateRequest, Drift, Services, look_at_network, with_way_out};
use crate::spec::{Generation, WaitFor};
use crate::state::{NetworkRecord, NetworkStatus, SCHEMA};
use crate::traits::{Cluster, ClusterServices, ClusterState, Look};
use jiff::Timestamp;

pub use health::{NodeHealth, PoetHealth, WorkloadHealth};
pub use surroundings::{ChartHealth, Listing, NameHealth, WebServicesState};

/// How a network is.
#[derive(Debug, Clone, Serialize)]
pub struct StatusReport {
    /// `spacecraft/v1`.
    pub schema: String,
    /// `Status`.
    pub kind: String,
    /// The network.
    pub network: NetworkName,
    /// How far it is.
    pub status: NetworkStatus,
    /// The generation of its nodes.
    pub generation: Generation,
    /// When this was found out.
    pub at: Timestamp,
    /// Its cluster.
    pub cluster: Option<ClusterSummary>,
    /// Its genesis, once it is fixed.
    pub genesis: Option<GenesisState>,
    /// Its nodes, by number.
    pub nodes: Vec<NodeHealth>,
    /// Its PoETs, by number.
    pub poets: Vec<PoetHealth>,
    /// What runs beside them.
    pub support: Vec<WorkloadHealth>,
    /// Its chart releases.
    pub charts: Vec<ChartHealth>,
    /// Its DNS names.
    pub dns: Vec<NameHealth>,
    /// What is published of it.
    pub listing: Listing,
    /// What `create-network` would change; none when that was not looked at.
    pub drift: Option<Drift>,
    /// Everything that is off; empty when all is well.
    pub findings: Vec<String>,
}

/// The genesis, as seen from now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GenesisState {
    /// When the chain starts.
    pub time: Timestamp,
    /// v1: the genesis id; v0: the network id.
    pub id: String,
    /// Whether that is over.
    pub passed: bool,
    /// v0: whether the PoETs were activated.
    pub poets_activated: bool,
}

impl StatusReport {
    /// True when nothing is off.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Finds out how a recorded network is. `request` is what would create it again, to see what differs; none leaves that out. `depth` says whether nodes and PoETs are asked
/// too, or their pods are all that counts.
///
/// A node, a service or a whole cluster that does not answer is a finding, not an error.
///
/// # Errors
///
/// Those of the cluster provider, when it does not even say whether there is a cluster.
pub async fn find_status(
    services: &Services,
    record: &NetworkRecord,
    request: Option<CreateRequest>,
    depth: WaitFor,
) -> Result<StatusReport> {
    let cluster = services.cluster.get(&record.network).await?;
    let mut report = beginning(services, record, cluster.as_ref());
    match usable(services, record, cluster.as_ref()).await {
        Ok(Some(inside)) => look_inside(services, record, &inside, depth, &mut report).await,
        Ok(None) => {}
        Err(error) => report.findings.push(render_chain(&with_way_out(error))),
    }
    surroundings::look(services, record, &mut report).await;
    if let Some(request) =
        request.filter(|_| record.status == NetworkStatus::Ready && report.cluster.is_some())
    {
        let drift = Box::pin(look_at_network(services, request, record.clone())).await;
        report.findings.extend(drift.differences.iter().map(|one| match &one.found {
            Look::Differs(lines) if !lines.is_empty() => {
                format!("{} differs: {}", one.step, lines.join("; "))
            }
            Look::Absent => format!("{} is missing", one.step),
            _ => format!("{} differs", one.step),
        }));
        // What was not compared is not well; where something else is off already, that is why.
        if let Some(early) = drift.ended_early.as_ref().filter(|_| report.findings.is_empty()) {
            report.findings.push(format!("the comparison with the record could not be finished: {early}"));
        }
        report.drift = Some(drift);
    }
    Ok(report)
}

fn beginning(services: &Services, record: &NetworkRecord, cluster: Option<&Cluster>) -> StatusReport {
    let now = services.clock.now();
    let mut findings = Vec::new();
    if record.upgrade.is_some() {
        findings.push(
            "an upgrade has begun and not ended; upgrade-network goes on, or takes it back with --rollback"
                .to_owned(),
        );
    }
    findings.extend(under_way("joining", &record.joining, "add-miner"));
    findings.extend(under_way("leaving", &record.leaving, "delete-miner"));
    match record.status {
        NetworkStatus::Ready | NetworkStatus::Kept => {}
        NetworkStatus::Creating => {
            findings.push("its creation has not finished; create-network goes on".to_owned())
        }
        NetworkStatus::Deleting if record.taken_back => findings.push(
            "its rollback has not finished; create-network with --rollback finishes it and begins anew, delete-network removes what is left"
                .to_owned(),
        ),
        NetworkStatus::Deleting => {
            findings.push("its deletion has not finished; delete-network goes on".to_owned())
        }
    }
    match cluster {
        None => findings.push("its cluster is gone; delete-network removes what is left".to_owned()),
        Some(cluster) if cluster.state != ClusterState::Running => {
            findings.push(
                format!("its cluster is {:?} {}", cluster.state, cluster.message).trim_end().to_owned(),
            );
        }
        Some(_) => {}
    }
    StatusReport {
        schema: SCHEMA.to_owned(),
        kind: "Status".to_owned(),
        network: record.network.clone(),
        status: record.status,
        generation: record.spec.generation,
        at: now,
        cluster: cluster.map(networks::summary),
        genesis: record.genesis.as_ref().map(|genesis| GenesisState {
            time: genesis.genesis.time,
            id: genesis.id.clone(),
            passed: genesis.genesis.time <= now,
            poets_activated: genesis.poets_activated,
        }),
        nodes: Vec::new(),
        poets: Vec::new(),
        support: Vec::new(),
        charts: Vec::new(),
        dns: Vec::new(),
        listing: Listing::default(),
        drift: None,
        findings,
    }
}

/// A change of the fleet that has begun and not ended.
fn under_way(change: &str, nodes: &BTreeSet<u32>, command: &str) -> Option<String> {
    let names: Vec<String> = nodes.iter().map(|number| format!("miner-{number}")).collect();
    (!names.is_empty())
        .then(|| format!("{} began {change} and did not end; {command} goes on", names.join(", ")))
}

/// What is inside the cluster, when it can be asked.
async fn usable(
    services: &Services,
    record: &NetworkRecord,
    cluster: Option<&Cluster>,
) -> Result<Option<ClusterServices>> {
    if !cluster.is_some_and(networks::can_be_asked) {
        return Ok(None);
    }
    services.connect(&record.spec).await.map(Some)
}

async fn look_inside(
    services: &Services,
    record: &NetworkRecord,
    inside: &ClusterServices,
    depth: WaitFor,
    report: &mut StatusReport,
) {
    let (parts, charts) = futures::join!(
        health::look(services, record, &*inside.workloads, depth),
        surroundings::charts(record, &*inside.charts)
    );
    match parts {
        Ok(parts) => parts.into_report(report),
        Err(error) => report.findings.push(render_chain(&with_way_out(error))),
    }
    match charts {
        Ok(charts) => {
            report.findings.extend(charts.iter().filter_map(ChartHealth::finding));
            report.charts = charts;
        }
        Err(error) => report.findings.push(render_chain(&error)),
    }
    match surroundings::names(services, record, &*inside.workloads).await {
        Ok(names) => {
            report.findings.extend(names.iter().filter_map(NameHealth::finding));
            report.dns = names;
        }
        Err(error) => report.findings.push(render_chain(&error)),
    }
}
