//! A simulated Elasticsearch behind TLS, as its chart sets it up, and a simulated Kibana: as much of both as the provider uses.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};
use spacecraft_core::secret::SecretString;
use spacecraft_core::traits::LogStoreAccess;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::{TlsAcceptor, rustls};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

pub(crate) const PASSWORD: &str = "password-of-the-test";

/// Both services with the state that calls change.
#[derive(Clone, Default)]
pub(crate) struct Stack(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    policies: BTreeMap<String, Value>,
    templates: BTreeMap<String, Value>,
    indices: BTreeMap<String, Value>,
    saved_objects: BTreeMap<String, Value>,
    writes: Vec<String>,
    answers: VecDeque<(&'static str, ResponseTemplate)>,
}

/// The running services; they end when this is dropped.
pub(crate) struct Running {
    pub(crate) access: LogStoreAccess,
    _servers: [MockServer; 2],
    tls: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.tls.abort();
    }
}

#[derive(Clone)]
struct Elasticsearch(Stack);

#[derive(Clone)]
struct Kibana(Stack);

impl Stack {
    /// Starts both services with a certificate for `host`.
    pub(crate) async fn serve_as(&self, host: &str) -> Running {
        let elasticsearch = MockServer::start().await;
        Mock::given(any()).respond_with(Elasticsearch(self.clone())).mount(&elasticsearch).await;
        let kibana = MockServer::start().await;
        Mock::given(any()).respond_with(Kibana(self.clone())).mount(&kibana).await;
        let (address, authority, tls) = front_with_tls(host, *elasticsearch.address()).await;
        let access = LogStoreAccess {
            elasticsearch: address,
            kibana: *kibana.address(),
            user: "elastic".to_owned(),
            password: SecretString::from(PASSWORD),
            certificate_authority: authority,
        };
        Running { access, _servers: [elasticsearch, kibana], tls }
    }

    pub(crate) async fn serve(&self) -> Running {
        self.serve_as("elasticsearch-master").await
    }

    /// Answers the next call whose path holds `part` with this instead of doing it.
    pub(crate) fn answer_next(&self, part: &'static str, answer: ResponseTemplate) {
        self.0.lock().unwrap().answers.push_back((part, answer));
    }

    pub(crate) fn add_index(&self, name: &str, settings: &Value) {
        self.0.lock().unwrap().indices.insert(name.to_owned(), settings.clone());
    }

    pub(crate) fn index(&self, name: &str) -> Value {
        self.0.lock().unwrap().indices[name].clone()
    }

    pub(crate) fn policy(&self, name: &str) -> Value {
        self.0.lock().unwrap().policies[name].clone()
    }

    pub(crate) fn template(&self, name: &str) -> Value {
        self.0.lock().unwrap().templates[name].clone()
    }

    pub(crate) fn saved_objects(&self) -> Vec<String> {
        self.0.lock().unwrap().saved_objects.keys().cloned().collect()
    }

    pub(crate) fn writes(&self) -> Vec<String> {
        self.0.lock().unwrap().writes.clone()
    }

    fn receive(&self, request: &Request) -> Option<ResponseTemplate> {
        let mut state = self.0.lock().unwrap();
        if request.method != wiremock::http::Method::GET {
            state.writes.push(format!("{} {}", request.method, request.url.path()));
        }
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("elastic:{PASSWORD}"));
        let authorized =
            request.headers.get("authorization").is_some_and(|value| *value == format!("Basic {pair}"));
        if !authorized {
            return Some(elasticsearch_error(
                401,
                "security_exception",
                "unable to authenticate user [elastic]",
            ));
        }
        let place = state.answers.iter().position(|(part, _)| request.url.path().contains(part))?;
        state.answers.remove(place).map(|(_, answer)| answer)
    }
}

impl Respond for Elasticsearch {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        self.0.receive(request).unwrap_or_else(|| self.0.0.lock().unwrap().elasticsearch(request))
    }
}

impl Respond for Kibana {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        self.0.receive(request).unwrap_or_else(|| self.0.0.lock().unwrap().kibana(request))
    }
}

impl State {
    fn elasticsearch(&mut self, request: &Request) -> ResponseTemplate {
        let segments: Vec<String> = request.url.path_segments().unwrap().map(str::to_owned).collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let body = || request.body_json::<Value>().unwrap();
        match (request.method.as_str(), segments.as_slice()) {
            ("GET", ["_cluster", "health"]) => ok(&json!({"status": "yellow", "timed_out": false})),
            ("GET", ["_ilm", "policy", name]) => match self.policies.get(*name) {
                Some(policy) => ok(&json!({ *name: {"version": 1, "policy": policy["policy"]} })),
                None => not_found(),
            },
            ("PUT", ["_ilm", "policy", name]) => {
                self.policies.insert((*name).to_owned(), body());
                acknowledged()
            }
            ("GET", ["_index_template", name]) => match self.templates.get(*name) {
                Some(template) => {
                    ok(&json!({"index_templates": [{"name": name, "index_template": template}]}))
                }
                None => not_found(),
            },
            ("PUT", ["_index_template", name]) => {
                self.templates.insert((*name).to_owned(), body());
                acknowledged()
            }
            ("GET", [pattern, "_settings"]) => {
                let matching = self.indices.iter().filter(|(name, _)| matches(pattern, name));
                let shown = matching.map(|(name, settings)| (name.clone(), json!({ "settings": settings })));
                ok(&Value::Object(shown.collect()))
            }
            ("PUT", [pattern, "_settings"]) => self.change_settings(pattern, &body()),
            _ => elasticsearch_error(400, "illegal_argument_exception", "no handler found for uri"),
        }
    }

    fn change_settings(&mut self, pattern: &str, changes: &Value) -> ResponseTemplate {
        for (_, settings) in self.indices.iter_mut().filter(|(name, _)| matches(pattern, name)) {
            for (name, value) in changes.as_object().unwrap() {
                settings[name] = value.clone();
            }
        }
        acknowledged()
    }

    fn kibana(&mut self, request: &Request) -> ResponseTemplate {
        match (request.method.as_str(), request.url.path()) {
            ("GET", "/api/status") => {
                ok(&json!({"status": {"overall": {"level": "available", "summary": "fine"}}}))
            }
            ("GET", "/api/saved_objects/_find") => self.find(request),
            ("POST", "/api/saved_objects/_import") if !request.headers.contains_key("kbn-xsrf") => {
                kibana_error(400, "Request must contain a kbn-xsrf header.")
            }
            ("POST", "/api/saved_objects/_import") => self.import(request),
            _ => kibana_error(404, "Not Found"),
        }
    }

    fn find(&self, request: &Request) -> ResponseTemplate {
        let query =
            |name: &str| request.url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
        let kind = query("type");
        let (page, per_page): (usize, usize) =
            (query("page").parse().unwrap(), query("per_page").parse().unwrap());
        let all: Vec<&Value> =
            self.saved_objects.values().filter(|object| object["type"] == kind.as_str()).collect();
        let some: Vec<&&Value> = all.iter().skip((page - 1) * per_page).take(per_page).collect();
        ok(&json!({"page": page, "per_page": per_page, "total": all.len(), "saved_objects": some}))
    }

    fn import(&mut self, request: &Request) -> ResponseTemplate {
        let objects = imported_objects(request);
        let overwrites = request.url.query() == Some("overwrite=true");
        let mut errors = Vec::new();
        for object in &objects {
            let missing = self.missing_references(object, &objects);
            if !missing.is_empty() {
                let error = json!({"type": "missing_references", "references": missing});
                errors.push(json!({"type": object["type"], "id": object["id"], "meta": {}, "error": error}));
            } else if !overwrites && self.saved_objects.contains_key(&key(object)) {
                errors
                    .push(json!({"type": object["type"], "id": object["id"], "error": {"type": "conflict"}}));
            } else {
                let mut stored = object.clone();
                stored["updated_at"] = json!("2026-11-22T10:00:00.000Z");
                self.saved_objects.insert(key(object), stored);
            }
        }
        let count = objects.len() - errors.len();
        ok(&json!({"success": errors.is_empty(), "successCount": count, "warnings": [], "errors": errors}))
    }

    fn missing_references(&self, object: &Value, imported: &[Value]) -> Vec<Value> {
        let references = object["references"].as_array().cloned().unwrap_or_default();
        let is_missing = |reference: &Value| {
            !self.saved_objects.contains_key(&key(reference))
                && imported.iter().all(|other| key(other) != key(reference))
        };
        references.into_iter().filter(is_missing).collect()
    }
}

/// The objects of the `.ndjson` file in a multipart body.
fn imported_objects(request: &Request) -> Vec<Value> {
    let body = String::from_utf8(request.body.clone()).unwrap();
    assert!(body.contains("name=\"file\"; filename=\"objects.ndjson\""), "Kibana wants a file that ends so");
    body.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn key(object: &Value) -> String {
    format!("{} {}", object["type"].as_str().unwrap(), object["id"].as_str().unwrap())
}

fn matches(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |beginning| name.starts_with(beginning))
}

fn ok(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

fn acknowledged() -> ResponseTemplate {
    ok(&json!({"acknowledged": true}))
}

fn not_found() -> ResponseTemplate {
    elasticsearch_error(404, "resource_not_found_exception", "there is no such thing")
}

pub(crate) fn elasticsearch_error(status: u16, kind: &str, reason: &str) -> ResponseTemplate {
    let cause = json!({"type": kind, "reason": reason});
    let error = json!({"root_cause": [cause], "type": kind, "reason": reason});
    ResponseTemplate::new(status).set_body_json(json!({"error": error, "status": status}))
}

pub(crate) fn kibana_error(status: u16, message: &str) -> ResponseTemplate {
    ResponseTemplate::new(status)
        .set_body_json(json!({"statusCode": status, "error": "Refused", "message": message}))
}

/// A TLS server with a certificate for `host` from an authority of its own, in front of a plain server.
async fn front_with_tls(
    host: &str,
    behind: std::net::SocketAddr,
) -> (std::net::SocketAddr, String, JoinHandle<()>) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec![host.to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key.into())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut outside) = acceptor.accept(stream).await else { return };
                let mut inside = TcpStream::connect(behind).await.unwrap();
                let _ = copy_bidirectional(&mut outside, &mut inside).await;
            });
        }
    });
    (address, authority.pem(), task)
}
