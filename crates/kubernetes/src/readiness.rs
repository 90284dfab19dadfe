//! Whether a workload is up, why not, and whether waiting can help: pure, from what the API shows and the time.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use spacecraft_core::Meaning;

use crate::observed::{ContainerStatus, Deployment, Pod, phrase};

/// An image that could not be pulled for this long will not come by itself.
const PULL_PATIENCE: SignedDuration = SignedDuration::from_secs(120);
/// A pod that fits nowhere gets this long even when no worker can come: an older pod may be making room.
const PLACE_PATIENCE: SignedDuration = SignedDuration::from_secs(20);
/// A container that crashed this often crashes for a reason.
const MOST_CRASHES: u32 = 3;

/// What is known of a workload at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Its newest pod is ready and no older one is left; or it is stopped and has none.
    Ready,
    /// Not yet, because of this.
    Pending(String),
    /// Not by itself, because of this.
    Hopeless(Hopeless),
}

/// Why a workload will not get ready by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hopeless {
    pub(crate) meaning: Meaning,
    pub(crate) reason: String,
    pub(crate) hint: &'static str,
    /// The pod and container whose last log lines say more.
    pub(crate) crashed: Option<(String, String)>,
}

/// Since when a pod has had a trouble that may pass.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Troubles {
    pod: String,
    pull: Option<Timestamp>,
    place: Option<Timestamp>,
    crashes: bool,
}

impl Troubles {
    /// True when the pod has a trouble that more time does not mend: its image does not come, or its container crashes.
    pub(crate) fn outlast_patience(&self) -> bool {
        self.pull.is_some() || self.crashes
    }

    /// True when the pod fits on no worker at the moment.
    pub(crate) fn lacks_place(&self) -> bool {
        self.place.is_some()
    }
}

/// What the judgement depends on besides the workload itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Circumstances {
    /// The present instant.
    pub(crate) now: Timestamp,
    /// True when no further worker can come.
    pub(crate) pool_is_full: bool,
}

/// Judges a workload by its Deployment and pods.
pub(crate) fn judge<'a>(
    deployment: Option<&Deployment>,
    pods: impl Iterator<Item = &'a Pod> + Clone,
    troubles: &mut Troubles,
    circumstances: Circumstances,
) -> Verdict {
    let Some(deployment) = deployment else {
        return Verdict::Pending("its Deployment does not exist".to_owned());
    };
    if deployment.metadata.deletion_timestamp.is_some() {
        return Verdict::Pending("its Deployment is being deleted".to_owned());
    }
    if deployment.status.observed_generation < deployment.metadata.generation {
        return Verdict::Pending("its Deployment has just changed".to_owned());
    }
    if deployment.is_stopped() {
        let left = pods.into_iter().find(|pod| !pod.is_over());
        return left.map_or(Verdict::Ready, |pod| {
            Verdict::Pending(format!("its pod {} is still stopping", pod.metadata.name))
        });
    }
    let Some(pod) = newest(deployment, pods.clone()) else {
        let why = deployment.failing().unwrap_or_else(|| "its pod does not exist yet".to_owned());
        return Verdict::Pending(why);
    };
    if !pod.is_ready() {
        return judge_pod(pod, troubles, circumstances);
    }
    let older = pods.into_iter().find(|other| other.metadata.name != pod.metadata.name && !other.is_over());
    match older {
        Some(older) => Verdict::Pending(format!("its older pod {} is still there", older.metadata.name)),
        None if is_rolled_out(deployment) => Verdict::Ready,
        None => Verdict::Pending("its pod is ready, its Deployment does not count it yet".to_owned()),
    }
}

/// The newest pod of the Deployment's present template.
pub(crate) fn newest<'a>(deployment: &Deployment, pods: impl Iterator<Item = &'a Pod>) -> Option<&'a Pod> {
    let wanted = &deployment.spec.template.metadata.annotations.template_digest;
    pods.filter(|pod| !pod.is_leaving() && !pod.is_over())
        .filter(|pod| wanted.is_none() || pod.metadata.annotations.template_digest == *wanted)
        .max_by_key(|pod| (pod.metadata.creation_timestamp, pod.metadata.name.clone()))
}

fn is_rolled_out(deployment: &Deployment) -> bool {
    let wanted = deployment.spec.replicas.unwrap_or(1);
    let status = &deployment.status;
    status.updated_replicas == wanted && status.replicas == wanted && status.available_replicas == wanted
}

fn judge_pod(pod: &Pod, troubles: &mut Troubles, circumstances: Circumstances) -> Verdict {
    if troubles.pod != pod.metadata.name {
        *troubles = Troubles { pod: pod.metadata.name.clone(), ..Troubles::default() };
    }
    let trouble = trouble_of(pod);
    troubles.crashes = pod.containers().any(|container| crashes(container) > 0);
    let since = |kept: &mut Option<Timestamp>, present: bool| {
        *kept = present.then(|| kept.unwrap_or(circumstances.now));
        kept.map_or(SignedDuration::ZERO, |since| circumstances.now.duration_since(since))
    };
    let pulling_for = since(&mut troubles.pull, matches!(trouble, Some(Trouble::Pull(_))));
    let placing_for = since(&mut troubles.place, matches!(trouble, Some(Trouble::Place(_))));
    let (reason, hint, meaning, crashed) = match trouble {
        Some(Trouble::Config(reason)) => {
            (reason, "correct the setting it names and run the command again", Meaning::Invalid, None)
        }
        Some(Trouble::Pull(reason)) if pulling_for >= PULL_PATIENCE => {
            (reason, "check that the image exists and that the workers may pull it", Meaning::Invalid, None)
        }
        Some(Trouble::Place(reason)) if circumstances.pool_is_full && placing_for >= PLACE_PATIENCE => {
            (reason, "allow more workers (--max-nodes), or ask for less per node", Meaning::Quota, None)
        }
        Some(Trouble::Crash(reason, container)) => {
            let crashed = Some((pod.metadata.name.clone(), container));
            (reason, "its last log lines say why", Meaning::Other, crashed)
        }
        Some(Trouble::Pull(reason) | Trouble::Place(reason)) => return Verdict::Pending(reason),
        None => return Verdict::Pending(reason(pod)),
    };
    Verdict::Hopeless(Hopeless { meaning, reason, hint, crashed })
}

/// What is wrong with a pod beyond that it takes time.
enum Trouble {
    /// It can never start as it is.
    Config(String),
    /// An image does not come.
    Pull(String),
    /// It fits on no worker.
    Place(String),
    /// This container crashed too often.
    Crash(String, String),
}

fn trouble_of(pod: &Pod) -> Option<Trouble> {
    if let Some(condition) = pod.condition("PodScheduled").filter(|condition| condition.status == "False") {
        return (condition.reason == "Unschedulable").then(|| Trouble::Place(reason(pod)));
    }
    pod.containers().find_map(trouble_of_container)
}

fn trouble_of_container(container: &ContainerStatus) -> Option<Trouble> {
    let waiting = container.state.waiting.as_ref().map(|waiting| waiting.reason.as_str());
    let why = reason_of_container(container)?;
    match waiting {
        Some("InvalidImageName" | "CreateContainerConfigError" | "ErrImageNeverPull") => {
            Some(Trouble::Config(why))
        }
        Some("ErrImagePull" | "ImagePullBackOff" | "RegistryUnavailable" | "ImageInspectError") => {
            Some(Trouble::Pull(why))
        }
        _ if crashes(container) >= MOST_CRASHES => Some(Trouble::Crash(why, container.name.clone())),
        _ => None,
    }
}

/// How often a container that is down now has crashed.
fn crashes(container: &ContainerStatus) -> u32 {
    let state = &container.state;
    let failed = state.terminated.as_ref().is_some_and(|terminated| terminated.exit_code != 0);
    let held_back = state.waiting.as_ref().is_some_and(|waiting| waiting.reason == "CrashLoopBackOff");
    if failed || held_back { container.restart_count.saturating_add(1) } else { 0 }
}

/// Why a pod is not ready, in the words of whoever holds it up.
pub(crate) fn reason(pod: &Pod) -> String {
    if pod.is_leaving() {
        return "its pod is being deleted".to_owned();
    }
    if pod.is_over() {
        return phrase(&pod.status.reason, &pod.status.message);
    }
    if let Some(condition) = pod.condition("PodScheduled").filter(|condition| condition.status == "False") {
        return phrase(&condition.reason, &condition.message);
    }
    // One that only waits for another says nothing of why the pod is not ready.
    if let Some(why) = troubled(pod).chain(pod.containers()).find_map(reason_of_container) {
        return why;
    }
    match pod.status.phase.as_str() {
        "Running" => "it runs, but its port is not open yet".to_owned(),
        _ if pod.spec.node_name.is_none() => "its pod waits for a worker".to_owned(),
        _ => "its pod is being started".to_owned(),
    }
}

/// The containers whose images do not come, or that crash.
fn troubled(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    pod.containers().filter(|one| trouble_of_container(one).is_some() || crashes(one) > 0)
}

/// The container that keeps a pod from being ready: one in trouble, an init container that is not done, one that is not up, or else the last that runs.
pub(crate) fn holding_up(pod: &Pod) -> Option<&ContainerStatus> {
    let is_done = |one: &ContainerStatus| {
        one.state.terminated.as_ref().is_some_and(|terminated| terminated.exit_code == 0)
    };
    let (first, own) = (&pod.status.init_container_statuses, &pod.status.container_statuses);
    let initialising = first.iter().find(|one| !is_done(one));
    let failing = || own.iter().find(|one| reason_of_container(one).is_some());
    let running = || own.iter().rfind(|one| one.state.running.is_some());
    troubled(pod).next().or(initialising).or_else(failing).or_else(running)
}

/// Why a container is not up; none when it runs or has done its work.
fn reason_of_container(container: &ContainerStatus) -> Option<String> {
    let state = &container.state;
    if state.running.is_some() {
        return None;
    }
    if let Some(terminated) = &state.terminated {
        return (terminated.exit_code != 0).then(|| {
            format!(
                "container {} ended with exit code {} ({})",
                container.name, terminated.exit_code, terminated.reason
            )
        });
    }
    let waiting = state.waiting.as_ref()?;
    let mut why = format!("container {}: {}", container.name, phrase(&waiting.reason, &waiting.message));
    if let Some(last) = &container.last_state.terminated {
        let often = match container.restart_count {
            0 => String::new(),
            1 => " and was restarted once".to_owned(),
            count => format!(" and was restarted {count} times"),
        };
        why.push_str(&format!("; it ended with exit code {} ({}){often}", last.exit_code, last.reason));
    }
    Some(why)
}

/// How soon a verdict can change although nothing happens.
pub(crate) const JUDGED_AGAIN_AFTER: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
