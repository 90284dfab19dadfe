//! Services, ingresses and network policies.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::Value;

use super::super::names;
use super::super::object::{items, text, text_or_empty, whole};
use super::super::status::Mistake;
use super::{Mistakes, duplicates, label_selector, labels, one_of, port_number};

/// A service. Which addresses and node ports are free is the allocator's matter.
pub(super) fn service(object: &Value, mistakes: &mut Mistakes) {
    let kinds = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
    one_of(object, "/spec/type", "spec.type", &kinds, mistakes);
    one_of(object, "/spec/sessionAffinity", "spec.sessionAffinity", &["ClientIP", "None"], mistakes);
    labels(object, "/spec/selector", "spec.selector", mistakes);
    let kind = text_or_empty(object, "/spec/type");
    let ports = items(object, "/spec/ports");
    if ports.is_empty() && kind != "ExternalName" && text(object, "/spec/clusterIP") != Some("None") {
        mistakes.push(Mistake::required("spec.ports", ""));
    }
    if kind == "ExternalName" && text_or_empty(object, "/spec/externalName").is_empty() {
        mistakes.push(Mistake::required("spec.externalName", ""));
    }
    for (index, port) in ports.iter().enumerate() {
        service_port(port, &format!("spec.ports[{index}]"), ports.len() > 1, kind, mistakes);
    }
    let names = ports.iter().enumerate();
    duplicates(
        names.map(|(index, port)| (format!("spec.ports[{index}].name"), text_or_empty(port, "/name"))),
        mistakes,
    );
    duplicate_ports(ports, mistakes);
    traffic_policies(object, kind, mistakes);
    source_ranges(object, mistakes);
}

fn service_port(port: &Value, field: &str, several: bool, kind: &str, mistakes: &mut Mistakes) {
    let name = text_or_empty(port, "/name");
    if several && name.is_empty() {
        mistakes.push(Mistake::required(format!("{field}.name"), ""));
    } else if !name.is_empty() {
        let why = names::dns_label(name);
        mistakes.extend(why.iter().map(|why| Mistake::invalid(format!("{field}.name"), name, why)));
    }
    port_number(whole(port, "/port").unwrap_or(0), &format!("{field}.port"), mistakes);
    one_of(port, "/protocol", &format!("{field}.protocol"), &["SCTP", "TCP", "UDP"], mistakes);
    match port.get("targetPort") {
        Some(Value::Number(number)) => {
            port_number(number.as_i64().unwrap_or(0), &format!("{field}.targetPort"), mistakes);
        }
        Some(Value::String(target)) => {
            let why = names::port_name(target);
            mistakes.extend(
                why.iter().map(|why| Mistake::invalid(format!("{field}.targetPort"), target.as_str(), why)),
            );
        }
        _ => {}
    }
    if kind == "ClusterIP" && whole(port, "/nodePort").is_some_and(|number| number != 0) {
        let detail = "may not be used when `type` is 'ClusterIP'";
        mistakes.push(Mistake::forbidden(format!("{field}.nodePort"), detail));
    }
}

fn duplicate_ports(ports: &[Value], mistakes: &mut Mistakes) {
    let (mut seen, mut node_ports) = (BTreeSet::new(), BTreeSet::new());
    for (index, port) in ports.iter().enumerate() {
        let protocol = text(port, "/protocol").unwrap_or("TCP");
        if !seen.insert((protocol, whole(port, "/port"))) {
            mistakes.push(Mistake::duplicate(format!("spec.ports[{index}]"), port.clone()));
        }
        let node_port = whole(port, "/nodePort").filter(|number| *number != 0);
        if node_port.is_some() && !node_ports.insert((protocol, node_port)) {
            mistakes.push(Mistake::duplicate(format!("spec.ports[{index}].nodePort"), node_port));
        }
    }
}

fn traffic_policies(object: &Value, kind: &str, mistakes: &mut Mistakes) {
    let policies = ["Cluster", "Local"];
    one_of(object, "/spec/internalTrafficPolicy", "spec.internalTrafficPolicy", &policies, mistakes);
    one_of(object, "/spec/externalTrafficPolicy", "spec.externalTrafficPolicy", &policies, mistakes);
    if let Some(policy) = text(object, "/spec/externalTrafficPolicy")
        && kind == "ClusterIP"
        && items(object, "/spec/externalIPs").is_empty()
    {
        let detail = "may only be set for externally-accessible services";
        mistakes.push(Mistake::invalid("spec.externalTrafficPolicy", policy, detail));
    }
}

fn source_ranges(object: &Value, mistakes: &mut Mistakes) {
    for (index, range) in items(object, "/spec/loadBalancerSourceRanges").iter().enumerate() {
        let range = range.as_str().unwrap_or_default();
        if !is_cidr(range) {
            let detail = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
            mistakes.push(Mistake::invalid(format!("spec.loadBalancerSourceRanges[{index}]"), range, detail));
        }
    }
}

fn is_cidr(range: &str) -> bool {
    let Some((address, bits)) = range.split_once('/') else { return false };
    match (address.parse::<IpAddr>(), bits.parse::<u8>()) {
        (Ok(IpAddr::V4(_)), Ok(bits)) => bits <= 32,
        (Ok(IpAddr::V6(_)), Ok(bits)) => bits <= 128,
        _ => false,
    }
}

/// An ingress.
pub(super) fn ingress(object: &Value, mistakes: &mut Mistakes) {
    let rules = items(object, "/spec/rules");
    if rules.is_empty() && object.pointer("/spec/defaultBackend").is_none() {
        let detail = "either `defaultBackend` or `rules` must be specified";
        mistakes.push(Mistake::invalid("spec", "", detail));
    }
    if let Some(found) = object.pointer("/spec/defaultBackend") {
        backend(found, "spec.defaultBackend", mistakes);
    }
    for (index, rule) in rules.iter().enumerate() {
        ingress_rule(rule, &format!("spec.rules[{index}]"), mistakes);
    }
    if let Some(class) = text(object, "/spec/ingressClassName") {
        let why = names::dns_subdomain(class);
        mistakes.extend(why.iter().map(|why| Mistake::invalid("spec.ingressClassName", class, why)));
    }
}

fn ingress_rule(rule: &Value, field: &str, mistakes: &mut Mistakes) {
    let host = text_or_empty(rule, "/host");
    if host.parse::<IpAddr>().is_ok() {
        mistakes.push(Mistake::invalid(
            format!("{field}.host"),
            host,
            "must be a DNS name, not an IP address",
        ));
    } else if !host.is_empty() {
        let bare = host.strip_prefix("*.").unwrap_or(host);
        let why = names::dns_subdomain(bare);
        mistakes.extend(why.iter().map(|why| Mistake::invalid(format!("{field}.host"), host, why)));
    }
    let Some(http) = rule.get("http") else { return };
    let paths = items(http, "/paths");
    if paths.is_empty() {
        mistakes.push(Mistake::required(format!("{field}.http.paths"), ""));
    }
    for (index, path) in paths.iter().enumerate() {
        ingress_path(path, &format!("{field}.http.paths[{index}]"), mistakes);
    }
}

fn ingress_path(path: &Value, field: &str, mistakes: &mut Mistakes) {
    let kinds = ["Exact", "ImplementationSpecific", "Prefix"];
    let written = text_or_empty(path, "/path");
    match text(path, "/pathType") {
        None => mistakes.push(Mistake::required(format!("{field}.pathType"), "pathType must be specified")),
        Some("ImplementationSpecific") if written.is_empty() => {}
        Some(_) if !written.starts_with('/') => {
            mistakes.push(Mistake::invalid(format!("{field}.path"), written, "must be an absolute path"));
        }
        Some(_) => {}
    }
    one_of(path, "/pathType", &format!("{field}.pathType"), &kinds, mistakes);
    match path.get("backend") {
        Some(found) => backend(found, &format!("{field}.backend"), mistakes),
        None => mistakes.push(Mistake::required(format!("{field}.backend"), "")),
    }
}

fn backend(backend: &Value, field: &str, mistakes: &mut Mistakes) {
    if backend.get("resource").is_some() {
        return;
    }
    if backend.get("service").is_none() {
        mistakes.push(Mistake::required(field, "must specify one of: `resource` or `service`"));
        return;
    }
    let name = text_or_empty(backend, "/service/name");
    if name.is_empty() {
        mistakes.push(Mistake::required(format!("{field}.service.name"), ""));
    }
    let named = !text_or_empty(backend, "/service/port/name").is_empty();
    let number = whole(backend, "/service/port/number").filter(|number| *number != 0);
    match (named, number) {
        (false, None) => mistakes.push(Mistake::required(field, "port name or number is required")),
        (true, Some(_)) => {
            mistakes.push(Mistake::invalid(field, "", "cannot set both port name & port number"));
        }
        (false, Some(number)) => port_number(number, &format!("{field}.service.port.number"), mistakes),
        (true, None) => {}
    }
}

/// An ingress class.
pub(super) fn ingress_class(object: &Value, mistakes: &mut Mistakes) {
    if text_or_empty(object, "/spec/controller").is_empty() {
        mistakes.push(Mistake::required("spec.controller", ""));
    }
}

/// A network policy.
pub(super) fn network_policy(object: &Value, mistakes: &mut Mistakes) {
    label_selector(object, "/spec/podSelector", "spec.podSelector", mistakes);
    for (list, peers) in [("ingress", "from"), ("egress", "to")] {
        for (index, rule) in items(object, &format!("/spec/{list}")).iter().enumerate() {
            for (place, peer) in items(rule, &format!("/{peers}")).iter().enumerate() {
                policy_peer(peer, &format!("spec.{list}[{index}].{peers}[{place}]"), mistakes);
            }
        }
    }
    for (index, kind) in items(object, "/spec/policyTypes").iter().enumerate() {
        let kind = kind.as_str().unwrap_or_default();
        if !["Egress", "Ingress"].contains(&kind) {
            mistakes.push(Mistake::unsupported(
                format!("spec.policyTypes[{index}]"),
                kind,
                &["Egress", "Ingress"],
            ));
        }
    }
}

fn policy_peer(peer: &Value, field: &str, mistakes: &mut Mistakes) {
    for selector in ["podSelector", "namespaceSelector"] {
        label_selector(peer, &format!("/{selector}"), &format!("{field}.{selector}"), mistakes);
    }
    let Some(block) = peer.get("ipBlock") else {
        if peer.get("podSelector").is_none() && peer.get("namespaceSelector").is_none() {
            mistakes.push(Mistake::required(field, "must specify a peer"));
        }
        return;
    };
    let cidr = text_or_empty(block, "/cidr");
    if cidr.is_empty() {
        mistakes.push(Mistake::required(format!("{field}.ipBlock.cidr"), ""));
    } else if !is_cidr(cidr) {
        let detail = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
        mistakes.push(Mistake::invalid(format!("{field}.ipBlock.cidr"), cidr, detail));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::verdict;

    #[test]
    fn several_ports_of_a_service_need_names() {
        let service = json!({"metadata": {"name": "a"}, "spec": {"ports": [{"port": 1}, {"port": 2}]}});
        assert_eq!(
            verdict("services", &service),
            "Service \"x\" is invalid: [spec.ports[0].name: Required value, spec.ports[1].name: Required value]"
        );
    }

    #[test]
    fn a_service_name_starts_with_a_letter() {
        let service = json!({"metadata": {"name": "1a"}, "spec": {"ports": [{"port": 1}]}});
        assert!(verdict("services", &service).contains("a DNS-1035 label must consist of"));
    }

    #[test]
    fn an_ingress_path_needs_its_type_and_a_port() {
        let ingress = json!({"metadata": {"name": "a"}, "spec": {"rules": [{"http": {"paths": [
            {"path": "/", "backend": {"service": {"name": "s"}}}]}}]}});
        let verdict = verdict("ingresses.networking.k8s.io", &ingress);
        assert!(verdict.contains("pathType must be specified"), "{verdict}");
        assert!(verdict.contains("port name or number is required"), "{verdict}");
    }

    #[test]
    fn policies_take_address_ranges_only() {
        let policy = json!({"metadata": {"name": "a"}, "spec": {"podSelector": {}, "ingress": [
            {"from": [{"ipBlock": {"cidr": "10.0.0.0"}}, {}]}]}});
        let verdict = verdict("networkpolicies.networking.k8s.io", &policy);
        assert!(verdict.contains("must be a valid CIDR value"), "{verdict}");
        assert!(verdict.contains("must specify a peer"), "{verdict}");
    }
}
