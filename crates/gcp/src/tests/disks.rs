use serde_json::{Value, json};
use spacecraft_core::Meaning;
use spacecraft_core::names::NetworkName;
use spacecraft_core::observer::Outcome;
use spacecraft_core::quantity::Bytes;
use spacecraft_core::traits::{ClusterProvider as _, Disk};
use wiremock::matchers::{method, path, query_param, query_param_is_missing};
use wiremock::{Mock, ResponseTemplate};

use super::fixture::{COMPUTE, Cloud, legacy_refusal, network};

const AGGREGATED: &str = "/compute/v1/projects/p/aggregated/disks";
const DISK: &str = "/compute/v1/projects/p/zones/us-central1-a/disks/pvc-1";
const WAIT: &str = "/compute/v1/projects/p/zones/us-central1-a/operations/operation-9/wait";

fn body(name: &str, network: &str) -> Value {
    json!({"name": name, "sizeGb": "50", "creationTimestamp": "2026-11-22T06:00:00.000-08:00",
           "labels": {"managed-by": "spacecraft", "spacecraft-network": network}})
}

fn attached(name: &str) -> Value {
    let mut body = body(name, "net1");
    body["users"] = json!(["https://www.googleapis.com/compute/v1/projects/p/zones/z/instances/gke-net1-1"]);
    body
}

fn disk() -> Disk {
    Disk {
        name: "pvc-1".to_owned(),
        network: network(),
        location: "us-central1-a".to_owned(),
        regional: false,
        size: Bytes::gibi(50),
        users: Vec::new(),
        claim: None,
        created: None,
    }
}

fn operation(status: &str) -> Value {
    json!({"name": "operation-9", "status": status})
}

fn missing() -> Value {
    legacy_refusal(404, "notFound", "The resource 'projects/p/zones/us-central1-a/disks/pvc-1' was not found")
}

#[tokio::test]
async fn disks_are_found_on_all_pages_in_all_zones_and_regions() {
    let cloud = Cloud::start().await;
    let nothing = json!({"warning": {"code": "NO_RESULTS_ON_PAGE", "message": "none"}});
    let first = json!({"nextPageToken": "page-2", "items": {
        "zones/us-central1-a": {"disks": [body("pvc-1", "net1"), body("gke-net1-default-boot", "net1")]},
        "zones/us-east1-b": nothing}});
    let second = json!({"items": {
        "regions/us-central1": {"disks": [body("pvc-2", "net1")]},
        "zones/us-west1-a": {"disks": [body("pvc-3", "net10"), {"name": "pvc-4", "labels": {}}, {"name": "pvc-5"}]}}});
    let page = |body| ResponseTemplate::new(200).set_body_json(body);
    let at = || Mock::given(method("GET")).and(path(AGGREGATED));
    at().and(query_param_is_missing("pageToken")).respond_with(page(first)).mount(&cloud.server).await;
    at().and(query_param("pageToken", "page-2")).respond_with(page(second)).mount(&cloud.server).await;
    let names = |disks: Vec<Disk>| {
        disks.into_iter().map(|disk| (disk.name, disk.location, disk.regional)).collect::<Vec<_>>()
    };
    let entry = |name: &str, location: &str, regional| (name.to_owned(), location.to_owned(), regional);
    let ours = [entry("pvc-2", "us-central1", true), entry("pvc-1", "us-central1-a", false)];
    let mut found = names(cloud.gke.disks(Some(&network())).await.unwrap());
    found.sort_by(|left, right| left.1.cmp(&right.1));
    assert_eq!(found, ours);
    assert_eq!(cloud.gke.disks(None).await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_list_without_a_zone_that_did_not_answer_is_an_error() {
    let warning = json!({"code": "UNREACHABLE", "message": "no answer"});
    for list in [
        json!({"items": {"zones/us-central1-a": {"warning": warning}}}),
        json!({"items": {}, "unreachables": ["zones/us-central1-a"]}),
        json!({"warning": {"code": "PARTIAL_SUCCESS", "message": "zones/us-central1-a"}}),
    ] {
        let cloud = Cloud::start().await;
        cloud.answer("GET", AGGREGATED, 200, list).await;
        let error = cloud.gke.disks(None).await.unwrap_err();
        assert_eq!(error.meaning(), Meaning::Unavailable);
        assert!(error.reason().contains("us-central1-a"), "{error}");
    }
}

#[tokio::test]
async fn a_disk_is_deleted_once_it_is_detached() {
    let cloud = Cloud::start().await;
    cloud.answer_once("GET", DISK, 200, attached("pvc-1")).await;
    cloud.answer("GET", DISK, 200, body("pvc-1", "net1")).await;
    let in_use =
        legacy_refusal(400, "resourceInUseByAnotherResource", "The disk resource is already being used");
    cloud.answer_once("DELETE", DISK, 400, in_use).await;
    cloud.answer("DELETE", DISK, 200, operation("PENDING")).await;
    cloud.answer_once("POST", WAIT, 200, operation("RUNNING")).await;
    cloud.answer("POST", WAIT, 200, operation("DONE")).await;
    assert_eq!(cloud.gke.delete_disk(&disk(), &cloud.wait()).await.unwrap(), Outcome::Removed);
    let waits = cloud.observer.waits();
    assert!(waits.iter().any(|wait| wait.ends_with("it is attached to gke-net1-1")), "{waits:?}");
}

#[tokio::test]
async fn a_disk_that_stays_attached_is_told_at_the_deadline() {
    let cloud = Cloud::start().await;
    cloud.answer("GET", DISK, 200, attached("pvc-1")).await;
    let error = cloud.gke.delete_disk(&disk(), &cloud.short_wait()).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::TimedOut);
    assert_eq!(cloud.writes().await, []);
}

#[tokio::test]
async fn a_disk_that_is_gone_is_absent_and_one_that_is_not_ours_is_left() {
    let cloud = Cloud::start().await;
    cloud.answer_once("GET", DISK, 404, missing()).await;
    cloud.answer_once("GET", DISK, 200, body("pvc-1", "net10")).await;
    cloud.answer("GET", DISK, 200, json!({"name": "pvc-1", "labels": {}})).await;
    assert_eq!(cloud.gke.delete_disk(&disk(), &cloud.wait()).await.unwrap(), Outcome::Absent);
    for _ in 0..2 {
        let error = cloud.gke.delete_disk(&disk(), &cloud.wait()).await.unwrap_err();
        assert_eq!(error.meaning(), Meaning::AlreadyExists);
    }
    assert_eq!(cloud.writes().await, []);
}

#[tokio::test]
async fn an_operation_that_fails_is_an_error_with_its_words() {
    let cloud = Cloud::start().await;
    cloud.answer("GET", DISK, 200, body("pvc-1", "net1")).await;
    cloud.answer("DELETE", DISK, 200, operation("PENDING")).await;
    let mut failed = operation("DONE");
    failed["error"] = json!({"errors": [{"code": "QUOTA_EXCEEDED", "message": "too many operations"}]});
    cloud.answer("POST", WAIT, 200, failed).await;
    let error = cloud.gke.delete_disk(&disk(), &cloud.wait()).await.unwrap_err();
    assert_eq!(error.to_string(), "delete disk pvc-1: QUOTA_EXCEEDED: too many operations");
    assert_eq!(error.meaning(), Meaning::Quota);
}

#[tokio::test]
async fn an_operation_that_is_forgotten_or_has_no_name_is_not_taken_for_done() {
    for (accepted, forgotten) in [(operation("PENDING"), missing()), (json!({}), operation("DONE"))] {
        let cloud = Cloud::start().await;
        cloud.answer("GET", DISK, 200, body("pvc-1", "net1")).await;
        cloud.answer("DELETE", DISK, 200, accepted).await;
        cloud.answer("POST", WAIT, 404, forgotten).await;
        let error = cloud.gke.delete_disk(&disk(), &cloud.wait()).await.unwrap_err();
        assert_eq!(error.effect(), spacecraft_core::Effect::Possible);
        assert!(!error.is_not_found(), "{error}");
    }
}

#[tokio::test]
async fn a_repeated_request_carries_the_same_identifier() {
    let cloud = Cloud::start().await;
    cloud.answer("GET", DISK, 200, body("pvc-1", "net1")).await;
    cloud.answer_once("DELETE", DISK, 503, json!({})).await;
    cloud.answer_once("DELETE", DISK, 403, legacy_refusal(403, "rateLimitExceeded", "slow down")).await;
    cloud.answer("DELETE", DISK, 200, operation("DONE")).await;
    cloud.answer("POST", WAIT, 200, operation("DONE")).await;
    cloud.gke.delete_disk(&disk(), &cloud.wait()).await.unwrap();
    let requests = cloud.server.received_requests().await.unwrap();
    let deletions = requests.iter().filter(|request| request.method.as_str() == "DELETE");
    let queries: Vec<_> = deletions.map(|request| request.url.query().unwrap_or_default()).collect();
    let [first, second, third] = queries.as_slice() else {
        panic!("there are not three attempts: {queries:?}")
    };
    assert!(first.starts_with("requestId=") && first == second && second == third, "{queries:?}");
}

#[tokio::test]
async fn a_regional_disk_is_deleted_in_its_region() {
    let cloud = Cloud::start().await;
    let at = format!("{COMPUTE}/regions/us-central1/disks/pvc-1");
    cloud.answer("GET", &at, 200, body("pvc-1", "net1")).await;
    cloud.answer("DELETE", &at, 200, operation("PENDING")).await;
    let wait = format!("{COMPUTE}/regions/us-central1/operations/operation-9/wait");
    cloud.answer("POST", &wait, 200, operation("DONE")).await;
    let disk = Disk { location: "us-central1".to_owned(), regional: true, ..disk() };
    assert_eq!(cloud.gke.delete_disk(&disk, &cloud.wait()).await.unwrap(), Outcome::Removed);
}

#[tokio::test]
async fn names_of_networks_are_compared_whole() {
    let cloud = Cloud::start().await;
    let list = json!({"items": {"zones/z": {"disks": [body("pvc-1", "net10")]}}});
    cloud.answer("GET", AGGREGATED, 200, list).await;
    assert_eq!(cloud.gke.disks(Some(&network())).await.unwrap(), []);
    let other = NetworkName::new("net10").unwrap();
    assert_eq!(cloud.gke.disks(Some(&other)).await.unwrap().len(), 1);
}
