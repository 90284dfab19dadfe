//! Builds from a server of archives.

use std::io::Write as _;
use std::sync::Arc;

use spacecraft_core::Meaning;
use spacecraft_core::traits::{Look, NetworkBuild, Platform, ReleaseBuilds};
use spacecraft_http::{Client, ClientOptions, Url};
use spacecraft_testkit::conformance::Subject;
use spacecraft_testkit::{InMemoryFiles, TestClock};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};
use zip::write::SimpleFileOptions;

use crate::Builds;

spacecraft_testkit::release_builds_conformance!(async {
    let server = server(|template, _| template).await;
    Subject::new(builds(&server).0).keeping(server)
});

/// The archive that the server has of every version.
fn archive() -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    writer.start_file("go-spacemesh", options).unwrap();
    writer.write_all(&b"ELF ".repeat(10_000)).unwrap();
    writer.finish().unwrap().into_inner()
}

/// A server whose answers `change` may spoil.
async fn server(
    change: impl Fn(ResponseTemplate, Vec<u8>) -> ResponseTemplate + Send + Sync + 'static,
) -> MockServer {
    let server = MockServer::start().await;
    let answer = move |request: &Request| {
        let path = request.url.path();
        let is_build = path.starts_with("/bucket/v") && path.ends_with(".zip");
        if !is_build {
            return ResponseTemplate::new(404).set_body_string("<Error><Code>NoSuchKey</Code></Error>");
        }
        change(ResponseTemplate::new(200).set_body_bytes(archive()), archive())
    };
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

fn builds(server: &MockServer) -> (Builds, InMemoryFiles) {
    let options = ClientOptions { clock: Arc::new(TestClock::default()), ..ClientOptions::default() };
    let files = InMemoryFiles::default();
    let source = Url::parse(&format!("{}/bucket", server.uri())).unwrap();
    (Builds::new(Client::new(options).unwrap(), source, Arc::new(files.clone())).unwrap(), files)
}

fn build() -> NetworkBuild {
    NetworkBuild { version: "v1.7.6".to_owned(), platform: Platform::Linux, config: b"{}".to_vec() }
}

#[tokio::test]
async fn what_is_published_is_the_build_with_the_config_in_it() {
    let server = server(|template, _| template).await;
    let (builds, files) = builds(&server);
    builds.ensure_build(&build()).await.unwrap();
    let published = files.content("v1.7.6/Linux.zip").unwrap();
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(published)).unwrap();
    let names: Vec<String> = archive.file_names().map(|name| name.unwrap().into_owned()).collect();
    assert_eq!(names, ["go-spacemesh", "config.json"]);
    assert_eq!(std::io::read_to_string(archive.by_name("config.json").unwrap()).unwrap(), "{}");
    assert_eq!(archive.by_name("go-spacemesh").unwrap().size(), 40_000);
}

#[tokio::test]
async fn looking_and_publishing_downloads_a_build_once() {
    let server = server(|template, _| template).await;
    let (builds, _) = builds(&server);
    assert_eq!(builds.look_build(&build()).await.unwrap(), Look::Absent);
    builds.ensure_build(&build()).await.unwrap();
    assert_eq!(builds.look_build(&build()).await.unwrap(), Look::Same);
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_download_that_is_not_what_was_announced_is_refused() {
    let wrong_digest =
        server(|template, _| template.insert_header("x-goog-hash", "md5=1B2M2Y8AsgTpgAmY7PhCfg==")).await;
    let page = server(|_, _| ResponseTemplate::new(200).set_body_string("<html>sign in</html>")).await;
    let cut = server(|_, mut archive| {
        archive.truncate(1_000);
        ResponseTemplate::new(200).set_body_bytes(archive)
    })
    .await;
    for server in [wrong_digest, page, cut] {
        let (builds, files) = builds(&server);
        let error = builds.ensure_build(&build()).await.unwrap_err();
        assert_eq!(error.meaning(), Meaning::Invalid, "{error}");
        assert!(error.is_of_reply(), "no mistake of the operator: {error}");
        assert_eq!(files.content("v1.7.6/Linux.zip"), None);
    }
}

#[tokio::test]
async fn too_many_calls_are_no_missing_build() {
    let body =
        r#"{"error": {"code": 403, "errors": [{"reason": "rateLimitExceeded"}], "message": "slow down"}}"#;
    let server = server(move |_, _| ResponseTemplate::new(403).set_body_raw(body, "application/json")).await;
    let (builds, _) = builds(&server);
    let error = builds.look_build(&build()).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::Unavailable, "{error}");
}

#[tokio::test]
async fn a_build_that_is_not_there_is_named_with_what_to_check() {
    let server = server(|template, _| template).await;
    let (builds, _) = builds(&server);
    let missing = NetworkBuild { version: "1.7.6".to_owned(), ..build() };
    let error = builds.look_build(&missing).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::NotFound);
    assert!(error.reason().contains("no build of version 1.7.6 for Linux"), "{error}");
    assert!(error.hint().unwrap().contains("--go-sm-release-version"));
}
