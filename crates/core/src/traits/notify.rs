use std::fmt::Debug;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::error::Result;

/// Tells people what operations do.
///
/// # Contract
///
/// * Texts are plain; the implementation escapes what its service would interpret.
/// * `post` may be repeated only when the service certainly did not take the message; a message is lost rather than doubled.
/// * Failing to tell is an error for the caller to report, never a reason to stop an operation.
#[async_trait]
pub trait Notifier: Debug + Send + Sync {
    /// Checks, without posting, that the credentials work.
    async fn check_access(&self) -> Result<()>;

    /// Posts a message, into the thread of another if asked to.
    async fn post(&self, message: &Message, thread: Option<&MessageId>) -> Result<MessageId>;

    /// Replaces the text of a message.
    async fn update(&self, id: &MessageId, message: &Message) -> Result<()>;
}

/// A message to people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// How it is meant.
    pub mood: Mood,
    /// The headline.
    pub title: String,
    /// What there is to say below it; may be empty or several lines.
    pub text: String,
}

/// How a message is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mood {
    /// Something begins or goes on.
    Neutral,
    /// Something succeeded.
    Good,
    /// Something failed.
    Bad,
}

/// Names a posted message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageId(pub String);
