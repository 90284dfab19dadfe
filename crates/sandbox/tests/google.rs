//! Google's services: what they accept, what they refuse and in which words.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail at any line"
)]

#[path = "support/world.rs"]
mod support;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use spacecraft_sandbox::address::ServiceAddress::{
    Compute, Container, ResourceManager, ServiceUsage, Storage,
};
use support::{CREDENTIALS, Cloud, at, environment, header, request};

const CLUSTERS: &str = "/v1/projects/spacecraft-sandbox/locations/us-central1-a/clusters";
const COMPUTE: &str = "/compute/v1/projects/spacecraft-sandbox";

fn cluster(name: &str, nodes: u32) -> Value {
    json!({"cluster": {
        "name": name, "initialClusterVersion": "1.35", "releaseChannel": {"channel": "REGULAR"},
        "resourceLabels": {"network": name},
        "nodePools": [{"name": "default", "initialNodeCount": nodes, "config": {"machineType": "n2-standard-8"},
                       "management": {"autoUpgrade": true, "autoRepair": true}}],
    }})
}

/// A cloud with a running cluster `net1` of three workers.
fn with_cluster() -> Cloud {
    let mut cloud = Cloud::new();
    assert_eq!(cloud.post(&Container, CLUSTERS, &cluster("net1", 3)).status, StatusCode::OK);
    cloud.wait(10);
    cloud
}

fn message(body: &Value) -> &str {
    body["error"]["message"].as_str().unwrap_or_default()
}

#[test]
fn a_cluster_is_provisioned_then_runs_with_an_endpoint_and_workers() {
    let mut cloud = Cloud::new();
    let operation = cloud.post(&Container, CLUSTERS, &cluster("net1", 3)).json();
    assert_eq!(
        (&operation["operationType"], &operation["status"]),
        (&json!("CREATE_CLUSTER"), &json!("RUNNING"))
    );
    let created = cloud.get(&Container, &format!("{CLUSTERS}/net1")).json();
    assert_eq!(created["status"], "PROVISIONING");
    assert!(created.get("endpoint").is_none(), "there is no control plane yet");

    cloud.wait(10);
    let name = operation["name"].as_str().unwrap();
    let target = CLUSTERS.replace("clusters", &format!("operations/{name}"));
    assert_eq!(cloud.get(&Container, &target).json()["status"], "DONE");
    let running = cloud.get(&Container, &format!("{CLUSTERS}/net1")).json();
    assert_eq!(running["status"], "RUNNING");
    assert_eq!(running["endpoint"], "127.0.0.1:20001");
    assert_eq!(running["currentNodeCount"], 3);
    assert_eq!(running["currentMasterVersion"], "1.35.5-gke.1163012");
    let instances = cloud.get(&Compute, &format!("{COMPUTE}/zones/us-central1-a/instances")).json();
    let address = &instances["items"][0]["networkInterfaces"][0]["accessConfigs"][0]["natIP"];
    assert!(address.as_str().unwrap().starts_with("127."), "{address}");
}

#[test]
fn gke_refuses_what_the_real_one_refuses() {
    let mut cloud = with_cluster();
    let with = |change: fn(&mut Value)| {
        let mut body = cluster("net2", 1);
        change(&mut body["cluster"]);
        body
    };
    let cases: [(&str, Value); 8] = [
        (
            "Already exists: projects/spacecraft-sandbox/zones/us-central1-a/clusters/net1.",
            cluster("net1", 1),
        ),
        (
            "Auto_upgrade cannot be false when release_channel REGULAR is set.",
            with(|c| {
                c["nodePools"][0]["management"]["autoUpgrade"] = json!(false);
            }),
        ),
        ("Master version \"1.21\" is unsupported.", with(|c| c["initialClusterVersion"] = json!("1.21"))),
        ("Cannot find field.", with(|c| c["nodePool"] = json!({}))),
        (
            "Machine type with name 'n9-standard-8' does not exist.",
            with(|c| {
                c["nodePools"][0]["config"]["machineType"] = json!("n9-standard-8");
            }),
        ),
        ("Invalid value for field \"cluster.name\"", with(|c| c["name"] = json!("Net_2"))),
        (
            "NO_UPGRADES exclusion can last at most 90 days",
            with(|c| {
                c["maintenancePolicy"] = json!({"window": {"maintenanceExclusions": {"freeze": {
                "startTime": "2026-11-01T00:00:00Z", "endTime": "2027-06-01T00:00:00Z"}}}});
            }),
        ),
        ("Invalid field 'resource_labels'", with(|c| c["resourceLabels"] = json!({"Network": "x"}))),
    ];
    for (expected, body) in cases {
        let answer = cloud.post(&Container, CLUSTERS, &body);
        let body = answer.json();
        assert!(answer.status.is_client_error(), "{expected}");
        assert!(message(&body).contains(expected), "{expected}: {}", message(&body));
    }
}

#[test]
fn one_operation_runs_on_a_cluster_at_a_time() {
    let mut cloud = Cloud::new();
    let operation = cloud.post(&Container, CLUSTERS, &cluster("net1", 1)).json();
    let refused = cloud.delete(&Container, &format!("{CLUSTERS}/net1"));
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert_eq!(refused.json()["error"]["status"], "FAILED_PRECONDITION");
    assert!(message(&refused.json()).contains(operation["name"].as_str().unwrap()));
}

#[test]
fn a_pool_is_resized_and_its_machines_follow() {
    let mut cloud = with_cluster();
    let pool = format!("{CLUSTERS}/net1/nodePools/default");
    assert_eq!(
        cloud.post(&Container, &format!("{pool}:setSize"), &json!({"nodeCount": 5})).status,
        StatusCode::OK
    );
    cloud.wait(5);
    let instances = |cloud: &mut Cloud| {
        let list = cloud.get(&Compute, &format!("{COMPUTE}/zones/us-central1-a/instances")).json();
        list["items"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(instances(&mut cloud), 5);
    cloud.post(&Container, &format!("{pool}:setSize"), &json!({"nodeCount": 1}));
    cloud.wait(5);
    assert_eq!(instances(&mut cloud), 1);
    let body = json!({"autoscaling": {"enabled": true, "minNodeCount": 3, "maxNodeCount": 2}});
    assert_eq!(
        cloud.post(&Container, &format!("{pool}:setAutoscaling"), &body).status,
        StatusCode::BAD_REQUEST
    );
}

#[test]
fn deleting_a_cluster_takes_its_machines_and_leaves_the_users_firewall_rules() {
    let mut cloud = with_cluster();
    let rule = json!({"name": "sc-net1", "allowed": [{"IPProtocol": "tcp", "ports": ["30000-32767"]}],
                      "sourceRanges": ["0.0.0.0/0"], "targetTags": ["sc-net1"]});
    assert_eq!(cloud.post(&Compute, &format!("{COMPUTE}/global/firewalls"), &rule).status, StatusCode::OK);
    assert_eq!(cloud.delete(&Container, &format!("{CLUSTERS}/net1")).status, StatusCode::OK);
    cloud.wait(10);
    assert_eq!(cloud.get(&Container, &format!("{CLUSTERS}/net1")).status, StatusCode::NOT_FOUND);
    let inventory = cloud.world.inventory();
    assert!(inventory.clusters.is_empty());
    assert_eq!(inventory.firewall_rules, ["sc-net1"]);
    let instances = cloud.get(&Compute, &format!("{COMPUTE}/zones/us-central1-a/instances")).json();
    assert!(instances.get("items").is_none());
}

#[test]
fn quotas_stockouts_permissions_and_disabled_apis_are_told_apart() {
    let mut cloud = Cloud::new();
    cloud.configure(json!({"quotas": {"CPUS": 16}}));
    let refused = cloud.post(&Container, CLUSTERS, &cluster("net1", 3));
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(
        message(&refused.json()).contains("resource \"CPUS\": request requires '24.0' and is short '8.0'")
    );

    cloud.configure(json!({"quotas": {"CPUS": 64}, "stockout_zones": ["us-central1-a"]}));
    let operation = cloud.post(&Container, CLUSTERS, &cluster("net1", 3)).json();
    cloud.wait(10);
    let target = CLUSTERS.replace("clusters", &format!("operations/{}", operation["name"].as_str().unwrap()));
    let done = cloud.get(&Container, &target).json();
    assert_eq!((&done["status"], &done["error"]["code"]), (&json!("DONE"), &json!(8)));
    assert_eq!(cloud.get(&Container, &format!("{CLUSTERS}/net1")).json()["status"], "ERROR");

    cloud.configure(json!({"denied_permissions": ["container.clusters.create"]}));
    let refused = cloud.post(&Container, CLUSTERS, &cluster("net2", 1));
    assert!(message(&refused.json()).starts_with("Required \"container.clusters.create\" permission(s)"));
    let asked = json!({"permissions": ["container.clusters.create", "container.clusters.get"]});
    let held =
        cloud.post(&ResourceManager, "/v1/projects/spacecraft-sandbox:testIamPermissions", &asked).json();
    assert_eq!(held["permissions"], json!(["container.clusters.get"]));

    cloud.configure(json!({"disabled_services": ["container.googleapis.com"]}));
    let refused = cloud.get(&Container, CLUSTERS).json();
    assert_eq!(refused["error"]["details"][0]["reason"], "SERVICE_DISABLED");
    let service = "/v1/projects/spacecraft-sandbox/services/container.googleapis.com";
    assert_eq!(cloud.get(&ServiceUsage, service).json()["state"], "DISABLED");
}

#[test]
fn calls_without_a_valid_token_are_refused() {
    let mut cloud = Cloud::new();
    for address in [Container, Compute] {
        let target = if address == Compute { COMPUTE } else { CLUSTERS };
        let bare = request(Method::GET, target, "");
        assert_eq!(cloud.send(&address, &bare).status, StatusCode::UNAUTHORIZED);
        let mut expired = request(Method::GET, target, "");
        let token = CREDENTIALS.access_token(&["https://www.googleapis.com/auth/cloud-platform"], at(-4_000));
        header(&mut expired, "authorization", &format!("Bearer {token}"));
        assert_eq!(cloud.send(&address, &expired).status, StatusCode::UNAUTHORIZED);
        let mut narrow = request(Method::GET, target, "");
        let token =
            CREDENTIALS.access_token(&["https://www.googleapis.com/auth/devstorage.read_only"], at(0));
        header(&mut narrow, "authorization", &format!("Bearer {token}"));
        assert_eq!(cloud.send(&address, &narrow).status, StatusCode::FORBIDDEN);
    }
}

#[test]
fn a_repeated_request_id_is_answered_with_the_first_operation() {
    let mut cloud = Cloud::new();
    let rule = json!({"name": "r1", "allowed": [{"IPProtocol": "tcp"}]});
    let target = format!("{COMPUTE}/global/firewalls?requestId=8c53a1c5-1fd0-4d5f-9f5a-3c9c0a2f6a11");
    let first = cloud.post(&Compute, &target, &rule).json();
    let second = cloud.post(&Compute, &target, &rule).json();
    assert_eq!(first["name"], second["name"]);
    let again = cloud.post(&Compute, &format!("{COMPUTE}/global/firewalls"), &rule);
    assert_eq!(again.status, StatusCode::CONFLICT);
    let zero = format!("{COMPUTE}/global/firewalls?requestId=00000000-0000-0000-0000-000000000000");
    assert_eq!(cloud.post(&Compute, &zero, &rule).status, StatusCode::BAD_REQUEST);
}

#[test]
fn firewall_rules_are_checked() {
    let mut cloud = Cloud::new();
    for rule in [
        json!({"name": "R1", "allowed": [{"IPProtocol": "tcp"}]}),
        json!({"name": "r1"}),
        json!({"name": "r1", "allowed": [{"IPProtocol": "tcp", "ports": ["high"]}]}),
        json!({"name": "r1", "allowed": [{"IPProtocol": "tcp"}], "sourceRanges": ["everywhere"]}),
        json!({"name": "r1", "allowed": [{"IPProtocol": "tcp"}], "priority": 70_000}),
        json!({"name": "r1", "allow": [{"IPProtocol": "tcp"}]}),
        json!({"name": "r1", "allowed": [{"protocol": "tcp"}]}),
    ] {
        let answer = cloud.post(&Compute, &format!("{COMPUTE}/global/firewalls"), &rule);
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{rule}");
    }
    assert!(cloud.world.inventory().firewall_rules.is_empty());
}

#[test]
fn objects_have_generations_and_conditions() {
    let mut cloud = Cloud::new();
    let upload = "/upload/storage/v1/b/spacecraft-data/o?uploadType=media&name=a%2Fconfig.json";
    let first = cloud.post(&Storage, &format!("{upload}&ifGenerationMatch=0"), &json!({"n": 1})).json();
    assert_eq!((&first["metageneration"], &first["size"]), (&json!("1"), &json!("7")));
    let again = cloud.post(&Storage, &format!("{upload}&ifGenerationMatch=0"), &json!({"n": 2}));
    assert_eq!(again.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(again.json()["error"]["errors"][0]["reason"], "conditionNotMet");

    let generation = first["generation"].as_str().unwrap().to_owned();
    let second =
        cloud.post(&Storage, &format!("{upload}&ifGenerationMatch={generation}"), &json!({"n": 2})).json();
    let newer: i64 = second["generation"].as_str().unwrap().parse().unwrap();
    assert!(newer > generation.parse::<i64>().unwrap(), "generations grow");
    let object = "/storage/v1/b/spacecraft-data/o/a%2Fconfig.json";
    let unchanged = cloud.get(&Storage, &format!("{object}?ifGenerationNotMatch={newer}"));
    assert_eq!(unchanged.status, StatusCode::NOT_MODIFIED);

    let media = cloud.get(&Storage, &format!("{object}?alt=media"));
    assert_eq!(media.body, json!({"n": 2}).to_string());
    assert_eq!(media.headers["x-goog-generation"], newer.to_string());
    assert_eq!(
        cloud.delete(&Storage, &format!("{object}?ifGenerationMatch=1")).status,
        StatusCode::PRECONDITION_FAILED
    );
    assert_eq!(cloud.delete(&Storage, object).status, StatusCode::NO_CONTENT);
    assert_eq!(cloud.get(&Storage, object).status, StatusCode::NOT_FOUND);
}

#[test]
fn the_public_reads_public_buckets_alone() {
    let mut cloud = Cloud::new();
    for bucket in ["spacecraft-data", "spacecraft-sandbox-state"] {
        let upload = format!("/upload/storage/v1/b/{bucket}/o?uploadType=media&name=x");
        assert_eq!(cloud.post(&Storage, &upload, &json!(1)).status, StatusCode::OK);
    }
    let public = cloud.send(&Storage, &request(Method::GET, "/spacecraft-data/x", ""));
    assert_eq!(public.status, StatusCode::OK);
    assert_eq!(public.headers["cache-control"], "public, max-age=3600");
    let private = cloud.send(&Storage, &request(Method::GET, "/spacecraft-sandbox-state/x", ""));
    assert_eq!(private.status, StatusCode::FORBIDDEN);
    let upload = request(Method::POST, "/upload/storage/v1/b/spacecraft-data/o?uploadType=media&name=y", "1");
    assert_eq!(cloud.send(&Storage, &upload).status, StatusCode::UNAUTHORIZED);
}

#[test]
fn listing_groups_by_delimiter_and_pages() {
    let mut cloud = Cloud::new();
    for name in ["a%2F1", "a%2F2", "b", "c"] {
        let upload = format!("/upload/storage/v1/b/spacecraft-data/o?uploadType=media&name={name}");
        cloud.post(&Storage, &upload, &json!(1));
    }
    let list = "/storage/v1/b/spacecraft-data/o";
    let grouped = cloud.get(&Storage, &format!("{list}?delimiter=%2F")).json();
    assert_eq!(grouped["prefixes"], json!(["a/"]));
    assert_eq!(grouped["items"].as_array().unwrap().len(), 2);
    let mut names = Vec::new();
    let mut target = format!("{list}?maxResults=1&prefix=a%2F");
    loop {
        let page = cloud.get(&Storage, &target).json();
        names.extend(
            page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()),
        );
        let Some(token) = page["nextPageToken"].as_str() else { break };
        target = format!("{list}?maxResults=1&prefix=a%2F&pageToken={token}");
    }
    assert_eq!(names, ["a/1", "a/2"]);
    assert!(cloud.get(&Storage, &format!("{list}?prefix=z")).json().get("items").is_none());
}

#[test]
fn a_resumable_upload_takes_pieces_and_tells_how_far_it_is() {
    let mut cloud = Cloud::new();
    let start = "/upload/storage/v1/b/spacecraft-data/o?uploadType=resumable&name=big&ifGenerationMatch=0";
    let started = cloud.post(&Storage, start, &json!({"contentType": "text/plain"}));
    let location = started.headers["location"].to_str().unwrap().to_owned();
    let target = location.trim_start_matches("http://127.0.0.1:20000/storage.googleapis.com").to_owned();
    let piece = |range: &str, bytes: usize| {
        let mut request = request(Method::PUT, &target, vec![b'x'; bytes]);
        let token = CREDENTIALS.access_token(&["https://www.googleapis.com/auth/cloud-platform"], at(0));
        header(&mut request, "authorization", &format!("Bearer {token}"));
        header(&mut request, "content-range", range);
        request
    };
    let none = cloud.send(&Storage, &piece("bytes */*", 0));
    assert_eq!(none.status, StatusCode::PERMANENT_REDIRECT);
    assert!(none.headers.get("range").is_none());
    let first = cloud.send(&Storage, &piece("bytes 0-262143/*", 262_144));
    assert_eq!(
        (first.status, first.headers["range"].to_str().unwrap()),
        (StatusCode::PERMANENT_REDIRECT, "bytes=0-262143")
    );
    assert_eq!(cloud.send(&Storage, &piece("bytes 262144-262146/*", 3)).status, StatusCode::BAD_REQUEST);
    let last = cloud.send(&Storage, &piece("bytes 262144-262146/262147", 3));
    assert_eq!(last.status, StatusCode::OK);
    assert_eq!(last.json()["size"], "262147");
}

#[test]
fn a_replayed_log_gives_the_same_state() {
    let mut cloud = with_cluster();
    let upload = "/upload/storage/v1/b/spacecraft-data/o?uploadType=media&name=x";
    cloud.post(&Storage, upload, &json!({"n": 1}));
    let rule = json!({"name": "r1", "allowed": [{"IPProtocol": "tcp"}]});
    cloud.post(&Compute, &format!("{COMPUTE}/global/firewalls"), &rule);
    cloud.wait(5);
    let before = cloud.get(&Container, &format!("{CLUSTERS}/net1")).json();
    let (inventory, entries) = (cloud.world.inventory(), cloud.world.take_entries());

    let restored = spacecraft_sandbox::World::restore(environment(), None, entries, at(cloud.seconds));
    let mut again = Cloud { world: restored, seconds: cloud.seconds };
    assert_eq!(again.get(&Container, &format!("{CLUSTERS}/net1")).json(), before);
    let mut after = again.world.inventory();
    after.calls = inventory.calls.clone();
    assert_eq!(after, inventory);
}

#[test]
fn the_inventory_of_a_fresh_world_is_empty_but_for_its_buckets() {
    insta::assert_json_snapshot!(Cloud::new().world.inventory());
}
