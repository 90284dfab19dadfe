use serde_json::{Value, json};
use spacecraft_core::Meaning;
use spacecraft_core::quantity::Bytes;
use spacecraft_core::traits::{ClusterProvider as _, Finding, PreflightRequest};
use wiremock::matchers::path;
use wiremock::{Mock, Request, ResponseTemplate};

use super::fixture::{
    COMPUTE, Cloud, NET1, SERVER_CONFIG, cluster, foreign_cluster, legacy_refusal, not_found, refusal,
    request, server_config,
};

const SERVICES: &str = "/v1/projects/p/services:batchGet";
const PERMISSIONS: &str = "/v1/projects/p:testIamPermissions";

fn preflight() -> PreflightRequest {
    PreflightRequest {
        cluster: request(),
        disk: Bytes::gibi(110),
        disks: 11,
        addresses: 1,
        creates_cluster: true,
    }
}

fn enabled(services: &[&str]) -> Value {
    let service = |name: &&str| json!({"name": format!("projects/1/services/{name}"), "state": "ENABLED"});
    json!({"services": services.iter().map(service).collect::<Vec<_>>()})
}

fn zone() -> Value {
    json!({"status": "UP", "region": "https://www.googleapis.com/compute/v1/projects/p/regions/us-central1"})
}

/// Answers what a cloud with room for everything does, after what was mounted before.
async fn answer_the_rest(cloud: &Cloud) {
    let all = |request: &Request| ResponseTemplate::new(200).set_body_bytes(request.body.clone());
    Mock::given(path(PERMISSIONS)).respond_with(all).mount(&cloud.server).await;
    let services = enabled(&["compute.googleapis.com", "container.googleapis.com", "storage.googleapis.com"]);
    cloud.answer("GET", SERVICES, 200, services).await;
    cloud.answer("GET", NET1, 404, not_found()).await;
    cloud.answer("GET", SERVER_CONFIG, 200, server_config()).await;
    cloud.answer("GET", &format!("{COMPUTE}/zones/us-central1-a"), 200, zone()).await;
    let machine = json!({"guestCpus": 4, "memoryMb": 16384});
    cloud
        .answer("GET", &format!("{COMPUTE}/zones/us-central1-a/machineTypes/e2-standard-4"), 200, machine)
        .await;
    let quotas = json!({"quotas": [{"metric": "CPUS", "limit": 24.0, "usage": 12.0}]});
    cloud.answer("GET", &format!("{COMPUTE}/regions/us-central1"), 200, quotas).await;
}

async fn findings(cloud: &Cloud) -> Vec<Finding> {
    answer_the_rest(cloud).await;
    cloud.gke.preflight(&preflight()).await.unwrap()
}

/// The only finding of a preflight, as subject, message and whether it blocks.
async fn only_finding(verb: &str, at: &str, status: u16, body: Value) -> (String, String, bool) {
    let cloud = Cloud::start().await;
    cloud.answer(verb, at, status, body).await;
    let findings = findings(&cloud).await;
    let [found] = findings.as_slice() else { panic!("there is not one finding: {findings:?}") };
    (found.subject.clone(), found.message.clone(), found.blocking)
}

#[tokio::test]
async fn a_cloud_with_room_has_no_findings_and_is_not_written_to() {
    let cloud = Cloud::start().await;
    assert_eq!(findings(&cloud).await, []);
    let writes = cloud.writes().await;
    assert!(writes.iter().all(|(_, path, _)| path == PERMISSIONS), "{writes:?}");
}

#[tokio::test]
async fn missing_permissions_and_services_block() {
    let held = json!({"permissions": ["container.clusters.get"]});
    let (subject, message, blocking) = only_finding("POST", PERMISSIONS, 200, held).await;
    assert_eq!((subject.as_str(), blocking), ("permissions", true));
    assert!(message.contains("container.clusters.create") && !message.contains("container.clusters.get,"));
    let services = enabled(&["compute.googleapis.com", "storage.googleapis.com"]);
    assert_eq!(
        only_finding("GET", SERVICES, 200, services).await,
        (
            "container.googleapis.com".to_owned(),
            "is not enabled in project p: gcloud services enable container.googleapis.com".to_owned(),
            true
        )
    );
}

#[tokio::test]
async fn a_question_that_is_not_allowed_does_not_block() {
    let denied = refusal(403, "PERMISSION_DENIED", "Permission denied to list services");
    let (subject, message, blocking) = only_finding("GET", SERVICES, 403, denied).await;
    assert_eq!((subject.as_str(), blocking), ("enabled services", false));
    assert!(message.starts_with("cannot be checked: Permission denied to list services"), "{message}");
}

#[tokio::test]
async fn a_question_that_the_service_does_not_understand_does_not_block() {
    let unknown = refusal(400, "INVALID_ARGUMENT", "Permission x.y.z is not valid for this resource.");
    let (subject, message, blocking) = only_finding("POST", PERMISSIONS, 400, unknown).await;
    assert_eq!((subject.as_str(), blocking), ("permissions", false));
    assert!(message.contains("is not valid for this resource"), "{message}");
}

#[tokio::test]
async fn a_foreign_cluster_of_the_name_blocks_and_our_own_does_not() {
    let (subject, _, blocking) = only_finding("GET", NET1, 200, foreign_cluster()).await;
    assert_eq!((subject.as_str(), blocking), ("cluster net1", true));
    let cloud = Cloud::start().await;
    cloud.answer("GET", NET1, 200, cluster("RUNNING")).await;
    assert_eq!(findings(&cloud).await, []);
}

#[tokio::test]
async fn a_zone_or_machine_type_that_does_not_exist_blocks() {
    let missing = || legacy_refusal(404, "notFound", "was not found");
    let zone = format!("{COMPUTE}/zones/us-central1-a");
    let (subject, _, blocking) = only_finding("GET", &zone, 404, missing()).await;
    assert_eq!((subject.as_str(), blocking), ("zone us-central1-a", true));
    let machine = format!("{zone}/machineTypes/e2-standard-4");
    let (subject, _, blocking) = only_finding("GET", &machine, 404, missing()).await;
    assert_eq!((subject.as_str(), blocking), ("machine type e2-standard-4", true));
    let smaller = json!({"guestCpus": 2, "memoryMb": 16384});
    let (_, message, blocking) = only_finding("GET", &machine, 200, smaller).await;
    assert!(blocking && message.starts_with("has 2 processors and 16384 MiB"), "{message}");
    let elsewhere = json!({"status": "UP", "region": "x/regions/europe-west1"});
    assert_eq!(only_finding("GET", &zone, 200, json!({"status": "DOWN"})).await.1, "is DOWN right now");
    let cloud = Cloud::start().await;
    cloud.answer("GET", &zone, 200, elsewhere).await;
    let europe = format!("{COMPUTE}/regions/europe-west1");
    cloud.answer("GET", &europe, 404, missing()).await;
    assert_eq!(findings(&cloud).await, [], "a zonal cluster is in its zone, whatever the region is called");
}

#[tokio::test]
async fn a_quota_that_is_too_small_blocks() {
    let region = format!("{COMPUTE}/regions/us-central1");
    let quotas = json!({"quotas": [{"metric": "CPUS", "limit": 24.0, "usage": 16.0}]});
    let (subject, message, blocking) = only_finding("GET", &region, 200, quotas).await;
    assert_eq!((subject.as_str(), blocking), ("quota CPUS in us-central1", true));
    assert!(message.starts_with("the network needs 12 processors, and 8 of 24 are free"), "{message}");
}

#[tokio::test]
async fn a_network_that_grows_beyond_its_quota_is_stopped() {
    let cloud = Cloud::start().await;
    let mut small = cluster("RUNNING");
    small["currentNodeCount"] = json!(1);
    cloud.answer("GET", NET1, 200, small).await;
    cloud.answer("GET", "/compute/v1/projects/p/aggregated/disks", 200, json!({})).await;
    let quotas = json!({"quotas": [
        {"metric": "CPUS", "limit": 24.0, "usage": 20.0},
        {"metric": "SSD_TOTAL_GB", "limit": 400.0, "usage": 100.0}
    ]});
    cloud.answer("GET", &format!("{COMPUTE}/regions/us-central1"), 200, quotas).await;
    answer_the_rest(&cloud).await;
    let growing = PreflightRequest { creates_cluster: false, ..preflight() };
    let found = cloud.gke.preflight(&growing).await.unwrap();
    let [cpus, disk] = found.as_slice() else { panic!("{found:?}") };
    assert!(cpus.message.starts_with("the network needs 8 processors, and 4 of 24 are free"), "{cpus:?}");
    assert!(disk.message.starts_with("the network needs 310 GB of disk"), "{disk:?}");
}

#[tokio::test]
async fn a_version_that_is_not_offered_blocks() {
    let nothing = json!({"channels": []});
    let (subject, message, blocking) = only_finding("GET", SERVER_CONFIG, 200, nothing).await;
    assert_eq!((subject.as_str(), blocking), ("Kubernetes version", true));
    assert!(message.contains("the release channel regular is not offered"), "{message}");
}

#[tokio::test]
async fn a_service_that_does_not_answer_is_an_error() {
    let cloud = Cloud::start().await;
    cloud.answer("GET", SERVICES, 503, refusal(503, "UNAVAILABLE", "later")).await;
    answer_the_rest(&cloud).await;
    let error = cloud.gke.preflight(&preflight()).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::Unavailable);
}
