use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::arguments::render_arguments;
use super::facts::NodeFacts;
use super::launch::Launch;
use super::overlay::{check_poet_keys, node_config};
use super::profile::{CONFIG_DIRECTORY, DATA_MOUNT, SCRATCH, golang_environment, pretty_json};
use crate::error::{Error, Meaning, Result};
use crate::identity::{P2P_KEY, smesher_key_file};
use crate::identity::{listen_multiaddress, node_secret_name};
use crate::node_config::NodeConfig;
use crate::spec::Generation;
use crate::templates::Templates;
use crate::topology::node_name;
use crate::workload::{
    ConfigFile, ContainerPort, KeyFile, Protocol, Role, ServiceExposure, ServicePort, ServiceSpec,
};

/// The port of a node's gRPC API.
pub const GRPC_PORT: u16 = 6000;
/// v1: the port of its private gRPC API, on the loopback interface of its pod.
pub const GRPC_PRIVATE_PORT: u16 = 6001;
/// The port of its JSON API.
pub const JSON_PORT: u16 = 7000;
/// The port of its Go profiler; v1 has it on the loopback interface of its pod.
pub const PPROF_PORT: u16 = 6060;
/// The port of its metrics.
pub const METRICS_PORT: u16 = 1010;

const COMMAND: &str = "/bin/go-spacemesh";
pub(crate) const CONFIG_FILE: &str = "config.json";
/// Folders below the data volume's root.
const NODE_FOLDER: &str = "node";
const POST_FOLDER: &str = "post";
/// Databases and PoST files are flushed before the process ends.
const GRACE_PERIOD: Duration = Duration::from_secs(60);

pub(super) fn launch(generation: Generation, templates: &Templates, facts: &NodeFacts) -> Result<Launch> {
    if generation == Generation::V1 {
        check_poet_keys(&facts.poets)?;
    }
    let config = node_config(generation, facts)?;
    let quic = NodeConfig::new(generation, &config).speaks_quic();
    let name = format!("{generation}/node.arguments");
    Ok(Launch {
        command: vec![COMMAND.to_owned()],
        arguments: render_arguments(templates, &name, &arguments_data(generation, facts, quic))?,
        environment: environment(facts),
        secret_environment: Vec::new(),
        files: vec![ConfigFile {
            name: CONFIG_FILE.to_owned(),
            directory: CONFIG_DIRECTORY.to_owned(),
            content: pretty_json(&config),
        }],
        keys: keys(generation, facts)?,
        ports: ports(generation, facts, quic),
        services: services(facts),
        data_mount: DATA_MOUNT.to_owned(),
        scratch: vec![SCRATCH.to_owned()],
        probe_port: GRPC_PORT,
        grace_period: GRACE_PERIOD,
    })
}

/// What templates of arguments can use.
fn arguments_data(generation: Generation, facts: &NodeFacts, quic: bool) -> Value {
    let advertise =
        facts.advertise_address.as_deref().map(|address| listen_multiaddress(address, facts.p2p_port));
    json!({
        "name": node_name(facts.number),
        "number": facts.number,
        "role": facts.role,
        "bootnode": facts.role != Role::Miner,
        "config_file": format!("{CONFIG_DIRECTORY}/{CONFIG_FILE}"),
        "data_folder": format!("{DATA_MOUNT}/{NODE_FOLDER}"),
        "post_folder": format!("{DATA_MOUNT}/{POST_FOLDER}"),
        "p2p_port": facts.p2p_port,
        "quic": quic,
        "advertise": advertise,
        "private_network": facts.private_network,
        "grpc_port": GRPC_PORT,
        "grpc_private_port": GRPC_PRIVATE_PORT,
        "json_port": JSON_PORT,
        "metrics_port": METRICS_PORT,
        "pprof_port": PPROF_PORT,
        "coinbase": coinbase_argument(generation, &facts.coinbase),
        "beacon_url": facts.beacon_url,
        "json_api": facts.options.json_api,
        "metrics": facts.options.metrics,
        "metrics_push_url": facts.options.metrics_push_url,
        "pprof": facts.options.pprof,
        "profiler_url": facts.options.profiler_url,
    })
}

/// The coinbase as the flag takes it: v0 hexadecimal digits alone.
fn coinbase_argument(generation: Generation, coinbase: &str) -> &str {
    match generation {
        Generation::V0 => coinbase.strip_prefix("0x").unwrap_or(coinbase),
        Generation::V1 => coinbase,
    }
}

fn environment(facts: &NodeFacts) -> BTreeMap<String, String> {
    let mut environment = golang_environment(&facts.resources);
    if facts.options.go_debug {
        environment.insert("GODEBUG".to_owned(), "gctrace=1,scavtrace=1,gcpacertrace=1".to_owned());
    }
    environment
}

/// Where a node looks for its keys: v0 keeps its data in a folder named by the network id.
fn keys(generation: Generation, facts: &NodeFacts) -> Result<Vec<KeyFile>> {
    let smesher = smesher_key_file(generation);
    let (p2p_path, smesher_path) = match generation {
        Generation::V0 => {
            let id = facts.genesis.network_id.ok_or_else(|| {
                Error::new(
                    Meaning::Invalid,
                    "launch node",
                    node_name(facts.number),
                    "a v0 network needs a network id",
                )
            })?;
            (format!("{NODE_FOLDER}/{id}/p2p/{P2P_KEY}"), format!("{POST_FOLDER}/{smesher}"))
        }
        Generation::V1 => {
            (format!("{NODE_FOLDER}/p2p/{P2P_KEY}"), format!("{NODE_FOLDER}/identities/{smesher}"))
        }
    };
    let secret = node_secret_name(facts.number);
    Ok(vec![
        KeyFile { secret: secret.clone(), key: P2P_KEY.to_owned(), path: p2p_path },
        KeyFile { secret, key: smesher.to_owned(), path: smesher_path },
    ])
}

fn ports(generation: Generation, facts: &NodeFacts, quic: bool) -> Vec<ContainerPort> {
    let tcp = |name: &str, port: u16| ContainerPort {
        name: name.to_owned(),
        port,
        host_port: None,
        protocol: Protocol::Tcp,
    };
    let p2p = |name: &str, protocol| ContainerPort {
        name: name.to_owned(),
        port: facts.p2p_port,
        host_port: Some(facts.p2p_port),
        protocol,
    };
    let options = &facts.options;
    [
        Some(p2p("p2p", Protocol::Tcp)),
        quic.then(|| p2p("p2p-quic", Protocol::Udp)),
        Some(tcp("grpc", GRPC_PORT)),
        (generation == Generation::V1).then(|| tcp("grpc-private", GRPC_PRIVATE_PORT)),
        options.json_api.then(|| tcp("json", JSON_PORT)),
        options.pprof.then(|| tcp("pprof", PPROF_PORT)),
        options.metrics.then(|| tcp("metrics", METRICS_PORT)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn services(facts: &NodeFacts) -> Vec<ServiceSpec> {
    let name = node_name(facts.number);
    let port = |name: &str, port: u16| ServicePort { name: name.to_owned(), port, node_port: None };
    let mut api = vec![port("grpcport", GRPC_PORT)];
    api.extend(facts.options.json_api.then(|| port("jsonport", JSON_PORT)));
    let mut services =
        vec![ServiceSpec { name: name.clone(), exposure: ServiceExposure::NodePort, ports: api }];
    if facts.options.metrics {
        services.push(ServiceSpec {
            name: format!("{name}-metric"),
            exposure: ServiceExposure::ClusterIp,
            ports: vec![port("metrics", METRICS_PORT)],
        });
    }
    services
}
