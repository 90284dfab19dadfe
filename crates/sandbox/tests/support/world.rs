//! A world for tests, and requests to it. Not every test binary uses all of it.

#![allow(dead_code, reason = "shared by several test binaries")]

use std::sync::LazyLock;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use spacecraft_sandbox::{
    World,
    address::ServiceAddress,
    context::{Environment, ServiceUrls},
    credentials::Credentials,
    wire::{Answer, Request, Response},
};

/// The instant at which test worlds begin.
pub(crate) const START: i64 = 1_795_000_000;

pub(crate) static CREDENTIALS: LazyLock<Credentials> =
    LazyLock::new(|| Credentials::generate("spacecraft-sandbox").expect("keys can be made"));

pub(crate) fn environment() -> Environment {
    Environment {
        urls: ServiceUrls::below("http://127.0.0.1:20000"),
        cluster_endpoints: (1..4).map(|port| format!("127.0.0.1:2000{port}")).collect(),
        authority_pem: "-----BEGIN CERTIFICATE-----\n".to_owned(),
        credentials: CREDENTIALS.clone(),
        seed: 7,
    }
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(START + seconds).expect("a time in range")
}

/// A world and the time it is asked at.
pub(crate) struct Cloud {
    pub(crate) world: World,
    pub(crate) seconds: i64,
}

/// What a service answered.
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answered {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("no JSON: {}", String::from_utf8_lossy(&self.body)))
    }
}

impl Cloud {
    pub(crate) fn new() -> Self {
        let mut world = World::new(environment(), at(0));
        world.record();
        Self { world, seconds: 0 }
    }

    /// A cluster that runs: its identifier.
    pub(crate) fn cluster(&mut self) -> String {
        let body = json!({"cluster": {"name": "net1", "nodePools": [{"name": "p", "initialNodeCount": 3}]}});
        let target = "/v1/projects/spacecraft-sandbox/locations/us-central1-a/clusters";
        assert_eq!(self.post(&ServiceAddress::Container, target, &body).status, StatusCode::OK);
        self.wait(10);
        let (_, id) = self.world.cluster_endpoints().remove(0);
        id
    }

    /// Lets time pass.
    pub(crate) fn wait(&mut self, seconds: i64) {
        self.seconds += seconds;
        self.world.advance(at(self.seconds));
    }

    pub(crate) fn configure(&mut self, settings: Value) {
        let change = serde_json::from_value(json!({ "settings": settings })).expect("a change");
        self.world.configure(&change, at(self.seconds)).expect("known settings");
    }

    pub(crate) fn send(&mut self, address: &ServiceAddress, request: &Request) -> Answered {
        let _ = self.world.begin_call(address, request);
        match self.world.handle(address, request, at(self.seconds)) {
            Answer::Full(Response { status, headers, body }) => Answered { status, headers, body },
            other => panic!("not a finished answer: {other:?}"),
        }
    }

    /// Sends a request with a valid token and a JSON body.
    pub(crate) fn call(
        &mut self,
        address: &ServiceAddress,
        method: Method,
        target: &str,
        body: &Value,
    ) -> Answered {
        let token = self.token(address);
        let mut request = request(method, target, body.to_string());
        if body.is_null() {
            request.body = Bytes::new();
        }
        header(&mut request, "authorization", &format!("Bearer {token}"));
        header(&mut request, "content-type", "application/json");
        header(&mut request, "user-agent", "test");
        self.send(address, &request)
    }

    pub(crate) fn get(&mut self, address: &ServiceAddress, target: &str) -> Answered {
        self.call(address, Method::GET, target, &Value::Null)
    }

    pub(crate) fn post(&mut self, address: &ServiceAddress, target: &str, body: &Value) -> Answered {
        self.call(address, Method::POST, target, body)
    }

    pub(crate) fn delete(&mut self, address: &ServiceAddress, target: &str) -> Answered {
        self.call(address, Method::DELETE, target, &Value::Null)
    }

    fn token(&self, address: &ServiceAddress) -> String {
        match address {
            ServiceAddress::Cloudflare => CREDENTIALS.cloudflare_token.clone(),
            ServiceAddress::Slack => CREDENTIALS.slack_token.clone(),
            ServiceAddress::GitHub | ServiceAddress::GitHubUploads => CREDENTIALS.github_token.clone(),
            _ => CREDENTIALS
                .access_token(&["https://www.googleapis.com/auth/cloud-platform"], at(self.seconds)),
        }
    }
}

/// A request without credentials.
pub(crate) fn request(method: Method, target: &str, body: impl Into<Bytes>) -> Request {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Request {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        headers: HeaderMap::new(),
        body: body.into(),
    }
}

pub(crate) fn header(request: &mut Request, name: &str, value: &str) {
    let name = HeaderName::try_from(name).expect("a header name");
    request.headers.insert(name, HeaderValue::from_str(value).expect("a header value"));
}
