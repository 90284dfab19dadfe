//! Tunnels through the WebSocket port-forward of an API server.

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, RawQuery};
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::{Value, json};
use spacecraft_core::traits::{ServiceName, Workloads as _};
use spacecraft_core::{Error, Meaning};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use wiremock::MockServer;

use crate::support::{NAMESPACE, answer, list, status, workloads};

/// Forwards to a container that greets with the pod and port it was reached at, then says back whatever it hears.
async fn forward(
    Path(pod): Path<String>,
    RawQuery(query): RawQuery,
    upgrade: WebSocketUpgrade,
) -> impl IntoResponse {
    let query = query.unwrap();
    let port = query.trim_start_matches('&').strip_prefix("ports=").unwrap().parse().unwrap();
    upgrade.protocols(["v4.channel.k8s.io"]).on_upgrade(move |socket| echo(socket, pod, port))
}

async fn echo(mut socket: WebSocket, pod: String, port: u16) {
    for channel in [0_u8, 1] {
        let [low, high] = port.to_le_bytes();
        let _ = socket.send(Message::Binary(vec![channel, low, high].into())).await;
    }
    if port == 9094 {
        let _ = socket.send(Message::Binary(b"\x01connect: connection refused".to_vec().into())).await;
        let _ = socket.send(Message::Close(None)).await;
        while let Some(Ok(_)) = socket.recv().await {}
        return;
    }
    let greeting = [b"\0".to_vec(), format!("{pod}:{port} ").into_bytes()].concat();
    let _ = socket.send(Message::Binary(greeting.into())).await;
    while let Some(Ok(message)) = socket.recv().await {
        if let Message::Binary(said) = message {
            let _ = socket.send(Message::Binary(said)).await;
        }
    }
}

/// A pod that is ready, but only while `ready` is asked for in the labels.
fn pod(name: &str, ready: &str) -> Value {
    json!({
        "metadata": { "name": name, "labels": { "app": "kibana" } },
        "spec": { "containers": [{ "ports": [{ "name": "http", "containerPort": 5601 }, { "name": "private", "containerPort": 9093 }, { "name": "closed", "containerPort": 9094 }] }] },
        "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": ready }] },
    })
}

fn service() -> Value {
    json!({
        "metadata": { "name": "kibana" },
        "spec": { "selector": { "app": "kibana" }, "ports": [{ "name": "web", "port": 80, "targetPort": "http" }] },
    })
}

async fn api() -> String {
    let pods = |RawQuery(query): RawQuery| async move {
        assert_eq!(query.as_deref(), Some("labelSelector=app%3Dkibana&limit=250"));
        axum::body::Body::from(
            json!({
                "metadata": { "resourceVersion": "1" },
                "items": [pod("kibana-old", "False"), pod("kibana-new", "True")],
            })
            .to_string(),
        )
    };
    let router = Router::new()
        .route("/api/v1/namespaces/net1/services/kibana", get(|| async { service().to_string() }))
        .route("/api/v1/namespaces/net1/pods", get(pods))
        .route("/api/v1/namespaces/net1/pods/{pod}/portforward", get(forward));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    server
}

/// What comes back through a tunnel to `port` when `said` is said, `expected` bytes of it.
async fn talk(address: std::net::SocketAddr, said: &str, expected: usize) -> String {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(said.as_bytes()).await.unwrap();
    let mut heard = vec![0; expected];
    socket.read_exact(&mut heard).await.unwrap();
    String::from_utf8(heard).unwrap()
}

#[tokio::test]
async fn a_tunnel_leads_to_the_named_port_of_a_ready_pod_as_often_as_one_connects() {
    let workloads = workloads(&api().await).await;
    let tunnel = workloads.tunnel(&ServiceName::new("net1", "kibana"), 80).await.unwrap();
    assert!(tunnel.local.ip().is_loopback());
    for said in ["hello", "again"] {
        assert_eq!(talk(tunnel.local, said, 21).await, format!("kibana-new:5601 {said}"));
    }
}

#[tokio::test]
async fn a_port_that_the_service_does_not_offer_is_the_pods_own() {
    let workloads = workloads(&api().await).await;
    let tunnel = workloads.tunnel(&ServiceName::new("net1", "kibana"), 9093).await.unwrap();
    assert_eq!(talk(tunnel.local, "x", 17).await, "kibana-new:9093 x");
}

#[tokio::test]
async fn a_port_that_neither_service_nor_pods_have_is_refused_with_those_that_there_are() {
    let workloads = workloads(&api().await).await;
    let refused = workloads.tunnel(&ServiceName::new("net1", "kibana"), 9999).await.unwrap_err();
    assert_eq!(refused.meaning(), Meaning::Invalid);
    assert_eq!(refused.hint(), Some("there are: 80 (web), 5601 (http), 9093 (private), 9094 (closed)"));
}

/// What an answer through a tunnel is when the connection to `port` just ended.
async fn told(port: u16) -> Error {
    let workloads = workloads(&api().await).await;
    let tunnel = workloads.tunnel(&ServiceName::new("net1", "kibana"), port).await.unwrap();
    let mut socket = TcpStream::connect(tunnel.local).await.unwrap();
    let mut heard = Vec::new();
    let _ = socket.read_to_end(&mut heard).await;
    assert_eq!(heard, b"");
    let ended = Error::new(Meaning::Other, "read", "status", "the connection ended");
    tunnel.told::<()>(Err(ended)).unwrap_err()
}

#[tokio::test]
async fn whoever_got_no_answer_through_a_tunnel_learns_what_the_worker_said() {
    let told = told(9094).await;
    assert_eq!(told.meaning(), Meaning::Unavailable);
    assert_eq!(told.to_string(), "open a tunnel to port 9094 of kibana in net1: connect: connection refused");
}

#[tokio::test]
async fn a_tunnel_that_is_dropped_is_closed() {
    let workloads = workloads(&api().await).await;
    let tunnel = workloads.tunnel(&ServiceName::new("net1", "kibana"), 80).await.unwrap();
    let mut socket = TcpStream::connect(tunnel.local).await.unwrap();
    let mut greeting = [0; 16];
    socket.read_exact(&mut greeting).await.unwrap();
    let local = tunnel.local;
    drop(tunnel);
    assert_eq!(socket.read(&mut greeting).await.unwrap_or(0), 0, "the connection ends");
    assert!(TcpStream::connect(local).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_service_that_is_missing_or_has_no_ready_pod_is_said() {
    let server = MockServer::start().await;
    let kibana = ServiceName::new("net1", "kibana");
    answer(&server, "GET", &format!("{NAMESPACE}/services/nobodys"), status(404, "NotFound", "none")).await;
    let found = wiremock::ResponseTemplate::new(200).set_body_json(service());
    answer(&server, "GET", &format!("{NAMESPACE}/services/kibana"), found).await;
    answer(&server, "GET", &format!("{NAMESPACE}/pods"), list(&[pod("kibana-old", "False")])).await;
    let workloads = workloads(&server.uri()).await;
    let missing = workloads.tunnel(&ServiceName::new("net1", "nobodys"), 80).await.unwrap_err();
    assert_eq!(missing.meaning(), Meaning::NotFound);
    let unready = workloads.tunnel(&kibana, 80).await.unwrap_err();
    assert_eq!(unready.meaning(), Meaning::Unavailable);
}
