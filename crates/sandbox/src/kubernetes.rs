//! A simulated Kubernetes cluster: its API server, controllers, scheduler and kubelets.
//!
//! A [`Cluster`] is a plain state machine. Requests and the present instant go in, answers come out; what happens by
//! itself (pods start, volumes bind, namespaces empty) waits in a queue and happens when [`Cluster::advance`] passes
//! its time, so that a cluster can live in virtual time and two clusters that are told the same do the same. What
//! happens outside the cluster (disks, load balancers) it asks of its host by [`CloudEffect`]s.
//!
//! It knows nothing of any client and is meant to be as strict as a real API server of its version: what that one
//! refuses is refused here.
//!
//! The pieces: [`store`] holds objects and history, [`resources`] and [`schema`] say what exists and which fields it
//! has; a request passes `route`, then `reading` or `writing` (with `admission`, `defaults`, `validation`, `managers`);
//! every write passes `commit`, which wakes the `controllers`.

mod admission;
mod allocation;
mod backends;
mod bodies;
mod bootstrap;
mod brief;
mod commit;
mod controllers;
mod decode;
mod defaults;
mod deletion;
mod discovery;
mod encoded;
mod events;
mod fields;
mod logs;
mod managers;
mod names;
mod object;
mod openapi;
mod patches;
mod protobuf;
mod quantity;
mod queue;
mod reading;
mod resources;
mod reviews;
mod route;
mod schema;
mod security;
mod selector;
mod shape;
mod status;
mod store;
mod subresources;
mod tables;
#[cfg(test)]
mod tests;
mod validation;
mod watching;
mod writing;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use serde_json::{Value, json};

use self::allocation::Allocations;
use self::logs::Logs;
use self::queue::{Queue, Task};
use self::resources::Catalog;
use self::store::Store;
use self::watching::Streams;
use crate::mint::Mint;
use crate::wire::{Answer, Request};

pub use self::backends::Backend;
pub use self::shape::{CloudEffect, ClusterShape, ImageBehaviour, LoadBalancerPort, StartTimes, WorkerShape};
pub use self::watching::StreamUpdate;

/// How often a task may be performed at one instant before it has to wait: a controller that undoes what another does
/// is slowed down, as rate limits do it, and time goes on.
const TURNS_AT_ONE_INSTANT: u32 = 200;

/// A simulated cluster.
#[derive(Debug, Clone)]
pub struct Cluster {
    shape: ClusterShape,
    store: Store,
    catalog: Catalog,
    queue: Queue,
    mint: Mint,
    /// The instant that is being handled.
    now: Timestamp,
    allocations: Allocations,
    streams: Streams,
    effects: Vec<CloudEffect>,
    logs: Logs,
    /// How often each task was performed at the present instant.
    turns: HashMap<Task, u32>,
    /// Pods that could not be scheduled, by namespace and name.
    unscheduled: BTreeSet<(String, String)>,
}

/// How much a cluster holds, for whoever wants to know cheaply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Objects of every kind.
    pub objects: usize,
    /// Pods among them.
    pub pods: usize,
    /// The newest resource version.
    pub revision: u64,
}

impl Cluster {
    /// A fresh cluster, with what every cluster has by itself and no worker.
    #[must_use]
    pub fn new(shape: ClusterShape, now: Timestamp) -> Self {
        let mut cluster = Self::empty(shape, now);
        cluster.bootstrap();
        cluster
    }

    fn empty(shape: ClusterShape, now: Timestamp) -> Self {
        let mint = Mint::new(shape.seed);
        Self {
            shape,
            store: Store::default(),
            catalog: Catalog::new(),
            queue: Queue::default(),
            mint,
            now,
            allocations: Allocations::default(),
            streams: Streams::default(),
            effects: Vec::new(),
            logs: Logs::default(),
            turns: HashMap::new(),
            unscheduled: BTreeSet::new(),
        }
    }

    /// Answers a request at an instant, after everything that was due by then has happened.
    pub fn handle(&mut self, request: &Request, now: Timestamp) -> Answer {
        self.advance(now);
        match self.answer(request) {
            Ok(answer) => answer,
            Err(failure) => failure.response().into(),
        }
    }

    /// Lets everything happen that is due by an instant, in order.
    pub fn advance(&mut self, now: Timestamp) {
        while let Some((at, task)) = self.queue.take(now) {
            if at > self.now {
                self.turns.clear();
            }
            self.now = self.now.max(at);
            let turns = self.turns.entry(task.clone()).or_default();
            *turns += 1;
            if *turns > TURNS_AT_ONE_INSTANT {
                self.queue.add(task, self.later(1));
            } else {
                self.perform(task);
            }
        }
        self.now = self.now.max(now);
    }

    /// When something will next happen by itself.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.queue.next_due()
    }

    /// What the host shall do, or undo, outside the cluster; each is told once.
    pub fn take_effects(&mut self) -> Vec<CloudEffect> {
        std::mem::take(&mut self.effects)
    }

    /// How much the cluster holds.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            objects: self.store.resources().map(|resource| self.store.count(resource)).sum(),
            pods: self.store.count(resources::PODS),
            revision: self.store.revision(),
        }
    }

    /// What the cluster is like.
    #[must_use]
    pub fn shape(&self) -> &ClusterShape {
        &self.shape
    }

    /// Changes how long things take and how images behave, from now on.
    pub fn configure(&mut self, times: StartTimes, images: BTreeMap<String, ImageBehaviour>) {
        self.shape.times = times;
        self.shape.images = images;
        let running =
            self.store.list(resources::PODS, None).map(|pod| (pod.namespace.clone(), pod.name.clone()));
        for (namespace, name) in running.collect::<Vec<(String, String)>>() {
            self.queue.add(Task::Kubelet { namespace, name }, self.now);
        }
    }

    /// Everything that changed since the last call: entries for an append-only log, from which [`Cluster::restore`]
    /// rebuilds the same state. Empty when nothing changed.
    pub fn take_changes(&mut self) -> Vec<Value> {
        let mut changes = self.store.take_changes();
        changes.extend(self.queue.take_changes());
        changes.extend(self.logs.take_changes());
        if !changes.is_empty() {
            changes.push(self.counters());
        }
        changes
    }

    /// The whole state as changes, to begin a shorter log with. They are made one by one: decoded, a large cluster takes many times
    /// the memory that it takes as it is stored.
    pub fn snapshot(&self) -> impl Iterator<Item = Value> + '_ {
        let tasks = self.queue.snapshot().into_iter();
        let counters = std::iter::once_with(|| self.counters());
        self.store.snapshot().chain(tasks).chain(self.logs.snapshot()).chain(counters)
    }

    /// Every object, those that a cluster has by itself too.
    #[must_use]
    pub fn objects(&self) -> Vec<Value> {
        let keys = self.store.resources().flat_map(|resource| self.store.keys(resource, None));
        keys.filter_map(|key| self.store.object(&key)).collect()
    }

    fn counters(&self) -> Value {
        json!({"counters": {
            "revision": self.store.revision(),
            "arrivals": self.queue.arrivals(),
            "minted": self.mint.count(),
            "now": self.now,
            "effects": self.effects,
            "load_balancers": self.allocations.requests(),
        }})
    }

    /// Rebuilds a cluster from its changes in order: objects, resource versions, pending timers and all. Watches do not
    /// survive; their clients list again. Effects that were pending when the last change was taken are told again.
    #[must_use]
    pub fn restore(shape: ClusterShape, changes: impl IntoIterator<Item = Value>) -> Self {
        let mut restoration = Restoration::default();
        changes.into_iter().for_each(|change| restoration.take(&change));
        restoration.finish(shape)
    }

    fn restore_change(&mut self, change: &Value) {
        if let Some(counters) = change.get("counters") {
            self.restore_counters(counters);
        } else if change.get("due").is_some() {
            self.queue.restore(change);
        } else if change.get("log").is_some() {
            self.logs.restore(change);
        } else {
            self.store.restore(change);
        }
    }

    fn restore_counters(&mut self, counters: &Value) {
        let number = |name: &str| counters.get(name).and_then(Value::as_u64).unwrap_or_default();
        self.store.restored(number("revision"));
        self.queue.restored(number("arrivals"));
        self.mint.resume_at(number("minted"));
        self.now = object::instant(counters, "/now").unwrap_or(self.now);
        let effects = counters.get("effects").cloned().unwrap_or_default();
        self.effects = serde_json::from_value(effects).unwrap_or_default();
        let requests = counters.get("load_balancers").cloned().unwrap_or_default();
        self.allocations.restore_requests(serde_json::from_value(requests).unwrap_or_default());
    }

    /// Works out again what is derived from the objects.
    fn restored(&mut self) {
        for key in self.store.keys(resources::DEFINITIONS, None) {
            if let Some(definition) = self.store.object(&key) {
                self.catalog.define(&definition);
            }
        }
        for key in self.store.keys(resources::SERVICES, None) {
            if let Some(service) = self.store.object(&key) {
                self.allocations.take(&service);
            }
        }
        for stored in self.store.list(resources::PODS, None) {
            if stored.pod.as_ref().is_some_and(|pod| pod.node.is_empty()) && !stored.terminating {
                self.unscheduled.insert((stored.namespace.clone(), stored.name.clone()));
            }
        }
        self.logs.restored();
    }
}

/// A cluster that is being rebuilt from its changes, before it is known what it is like.
#[derive(Debug, Clone)]
pub struct Restoration(Cluster);

impl Default for Restoration {
    fn default() -> Self {
        Self(Cluster::empty(ClusterShape::default(), Timestamp::UNIX_EPOCH))
    }
}

impl Restoration {
    /// Takes back the next change.
    pub fn take(&mut self, change: &Value) {
        self.0.restore_change(change);
    }

    /// The cluster, as it was when the last change was taken.
    #[must_use]
    pub fn finish(self, shape: ClusterShape) -> Cluster {
        let mut cluster = self.0;
        let minted = cluster.mint.count();
        cluster.mint = Mint::new(shape.seed);
        cluster.mint.resume_at(minted);
        cluster.shape = shape;
        cluster.restored();
        cluster
    }
}
