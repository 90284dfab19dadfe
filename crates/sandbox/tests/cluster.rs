//! Between a cluster and the cloud it runs on: disks, load balancers, jobs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail at any line"
)]

#[path = "support/world.rs"]
mod support;

use http::StatusCode;
use serde_json::{Value, json};
use spacecraft_sandbox::address::ServiceAddress::{self, Compute, Container, Kubernetes};
use support::Cloud;

const COMPUTE: &str = "/compute/v1/projects/spacecraft-sandbox";
const CLUSTER: &str = "/v1/projects/spacecraft-sandbox/locations/us-central1-a/clusters/net1";

fn running() -> (Cloud, ServiceAddress) {
    let mut cloud = Cloud::new();
    let id = cloud.cluster();
    (cloud, Kubernetes(id))
}

fn create(cloud: &mut Cloud, api: &ServiceAddress, path: &str, object: &Value) {
    let answer = cloud.post(api, path, object);
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.json());
}

fn pod_with_claim(cloud: &mut Cloud, api: &ServiceAddress) {
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
                       "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "50Gi"}}}});
    create(cloud, api, "/api/v1/namespaces/default/persistentvolumeclaims", &claim);
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {
        "containers": [{"name": "c", "image": "nginx", "volumeMounts": [{"name": "v", "mountPath": "/data"}]}],
        "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]}});
    create(cloud, api, "/api/v1/namespaces/default/pods", &pod);
    for _ in 0..30 {
        cloud.wait(2);
        let _ = cloud.get(api, "/version");
    }
}

#[test]
fn a_claim_gets_a_disk_that_outlives_the_cluster() {
    let (mut cloud, api) = running();
    pod_with_claim(&mut cloud, &api);
    let disks = cloud
        .get(&Compute, &format!("{COMPUTE}/zones/us-central1-a/disks?filter=name%20eq%20%22pvc-.*%22"))
        .json();
    let disk = &disks["items"][0];
    assert_eq!((&disk["sizeGb"], &disk["status"]), (&json!("50"), &json!("READY")));
    assert_eq!(disk["labels"]["goog-k8s-cluster-name"], "net1");
    assert!(
        disk["description"].as_str().unwrap().contains("\"kubernetes.io/created-for/pvc/name\":\"data\"")
    );
    let name = disk["name"].as_str().unwrap().to_owned();
    let target = format!("{COMPUTE}/zones/us-central1-a/disks/{name}");
    let refused = cloud.delete(&Compute, &target).json();
    assert_eq!(refused["error"]["errors"][0]["reason"], "resourceInUseByAnotherResource");

    assert_eq!(cloud.delete(&Container, CLUSTER).status, StatusCode::OK);
    cloud.wait(10);
    assert_eq!(cloud.world.inventory().disks, [format!("us-central1-a/{name}")]);
    assert_eq!(cloud.delete(&Compute, &target).status, StatusCode::OK);
    cloud.wait(2);
    assert_eq!(cloud.get(&Compute, &target).status, StatusCode::NOT_FOUND);
}

#[test]
fn deleting_pod_and_claim_takes_the_disk() {
    let (mut cloud, api) = running();
    pod_with_claim(&mut cloud, &api);
    cloud.delete(&api, "/api/v1/namespaces/default/pods/p");
    cloud.delete(&api, "/api/v1/namespaces/default/persistentvolumeclaims/data");
    for _ in 0..30 {
        cloud.wait(2);
        let _ = cloud.get(&api, "/version");
    }
    assert!(cloud.world.inventory().disks.is_empty());
}

#[test]
fn a_load_balancer_service_gets_an_address_and_a_forwarding_rule() {
    let (mut cloud, api) = running();
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {
        "type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"port": 80}]}});
    create(&mut cloud, &api, "/api/v1/namespaces/default/services", &service);
    cloud.wait(5);
    let service = cloud.get(&api, "/api/v1/namespaces/default/services/web").json();
    let address = service["status"]["loadBalancer"]["ingress"][0]["ip"].as_str().unwrap().to_owned();
    let rules = cloud.get(&Compute, &format!("{COMPUTE}/regions/us-central1/forwardingRules")).json();
    assert_eq!(rules["items"][0]["IPAddress"], address);
    assert_eq!(cloud.world.inventory().load_balancers.len(), 1);
    cloud.delete(&api, "/api/v1/namespaces/default/services/web");
    cloud.wait(60);
    assert!(cloud.world.inventory().load_balancers.is_empty());
}

#[test]
fn kibanas_installation_job_leaves_the_token_that_its_pods_need() {
    let (mut cloud, api) = running();
    let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "pre-install-kibana-kibana"},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [
            {"name": "c", "image": "docker.elastic.co/kibana/kibana:8.5.1"}]}}}});
    create(&mut cloud, &api, "/apis/batch/v1/namespaces/default/jobs", &job);
    for _ in 0..30 {
        cloud.wait(2);
        let _ = cloud.get(&api, "/version");
    }
    let job = cloud.get(&api, "/apis/batch/v1/namespaces/default/jobs/pre-install-kibana-kibana").json();
    assert_eq!(job["status"]["succeeded"], 1, "{job}");
    let secret = cloud.get(&api, "/api/v1/namespaces/default/secrets/kibana-kibana-es-token");
    assert_eq!(secret.status, StatusCode::OK);
    assert!(secret.json()["data"]["token"].is_string());
}

#[test]
fn clusters_come_back_from_a_log_with_their_objects() {
    let (mut cloud, api) = running();
    pod_with_claim(&mut cloud, &api);
    let pod = cloud.get(&api, "/api/v1/namespaces/default/pods/p").json();
    let (before, entries) = (cloud.world.inventory(), cloud.world.take_entries());
    let now = support::at(cloud.seconds);
    let world = spacecraft_sandbox::World::restore(support::environment(), None, entries, now);
    let mut again = Cloud { world, seconds: cloud.seconds };
    assert_eq!(again.get(&api, "/api/v1/namespaces/default/pods/p").json(), pod);
    let after = again.world.inventory();
    assert_eq!((after.kubernetes, after.disks), (before.kubernetes, before.disks));

    let (snapshot, entries) = cloud.world.snapshot();
    let world = spacecraft_sandbox::World::restore(support::environment(), Some(snapshot), entries, now);
    let mut third = Cloud { world, seconds: cloud.seconds };
    assert_eq!(third.get(&api, "/api/v1/namespaces/default/pods/p").json(), pod);
}

#[test]
fn the_kubernetes_api_wants_a_token_for_all_but_its_health() {
    let (mut cloud, api) = running();
    let ask = |path: &str| support::request(http::Method::GET, path, "");
    assert_eq!(cloud.send(&api, &ask("/api/v1/pods")).status, StatusCode::UNAUTHORIZED);
    assert_eq!(cloud.send(&api, &ask("/livez")).status, StatusCode::OK);
}
