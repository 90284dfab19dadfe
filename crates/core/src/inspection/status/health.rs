//! Pods, and what nodes and PoETs say of themselves through tunnels.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use serde::Serialize;

use super::StatusReport;
use crate::error::{Result, render_chain};
use crate::generation::{GRPC_PORT, REST_PORT};
use crate::inspection::within;
use crate::operation::Services;
use crate::spec::{Generation, WaitFor};
use crate::state::{NetworkRecord, NetworkStatus};
use crate::traits::{NodeStatus, PoetInfo, ServiceName, Workloads};
use crate::workload::{ObservedWorkload, Part, Role};

/// How many nodes and PoETs are asked at once.
const ASKED_AT_ONCE: usize = 32;

/// How long each may take to answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// The pod of a part of the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkloadHealth {
    /// The part's name.
    pub name: String,
    /// True when its newest pod is ready and no older one is left.
    pub ready: bool,
    /// Why it is not ready; empty when it is.
    pub reason: String,
    /// How often its container was restarted.
    pub restarts: u32,
    /// The worker it runs on.
    pub worker: Option<String>,
    /// The image it runs.
    pub image: String,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeHealth {
    /// Its pod.
    #[serde(flatten)]
    pub pod: WorkloadHealth,
    /// What the node is for.
    pub role: Role,
    /// What it says of itself.
    pub says: Option<NodeStatus>,
    /// The version that it says it is; none when it does not say.
    pub version: Option<String>,
    /// Why it says nothing.
    pub error: Option<String>,
}

/// A PoET.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PoetHealth {
    /// Its pod.
    #[serde(flatten)]
    pub pod: WorkloadHealth,
    /// What it says of itself.
    pub says: Option<PoetInfo>,
    /// Why it says nothing.
    pub error: Option<String>,
}

/// All parts of a network, and what is off about them.
pub(super) struct Parts {
    nodes: Vec<NodeHealth>,
    poets: Vec<PoetHealth>,
    support: Vec<WorkloadHealth>,
    findings: Vec<String>,
}

impl Parts {
    pub(super) fn into_report(self, report: &mut StatusReport) {
        report.nodes = self.nodes;
        report.poets = self.poets;
        report.support = self.support;
        report.findings.extend(self.findings);
    }
}

/// Looks at all pods and, if more than those counts, asks all nodes and PoETs whose pods are ready, some at a time.
pub(super) async fn look(
    services: &Services,
    record: &NetworkRecord,
    workloads: &dyn Workloads,
    depth: WaitFor,
) -> Result<Parts> {
    let mut observed = workloads.list().await?;
    observed.sort_by_key(|workload| workload.part);
    let mut parts = Parts {
        nodes: Vec::new(),
        poets: Vec::new(),
        support: Vec::new(),
        findings: [missing(record, &observed), unrecorded(record, &observed)].concat(),
    };
    let answers: Vec<Answer> =
        stream::iter(observed.iter().map(|workload| ask(services, workloads, workload, depth)))
            .buffered(ASKED_AT_ONCE)
            .collect()
            .await;
    let passed = record.genesis.as_ref().is_some_and(|genesis| genesis.genesis.time <= services.clock.now());
    for (workload, answer) in observed.iter().zip(answers) {
        parts.findings.extend(unready(workload).or_else(|| answer.finding(record, workload, passed)));
        parts.add(workload, answer);
    }
    Ok(parts)
}

impl Parts {
    fn add(&mut self, workload: &ObservedWorkload, answer: Answer) {
        let pod = pod(workload);
        match (workload.part, answer) {
            (Part::Node { role, .. }, Answer::Node(said)) => {
                let (said, error) = either(said);
                let (says, version) = said.map_or((None, None), |(says, version)| (Some(says), version));
                self.nodes.push(NodeHealth { pod, role, says, version, error });
            }
            (Part::Node { role, .. }, _) => {
                self.nodes.push(NodeHealth { pod, role, says: None, version: None, error: None })
            }
            (Part::Poet { .. }, Answer::Poet(says)) => {
                let (says, error) = either(says);
                self.poets.push(PoetHealth { pod, says, error });
            }
            (Part::Poet { .. }, _) => self.poets.push(PoetHealth { pod, says: None, error: None }),
            (Part::Beacon | Part::Watch | Part::Pyroscope, _) => self.support.push(pod),
        }
    }
}

fn either<T>(says: Result<T>) -> (Option<T>, Option<String>) {
    match says {
        Ok(says) => (Some(says), None),
        Err(error) => (None, Some(render_chain(&error))),
    }
}

fn pod(workload: &ObservedWorkload) -> WorkloadHealth {
    WorkloadHealth {
        name: workload.name.clone(),
        ready: workload.ready,
        reason: workload.reason.clone(),
        restarts: workload.restarts,
        worker: workload.worker.clone(),
        image: workload.image.clone(),
    }
}

/// Nodes and PoETs that the record has and the cluster has not. Of a network of which only logs and metrics are left, none are expected.
fn missing(record: &NetworkRecord, observed: &[ObservedWorkload]) -> Vec<String> {
    if record.status == NetworkStatus::Kept {
        return Vec::new();
    }
    let present: BTreeSet<&str> = observed.iter().map(|workload| workload.name.as_str()).collect();
    let recorded =
        record.nodes.iter().map(|node| &node.name).chain(record.poets.iter().map(|poet| &poet.name));
    recorded
        .filter(|name| !present.contains(name.as_str()))
        .map(|name| format!("{name} is not in the cluster"))
        .collect()
}

/// Nodes and PoETs that the cluster has and the record has not, as those of a change that was interrupted. Until it was up once, a network has no nodes in its record.
fn unrecorded(record: &NetworkRecord, observed: &[ObservedWorkload]) -> Vec<String> {
    if record.status != NetworkStatus::Ready {
        return Vec::new();
    }
    let recorded: BTreeSet<&str> = record
        .nodes
        .iter()
        .map(|node| &node.name)
        .chain(record.poets.iter().map(|poet| &poet.name))
        .map(String::as_str)
        .collect();
    observed
        .iter()
        .filter(|workload| matches!(workload.part, Part::Node { .. } | Part::Poet { .. }))
        .filter(|workload| !recorded.contains(workload.name.as_str()))
        .map(|workload| format!("{} is in the cluster, but not in the record", workload.name))
        .collect()
}

fn unready(workload: &ObservedWorkload) -> Option<String> {
    (!workload.ready).then(|| format!("{} is not ready: {}", workload.name, workload.reason))
}

/// What a part of the network said.
enum Answer {
    /// Its status, and its version if it tells that.
    Node(Result<(NodeStatus, Option<String>)>),
    Poet(Result<PoetInfo>),
    NotAsked,
}

impl Answer {
    /// What is off about the answer. Before genesis, nodes have nothing to be synced with.
    fn finding(&self, record: &NetworkRecord, workload: &ObservedWorkload, passed: bool) -> Option<String> {
        let name = &workload.name;
        let activated = record.genesis.as_ref().is_some_and(|genesis| genesis.poets_activated);
        match self {
            Self::Node(Err(error)) => Some(format!("{name} does not answer: {}", render_chain(error))),
            Self::Node(Ok((says, _))) if says.connected_peers == 0 && record.nodes.len() > 1 => {
                Some(format!("{name} has no peers"))
            }
            Self::Node(Ok((says, _))) if passed && !says.synced => Some(format!(
                "{name} is not synced: it has layer {} of {}",
                says.synced_layer, says.top_layer
            )),
            Self::Poet(Err(error)) => Some(format!("{name} does not answer: {}", render_chain(error))),
            Self::Poet(Ok(says))
                if record.spec.generation == Generation::V0 && activated && !says.started =>
            {
                Some(format!("{name} was not activated"))
            }
            Self::Node(Ok(_)) | Self::Poet(Ok(_)) | Self::NotAsked => None,
        }
    }
}

async fn ask(
    services: &Services,
    workloads: &dyn Workloads,
    workload: &ObservedWorkload,
    depth: WaitFor,
) -> Answer {
    if !workload.ready || depth == WaitFor::Ready {
        return Answer::NotAsked;
    }
    let service = ServiceName::new(workloads.namespace(), &workload.name);
    let clock = &*services.clock;
    match workload.part {
        Part::Node { .. } => {
            let said = async {
                let tunnel = workloads.tunnel(&service, GRPC_PORT).await?;
                let status = tunnel.told(services.spacemesh.node_status(tunnel.local).await)?;
                Ok((status, services.spacemesh.node_version(tunnel.local).await.ok()))
            };
            Answer::Node(within(clock, PATIENCE, "ask node", &workload.name, said).await)
        }
        Part::Poet { .. } => {
            let said = async {
                let tunnel = workloads.tunnel(&service, REST_PORT).await?;
                tunnel.told(services.spacemesh.poet_info(tunnel.local).await)
            };
            Answer::Poet(within(clock, PATIENCE, "ask PoET", &workload.name, said).await)
        }
        Part::Beacon | Part::Watch | Part::Pyroscope => Answer::NotAsked,
    }
}
