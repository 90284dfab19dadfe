//! What hangs below an object: scale, logs, port-forward, eviction, binding, finalize, tokens.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::Cluster;
use super::bodies::plain_body;
use super::decode;
use super::deletion::DeleteOptions;
use super::object::{self, items, set, text, text_or_empty, texts, whole};
use super::patches;
use super::resources::{DISRUPTION_BUDGETS, ScalePaths};
use super::route::{Query, Target};
use super::selector::Selector;
use super::status::{Failure, Mistake, Outcome};
use super::writing::is_unheld;
use crate::wire::{Answer, PortForward, Request, Response};

impl Cluster {
    /// Answers a request about a subresource.
    pub(super) fn subresource(
        &mut self,
        target: &Target,
        request: &Request,
        query: &Query,
    ) -> Outcome<Answer> {
        let kind = target.resource.stored_as();
        match (kind.as_str(), target.subresource.as_str(), &request.method) {
            ("pods", "log", &Method::GET) => self.pod_log(target, query),
            ("pods", "portforward", &Method::GET | &Method::POST) => {
                self.port_forward(target, request, query)
            }
            ("pods", "eviction", &Method::POST) => self.evict(target, request).map(Answer::from),
            ("pods", "binding", &Method::POST) => self.bind_by_request(target, request).map(Answer::from),
            ("pods", "exec" | "attach" | "proxy", _) => {
                let message =
                    format!("{} into a pod is not simulated: no container runs here", target.subresource);
                Err(Failure::not_implemented(message))
            }
            ("pods", "ephemeralcontainers" | "resize", &Method::GET)
            | ("namespaces", "finalize", &Method::GET) => self.get(target, request, query).map(Answer::from),
            ("namespaces", "finalize", &Method::PUT) => self.finalize(target, request).map(Answer::from),
            ("serviceaccounts", "token", &Method::POST) => self.token(target, request).map(Answer::from),
            (_, "scale", _) => match target.resource.scale.clone() {
                Some(paths) => self.scale(target, &paths, request, query).map(Answer::from),
                None => Err(Failure::no_such_path()),
            },
            ("pods", "log" | "portforward" | "eviction" | "binding", _)
            | ("namespaces", "finalize", _)
            | ("serviceaccounts", "token", _) => Err(Failure::method_not_allowed()),
            _ => Err(Failure::no_such_path()),
        }
    }

    fn existing(&self, target: &Target) -> Outcome<Value> {
        self.store.object(&target.key()).ok_or_else(|| target.not_found())
    }

    fn scale(
        &mut self,
        target: &Target,
        paths: &ScalePaths,
        request: &Request,
        query: &Query,
    ) -> Outcome<Response> {
        let object = self.existing(target)?;
        let present = scale_of(&object, paths);
        let wanted = match request.method {
            Method::GET => return Ok(Response::json(StatusCode::OK, &present)),
            Method::PUT => plain_body(request)?,
            Method::PATCH => {
                let patch = decode::parse(&request.body).map_err(Failure::bad_request)?.value;
                match request.header("content-type").unwrap_or_default() {
                    "application/json-patch+json" => patches::json_patch(&present, patch)?,
                    _ => patches::merge_patch(&present, &patch),
                }
            }
            _ => return Err(Failure::method_not_allowed()),
        };
        let replicas = whole(&wanted, "/spec/replicas").unwrap_or(0);
        if replicas < 0 {
            let mistake = Mistake::invalid("spec.replicas", replicas, "must be greater than or equal to 0");
            return Err(Failure::invalid("autoscaling", "Scale", target.object_name(), &[mistake]));
        }
        let mut changed = object.clone();
        set(&mut changed, &paths.spec_replicas, replicas);
        if let Some(version) = text(&wanted, "/metadata/resourceVersion") {
            set(&mut changed, "/metadata/resourceVersion", version);
        }
        let stored = self.update_for_subresource(target, &object, changed, request, query)?;
        Ok(Response::json(StatusCode::OK, &scale_of(&stored, paths)))
    }

    fn port_forward(&self, target: &Target, request: &Request, query: &Query) -> Outcome<Answer> {
        let pod = self.existing(target)?;
        if text_or_empty(&pod, "/spec/nodeName").is_empty() {
            let message = format!("pod {} does not have a host assigned", target.object_name());
            return Err(Failure::bad_request(message));
        }
        let upgrades = request.header("upgrade").is_some() || request.header(":protocol").is_some();
        if !upgrades {
            return Err(Failure::bad_request("Upgrade request required"));
        }
        if text(&pod, "/status/phase") != Some("Running") {
            let phase = text_or_empty(&pod, "/status/phase");
            let message = format!(
                "error forwarding to pod {}: it is not running. Current status={phase}",
                target.object_name()
            );
            return Err(Failure::unexplained(message));
        }
        let mut ports = Vec::new();
        for list in query.all("ports") {
            for port in list.split(',') {
                let port = port.parse().map_err(|_| {
                    Failure::bad_request(format!(
                        "query parameter \"ports\": could not parse {port:?} as a port"
                    ))
                })?;
                ports.push(port);
            }
        }
        Ok(Answer::PortForward(PortForward {
            namespace: target.namespace.clone(),
            pod: target.object_name().to_owned(),
            ports,
        }))
    }

    /// Deletes a pod if every disruption budget allows it.
    fn evict(&mut self, target: &Target, request: &Request) -> Outcome<Response> {
        let pod = self.existing(target)?;
        let body = plain_body(request)?;
        let running = text(&pod, "/status/phase") == Some("Running");
        let labels = object::labels(&pod);
        for key in self.store.keys(DISRUPTION_BUDGETS, Some(&target.namespace)) {
            let Some(budget) = self.store.object(&key) else { continue };
            let Some(selector) = budget.pointer("/spec/selector") else { continue };
            if !running || !Selector::of_object(selector).matches(&labels) {
                continue;
            }
            if whole(&budget, "/status/disruptionsAllowed").unwrap_or(0) < 1 {
                return Err(budget_failure(&budget));
            }
            self.edit(&key, |budget| {
                let allowed = whole(budget, "/status/disruptionsAllowed").unwrap_or(0);
                set(budget, "/status/disruptionsAllowed", allowed - 1);
            });
        }
        if !items(&body, "/deleteOptions/dryRun").iter().any(|one| one == "All") {
            self.begin_deletion(&target.key(), &DeleteOptions::background());
        }
        let success =
            json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
        Ok(Response::json(StatusCode::CREATED, &success))
    }

    /// Binds a pod to a worker, as a scheduler does.
    fn bind_by_request(&mut self, target: &Target, request: &Request) -> Outcome<Response> {
        let pod = self.existing(target)?;
        let body = plain_body(request)?;
        let node = text_or_empty(&body, "/target/name").to_owned();
        if node.is_empty() {
            let mistake = Mistake::required("target.name", "");
            return Err(Failure::invalid("", "Binding", target.object_name(), &[mistake]));
        }
        let bound = text_or_empty(&pod, "/spec/nodeName");
        if !bound.is_empty() {
            let why = format!("pod {} is already assigned to node {bound:?}", target.object_name());
            return Err(Failure::conflict(target.resource.about(target.object_name()), &why));
        }
        self.bind_pod(&target.key(), &node);
        let success =
            json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
        Ok(Response::json(StatusCode::CREATED, &success))
    }

    /// Sets the finalizers of a namespace, which goes away with the last one once it is terminating.
    fn finalize(&mut self, target: &Target, request: &Request) -> Outcome<Response> {
        let mut namespace = self.existing(target)?;
        let body = plain_body(request)?;
        let version = text_or_empty(&body, "/metadata/resourceVersion");
        if !version.is_empty() && version != text_or_empty(&namespace, "/metadata/resourceVersion") {
            return Err(Failure::stale(target.resource.about(target.object_name())));
        }
        set(&mut namespace, "/spec/finalizers", items(&body, "/spec/finalizers").to_vec());
        let key = target.key();
        let stored = self.save(&key, namespace);
        if object::is_terminating(&stored) && is_unheld(&stored) {
            self.erase(&key);
        }
        Ok(Response::json(StatusCode::OK, &stored))
    }

    /// Issues a token for a service account; it opens nothing outside this cluster.
    fn token(&mut self, target: &Target, request: &Request) -> Outcome<Response> {
        self.existing(target)?;
        let body = plain_body(request)?;
        let seconds = whole(&body, "/spec/expirationSeconds").unwrap_or(3600).max(600);
        let expires = self.now.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap_or(self.now);
        let answer = json!({
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {"name": target.object_name(), "namespace": target.namespace,
                "creationTimestamp": object::written(self.now)},
            "spec": {"audiences": items(&body, "/spec/audiences"), "expirationSeconds": seconds},
            "status": {"token": self.mint.hex(48), "expirationTimestamp": object::written(expires)},
        });
        Ok(Response::json(StatusCode::CREATED, &answer))
    }
}

fn budget_failure(budget: &Value) -> Failure {
    let name = object::name(budget);
    let needs = whole(budget, "/status/desiredHealthy").unwrap_or(0);
    let has = whole(budget, "/status/currentHealthy").unwrap_or(0);
    let message = format!("The disruption budget {name} needs {needs} healthy pods and has {has} currently");
    Failure::too_many_requests(
        "Cannot evict pod as it would violate the pod's disruption budget.",
        json!({"reason": "DisruptionBudget", "message": message}),
    )
}

/// The `Scale` of an object.
fn scale_of(object: &Value, paths: &ScalePaths) -> Value {
    let selector = match &paths.selector {
        Some(pointer) => text_or_empty(object, pointer).to_owned(),
        None => texts(object, "/spec/selector/matchLabels")
            .into_iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect::<Vec<String>>()
            .join(","),
    };
    json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": object::name(object),
            "namespace": object::namespace(object),
            "uid": object::uid(object),
            "resourceVersion": text_or_empty(object, "/metadata/resourceVersion"),
            "creationTimestamp": text_or_empty(object, "/metadata/creationTimestamp"),
        },
        "spec": {"replicas": whole(object, &paths.spec_replicas).unwrap_or(0)},
        "status": {"replicas": whole(object, &paths.status_replicas).unwrap_or(0), "selector": selector},
    })
}
