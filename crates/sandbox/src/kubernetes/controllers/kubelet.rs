//! The kubelets: pods that are bound to a worker start, run, end and stop.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::kubernetes::Cluster;
use crate::kubernetes::object::{self, flag, items, set, text, text_or_empty, whole};
use crate::kubernetes::queue::Task;
use crate::kubernetes::resources::{CLAIMS, CONFIG_MAPS, NODES, PODS, SECRETS};
use crate::kubernetes::shape::ImageBehaviour;
use crate::kubernetes::store::Key;
use crate::moment::seconds_after;

/// How often a pod that cannot start is looked at again.
const RETRY_SECONDS: i64 = 5;

/// How often a failed pull is tried again.
const PULL_RETRY_SECONDS: i64 = 60;

/// How long a container that crashes runs first.
const CRASH_SECONDS: i64 = 2;

impl Cluster {
    /// Does the next thing with a pod that is bound to a worker.
    pub(super) fn run_pod(&mut self, namespace: &str, name: &str) {
        let key = Key::new(PODS, namespace, name);
        let Some(pod) = self.store.object(&key) else { return };
        if text_or_empty(&pod, "/spec/nodeName").is_empty() {
            return;
        }
        if object::is_terminating(&pod) {
            return self.stop_pod(&key, &pod);
        }
        match text_or_empty(&pod, "/status/phase") {
            "Succeeded" | "Failed" => {}
            "Running" => self.continue_pod(&key, &pod),
            _ => self.start_pod(&key, &pod),
        }
    }

    fn again_at(&mut self, key: &Key, at: Timestamp) {
        let task = Task::Kubelet { namespace: key.namespace.clone(), name: key.name.clone() };
        self.queue.add(task, at);
    }

    /// Ends the containers of a pod that is deleted, and the pod with them.
    fn stop_pod(&mut self, key: &Key, pod: &Value) {
        let grace = whole(pod, "/metadata/deletionGracePeriodSeconds").unwrap_or(0);
        let ends = object::instant(pod, "/metadata/deletionTimestamp").unwrap_or(self.now);
        let asked = ends.checked_sub(jiff::SignedDuration::from_secs(grace)).unwrap_or(ends);
        let due = seconds_after(asked, self.shape.times.pod_stop_seconds).min(ends);
        let started = text(pod, "/status/phase") == Some("Running");
        if started && due > self.now {
            return self.again_at(key, due);
        }
        if items(pod, "/metadata/finalizers").is_empty() {
            self.erase(key);
        } else if grace > 0 {
            let now = self.now;
            self.edit(key, |pod| {
                set(pod, "/metadata/deletionGracePeriodSeconds", 0);
                set_ready(pod, false, "PodFailed", now);
            });
        }
    }

    /// Brings a pod from bound to running.
    fn start_pod(&mut self, key: &Key, pod: &Value) {
        let Some(started) = object::instant(pod, "/status/startTime") else {
            return self.accept_pod(key, pod);
        };
        if let Some((reason, message)) = self.cannot_start(pod) {
            self.say_waiting(key, pod, reason, &message);
            let retry = self.later(RETRY_SECONDS);
            return self.again_at(key, retry);
        }
        if let Some(image) = self.unpullable_image(pod) {
            return self.fail_pull(key, pod, &image, started);
        }
        let due = seconds_after(started, self.shape.times.pod_start_seconds);
        if due > self.now {
            return self.again_at(key, due);
        }
        self.run_containers(key, pod);
    }

    /// Notes that the kubelet has seen the pod.
    fn accept_pod(&mut self, key: &Key, pod: &Value) {
        let now = self.now;
        let host = self.host_address(text_or_empty(pod, "/spec/nodeName"));
        let waiting = if items(pod, "/spec/initContainers").is_empty() {
            "ContainerCreating"
        } else {
            "PodInitializing"
        };
        self.edit(key, |pod| {
            set(pod, "/status/startTime", object::written(now));
            set(pod, "/status/hostIP", host.as_str());
            set(pod, "/status/hostIPs", json!([{"ip": host}]));
            set(pod, "/status/observedGeneration", whole(pod, "/metadata/generation").unwrap_or(1));
            for (kind, status) in [("PodReadyToStartContainers", "False"), ("Initialized", "True")] {
                let condition = json!({"type": kind, "status": status, "lastProbeTime": null});
                object::set_condition(pod, condition, now);
            }
            set_ready(pod, false, "ContainersNotReady", now);
            let statuses = |list: &str| -> Vec<Value> {
                items(pod, list).iter().map(|container| waiting_status(container, waiting, "")).collect()
            };
            let (containers, init) = (statuses("/spec/containers"), statuses("/spec/initContainers"));
            set(pod, "/status/containerStatuses", containers);
            if !init.is_empty() {
                set(pod, "/status/initContainerStatuses", init);
            }
        });
    }

    fn host_address(&self, node: &str) -> String {
        let node = self.store.object(&Key::new(NODES, "", node)).unwrap_or_default();
        let internal =
            items(&node, "/status/addresses").iter().find(|one| text(one, "/type") == Some("InternalIP"));
        internal.and_then(|one| text(one, "/address")).unwrap_or_default().to_owned()
    }

    /// What a pod still lacks: its volumes, or the ConfigMaps and Secrets that it needs.
    fn cannot_start(&self, pod: &Value) -> Option<(&'static str, String)> {
        let namespace = object::namespace(pod);
        let brief = crate::kubernetes::brief::PodBrief::of(pod);
        for need in &brief.needs {
            let (resource, word) = if need.secret { (SECRETS, "secret") } else { (CONFIG_MAPS, "configmap") };
            if self.store.get(&Key::new(resource, namespace, &need.name)).is_some() {
                continue;
            }
            let missing = format!("{word} {:?} not found", need.name);
            return Some(match need.mounted {
                true => ("ContainerCreating", format!("MountVolume.SetUp failed: {missing}")),
                false => ("CreateContainerConfigError", missing),
            });
        }
        for claim in &brief.claims {
            let claim = self.store.object(&Key::new(CLAIMS, namespace, claim)).unwrap_or_default();
            if text(&claim, "/status/phase") != Some("Bound") {
                return Some(("ContainerCreating", String::new()));
            }
        }
        None
    }

    fn say_waiting(&mut self, key: &Key, pod: &Value, reason: &str, message: &str) {
        if reason == "CreateContainerConfigError" {
            self.edit(key, |pod| set_all_waiting(pod, reason, message));
            self.tell(pod, "Warning", "Failed", &format!("Error: {message}"), "kubelet");
        } else if !message.is_empty() {
            self.tell(pod, "Warning", "FailedMount", message, "kubelet");
        }
    }

    /// How the containers of an image behave: by its whole reference, or that without tag.
    fn behaviour(&self, image: &str) -> ImageBehaviour {
        let images = &self.shape.images;
        let untagged = image.rsplit_once(':').map_or(image, |(name, _)| name);
        images.get(image).or_else(|| images.get(untagged)).copied().unwrap_or(ImageBehaviour::Runs)
    }

    fn unpullable_image(&self, pod: &Value) -> Option<String> {
        items(pod, "/spec/initContainers")
            .iter()
            .chain(items(pod, "/spec/containers"))
            .map(|container| text_or_empty(container, "/image"))
            .find(|image| self.behaviour(image) == ImageBehaviour::CannotPull)
            .map(str::to_owned)
    }

    /// Says that an image cannot be pulled: at first that it failed, later that it is tried less often. Which of both
    /// depends on the time alone, so that looking twice at one instant says the same.
    fn fail_pull(&mut self, key: &Key, pod: &Value, image: &str, started: Timestamp) {
        let second_try =
            started.checked_add(jiff::SignedDuration::from_secs(RETRY_SECONDS)).unwrap_or(started);
        let tried = second_try <= self.now;
        let error = format!("failed to pull and unpack image {image:?}: not found");
        let (reason, message) = if tried {
            ("ImagePullBackOff", format!("Back-off pulling image {image:?}: ErrImagePull: {error}"))
        } else {
            ("ErrImagePull", error.clone())
        };
        self.edit(key, |pod| {
            for status in statuses_mut(pod).filter(|status| text(status, "/image") == Some(image)) {
                set(status, "/state", json!({"waiting": {"reason": reason, "message": message}}));
            }
        });
        let told = format!("Failed to pull image {image:?}: {error}");
        self.tell(pod, "Warning", "Failed", &told, "kubelet");
        let retry = if tried { self.later(PULL_RETRY_SECONDS) } else { second_try };
        self.again_at(key, retry);
    }

    /// Starts all containers: init containers have ended by then.
    fn run_containers(&mut self, key: &Key, pod: &Value) {
        let now = self.now;
        let address = if flag(pod, "/spec/hostNetwork") {
            text_or_empty(pod, "/status/hostIP").to_owned()
        } else {
            self.pod_address()
        };
        let mark = self.mint.hex(64);
        let ready = !self.has(pod, ImageBehaviour::NeverReady);
        self.edit(key, |pod| {
            set(pod, "/status/phase", "Running");
            set(pod, "/status/podIP", address.as_str());
            set(pod, "/status/podIPs", json!([{"ip": address}]));
            let condition =
                json!({"type": "PodReadyToStartContainers", "status": "True", "lastProbeTime": null});
            object::set_condition(pod, condition, now);
            start_statuses(pod, &mark, ready, now);
            set_ready(pod, ready, "ContainersNotReady", now);
        });
        for container in items(pod, "/spec/containers") {
            let name = text_or_empty(container, "/name");
            self.tell(pod, "Normal", "Started", &format!("Started container {name}"), "kubelet");
        }
    }

    /// An address that no running pod has: the count of writes, as far as it fits.
    fn pod_address(&self) -> String {
        let [.., second, third, fourth] = self.store.revision().to_be_bytes();
        format!("10.{}.{third}.{fourth}", 8 + second % 8)
    }

    fn has(&self, pod: &Value, behaviour: ImageBehaviour) -> bool {
        items(pod, "/spec/containers")
            .iter()
            .any(|one| self.behaviour(text_or_empty(one, "/image")) == behaviour)
    }

    /// Ends or restarts what does not run on.
    fn continue_pod(&mut self, key: &Key, pod: &Value) {
        let stays = text(pod, "/spec/restartPolicy") == Some("Always");
        let fails = self.has(pod, ImageBehaviour::Fails) || self.has(pod, ImageBehaviour::Crashes);
        let ends = self.has(pod, ImageBehaviour::Completes);
        if stays && !fails && !ends {
            return self.refresh_readiness(key, pod);
        }
        let exit_code = i64::from(fails);
        let restarts = stays || (fails && text(pod, "/spec/restartPolicy") == Some("OnFailure"));
        let Some(status) = items(pod, "/status/containerStatuses").first() else { return };
        if let Some(started) = object::instant(status, "/state/running/startedAt") {
            let seconds = if restarts { CRASH_SECONDS as f64 } else { self.shape.times.job_seconds };
            let due = seconds_after(started, seconds);
            if due > self.now {
                self.again_at(key, due);
            } else if restarts {
                self.crash(key, pod, exit_code);
            } else {
                self.end_pod(key, exit_code);
            }
        } else if let Some(ended) = object::instant(status, "/lastState/terminated/finishedAt") {
            let due = seconds_after(ended, backoff_seconds(whole(status, "/restartCount").unwrap_or(0)));
            if due > self.now {
                self.again_at(key, due);
            } else {
                self.restart(key);
            }
        }
    }

    /// Follows what was configured for the images of a running pod: ready, or never.
    fn refresh_readiness(&mut self, key: &Key, pod: &Value) {
        let ready = !self.has(pod, ImageBehaviour::NeverReady);
        let is_ready =
            object::condition(pod, "Ready").is_some_and(|one| text(one, "/status") == Some("True"));
        if ready == is_ready {
            return;
        }
        let now = self.now;
        self.edit(key, |pod| {
            for status in statuses_mut(pod).filter(|status| status.pointer("/state/running").is_some()) {
                set(status, "/ready", ready);
            }
            set_ready(pod, ready, "ContainersNotReady", now);
        });
    }

    fn crash(&mut self, key: &Key, pod: &Value, exit_code: i64) {
        let now = self.now;
        let name = key.name.clone();
        self.edit(key, |pod| {
            for status in statuses_mut(pod).filter(|status| status.pointer("/state/running").is_some()) {
                let ended = ended_state(status, exit_code, now);
                let backoff = "back-off restarting failed container";
                set(status, "/lastState", json!({"terminated": ended}));
                set(
                    status,
                    "/state",
                    json!({"waiting": {"reason": "CrashLoopBackOff",
                    "message": format!("{backoff} of pod {name}")}}),
                );
                set(status, "/ready", false);
                set(status, "/started", false);
            }
            set_ready(pod, false, "ContainersNotReady", now);
        });
        self.tell(pod, "Warning", "BackOff", "Back-off restarting failed container", "kubelet");
    }

    fn restart(&mut self, key: &Key) {
        let now = self.now;
        self.edit(key, |pod| {
            for status in statuses_mut(pod).filter(|status| status.pointer("/state/waiting").is_some()) {
                let count = whole(status, "/restartCount").unwrap_or(0) + 1;
                set(status, "/restartCount", count);
                set(status, "/state", json!({"running": {"startedAt": object::written(now)}}));
                set(status, "/started", true);
            }
        });
    }

    fn end_pod(&mut self, key: &Key, exit_code: i64) {
        let now = self.now;
        self.edit(key, |pod| {
            set(pod, "/status/phase", if exit_code == 0 { "Succeeded" } else { "Failed" });
            for status in statuses_mut(pod).filter(|status| status.pointer("/state/running").is_some()) {
                let ended = ended_state(status, exit_code, now);
                set(status, "/state", json!({"terminated": ended}));
                set(status, "/ready", false);
                set(status, "/started", false);
            }
            set_ready(pod, false, if exit_code == 0 { "PodCompleted" } else { "PodFailed" }, now);
        });
    }
}

fn waiting_status(container: &Value, reason: &str, message: &str) -> Value {
    let mut status = json!({
        "name": text_or_empty(container, "/name"),
        "image": text_or_empty(container, "/image"),
        "imageID": "",
        "ready": false,
        "started": false,
        "restartCount": 0,
        "state": {"waiting": {"reason": reason}},
        "lastState": {},
    });
    if !message.is_empty() {
        set(&mut status, "/state/waiting/message", message);
    }
    status
}

fn statuses_mut(pod: &mut Value) -> impl Iterator<Item = &mut Value> {
    pod.pointer_mut("/status/containerStatuses").and_then(Value::as_array_mut).into_iter().flatten()
}

fn set_all_waiting(pod: &mut Value, reason: &str, message: &str) {
    for status in statuses_mut(pod) {
        set(status, "/state", json!({"waiting": {"reason": reason, "message": message}}));
    }
}

fn start_statuses(pod: &mut Value, mark: &str, ready: bool, now: Timestamp) {
    let at = object::written(now);
    let container_id = |status: &Value| format!("containerd://{mark}-{}", text_or_empty(status, "/name"));
    for status in statuses_mut(pod) {
        let identifier = container_id(status);
        let image = text_or_empty(status, "/image").to_owned();
        set(status, "/state", json!({"running": {"startedAt": at}}));
        set(status, "/ready", ready);
        set(status, "/started", true);
        set(status, "/containerID", identifier);
        set(status, "/imageID", format!("{image}@simulated"));
    }
    let init = pod.pointer_mut("/status/initContainerStatuses").and_then(Value::as_array_mut);
    for status in init.into_iter().flatten() {
        let identifier = container_id(status);
        set(
            status,
            "/state",
            json!({"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": at,
            "finishedAt": at, "containerID": identifier}}),
        );
        set(status, "/ready", true);
    }
}

fn ended_state(status: &Value, exit_code: i64, now: Timestamp) -> Value {
    json!({
        "exitCode": exit_code,
        "reason": if exit_code == 0 { "Completed" } else { "Error" },
        "startedAt": text_or_empty(status, "/state/running/startedAt"),
        "finishedAt": object::written(now),
        "containerID": text_or_empty(status, "/containerID"),
    })
}

/// Sets whether the pod and its containers are ready.
fn set_ready(pod: &mut Value, ready: bool, reason: &str, now: Timestamp) {
    let names: Vec<&str> =
        items(pod, "/spec/containers").iter().map(|one| text_or_empty(one, "/name")).collect();
    let message = format!("containers with unready status: [{}]", names.join(" "));
    for kind in ["Ready", "ContainersReady"] {
        let condition = if ready {
            json!({"type": kind, "status": "True", "lastProbeTime": null})
        } else if reason == "ContainersNotReady" {
            json!({"type": kind, "status": "False", "reason": reason, "message": message, "lastProbeTime": null})
        } else {
            json!({"type": kind, "status": "False", "reason": reason, "lastProbeTime": null})
        };
        object::set_condition(pod, condition, now);
    }
}

/// How long a container that crashed this many times waits before it starts again: doubling, up to five minutes.
fn backoff_seconds(restarts: i64) -> f64 {
    let doublings = u32::try_from(restarts).unwrap_or(0).min(5);
    (10.0 * f64::from(2_u32.pow(doublings))).min(300.0)
}
