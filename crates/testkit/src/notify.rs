use async_trait::async_trait;
use spacecraft_core::traits::{Message, MessageId, Notifier};
use spacecraft_core::{Error, Meaning, Result};

use crate::ledger::Ledger;
use crate::shared::Shared;

/// A notifier that remembers what was posted.
#[derive(Debug, Clone, Default)]
pub struct RecordingNotifier {
    ledger: Ledger,
    posts: Shared<Vec<Post>>,
}

/// A message that was posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// Its name.
    pub id: MessageId,
    /// The message whose thread it was posted into.
    pub thread: Option<MessageId>,
    /// The message as it was last written.
    pub message: Message,
    /// How often it was replaced.
    pub updates: u32,
}

impl RecordingNotifier {
    /// A notifier without posts that counts its calls in `ledger`.
    #[must_use]
    pub fn with_ledger(ledger: Ledger) -> Self {
        Self { ledger, posts: Shared::default() }
    }

    /// The calls so far, and faults to come.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// All posts, in order.
    #[must_use]
    pub fn posts(&self) -> Vec<Post> {
        self.posts.lock().clone()
    }
}

fn unknown(operation: &str, id: &MessageId) -> Error {
    Error::new(Meaning::NotFound, operation, id.0.clone(), "there is no such message")
}

#[async_trait]
impl Notifier for RecordingNotifier {
    async fn check_access(&self) -> Result<()> {
        self.ledger.begin("notify.check_access", "").await?.read(())
    }

    async fn post(&self, message: &Message, thread: Option<&MessageId>) -> Result<MessageId> {
        let call = self.ledger.begin("notify.post", &message.title).await?;
        let id = {
            let mut posts = self.posts.lock();
            if let Some(thread) = thread.filter(|thread| posts.iter().all(|post| post.id != **thread)) {
                return Err(unknown("post into thread", thread));
            }
            let id = MessageId(format!("message-{}", posts.len() + 1));
            let message = message.clone();
            posts.push(Post { id: id.clone(), thread: thread.cloned(), message, updates: 0 });
            id
        };
        call.wrote(id)
    }

    async fn update(&self, id: &MessageId, message: &Message) -> Result<()> {
        let call = self.ledger.begin("notify.update", &id.0).await?;
        {
            let mut posts = self.posts.lock();
            let post = posts.iter_mut().find(|post| post.id == *id);
            let post = post.ok_or_else(|| unknown("update message", id))?;
            post.message = message.clone();
            post.updates += 1;
        }
        call.wrote(())
    }
}
