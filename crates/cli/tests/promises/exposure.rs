//! What can be reached is what the plan and the report say.

mod policies;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

use crate::cloud::Cloud;
use policies::Ranges;

const CREATE: &str = "-n net1 -m 3 -p 2 --bootnode-amount 1 --metrics --enable-slack-alerts --deploy-pyroscope \
                      --profile-miners 1";
/// Listeners that nobody outside the network may reach directly: private gRPC of both generations, pprof, metrics, the PoET's own,
/// Elasticsearch, Kibana, Grafana, Prometheus, its gateway and Pyroscope.
const PRIVATE_PORTS: [u64; 13] =
    [6060, 6001, 6002, 9093, 9094, 1010, 9200, 9300, 5601, 3000, 9090, 9091, 4040];
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
fn opened(contents: &Value) -> BTreeMap<Port, Ranges> {
    let rules = contents["services"]["compute"]["firewalls"].as_object().unwrap();
    let mut opened: BTreeMap<Port, Ranges> = BTreeMap::new();
    for rule in rules.values() {
        let sources = texts(rule, "/body/sourceRanges");
        for allowed in items(rule, "/body/allowed") {
            let protocol = allowed["IPProtocol"].as_str().unwrap();
            for port in single(protocol, items(allowed, "/ports").filter_map(Value::as_str)) {
                opened.entry(port).or_default().extend(sources.clone());
            }
        }
    }
    opened
}

fn texts(value: &Value, path: &str) -> Ranges {
    items(value, path).filter_map(Value::as_str).map(str::to_owned).collect()
}

/// All ports of workers that the list tells, each with those who may reach it from outside.
fn listed(exposures: &Value) -> BTreeMap<Port, Ranges> {
    let mut listed = BTreeMap::new();
    for entry in items(exposures, "") {
        let sources = match entry["reach"]["who"].as_str().unwrap() {
            "everybody" => policies::everybody(),
            "ranges" => texts(entry, "/reach/ranges"),
            _ => Ranges::new(),
        };
        listed.extend(ports_of(entry).into_iter().map(|port| (port, sources.clone())));
    }
    listed
}

/// Those of them that anybody outside may reach.
fn reachable(listed: &BTreeMap<Port, Ranges>) -> BTreeMap<Port, Ranges> {
    let outside = listed.iter().filter(|(_, ranges)| !ranges.is_empty());
    outside.map(|(port, ranges)| (port.clone(), ranges.clone())).collect()
}

/// Load balancers lead to the ingress controller alone, and that to the hosts of the list alone, each of which has a name.
fn assert_names_lead_to_what_is_listed(objects: &[Value], hosts: &BTreeSet<String>, what: &str) {
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
        for port in policies::ports(pod) {
            let (host, inside) = (port["hostPort"].as_u64(), port["containerPort"].as_u64().unwrap());
            assert!(host.is_none() || !PRIVATE_PORTS.contains(&inside), "{} {port}", pod["metadata"]["name"]);
        }
    }
}

/// Every pod in a namespace of the network is closed to all that no policy names, what policies open to others is no private port, and what they let in from other
/// namespaces is `between`: namespace and port of the pods, namespace of the callers.
fn assert_policies_hold(objects: &[Value], namespaces: &[&str], between: &[(&str, &str, &str)]) {
    let theirs = |pod: &&Value| namespaces.iter().any(|name| pod["metadata"]["namespace"] == *name);
    for pod in of_kind(objects, "Pod").filter(theirs) {
        // No policy holds on the host network, where nothing but what looks at workers is.
        let looks_at_worker =
            pod["metadata"]["labels"]["app.kubernetes.io/name"] == "prometheus-node-exporter";
        assert!(looks_at_worker || policies::is_closed(objects, pod), "{} is open", pod["metadata"]);
    }
    for policy in of_kind(objects, "NetworkPolicy") {
        for rule in items(policy, "/spec/ingress") {
            let from: Vec<&Value> = items(rule, "/from").collect();
            let is_open = from.is_empty() || from.iter().any(|from| from.get("ipBlock").is_some());
            assert!(!is_open || items(rule, "/ports").next().is_some(), "{policy} opens every port");
            for port in items(rule, "/ports").filter(|_| is_open) {
                assert!(port["port"].as_u64().is_none_or(|port| !PRIVATE_PORTS.contains(&port)), "{policy}");
            }
        }
    }
    let found = policies::let_in_between_namespaces(objects);
    let found: Vec<(&str, &str, &str)> =
        found.iter().map(|(namespace, port, callers)| (&**namespace, &**port, &**callers)).collect();
    assert_eq!(found, between);
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

/// Compares the list with everything that exists on a cluster of the network's own. What is reached is what both the firewall and the policies let through.
fn check(cloud: &Cloud, exposures: &Value, between: &[(&str, &str, &str)], what: &str) {
    let (contents, objects) = (cloud.contents(), cloud.objects());
    let (listed, opened) = (listed(exposures), opened(&contents));
    assert!(promised(exposures, ports_of).len() >= 5, "{what}: {exposures}");
    assert_eq!(opened, reachable(&listed), "{what}: the firewall");
    let no_one = Ranges::new();
    let let_through: BTreeMap<Port, Ranges> = policies::ports_of_workers(&objects)
        .into_iter()
        .map(|(port, ranges)| {
            let by_firewall = opened.get(&port).unwrap_or(&no_one);
            let both = ranges.intersection(by_firewall).cloned().collect();
            (port, both)
        })
        .collect();
    assert_eq!(let_through, listed, "{what}: host ports and node ports");
    let hosts = promised(exposures, hosts_of);
    assert_names_lead_to_what_is_listed(&objects, &hosts, what);
    let records = cloud.inventory()["dns_records"].to_string();
    assert!(hosts.iter().all(|host| records.contains(host)), "{what}: {records}");
    assert_private_ports_stay_inside(&objects);
    assert_policies_hold(&objects, &["default", "metrics", "ws"], between);
    assert_unprivileged(&objects);
}

/// What policies let in from other namespaces with metrics, and what with dashboards that are published.
const WITH_METRICS: [(&str, &str, &str); 2] =
    [("default", "1010", "metrics"), ("metrics", "9091", "default")];
const WITH_DASHBOARDS: [(&str, &str, &str); 4] = [
    ("default", "1010", "metrics"),
    ("default", "5601", "ingress-nginx"),
    ("metrics", "3000", "ingress-nginx"),
    ("metrics", "9091", "default"),
];

fn creation(generation: &str, more: &str, between: &[(&str, &str, &str)]) {
    let what = format!("{CREATE} --generation {generation} {more}");
    let cloud = Cloud::new();
    let plan = cloud.json(&format!("plan {what}"));
    let report = cloud.json(&format!("create-network {what}"));
    assert_eq!(plan["exposure"], report["exposure"]);
    check(&cloud, &report["exposure"], between, &what);
}

#[test]
fn what_a_network_of_today_exposes_is_what_plan_and_report_list() {
    creation("v1", "", &WITH_DASHBOARDS);
    creation("v1", "--allow-from 198.51.100.0/24,203.0.113.7/32 --publish none", &WITH_METRICS);
}

#[test]
fn what_a_network_of_the_first_generation_exposes_is_what_plan_and_report_list() {
    creation("v0", "--allow-from 198.51.100.0/24", &WITH_DASHBOARDS);
    let [nodes, _, grafana, gateway] = WITH_DASHBOARDS;
    creation("v0", "--logs none", &[nodes, grafana, gateway]);
}

/// A certificate for the public API, its key beside it: the flags that name them.
fn certificate(cloud: &Cloud) -> String {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["*.spacemesh.io".to_owned()]).unwrap();
    let (crt, pem) = (cloud.home().join("tls.crt"), cloud.home().join("tls.key"));
    fs::write(&crt, certificate.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(&pem, key.serialize_pem()).unwrap();
    format!("--tls-crt {} --tls-key {}", crt.display(), pem.display())
}

#[test]
fn what_web_services_and_changes_of_the_fleet_expose_is_what_the_plan_lists() {
    let cloud = Cloud::new();
    cloud.done("create-network -n net1 -m 3 -p 2 --bootnode-amount 1 --allow-from 198.51.100.0/24");
    cloud.done(&format!("deploy-ws --provider sandbox -n net1 {}", certificate(&cloud)));
    cloud.done("add-miner --provider sandbox -n net1 --count 2");
    cloud.done("delete-miner 3 --provider sandbox -n net1 --yes");
    let report = cloud.json("create-network -n net1");
    let web_services = ["5000", "8080", "9092", "9093"].map(|port| ("ws", port, "ingress-nginx"));
    let between =
        [[("default", "5601", "ingress-nginx"), ("default", "8080", "ws")].as_slice(), &web_services];
    check(&cloud, &report["exposure"], &between.concat(), "with web services and another fleet");
}

/// Another network's cluster as one that networks share: the flags that lead there, with the charts of the simulated repositories.
fn shared_cluster(cloud: &Cloud) -> String {
    let report = cloud.json("create-network -n host -m 1 -p 1 --bootnode-amount 0 --logs none");
    let repositories =
        report["config_url"].as_str().unwrap().split("/storage.googleapis.com").next().unwrap();
    let charts: serde_json::Map<String, Value> = [
        ("ingress-nginx", "kubernetes.github.io/ingress-nginx"),
        ("spacemesh-api", "spacemeshos.github.io/ws-helm-charts"),
        ("spacemesh-explorer", "spacemeshos.github.io/ws-helm-charts"),
        ("spacemesh-dash", "spacemeshos.github.io/ws-helm-charts"),
        ("kube-prometheus-stack", "prometheus-community.github.io/helm-charts"),
        ("prometheus-pushgateway", "prometheus-community.github.io/helm-charts"),
    ]
    .into_iter()
    .map(|(chart, at)| (chart.to_owned(), json!({ "repo": format!("{repositories}/{at}") })))
    .collect();
    let path = |name: &str| cloud.home().join(name);
    let (kubeconfig, config, objects) = (path("kubeconfig"), path("charts.json"), path("objects"));
    fs::write(&config, json!({ "charts": charts }).to_string()).unwrap();
    fs::write(&kubeconfig, cloud.done("kubeconfig -n host --provider sandbox").stdout).unwrap();
    let [kubeconfig, config, objects] = [kubeconfig, config, objects].map(|path| path.display().to_string());
    format!(
        "-n net1 --provider kubernetes --kubeconfig {kubeconfig} --object-dir {objects} --config {config}"
    )
}

/// The objects of a cluster that are in none of the namespaces of the network that it was made for.
fn objects_of_others(cloud: &Cloud) -> Vec<Value> {
    let mut objects = cloud.objects();
    objects.retain(|object| object["metadata"]["namespace"] != "default");
    objects
}

#[test]
fn what_a_network_of_a_shared_cluster_exposes_is_what_plan_and_report_list() {
    let cloud = Cloud::new();
    let place = shared_cluster(&cloud);
    let on = |line: &str| -> Value {
        let command = cloud.bare_command(&format!("{line} {place} --output json"));
        let ended = cloud.start_command(command).end();
        assert_eq!(ended.code, Some(0), "{line}: {ended:?}");
        serde_json::from_str(&ended.stdout).unwrap()
    };
    let create = "-m 3 -p 2 --bootnode-amount 1 --logs none --metrics --p2p-port-base 5200 \
                  --allow-from 198.51.100.0/24,203.0.113.7/32";
    let plan = on(&format!("plan {create}"));
    let report = on(&format!("create-network {create}"));
    assert_eq!(plan["exposure"], report["exposure"]);
    compare_on_shared_cluster(&cloud, &report["exposure"], 0);
    on(&format!("deploy-ws {}", certificate(&cloud)));
    let report = on("create-network");
    compare_on_shared_cluster(&cloud, &report["exposure"], 4);
}

/// No firewall of ours stands before a shared cluster: what policies let through is what is reached.
fn compare_on_shared_cluster(cloud: &Cloud, exposures: &Value, web_services: usize) {
    let objects = objects_of_others(cloud);
    let listed = listed(exposures);
    let let_through = policies::ports_of_workers(&objects);
    let chosen = let_through.keys().filter(|port| !listed.contains_key(*port)).count();
    // Each of two PoETs has a port that the server chose, and each of three nodes two.
    assert_eq!(chosen, 2 + 3 * 2, "{let_through:?}");
    let offices = Ranges::from(["198.51.100.0/24", "203.0.113.7/32"].map(str::to_owned));
    for (port, ranges) in &let_through {
        match listed.get(port) {
            Some(expected) => assert_eq!(ranges, expected, "{port:?}"),
            None => assert!(*ranges == policies::everybody() || *ranges == offices, "{port:?} {ranges:?}"),
        }
    }
    let to_offices = let_through.values().filter(|ranges| **ranges == offices).count();
    assert_eq!(to_offices, 3 * 2, "{let_through:?}");
    assert_names_lead_to_what_is_listed(&objects, &promised(exposures, hosts_of), "on a shared cluster");
    assert_private_ports_stay_inside(&objects);
    let mut between = vec![("net1", "1010", "net1-metrics")];
    if web_services > 0 {
        between.push(("net1", "8080", "net1-ws"));
    }
    between.push(("net1-metrics", "9091", "net1"));
    let served = ["5000", "8080", "9092", "9093"].map(|port| ("net1-ws", port, "ingress-nginx"));
    between.extend(served.into_iter().take(web_services));
    assert_policies_hold(&objects, &["net1", "net1-metrics", "net1-ws"], &between);
    assert_unprivileged(&objects);
}
