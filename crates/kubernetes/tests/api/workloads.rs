//! Looks, applications and removals, call by call.

use serde_json::{Value, json};
use spacecraft_core::Meaning;
use spacecraft_core::observer::Outcome;
use spacecraft_core::traits::{LogQuery, Look, Workloads as _};
use spacecraft_core::workload::{Foundation, Workload};
use spacecraft_kubernetes::{Target, manifests};
use wiremock::matchers::{body_partial_json, method, path, path_regex};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{
    DEPLOYMENTS, NAMESPACE, answer, answer_once, binding, brief_patience, list, requests, status, workload,
    workloads,
};

const CLAIMS: &str = "/api/v1/namespaces/net1/persistentvolumeclaims";
const MONITORS: &str = "/apis/monitoring.coreos.com/v1/namespaces/net1/podmonitors";

/// The objects of a workload as the server would show them.
fn live(workload: &Workload, kind: &str) -> Vec<Value> {
    let foundation = Foundation::default();
    manifests(&Target::of(&binding()), &foundation, &[], std::slice::from_ref(workload))
        .into_iter()
        .filter(|object| object["kind"] == kind)
        .collect()
}

/// A cluster without PodMonitors that has these objects.
async fn cluster_with(server: &MockServer, claims: &[Value], services: &[Value], deployments: &[Value]) {
    answer(server, "GET", MONITORS, ResponseTemplate::new(404).set_body_string("404 page not found\n")).await;
    answer(server, "GET", CLAIMS, list(claims)).await;
    answer(server, "GET", &format!("{NAMESPACE}/services"), list(services)).await;
    answer(server, "GET", &format!("{NAMESPACE}/configmaps"), list(&[])).await;
    answer(server, "GET", DEPLOYMENTS, list(deployments)).await;
}

async fn accept_patches(server: &MockServer, code: u16) {
    let accepted = ResponseTemplate::new(code).set_body_json(json!({}));
    Mock::given(method("PATCH")).and(path_regex(".*")).respond_with(accepted).mount(server).await;
}

#[tokio::test]
async fn an_application_is_a_forced_strict_server_side_apply() {
    let server = MockServer::start().await;
    accept_patches(&server, 201).await;
    let outcome = workloads(&server.uri()).await.ensure_workload(&workload("miner-1", 1)).await.unwrap();
    assert_eq!(outcome, Outcome::Created);
    let received = server.received_requests().await.unwrap();
    assert_eq!(received[1].headers["content-type"], "application/apply-patch+yaml");
    let body: Value = received[1].body_json().unwrap();
    assert_eq!((body["apiVersion"].as_str(), body["kind"].as_str()), (Some("apps/v1"), Some("Deployment")));
    let query = "fieldManager=spacecraft&fieldValidation=Strict&force=true";
    assert_eq!(
        requests(&server).await,
        [format!("PATCH {CLAIMS}/miner-1?{query}"), format!("PATCH {DEPLOYMENTS}/miner-1?{query}")]
    );
}

#[tokio::test]
async fn looking_at_many_workloads_takes_one_list_of_each_kind() {
    let server = MockServer::start().await;
    let wanted: Vec<Workload> = (1..=30).map(|number| workload(&format!("miner-{number}"), number)).collect();
    let claims: Vec<Value> = wanted.iter().flat_map(|one| live(one, "PersistentVolumeClaim")).collect();
    let deployments: Vec<Value> = wanted.iter().flat_map(|one| live(one, "Deployment")).collect();
    cluster_with(&server, &claims, &[], &deployments).await;
    let looks = workloads(&server.uri()).await.look_workloads(&wanted).await.unwrap();
    assert!(looks.iter().all(Look::is_same), "{looks:?}");
    assert_eq!(requests(&server).await.len(), 5);
}

#[tokio::test]
async fn after_a_look_only_what_differs_is_sent() {
    let server = MockServer::start().await;
    let old = workload("miner-1", 1);
    cluster_with(&server, &live(&old, "PersistentVolumeClaim"), &[], &live(&old, "Deployment")).await;
    accept_patches(&server, 200).await;
    let mut wanted = old.clone();
    wanted.arguments.push("--more".to_owned());
    let workloads = workloads(&server.uri()).await;
    let looks = workloads.look_workloads(std::slice::from_ref(&wanted)).await.unwrap();
    assert!(matches!(looks.as_slice(), [Look::Differs(_)]));
    assert_eq!(workloads.ensure_workload(&wanted).await.unwrap(), Outcome::Updated);
    let sent = |all: Vec<String>| all.into_iter().filter(|one| one.starts_with("PATCH")).count();
    assert_eq!(sent(requests(&server).await), 1);
    assert_eq!(workloads.ensure_workload(&wanted).await.unwrap(), Outcome::Updated);
    assert_eq!(sent(requests(&server).await), 3, "an older look counts no more");
}

#[tokio::test]
async fn a_service_that_is_no_longer_wanted_goes_and_a_claim_stays() {
    let server = MockServer::start().await;
    let mut wanted = workload("miner-1", 1);
    let claims = live(&wanted, "PersistentVolumeClaim");
    wanted.data = None;
    let metric = json!({ "metadata": { "name": "miner-1-metric", "labels": { "name": "miner-1" } } });
    cluster_with(&server, &claims, &[metric], &live(&wanted, "Deployment")).await;
    let gone = ResponseTemplate::new(200).set_body_json(json!({}));
    answer(&server, "DELETE", &format!("{NAMESPACE}/services/miner-1-metric"), gone).await;
    let workloads = workloads(&server.uri()).await;
    let looks = workloads.look_workloads(std::slice::from_ref(&wanted)).await.unwrap();
    assert_eq!(looks, [Look::Differs(vec!["Service miner-1-metric: is no longer wanted".to_owned()])]);
    assert_eq!(workloads.ensure_workload(&wanted).await.unwrap(), Outcome::Updated);
    let writes: Vec<String> =
        requests(&server).await.into_iter().filter(|one| !one.starts_with("GET")).collect();
    assert_eq!(writes, [format!("DELETE {NAMESPACE}/services/miner-1-metric")]);
}

#[tokio::test]
async fn a_cluster_that_knows_no_pod_monitors_says_what_to_do() {
    let server = MockServer::start().await;
    let unknown = ResponseTemplate::new(404).set_body_string("404 page not found\n");
    answer(&server, "PATCH", &format!("{MONITORS}/miner-1"), unknown).await;
    accept_patches(&server, 201).await;
    let monitored = Workload { monitored: true, ..workload("miner-1", 1) };
    let error = workloads(&server.uri()).await.ensure_workload(&monitored).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::Invalid);
    assert!(error.hint().unwrap().contains("kube-prometheus-stack"));
}

#[tokio::test]
async fn a_namespace_of_another_network_is_refused() {
    let server = MockServer::start().await;
    let theirs = json!({ "metadata": { "name": "net1", "labels": { "spacecraft.io/network": "net2" } } });
    answer(&server, "GET", NAMESPACE, ResponseTemplate::new(200).set_body_json(theirs)).await;
    let foundation = Foundation::default();
    let workloads = workloads(&server.uri()).await;
    for error in [
        workloads.look_foundation(&foundation).await.unwrap_err(),
        workloads.ensure_foundation(&foundation).await.unwrap_err(),
    ] {
        assert_eq!(error.meaning(), Meaning::AlreadyExists);
        assert_eq!(error.reason(), "it belongs to the network net2");
    }
}

#[tokio::test]
async fn a_namespace_that_somebody_else_made_is_shared_and_not_deleted() {
    let server = MockServer::start().await;
    let shared = json!({ "metadata": { "name": "net1", "labels": { "spacecraft.io/network": "net1" } } });
    answer(&server, "GET", "/api/v1/nodes", list(&[])).await;
    answer(&server, "GET", NAMESPACE, ResponseTemplate::new(200).set_body_json(shared)).await;
    Mock::given(method("GET"))
        .and(path_regex(".*"))
        .respond_with(list(&[]))
        .with_priority(9)
        .mount(&server)
        .await;
    Mock::given(method("PATCH"))
        .and(path(NAMESPACE))
        .and(body_partial_json(json!({ "metadata": { "labels": { "spacecraft.io/network": null } } })))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({})))
        .expect(1)
        .mount(&server)
        .await;
    let outcome = workloads(&server.uri()).await.remove_all(&brief_patience()).await.unwrap();
    assert_eq!(outcome, Outcome::Removed);
    assert!(!requests(&server).await.iter().any(|request| request.starts_with("DELETE")));
}

#[tokio::test]
async fn removing_a_workload_deletes_the_very_objects_that_were_seen() {
    let server = MockServer::start().await;
    let deployment = json!({ "metadata": { "name": "miner-1", "namespace": "net1", "uid": "u-1" } });
    answer(&server, "GET", DEPLOYMENTS, list(&[deployment])).await;
    Mock::given(method("GET"))
        .and(path_regex(".*"))
        .respond_with(list(&[]))
        .with_priority(9)
        .mount(&server)
        .await;
    Mock::given(method("DELETE"))
        .and(path(format!("{DEPLOYMENTS}/miner-1")))
        .and(body_partial_json(
            json!({ "preconditions": { "uid": "u-1" }, "propagationPolicy": "Background" }),
        ))
        .respond_with(status(404, "NotFound", "somebody was faster"))
        .expect(1)
        .mount(&server)
        .await;
    let outcome = workloads(&server.uri()).await.remove_workload("miner-1", &brief_patience()).await.unwrap();
    assert_eq!(outcome, Outcome::Removed);
    let made = requests(&server).await;
    assert!(
        made.iter().filter(|one| one.starts_with("GET")).all(|one| one.contains("name%3Dminer-1")),
        "{made:?}"
    );
}

#[tokio::test]
async fn a_removal_waits_for_the_volume_behind_the_claim() {
    let server = MockServer::start().await;
    let claim = json!({
        "metadata": { "name": "miner-1", "namespace": "net1", "uid": "u" }, "spec": { "volumeName": "pv-1" },
    });
    let volume = json!({
        "metadata": { "name": "pv-1" }, "spec": { "persistentVolumeReclaimPolicy": "Delete" },
        "status": { "message": "the disk is still attached" },
    });
    for _ in 0..2 {
        answer_once(&server, "GET", CLAIMS, list(std::slice::from_ref(&claim))).await;
    }
    answer(
        &server,
        "DELETE",
        &format!("{CLAIMS}/miner-1"),
        ResponseTemplate::new(200).set_body_json(json!({})),
    )
    .await;
    answer(&server, "GET", "/api/v1/persistentvolumes", list(&[volume])).await;
    Mock::given(method("GET"))
        .and(path_regex(".*"))
        .respond_with(list(&[]))
        .with_priority(9)
        .mount(&server)
        .await;
    let error =
        workloads(&server.uri()).await.remove_workload("miner-1", &brief_patience()).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::TimedOut);
    assert_eq!(error.reason(), "volume pv-1 is being deleted: the disk is still attached");
}

#[tokio::test]
async fn logs_are_those_of_the_newest_pods_own_container() {
    let server = MockServer::start().await;
    let pod = |name: &str, created: &str| {
        json!({ "metadata": {
            "name": name, "creationTimestamp": created,
            "labels": { "name": "miner-1", "spacecraft.io/role": "miner", "spacecraft.io/node": "1" },
        } })
    };
    let pods = [pod("old", "2026-01-01T00:00:00Z"), pod("new", "2026-01-02T00:00:00Z")];
    answer(&server, "GET", &format!("{NAMESPACE}/pods"), list(&pods)).await;
    let log = ResponseTemplate::new(200).set_body_raw(b"one\n\xfftwo\n".to_vec(), "text/plain");
    answer(&server, "GET", &format!("{NAMESPACE}/pods/new/log"), log).await;
    let query = LogQuery { workload: "miner-1".to_owned(), tail: 2, since: None, previous: false };
    let lines = workloads(&server.uri()).await.logs(&query).await.unwrap();
    assert_eq!(lines, ["one", "\u{fffd}two"]);
    assert!(requests(&server).await[1].ends_with("log?tailLines=2&container=miner"));
}
