use serde::{Deserialize, Serialize};

use crate::charts;
use crate::node_config::NodeConfig;
use crate::ports::{NodePortBlock, p2p_ranges};
use crate::spec::{Generation, NetworkSpec, ProviderKind};
use crate::traits::FirewallOpening;

use super::Plan;

/// Everybody's address range.
const EVERYBODY: &str = "0.0.0.0/0";

/// Something of the network that can be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exposure {
    /// What it is, such as `P2P of all nodes`.
    pub what: String,
    /// The ports of workers or names it is reached at.
    pub at: Vec<String>,
    /// Who can reach it.
    pub reach: Reach,
    /// What the operator should know about it; may be empty.
    pub remark: String,
}

/// Who can reach something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "who", content = "ranges", rename_all = "kebab-case")]
pub enum Reach {
    /// Everybody.
    Everybody,
    /// These address ranges.
    Ranges(Vec<String>),
    /// Nobody but the network's own namespaces; `spacecraft tunnel` leads there.
    ClusterOnly,
}

/// All that a network exposes, and what it keeps inside.
pub(super) fn exposure(spec: &NetworkSpec, ports: Option<&NodePortBlock>) -> Vec<Exposure> {
    let chosen = || vec!["node ports that the server chooses".to_owned()];
    let tcp = |ranges: Option<Vec<String>>| ranges.map_or_else(chosen, named);
    let mut all = vec![
        Exposure {
            what: "P2P of all nodes".to_owned(),
            at: p2p_of(spec).into_iter().map(|(transport, range)| format!("{transport}:{range}")).collect(),
            reach: Reach::Everybody,
            remark: String::new(),
        },
        Exposure {
            what: "REST of PoETs".to_owned(),
            at: tcp(ports.and_then(NodePortBlock::poet_range).map(|range| vec![range])),
            reach: Reach::Everybody,
            remark: match spec.generation {
                Generation::V0 => "only after the PoETs were activated".to_owned(),
                Generation::V1 => String::new(),
            },
        },
        Exposure {
            what: if spec.node.json_api { "gRPC and JSON API of nodes" } else { "gRPC API of nodes" }
                .to_owned(),
            at: tcp(ports.map(|block| block.node_ranges(&spec.fleet.numbers()))),
            reach: api_reach(spec),
            remark: "opened to address ranges by --allow-from".to_owned(),
        },
    ];
    all.extend(published(spec));
    all.extend(web_services(spec));
    all.extend(ports_of_charts(spec));
    all.push(Exposure {
        what: "private APIs and metrics of nodes, PoET configuration, Elasticsearch, Prometheus, profiler"
            .to_owned(),
        at: Vec::new(),
        reach: Reach::ClusterOnly,
        remark: "reached from the network's own namespaces and through the Kubernetes API: spacecraft tunnel"
            .to_owned(),
    });
    all
}

/// Who can reach the gRPC and JSON ports of nodes.
#[must_use]
pub fn api_reach(spec: &NetworkSpec) -> Reach {
    match spec.exposure.allow_from.as_slice() {
        [] => Reach::ClusterOnly,
        ranges => Reach::Ranges(ranges.to_vec()),
    }
}

fn published(spec: &NetworkSpec) -> Vec<Exposure> {
    let dashboards =
        [("Kibana", "kibana", spec.logs.is_some()), ("Grafana", "grafana", spec.metrics.is_some())];
    dashboards
        .into_iter()
        .filter(|(_, _, deployed)| *deployed)
        .map(|(what, service, _)| {
            let public = charts::is_published(spec);
            Exposure {
                what: what.to_owned(),
                at: if public {
                    vec![format!("https://{}/", charts::public_name(spec, service))]
                } else {
                    Vec::new()
                },
                reach: if public { Reach::Everybody } else { Reach::ClusterOnly },
                remark: "with login".to_owned(),
            }
        })
        .collect()
}

fn named(ranges: Vec<String>) -> Vec<String> {
    ranges.into_iter().map(|range| format!("tcp:{range}")).collect()
}

/// What web services show to everybody.
fn web_services(spec: &NetworkSpec) -> Vec<Exposure> {
    if spec.web_services.is_none() {
        return Vec::new();
    }
    let certified = "with the certificate of --tls-crt";
    [
        ("gRPC of public API nodes", "api", certified),
        ("JSON API of public API nodes", "api-json", certified),
        ("explorer API", "explorer-api", ""),
        ("dashboard API", "dash-api", ""),
    ]
    .into_iter()
    .map(|(what, service, remark)| Exposure {
        what: what.to_owned(),
        at: vec![format!("https://{}/", charts::public_name(spec, service))],
        reach: Reach::Everybody,
        remark: remark.to_owned(),
    })
    .collect()
}

/// Ports of workers that charts take. Where there is a firewall of ours, it opens none of them.
fn ports_of_charts(spec: &NetworkSpec) -> Vec<Exposure> {
    let on_shared_cluster = spec.provider == ProviderKind::Kubernetes;
    let (first, last) = charts::INGRESS_PORTS_OF_WORKERS;
    let ingress = charts::needs_ingress(spec).then(|| Exposure {
        what: "ingress controller, for its load balancer".to_owned(),
        at: vec![format!("tcp:{first}-{last}")],
        reach: if on_shared_cluster { Reach::Everybody } else { Reach::ClusterOnly },
        remark: "serves the names above".to_owned(),
    });
    let node_exporter = (spec.metrics.is_some() && !on_shared_cluster).then(|| Exposure {
        what: "node exporter of Prometheus".to_owned(),
        at: vec![format!("tcp:{}", charts::NODE_EXPORTER_PORT)],
        reach: Reach::ClusterOnly,
        remark: "listens on its worker".to_owned(),
    });
    ingress.into_iter().chain(node_exporter).collect()
}

/// The host ports of all P2P listeners, each with its transport: TCP, and with QUIC UDP of the same numbers.
fn p2p_of(spec: &NetworkSpec) -> Vec<(String, String)> {
    let ranges = p2p_ranges(spec.node.p2p_port_base, &spec.fleet.numbers());
    let over = |transport: &str| ranges.iter().map(|range| (transport.to_owned(), range.clone())).collect();
    let (tcp, udp): (Vec<_>, Vec<_>) =
        (over("tcp"), if speaks_quic(spec) { over("udp") } else { Vec::new() });
    tcp.into_iter().chain(udp).collect()
}

pub(super) fn speaks_quic(spec: &NetworkSpec) -> bool {
    NodeConfig::new(spec.generation, &spec.node.base_config).speaks_quic()
}

/// What the network's firewall rule opens. `poets_open` is false in v0 until the PoETs were activated, because whoever reaches one first can activate it.
#[must_use]
pub fn firewall_openings(spec: &NetworkSpec, plan: &Plan, poets_open: bool) -> Vec<FirewallOpening> {
    let block = NodePortBlock::new(spec.fleet.poets, spec.fleet.last_number(), spec.node.json_api).ok();
    let planned = plan.poets.iter().any(|poet| poet.rest_node_port.is_some());
    let block = block.filter(|_| planned);
    let tcp = |range: String| ("tcp".to_owned(), range);
    let mut public = p2p_of(spec);
    if poets_open {
        public.extend(block.as_ref().and_then(NodePortBlock::poet_range).map(tcp));
    }
    let opening = |name: &str, ports: Vec<(String, String)>, sources: Vec<String>| FirewallOpening {
        name: name.to_owned(),
        ports,
        sources,
    };
    let mut openings = vec![opening("public", public, vec![EVERYBODY.to_owned()])];
    if !spec.exposure.allow_from.is_empty() {
        let ranges = block.map(|block| block.node_ranges(&spec.fleet.numbers())).unwrap_or_default();
        let ports: Vec<_> = ranges.into_iter().map(tcp).collect();
        if !ports.is_empty() {
            openings.push(opening("api", ports, spec.exposure.allow_from.clone()));
        }
    }
    openings
}
