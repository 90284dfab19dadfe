//! Retention and dashboards on a simulated log stack.

#![allow(clippy::unwrap_used)]

mod stack;

use std::sync::Arc;

use serde_json::json;
use spacecraft_core::observer::Outcome;
use spacecraft_core::secret::SecretString;
use spacecraft_core::traits::{LogRetention, LogStore, LogStoreAccess, Look};
use spacecraft_core::wait::Wait;
use spacecraft_core::{Error, Meaning};
use spacecraft_elastic::{Elastic, built_in_objects};
use spacecraft_http::ClientOptions;
use spacecraft_testkit::TestClock;
use spacecraft_testkit::conformance::patience;
use wiremock::ResponseTemplate;

use crate::stack::{Stack, elasticsearch_error, kibana_error};

mod conformance {
    use spacecraft_testkit::conformance::Subject;

    use crate::{Stack, connect};

    spacecraft_testkit::log_store_conformance!(async {
        let running = Stack::default().serve().await;
        Subject::new(connect(&running.access)).keeping(running)
    });
}

fn connect(access: &LogStoreAccess) -> Elastic {
    let options = ClientOptions { clock: Arc::new(TestClock::default()), ..ClientOptions::default() };
    Elastic::connect(options, access).unwrap()
}

fn wait() -> Wait {
    patience(Arc::new(TestClock::default()))
}

fn retention() -> LogRetention {
    LogRetention { name: "sm".to_owned(), index_pattern: "sm-*".to_owned(), days: 7, replicas: 0 }
}

async fn refused(part: &'static str, answer: ResponseTemplate) -> Error {
    let stack = Stack::default();
    let running = stack.serve().await;
    stack.answer_next(part, answer);
    connect(&running.access).ensure_retention(&retention()).await.unwrap_err()
}

#[tokio::test]
async fn indices_that_exist_and_those_that_come_are_deleted_after_the_same_time() {
    let stack = Stack::default();
    stack.add_index("sm-2026.11.21", &json!({"index.number_of_replicas": "1"}));
    stack.add_index("other-2026.11.21", &json!({}));
    let running = stack.serve().await;
    connect(&running.access).ensure_retention(&retention()).await.unwrap();
    let policy = stack.policy("sm");
    assert_eq!(policy["policy"]["phases"]["delete"], json!({"min_age": "7d", "actions": {"delete": {}}}));
    let template = stack.template("sm");
    assert_eq!(template["index_patterns"], json!(["sm-*"]));
    assert_eq!(template["template"]["settings"]["index.lifecycle.name"], "sm");
    assert_eq!(template["template"]["mappings"]["date_detection"], false);
    let expected = json!({"index.lifecycle.name": "sm", "index.number_of_replicas": 0});
    assert_eq!(stack.index("sm-2026.11.21"), expected);
    assert_eq!(stack.index("other-2026.11.21"), json!({}));
}

#[tokio::test]
async fn only_what_differs_is_written() {
    let stack = Stack::default();
    let running = stack.serve().await;
    let elastic = connect(&running.access);
    elastic.ensure_retention(&retention()).await.unwrap();
    let before = stack.writes().len();
    elastic.ensure_retention(&retention()).await.unwrap();
    assert_eq!(stack.writes().len(), before, "nothing differs");
    let longer = LogRetention { days: 8, ..retention() };
    elastic.ensure_retention(&longer).await.unwrap();
    assert_eq!(stack.writes()[before..], ["PUT /_ilm/policy/sm"]);
}

#[tokio::test]
async fn an_index_with_other_settings_is_a_difference() {
    let stack = Stack::default();
    let running = stack.serve().await;
    let elastic = connect(&running.access);
    elastic.ensure_retention(&retention()).await.unwrap();
    stack.add_index(
        "sm-2026.11.20",
        &json!({"index": {"lifecycle": {"name": "old"}, "number_of_replicas": "0"}}),
    );
    let expected = Look::Differs(vec!["index sm-2026.11.20 has other settings".to_owned()]);
    assert_eq!(elastic.look_retention(&retention()).await.unwrap(), expected);
}

#[tokio::test]
async fn each_refusal_has_its_meaning() {
    for (status, kind, meaning) in [
        (400, "illegal_argument_exception", Meaning::Invalid),
        (403, "security_exception", Meaning::Denied),
        (403, "cluster_block_exception", Meaning::Quota),
        (401, "security_exception", Meaning::Denied),
    ] {
        let error = refused("/_ilm/", elasticsearch_error(status, kind, "said the server")).await;
        assert_eq!(error.meaning(), meaning, "{status} {kind}");
        assert!(error.reason().contains("said the server"), "{error}");
    }
}

#[tokio::test]
async fn a_failure_that_passes_is_waited_for() {
    let stack = Stack::default();
    let running = stack.serve().await;
    stack.answer_next("/_ilm/", elasticsearch_error(503, "unavailable", "no master"));
    stack.answer_next("/_index_template/", ResponseTemplate::new(429));
    stack.answer_next(
        "/_import",
        ResponseTemplate::new(503).set_body_string("Kibana server is not ready yet"),
    );
    let elastic = connect(&running.access);
    assert_eq!(elastic.ensure_retention(&retention()).await.unwrap(), Outcome::Created);
    assert_eq!(elastic.ensure_dashboards(&built_in_objects()).await.unwrap(), Outcome::Created);
}

#[tokio::test]
async fn a_change_that_was_not_acknowledged_is_an_error() {
    let stack = Stack::default();
    let running = stack.serve().await;
    let elastic = connect(&running.access);
    elastic.ensure_retention(&retention()).await.unwrap();
    stack.add_index("sm-2026.11.20", &json!({}));
    // The first call whose path fits is the look, the second the change.
    let looked = json!({"sm-2026.11.20": {"settings": {}}});
    stack.answer_next("/_settings", ResponseTemplate::new(200).set_body_json(looked));
    stack.answer_next("/_settings", ResponseTemplate::new(200).set_body_json(json!({"acknowledged": false})));
    let error = elastic.ensure_retention(&retention()).await.unwrap_err();
    assert!(error.hint().is_some_and(|hint| hint.contains("again")), "{error}");
}

#[tokio::test]
async fn services_that_are_still_starting_are_waited_for() {
    let stack = Stack::default();
    let running = stack.serve().await;
    stack
        .answer_next("/_cluster/health", elasticsearch_error(503, "master_not_discovered_exception", "wait"));
    stack.answer_next(
        "/_cluster/health",
        ResponseTemplate::new(408).set_body_json(json!({"status": "red", "timed_out": true})),
    );
    stack.answer_next("/_cluster/health", elasticsearch_error(401, "security_exception", "no users yet"));
    stack.answer_next(
        "/api/status",
        ResponseTemplate::new(503).set_body_string("Kibana server is not ready yet"),
    );
    let degraded = json!({"status": {"overall": {"level": "degraded", "summary": "plugins start"}}});
    stack.answer_next("/api/status", ResponseTemplate::new(200).set_body_json(degraded));
    connect(&running.access).wait_ready(&wait()).await.unwrap();
}

#[tokio::test]
async fn a_wrong_password_is_not_waited_for_long_and_never_shown() {
    let running = Stack::default().serve().await;
    let access = LogStoreAccess {
        password: SecretString::from("wrong-password-of-the-test"),
        ..running.access.clone()
    };
    let elastic = connect(&access);
    let error = elastic.wait_ready(&wait()).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::Denied);
    assert!(!format!("{error:?} {elastic:?} {access:?}").contains("wrong-password-of-the-test"));
}

#[tokio::test]
async fn a_stack_that_never_answers_ends_with_its_last_reason() {
    let stack = Stack::default();
    let running = stack.serve().await;
    let clock = Arc::new(TestClock::default());
    let wait = patience(clock).within(std::time::Duration::from_secs(20));
    for _ in 0..20 {
        stack.answer_next("/api/status", kibana_error(503, "license is not available"));
    }
    let error = connect(&running.access).wait_ready(&wait).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::TimedOut);
    assert!(error.reason().contains("license is not available"), "{error}");
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused() {
    let running = Stack::default().serve_as("somebody-else").await;
    let error = connect(&running.access).ensure_retention(&retention()).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::Invalid);
    assert!(error.reason().contains("is not trusted"), "{error}");
}

#[tokio::test]
async fn an_authority_that_did_not_sign_is_refused() {
    let running = Stack::default().serve().await;
    let other = Stack::default().serve().await;
    let authority = other.access.certificate_authority.clone();
    let access = LogStoreAccess { certificate_authority: authority, ..running.access.clone() };
    let error = connect(&access).look_retention(&retention()).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::Invalid);
}

#[tokio::test]
async fn the_built_in_objects_are_imported_once() {
    let stack = Stack::default();
    let running = stack.serve().await;
    let elastic = connect(&running.access);
    let objects = built_in_objects();
    assert_eq!(elastic.ensure_dashboards(&objects).await.unwrap(), Outcome::Created);
    assert_eq!(stack.saved_objects().len(), objects.lines().count());
    assert_eq!(elastic.ensure_dashboards(&objects).await.unwrap(), Outcome::Unchanged);
    assert_eq!(stack.writes(), ["POST /api/saved_objects/_import"]);
}

#[tokio::test]
async fn an_import_that_says_nothing_of_its_failure_is_an_error_all_the_same() {
    let stack = Stack::default();
    let running = stack.serve().await;
    stack.answer_next("/_import", ResponseTemplate::new(200).set_body_json(json!({"success": false})));
    let error = connect(&running.access).ensure_dashboards(&built_in_objects()).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::Invalid);
}

#[tokio::test]
async fn kibanas_refusal_is_told_in_its_words() {
    let stack = Stack::default();
    let running = stack.serve().await;
    stack.answer_next("/_import", kibana_error(413, "Payload content length greater than maximum allowed"));
    let error = connect(&running.access).ensure_dashboards(&built_in_objects()).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::Invalid);
    assert!(error.reason().contains("greater than maximum allowed"));
}

#[tokio::test]
async fn objects_that_cannot_be_read_are_refused_without_a_call() {
    let stack = Stack::default();
    let running = stack.serve().await;
    let error = connect(&running.access).ensure_dashboards("no object").await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::Invalid);
    assert!(stack.writes().is_empty());
}
