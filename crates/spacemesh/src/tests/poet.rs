use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use spacecraft_core::traits::{PoetStart, SpacemeshApi};
use spacecraft_core::{Error, Meaning};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::spacemesh;

/// A v0 PoET: it says nothing of itself until it has been started, and can be started once.
#[derive(Clone, Default)]
pub(super) struct Poet(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    started_with: Option<Value>,
    starts: usize,
    next_start: Option<(bool, ResponseTemplate)>,
}

impl Poet {
    pub(super) async fn serve(&self) -> MockServer {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(self.clone()).mount(&server).await;
        server
    }

    /// Answers the next start with this, after doing it or without.
    fn answer_next_start(&self, does_it: bool, answer: ResponseTemplate) {
        self.0.lock().unwrap().next_start = Some((does_it, answer));
    }
}

impl Respond for Poet {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.0.lock().unwrap();
        match (request.method.as_str(), request.url.path()) {
            ("GET", "/v1/info") if state.started_with.is_none() => failure(500, "service not started"),
            ("GET", "/v1/info") => ResponseTemplate::new(200).set_body_json(
                json!({"openRoundId": "0", "executingRoundsIds": [], "servicePubKey": "a2V5"}),
            ),
            ("POST", "/v1/start") => state.start(request),
            _ => failure(404, "Not Found"),
        }
    }
}

impl State {
    fn start(&mut self, request: &Request) -> ResponseTemplate {
        self.starts += 1;
        let scripted = self.next_start.take();
        if let Some((false, answer)) = scripted {
            return answer;
        }
        if self.started_with.is_some() {
            return failure(500, "failed to start: Already Started");
        }
        self.started_with = Some(request.body_json().unwrap());
        scripted.map_or_else(|| ResponseTemplate::new(200).set_body_json(json!({})), |(_, answer)| answer)
    }
}

fn failure(status: u16, message: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({"error": message, "code": 2, "message": message}))
}

fn start() -> PoetStart {
    PoetStart { gateways: vec!["10.0.0.1:6000".to_owned(), "10.0.0.2:6000".to_owned()] }
}

async fn refused(status: u16, message: &str) -> Error {
    let poet = Poet::default();
    let server = poet.serve().await;
    poet.answer_next_start(false, failure(status, message));
    spacemesh().start_poet(*server.address(), &start()).await.unwrap_err()
}

#[tokio::test]
async fn a_poet_is_started_with_its_gateways_in_order() {
    let poet = Poet::default();
    let server = poet.serve().await;
    assert!(spacemesh().start_poet(*server.address(), &start()).await.unwrap());
    let body = poet.0.lock().unwrap().started_with.clone().unwrap();
    let expected = json!({
        "gatewayAddresses": ["10.0.0.1:6000", "10.0.0.2:6000"],
        "disableBroadcast": false, "connAcksThreshold": 1, "broadcastAcksThreshold": 1,
    });
    assert_eq!(body, expected);
    let info = spacemesh().poet_info(*server.address()).await.unwrap();
    assert_eq!((info.public_key.as_str(), info.started), ("a2V5", true));
}

#[tokio::test]
async fn a_started_poet_is_not_called_again() {
    let poet = Poet::default();
    let server = poet.serve().await;
    spacemesh().start_poet(*server.address(), &start()).await.unwrap();
    assert!(!spacemesh().start_poet(*server.address(), &start()).await.unwrap());
    assert_eq!(poet.0.lock().unwrap().starts, 1);
}

#[tokio::test]
async fn a_start_that_somebody_else_made_meanwhile_is_no_error() {
    let poet = Poet::default();
    let server = poet.serve().await;
    poet.answer_next_start(false, failure(500, "already started"));
    assert!(!spacemesh().start_poet(*server.address(), &start()).await.unwrap());
}

#[tokio::test]
async fn a_start_whose_reply_was_lost_is_found_and_not_repeated() {
    let poet = Poet::default();
    let server = poet.serve().await;
    poet.answer_next_start(true, ResponseTemplate::new(502));
    assert!(spacemesh().start_poet(*server.address(), &start()).await.unwrap());
    assert_eq!(poet.0.lock().unwrap().starts, 1);
}

#[tokio::test]
async fn gateways_that_do_not_answer_are_told_in_the_poets_words() {
    let error = refused(500, "failed to connect to Spacemesh gateway nodes").await;
    assert_eq!(error.meaning(), Meaning::Unavailable);
    assert!(error.reason().contains("failed to connect to Spacemesh gateway nodes"));
}

#[tokio::test]
async fn a_body_that_the_poet_does_not_understand_is_invalid() {
    assert_eq!(refused(400, "unknown field").await.meaning(), Meaning::Invalid);
}

#[tokio::test]
async fn a_poet_of_the_second_generation_cannot_be_started() {
    let server = MockServer::start().await;
    let info = json!({"servicePubkey": "a2V5", "phaseShift": "30s", "cycleGap": "10s", "certifier": null});
    Mock::given(wiremock::matchers::path("/v1/info"))
        .respond_with(ResponseTemplate::new(200).set_body_json(info))
        .mount(&server)
        .await;
    let found = spacemesh().poet_info(*server.address()).await.unwrap();
    assert_eq!((found.public_key.as_str(), found.started), ("a2V5", true));
    let error = spacemesh().start_poet(*server.address(), &start()).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::Unsupported);
    assert!(error.hint().is_some());
}

#[tokio::test]
async fn an_unknown_start_path_is_said_to_be_unsupported() {
    let error = refused(404, "Not Found").await;
    assert_eq!(error.meaning(), Meaning::Unsupported);
}

#[tokio::test]
async fn an_answer_of_another_shape_is_invalid() {
    let server = MockServer::start().await;
    let page = ResponseTemplate::new(200).set_body_string("<html>hello</html>");
    Mock::given(any()).respond_with(page).mount(&server).await;
    let error = spacemesh().poet_info(*server.address()).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::Invalid);
}
