//! Kibana 8: status and saved objects.

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    google::storage::split_parts,
    wire::{Request, Response},
};

const VERSION: &str = "8.5.1";
const MAX_OBJECTS: usize = 10_000;
const MAX_IMPORT_BYTES: usize = 26 * 1024 * 1024;
const TYPES: [&str; 9] =
    ["index-pattern", "visualization", "dashboard", "search", "query", "lens", "config", "tag", "map"];

/// The saved objects, by `TYPE/ID`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kibana {
    objects: BTreeMap<String, Value>,
}

struct Refusal(StatusCode, String);

type Reply = Result<Response, Refusal>;

impl Refusal {
    fn bad(message: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, message.into())
    }

    fn into_response(self) -> Response {
        let error = self.0.canonical_reason().unwrap_or_default();
        Response::json(self.0, &json!({"statusCode": self.0.as_u16(), "error": error, "message": self.1}))
    }
}

/// What Kibana answers while it cannot reach Elasticsearch.
pub(crate) fn not_ready() -> Response {
    Response::text(StatusCode::SERVICE_UNAVAILABLE, "Kibana server is not ready yet")
}

impl Kibana {
    /// Answers a request whose caller is authenticated.
    pub(super) fn handle(&mut self, request: &Request) -> Response {
        self.route(request).unwrap_or_else(Refusal::into_response).with_header("kbn-name", "kibana")
    }

    fn route(&mut self, request: &Request) -> Reply {
        let segments = request.segments();
        let mut parts: Vec<&str> = segments.iter().map(String::as_str).collect();
        if let ["s", _space, ..] = parts.as_slice() {
            parts.drain(..2);
        }
        let changes = request.is_write();
        if changes && request.header("kbn-xsrf").is_none() {
            return Err(Refusal::bad("Request must contain a kbn-xsrf header."));
        }
        match (&request.method, parts.as_slice()) {
            (&Method::GET, ["api", "status"]) => Ok(status()),
            (&Method::GET, ["app", ..]) => Ok(Response::with_type(
                StatusCode::OK,
                http::HeaderValue::from_static("text/html; charset=utf-8"),
                "<!DOCTYPE html><title>Elastic</title>".into(),
            )),
            (&Method::GET, []) => Ok(Response::empty(StatusCode::FOUND).with_header("location", "/app/home")),
            (&Method::POST, ["api", "saved_objects", "_import"]) => self.import(request),
            (&Method::GET, ["api", "saved_objects", "_find"]) => Ok(self.find(request)),
            (&Method::GET, ["api", "saved_objects", kind, id]) => {
                let missing =
                    || Refusal(StatusCode::NOT_FOUND, format!("Saved object [{kind}/{id}] not found"));
                Ok(Response::json(
                    StatusCode::OK,
                    self.objects.get(&format!("{kind}/{id}")).ok_or_else(missing)?,
                ))
            }
            (&Method::DELETE, ["api", "saved_objects", kind, id]) => {
                let missing =
                    || Refusal(StatusCode::NOT_FOUND, format!("Saved object [{kind}/{id}] not found"));
                self.objects.remove(&format!("{kind}/{id}")).ok_or_else(missing)?;
                Ok(Response::json(StatusCode::OK, &json!({})))
            }
            _ => Err(Refusal(StatusCode::NOT_FOUND, "Not Found".to_owned())),
        }
    }

    fn find(&self, request: &Request) -> Response {
        let kinds: Vec<String> = request
            .query_pairs()
            .into_iter()
            .filter(|(key, _)| key == "type")
            .map(|(_, value)| value)
            .collect();
        let number = |name: &str, default: usize| {
            request
                .query_value(name)
                .and_then(|text| text.parse::<usize>().ok())
                .filter(|n| *n > 0)
                .unwrap_or(default)
        };
        let (page, per_page) = (number("page", 1), number("per_page", 20));
        let found: Vec<&Value> = self
            .objects
            .values()
            .filter(|object| kinds.is_empty() || kinds.iter().any(|kind| object["type"] == kind.as_str()))
            .collect();
        let shown: Vec<&&Value> =
            found.iter().skip((page - 1).saturating_mul(per_page)).take(per_page).collect();
        Response::json(
            StatusCode::OK,
            &json!({"page": page, "per_page": per_page, "total": found.len(), "saved_objects": shown}),
        )
    }

    fn import(&mut self, request: &Request) -> Reply {
        let flag = |name: &str| request.query_value(name).as_deref() == Some("true");
        if flag("overwrite") && flag("createNewCopies") {
            return Err(Refusal::bad("[request query]: cannot use [overwrite] with [createNewCopies]"));
        }
        let objects = read_import(request)?;
        let (mut results, mut errors) = (Vec::new(), Vec::new());
        for object in &objects {
            match self.check(object, &objects, flag("overwrite")) {
                None => results.push(object),
                Some(error) => errors.push(import_error(object, &error)),
            }
        }
        for object in &results {
            self.objects.insert(key(object), (*object).clone());
        }
        let shown: Vec<Value> = results
            .iter()
            .map(|object| {
                json!({"type": object["type"], "id": object["id"], "meta": {"title": object["attributes"]["title"]},
                       "overwrite": flag("overwrite")})
            })
            .collect();
        let mut body = json!({"success": errors.is_empty(), "successCount": shown.len(), "warnings": []});
        for (field, list) in [("successResults", shown), ("errors", errors)] {
            if !list.is_empty() {
                body[field] = json!(list);
            }
        }
        Ok(Response::json(StatusCode::OK, &body))
    }

    /// What keeps an object from being imported beside the others of its file.
    fn check(&self, object: &Value, file: &[Value], overwrite: bool) -> Option<Value> {
        if !TYPES.iter().any(|kind| object["type"] == *kind) {
            return Some(json!({"type": "unsupported_type"}));
        }
        if !overwrite && self.objects.contains_key(&key(object)) {
            return Some(json!({"type": "conflict"}));
        }
        let missing: Vec<Value> = object["references"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|reference| {
                let key = key(reference);
                reference["type"] == "index-pattern"
                    && !self.objects.contains_key(&key)
                    && !file.iter().any(|other| self::key(other) == key)
            })
            .map(|reference| json!({"type": reference["type"], "id": reference["id"]}))
            .collect();
        (!missing.is_empty()).then(|| json!({"type": "missing_references", "references": missing}))
    }
}

fn key(object: &Value) -> String {
    format!("{}/{}", object["type"].as_str().unwrap_or_default(), object["id"].as_str().unwrap_or_default())
}

fn import_error(object: &Value, error: &Value) -> Value {
    json!({"type": object["type"], "id": object["id"], "title": object["attributes"]["title"], "meta": {}, "error": error})
}

fn status() -> Response {
    Response::json(
        StatusCode::OK,
        &json!({"name": "kibana", "version": {"number": VERSION},
                "status": {"overall": {"level": "available", "summary": "All services are available"}}}),
    )
}

/// The objects of the file of an import request: one JSON object a line, a summary line left out.
fn read_import(request: &Request) -> Result<Vec<Value>, Refusal> {
    let content_type = request.header("content-type").unwrap_or_default();
    let boundary = content_type
        .strip_prefix("multipart/form-data")
        .and_then(|rest| rest.split_once("boundary="))
        .map(|(_, boundary)| {
            boundary.split(';').next().unwrap_or_default().trim().trim_matches('"').to_owned()
        });
    let Some(boundary) = boundary else {
        return Err(Refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported Media Type".to_owned()));
    };
    if request.body.len() > MAX_IMPORT_BYTES {
        return Err(Refusal(
            StatusCode::PAYLOAD_TOO_LARGE,
            "Payload content length greater than maximum allowed".to_owned(),
        ));
    }
    let parts = split_parts(&request.body, &boundary)
        .ok_or_else(|| Refusal::bad("Invalid multipart payload format"))?;
    let file = parts.iter().find(|part| part.headers.contains("name=\"file\"")).ok_or_else(|| {
        Refusal::bad("[request body.file]: expected value of type [Stream] but got [undefined]")
    })?;
    let name = file
        .headers
        .split_once("filename=\"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .map(|(name, _)| name);
    if !name.is_some_and(|name| name.ends_with(".ndjson")) {
        return Err(Refusal::bad("Invalid file extension "));
    }
    let text = String::from_utf8_lossy(&file.body);
    let mut objects = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let object: Value = serde_json::from_str(line)
            .map_err(|error| Refusal::bad(format!("Unexpected token in JSON: {error}")))?;
        if object.get("exportedCount").is_none() {
            objects.push(object);
        }
    }
    if objects.len() > MAX_OBJECTS {
        return Err(Refusal::bad(format!("Can't import more than {MAX_OBJECTS} objects")));
    }
    Ok(objects)
}
