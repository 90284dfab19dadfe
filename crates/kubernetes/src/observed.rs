//! Objects as the API shows them, cut down to the fields that decisions need: a thousand whole pods would be many megabytes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use spacecraft_core::workload::Part;

use crate::objects::labels;

/// The labels and annotations of ours that are read back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct OurLabels {
    pub(crate) name: Option<String>,
    #[serde(rename = "spacecraft.io/role")]
    role: Option<String>,
    #[serde(rename = "spacecraft.io/node")]
    node: Option<String>,
    #[serde(rename = "spacecraft.io/poet")]
    poet: Option<String>,
}

impl OurLabels {
    /// The part of the network that they name.
    pub(crate) fn part(&self) -> Option<Part> {
        labels::part_of(|key| match key {
            labels::ROLE => self.role.clone(),
            labels::NODE => self.node.clone(),
            labels::POET => self.poet.clone(),
            _ => None,
        })
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct OurAnnotations {
    #[serde(rename = "spacecraft.io/template-digest")]
    pub(crate) template_digest: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ObjectMetadata {
    pub(crate) name: String,
    pub(crate) labels: OurLabels,
    pub(crate) annotations: OurAnnotations,
    pub(crate) generation: i64,
    pub(crate) creation_timestamp: Option<Timestamp>,
    pub(crate) deletion_timestamp: Option<Timestamp>,
}

/// A Deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Deployment {
    pub(crate) metadata: ObjectMetadata,
    pub(crate) spec: DeploymentSpec,
    pub(crate) status: DeploymentStatus,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct DeploymentSpec {
    pub(crate) replicas: Option<i32>,
    pub(crate) template: Template,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Template {
    pub(crate) metadata: ObjectMetadata,
    pub(crate) spec: TemplateSpec,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct TemplateSpec {
    pub(crate) containers: Vec<Container>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Container {
    pub(crate) name: String,
    pub(crate) image: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct DeploymentStatus {
    pub(crate) observed_generation: i64,
    pub(crate) replicas: i32,
    pub(crate) updated_replicas: i32,
    pub(crate) available_replicas: i32,
    pub(crate) conditions: Vec<Condition>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Condition {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) status: String,
    pub(crate) reason: String,
    pub(crate) message: String,
    #[serde(rename = "lastTransitionTime")]
    pub(crate) last_transition_time: Option<Timestamp>,
}

/// A pod.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Pod {
    pub(crate) metadata: ObjectMetadata,
    pub(crate) spec: PodSpec,
    pub(crate) status: PodStatus,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct PodSpec {
    pub(crate) node_name: Option<String>,
    containers: Vec<PodContainer>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct PodContainer {
    ports: Vec<PodPort>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct PodPort {
    pub(crate) name: String,
    pub(crate) container_port: u16,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct PodStatus {
    pub(crate) phase: String,
    pub(crate) reason: String,
    pub(crate) message: String,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) init_container_statuses: Vec<ContainerStatus>,
    pub(crate) container_statuses: Vec<ContainerStatus>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ContainerStatus {
    pub(crate) name: String,
    pub(crate) restart_count: u32,
    pub(crate) state: ContainerState,
    pub(crate) last_state: ContainerState,
}

impl ContainerStatus {
    /// True when it runs or has run, so that it may have written something.
    pub(crate) fn has_run(&self) -> bool {
        let states = [&self.state, &self.last_state];
        self.restart_count > 0
            || states.iter().any(|state| state.running.is_some() || state.terminated.is_some())
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct ContainerState {
    pub(crate) running: Option<Running>,
    pub(crate) waiting: Option<Waiting>,
    pub(crate) terminated: Option<Terminated>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Running {}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Waiting {
    pub(crate) reason: String,
    pub(crate) message: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Terminated {
    pub(crate) reason: String,
    pub(crate) exit_code: i32,
}

/// A Service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Service {
    pub(crate) metadata: ObjectMetadata,
    pub(crate) spec: ServiceSpec,
    pub(crate) status: ServiceStatus,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct ServiceSpec {
    pub(crate) selector: BTreeMap<String, String>,
    pub(crate) ports: Vec<ServicePort>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ServicePort {
    pub(crate) name: String,
    pub(crate) port: u16,
    pub(crate) target_port: TargetPort,
    pub(crate) node_port: Option<u16>,
}

/// A port by number or by the name that the container gives it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum TargetPort {
    Number(u16),
    Name(String),
    #[default]
    SameAsPort,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ServiceStatus {
    pub(crate) load_balancer: LoadBalancer,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct LoadBalancer {
    pub(crate) ingress: Vec<Ingress>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Ingress {
    pub(crate) ip: Option<String>,
}

/// A ConfigMap.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct ConfigMap {
    pub(crate) metadata: ObjectMetadata,
    pub(crate) data: BTreeMap<String, String>,
}

impl Deployment {
    /// True when it is to have no pod.
    pub(crate) fn is_stopped(&self) -> bool {
        self.spec.replicas == Some(0)
    }

    /// A condition's reason and message, when it holds.
    pub(crate) fn failing(&self) -> Option<String> {
        let failed =
            |condition: &&Condition| condition.kind == "ReplicaFailure" && condition.status == "True";
        let condition = self.status.conditions.iter().find(failed)?;
        Some(phrase(&condition.reason, &condition.message))
    }
}

impl Pod {
    /// The workload it belongs to.
    pub(crate) fn workload(&self) -> Option<&str> {
        self.metadata.labels.name.as_deref()
    }

    /// True when its containers are up and answer their probes.
    pub(crate) fn is_ready(&self) -> bool {
        self.condition("Ready").is_some_and(|condition| condition.status == "True")
    }

    /// True when it is being taken away.
    pub(crate) fn is_leaving(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
    }

    /// True when it has ended for good, as evicted pods have, and only its record is left.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.status.phase.as_str(), "Failed" | "Succeeded")
    }

    pub(crate) fn condition(&self, kind: &str) -> Option<&Condition> {
        self.status.conditions.iter().find(|condition| condition.kind == kind)
    }

    /// The states of its init containers, then of its containers.
    pub(crate) fn containers(&self) -> impl Iterator<Item = &ContainerStatus> {
        self.status.init_container_statuses.iter().chain(&self.status.container_statuses)
    }

    /// The port that a container of it names so.
    pub(crate) fn named_port(&self, name: &str) -> Option<u16> {
        self.ports().find(|port| port.name == name).map(|port| port.container_port)
    }

    /// The ports that its containers declare.
    pub(crate) fn ports(&self) -> impl Iterator<Item = &PodPort> {
        self.spec.containers.iter().flat_map(|container| &container.ports)
    }

    /// How often its containers were restarted.
    pub(crate) fn restarts(&self) -> u32 {
        self.containers().map(|container| container.restart_count).fold(0, u32::saturating_add)
    }
}

/// A reason with what is said about it, as one phrase.
pub(crate) fn phrase(reason: &str, message: &str) -> String {
    match (reason.is_empty(), message.is_empty()) {
        (false, false) => format!("{reason}: {message}"),
        (false, true) => reason.to_owned(),
        (true, _) => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_without_anything_is_read_as_such() {
        assert_eq!(serde_json::from_value::<Pod>(json!({})).unwrap(), Pod::default());
        assert_eq!(serde_json::from_value::<Service>(json!({ "spec": {} })).unwrap(), Service::default());
    }

    #[test]
    fn target_ports_are_numbers_or_names() {
        let read = |value| serde_json::from_value::<ServicePort>(value).unwrap().target_port;
        assert_eq!(read(json!({ "targetPort": 80 })), TargetPort::Number(80));
        assert_eq!(read(json!({ "targetPort": "http" })), TargetPort::Name("http".to_owned()));
        assert_eq!(read(json!({})), TargetPort::SameAsPort);
    }
}
