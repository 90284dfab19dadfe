//! How lists are read.

use serde_json::{Value, json};
use spacecraft_core::Meaning;
use spacecraft_core::traits::Workloads as _;
use wiremock::matchers::{method, path, query_param, query_param_is_missing};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{NAMESPACE, requests, secret, status, stored_secret, workloads};

fn page(items: &[Value], next: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({
        "kind": "SecretList", "apiVersion": "v1", "items": items,
        "metadata": { "resourceVersion": "10", "continue": next },
    }))
}

async fn first_page(server: &MockServer, response: ResponseTemplate) {
    Mock::given(method("GET"))
        .and(path(format!("{NAMESPACE}/secrets")))
        .and(query_param_is_missing("continue"))
        .respond_with(response)
        .mount(server)
        .await;
}

async fn next_page(server: &MockServer, token: &str, response: ResponseTemplate, times: u64) {
    Mock::given(method("GET"))
        .and(path(format!("{NAMESPACE}/secrets")))
        .and(query_param("continue", token))
        .respond_with(response)
        .up_to_n_times(times)
        .mount(server)
        .await;
}

fn forgotten() -> ResponseTemplate {
    status(410, "Expired", "The provided continue parameter is too old")
}

#[tokio::test]
async fn a_large_list_is_asked_for_page_by_page() {
    let server = MockServer::start().await;
    first_page(&server, page(&[stored_secret("b3Vycw==")], "more")).await;
    next_page(&server, "more", page(&[], ""), 1).await;
    assert_eq!(workloads(&server.uri()).await.secrets().await.unwrap(), [secret()]);
    let made = requests(&server).await;
    assert!(made.len() == 2 && made.iter().all(|request| request.contains("limit=250")), "{made:?}");
}

#[tokio::test]
async fn a_list_that_the_server_forgot_half_way_is_read_anew_and_nothing_is_told_twice() {
    let server = MockServer::start().await;
    first_page(&server, page(&[stored_secret("b3Vycw==")], "more")).await;
    next_page(&server, "more", forgotten(), 1).await;
    next_page(&server, "more", page(&[], ""), 1).await;
    assert_eq!(workloads(&server.uri()).await.secrets().await.unwrap(), [secret()]);
}

#[tokio::test]
async fn a_list_that_is_forgotten_again_and_again_is_no_empty_one() {
    let server = MockServer::start().await;
    first_page(&server, page(&[stored_secret("b3Vycw==")], "more")).await;
    next_page(&server, "more", forgotten(), 9).await;
    let error = workloads(&server.uri()).await.secrets().await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::Unavailable);
    assert_eq!(requests(&server).await.len(), 6);
}
