//! What answers on a port of a pod.

use std::collections::BTreeMap;

use http::{HeaderValue, Method, StatusCode};
use serde_json::json;

use super::{
    chain::{Listener, Node},
    poet::PoetIdentity,
    process::{Process, port_of},
};
use crate::wire::{Request, Response};

/// A program that listens on a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Served {
    /// Elasticsearch, with its user's password and, when it speaks TLS, its certificate and key.
    Elasticsearch { password: String, tls: Option<TlsFiles> },
    /// Kibana; its users are Elasticsearch's.
    Kibana,
    /// A PoET's REST API.
    Poet(PoetIdentity),
    /// A go-spacemesh node's gRPC listener.
    Node { node: Box<Node>, listener: Listener },
    /// A web server over mounted files.
    Files(BTreeMap<String, Vec<u8>>),
    /// A program that only says that it is well, with the body it says it with.
    Healthy(HealthChecks),
}

/// Paths and the bodies that are answered there.
pub(crate) type HealthChecks = &'static [(&'static str, &'static str)];

/// PEM files of a TLS server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

const WEB_ROOT: &str = "/usr/share/nginx/html/";

/// Programs by their image's name, the port they listen on, and their health checks as path and body.
const HEALTHY: [(&str, u16, HealthChecks); 6] = [
    (
        "grafana",
        3000,
        &[("/api/health", r#"{"database":"ok"}"#), ("/login", "<!DOCTYPE html><title>Grafana</title>")],
    ),
    ("pushgateway", 9091, &[("/-/ready", "OK"), ("/-/healthy", "OK")]),
    (
        "prometheus",
        9090,
        &[("/-/ready", "Prometheus Server is Ready."), ("/-/healthy", "Prometheus Server is Healthy.")],
    ),
    ("pyroscope", 4040, &[("/ready", "ready")]),
    ("explorer-apiserver", 5000, &[("/healthz", "OK")]),
    ("dash-backend", 8080, &[("/healthz", "OK")]),
];

impl Served {
    /// What a process serves on a port; `None` when nothing listens there.
    pub(crate) fn of(process: &Process, port: u16) -> Option<Self> {
        match process.image_name() {
            "elasticsearch" if port == 9200 => Some(elasticsearch(process)),
            "kibana" if port == 5601 => Some(Self::Kibana),
            "poet" => {
                let address = process.argument("restlisten").or_else(|| process.argument("w"));
                let listens = address.and_then(|address| port_of(&address)).unwrap_or(8080);
                (listens == port).then(|| Self::Poet(PoetIdentity::of(process)))
            }
            name if name.starts_with("go-spacemesh") => {
                let node = Node::of(process)?;
                let listener = node.listener(port)?;
                Some(Self::Node { node: Box::new(node), listener })
            }
            name if name.starts_with("nginx") => Some(Self::Files(web_files(process))),
            name => HEALTHY
                .iter()
                .find(|(known, listens, _)| *known == name && *listens == port)
                .map(|(_, _, checks)| Self::Healthy(checks)),
        }
    }
}

fn elasticsearch(process: &Process) -> Served {
    let speaks_tls =
        process.environment.get("xpack.security.http.ssl.enabled").is_some_and(|value| value == "true");
    let file = |variable: &str, name: &str| {
        let path = process.environment.get(variable);
        path.and_then(|path| process.file(path)).or_else(|| process.file(name))
    };
    let tls = file("xpack.security.http.ssl.certificate", "tls.crt")
        .zip(file("xpack.security.http.ssl.key", "tls.key"));
    Served::Elasticsearch {
        password: process.environment.get("ELASTIC_PASSWORD").cloned().unwrap_or_default(),
        tls: tls.filter(|_| speaks_tls).map(|(certificate, key)| TlsFiles { certificate, key }),
    }
}

/// The files below the web server's root, by their path from there.
fn web_files(process: &Process) -> BTreeMap<String, Vec<u8>> {
    let below =
        process.files.iter().filter_map(|(path, content)| Some((path.strip_prefix(WEB_ROOT)?, content)));
    below.map(|(path, content)| (path.to_owned(), content.clone())).collect()
}

/// Answers a request to a web server over files.
pub(crate) fn serve_file(files: &BTreeMap<String, Vec<u8>>, request: &Request) -> Response {
    if !matches!(request.method, Method::GET | Method::HEAD) {
        return Response::text(StatusCode::METHOD_NOT_ALLOWED, "405 Not Allowed");
    }
    match files.get(request.path.trim_start_matches('/')) {
        Some(content) => Response::with_type(
            StatusCode::OK,
            HeaderValue::from_static("application/octet-stream"),
            content.clone().into(),
        ),
        None => Response::text(StatusCode::NOT_FOUND, "404 Not Found"),
    }
}

/// Answers a request to a program that only says that it is well.
pub(crate) fn serve_health(checks: &[(&str, &str)], request: &Request) -> Response {
    match checks.iter().find(|(path, _)| *path == request.path) {
        Some((_, body)) if body.starts_with('{') => Response::with_type(
            StatusCode::OK,
            HeaderValue::from_static("application/json"),
            body.as_bytes().to_vec().into(),
        ),
        Some((_, body)) => Response::text(StatusCode::OK, *body),
        None => Response::json(StatusCode::NOT_FOUND, &json!({"message": "Not found"})),
    }
}
