use spacecraft_core::{Effect, Meaning};
use wiremock::matchers::{body_string, body_string_contains, header, header_regex};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::fixture::{RudeServer, Rudeness, fixture};
use crate::{Part, with_segments};

async fn answering(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(wiremock::matchers::any()).respond_with(answer).mount(&server).await;
    server
}

async fn decoding_error(answer: ResponseTemplate) -> spacecraft_core::Error {
    let server = answering(answer).await;
    let request = fixture().client.get(server.uri()).about("list zones", "example.com");
    request.send().await.unwrap().json::<Vec<String>>("a list of zones").unwrap_err()
}

#[tokio::test]
async fn a_body_that_is_not_what_was_expected_is_shown_in_short() {
    let error = decoding_error(ResponseTemplate::new(200).set_body_string(r#"{"token":"x","a":1}"#)).await;
    assert_eq!(
        error.to_string(),
        r#"list zones example.com: the reply is `{"token":"[redacted]","a":1}`, where a list of zones was expected"#
    );
    let error = decoding_error(ResponseTemplate::new(200)).await;
    assert!(error.reason().starts_with("the reply is empty, where"), "{error}");
    let error = decoding_error(ResponseTemplate::new(200).set_body_string("<html>sign in</html>")).await;
    assert!(error.reason().starts_with("the reply is an HTML page, where"), "{error}");
    assert_eq!(error.meaning(), Meaning::Invalid);
}

#[tokio::test]
async fn a_body_that_cannot_be_read_does_not_undo_the_call() {
    let server = answering(ResponseTemplate::new(200).set_body_string("garbage")).await;
    let answer = fixture().client.post(server.uri()).send().await.unwrap();
    assert_eq!(answer.json::<Vec<String>>("a list").unwrap_err().effect(), Effect::Possible);
}

#[tokio::test]
async fn replies_beyond_the_limit_are_refused_announced_or_not() {
    let announced = answering(ResponseTemplate::new(200).set_body_bytes(vec![b'x'; 1001])).await;
    let error = fixture().client.get(announced.uri()).largest_reply(1000).send().await.unwrap_err();
    assert!(error.reason().contains("larger than the 1000 bytes"), "{error}");
    let endless =
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nhello\r\n0\r\n\r\n";
    let server = RudeServer::start(vec![Rudeness::Write(endless)]).await;
    let error = fixture().client.get(&server.url).largest_reply(9).send().await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::Invalid);
}

#[tokio::test]
async fn forms_and_files_arrive_as_such() {
    let server = MockServer::start().await;
    Mock::given(header("content-type", "application/x-www-form-urlencoded"))
        .and(body_string("a=1+2&b=%26"))
        .respond_with(ResponseTemplate::new(200))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(header_regex("content-type", "^multipart/form-data; boundary="))
        .and(body_string_contains("name=\"file\"; filename=\"f\""))
        .respond_with(ResponseTemplate::new(200))
        .expect(1)
        .mount(&server)
        .await;
    let part = Part {
        name: "file".to_owned(),
        file_name: Some("f".to_owned()),
        content_type: "text/plain".to_owned(),
        bytes: b"x".to_vec(),
    };
    let client = fixture().client;
    client.post(server.uri()).form(&[("a", "1 2"), ("b", "&")]).send().await.unwrap();
    client.post(server.uri()).multipart(&[part]).send().await.unwrap();
}

#[tokio::test]
async fn a_download_writes_the_body_and_stops_at_its_limit() {
    let server = answering(ResponseTemplate::new(200).set_body_string("0123456789")).await;
    let mut file = Vec::new();
    let done = fixture().client.get(server.uri()).download(&mut file, 10).await.unwrap();
    assert_eq!((done.bytes, file.as_slice()), (10, b"0123456789".as_slice()));
    let error = fixture().client.get(server.uri()).download(&mut Vec::new(), 9).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::Invalid);
}

#[tokio::test]
async fn a_download_is_repeated_until_its_body_begins() {
    let ok = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone";
    let busy = "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n";
    let server =
        RudeServer::start(vec![Rudeness::Write(busy), Rudeness::Write(""), Rudeness::Write(ok)]).await;
    let mut file = Vec::new();
    fixture().client.get(&server.url).download(&mut file, 10).await.unwrap();
    assert_eq!(file, b"done");
}

#[tokio::test]
async fn a_download_that_breaks_off_says_where() {
    let short = "HTTP/1.1 200 OK\r\ncontent-length: 40\r\n\r\ndone";
    let server = RudeServer::start(vec![Rudeness::Write(short)]).await;
    let error = fixture().client.get(&server.url).download(&mut Vec::new(), 100).await.unwrap_err();
    assert_eq!(error.reason(), "the body broke off after 4 bytes");
}

#[tokio::test]
async fn a_missing_download_is_not_found() {
    let server = answering(ResponseTemplate::new(404).set_body_string("no such chart")).await;
    let error = fixture().client.get(server.uri()).download(&mut Vec::new(), 100).await.unwrap_err();
    assert!(error.is_not_found());
    assert!(error.reason().starts_with("no such chart"), "{error}");
}

#[tokio::test]
async fn mistakes_in_a_request_come_out_before_anything_is_sent() {
    let client = fixture().client;
    for url in ["nonsense", "ftp://h.example/", "file:///etc/passwd"] {
        assert_eq!(client.get(url).send().await.unwrap_err().meaning(), Meaning::Invalid, "{url}");
    }
    let base = crate::Url::parse("https://h.example/a").unwrap();
    assert_eq!(with_segments(&base, ["..", "b"]).as_str(), "https://h.example/a/b");
}
