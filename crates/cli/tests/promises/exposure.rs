//! What can be reached is what the plan and the report say.

use std::collections::BTreeSet;
use std::fs;

use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

use crate::cloud::Cloud;

const CREATE: &str = "-n net1 -m 3 -p 2 --bootnode-amount 1 --metrics --enable-slack-alerts --deploy-pyroscope \
                      --profile-miners 1";
/// Listeners that nobody outside the network may reach directly: private gRPC of both generations, pprof, metrics, the PoET's own,
/// Elasticsearch, Kibana, Grafana, Prometheus, its gateway and Pyroscope.
const PRIVATE_PORTS: [u64; 13] =
    [6060, 6001, 6002, 9093, 9094, 1010, 9200, 9300, 5601, 3000, 9090, 9091, 4040];
/// Pods of charts that look at their worker itself, and so listen on it: of the worker's ports, the firewall opens none of theirs.
const OF_WORKERS: [&str; 1] = ["node-exporter"];

/// A transport and a port of workers.
type Port = (String, u64);

fn items<'a>(value: &'a Value, path: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value.pointer(path).and_then(Value::as_array).into_iter().flatten()
}

fn of_kind<'a>(objects: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> + use<'a> {
    objects.iter().filter(move |object| object["kind"] == kind)
}

/// The single ports of ranges such as `5001-5003`.
fn single<'a>(protocol: &str, ranges: impl Iterator<Item = &'a str>) -> BTreeSet<Port> {
    let range = |text: &str| {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        first.parse().unwrap()..=last.parse().unwrap()
    };
    ranges.flat_map(range).map(|port| (protocol.to_lowercase(), port)).collect()
}

/// The ports of workers of an exposure, from `tcp:5001-5003`.
fn ports_of(exposure: &Value) -> BTreeSet<Port> {
    let texts = items(exposure, "/at").filter_map(|at| at.as_str()?.split_once(':'));
    let ports = texts.filter(|(protocol, _)| ["tcp", "udp"].contains(protocol));
    ports.flat_map(|(protocol, range)| single(protocol, std::iter::once(range))).collect()
}

/// The hosts of an exposure, from `https://grafana-net1.spacemesh.io/`.
fn hosts_of(exposure: &Value) -> BTreeSet<String> {
    let texts = items(exposure, "/at").filter_map(|at| at.as_str()?.strip_prefix("https://"));
    texts.map(|host| host.trim_end_matches('/').to_owned()).collect()
}

/// What the list says of those outside the cluster.
fn promised<T: Ord>(exposures: &Value, what: fn(&Value) -> BTreeSet<T>) -> BTreeSet<T> {
    let outside = items(exposures, "").filter(|entry| entry["reach"]["who"] != "cluster-only");
    outside.flat_map(what).collect()
}

/// What the firewall rules of the network open, each port with those who may reach it.
fn opened(contents: &Value) -> BTreeSet<(Port, String)> {
    let rules = contents["services"]["compute"]["firewalls"].as_object().unwrap();
    let mut opened = BTreeSet::new();
    for rule in rules.values() {
        let sources = rule["body"]["sourceRanges"].to_string();
        for allowed in items(rule, "/body/allowed") {
            let protocol = allowed["IPProtocol"].as_str().unwrap();
            let ports = items(allowed, "/ports").filter_map(Value::as_str);
            opened.extend(single(protocol, ports).into_iter().map(|port| (port, sources.clone())));
        }
    }
    opened
}

/// The same as the list tells it.
fn reachable(exposures: &Value) -> BTreeSet<(Port, String)> {
    let mut reachable = BTreeSet::new();
    for entry in items(exposures, "") {
        let sources = match entry["reach"]["who"].as_str().unwrap() {
            "everybody" => json!(["0.0.0.0/0"]),
            "ranges" => entry["reach"]["ranges"].clone(),
            _ => continue,
        };
        reachable.extend(ports_of(entry).into_iter().map(|port| (port, sources.to_string())));
    }
    reachable
}

/// Host ports of pods, but for those that look at the worker itself, and node ports of Services.
fn listening(objects: &[Value]) -> BTreeSet<Port> {
    let protocol = |port: &Value| port["protocol"].as_str().unwrap_or("TCP").to_lowercase();
    let containers = of_kind(objects, "Pod").flat_map(|pod| items(pod, "/spec/containers"));
    let of_network = containers.filter(|container| !OF_WORKERS.iter().any(|name| container["name"] == *name));
    let host_ports = of_network
        .flat_map(|container| items(container, "/ports"))
        .filter_map(|port| Some((protocol(port), port["hostPort"].as_u64()?)));
    let node_ports = of_kind(objects, "Service")
        .filter(|service| service["spec"]["type"] == "NodePort")
        .flat_map(|service| items(service, "/spec/ports"))
        .filter_map(|port| Some((protocol(port), port["nodePort"].as_u64()?)));
    host_ports.chain(node_ports).collect()
}

/// Load balancers lead to the ingress controller alone, and that to the hosts of the list alone, each of which has a name.
fn assert_names_lead_to_what_is_listed(
    objects: &[Value],
    hosts: &BTreeSet<String>,
    cloud: &Cloud,
    what: &str,
) {
    let balanced: Vec<&str> = of_kind(objects, "Service")
        .filter(|service| service["spec"]["type"] == "LoadBalancer")
        .filter_map(|service| service["metadata"]["name"].as_str())
        .collect();
    let expected = if hosts.is_empty() { vec![] } else { vec!["ingress-nginx-controller"] };
    assert_eq!(balanced, expected, "{what}");
    let routed: BTreeSet<String> = of_kind(objects, "Ingress")
        .flat_map(|ingress| items(ingress, "/spec/rules"))
        .map(|rule| rule["host"].as_str().unwrap_or("any host").to_owned())
        .collect();
    assert_eq!(&routed, hosts, "{what}: ingresses");
    let records = cloud.inventory()["dns_records"].to_string();
    assert!(hosts.iter().all(|host| records.contains(host)), "{what}: {records}");
}

fn assert_private_ports_stay_inside(objects: &[Value]) {
    for service in of_kind(objects, "Service").filter(|service| service["spec"]["type"] != "ClusterIP") {
        for port in items(service, "/spec/ports") {
            let targets = [port["port"].as_u64(), port["targetPort"].as_u64()];
            let private = targets.into_iter().flatten().find(|port| PRIVATE_PORTS.contains(port));
            assert_eq!(private, None, "{service}");
        }
        assert_eq!(service["spec"].get("externalIPs"), None, "{service}");
    }
    for pod in of_kind(objects, "Pod") {
        for port in items(pod, "/spec/containers").flat_map(|container| items(container, "/ports")) {
            let (host, inside) = (port["hostPort"].as_u64(), port["containerPort"].as_u64().unwrap());
            assert!(host.is_none() || !PRIVATE_PORTS.contains(&inside), "{} {port}", pod["metadata"]["name"]);
        }
    }
}

/// Every pod of the network is covered by a policy, and what policies open to everybody is no private port.
fn assert_policies_hold(objects: &[Value]) {
    let policies: Vec<&Value> = of_kind(objects, "NetworkPolicy").collect();
    let covers_all = |namespace: &Value| {
        policies.iter().any(|policy| {
            policy["metadata"]["namespace"] == *namespace
                && policy["spec"]["podSelector"] == json!({})
                && items(policy, "/spec/ingress").all(|rule| rule["from"].is_array())
        })
    };
    let ours =
        of_kind(objects, "Pod").filter(|pod| pod["metadata"]["labels"]["spacecraft.io/network"] == "net1");
    for namespace in ours.map(|pod| &pod["metadata"]["namespace"]) {
        assert!(covers_all(namespace), "no policy closes namespace {namespace}: {policies:?}");
    }
    for policy in &policies {
        for rule in items(policy, "/spec/ingress") {
            let from: Vec<&Value> = items(rule, "/from").collect();
            let is_open = from.is_empty() || from.iter().any(|from| from.get("ipBlock").is_some());
            assert!(!is_open || items(rule, "/ports").next().is_some(), "{policy} opens every port");
            for port in items(rule, "/ports").filter(|_| is_open) {
                assert!(port["port"].as_u64().is_none_or(|port| !PRIVATE_PORTS.contains(&port)), "{policy}");
            }
        }
    }
}

fn assert_unprivileged(objects: &[Value]) {
    let ours = |pod: &&Value| pod["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "spacecraft";
    let mut seen = 0;
    for pod in of_kind(objects, "Pod").filter(ours) {
        seen += 1;
        let (name, spec) = (&pod["metadata"]["name"], &pod["spec"]);
        for host in ["hostNetwork", "hostPID", "hostIPC"] {
            assert_ne!(spec[host], true, "{name} {host}");
        }
        assert!(items(spec, "/volumes").all(|volume| volume.get("hostPath").is_none()), "{name}");
        assert_eq!(spec["automountServiceAccountToken"], false, "{name}");
        assert_eq!(spec["securityContext"]["runAsNonRoot"], true, "{name}");
        for container in items(spec, "/containers").chain(items(spec, "/initContainers")) {
            let context = &container["securityContext"];
            assert_eq!(context["allowPrivilegeEscalation"], false, "{name} {container}");
            assert_eq!(context["readOnlyRootFilesystem"], true, "{name} {container}");
            assert_eq!(context["capabilities"]["drop"], json!(["ALL"]), "{name} {container}");
        }
    }
    assert!(seen >= 6, "few pods are ours: {seen}");
}

/// Compares the list with everything that exists.
fn check(cloud: &Cloud, exposures: &Value, what: &str) {
    let (contents, objects) = (cloud.contents(), cloud.objects());
    assert!(promised(exposures, ports_of).len() >= 5, "{what}: {exposures}");
    assert_eq!(opened(&contents), reachable(exposures), "{what}: the firewall");
    let all_ports: BTreeSet<Port> = items(exposures, "").flat_map(ports_of).collect();
    assert_eq!(listening(&objects), all_ports, "{what}: host ports and node ports");
    assert_names_lead_to_what_is_listed(&objects, &promised(exposures, hosts_of), cloud, what);
    assert_private_ports_stay_inside(&objects);
    assert_policies_hold(&objects);
    assert_unprivileged(&objects);
}

fn creation(generation: &str, more: &str) {
    let what = format!("{CREATE} --generation {generation} {more}");
    let cloud = Cloud::new();
    let plan = cloud.json(&format!("plan {what}"));
    let report = cloud.json(&format!("create-network {what}"));
    assert_eq!(plan["exposure"], report["exposure"]);
    check(&cloud, &report["exposure"], &what);
}

#[test]
fn what_a_network_of_today_exposes_is_what_plan_and_report_list() {
    creation("v1", "");
    creation("v1", "--allow-from 198.51.100.0/24,203.0.113.7/32 --publish none");
}

#[test]
fn what_a_network_of_the_first_generation_exposes_is_what_plan_and_report_list() {
    creation("v0", "--allow-from 198.51.100.0/24");
    creation("v0", "--logs none");
}

#[test]
fn what_web_services_and_changes_of_the_fleet_expose_is_what_the_plan_lists() {
    let cloud = Cloud::new();
    cloud.done("create-network -n net1 -m 3 -p 2 --bootnode-amount 1 --allow-from 198.51.100.0/24");
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["*.spacemesh.io".to_owned()]).unwrap();
    let (crt, pem) = (cloud.home().join("tls.crt"), cloud.home().join("tls.key"));
    fs::write(&crt, certificate.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(&pem, key.serialize_pem()).unwrap();
    let (crt, pem) = (crt.display(), pem.display());
    cloud.done(&format!("deploy-ws --provider sandbox -n net1 --tls-crt {crt} --tls-key {pem}"));
    cloud.done("add-miner --provider sandbox -n net1 --count 2");
    cloud.done("delete-miner 3 --provider sandbox -n net1 --yes");
    let report = cloud.json("create-network -n net1");
    check(&cloud, &report["exposure"], "with web services and another fleet");
}
