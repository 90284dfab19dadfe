//! What every [`LogStore`] promises.

use serde_json::json;
use spacecraft_core::Meaning;
use spacecraft_core::observer::Outcome;
use spacecraft_core::traits::{LogRetention, LogStore, Look};
use spacecraft_core::wait::Wait;

/// Runs the suite on an empty log store; the argument is a future of a [`Subject`](super::Subject).
#[macro_export]
macro_rules! log_store_conformance {
    ($subject:expr) => {
        $crate::conformance_tests! { $subject, logs(wait):
            a_store_that_answers_is_ready
            a_retention_is_made_once
            a_retention_that_differs_is_changed
            retentions_of_different_names_do_not_touch_each_other
            dashboards_are_imported_once
            a_dashboard_that_differs_is_overwritten_and_others_are_left
            an_object_with_a_missing_reference_is_named
        }
    };
}

fn retention(name: &str, days: u32) -> LogRetention {
    LogRetention { name: name.to_owned(), index_pattern: format!("{name}-*"), days, replicas: 0 }
}

fn pattern(id: &str, title: &str) -> String {
    let attributes = json!({"title": title, "timeFieldName": "@timestamp"});
    json!({"type": "index-pattern", "id": id, "attributes": attributes, "references": []}).to_string()
}

fn search(id: &str, title: &str, pattern: &str) -> String {
    let source = json!({"query": {"query": "", "language": "kuery"}, "indexRefName": "index"}).to_string();
    json!({
        "type": "search",
        "id": id,
        "attributes": {
            "title": title, "description": "", "columns": ["message"], "sort": [],
            "kibanaSavedObjectMeta": {"searchSourceJSON": source},
        },
        "references": [{"name": "index", "type": "index-pattern", "id": pattern}],
    })
    .to_string()
}

pub async fn a_store_that_answers_is_ready(logs: &dyn LogStore, wait: &Wait) {
    logs.wait_ready(wait).await.unwrap();
}

pub async fn a_retention_is_made_once(logs: &dyn LogStore, _wait: &Wait) {
    let wanted = retention("sm", 7);
    assert_eq!(logs.look_retention(&wanted).await.unwrap(), Look::Absent);
    assert_eq!(logs.ensure_retention(&wanted).await.unwrap(), Outcome::Created);
    assert_eq!(logs.look_retention(&wanted).await.unwrap(), Look::Same);
    assert_eq!(logs.ensure_retention(&wanted).await.unwrap(), Outcome::Unchanged);
}

pub async fn a_retention_that_differs_is_changed(logs: &dyn LogStore, _wait: &Wait) {
    logs.ensure_retention(&retention("sm", 7)).await.unwrap();
    for wanted in [retention("sm", 14), LogRetention { replicas: 1, ..retention("sm", 14) }] {
        assert!(
            matches!(logs.look_retention(&wanted).await.unwrap(), Look::Differs(points) if !points.is_empty())
        );
        assert_eq!(logs.ensure_retention(&wanted).await.unwrap(), Outcome::Updated);
        assert_eq!(logs.look_retention(&wanted).await.unwrap(), Look::Same);
    }
}

pub async fn retentions_of_different_names_do_not_touch_each_other(logs: &dyn LogStore, _wait: &Wait) {
    logs.ensure_retention(&retention("sm", 7)).await.unwrap();
    assert_eq!(logs.ensure_retention(&retention("ws", 3)).await.unwrap(), Outcome::Created);
    assert_eq!(logs.look_retention(&retention("sm", 7)).await.unwrap(), Look::Same);
    assert_eq!(logs.look_retention(&retention("ws", 3)).await.unwrap(), Look::Same);
}

pub async fn dashboards_are_imported_once(logs: &dyn LogStore, _wait: &Wait) {
    let objects = format!("{}\n{}\n", pattern("sm", "sm-*"), search("errors", "Errors", "sm"));
    assert_eq!(logs.look_dashboards(&objects).await.unwrap(), Look::Absent);
    assert_eq!(logs.ensure_dashboards(&objects).await.unwrap(), Outcome::Created);
    assert_eq!(logs.look_dashboards(&objects).await.unwrap(), Look::Same);
    assert_eq!(logs.ensure_dashboards(&objects).await.unwrap(), Outcome::Unchanged);
}

pub async fn a_dashboard_that_differs_is_overwritten_and_others_are_left(logs: &dyn LogStore, _wait: &Wait) {
    let kept = pattern("sm", "sm-*");
    let old = search("errors", "Errors", "sm");
    let new = search("errors", "All errors", "sm");
    logs.ensure_dashboards(&format!("{kept}\n{old}\n")).await.unwrap();
    assert!(matches!(logs.look_dashboards(&new).await.unwrap(), Look::Differs(points) if points.len() == 1));
    assert_eq!(logs.ensure_dashboards(&new).await.unwrap(), Outcome::Updated);
    assert_eq!(logs.look_dashboards(&format!("{kept}\n{new}\n")).await.unwrap(), Look::Same);
}

pub async fn an_object_with_a_missing_reference_is_named(logs: &dyn LogStore, _wait: &Wait) {
    let orphan = search("orphan-search", "Orphan", "nowhere");
    let error = logs.ensure_dashboards(&orphan).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::Invalid);
    assert!(error.to_string().contains("orphan-search"), "{error}");
}
