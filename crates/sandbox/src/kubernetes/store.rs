//! Where objects live: by resource, namespace and name, each in its encoded form, with the history that watches read.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::brief::{self, NodeBrief, PodBrief};
use super::encoded::Encoded;
use super::object;
use super::resources::{EVENTS, NODES, PODS};

/// How many bytes of superseded objects the history keeps for watches, over all resources.
const HISTORY_BYTES: usize = 12 * 1024 * 1024;
/// How many bytes of objects are kept in their quickest form; beyond, new ones are compressed. The objects of some 150 nodes.
const PLAIN_BYTES: usize = 8 * 1024 * 1024;

/// Where an object is: its resource (`deployments.apps`), its namespace (empty for cluster-wide ones) and its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) resource: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Key {
    pub(crate) fn new(resource: &str, namespace: &str, name: &str) -> Self {
        Self { resource: resource.to_owned(), namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// The name with its namespace, as in `default/web`.
    pub(crate) fn path(&self) -> String {
        if self.namespace.is_empty() {
            self.name.clone()
        } else {
            format!("{}/{}", self.namespace, self.name)
        }
    }
}

/// An owner that an object names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) uid: String,
    pub(crate) controls: bool,
    pub(crate) blocks: bool,
}

/// One version of an object: its encoded form, and what is asked of it often.
#[derive(Debug)]
pub(crate) struct Stored {
    /// The object as JSON, with `apiVersion` and `kind`.
    pub(crate) encoded: Encoded,
    /// Its resource version.
    pub(crate) revision: u64,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) owners: Vec<Owner>,
    /// True once its deletion was asked for.
    pub(crate) terminating: bool,
    /// The fields that field selectors may name, beside name and namespace; not kept for events, of which there are many.
    pub(crate) fields: Vec<(&'static str, String)>,
    /// `status.phase`; empty when it has none.
    pub(crate) phase: String,
    /// What the scheduler and the controllers ask of a pod.
    pub(crate) pod: Option<PodBrief>,
    /// What the scheduler asks of a worker.
    pub(crate) node: Option<NodeBrief>,
}

impl Stored {
    fn new(resource: &str, revision: u64, object: &Value, encoded: Encoded) -> Self {
        let owners = object::items(object, "/metadata/ownerReferences")
            .iter()
            .map(|owner| Owner {
                uid: object::text_or_empty(owner, "/uid").to_owned(),
                controls: object::flag(owner, "/controller"),
                blocks: object::flag(owner, "/blockOwnerDeletion"),
            })
            .collect();
        Self {
            encoded,
            revision,
            namespace: object::namespace(object).to_owned(),
            name: object::name(object).to_owned(),
            uid: object::uid(object).to_owned(),
            labels: object::labels(object),
            owners,
            terminating: object::is_terminating(object),
            fields: if resource == EVENTS { Vec::new() } else { brief::selectable_fields(resource, object) },
            phase: object::text_or_empty(object, "/status/phase").to_owned(),
            pod: (resource == PODS).then(|| PodBrief::of(object)),
            node: (resource == NODES).then(|| NodeBrief::of(object)),
        }
    }

    /// The object.
    pub(crate) fn object(&self) -> Value {
        self.encoded.object()
    }

    /// True when the owner of this uid controls it.
    pub(crate) fn is_controlled_by(&self, uid: &str) -> bool {
        self.owners.iter().any(|owner| owner.controls && owner.uid == uid)
    }
}

/// What happened to an object.
#[derive(Debug, Clone)]
pub(crate) struct Occurrence {
    /// The resource version after it.
    pub(crate) revision: u64,
    /// The object before; none when it was created.
    pub(crate) before: Option<Arc<Stored>>,
    /// The object after; for a deletion its last state, under the revision of the deletion.
    pub(crate) after: Arc<Stored>,
    /// True for a deletion.
    pub(crate) deleted: bool,
}

#[derive(Debug, Clone, Default)]
struct Collection {
    objects: BTreeMap<(String, String), Arc<Stored>>,
    history: VecDeque<Occurrence>,
    /// Watches from before this revision have missed something.
    forgotten: u64,
}

/// Every object.
#[derive(Debug, Clone, Default)]
pub(crate) struct Store {
    collections: BTreeMap<String, Collection>,
    owned: BTreeMap<String, BTreeSet<Key>>,
    uids: HashMap<String, Key>,
    revision: u64,
    /// The resources of past occurrences in order, to forget the oldest first.
    order: VecDeque<String>,
    history_bytes: usize,
    /// What the objects take that exist.
    held_bytes: usize,
    /// What was written since the last time changes were taken.
    changed: BTreeSet<Key>,
}

impl Store {
    /// The resource version of the newest write.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// The object of a key.
    pub(crate) fn get(&self, key: &Key) -> Option<&Arc<Stored>> {
        self.collections.get(&key.resource)?.objects.get(&(key.namespace.clone(), key.name.clone()))
    }

    /// The object of a key, decoded.
    pub(crate) fn object(&self, key: &Key) -> Option<Value> {
        self.get(key).map(|stored| stored.object())
    }

    /// The objects of a resource, of one namespace or of all, by namespace and name.
    pub(crate) fn list<'a>(
        &'a self,
        resource: &str,
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = &'a Arc<Stored>> + use<'a> {
        let start = (namespace.unwrap_or_default().to_owned(), String::new());
        self.collections
            .get(resource)
            .into_iter()
            .flat_map(move |collection| collection.objects.range(start.clone()..))
            .take_while(move |((each, _), _)| namespace.is_none_or(|namespace| each == namespace))
            .map(|(_, stored)| stored)
    }

    /// The keys of the objects of a resource.
    pub(crate) fn keys(&self, resource: &str, namespace: Option<&str>) -> Vec<Key> {
        self.list(resource, namespace)
            .map(|stored| Key::new(resource, &stored.namespace, &stored.name))
            .collect()
    }

    /// How many objects a resource has.
    pub(crate) fn count(&self, resource: &str) -> usize {
        self.collections.get(resource).map_or(0, |collection| collection.objects.len())
    }

    /// The resources that have objects.
    pub(crate) fn resources(&self) -> impl Iterator<Item = &String> {
        self.collections.iter().filter(|(_, collection)| !collection.objects.is_empty()).map(|(name, _)| name)
    }

    /// Where the object of this uid is.
    pub(crate) fn by_uid(&self, uid: &str) -> Option<&Key> {
        self.uids.get(uid)
    }

    /// The objects that name an owner of this uid.
    pub(crate) fn owned_by(&self, uid: &str) -> impl Iterator<Item = &Key> {
        self.owned.get(uid).into_iter().flatten()
    }

    /// Stores an object under a new resource version, which is written into it.
    pub(crate) fn put(&mut self, key: &Key, mut object: Value) -> Occurrence {
        self.revision += 1;
        object::set(&mut object, "/metadata/resourceVersion", self.revision.to_string());
        self.place(key, &object)
    }

    fn place(&mut self, key: &Key, object: &Value) -> Occurrence {
        let after = Arc::new(self.stored(key, object));
        let place = (key.namespace.clone(), key.name.clone());
        let collection = self.collections.entry(key.resource.clone()).or_default();
        let before = collection.objects.insert(place, after.clone());
        self.index(key, before.as_deref(), Some(&after));
        self.remember(key, Occurrence { revision: self.revision, before, after, deleted: false })
    }

    /// Takes an object away, under a new resource version.
    pub(crate) fn delete(&mut self, key: &Key) -> Option<Occurrence> {
        let place = (key.namespace.clone(), key.name.clone());
        let before = self.collections.get_mut(&key.resource)?.objects.remove(&place)?;
        self.revision += 1;
        self.index(key, Some(&before), None);
        let mut last = before.object();
        object::set(&mut last, "/metadata/resourceVersion", self.revision.to_string());
        let after = Arc::new(self.stored(key, &last));
        let occurrence = Occurrence { revision: self.revision, before: Some(before), after, deleted: true };
        Some(self.remember(key, occurrence))
    }

    fn stored(&self, key: &Key, object: &Value) -> Stored {
        let encoded = match self.held_bytes < PLAIN_BYTES {
            true => Encoded::plain(object),
            false => Encoded::compressed(object),
        };
        Stored::new(&key.resource, self.revision, object, encoded)
    }

    fn index(&mut self, key: &Key, before: Option<&Stored>, after: Option<&Stored>) {
        let uids = |stored: Option<&Stored>| -> BTreeSet<String> {
            stored.into_iter().flat_map(|stored| &stored.owners).map(|owner| owner.uid.clone()).collect()
        };
        if let Some(before) = before {
            self.uids.remove(&before.uid);
        }
        if let Some(after) = after.filter(|_| key.resource != EVENTS) {
            self.uids.insert(after.uid.clone(), key.clone());
        }
        let held = |stored: Option<&Stored>| stored.map_or(0, |stored| stored.encoded.held());
        self.held_bytes = (self.held_bytes + held(after)).saturating_sub(held(before));
        let (old, new) = (uids(before), uids(after));
        for uid in old.difference(&new) {
            if let Some(keys) = self.owned.get_mut(uid) {
                keys.remove(key);
                if keys.is_empty() {
                    self.owned.remove(uid);
                }
            }
        }
        for uid in new.difference(&old) {
            self.owned.entry(uid.clone()).or_default().insert(key.clone());
        }
    }

    fn remember(&mut self, key: &Key, occurrence: Occurrence) -> Occurrence {
        self.changed.insert(key.clone());
        self.history_bytes += occurrence.after.encoded.len();
        self.order.push_back(key.resource.clone());
        if let Some(collection) = self.collections.get_mut(&key.resource) {
            collection.history.push_back(occurrence.clone());
        }
        while self.history_bytes > HISTORY_BYTES && self.forget_oldest() {}
        occurrence
    }

    fn forget_oldest(&mut self) -> bool {
        let Some(resource) = self.order.pop_front() else { return false };
        let Some(collection) = self.collections.get_mut(&resource) else { return true };
        if let Some(oldest) = collection.history.pop_front() {
            collection.forgotten = oldest.revision;
            self.history_bytes = self.history_bytes.saturating_sub(oldest.after.encoded.len());
        }
        true
    }

    /// What happened to objects of a resource after a revision, oldest first; none when some of it was forgotten.
    pub(crate) fn since(
        &self,
        resource: &str,
        revision: u64,
    ) -> Result<impl Iterator<Item = &Occurrence>, u64> {
        let collection = self.collections.get(resource);
        let forgotten = collection.map_or(0, |collection| collection.forgotten);
        if revision < forgotten {
            return Err(forgotten);
        }
        let start = collection.map_or(0, |collection| {
            collection.history.partition_point(|occurrence| occurrence.revision <= revision)
        });
        Ok(collection.into_iter().flat_map(move |collection| collection.history.range(start..)))
    }

    /// The newest states of everything written since the last call, in the form that [`Store::restore`] reads.
    pub(crate) fn take_changes(&mut self) -> Vec<Value> {
        let changed = std::mem::take(&mut self.changed);
        changed.iter().map(|key| self.change(key)).collect()
    }

    /// Every object, in the form that [`Store::restore`] reads.
    pub(crate) fn snapshot(&self) -> impl Iterator<Item = Value> + '_ {
        let keys = self.collections.keys().flat_map(|resource| self.keys(resource, None));
        keys.map(|key| self.change(&key))
    }

    fn change(&self, key: &Key) -> Value {
        match self.get(key) {
            Some(stored) => json!({"put": stored.object(), "at": key, "revision": stored.revision}),
            None => json!({"delete": key, "revision": self.revision}),
        }
    }

    /// Takes back one change. Its history is not kept: watches from before must list again.
    pub(crate) fn restore(&mut self, change: &Value) {
        let revision = change.get("revision").and_then(Value::as_u64).unwrap_or_default();
        let key = |field: &str| change.get(field).and_then(|key| Key::deserialize(key).ok());
        if let (Some(object), Some(key)) = (change.get("put"), key("at")) {
            self.revision = revision;
            self.place(&key, object);
        } else if let Some(key) = key("delete") {
            self.delete(&key);
            self.revision = revision;
        }
    }

    /// Ends a restoration: the newest revision is known, nothing before it is remembered, nothing counts as changed.
    pub(crate) fn restored(&mut self, revision: u64) {
        self.revision = revision;
        self.changed.clear();
        self.order.clear();
        self.history_bytes = 0;
        for collection in self.collections.values_mut() {
            collection.history.clear();
            collection.forgotten = revision;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config_map(name: &str) -> (Key, Value) {
        let key = Key::new("configmaps", "default", name);
        (key, json!({"metadata": {"namespace": "default", "name": name, "uid": name}}))
    }

    #[test]
    fn the_history_tells_what_happened_after_a_revision() {
        let mut store = Store::default();
        let (key, object) = config_map("a");
        store.put(&key, object.clone());
        let first = store.revision();
        store.put(&key, object);
        store.delete(&key);
        let kinds: Vec<bool> = store.since("configmaps", first).unwrap().map(|one| one.deleted).collect();
        assert_eq!(kinds, [false, true]);
    }

    #[test]
    fn a_history_that_outgrows_its_bounds_forgets_its_oldest_part() {
        let mut store = Store::default();
        let (key, mut object) = config_map("a");
        object::set(&mut object, "/data/large", "x".repeat(1024 * 1024));
        for _ in 0..30 {
            store.put(&key, object.clone());
        }
        assert!(store.since("configmaps", 1).is_err());
        assert!(store.since("configmaps", store.revision() - 5).is_ok());
        assert!(store.history_bytes <= HISTORY_BYTES);
    }

    #[test]
    fn a_restored_store_has_the_same_objects_and_revision() {
        let mut store = Store::default();
        for name in ["a", "b"] {
            let (key, object) = config_map(name);
            store.put(&key, object);
        }
        let mut log = store.take_changes();
        store.delete(&config_map("a").0);
        log.extend(store.take_changes());
        let mut restored = Store::default();
        log.iter().for_each(|change| restored.restore(change));
        restored.restored(store.revision());
        assert!(restored.snapshot().eq(store.snapshot()));
        assert_eq!(restored.revision(), store.revision());
    }
}
