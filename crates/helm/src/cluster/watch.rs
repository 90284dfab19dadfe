//! Following objects of a kind in a namespace.

use futures::StreamExt;
use futures::stream::BoxStream;
use http::{Method, Request};
use kube::core::WatchEvent;
use serde_json::Value;
use spacecraft_core::{Error, Meaning, Result};
use spacecraft_http::{Call, Failure, Idempotency};

use super::address::encoded;
use super::{Cluster, Resource, failure};

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
        let open = || async {
            let request =
                Request::builder().method(Method::GET).uri(&uri).body(Vec::new()).map_err(|error| {
                    let broken = Error::new(Meaning::Invalid, "watch", &what, "this is no valid request");
                    Failure::Final(broken.with_source(error))
                })?;
            self.client.request_events::<Value>(request).await.map_err(failure)
        };
        let events = self.retrier.run(&call, open).await?;
        let broken = move |error: kube::Error| {
            Error::new(Meaning::Unavailable, "watch", what.clone(), "the watch broke off").with_source(error)
        };
        let changes = events.filter_map(move |event| {
            let change = event.map_err(&broken).and_then(change).transpose();
            async { change }
        });
        Ok(changes.boxed())
    }
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
