//! The services beside the cloud: Cloudflare, Slack, GitHub, Elasticsearch, Kibana and PoETs.

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
use spacecraft_sandbox::address::{
    ServiceAddress::{self, Cloudflare, GitHub, GitHubUploads, Slack, SlackHooks, Storage},
    Workload, WorkloadKind,
};
use support::{CREDENTIALS, Cloud, header, request};

const RECORDS: &str = "/client/v4/zones/023e105f4ecef8ad9ca31a8372d0c353/dns_records";

fn record(name: &str, kind: &str, content: &str) -> Value {
    json!({"type": kind, "name": name, "content": content, "comment": "spacecraft:net1"})
}

#[test]
fn dns_records_are_created_found_changed_and_deleted() {
    let mut cloud = Cloud::new();
    assert_eq!(cloud.get(&Cloudflare, "/client/v4/user/tokens/verify").json()["result"]["status"], "active");
    let zones = cloud.get(&Cloudflare, "/client/v4/zones?name=spacemesh.io").json();
    assert_eq!(zones["result"][0]["name"], "spacemesh.io");
    let created = cloud.post(&Cloudflare, RECORDS, &record("api-net1", "A", "127.0.0.1")).json();
    assert_eq!(created["result"]["name"], "api-net1.spacemesh.io");
    let id = created["result"]["id"].as_str().unwrap().to_owned();
    for filter in
        ["name=api-net1.spacemesh.io", "comment.startswith=SPACECRAFT", "content.contains=0.0", "type=A"]
    {
        let found = cloud.get(&Cloudflare, &format!("{RECORDS}?{filter}")).json();
        assert_eq!(found["result_info"]["total_count"], 1, "{filter}");
    }
    let none = cloud.get(&Cloudflare, &format!("{RECORDS}?comment=other")).json();
    assert_eq!(none["result_info"]["total_count"], 0);
    let patched =
        cloud.call(&Cloudflare, Method::PATCH, &format!("{RECORDS}/{id}"), &json!({"comment": null})).json();
    assert_eq!(
        (&patched["result"]["comment"], &patched["result"]["content"]),
        (&json!(null), &json!("127.0.0.1"))
    );
    assert_eq!(cloud.delete(&Cloudflare, &format!("{RECORDS}/{id}")).status, StatusCode::OK);
    assert_eq!(cloud.delete(&Cloudflare, &format!("{RECORDS}/{id}")).json()["errors"][0]["code"], 81_044);
}

#[test]
fn cloudflare_tells_conflicts_and_wrong_records_by_code() {
    let mut cloud = Cloud::new();
    cloud.post(&Cloudflare, RECORDS, &record("a", "A", "127.0.0.1"));
    cloud.post(&Cloudflare, RECORDS, &record("c", "CNAME", "a.spacemesh.io"));
    for (body, code) in [
        (record("a.spacemesh.io", "A", "127.0.0.1"), 81_058),
        (record("a", "CNAME", "x.spacemesh.io"), 81_053),
        (record("c", "A", "127.0.0.2"), 81_054),
        (record("d", "A", "not an address"), 9_005),
        (
            record("d", "A", "127.0.0.1")
                .as_object()
                .map(|o| {
                    let mut o = o.clone();
                    o.insert("ttl".into(), json!(5));
                    json!(o)
                })
                .unwrap(),
            9_021,
        ),
        (json!({"name": "d", "type": "A"}), 9_000),
        (json!({"name": "d", "type": "A", "content": "127.0.0.1", "tags": ["a:b"]}), 9_300),
    ] {
        let refused = cloud.post(&Cloudflare, RECORDS, &body).json();
        assert_eq!(refused["errors"][0]["code"], code, "{body}");
        assert_eq!(refused["success"], false);
    }
    let mut unauthenticated = request(Method::GET, RECORDS, "");
    assert_eq!(cloud.send(&Cloudflare, &unauthenticated).status, StatusCode::BAD_REQUEST);
    header(&mut unauthenticated, "authorization", "Bearer wrong");
    assert_eq!(cloud.send(&Cloudflare, &unauthenticated).status, StatusCode::UNAUTHORIZED);
}

#[test]
fn a_batch_with_a_mistake_changes_nothing() {
    let mut cloud = Cloud::new();
    let body = json!({"posts": [record("a", "A", "127.0.0.1"), record("b", "A", "wrong")]});
    assert_eq!(cloud.post(&Cloudflare, &format!("{RECORDS}/batch"), &body).status, StatusCode::BAD_REQUEST);
    assert!(cloud.world.inventory().dns_records.is_empty());
    let body = json!({"posts": [record("a", "A", "127.0.0.1"), record("b", "A", "127.0.0.2")]});
    assert_eq!(cloud.post(&Cloudflare, &format!("{RECORDS}/batch"), &body).status, StatusCode::OK);
    assert_eq!(cloud.world.inventory().dns_records.len(), 2);
}

#[test]
fn slack_messages_are_threads_and_can_be_changed() {
    let mut cloud = Cloud::new();
    let posted =
        cloud.post(&Slack, "/api/chat.postMessage", &json!({"channel": "C1", "text": "start"})).json();
    let ts = posted["ts"].as_str().unwrap().to_owned();
    cloud.post(&Slack, "/api/chat.postMessage", &json!({"channel": "C1", "text": "more", "thread_ts": ts}));
    let changed =
        cloud.post(&Slack, "/api/chat.update", &json!({"channel": "C1", "ts": ts, "text": "done"})).json();
    assert_eq!(changed["ok"], true);
    let messages = cloud.world.inventory().slack_messages;
    assert_eq!((&messages[0]["text"], &messages[1]["thread_ts"]), (&json!("done"), &json!(ts)));
}

#[test]
fn slack_answers_mistakes_with_status_200_and_an_error() {
    let mut cloud = Cloud::new();
    for (method, body, error) in [
        ("chat.postMessage", json!({"channel": "#general", "text": "x"}), "channel_not_found"),
        ("chat.postMessage", json!({"channel": "C1"}), "no_text"),
        ("chat.update", json!({"channel": "C1", "ts": "1.0", "text": "x"}), "message_not_found"),
        ("chat.dance", json!({}), "unknown_method"),
    ] {
        let answer = cloud.post(&Slack, &format!("/api/{method}"), &body);
        assert_eq!((answer.status, answer.json()["error"].as_str()), (StatusCode::OK, Some(error)));
    }
    cloud.configure(json!({"slack_messages_per_second": 1}));
    let body = json!({"channel": "C1", "text": "x"});
    cloud.post(&Slack, "/api/chat.postMessage", &body);
    let limited = cloud.post(&Slack, "/api/chat.postMessage", &body);
    assert_eq!(limited.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(limited.headers["retry-after"], "1");
}

#[test]
fn a_webhook_is_known_by_its_path() {
    let mut cloud = Cloud::new();
    let send = |path: &str, body: &str| request(Method::POST, path, body.to_owned());
    let path = CREDENTIALS.slack_webhook_path.clone();
    assert_eq!(cloud.send(&SlackHooks, &send(&path, r#"{"text":"hi"}"#)).body, "ok");
    assert_eq!(cloud.send(&SlackHooks, &send(&path, "{}")).body, "no_text");
    assert_eq!(cloud.send(&SlackHooks, &send("/services/a/b/c", "{}")).status, StatusCode::NOT_FOUND);
}

#[test]
fn a_release_is_drafted_filled_and_published() {
    let mut cloud = Cloud::new();
    let releases = "/repos/spacemeshos/sm-net/releases";
    let draft = cloud.post(&GitHub, releases, &json!({"tag_name": "v1", "draft": true})).json();
    let id = draft["id"].as_u64().unwrap();
    assert_eq!(cloud.get(&GitHub, &format!("{releases}/tags/v1")).status, StatusCode::NOT_FOUND);
    let upload = format!("{releases}/{id}/assets?name=Linux%20build.zip");
    let asset = cloud.post(&GitHubUploads, &upload, &json!("content"));
    assert_eq!((asset.status, asset.json()["name"].as_str()), (StatusCode::CREATED, Some("Linux.build.zip")));
    let twice = cloud.post(&GitHubUploads, &upload, &json!("content"));
    assert_eq!(twice.json()["errors"][0]["code"], "already_exists");
    cloud.call(&GitHub, Method::PATCH, &format!("{releases}/{id}"), &json!({"draft": false}));
    assert_eq!(cloud.get(&GitHub, &format!("{releases}/tags/v1")).status, StatusCode::OK);
    let again = cloud.post(&GitHub, releases, &json!({"tag_name": "v1"}));
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    let nameless = request(Method::GET, releases, "");
    assert_eq!(cloud.send(&GitHub, &nameless).status, StatusCode::FORBIDDEN, "a User-Agent is needed");
}

fn workload(cloud: &mut Cloud, kind: WorkloadKind) -> ServiceAddress {
    let cluster = cloud.cluster();
    ServiceAddress::Workload(Workload { kind, cluster, namespace: "n".to_owned(), name: "x".to_owned() })
}

#[test]
fn elasticsearch_keeps_policies_templates_and_documents() {
    let mut cloud = Cloud::new();
    let elastic = workload(&mut cloud, WorkloadKind::Elasticsearch);
    let policy = json!({"policy": {"phases": {"hot": {"actions": {}}, "delete": {"min_age": "7d", "actions": {"delete": {}}}}}});
    let put = |cloud: &mut Cloud, path: &str, body: &Value| cloud.call(&elastic, Method::PUT, path, body);
    assert_eq!(put(&mut cloud, "/_ilm/policy/sm", &policy).json()["acknowledged"], true);
    put(&mut cloud, "/_ilm/policy/sm", &policy);
    assert_eq!(cloud.get(&elastic, "/_ilm/policy/sm").json()["sm"]["version"], 2);
    let template = json!({"index_patterns": ["sm-*"], "priority": 500,
                          "template": {"settings": {"index.lifecycle.name": "sm", "number_of_replicas": 0}}});
    assert_eq!(put(&mut cloud, "/_index_template/sm", &template).status, StatusCode::OK);
    assert_eq!(put(&mut cloud, "/_index_template/other", &template).status, StatusCode::BAD_REQUEST);
    cloud.post(&elastic, "/sm-2026.11.22/_doc", &json!({"sm": {"M": "text"}}));
    let settings = cloud.get(&elastic, "/sm-*/_settings").json();
    assert_eq!(settings["sm-2026.11.22"]["settings"]["index"]["lifecycle.name"], "sm");
    assert_eq!(cloud.get(&elastic, "/sm-*/_count").json()["count"], 1);
    assert_eq!(cloud.delete(&elastic, "/_ilm/policy/sm").status, StatusCode::BAD_REQUEST, "it is in use");
    assert_eq!(cloud.get(&elastic, "/none/_count").json()["error"]["type"], "index_not_found_exception");
    assert_eq!(cloud.get(&elastic, "/_cluster/health?wait_for_status=yellow").json()["status"], "green");
}

fn import(file_name: &str, lines: &[Value], target: &str) -> spacecraft_sandbox::wire::Request {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let body = format!(
        "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{file_name}\"\r\n\
         Content-Type: application/ndjson\r\n\r\n{text}\r\n--B--\r\n"
    );
    let mut request = request(Method::POST, target, body);
    header(&mut request, "content-type", "multipart/form-data; boundary=B");
    header(&mut request, "kbn-xsrf", "true");
    request
}

#[test]
fn kibana_imports_saved_objects_and_tells_what_it_could_not() {
    let mut cloud = Cloud::new();
    let kibana = workload(&mut cloud, WorkloadKind::Kibana);
    let pattern =
        json!({"type": "index-pattern", "id": "sm", "attributes": {"title": "sm-*"}, "references": []});
    let broken = json!({"type": "dashboard", "id": "d", "attributes": {"title": "x"},
                        "references": [{"type": "index-pattern", "id": "zz", "name": "r"}]});
    let target = "/api/saved_objects/_import";
    let first = cloud.send(&kibana, &import("a.ndjson", &[pattern.clone(), broken], target)).json();
    assert_eq!((&first["success"], &first["successCount"]), (&json!(false), &json!(1)));
    assert_eq!(first["errors"][0]["error"]["type"], "missing_references");
    let again = cloud.send(&kibana, &import("a.ndjson", std::slice::from_ref(&pattern), target)).json();
    assert_eq!(again["errors"][0]["error"]["type"], "conflict");
    let over = cloud.send(
        &kibana,
        &import("a.ndjson", std::slice::from_ref(&pattern), &format!("{target}?overwrite=true")),
    );
    assert_eq!(over.json()["success"], true);
    assert_eq!(cloud.get(&kibana, "/api/saved_objects/_find?type=index-pattern").json()["total"], 1);
    assert_eq!(
        cloud.send(&kibana, &import("a.json", std::slice::from_ref(&pattern), target)).status,
        StatusCode::BAD_REQUEST
    );
    let mut bare = import("a.ndjson", &[pattern], target);
    bare.headers.remove("kbn-xsrf");
    assert_eq!(cloud.send(&kibana, &bare).status, StatusCode::BAD_REQUEST);
}

#[test]
fn a_github_token_that_lacks_a_permission_is_told_which() {
    let mut cloud = Cloud::new();
    let repository = "/repos/spacemeshos/sm-net";
    let releases = "/repos/spacemeshos/sm-net/releases";
    assert_eq!(cloud.get(&GitHub, repository).json()["permissions"]["push"], true);
    cloud.configure(json!({"denied_github_permissions": ["contents:write"]}));
    assert_eq!(cloud.get(&GitHub, repository).json()["permissions"]["push"], false);
    let refused = cloud.post(&GitHub, releases, &json!({"tag_name": "v1", "draft": true}));
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(refused.headers["x-accepted-github-permissions"], "contents=write");
    cloud.configure(json!({"denied_github_permissions": ["metadata:read"]}));
    assert_eq!(cloud.get(&GitHub, repository).status, StatusCode::NOT_FOUND);
}

#[test]
fn everybody_can_download_builds_and_the_inventory_does_not_know_them() {
    let mut cloud = Cloud::new();
    let mut anyone = request(Method::GET, "/go-spacemesh-release-builds/v1.7.6/Linux.zip", "");
    anyone.headers.remove("authorization");
    let build = cloud.send(&Storage, &anyone);
    assert_eq!(build.status, StatusCode::OK);
    assert!(build.body.starts_with(b"PK") && build.headers.contains_key("x-goog-hash"));
    anyone.path = "/go-spacemesh-release-builds/nightly/Linux.zip".to_owned();
    assert_eq!(cloud.send(&Storage, &anyone).status, StatusCode::NOT_FOUND);
    assert!(cloud.world.inventory().buckets["go-spacemesh-release-builds"].is_empty());
}

#[test]
fn a_first_generation_poet_is_started_once_by_its_gateways() {
    let mut cloud = Cloud::new();
    let poet = workload(&mut cloud, WorkloadKind::Poet);
    assert_eq!(cloud.get(&poet, "/v1/info").status, StatusCode::INTERNAL_SERVER_ERROR, "it is not started");
    assert!(cloud.post(&poet, "/v1/start", &json!({})).status.is_server_error(), "it needs gateways");
    let body = json!({"gatewayAddresses": ["127.0.0.1:9092"]});
    assert_eq!(cloud.post(&poet, "/v1/start", &body).status, StatusCode::OK);
    assert!(cloud.post(&poet, "/v1/start", &body).status.is_server_error(), "a second start is an error");
    assert_eq!(cloud.post(&poet, "/v1/updategateway", &body).status, StatusCode::OK);
    assert_eq!(cloud.get(&poet, "/v1/info").status, StatusCode::OK);
}
