//! The tables that the API server makes for people: the columns of `kubectl get`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::object::{self, entries, flag, items, text, text_or_empty, whole};
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

fn name(object: &Value, _: Timestamp) -> Value {
    object::name(object).into()
}

fn age(object: &Value, now: Timestamp) -> Value {
    since(object, "/metadata/creationTimestamp", now)
}

fn since(object: &Value, pointer: &str, now: Timestamp) -> Value {
    object::instant(object, pointer).map_or_else(|| "<unknown>".into(), |at| span(at, now).into())
}

/// A span as kubectl writes it: `45s`, `3m20s`, `5h`, `12d`.
fn span(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.duration_since(from).as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 if seconds % 60 != 0 => format!("{minutes}m{}s", seconds % 60),
        120..10800 => format!("{minutes}m"),
        10800..28800 if minutes % 60 != 0 => format!("{hours}h{}m", minutes % 60),
        10800..172_800 => format!("{hours}h"),
        172_800..691_200 if hours % 24 != 0 => format!("{days}d{}h", hours % 24),
        _ => format!("{days}d"),
    }
}

fn or_none(text: Option<&str>) -> Value {
    text.filter(|text| !text.is_empty()).unwrap_or("<none>").into()
}

fn or_not_available(object: &Value, pointer: &str) -> Value {
    match object.pointer(pointer) {
        Some(Value::String(text)) => text.clone().into(),
        Some(other) => other.to_string().into(),
        None => "N/A".into(),
    }
}

fn count(object: &Value, pointer: &str) -> Value {
    whole(object, pointer).unwrap_or(0).into()
}

fn fraction(object: &Value, part: &str, all: &str) -> Value {
    format!("{}/{}", whole(object, part).unwrap_or(0), whole(object, all).unwrap_or(1)).into()
}

fn pairs(object: &Value, pointer: &str) -> Value {
    let list: Vec<String> = entries(object, pointer)
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    if list.is_empty() { "<none>".into() } else { list.join(",").into() }
}

fn containers(object: &Value, part: &str) -> Value {
    let list: Vec<&str> =
        items(object, "/spec/template/spec/containers").iter().map(|one| text_or_empty(one, part)).collect();
    list.join(",").into()
}

fn terminating_or(object: &Value, otherwise: &str) -> Value {
    if object::is_terminating(object) { "Terminating".into() } else { otherwise.into() }
}

fn pod_ready(pod: &Value, _: Timestamp) -> Value {
    let statuses = items(pod, "/status/containerStatuses");
    let ready = statuses.iter().filter(|status| flag(status, "/ready")).count();
    format!("{ready}/{}", items(pod, "/spec/containers").len()).into()
}

fn pod_status(pod: &Value, _: Timestamp) -> Value {
    let phase = text_or_empty(pod, "/status/phase");
    let reason = items(pod, "/status/containerStatuses").iter().rev().find_map(|status| {
        text(status, "/state/waiting/reason").or_else(|| text(status, "/state/terminated/reason"))
    });
    terminating_or(pod, reason.or_else(|| text(pod, "/status/reason")).unwrap_or(phase))
}

fn pod_restarts(pod: &Value, now: Timestamp) -> Value {
    let statuses = items(pod, "/status/containerStatuses");
    let restarts: i64 = statuses.iter().filter_map(|status| whole(status, "/restartCount")).sum();
    let last = statuses
        .iter()
        .filter_map(|status| object::instant(status, "/lastState/terminated/finishedAt"))
        .max();
    match last.filter(|_| restarts > 0) {
        Some(last) => format!("{restarts} ({} ago)", span(last, now)).into(),
        None => restarts.to_string().into(),
    }
}

fn job_status(job: &Value, _: Timestamp) -> Value {
    let holds = |kind: &str| {
        object::condition(job, kind).is_some_and(|condition| text(condition, "/status") == Some("True"))
    };
    let status = if holds("Complete") {
        "Complete"
    } else if holds("Failed") {
        "Failed"
    } else if object::is_terminating(job) {
        "Terminating"
    } else {
        "Running"
    };
    status.into()
}

fn job_duration(job: &Value, now: Timestamp) -> Value {
    let Some(started) = object::instant(job, "/status/startTime") else { return "".into() };
    span(started, object::instant(job, "/status/completionTime").unwrap_or(now)).into()
}

fn balanced(object: &Value) -> Vec<&str> {
    items(object, "/status/loadBalancer/ingress")
        .iter()
        .filter_map(|one| text(one, "/ip").or_else(|| text(one, "/hostname")))
        .collect()
}

fn balanced_addresses(object: &Value) -> Value {
    balanced(object).join(",").into()
}

fn external_ip(service: &Value, _: Timestamp) -> Value {
    match text_or_empty(service, "/spec/type") {
        "LoadBalancer" if balanced(service).is_empty() => "<pending>".into(),
        "LoadBalancer" => balanced_addresses(service),
        "ExternalName" => text_or_empty(service, "/spec/externalName").into(),
        _ => "<none>".into(),
    }
}

fn service_ports(service: &Value, _: Timestamp) -> Value {
    let ports: Vec<String> = items(service, "/spec/ports")
        .iter()
        .map(|port| {
            let protocol = text(port, "/protocol").unwrap_or("TCP");
            let number = whole(port, "/port").unwrap_or(0);
            match whole(port, "/nodePort").filter(|number| *number != 0) {
                Some(node_port) => format!("{number}:{node_port}/{protocol}"),
                None => format!("{number}/{protocol}"),
            }
        })
        .collect();
    if ports.is_empty() { "<none>".into() } else { ports.join(",").into() }
}

fn data_count(object: &Value, _: Timestamp) -> Value {
    (entries(object, "/data").count() + entries(object, "/binaryData").count()).into()
}

fn access_modes(object: &Value) -> Value {
    let short: Vec<&str> = items(object, "/spec/accessModes")
        .iter()
        .filter_map(Value::as_str)
        .map(|mode| match mode {
            "ReadWriteOnce" => "RWO",
            "ReadOnlyMany" => "ROX",
            "ReadWriteMany" => "RWX",
            "ReadWriteOncePod" => "RWOP",
            other => other,
        })
        .collect();
    short.join(",").into()
}

fn claim_of(volume: &Value, _: Timestamp) -> Value {
    let claim = text_or_empty(volume, "/spec/claimRef/name");
    if claim.is_empty() {
        return "".into();
    }
    format!("{}/{claim}", text_or_empty(volume, "/spec/claimRef/namespace")).into()
}

fn node_status(node: &Value, _: Timestamp) -> Value {
    let ready = object::condition(node, "Ready").is_some_and(|ready| text(ready, "/status") == Some("True"));
    let mut status = if ready { "Ready".to_owned() } else { "NotReady".to_owned() };
    if flag(node, "/spec/unschedulable") {
        status.push_str(",SchedulingDisabled");
    }
    status.into()
}

fn address(node: &Value, kind: &str) -> Value {
    let found = items(node, "/status/addresses").iter().find(|one| text(one, "/type") == Some(kind));
    or_none(found.and_then(|one| text(one, "/address")))
}

fn hosts(ingress: &Value) -> Value {
    let hosts: Vec<&str> = items(ingress, "/spec/rules")
        .iter()
        .filter_map(|rule| text(rule, "/host"))
        .filter(|host| !host.is_empty())
        .collect();
    if hosts.is_empty() { "*".into() } else { hosts.join(",").into() }
}

fn slice_ports(slice: &Value, _: Timestamp) -> Value {
    let ports: Vec<String> = items(slice, "/ports")
        .iter()
        .filter_map(|port| whole(port, "/port"))
        .map(|port| port.to_string())
        .collect();
    if ports.is_empty() { "<unset>".into() } else { ports.join(",").into() }
}

fn slice_endpoints(slice: &Value, _: Timestamp) -> Value {
    let addresses: Vec<&str> = items(slice, "/endpoints")
        .iter()
        .flat_map(|endpoint| items(endpoint, "/addresses"))
        .filter_map(Value::as_str)
        .collect();
    if addresses.is_empty() { "<unset>".into() } else { addresses.join(",").into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_short() {
        let at = |seconds: i64| Timestamp::from_second(seconds).unwrap();
        for (seconds, expected) in [
            (5, "5s"),
            (119, "119s"),
            (200, "3m20s"),
            (600, "10m"),
            (10860, "3h1m"),
            (40000, "11h"),
            (700_000, "8d"),
        ] {
            assert_eq!(span(at(0), at(seconds)), expected);
        }
    }
}
