use std::time::Duration;

use serde_json::{Value, json};

use super::arguments::{render_arguments, render_text};
use super::facts::PoetFacts;
use super::launch::Launch;
use super::profile::{CONFIG_DIRECTORY, DATA_MOUNT, SCRATCH, golang_environment};
use super::rounds::V0Rounds;
use crate::error::{Error, Meaning, Result};
use crate::go_duration;
use crate::identity::{POET_PRIVATE_KEY, poet_secret_name};
use crate::node_config::{NetworkTiming, NodeConfig};
use crate::spec::Generation;
use crate::templates::Templates;
use crate::topology::poet_name;
use crate::workload::{
    ConfigFile, ContainerPort, Protocol, SecretVariable, ServiceExposure, ServicePort, ServiceSpec,
};

/// The port of a PoET's REST API.
pub const REST_PORT: u16 = 5000;

const COMMAND: &str = "/bin/poet";
const CONFIG_FILE: &str = "poet.conf";
/// v0: the depth of the tree, as the original set it.
const V0_TREE_DEPTH: u32 = 21;
/// The tree of the running round is flushed before the process ends.
const GRACE_PERIOD: Duration = Duration::from_secs(60);

pub(super) fn launch(generation: Generation, templates: &Templates, facts: &PoetFacts) -> Result<Launch> {
    let arguments_data = json!({
        "name": poet_name(facts.number),
        "number": facts.number,
        "config_file": format!("{CONFIG_DIRECTORY}/{CONFIG_FILE}"),
        "data_folder": DATA_MOUNT,
        "rest_port": REST_PORT,
    });
    let secret = SecretVariable {
        variable: POET_PRIVATE_KEY.to_owned(),
        secret: poet_secret_name(facts.number),
        key: POET_PRIVATE_KEY.to_owned(),
    };
    Ok(Launch {
        command: vec![COMMAND.to_owned()],
        arguments: render_arguments(templates, &format!("{generation}/poet.arguments"), &arguments_data)?,
        environment: golang_environment(&facts.resources),
        secret_environment: if generation == Generation::V1 { vec![secret] } else { Vec::new() },
        files: vec![ConfigFile {
            name: CONFIG_FILE.to_owned(),
            directory: CONFIG_DIRECTORY.to_owned(),
            content: render_text(
                templates,
                &format!("{generation}/poet.conf"),
                &config_data(generation, facts)?,
            )?,
        }],
        keys: Vec::new(),
        ports: vec![ContainerPort {
            name: "rest".to_owned(),
            port: REST_PORT,
            host_port: None,
            protocol: Protocol::Tcp,
        }],
        services: vec![ServiceSpec {
            name: poet_name(facts.number),
            exposure: ServiceExposure::NodePort,
            ports: vec![ServicePort { name: "restport".to_owned(), port: REST_PORT, node_port: None }],
        }],
        data_mount: DATA_MOUNT.to_owned(),
        scratch: vec![SCRATCH.to_owned()],
        probe_port: REST_PORT,
        grace_period: GRACE_PERIOD,
    })
}

/// What templates of PoET configs can use.
fn config_data(generation: Generation, facts: &PoetFacts) -> Result<Value> {
    let invalid =
        |reason: String| Error::new(Meaning::Invalid, "launch PoET", poet_name(facts.number), reason);
    let timing = NetworkTiming::read(NodeConfig::new(generation, &facts.config)).map_err(|problems| {
        let texts: Vec<String> =
            problems.iter().map(|problem| format!("{}: {}", problem.path, problem.message)).collect();
        invalid(texts.join("; "))
    })?;
    match generation {
        Generation::V0 => {
            let rounds = V0Rounds::new(facts.genesis.time, timing, facts.number, facts.initial_phase_shift);
            let activation = facts
                .activation
                .ok_or_else(|| invalid("a v0 PoET needs the instant of its activation".to_owned()))?;
            Ok(json!({
                "round_duration": seconds(rounds.duration()),
                "initial_duration": seconds(rounds.initial_duration(activation)),
                "tree_depth": V0_TREE_DEPTH,
            }))
        }
        Generation::V1 => {
            let poet =
                timing.poet.ok_or_else(|| invalid("its config says nothing of PoET rounds".to_owned()))?;
            Ok(json!({
                "genesis_time": facts.genesis.time_text(),
                "epoch_duration": go_duration::text(timing.epoch()),
                "phase_shift": go_duration::text(poet.phase_shift),
                "cycle_gap": go_duration::text(poet.cycle_gap),
            }))
        }
    }
}

/// Whole seconds, as the original wrote the durations of v0 PoETs.
fn seconds(duration: Duration) -> String {
    format!("{}s", duration.as_secs().max(1))
}
