use serde_json::json;
use spacecraft_core::observer::Outcome;
use spacecraft_core::traits::{Access, ClusterProvider as _, ClusterState, Look, Ownership};
use spacecraft_core::{Meaning, render_chain};
use wiremock::matchers::path;
use wiremock::{Mock, ResponseTemplate};

use super::fixture::{
    CLUSTERS, Cloud, NET1, OPERATION, OPERATIONS, SERVER_CONFIG, cluster, foreign_cluster, network,
    not_found, operation, refusal, request, server_config,
};

/// A cloud in which there is no cluster at first.
async fn empty_cloud() -> Cloud {
    let cloud = Cloud::start().await;
    cloud.answer_once("GET", NET1, 404, not_found()).await;
    cloud.answer("GET", SERVER_CONFIG, 200, server_config()).await;
    cloud
}

#[tokio::test]
async fn a_cluster_is_asked_for_once_and_waited_for() {
    let cloud = empty_cloud().await;
    cloud.answer("POST", CLUSTERS, 200, operation("PENDING")).await;
    cloud.answer_once("GET", OPERATION, 200, operation("RUNNING")).await;
    cloud.answer("GET", OPERATION, 200, operation("DONE")).await;
    cloud.answer_once("GET", NET1, 200, cluster("PROVISIONING")).await;
    cloud.answer("GET", NET1, 200, cluster("RUNNING")).await;
    let outcome = cloud.gke.ensure_cluster(&request(), &cloud.wait()).await.unwrap();
    assert_eq!(outcome, Outcome::Created);
    let writes = cloud.writes().await;
    let [(_, _, body)] = writes.as_slice() else { panic!("there is not one write: {writes:?}") };
    assert_eq!(body["cluster"]["initialClusterVersion"], "1.35.5-gke.2");
    assert_eq!(
        cloud.observer.waits(),
        [
            "cluster net1: operation operation-1 (CREATE_CLUSTER) is RUNNING",
            "cluster net1: its status is PROVISIONING"
        ]
    );
}

#[tokio::test]
async fn after_a_lost_reply_the_cluster_is_looked_for_and_adopted() {
    let cloud = empty_cloud().await;
    cloud.answer("POST", CLUSTERS, 503, refusal(503, "UNAVAILABLE", "try again")).await;
    cloud.answer_once("GET", NET1, 200, cluster("PROVISIONING")).await;
    cloud.answer("GET", OPERATIONS, 200, json!({"operations": [operation("RUNNING")]})).await;
    cloud.answer("GET", OPERATION, 200, operation("DONE")).await;
    cloud.answer("GET", NET1, 200, cluster("RUNNING")).await;
    let outcome = cloud.gke.ensure_cluster(&request(), &cloud.wait()).await.unwrap();
    assert_eq!((outcome, cloud.count("POST", CLUSTERS).await), (Outcome::Created, 1));
}

#[tokio::test]
async fn after_a_lost_reply_without_a_cluster_it_is_asked_for_again() {
    let cloud = empty_cloud().await;
    cloud.answer_once("POST", CLUSTERS, 503, refusal(503, "UNAVAILABLE", "try again")).await;
    cloud.answer("POST", CLUSTERS, 200, operation("PENDING")).await;
    cloud.answer_once("GET", NET1, 404, not_found()).await;
    cloud.answer("GET", OPERATION, 200, operation("DONE")).await;
    cloud.answer("GET", NET1, 200, cluster("RUNNING")).await;
    cloud.gke.ensure_cluster(&request(), &cloud.wait()).await.unwrap();
    assert_eq!(cloud.count("POST", CLUSTERS).await, 2);
}

#[tokio::test]
async fn a_creation_whose_reply_is_garbage_is_looked_for() {
    let cloud = empty_cloud().await;
    let garbage = ResponseTemplate::new(200).set_body_string("<html>");
    Mock::given(path(CLUSTERS)).respond_with(garbage).mount(&cloud.server).await;
    cloud.answer("GET", NET1, 200, cluster("RUNNING")).await;
    cloud.answer("GET", OPERATIONS, 200, json!({})).await;
    assert_eq!(cloud.gke.ensure_cluster(&request(), &cloud.wait()).await.unwrap(), Outcome::Created);
}

#[tokio::test]
async fn a_creation_whose_reply_names_no_operation_is_looked_for() {
    let cloud = empty_cloud().await;
    cloud.answer("POST", CLUSTERS, 200, json!({})).await;
    cloud.answer("GET", NET1, 200, cluster("RUNNING")).await;
    cloud.answer("GET", OPERATIONS, 200, json!({})).await;
    assert_eq!(cloud.gke.ensure_cluster(&request(), &cloud.wait()).await.unwrap(), Outcome::Created);
}

#[tokio::test]
async fn replies_that_are_always_lost_end_in_an_error() {
    let cloud = Cloud::start().await;
    cloud.answer("GET", NET1, 404, not_found()).await;
    cloud.answer("GET", SERVER_CONFIG, 200, server_config()).await;
    cloud.answer("POST", CLUSTERS, 503, refusal(503, "UNAVAILABLE", "try again")).await;
    let error = cloud.gke.ensure_cluster(&request(), &cloud.wait()).await.unwrap_err();
    assert_eq!((error.meaning(), cloud.count("POST", CLUSTERS).await), (Meaning::Unavailable, 3));
}

#[tokio::test]
async fn a_cluster_that_somebody_made_meanwhile_is_refused() {
    let cloud = empty_cloud().await;
    cloud.answer("POST", CLUSTERS, 409, refusal(409, "ALREADY_EXISTS", "Already exists: net1.")).await;
    cloud.answer("GET", NET1, 200, foreign_cluster()).await;
    let error = cloud.gke.ensure_cluster(&request(), &cloud.wait()).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::AlreadyExists);
    assert!(error.reason().contains("not managed by Spacecraft"), "{error}");
}

#[tokio::test]
async fn a_foreign_cluster_is_refused_without_a_write() {
    let cloud = Cloud::start().await;
    cloud.answer("GET", NET1, 200, foreign_cluster()).await;
    let looked = cloud.gke.look_cluster(&request()).await.unwrap_err();
    let ensured = cloud.gke.ensure_cluster(&request(), &cloud.wait()).await.unwrap_err();
    let reached = cloud.gke.access(&network()).await.unwrap_err();
    for error in [looked, ensured, reached] {
        assert_eq!(error.meaning(), Meaning::AlreadyExists);
    }
    assert_eq!(cloud.writes().await, []);
}

#[tokio::test]
async fn a_cluster_that_is_being_deleted_is_waited_for_and_made_anew() {
    let cloud = Cloud::start().await;
    cloud.answer_once("GET", NET1, 200, cluster("STOPPING")).await;
    cloud.answer_once("GET", NET1, 200, cluster("STOPPING")).await;
    cloud.answer_once("GET", NET1, 404, not_found()).await;
    cloud.answer("GET", SERVER_CONFIG, 200, server_config()).await;
    cloud.answer("POST", CLUSTERS, 200, operation("PENDING")).await;
    cloud.answer("GET", OPERATION, 200, operation("DONE")).await;
    cloud.answer("GET", NET1, 200, cluster("RUNNING")).await;
    assert_eq!(cloud.gke.ensure_cluster(&request(), &cloud.wait()).await.unwrap(), Outcome::Created);
    assert_eq!(
        cloud.observer.waits(),
        ["cluster net1 to be gone: it is still there: its status is STOPPING"]
    );
}

#[tokio::test]
async fn a_creation_of_an_earlier_run_is_waited_for_with_its_failure() {
    let cloud = Cloud::start().await;
    cloud.answer("GET", NET1, 200, cluster("PROVISIONING")).await;
    cloud.answer("GET", OPERATIONS, 200, json!({"operations": [operation("RUNNING")]})).await;
    let mut failed = operation("DONE");
    failed["error"] = json!({"code": 8, "message": "GCE_STOCKOUT: us-central1-a has no machines left"});
    cloud.answer("GET", OPERATION, 200, failed).await;
    let error = cloud.gke.ensure_cluster(&request(), &cloud.wait()).await.unwrap_err();
    assert_eq!(
        render_chain(&error),
        "create cluster net1: GCE_STOCKOUT: us-central1-a has no machines left\n  hint: the zone has no machines of \
         this type left: choose another zone or machine type, or try later"
    );
    assert_eq!(cloud.writes().await, []);
}

#[tokio::test]
async fn a_cluster_that_gke_gave_up_is_an_error_with_its_words() {
    for status in ["ERROR", "DEGRADED"] {
        let cloud = Cloud::start().await;
        let mut broken = cluster(status);
        broken["conditions"] = json!([{"code": "GCE_QUOTA_EXCEEDED", "message": "Quota 'CPUS' exceeded."}]);
        cloud.answer("GET", NET1, 200, broken).await;
        cloud.answer("GET", OPERATIONS, 200, json!({})).await;
        let error = cloud.gke.ensure_cluster(&request(), &cloud.wait()).await.unwrap_err();
        assert_eq!(error.meaning(), Meaning::Quota, "{status}");
        assert!(error.reason().contains("Quota 'CPUS' exceeded."), "{error}");
    }
}

#[tokio::test]
async fn a_cluster_that_vanishes_while_it_is_made_is_an_error() {
    let cloud = empty_cloud().await;
    cloud.answer("POST", CLUSTERS, 200, operation("PENDING")).await;
    cloud.answer("GET", OPERATION, 200, operation("DONE")).await;
    cloud.answer("GET", NET1, 404, not_found()).await;
    let error = cloud.gke.ensure_cluster(&request(), &cloud.wait()).await.unwrap_err();
    assert!(error.reason().contains("gone again"), "{error}");
}

#[tokio::test]
async fn waiting_ends_at_the_deadline_with_the_last_reason() {
    let cloud = empty_cloud().await;
    cloud.answer("POST", CLUSTERS, 200, operation("PENDING")).await;
    cloud.answer("GET", OPERATION, 200, operation("RUNNING")).await;
    let error = cloud.gke.ensure_cluster(&request(), &cloud.short_wait()).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::TimedOut);
    assert!(error.reason().contains("operation-1 (CREATE_CLUSTER) is RUNNING"), "{error}");
}

#[tokio::test]
async fn a_cluster_of_other_machines_is_not_adopted() {
    let cloud = Cloud::start().await;
    let mut other = cluster("RUNNING");
    other["nodePools"][0]["config"]["machineType"] = json!("n2-standard-8");
    cloud.answer("GET", NET1, 200, other).await;
    let look = cloud.gke.look_cluster(&request()).await.unwrap();
    assert_eq!(look, Look::Differs(vec!["machine type: n2-standard-8, wanted e2-standard-4".to_owned()]));
    let error = cloud.gke.ensure_cluster(&request(), &cloud.wait()).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::Invalid);
    assert_eq!(cloud.writes().await, []);
}

#[tokio::test]
async fn a_version_that_is_not_offered_is_refused_before_anything_is_made() {
    let cloud = empty_cloud().await;
    let request = super::fixture::request();
    let old =
        spacecraft_core::traits::ClusterRequest { kubernetes_version: Some("1.21".to_owned()), ..request };
    let error = cloud.gke.ensure_cluster(&old, &cloud.wait()).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::Invalid);
    assert!(error.reason().ends_with("it offers: 1.36.0-gke.1, 1.35.5-gke.2"), "{error}");
    assert_eq!(cloud.writes().await, []);
}

#[tokio::test]
async fn only_the_services_own_word_makes_a_cluster_absent() {
    for (status, body, expected) in [
        (401, refusal(401, "UNAUTHENTICATED", "no token"), Meaning::Denied),
        (403, refusal(403, "PERMISSION_DENIED", "no right"), Meaning::Denied),
        (404, json!("no such page"), Meaning::Other),
        (400, refusal(400, "INVALID_ARGUMENT", "what?"), Meaning::Invalid),
        (429, refusal(429, "RESOURCE_EXHAUSTED", "slow down"), Meaning::Unavailable),
        (500, refusal(500, "INTERNAL", "oops"), Meaning::Unavailable),
        (503, refusal(503, "UNAVAILABLE", "later"), Meaning::Unavailable),
        (504, refusal(504, "DEADLINE_EXCEEDED", "too slow"), Meaning::TimedOut),
        (200, json!("garbage"), Meaning::Invalid),
        (200, json!({"name": "net2"}), Meaning::Invalid),
    ] {
        let cloud = Cloud::start().await;
        cloud.answer("GET", NET1, status, body).await;
        let error = cloud.gke.get(&network()).await.unwrap_err();
        assert_eq!(error.meaning(), expected, "HTTP {status}");
        assert_eq!((error.operation(), error.resource()), ("get cluster", "net1"));
    }
    let cloud = Cloud::start().await;
    cloud.answer("GET", NET1, 404, not_found()).await;
    assert_eq!(cloud.gke.get(&network()).await.unwrap(), None);
}

#[tokio::test]
async fn the_list_tells_which_zones_did_not_answer() {
    let cloud = Cloud::start().await;
    let list = json!({"clusters": [cluster("RUNNING")], "missingZones": ["us-east1-b"]});
    cloud.answer("GET", "/v1/projects/p/locations/-/clusters", 200, list).await;
    let list = cloud.gke.list().await.unwrap();
    assert_eq!(list.unreachable, ["us-east1-b"]);
    let found = list.clusters.first().unwrap();
    assert_eq!((found.state, &found.ownership), (ClusterState::Running, &Ownership::Ours(network())));
}

#[tokio::test]
async fn a_cluster_is_reached_at_its_endpoint_with_our_tokens() {
    let cloud = Cloud::start().await;
    cloud.answer_once("GET", NET1, 200, cluster("RUNNING")).await;
    let Access::Bearer { server, certificate_authority, .. } = cloud.gke.access(&network()).await.unwrap()
    else {
        panic!("the cluster is not reached by bearer tokens");
    };
    assert_eq!((server.as_str(), certificate_authority), ("https://203.0.113.7", None));
    let mut young = cluster("PROVISIONING");
    young["endpoint"] = json!("");
    cloud.answer("GET", NET1, 200, young).await;
    assert_eq!(cloud.gke.access(&network()).await.unwrap_err().meaning(), Meaning::Unavailable);
}
