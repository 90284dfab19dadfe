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
    address::ServiceAddress, calls::CallCounts, context::Environment, faults::FaultPlan,
    kubernetes::Restoration as ClusterRestoration, moment::Moment, settings::Settings, wire::Request,
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
    pub fn snapshot(&self) -> (Snapshot, impl Iterator<Item = Entry> + '_) {
        let entry = |id: &str, change| Entry::Kubernetes { cluster: id.to_owned(), changes: vec![change] };
        let entries = self
            .clusters
            .iter()
            .flat_map(move |(id, hosted)| hosted.all_changes().map(move |change| entry(id, change)));
        (Snapshot(self.state.clone()), entries)
    }

    /// The world that a snapshot and the entries after it describe.
    #[must_use]
    pub fn restore(
        environment: Environment,
        snapshot: Option<Snapshot>,
        entries: impl IntoIterator<Item = Entry>,
        now: Timestamp,
    ) -> Self {
        let mut restoration = Restoration::new(environment, snapshot, now);
        entries.into_iter().for_each(|entry| restoration.take(entry));
        restoration.finish(now)
    }
}

/// A world that is being made again, entry by entry.
#[derive(Debug)]
pub struct Restoration {
    world: World,
    clusters: BTreeMap<String, ClusterRestoration>,
}

impl Restoration {
    /// Begins with a snapshot, or with a fresh world.
    #[must_use]
    pub fn new(environment: Environment, snapshot: Option<Snapshot>, now: Timestamp) -> Self {
        let mut world = match snapshot {
            Some(Snapshot(state)) => World::with_state(environment, state),
            None => World::new(environment, now),
        };
        world.replaying = true;
        Self { world, clusters: BTreeMap::new() }
    }

    /// Takes back the next entry.
    pub fn take(&mut self, entry: Entry) {
        let world = &mut self.world;
        match entry {
            Entry::Call { at, mint_count, address, request } => {
                world.advance(at);
                world.state.mint.resume_at(mint_count);
                let _ = world.handle_service(&address, &request.restore(), Moment::from(at));
                world.take_effects(at);
            }
            Entry::Cloud { at, mint_count, event } => {
                world.advance(at);
                world.state.mint.resume_at(mint_count);
                world.apply_event(event, at);
            }
            Entry::Kubernetes { cluster, changes } => {
                let cluster = self.clusters.entry(cluster).or_default();
                changes.iter().for_each(|change| cluster.take(change));
            }
            Entry::Action { action: Action::Configure(settings), .. } => world.state.settings = *settings,
            Entry::Action { at, action: Action::Reset } => {
                world.reset(at);
                self.clusters.clear();
            }
            Entry::Faults(plan) => world.state.faults = plan,
            Entry::Calls { number, counts } => {
                world.state.call_number = number;
                world.state.calls = counts;
            }
        }
    }

    /// The world, which from now on lives by itself.
    #[must_use]
    pub fn finish(self, now: Timestamp) -> World {
        let Self { mut world, clusters } = self;
        world.replaying = false;
        world.revive_clusters(clusters, now);
        world
    }
}
