//! Elasticsearch 8: lifecycle policies, templates, settings, documents and service tokens.

mod retention;

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use self::retention::patterns;
use crate::{
    context::Context,
    faults::matches_pattern,
    wire::{Request, Response},
};

const VERSION: &str = "8.5.1";
/// How many documents an index keeps; older ones go.
const MAX_DOCUMENTS: usize = 10_000;

/// One Elasticsearch cluster.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Elasticsearch {
    policies: BTreeMap<String, Versioned>,
    index_templates: BTreeMap<String, Value>,
    legacy_templates: BTreeMap<String, Value>,
    settings: Map<String, Value>,
    indices: BTreeMap<String, Index>,
    service_tokens: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Versioned {
    version: u64,
    body: Value,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Index {
    settings: BTreeMap<String, String>,
    documents: BTreeMap<String, Value>,
}

struct Refusal {
    status: StatusCode,
    kind: &'static str,
    reason: String,
}

type Reply = Result<Response, Refusal>;

impl Refusal {
    fn new(status: StatusCode, kind: &'static str, reason: impl Into<String>) -> Self {
        Self { status, kind, reason: reason.into() }
    }

    fn illegal(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "illegal_argument_exception", reason)
    }

    fn no_index(index: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "index_not_found_exception", format!("no such index [{index}]"))
    }

    fn into_response(self) -> Response {
        let cause = json!({"type": self.kind, "reason": self.reason});
        let body = json!({
            "error": {"root_cause": [cause], "type": self.kind, "reason": self.reason},
            "status": self.status.as_u16(),
        });
        let response = Response::json(self.status, &body);
        if self.status == StatusCode::UNAUTHORIZED {
            return response.with_header("www-authenticate", "Basic realm=\"security\" charset=\"UTF-8\"");
        }
        response.with_header("x-elastic-product", "Elasticsearch")
    }
}

fn ok(body: &Value) -> Reply {
    Ok(Response::json(StatusCode::OK, body).with_header("x-elastic-product", "Elasticsearch"))
}

fn acknowledged() -> Reply {
    ok(&json!({"acknowledged": true}))
}

/// The refusal of a request that does not carry the `elastic` user's password.
pub(crate) fn refusal(request: &Request, password: &str) -> Option<Response> {
    let header = request.header("authorization").unwrap_or_default();
    let given = header
        .strip_prefix("Basic ")
        .and_then(|encoded| STANDARD.decode(encoded).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok());
    let refuse = |reason: String| {
        Some(Refusal::new(StatusCode::UNAUTHORIZED, "security_exception", reason).into_response())
    };
    match given.as_deref().and_then(|given| given.split_once(':')) {
        Some(("elastic", given)) if given == password => None,
        Some((user, _)) => {
            refuse(format!("unable to authenticate user [{user}] for REST request [{}]", request.path))
        }
        None => refuse(format!("missing authentication credentials for REST request [{}]", request.path)),
    }
}

impl Elasticsearch {
    /// Answers a request whose caller is authenticated.
    pub(super) fn handle(&mut self, request: &Request, context: &mut Context<'_>) -> Response {
        self.route(request, context).unwrap_or_else(Refusal::into_response)
    }

    fn route(&mut self, request: &Request, context: &mut Context<'_>) -> Reply {
        let segments = request.segments();
        let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
        match (&request.method, parts.as_slice()) {
            (&Method::GET | &Method::HEAD, []) => ok(&json!({
                "name": "elasticsearch-master-0", "cluster_name": "elasticsearch",
                "version": {"number": VERSION, "build_flavor": "default"}, "tagline": "You Know, for Search",
            })),
            (&Method::GET, ["_security", "_authenticate"]) => {
                ok(&json!({"username": "elastic", "roles": ["superuser"], "enabled": true}))
            }
            (_, ["_security", "service", "elastic", "kibana", "credential", "token", name]) => {
                self.service_token(request, name, context)
            }
            (&Method::GET, ["_cluster", "health", ..]) => Ok(self.health(request)),
            (_, ["_cluster", "settings"]) => self.cluster_settings(request),
            (_, ["_ilm", "policy", rest @ ..]) => self.policy(request, rest),
            (_, ["_index_template", rest @ ..]) => self.index_template(request, rest),
            (_, ["_template", rest @ ..]) => self.legacy_template(request, rest),
            (&Method::GET, ["_cat", "indices", ..]) => ok(&self.catalogue()),
            (&Method::POST, ["_bulk"]) => self.bulk(request, None, context),
            (_, [first, ..]) if first.starts_with('_') => Err(no_handler(request)),
            (_, [index, rest @ ..]) => self.index(request, index, rest, context),
            _ => Err(no_handler(request)),
        }
    }

    fn service_token(&mut self, request: &Request, name: &str, context: &mut Context<'_>) -> Reply {
        if request.method == Method::DELETE {
            let found = self.service_tokens.remove(name).is_some();
            let status = if found { StatusCode::OK } else { StatusCode::NOT_FOUND };
            return Ok(Response::json(status, &json!({ "found": found })));
        }
        if self.service_tokens.contains_key(name) {
            return Err(Refusal::new(
                StatusCode::CONFLICT,
                "version_conflict_engine_exception",
                format!(
                    "[service_account_token-elastic/kibana/{name}]: version conflict, document already exists"
                ),
            ));
        }
        let token = context.mint.hex(40);
        self.service_tokens.insert(name.to_owned(), token.clone());
        ok(&json!({"created": true, "token": {"name": name, "value": token}}))
    }

    fn health(&self, request: &Request) -> Response {
        let lacks_replica = self
            .indices
            .values()
            .any(|index| index.settings.get("number_of_replicas").is_none_or(|n| n != "0"));
        let status = if lacks_replica { "yellow" } else { "green" };
        let wanted = request.query_value("wait_for_status");
        let timed_out = wanted.as_deref() == Some("green") && status != "green";
        let code = if timed_out { StatusCode::REQUEST_TIMEOUT } else { StatusCode::OK };
        Response::json(
            code,
            &json!({"cluster_name": "elasticsearch", "status": status, "timed_out": timed_out, "number_of_nodes": 1,
                    "number_of_data_nodes": 1, "active_shards": self.indices.len(), "unassigned_shards": 0}),
        )
    }

    fn cluster_settings(&mut self, request: &Request) -> Reply {
        if request.method == Method::GET {
            return ok(&json!({"persistent": self.settings, "transient": {}}));
        }
        if request.method != Method::PUT {
            return Err(no_handler(request));
        }
        let body = read_object(request)?;
        let given = flatten(body.get("persistent").unwrap_or(&Value::Null));
        for (name, value) in given {
            if !["cluster.", "indices.", "action.", "xpack.", "logger.", "search."]
                .iter()
                .any(|known| name.starts_with(known))
            {
                return Err(Refusal::illegal(format!("persistent setting [{name}], not recognized")));
            }
            self.settings.insert(name, json!(value));
        }
        ok(&json!({"acknowledged": true, "persistent": self.settings, "transient": {}}))
    }

    fn catalogue(&self) -> Value {
        let row = |(name, index): (&String, &Index)| json!({"health": "green", "status": "open", "index": name, "docs.count": index.documents.len().to_string()});
        self.indices.iter().map(row).collect()
    }

    fn index(&mut self, request: &Request, index: &str, rest: &[&str], context: &mut Context<'_>) -> Reply {
        match (&request.method, rest) {
            (&Method::PUT, []) => self.create_index(request, index),
            (&Method::HEAD | &Method::GET, []) => {
                let found = self.indices.get(index).ok_or_else(|| Refusal::no_index(index))?;
                ok(&json!({ index: {"settings": {"index": found.settings}} }))
            }
            (&Method::DELETE, []) => {
                self.indices.remove(index).ok_or_else(|| Refusal::no_index(index))?;
                acknowledged()
            }
            (&Method::GET, ["_settings"]) => {
                let found = self.matching(index)?;
                let all: Map<String, Value> = found
                    .iter()
                    .filter_map(|name| {
                        Some((name.clone(), json!({"settings": {"index": self.indices.get(name)?.settings}})))
                    })
                    .collect();
                ok(&Value::Object(all))
            }
            (&Method::PUT, ["_settings"]) => self.change_settings(request, index),
            (&Method::POST, ["_bulk"]) => self.bulk(request, Some(index), context),
            (&Method::POST, ["_doc"]) => {
                let id = context.mint.hex(20);
                self.store_document(index, id, read_object(request)?)
            }
            (&Method::PUT | &Method::POST, ["_doc" | "_create", id]) => {
                self.store_document(index, (*id).to_owned(), read_object(request)?)
            }
            (&Method::GET, ["_doc", id]) => {
                let found =
                    self.indices.get(index).ok_or_else(|| Refusal::no_index(index))?.documents.get(*id);
                let status = if found.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
                Ok(Response::json(
                    status,
                    &json!({"_index": index, "_id": id, "found": found.is_some(), "_source": found}),
                ))
            }
            (&Method::GET | &Method::POST, ["_count"]) => {
                let names = self.matching(index)?;
                let count: usize =
                    names.iter().filter_map(|name| self.indices.get(name)).map(|i| i.documents.len()).sum();
                ok(
                    &json!({"count": count, "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0}}),
                )
            }
            (&Method::GET | &Method::POST, ["_search"]) => self.search(request, index),
            (&Method::POST | &Method::GET, ["_refresh"]) => {
                ok(&json!({"_shards": {"total": 1, "successful": 1, "failed": 0}}))
            }
            _ => Err(no_handler(request)),
        }
    }

    /// The indices that a name or pattern stands for; a plain name must exist.
    fn matching(&self, index: &str) -> Result<Vec<String>, Refusal> {
        let found: Vec<String> = self
            .indices
            .keys()
            .filter(|name| index.split(',').any(|part| part == "_all" || matches_pattern(part, name)))
            .cloned()
            .collect();
        if found.is_empty() && !index.contains('*') && index != "_all" {
            return Err(Refusal::no_index(index));
        }
        Ok(found)
    }

    fn create_index(&mut self, request: &Request, index: &str) -> Reply {
        if self.indices.contains_key(index) {
            return Err(Refusal::new(
                StatusCode::BAD_REQUEST,
                "resource_already_exists_exception",
                format!("index [{index}] already exists"),
            ));
        }
        if index.chars().any(|c| c.is_uppercase() || "\\/*?\"<>| ,#".contains(c))
            || index.starts_with(['-', '+'])
        {
            return Err(Refusal::new(
                StatusCode::BAD_REQUEST,
                "invalid_index_name_exception",
                format!("Invalid index name [{index}]"),
            ));
        }
        let body = read_object(request)?;
        let mut settings = self.template_settings(index);
        settings.extend(index_settings(body.get("settings").unwrap_or(&Value::Null)));
        self.indices.insert(index.to_owned(), Index { settings, documents: BTreeMap::new() });
        ok(&json!({"acknowledged": true, "shards_acknowledged": true, "index": index}))
    }

    /// What templates give a new index: the composable one of the highest priority, else all legacy ones in order.
    fn template_settings(&self, index: &str) -> BTreeMap<String, String> {
        let applies = |template: &Value| {
            patterns(template.get("index_patterns")).iter().any(|p| matches_pattern(p, index))
        };
        let composable = self.index_templates.values().filter(|template| applies(template));
        if let Some(best) =
            composable.max_by_key(|template| template["priority"].as_i64().unwrap_or_default())
        {
            return index_settings(&best["template"]["settings"]);
        }
        let mut legacy: Vec<&Value> =
            self.legacy_templates.values().filter(|template| applies(template)).collect();
        legacy.sort_by_key(|template| template["order"].as_i64().unwrap_or_default());
        legacy.into_iter().flat_map(|template| index_settings(&template["settings"])).collect()
    }

    fn change_settings(&mut self, request: &Request, index: &str) -> Reply {
        let names = self.matching(index)?;
        let settings = index_settings(&Value::Object(read_object(request)?));
        if settings.contains_key("number_of_shards") && !names.is_empty() {
            return Err(Refusal::illegal(format!(
                "Can't update non dynamic settings [[index.number_of_shards]] for open indices {names:?}"
            )));
        }
        for name in names {
            if let Some(index) = self.indices.get_mut(&name) {
                index.settings.extend(settings.clone());
            }
        }
        acknowledged()
    }

    fn store_document(&mut self, index: &str, id: String, document: Map<String, Value>) -> Reply {
        let settings = self.template_settings(index);
        let target =
            self.indices.entry(index.to_owned()).or_insert_with(|| Index { settings, ..Index::default() });
        let created = target.documents.insert(id.clone(), Value::Object(document)).is_none();
        while target.documents.len() > MAX_DOCUMENTS {
            target.documents.pop_first();
        }
        let status = if created { StatusCode::CREATED } else { StatusCode::OK };
        let result = if created { "created" } else { "updated" };
        Ok(Response::json(status, &json!({"_index": index, "_id": id, "_version": 1, "result": result})))
    }

    fn bulk(&mut self, request: &Request, index: Option<&str>, context: &mut Context<'_>) -> Reply {
        let text = String::from_utf8_lossy(&request.body).into_owned();
        let mut lines = text.lines().filter(|line| !line.trim().is_empty());
        let malformed = || Refusal::illegal("Malformed action/metadata line, expected START_OBJECT");
        let mut items = Vec::new();
        while let Some(line) = lines.next() {
            let action: Value = serde_json::from_str(line).map_err(|_| malformed())?;
            let (verb, target) =
                action.as_object().and_then(|action| action.iter().next()).ok_or_else(malformed)?;
            let document: Value =
                lines.next().and_then(|line| serde_json::from_str(line).ok()).ok_or_else(malformed)?;
            let Value::Object(document) = document else { return Err(malformed()) };
            let index = target["_index"].as_str().or(index).ok_or_else(malformed)?;
            let id = target["_id"].as_str().map_or_else(|| context.mint.hex(20), str::to_owned);
            self.store_document(index, id.clone(), document)?;
            items.push(json!({ verb: {"_index": index, "_id": id, "status": 201} }));
        }
        ok(&json!({"took": 1, "errors": false, "items": items}))
    }

    fn search(&self, request: &Request, index: &str) -> Reply {
        let body = if request.body.is_empty() { Map::new() } else { read_object(request)? };
        let size = body.get("size").and_then(Value::as_u64).unwrap_or(10);
        let mut total = 0_usize;
        let mut hits = Vec::new();
        for name in self.matching(index)? {
            let Some(found) = self.indices.get(&name) else { continue };
            total += found.documents.len();
            let room = usize::try_from(size).unwrap_or(10).saturating_sub(hits.len());
            hits.extend(
                found
                    .documents
                    .iter()
                    .take(room)
                    .map(|(id, source)| json!({"_index": name, "_id": id, "_source": source})),
            );
        }
        ok(
            &json!({"took": 1, "timed_out": false, "hits": {"total": {"value": total, "relation": "eq"}, "hits": hits}}),
        )
    }
}

fn no_handler(request: &Request) -> Refusal {
    Refusal::new(
        StatusCode::BAD_REQUEST,
        "illegal_argument_exception",
        format!("no handler found for uri [{}] and method [{}]", request.path, request.method),
    )
}

fn read_object(request: &Request) -> Result<Map<String, Value>, Refusal> {
    if request.body.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(body)) => Ok(body),
        _ => {
            Err(Refusal::new(StatusCode::BAD_REQUEST, "parse_exception", "request body is not a JSON object"))
        }
    }
}

/// Settings of an index by their names without `index.`.
fn index_settings(value: &Value) -> BTreeMap<String, String> {
    flatten(value)
        .into_iter()
        .map(|(name, value)| (name.strip_prefix("index.").unwrap_or(&name).to_owned(), value))
        .collect()
}

/// Nested objects as dotted names; values as text.
fn flatten(value: &Value) -> BTreeMap<String, String> {
    let mut flat = BTreeMap::new();
    let Some(object) = value.as_object() else { return flat };
    for (name, value) in object {
        match value {
            Value::Object(_) => {
                flat.extend(
                    flatten(value).into_iter().map(|(inner, value)| (format!("{name}.{inner}"), value)),
                );
            }
            Value::String(text) => {
                flat.insert(name.clone(), text.clone());
            }
            other => {
                flat.insert(name.clone(), other.to_string());
            }
        }
    }
    flat
}
