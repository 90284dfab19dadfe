//! How a Kubernetes API words its refusals: a `Status` object, or plain text where a proxy or the rate limiter answers.

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use spacecraft_core::Meaning;
use spacecraft_http::{Dialect, Refusal, Repeat, Reply};

/// The dialect of Kubernetes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct KubernetesDialect;

/// A `Status`, as far as it matters.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Status {
    pub(crate) kind: String,
    pub(crate) code: u16,
    pub(crate) reason: String,
    pub(crate) message: String,
    details: Option<Details>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Details {
    retry_after_seconds: u64,
    causes: Option<Vec<Cause>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Cause {
    reason: String,
}

impl Dialect for KubernetesDialect {
    fn refusal(&self, reply: &Reply<'_>) -> Option<Refusal> {
        if reply.status.is_success() || reply.status == StatusCode::SWITCHING_PROTOCOLS {
            return None;
        }
        let status = Status::read(reply.body).unwrap_or_default();
        let mut refusal = reply.refusal(&status.message, &status.reason);
        refusal.meaning = status.meaning().unwrap_or(refusal.meaning);
        refusal.retry_after = asked_wait(reply.headers).or(status.retry_after());
        if status.is_conflict() {
            refusal.repeat = Repeat::MayHaveActed;
        }
        if status.says_malformed() {
            refusal.meaning = Meaning::Invalid;
            refusal.repeat = Repeat::Never;
        }
        refusal.hint = hint(refusal.meaning, &status);
        Some(refusal)
    }
}

impl Status {
    /// The `Status` in a body; none when it is something else.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok().filter(|status: &Self| status.kind == "Status")
    }

    /// What the reason means, which says more than the code: 409 is both `AlreadyExists` and `Conflict`.
    fn meaning(&self) -> Option<Meaning> {
        if self.is_ending_namespace() {
            return Some(Meaning::Unavailable);
        }
        Some(match self.reason.as_str() {
            "NotFound" | "Gone" | "Expired" => Meaning::NotFound,
            "AlreadyExists" => Meaning::AlreadyExists,
            "Conflict" => Meaning::PreconditionFailed,
            "Unauthorized" => Meaning::Denied,
            "Forbidden" if self.message.contains("exceeded quota") => Meaning::Quota,
            "Forbidden" => Meaning::Denied,
            "BadRequest"
            | "Invalid"
            | "NotAcceptable"
            | "UnsupportedMediaType"
            | "RequestEntityTooLarge"
            | "MethodNotAllowed" => Meaning::Invalid,
            "Timeout" | "ServerTimeout" => Meaning::TimedOut,
            "TooManyRequests" | "InternalError" | "ServiceUnavailable" | "StorageReadError" => {
                Meaning::Unavailable
            }
            _ => return None,
        })
    }

    fn is_ending_namespace(&self) -> bool {
        let causes = self.details.as_ref().and_then(|details| details.causes.as_deref()).unwrap_or_default();
        causes.iter().any(|cause| cause.reason == "NamespaceTerminating")
    }

    /// True when somebody else changed the object at the same moment, so that the same request can succeed now. A conflict of field
    /// managers or of a precondition stays.
    fn is_conflict(&self) -> bool {
        self.reason == "Conflict" && self.message.contains("the object has been modified")
    }

    /// True when server-side apply says, with code 500, that the object that was sent is malformed: it does not get better.
    fn says_malformed(&self) -> bool {
        self.code == 500 && self.message.contains("failed to create typed patch object")
    }

    fn retry_after(&self) -> Option<Duration> {
        let seconds = self.details.as_ref()?.retry_after_seconds;
        (seconds > 0).then(|| Duration::from_secs(seconds))
    }
}

/// The header, which a Kubernetes API always writes in whole seconds.
fn asked_wait(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn hint(meaning: Meaning, status: &Status) -> Option<String> {
    if status.is_ending_namespace() {
        return Some(
            "a network of this name is still being removed; run the command again when it is gone".to_owned(),
        );
    }
    let hint = match (meaning, status.reason.as_str()) {
        (Meaning::Denied, "Unauthorized") => "the credentials for this cluster are missing, wrong or expired",
        (Meaning::Denied, _) => {
            "ask the cluster's administrator for this right, or use credentials that have it"
        }
        (Meaning::Quota, _) => {
            "ask the cluster's administrator for a larger ResourceQuota, or make the network smaller"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn refusal(code: u16, body: &str) -> Option<Refusal> {
        let headers = HeaderMap::new();
        let status = StatusCode::from_u16(code).unwrap();
        KubernetesDialect.refusal(&Reply { status, headers: &headers, body: body.as_bytes() })
    }

    fn status(code: u16, reason: &str, message: &str) -> Refusal {
        let body = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": message, "reason": reason, "code": code,
        });
        refusal(code, &body.to_string()).unwrap()
    }

    #[test]
    fn each_reason_has_its_meaning_whatever_the_code() {
        for (code, reason, meaning) in [
            (404, "NotFound", Meaning::NotFound),
            (410, "Expired", Meaning::NotFound),
            (409, "AlreadyExists", Meaning::AlreadyExists),
            (409, "Conflict", Meaning::PreconditionFailed),
            (401, "Unauthorized", Meaning::Denied),
            (403, "Forbidden", Meaning::Denied),
            (400, "BadRequest", Meaning::Invalid),
            (422, "Invalid", Meaning::Invalid),
            (429, "TooManyRequests", Meaning::Unavailable),
            (500, "InternalError", Meaning::Unavailable),
            (503, "ServiceUnavailable", Meaning::Unavailable),
            (504, "Timeout", Meaning::TimedOut),
            (418, "SomethingNew", Meaning::Other),
        ] {
            let refusal = status(code, reason, "because");
            assert_eq!(refusal.meaning, meaning, "{reason}");
            assert_eq!(refusal.message, "because");
        }
    }

    #[test]
    fn a_used_up_quota_is_no_missing_right() {
        let message = "pods \"x\" is forbidden: exceeded quota: compute, requested: pods=1, used: pods=5, limited: pods=5";
        assert_eq!(status(403, "Forbidden", message).meaning, Meaning::Quota);
    }

    #[test]
    fn a_namespace_that_is_ending_passes() {
        let body = json!({
            "kind": "Status", "reason": "Forbidden", "code": 403,
            "message": "unable to create new content in namespace net1 because it is being terminated",
            "details": { "causes": [{ "reason": "NamespaceTerminating" }] },
        });
        let refusal = refusal(403, &body.to_string()).unwrap();
        assert_eq!(refusal.meaning, Meaning::Unavailable);
        assert!(refusal.hint.unwrap().contains("being removed"));
    }

    #[test]
    fn the_rate_limiter_answers_in_plain_text() {
        let refusal = refusal(429, "Too many requests, please try again later.").unwrap();
        assert_eq!((refusal.meaning, refusal.repeat), (Meaning::Unavailable, Repeat::CertainlyDidNothing));
        assert_eq!(refusal.message, "Too many requests, please try again later.");
    }

    #[test]
    fn the_wait_that_a_status_asks_for_is_honoured() {
        let body = r#"{"kind":"Status","reason":"TooManyRequests","details":{"retryAfterSeconds":7}}"#;
        assert_eq!(refusal(429, body).unwrap().retry_after, Some(Duration::from_secs(7)));
    }

    #[test]
    fn a_simultaneous_change_is_worth_another_attempt_and_a_lost_ownership_is_not() {
        let modified = "Operation cannot be fulfilled on nodes \"w\": the object has been modified; please apply your changes to the latest version and try again";
        assert_eq!(status(409, "Conflict", modified).repeat, Repeat::MayHaveActed);
        let owned = "Apply failed with 1 conflict: conflict with \"kubectl\"";
        assert_eq!(status(409, "Conflict", owned).repeat, Repeat::Never);
    }

    #[test]
    fn an_object_that_server_side_apply_calls_malformed_is_not_sent_again() {
        let message = "failed to create typed patch object (net1/a; /v1, Kind=ConfigMap): .foo: field not declared in schema";
        let refusal = status(500, "", message);
        assert_eq!((refusal.meaning, refusal.repeat), (Meaning::Invalid, Repeat::Never));
        assert_eq!(status(500, "", "etcdserver: leader changed").repeat, Repeat::MayHaveActed);
    }

    proptest! {
        #[test]
        fn no_body_makes_reading_panic(code in 100_u16..=599, body in "\\PC*") {
            let _ = refusal(code, &body);
        }
    }
}
