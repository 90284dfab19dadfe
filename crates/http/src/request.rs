use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::Serialize;
use spacecraft_core::{Error, Meaning, Result};
use tokio::io::AsyncWrite;
use url::Url;

use crate::body::{Body, Part};
use crate::call::{Call, Idempotency};
use crate::client::Client;
use crate::credential::Credential;
use crate::dialect::{Dialect, Plain};
use crate::download::{self, Downloaded};
use crate::exchange::Exchange;
use crate::redact::shown_url;
use crate::response::Response;
use crate::retry::RetryPolicy;

/// The largest reply that is taken, in bytes, unless a request says otherwise.
const LARGEST_REPLY: usize = 16 << 20;

/// A request in the making. Mistakes in its parts come out when it is sent.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is sent"]
pub struct Request {
    client: Client,
    method: Method,
    url: Result<Url, String>,
    headers: HeaderMap,
    body: Result<Body, String>,
    credential: Option<Credential>,
    dialect: Arc<dyn Dialect>,
    call: Call,
    largest_reply: usize,
    timeout: Option<Duration>,
    retry: Option<RetryPolicy>,
}

impl Request {
    pub(crate) fn new(client: Client, method: Method, url: &str, idempotency: Idempotency) -> Self {
        let url = Url::parse(url).map_err(|error| format!("the URL cannot be read: {error}"));
        let resource = url.as_ref().map(shown_url).unwrap_or_default();
        Self {
            client,
            call: Call::new(method.as_str(), resource, idempotency),
            method,
            url,
            headers: HeaderMap::new(),
            body: Ok(Body::default()),
            credential: None,
            dialect: Arc::new(Plain),
            largest_reply: LARGEST_REPLY,
            timeout: None,
            retry: None,
        }
    }

    /// Says what is attempted (`create cluster`) on what (its name); errors and logs speak of it in these words.
    pub fn about(mut self, operation: impl Into<String>, resource: impl Into<String>) -> Self {
        self.call.operation = operation.into();
        self.call.resource = resource.into();
        self
    }

    /// Says what a repetition would do.
    pub fn idempotency(mut self, idempotency: Idempotency) -> Self {
        self.call.idempotency = idempotency;
        self
    }

    /// Says who asks. Credentials are refused on unencrypted connections that leave this machine.
    pub fn credential(mut self, credential: Credential) -> Self {
        self.credential = Some(credential);
        self
    }

    /// Says how the service words its refusals.
    pub fn dialect(mut self, dialect: Arc<dyn Dialect>) -> Self {
        self.dialect = dialect;
        self
    }

    /// Adds a parameter to the URL's query.
    pub fn query(mut self, name: &str, value: impl AsRef<str>) -> Self {
        if let Ok(url) = &mut self.url {
            url.query_pairs_mut().append_pair(name, value.as_ref());
        }
        self
    }

    /// Sets a header. Secrets belong into a [`Credential`].
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Sends `value` as JSON.
    pub fn json(mut self, value: &(impl Serialize + ?Sized)) -> Self {
        self.body = serde_json::to_vec(value)
            .map(|bytes| Body::new("application/json", bytes))
            .map_err(|error| format!("the request's body cannot be written as JSON: {error}"));
        self
    }

    /// Sends fields as `application/x-www-form-urlencoded`.
    pub fn form(mut self, fields: &[(&str, &str)]) -> Self {
        self.body = Ok(Body::form(fields));
        self
    }

    /// Sends bytes as they are.
    pub fn bytes(mut self, content_type: &str, bytes: impl Into<bytes::Bytes>) -> Self {
        self.body = Ok(Body::new(content_type, bytes));
        self
    }

    /// Sends parts as `multipart/form-data`.
    pub fn multipart(mut self, parts: &[Part]) -> Self {
        self.body = Ok(Body::multipart(parts, &**self.client.inner.retrier.random()));
        self
    }

    /// The largest reply that is taken, in bytes after decompression; 16 MiB unless this says otherwise.
    pub fn largest_reply(mut self, bytes: usize) -> Self {
        self.largest_reply = bytes;
        self
    }

    /// How long one attempt may take, instead of the client's own limit.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// How long all attempts together may take, instead of the policy's deadline.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.call.deadline = Some(deadline);
        self
    }

    /// How often the call is tried, instead of the client's own policy.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = Some(policy);
        self
    }

    /// Sends the request, as often as it takes and may be repeated.
    ///
    /// # Errors
    ///
    /// What the dialect reads out of a refusal; [`Meaning::Unavailable`] without a connection; [`Meaning::TimedOut`] without a
    /// reply in time; [`Meaning::Invalid`] when the request cannot be sent as it is or the reply is too large.
    pub async fn send(self) -> Result<Response> {
        let (exchange, retrier) = self.into_exchange()?;
        retrier.run(&exchange.call, || exchange.attempt()).await
    }

    /// Sends the request and writes the reply's body into `writer`, which may be larger than memory. Attempts are repeated until the
    /// body begins; a body that breaks off is an error, after which `writer` holds a part of it.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send); [`Meaning::Invalid`] when the body is larger than `limit` bytes.
    pub async fn download<W>(self, writer: &mut W, limit: u64) -> Result<Downloaded>
    where
        W: AsyncWrite + Unpin + Send,
    {
        let (exchange, retrier) = self.into_exchange()?;
        let reply = retrier.run(&exchange.call, || exchange.open_success()).await?;
        download::copy(&exchange, reply, writer, limit).await
    }

    fn into_exchange(self) -> Result<(Exchange, crate::retry::Retrier)> {
        let refuse = |reason: &str| {
            Error::new(Meaning::Invalid, self.call.operation.as_str(), self.call.resource.as_str(), reason)
        };
        let url = self.url.clone().map_err(|reason| refuse(&reason))?;
        let body = self.body.clone().map_err(|reason| refuse(&reason))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refuse("only http and https URLs can be asked"));
        }
        if self.credential.is_some() && url.scheme() == "http" && !is_loopback(&url) {
            return Err(refuse("a credential is not sent over an unencrypted connection")
                .with_hint("use an https URL"));
        }
        let inner = &self.client.inner;
        let retrier = match self.retry {
            Some(policy) => inner.retrier.with_policy(policy),
            None => inner.retrier.clone(),
        };
        let exchange = Exchange {
            timeout: self.timeout.unwrap_or(inner.timeouts.attempt),
            client: self.client,
            method: self.method,
            url,
            headers: self.headers,
            body,
            credential: self.credential,
            dialect: self.dialect,
            call: self.call,
            largest_reply: self.largest_reply,
        };
        Ok((exchange, retrier))
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// `base` with path segments appended, each percent-encoded, a `/` inside one included. Segments `.` and `..` are left out, so
/// that no name can climb to another resource's path.
#[must_use]
pub fn with_segments<'a>(base: &Url, segments: impl IntoIterator<Item = &'a str>) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    #[test]
    fn segments_are_encoded_one_by_one() {
        let base = Url::parse("https://storage.example/storage/v1/").unwrap();
        let url = with_segments(&base, ["b", "bucket", "o", "a/b c?.json"]);
        assert_eq!(url.as_str(), "https://storage.example/storage/v1/b/bucket/o/a%2Fb%20c%3F.json");
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for (url, expected) in [
            ("http://127.8.9.1:5/", true),
            ("http://[::1]/", true),
            ("http://LOCALHOST/", true),
            ("http://localhost.example/", false),
            ("http://10.0.0.1/", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }
}
