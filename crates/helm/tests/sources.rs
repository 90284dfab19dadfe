//! Charts from repositories and registries, over HTTP.

#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

use std::io::Write;

use serde_json::json;
use sha2::{Digest, Sha256};
use spacecraft_core::Meaning;
use spacecraft_core::secret::SecretString;
use spacecraft_helm::source::{ChartReference, ChartSources, Login, SourceAccess};
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
        update_dependencies: false,
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
        assert!(error.is_of_reply(), "{error}");
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
        update_dependencies: false,
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

fn as_user(sources: ChartSources, pass_credentials: bool) -> ChartSources {
    let login = Login { user: "me".to_owned(), password: SecretString::from("word".to_owned()) };
    sources.with_access(SourceAccess { login: Some(login), pass_credentials, ..SourceAccess::default() })
}

/// `me:word`, as HTTP has it.
const BASIC: &str = "Basic bWU6d29yZA==";

#[tokio::test]
async fn user_and_password_go_to_the_repositorys_own_host_alone_unless_they_are_to_be_passed_on() {
    let (server, elsewhere) = (MockServer::start().await, MockServer::start().await);
    // Another name of the same machine is another host.
    let other_host = elsewhere.uri().replace("127.0.0.1", "localhost");
    let index = format!(
        "apiVersion: v1\nentries:\n  demo:\n  - version: 1.2.3\n    urls: ['{other_host}/demo.tgz']\n"
    );
    Mock::given(method("GET"))
        .and(path("/charts/index.yaml"))
        .and(header("authorization", BASIC))
        .respond_with(ResponseTemplate::new(200).set_body_string(index))
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(path("/demo.tgz"))
        .respond_with(ResponseTemplate::new(200).set_body_bytes(packed()))
        .mount(&elsewhere)
        .await;
    let cache = tempfile::tempdir().unwrap();
    for (pass_credentials, told) in [(false, None), (true, Some(BASIC))] {
        let sources = as_user(sources(cache.path()), pass_credentials);
        sources.load(&in_repository(&server, "")).await.unwrap();
        let request = elsewhere.received_requests().await.unwrap().pop().unwrap();
        let authorization = request.headers.get("authorization").map(|value| value.to_str().unwrap());
        assert_eq!(authorization, told, "pass_credentials {pass_credentials}");
    }
    let refused = sources(cache.path()).load(&in_repository(&server, "")).await.unwrap_err();
    assert_eq!(refused.meaning(), Meaning::NotFound);
}

#[tokio::test]
async fn a_registry_that_asks_for_a_user_gets_one_or_is_told_apart_from_an_open_one() {
    let server = MockServer::start().await;
    let manifest = json!({
        "layers": [{
            "mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
            "digest": format!("sha256:{}", digest(&packed())),
        }],
    });
    let authorized = |place: &'static str| Mock::given(path(place)).and(header("authorization", BASIC));
    authorized("/v2/org/demo/manifests/1.2.3")
        .respond_with(ResponseTemplate::new(200).set_body_json(manifest))
        .mount(&server)
        .await;
    Mock::given(path(format!("/v2/org/demo/blobs/sha256:{}", digest(&packed()))))
        .respond_with(ResponseTemplate::new(200).set_body_bytes(packed()))
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(401).insert_header("www-authenticate", "Basic realm=\"charts\""))
        .mount(&server)
        .await;
    let reference = ChartReference {
        chart: format!("oci://127.0.0.1:{}/org/demo", server.address().port()),
        version: "1.2.3".to_owned(),
        ..ChartReference::default()
    };
    let cache = tempfile::tempdir().unwrap();
    let denied = sources(cache.path()).load(&reference).await.unwrap_err();
    assert_eq!(denied.meaning(), Meaning::Denied);
    let chart = as_user(sources(cache.path()), false).load(&reference).await.unwrap();
    assert_eq!(chart.name(), "demo");
}

#[tokio::test]
async fn dependencies_that_are_not_packed_are_fetched_if_that_is_asked_for() {
    let server = repository(&digest(&packed()), 1).await;
    let folder = tempfile::tempdir().unwrap();
    let beside = folder.path().join("beside");
    std::fs::create_dir(&beside).unwrap();
    std::fs::write(beside.join("Chart.yaml"), "apiVersion: v2\nname: beside\nversion: 0.1.0\n").unwrap();
    let chart = folder.path().join("chart");
    std::fs::create_dir(&chart).unwrap();
    let declared = format!(
        "apiVersion: v2\nname: parent\nversion: 0.1.0\ndependencies:\n\
         - {{name: demo, version: ^1, repository: '{}/charts'}}\n\
         - {{name: beside, version: 0.1.0, repository: 'file://../beside'}}\n",
        server.uri()
    );
    std::fs::write(chart.join("Chart.yaml"), declared).unwrap();
    let cache = tempfile::tempdir().unwrap();
    let reference = |update_dependencies: bool| ChartReference {
        chart: chart.to_string_lossy().into_owned(),
        update_dependencies,
        ..ChartReference::default()
    };
    assert!(sources(cache.path()).load(&reference(false)).await.unwrap().dependencies.is_empty());
    let loaded = sources(cache.path()).load(&reference(true)).await.unwrap();
    let names: Vec<String> =
        loaded.dependencies.iter().map(|dependency| dependency.name_and_version()).collect();
    assert_eq!(names, ["demo-1.2.3", "beside-0.1.0"]);
    std::fs::write(
        chart.join("Chart.yaml"),
        "apiVersion: v2\nname: p\nversion: 0.1.0\ndependencies: [{name: x, version: '1', repository: '@stable'}]\n",
    )
    .unwrap();
    let error = sources(cache.path()).load(&reference(true)).await.unwrap_err();
    assert!(error.to_string().contains("its repository is \"@stable\", which is no URL"), "{error}");
}
