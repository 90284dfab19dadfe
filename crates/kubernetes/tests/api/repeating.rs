//! What is tried again, what is looked at first, and what each refusal means.

use std::time::Duration;

use serde_json::json;
use spacecraft_core::traits::Workloads as _;
use spacecraft_core::{Effect, Meaning};
use spacecraft_kubernetes::{Connection, KubernetesWorkloads};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use wiremock::{MockServer, ResponseTemplate};

use crate::support::{
    DEPLOYMENTS, NAMESPACE, answer, answer_once, bearer, binding, connection, list, quick_retrier, requests,
    secret, status, stored_secret, workload, workloads,
};

fn secrets() -> String {
    format!("{NAMESPACE}/secrets")
}

#[tokio::test]
async fn every_refusal_has_its_meaning_and_keeps_the_servers_words() {
    for (code, reason, meaning) in [
        (400, "BadRequest", Meaning::Invalid),
        (401, "Unauthorized", Meaning::Denied),
        (403, "Forbidden", Meaning::Denied),
        (404, "NotFound", Meaning::NotFound),
        (409, "Conflict", Meaning::PreconditionFailed),
        (422, "Invalid", Meaning::Invalid),
        (429, "TooManyRequests", Meaning::Unavailable),
        (500, "InternalError", Meaning::Unavailable),
        (503, "ServiceUnavailable", Meaning::Unavailable),
        (504, "Timeout", Meaning::TimedOut),
    ] {
        let server = MockServer::start().await;
        answer(
            &server,
            "PATCH",
            &format!("{DEPLOYMENTS}/miner-1"),
            status(code, reason, "words of the server"),
        )
        .await;
        let mut bare = workload("miner-1", 1);
        bare.data = None;
        let error = workloads(&server.uri()).await.ensure_workload(&bare).await.unwrap_err();
        assert_eq!(error.meaning(), meaning, "{reason}");
        assert_eq!(error.operation(), "apply");
        assert_eq!(error.resource(), "Deployment miner-1 in namespace net1");
        assert!(error.reason().contains("words of the server"), "{}", error.reason());
    }
}

#[tokio::test]
async fn a_reply_that_is_no_json_is_asked_for_again() {
    let server = MockServer::start().await;
    for body in ["<html>", "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[{\"meta"] {
        answer_once(&server, "GET", &secrets(), ResponseTemplate::new(200).set_body_string(body)).await;
    }
    answer(&server, "GET", &secrets(), list(&[])).await;
    assert_eq!(workloads(&server.uri()).await.secrets().await.unwrap(), []);
    assert_eq!(requests(&server).await.len(), 3);
}

#[tokio::test]
async fn the_wait_that_the_rate_limiter_asks_for_is_kept() {
    let server = MockServer::start().await;
    let limited = ResponseTemplate::new(429)
        .insert_header("retry-after", "7")
        .set_body_string("Too many requests, please try again later.");
    answer_once(&server, "GET", &secrets(), limited).await;
    answer(&server, "GET", &secrets(), list(&[])).await;
    let (retrier, clock) = quick_retrier();
    let connection = Connection::open(&bearer(&server.uri()), retrier).await.unwrap();
    KubernetesWorkloads::new(connection, &binding()).secrets().await.unwrap();
    let slept = clock.slept();
    assert_eq!(slept.len(), 1);
    assert!(slept[0] >= Duration::from_secs(7) && slept[0] < Duration::from_secs(8), "{slept:?}");
}

#[tokio::test]
async fn each_attempt_has_a_token_of_its_own() {
    let server = MockServer::start().await;
    answer_once(&server, "GET", &secrets(), status(503, "ServiceUnavailable", "busy")).await;
    answer(&server, "GET", &secrets(), list(&[])).await;
    workloads(&server.uri()).await.secrets().await.unwrap();
    let received = server.received_requests().await.unwrap();
    let tokens: Vec<&str> =
        received.iter().map(|request| request.headers["authorization"].to_str().unwrap()).collect();
    assert_eq!(tokens, ["Bearer token-0", "Bearer token-1"]);
}

#[tokio::test]
async fn a_secret_that_exists_wins() {
    let server = MockServer::start().await;
    answer(&server, "POST", &secrets(), status(409, "AlreadyExists", "exists")).await;
    let theirs = ResponseTemplate::new(200).set_body_json(stored_secret("dGhlaXJz"));
    answer(&server, "GET", &format!("{}/miner-1-keys", secrets()), theirs).await;
    let stored = workloads(&server.uri()).await.create_secret(&secret()).await.unwrap();
    assert_eq!(stored.data["p2p.key"].expose(), b"theirs");
}

#[tokio::test]
async fn a_creation_whose_outcome_is_unclear_is_looked_at_and_not_sent_again() {
    let server = MockServer::start().await;
    answer(&server, "POST", &secrets(), status(500, "InternalError", "lost")).await;
    let ours = ResponseTemplate::new(200).set_body_json(stored_secret("b3Vycw=="));
    answer(&server, "GET", &format!("{}/miner-1-keys", secrets()), ours).await;
    let stored = workloads(&server.uri()).await.create_secret(&secret()).await.unwrap();
    assert_eq!(stored, secret());
    let posts = requests(&server).await.iter().filter(|request| request.starts_with("POST")).count();
    assert_eq!(posts, 1);
}

#[tokio::test]
async fn a_creation_that_left_nothing_is_sent_again() {
    let server = MockServer::start().await;
    answer_once(&server, "POST", &secrets(), status(500, "InternalError", "lost")).await;
    answer(&server, "GET", &format!("{}/miner-1-keys", secrets()), status(404, "NotFound", "none")).await;
    let made = ResponseTemplate::new(201).set_body_json(stored_secret("b3Vycw=="));
    answer(&server, "POST", &secrets(), made).await;
    assert_eq!(workloads(&server.uri()).await.create_secret(&secret()).await.unwrap(), secret());
}

#[tokio::test]
async fn a_creation_that_keeps_failing_is_given_up_and_may_have_had_an_effect() {
    let server = MockServer::start().await;
    answer(&server, "POST", &secrets(), status(500, "InternalError", "lost")).await;
    answer(&server, "GET", &format!("{}/miner-1-keys", secrets()), status(404, "NotFound", "none")).await;
    let error = workloads(&server.uri()).await.create_secret(&secret()).await.unwrap_err();
    assert_eq!((error.meaning(), error.effect()), (Meaning::Unavailable, Effect::Possible));
    let posts = requests(&server).await.iter().filter(|request| request.starts_with("POST")).count();
    assert_eq!(posts, 3);
}

/// A server that answers with the texts in turn, and closes the connection without a word for an empty one.
async fn scripted(answers: Vec<String>) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for text in answers {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 16 * 1024];
            let _ = socket.read(&mut buffer).await;
            let _ = socket.write_all(text.as_bytes()).await;
        }
    });
    format!("http://{address}")
}

fn whole_answer(body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

#[tokio::test]
async fn a_lost_reply_to_a_creation_is_looked_after() {
    let server = scripted(vec![String::new(), whole_answer(&stored_secret("b3Vycw==").to_string())]).await;
    assert_eq!(workloads(&server).await.create_secret(&secret()).await.unwrap(), secret());
}

#[tokio::test]
async fn a_lost_or_cut_reply_to_a_list_is_asked_for_again() {
    let body = json!({ "metadata": { "resourceVersion": "1" }, "items": [stored_secret("b3Vycw==")] });
    let whole = whole_answer(&body.to_string());
    let cut = whole[..whole.len() - 40].to_owned();
    let server = scripted(vec![String::new(), cut, whole]).await;
    assert_eq!(workloads(&server).await.secrets().await.unwrap(), [secret()]);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable_and_nothing_was_done() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = workloads(&server).await.create_secret(&secret()).await.unwrap_err();
    assert_eq!((error.meaning(), error.effect()), (Meaning::Unavailable, Effect::None));
    assert!(error.reason().contains("no connection"), "{error}");
}

#[tokio::test]
async fn no_error_shows_a_token_or_a_secret() {
    let server = MockServer::start().await;
    answer(&server, "POST", &secrets(), status(403, "Forbidden", "no")).await;
    let error = workloads(&server.uri()).await.create_secret(&secret()).await.unwrap_err();
    let shown = format!("{error:?} {}", spacecraft_core::render_chain(&error));
    assert!(!shown.contains("token-") && !shown.contains("b3Vycw"), "{shown}");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_asked_again_after_a_while() {
    let server = MockServer::start().await;
    let silent = list(&[]).set_delay(Duration::from_secs(60));
    answer_once(&server, "GET", &secrets(), silent).await;
    answer(&server, "GET", &secrets(), list(&[])).await;
    let hurried = connection(&server.uri()).await.with_attempt_timeout(Duration::from_millis(200));
    assert_eq!(KubernetesWorkloads::new(hurried, &binding()).secrets().await.unwrap(), []);
    assert_eq!(requests(&server).await.len(), 2);
}
