use serde_json::{Value, json};
use spacecraft_core::Meaning;
use spacecraft_core::observer::Outcome;
use spacecraft_core::traits::{ClusterProvider as _, ClusterRequest};

use super::fixture::{Cloud, NET1, OPERATION, cluster, network, not_found, operation, refusal, request};

fn of_size(workers: u32, fewest: u32, most: u32) -> Value {
    let mut cluster = cluster("RUNNING");
    cluster["currentNodeCount"] = json!(workers);
    cluster["nodePools"][0]["autoscaling"] =
        json!({"enabled": true, "minNodeCount": fewest, "maxNodeCount": most});
    cluster
}

async fn cloud_that_changes_pools() -> Cloud {
    let cloud = Cloud::start().await;
    for verb in ["setAutoscaling", "setSize"] {
        cloud.answer("POST", &format!("{NET1}/nodePools/default:{verb}"), 200, operation("PENDING")).await;
    }
    cloud.answer("GET", OPERATION, 200, operation("DONE")).await;
    cloud
}

async fn written(cloud: &Cloud) -> Vec<(String, Value)> {
    let name = |path: &str| path.rsplit(':').next().unwrap_or_default().to_owned();
    cloud.writes().await.into_iter().map(|(_, path, body)| (name(&path), body)).collect()
}

fn bounds(fewest: u32, most: u32) -> (String, Value) {
    let body = json!({"autoscaling": {"enabled": true, "minNodeCount": fewest, "maxNodeCount": most}});
    ("setAutoscaling".to_owned(), body)
}

fn size(workers: u32) -> (String, Value) {
    ("setSize".to_owned(), json!({"nodeCount": workers}))
}

#[tokio::test]
async fn a_pool_that_is_too_small_grows_and_never_shrinks() {
    let cloud = cloud_that_changes_pools().await;
    for _ in 0..3 {
        cloud.answer_once("GET", NET1, 200, of_size(2, 2, 9)).await;
    }
    cloud.answer("GET", NET1, 200, of_size(3, 3, 9)).await;
    let outcome = cloud.gke.ensure_cluster(&request(), &cloud.wait()).await.unwrap();
    assert_eq!(outcome, Outcome::Updated);
    assert_eq!(written(&cloud).await, [bounds(3, 9), size(3)]);
}

#[tokio::test]
async fn a_ceiling_is_raised_without_lowering_the_floor() {
    let cloud = cloud_that_changes_pools().await;
    cloud.answer("GET", NET1, 200, of_size(6, 5, 7)).await;
    let request = ClusterRequest { most_workers: 9, ..request() };
    assert_eq!(cloud.gke.ensure_cluster(&request, &cloud.wait()).await.unwrap(), Outcome::Updated);
    assert_eq!(written(&cloud).await, [bounds(5, 9)]);
}

#[tokio::test]
async fn workers_that_gke_cannot_get_are_an_error() {
    let cloud = cloud_that_changes_pools().await;
    let mut short = of_size(2, 3, 5);
    short["nodePools"][0]["status"] = json!("RUNNING_WITH_ERROR");
    short["nodePools"][0]["conditions"] =
        json!([{"code": "GCE_STOCKOUT", "message": "no e2-standard-4 left"}]);
    cloud.answer("GET", NET1, 200, short).await;
    let error = cloud.gke.ensure_cluster(&request(), &cloud.wait()).await.unwrap_err();
    assert!(error.reason().contains("no e2-standard-4 left"), "{error}");
    assert!(error.hint().unwrap().contains("another zone"));
}

#[tokio::test]
async fn workers_that_do_not_come_are_told_at_the_deadline() {
    let cloud = cloud_that_changes_pools().await;
    cloud.answer("GET", NET1, 200, of_size(2, 3, 5)).await;
    let error = cloud.gke.ensure_cluster(&request(), &cloud.short_wait()).await.unwrap_err();
    assert_eq!(error.to_string(), "wait for workers of cluster net1: 2 of 3 workers are there");
}

#[tokio::test]
async fn resizing_sets_what_differs() {
    let cloud = cloud_that_changes_pools().await;
    cloud.answer_once("GET", NET1, 200, of_size(3, 3, 5)).await;
    cloud.answer("GET", NET1, 200, of_size(1, 1, 5)).await;
    assert_eq!(cloud.gke.resize(&network(), 1, 5, &cloud.wait()).await.unwrap(), Outcome::Updated);
    assert_eq!(written(&cloud).await, [bounds(1, 5), size(1)]);
    assert_eq!(cloud.gke.resize(&network(), 1, 5, &cloud.wait()).await.unwrap(), Outcome::Unchanged);
    assert_eq!(cloud.gke.resize(&network(), 1, 7, &cloud.wait()).await.unwrap(), Outcome::Updated);
    assert_eq!(written(&cloud).await.last(), Some(&bounds(1, 7)));
}

#[tokio::test]
async fn a_pool_that_is_not_there_cannot_be_resized() {
    let cloud = Cloud::start().await;
    cloud.answer_once("GET", NET1, 404, not_found()).await;
    let mut empty = cluster("RUNNING");
    empty["nodePools"] = json!([]);
    cloud.answer("GET", NET1, 200, empty).await;
    for _ in 0..2 {
        let error = cloud.gke.resize(&network(), 1, 5, &cloud.wait()).await.unwrap_err();
        assert_eq!(error.meaning(), Meaning::NotFound);
    }
    let error = cloud.gke.ensure_cluster(&request(), &cloud.wait()).await.unwrap_err();
    assert!(error.reason().contains("node pool `default`: missing"), "{error}");
}

#[tokio::test]
async fn a_lost_reply_to_a_resize_is_asked_for_again() {
    let cloud = Cloud::start().await;
    let target = format!("{NET1}/nodePools/default:setSize");
    cloud.answer_once("GET", NET1, 200, of_size(3, 4, 5)).await;
    cloud.answer_once("POST", &target, 503, refusal(503, "UNAVAILABLE", "later")).await;
    cloud.answer("POST", &target, 200, operation("PENDING")).await;
    cloud.answer("GET", OPERATION, 200, operation("DONE")).await;
    cloud.answer("GET", NET1, 200, of_size(4, 4, 5)).await;
    assert_eq!(cloud.gke.resize(&network(), 4, 5, &cloud.wait()).await.unwrap(), Outcome::Updated);
}

#[tokio::test]
async fn a_quota_that_is_used_up_is_told_with_advice() {
    let cloud = Cloud::start().await;
    cloud.answer("GET", NET1, 200, of_size(3, 4, 5)).await;
    let message = "Insufficient regional quota to satisfy request: resource \"CPUS\"";
    let target = format!("{NET1}/nodePools/default:setSize");
    cloud.answer("POST", &target, 403, refusal(403, "PERMISSION_DENIED", message)).await;
    let larger = ClusterRequest { workers: 4, ..request() };
    let error = cloud.gke.ensure_cluster(&larger, &cloud.wait()).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::Quota);
}
