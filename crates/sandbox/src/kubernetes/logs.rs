//! What containers printed.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Cluster;
use super::object::{self, items, text, text_or_empty};
use super::resources::PODS;
use super::route::{Query, Target};
use super::status::{Failure, Outcome};
use super::store::Key;
use super::watching::{Followed, StreamUpdate};
use crate::wire::{Answer, Response, Stream};

/// One line and when it was printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogLine {
    at: Timestamp,
    text: String,
}

type Container = (String, String, String);

/// The lines that were set for containers, by namespace, pod and container.
#[derive(Debug, Clone, Default)]
pub(crate) struct Logs {
    lines: BTreeMap<Container, Vec<LogLine>>,
    changed: BTreeSet<Container>,
}

impl Logs {
    /// Forgets what the containers of a pod printed.
    pub(crate) fn forget(&mut self, namespace: &str, pod: &str) {
        let first = (namespace.to_owned(), pod.to_owned(), String::new());
        let gone: Vec<Container> = self
            .lines
            .range(first..)
            .take_while(|((in_namespace, of_pod, _), _)| in_namespace == namespace && of_pod == pod)
            .map(|(container, _)| container.clone())
            .collect();
        for container in gone {
            self.lines.remove(&container);
            self.changed.insert(container);
        }
    }

    fn change(&self, container: &Container) -> Value {
        json!({"log": container, "lines": self.lines.get(container)})
    }

    pub(crate) fn take_changes(&mut self) -> Vec<Value> {
        let changed = std::mem::take(&mut self.changed);
        changed.iter().map(|container| self.change(container)).collect()
    }

    pub(crate) fn snapshot(&self) -> impl Iterator<Item = Value> + '_ {
        self.lines.keys().map(|container| self.change(container))
    }

    pub(crate) fn restore(&mut self, change: &Value) {
        let container = change.get("log").and_then(|container| Container::deserialize(container).ok());
        let Some(container) = container else { return };
        match change.get("lines").and_then(|lines| Vec::<LogLine>::deserialize(lines).ok()) {
            Some(lines) => drop(self.lines.insert(container, lines)),
            None => drop(self.lines.remove(&container)),
        }
    }

    pub(crate) fn restored(&mut self) {
        self.changed.clear();
    }
}

impl Cluster {
    /// Sets what a container has printed up to now.
    pub fn set_pod_log(&mut self, namespace: &str, pod: &str, container: &str, lines: Vec<String>) {
        let place = (namespace.to_owned(), pod.to_owned(), container.to_owned());
        let at = self.now;
        let lines = lines.into_iter().map(|text| LogLine { at, text }).collect();
        self.logs.lines.insert(place.clone(), lines);
        self.logs.changed.insert(place);
    }

    /// Adds a line to what a container has printed.
    pub fn append_pod_log(&mut self, namespace: &str, pod: &str, container: &str, text: String) {
        let place = (namespace.to_owned(), pod.to_owned(), container.to_owned());
        let line = LogLine { at: self.now, text };
        self.logs.lines.entry(place.clone()).or_default().push(line);
        self.logs.changed.insert(place);
    }

    /// Answers with what a container printed.
    pub(super) fn pod_log(&mut self, target: &Target, query: &Query) -> Outcome<Answer> {
        let pod = self.store.object(&target.key()).ok_or_else(|| target.not_found())?;
        let container = chosen_container(&pod, query.get("container"))?;
        check_started(&pod, &container, query.flag("previous"))?;
        let lines = self.log_lines(&pod, &container);
        let text: Vec<Bytes> =
            selected(&lines, query, self.now).map(|line| shown(line, query.flag("timestamps"))).collect();
        let plain = HeaderValue::from_static("text/plain");
        if !query.flag("follow") {
            let mut body = text.concat();
            if let Some(limit) = query.number("limitBytes").and_then(|limit| usize::try_from(limit).ok()) {
                body.truncate(limit);
            }
            return Ok(Response::with_type(StatusCode::OK, plain, body.into()).into());
        }
        let identifier = self.streams.follow(Followed {
            namespace: target.namespace.clone(),
            pod: target.object_name().to_owned(),
            uid: object::uid(&pod).to_owned(),
            container,
            timestamps: query.flag("timestamps"),
            sent: lines.len(),
        });
        let head = Response::with_type(StatusCode::OK, plain, Bytes::new());
        Ok(Answer::Stream(Stream { head, first: text, identifier, closes_at: None }))
    }

    /// What was set for a container, or what any container prints at its start.
    fn log_lines(&self, pod: &Value, container: &str) -> Vec<LogLine> {
        let place = (object::namespace(pod).to_owned(), object::name(pod).to_owned(), container.to_owned());
        if let Some(lines) = self.logs.lines.get(&place) {
            return lines.clone();
        }
        let Some(status) = container_status(pod, container) else { return Vec::new() };
        let started =
            ["/state/running/startedAt", "/state/terminated/startedAt", "/lastState/terminated/startedAt"]
                .iter()
                .find_map(|pointer| object::instant(status, pointer))
                .unwrap_or(self.now);
        let image = text_or_empty(status, "/image");
        let mut lines = vec![LogLine { at: started, text: format!("started {image}") }];
        if let Some(ended) = object::instant(status, "/state/terminated/finishedAt") {
            let code = object::whole(status, "/state/terminated/exitCode").unwrap_or(0);
            lines.push(LogLine { at: ended, text: format!("exited with code {code}") });
        }
        lines
    }

    /// What a followed log has to send; it ends with its container.
    pub(super) fn followed_next(&mut self, identifier: u64) -> StreamUpdate {
        let Some(followed) = self.streams.followed(identifier).cloned() else {
            return StreamUpdate { lines: Vec::new(), closed: true };
        };
        let key = Key::new(PODS, &followed.namespace, &followed.pod);
        let pod = self.store.object(&key).filter(|pod| object::uid(pod) == followed.uid);
        let Some(pod) = pod else {
            self.close_stream(identifier);
            return StreamUpdate { lines: Vec::new(), closed: true };
        };
        let lines = self.log_lines(&pod, &followed.container);
        let new = lines.iter().skip(followed.sent).map(|line| shown(line, followed.timestamps)).collect();
        let running = container_status(&pod, &followed.container)
            .is_some_and(|status| status.pointer("/state/terminated").is_none());
        if running {
            if let Some(followed) = self.streams.followed(identifier) {
                followed.sent = lines.len();
            }
        } else {
            self.close_stream(identifier);
        }
        StreamUpdate { lines: new, closed: !running }
    }
}

fn shown(line: &LogLine, timestamps: bool) -> Bytes {
    let text = if timestamps {
        format!("{} {}\n", line.at.strftime("%Y-%m-%dT%H:%M:%S.%9fZ"), line.text)
    } else {
        format!("{}\n", line.text)
    };
    text.into()
}

fn selected<'a>(
    lines: &'a [LogLine],
    query: &Query,
    now: Timestamp,
) -> impl Iterator<Item = &'a LogLine> + use<'a> {
    let since = query
        .number("sinceSeconds")
        .and_then(|seconds| now.checked_sub(jiff::SignedDuration::from_secs(seconds)).ok())
        .or_else(|| query.get("sinceTime").parse().ok());
    let recent: Vec<&LogLine> =
        lines.iter().filter(|line| since.is_none_or(|since| line.at >= since)).collect();
    let tail =
        query.number("tailLines").and_then(|count| usize::try_from(count).ok()).unwrap_or(recent.len());
    let skipped = recent.len().saturating_sub(tail);
    recent.into_iter().skip(skipped)
}

fn container_names(pod: &Value) -> impl Iterator<Item = &str> {
    items(pod, "/spec/containers")
        .iter()
        .chain(items(pod, "/spec/initContainers"))
        .map(|container| text_or_empty(container, "/name"))
}

fn chosen_container(pod: &Value, asked: &str) -> Outcome<String> {
    let name = object::name(pod);
    if !asked.is_empty() {
        if container_names(pod).any(|one| one == asked) {
            return Ok(asked.to_owned());
        }
        return Err(Failure::bad_request(format!("container {asked} is not valid for pod {name}")));
    }
    match items(pod, "/spec/containers") {
        [only] => Ok(text_or_empty(only, "/name").to_owned()),
        containers => {
            let list: Vec<&str> = containers.iter().map(|one| text_or_empty(one, "/name")).collect();
            let list = list.join(" ");
            Err(Failure::bad_request(format!(
                "a container name must be specified for pod {name}, choose one of: [{list}]"
            )))
        }
    }
}

fn container_status<'a>(pod: &'a Value, container: &str) -> Option<&'a Value> {
    items(pod, "/status/containerStatuses")
        .iter()
        .chain(items(pod, "/status/initContainerStatuses"))
        .find(|status| text(status, "/name") == Some(container))
}

fn check_started(pod: &Value, container: &str, previous: bool) -> Outcome<()> {
    let name = object::name(pod);
    if text_or_empty(pod, "/spec/nodeName").is_empty() {
        return Err(Failure::bad_request(format!("pod {name} does not have a host assigned")));
    }
    let status = container_status(pod, container).unwrap_or(&Value::Null);
    if previous {
        if status.pointer("/lastState/terminated").is_some() {
            return Ok(());
        }
        let namespace = object::namespace(pod);
        return Err(Failure::bad_request(format!(
            "previous terminated container {container:?} in pod \"{name}\" not found (namespace {namespace})"
        )));
    }
    let has_run = ["/state/running", "/state/terminated", "/lastState/terminated"]
        .iter()
        .any(|state| status.pointer(state).is_some());
    if has_run {
        return Ok(());
    }
    let reason = text(status, "/state/waiting/reason").unwrap_or("ContainerCreating");
    let why = match reason {
        "ImagePullBackOff" | "ErrImagePull" => "trying and failing to pull image".to_owned(),
        reason => reason.to_owned(),
    };
    Err(Failure::bad_request(format!("container {container:?} in pod {name:?} is waiting to start: {why}")))
}
