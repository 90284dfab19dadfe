//! How GitHub says no.

use serde::Deserialize;
use spacecraft_core::Meaning;
use spacecraft_http::{Dialect, Refusal, Repeat, Reply};

/// The dialect of GitHub's REST API.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GitHubDialect;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    message: String,
    errors: Vec<Problem>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Problem {
    resource: String,
    code: String,
    field: String,
    message: String,
}

impl Dialect for GitHubDialect {
    fn refusal(&self, reply: &Reply<'_>) -> Option<Refusal> {
        if reply.status.is_success() {
            return None;
        }
        let answer: Answer = serde_json::from_slice(reply.body).unwrap_or_default();
        let mut refusal = reply.refusal(&words(&answer), "");
        match reply.status.as_u16() {
            401 => refusal.hint = Some("the GitHub token is wrong or has expired".to_owned()),
            403 | 429 => read_refused(reply, &answer, &mut refusal),
            422 if answer.errors.iter().any(|problem| problem.code == "already_exists") => {
                refusal.meaning = Meaning::AlreadyExists;
            }
            _ => {}
        }
        Some(refusal)
    }
}

fn words(answer: &Answer) -> String {
    let problem = |problem: &Problem| match problem.message.as_str() {
        "" => format!("{} of {}: {}", problem.field, problem.resource, problem.code),
        message => message.to_owned(),
    };
    let problems: Vec<String> = answer.errors.iter().map(problem).collect();
    if problems.is_empty() {
        answer.message.clone()
    } else {
        format!("{}: {}", answer.message, problems.join("; "))
    }
}

/// 403 and 429 are a limit that passes, one that lasts up to an hour, or a right that is missing.
fn read_refused(reply: &Reply<'_>, answer: &Answer, refusal: &mut Refusal) {
    let header =
        |name: &str| reply.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let says_limit = answer.message.to_ascii_lowercase().contains("rate limit");
    if header("x-ratelimit-remaining") == "0" {
        refusal.meaning = Meaning::Quota;
        refusal.repeat = Repeat::Never;
        let reset = header("x-ratelimit-reset");
        refusal.hint = Some(format!("GitHub's hourly limit is used up until second {reset} of the epoch"));
    } else if says_limit || !header("retry-after").is_empty() {
        refusal.meaning = Meaning::Unavailable;
        refusal.repeat = Repeat::CertainlyDidNothing;
    } else if reply.status.as_u16() == 403 {
        refusal.meaning = Meaning::Denied;
        refusal.hint =
            missing_right(header("x-accepted-github-permissions"), header("x-accepted-oauth-scopes"));
    }
}

/// Names the right that the call needs, when GitHub does.
fn missing_right(permissions: &str, scopes: &str) -> Option<String> {
    let right = match (permissions, scopes) {
        ("", "") => return None,
        ("", scopes) => format!("one of the scopes {scopes}"),
        (permissions, _) => permissions.to_owned(),
    };
    Some(format!("the GitHub token lacks a right: it needs {right}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use spacecraft_http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

    use super::*;

    fn refusal(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Refusal {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        let status = StatusCode::from_u16(status).unwrap();
        GitHubDialect.refusal(&Reply { status, headers: &headers, body: body.as_bytes() }).unwrap()
    }

    #[test]
    fn a_missing_right_is_named() {
        let body = r#"{"message":"Resource not accessible by personal access token"}"#;
        let refused = refusal(403, &[("x-accepted-github-permissions", "contents=write")], body);
        assert_eq!(refused.meaning, Meaning::Denied);
        assert!(refused.hint.unwrap().contains("contents=write"));
        let refused = refusal(403, &[("x-accepted-oauth-scopes", "repo")], body);
        assert!(refused.hint.unwrap().contains("scopes repo"));
    }

    #[test]
    fn limits_are_told_apart_from_rights() {
        let body = r#"{"message":"You have exceeded a secondary rate limit."}"#;
        let passing = refusal(403, &[("retry-after", "60")], body);
        assert_eq!((passing.meaning, passing.repeat), (Meaning::Unavailable, Repeat::CertainlyDidNothing));
        let lasting =
            refusal(429, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1800000000")], "{}");
        assert_eq!((lasting.meaning, lasting.repeat), (Meaning::Quota, Repeat::Never));
    }

    #[test]
    fn what_is_wrong_with_which_field_is_said() {
        let body = r#"{"message":"Validation Failed","errors":[{"resource":"Release","code":"already_exists","field":"tag_name"}]}"#;
        let refused = refusal(422, &[], body);
        assert_eq!(refused.meaning, Meaning::AlreadyExists);
        assert_eq!(refused.message, "Validation Failed: tag_name of Release: already_exists");
    }

    proptest! {
        #[test]
        fn no_refusal_makes_reading_panic(
            status in 300_u16..600,
            limit in "[ -~]{0,8}",
            message in "[\\PC]{0,20}",
            body in any::<Vec<u8>>(),
        ) {
            let mut headers = HeaderMap::new();
            for name in ["x-ratelimit-remaining", "retry-after", "x-accepted-oauth-scopes"] {
                headers.insert(HeaderName::from_static(name), HeaderValue::from_str(&limit).unwrap());
            }
            let status = StatusCode::from_u16(status).unwrap();
            let document = serde_json::json!({"message": message, "errors": [{"code": message}]}).to_string();
            for body in [&body[..], document.as_bytes()] {
                let refused = GitHubDialect.refusal(&Reply { status, headers: &headers, body });
                prop_assert!(refused.is_some());
            }
        }
    }

    #[test]
    fn garbage_is_read_without_harm() {
        for body in ["", "<html>", r#"{"errors":"x"}"#, "[]"] {
            assert_eq!(refusal(502, &[], body).repeat, Repeat::MayHaveActed);
        }
    }
}
