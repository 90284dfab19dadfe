//! Watches, and the other open streams (followed logs).

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Cluster;
use super::reading::{self, Filter, Form};
use super::resources::Resource;
use super::route::{Query, Target};
use super::schema::{Shape, Structure};
use super::status::{Failure, Outcome};
use super::store::{Occurrence, Stored};
use super::tables;
use crate::wire::{Answer, Request, Response, Stream};

/// How often a watch that asked for bookmarks is sent one.
const BOOKMARK_SECONDS: i64 = 60;

/// The shortest time after which a watch without `timeoutSeconds` is ended; the longest is twice that.
const SHORTEST_WATCH_SECONDS: i64 = 1800;

/// What an open stream has to send.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StreamUpdate {
    /// Complete lines.
    pub lines: Vec<Bytes>,
    /// True when the stream ends after them.
    pub closed: bool,
}

/// The streams that are open.
#[derive(Debug, Clone, Default)]
pub(crate) struct Streams {
    opened: u64,
    watches: BTreeMap<u64, Watch>,
    /// Followed logs, with how many lines were sent.
    followed: BTreeMap<u64, Followed>,
}

/// A log that is followed.
#[derive(Debug, Clone)]
pub(crate) struct Followed {
    pub(crate) namespace: String,
    pub(crate) pod: String,
    pub(crate) uid: String,
    pub(crate) container: String,
    pub(crate) timestamps: bool,
    pub(crate) sent: usize,
}

impl Streams {
    pub(crate) fn follow(&mut self, followed: Followed) -> u64 {
        self.opened += 1;
        self.followed.insert(self.opened, followed);
        self.opened
    }

    pub(crate) fn followed(&mut self, identifier: u64) -> Option<&mut Followed> {
        self.followed.get_mut(&identifier)
    }
}

#[derive(Debug, Clone)]
struct Watch {
    resource: Arc<Resource>,
    filter: Filter,
    form: Form,
    include_object: String,
    /// Everything up to here was sent.
    position: u64,
    /// When the next bookmark is due; none when none were asked for.
    bookmark: Option<Timestamp>,
    closes_at: Timestamp,
    /// True until the first table line, which carries the columns.
    heads_table: bool,
}

impl Cluster {
    /// Opens a watch.
    pub(super) fn watch(&mut self, target: &Target, request: &Request, query: &Query) -> Outcome<Answer> {
        let form = Form::of(request)?;
        let filter = Filter::of(target, query)?;
        let initial = query.flag("sendInitialEvents");
        if initial && query.get("resourceVersionMatch") != "NotOlderThan" {
            let detail = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
            let mistake = super::status::Mistake::forbidden("resourceVersionMatch", detail);
            return Err(Failure::invalid("meta.k8s.io", "ListOptions", "", &[mistake]));
        }
        let closes_at = self.closing_time(query);
        let bookmarks = query.flag("allowWatchBookmarks");
        let mut watch = Watch {
            resource: target.resource.clone(),
            filter,
            form,
            include_object: query.get("includeObject").to_owned(),
            position: self.store.revision(),
            bookmark: bookmarks.then(|| later(self.now, BOOKMARK_SECONDS)),
            closes_at,
            heads_table: true,
        };
        let first = self.first_lines(&mut watch, query, initial)?;
        self.streams.opened += 1;
        let identifier = self.streams.opened;
        self.streams.watches.insert(identifier, watch);
        let head = Response::with_type(StatusCode::OK, reading::JSON, Bytes::new());
        Ok(Answer::Stream(Stream { head, first, identifier, closes_at: Some(closes_at) }))
    }

    fn closing_time(&mut self, query: &Query) -> Timestamp {
        let asked = query.number("timeoutSeconds").filter(|seconds| *seconds > 0);
        let seconds = asked.unwrap_or_else(|| {
            let drawn = i64::try_from(self.mint.number() % 1800).unwrap_or_default();
            SHORTEST_WATCH_SECONDS + drawn
        });
        later(self.now, seconds)
    }

    /// What is sent at once: the present state, or what happened since the asked resource version.
    fn first_lines(&self, watch: &mut Watch, query: &Query, initial: bool) -> Outcome<Vec<Bytes>> {
        let asked = query.get("resourceVersion");
        if initial || asked.is_empty() || asked == "0" {
            if query.get("sendInitialEvents") == "false" {
                return Ok(Vec::new());
            }
            let stored_as = watch.resource.stored_as();
            let present: Vec<Arc<Stored>> = self
                .store
                .list(&stored_as, watch.filter.namespace())
                .filter(|stored| watch.filter.matches(stored))
                .cloned()
                .collect();
            let mut lines: Vec<Bytes> =
                present.iter().map(|stored| self.line(watch, "ADDED", stored)).collect();
            if initial && watch.bookmark.is_some() {
                lines.push(bookmark_line(watch, true));
            }
            return Ok(lines);
        }
        let since: u64 = asked.parse().map_err(|_| reading::invalid_version(asked))?;
        if since > self.store.revision() {
            let message = format!("Too large resource version: {since}, current: {}", self.store.revision());
            return Err(Failure::unexplained(message));
        }
        watch.position = since;
        self.new_lines(watch)
            .map_err(|forgotten| Failure::expired(format!("too old resource version: {since} ({forgotten})")))
    }

    /// What happened since the watch's position, which moves on.
    fn new_lines(&self, watch: &mut Watch) -> Result<Vec<Bytes>, u64> {
        let occurrences: Vec<&Occurrence> =
            self.store.since(&watch.resource.stored_as(), watch.position)?.collect();
        let mut lines = Vec::new();
        for occurrence in occurrences {
            if let Some(kind) = kind_for(&watch.filter, occurrence) {
                lines.push(self.line(watch, kind, &occurrence.after));
            }
        }
        watch.position = self.store.revision();
        Ok(lines)
    }

    fn line(&self, watch: &mut Watch, kind: &str, stored: &Stored) -> Bytes {
        match watch.form {
            Form::Object => {
                let object = reading::encoded(stored, &watch.resource);
                let mut line = Vec::with_capacity(object.len() + 40);
                line.extend_from_slice(format!("{{\"type\":\"{kind}\",\"object\":").as_bytes());
                line.extend_from_slice(&object);
                line.extend_from_slice(b"}\n");
                line.into()
            }
            Form::Partial => written(kind, &reading::partial(&stored.object())),
            Form::Table => {
                let metadata = json!({"resourceVersion": stored.revision.to_string()});
                let rows = [stored.object()];
                let mut table =
                    tables::table(&watch.resource, &rows, metadata, &watch.include_object, self.now);
                if !std::mem::take(&mut watch.heads_table) {
                    table["columnDefinitions"] = Value::Null;
                }
                written(kind, &table)
            }
        }
    }

    /// What an open stream has to send at an instant. A stream that is not known is closed.
    pub fn stream_next(&mut self, identifier: u64, now: Timestamp) -> StreamUpdate {
        self.advance(now);
        if let Some(mut watch) = self.streams.watches.remove(&identifier) {
            let update = self.watch_next(&mut watch, now);
            if !update.closed {
                self.streams.watches.insert(identifier, watch);
            }
            return update;
        }
        self.followed_next(identifier)
    }

    fn watch_next(&self, watch: &mut Watch, now: Timestamp) -> StreamUpdate {
        let mut lines = match self.new_lines(watch) {
            Ok(lines) => lines,
            Err(forgotten) => {
                let message = format!("too old resource version: {} ({forgotten})", watch.position);
                let line = written("ERROR", &Failure::expired(message).status());
                return StreamUpdate { lines: vec![line], closed: true };
            }
        };
        let closed = now >= watch.closes_at;
        if watch.bookmark.is_some_and(|due| now >= due || closed) {
            lines.push(bookmark_line(watch, false));
            watch.bookmark = Some(later(now, BOOKMARK_SECONDS));
        }
        StreamUpdate { lines, closed }
    }

    /// Forgets a stream whose client is gone.
    pub fn close_stream(&mut self, identifier: u64) {
        self.streams.watches.remove(&identifier);
        self.streams.followed.remove(&identifier);
    }
}

/// How an occurrence looks to a watch: an object that comes to match is added, one that matches no longer is deleted.
fn kind_for(filter: &Filter, occurrence: &Occurrence) -> Option<&'static str> {
    let matched = occurrence.before.as_ref().is_some_and(|before| filter.matches(before));
    let matches = !occurrence.deleted && filter.matches(&occurrence.after);
    match (matched, matches) {
        (true, true) => Some("MODIFIED"),
        (false, true) => Some("ADDED"),
        (true, false) => Some("DELETED"),
        (false, false) => None,
    }
}

fn later(now: Timestamp, seconds: i64) -> Timestamp {
    now.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}

fn written(kind: &str, object: &Value) -> Bytes {
    let mut line = json!({"type": kind, "object": object}).to_string();
    line.push('\n');
    line.into()
}

fn bookmark_line(watch: &Watch, ends_initial: bool) -> Bytes {
    let mut metadata = json!({"resourceVersion": watch.position.to_string(), "creationTimestamp": null});
    if ends_initial {
        metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
    }
    let mut object = json!({"kind": watch.resource.kind, "apiVersion": watch.resource.api_version(), "metadata": metadata});
    if watch.resource.custom.is_none() {
        complete(&mut object, &watch.resource.structure);
    }
    if watch.form == Form::Table {
        object = json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata_of(&object), "columnDefinitions": null, "rows": []});
    }
    written("BOOKMARK", &object)
}

fn metadata_of(object: &Value) -> Value {
    object.get("metadata").cloned().unwrap_or_default()
}

/// Adds the fields that typed clients cannot do without, empty as the server's own zero values are.
fn complete(object: &mut Value, structure: &Structure) {
    let Some(map) = object.as_object_mut() else { return };
    for (name, field) in structure.fields.iter().filter(|(_, field)| field.required) {
        let zero = match &field.shape {
            Shape::List(_) => Value::Null,
            Shape::Structure(below) => {
                let mut value = json!({});
                complete(&mut value, below);
                value
            }
            Shape::Map { .. } | Shape::Any => json!({}),
            Shape::Boolean => json!(false),
            Shape::Int32 | Shape::Int64 | Shape::Number | Shape::IntOrText => json!(0),
            Shape::Text | Shape::Bytes | Shape::Quantity | Shape::Time | Shape::MicroTime => json!(""),
        };
        map.entry(name.clone()).or_insert(zero);
    }
    if let Some(Shape::Structure(below)) = structure.fields.get("spec").map(|field| &field.shape) {
        let mut spec = json!({});
        complete(&mut spec, below);
        map.entry("spec").or_insert(spec);
    }
}
