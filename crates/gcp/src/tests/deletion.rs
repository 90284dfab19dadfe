use serde_json::json;
use spacecraft_core::Meaning;
use spacecraft_core::observer::Outcome;
use spacecraft_core::traits::ClusterProvider as _;

use super::fixture::{
    Cloud, NET1, OPERATION, busy, cluster, foreign_cluster, network, not_found, operation, refusal,
};

#[tokio::test]
async fn a_cluster_is_deleted_and_waited_for_until_it_is_gone() {
    let cloud = Cloud::start().await;
    cloud.answer_once("GET", NET1, 200, cluster("RUNNING")).await;
    cloud.answer("DELETE", NET1, 200, operation("PENDING")).await;
    cloud.answer_once("GET", OPERATION, 200, operation("RUNNING")).await;
    cloud.answer("GET", OPERATION, 200, operation("DONE")).await;
    cloud.answer_once("GET", NET1, 200, cluster("STOPPING")).await;
    cloud.answer("GET", NET1, 404, not_found()).await;
    assert_eq!(cloud.gke.delete_cluster(&network(), &cloud.wait()).await.unwrap(), Outcome::Removed);
}

#[tokio::test]
async fn an_error_is_never_taken_for_deleted() {
    for (status, body) in [
        (403, refusal(403, "PERMISSION_DENIED", "no right")),
        (500, refusal(500, "INTERNAL", "oops")),
        (404, json!("no such page")),
    ] {
        let cloud = Cloud::start().await;
        cloud.answer_once("GET", NET1, 200, cluster("RUNNING")).await;
        cloud.answer("DELETE", NET1, 200, operation("PENDING")).await;
        cloud.answer("GET", OPERATION, 200, operation("DONE")).await;
        cloud.answer("GET", NET1, status, body).await;
        cloud.gke.delete_cluster(&network(), &cloud.wait()).await.unwrap_err();
    }
}

#[tokio::test]
async fn nothing_and_what_is_not_ours_is_not_deleted() {
    let cloud = Cloud::start().await;
    cloud.answer_once("GET", NET1, 404, not_found()).await;
    cloud.answer("GET", NET1, 200, foreign_cluster()).await;
    assert_eq!(cloud.gke.delete_cluster(&network(), &cloud.wait()).await.unwrap(), Outcome::Absent);
    let error = cloud.gke.delete_cluster(&network(), &cloud.wait()).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::AlreadyExists);
    assert_eq!(cloud.writes().await, []);
}

#[tokio::test]
async fn a_cluster_that_is_being_deleted_is_only_waited_for() {
    let cloud = Cloud::start().await;
    cloud.answer_once("GET", NET1, 200, cluster("STOPPING")).await;
    cloud.answer("GET", NET1, 404, not_found()).await;
    assert_eq!(cloud.gke.delete_cluster(&network(), &cloud.wait()).await.unwrap(), Outcome::Removed);
    assert_eq!(cloud.writes().await, []);
}

#[tokio::test]
async fn an_operation_that_is_in_the_way_is_waited_for() {
    let cloud = Cloud::start().await;
    cloud.answer_once("GET", NET1, 200, cluster("PROVISIONING")).await;
    cloud.answer_once("DELETE", NET1, 400, busy()).await;
    cloud.answer("DELETE", NET1, 200, operation("PENDING")).await;
    cloud.answer("GET", OPERATION, 200, operation("DONE")).await;
    cloud.answer("GET", NET1, 404, not_found()).await;
    assert_eq!(cloud.gke.delete_cluster(&network(), &cloud.wait()).await.unwrap(), Outcome::Removed);
    let waits = cloud.observer.waits();
    assert!(waits.iter().any(|wait| wait.contains("incompatible operation operation-0")), "{waits:?}");
}

#[tokio::test]
async fn a_deletion_whose_reply_is_lost_is_found_done() {
    let cloud = Cloud::start().await;
    cloud.answer_once("GET", NET1, 200, cluster("RUNNING")).await;
    cloud.answer_once("DELETE", NET1, 503, refusal(503, "UNAVAILABLE", "later")).await;
    cloud.answer_once("DELETE", NET1, 400, busy()).await;
    cloud.answer("DELETE", NET1, 404, not_found()).await;
    assert_eq!(cloud.gke.delete_cluster(&network(), &cloud.wait()).await.unwrap(), Outcome::Removed);
}

#[tokio::test]
async fn a_deletion_that_fails_keeps_gkes_words() {
    let cloud = Cloud::start().await;
    cloud.answer("GET", NET1, 200, cluster("RUNNING")).await;
    cloud.answer("DELETE", NET1, 200, operation("PENDING")).await;
    let mut failed = operation("DONE");
    failed["error"] = json!({"code": 13, "message": "a firewall rule is in the way"});
    cloud.answer("GET", OPERATION, 200, failed).await;
    let error = cloud.gke.delete_cluster(&network(), &cloud.wait()).await.unwrap_err();
    assert_eq!(error.to_string(), "delete cluster net1: a firewall rule is in the way");
}

#[tokio::test]
async fn a_deletion_that_is_not_allowed_is_an_error() {
    let cloud = Cloud::start().await;
    cloud.answer("GET", NET1, 200, cluster("RUNNING")).await;
    cloud.answer("DELETE", NET1, 403, refusal(403, "PERMISSION_DENIED", "no right")).await;
    let error = cloud.gke.delete_cluster(&network(), &cloud.wait()).await.unwrap_err();
    assert_eq!((error.meaning(), error.operation()), (Meaning::Denied, "delete cluster"));
}

#[tokio::test]
async fn a_cluster_that_never_goes_is_told_at_the_deadline() {
    let cloud = Cloud::start().await;
    cloud.answer("GET", NET1, 200, cluster("STOPPING")).await;
    let error = cloud.gke.delete_cluster(&network(), &cloud.short_wait()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "wait for cluster net1 to be gone: it is still there: its status is STOPPING"
    );
}
