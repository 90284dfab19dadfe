//! Events: what happened to objects, told to people. The same happening again counts up.

use jiff::SignedDuration;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Cluster;
use super::object::{self, set, text_or_empty, whole};
use super::queue::Task;
use super::resources::EVENTS;
use super::store::Key;

/// How long events are kept.
const EVENT_HOURS: i64 = 1;

impl Cluster {
    /// Tells that something happened to an object. `kind` is `Normal` or `Warning`.
    pub(super) fn tell(&mut self, about: &Value, kind: &str, reason: &str, message: &str, component: &str) {
        let namespace = match object::namespace(about) {
            "" => "default",
            namespace => namespace,
        };
        let digest = Sha256::digest(format!("{}/{reason}/{message}", object::uid(about)));
        let mark: String = hex::encode(digest).chars().take(16).collect();
        let key = Key::new(EVENTS, namespace, &format!("{}.{mark}", object::name(about)));
        let now = object::written(self.now);
        let again = self.edit(&key, |event| {
            let count = whole(event, "/count").unwrap_or(1);
            set(event, "/count", count + 1);
            set(event, "/lastTimestamp", now.as_str());
        });
        if again || self.is_namespace_terminating(namespace) {
            return;
        }
        let event = json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {},
            "involvedObject": {
                "kind": text_or_empty(about, "/kind"),
                "namespace": object::namespace(about),
                "name": object::name(about),
                "uid": object::uid(about),
                "apiVersion": text_or_empty(about, "/apiVersion"),
                "resourceVersion": text_or_empty(about, "/metadata/resourceVersion"),
            },
            "reason": reason,
            "message": message,
            "source": {"component": component},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "type": kind,
            "eventTime": null,
            "reportingComponent": component,
            "reportingInstance": "",
        });
        self.make(&key, event);
        self.queue.add(Task::ExpireEvents, self.later(EVENT_HOURS * 3600));
    }

    /// Forgets events that are old.
    pub(super) fn expire_events(&mut self) {
        let mut next = None;
        for key in self.store.keys(EVENTS, None) {
            let Some(event) = self.store.object(&key) else { continue };
            let last = object::instant(&event, "/lastTimestamp").unwrap_or(self.now);
            let expires = last.checked_add(SignedDuration::from_hours(EVENT_HOURS)).unwrap_or(last);
            if expires <= self.now {
                self.erase(&key);
            } else {
                next = Some(next.map_or(expires, |earlier: jiff::Timestamp| earlier.min(expires)));
            }
        }
        if let Some(next) = next {
            self.queue.add(Task::ExpireEvents, next);
        }
    }

    /// The present instant plus some seconds.
    pub(super) fn later(&self, seconds: i64) -> jiff::Timestamp {
        self.now.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(jiff::Timestamp::MAX)
    }
}
