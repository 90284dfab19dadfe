//! Workloads like those of the generations, for tests.

use std::collections::BTreeMap;
use std::time::Duration;

use spacecraft_core::image::ImageReference;
use spacecraft_core::names::NetworkName;
use spacecraft_core::quantity::{Bytes, MilliCpu, Resources};
use spacecraft_core::workload::{
    Admission, AdmittedPort, Callers, ConfigFile, ContainerPort, DataVolume, DisruptionBudget, Foundation,
    GuardedNamespace, KeyFile, Part, Probe, Protocol, Role, SecretVariable, ServiceExposure, ServicePort,
    ServiceSpec, Workload,
};

use crate::objects::Target;

/// The namespace `net1` of a cluster of its own.
pub(crate) fn target() -> Target {
    Target {
        network: NetworkName::new("net1").unwrap(),
        namespace: "net1".to_owned(),
        shared_cluster: false,
        key_copier: Target::KEY_COPIER.to_owned(),
    }
}

fn bare(name: &str, part: Part, image: &str) -> Workload {
    Workload {
        name: name.to_owned(),
        part,
        image: ImageReference::parse(image).unwrap(),
        command: Vec::new(),
        arguments: Vec::new(),
        environment: BTreeMap::new(),
        secret_environment: Vec::new(),
        files: Vec::new(),
        keys: Vec::new(),
        data: None,
        scratch: Vec::new(),
        resources: Resources { cpu: MilliCpu::cores(1), memory: Bytes::gibi(2) },
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

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn port(name: &str, port: u16) -> ContainerPort {
    ContainerPort { name: name.to_owned(), port, host_port: None, protocol: Protocol::Tcp }
}

fn host_port(name: &str, port: u16, protocol: Protocol) -> ContainerPort {
    ContainerPort { name: name.to_owned(), port, host_port: Some(port), protocol }
}

fn service(name: &str, exposure: ServiceExposure, ports: &[(&str, u16, Option<u16>)]) -> ServiceSpec {
    let ports = ports
        .iter()
        .map(|(name, port, node_port)| ServicePort {
            name: (*name).to_owned(),
            port: *port,
            node_port: *node_port,
        })
        .collect();
    ServiceSpec { name: name.to_owned(), exposure, ports }
}

fn file(name: &str, directory: &str, content: &str) -> ConfigFile {
    ConfigFile { name: name.to_owned(), directory: directory.to_owned(), content: content.to_owned() }
}

fn key(secret: &str, key: &str, path: &str) -> KeyFile {
    KeyFile { secret: secret.to_owned(), key: key.to_owned(), path: path.to_owned() }
}

/// A plain miner of generation v1, with metrics.
pub(crate) fn v1_node() -> Workload {
    Workload {
        command: strings(&["/bin/go-spacemesh"]),
        arguments: strings(&["--config=/etc/config/config.json", "--data-folder=/data/node"]),
        environment: BTreeMap::from([("GODEBUG".to_owned(), "gctrace=1".to_owned())]),
        files: vec![file("config.json", "/etc/config", "{}")],
        keys: vec![
            key("miner-3-keys", "p2p.key", "node/p2p/p2p.key"),
            key("miner-3-keys", "local.key", "node/identities/local.key"),
        ],
        data: Some(DataVolume { size: Bytes::gibi(20), mount_path: "/data".to_owned() }),
        scratch: strings(&["/tmp"]),
        accelerators: 1,
        ports: vec![
            host_port("p2p", 5003, Protocol::Tcp),
            port("grpc", 6000),
            port("json", 7000),
            port("metrics", 1010),
        ],
        services: vec![
            service(
                "miner-3",
                ServiceExposure::NodePort,
                &[("grpcport", 6000, Some(30100)), ("jsonport", 7000, Some(30101))],
            ),
            service("miner-3-metric", ServiceExposure::ClusterIp, &[("metrics", 1010, None)]),
        ],
        monitored: true,
        probe: Some(Probe { port: 6000, startup_budget: Duration::from_secs(1801) }),
        ..bare("miner-3", Part::Node { number: 3, role: Role::Miner }, "spacemeshos/go-spacemesh:v1.7.6")
    }
}

/// A pinned bootnode of generation v0.
pub(crate) fn v0_bootnode() -> Workload {
    Workload {
        command: strings(&["/bin/go-spacemesh"]),
        arguments: strings(&["--listen=/ip4/0.0.0.0/tcp/5002", "--grpc-port=6000"]),
        files: vec![
            file("config.json", "/etc/config", "{}"),
            file("extra.json", "/etc/extra", "{}"),
            file("more.json", "/etc/config", "[]"),
        ],
        keys: vec![
            key("miner-2-keys", "p2p.key", "node/7/p2p/p2p.key"),
            key("miner-2-post", "key.bin", "post/key.bin"),
        ],
        data: Some(DataVolume { size: Bytes::gibi(10), mount_path: "/data/".to_owned() }),
        ports: vec![
            host_port("p2ptcp", 5002, Protocol::Tcp),
            host_port("p2pudp", 5002, Protocol::Udp),
            port("grpc", 6000),
        ],
        services: vec![service("miner-2", ServiceExposure::NodePort, &[("grpcport", 6000, None)])],
        slot: Some(1),
        probe: Some(Probe { port: 6000, startup_budget: Duration::from_secs(600) }),
        ..bare(
            "miner-2",
            Part::Node { number: 2, role: Role::Bootnode },
            "spacemeshos/go-spacemesh-dev:d298a63",
        )
    }
}

/// A PoET whose private key comes from a Secret.
pub(crate) fn poet() -> Workload {
    Workload {
        command: strings(&["/bin/poet"]),
        arguments: strings(&["--restlisten=0.0.0.0:5000", "--configfile=/etc/config/config.conf"]),
        secret_environment: vec![SecretVariable {
            variable: "POET_PRIVATE_KEY".to_owned(),
            secret: "poet-1-key".to_owned(),
            key: "key".to_owned(),
        }],
        files: vec![file("config.conf", "/etc/config", "duration=\"60s\"\n")],
        data: Some(DataVolume { size: Bytes::gibi(5), mount_path: "/data".to_owned() }),
        ports: vec![port("rest", 5000)],
        services: vec![service("poet-1", ServiceExposure::NodePort, &[("restport", 5000, Some(30090))])],
        probe: Some(Probe { port: 5000, startup_budget: Duration::from_secs(300) }),
        ..bare("poet-1", Part::Poet { number: 1 }, "spacemeshos/poet:v0.10.3")
    }
}

/// The server of the epoch-2 beacon.
pub(crate) fn beacon() -> Workload {
    Workload {
        files: vec![file("epoch-2-update-bs", "/usr/share/nginx/html", "{}")],
        scratch: strings(&["/tmp"]),
        resources: Resources { cpu: MilliCpu(50), memory: Bytes::mebi(64) },
        ports: vec![port("http", 8080)],
        services: vec![service("beacon", ServiceExposure::ClusterIp, &[("http", 8080, None)])],
        probe: Some(Probe { port: 8080, startup_budget: Duration::from_secs(60) }),
        ..bare("beacon", Part::Beacon, "docker.io/nginxinc/nginx-unprivileged:1.29.1-alpine")
    }
}

/// spacemesh-watch, which has neither port nor state.
pub(crate) fn watch() -> Workload {
    Workload {
        arguments: strings(&["--nodes=miner-1:6000/miner-1", "--network-name=net1"]),
        secret_environment: vec![SecretVariable {
            variable: "SLACK_API_TOKEN".to_owned(),
            secret: "slack".to_owned(),
            key: "token".to_owned(),
        }],
        ..bare("spacemesh-watch", Part::Watch, "spacemeshos/spacemesh-watch:v1")
    }
}

/// The profiler.
pub(crate) fn pyroscope() -> Workload {
    Workload {
        data: Some(DataVolume { size: Bytes::gibi(10), mount_path: "/data".to_owned() }),
        ports: vec![port("http", 4040)],
        services: vec![service("pyroscope", ServiceExposure::ClusterIp, &[("http", 4040, None)])],
        probe: Some(Probe { port: 4040, startup_budget: Duration::from_secs(120) }),
        ..bare("pyroscope", Part::Pyroscope, "docker.io/grafana/pyroscope:2.2.1")
    }
}

/// A foundation with open P2P ports, open PoETs, an API that one office may use, and metrics that nodes push and Prometheus fetches.
pub(crate) fn foundation() -> Foundation {
    let admit = |application: Option<&str>, port, callers| Admission {
        application: application.map(str::to_owned),
        port,
        callers,
    };
    let pods = |namespace: &str, application: Option<&str>| Callers::Pods {
        namespace: namespace.to_owned(),
        application: application.map(str::to_owned),
    };
    let office = Callers::Ranges(strings(&["198.51.100.0/24"]));
    let network = vec![
        admit(Some("miner"), AdmittedPort::Host(Protocol::Tcp), Callers::Everybody),
        admit(Some("miner"), AdmittedPort::Host(Protocol::Udp), Callers::Everybody),
        admit(Some("miner"), AdmittedPort::Number(6000), office),
        admit(Some("miner"), AdmittedPort::Number(1010), pods("metrics", None)),
        admit(Some("poet"), AdmittedPort::Number(5000), Callers::Everybody),
    ];
    let metrics = vec![
        admit(None, AdmittedPort::Number(9091), pods("net1", Some("miner"))),
        admit(None, AdmittedPort::All, pods("ingress-nginx", None)),
    ];
    let guarded =
        |namespace: &str, admissions| GuardedNamespace { namespace: namespace.to_owned(), admissions };
    Foundation {
        namespaces: strings(&["metrics", "net1"]),
        shared_charts: Vec::new(),
        guarded: vec![guarded("net1", network), guarded("metrics", metrics)],
        recorded_in: "gs://records".to_owned(),
        disruption_budgets: vec![
            DisruptionBudget { role: Role::Bootnode, max_unavailable: 1 },
            DisruptionBudget { role: Role::Miner, max_unavailable: 3 },
        ],
    }
}
