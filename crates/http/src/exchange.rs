//! One attempt of a request: sending it, reading the reply within bounds, and telling failures apart.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header::CONTENT_TYPE};
use jiff::Timestamp;
use spacecraft_core::secret::{ExposeSecret, SecretString};
use spacecraft_core::{Effect, Error, Meaning};
use url::Url;

use crate::body::Body;
use crate::call::{Call, Idempotency};
use crate::client::Client;
use crate::credential::Credential;
use crate::dialect::{Dialect, Reply};
use crate::failure::{Failure, Refusal};
use crate::meter::Attempt;
use crate::redact::{shown_url, without_secret};
use crate::response::Response;
use crate::retry_after;

#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) client: Client,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
    pub(crate) credential: Option<Credential>,
    pub(crate) dialect: Arc<dyn Dialect>,
    pub(crate) call: Call,
    pub(crate) largest_reply: usize,
    pub(crate) timeout: Duration,
}

/// A reply whose head is there and whose body is still to come.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) reply: reqwest::Response,
    secret: Option<SecretString>,
    started: Timestamp,
}

impl Exchange {
    /// Sends the request once and reads the whole reply.
    pub(crate) async fn attempt(&self) -> Result<Response, Failure> {
        let opened = self.open().await?;
        self.finish(opened).await
    }

    /// Sends the request once and leaves the body of a success unread.
    pub(crate) async fn open_success(&self) -> Result<Opened, Failure> {
        let opened = self.open().await?;
        if opened.reply.status().is_success() {
            return Ok(opened);
        }
        match self.finish(opened).await {
            Ok(response) => Err(Failure::Final(self.error(
                Meaning::Other,
                format!("the answer is HTTP {} where a body was expected", response.status().as_u16()),
            ))),
            Err(failure) => Err(failure),
        }
    }

    async fn open(&self) -> Result<Opened, Failure> {
        let started = self.now();
        let (request, secret) = self.build().await?;
        let client = &self.client.inner;
        let follows = self.call.idempotency == Idempotency::Safe
            && !self.credential.as_ref().is_some_and(Credential::forbids_redirects);
        let sender = if follows { &client.following } else { &client.fixed };
        match sender.execute(request).await {
            Ok(reply) => Ok(Opened { reply, secret, started }),
            Err(error) => {
                let failure = self.transport_failure(error);
                self.tell(started, None, 0, &failure.summary());
                Err(failure)
            }
        }
    }

    async fn build(&self) -> Result<(reqwest::Request, Option<SecretString>), Failure> {
        let mut request = reqwest::Request::new(self.method.clone(), self.url.clone());
        *request.headers_mut() = self.headers.clone();
        *request.timeout_mut() = Some(self.timeout);
        if let Some(content_type) = &self.body.content_type {
            let value = HeaderValue::from_str(content_type).map_err(|_| {
                Failure::Final(self.error(Meaning::Invalid, "the content type cannot be sent"))
            })?;
            request.headers_mut().insert(CONTENT_TYPE, value);
            *request.body_mut() = Some(self.body.bytes.clone().into());
        }
        let Some(credential) = &self.credential else { return Ok((request, None)) };
        let header = credential.header().await.map_err(|error| {
            let failure = self.error(error.meaning(), "there is no access token to ask with");
            Failure::Final(failure.with_source(error))
        })?;
        header.add_to(request.headers_mut());
        Ok((request, Some(header.secret)))
    }

    async fn finish(&self, opened: Opened) -> Result<Response, Failure> {
        let Opened { reply, secret, started } = opened;
        let (status, headers) = (reply.status(), reply.headers().clone());
        let body = match self.read_body(reply).await {
            Ok(body) => body,
            Err(failure) => {
                self.tell(started, Some(status), 0, &failure.summary());
                return Err(failure);
            }
        };
        self.tell(started, Some(status), body.len(), "");
        match self.refusal(status, &headers, &body) {
            Some(refusal) => Err(Failure::Refused(blanked(refusal, secret.as_ref()))),
            None => Ok(Response::new(self.call.clone(), status, headers, body)),
        }
    }

    fn refusal(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Option<Refusal> {
        let mut refusal = self.dialect.refusal(&Reply { status, headers, body })?;
        if refusal.retry_after.is_none() {
            refusal.retry_after = retry_after::read(headers, self.now());
        }
        Some(refusal)
    }

    async fn read_body(&self, mut reply: reqwest::Response) -> Result<Bytes, Failure> {
        let announced = reply.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
        if announced > self.largest_reply {
            return Err(self.too_large());
        }
        let mut body = BytesMut::with_capacity(announced);
        while let Some(chunk) = reply.chunk().await.map_err(|error| self.transport_failure(error))? {
            if body.len().saturating_add(chunk.len()) > self.largest_reply {
                return Err(self.too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    fn too_large(&self) -> Failure {
        let reason = format!("the reply is larger than the {} bytes that are taken", self.largest_reply);
        let effect = if self.call.idempotency == Idempotency::Safe { Effect::None } else { Effect::Possible };
        Failure::Final(self.error(Meaning::Invalid, reason).with_effect(effect))
    }

    pub(crate) fn transport_failure(&self, error: reqwest::Error) -> Failure {
        let error = error.without_url();
        let host = self.host();
        if is_certificate_problem(&error) {
            let failure =
                self.error(Meaning::Invalid, format!("the TLS certificate of {host} is not trusted"));
            return Failure::Final(failure.with_source(error));
        }
        if error.is_builder() || error.is_redirect() {
            let failure = self.error(Meaning::Invalid, "the request cannot be sent as it is");
            return Failure::Final(failure.with_source(error));
        }
        if error.is_connect() {
            let reason = format!("no connection to {host}");
            return Failure::NotSent { reason, source: Some(Box::new(error)) };
        }
        let timed_out = error.is_timeout();
        let reason = if timed_out {
            format!("no whole answer from {host} within {} s", self.timeout.as_secs_f64())
        } else {
            format!("the connection to {host} broke before the whole answer came")
        };
        Failure::ReplyLost { reason, timed_out, source: Some(Box::new(error)) }
    }

    pub(crate) fn error(&self, meaning: Meaning, reason: impl Into<String>) -> Error {
        Error::new(meaning, self.call.operation.as_str(), self.call.resource.as_str(), reason)
    }

    fn host(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    fn now(&self) -> Timestamp {
        self.client.inner.retrier.clock().now()
    }

    /// Logs an attempt and tells the meter of it.
    pub(crate) fn tell(
        &self,
        started: Timestamp,
        status: Option<StatusCode>,
        received: usize,
        failure: &str,
    ) {
        let milliseconds = self.now().duration_since(started).as_millis();
        tracing::debug!(
            method = %self.method,
            url = shown_url(&self.url),
            status = status.map(|status| status.as_u16()),
            milliseconds,
            received,
            failure,
            "HTTP call"
        );
        if let Some(meter) = &self.client.inner.meter {
            meter.attempt(&Attempt {
                host: self.url.host_str().unwrap_or_default(),
                method: &self.method,
                status,
                sent: u64::try_from(self.body.bytes.len()).unwrap_or(u64::MAX),
                received: u64::try_from(received).unwrap_or(u64::MAX),
            });
        }
    }
}

impl Opened {
    pub(crate) fn started(&self) -> Timestamp {
        self.started
    }
}

/// The refusal without the credential, should the server have repeated it.
fn blanked(mut refusal: Refusal, secret: Option<&SecretString>) -> Refusal {
    if let Some(secret) = secret {
        refusal.message = without_secret(&refusal.message, secret.expose_secret());
        refusal.code = without_secret(&refusal.code, secret.expose_secret());
    }
    refusal
}

/// True when TLS failed because of whom the other side is, which no repetition changes.
fn is_certificate_problem(error: &(dyn StdError + 'static)) -> bool {
    let mut current = Some(error);
    while let Some(layer) = current {
        if matches!(layer.downcast_ref(), Some(rustls::Error::InvalidCertificate(_))) {
            return true;
        }
        // The source of an I/O error is the source of the error in it, which would be skipped.
        let inside = layer.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        current = match inside {
            Some(inside) => Some(inside),
            None => layer.source(),
        };
    }
    false
}
