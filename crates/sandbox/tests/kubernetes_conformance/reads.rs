//! Lists, watches, tables.

use http::Method;
use serde_json::{Value, json};

use crate::subject::{Subject, config_map};

async fn make(subject: &Subject, name: &str, label: &str) -> Value {
    let mut body = config_map(name);
    body["metadata"]["labels"] = json!({"group": label});
    subject.post(&subject.core("configmaps"), &body).await.expect(201)
}

fn names(list: &Value) -> Vec<String> {
    let items = list["items"].as_array().unwrap();
    items.iter().map(|one| one["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}

pub(crate) async fn lists_select_by_labels_and_fields(subject: &Subject) {
    for (name, label) in [("a", "x"), ("b", "y"), ("c", "z")] {
        make(subject, name, label).await;
    }
    for (query, expected) in [
        ("labelSelector=group%3Dx", vec!["a"]),
        ("labelSelector=group%20in%20(x,y)", vec!["a", "b"]),
        ("labelSelector=group,group!%3Dx", vec!["b", "c"]),
        ("fieldSelector=metadata.name%3Db", vec!["b"]),
        ("labelSelector=group&fieldSelector=metadata.name!%3Db", vec!["a", "c"]),
    ] {
        let list = subject.get(&format!("{}?{query}", subject.core("configmaps"))).await.expect(200);
        assert_eq!(names(&list), expected, "{query}");
        assert_eq!(list["kind"], "ConfigMapList");
    }
    let reply = subject.get(&format!("{}?labelSelector=a%20b", subject.core("configmaps"))).await;
    reply.refused(400, "BadRequest");
}

pub(crate) async fn elements_of_lists_do_not_repeat_their_kind(subject: &Subject) {
    make(subject, "a", "x").await;
    let list = subject.get(&format!("{}?labelSelector=group", subject.core("configmaps"))).await.expect(200);
    let element = &list["items"][0];
    assert_eq!((element.get("kind"), element.get("apiVersion")), (None, None), "{element}");
    let watch = format!("{}?watch=1&labelSelector=group&timeoutSeconds=1", subject.core("configmaps"));
    assert_eq!(subject.watch(&watch).await[0]["object"]["kind"], "ConfigMap");
}

pub(crate) async fn lists_come_in_pages(subject: &Subject) {
    for name in ["a", "b", "c"] {
        make(subject, name, "x").await;
    }
    let base = format!("{}?labelSelector=group&limit=2", subject.core("configmaps"));
    let first = subject.get(&base).await.expect(200);
    assert_eq!(names(&first), ["a", "b"]);
    let token = first["metadata"]["continue"].as_str().unwrap();
    let rest = subject.get(&format!("{base}&continue={token}")).await.expect(200);
    assert_eq!(names(&rest), ["c"]);
    assert!(rest["metadata"]["continue"].as_str().unwrap_or_default().is_empty());
}

pub(crate) async fn an_unknown_field_cannot_be_selected_by(subject: &Subject) {
    for (path, refusal) in [
        (subject.core("pods"), "field label not supported: data.key"),
        (subject.core("configmaps"), "\"data.key\" is not a known field selector"),
        (subject.grouped("apps/v1", "replicasets"), "\"data.key\" is not a known field selector"),
        (subject.grouped("batch/v1", "jobs"), "field label \"data.key\" not supported for batchv1.Job"),
    ] {
        let reply = subject.get(&format!("{path}?fieldSelector=data.key%3Dvalue")).await;
        let message = reply.refused(400, "BadRequest");
        assert!(message.contains(refusal), "{message}");
    }
}

fn kinds(events: &[Value]) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    events
        .iter()
        .filter(|event| event["type"] != "BOOKMARK")
        .map(|event| (text(&event["type"]), text(&event["object"]["metadata"]["name"])))
        .collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(kind, name)| ((*kind).to_owned(), (*name).to_owned())).collect()
}

pub(crate) async fn a_watch_tells_what_happened_since_a_version(subject: &Subject) {
    let first = make(subject, "a", "x").await;
    let since = first["metadata"]["resourceVersion"].as_str().unwrap();
    make(subject, "b", "x").await;
    let patch = json!({"data": {"key": "new"}});
    subject.patch(&subject.core("configmaps/a"), "merge-patch+json", &patch).await.expect(200);
    subject.delete(&subject.core("configmaps/b")).await.expect(200);
    let base = subject.core("configmaps");
    let events = subject
        .watch(&format!("{base}?watch=1&labelSelector=group&resourceVersion={since}&timeoutSeconds=1"))
        .await;
    assert_eq!(kinds(&events), pairs(&[("ADDED", "b"), ("MODIFIED", "a"), ("DELETED", "b")]));
    let versions: Vec<u64> = events
        .iter()
        .map(|event| event["object"]["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap())
        .collect();
    assert!(versions.is_sorted(), "{versions:?}");
}

pub(crate) async fn a_watch_by_label_adds_and_deletes_what_comes_to_match_or_not(subject: &Subject) {
    let made = make(subject, "a", "x").await;
    let since = made["metadata"]["resourceVersion"].as_str().unwrap();
    for label in ["y", "x"] {
        let patch = json!({"metadata": {"labels": {"group": label}}});
        subject.patch(&subject.core("configmaps/a"), "merge-patch+json", &patch).await.expect(200);
    }
    let base = subject.core("configmaps");
    let query = format!("watch=true&labelSelector=group%3Dx&resourceVersion={since}&timeoutSeconds=1");
    let events = subject.watch(&format!("{base}?{query}")).await;
    assert_eq!(kinds(&events), pairs(&[("DELETED", "a"), ("ADDED", "a")]));
}

pub(crate) async fn a_watch_can_begin_with_the_present_state_and_a_bookmark(subject: &Subject) {
    make(subject, "a", "x").await;
    let base = format!("{}?watch=1&labelSelector=group&timeoutSeconds=1", subject.core("configmaps"));
    assert_eq!(kinds(&subject.watch(&base).await), pairs(&[("ADDED", "a")]));
    let streaming = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let events = subject.watch(&format!("{base}&{streaming}")).await;
    assert_eq!(kinds(&events), pairs(&[("ADDED", "a")]));
    let bookmark = events.iter().find(|event| event["type"] == "BOOKMARK").expect("the initial events end");
    assert_eq!(bookmark["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    subject.get(&format!("{base}&sendInitialEvents=true")).await.refused(422, "Invalid");
}

pub(crate) async fn tables_have_the_columns_of_their_kind(subject: &Subject) {
    make(subject, "a", "x").await;
    let headers = [("accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json")];
    let path = format!("{}?labelSelector=group", subject.core("configmaps"));
    let table = subject.send(Method::GET, &path, &headers, Vec::new()).await.expect(200);
    assert_eq!(table["kind"], "Table");
    let columns: Vec<&str> = table["columnDefinitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(columns, ["Name", "Data", "Age"]);
    let row = &table["rows"][0];
    assert_eq!((row["cells"][0].as_str(), row["cells"][1].as_i64()), (Some("a"), Some(1)));
    assert_eq!(row["object"]["kind"], "PartialObjectMetadata");
}
