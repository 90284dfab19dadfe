//! How Slack says no: `{"ok": false, "error": CODE}`, mostly with status 200.

use serde::Deserialize;
use spacecraft_core::Meaning;
use spacecraft_http::{Dialect, Refusal, Repeat, Reply};

/// The dialect of Slack's Web API.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SlackDialect;

#[derive(Debug, Deserialize)]
struct Answer {
    ok: bool,
    #[serde(default)]
    error: String,
    #[serde(default)]
    needed: String,
    #[serde(default)]
    response_metadata: Metadata,
}

#[derive(Debug, Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    messages: Vec<String>,
}

impl Dialect for SlackDialect {
    fn refusal(&self, reply: &Reply<'_>) -> Option<Refusal> {
        let Ok(answer) = serde_json::from_slice::<Answer>(reply.body) else {
            let mut refusal = reply.refusal("", "");
            if reply.status.is_success() {
                refusal.meaning = Meaning::Invalid;
                refusal.message = format!("this is no answer of Slack: {}", refusal.message);
            }
            return Some(refusal);
        };
        if answer.ok && reply.status.is_success() {
            return None;
        }
        Some(read(reply, &answer))
    }
}

fn read(reply: &Reply<'_>, answer: &Answer) -> Refusal {
    let words = match (answer.error.as_str(), answer.response_metadata.messages.as_slice()) {
        ("", []) => String::new(),
        (code, []) => code.to_owned(),
        (code, messages) => format!("{code}: {}", messages.join("; ")),
    };
    let mut refusal = reply.refusal(&words, "");
    match answer.error.as_str() {
        "ratelimited" | "rate_limited" => {
            refusal.meaning = Meaning::Unavailable;
            refusal.repeat = Repeat::CertainlyDidNothing;
        }
        "fatal_error" | "internal_error" | "service_unavailable" | "request_timeout" => {
            refusal.meaning = Meaning::Unavailable;
            refusal.repeat = Repeat::MayHaveActed;
        }
        code if reply.status.is_success() => refusal.meaning = meaning_of(code),
        _ => {}
    }
    refusal.hint = hint(&answer.error, &answer.needed);
    refusal
}

fn meaning_of(code: &str) -> Meaning {
    match code {
        "channel_not_found" | "message_not_found" | "thread_not_found" => Meaning::NotFound,
        "not_authed"
        | "invalid_auth"
        | "account_inactive"
        | "token_revoked"
        | "token_expired"
        | "missing_scope"
        | "no_permission"
        | "not_allowed_token_type"
        | "not_in_channel"
        | "is_archived"
        | "restricted_action"
        | "cant_update_message"
        | "edit_window_closed"
        | "access_denied" => Meaning::Denied,
        "no_text"
        | "msg_too_long"
        | "msg_blocks_too_long"
        | "too_many_attachments"
        | "invalid_blocks"
        | "invalid_blocks_format"
        | "invalid_arguments"
        | "invalid_json" => Meaning::Invalid,
        _ => Meaning::Other,
    }
}

fn hint(code: &str, needed: &str) -> Option<String> {
    Some(match code {
        "channel_not_found" => {
            "give the channel's identifier (C...), and invite the bot if it is private".to_owned()
        }
        "not_in_channel" => "invite the bot into the channel".to_owned(),
        "is_archived" => "choose a channel that is not archived".to_owned(),
        "missing_scope" => {
            let scope = if needed.is_empty() { "chat:write" } else { needed };
            format!("give the bot the scope {scope} and install it anew")
        }
        "not_authed" | "invalid_auth" | "account_inactive" | "token_revoked" | "token_expired" => {
            "check the Slack token: it must be a bot token (xoxb-...) that is still valid".to_owned()
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use spacecraft_http::{HeaderMap, StatusCode};

    use super::*;

    fn refusal(status: u16, body: &str) -> Option<Refusal> {
        let headers = HeaderMap::new();
        let status = StatusCode::from_u16(status).unwrap();
        SlackDialect.refusal(&Reply { status, headers: &headers, body: body.as_bytes() })
    }

    fn no(code: &str) -> Refusal {
        refusal(200, &format!(r#"{{"ok":false,"error":"{code}"}}"#)).unwrap()
    }

    #[test]
    fn a_no_with_status_200_has_its_meaning() {
        for (code, meaning) in [
            ("channel_not_found", Meaning::NotFound),
            ("message_not_found", Meaning::NotFound),
            ("invalid_auth", Meaning::Denied),
            ("not_in_channel", Meaning::Denied),
            ("is_archived", Meaning::Denied),
            ("msg_blocks_too_long", Meaning::Invalid),
            ("ratelimited", Meaning::Unavailable),
            ("fatal_error", Meaning::Unavailable),
            ("something_new", Meaning::Other),
        ] {
            assert_eq!(no(code).meaning, meaning, "{code}");
        }
    }

    #[test]
    fn only_what_certainly_did_nothing_may_be_posted_again() {
        assert_eq!(no("ratelimited").repeat, Repeat::CertainlyDidNothing);
        assert_eq!(no("fatal_error").repeat, Repeat::MayHaveActed);
        assert_eq!(no("msg_too_long").repeat, Repeat::Never);
        assert_eq!(refusal(503, "").unwrap().repeat, Repeat::MayHaveActed);
    }

    #[test]
    fn what_slack_says_is_kept_and_what_to_do_is_told() {
        let body = r#"{"ok":false,"error":"missing_scope","needed":"chat:write.public",
            "response_metadata":{"messages":["[ERROR] look here"]}}"#;
        let refusal = refusal(200, body).unwrap();
        assert_eq!(refusal.message, "missing_scope: [ERROR] look here");
        assert!(refusal.hint.unwrap().contains("chat:write.public"));
    }

    #[test]
    fn a_page_of_somebody_else_is_no_success() {
        assert_eq!(refusal(200, "<html>sign in</html>").unwrap().meaning, Meaning::Invalid);
        assert_eq!(refusal(200, r#"{"ok":true}"#), None);
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
            let _ = SlackDialect.refusal(&reply);
        }
    }
}
