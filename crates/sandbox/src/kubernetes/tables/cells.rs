//! What single cells of those tables say.

use jiff::Timestamp;
use serde_json::Value;

use super::super::object::{self, entries, flag, items, text, text_or_empty, whole};

pub(super) fn name(object: &Value, _: Timestamp) -> Value {
    object::name(object).into()
}

pub(super) fn age(object: &Value, now: Timestamp) -> Value {
    since(object, "/metadata/creationTimestamp", now)
}

pub(super) fn since(object: &Value, pointer: &str, now: Timestamp) -> Value {
    object::instant(object, pointer).map_or_else(|| "<unknown>".into(), |at| span(at, now).into())
}

/// A span as kubectl writes it: `45s`, `3m20s`, `5h`, `12d`.
pub(super) fn span(from: Timestamp, to: Timestamp) -> String {
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

pub(super) fn or_none(text: Option<&str>) -> Value {
    text.filter(|text| !text.is_empty()).unwrap_or("<none>").into()
}

pub(super) fn or_not_available(object: &Value, pointer: &str) -> Value {
    match object.pointer(pointer) {
        Some(Value::String(text)) => text.clone().into(),
        Some(other) => other.to_string().into(),
        None => "N/A".into(),
    }
}

pub(super) fn count(object: &Value, pointer: &str) -> Value {
    whole(object, pointer).unwrap_or(0).into()
}

pub(super) fn fraction(object: &Value, part: &str, all: &str) -> Value {
    format!("{}/{}", whole(object, part).unwrap_or(0), whole(object, all).unwrap_or(1)).into()
}

pub(super) fn pairs(object: &Value, pointer: &str) -> Value {
    let list: Vec<String> = entries(object, pointer)
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    if list.is_empty() { "<none>".into() } else { list.join(",").into() }
}

pub(super) fn containers(object: &Value, part: &str) -> Value {
    let list: Vec<&str> =
        items(object, "/spec/template/spec/containers").iter().map(|one| text_or_empty(one, part)).collect();
    list.join(",").into()
}

pub(super) fn terminating_or(object: &Value, otherwise: &str) -> Value {
    if object::is_terminating(object) { "Terminating".into() } else { otherwise.into() }
}

pub(super) fn pod_ready(pod: &Value, _: Timestamp) -> Value {
    let statuses = items(pod, "/status/containerStatuses");
    let ready = statuses.iter().filter(|status| flag(status, "/ready")).count();
    format!("{ready}/{}", items(pod, "/spec/containers").len()).into()
}

pub(super) fn pod_status(pod: &Value, _: Timestamp) -> Value {
    let phase = text_or_empty(pod, "/status/phase");
    let reason = items(pod, "/status/containerStatuses").iter().rev().find_map(|status| {
        text(status, "/state/waiting/reason").or_else(|| text(status, "/state/terminated/reason"))
    });
    terminating_or(pod, reason.or_else(|| text(pod, "/status/reason")).unwrap_or(phase))
}

pub(super) fn pod_restarts(pod: &Value, now: Timestamp) -> Value {
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

pub(super) fn job_status(job: &Value, _: Timestamp) -> Value {
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

pub(super) fn job_duration(job: &Value, now: Timestamp) -> Value {
    let Some(started) = object::instant(job, "/status/startTime") else { return "".into() };
    span(started, object::instant(job, "/status/completionTime").unwrap_or(now)).into()
}

fn balanced(object: &Value) -> Vec<&str> {
    items(object, "/status/loadBalancer/ingress")
        .iter()
        .filter_map(|one| text(one, "/ip").or_else(|| text(one, "/hostname")))
        .collect()
}

pub(super) fn balanced_addresses(object: &Value) -> Value {
    balanced(object).join(",").into()
}

pub(super) fn external_ip(service: &Value, _: Timestamp) -> Value {
    match text_or_empty(service, "/spec/type") {
        "LoadBalancer" if balanced(service).is_empty() => "<pending>".into(),
        "LoadBalancer" => balanced_addresses(service),
        "ExternalName" => text_or_empty(service, "/spec/externalName").into(),
        _ => "<none>".into(),
    }
}

pub(super) fn service_ports(service: &Value, _: Timestamp) -> Value {
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

pub(super) fn data_count(object: &Value, _: Timestamp) -> Value {
    (entries(object, "/data").count() + entries(object, "/binaryData").count()).into()
}

pub(super) fn access_modes(object: &Value) -> Value {
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

pub(super) fn claim_of(volume: &Value, _: Timestamp) -> Value {
    let claim = text_or_empty(volume, "/spec/claimRef/name");
    if claim.is_empty() {
        return "".into();
    }
    format!("{}/{claim}", text_or_empty(volume, "/spec/claimRef/namespace")).into()
}

pub(super) fn node_status(node: &Value, _: Timestamp) -> Value {
    let ready = object::condition(node, "Ready").is_some_and(|ready| text(ready, "/status") == Some("True"));
    let mut status = if ready { "Ready".to_owned() } else { "NotReady".to_owned() };
    if flag(node, "/spec/unschedulable") {
        status.push_str(",SchedulingDisabled");
    }
    status.into()
}

pub(super) fn address(node: &Value, kind: &str) -> Value {
    let found = items(node, "/status/addresses").iter().find(|one| text(one, "/type") == Some(kind));
    or_none(found.and_then(|one| text(one, "/address")))
}

pub(super) fn hosts(ingress: &Value) -> Value {
    let hosts: Vec<&str> = items(ingress, "/spec/rules")
        .iter()
        .filter_map(|rule| text(rule, "/host"))
        .filter(|host| !host.is_empty())
        .collect();
    if hosts.is_empty() { "*".into() } else { hosts.join(",").into() }
}

pub(super) fn slice_ports(slice: &Value, _: Timestamp) -> Value {
    let ports: Vec<String> = items(slice, "/ports")
        .iter()
        .filter_map(|port| whole(port, "/port"))
        .map(|port| port.to_string())
        .collect();
    if ports.is_empty() { "<unset>".into() } else { ports.join(",").into() }
}

pub(super) fn slice_endpoints(slice: &Value, _: Timestamp) -> Value {
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
