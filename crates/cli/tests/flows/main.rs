//! Whole flows of every command over mock servers, on a cluster of the network's own and on one that is there already.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on should say where")]

mod cloud;

use std::fs;

use cloud::{Cloud, document};
use serde_json::{Value, json};
use spacecraft_cli::ExitStatus;

const SMALL: &str = "-m 3 -p 1 --bootnode-amount 1 --logs none --wait ready";

/// The generations, each with an image to upgrade to.
const GENERATIONS: [(&str, &str); 2] =
    [("v0", "spacemeshos/go-spacemesh-dev:v0.2.17-beta.0"), ("v1", "spacemeshos/go-spacemesh:v1.7.7")];

fn outcomes(report: &Value) -> Vec<&str> {
    report["steps"].as_array().unwrap().iter().filter_map(|step| step["outcome"].as_str()).collect()
}

fn names(report: &Value) -> Vec<&str> {
    report["nodes"].as_array().unwrap().iter().filter_map(|node| node["name"].as_str()).collect()
}

/// Writes a change of node configs, and a certificate for web services.
fn prepare(cloud: &Cloud) {
    fs::write(cloud.path("change.json"), r#"{"logging": {"hare": "debug"}}"#).unwrap();
    let certified = rcgen::generate_simple_self_signed(vec!["*.spacemesh.io".to_owned()]).unwrap();
    fs::write(cloud.path("tls.crt"), certified.cert.pem()).unwrap();
    fs::write(cloud.path("tls.key"), certified.signing_key.serialize_pem()).unwrap();
}

/// A network's life from `create-network` to `delete-network`, each command at `place`.
async fn live(cloud: &Cloud, network: &str, (generation, newer_image): (&str, &str), place: &str) {
    prepare(cloud);
    let run = async |line: &str| document(&cloud.run(&format!("{line} {place} -n {network}")).await);
    let create = format!("create-network {SMALL} --generation {generation}");
    let report = run(&create).await;
    assert_eq!(names(&report), ["miner-1", "miner-2", "miner-3"]);
    assert!(outcomes(&report).contains(&"created"));
    let again = run(&create).await;
    assert!(outcomes(&again).iter().all(|outcome| *outcome == "unchanged"), "{again}");

    let added = run("add-miner --count 2").await.to_string();
    assert!(added.contains("miner-4") && added.contains("miner-5"), "{added}");
    run("delete-miner 4 --yes").await;
    let hosts = run("hosts").await.to_string();
    assert!(hosts.contains("miner-5") && !hosts.contains("miner-4"), "{hosts}");

    let upgrade = "upgrade-network --wave-size 4 --restart-wait-time 0 --wait ready";
    let upgraded = run(&format!("{upgrade} --go-sm-image {newer_image}")).await;
    assert!(upgraded["nodes"].as_array().unwrap().iter().all(|node| node["upgraded"] == true), "{upgraded}");
    let changed = run(&format!("{upgrade} --go-sm-config {}", cloud.path("change.json"))).await;
    assert_eq!(changed["config_changes"].as_array().unwrap().len(), 1, "{changed}");

    let (crt, key) = (cloud.path("tls.crt"), cloud.path("tls.key"));
    run(&format!("deploy-ws --tls-crt {crt} --tls-key {key}")).await;
    run("deploy-cm").await;
    assert_eq!(run("status").await["network"], network);
    let listed = document(&cloud.run(&format!("list {place}")).await);
    assert!(listed["networks"].as_array().unwrap().iter().any(|row| row["network"] == network), "{listed}");
    run("delete-network --yes").await;
    let gone = cloud.run(&format!("delete-network --yes {place} -n {network}")).await;
    assert_eq!(gone.status, ExitStatus::Usage, "{}", gone.stdout);
}

fn on_google(cloud: &Cloud) -> String {
    format!("--provider sandbox --sandbox-dir {}", cloud.path("sandbox"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_lives_and_goes_on_a_cluster_of_its_own() {
    let cloud = Cloud::start().await;
    let before = cloud.inventory();
    for generation in GENERATIONS {
        live(&cloud, "net1", generation, &on_google(&cloud)).await;
        assert_eq!(cloud.inventory(), before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_is_released_and_nothing_of_it_is_garbage() {
    let cloud = Cloud::start().await;
    document(&cloud.on_google(&format!("create-network -n net1 {SMALL}")).await);
    let builds = "--go-sm-release-version v1.7.6 --builds-bucket go-spacemesh-release-builds";
    document(&cloud.on_google(&format!("release-network -n net1 {builds}")).await);
    let releases = cloud.inventory()["releases"].clone();
    assert_eq!(releases.as_array().map(Vec::len), Some(1), "{releases}");
    let garbage = document(&cloud.on_google("gc").await);
    assert!(!garbage.to_string().contains("net1"), "{garbage}");
    document(&cloud.on_google("delete-network -n net1 --yes").await);
    let garbage = document(&cloud.on_google("gc").await);
    assert!(!garbage.to_string().contains("net1"), "{garbage}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rewards_of_a_network_are_counted() {
    for (generation, _) in GENERATIONS {
        let cloud = Cloud::start().await;
        let create = format!("create-network -n net1 {SMALL} --generation {generation}");
        document(&cloud.on_google(&create).await);
        // Less than an hour, for which the operator's credentials are good.
        cloud.advance(3300);
        let rewards = document(&cloud.on_google("rewards -n net1").await);
        assert!(rewards["summary"]["count"].as_u64() > Some(0), "{rewards}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_extends_another_one() {
    let cloud = Cloud::start().await;
    let before = cloud.inventory();
    for (generation, _) in GENERATIONS {
        let create = format!("create-network {SMALL} --generation {generation}");
        let parent = document(&cloud.on_google(&format!("{create} -n net1")).await);
        let config = reqwest::get(parent["config_url"].as_str().unwrap()).await.unwrap();
        fs::write(cloud.path("parent.json"), config.bytes().await.unwrap()).unwrap();
        let extending = format!("--bootstrap=false --miner-go-sm-config {}", cloud.path("parent.json"));
        let child = document(&cloud.on_google(&format!("{create} -n net2 {extending}")).await);
        assert_eq!(child["genesis_time"], parent["genesis_time"]);
        for network in ["net2", "net1"] {
            document(&cloud.on_google(&format!("delete-network -n {network} --yes")).await);
        }
        assert_eq!(cloud.inventory(), before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_lives_and_goes_on_a_cluster_that_stays() {
    let cloud = Cloud::start().await;
    let host = format!("create-network -n host {SMALL}");
    let report = document(&cloud.on_google(&host).await);
    let root =
        report["config_url"].as_str().unwrap().split("/storage.googleapis.com").next().unwrap().to_owned();
    let kubeconfig = cloud.on_google("kubeconfig -n host").await;
    assert_eq!(kubeconfig.status, ExitStatus::Done, "{}", kubeconfig.stderr);
    let text = match serde_json::from_str::<Value>(&kubeconfig.stdout) {
        Ok(document) => document["kubeconfig"].as_str().unwrap().to_owned(),
        Err(_) => kubeconfig.stdout,
    };
    fs::write(cloud.path("kubeconfig"), text).unwrap();
    fs::write(cloud.path("charts.json"), mirrors(&root).to_string()).unwrap();
    let before = cloud.inventory();
    let place = format!(
        "--provider kubernetes --kubeconfig {} --object-dir {} --config {}",
        cloud.path("kubeconfig"),
        cloud.path("objects"),
        cloud.path("charts.json"),
    );
    for generation in GENERATIONS {
        live(&cloud, "guest", generation, &place).await;
        let mut after = cloud.inventory();
        // As with Helm, definitions of a chart stay: others may have objects of them.
        after["kubernetes"]["host"].as_object_mut().unwrap().remove("CustomResourceDefinition");
        assert_eq!(after, before);
    }
}

/// Where the charts of web services and chaos mesh are, and ports that the host's nodes leave free.
fn mirrors(root: &str) -> Value {
    let services = "spacemeshos.github.io/ws-helm-charts";
    let charts = [
        ("ingress-nginx", "kubernetes.github.io/ingress-nginx"),
        ("spacemesh-api", services),
        ("spacemesh-explorer", services),
        ("spacemesh-dash", services),
        ("chaos-mesh", "charts.chaos-mesh.org"),
    ];
    let charts = charts.map(|(chart, at)| (chart.to_owned(), json!({ "repo": format!("{root}/{at}") })));
    json!({ "charts": serde_json::Map::from_iter(charts), "p2p-port-base": 5200 })
}
