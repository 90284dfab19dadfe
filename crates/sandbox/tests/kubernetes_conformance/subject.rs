//! The API server that is examined, and what is asked of it.

use std::time::Duration;

use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};

use crate::host;

/// The environment variable that names the kubeconfig of a real API server.
const KUBECONFIG: &str = "SPACECRAFT_TEST_KUBECONFIG";

/// How long something that happens by itself may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// An API server, and a namespace of it for one test.
pub(crate) struct Subject {
    client: Client,
    /// The test's own namespace.
    pub(crate) namespace: String,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {}", self.text))
    }

    /// The body of an answer that must have this status.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self.json()
    }

    /// The message of a refusal that must have this status and reason.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, reason: &str) -> String {
        let body = self.expect(status);
        assert_eq!(body["kind"], "Status", "{body}");
        assert_eq!(body["status"], "Failure", "{body}");
        assert_eq!(body["reason"], reason, "{body}");
        body["message"].as_str().unwrap_or_default().to_owned()
    }
}

impl Subject {
    /// A simulated cluster of its own.
    pub(crate) async fn simulated() -> Self {
        let address = host::serve().await.parse().expect("the host's address is one");
        let mut config = Config::new(address);
        config.default_retry = false;
        Self::of(config).await
    }

    /// The real API server that the environment names.
    #[allow(
        clippy::disallowed_methods,
        reason = "ignored tests are pointed at a cluster by their environment"
    )]
    pub(crate) async fn real() -> Self {
        let path = std::env::var(KUBECONFIG).unwrap_or_else(|_| panic!("{KUBECONFIG} names no kubeconfig"));
        let kubeconfig = Kubeconfig::read_from(path).expect("the kubeconfig can be read");
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
            .await
            .expect("the kubeconfig names a cluster");
        config.default_retry = false;
        Self::of(config).await
    }

    async fn of(config: Config) -> Self {
        let client = Client::try_from(config).expect("a client can be made");
        let mut subject = Self { client, namespace: String::new() };
        let namespace = json!({"metadata": {"generateName": "conformance-"}});
        let made = subject.post("/api/v1/namespaces", &namespace).await.expect(201);
        subject.namespace = made["metadata"]["name"].as_str().expect("a name was generated").to_owned();
        subject
    }

    /// Gives the namespace back.
    pub(crate) async fn finish(self) {
        self.delete(&format!("/api/v1/namespaces/{}", self.namespace)).await;
    }

    /// The path of a core resource in the test's namespace.
    pub(crate) fn core(&self, rest: &str) -> String {
        format!("/api/v1/namespaces/{}/{rest}", self.namespace)
    }

    /// The path of a resource of a group in the test's namespace.
    pub(crate) fn grouped(&self, group_version: &str, rest: &str) -> String {
        format!("/apis/{group_version}/namespaces/{}/{rest}", self.namespace)
    }

    /// Sends a request with any headers.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body)).expect("the request is well formed");
        let response = self.client.send(request).await.expect("the server answers");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("the body arrives").to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Reply { status: parts.status, headers: parts.headers, text }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, &[("accept", "application/json")], Vec::new()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.send(Method::DELETE, path, &[("accept", "application/json")], Vec::new()).await
    }

    pub(crate) async fn delete_with(&self, path: &str, options: &Value) -> Reply {
        self.with_body(Method::DELETE, path, "application/json", options).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.with_body(Method::POST, path, "application/json", body).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Reply {
        self.with_body(Method::PUT, path, "application/json", body).await
    }

    pub(crate) async fn patch(&self, path: &str, kind: &str, body: &Value) -> Reply {
        self.with_body(Method::PATCH, path, &format!("application/{kind}"), body).await
    }

    /// Server-side apply by a manager.
    pub(crate) async fn apply(&self, path: &str, manager: &str, body: &Value) -> Reply {
        let separator = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{separator}fieldManager={manager}");
        self.patch(&path, "apply-patch+yaml", body).await
    }

    async fn with_body(&self, method: Method, path: &str, kind: &str, body: &Value) -> Reply {
        let headers =
            [("content-type", kind), ("accept", "application/json"), ("user-agent", "conformance/1.0")];
        self.send(method, path, &headers, body.to_string().into_bytes()).await
    }

    /// The events of a watch, which the server must end by itself.
    pub(crate) async fn watch(&self, path: &str) -> Vec<Value> {
        let reply = self.get(path).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
        reply.text.lines().map(|line| serde_json::from_str(line).expect("each line is one event")).collect()
    }

    /// Asks again until an object is as wanted, or patience ends.
    pub(crate) async fn eventually(&self, path: &str, wanted: impl Fn(&Reply) -> bool) -> Reply {
        let started = tokio::time::Instant::now();
        loop {
            let reply = self.get(path).await;
            if wanted(&reply) || started.elapsed() > PATIENCE {
                return reply;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// A ConfigMap of a name with one entry.
pub(crate) fn config_map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"key": "value"}})
}

/// A small valid Deployment.
pub(crate) fn deployment(name: &str) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "main", "image": "registry.example/image:1"}]},
            },
        },
    })
}

/// A small valid Service.
pub(crate) fn service(name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"name": "one", "port": 80}]},
    })
}
