//! A simulated Kubernetes cluster as its cloud sees it.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::bridge::CloudEvent;
use crate::{
    google::gke::cluster::{Cluster as GkeCluster, Pool, Worker},
    kubernetes::{
        Backend, CloudEffect, Cluster, ClusterShape, ImageBehaviour, Restoration, StartTimes, StreamUpdate,
        WorkerShape,
    },
    settings::Settings,
    wire::{Answer, Request},
    workloads::process::Process,
};

/// How many disks a worker takes.
const DISKS_PER_WORKER: u32 = 127;
const METADATA_LIST: HeaderValue =
    HeaderValue::from_static("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1");
const MEBIBYTE: u64 = 1024 * 1024;
const GIBIBYTE: u64 = 1024 * MEBIBYTE;

/// A cluster and which workers it was told of.
#[derive(Debug, Clone)]
pub(super) struct HostedCluster {
    cluster: Cluster,
    workers: Vec<String>,
}

impl HostedCluster {
    pub(super) fn new(gke: &GkeCluster, settings: &Settings, now: Timestamp) -> Self {
        Self { cluster: Cluster::new(shape(gke, settings), now), workers: Vec::new() }
    }

    pub(super) fn restore(gke: &GkeCluster, settings: &Settings, restoration: Restoration) -> Self {
        let workers = workers(gke).map(|(_, worker)| worker.name.clone()).collect();
        Self { cluster: restoration.finish(shape(gke, settings)), workers }
    }

    pub(super) fn configure(&mut self, settings: &Settings) {
        self.cluster.configure(start_times(settings), image_behaviours(settings));
    }

    pub(super) fn handle(&mut self, request: &Request, now: Timestamp) -> Answer {
        self.cluster.handle(request, now)
    }

    pub(super) fn advance(&mut self, now: Timestamp) {
        self.cluster.advance(now);
    }

    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.cluster.next_due()
    }

    pub(super) fn stream_next(&mut self, identifier: u64, now: Timestamp) -> StreamUpdate {
        self.cluster.stream_next(identifier, now)
    }

    pub(super) fn close_stream(&mut self, identifier: u64) {
        self.cluster.close_stream(identifier);
    }

    /// Hands the machines of the node pools over when they have changed.
    pub(super) fn set_workers(&mut self, gke: &GkeCluster, now: Timestamp) {
        let names: Vec<String> = workers(gke).map(|(_, worker)| worker.name.clone()).collect();
        if names == self.workers {
            return;
        }
        self.cluster
            .set_workers(workers(gke).map(|(pool, worker)| worker_shape(gke, pool, worker)).collect(), now);
        self.workers = names;
    }

    /// What the cluster asks of its cloud.
    pub(super) fn take_events(&mut self, id: &str) -> Vec<CloudEvent> {
        self.cluster.take_effects().into_iter().map(|effect| event(id, effect)).collect()
    }

    /// What changed in the cluster. Jobs among the changes that completed leave what their real programs would.
    pub(super) fn take_changes(&mut self, now: Timestamp) -> Vec<Value> {
        let mut changes = self.cluster.take_changes();
        let requests: Vec<Request> = changes.iter().filter_map(crate::workloads::jobs::outcome).collect();
        if !requests.is_empty() {
            for request in requests {
                let _ = self.cluster.handle(&request, now);
            }
            changes.extend(self.cluster.take_changes());
        }
        changes
    }

    pub(super) fn all_changes(&self) -> impl Iterator<Item = Value> + '_ {
        self.cluster.snapshot()
    }

    /// Every object of the cluster.
    pub(super) fn objects(&self) -> Vec<Value> {
        self.cluster.objects()
    }

    pub(super) fn set_load_balancer_address(&mut self, service_uid: &str, address: &str) {
        self.cluster.set_load_balancer_address(service_uid, address);
    }

    pub(super) fn inventory(&self) -> BTreeMap<String, Vec<String>> {
        self.cluster.inventory()
    }

    /// What a pod's container on a port was started with.
    pub(super) fn process(&self, namespace: &str, pod: &str, port: u16) -> Option<Process> {
        self.cluster.pod_backend(namespace, pod, port).map(process)
    }

    /// How many pods of a namespace have a label, counted up to a limit.
    pub(super) fn count_pods(
        &mut self,
        namespace: &str,
        label: (&str, &str),
        limit: u64,
        now: Timestamp,
    ) -> u64 {
        let (key, value) = label;
        let request = Request {
            method: Method::GET,
            path: format!("/api/v1/namespaces/{namespace}/pods"),
            query: format!("labelSelector={key}%3D{value}&limit={limit}"),
            headers: [(http::header::ACCEPT, METADATA_LIST)].into_iter().collect(),
            body: Bytes::new(),
        };
        let Answer::Full(response) = self.cluster.handle(&request, now) else { return 0 };
        let list: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        list["items"].as_array().map_or(0, |items| u64::try_from(items.len()).unwrap_or(limit))
    }

    /// What the Deployments of a namespace that have a label start, and since when.
    pub(super) fn deployed(&self, namespace: &str, label: (&str, &str)) -> Vec<(Timestamp, Process)> {
        let deployed = self.cluster.deployment_backends(namespace, label).into_iter();
        deployed.filter_map(|(created, backend)| Some((created.parse().ok()?, process(backend)))).collect()
    }

    /// What is behind a Service's port.
    pub(super) fn service_process(&self, namespace: &str, service: &str, port: u16) -> Option<Process> {
        self.cluster.service_backend(namespace, service, port).map(process)
    }
}

fn shape(gke: &GkeCluster, settings: &Settings) -> ClusterShape {
    let seed = gke
        .id
        .chars()
        .take(15)
        .fold(0_u64, |seed, digit| seed * 16 + u64::from(digit.to_digit(16).unwrap_or_default()));
    let third = 16 + gke.index;
    ClusterShape {
        name: gke.name.clone(),
        version: format!("v{}", gke.version),
        seed,
        times: start_times(settings),
        images: image_behaviours(settings),
        service_range: [34, 118_u8.saturating_add(third)],
        ..ClusterShape::default()
    }
}

fn start_times(settings: &Settings) -> StartTimes {
    StartTimes { pod_start_seconds: settings.pod_start_seconds, ..StartTimes::default() }
}

fn image_behaviours(settings: &Settings) -> BTreeMap<String, ImageBehaviour> {
    let missing = settings.missing_images.iter().map(|image| (image.clone(), ImageBehaviour::CannotPull));
    let crashing = settings.crashing_images.iter().map(|image| (image.clone(), ImageBehaviour::Crashes));
    missing.chain(crashing).collect()
}

fn workers(gke: &GkeCluster) -> impl Iterator<Item = (&Pool, &Worker)> {
    gke.pools.iter().flat_map(|pool| pool.workers.iter().map(move |worker| (pool, worker)))
}

fn worker_shape(gke: &GkeCluster, pool: &Pool, worker: &Worker) -> WorkerShape {
    let machine = pool.machine();
    let allocatable = machine.allocatable();
    WorkerShape {
        name: worker.name.clone(),
        internal_ip: worker.internal_ip.clone(),
        external_ip: Some(worker.external_ip.clone()),
        cpu_milli: machine.milli_cpus,
        allocatable_cpu_milli: allocatable.milli_cpus,
        memory_bytes: machine.memory_mib * MEBIBYTE,
        allocatable_memory_bytes: allocatable.memory_mib * MEBIBYTE,
        labels: worker_labels(pool, worker),
        pods: pool.max_pods(),
        disks: DISKS_PER_WORKER,
        provider_id: format!("gce://{}/{}/{}", crate::google::PROJECT, worker.zone, worker.name),
        kubelet_version: format!("v{}", gke.version),
    }
}

fn worker_labels(pool: &Pool, worker: &Worker) -> BTreeMap<String, String> {
    let region = crate::google::compute::catalog::region_of(&worker.zone);
    let mut labels: BTreeMap<String, String> = pool.map("labels").collect();
    for (key, value) in [
        ("cloud.google.com/gke-nodepool", pool.name.as_str()),
        ("node.kubernetes.io/instance-type", pool.machine_type()),
        ("topology.kubernetes.io/zone", worker.zone.as_str()),
        ("topology.kubernetes.io/region", region.as_str()),
    ] {
        labels.insert(key.to_owned(), value.to_owned());
    }
    labels
}

fn event(id: &str, effect: CloudEffect) -> CloudEvent {
    match effect {
        CloudEffect::DiskWanted { volume, claim, namespace, size_bytes, disk_type, .. } => {
            CloudEvent::DiskWanted {
                cluster: id.to_owned(),
                volume,
                namespace,
                claim,
                size_gib: size_bytes.div_ceil(GIBIBYTE),
                kind: disk_type,
                zone: None,
                labels: BTreeMap::new(),
            }
        }
        CloudEffect::DiskReleased { volume } => CloudEvent::DiskReleased { cluster: id.to_owned(), volume },
        CloudEffect::LoadBalancerWanted { service_uid, namespace, name, ports, .. } => {
            CloudEvent::LoadBalancerWanted {
                cluster: id.to_owned(),
                service_uid,
                namespace,
                service: name,
                ports: ports.into_iter().map(|port| port.port).collect(),
            }
        }
        CloudEffect::LoadBalancerReleased { service_uid, .. } => {
            CloudEvent::LoadBalancerReleased { service_uid }
        }
    }
}

/// A request that the cloud itself makes of the cluster's API.
pub(crate) fn internal_request(method: Method, path: &str, body: &Value) -> Request {
    let mut headers = HeaderMap::new();
    headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    Request {
        method,
        path: path.to_owned(),
        query: "fieldManager=job".to_owned(),
        headers,
        body: Bytes::from(json!(body).to_string()),
    }
}

/// What a container was started with.
fn process(backend: Backend) -> Process {
    let identity = backend.labels.get("name").cloned().unwrap_or(backend.pod);
    Process {
        image: backend.image,
        arguments: backend.command.into_iter().chain(backend.arguments).collect(),
        environment: backend.environment,
        files: with_bare_names(backend.files),
        identity,
        namespace: backend.namespace,
    }
}

/// Files by their paths, and by their bare names as well.
fn with_bare_names(files: BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
    let bare = |path: &String| path.rsplit('/').next().unwrap_or_default().to_owned();
    let mut named: BTreeMap<String, Vec<u8>> =
        files.iter().map(|(path, contents)| (bare(path), contents.clone())).collect();
    named.extend(files);
    named
}
