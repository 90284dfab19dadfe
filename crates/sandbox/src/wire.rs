//! What a simulated service receives and answers, apart from any server.
//!
//! Every service is a plain synchronous state machine: a [`Request`] and the present instant go in, an [`Answer`] comes
//! out. An HTTP server hosts them for people and programs; tests host the same machines behind other servers.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header::CONTENT_TYPE};
use serde::Serialize;

/// One HTTP request, body included.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path as sent, still percent-encoded, starting with `/`.
    pub path: String,
    /// What followed the question mark, still percent-encoded; empty without one.
    pub query: String,
    /// The headers as sent.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Request {
    /// True for requests that could change something: all but GET, HEAD and OPTIONS.
    #[must_use]
    pub fn is_write(&self) -> bool {
        !matches!(self.method, Method::GET | Method::HEAD | Method::OPTIONS)
    }

    /// The decoded values of the query, in the order sent; empty pairs (as in `?&a=1`) are skipped.
    #[must_use]
    pub fn query_pairs(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(self.query.as_bytes())
            .filter(|(key, _)| !key.is_empty())
            .map(|(key, value)| (key.into_owned(), value.into_owned()))
            .collect()
    }

    /// The first value of a query parameter.
    #[must_use]
    pub fn query_value(&self, name: &str) -> Option<String> {
        self.query_pairs().into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The path's segments, percent-decoded one by one, so that `%2F` stays inside its segment.
    #[must_use]
    pub fn segments(&self) -> Vec<String> {
        self.path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(|segment| percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned())
            .collect()
    }

    /// A header's value, when it is there and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// A complete HTTP response.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers; the host adds length and date.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Response {
    /// A response with a JSON body.
    #[must_use]
    pub fn json(status: StatusCode, body: &impl Serialize) -> Self {
        let bytes = serde_json::to_vec(body).unwrap_or_default();
        Self::with_type(status, HeaderValue::from_static("application/json"), bytes.into())
    }

    /// A response with a plain text body.
    #[must_use]
    pub fn text(status: StatusCode, body: impl Into<String>) -> Self {
        Self::with_type(
            status,
            HeaderValue::from_static("text/plain; charset=utf-8"),
            Bytes::from(body.into().into_bytes()),
        )
    }

    /// A response without a body.
    #[must_use]
    pub fn empty(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// A response with a body of a given content type.
    #[must_use]
    pub fn with_type(status: StatusCode, content_type: HeaderValue, body: Bytes) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, content_type);
        Self { status, headers, body }
    }

    /// The same response with one more header; an invalid name or value leaves it as it was.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }
}

/// What a service answers.
#[derive(Debug, Clone)]
pub enum Answer {
    /// A finished response.
    Full(Response),
    /// An open stream of lines (a Kubernetes watch, followed logs). The host sends the head and `first` at once, then
    /// asks the service that opened it for what is new after every change of state, by the stream's own identifier.
    Stream(Stream),
    /// The caller asked to upgrade the connection to reach ports of a pod (Kubernetes port-forward).
    PortForward(PortForward),
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Self::Full(response)
    }
}

/// The beginning of a streamed response.
#[derive(Debug, Clone)]
pub struct Stream {
    /// Status and headers; its body is not used.
    pub head: Response,
    /// What can be sent at once: each item is one complete line with its line end.
    pub first: Vec<Bytes>,
    /// Names the stream when the host asks its service for more.
    pub identifier: u64,
    /// When the service wants the stream closed, if it is still open then.
    pub closes_at: Option<jiff::Timestamp>,
}

/// A request to be connected to ports of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortForward {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub pod: String,
    /// The ports asked for, in order.
    pub ports: Vec<u16>,
}
