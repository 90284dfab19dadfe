//! How a public bucket says no.

use spacecraft_core::Meaning;
use spacecraft_http::{Dialect, Plain, Refusal, Repeat, Reply, StatusCode};

/// Like any file server, but that a 403 may mean too many calls, for which Google's storage has a word in its body
/// (`error.errors[0].reason`). Any other 403 means a missing object in a bucket that may not be listed.
#[derive(Debug)]
pub(crate) struct PublicBucket;

impl Dialect for PublicBucket {
    fn refusal(&self, reply: &Reply<'_>) -> Option<Refusal> {
        let refusal = Plain.refusal(reply)?;
        if reply.status != StatusCode::FORBIDDEN || !is_rate_limit(reply) {
            return Some(refusal);
        }
        Some(Refusal { meaning: Meaning::Unavailable, repeat: Repeat::CertainlyDidNothing, ..refusal })
    }
}

fn is_rate_limit(reply: &Reply<'_>) -> bool {
    let body = reply.json();
    let reason = body.as_ref().and_then(|body| body.pointer("/error/errors/0/reason")?.as_str());
    reason.is_some_and(|reason| matches!(reason, "rateLimitExceeded" | "userRateLimitExceeded"))
}
