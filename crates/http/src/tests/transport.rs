use std::time::Duration;

use spacecraft_core::{Effect, Meaning};
use tokio::net::TcpListener;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::fixture::{RudeServer, Rudeness, fixture, fixture_with};

const DONE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone";
const TRUNCATED: &str = "HTTP/1.1 200 OK\r\ncontent-length: 40\r\n\r\ndone";

#[tokio::test]
async fn a_lost_reply_of_a_repeatable_call_is_asked_for_again() {
    for lost in ["", TRUNCATED] {
        let server = RudeServer::start(vec![Rudeness::Write(lost), Rudeness::Write(DONE)]).await;
        let answer = fixture().client.delete(&server.url).send().await.unwrap();
        assert_eq!(answer.text().unwrap(), "done", "{lost:?}");
    }
}

#[tokio::test]
async fn a_lost_reply_of_a_call_that_must_not_be_repeated_may_have_taken_effect() {
    for lost in ["", TRUNCATED] {
        let server = RudeServer::start(vec![Rudeness::Write(lost), Rudeness::Write(DONE)]).await;
        let error = fixture().client.post(&server.url).send().await.unwrap_err();
        assert_eq!((error.meaning(), error.effect()), (Meaning::Unavailable, Effect::Possible), "{lost:?}");
        assert!(error.reason().contains("broke before the whole answer came"), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up_after_the_timeout() {
    for silence in ["", TRUNCATED] {
        let server = RudeServer::start(vec![Rudeness::WriteAndHang(silence)]).await;
        let request = fixture().client.post(&server.url).timeout(Duration::from_millis(200));
        let error = request.send().await.unwrap_err();
        assert_eq!((error.meaning(), error.effect()), (Meaning::TimedOut, Effect::Possible), "{silence:?}");
    }
}

#[tokio::test]
async fn a_call_without_a_connection_is_repeated_whatever_it_is_and_has_no_effect() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let fixture = fixture();
    let error = fixture.client.post(&url).send().await.unwrap_err();
    assert_eq!((error.meaning(), error.effect()), (Meaning::Unavailable, Effect::None));
    assert!(error.reason().ends_with(", after 6 attempts"), "{error}");
    assert_eq!(fixture.clock.slept().len(), 5);
}

#[tokio::test]
async fn garbage_instead_of_http_is_a_lost_reply() {
    let server = RudeServer::start(vec![Rudeness::Write("\u{0}garbage\r\n\r\n")]).await;
    let error = fixture().client.post(&server.url).send().await.unwrap_err();
    assert_eq!(error.effect(), Effect::Possible);
}

#[tokio::test]
async fn safe_calls_follow_redirects_and_others_do_not() {
    let server = MockServer::start().await;
    let redirect = ResponseTemplate::new(302).insert_header("location", "/there");
    Mock::given(path("/here")).respond_with(redirect).mount(&server).await;
    Mock::given(path("/there")).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    let here = format!("{}/here", server.uri());
    fixture().client.get(&here).send().await.unwrap();
    let error = fixture().client.post(&here).send().await.unwrap_err();
    assert!(error.to_string().contains("HTTP 302"), "{error}");
}

#[tokio::test]
async fn redirects_in_a_circle_end() {
    let server = MockServer::start().await;
    let redirect = ResponseTemplate::new(302).insert_header("location", "/");
    Mock::given(path("/")).respond_with(redirect).mount(&server).await;
    let error = fixture().client.get(server.uri()).send().await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::Invalid);
    assert!(spacecraft_core::render_chain(&error).contains("redirected too often"), "{error:?}");
}

#[tokio::test]
async fn hosts_can_be_given_addresses() {
    let server = MockServer::start().await;
    Mock::given(path("/")).respond_with(ResponseTemplate::new(204)).mount(&server).await;
    let fixture = fixture_with(|options| {
        options.resolve.push(("search.example".to_owned(), *server.address()));
    });
    let url = format!("http://search.example:{}/", server.address().port());
    assert_eq!(fixture.client.get(url).send().await.unwrap().status(), 204);
}

#[tokio::test]
async fn a_proxy_is_used_for_others_and_not_for_this_machine() {
    let (proxy, direct) = (MockServer::start().await, MockServer::start().await);
    Mock::given(path("/"))
        .respond_with(ResponseTemplate::new(200).set_body_string("proxy"))
        .mount(&proxy)
        .await;
    Mock::given(path("/"))
        .respond_with(ResponseTemplate::new(200).set_body_string("direct"))
        .mount(&direct)
        .await;
    let fixture = fixture_with(|options| {
        options.proxy = Some(crate::Proxy { url: proxy.uri().into(), except: String::new() });
    });
    let here = fixture.client.get(direct.uri()).send().await.unwrap();
    let there = fixture.client.get("http://elsewhere.invalid/").send().await.unwrap();
    assert_eq!((here.text().unwrap(), there.text().unwrap()), ("direct", "proxy"));
}
