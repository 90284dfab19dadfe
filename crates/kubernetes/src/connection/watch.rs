//! Following all objects of a kind: one list, then one watch that is taken up again whenever it ends.

use std::time::Duration;

use futures::{Stream, StreamExt as _, stream};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_http::{Call, Idempotency};

use super::lines::Lines;
use super::list::ListMetadata;
use super::{Connection, Query};
use crate::dialect::Status;

/// How long a watch is asked to last; the server ends it then, and the next one goes on where it ended.
const WATCH_SECONDS: u64 = 290;
/// A watch that is silent for longer than it should last is dead.
const SILENCE_LIMIT: Duration = Duration::from_secs(WATCH_SECONDS + 30);
/// The pause before the list is read again after a failure; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// The longest pause before a watch that ended in good order is opened again.
const LONGEST_PAUSE_BETWEEN_WATCHES: Duration = Duration::from_secs(1);

/// What changed among the followed objects.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Delta<T> {
    /// These are all there are now.
    All(Vec<T>),
    /// This one is new or has changed.
    Changed(T),
    /// This one is gone.
    Gone(T),
    /// Nothing can be seen at the moment, because of this; it goes on by itself.
    Blind(String),
}

/// Follows all objects that `query` selects. The stream ends only after an error that another attempt would not change; a watch that
/// closes, expires or turns to garbage is taken up again, with a new list where one is needed.
pub(crate) fn follow<T>(
    connection: Connection,
    query: Query,
) -> impl Stream<Item = Result<Delta<T>>> + Send + Unpin
where
    T: DeserializeOwned + Send + 'static,
{
    let follower = Follower { connection, query, position: Position::Nowhere, failures: 0 };
    Box::pin(stream::unfold(Some(follower), |follower| async move {
        let mut follower = follower?;
        match follower.next().await {
            Ok(delta) => Some((Ok(delta), Some(follower))),
            Err(error) => Some((Err(error), None)),
        }
    }))
}

enum Position {
    /// Everything has to be listed.
    Nowhere,
    /// The list as of this version is known.
    At(String),
    /// A watch is open, and everything up to this version is known.
    Watching(String, Lines),
}

struct Follower {
    connection: Connection,
    query: Query,
    position: Position,
    failures: u32,
}

/// What a line of a watch says.
enum Said<T> {
    Delta(Delta<T>, String),
    Bookmark(String),
    Expired,
}

impl Follower {
    async fn next<T: DeserializeOwned>(&mut self) -> Result<Delta<T>> {
        loop {
            match std::mem::replace(&mut self.position, Position::Nowhere) {
                Position::Nowhere => return self.list().await,
                Position::At(version) => match self.open(&version).await {
                    Ok(lines) => self.position = Position::Watching(version, lines),
                    Err(error) if is_passing(&error) => return Ok(self.blinded(error.reason().to_owned())),
                    Err(error) => return Err(error),
                },
                Position::Watching(version, lines) => {
                    if let Some(delta) = self.read(version, lines).await {
                        return Ok(delta);
                    }
                }
            }
        }
    }

    async fn list<T: DeserializeOwned>(&mut self) -> Result<Delta<T>> {
        self.pause(LONGEST_PAUSE).await;
        let mut all = Vec::new();
        match self.connection.list_each(&self.query, |item| all.push(item)).await {
            Ok(version) => {
                self.position = Position::At(version);
                Ok(Delta::All(all))
            }
            Err(error) if is_passing(&error) => Ok(self.blinded(error.to_string())),
            Err(error) => Err(error),
        }
    }

    /// Reads on; none when the watch ended or said nothing of interest, after which the position tells how to go on.
    async fn read<T: DeserializeOwned>(&mut self, version: String, mut lines: Lines) -> Option<Delta<T>> {
        let line = match tokio::time::timeout(SILENCE_LIMIT, lines.next()).await {
            Ok(Some(Ok(line))) => line,
            Ok(None) | Err(_) => {
                self.position = Position::At(version);
                self.failures += 1;
                self.pause(LONGEST_PAUSE_BETWEEN_WATCHES).await;
                return None;
            }
            Ok(Some(Err(reason))) => return self.relist(&reason),
        };
        match understand(&line) {
            Some(Said::Delta(delta, version)) => {
                self.failures = 0;
                self.position = Position::Watching(version, lines);
                Some(delta)
            }
            Some(Said::Bookmark(version)) => {
                self.failures = 0;
                self.position = Position::Watching(version, lines);
                None
            }
            Some(Said::Expired) => self.relist("the watch expired"),
            None => self.relist("the watch sent something that is no event"),
        }
    }

    fn relist<T>(&mut self, reason: &str) -> Option<Delta<T>> {
        tracing::debug!(query = %self.query, reason, "listing again");
        self.failures += 1;
        None
    }

    fn blinded<T>(&mut self, reason: String) -> Delta<T> {
        self.failures += 1;
        Delta::Blind(reason)
    }

    /// Waits a random time that grows with the failures in a row, so that a broken server is not hammered.
    async fn pause(&mut self, longest: Duration) {
        let Some(doublings) = self.failures.checked_sub(1) else { return };
        let ceiling = FIRST_PAUSE.saturating_mul(1 << doublings.min(10)).min(longest);
        let retrier = self.connection.retrier();
        let thousandths = u32::try_from(retrier.random().number() % 1000).unwrap_or(0);
        retrier.clock().sleep(ceiling.saturating_mul(thousandths) / 1000).await;
    }

    /// Opens a watch from a version on.
    async fn open(&mut self, version: &str) -> Result<Lines> {
        let connection = &self.connection;
        let call = Call::new("watch", self.query.to_string(), Idempotency::Safe);
        let draft = self
            .query
            .draft()
            .query("watch", "true")
            .query("allowWatchBookmarks", "true")
            .query("timeoutSeconds", &WATCH_SECONDS.to_string())
            .query("resourceVersion", version);
        connection.lines(&call, &draft).await
    }
}

/// What will look different after a while: an API server that is down, and a version that is too old, which a new list replaces.
fn is_passing(error: &Error) -> bool {
    matches!(error.meaning(), Meaning::Unavailable | Meaning::TimedOut)
        || (error.is_not_found() && error.operation() == "watch")
}

/// Reads one line; none when it is no event.
fn understand<T: DeserializeOwned>(line: &str) -> Option<Said<T>> {
    #[derive(Deserialize)]
    struct Kind {
        #[serde(rename = "type")]
        kind: String,
        object: Version,
    }
    #[derive(Deserialize)]
    struct Version {
        #[serde(default)]
        metadata: ListMetadata,
    }
    #[derive(Deserialize)]
    struct Event<T> {
        object: T,
    }
    let Kind { kind, object } = serde_json::from_str(line).ok()?;
    let version = object.metadata.resource_version;
    let item = || serde_json::from_str::<Event<T>>(line).ok().map(|event| event.object);
    match kind.as_str() {
        "ADDED" | "MODIFIED" => Some(Said::Delta(Delta::Changed(item()?), version)),
        "DELETED" => Some(Said::Delta(Delta::Gone(item()?), version)),
        "BOOKMARK" => Some(Said::Bookmark(version)),
        "ERROR" => {
            let status = serde_json::from_str::<Event<Status>>(line).ok()?.object;
            tracing::debug!(code = status.code, message = status.message, "a watch ended with an error");
            Some(Said::Expired)
        }
        _ => None,
    }
}
