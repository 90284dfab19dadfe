//! Waiting by one watch for each kind, whatever becomes of the watches.

use serde_json::{Value, json};
use spacecraft_core::Meaning;
use spacecraft_core::observer::Event;
use spacecraft_core::traits::Workloads as _;
use wiremock::matchers::{method, path, query_param, query_param_is_missing};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{DEPLOYMENTS, NAMESPACE, answer, list, patience, requests, status, unhurried_workloads};

fn pods() -> String {
    format!("{NAMESPACE}/pods")
}

fn deployment(name: &str) -> Value {
    json!({
        "metadata": { "name": name, "generation": 1, "labels": { "name": name } },
        "spec": { "replicas": 1 },
        "status": { "observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1 },
    })
}

fn pod(name: &str, status: Value) -> Value {
    json!({ "metadata": { "name": format!("{name}-x"), "labels": { "name": name } }, "status": status })
}

fn ready() -> Value {
    json!({ "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] })
}

fn starting() -> Value {
    json!({ "phase": "Pending", "containerStatuses": [{
        "name": "miner", "state": { "waiting": { "reason": "ContainerCreating" } },
    }] })
}

fn failing(reason: &str, restarts: u32) -> Value {
    json!({ "phase": "Pending", "containerStatuses": [{
        "name": "miner", "restartCount": restarts, "state": { "waiting": { "reason": reason } },
    }] })
}

fn event(kind: &str, object: &Value) -> String {
    let mut object = object.clone();
    object["metadata"]["resourceVersion"] = json!("11");
    format!("{}\n", json!({ "type": kind, "object": object }))
}

/// Lists of these Deployments and pods.
async fn lists(server: &MockServer, deployments: &[Value], of_pods: &[Value]) {
    for (at, items) in [(DEPLOYMENTS.to_owned(), deployments), (pods(), of_pods)] {
        Mock::given(method("GET"))
            .and(path(at))
            .and(query_param_is_missing("watch"))
            .respond_with(list(items))
            .with_priority(3)
            .mount(server)
            .await;
    }
    watch(server, DEPLOYMENTS, String::new()).await;
}

/// Watches of a kind that say this and end.
async fn watch(server: &MockServer, at: &str, said: String) {
    Mock::given(method("GET"))
        .and(path(at))
        .and(query_param("watch", "true"))
        .respond_with(ResponseTemplate::new(200).set_body_string(said))
        .with_priority(3)
        .mount(server)
        .await;
}

/// The first watch of pods says this.
async fn first_watch(server: &MockServer, response: ResponseTemplate) {
    Mock::given(method("GET"))
        .and(path(pods()))
        .and(query_param("watch", "true"))
        .respond_with(response)
        .up_to_n_times(1)
        .with_priority(1)
        .mount(server)
        .await;
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn what_is_ready_already_is_seen_by_one_list_of_each_kind() {
    let server = MockServer::start().await;
    lists(&server, &[deployment("miner-1")], &[pod("miner-1", ready())]).await;
    watch(&server, &pods(), String::new()).await;
    let (wait, observer) = patience();
    unhurried_workloads(&server.uri()).await.wait_ready(&names(&["miner-1"]), &wait).await.unwrap();
    let made = requests(&server).await;
    assert_eq!(made.iter().filter(|request| !request.contains("watch=true")).count(), 2, "{made:?}");
    assert!(observer.events().contains(&Event::Progress { step: "nodes".to_owned(), done: 1, total: 1 }));
}

#[tokio::test]
async fn a_watch_brings_what_the_list_lacked() {
    let server = MockServer::start().await;
    lists(&server, &[deployment("miner-1")], &[pod("miner-1", starting())]).await;
    first_watch(
        &server,
        ResponseTemplate::new(200).set_body_string(event("MODIFIED", &pod("miner-1", ready()))),
    )
    .await;
    watch(&server, &pods(), String::new()).await;
    unhurried_workloads(&server.uri()).await.wait_ready(&names(&["miner-1"]), &patience().0).await.unwrap();
    let watched = format!("GET {}?labelSelector=", pods());
    let made = requests(&server).await;
    let first =
        made.iter().find(|request| request.starts_with(&watched) && request.contains("watch")).unwrap();
    assert!(first.contains("resourceVersion=10") && first.contains("allowWatchBookmarks=true"), "{first}");
}

#[tokio::test]
async fn a_watch_that_expires_or_turns_to_garbage_is_replaced_by_a_new_list() {
    let expired =
        r#"{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}"#;
    for said in [
        ResponseTemplate::new(200).set_body_string(format!("{expired}\n")),
        ResponseTemplate::new(200).set_body_string("garbage\n"),
        ResponseTemplate::new(200).set_body_string(r#"{"type":"NEWS","object":{}}"#.to_owned() + "\n"),
        status(410, "Expired", "too old resource version"),
    ] {
        let server = MockServer::start().await;
        lists(&server, &[deployment("miner-1")], &[pod("miner-1", ready())]).await;
        Mock::given(method("GET"))
            .and(path(pods()))
            .and(query_param_is_missing("watch"))
            .respond_with(list(&[pod("miner-1", starting())]))
            .up_to_n_times(1)
            .with_priority(1)
            .mount(&server)
            .await;
        first_watch(&server, said).await;
        watch(&server, &pods(), String::new()).await;
        unhurried_workloads(&server.uri())
            .await
            .wait_ready(&names(&["miner-1"]), &patience().0)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_watch_that_ends_is_taken_up_where_it_ended() {
    let server = MockServer::start().await;
    lists(&server, &[deployment("miner-1")], &[]).await;
    let bookmark = json!({ "metadata": {} });
    first_watch(&server, ResponseTemplate::new(200).set_body_string(event("BOOKMARK", &bookmark))).await;
    watch(&server, &pods(), event("ADDED", &pod("miner-1", ready()))).await;
    unhurried_workloads(&server.uri()).await.wait_ready(&names(&["miner-1"]), &patience().0).await.unwrap();
    let made = requests(&server).await;
    let watches: Vec<&String> =
        made.iter().filter(|request| request.contains("/pods?") && request.contains("watch=true")).collect();
    assert!(watches[1].contains("resourceVersion=11"), "{watches:?}");
}

#[tokio::test]
async fn a_control_plane_that_is_away_for_a_while_is_waited_for() {
    let server = MockServer::start().await;
    lists(&server, &[deployment("miner-1")], &[pod("miner-1", ready())]).await;
    watch(&server, &pods(), String::new()).await;
    Mock::given(method("GET"))
        .and(path(pods()))
        .respond_with(status(503, "ServiceUnavailable", "the control plane is being upgraded"))
        .up_to_n_times(2)
        .with_priority(1)
        .mount(&server)
        .await;
    unhurried_workloads(&server.uri()).await.wait_ready(&names(&["miner-1"]), &patience().0).await.unwrap();
}

#[tokio::test]
async fn a_right_that_is_missing_ends_the_wait() {
    let server = MockServer::start().await;
    lists(&server, &[], &[]).await;
    answer(&server, "GET", &pods(), status(403, "Forbidden", "pods is forbidden")).await;
    Mock::given(method("GET"))
        .and(path(pods()))
        .respond_with(status(403, "Forbidden", "pods is forbidden"))
        .with_priority(1)
        .mount(&server)
        .await;
    let error = unhurried_workloads(&server.uri())
        .await
        .wait_ready(&names(&["miner-1"]), &patience().0)
        .await
        .unwrap_err();
    assert_eq!(error.meaning(), Meaning::Denied);
}

#[tokio::test]
async fn an_invalid_image_name_ends_the_wait_at_once() {
    let server = MockServer::start().await;
    let pods_now = [pod("miner-1", ready()), pod("miner-10", failing("InvalidImageName", 0))];
    lists(&server, &[deployment("miner-1"), deployment("miner-10")], &pods_now).await;
    watch(&server, &pods(), String::new()).await;
    let error = unhurried_workloads(&server.uri())
        .await
        .wait_ready(&names(&["miner-1", "miner-10"]), &patience().0)
        .await
        .unwrap_err();
    assert_eq!((error.meaning(), error.resource()), (Meaning::Invalid, "miner-10"));
    assert_eq!(error.reason(), "container miner: InvalidImageName");
}

#[tokio::test]
async fn a_container_that_keeps_crashing_is_told_with_its_last_words() {
    let server = MockServer::start().await;
    lists(&server, &[deployment("miner-1")], &[pod("miner-1", failing("CrashLoopBackOff", 2))]).await;
    watch(&server, &pods(), String::new()).await;
    Mock::given(method("GET"))
        .and(path(format!("{}/miner-1-x/log", pods())))
        .and(query_param("previous", "true"))
        .and(query_param("container", "miner"))
        .respond_with(ResponseTemplate::new(200).set_body_string("one\npanic: no genesis\n"))
        .mount(&server)
        .await;
    let error = unhurried_workloads(&server.uri())
        .await
        .wait_ready(&names(&["miner-1"]), &patience().0)
        .await
        .unwrap_err();
    assert!(error.reason().ends_with("its last log lines:\none\npanic: no genesis"), "{}", error.reason());
}

#[tokio::test]
async fn patience_that_ends_says_what_is_missing_and_why() {
    let server = MockServer::start().await;
    lists(&server, &[deployment("miner-1")], &[pod("miner-1", starting())]).await;
    watch(&server, &pods(), String::new()).await;
    let (wait, observer) = patience();
    let brief = wait.within(std::time::Duration::from_millis(1500));
    let error = unhurried_workloads(&server.uri())
        .await
        .wait_ready(&names(&["miner-1", "miner-2"]), &brief)
        .await
        .unwrap_err();
    assert_eq!((error.meaning(), error.resource()), (Meaning::TimedOut, "2 workloads"));
    assert_eq!(
        error.reason(),
        "miner-1: container miner: ContainerCreating; miner-2: its Deployment does not exist"
    );
    assert!(observer.waits().iter().any(|told| told.contains("ContainerCreating")), "{:?}", observer.waits());
}
