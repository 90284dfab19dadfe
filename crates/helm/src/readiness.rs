//! When Helm takes an object for ready, and a hook for done.

mod follow;

use serde_json::Value;

pub(crate) use follow::follow;

/// What a look at an object says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is as it should be.
    Ready,
    /// Not yet, because of this.
    Pending(String),
    /// Never, because of this.
    Failed(String),
}

impl Verdict {
    fn ready_or(is_ready: bool, why: impl FnOnce() -> String) -> Self {
        if is_ready { Self::Ready } else { Self::Pending(why()) }
    }
}

/// True of kinds of which an object can be there without being ready.
#[must_use]
pub fn takes_time(kind: &str, with_jobs: bool) -> bool {
    const KINDS: [&str; 9] = [
        "Pod",
        "Deployment",
        "StatefulSet",
        "DaemonSet",
        "ReplicaSet",
        "ReplicationController",
        "PersistentVolumeClaim",
        "Service",
        "CustomResourceDefinition",
    ];
    KINDS.contains(&kind) || (with_jobs && kind == "Job")
}

/// Whether an object of a release is ready; jobs only count `with_jobs`.
#[must_use]
pub fn of_release_object(object: &Value, with_jobs: bool) -> Verdict {
    match text(object, "/kind") {
        "Pod" => pod_ready(object),
        "Job" if with_jobs => job_completed(object),
        "Deployment" => observed(object, deployment),
        "StatefulSet" => observed(object, stateful_set),
        "DaemonSet" => observed(object, daemon_set),
        "ReplicaSet" | "ReplicationController" => observed(object, replica_set),
        "PersistentVolumeClaim" => {
            let phase = text(object, "/status/phase");
            Verdict::ready_or(phase == "Bound", || format!("the claim is {}", or(phase, "Pending")))
        }
        "Service" => service(object),
        "CustomResourceDefinition" => definition(object),
        _ => Verdict::Ready,
    }
}

/// What it means that a hook is gone before it was seen to end, by its manifest: a Job that is to go when it has finished may have done so between two looks.
#[must_use]
pub fn of_gone_hook(manifest: &Value) -> Verdict {
    if manifest.pointer("/spec/ttlSecondsAfterFinished").is_some_and(|seconds| !seconds.is_null()) {
        Verdict::Ready
    } else {
        Verdict::Failed("it was deleted while it ran".to_owned())
    }
}

/// Whether a hook has done what it should: a Job or Pod has to end well, anything else only has to exist.
#[must_use]
pub fn of_hook(object: &Value) -> Verdict {
    let name = text(object, "/metadata/name");
    match text(object, "/kind") {
        "Job" => match (condition(object, "Complete"), condition(object, "Failed")) {
            (Some(("True", ..)), _) => Verdict::Ready,
            (_, Some(("True", reason, message))) => {
                let message = if message.is_empty() { String::new() } else { format!(" ({message})") };
                Verdict::Failed(format!("job {name} failed: {reason}{message}"))
            }
            _ => Verdict::Pending(format!(
                "the job has {} active, {} failed and {} succeeded pods",
                number(object, "/status/active"),
                number(object, "/status/failed"),
                number(object, "/status/succeeded")
            )),
        },
        "Pod" => match text(object, "/status/phase") {
            "Succeeded" => Verdict::Ready,
            "Failed" => {
                Verdict::Failed(format!("pod {name} failed: {}", or(text(object, "/status/reason"), "Error")))
            }
            phase => {
                Verdict::Pending(waiting_reason(object).unwrap_or_else(|| format!("the pod is {phase}")))
            }
        },
        _ => Verdict::Ready,
    }
}

fn observed(object: &Value, judge: fn(&Value) -> Verdict) -> Verdict {
    let (wanted, seen) =
        (number(object, "/metadata/generation"), number(object, "/status/observedGeneration"));
    if wanted == seen {
        judge(object)
    } else {
        Verdict::Pending("its controller has not seen it yet".to_owned())
    }
}

fn pod_ready(pod: &Value) -> Verdict {
    if matches!(condition(pod, "Ready"), Some(("True", ..))) {
        return Verdict::Ready;
    }
    let phase = or(text(pod, "/status/phase"), "Pending");
    Verdict::Pending(waiting_reason(pod).unwrap_or_else(|| format!("the pod is {phase} and not ready")))
}

/// Why the first container that does not run does not run, or why the pod is on no worker.
fn waiting_reason(pod: &Value) -> Option<String> {
    if let Some(("False", "Unschedulable", message)) = condition(pod, "PodScheduled") {
        return Some(format!("the pod fits on no worker: {message}"));
    }
    let statuses = |field: &str| pod.pointer(field).and_then(Value::as_array).into_iter().flatten();
    let waiting = statuses("/status/initContainerStatuses")
        .chain(statuses("/status/containerStatuses"))
        .find(|status| status.pointer("/state/waiting/reason").is_some())?;
    Some(format!("container {} waits: {}", text(waiting, "/name"), text(waiting, "/state/waiting/reason")))
}

fn job_completed(job: &Value) -> Verdict {
    let failed = number(job, "/status/failed");
    let limit = job.pointer("/spec/backoffLimit").map_or(6, |_| number(job, "/spec/backoffLimit"));
    if failed > limit {
        return Verdict::Failed(format!("{failed} of its pods failed"));
    }
    let wanted = job.pointer("/spec/completions").map_or(1, |_| number(job, "/spec/completions"));
    let succeeded = number(job, "/status/succeeded");
    Verdict::ready_or(succeeded >= wanted, || format!("{succeeded} of {wanted} pods have succeeded"))
}

fn deployment(deployment: &Value) -> Verdict {
    if deployment.pointer("/spec/paused") == Some(&Value::Bool(true)) {
        return Verdict::Pending("the deployment is paused".to_owned());
    }
    let replicas = replicas(deployment);
    let status = |field: &str| number(deployment, &format!("/status/{field}"));
    // The status counts ready pods of all revisions: at most so many of them are old ones.
    let old = (status("replicas") - status("updatedReplicas")).max(0);
    let ready = status("readyReplicas") - old;
    let wanted = replicas - most_unavailable(deployment, replicas);
    Verdict::ready_or(ready >= wanted && status("updatedReplicas") >= wanted, || {
        format!("{} of {replicas} updated pods are ready", ready.max(0))
    })
}

/// How many pods a rolling update may do without: a share is rounded down, and one if it could do nothing otherwise.
fn most_unavailable(deployment: &Value, replicas: i64) -> i64 {
    if or(text(deployment, "/spec/strategy/type"), "RollingUpdate") != "RollingUpdate" || replicas == 0 {
        return 0;
    }
    let limit = |field: &str, rounding: Rounding| {
        let value = deployment.pointer(&format!("/spec/strategy/rollingUpdate/{field}"));
        value.map_or_else(|| share(25, replicas, rounding), |value| scaled(value, replicas, rounding))
    };
    let unavailable = limit("maxUnavailable", Rounding::Down);
    let unavailable = if unavailable == 0 && limit("maxSurge", Rounding::Up) == 0 { 1 } else { unavailable };
    unavailable.min(replicas)
}

fn stateful_set(set: &Value) -> Verdict {
    if or(text(set, "/spec/updateStrategy/type"), "RollingUpdate") != "RollingUpdate" {
        return Verdict::Ready;
    }
    let (replicas, partition) = (replicas(set), number(set, "/spec/updateStrategy/rollingUpdate/partition"));
    let (updated, ready) = (number(set, "/status/updatedReplicas"), number(set, "/status/readyReplicas"));
    if updated < replicas - partition {
        return Verdict::Pending(format!("{updated} of {} pods are updated", replicas - partition));
    }
    if ready != replicas {
        return Verdict::Pending(format!("{ready} of {replicas} pods are ready"));
    }
    let revisions_agree = text(set, "/status/currentRevision") == text(set, "/status/updateRevision");
    Verdict::ready_or(partition != 0 || revisions_agree, || "its update is not complete".to_owned())
}

fn daemon_set(set: &Value) -> Verdict {
    if or(text(set, "/spec/updateStrategy/type"), "RollingUpdate") != "RollingUpdate" {
        return Verdict::Ready;
    }
    let status = |field: &str| number(set, &format!("/status/{field}"));
    let (wanted, updated) = (status("desiredNumberScheduled"), status("updatedNumberScheduled"));
    if updated != wanted {
        return Verdict::Pending(format!("{updated} of {wanted} workers have the updated pod"));
    }
    let limit = set.pointer("/spec/updateStrategy/rollingUpdate/maxUnavailable");
    let unavailable = limit.map_or(1, |limit| scaled(limit, wanted, Rounding::Up));
    let ready = status("numberReady");
    Verdict::ready_or(ready >= wanted - unavailable, || format!("{ready} of {wanted} pods are ready"))
}

fn replica_set(set: &Value) -> Verdict {
    let (replicas, ready) = (replicas(set), number(set, "/status/readyReplicas"));
    Verdict::ready_or(ready >= replicas, || format!("{ready} of {replicas} pods are ready"))
}

fn service(service: &Value) -> Verdict {
    let kind = text(service, "/spec/type");
    if kind == "ExternalName" {
        return Verdict::Ready;
    }
    if text(service, "/spec/clusterIP").is_empty() {
        return Verdict::Pending("the service has no cluster IP yet".to_owned());
    }
    let has_any =
        |field: &str| service.pointer(field).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    let has_address =
        kind != "LoadBalancer" || has_any("/spec/externalIPs") || has_any("/status/loadBalancer/ingress");
    Verdict::ready_or(has_address, || "the load balancer has no address yet".to_owned())
}

fn definition(definition: &Value) -> Verdict {
    if matches!(condition(definition, "NamesAccepted"), Some(("False", ..))) {
        // The names clash with those of another definition; that one answers for them.
        return Verdict::Ready;
    }
    let is_established = matches!(condition(definition, "Established"), Some(("True", ..)));
    Verdict::ready_or(is_established, || "the definition is not established yet".to_owned())
}

fn replicas(object: &Value) -> i64 {
    object.pointer("/spec/replicas").map_or(1, |_| number(object, "/spec/replicas"))
}

#[derive(Clone, Copy)]
enum Rounding {
    Up,
    Down,
}

/// A number, or a share of `whole` in percent.
fn scaled(value: &Value, whole: i64, rounding: Rounding) -> i64 {
    let percent = value.as_str().and_then(|text| text.strip_suffix('%')).and_then(|text| text.parse().ok());
    match (value.as_i64(), percent) {
        (Some(number), _) => number,
        (None, Some(percent)) => share(percent, whole, rounding),
        (None, None) => 0,
    }
}

fn share(percent: i64, whole: i64, rounding: Rounding) -> i64 {
    let hundredfold = percent.saturating_mul(whole);
    match rounding {
        Rounding::Up => hundredfold.saturating_add(99) / 100,
        Rounding::Down => hundredfold / 100,
    }
}

/// Status, reason and message of a condition.
fn condition<'a>(object: &'a Value, kind: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let conditions = object.pointer("/status/conditions")?.as_array()?;
    let condition = conditions.iter().find(|condition| text(condition, "/type") == kind)?;
    Some((text(condition, "/status"), text(condition, "/reason"), text(condition, "/message")))
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn or<'a>(text: &'a str, default: &'a str) -> &'a str {
    if text.is_empty() { default } else { text }
}

fn number(object: &Value, pointer: &str) -> i64 {
    object.pointer(pointer).and_then(Value::as_i64).unwrap_or_default()
}

#[cfg(test)]
mod tests;
