//! Who reaches the pods of a cluster from outside of it, by its NetworkPolicies.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Port, items, of_kind};

/// Everybody's address range.
const EVERYBODY: &str = "0.0.0.0/0";

/// Address ranges.
pub(super) type Ranges = BTreeSet<String>;

/// The ranges of everybody.
pub(super) fn everybody() -> Ranges {
    BTreeSet::from([EVERYBODY.to_owned()])
}

fn protocol(port: &Value) -> String {
    port["protocol"].as_str().unwrap_or("TCP").to_lowercase()
}

fn is_on_host_network(pod: &Value) -> bool {
    pod["spec"]["hostNetwork"] == true
}

/// The ports of all containers of a pod, those that prepare it among them.
pub(super) fn ports(pod: &Value) -> impl Iterator<Item = &Value> {
    let containers = items(pod, "/spec/containers").chain(items(pod, "/spec/initContainers"));
    containers.flat_map(|container| items(container, "/ports"))
}

fn has_labels(object: &Value, wanted: &Value) -> bool {
    let labels = &object["metadata"]["labels"];
    wanted.as_object().into_iter().flatten().all(|(key, value)| labels[key] == *value)
}

/// The policies that say who reaches a pod.
fn policies<'a>(objects: &'a [Value], pod: &'a Value) -> Vec<&'a Value> {
    let in_namespace = of_kind(objects, "NetworkPolicy")
        .filter(|policy| policy["metadata"]["namespace"] == pod["metadata"]["namespace"]);
    in_namespace.filter(|policy| has_labels(pod, &policy["spec"]["podSelector"]["matchLabels"])).collect()
}

/// Whether a pod is reached by nobody but those that policies name.
pub(super) fn is_closed(objects: &[Value], pod: &Value) -> bool {
    !is_on_host_network(pod) && !policies(objects, pod).is_empty()
}

/// The ranges from which a port of a pod is reached.
fn callers(objects: &[Value], pod: &Value, port: &Value) -> Ranges {
    if !is_closed(objects, pod) {
        return everybody();
    }
    let rules = policies(objects, pod).into_iter().flat_map(|policy| items(policy, "/spec/ingress"));
    rules.filter(|rule| opens(rule, port)).flat_map(sources).collect()
}

fn opens(rule: &Value, port: &Value) -> bool {
    let mut ports = items(rule, "/ports").peekable();
    ports.peek().is_none()
        || ports.any(|one| {
            let is_named = one["port"] == port["name"] || one["port"] == port["containerPort"];
            protocol(one) == protocol(port) && is_named
        })
}

fn sources(rule: &Value) -> Ranges {
    if rule.get("from").is_none() {
        return everybody();
    }
    let ranges = items(rule, "/from").filter_map(|from| from["ipBlock"]["cidr"].as_str());
    ranges.map(str::to_owned).collect()
}

/// The ports of workers that lead to pods, each with those who reach the pods behind it: host ports, ports of pods on the host network, node ports of Services.
pub(super) fn ports_of_workers(objects: &[Value]) -> BTreeMap<Port, Ranges> {
    let mut all: BTreeMap<Port, Ranges> = BTreeMap::new();
    for pod in of_kind(objects, "Pod") {
        for port in ports(pod) {
            let at = port.get("hostPort").or_else(|| is_on_host_network(pod).then(|| &port["containerPort"]));
            if let Some(number) = at.and_then(Value::as_u64) {
                all.entry((protocol(port), number)).or_default().extend(callers(objects, pod, port));
            }
        }
    }
    for service in of_kind(objects, "Service") {
        if let Some(number) = service["spec"]["healthCheckNodePort"].as_u64() {
            all.insert(("tcp".to_owned(), number), everybody());
        }
        for port in items(service, "/spec/ports") {
            if let Some(number) = port["nodePort"].as_u64() {
                let callers = callers_of_service(objects, service, port);
                all.entry((protocol(port), number)).or_default().extend(callers);
            }
        }
    }
    all
}

/// The ranges from which a port of a Service is reached. Where workers hand calls on to each other, policies see the workers' addresses instead of the callers'.
fn callers_of_service(objects: &[Value], service: &Value, port: &Value) -> Ranges {
    let target = port.get("targetPort").unwrap_or(&port["port"]);
    let mut ranges = Ranges::new();
    let pods = of_kind(objects, "Pod").filter(|pod| {
        pod["metadata"]["namespace"] == service["metadata"]["namespace"]
            && has_labels(pod, &service["spec"]["selector"])
    });
    for pod in pods {
        let behind = ports(pod).filter(|one| one["name"] == *target || one["containerPort"] == *target);
        ranges.extend(behind.flat_map(|port| callers(objects, pod, port)));
    }
    let keeps_addresses = service["spec"]["externalTrafficPolicy"] == "Local";
    assert!(
        keeps_addresses || ranges.is_empty() || ranges == everybody(),
        "no policy sees who calls {service}"
    );
    ranges
}

/// What the rules of all policies let in from other namespaces: namespace and port of the pods, namespace of the callers.
pub(super) fn let_in_between_namespaces(objects: &[Value]) -> BTreeSet<(String, String, String)> {
    let mut all = BTreeSet::new();
    for policy in of_kind(objects, "NetworkPolicy") {
        let namespace = policy["metadata"]["namespace"].as_str().unwrap();
        for rule in items(policy, "/spec/ingress") {
            let named = items(rule, "/from").filter_map(|from| from.get("namespaceSelector"));
            let callers =
                named.map(|selector| match selector["matchLabels"]["kubernetes.io/metadata.name"].as_str() {
                    Some(name) => name.to_owned(),
                    None => panic!("{selector} names no namespace"),
                });
            let ports: Vec<String> =
                match items(rule, "/ports").map(|port| port["port"].to_string()).collect::<Vec<_>>() {
                    none if none.is_empty() => vec!["all".to_owned()],
                    some => some,
                };
            for caller in callers {
                all.extend(ports.iter().map(|port| (namespace.to_owned(), port.clone(), caller.clone())));
            }
        }
    }
    all
}
