//! Host ports that pods of others hold: a port is on a worker only once.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use spacecraft_core::{Meaning, Result};

use super::KubernetesWorkloads;
use crate::connection::Query;
use crate::objects::labels;
use crate::resource::POD;

/// A pod, cut down to where it listens on its worker.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Listener {
    metadata: ListenerMetadata,
    spec: ListenerSpec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ListenerMetadata {
    labels: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ListenerSpec {
    node_name: String,
    containers: Vec<ListenerContainer>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ListenerContainer {
    ports: Vec<ListenerPort>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ListenerPort {
    host_port: u16,
}

impl Listener {
    fn host_ports(&self) -> impl Iterator<Item = u16> {
        let ports = self.spec.containers.iter().flat_map(|container| &container.ports);
        ports.map(|port| port.host_port).filter(|port| *port != 0)
    }
}

/// By worker the host ports of all pods that have not ended and are not of this network.
pub(super) async fn of_others(workloads: &KubernetesWorkloads) -> Result<BTreeMap<String, BTreeSet<u16>>> {
    let query = Query::everywhere(POD).with_fields("status.phase!=Succeeded,status.phase!=Failed");
    let mut taken: BTreeMap<String, BTreeSet<u16>> = BTreeMap::new();
    let note = |pod: Listener| {
        let ours = pod.metadata.labels.get(labels::NETWORK).is_some_and(|name| name == workloads.network());
        if !ours && !pod.spec.node_name.is_empty() {
            let ports = pod.host_ports().collect::<Vec<_>>();
            taken.entry(pod.spec.node_name).or_default().extend(ports);
        }
    };
    match workloads.connection.list_each(&query, note).await {
        Ok(_) => Ok(taken),
        Err(error) if error.meaning() == Meaning::Denied => Ok(BTreeMap::new()),
        Err(error) => Err(error),
    }
}
