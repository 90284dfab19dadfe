//! Charts from repositories and registries, over HTTP.

#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

use std::io::Write;

use serde_json::json;
use sha2::{Digest, Sha256};
use spacecraft_core::Meaning;
use spacecraft_helm::source::{ChartReference, ChartSources};
use spacecraft_http::{Client, ClientOptions, RetryPolicy};
use wiremock::matchers::{header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

fn packed() -> Vec<u8> {
    let content = b"apiVersion: v2\nname: demo\nversion: 1.2.3\n";
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, "demo/Chart.yaml", content.as_slice()).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&tar.into_inner().unwrap()).unwrap();
    gzip.finish().unwrap()
}

fn digest(content: &[u8]) -> String {
    hex::encode(Sha256::digest(content))
}

fn sources(cache: &std::path::Path) -> ChartSources {
    let options = ClientOptions { retry: RetryPolicy::never(), ..ClientOptions::default() };
    ChartSources::new(Some(Client::new(options).unwrap()), Some(cache.to_owned()))
}

async fn repository(digest: &str, downloads: u64) -> MockServer {
    let server = MockServer::start().await;
    let index = format!(
        "apiVersion: v1\nentries:\n  demo:\n  - version: 1.2.3\n    urls: [packed/demo-1.2.3.tgz]\n    digest: {digest}\n"
    );
    Mock::given(method("GET"))
        .and(path("/charts/index.yaml"))
        .respond_with(ResponseTemplate::new(200).set_body_string(index))
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(path("/charts/packed/demo-1.2.3.tgz"))
        .respond_with(ResponseTemplate::new(200).set_body_bytes(packed()))
        .expect(downloads)
        .mount(&server)
        .await;
    server
}

fn in_repository(server: &MockServer, version: &str) -> ChartReference {
    ChartReference {
        chart: "demo".to_owned(),
        repository: format!("{}/charts", server.uri()),
        version: version.to_owned(),
    }
}

#[tokio::test]
async fn a_chart_of_a_repository_is_downloaded_once_and_then_taken_from_the_cache() {
    let server = repository(&digest(&packed()), 1).await;
    let cache = tempfile::tempdir().unwrap();
    for version in ["1.2.3", "", "^1"] {
        let chart = sources(cache.path()).load(&in_repository(&server, version)).await.unwrap();
        assert_eq!(chart.name_and_version(), "demo-1.2.3");
    }
    let error = sources(cache.path()).load(&in_repository(&server, "2.0.0")).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::NotFound);
    assert!(error.to_string().contains("the newest is 1.2.3"), "{error}");
}

#[tokio::test]
async fn a_download_of_another_digest_than_the_index_says_is_refused_and_not_kept() {
    let server = repository(&digest(b"something else"), 2).await;
    let cache = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let error = sources(cache.path()).load(&in_repository(&server, "1.2.3")).await.unwrap_err();
        assert_eq!(error.meaning(), Meaning::Invalid);
        assert!(error.to_string().contains("was promised"), "{error}");
    }
    assert_eq!(std::fs::read_dir(cache.path()).unwrap().count(), 0);
}

/// A registry that gives nothing without the token that its own address hands out.
async fn registry(layer_digest: &str) -> MockServer {
    let server = MockServer::start().await;
    let token = uuid::Uuid::new_v4().to_string();
    let challenge = format!(
        "Bearer realm=\"{}/token\",service=\"registry\",scope=\"repository:charts/demo:pull\"",
        server.uri()
    );
    let manifest = json!({"schemaVersion": 2, "layers": [{
        "mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
        "digest": format!("sha256:{layer_digest}"), "size": packed().len(),
    }]});
    Mock::given(method("GET"))
        .and(path("/token"))
        .and(query_param("service", "registry"))
        .and(query_param("scope", "repository:charts/demo:pull"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "token": token })))
        .mount(&server)
        .await;
    let answers = [
        ("tags/list".to_owned(), json!({"tags": ["1.2.3", "1.0.0", "latest"]}).to_string().into_bytes()),
        ("manifests/1.2.3".to_owned(), manifest.to_string().into_bytes()),
        (format!("blobs/sha256:{layer_digest}"), packed()),
    ];
    for (inside, body) in answers {
        Mock::given(method("GET"))
            .and(path(format!("/v2/charts/demo/{inside}")))
            .and(header("authorization", format!("Bearer {token}").as_str()))
            .respond_with(ResponseTemplate::new(200).set_body_bytes(body))
            .mount(&server)
            .await;
    }
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(401).insert_header("www-authenticate", challenge.as_str()))
        .with_priority(200)
        .mount(&server)
        .await;
    server
}

fn in_registry(server: &MockServer, version: &str) -> ChartReference {
    ChartReference {
        chart: "demo".to_owned(),
        repository: format!("oci://{}/charts", server.address()),
        version: version.to_owned(),
    }
}

#[tokio::test]
async fn a_chart_of_a_registry_is_pulled_with_a_token_that_the_registry_asks_for() {
    let server = registry(&digest(&packed())).await;
    let cache = tempfile::tempdir().unwrap();
    for version in ["1.2.3", "", ">=1.1"] {
        let chart = sources(cache.path()).load(&in_registry(&server, version)).await.unwrap();
        assert_eq!(chart.name_and_version(), "demo-1.2.3");
    }
    let error = sources(cache.path()).load(&in_registry(&server, ">=2")).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::NotFound);
}

#[tokio::test]
async fn a_blob_of_another_digest_than_the_manifest_says_is_refused() {
    let server = registry(&digest(b"something else")).await;
    let cache = tempfile::tempdir().unwrap();
    let error = sources(cache.path()).load(&in_registry(&server, "1.2.3")).await.unwrap_err();
    assert!(error.to_string().contains("was promised"), "{error}");
}

#[tokio::test]
async fn a_chart_that_is_nowhere_says_what_to_give() {
    let cache = tempfile::tempdir().unwrap();
    let reference = ChartReference { chart: "elastic/nothing".to_owned(), ..ChartReference::default() };
    let error = sources(cache.path()).load(&reference).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::NotFound);
    assert!(error.hint().unwrap().contains("--repo"));
}
