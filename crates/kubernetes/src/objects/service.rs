//! How a workload is reached and scraped.

use serde_json::{Value, json};
use spacecraft_core::workload::{Part, ServiceExposure, ServicePort, ServiceSpec, Workload};

use super::{Manifest, Target, at, labels, set};
use crate::resource::{POD_MONITOR, SERVICE};

/// The name of the container port that Prometheus scrapes.
const METRICS_PORT: &str = "metrics";

/// One Service in front of the workload.
///
/// Node ports of nodes keep the caller's address (`externalTrafficPolicy: Local`), so that a NetworkPolicy can tell who
/// calls; they answer on the worker of the node's pod, which is the address that is told. Other node ports answer on every worker.
pub(super) fn service(target: &Target, workload: &Workload, spec: &ServiceSpec) -> Manifest {
    let network = target.network.as_str();
    let mut content = json!({
        "spec": {
            "type": match spec.exposure {
                ServiceExposure::ClusterIp => "ClusterIP",
                ServiceExposure::NodePort => "NodePort",
            },
            "selector": labels::selecting(network, &workload.name),
            "ports": spec.ports.iter().map(|port| service_port(port, spec.exposure)).collect::<Vec<_>>(),
        },
    });
    if let (ServiceExposure::NodePort, Some(fields)) = (spec.exposure, content.get_mut("spec")) {
        let policy = if matches!(workload.part, Part::Node { .. }) { "Local" } else { "Cluster" };
        set(fields, "externalTrafficPolicy", json!(policy));
    }
    let labels = labels::of_workload(network, &workload.name, workload.part);
    Manifest::new(at(target, SERVICE, &spec.name), &labels, content)
}

fn service_port(port: &ServicePort, exposure: ServiceExposure) -> Value {
    let mut value =
        json!({ "name": port.name, "port": port.port, "targetPort": port.port, "protocol": "TCP" });
    if let (ServiceExposure::NodePort, Some(node_port)) = (exposure, port.node_port) {
        set(&mut value, "nodePort", json!(node_port));
    }
    value
}

/// The PodMonitor that has Prometheus scrape the port `metrics`; none for workloads that are not monitored.
pub(super) fn monitor(target: &Target, workload: &Workload) -> Option<Manifest> {
    if !workload.monitored {
        return None;
    }
    let network = target.network.as_str();
    let content = json!({
        "spec": {
            "selector": { "matchLabels": labels::selecting(network, &workload.name) },
            "podMetricsEndpoints": [{ "port": METRICS_PORT }],
            "podTargetLabels": [labels::NAME, labels::APPLICATION],
        },
    });
    let labels = labels::of_workload(network, &workload.name, workload.part);
    Some(Manifest::new(at(target, POD_MONITOR, &workload.name), &labels, content))
}
