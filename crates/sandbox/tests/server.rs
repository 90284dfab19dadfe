//! A sandbox server as its users meet it: over the network, from its folder.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail at any line"
)]

use std::{io::Write, path::Path, time::Duration};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{ConfigMap, Node, Pod};
use kube::{
    Api, Client,
    api::{PostParams, WatchEvent, WatchParams},
};
use serde_json::{Value, json};
use spacecraft_sandbox::{
    client::AdminClient,
    faults::{Fault, FaultRule},
    server::{SandboxInfo, ServeError, ServeOptions, running, serve},
    settings::SettingsChange,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::JoinHandle,
};

/// A server in this process. Dropping it ends the server without a word, as a kill would.
struct Server {
    task: JoinHandle<Result<(), ServeError>>,
    info: SandboxInfo,
    admin: AdminClient,
    http: reqwest::Client,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    async fn start(folder: &Path) -> Self {
        let served = folder.to_owned();
        let options = ServeOptions { idle: None, background: false };
        let task = tokio::spawn(async move { serve(&served, options).await });
        for _ in 0..600 {
            assert!(!task.is_finished(), "the server ended: {:?}", task.await);
            if let Some(info) = running(folder).await {
                let http = reqwest::Client::builder().pool_max_idle_per_host(0).build().expect("a client");
                return Self { task, admin: AdminClient::new(info.clone()), info, http };
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the server did not come up");
    }

    /// Ends the server as a kill would, and waits until its addresses are free.
    async fn kill(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
        let port: u16 = self.info.address.rsplit(':').next().unwrap().parse().unwrap();
        while !(port..port + 25).all(|port| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok()) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn url(&self, host: &str, path: &str) -> String {
        format!("{}{path}", self.info.urls.of(host))
    }

    async fn token(&self) -> String {
        let key: Value =
            serde_json::from_slice(&std::fs::read(&self.info.service_account_file).unwrap()).unwrap();
        let token_uri = key["token_uri"].as_str().unwrap();
        let now = jiff::Timestamp::now().as_second();
        let claims = json!({"iss": key["client_email"], "scope": "https://www.googleapis.com/auth/cloud-platform",
                            "aud": token_uri, "iat": now, "exp": now + 3600});
        let assertion = signed(&claims, key["private_key"].as_str().unwrap());
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", assertion.as_str()),
        ];
        let answer: Value = self.http.post(token_uri).form(&form).send().await.unwrap().json().await.unwrap();
        answer["access_token"].as_str().unwrap().to_owned()
    }

    async fn post_message(&self, text: &str) -> Result<Value, reqwest::Error> {
        let request = self.http.post(self.url("slack.com", "/api/chat.postMessage"));
        let body = json!({"channel": self.info.slack_channel, "text": text});
        request.bearer_auth(&self.info.slack_token).json(&body).send().await?.json().await
    }

    async fn messages(&self) -> Vec<String> {
        let messages = self.admin.inventory().await.unwrap().slack_messages;
        messages.iter().map(|message| message["text"].as_str().unwrap().to_owned()).collect()
    }

    /// A client of the Kubernetes API of a new cluster with three workers.
    async fn cluster(&self) -> Client {
        let token = self.token().await;
        let clusters = self.url(
            "container.googleapis.com",
            "/v1/projects/spacecraft-sandbox/locations/us-central1-a/clusters",
        );
        let body = json!({"cluster": {"name": "net1", "nodePools": [{"name": "p", "initialNodeCount": 3}]}});
        let created = self.http.post(&clusters).bearer_auth(&token).json(&body).send().await.unwrap();
        assert!(created.status().is_success());
        self.admin
            .configure(&SettingsChange { advance_seconds: 60.0, ..SettingsChange::default() })
            .await
            .unwrap();
        self.connect("net1").await
    }

    async fn connect(&self, name: &str) -> Client {
        let token = self.token().await;
        let path = format!("/v1/projects/spacecraft-sandbox/locations/us-central1-a/clusters/{name}");
        let request = self.http.get(self.url("container.googleapis.com", &path)).bearer_auth(&token);
        let cluster: Value = request.send().await.unwrap().json().await.unwrap();
        let authority =
            STANDARD.decode(cluster["masterAuth"]["clusterCaCertificate"].as_str().unwrap()).unwrap();
        let endpoint = format!("https://{}", cluster["endpoint"].as_str().unwrap());
        let mut config = kube::Config::new(endpoint.parse().unwrap());
        let pem: String =
            String::from_utf8(authority).unwrap().lines().filter(|line| !line.starts_with("--")).collect();
        config.root_cert = Some(vec![STANDARD.decode(pem).unwrap()]);
        config.auth_info.token = Some(token.into());
        config.default_retry = false;
        Client::try_from(config).unwrap()
    }
}

fn signed(claims: &Value, pem: &str) -> String {
    let der =
        STANDARD.decode(pem.lines().filter(|line| !line.starts_with("--")).collect::<String>()).unwrap();
    let pair = RsaKeyPair::from_pkcs8(&der).unwrap();
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"JWT"}"#);
    let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn config_map(name: &str) -> ConfigMap {
    serde_json::from_value(json!({"metadata": {"name": name}, "data": {"a": "1"}})).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_outlives_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let client = server.cluster().await;
    Api::<ConfigMap>::default_namespaced(client)
        .create(&PostParams::default(), &config_map("kept"))
        .await
        .unwrap();
    server.post_message("kept too").await.unwrap();
    let before = server.admin.inventory().await.unwrap();
    let address = server.info.address.clone();
    server.kill().await;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("log-") {
            std::fs::OpenOptions::new()
                .append(true)
                .open(path)
                .unwrap()
                .write_all(b"{\"call\":{\"at\":")
                .unwrap();
        }
    }

    let server = Server::start(folder.path()).await;
    assert_eq!(server.info.address, address, "the address is the sandbox's own");
    let after = server.admin.inventory().await.unwrap();
    assert_eq!(after.kubernetes, before.kubernetes);
    assert_eq!((after.clusters, after.slack_messages), (before.clusters, before.slack_messages));
    let client = server.connect("net1").await;
    let kept = Api::<ConfigMap>::default_namespaced(client).get("kept").await.unwrap();
    assert_eq!(kept.data.unwrap()["a"], "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_has_one_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let second = serve(folder.path(), ServeOptions::default()).await;
    assert!(matches!(second, Err(ServeError::AlreadyServed { .. })), "{second:?}");
    server.admin.stop().await.unwrap();
    for _ in 0..200 {
        if running(folder.path()).await.is_none() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the server did not stop");
}

/// Tries until it is so.
async fn until(is_so: impl AsyncFn() -> bool) {
    for _ in 0..1000 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not come to be");
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_meet_the_calls_they_describe() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let on_slack =
        |fault: Fault| FaultRule { service: Some("slack".to_owned()), fault, ..FaultRule::default() };

    server
        .admin
        .fault(&on_slack(Fault::Status { status: 503, body: None, retry_after: Some(7) }))
        .await
        .unwrap();
    let request = server.http.post(server.url("slack.com", "/api/chat.postMessage"));
    let refused = request.bearer_auth(&server.info.slack_token).body("{}").send().await.unwrap();
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (503, "7"));

    server.admin.fault(&on_slack(Fault::Reset)).await.unwrap();
    assert!(server.post_message("never").await.is_err());
    assert!(server.messages().await.is_empty(), "a call that is reset does not take effect");

    for (fault, text) in
        [(Fault::LostReply, "lost"), (Fault::Truncated, "cut"), (Fault::ResetMidBody, "broken")]
    {
        server.admin.fault(&on_slack(fault)).await.unwrap();
        assert!(server.post_message(text).await.is_err(), "{text}");
        assert_eq!(server.messages().await.last().map(String::as_str), Some(text), "it took effect");
    }

    server.admin.fault(&on_slack(Fault::Refused)).await.unwrap();
    assert!(server.post_message("refused").await.is_err());
    until(async || server.post_message("refused").await.is_err_and(|error| error.is_connect())).await;
    until(async || server.post_message("open again").await.is_ok()).await;
    assert_eq!(server.messages().await.last().map(String::as_str), Some("open again"));

    server.admin.fault(&on_slack(Fault::Hang)).await.unwrap();
    let patience = Duration::from_millis(300);
    assert!(tokio::time::timeout(patience, server.post_message("hangs")).await.is_err());
    server.post_message("after").await.unwrap();
    let calls = server.admin.calls(0).await.unwrap();
    assert!(calls.iter().any(|call| call.service == "slack" && call.path == "/api/chat.postMessage"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_watched_and_its_pods_are_reached_through_tunnels() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let client = server.cluster().await;
    let nodes = Api::<Node>::all(client.clone()).list(&Default::default()).await.unwrap();
    assert_eq!(nodes.items.len(), 3);

    let maps = Api::<ConfigMap>::default_namespaced(client.clone());
    let version = maps.list(&Default::default()).await.unwrap().metadata.resource_version.unwrap();
    let mut watch = maps.watch(&WatchParams::default(), &version).await.unwrap().boxed();
    maps.create(&PostParams::default(), &config_map("beacon")).await.unwrap();
    let event = tokio::time::timeout(Duration::from_secs(10), watch.try_next()).await.unwrap().unwrap();
    assert!(matches!(event, Some(WatchEvent::Added(map)) if map.metadata.name.as_deref() == Some("beacon")));

    let pods = Api::<Pod>::default_namespaced(client);
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {"name": "web"},
        "spec": {"containers": [{"name": "web", "image": "nginx:1.29", "ports": [{"containerPort": 80}],
                                 "volumeMounts": [{"name": "files", "mountPath": "/usr/share/nginx/html"}]}],
                 "volumes": [{"name": "files", "configMap": {"name": "beacon"}}]},
    }))
    .unwrap();
    pods.create(&PostParams::default(), &pod).await.unwrap();
    server
        .admin
        .configure(&SettingsChange { advance_seconds: 120.0, ..SettingsChange::default() })
        .await
        .unwrap();
    let status = pods.get("web").await.unwrap().status.unwrap();
    assert_eq!(status.phase.as_deref(), Some("Running"));

    let mut forwarder = pods.portforward("web", &[80]).await.unwrap();
    let mut stream = forwarder.take_stream(80).unwrap();
    stream.write_all(b"GET /a HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "the web server closes the connection");
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\n1"), "{answer}");
}
