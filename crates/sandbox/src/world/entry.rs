//! What a log holds, and how a world is made again from it.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{State, World, bridge::CloudEvent};
use crate::{
    address::ServiceAddress, calls::CallCounts, context::Environment, faults::FaultPlan, moment::Moment,
    settings::Settings, wire::Request,
};

/// Headers that services look at; the others, credentials among them, are not stored.
const STORED_HEADERS: [&str; 8] = [
    "content-type",
    "content-range",
    "x-goog-hash",
    "x-upload-content-type",
    "x-upload-content-length",
    "kbn-xsrf",
    "accept",
    "x-github-api-version",
];

/// One line of a log.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Entry {
    /// A call that changed something, to be handled again.
    Call {
        /// When it was handled.
        at: Timestamp,
        /// How many identifiers had been made before it.
        mint_count: u64,
        /// Whom it was for.
        address: ServiceAddress,
        /// What it asked.
        request: StoredRequest,
    },
    /// Something that a cluster made its cloud do.
    Cloud {
        /// When it happened.
        at: Timestamp,
        /// How many identifiers had been made before it.
        mint_count: u64,
        /// What happened.
        event: CloudEvent,
    },
    /// Objects of a cluster that changed, to be stored as they are.
    Kubernetes {
        /// The cluster's identifier.
        cluster: String,
        /// The changes, in order.
        changes: Vec<Value>,
    },
    /// Something that the sandbox's user did to it.
    Action {
        /// When it was done.
        at: Timestamp,
        /// What was done.
        action: Action,
    },
    /// The fault rules in force.
    Faults(FaultPlan),
    /// How often each service was called so far.
    Calls {
        /// The number of the newest call.
        number: u64,
        /// Counts by service.
        counts: CallCounts,
    },
}

/// What the sandbox's user can do to it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Settings were changed to these.
    Configure(Box<Settings>),
    /// Everything was forgotten.
    Reset,
}

/// A request without its credentials.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StoredRequest {
    method: String,
    path: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    query: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    body: String,
}

impl StoredRequest {
    pub(super) fn of(request: &Request) -> Self {
        let headers = STORED_HEADERS
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), request.header(name)?.to_owned())));
        Self {
            method: request.method.to_string(),
            path: request.path.clone(),
            query: request.query.clone(),
            headers: headers.collect(),
            body: STANDARD.encode(&request.body),
        }
    }

    fn restore(&self) -> Request {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
                headers.insert(name, value);
            }
        }
        Request {
            method: Method::from_bytes(self.method.as_bytes()).unwrap_or(Method::POST),
            path: self.path.clone(),
            query: self.query.clone(),
            headers,
            body: STANDARD.decode(&self.body).map(Bytes::from).unwrap_or_default(),
        }
    }
}

/// Everything but the Kubernetes clusters, as the first line of a snapshot.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Snapshot(pub(crate) State);

impl World {
    /// The state to begin a new log with, followed by entries for what the clusters hold.
    #[must_use]
    pub fn snapshot(&self) -> (Snapshot, Vec<Entry>) {
        let clusters = self
            .clusters
            .iter()
            .map(|(id, hosted)| Entry::Kubernetes { cluster: id.clone(), changes: hosted.all_changes() });
        (Snapshot(self.state.clone()), clusters.collect())
    }

    /// The world that a snapshot and the entries after it describe.
    #[must_use]
    pub fn restore(
        environment: Environment,
        snapshot: Option<Snapshot>,
        entries: impl IntoIterator<Item = Entry>,
        now: Timestamp,
    ) -> Self {
        let mut world = match snapshot {
            Some(Snapshot(state)) => Self::with_state(environment, state),
            None => Self::new(environment, now),
        };
        world.replaying = true;
        let mut changes: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for entry in entries {
            world.replay(entry, &mut changes);
        }
        world.replaying = false;
        world.revive_clusters(changes, now);
        world
    }

    fn replay(&mut self, entry: Entry, changes: &mut BTreeMap<String, Vec<Value>>) {
        match entry {
            Entry::Call { at, mint_count, address, request } => {
                self.advance(at);
                self.state.mint.resume_at(mint_count);
                let _ = self.handle_service(&address, &request.restore(), Moment::from(at));
                self.take_effects(at);
            }
            Entry::Cloud { at, mint_count, event } => {
                self.advance(at);
                self.state.mint.resume_at(mint_count);
                self.apply_event(event, at);
            }
            Entry::Kubernetes { cluster, changes: more } => changes.entry(cluster).or_default().extend(more),
            Entry::Action { action: Action::Configure(settings), .. } => self.state.settings = *settings,
            Entry::Action { at, action: Action::Reset } => {
                self.reset(at);
                changes.clear();
            }
            Entry::Faults(plan) => self.state.faults = plan,
            Entry::Calls { number, counts } => {
                self.state.call_number = number;
                self.state.calls = counts;
            }
        }
    }
}
