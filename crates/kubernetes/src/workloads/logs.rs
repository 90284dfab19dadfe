//! Log lines of containers: the last ones, and those that follow.

use futures::StreamExt as _;
use http::Method;
use spacecraft_core::traits::{LogLines, LogQuery};
use spacecraft_core::{Error, Meaning, Result, render_chain};
use spacecraft_http::{Call, Idempotency};

use super::KubernetesWorkloads;
use crate::connection::{Draft, Query};
use crate::objects::labels;
use crate::observed::Pod;
use crate::readiness;
use crate::resource::{Address, POD};

const READ: &str = "read logs of";

/// The last lines of the workload's own container in its newest pod.
pub(super) async fn logs(workloads: &KubernetesWorkloads, query: &LogQuery) -> Result<Vec<String>> {
    let pod = newest_pod(workloads, query).await?;
    check_has_run(&pod, query)?;
    read_log(workloads, &pod.metadata.name, container(&pod), query).await
}

/// The same lines and those that follow, until the container ends.
pub(super) async fn follow(workloads: &KubernetesWorkloads, query: &LogQuery) -> Result<LogLines> {
    let pod = newest_pod(workloads, query).await?;
    check_has_run(&pod, query)?;
    let (call, draft) = request(workloads, &pod.metadata.name, container(&pod), query);
    let lines = workloads.connection.lines(&call, &draft.query("follow", "true")).await?;
    let pod = pod.metadata.name;
    Ok(Box::pin(lines.map(move |line| {
        line.map_err(|reason| {
            Error::new(Meaning::Unavailable, "follow logs of", format!("pod {pod}"), reason)
                .with_hint("run the command again to go on")
        })
    })))
}

async fn newest_pod(workloads: &KubernetesWorkloads, query: &LogQuery) -> Result<Pod> {
    let selector = labels::workload_selector(workloads.network(), &query.workload);
    let pods: Vec<Pod> = workloads
        .connection
        .list(&Query::within(POD, &workloads.target.namespace).labelled(selector))
        .await?;
    let newest = pods.into_iter().max_by_key(|pod| (!pod.is_leaving(), pod.metadata.creation_timestamp));
    newest.ok_or_else(|| Error::new(Meaning::NotFound, READ, query.workload.as_str(), "it has no pod"))
}

/// A container that has not run yet, or not before, has written nothing. Nobody is to blame for asking.
fn check_has_run(pod: &Pod, query: &LogQuery) -> Result<()> {
    let Some(container) = pod.containers().find(|one| Some(one.name.as_str()) == container(pod)) else {
        return Ok(());
    };
    let nothing = |reason: String| Error::new(Meaning::Unavailable, READ, query.workload.as_str(), reason);
    if !container.has_run() {
        let reason = format!("its container has not run yet: {}", readiness::reason(pod));
        return Err(nothing(reason).with_hint("run the command again once it does; status tells how it is"));
    }
    if query.previous && container.restart_count == 0 {
        let reason = "its container was never restarted, so that there are no lines of an earlier run";
        return Err(nothing(reason.to_owned()).with_hint("leave out --previous"));
    }
    Ok(())
}

/// The name of the pod's own container, beside which others may run.
fn container(pod: &Pod) -> Option<&'static str> {
    pod.metadata.labels.part().map(|part| part.application())
}

/// The last lines that a container wrote before it crashed; none when they cannot be had, because they only add to an error.
pub(super) async fn last_words(
    workloads: &KubernetesWorkloads,
    pod: &str,
    container: &str,
    lines: u32,
) -> Vec<String> {
    for previous in [true, false] {
        let query = LogQuery { workload: pod.to_owned(), tail: lines, since: None, previous };
        match read_log(workloads, pod, Some(container), &query).await {
            Ok(lines) if !lines.is_empty() => return lines,
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(pod, container, previous, error = %render_chain(&error), "no last log lines");
            }
        }
    }
    Vec::new()
}

async fn read_log(
    workloads: &KubernetesWorkloads,
    pod: &str,
    container: Option<&str>,
    query: &LogQuery,
) -> Result<Vec<String>> {
    let (call, draft) = request(workloads, pod, container, query);
    let received = workloads.connection.read(&call, &draft).await?;
    Ok(String::from_utf8_lossy(&received.body).lines().map(str::to_owned).collect())
}

fn request(
    workloads: &KubernetesWorkloads,
    pod: &str,
    container: Option<&str>,
    query: &LogQuery,
) -> (Call, Draft) {
    let path = Address::new(POD, workloads.target.namespace.as_str(), pod).path();
    let mut draft = Draft::new(Method::GET, format!("{path}/log"))
        .plain_text()
        .query("tailLines", &query.tail.to_string());
    if let Some(container) = container {
        draft = draft.query("container", container);
    }
    if let Some(since) = query.since {
        draft = draft.query("sinceSeconds", &since.as_secs().max(1).to_string());
    }
    if query.previous {
        draft = draft.query("previous", "true");
    }
    (Call::new(READ, format!("pod {pod}"), Idempotency::Safe), draft)
}
