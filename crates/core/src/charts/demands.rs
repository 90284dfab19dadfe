//! What the pods and claims of charts take.

use super::{needs_ingress, web_services};
use crate::placement::PodDemand;
use crate::quantity::{Bytes, MilliCpu, Resources};
use crate::spec::{NetworkSpec, ProviderKind};

pub(super) const fn request(millicpu: u64, mebibytes: u64) -> Resources {
    Resources { cpu: MilliCpu(millicpu), memory: Bytes::mebi(mebibytes) }
}

pub(super) const FILEBEAT: Resources = request(100, 100);
pub(super) const INGRESS: Resources = request(100, 90);
pub(super) const PROMETHEUS: Resources = request(500, 2048);
pub(super) const PROMETHEUS_DISK: Bytes = Bytes::gibi(50);
pub(super) const GRAFANA: Resources = request(100, 256);
pub(super) const PUSHGATEWAY: Resources = request(50, 64);
pub(super) const CHAOS_DAEMON: Resources = request(50, 128);
/// What the charts' own defaults request, rounded up: the operator, kube-state-metrics.
const PROMETHEUS_REST: Resources = request(200, 256);
const NODE_EXPORTER: Resources = request(50, 64);
/// Three controllers, the dashboard and the DNS server of chaos mesh.
const CHAOS_REST: Resources = request(200, 1280);

pub(super) fn pod(name: String, resources: Resources, disks: u32, apart: Option<&str>) -> PodDemand {
    PodDemand { name, resources, disks, apart: apart.map(str::to_owned), slot: None }
}

/// What chart pods request: those with a place to choose, and those that run on every worker.
#[must_use]
pub fn demands(spec: &NetworkSpec) -> (Vec<PodDemand>, Vec<Resources>) {
    let mut pods = Vec::new();
    let mut on_every_worker = Vec::new();
    let (web_services, log_shipper) = web_services::demands(spec);
    pods.extend(web_services);
    on_every_worker.extend(log_shipper);
    if needs_ingress(spec) {
        pods.push(pod("ingress-nginx".to_owned(), INGRESS, 0, None));
    }
    if let Some(logs) = &spec.logs {
        for replica in 0..logs.replicas {
            let name = format!("elasticsearch-{replica}");
            pods.push(pod(name, logs.elasticsearch, 1, Some("elasticsearch")));
        }
        pods.push(pod("kibana".to_owned(), logs.kibana, 0, None));
        on_every_worker.push(FILEBEAT);
    }
    if spec.metrics.is_some() {
        pods.push(pod("prometheus".to_owned(), PROMETHEUS, 1, None));
        pods.push(pod("grafana".to_owned(), GRAFANA, 0, None));
        pods.push(pod("prometheus-operator".to_owned(), PROMETHEUS_REST, 0, None));
        pods.push(pod("prometheus-pushgateway".to_owned(), PUSHGATEWAY, 0, None));
        // It listens on a port of the worker, where there is room for one; a shared cluster's workers are its owner's to watch.
        if spec.provider != ProviderKind::Kubernetes {
            on_every_worker.push(NODE_EXPORTER);
        }
    }
    if spec.chaos.is_some() {
        pods.push(pod("chaos-mesh".to_owned(), CHAOS_REST, 0, None));
        on_every_worker.push(CHAOS_DAEMON);
    }
    (pods, on_every_worker)
}

/// Disk that claims of charts take, and how many claims they are.
#[must_use]
pub fn claims(spec: &NetworkSpec) -> (Bytes, u32) {
    let logs = spec
        .logs
        .as_ref()
        .map_or((Bytes(0), 0), |logs| (logs.disk * u64::from(logs.replicas), logs.replicas));
    let metrics = if spec.metrics.is_some() { (PROMETHEUS_DISK, 1) } else { (Bytes(0), 0) };
    (logs.0 + metrics.0, logs.1 + metrics.1)
}
