use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use spacecraft_core::secret::SecretString;
use spacecraft_core::traits::BearerTokens;
use spacecraft_core::{Error, Meaning, Result, render_chain};
use wiremock::matchers::{any, header};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::fixture::fixture;
use crate::{Credential, HeaderName};

/// Gives `token-1`, `token-2` and so on.
#[derive(Debug, Default)]
struct Counting(AtomicU32);

#[async_trait]
impl BearerTokens for Counting {
    async fn bearer_token(&self) -> Result<SecretString> {
        Ok(format!("token-{}", self.0.fetch_add(1, Ordering::Relaxed) + 1).into())
    }
}

#[derive(Debug)]
struct NoTokens;

#[async_trait]
impl BearerTokens for NoTokens {
    async fn bearer_token(&self) -> Result<SecretString> {
        Err(Error::new(Meaning::Denied, "ask for an access token", "", "invalid_grant"))
    }
}

#[tokio::test]
async fn each_attempt_asks_for_a_token_anew() {
    let server = MockServer::start().await;
    Mock::given(header("authorization", "Bearer token-1"))
        .respond_with(ResponseTemplate::new(503))
        .mount(&server)
        .await;
    Mock::given(header("authorization", "Bearer token-2"))
        .respond_with(ResponseTemplate::new(200))
        .mount(&server)
        .await;
    let credential = Credential::Bearer(Arc::new(Counting::default()));
    fixture().client.get(server.uri()).credential(credential).send().await.unwrap();
}

#[tokio::test]
async fn basic_and_header_credentials_are_sent() {
    let server = MockServer::start().await;
    Mock::given(header("authorization", "Basic ZWxhc3RpYzpwYXNz"))
        .and(any())
        .respond_with(ResponseTemplate::new(200))
        .mount(&server)
        .await;
    Mock::given(header("x-key", "word")).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    let client = fixture().client;
    let basic = Credential::Basic { user: "elastic".to_owned(), password: "pass".into() };
    client.get(server.uri()).credential(basic).send().await.unwrap();
    let key = Credential::Header { name: HeaderName::from_static("x-key"), value: "word".into() };
    client.get(server.uri()).credential(key).send().await.unwrap();
}

#[tokio::test]
async fn a_server_that_repeats_the_credential_does_not_get_it_into_the_error() {
    let server = MockServer::start().await;
    let echo = |request: &Request| {
        let authorization = request.headers.get("authorization").unwrap().to_str().unwrap();
        ResponseTemplate::new(403).set_body_string(format!("{authorization} may not do this"))
    };
    Mock::given(any()).respond_with(echo).mount(&server).await;
    let credential = Credential::Token("s3cr3t-words".into());
    let request = fixture().client.get(server.uri()).credential(credential);
    assert!(!format!("{request:?}").contains("s3cr3t-words"));
    let error = request.send().await.unwrap_err();
    let shown = format!("{error:?} {}", render_chain(&error));
    assert!(!shown.contains("s3cr3t-words"), "{shown}");
    assert!(shown.contains("Bearer [redacted] may not do this"), "{shown}");
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let server = MockServer::start().await;
    let request = fixture().client.post(server.uri()).about("create cluster", "net1");
    let error = request.credential(Credential::Bearer(Arc::new(NoTokens))).send().await.unwrap_err();
    assert_eq!(
        render_chain(&error),
        "create cluster net1: there is no access token to ask with\n  caused by: ask for an access token: invalid_grant"
    );
    assert_eq!(error.meaning(), Meaning::Denied);
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn credentials_do_not_leave_the_machine_unencrypted() {
    let credential = Credential::Token("word".into());
    let error =
        fixture().client.get("http://elsewhere.invalid/").credential(credential).send().await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::Invalid);
    assert!(error.reason().contains("unencrypted"), "{error}");
}

#[tokio::test]
async fn a_secret_header_is_not_carried_along_a_redirect() {
    let server = MockServer::start().await;
    let redirect = ResponseTemplate::new(302).insert_header("location", "http://localhost:1/");
    Mock::given(any()).respond_with(redirect).mount(&server).await;
    let key = Credential::Header { name: HeaderName::from_static("x-key"), value: "word".into() };
    let error = fixture().client.get(server.uri()).credential(key).send().await.unwrap_err();
    assert!(error.to_string().contains("HTTP 302"), "{error}");
}

#[tokio::test]
async fn a_secret_that_no_header_can_carry_is_refused_without_being_shown() {
    let credential = Credential::Token("two\nlines".into());
    let error = fixture().client.get("https://h.invalid/").credential(credential).send().await.unwrap_err();
    let shown = format!("{error:?}");
    assert!(shown.contains("line end") && !shown.contains("two"), "{shown}");
}
