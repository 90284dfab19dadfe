//! Web services, chaos mesh and deletions that keep logs, on a simulated cloud.

use std::path::PathBuf;

use rcgen::{CertificateParams, KeyPair};
use serde_json::Value;

use super::{Cloud, spacecraft, writes};

/// A certificate with its key in files of the cloud's folder.
fn certificate(cloud: &Cloud, names: &[&str]) -> (PathBuf, PathBuf) {
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let certificate = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
    let (certificate_file, key_file) = (cloud.home.path().join("tls.crt"), cloud.home.path().join("tls.key"));
    std::fs::write(&certificate_file, certificate.pem()).unwrap();
    std::fs::write(&key_file, key.serialize_pem()).unwrap();
    (certificate_file, key_file)
}

fn create(cloud: &Cloud, generation: &str, more: &[&str]) {
    let mut arguments = vec!["create-network", "--provider", "sandbox", "-n", "net1", "-m", "3", "-p", "1"];
    arguments.extend(["--bootnode-amount", "1", "--poet-gateway-amount", "1", "--generation", generation]);
    arguments.extend(more);
    let (code, report) = cloud.json(&arguments);
    assert_eq!(code, 0, "{report}");
}

fn deploy_ws(cloud: &Cloud, more: &[&str]) -> (i32, Value) {
    let mut arguments = vec!["deployWS", "--provider", "sandbox", "-n", "net1"];
    arguments.extend(more);
    cloud.json(&arguments)
}

fn outcomes(report: &Value) -> Vec<&str> {
    report["steps"].as_array().unwrap().iter().filter_map(|step| step["outcome"].as_str()).collect()
}

fn is_as_before(cloud: &Cloud, before: &Value) {
    let after = cloud.inventory();
    for kind in
        ["clusters", "disks", "firewall_rules", "load_balancers", "addresses", "dns_records", "kubernetes"]
    {
        assert_eq!(after[kind], before[kind], "{kind}");
    }
}

#[test]
fn web_services_of_both_generations_are_deployed_once_and_deleted_with_their_network() {
    for generation in ["v1", "v0"] {
        let cloud = Cloud::new();
        let before = cloud.inventory();
        create(&cloud, generation, &["--logs", "none"]);
        let (crt, key) = certificate(&cloud, &["*.spacemesh.io"]);
        let pair = ["--tls-crt", crt.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
        let (code, report) = deploy_ws(&cloud, &pair);
        assert_eq!((code, &report["kind"]), (0, &"WebServicesReport".into()), "{report}");
        assert_eq!(report["entry"]["netName"], "net1");
        let names: Vec<Value> = cloud.inventory()["dns_records"].as_array().unwrap().clone();
        assert_eq!(names.len(), 4, "{names:?}");

        let written = writes(&cloud.inventory());
        let (code, again) = deploy_ws(&cloud, &pair);
        assert_eq!(code, 0, "{again}");
        assert!(outcomes(&again).iter().all(|outcome| *outcome == "unchanged"), "{again}");
        assert_eq!(writes(&cloud.inventory()), written, "the second run wrote something");

        let (code, deleted) = cloud.json(&["delete-network", "--provider", "sandbox", "-n", "net1", "--yes"]);
        assert_eq!(code, 0, "{deleted}");
        is_as_before(&cloud, &before);
    }
}

#[test]
fn a_certificate_that_does_not_fit_is_refused_before_anything_changes() {
    let cloud = Cloud::new();
    create(&cloud, "v1", &["--logs", "none"]);
    let (crt, key) = certificate(&cloud, &["*.example.org"]);
    let written = writes(&cloud.inventory());
    let (code, wrong) =
        deploy_ws(&cloud, &["--tls-crt", crt.to_str().unwrap(), "--tls-key", key.to_str().unwrap()]);
    assert_eq!((code, &wrong["errors"][0]["key"]), (2, &"tls-crt".into()), "{wrong}");
    assert!(wrong["errors"][0]["message"].as_str().unwrap().contains("api-net1.spacemesh.io"), "{wrong}");
    let (code, none) = deploy_ws(&cloud, &[]);
    assert_eq!(code, 2, "{none}");
    let (code, swapped) =
        deploy_ws(&cloud, &["--tls-crt", key.to_str().unwrap(), "--tls-key", crt.to_str().unwrap()]);
    assert_eq!(code, 2, "{swapped}");
    let (code, unknown) = cloud.json(&["deploy-ws", "--provider", "sandbox", "-n", "net9"]);
    assert_eq!(code, 2, "{unknown}");
    assert_eq!(writes(&cloud.inventory()), written);
}

#[test]
fn logs_are_kept_when_asked_and_go_with_the_rest() {
    let cloud = Cloud::new();
    let before = cloud.inventory();
    create(&cloud, "v1", &[]);
    let (crt, key) = certificate(&cloud, &["api-net1.spacemesh.io", "api-json-net1.spacemesh.io"]);
    let (code, report) =
        deploy_ws(&cloud, &["--tls-crt", crt.to_str().unwrap(), "--tls-key", key.to_str().unwrap()]);
    assert_eq!(code, 0, "{report}");
    let (code, report) = cloud.json(&["deployCM", "--provider", "sandbox", "-n", "net1"]);
    assert_eq!((code, &report["kind"]), (0, &"ChaosMeshReport".into()), "{report}");

    let keep = ["delete-network", "--provider", "sandbox", "-n", "net1", "--yes", "--keep-logs-metrics"];
    let (code, kept) = cloud.json(&keep);
    assert_eq!(code, 0, "{kept}");
    let inventory = cloud.inventory();
    let names: Vec<&str> =
        inventory["dns_records"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(names.len() == 1 && names[0].contains("kibana-net1.spacemesh.io"), "{names:?}");
    assert_eq!(inventory["firewall_rules"], before["firewall_rules"]);
    assert_eq!(inventory["disks"].as_array().unwrap().len(), 1, "{}", inventory["disks"]);
    let (code, again) = cloud.json(&keep);
    assert_eq!(code, 0, "{again}");
    assert!(outcomes(&again).iter().all(|outcome| *outcome == "unchanged"), "{again}");

    let (code, refused) = cloud.json(&["create-network", "--provider", "sandbox", "-n", "net1"]);
    assert_eq!(code, 2, "{refused}");
    let (code, deleted) = cloud.json(&["delete-network", "--provider", "sandbox", "-n", "net1", "--yes"]);
    assert_eq!(code, 0, "{deleted}");
    is_as_before(&cloud, &before);
}

#[test]
fn the_private_key_is_in_no_output() {
    let cloud = Cloud::new();
    create(&cloud, "v1", &["--logs", "none"]);
    let (crt, key) = certificate(&cloud, &["*.spacemesh.io"]);
    let (sandbox_dir, log) = (cloud.sandbox_dir(), cloud.home.path().join("log.json"));
    let arguments = [
        "deploy-ws",
        "--provider",
        "sandbox",
        "-n",
        "net1",
        "-vv",
        "--sandbox-dir",
        &sandbox_dir,
        "--tls-crt",
        crt.to_str().unwrap(),
        "--tls-key",
        key.to_str().unwrap(),
        "--log-file",
        log.to_str().unwrap(),
    ];
    let output = spacecraft(cloud.home.path(), &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let secret = std::fs::read_to_string(&key).unwrap();
    let line = secret.lines().nth(1).unwrap();
    for text in [output.stdout, output.stderr, std::fs::read(log).unwrap()] {
        assert!(!String::from_utf8_lossy(&text).contains(line), "the key is printed");
    }
}

/// The cluster of a network on the simulated cloud, for others to share: the arguments that lead there, with charts from the simulated repositories.
pub(crate) fn shared_cluster(cloud: &Cloud) -> Vec<String> {
    let create = ["create-network", "--provider", "sandbox", "-n", "host", "-m", "1", "-p", "1"];
    let (code, report) = cloud.json(&[&create[..], &["--bootnode-amount", "0", "--logs", "none"]].concat());
    assert_eq!(code, 0, "{report}");
    let base = report["config_url"].as_str().unwrap().split("/storage.googleapis.com").next().unwrap();
    let sandbox_dir = cloud.sandbox_dir();
    let kubeconfig =
        cloud.run(&["kubeconfig", "--provider", "sandbox", "-n", "host", "--sandbox-dir", &sandbox_dir]);
    let path = |name: &str| cloud.home.path().join(name).display().to_string();
    std::fs::write(path("kubeconfig"), kubeconfig.stdout).unwrap();
    let repositories = [
        ("ingress-nginx", "kubernetes.github.io/ingress-nginx"),
        ("spacemesh-api", "spacemeshos.github.io/ws-helm-charts"),
        ("spacemesh-explorer", "spacemeshos.github.io/ws-helm-charts"),
        ("spacemesh-dash", "spacemeshos.github.io/ws-helm-charts"),
        ("chaos-mesh", "charts.chaos-mesh.org"),
        ("elasticsearch", "helm.elastic.co"),
        ("kibana", "helm.elastic.co"),
        ("filebeat", "helm.elastic.co"),
        ("kube-prometheus-stack", "prometheus-community.github.io/helm-charts"),
        ("prometheus-pushgateway", "prometheus-community.github.io/helm-charts"),
    ];
    let charts: serde_json::Map<String, Value> = repositories
        .iter()
        .map(|(chart, at)| ((*chart).to_owned(), serde_json::json!({"repo": format!("{base}/{at}")})))
        .collect();
    std::fs::write(path("charts.json"), serde_json::json!({"charts": charts}).to_string()).unwrap();
    let flags = [
        ("--provider", "kubernetes".to_owned()),
        ("--kubeconfig", path("kubeconfig")),
        ("--object-dir", path("objects")),
        ("--config", path("charts.json")),
    ];
    flags.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]).collect()
}

#[test]
fn on_a_shared_cluster_charts_go_with_the_last_network_that_uses_them() {
    let cloud = Cloud::new();
    let place = shared_cluster(&cloud);
    let before = cloud.inventory();
    let on = |arguments: &[&str]| cloud.succeeds_at(&place, arguments);
    let small = ["-m", "2", "-p", "1", "--bootnode-amount", "1", "--logs", "none"];
    for (name, ports) in [("first", "5100"), ("second", "5200")] {
        on(&[&["create-network", "-n", name, "--p2p-port-base", ports][..], &small].concat());
        on(&["deploy-cm", "-n", name]);
    }
    let (crt, key) = certificate(&cloud, &["*.spacemesh.io"]);
    let deploy =
        ["deploy-ws", "-n", "first", "--tls-crt", crt.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    on(&deploy);
    let again = on(&deploy);
    assert!(outcomes(&again).iter().all(|outcome| *outcome == "unchanged"), "{again}");

    on(&["delete-network", "-n", "first", "--yes"]);
    let namespaces = cloud.inventory()["kubernetes"]["host"]["Namespace"].clone();
    assert_eq!(namespaces, serde_json::json!(["chaos-testing", "second"]), "{namespaces}");
    on(&["delete-network", "-n", "second", "--yes"]);
    let after = cloud.inventory();
    assert_eq!(after["kubernetes"]["host"]["Namespace"], before["kubernetes"]["host"]["Namespace"]);
    assert_eq!(after["load_balancers"], before["load_balancers"]);
    let discovery = cloud.home.path().join("objects/discovery/networks.json");
    assert!(!discovery.exists(), "a discovery file that began with the network outlives it");
}
