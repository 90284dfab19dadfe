//! Following objects of a kind in a namespace.

use futures::StreamExt;
use futures::stream::BoxStream;
use http::Method;
use kube::core::WatchEvent;
use serde_json::Value;
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_http::{Call, Idempotency};
use tokio_util::codec::LinesCodecError;

use super::address::encoded;
use super::{Cluster, Draft, Resource, exchange};

/// The server ends a watch after this time if nothing else does.
const WATCH_SECONDS: u32 = 290;

/// What a watch tells.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change {
    /// The object is there, in this state.
    Seen(Value),
    /// The object is gone; this was its last state.
    Gone(Value),
}

/// A kind of object in a namespace, or of the whole cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Followed {
    pub(crate) resource: Resource,
    pub(crate) namespace: Option<String>,
}

impl Cluster {
    /// The changes after the list of this version, until the server ends the watch.
    ///
    /// # Errors
    /// If the watch cannot be opened; [`Meaning::NotFound`] if that version is too old.
    pub(crate) async fn watch(
        &self,
        followed: &Followed,
        version: &str,
    ) -> Result<BoxStream<'static, Result<Change>>> {
        let place = followed.namespace.as_deref().unwrap_or("the cluster");
        let what = format!("{} in {place}", followed.resource.plural);
        let call = Call::new("watch", what.clone(), Idempotency::Safe);
        let uri = format!(
            "{}?watch=true&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECONDS}&resourceVersion={}",
            followed.resource.collection_path(followed.namespace.as_deref()),
            encoded(version)
        );
        let draft = Draft::new(Method::GET, uri);
        let open = || async { exchange::lines(&self.client, &self.retrier, draft.request()?).await };
        let lines = self.retrier.run(&call, open).await?;
        let changes = lines.filter_map(move |line| {
            let change = event(line, &what).and_then(change).transpose();
            async { change }
        });
        Ok(changes.boxed())
    }
}

/// What a line of a watch says.
fn event(line: Result<String, LinesCodecError>, what: &str) -> Result<WatchEvent<Value>> {
    let broken = || Error::new(Meaning::Unavailable, "watch", what, "the watch broke off");
    let line = line.map_err(|error| broken().with_source(error))?;
    serde_json::from_str(&line).map_err(|error| broken().with_source(error))
}

fn change(event: WatchEvent<Value>) -> Result<Option<Change>> {
    Ok(match event {
        WatchEvent::Added(object) | WatchEvent::Modified(object) => Some(Change::Seen(object)),
        WatchEvent::Deleted(object) => Some(Change::Gone(object)),
        WatchEvent::Bookmark(_) => None,
        WatchEvent::Error(status) => {
            return Err(Error::new(Meaning::NotFound, "watch", "", status.message.clone()));
        }
    })
}
