//! A request before it is sent, of which each attempt makes its own copy.

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE};
use http::{Method, Request};
use kube::client::Body;
use serde_json::Value;
use spacecraft_core::{Error, Meaning};
use spacecraft_http::Failure;

use crate::resource::encoded;

/// A request that can be made several times.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    method: Method,
    path: String,
    query: String,
    content_type: Option<&'static str>,
    body: Bytes,
    accept: &'static str,
}

impl Draft {
    /// A request without query and body, whose reply is JSON.
    pub(crate) fn new(method: Method, path: String) -> Self {
        Self {
            method,
            path,
            query: String::new(),
            content_type: None,
            body: Bytes::new(),
            accept: "application/json",
        }
    }

    /// The same request with one more query parameter.
    pub(crate) fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push(if self.query.is_empty() { '?' } else { '&' });
        self.query.push_str(name);
        self.query.push('=');
        self.query.push_str(&encoded(value));
        self
    }

    /// The same request with a JSON body.
    pub(crate) fn body(mut self, content_type: &'static str, body: &Value) -> Self {
        self.content_type = Some(content_type);
        self.body = Bytes::from(body.to_string());
        self
    }

    /// The same request, but for a reply of plain text.
    pub(crate) fn plain_text(mut self) -> Self {
        self.accept = "*/*";
        self
    }

    /// True when a reply that is no JSON was damaged on its way.
    pub(crate) fn expects_json(&self) -> bool {
        self.accept == "application/json"
    }

    /// One copy of the request. Replies are asked for unpacked, because a watch is read while it arrives.
    pub(crate) fn request(&self) -> Result<Request<Body>, Failure> {
        let mut builder = Request::builder()
            .method(self.method.clone())
            .uri(format!("{}{}", self.path, self.query))
            .header(ACCEPT, self.accept)
            .header(ACCEPT_ENCODING, "identity");
        if let Some(content_type) = self.content_type {
            builder = builder.header(CONTENT_TYPE, content_type);
        }
        builder.body(Body::from(self.body.clone())).map_err(|error| {
            Failure::Final(
                Error::new(
                    Meaning::Invalid,
                    "ask the Kubernetes API",
                    self.path.as_str(),
                    "this is no valid request",
                )
                .with_source(error),
            )
        })
    }
}
