//! Replies that nobody documents: none makes us panic, and each error names what was attempted on what.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use spacecraft_core::Error;
use spacecraft_core::quantity::Bytes;
use spacecraft_core::traits::{
    BearerTokens as _, ClusterProvider as _, FirewallRequest, ObjectStore as _, PreflightRequest,
};
use spacecraft_http::StatusCode;
use wiremock::matchers;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::fixture::{Cloud, cluster, network, operation, request, server_config};
use super::tokens::{key, secret};
use crate::Tokens;

/// Replies as bytes: JSON of every shape with the field names that are read, known replies with a part of another kind, broken JSON, and no JSON at all.
fn replies() -> impl Strategy<Value = Vec<u8>> {
    let whole = documents().prop_map(|document| document.to_string().into_bytes());
    let broken = (documents(), any::<prop::sample::Index>()).prop_map(|(document, end)| {
        let text = document.to_string();
        text.as_bytes()[..end.index(text.len())].to_vec()
    });
    let deep = (1_usize..3000).prop_map(|depth| {
        [r#"{"items":"#, &"[".repeat(depth), &"]".repeat(depth), "}"].concat().into_bytes()
    });
    let none = prop_oneof![
        Just(Vec::new()),
        Just(b"<html><body>502 Bad Gateway</body></html>".to_vec()),
        Just(b"{\"items\":[{\"name\":\"a\",\"generation\":1e999}]}".to_vec()),
        prop::collection::vec(any::<u8>(), 0..60),
    ];
    prop_oneof![4 => whole, 2 => broken, 1 => deep, 1 => none]
}

fn documents() -> impl Strategy<Value = Value> {
    prop_oneof![made_up(), known().prop_flat_map(changed)]
}

fn made_up() -> impl Strategy<Value = Value> {
    leaves().prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map(prop::sample::select(FIELDS), inner, 0..6).prop_map(|fields| fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()),
        ]
    })
}

fn leaves() -> impl Strategy<Value = Value> {
    const TEXTS: &[&str] =
        &["", "net1", "RUNNING", "-1", "18446744073709551616", "2026-13-45T99:99:99Z", "a/b/c", "\u{1b}[2J"];
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        prop::sample::select(TEXTS).prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ]
}

/// Names of fields that some reply has; a list's further page is left out, because it would be asked for until the list is given up.
const FIELDS: &[&str] = &[
    "items",
    "clusters",
    "missingZones",
    "name",
    "status",
    "location",
    "resourceLabels",
    "managed-by",
    "spacecraft-network",
    "nodePools",
    "autoscaling",
    "maxNodeCount",
    "currentNodeCount",
    "endpoint",
    "masterAuth",
    "clusterCaCertificate",
    "config",
    "machineType",
    "channels",
    "validVersions",
    "channel",
    "defaultVersion",
    "allowed",
    "IPProtocol",
    "ports",
    "sourceRanges",
    "description",
    "disks",
    "users",
    "sizeGb",
    "labels",
    "zone",
    "forwardingRules",
    "target",
    "region",
    "quotas",
    "metric",
    "limit",
    "usage",
    "generation",
    "permissions",
    "bindings",
    "role",
    "members",
    "error",
    "errors",
    "code",
    "message",
    "reason",
    "details",
    "access_token",
    "expires_in",
    "statusMessage",
    "conditions",
    "state",
    "warning",
];

fn known() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        cluster("RUNNING"),
        json!({ "clusters": [cluster("DEGRADED")] }),
        operation("DONE"),
        server_config(),
        json!({ "items": [{ "name": "spacecraft-net1", "sourceRanges": ["0.0.0.0/0"], "allowed": [{ "IPProtocol": "tcp", "ports": ["1-2"] }] }] }),
        json!({ "items": { "zones/z": { "disks": [{ "name": "pvc-1", "sizeGb": "10", "users": [], "zone": "z/z" }] } } }),
        json!({ "items": [{ "name": "net1/network.json", "generation": "17" }] }),
        json!({ "access_token": "word", "expires_in": 3599, "token_type": "Bearer" }),
    ])
}

/// The document with one of its values replaced.
fn changed(document: Value) -> impl Strategy<Value = Value> {
    (any::<prop::sample::Index>(), leaves()).prop_map(move |(place, other)| {
        let mut document = document.clone();
        let pointers = pointers(&document);
        let pointer: &String = place.get(&pointers);
        if let Some(found) = document.pointer_mut(pointer) {
            *found = other;
        }
        document
    })
}

/// The pointers to all values of a document.
fn pointers(document: &Value) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut next = 0;
    while let Some(pointer) = found.get(next).cloned() {
        next += 1;
        match document.pointer(&pointer) {
            Some(Value::Array(items)) => {
                found.extend((0..items.len()).map(|index| format!("{pointer}/{index}")))
            }
            Some(Value::Object(fields)) => {
                let escaped = |name: &String| name.replace('~', "~0").replace('/', "~1");
                found.extend(fields.keys().map(|name| format!("{pointer}/{}", escaped(name))));
            }
            _ => {}
        }
    }
    found
}

/// Runs a property over replies and codes, each answered to every request.
fn over_replies(cases: u32, property: impl Fn(&tokio::runtime::Runtime, ResponseTemplate) -> Vec<Error>) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let codes = prop::sample::select(vec![200_u16, 200, 200, 400, 403, 404, 409, 412, 429, 500]);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&(codes, replies()), |(code, body)| {
        let status = StatusCode::from_u16(code).unwrap();
        let reply = ResponseTemplate::new(status.as_u16()).set_body_raw(body, "application/json");
        for error in property(&runtime, reply) {
            prop_assert!(!error.operation().is_empty(), "{error:?}");
            prop_assert!(
                !error.resource().is_empty() || error.operation() == crate::GET_CREDENTIALS,
                "{error:?}"
            );
            let told = spacecraft_core::error::render_chain(&error);
            prop_assert!(!told.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')), "{told:?}");
        }
        Ok(())
    });
    outcome.unwrap();
}

async fn answer_everything(server: &MockServer, reply: ResponseTemplate) {
    server.reset().await;
    Mock::given(matchers::any()).respond_with(reply).mount(server).await;
}

#[test]
fn no_reply_of_the_cluster_services_makes_us_panic_and_every_error_names_operation_and_resource() {
    over_replies(150, |runtime, reply| {
        runtime.block_on(async {
            let cloud = Cloud::start().await;
            answer_everything(&cloud.server, reply).await;
            let net1 = network();
            let firewall = FirewallRequest { network: network(), vpc: None, openings: Vec::new() };
            let preflight = PreflightRequest {
                cluster: request(),
                disk: Bytes::gibi(10),
                disks: 1,
                addresses: 1,
                creates_cluster: true,
            };
            let gke = &cloud.gke;
            let all = [
                gke.get(&net1).await.err(),
                gke.list().await.err(),
                gke.look_cluster(&request()).await.err(),
                gke.access(&net1).await.err(),
                gke.look_firewall(&firewall).await.err(),
                gke.firewall_rules(None).await.err(),
                gke.disks(Some(&net1)).await.err(),
                gke.preflight(&preflight).await.err(),
            ];
            all.into_iter().flatten().collect()
        })
    });
}

#[test]
fn no_reply_of_cloud_storage_makes_us_panic_and_every_error_names_operation_and_resource() {
    over_replies(100, |runtime, reply| {
        runtime.block_on(async {
            let cloud = Cloud::start().await;
            answer_everything(&cloud.server, reply).await;
            let bucket = cloud.bucket().await;
            let all = [
                bucket.get("net1/network.json").await.err(),
                bucket.list("net1/").await.err(),
                bucket.is_public().await.err(),
                bucket.check_access().await.err(),
            ];
            all.into_iter().flatten().collect()
        })
    });
}

#[test]
fn no_reply_of_the_token_service_makes_us_panic_and_every_error_names_the_operation() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(MockServer::start());
    let key = key(&format!("{}/token", server.uri()));
    over_replies(60, |runtime, reply| {
        runtime.block_on(async {
            answer_everything(&server, reply).await;
            let tokens = Tokens::from_service_account(&secret(&key)).unwrap();
            tokens.bearer_token().await.err().into_iter().collect()
        })
    });
}

#[tokio::test]
async fn a_token_that_lives_beyond_all_calendars_is_an_error() {
    let server = MockServer::start().await;
    let reply = ResponseTemplate::new(200).set_body_raw(r#"["",82084710140740000]"#, "application/json");
    answer_everything(&server, reply).await;
    let tokens = Tokens::from_service_account(&secret(&key(&format!("{}/token", server.uri())))).unwrap();
    assert_eq!(tokens.bearer_token().await.unwrap_err().operation(), crate::GET_CREDENTIALS);
}
