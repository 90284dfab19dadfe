//! The pod template of a workload: an unprivileged user, a read-only root, nothing mounted that was not asked for.

use std::time::Duration;

use serde_json::{Value, json};
use spacecraft_core::workload::{ContainerPort, Probe, Protocol, Workload};

use super::deployment::seconds;
use super::{Target, digest, labels, set, set_unless_empty};
use volumes::{DATA, Mounts};

mod volumes;

/// The user and group of every process. The number means nothing in any of the images; files in claims belong to the group.
const UNPRIVILEGED: u32 = 10_001;
/// Ports below this need a privilege unless the pod's network allows them.
const FIRST_UNPRIVILEGED_PORT: u16 = 1024;
/// How often the kubelet tries the port while the process starts.
const STARTUP_PERIOD: Duration = Duration::from_secs(2);
/// How often the kubelet tries the port of a process that has started.
const READINESS_PERIOD: Duration = Duration::from_secs(10);
/// The accelerators' resource name, and the key of the taint that workers with accelerators carry.
const ACCELERATOR: &str = "nvidia.com/gpu";

/// Copies pairs of files given as arguments. The texts of paths are arguments, never part of the script.
const COPY_KEYS: &str = r#"umask 077
while [ "$#" -gt 1 ]; do
  mkdir -p "$(dirname "$2")"
  cp "$1" "$2.new"
  chmod 0600 "$2.new"
  mv "$2.new" "$2"
  shift 2
done"#;

/// The pod template of the workload. A changed config file changes its digest, and so makes a new pod.
pub(super) fn template(target: &Target, workload: &Workload) -> Value {
    let mut template = json!({
        "metadata": { "labels": labels::of_workload(target.network.as_str(), &workload.name, workload.part) },
        "spec": spec(target, workload),
    });
    let files: Vec<_> = workload.files.iter().map(|file| (&file.name, &file.content)).collect();
    let digest = digest::of(&json!([template, files]));
    if let Some(metadata) = template.get_mut("metadata") {
        set(metadata, "annotations", json!({ labels::TEMPLATE_DIGEST: digest }));
    }
    template
}

fn spec(target: &Target, workload: &Workload) -> Value {
    let mounts = Mounts::of(workload);
    let mut spec = json!({
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "terminationGracePeriodSeconds": seconds(workload.grace_period),
        "securityContext": pod_security(workload),
        "containers": [container(workload, &mounts)],
    });
    set_unless_empty(&mut spec, "volumes", json!(mounts.volumes));
    if !workload.keys.is_empty() {
        set(&mut spec, "initContainers", json!([key_copier(target, workload, &mounts)]));
    }
    if let Some(slot) = workload.slot {
        let key = labels::slot_key(target.network.as_str(), target.shared_cluster);
        set(&mut spec, "nodeSelector", json!({ key: slot.to_string() }));
    }
    if workload.accelerators > 0 {
        let toleration = json!({ "key": ACCELERATOR, "operator": "Exists", "effect": "NoSchedule" });
        set(&mut spec, "tolerations", json!([toleration]));
    }
    spec
}

fn pod_security(workload: &Workload) -> Value {
    let mut context = json!({
        "runAsNonRoot": true,
        "runAsUser": UNPRIVILEGED,
        "runAsGroup": UNPRIVILEGED,
        "fsGroup": UNPRIVILEGED,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": { "type": "RuntimeDefault" },
    });
    let lowest = workload.ports.iter().map(|port| port.port).min();
    if let Some(lowest) = lowest.filter(|port| *port < FIRST_UNPRIVILEGED_PORT) {
        // One of the sysctls that Kubernetes counts as safe: it concerns the pod's own network namespace only.
        let sysctl = json!({ "name": "net.ipv4.ip_unprivileged_port_start", "value": lowest.to_string() });
        set(&mut context, "sysctls", json!([sysctl]));
    }
    context
}

fn container_security() -> Value {
    json!({
        "allowPrivilegeEscalation": false,
        "capabilities": { "drop": ["ALL"] },
        "readOnlyRootFilesystem": true,
    })
}

fn container(workload: &Workload, mounts: &Mounts) -> Value {
    let mut container = json!({
        "name": workload.part.application(),
        "image": workload.image.to_string(),
        "resources": resources(workload),
        "securityContext": container_security(),
    });
    set_unless_empty(&mut container, "command", json!(workload.command));
    set_unless_empty(&mut container, "args", json!(workload.arguments));
    set_unless_empty(&mut container, "env", environment(workload));
    set_unless_empty(&mut container, "ports", container_ports(&workload.ports));
    set_unless_empty(&mut container, "volumeMounts", json!(mounts.of_container));
    if let Some(probe) = &workload.probe {
        set(&mut container, "startupProbe", startup_probe(probe));
        set(&mut container, "readinessProbe", readiness_probe(probe));
    }
    container
}

/// Requests and limits are the same, so that a pod gets what it was placed for.
fn resources(workload: &Workload) -> Value {
    let mut amounts = json!({
        "cpu": workload.resources.cpu.to_string(),
        "memory": workload.resources.memory.to_string(),
    });
    if workload.accelerators > 0 {
        set(&mut amounts, ACCELERATOR, json!(workload.accelerators.to_string()));
    }
    json!({ "requests": amounts, "limits": amounts })
}

fn environment(workload: &Workload) -> Value {
    let plain = workload.environment.iter().map(|(name, value)| json!({ "name": name, "value": value }));
    let secret = workload.secret_environment.iter().map(|variable| {
        let reference = json!({ "name": variable.secret, "key": variable.key });
        json!({ "name": variable.variable, "valueFrom": { "secretKeyRef": reference } })
    });
    Value::Array(plain.chain(secret).collect())
}

fn container_ports(ports: &[ContainerPort]) -> Value {
    let mut named = Vec::new();
    let values = ports.iter().map(|port| {
        let name = port_name(port, &mut named);
        let mut value =
            json!({ "name": name, "containerPort": port.port, "protocol": protocol(port.protocol) });
        if let Some(host_port) = port.host_port {
            set(&mut value, "hostPort", json!(host_port));
        }
        value
    });
    Value::Array(values.collect())
}

/// The name of a container port. The first host port of each transport has the name by which a NetworkPolicy opens it,
/// because its number differs from pod to pod.
fn port_name(port: &ContainerPort, named: &mut Vec<Protocol>) -> String {
    if port.host_port.is_some() && !named.contains(&port.protocol) {
        named.push(port.protocol);
        host_port_name(port.protocol).to_owned()
    } else {
        port.name.clone()
    }
}

/// The name that the container port behind a host port has in every pod.
pub(super) fn host_port_name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "p2p",
        Protocol::Udp => "p2p-udp",
    }
}

/// The transport's name in Kubernetes.
pub(super) fn protocol(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "TCP",
        Protocol::Udp => "UDP",
    }
}

/// Tries until the startup budget is used up; then the kubelet restarts the container.
fn startup_probe(probe: &Probe) -> Value {
    let tries = seconds(probe.startup_budget).div_ceil(STARTUP_PERIOD.as_secs()).max(1);
    json!({
        "tcpSocket": { "port": probe.port },
        "periodSeconds": STARTUP_PERIOD.as_secs(),
        "timeoutSeconds": 2,
        "failureThreshold": tries,
    })
}

fn readiness_probe(probe: &Probe) -> Value {
    json!({
        "tcpSocket": { "port": probe.port },
        "periodSeconds": READINESS_PERIOD.as_secs(),
        "timeoutSeconds": 5,
        "failureThreshold": 3,
    })
}

/// The init container that copies keys into the data volume, where the process expects to own them.
fn key_copier(target: &Target, workload: &Workload, mounts: &Mounts) -> Value {
    let root = workload.data.as_ref().map_or("", |data| data.mount_path.trim_end_matches('/'));
    let mut arguments = vec![COPY_KEYS.to_owned(), "copy-keys".to_owned()];
    for key in &workload.keys {
        arguments.push(volumes::key_path(key));
        arguments.push(format!("{root}/{}", key.path.trim_start_matches('/')));
    }
    let amounts = json!({ "cpu": "50m", "memory": "32Mi" });
    let mut container_mounts = mounts.of_keys.clone();
    container_mounts.extend(mounts.of_container.iter().filter(|mount| mount["name"] == DATA).cloned());
    json!({
        "name": "copy-keys",
        "image": target.key_copier,
        "command": ["/bin/sh", "-ec"],
        "args": arguments,
        "resources": { "requests": amounts, "limits": amounts },
        "securityContext": container_security(),
        "volumeMounts": container_mounts,
    })
}
