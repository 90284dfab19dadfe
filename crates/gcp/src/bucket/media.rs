//! Reading and writing objects by Google's client, with our retry around it.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use google_cloud_gax::error::Error as GaxError;
use spacecraft_core::traits::{PutOptions, StoredObject};
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_http::{Call, Dialect, Failure, HeaderMap, Idempotency, Refusal, Reply, StatusCode};

use super::{Bucket, access, generation_to_match};
use crate::dialect::Google;

/// How long one attempt may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The largest object that is read, in bytes.
const LARGEST_OBJECT: usize = 64 << 20;

impl Bucket {
    pub(super) async fn read(&self, key: &str) -> Result<Option<StoredObject>> {
        let call = Call::new("read object", self.described(key), Idempotency::Safe);
        let attempt = || in_time(PATIENCE, Box::pin(self.read_once(&call, key)));
        match self.client.retrier().run(&call, attempt).await {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.is_not_found() && !access::is_missing_bucket(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn read_once(&self, call: &Call, key: &str) -> Result<StoredObject, Failure> {
        self.require_token(call).await?;
        let fail = |error: GaxError| self.failure(call, &error);
        let mut reader = self.storage.read_object(self.resource(), key).send().await.map_err(fail)?;
        let mut bytes = BytesMut::new();
        while let Some(chunk) = reader.next().await.transpose().map_err(fail)? {
            if bytes.len().saturating_add(chunk.len()) > LARGEST_OBJECT {
                let reason = format!("the object is larger than the {LARGEST_OBJECT} bytes that are taken");
                return Err(Failure::Final(error_of(call, Meaning::Invalid, reason)));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(StoredObject { bytes: bytes.to_vec(), generation: reader.object().generation })
    }

    /// Writes an object; to write the same bytes twice is to write them once.
    pub(super) async fn write(&self, key: &str, bytes: &Bytes, options: &PutOptions) -> Result<i64> {
        let call = Call::new("write object", self.described(key), Idempotency::Idempotent);
        let attempt = || in_time(PATIENCE, Box::pin(self.write_once(&call, key, bytes.clone(), options)));
        self.client.retrier().run(&call, attempt).await
    }

    async fn write_once(
        &self,
        call: &Call,
        key: &str,
        bytes: Bytes,
        options: &PutOptions,
    ) -> Result<i64, Failure> {
        self.require_token(call).await?;
        let mut request = self
            .storage
            .write_object(self.resource(), key, bytes)
            .set_content_type(options.content_type.as_str())
            .set_cache_control(options.cache_control.as_str());
        if let Some(generation) = generation_to_match(options.precondition) {
            request = request.set_if_generation_match(generation);
        }
        let object = Box::pin(request.send_buffered()).await.map_err(|error| self.failure(call, &error))?;
        Ok(object.generation)
    }

    /// An error of Google's client in the words of ours.
    pub(super) fn failure(&self, call: &Call, error: &GaxError) -> Failure {
        match failure(call, error) {
            Failure::Refused(refusal) if refusal.retry_after.is_none() => {
                let asked =
                    error.http_headers().and_then(|headers| self.client.retrier().asked_pause(headers));
                Failure::Refused(Refusal { retry_after: asked, ..refusal })
            }
            other => other,
        }
    }

    /// Asks for a token before Google's client does, whose error would not say what is wrong with the credentials.
    pub(super) async fn require_token(&self, call: &Call) -> Result<(), Failure> {
        let token = self.tokens.bearer_token().await;
        token.map(|_| ()).map_err(|error| {
            let reason = "there is no access token to ask with";
            Failure::Final(error_of(call, error.meaning(), reason).with_source(error))
        })
    }

    /// The bucket as Google's client names it.
    pub(super) fn resource(&self) -> String {
        format!("projects/_/buckets/{}", self.name)
    }
}

/// Google's client has no deadline of its own; its futures are large, so they come boxed.
pub(super) async fn in_time<T>(
    patience: Duration,
    attempt: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::time::timeout(patience, attempt).await.unwrap_or_else(|_| {
        let reason = format!("no whole answer within {} s", patience.as_secs());
        Err(Failure::ReplyLost { reason, timed_out: true, source: None })
    })
}

fn failure(call: &Call, error: &GaxError) -> Failure {
    if let Some(refusal) = refusal(error) {
        return Failure::Refused(refusal);
    }
    if error.is_authentication() || error.is_binding() || error.is_serialization() {
        let reason = "the request cannot be sent as it is";
        return Failure::Final(error_of(call, Meaning::Invalid, reason).with_source(cause(error)));
    }
    if error.is_connect() {
        let reason = "no connection to Cloud Storage".to_owned();
        return Failure::NotSent { reason, source: Some(cause(error)) };
    }
    let reason = "the connection broke before the whole answer came, or the answer cannot be read".to_owned();
    Failure::ReplyLost { reason, timed_out: error.is_timeout(), source: Some(cause(error)) }
}

/// What the service said, read as from everywhere else. The client keeps either the body or what it understood of it.
fn refusal(error: &GaxError) -> Option<Refusal> {
    let status = StatusCode::from_u16(error.http_status_code()?).ok()?;
    if status.is_success() {
        return None;
    }
    let none = HeaderMap::new();
    let headers = error.http_headers().unwrap_or(&none);
    let understood = error.status().map(|status| {
        let error = serde_json::json!({"error": {"message": status.message}});
        error.to_string().into_bytes()
    });
    let body =
        understood.or_else(|| error.http_payload().map(|payload| payload.to_vec())).unwrap_or_default();
    let reply = Reply { status, headers, body: &body };
    let refusal = Google.refusal(&reply)?;
    // A missing object is answered with plain text by the media endpoint, so its status is all there is to go by.
    let says_missing = status == StatusCode::NOT_FOUND && refusal.meaning == Meaning::Other;
    Some(if says_missing { Refusal { meaning: Meaning::NotFound, ..refusal } } else { refusal })
}

/// The cause as text: the client's error cannot be passed on by value.
fn cause(error: &GaxError) -> Box<dyn std::error::Error + Send + Sync> {
    spacecraft_core::render_chain(error).into()
}

pub(super) fn error_of(call: &Call, meaning: Meaning, reason: impl Into<String>) -> Error {
    Error::new(meaning, call.operation.as_str(), call.resource.as_str(), reason)
}
