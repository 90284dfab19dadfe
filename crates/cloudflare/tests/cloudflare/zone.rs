//! A simulated zone: as much of Cloudflare's API v4 as the provider uses, with the state that it changes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

pub(crate) const TOKEN: &str = "token-of-the-test";
pub(crate) const DOMAIN: &str = "example.org";

#[derive(Clone, Default)]
pub(crate) struct SimulatedZone(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    records: Vec<Value>,
    next: u32,
    answers: VecDeque<(&'static str, Misbehaviour)>,
    calls: Vec<String>,
    permissions: Vec<&'static str>,
}

/// What becomes of the next call of a method.
pub(crate) enum Misbehaviour {
    /// It is answered with this instead.
    Answer(ResponseTemplate),
    /// It does its work and is answered by a broken gateway.
    LostReply,
}

impl SimulatedZone {
    pub(crate) async fn serve(&self) -> MockServer {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(self.clone()).mount(&server).await;
        server
    }

    pub(crate) fn add(&self, kind: &str, name: &str, content: &str, comment: Option<&str>) {
        let record = json!({
            "type": kind, "name": name, "content": content, "proxied": false, "ttl": 1, "comment": comment,
        });
        self.0.lock().unwrap().insert(record);
    }

    pub(crate) fn records(&self) -> Vec<Value> {
        self.0.lock().unwrap().records.clone()
    }

    pub(crate) fn misbehave(&self, method: &'static str, how: Misbehaviour) {
        self.0.lock().unwrap().answers.push_back((method, how));
    }

    pub(crate) fn permit(&self, permissions: Vec<&'static str>) {
        self.0.lock().unwrap().permissions = permissions;
    }

    pub(crate) fn count(&self, method: &str) -> usize {
        self.0.lock().unwrap().calls.iter().filter(|call| call.starts_with(method)).count()
    }
}

impl Respond for SimulatedZone {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.0.lock().unwrap();
        let method = request.method.as_str();
        state.calls.push(format!("{method} {}", request.url.path()));
        let authorized =
            request.headers.get("authorization").is_some_and(|value| *value == format!("Bearer {TOKEN}"));
        if !authorized {
            return failure(400, 1000, "Invalid API Token");
        }
        let place = state.answers.iter().position(|(name, _)| *name == method);
        match place.and_then(|place| state.answers.remove(place)) {
            Some((_, Misbehaviour::Answer(answer))) => answer,
            Some((_, Misbehaviour::LostReply)) => {
                state.answer(request);
                ResponseTemplate::new(502).set_body_string("<html>bad gateway</html>")
            }
            None => state.answer(request),
        }
    }
}

impl State {
    fn insert(&mut self, mut record: Value) -> Value {
        self.next += 1;
        record["id"] = json!(format!("record{}", self.next));
        self.records.push(record.clone());
        record
    }

    fn answer(&mut self, request: &Request) -> ResponseTemplate {
        let segments: Vec<&str> =
            request.url.path().split('/').filter(|segment| !segment.is_empty()).collect();
        match (request.method.as_str(), segments.as_slice()) {
            ("GET", ["client", "v4", "zones"]) => self.zones(request),
            ("GET", ["client", "v4", "zones", "zone1", "dns_records"]) => self.list(request),
            ("POST", ["client", "v4", "zones", "zone1", "dns_records"]) => self.create(request),
            ("PATCH", ["client", "v4", "zones", "zone1", "dns_records", id]) => self.patch(id, request),
            ("DELETE", ["client", "v4", "zones", "zone1", "dns_records", id]) => self.delete(id),
            _ => failure(404, 7003, "Could not route to that path"),
        }
    }

    fn zones(&self, request: &Request) -> ResponseTemplate {
        let zones = match query(request, "name").as_deref() {
            Some(DOMAIN) => json!([{"id": "zone1", "name": DOMAIN, "permissions": self.permissions}]),
            _ => json!([]),
        };
        success(&json!({"result": zones}))
    }

    fn list(&self, request: &Request) -> ResponseTemplate {
        let name = query(request, "name");
        let mark = query(request, "comment.startswith");
        let text = |record: &Value, key: &str| record[key].as_str().unwrap_or_default().to_ascii_lowercase();
        let wanted = |record: &&Value| {
            name.as_ref().is_none_or(|name| text(record, "name") == name.to_ascii_lowercase())
                && mark.as_ref().is_none_or(|mark| text(record, "comment").starts_with(mark.as_str()))
        };
        let all: Vec<Value> = self.records.iter().filter(wanted).cloned().collect();
        let number =
            |name: &str, default| query(request, name).and_then(|text| text.parse().ok()).unwrap_or(default);
        let (page, per_page): (usize, usize) = (number("page", 1), number("per_page", 100));
        let some: Vec<Value> = all.iter().skip((page - 1) * per_page).take(per_page).cloned().collect();
        let info = json!({"page": page, "per_page": per_page, "count": some.len(), "total_count": all.len(),
            "total_pages": all.len().div_ceil(per_page)});
        success(&json!({"result": some, "result_info": info}))
    }

    fn create(&mut self, request: &Request) -> ResponseTemplate {
        let record: Value = request.body_json().unwrap();
        let same_name: Vec<&Value> =
            self.records.iter().filter(|other| other["name"] == record["name"]).collect();
        if same_name.iter().any(|other| other["type"] == "CNAME") {
            return failure(400, 81054, "A CNAME record with that host already exists.");
        }
        if same_name.iter().any(|other| other["content"] == record["content"]) {
            return failure(400, 81058, "An identical record already exists.");
        }
        let record = self.insert(record);
        success(&json!({"result": record}))
    }

    fn patch(&mut self, id: &str, request: &Request) -> ResponseTemplate {
        let changes: Value = request.body_json().unwrap();
        let Some(record) = self.records.iter_mut().find(|record| record["id"] == id) else {
            return failure(404, 81044, "Record does not exist.");
        };
        for (key, value) in changes.as_object().unwrap() {
            record[key] = value.clone();
        }
        let record = record.clone();
        success(&json!({"result": record}))
    }

    fn delete(&mut self, id: &str) -> ResponseTemplate {
        let before = self.records.len();
        self.records.retain(|record| record["id"] != id);
        if self.records.len() == before {
            return failure(404, 81044, "Record does not exist.");
        }
        success(&json!({"result": {"id": id}}))
    }
}

fn query(request: &Request, name: &str) -> Option<String> {
    request.url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

fn success(body: &Value) -> ResponseTemplate {
    let mut body = body.clone();
    body["success"] = json!(true);
    body["errors"] = json!([]);
    body["messages"] = json!([]);
    ResponseTemplate::new(200).set_body_json(body)
}

pub(crate) fn failure(status: u16, code: u32, message: &str) -> ResponseTemplate {
    let errors = json!([{"code": code, "message": message}]);
    ResponseTemplate::new(status)
        .set_body_json(json!({"success": false, "errors": errors, "messages": [], "result": null}))
}
