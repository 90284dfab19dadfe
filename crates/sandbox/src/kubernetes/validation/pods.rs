//! Pods, and the templates of pods.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::names;
use super::super::object::{entries, flag, items, text, text_or_empty, whole};
use super::super::quantity::Quantity;
use super::super::status::Mistake;
use super::{Mistakes, duplicates, label_selector, not_negative, one_of, port_number};

/// The spec of a pod at a pointer, named as `field` in messages.
pub(super) fn spec(object: &Value, pointer: &str, field: &str, mistakes: &mut Mistakes) {
    let spec = object.pointer(pointer).unwrap_or(&Value::Null);
    volumes(spec, field, mistakes);
    let containers = items(spec, "/containers");
    if containers.is_empty() {
        mistakes.push(Mistake::required(format!("{field}.containers"), ""));
    }
    let volume_names: BTreeSet<&str> = items(spec, "/volumes")
        .iter()
        .map(|volume| text_or_empty(volume, "/name"))
        .chain(claimed(object))
        .collect();
    let mut seen = BTreeSet::new();
    for (list, containers) in [("containers", containers), ("initContainers", items(spec, "/initContainers"))]
    {
        for (index, one) in containers.iter().enumerate() {
            let field = format!("{field}.{list}[{index}]");
            container(one, &field, &volume_names, mistakes);
            let name = text_or_empty(one, "/name");
            if !name.is_empty() && !seen.insert(name) {
                mistakes.push(Mistake::duplicate(format!("{field}.name"), name));
            }
        }
    }
    host_ports(spec, field, mistakes);
    policies(spec, field, mistakes);
    placement(spec, field, mistakes);
    security(spec, field, mistakes);
}

fn policies(spec: &Value, field: &str, mistakes: &mut Mistakes) {
    let at = |name: &str| format!("{field}.{name}");
    one_of(spec, "/restartPolicy", &at("restartPolicy"), &["Always", "OnFailure", "Never"], mistakes);
    let dns = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
    one_of(spec, "/dnsPolicy", &at("dnsPolicy"), &dns, mistakes);
    not_negative(spec, "/terminationGracePeriodSeconds", &at("terminationGracePeriodSeconds"), mistakes);
    if let Some(seconds) = whole(spec, "/activeDeadlineSeconds").filter(|seconds| *seconds < 1) {
        let detail = "must be between 1 and 2147483647, inclusive";
        mistakes.push(Mistake::invalid(at("activeDeadlineSeconds"), seconds, detail));
    }
    for name in ["serviceAccountName", "nodeName", "priorityClassName"] {
        let value = text_or_empty(spec, &format!("/{name}"));
        if !value.is_empty() {
            mistakes
                .extend(names::dns_subdomain(value).iter().map(|why| Mistake::invalid(at(name), value, why)));
        }
    }
    for name in ["hostname", "subdomain"] {
        let value = text_or_empty(spec, &format!("/{name}"));
        if !value.is_empty() {
            mistakes.extend(names::dns_label(value).iter().map(|why| Mistake::invalid(at(name), value, why)));
        }
    }
}

fn placement(spec: &Value, field: &str, mistakes: &mut Mistakes) {
    super::labels(spec, "/nodeSelector", &format!("{field}.nodeSelector"), mistakes);
    for (index, toleration) in items(spec, "/tolerations").iter().enumerate() {
        let field = format!("{field}.tolerations[{index}]");
        one_of(
            toleration,
            "/operator",
            &format!("{field}.operator"),
            &["Equal", "Exists", "Lt", "Gt"],
            mistakes,
        );
        let effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
        one_of(toleration, "/effect", &format!("{field}.effect"), &effects, mistakes);
        if text_or_empty(toleration, "/key").is_empty() && text(toleration, "/operator") != Some("Exists") {
            let operator = text_or_empty(toleration, "/operator");
            let detail =
                "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
            mistakes.push(Mistake::invalid(format!("{field}.operator"), operator, detail));
        }
    }
    for kind in ["podAffinity", "podAntiAffinity"] {
        let list = "requiredDuringSchedulingIgnoredDuringExecution";
        let terms = items(spec, &format!("/affinity/{kind}/{list}"));
        for (index, term) in terms.iter().enumerate() {
            let field = format!("{field}.affinity.{kind}.{list}[{index}]");
            if text_or_empty(term, "/topologyKey").is_empty() {
                mistakes.push(Mistake::required(format!("{field}.topologyKey"), "can not be empty"));
            }
            label_selector(term, "/labelSelector", &format!("{field}.labelSelector"), mistakes);
        }
    }
    topology_spread(spec, field, mistakes);
}

fn topology_spread(spec: &Value, field: &str, mistakes: &mut Mistakes) {
    for (index, constraint) in items(spec, "/topologySpreadConstraints").iter().enumerate() {
        let field = format!("{field}.topologySpreadConstraints[{index}]");
        if whole(constraint, "/maxSkew").unwrap_or(0) < 1 {
            let skew = whole(constraint, "/maxSkew").unwrap_or(0);
            mistakes.push(Mistake::invalid(format!("{field}.maxSkew"), skew, "must be greater than zero"));
        }
        if text_or_empty(constraint, "/topologyKey").is_empty() {
            mistakes.push(Mistake::required(format!("{field}.topologyKey"), "can not be empty"));
        }
        let supported = ["DoNotSchedule", "ScheduleAnyway"];
        let value = text_or_empty(constraint, "/whenUnsatisfiable");
        if !supported.contains(&value) {
            mistakes.push(Mistake::unsupported(format!("{field}.whenUnsatisfiable"), value, &supported));
        }
    }
}

fn security(spec: &Value, field: &str, mistakes: &mut Mistakes) {
    for name in ["runAsUser", "runAsGroup", "fsGroup"] {
        let pointer = format!("/securityContext/{name}");
        if let Some(id) = whole(spec, &pointer).filter(|id| !(0..=2_147_483_647).contains(id)) {
            let detail = "must be between 0 and 2147483647, inclusive";
            mistakes.push(Mistake::invalid(format!("{field}.securityContext.{name}"), id, detail));
        }
    }
    let policies = ["OnRootMismatch", "Always"];
    let at = format!("{field}.securityContext.fsGroupChangePolicy");
    one_of(spec, "/securityContext/fsGroupChangePolicy", &at, &policies, mistakes);
}

fn host_ports(spec: &Value, field: &str, mistakes: &mut Mistakes) {
    let host_network = flag(spec, "/hostNetwork");
    let mut seen = BTreeSet::new();
    for (index, container) in items(spec, "/containers").iter().enumerate() {
        for (place, port) in items(container, "/ports").iter().enumerate() {
            let Some(number) = whole(port, "/hostPort").filter(|number| *number != 0) else { continue };
            let at = format!("{field}.containers[{index}].ports[{place}]");
            let protocol = text(port, "/protocol").unwrap_or("TCP");
            let address = text_or_empty(port, "/hostIP");
            if !seen.insert((protocol, address, number)) {
                let shown = format!("{protocol}/{address}/{number}");
                mistakes.push(Mistake::duplicate(format!("{at}.hostPort"), shown));
            }
            if host_network && whole(port, "/containerPort") != Some(number) {
                let detail = "must match `containerPort` when `hostNetwork` is true";
                mistakes.push(Mistake::invalid(
                    format!("{at}.containerPort"),
                    whole(port, "/containerPort"),
                    detail,
                ));
            }
        }
    }
}

/// Names of the volumes that a StatefulSet's claim templates will give its pods.
fn claimed(object: &Value) -> impl Iterator<Item = &str> {
    items(object, "/spec/volumeClaimTemplates").iter().map(|claim| text_or_empty(claim, "/metadata/name"))
}

fn container(container: &Value, field: &str, volumes: &BTreeSet<&str>, mistakes: &mut Mistakes) {
    let name = text_or_empty(container, "/name");
    if name.is_empty() {
        mistakes.push(Mistake::required(format!("{field}.name"), ""));
    } else {
        let why = names::dns_label(name);
        mistakes.extend(why.iter().map(|why| Mistake::invalid(format!("{field}.name"), name, why)));
    }
    image(container, field, mistakes);
    let policies = ["Always", "IfNotPresent", "Never"];
    one_of(container, "/imagePullPolicy", &format!("{field}.imagePullPolicy"), &policies, mistakes);
    let policies = ["File", "FallbackToLogsOnError"];
    let at = format!("{field}.terminationMessagePolicy");
    one_of(container, "/terminationMessagePolicy", &at, &policies, mistakes);
    ports(container, field, mistakes);
    environment(container, field, mistakes);
    resources(container, field, mistakes);
    mounts(container, field, volumes, mistakes);
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(found) = container.get(name) {
            probe(found, name, &format!("{field}.{name}"), mistakes);
        }
    }
}

fn image(container: &Value, field: &str, mistakes: &mut Mistakes) {
    let image = text_or_empty(container, "/image");
    if image.is_empty() {
        mistakes.push(Mistake::required(format!("{field}.image"), ""));
    } else if image.trim() != image {
        let detail = "must not have leading or trailing whitespace";
        mistakes.push(Mistake::invalid(format!("{field}.image"), image, detail));
    }
}

fn ports(container: &Value, field: &str, mistakes: &mut Mistakes) {
    let ports = items(container, "/ports");
    for (index, port) in ports.iter().enumerate() {
        let field = format!("{field}.ports[{index}]");
        match whole(port, "/containerPort") {
            None | Some(0) => mistakes.push(Mistake::required(format!("{field}.containerPort"), "")),
            Some(number) => port_number(number, &format!("{field}.containerPort"), mistakes),
        }
        if let Some(number) = whole(port, "/hostPort").filter(|number| *number != 0) {
            port_number(number, &format!("{field}.hostPort"), mistakes);
        }
        one_of(port, "/protocol", &format!("{field}.protocol"), &["SCTP", "TCP", "UDP"], mistakes);
        if let Some(name) = text(port, "/name").filter(|name| !name.is_empty()) {
            let why = names::port_name(name);
            mistakes.extend(why.iter().map(|why| Mistake::invalid(format!("{field}.name"), name, why)));
        }
    }
    let names = ports.iter().enumerate();
    duplicates(
        names.map(|(index, port)| (format!("{field}.ports[{index}].name"), text_or_empty(port, "/name"))),
        mistakes,
    );
}

fn environment(container: &Value, field: &str, mistakes: &mut Mistakes) {
    for (index, variable) in items(container, "/env").iter().enumerate() {
        let field = format!("{field}.env[{index}]");
        let name = text_or_empty(variable, "/name");
        if name.is_empty() {
            mistakes.push(Mistake::required(format!("{field}.name"), ""));
        } else {
            let why = names::environment_name(name);
            mistakes.extend(why.iter().map(|why| Mistake::invalid(format!("{field}.name"), name, why)));
        }
        if let Some(source) = variable.get("valueFrom") {
            value_from(variable, source, &format!("{field}.valueFrom"), mistakes);
        }
    }
    for (index, source) in items(container, "/envFrom").iter().enumerate() {
        let field = format!("{field}.envFrom[{index}]");
        if source.get("configMapRef").is_none() && source.get("secretRef").is_none() {
            let detail = "must specify one of: `configMapRef` or `secretRef`";
            mistakes.push(Mistake::invalid(field, "", detail));
        }
    }
}

fn value_from(variable: &Value, source: &Value, field: &str, mistakes: &mut Mistakes) {
    if !text_or_empty(variable, "/value").is_empty() {
        let detail = "may not be specified when `value` is not empty";
        mistakes.push(Mistake::invalid(field, "", detail));
    }
    let kinds = ["fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"];
    match kinds.iter().filter(|kind| source.get(**kind).is_some()).count() {
        0 => mistakes.push(Mistake::invalid(field, "", "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`")),
        1 => {}
        _ => mistakes.push(Mistake::invalid(field, "", "may not have more than one field specified at a time")),
    }
    for kind in ["configMapKeyRef", "secretKeyRef"] {
        if let Some(reference) = source.get(kind) {
            for part in ["name", "key"] {
                if text_or_empty(reference, &format!("/{part}")).is_empty() {
                    mistakes.push(Mistake::required(format!("{field}.{kind}.{part}"), ""));
                }
            }
        }
    }
    if let Some(path) = text(source, "/fieldRef/fieldPath") {
        field_path(path, &format!("{field}.fieldRef.fieldPath"), mistakes);
    }
}

fn field_path(path: &str, field: &str, mistakes: &mut Mistakes) {
    const SUPPORTED: [&str; 11] = [
        "metadata.name",
        "metadata.namespace",
        "metadata.uid",
        "spec.nodeName",
        "spec.serviceAccountName",
        "status.hostIP",
        "status.hostIPs",
        "status.podIP",
        "status.podIPs",
        "metadata.labels",
        "metadata.annotations",
    ];
    let bare = path.split('[').next().unwrap_or(path);
    if !SUPPORTED.contains(&bare) {
        mistakes.push(Mistake::unsupported(field, path, &SUPPORTED));
    }
}

fn resources(container: &Value, field: &str, mistakes: &mut Mistakes) {
    let quantity = |kind: &str, name: &str| {
        let found = container.get("resources")?.get(kind)?.get(name)?;
        found.as_str().and_then(Quantity::parse)
    };
    for kind in ["limits", "requests"] {
        for (name, _) in entries(container, &format!("/resources/{kind}")) {
            let at = format!("{field}.resources.{kind}");
            let standard = matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage")
                || name.starts_with("hugepages-")
                || name.contains('/');
            if !standard {
                let detail = "must be a standard resource type or fully qualified";
                mistakes.push(Mistake::invalid(format!("{at}[{name}]"), name.as_str(), detail));
                mistakes.push(Mistake::invalid(
                    format!("{at}[{name}]"),
                    name.as_str(),
                    "must be a standard resource for containers",
                ));
            }
            if quantity(kind, name).is_some_and(Quantity::is_negative) {
                let shown = text_or_empty(container, &format!("/resources/{kind}/{name}"));
                mistakes.push(Mistake::invalid(
                    format!("{at}[{name}]"),
                    shown,
                    "must be greater than or equal to 0",
                ));
            }
        }
    }
    for (name, asked) in entries(container, "/resources/requests") {
        let (Some(request), Some(limit)) = (quantity("requests", name), quantity("limits", name)) else {
            continue;
        };
        if request.milli() > limit.milli() {
            let shown = limit.canonical();
            let detail = format!("must be less than or equal to {name} limit of {shown}");
            mistakes.push(Mistake::invalid(format!("{field}.resources.requests"), asked.clone(), &detail));
        }
    }
}

fn mounts(container: &Value, field: &str, volumes: &BTreeSet<&str>, mistakes: &mut Mistakes) {
    let mut paths = BTreeSet::new();
    for (index, mount) in items(container, "/volumeMounts").iter().enumerate() {
        let field = format!("{field}.volumeMounts[{index}]");
        let name = text_or_empty(mount, "/name");
        if name.is_empty() {
            mistakes.push(Mistake::required(format!("{field}.name"), ""));
        } else if !volumes.contains(name) {
            mistakes.push(Mistake::not_found(format!("{field}.name"), name));
        }
        let path = text_or_empty(mount, "/mountPath");
        if path.is_empty() {
            mistakes.push(Mistake::required(format!("{field}.mountPath"), ""));
        } else if !paths.insert(path) {
            mistakes.push(Mistake::invalid(format!("{field}.mountPath"), path, "must be unique"));
        }
        if text_or_empty(mount, "/subPath").starts_with('/') {
            let path = text_or_empty(mount, "/subPath");
            mistakes.push(Mistake::invalid(format!("{field}.subPath"), path, "must be a relative path"));
        }
    }
}

fn probe(probe: &Value, kind: &str, field: &str, mistakes: &mut Mistakes) {
    let handlers = ["exec", "httpGet", "tcpSocket", "grpc"];
    match handlers.iter().filter(|handler| probe.get(**handler).is_some()).count() {
        0 => mistakes.push(Mistake::required(field, "must specify a handler type")),
        1 => {}
        _ => mistakes.push(Mistake::forbidden(field, "may not specify more than 1 handler type")),
    }
    for number in
        ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"]
    {
        not_negative(probe, &format!("/{number}"), &format!("{field}.{number}"), mistakes);
    }
    let threshold = whole(probe, "/successThreshold").unwrap_or(1);
    if kind != "readinessProbe" && threshold != 1 {
        mistakes.push(Mistake::invalid(format!("{field}.successThreshold"), threshold, "must be 1"));
    }
    for handler in ["httpGet", "tcpSocket", "grpc"] {
        if let Some(number) = whole(probe, &format!("/{handler}/port")) {
            port_number(number, &format!("{field}.{handler}.port"), mistakes);
        }
    }
}

const SOURCES: [&str; 12] = [
    "emptyDir",
    "hostPath",
    "configMap",
    "secret",
    "persistentVolumeClaim",
    "projected",
    "downwardAPI",
    "csi",
    "nfs",
    "ephemeral",
    "gcePersistentDisk",
    "image",
];

fn volumes(spec: &Value, field: &str, mistakes: &mut Mistakes) {
    let volumes = items(spec, "/volumes");
    for (index, volume) in volumes.iter().enumerate() {
        let field = format!("{field}.volumes[{index}]");
        let name = text_or_empty(volume, "/name");
        if name.is_empty() {
            mistakes.push(Mistake::required(format!("{field}.name"), ""));
        } else {
            let why = names::dns_label(name);
            mistakes.extend(why.iter().map(|why| Mistake::invalid(format!("{field}.name"), name, why)));
        }
        if SOURCES.iter().filter(|source| volume.get(**source).is_some()).count() > 1 {
            let detail = "may not specify more than 1 volume type";
            mistakes.push(Mistake::forbidden(field.clone(), detail));
        }
        for (source, name) in
            [("configMap", "name"), ("secret", "secretName"), ("persistentVolumeClaim", "claimName")]
        {
            if volume.get(source).is_some() && text_or_empty(volume, &format!("/{source}/{name}")).is_empty()
            {
                mistakes.push(Mistake::required(format!("{field}.{source}.{name}"), ""));
            }
            file_modes(volume, source, &field, mistakes);
        }
    }
    let names = volumes.iter().enumerate();
    duplicates(
        names.map(|(index, volume)| {
            (format!("{field}.volumes[{index}].name"), text_or_empty(volume, "/name"))
        }),
        mistakes,
    );
}

fn file_modes(volume: &Value, source: &str, field: &str, mistakes: &mut Mistakes) {
    let detail = "must be a number between 0 and 0777 (octal), both inclusive";
    if let Some(mode) =
        whole(volume, &format!("/{source}/defaultMode")).filter(|mode| !(0..=0o777).contains(mode))
    {
        mistakes.push(Mistake::invalid(format!("{field}.{source}.defaultMode"), mode, detail));
    }
    for (index, item) in items(volume, &format!("/{source}/items")).iter().enumerate() {
        for part in ["key", "path"] {
            if text_or_empty(item, &format!("/{part}")).is_empty() {
                mistakes.push(Mistake::required(format!("{field}.{source}.items[{index}].{part}"), ""));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::verdict;

    #[test]
    fn a_pod_needs_a_container_with_a_name_and_an_image() {
        let pod = json!({"metadata": {"name": "a"}, "spec": {"containers": [{}]}});
        assert_eq!(
            verdict("pods", &pod),
            "Pod \"x\" is invalid: [spec.containers[0].name: Required value, \
             spec.containers[0].image: Required value]"
        );
    }

    #[test]
    fn what_a_container_refers_to_must_be_there() {
        let pod = json!({"metadata": {"name": "a"}, "spec": {"containers": [{"name": "a", "image": "b",
            "volumeMounts": [{"name": "data", "mountPath": "/d"}],
            "env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c"}}}],
            "resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}},
            "ports": [{"containerPort": 80, "hostPort": 70000, "name": "UPPER"}]}]}});
        let verdict = verdict("pods", &pod);
        for expected in [
            "spec.containers[0].volumeMounts[0].name: Not found: \"data\"",
            "spec.containers[0].env[0].valueFrom.configMapKeyRef.key: Required value",
            "spec.containers[0].resources.requests: Invalid value: \"2\": must be less than or equal to cpu limit of 1",
            "spec.containers[0].ports[0].hostPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
            "spec.containers[0].ports[0].name: Invalid value: \"UPPER\"",
        ] {
            assert!(verdict.contains(expected), "{expected} is not in {verdict}");
        }
    }
}
