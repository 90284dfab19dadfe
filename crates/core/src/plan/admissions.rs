//! Which pods reach which ports of the network's pods: what its NetworkPolicies say.
//!
//! Policies see the container's port and the address of the caller's pod. Kubelets reach the pods of their own worker under every policy, and so do tunnels through the
//! Kubernetes API, which end inside the pod. Node ports of nodes keep the caller's address, so that a policy can tell ranges apart.

use serde_json::Value;

use super::exposure::speaks_quic;
use super::support::{BEACON, BEACON_PORT, beacon_url};
use crate::charts::{self, Namespaces};
use crate::generation::{GRPC_PORT, JSON_PORT, METRICS_PORT, REST_PORT};
use crate::spec::NetworkSpec;
use crate::workload::{Admission, AdmittedPort, Callers, GuardedNamespace, Part, Protocol, Role};

/// The port at which the operator of Prometheus is asked by the API server whether a rule is well-formed. The API server calls from outside all pods' ranges.
const OPERATOR_WEBHOOK_PORT: u16 = 10_250;

/// The namespaces of the network that are closed, with who may reach what in them. `poets_open` is false in v0 until the PoETs were activated.
#[must_use]
pub fn guarded_namespaces(spec: &NetworkSpec, poets_open: bool) -> Vec<GuardedNamespace> {
    let namespaces = Namespaces::of(spec);
    let mut own = admissions_to_nodes(spec, &namespaces);
    own.extend(
        poets_open.then(|| admission(Some(POET), AdmittedPort::Number(REST_PORT), Callers::Everybody)),
    );
    own.extend(admissions_to_support(spec, &namespaces));
    own.extend(admissions_to_logs(spec, &namespaces));
    let metrics = spec.metrics.iter().map(|_| GuardedNamespace {
        namespace: namespaces.metrics.clone(),
        admissions: admissions_to_metrics(spec, &namespaces),
    });
    let web_services = spec.web_services.iter().map(|_| GuardedNamespace {
        namespace: namespaces.web_services.clone(),
        admissions: admissions_to_web_services(spec, &namespaces),
    });
    let network = GuardedNamespace { namespace: namespaces.network.clone(), admissions: own };
    std::iter::once(network).chain(metrics).chain(web_services).collect()
}

/// The closed namespaces of a network without nodes and PoETs, of which logs and metrics are left.
#[must_use]
pub(crate) fn guarded_remains(spec: &NetworkSpec) -> Vec<GuardedNamespace> {
    let mut guarded = guarded_namespaces(spec, false);
    for namespace in &mut guarded {
        namespace.admissions.retain(|admission| {
            !admission.application.as_deref().is_some_and(|application| [NODE, BEACON].contains(&application))
        });
    }
    guarded
}

const NODE: &str = Part::Node { number: 0, role: Role::Miner }.application();
const POET: &str = Part::Poet { number: 0 }.application();

fn admission(application: Option<&str>, port: AdmittedPort, callers: Callers) -> Admission {
    Admission { application: application.map(str::to_owned), port, callers }
}

fn pods_of(namespace: &str) -> Callers {
    Callers::Pods { namespace: namespace.to_owned(), application: None }
}

fn admissions_to_nodes(spec: &NetworkSpec, namespaces: &Namespaces) -> Vec<Admission> {
    let to_nodes = |port: AdmittedPort, callers: Callers| admission(Some(NODE), port, callers);
    let mut admissions = vec![to_nodes(AdmittedPort::Host(Protocol::Tcp), Callers::Everybody)];
    if speaks_quic(spec) {
        admissions.push(to_nodes(AdmittedPort::Host(Protocol::Udp), Callers::Everybody));
    }
    let ranges = &spec.exposure.allow_from;
    if !ranges.is_empty() {
        let ports = [Some(GRPC_PORT), spec.node.json_api.then_some(JSON_PORT)];
        let to_ranges = |port| to_nodes(AdmittedPort::Number(port), Callers::Ranges(ranges.clone()));
        admissions.extend(ports.into_iter().flatten().map(to_ranges));
    }
    if spec.metrics.is_some() {
        admissions.push(to_nodes(AdmittedPort::Number(METRICS_PORT), pods_of(&namespaces.metrics)));
    }
    admissions
}

/// The nodes of web services ask for the beacon where the network's own do.
fn admissions_to_support(spec: &NetworkSpec, namespaces: &Namespaces) -> Option<Admission> {
    let asked = spec.web_services.is_some() && beacon_url(spec).is_some();
    let callers = pods_of(&namespaces.web_services);
    asked.then(|| admission(Some(BEACON), AdmittedPort::Number(BEACON_PORT), callers))
}

fn admissions_to_logs(spec: &NetworkSpec, namespaces: &Namespaces) -> Vec<Admission> {
    if spec.logs.is_none() {
        return Vec::new();
    }
    let kibana = charts::is_published(spec).then(|| {
        admission(
            Some(charts::KIBANA),
            AdmittedPort::Number(charts::KIBANA_PORT),
            ingress_controller(spec, namespaces),
        )
    });
    // Pods on the host network call from the addresses of workers, which come and go.
    let shipper = is_set(spec, "filebeat", "/daemonset/hostNetworking").then(|| {
        admission(
            Some(charts::ELASTICSEARCH),
            AdmittedPort::Number(charts::ELASTICSEARCH_PORT),
            Callers::Everybody,
        )
    });
    kibana.into_iter().chain(shipper).collect()
}

fn admissions_to_metrics(spec: &NetworkSpec, namespaces: &Namespaces) -> Vec<Admission> {
    let to_all = |port: u16, callers: Callers| admission(None, AdmittedPort::Number(port), callers);
    let nodes = Callers::Pods { namespace: namespaces.network.clone(), application: Some(NODE.to_owned()) };
    let mut admissions =
        vec![to_all(charts::PUSH_GATEWAY_PORT, nodes), to_all(OPERATOR_WEBHOOK_PORT, Callers::Everybody)];
    if charts::is_published(spec) {
        admissions.push(to_all(charts::GRAFANA_PORT, ingress_controller(spec, namespaces)));
    }
    admissions
}

/// The ingress controller reaches what web services serve; charts of other versions than the default ones, or with values or patches of the operator's own, may serve it at
/// other ports. From another repository the same version is the same chart.
fn admissions_to_web_services(spec: &NetworkSpec, namespaces: &Namespaces) -> Vec<Admission> {
    let mut overrides = charts::WEB_SERVICE_CHARTS.into_iter().filter_map(|chart| spec.charts.get(chart));
    let is_changed =
        overrides.any(|chart| chart.version.is_some() || chart.values.is_some() || !chart.patches.is_empty());
    let ports: Vec<AdmittedPort> = if is_changed {
        vec![AdmittedPort::All]
    } else {
        charts::WEB_SERVICE_PORTS.map(AdmittedPort::Number).to_vec()
    };
    let to_all = |port| admission(None, port, ingress_controller(spec, namespaces));
    ports.into_iter().map(to_all).collect()
}

/// The pods of the ingress controller. On the host network it calls from the addresses of workers, which no policy can name.
fn ingress_controller(spec: &NetworkSpec, namespaces: &Namespaces) -> Callers {
    if is_set(spec, "ingress-nginx", "/controller/hostNetwork") {
        Callers::Everybody
    } else {
        pods_of(&namespaces.ingress)
    }
}

/// Whether the operator's own values of a chart switch something on.
fn is_set(spec: &NetworkSpec, chart: &str, pointer: &str) -> bool {
    let values = spec.charts.get(chart).and_then(|changed| changed.values.as_ref());
    values.and_then(|values| values.pointer(pointer)).and_then(Value::as_bool) == Some(true)
}
