//! How services word their refusals.

use std::fmt::Debug;

use http::{HeaderMap, StatusCode, header::CONTENT_TYPE};
use serde_json::Value;
use spacecraft_core::Meaning;

use crate::failure::{Refusal, Repeat};
use crate::redact::excerpt;

/// A whole reply, as a dialect reads it.
#[derive(Debug, Clone, Copy)]
pub struct Reply<'a> {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body.
    pub body: &'a [u8],
}

impl Reply<'_> {
    /// The body as JSON, if it is.
    #[must_use]
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(self.body).ok()
    }

    /// A refusal by status alone, in the words of `message`, or of the body when `message` is empty.
    #[must_use]
    pub fn refusal(&self, message: &str, reason: &str) -> Refusal {
        let message = if message.is_empty() { describe_body(self) } else { excerpt(message) };
        let code = if reason.is_empty() {
            format!("HTTP {}", self.status.as_u16())
        } else {
            format!("HTTP {} {}", self.status.as_u16(), excerpt(reason))
        };
        let mut refusal = Refusal::new(meaning_of_status(self.status), message, code);
        refusal.repeat = repeat_of_status(self.status);
        refusal
    }
}

/// How a service says no.
///
/// # Contract
///
/// `refusal` is pure and total: every reply, garbage included, is read without panicking. It answers none exactly for
/// replies that mean success; services that answer 200 and say no in the body are read here.
pub trait Dialect: Debug + Send + Sync {
    /// The refusal in a reply; none when the reply means success.
    fn refusal(&self, reply: &Reply<'_>) -> Option<Refusal>;
}

/// The dialect of services of which only the status is known. A JSON body's `message`, or its `error` when that is text or an
/// object with a `message`, is taken for the server's words.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plain;

impl Dialect for Plain {
    fn refusal(&self, reply: &Reply<'_>) -> Option<Refusal> {
        if reply.status.is_success() {
            return None;
        }
        let message = reply.json().and_then(|body| usual_message(&body)).unwrap_or_default();
        Some(reply.refusal(&message, ""))
    }
}

fn usual_message(body: &Value) -> Option<String> {
    let error = body.get("error");
    [body.get("message"), error.and_then(|error| error.get("message")), error]
        .into_iter()
        .flatten()
        .find_map(Value::as_str)
        .map(str::to_owned)
}

/// What a body says when nothing better is known of it: its text in short, or that it is empty or a page for people.
#[must_use]
pub fn describe_body(reply: &Reply<'_>) -> String {
    let reason = reply.status.canonical_reason().unwrap_or("unknown status");
    let text = String::from_utf8_lossy(reply.body);
    let text = text.trim();
    if text.is_empty() {
        format!("{reason}, with an empty body")
    } else if is_html(reply.headers, text) {
        format!("{reason}, with an HTML page instead of an answer")
    } else {
        excerpt(text)
    }
}

pub(crate) fn is_html(headers: &HeaderMap, text: &str) -> bool {
    let declared = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let start: String = text.trim_start().chars().take(15).collect::<String>().to_ascii_lowercase();
    declared.starts_with("text/html") || start.starts_with("<!doctype html") || start.starts_with("<html")
}

/// What a caller can do about a status that is no success.
#[must_use]
pub fn meaning_of_status(status: StatusCode) -> Meaning {
    match status.as_u16() {
        400 | 405 | 406 | 411 | 413 | 414 | 415 | 422 => Meaning::Invalid,
        401 | 403 | 407 => Meaning::Denied,
        404 | 410 => Meaning::NotFound,
        408 | 504 => Meaning::TimedOut,
        409 => Meaning::AlreadyExists,
        412 => Meaning::PreconditionFailed,
        501 => Meaning::Unsupported,
        429 | 500..=599 => Meaning::Unavailable,
        _ => Meaning::Other,
    }
}

/// Whether a call that was refused with this status can be tried again.
#[must_use]
pub fn repeat_of_status(status: StatusCode) -> Repeat {
    match status.as_u16() {
        429 => Repeat::CertainlyDidNothing,
        408 | 500 | 502 | 503 | 504 => Repeat::MayHaveActed,
        _ => Repeat::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refusal(status: u16, body: &str) -> Refusal {
        let headers = HeaderMap::new();
        let status = StatusCode::from_u16(status).unwrap();
        Plain.refusal(&Reply { status, headers: &headers, body: body.as_bytes() }).unwrap()
    }

    #[test]
    fn the_usual_places_of_a_message_are_read() {
        for body in [r#"{"message":"no"}"#, r#"{"error":"no"}"#, r#"{"error":{"message":"no"}}"#, "no"] {
            assert_eq!(refusal(404, body).message, "no", "{body}");
        }
    }

    #[test]
    fn empty_bodies_and_pages_are_said_as_such() {
        assert_eq!(refusal(502, " ").message, "Bad Gateway, with an empty body");
        assert_eq!(
            refusal(502, "<!DOCTYPE html><p>x").message,
            "Bad Gateway, with an HTML page instead of an answer"
        );
    }

    #[test]
    fn success_is_no_refusal() {
        let headers = HeaderMap::new();
        assert_eq!(
            Plain.refusal(&Reply { status: StatusCode::NO_CONTENT, headers: &headers, body: b"" }),
            None
        );
    }

    proptest! {
        #[test]
        fn no_reply_makes_reading_panic(
            code in 200_u16..=599,
            body in "\\PC{0,40}|\\{\"(error|errors|ok|success|message|code|result)\":[\\[{\"0-9a-z,:}\\]]{0,20}\\}",
        ) {
            let headers = HeaderMap::new();
            let status = StatusCode::from_u16(code).unwrap();
            let reply = Reply { status, headers: &headers, body: body.as_bytes() };
            let _ = Plain.refusal(&reply);
        }
    }
}
