use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use spacecraft_core::{Effect, Error, Meaning, Result};

use crate::call::{Call, Idempotency};
use crate::dialect::is_html;
use crate::redact::excerpt;

/// A whole reply that means success.
#[derive(Debug, Clone)]
pub struct Response {
    call: Call,
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Response {
    pub(crate) fn new(call: Call, status: StatusCode, headers: HeaderMap, body: Bytes) -> Self {
        Self { call, status, headers, body }
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// A header's text, when it is there and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body as JSON; `expected` says what it should be, as in `a list of zones`.
    ///
    /// # Errors
    ///
    /// [`Meaning::Invalid`] when the body is anything else. The call itself has taken effect then.
    pub fn json<T: DeserializeOwned>(&self, expected: &str) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let text = String::from_utf8_lossy(&self.body);
            let seen = if text.trim().is_empty() {
                "the reply is empty".to_owned()
            } else if is_html(&self.headers, &text) {
                "the reply is an HTML page".to_owned()
            } else {
                format!("the reply is `{}`", excerpt(&text))
            };
            self.misread(format!("{seen}, where {expected} was expected")).with_source(error)
        })
    }

    /// The body as text.
    ///
    /// # Errors
    ///
    /// [`Meaning::Invalid`] when the body is not UTF-8.
    pub fn text(&self) -> Result<&str> {
        std::str::from_utf8(&self.body)
            .map_err(|error| self.misread("the reply is no UTF-8 text").with_source(error))
    }

    /// The error of a reply that means success but does not hold what it should.
    #[must_use]
    pub fn misread(&self, reason: impl Into<String>) -> Error {
        let effect = if self.call.idempotency == Idempotency::Safe { Effect::None } else { Effect::Possible };
        Error::new(Meaning::Invalid, self.call.operation.as_str(), self.call.resource.as_str(), reason)
            .with_effect(effect)
            .of_reply()
    }
}
