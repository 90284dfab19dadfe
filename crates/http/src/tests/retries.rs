use std::time::Duration;

use spacecraft_core::{Effect, Meaning};
use wiremock::matchers::{body_json, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::fixture::{fixture, fixture_with};
use crate::{Idempotency, RetryPolicy, Traffic};

async fn failing_first(failures: u64, failure: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(path("/")).respond_with(failure).up_to_n_times(failures).mount(&server).await;
    Mock::given(path("/"))
        .respond_with(ResponseTemplate::new(200).set_body_string("done"))
        .mount(&server)
        .await;
    server
}

async fn requests(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().len()
}

#[tokio::test]
async fn a_safe_call_is_repeated_after_every_passing_failure() {
    for status in [408, 429, 500, 502, 503, 504] {
        let server = failing_first(2, ResponseTemplate::new(status)).await;
        let answer = fixture().client.get(server.uri()).send().await.unwrap();
        assert_eq!(answer.text().unwrap(), "done", "HTTP {status}");
        assert_eq!(requests(&server).await, 3, "HTTP {status}");
    }
}

#[tokio::test]
async fn a_refusal_that_would_be_repeated_is_final() {
    for status in [400, 401, 403, 404, 409, 412, 422, 501] {
        let server = failing_first(1, ResponseTemplate::new(status)).await;
        let error = fixture().client.get(server.uri()).send().await.unwrap_err();
        assert_eq!(requests(&server).await, 1, "HTTP {status}");
        assert_eq!(error.effect(), Effect::None);
    }
}

#[tokio::test]
async fn a_call_that_must_not_be_repeated_is_not_repeated_when_the_server_may_have_acted() {
    for status in [500, 502, 503, 504] {
        let server = failing_first(1, ResponseTemplate::new(status)).await;
        let error = fixture().client.post(server.uri()).send().await.unwrap_err();
        assert_eq!(requests(&server).await, 1, "HTTP {status}");
        assert_eq!(error.effect(), Effect::Possible, "HTTP {status}");
    }
}

#[tokio::test]
async fn a_call_that_must_not_be_repeated_is_repeated_after_a_rate_limit() {
    let server = failing_first(1, ResponseTemplate::new(429)).await;
    fixture().client.post(server.uri()).send().await.unwrap();
    assert_eq!(requests(&server).await, 2);
}

#[tokio::test]
async fn the_effect_of_an_earlier_attempt_is_remembered() {
    let server = MockServer::start().await;
    Mock::given(method("DELETE"))
        .respond_with(ResponseTemplate::new(502))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    Mock::given(method("DELETE")).respond_with(ResponseTemplate::new(404)).mount(&server).await;
    let error = fixture().client.delete(server.uri()).send().await.unwrap_err();
    assert_eq!((error.meaning(), error.effect()), (Meaning::NotFound, Effect::Possible));
}

#[tokio::test]
async fn attempts_are_bounded_and_counted() {
    let server = failing_first(100, ResponseTemplate::new(503)).await;
    let fixture = fixture();
    let error = fixture.client.get(server.uri()).about("list disks", "net1").send().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "list disks net1: Service Unavailable, with an empty body (HTTP 503), after 6 attempts"
    );
    assert_eq!(requests(&server).await, 6);
    assert_eq!(fixture.traffic.traffic(), Traffic { attempts: 6, sent: 0, received: 0 });
}

#[tokio::test]
async fn pauses_are_random_below_a_ceiling_that_doubles() {
    let server = failing_first(100, ResponseTemplate::new(503)).await;
    let fixture = fixture();
    fixture.client.get(server.uri()).send().await.unwrap_err();
    let ceilings = [250, 500, 1000, 2000, 4000].map(Duration::from_millis);
    let pauses = fixture.clock.slept();
    assert_eq!(pauses.len(), ceilings.len());
    for (pause, ceiling) in pauses.iter().zip(ceilings) {
        assert!(*pause <= ceiling, "{pause:?} is above {ceiling:?}");
    }
}

#[tokio::test]
async fn a_server_that_asks_for_a_pause_gets_it() {
    for (value, least) in [("7", 7), ("Sun, 06 Nov 1994 08:49:37 GMT", 30)] {
        let busy = ResponseTemplate::new(503).insert_header("retry-after", value);
        let server = failing_first(1, busy).await;
        let fixture = fixture();
        fixture.client.get(server.uri()).send().await.unwrap();
        let pause = fixture.clock.slept().first().copied().unwrap();
        let range = Duration::from_secs(least)..=Duration::from_secs(least) + Duration::from_millis(250);
        assert!(range.contains(&pause), "{value}: {pause:?}");
    }
}

#[tokio::test]
async fn no_attempt_starts_after_the_deadline() {
    let busy = ResponseTemplate::new(503).insert_header("retry-after", "60");
    let server = failing_first(100, busy).await;
    let fixture = fixture();
    let request = fixture.client.get(server.uri()).deadline(Duration::from_secs(100));
    request.send().await.unwrap_err();
    assert_eq!(requests(&server).await, 2);
}

#[tokio::test]
async fn a_request_can_forbid_repetition() {
    let server = failing_first(1, ResponseTemplate::new(503)).await;
    fixture().client.get(server.uri()).retry(RetryPolicy::never()).send().await.unwrap_err();
    assert_eq!(requests(&server).await, 1);
}

#[tokio::test]
async fn every_attempt_sends_the_same_method_query_and_body() {
    let server = MockServer::start().await;
    let same = || {
        Mock::given(method("POST"))
            .and(path("/a"))
            .and(query_param("requestId", "1"))
            .and(body_json(serde_json::json!({"x": 1})))
    };
    same().respond_with(ResponseTemplate::new(503)).up_to_n_times(1).mount(&server).await;
    same().respond_with(ResponseTemplate::new(200)).mount(&server).await;
    let fixture = fixture_with(|_| {});
    let request = fixture.client.post(format!("{}/a", server.uri())).idempotency(Idempotency::Idempotent);
    request.query("requestId", "1").json(&serde_json::json!({"x": 1})).send().await.unwrap();
    assert_eq!(fixture.traffic.traffic(), Traffic { attempts: 2, sent: 14, received: 0 });
}
