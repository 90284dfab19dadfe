//! A cluster in virtual time, and short ways to talk to it.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::kubernetes::{Cluster, ClusterShape, ImageBehaviour, WorkerShape};
use crate::wire::{Answer, Request};

/// A cluster with workers and a clock.
pub(super) struct World {
    pub(super) cluster: Cluster,
    pub(super) now: Timestamp,
}

pub(super) fn start() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

pub(super) fn worker(number: u8) -> WorkerShape {
    WorkerShape {
        name: format!("worker-{number}"),
        internal_ip: format!("10.0.0.{number}"),
        cpu_milli: 4000,
        allocatable_cpu_milli: 4000,
        memory_bytes: 16 << 30,
        allocatable_memory_bytes: 16 << 30,
        pods: 110,
        disks: 127,
        ..WorkerShape::default()
    }
}

pub(super) fn request(method: Method, path: &str, kind: &str, body: &Value) -> Request {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_str(kind).unwrap());
    let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    Request { method, path: path.to_owned(), query: query.to_owned(), headers, body }
}

impl World {
    pub(super) fn new(workers: u8) -> Self {
        let mut cluster = Cluster::new(ClusterShape::default(), start());
        cluster.set_workers((1..=workers).map(worker).collect(), start());
        Self { cluster, now: start() }
    }

    /// The same, with images that behave in their own ways.
    pub(super) fn with_images(workers: u8, images: &[(&str, ImageBehaviour)]) -> Self {
        let mut world = Self::new(workers);
        let images = images.iter().map(|(image, behaviour)| ((*image).to_owned(), *behaviour)).collect();
        world.cluster.configure(world.cluster.shape().times, images);
        world
    }

    pub(super) fn ask(&mut self, method: Method, path: &str, kind: &str, body: &Value) -> (u16, Value) {
        match self.cluster.handle(&request(method, path, kind, body), self.now) {
            Answer::Full(response) => {
                let body = serde_json::from_slice(&response.body)
                    .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&response.body).into_owned()));
                (response.status.as_u16(), body)
            }
            other => panic!("{other:?} is no finished answer"),
        }
    }

    pub(super) fn post(&mut self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.ask(Method::POST, path, "application/json", body);
        assert_eq!(status, 201, "{answer}");
        answer
    }

    pub(super) fn merge(&mut self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.ask(Method::PATCH, path, "application/merge-patch+json", body);
        assert_eq!(status, 200, "{answer}");
        answer
    }

    pub(super) fn get(&mut self, path: &str) -> Value {
        self.ask(Method::GET, path, "application/json", &Value::Null).1
    }

    pub(super) fn delete(&mut self, path: &str) -> Value {
        let (status, answer) = self.ask(Method::DELETE, path, "application/json", &Value::Null);
        assert_eq!(status, 200, "{answer}");
        answer
    }

    pub(super) fn pass(&mut self, seconds: i64) {
        self.now = self.now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
        self.cluster.advance(self.now);
    }

    /// The names of the objects at a path.
    pub(super) fn names(&mut self, path: &str) -> Vec<String> {
        let list = self.get(path);
        let items = list["items"].as_array().unwrap_or_else(|| panic!("{list} is no list"));
        items.iter().map(|one| one["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    }

    /// The first object at a path.
    pub(super) fn first(&mut self, path: &str) -> Value {
        let list = self.get(path);
        list["items"][0].clone()
    }
}

pub(super) const PODS: &str = "/api/v1/namespaces/default/pods";
pub(super) const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";
pub(super) const CLAIMS: &str = "/api/v1/namespaces/default/persistentvolumeclaims";
pub(super) const SERVICES: &str = "/api/v1/namespaces/default/services";

pub(super) fn template(name: &str, image: &str) -> Value {
    json!({
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [{"name": "main", "image": image}]},
    })
}

/// A workload of a kind with a selector that fits its template.
pub(super) fn workload(name: &str, replicas: i64) -> Value {
    json!({
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": template(name, "image:1"),
        },
    })
}

pub(super) fn claim(name: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}})
}
