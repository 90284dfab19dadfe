//! How Elasticsearch and Kibana say no.

use serde::Deserialize;
use spacecraft_core::Meaning;
use spacecraft_http::{Dialect, Refusal, Repeat, Reply};

/// `{"error": {"type", "reason", "root_cause"}, "status"}`.
#[derive(Debug)]
pub(crate) struct ElasticsearchDialect;

#[derive(Debug, Deserialize)]
struct ElasticsearchAnswer {
    error: ElasticsearchError,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum ElasticsearchError {
    Detailed {
        #[serde(default, rename = "type")]
        kind: String,
        #[serde(default)]
        reason: String,
    },
    Plain(String),
}

impl Dialect for ElasticsearchDialect {
    fn refusal(&self, reply: &Reply<'_>) -> Option<Refusal> {
        if reply.status.is_success() {
            return None;
        }
        let answer = serde_json::from_slice::<ElasticsearchAnswer>(reply.body).map(|answer| answer.error);
        let (kind, reason) = match answer {
            Ok(ElasticsearchError::Detailed { kind, reason }) => (kind, reason),
            Ok(ElasticsearchError::Plain(reason)) => (String::new(), reason),
            Err(_) => (String::new(), String::new()),
        };
        let mut refusal = reply.refusal(&reason, &kind);
        match kind.as_str() {
            "resource_already_exists_exception" => refusal.meaning = Meaning::AlreadyExists,
            "cluster_block_exception" => {
                refusal.meaning = Meaning::Quota;
                refusal.hint =
                    Some("an index is read-only, as when the disk is full: see --es-disk".to_owned());
            }
            // A write that meets an overloaded node was not begun.
            "es_rejected_execution_exception" => refusal.repeat = Repeat::CertainlyDidNothing,
            _ => {}
        }
        Some(refusal)
    }
}

/// `{"statusCode", "error", "message"}`, or a plain text while Kibana starts.
#[derive(Debug)]
pub(crate) struct KibanaDialect;

#[derive(Debug, Deserialize)]
struct KibanaAnswer {
    #[serde(default)]
    error: String,
    #[serde(default)]
    message: String,
}

impl Dialect for KibanaDialect {
    fn refusal(&self, reply: &Reply<'_>) -> Option<Refusal> {
        if reply.status.is_success() {
            return None;
        }
        let answer: Option<KibanaAnswer> = serde_json::from_slice(reply.body).ok();
        let (message, error) = answer.map(|answer| (answer.message, answer.error)).unwrap_or_default();
        Some(reply.refusal(&message, &error))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use spacecraft_http::{HeaderMap, StatusCode};

    use super::*;

    fn read(dialect: &dyn Dialect, status: u16, body: &str) -> Refusal {
        let headers = HeaderMap::new();
        let status = StatusCode::from_u16(status).unwrap();
        dialect.refusal(&Reply { status, headers: &headers, body: body.as_bytes() }).unwrap()
    }

    #[test]
    fn elasticsearch_is_quoted_with_type_and_reason() {
        let body = r#"{"error":{"root_cause":[],"type":"illegal_argument_exception","reason":"no such setting"},"status":400}"#;
        let refusal = read(&ElasticsearchDialect, 400, body);
        assert_eq!((refusal.meaning, refusal.message.as_str()), (Meaning::Invalid, "no such setting"));
        assert!(refusal.code.contains("illegal_argument_exception"));
    }

    #[test]
    fn types_decide_over_the_status() {
        let body = |kind: &str| format!(r#"{{"error":{{"type":"{kind}","reason":"r"}},"status":1}}"#);
        let meaning = |status, kind| read(&ElasticsearchDialect, status, &body(kind)).meaning;
        assert_eq!(meaning(400, "resource_already_exists_exception"), Meaning::AlreadyExists);
        assert_eq!(meaning(403, "cluster_block_exception"), Meaning::Quota);
        assert_eq!(meaning(401, "security_exception"), Meaning::Denied);
    }

    #[test]
    fn errors_that_are_plain_text_are_kept() {
        assert_eq!(
            read(&ElasticsearchDialect, 405, r#"{"error":"Incorrect method"}"#).message,
            "Incorrect method"
        );
        let starting = read(&KibanaDialect, 503, "Kibana server is not ready yet");
        assert_eq!(
            (starting.meaning, starting.message.as_str()),
            (Meaning::Unavailable, "Kibana server is not ready yet")
        );
    }

    #[test]
    fn kibana_is_quoted_with_its_message() {
        let body = r#"{"statusCode":400,"error":"Bad Request","message":"Invalid file extension .txt"}"#;
        assert_eq!(read(&KibanaDialect, 400, body).message, "Invalid file extension .txt");
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
            let _ = (ElasticsearchDialect.refusal(&reply), KibanaDialect.refusal(&reply));
        }
    }
}
