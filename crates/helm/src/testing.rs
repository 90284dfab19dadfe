//! A small Kubernetes API in memory, with controllers that do their work at once, for the tests of this crate.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::{Map, Value, json};
use spacecraft_core::observer::Silent;
use spacecraft_core::time::{Clock, SeededRandom, SystemClock};
use spacecraft_core::wait::Wait;
use spacecraft_http::{Retrier, RetryPolicy};
use tokio::sync::Notify;

use crate::cluster::{Cluster, Resource, Served};

pub(crate) const VERSION: &str = "v1.36.2";

/// The kinds that it serves.
const KINDS: &[(&str, &str, &str, bool)] = &[
    ("v1", "Namespace", "namespaces", false),
    ("v1", "ConfigMap", "configmaps", true),
    ("v1", "Secret", "secrets", true),
    ("v1", "Service", "services", true),
    ("v1", "Pod", "pods", true),
    ("apps/v1", "Deployment", "deployments", true),
    ("batch/v1", "Job", "jobs", true),
    ("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets", true),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", false),
];

#[derive(Clone, Default)]
struct State {
    objects: BTreeMap<String, Value>,
    /// What was applied last, by path: fields that are left out later go.
    applied: BTreeMap<String, Value>,
    version: u64,
    writes: Vec<String>,
    failing_jobs: Vec<String>,
    /// Deployments never become ready.
    stuck: bool,
    death: Option<Death>,
}

/// Where a client dies, by the number of its writes from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Death {
    /// The write is never sent.
    Before(usize),
    /// The write is done, and its reply never read.
    After(usize),
}

/// The API.
#[derive(Clone, Default)]
pub(crate) struct FakeApi(Arc<Mutex<State>>, Arc<Notify>);

/// Where a path leads.
struct Target<'a> {
    kind: &'a (&'a str, &'a str, &'a str, bool),
    collection: String,
    name: Option<String>,
}

impl FakeApi {
    pub(crate) fn cluster(&self) -> Cluster {
        let api = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let api = api.clone();
            async move { Ok::<_, std::convert::Infallible>(api.answer(request).await) }
        });
        let client = kube::Client::new(service, "default");
        let clock = Arc::new(SystemClock);
        Cluster::new(client, Retrier::new(clock, Arc::new(SeededRandom::new(1)), RetryPolicy::never()))
    }

    pub(crate) fn served() -> Served {
        Served::new(
            VERSION,
            KINDS.iter().map(|(api_version, kind, plural, namespaced)| Resource {
                api_version: (*api_version).to_owned(),
                kind: (*kind).to_owned(),
                plural: (*plural).to_owned(),
                namespaced: *namespaced,
            }),
        )
    }

    fn with<T>(&self, run: impl FnOnce(&mut State) -> T) -> T {
        run(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts an object there without any of the API's own doing.
    pub(crate) fn put(&self, path: &str, object: Value) {
        self.with(|state| state.objects.insert(path.to_owned(), object));
    }

    pub(crate) fn object(&self, path: &str) -> Option<Value> {
        self.with(|state| state.objects.get(path).cloned())
    }

    pub(crate) fn objects(&self) -> Vec<Value> {
        self.with(|state| state.objects.values().cloned().collect())
    }

    pub(crate) fn fail_job(&self, name: &str) {
        self.with(|state| state.failing_jobs.push(name.to_owned()));
    }

    pub(crate) fn never_ready(&self) {
        self.with(|state| state.stuck = true);
    }

    /// The writes so far, as `METHOD path`; they are forgotten with this.
    pub(crate) fn take_writes(&self) -> Vec<String> {
        self.with(|state| std::mem::take(&mut state.writes))
    }

    /// Another API that has come to the same point.
    pub(crate) fn fork(&self) -> Self {
        Self(Arc::new(Mutex::new(self.with(|state| state.clone()))), Arc::default())
    }

    /// What `client` comes to; none if it dies on its way, without another word or thought.
    pub(crate) async fn until_death<T>(&self, death: Death, client: impl Future<Output = T>) -> Option<T> {
        self.take_writes();
        self.with(|state| state.death = Some(death));
        let outcome = tokio::select! {
            biased;
            () = self.1.notified() => None,
            outcome = client => Some(outcome),
        };
        self.with(|state| state.death = None);
        outcome
    }

    /// Never goes on if the client dies at this place.
    async fn survive(&self, place: impl FnOnce(usize) -> Death) {
        if self.with(|state| state.death == Some(place(state.writes.len()))) {
            self.1.notify_one();
            std::future::pending::<()>().await;
        }
    }

    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let path = parts.uri.path().to_owned();
        let query: BTreeMap<String, String> =
            url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
                .into_owned()
                .collect();
        let content_type = parts.headers.get("content-type").map(|value| value.to_str().unwrap().to_owned());
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let writes = parts.method != Method::GET;
        if writes {
            self.survive(|so_far| Death::Before(so_far + 1)).await;
        }
        let (status, reply) =
            self.with(|state| state.answer(&parts.method, &path, &query, content_type.as_deref(), body));
        if writes {
            self.survive(Death::After).await;
        }
        let text = if query.contains_key("watch") { String::new() } else { reply.to_string() };
        Response::builder().status(status).body(Body::from(text.into_bytes())).unwrap()
    }
}

impl State {
    fn answer(
        &mut self,
        method: &Method,
        path: &str,
        query: &BTreeMap<String, String>,
        content_type: Option<&str>,
        body: Value,
    ) -> (u16, Value) {
        if let Some(reply) = discovery(path) {
            return (200, reply);
        }
        let Some(target) = target(path) else { return refusal(404, "NotFound", "404 page not found") };
        if *method != Method::GET {
            self.writes.push(format!("{method} {path}"));
        }
        match (method.as_str(), &target.name) {
            ("GET", Some(_)) => {
                self.objects.get(path).map_or_else(|| absent(path), |object| (200, object.clone()))
            }
            ("GET", None) => (200, self.list(path, query.get("labelSelector"), &target)),
            ("POST", _) => self.create(&target, body),
            ("PUT", Some(_)) => match self.objects.contains_key(path) {
                true => (200, self.store(path, body, &target)),
                false => absent(path),
            },
            ("PATCH", Some(_)) => self.patch(path, content_type.unwrap_or_default(), body, &target),
            ("DELETE", Some(_)) => {
                self.applied.remove(path);
                self.objects.remove(path).map_or_else(|| absent(path), |object| (200, object))
            }
            _ => refusal(405, "MethodNotAllowed", "no"),
        }
    }

    fn list(&self, path: &str, selector: Option<&String>, target: &Target<'_>) -> Value {
        let prefix = format!("{path}/");
        let everywhere = format!("/{}/", target.kind.2);
        let is_in = |key: &str| {
            key.starts_with(&prefix)
                || (!path.contains("/namespaces/") && target.kind.3 && key.contains(&everywhere))
        };
        let wanted: Vec<(&str, &str)> = selector
            .iter()
            .flat_map(|text| text.split(','))
            .filter_map(|term| term.split_once('='))
            .collect();
        let has_labels = |object: &Value| {
            wanted.iter().all(|(name, value)| object["metadata"]["labels"][name].as_str() == Some(value))
        };
        let items: Vec<&Value> = self
            .objects
            .iter()
            .filter(|(key, object)| is_in(key) && has_labels(object))
            .map(|(_, object)| object)
            .collect();
        json!({"kind": "List", "metadata": {"resourceVersion": self.version.to_string()}, "items": items})
    }

    fn create(&mut self, target: &Target<'_>, body: Value) -> (u16, Value) {
        let name = body["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let path = format!("{}/{name}", target.collection);
        if self.objects.contains_key(&path) {
            return refusal(409, "AlreadyExists", &format!("{} {name:?} already exists", target.kind.2));
        }
        (201, self.store(&path, body, target))
    }

    fn patch(&mut self, path: &str, content_type: &str, body: Value, target: &Target<'_>) -> (u16, Value) {
        if content_type == "application/json-patch+json" {
            let Some(mut object) = self.objects.get(path).cloned() else { return absent(path) };
            let patch: json_patch::Patch = serde_json::from_value(body).unwrap();
            json_patch::patch(&mut object, &patch).unwrap();
            return (200, self.store(path, object, target));
        }
        if body.pointer("/spec/replicas").is_some_and(|replicas| !replicas.is_i64()) {
            return refusal(422, "Invalid", "spec.replicas: expected an integer");
        }
        let mut object = self.objects.get(path).cloned().unwrap_or_else(|| json!({}));
        if let Some(before) = self.applied.insert(path.to_owned(), body.clone()) {
            remove_left_out(&mut object, &before, &body);
        }
        json_patch::merge(&mut object, &body);
        object["metadata"]["managedFields"] = json!([{"manager": "helm", "operation": "Apply"}]);
        (200, self.store(path, object, target))
    }

    fn store(&mut self, path: &str, mut object: Value, target: &Target<'_>) -> Value {
        self.version += 1;
        object["apiVersion"] = json!(target.kind.0);
        object["kind"] = json!(target.kind.1);
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        object["metadata"]["generation"] = json!(1);
        self.control(&mut object);
        self.objects.insert(path.to_owned(), object.clone());
        object
    }

    /// What the controllers of a cluster would make of it in time.
    fn control(&self, object: &mut Value) {
        match object["kind"].as_str().unwrap_or_default() {
            "Deployment" => {
                let replicas = object["spec"]["replicas"].as_i64().unwrap_or(1);
                let ready = if self.stuck { 0 } else { replicas };
                object["status"] = json!({
                    "observedGeneration": 1, "replicas": replicas, "updatedReplicas": replicas, "readyReplicas": ready,
                });
            }
            "Job" => {
                let name = object["metadata"]["name"].as_str().unwrap_or_default();
                let failed = self.failing_jobs.iter().any(|failing| failing == name);
                let condition = if failed { "Failed" } else { "Complete" };
                let reason = if failed { "BackoffLimitExceeded" } else { "" };
                object["status"] =
                    json!({"conditions": [{"type": condition, "status": "True", "reason": reason}]});
            }
            "Pod" => object["status"] = json!({"phase": "Succeeded"}),
            "Service" => object["spec"]["clusterIP"] = json!("10.0.0.1"),
            "CustomResourceDefinition" => {
                object["status"] = json!({"conditions": [{"type": "Established", "status": "True"}]});
            }
            "Secret" => encode_secret(object),
            _ => {}
        }
    }
}

fn encode_secret(secret: &mut Value) {
    let Some(Value::Object(plain)) = secret.get_mut("stringData").map(Value::take) else { return };
    for (key, value) in plain {
        secret["data"][key] = json!(STANDARD.encode(value.as_str().unwrap_or_default()));
    }
    secret.as_object_mut().unwrap().remove("stringData");
}

/// Removes what was applied before and is not any more.
fn remove_left_out(object: &mut Value, before: &Value, now: &Value) {
    let (Value::Object(object), Value::Object(before), Value::Object(now)) = (object, before, now) else {
        return;
    };
    let empty = Value::Object(Map::new());
    for (key, value) in before {
        match now.get(key) {
            None => {
                object.remove(key);
            }
            Some(now) => remove_left_out(object.get_mut(key).unwrap_or(&mut empty.clone()), value, now),
        }
    }
}

fn target(path: &str) -> Option<Target<'static>> {
    KINDS.iter().find_map(|kind| {
        let root = if kind.0.contains('/') { "/apis/" } else { "/api/" };
        let rest = path.strip_prefix(root)?.strip_prefix(kind.0)?.strip_prefix('/')?;
        let inside = match rest.strip_prefix("namespaces/") {
            Some(rest) if kind.3 => rest.split_once('/')?.1,
            _ => rest,
        };
        let mut parts = inside.splitn(2, '/');
        if parts.next()? != kind.2 {
            return None;
        }
        let name = parts.next().map(str::to_owned);
        if name.as_ref().is_some_and(|name| name.contains('/')) {
            return None;
        }
        let collection = match &name {
            Some(name) => path.strip_suffix(name)?.trim_end_matches('/').to_owned(),
            None => path.to_owned(),
        };
        Some(Target { kind, collection, name })
    })
}

fn discovery(path: &str) -> Option<Value> {
    let versions = || {
        let mut versions: Vec<&str> = KINDS.iter().map(|kind| kind.0).collect();
        versions.dedup();
        versions
    };
    match path {
        "/version" => Some(json!({"major": "1", "minor": "36", "gitVersion": VERSION})),
        "/api" => Some(json!({"kind": "APIVersions", "versions": ["v1"]})),
        "/apis" => {
            let group = |version: &str| json!({"versions": [{"groupVersion": version}]});
            let groups: Vec<Value> =
                versions().into_iter().filter(|name| name.contains('/')).map(group).collect();
            Some(json!({"kind": "APIGroupList", "groups": groups}))
        }
        _ => {
            let version = versions()
                .into_iter()
                .find(|version| path == format!("/api/{version}") || path == format!("/apis/{version}"))?;
            let kinds = KINDS.iter().filter(|kind| kind.0 == version);
            let resources: Vec<Value> = kinds
                .map(|(_, kind, plural, namespaced)| json!({"name": plural, "kind": kind, "namespaced": namespaced}))
                .collect();
            Some(json!({"kind": "APIResourceList", "groupVersion": version, "resources": resources}))
        }
    }
}

fn absent(path: &str) -> (u16, Value) {
    refusal(404, "NotFound", &format!("{path} not found"))
}

fn refusal(code: u16, reason: &str, message: &str) -> (u16, Value) {
    (
        code,
        json!({
            "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": message, "code": code,
        }),
    )
}

/// Patience of some seconds, which tests never use up unless they mean to.
pub(crate) fn patience(seconds: i64) -> Wait {
    let clock = Arc::new(SystemClock);
    let deadline = clock.now() + jiff::SignedDuration::from_secs(seconds);
    Wait::new(clock, Arc::new(Silent), "charts", deadline)
}
