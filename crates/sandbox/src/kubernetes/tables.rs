//! The tables that the API server makes for people: the columns of `kubectl get`.

mod cells;

use jiff::Timestamp;
use serde_json::{Value, json};

use self::cells::{
    access_modes, address, age, balanced_addresses, claim_of, containers, count, data_count, external_ip,
    fraction, hosts, job_duration, job_status, name, node_status, or_none, or_not_available, pairs,
    pod_ready, pod_restarts, pod_status, service_ports, since, slice_endpoints, slice_ports, span,
    terminating_or,
};
use super::object::{flag, items, text, text_or_empty, whole};
use super::reading;
use super::resources::Resource;

/// A column: its name, its type, its priority (0 is always shown) and what it says of an object.
struct Column {
    name: &'static str,
    kind: &'static str,
    priority: u8,
    cell: fn(&Value, Timestamp) -> Value,
}

const fn column(name: &'static str, cell: fn(&Value, Timestamp) -> Value) -> Column {
    Column { name, kind: "string", priority: 0, cell }
}

const fn wide(name: &'static str, cell: fn(&Value, Timestamp) -> Value) -> Column {
    Column { name, kind: "string", priority: 1, cell }
}

const fn number(name: &'static str, cell: fn(&Value, Timestamp) -> Value) -> Column {
    Column { name, kind: "integer", priority: 0, cell }
}

/// The table of some objects of one resource.
pub(crate) fn table(
    resource: &Resource,
    rows: &[Value],
    metadata: Value,
    include: &str,
    now: Timestamp,
) -> Value {
    let (definitions, cells): (Vec<Value>, Vec<Vec<Value>>) = match &resource.custom {
        Some(custom) => custom_columns(&custom.columns, rows, now),
        None => {
            let columns = columns(&resource.kind);
            let definitions = columns.iter().map(definition).collect();
            (
                definitions,
                rows.iter()
                    .map(|row| columns.iter().map(|column| (column.cell)(row, now)).collect())
                    .collect(),
            )
        }
    };
    let rows: Vec<Value> = rows
        .iter()
        .zip(cells)
        .map(|(row, cells)| {
            let mut made = json!({"cells": cells});
            match include {
                "None" => made["object"] = Value::Null,
                "Object" => made["object"] = row.clone(),
                _ => made["object"] = reading::partial(row),
            }
            made
        })
        .collect();
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": definitions,
        "rows": rows,
    })
}

fn definition(column: &Column) -> Value {
    let format = if column.name == "Name" { "name" } else { "" };
    json!({"name": column.name, "type": column.kind, "format": format, "description": "", "priority": column.priority})
}

fn custom_columns(columns: &[Value], rows: &[Value], now: Timestamp) -> (Vec<Value>, Vec<Vec<Value>>) {
    let mut definitions = vec![definition(&column("Name", name))];
    for column in columns {
        definitions.push(json!({
            "name": text_or_empty(column, "/name"),
            "type": text_or_empty(column, "/type"),
            "format": text_or_empty(column, "/format"),
            "description": text_or_empty(column, "/description"),
            "priority": whole(column, "/priority").unwrap_or(0),
        }));
    }
    if columns.is_empty() {
        definitions.push(definition(&column("Age", age)));
    }
    let cells = rows
        .iter()
        .map(|row| {
            let mut cells = vec![name(row, now)];
            cells.extend(columns.iter().map(|column| custom_cell(column, row, now)));
            if columns.is_empty() {
                cells.push(age(row, now));
            }
            cells
        })
        .collect();
    (definitions, cells)
}

fn custom_cell(column: &Value, row: &Value, now: Timestamp) -> Value {
    let pointer = text_or_empty(column, "/jsonPath").replace('.', "/");
    let value = row.pointer(&pointer).cloned().unwrap_or_default();
    match (text(column, "/type"), value.as_str().and_then(|at| at.parse().ok())) {
        (Some("date"), Some(since)) => span(since, now).into(),
        _ => value,
    }
}

/// The columns of a built-in kind.
fn columns(kind: &str) -> Vec<Column> {
    let mut columns = vec![column("Name", name)];
    columns.extend(middle_columns(kind));
    columns.extend(last_columns(kind));
    columns
}

fn middle_columns(kind: &str) -> Vec<Column> {
    match kind {
        "Pod" => vec![
            column("Ready", pod_ready),
            column("Status", pod_status),
            column("Restarts", pod_restarts),
            column("Age", age),
            wide("IP", |pod, _| or_none(text(pod, "/status/podIP"))),
            wide("Node", |pod, _| or_none(text(pod, "/spec/nodeName"))),
            wide("Nominated Node", |pod, _| or_none(text(pod, "/status/nominatedNodeName"))),
            wide("Readiness Gates", |_, _| "<none>".into()),
        ],
        "Deployment" => vec![
            column("Ready", |one, _| fraction(one, "/status/readyReplicas", "/spec/replicas")),
            number("Up-to-date", |one, _| count(one, "/status/updatedReplicas")),
            number("Available", |one, _| count(one, "/status/availableReplicas")),
        ],
        "StatefulSet" => {
            vec![column("Ready", |one, _| fraction(one, "/status/readyReplicas", "/spec/replicas"))]
        }
        "ReplicaSet" | "ReplicationController" => vec![
            number("Desired", |one, _| count(one, "/spec/replicas")),
            number("Current", |one, _| count(one, "/status/replicas")),
            number("Ready", |one, _| count(one, "/status/readyReplicas")),
        ],
        "DaemonSet" => vec![
            number("Desired", |one, _| count(one, "/status/desiredNumberScheduled")),
            number("Current", |one, _| count(one, "/status/currentNumberScheduled")),
            number("Ready", |one, _| count(one, "/status/numberReady")),
            number("Up-to-date", |one, _| count(one, "/status/updatedNumberScheduled")),
            number("Available", |one, _| count(one, "/status/numberAvailable")),
            column("Node Selector", |one, _| pairs(one, "/spec/template/spec/nodeSelector")),
        ],
        "Job" => vec![
            column("Status", job_status),
            column("Completions", |one, _| fraction(one, "/status/succeeded", "/spec/completions")),
            column("Duration", job_duration),
        ],
        "CronJob" => vec![
            column("Schedule", |one, _| text_or_empty(one, "/spec/schedule").into()),
            column("Timezone", |one, _| or_none(text(one, "/spec/timeZone"))),
            column("Suspend", |one, _| flag(one, "/spec/suspend").to_string().into()),
            number("Active", |one, _| items(one, "/status/active").len().into()),
            column("Last Schedule", |_, _| "<none>".into()),
        ],
        "Service" => vec![
            column("Type", |one, _| text_or_empty(one, "/spec/type").into()),
            column("Cluster-IP", |one, _| or_none(text(one, "/spec/clusterIP"))),
            column("External-IP", external_ip),
            column("Port(s)", service_ports),
        ],
        "ConfigMap" => vec![number("Data", data_count)],
        "Secret" => {
            vec![column("Type", |one, _| text_or_empty(one, "/type").into()), number("Data", data_count)]
        }
        "ServiceAccount" => vec![number("Secrets", |one, _| items(one, "/secrets").len().into())],
        "Namespace" => vec![column("Status", |one, _| text_or_empty(one, "/status/phase").into())],
        _ => other_columns(kind),
    }
}

fn other_columns(kind: &str) -> Vec<Column> {
    match kind {
        "PersistentVolumeClaim" => vec![
            column("Status", |one, _| terminating_or(one, text_or_empty(one, "/status/phase"))),
            column("Volume", |one, _| text_or_empty(one, "/spec/volumeName").into()),
            column("Capacity", |one, _| text_or_empty(one, "/status/capacity/storage").into()),
            column("Access Modes", |one, _| access_modes(one)),
            column("StorageClass", |one, _| text_or_empty(one, "/spec/storageClassName").into()),
            column("VolumeAttributesClass", |_, _| "<unset>".into()),
        ],
        "PersistentVolume" => vec![
            column("Capacity", |one, _| text_or_empty(one, "/spec/capacity/storage").into()),
            column("Access Modes", |one, _| access_modes(one)),
            column("Reclaim Policy", |one, _| {
                text_or_empty(one, "/spec/persistentVolumeReclaimPolicy").into()
            }),
            column("Status", |one, _| terminating_or(one, text_or_empty(one, "/status/phase"))),
            column("Claim", claim_of),
            column("StorageClass", |one, _| text_or_empty(one, "/spec/storageClassName").into()),
            column("VolumeAttributesClass", |_, _| "<unset>".into()),
            column("Reason", |_, _| "".into()),
        ],
        "Node" => vec![
            column("Status", node_status),
            column("Roles", |_, _| "<none>".into()),
            column("Age", age),
            column("Version", |one, _| text_or_empty(one, "/status/nodeInfo/kubeletVersion").into()),
            wide("Internal-IP", |one, _| address(one, "InternalIP")),
            wide("External-IP", |one, _| address(one, "ExternalIP")),
            wide("OS-Image", |one, _| text_or_empty(one, "/status/nodeInfo/osImage").into()),
            wide("Kernel-Version", |one, _| text_or_empty(one, "/status/nodeInfo/kernelVersion").into()),
            wide("Container-Runtime", |one, _| {
                text_or_empty(one, "/status/nodeInfo/containerRuntimeVersion").into()
            }),
        ],
        "Ingress" => vec![
            column("Class", |one, _| or_none(text(one, "/spec/ingressClassName"))),
            column("Hosts", |one, _| hosts(one)),
            column("Address", |one, _| balanced_addresses(one)),
            column(
                "Ports",
                |one, _| if items(one, "/spec/tls").is_empty() { "80".into() } else { "80, 443".into() },
            ),
        ],
        "IngressClass" => vec![
            column("Controller", |one, _| text_or_empty(one, "/spec/controller").into()),
            column("Parameters", |_, _| "<none>".into()),
        ],
        "NetworkPolicy" => vec![column("Pod-Selector", |one, _| pairs(one, "/spec/podSelector/matchLabels"))],
        "PodDisruptionBudget" => vec![
            column("Min Available", |one, _| or_not_available(one, "/spec/minAvailable")),
            column("Max Unavailable", |one, _| or_not_available(one, "/spec/maxUnavailable")),
            number("Allowed Disruptions", |one, _| count(one, "/status/disruptionsAllowed")),
        ],
        "StorageClass" => vec![
            column("Provisioner", |one, _| text_or_empty(one, "/provisioner").into()),
            column("ReclaimPolicy", |one, _| text_or_empty(one, "/reclaimPolicy").into()),
            column("VolumeBindingMode", |one, _| text_or_empty(one, "/volumeBindingMode").into()),
            column("AllowVolumeExpansion", |one, _| flag(one, "/allowVolumeExpansion").to_string().into()),
        ],
        "EndpointSlice" => vec![
            column("AddressType", |one, _| text_or_empty(one, "/addressType").into()),
            column("Ports", slice_ports),
            column("Endpoints", slice_endpoints),
        ],
        "Endpoints" => vec![column("Endpoints", |_, _| "<none>".into())],
        "Lease" => vec![column("Holder", |one, _| text_or_empty(one, "/spec/holderIdentity").into())],
        "RoleBinding" | "ClusterRoleBinding" => vec![column("Role", |one, _| {
            format!("{}/{}", text_or_empty(one, "/roleRef/kind"), text_or_empty(one, "/roleRef/name")).into()
        })],
        "HorizontalPodAutoscaler" => vec![column("Reference", |one, _| {
            let reference =
                |part: &str| text_or_empty(one, &format!("/spec/scaleTargetRef/{part}")).to_owned();
            format!("{}/{}", reference("kind"), reference("name")).into()
        })],
        "PriorityClass" => vec![number("Value", |one, _| count(one, "/value"))],
        _ => Vec::new(),
    }
}

fn last_columns(kind: &str) -> Vec<Column> {
    match kind {
        "Pod" | "Node" => Vec::new(),
        "Event" => vec![
            column("Last Seen", |one, now| since(one, "/lastTimestamp", now)),
            column("Type", |one, _| text_or_empty(one, "/type").into()),
            column("Reason", |one, _| text_or_empty(one, "/reason").into()),
            column("Object", |one, _| {
                let kind = text_or_empty(one, "/involvedObject/kind").to_lowercase();
                format!("{kind}/{}", text_or_empty(one, "/involvedObject/name")).into()
            }),
            column("Message", |one, _| text_or_empty(one, "/message").trim().into()),
        ],
        "CustomResourceDefinition" | "Role" | "ClusterRole" => {
            vec![column("Created At", |one, _| text_or_empty(one, "/metadata/creationTimestamp").into())]
        }
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" | "CronJob" => vec![
            column("Age", age),
            wide("Containers", |one, _| containers(one, "/name")),
            wide("Images", |one, _| containers(one, "/image")),
            wide("Selector", |one, _| pairs(one, "/spec/selector/matchLabels")),
        ],
        "Service" => vec![column("Age", age), wide("Selector", |one, _| pairs(one, "/spec/selector"))],
        "PersistentVolumeClaim" | "PersistentVolume" => vec![
            column("Age", age),
            wide("VolumeMode", |one, _| text_or_empty(one, "/spec/volumeMode").into()),
        ],
        _ => vec![column("Age", age)],
    }
}
