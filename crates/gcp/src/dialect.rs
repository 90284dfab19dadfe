use std::time::Duration;

use serde_json::Value;
use spacecraft_core::Meaning;
use spacecraft_http::{Dialect, Refusal, Repeat, Reply, StatusCode};

/// How Google's services word their refusals: `{"error": {"code", "status", "message", "errors": [{"reason"}], "details": []}}`.
/// Newer services send `status` and `details`, older ones `errors`, GKE all of them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Google;

impl Dialect for Google {
    fn refusal(&self, reply: &Reply<'_>) -> Option<Refusal> {
        if reply.status.is_success() {
            return None;
        }
        let body = reply.json().unwrap_or_default();
        let error = body.get("error").unwrap_or(&Value::Null);
        let words = Words::of(error);
        let message = text(error, "message");
        let mut refusal = reply.refusal(message, words.code());
        if let Some((meaning, repeat)) = words.verdict(message) {
            refusal.meaning = meaning;
            refusal.repeat = repeat;
        }
        if refusal.meaning == Meaning::NotFound && !error.is_object() {
            // Whoever wrote this, a proxy perhaps, it is not the service saying that something does not exist.
            refusal.meaning = Meaning::Other;
        }
        refusal.retry_after = retry_delay(error);
        refusal.hint = words.hint();
        Some(refusal)
    }
}

/// How Cloud Storage answers a deletion: with no content. Whoever answers otherwise and calls it a success may not be the service, so that the deletion is repeated.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct WithoutContent;

impl Dialect for WithoutContent {
    fn refusal(&self, reply: &Reply<'_>) -> Option<Refusal> {
        if reply.status == StatusCode::NO_CONTENT || !reply.status.is_success() {
            return Google.refusal(reply);
        }
        let code = format!("HTTP {}", reply.status.as_u16());
        let refusal = Refusal::new(Meaning::Unavailable, "the reply is none of a deletion", code);
        Some(Refusal { repeat: Repeat::MayHaveActed, ..refusal })
    }
}

/// The words for one refusal that programs are meant to read.
struct Words<'a> {
    /// `error.status`, such as `PERMISSION_DENIED`.
    status: &'a str,
    /// `error.errors[0].reason`, such as `rateLimitExceeded`.
    reason: &'a str,
    /// The reason in the ErrorInfo detail, such as `SERVICE_DISABLED`.
    info: &'a str,
    /// The service that ErrorInfo speaks of.
    service: &'a str,
    /// Whether there is a QuotaFailure detail.
    quota_failure: bool,
}

impl<'a> Words<'a> {
    fn of(error: &'a Value) -> Self {
        let reason = error.pointer("/errors/0/reason").and_then(Value::as_str).unwrap_or_default();
        let info = detail(error, "google.rpc.ErrorInfo").unwrap_or(&Value::Null);
        let service = ["/metadata/service", "/metadatas/service"]
            .into_iter()
            .find_map(|path| info.pointer(path))
            .and_then(Value::as_str)
            .unwrap_or_default();
        Self {
            status: text(error, "status"),
            reason,
            info: text(info, "reason"),
            service,
            quota_failure: detail(error, "google.rpc.QuotaFailure").is_some(),
        }
    }

    /// The word that says most.
    fn code(&self) -> &'a str {
        [self.info, self.status, self.reason].into_iter().find(|word| !word.is_empty()).unwrap_or_default()
    }

    fn verdict(&self, message: &str) -> Option<(Meaning, Repeat)> {
        self.verdict_of_reason().or_else(|| {
            let over_quota = self.quota_failure || is_over_quota(message);
            if over_quota { Some((Meaning::Quota, Repeat::Never)) } else { self.verdict_of_status() }
        })
    }

    /// The older services' reasons, which tell more than the status that comes with them: a rate limit answers 403, for one.
    fn verdict_of_reason(&self) -> Option<(Meaning, Repeat)> {
        Some(match self.reason {
            "rateLimitExceeded" | "userRateLimitExceeded" | "resourceNotReady" => {
                (Meaning::Unavailable, Repeat::CertainlyDidNothing)
            }
            "quotaExceeded" | "limitExceeded" => (Meaning::Quota, Repeat::Never),
            "resourceInUseByAnotherResource" => (Meaning::PreconditionFailed, Repeat::Never),
            _ => return None,
        })
    }

    fn verdict_of_status(&self) -> Option<(Meaning, Repeat)> {
        Some(match self.status {
            "INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "OUT_OF_RANGE" => (Meaning::Invalid, Repeat::Never),
            "UNAUTHENTICATED" | "PERMISSION_DENIED" => (Meaning::Denied, Repeat::Never),
            "NOT_FOUND" => (Meaning::NotFound, Repeat::Never),
            "ALREADY_EXISTS" => (Meaning::AlreadyExists, Repeat::Never),
            "ABORTED" | "RESOURCE_EXHAUSTED" => (Meaning::Unavailable, Repeat::CertainlyDidNothing),
            "UNIMPLEMENTED" => (Meaning::Unsupported, Repeat::Never),
            "DEADLINE_EXCEEDED" => (Meaning::TimedOut, Repeat::MayHaveActed),
            "INTERNAL" | "UNKNOWN" | "UNAVAILABLE" => (Meaning::Unavailable, Repeat::MayHaveActed),
            _ => return None,
        })
    }

    fn hint(&self) -> Option<String> {
        match self.info {
            "SERVICE_DISABLED" if !self.service.is_empty() => {
                Some(format!("enable the service: gcloud services enable {}", self.service))
            }
            "SERVICE_DISABLED" => Some("enable the service in the project".to_owned()),
            "ACCESS_TOKEN_SCOPE_INSUFFICIENT" => {
                Some("use credentials with the scope cloud-platform".to_owned())
            }
            _ => None,
        }
    }
}

/// True for texts that speak of a quota: the only place where GKE says so in a reply.
pub(crate) fn is_over_quota(message: &str) -> bool {
    message.contains("Insufficient regional quota")
        || message.contains("GCE_QUOTA_EXCEEDED")
        || message.contains("QUOTA_EXCEEDED")
}

/// True for texts that say that a zone has no machines left.
pub(crate) fn is_stockout(message: &str) -> bool {
    message.contains("GCE_STOCKOUT")
        || message.contains("ZONE_RESOURCE_POOL_EXHAUSTED")
        || message.contains("does not have enough resources available")
}

fn detail<'a>(error: &'a Value, kind: &str) -> Option<&'a Value> {
    let details = error.get("details")?.as_array()?;
    details.iter().find(|detail| text(detail, "@type").ends_with(kind))
}

/// How long a RetryInfo detail asks to wait; its delay is a decimal number of seconds such as `1.5s`.
fn retry_delay(error: &Value) -> Option<Duration> {
    let delay = text(detail(error, "google.rpc.RetryInfo")?, "retryDelay");
    let seconds: f64 = delay.strip_suffix('s')?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod unit_tests {
    use proptest::prelude::*;
    use serde_json::json;
    use spacecraft_http::{HeaderMap, StatusCode};

    use super::*;

    fn read(status: u16, body: &Value) -> Refusal {
        let headers = HeaderMap::new();
        let bytes = serde_json::to_vec(body).unwrap();
        let status = StatusCode::from_u16(status).unwrap();
        Google.refusal(&Reply { status, headers: &headers, body: &bytes }).unwrap()
    }

    fn legacy(status: u16, reason: &str) -> (Meaning, Repeat) {
        let refusal = read(status, &json!({"error": {"message": "no", "errors": [{"reason": reason}]}}));
        (refusal.meaning, refusal.repeat)
    }

    #[test]
    fn a_rate_limit_passes_and_a_quota_does_not() {
        let passing = (Meaning::Unavailable, Repeat::CertainlyDidNothing);
        assert_eq!(legacy(403, "rateLimitExceeded"), passing);
        assert_eq!(legacy(429, "rateLimitExceeded"), passing);
        assert_eq!(legacy(400, "resourceNotReady"), passing);
        assert_eq!(legacy(403, "quotaExceeded"), (Meaning::Quota, Repeat::Never));
        assert_eq!(legacy(403, "forbidden"), (Meaning::Denied, Repeat::Never));
    }

    #[test]
    fn a_quota_is_found_in_the_message_of_gke() {
        let message = "Insufficient regional quota to satisfy request: resource \"CPUS\"";
        let body = json!({"error": {"status": "PERMISSION_DENIED", "message": message}});
        assert_eq!(read(403, &body).meaning, Meaning::Quota);
    }

    #[test]
    fn an_aborted_call_is_not_one_that_exists_already() {
        let body = json!({"error": {"status": "ABORTED", "message": "try again"}});
        assert_eq!(read(409, &body).meaning, Meaning::Unavailable);
        let body = json!({"error": {"status": "ALREADY_EXISTS", "message": "Already exists"}});
        assert_eq!(read(409, &body).meaning, Meaning::AlreadyExists);
    }

    #[test]
    fn a_retry_delay_is_read() {
        let info = json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.5s"});
        let body = json!({"error": {"message": "slow down", "details": [info]}});
        assert_eq!(read(429, &body).retry_after, Some(Duration::from_millis(1500)));
    }

    #[test]
    fn a_disabled_service_comes_with_the_command_that_enables_it() {
        let info = json!({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED",
                          "metadata": {"service": "container.googleapis.com"}});
        let body = json!({"error": {"status": "PERMISSION_DENIED", "message": "off", "details": [info]}});
        let refusal = read(403, &body);
        assert_eq!(refusal.code, "HTTP 403 SERVICE_DISABLED");
        assert_eq!(
            refusal.hint.as_deref(),
            Some("enable the service: gcloud services enable container.googleapis.com")
        );
    }

    #[test]
    fn only_the_service_itself_can_say_that_something_does_not_exist() {
        let body = json!({"error": {"code": 404, "message": "Not found: x", "status": "NOT_FOUND"}});
        assert_eq!(read(404, &body).meaning, Meaning::NotFound);
        for body in [json!("page not found"), json!(null), json!({"detail": "no route"})] {
            assert_eq!(read(404, &body).meaning, Meaning::Other, "{body}");
        }
    }

    #[test]
    fn bodies_of_any_shape_are_read() {
        for body in
            [json!(null), json!([]), json!({"error": "invalid_grant"}), json!({"error": {"errors": 1}})]
        {
            assert_eq!(read(503, &body).meaning, Meaning::Unavailable, "{body}");
        }
    }

    proptest! {
        #[test]
        fn no_reply_makes_reading_panic(
            code in 200_u16..=599,
            body in "\\PC{0,40}|\\{\"(error|errors|message|code|details)\":[\\[{\"0-9a-z,:}\\]]{0,20}\\}",
        ) {
            let headers = HeaderMap::new();
            let status = StatusCode::from_u16(code).unwrap();
            let _ = Google.refusal(&Reply { status, headers: &headers, body: body.as_bytes() });
        }
    }
}
