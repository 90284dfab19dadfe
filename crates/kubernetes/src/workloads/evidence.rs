//! What there is to know about pods that are not ready.

use futures::StreamExt as _;
use futures::stream;
use jiff::Timestamp;
use serde::Deserialize;
use spacecraft_core::Result;
use spacecraft_core::traits::{Evidence, PodEvidence};

use super::KubernetesWorkloads;
use super::logs::last_words;
use crate::connection::Query;
use crate::observed::Pod;
use crate::readiness;
use crate::resource::{EVENT, POD};

/// The most pods whose log lines are collected.
const MOST_PODS_WITH_LOGS: usize = 20;
/// How many of them are asked at once.
const PODS_AT_ONCE: usize = 4;
/// The last log lines kept of each.
const LAST_LINES: u32 = 20;
/// The last warnings kept.
const MOST_WARNINGS: usize = 50;

/// A warning that the cluster recorded.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Warning {
    last_timestamp: Option<Timestamp>,
    event_time: Option<Timestamp>,
    metadata: WarningMetadata,
    involved_object: Involved,
    reason: String,
    message: String,
    count: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WarningMetadata {
    creation_timestamp: Option<Timestamp>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Involved {
    kind: String,
    name: String,
}

impl Warning {
    fn when(&self) -> Option<Timestamp> {
        self.last_timestamp.or(self.event_time).or(self.metadata.creation_timestamp)
    }

    fn line(&self) -> String {
        let Involved { kind, name } = &self.involved_object;
        let when = self.when().map(|when| format!("{when} ")).unwrap_or_default();
        let times =
            self.count.filter(|count| *count > 1).map(|count| format!(" (x{count})")).unwrap_or_default();
        format!("{when}{kind} {name}: {}: {}{times}", self.reason, self.message)
    }
}

/// Reasons and last log lines of all pods that are not ready, and the namespace's last warnings.
pub(super) async fn collect(workloads: &KubernetesWorkloads) -> Result<Evidence> {
    let mut pods: Vec<Pod> = workloads.connection.list(&workloads.ours(POD)).await?;
    pods.retain(|pod| !pod.is_ready());
    pods.sort_by(|one, other| one.metadata.name.cmp(&other.metadata.name));
    let pods = stream::iter(pods.into_iter().enumerate())
        .map(|(index, pod)| async move { pod_evidence(workloads, &pod, index < MOST_PODS_WITH_LOGS).await })
        .buffered(PODS_AT_ONCE)
        .collect()
        .await;
    Ok(Evidence { pods, warnings: warnings(workloads).await? })
}

async fn pod_evidence(workloads: &KubernetesWorkloads, pod: &Pod, with_logs: bool) -> PodEvidence {
    let last_log_lines = match readiness::holding_up(pod) {
        Some(container) if with_logs && container.has_run() => {
            last_words(workloads, &pod.metadata.name, &container.name, LAST_LINES).await
        }
        _ => Vec::new(),
    };
    PodEvidence {
        workload: pod.workload().unwrap_or_default().to_owned(),
        pod: pod.metadata.name.clone(),
        reason: readiness::reason(pod),
        last_log_lines,
    }
}

async fn warnings(workloads: &KubernetesWorkloads) -> Result<Vec<String>> {
    let query = Query::within(EVENT, &workloads.target.namespace).with_fields("type=Warning");
    let mut warnings: Vec<Warning> = workloads.connection.list(&query).await?;
    warnings.sort_by_key(Warning::when);
    let skipped = warnings.len().saturating_sub(MOST_WARNINGS);
    Ok(warnings.iter().skip(skipped).map(Warning::line).collect())
}
