//! Slack: posting and updating messages, and incoming webhooks.

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    context::Context,
    google::bearer,
    wire::{Request, Response},
};

/// The longest text of a message, in characters.
const MAX_TEXT: usize = 40_000;
/// The most blocks of a message.
const MAX_BLOCKS: usize = 50;
/// The channels that the bot can post to, beside those that were posted to; others do not exist.
const CHANNEL_PREFIXES: [char; 3] = ['C', 'G', 'D'];

/// Every message sent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Slack {
    pub(crate) messages: Vec<Message>,
    /// By channel: the second of the newest message and how many were posted in it.
    recent: BTreeMap<String, (i64, u32)>,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) channel: String,
    pub(crate) ts: String,
    pub(crate) thread_ts: Option<String>,
    pub(crate) text: String,
    blocks: Option<Value>,
    edited: bool,
}

impl Message {
    /// The message as the inventory lists it.
    pub(crate) fn to_json(&self) -> Value {
        let mut body = json!({"channel": self.channel, "ts": self.ts, "text": self.text});
        if let Some(thread) = &self.thread_ts {
            body["thread_ts"] = json!(thread);
        }
        body
    }
}

/// Logic errors are answered with status 200.
fn refuse(error: &str) -> Response {
    Response::json(StatusCode::OK, &json!({"ok": false, "error": error}))
}

impl Slack {
    /// Answers a call of the Web API; `check_token` is false while a recorded call is played again.
    pub(crate) fn handle(&mut self, request: &Request, check_token: bool, context: &Context<'_>) -> Response {
        let arguments = arguments(request);
        if check_token {
            let form_token = arguments["token"].as_str();
            match bearer(request).or(form_token) {
                None => return refuse("not_authed"),
                Some(token) if token != context.environment.credentials.slack_token => {
                    return refuse("invalid_auth");
                }
                Some(_) => {}
            }
        }
        match request.path.as_str() {
            "/api/auth.test" => Response::json(
                StatusCode::OK,
                &json!({"ok": true, "url": "https://sandbox.slack.com/", "team": "Sandbox", "user": "spacecraft",
                        "team_id": "T1", "user_id": "U1", "bot_id": "B1"}),
            ),
            "/api/chat.postMessage" if request.method == Method::POST => self.post(&arguments, context),
            "/api/chat.update" if request.method == Method::POST => self.update(&arguments),
            "/api/chat.postMessage" | "/api/chat.update" => refuse("invalid_post_type"),
            _ => refuse("unknown_method"),
        }
    }

    fn post(&mut self, arguments: &Value, context: &Context<'_>) -> Response {
        let channel = arguments["channel"].as_str().unwrap_or_default();
        if !lawful_channel(channel) {
            return refuse("channel_not_found");
        }
        if let Err(error) = check_content(arguments) {
            return refuse(error);
        }
        if self.is_limited(channel, context) {
            return rate_limited();
        }
        let message = self.add(channel, arguments, context.now);
        Response::json(
            StatusCode::OK,
            &json!({"ok": true, "channel": channel, "ts": message.ts,
                    "message": {"type": "message", "user": "U1", "bot_id": "B1", "text": message.text, "ts": message.ts}}),
        )
    }

    fn add(&mut self, channel: &str, arguments: &Value, now: Timestamp) -> Message {
        let message = Message {
            channel: channel.to_owned(),
            ts: format!("{}.{:06}", now.as_second(), (self.messages.len() + 1) % 1_000_000),
            thread_ts: arguments["thread_ts"].as_str().map(str::to_owned),
            text: arguments["text"].as_str().unwrap_or_default().chars().take(MAX_TEXT).collect(),
            blocks: arguments.get("blocks").cloned(),
            edited: false,
        };
        self.messages.push(message.clone());
        message
    }

    fn is_limited(&mut self, channel: &str, context: &Context<'_>) -> bool {
        let limit = context.settings.slack_messages_per_second;
        let second = context.now.as_second();
        let (last, count) = self.recent.entry(channel.to_owned()).or_insert((second, 0));
        if *last != second {
            (*last, *count) = (second, 0);
        }
        *count += 1;
        limit > 0 && *count > limit
    }

    fn update(&mut self, arguments: &Value) -> Response {
        let channel = arguments["channel"].as_str().unwrap_or_default();
        let ts = arguments["ts"].as_str().unwrap_or_default();
        if !lawful_channel(channel) {
            return refuse("channel_not_found");
        }
        if let Err(error) = check_content(arguments) {
            return refuse(error);
        }
        let found = self.messages.iter_mut().find(|message| message.channel == channel && message.ts == ts);
        let Some(message) = found else { return refuse("message_not_found") };
        message.text = arguments["text"].as_str().unwrap_or_default().chars().take(MAX_TEXT).collect();
        message.blocks = arguments.get("blocks").cloned().or(message.blocks.take());
        message.edited = true;
        Response::json(
            StatusCode::OK,
            &json!({"ok": true, "channel": channel, "ts": ts, "text": message.text}),
        )
    }

    /// Answers a post to an incoming webhook, whose path is its secret.
    pub(crate) fn handle_webhook(
        &mut self,
        request: &Request,
        check_token: bool,
        context: &Context<'_>,
    ) -> Response {
        if check_token && request.path != context.environment.credentials.slack_webhook_path {
            return Response::text(StatusCode::NOT_FOUND, "no_service");
        }
        let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
            return Response::text(StatusCode::BAD_REQUEST, "invalid_payload");
        };
        if body["text"].as_str().unwrap_or_default().is_empty() && body.get("blocks").is_none() {
            return Response::text(StatusCode::BAD_REQUEST, "no_text");
        }
        if self.is_limited("webhook", context) {
            return rate_limited();
        }
        self.add("webhook", &body, context.now);
        Response::text(StatusCode::OK, "ok")
    }
}

fn rate_limited() -> Response {
    Response::json(StatusCode::TOO_MANY_REQUESTS, &json!({"ok": false, "error": "ratelimited"}))
        .with_header("retry-after", "1")
}

fn lawful_channel(channel: &str) -> bool {
    channel.len() >= 2
        && channel.starts_with(CHANNEL_PREFIXES)
        && channel.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
}

fn check_content(arguments: &Value) -> Result<(), &'static str> {
    let text = arguments["text"].as_str().unwrap_or_default();
    let blocks = arguments.get("blocks");
    if text.is_empty() && blocks.is_none() {
        return Err("no_text");
    }
    match blocks {
        Some(Value::Array(blocks)) if blocks.len() > MAX_BLOCKS => Err("invalid_blocks"),
        Some(Value::Array(_)) | None => Ok(()),
        Some(_) => Err("invalid_blocks_format"),
    }
}

/// The arguments of a call: a JSON body, or a form whose values are text.
fn arguments(request: &Request) -> Value {
    let is_json = request.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
    if is_json {
        return serde_json::from_slice(&request.body).unwrap_or_else(|_| json!({}));
    }
    let pairs = url::form_urlencoded::parse(&request.body);
    pairs.map(|(key, value)| (key.into_owned(), Value::from(value.into_owned()))).collect()
}
