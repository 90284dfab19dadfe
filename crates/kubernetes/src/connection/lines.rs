//! Replies that are read line by line while they arrive: watches and followed logs.

use std::pin::Pin;

use futures::{Stream, TryStreamExt as _};
use http_body_util::BodyExt as _;
use kube::client::Body;
use spacecraft_core::Result;
use spacecraft_http::{Call, Dialect as _, Failure, Reply};
use tokio_util::codec::{FramedRead, LinesCodec};
use tokio_util::io::StreamReader;

use super::{Connection, Draft, failure, whole};
use crate::dialect::KubernetesDialect;

/// The longest line: an object of a watch is at most 3 MiB or so.
const LONGEST_LINE_BYTES: usize = 8 << 20;

/// Lines as they arrive; an error, in words, is the last.
pub(crate) type Lines = Pin<Box<dyn Stream<Item = Result<String, String>> + Send>>;

impl Connection {
    /// Opens a reply that is read line by line for as long as the server sends it. Only opening it has a deadline.
    pub(crate) async fn lines(&self, call: &Call, draft: &Draft) -> Result<Lines> {
        let timeout = self.attempt_timeout;
        let attempt = || async {
            match tokio::time::timeout(timeout, begin(self, draft)).await {
                Ok(result) => result,
                Err(_) => Err(failure::of_patience(timeout)),
            }
        };
        let body = self.retrier().run(call, attempt).await?;
        let reader = StreamReader::new(body.into_data_stream().map_err(std::io::Error::other));
        let lines = FramedRead::new(reader, LinesCodec::new_with_max_length(LONGEST_LINE_BYTES));
        Ok(Box::pin(lines.map_err(|error| error.to_string())))
    }
}

/// Sends the request; the reply's body is read while it arrives.
async fn begin(connection: &Connection, draft: &Draft) -> Result<Body, Failure> {
    let response = connection.client().send(draft.request()?).await.map_err(failure::of_sending)?;
    if response.status().is_success() {
        return Ok(response.into_body());
    }
    let (parts, body) = response.into_parts();
    let body = whole(body).await?;
    let reply = Reply { status: parts.status, headers: &parts.headers, body: &body };
    Err(KubernetesDialect.refusal(&reply).map_or_else(failure::garbled, Failure::Refused))
}
