//! How Cloudflare says no: `success: false` and a list of numbered errors, whatever the HTTP status.

use std::time::Duration;

use serde::Deserialize;
use spacecraft_core::Meaning;
use spacecraft_http::{Dialect, Refusal, Repeat, Reply};

/// The dialect of Cloudflare's API v4.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CloudflareDialect;

#[derive(Debug, Deserialize)]
struct Envelope {
    success: bool,
    #[serde(default)]
    errors: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    #[serde(default)]
    code: u32,
    #[serde(default)]
    message: String,
    #[serde(default)]
    error_chain: Vec<Entry>,
}

/// Whoever exceeds the rate is blocked for the next five minutes; asking once a minute then is polite.
const PAUSE_WHEN_RATE_LIMITED: Duration = Duration::from_secs(60);

impl Dialect for CloudflareDialect {
    fn refusal(&self, reply: &Reply<'_>) -> Option<Refusal> {
        let envelope: Option<Envelope> = serde_json::from_slice(reply.body).ok();
        let success = envelope.as_ref().is_none_or(|envelope| envelope.success);
        if reply.status.is_success() && success {
            return None;
        }
        let errors = envelope.map(|envelope| envelope.errors).unwrap_or_default();
        let codes: Vec<u32> = errors.iter().map(|error| error.code).collect();
        let message = errors.iter().map(Entry::text).collect::<Vec<_>>().join("; ");
        let shown = codes.iter().map(|code| format!("code {code}")).collect::<Vec<_>>().join(", ");
        let mut refusal = reply.refusal(&message, &shown);
        if let Some(meaning) = codes.iter().find_map(|code| meaning_of(*code)) {
            refusal.meaning = meaning;
        }
        if reply.status.is_success() && refusal.meaning == Meaning::Other {
            refusal.meaning = Meaning::Invalid;
        }
        if codes.iter().any(|code| RATE_LIMITED.contains(code)) || reply.status.as_u16() == 429 {
            refusal.meaning = Meaning::Unavailable;
            refusal.repeat = Repeat::CertainlyDidNothing;
            let asked = reply.headers.contains_key("retry-after");
            refusal.retry_after = (!asked).then_some(PAUSE_WHEN_RATE_LIMITED);
        }
        refusal.hint = hint(&refusal);
        Some(refusal)
    }
}

impl Entry {
    fn text(&self) -> String {
        let chain: Vec<String> = self.error_chain.iter().map(Entry::text).collect();
        if chain.is_empty() {
            self.message.clone()
        } else {
            format!("{}: {}", self.message, chain.join(", "))
        }
    }
}

const RATE_LIMITED: [u32; 2] = [971, 10429];

fn meaning_of(code: u32) -> Option<Meaning> {
    Some(match code {
        81_053 | 81_054 | 81_057 | 81_058 => Meaning::AlreadyExists,
        81_044 | 7_003 => Meaning::NotFound,
        81_045 => Meaning::Quota,
        1_000 | 6_003 | 9_109 | 10_000 => Meaning::Denied,
        1_004 | 9_005 | 9_207 => Meaning::Invalid,
        _ => return None,
    })
}

fn hint(refusal: &Refusal) -> Option<String> {
    let text = match refusal.meaning {
        Meaning::Denied => "the API token needs the permissions Zone:Read and DNS:Edit for this zone",
        Meaning::Quota => "the zone holds as many records as its plan allows: delete some",
        _ => return None,
    };
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use spacecraft_http::{HeaderMap, StatusCode};

    use super::*;

    fn refusal(status: u16, body: &str) -> Option<Refusal> {
        let headers = HeaderMap::new();
        let status = StatusCode::from_u16(status).unwrap();
        CloudflareDialect.refusal(&Reply { status, headers: &headers, body: body.as_bytes() })
    }

    fn error(status: u16, code: u32) -> Refusal {
        let body = format!(r#"{{"success":false,"errors":[{{"code":{code},"message":"m"}}],"result":null}}"#);
        refusal(status, &body).unwrap()
    }

    #[test]
    fn codes_decide_over_the_status() {
        for (status, code, meaning) in [
            (400, 81_053, Meaning::AlreadyExists),
            (400, 81_058, Meaning::AlreadyExists),
            (404, 81_044, Meaning::NotFound),
            (400, 81_045, Meaning::Quota),
            (400, 1_000, Meaning::Denied),
            (403, 10_000, Meaning::Denied),
            (400, 1_004, Meaning::Invalid),
            (400, 424_242, Meaning::Invalid),
            (503, 424_242, Meaning::Unavailable),
        ] {
            assert_eq!(error(status, code).meaning, meaning, "HTTP {status} with code {code}");
        }
    }

    #[test]
    fn a_rate_limit_passes_and_did_nothing() {
        for refusal in [error(429, 971), error(429, 10_429), refusal(429, "slow down").unwrap()] {
            assert_eq!(refusal.repeat, Repeat::CertainlyDidNothing);
            assert_eq!(refusal.retry_after, Some(PAUSE_WHEN_RATE_LIMITED));
        }
    }

    #[test]
    fn a_no_with_status_200_is_a_no() {
        let refusal = refusal(200, r#"{"success":false,"errors":[],"result":null}"#).unwrap();
        assert_eq!(refusal.meaning, Meaning::Invalid);
    }

    #[test]
    fn the_whole_chain_of_messages_is_told() {
        let body = r#"{"success":false,"errors":[{"code":6003,"message":"Invalid request headers",
            "error_chain":[{"code":6111,"message":"Invalid format for Authorization header"}]}]}"#;
        let refusal = refusal(400, body).unwrap();
        assert_eq!(refusal.message, "Invalid request headers: Invalid format for Authorization header");
        assert_eq!(refusal.meaning, Meaning::Denied);
    }

    #[test]
    fn garbage_is_read_by_its_status() {
        assert_eq!(refusal(502, "<html>").unwrap().meaning, Meaning::Unavailable);
        assert_eq!(refusal(200, "[]"), None);
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
            let _ = CloudflareDialect.refusal(&reply);
        }
    }
}
