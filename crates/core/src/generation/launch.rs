use std::collections::BTreeMap;
use std::time::Duration;

use crate::workload::{ConfigFile, ContainerPort, KeyFile, SecretVariable, ServiceSpec};

/// How one node or PoET is run: all of a [`Workload`](crate::workload::Workload) that depends on the generation.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Launch {
    /// The command, replacing the image's entry point.
    pub command: Vec<String>,
    /// Its arguments, as an array that no shell reads.
    pub arguments: Vec<String>,
    /// Environment variables with plain values.
    pub environment: BTreeMap<String, String>,
    /// Environment variables whose values come from Secrets.
    pub secret_environment: Vec<SecretVariable>,
    /// Config files.
    pub files: Vec<ConfigFile>,
    /// Keys that are copied into the data volume before the process starts.
    pub keys: Vec<KeyFile>,
    /// The ports it listens on.
    pub ports: Vec<ContainerPort>,
    /// The Services in front of it; node ports are left to the plan.
    pub services: Vec<ServiceSpec>,
    /// Where it expects its data volume.
    pub data_mount: String,
    /// Further paths that must be writable.
    pub scratch: Vec<String>,
    /// The port that accepts connections once it is up.
    pub probe_port: u16,
    /// The time it gets to shut down.
    pub grace_period: Duration,
}
