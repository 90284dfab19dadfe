//! Sending a request to the API and reading what comes back, refusals included.

use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, TryStreamExt as _};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use kube::client::Body;
use serde_json::Value;
use spacecraft_core::{Error, Meaning};
use spacecraft_http::{Failure, Refusal, Repeat, Reply, Retrier};
use tokio_util::codec::{FramedRead, LinesCodec, LinesCodecError};
use tokio_util::io::StreamReader;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// The time that one attempt of a request may take, its whole reply included. Watches have no such end.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);
/// No reply is read further than this.
const LARGEST_REPLY_BYTES: usize = 256 << 20;
/// The longest line of a watch: an object is at most 3 MiB or so.
const LONGEST_LINE_BYTES: usize = 8 << 20;

/// Makes one attempt of a request; its reply is JSON.
pub(super) async fn attempt(
    client: &kube::Client,
    retrier: &Retrier,
    request: Request<Vec<u8>>,
) -> Result<Value, Failure> {
    let reply = async { whole(begin(client, retrier, request).await?).await };
    let body = tokio::time::timeout(ATTEMPT_TIMEOUT, reply).await.unwrap_or_else(|_| Err(impatient()))?;
    match serde_json::from_slice::<Value>(&body) {
        Ok(reply) if is_of_the_api(&reply) => Ok(reply),
        Ok(_) => Err(unreadable("the reply is nothing that an API server says", None)),
        Err(error) => Err(unreadable("the reply is no whole JSON", Some(error.into()))),
    }
}

/// Everything that an API server answers says of which kind it is, but for its version.
fn is_of_the_api(reply: &Value) -> bool {
    ["kind", "gitVersion"].iter().any(|field| reply.get(field).is_some_and(Value::is_string))
}

fn unreadable(reason: &str, source: Option<Source>) -> Failure {
    Failure::ReplyLost { reason: reason.to_owned(), timed_out: false, source }
}

/// Makes one attempt of a request whose reply is read line by line while it arrives. Only its beginning has a deadline.
pub(super) async fn lines(
    client: &kube::Client,
    retrier: &Retrier,
    request: Request<Vec<u8>>,
) -> Result<impl Stream<Item = Result<String, LinesCodecError>> + Send + use<>, Failure> {
    let reply = begin(client, retrier, request);
    let body = tokio::time::timeout(ATTEMPT_TIMEOUT, reply).await.unwrap_or_else(|_| Err(impatient()))?;
    let reader = StreamReader::new(body.into_data_stream().map_err(std::io::Error::other));
    Ok(FramedRead::new(reader, LinesCodec::new_with_max_length(LONGEST_LINE_BYTES)))
}

/// Sends a request; the body of its reply is still to be read, unless it says no.
async fn begin(client: &kube::Client, retrier: &Retrier, request: Request<Vec<u8>>) -> Result<Body, Failure> {
    let response = client.send(request.map(Body::from)).await.map_err(of_sending)?;
    let (parts, body) = response.into_parts();
    if parts.status.is_success() {
        return Ok(body);
    }
    let body = whole(body).await?;
    let mut refusal = refusal(parts.status, &parts.headers, &body);
    refusal.retry_after = retrier.asked_pause(&parts.headers).or(refusal.retry_after);
    Err(Failure::Refused(refusal))
}

async fn whole(body: Body) -> Result<Bytes, Failure> {
    match Limited::new(body, LARGEST_REPLY_BYTES).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(cause) => Err(unreadable("the reply broke off", Some(cause))),
    }
}

fn impatient() -> Failure {
    Failure::ReplyLost {
        reason: format!("no whole reply within {} s", ATTEMPT_TIMEOUT.as_secs()),
        timed_out: true,
        source: None,
    }
}

fn of_sending(error: kube::Error) -> Failure {
    match error {
        kube::Error::Service(cause) => of_service(cause),
        other => Failure::Final(
            Error::new(Meaning::Other, "ask the cluster", "", "the request could not be made")
                .with_source(other),
        ),
    }
}

fn of_service(cause: Source) -> Failure {
    let cause = match cause.downcast::<Error>() {
        Ok(ours) => return Failure::Final(*ours),
        Err(cause) => cause,
    };
    unreadable("there is no connection to the cluster, or it broke before the reply came", Some(cause))
}

/// What a reply that is no success says: a `Status`, or anything where a proxy or the rate limiter answers.
fn refusal(code: StatusCode, headers: &HeaderMap, body: &[u8]) -> Refusal {
    let status: kube::core::Status = serde_json::from_slice(body).unwrap_or_default();
    let meaning = match status.reason.as_str() {
        "NotFound" | "Gone" | "Expired" => Meaning::NotFound,
        "AlreadyExists" => Meaning::AlreadyExists,
        "Conflict" => Meaning::PreconditionFailed,
        "Forbidden" if status.message.contains("exceeded quota") => Meaning::Quota,
        _ => spacecraft_http::meaning_of_status(code),
    };
    let message = match status.message.is_empty() {
        true => spacecraft_http::describe_body(&Reply { status: code, headers, body }),
        false => status.message.clone(),
    };
    let text = format!("{} {}", code.as_u16(), status.reason);
    let mut refusal = Refusal::new(meaning, message, text.trim_end());
    refusal.repeat = spacecraft_http::repeat_of_status(code);
    if status.reason == "Conflict" && status.message.contains("the object has been modified") {
        refusal.repeat = Repeat::MayHaveActed;
    }
    let seconds = status.details.map_or(0, |details| details.retry_after_seconds);
    refusal.retry_after = (seconds > 0).then(|| Duration::from_secs(seconds.into()));
    refusal
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;

    use http::Response;
    use serde_json::json;
    use spacecraft_core::time::{SeededRandom, SystemClock};
    use spacecraft_http::RetryPolicy;

    use super::*;

    fn retrier() -> Retrier {
        Retrier::new(Arc::new(SystemClock), Arc::new(SeededRandom::new(7)), RetryPolicy::default())
    }

    /// A server that always answers this.
    fn client(status: u16, retry_after: Option<&'static str>, body: &'static str) -> kube::Client {
        let answer = move |_: Request<Body>| async move {
            let mut response = Response::builder().status(status);
            if let Some(asked) = retry_after {
                response = response.header("retry-after", asked);
            }
            Ok::<_, Infallible>(response.body(Body::from(body.as_bytes().to_vec())).unwrap())
        };
        kube::Client::new(tower::service_fn(answer), "default")
    }

    fn request() -> Request<Vec<u8>> {
        Request::builder().uri("/version").body(Vec::new()).unwrap()
    }

    async fn refused(client: kube::Client) -> Refusal {
        let of_lines = lines(&client, &retrier(), request()).await.map(drop).unwrap_err();
        let (Failure::Refused(refusal), Failure::Refused(of_lines)) =
            (attempt(&client, &retrier(), request()).await.unwrap_err(), of_lines)
        else {
            panic!("it was not refused");
        };
        assert_eq!(refusal, of_lines);
        refusal
    }

    #[tokio::test]
    async fn a_server_is_left_alone_for_as_long_as_it_asks() {
        let told = r#"{"kind": "Status", "message": "slower", "reason": "TooManyRequests", "details": {"retryAfterSeconds": 5}}"#;
        for (header, body, seconds) in [
            (Some("7"), "Too many requests, please try again later.", Some(7)),
            (None, told, Some(5)),
            (Some("7"), told, Some(7)),
            (None, "", None),
        ] {
            let refusal = refused(client(429, header, body)).await;
            assert_eq!(refusal.retry_after, seconds.map(Duration::from_secs), "{header:?} {body}");
            assert_eq!(refusal.meaning, Meaning::Unavailable);
        }
    }

    #[tokio::test]
    async fn a_refusal_that_is_no_status_is_told_by_its_text() {
        let refusal = refused(client(503, None, "<html>busy</html>")).await;
        assert_eq!(refusal.message, "Service Unavailable, with an HTML page instead of an answer");
        assert_eq!(refusal.code, "503");
    }

    #[tokio::test]
    async fn what_no_api_server_says_is_a_lost_reply() {
        for garbage in ["", "{\"kind\": ", "<html>", "[1, null]", "{\"error\": \"sign in\"}"] {
            let failure = attempt(&client(200, None, garbage), &retrier(), request()).await.unwrap_err();
            assert!(matches!(failure, Failure::ReplyLost { timed_out: false, .. }), "{garbage}: {failure:?}");
        }
        let reply = attempt(&client(200, None, "{\"kind\": \"Job\"}"), &retrier(), request()).await.unwrap();
        assert_eq!(reply, json!({"kind": "Job"}));
    }
}
