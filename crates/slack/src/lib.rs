//! Slack messages, by Slack's Web API.
//!
//! Slack has no idempotency key: a post whose reply was lost is given up rather than repeated. Updates replace, so they are
//! repeated. Texts are shown as they are, whatever characters they have.

// What comes from outside is never counted on to be long or small enough.
#![cfg_attr(
    not(test),
    warn(
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss
    )
)]

mod dialect;
mod text;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use spacecraft_core::traits::{Message, MessageId, Notifier};
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_http::{Client, Credential, Idempotency, Request, Url, with_segments};

use crate::dialect::SlackDialect;

/// Where Slack's Web API is.
pub const PUBLIC_API: &str = "https://slack.com/api";

/// How long telling may take in all: people can wait for a message, operations cannot wait for people.
const LONGEST_CALL: Duration = Duration::from_secs(60);

/// Which channel, by whose leave.
#[derive(Debug, Clone)]
pub struct SlackOptions {
    /// The API's base address: [`PUBLIC_API`], or a simulation's.
    pub api: Url,
    /// The channel's identifier, such as `C0123456789`.
    pub channel: String,
    /// A bot token with the scope `chat:write`.
    pub token: SecretString,
}

/// Posts into one channel.
#[derive(Debug, Clone)]
pub struct Slack {
    client: Client,
    options: SlackOptions,
}

/// What Slack answers to a post.
#[derive(Debug, Deserialize)]
struct Posted {
    channel: String,
    ts: String,
}

impl Slack {
    /// Posts by `client` as `options` say. Nothing is called yet.
    #[must_use]
    pub fn new(client: Client, options: SlackOptions) -> Self {
        Self { client, options }
    }

    fn prepare(&self, request: Request, operation: &str) -> Request {
        request
            .about(operation, format!("channel {}", self.options.channel))
            .credential(Credential::Token(self.options.token.clone()))
            .dialect(Arc::new(SlackDialect))
            .deadline(LONGEST_CALL)
    }

    fn method(&self, name: &str) -> Url {
        with_segments(&self.options.api, [name])
    }
}

/// A message's name: the channel's identifier and the message's time stamp, which is one in its channel only.
#[derive(Debug, PartialEq, Eq)]
struct Place<'a> {
    channel: &'a str,
    ts: &'a str,
}

impl<'a> Place<'a> {
    fn of(operation: &str, id: &'a MessageId) -> Result<Self> {
        let place = id.0.split_once('/').map(|(channel, ts)| Place { channel, ts });
        place.ok_or_else(|| {
            Error::new(Meaning::NotFound, operation, id.0.as_str(), "that is no name of a Slack message")
        })
    }

    fn id(&self) -> MessageId {
        MessageId(format!("{}/{}", self.channel, self.ts))
    }
}

fn body(channel: &str, message: &Message) -> Value {
    json!({
        "channel": channel,
        "text": text::summary(message),
        "blocks": text::blocks(message),
        "unfurl_links": false,
        "unfurl_media": false,
    })
}

#[async_trait]
impl Notifier for Slack {
    async fn check_access(&self) -> Result<()> {
        let request = self.client.get(self.method("auth.test"));
        self.prepare(request, "check Slack token for").send().await.map(drop)
    }

    async fn post(&self, message: &Message, thread: Option<&MessageId>) -> Result<MessageId> {
        let mut body = body(&self.options.channel, message);
        if let (Some(thread), Some(fields)) = (thread, body.as_object_mut()) {
            let place = Place::of("post into thread", thread)?;
            fields.insert("thread_ts".to_owned(), json!(place.ts));
        }
        let request = self.client.post(self.method("chat.postMessage")).json(&body);
        let response = self.prepare(request, "post Slack message to").send().await?;
        let posted: Posted = response.json("channel and time stamp of the message")?;
        Ok(Place { channel: &posted.channel, ts: &posted.ts }.id())
    }

    async fn update(&self, id: &MessageId, message: &Message) -> Result<()> {
        let place = Place::of("update Slack message", id)?;
        let mut body = body(place.channel, message);
        if let Some(fields) = body.as_object_mut() {
            fields.insert("ts".to_owned(), json!(place.ts));
        }
        let request = self.client.post(self.method("chat.update")).json(&body);
        let request = self.prepare(request, "update Slack message in").idempotency(Idempotency::Idempotent);
        request.send().await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_named_by_channel_and_time_stamp() {
        let place = Place { channel: "C1", ts: "1503435956.000247" };
        assert_eq!(Place::of("x", &place.id()).unwrap(), place);
        assert!(Place::of("x", &MessageId("1503435956.000247".to_owned())).is_err());
    }
}
