use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::error::Result;
use crate::generation::{BeaconFacts, GRPC_PORT, Profile};
use crate::identity::Genesis;
use crate::image::ImageReference;
use crate::placement::PodDemand;
use crate::quantity::{Bytes, Resources};
use crate::spec::{Generation, NetworkSpec};
use crate::workload::{
    ConfigFile, ContainerPort, DataVolume, Foundation, GuardedNamespace, Part, Probe, Protocol,
    SecretVariable, ServiceExposure, ServicePort, ServiceSpec, Workload,
};

use super::{Plan, SMALL};

/// The name of the web server of the epoch-2 beacon.
pub const BEACON: &str = "beacon";

/// The name of spacemesh-watch.
pub const WATCH: &str = "spacemesh-watch";

/// The Secret that holds the Slack token of spacemesh-watch, under the key `slack-token`.
pub const WATCH_SECRET: &str = "spacemesh-watch-slack";

/// The name of the profiler.
pub const PYROSCOPE: &str = "pyroscope";

/// Where the beacon's web server finds its files.
const BEACON_DIRECTORY: &str = "/usr/share/nginx/html";

pub(super) const BEACON_PORT: u16 = 8080;
const PYROSCOPE_PORT: u16 = 4040;
const PYROSCOPE_DISK: Bytes = Bytes::gibi(10);

/// A web server that runs without root on a read-only root file system.
const WEB_SERVER: &str = "nginxinc/nginx-unprivileged:1.29.3-alpine";

/// Where nodes of a v1 network poll for the epoch-2 beacon; none in v0, which has no such service.
#[must_use]
pub fn beacon_url(spec: &NetworkSpec) -> Option<String> {
    let served = spec.generation == Generation::V1 && spec.fleet.bootstrap;
    served.then(|| format!("http://{BEACON}.{}.svc:{BEACON_PORT}", spec.cluster.namespace))
}

/// The files of the beacon's web server; none where there is no beacon.
///
/// # Errors
///
/// When a template of `profile` does not fit its data.
pub fn beacon_files(spec: &NetworkSpec, profile: &Profile, genesis: &Genesis) -> Result<Vec<ConfigFile>> {
    if beacon_url(spec).is_none() {
        return Ok(Vec::new());
    }
    profile.beacon_files(&BeaconFacts { genesis: genesis.clone(), directory: BEACON_DIRECTORY.to_owned() })
}

/// Everything of a network that is neither node nor PoET: the beacon's web server over `beacon_files`, spacemesh-watch, the profiler.
#[must_use]
pub fn support_workloads(spec: &NetworkSpec, plan: &Plan, beacon_files: Vec<ConfigFile>) -> Vec<Workload> {
    let beacon = beacon_url(spec).and_then(|_| beacon(beacon_files));
    [beacon, pyroscope(spec), watch(spec, plan)].into_iter().flatten().collect()
}

fn beacon(files: Vec<ConfigFile>) -> Option<Workload> {
    Some(Workload {
        files,
        ports: vec![port("http", BEACON_PORT)],
        services: vec![service(BEACON, "http", BEACON_PORT)],
        probe: Some(probe(BEACON_PORT)),
        scratch: vec!["/tmp".to_owned()],
        ..bare(BEACON, Part::Beacon, ImageReference::parse(WEB_SERVER).ok()?, SMALL)
    })
}

fn pyroscope(spec: &NetworkSpec) -> Option<Workload> {
    let profiling = spec.profiling.as_ref()?;
    Some(Workload {
        data: Some(DataVolume { size: PYROSCOPE_DISK, mount_path: "/data".to_owned() }),
        scratch: ["/data-compactor", "/data-metastore", "/tmp"].map(str::to_owned).to_vec(),
        ports: vec![port("http", PYROSCOPE_PORT)],
        services: vec![service(PYROSCOPE, "http", PYROSCOPE_PORT)],
        probe: Some(probe(PYROSCOPE_PORT)),
        ..bare(PYROSCOPE, Part::Pyroscope, profiling.image.clone(), profiling.resources)
    })
}

/// The gRPC address of a node inside the cluster, where spacemesh-watch asks it.
#[must_use]
pub fn watched_node(name: &str, namespace: &str) -> String {
    format!("{name}.{namespace}.svc:{GRPC_PORT}")
}

/// spacemesh-watch takes its token as an argument only; Kubernetes puts it there from a Secret, so that no object but the Secret holds it.
fn watch(spec: &NetworkSpec, plan: &Plan) -> Option<Workload> {
    let alerts = spec.alerts.as_ref()?;
    let namespace = &spec.cluster.namespace;
    let nodes: Vec<String> = plan
        .nodes
        .iter()
        .map(|node| format!("{}/{}", watched_node(&node.name, namespace), node.name))
        .collect();
    Some(Workload {
        command: vec!["/bin/spacemesh-watch".to_owned()],
        arguments: vec![
            format!("--nodes={}", nodes.join(",")),
            format!("--network-name={}", spec.network),
            "--slack-api-token=$(SLACK_API_TOKEN)".to_owned(),
            format!("--slack-channel-name={}", alerts.channel),
        ],
        secret_environment: vec![SecretVariable {
            variable: "SLACK_API_TOKEN".to_owned(),
            secret: WATCH_SECRET.to_owned(),
            key: "slack-token".to_owned(),
        }],
        ..bare(WATCH, Part::Watch, alerts.image.clone(), SMALL)
    })
}

fn bare(name: &str, part: Part, image: ImageReference, resources: Resources) -> Workload {
    Workload {
        name: name.to_owned(),
        part,
        image,
        command: Vec::new(),
        arguments: Vec::new(),
        environment: BTreeMap::new(),
        secret_environment: Vec::new(),
        files: Vec::new(),
        keys: Vec::new(),
        data: None,
        scratch: Vec::new(),
        resources,
        accelerators: 0,
        ports: Vec::new(),
        services: Vec::new(),
        monitored: false,
        slot: None,
        probe: None,
        grace_period: Duration::from_secs(30),
        stopped: false,
    }
}

fn port(name: &str, port: u16) -> ContainerPort {
    ContainerPort { name: name.to_owned(), port, host_port: None, protocol: Protocol::Tcp }
}

fn service(name: &str, port_name: &str, port: u16) -> ServiceSpec {
    ServiceSpec {
        name: name.to_owned(),
        exposure: ServiceExposure::ClusterIp,
        ports: vec![ServicePort { name: port_name.to_owned(), port, node_port: None }],
    }
}

fn probe(port: u16) -> Probe {
    Probe { port, startup_budget: Duration::from_secs(300) }
}

/// What support pods request.
pub(super) fn demands(spec: &NetworkSpec) -> Vec<PodDemand> {
    let pod = |name: &str, resources: Resources, disks: u32| PodDemand {
        name: name.to_owned(),
        resources,
        disks,
        apart: None,
        slot: None,
    };
    let beacon = beacon_url(spec).map(|_| pod(BEACON, SMALL, 0));
    let pyroscope = spec.profiling.as_ref().map(|profiling| pod(PYROSCOPE, profiling.resources, 1));
    let watch = spec.alerts.as_ref().map(|_| pod(WATCH, SMALL, 0));
    [beacon, pyroscope, watch].into_iter().flatten().collect()
}

/// How many objects of our own a network has, by kind.
pub(super) fn object_counts(spec: &NetworkSpec, foundation: &Foundation) -> BTreeMap<String, u32> {
    let (nodes, poets) = (spec.fleet.count(), spec.fleet.poets);
    let beacon = u32::from(beacon_url(spec).is_some());
    let pyroscope = u32::from(spec.profiling.is_some());
    let watch = u32::from(spec.alerts.is_some());
    let has_metrics = |number: &u32| spec.makeup(*number).metrics;
    let with_metrics = spec.fleet.numbers().iter().filter(|number| has_metrics(number)).count();
    let metrics = number(with_metrics);
    let monitors = if spec.metrics.is_some() { metrics } else { 0 };
    let poet_keys = if spec.generation == Generation::V1 { poets } else { 0 };
    let logins = u32::from(spec.logs.is_some()) + u32::from(spec.metrics.is_some());
    let counts = [
        ("ConfigMap", nodes + poets + beacon),
        ("Deployment", nodes + poets + beacon + pyroscope + watch),
        ("Namespace", namespaces(spec, foundation)),
        ("NetworkPolicy", policies(foundation)),
        ("PersistentVolumeClaim", nodes + poets + pyroscope),
        ("PodDisruptionBudget", number(foundation.disruption_budgets.len())),
        ("PodMonitor", monitors),
        ("Secret", nodes + poet_keys + logins + watch),
        ("Service", nodes + poets + beacon + pyroscope + metrics),
    ];
    counts.into_iter().filter(|(_, count)| *count > 0).map(|(kind, count)| (kind.to_owned(), count)).collect()
}

/// Those of the network and of charts that it shares with others.
fn namespaces(spec: &NetworkSpec, foundation: &Foundation) -> u32 {
    let shared = foundation.shared_charts.iter().map(|chart| &chart.namespace);
    let all = std::iter::once(&spec.cluster.namespace).chain(&foundation.namespaces).chain(shared);
    number(all.collect::<BTreeSet<_>>().len())
}

/// One around each guarded namespace, and one for each application that admits others.
fn policies(foundation: &Foundation) -> u32 {
    let applications = |guarded: &GuardedNamespace| {
        let named = guarded.admissions.iter().filter_map(|admission| admission.application.as_deref());
        named.collect::<BTreeSet<&str>>().len()
    };
    number(foundation.guarded.iter().map(|guarded| 1 + applications(guarded)).sum())
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// The profiler's address inside the cluster.
pub(super) fn profiler_url(spec: &NetworkSpec) -> String {
    format!("http://{PYROSCOPE}.{}.svc:{PYROSCOPE_PORT}", spec.cluster.namespace)
}
