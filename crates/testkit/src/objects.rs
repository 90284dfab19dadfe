use std::collections::BTreeMap;

use async_trait::async_trait;
use spacecraft_core::observer::Outcome;
use spacecraft_core::traits::{ObjectStore, Precondition, PutOptions, StoredObject, check_object_key};
use spacecraft_core::{Error, Meaning, Result};

use crate::ledger::Ledger;
use crate::shared::Shared;

/// A bucket in memory.
#[derive(Debug, Clone)]
pub struct InMemoryObjects {
    name: String,
    ledger: Ledger,
    state: Shared<Bucket>,
}

#[derive(Debug, Default)]
struct Bucket {
    objects: BTreeMap<String, Entry>,
    last_generation: i64,
    public: bool,
    denied: Option<String>,
}

#[derive(Debug, Clone)]
struct Entry {
    object: StoredObject,
    options: PutOptions,
}

impl InMemoryObjects {
    /// An empty, private bucket of that name.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self::with_ledger(name, Ledger::default())
    }

    /// An empty, private bucket that counts its calls in `ledger`.
    #[must_use]
    pub fn with_ledger(name: impl Into<String>, ledger: Ledger) -> Self {
        Self { name: name.into(), ledger, state: Shared::default() }
    }

    /// The calls so far, and faults to come.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Lets everybody read, or not.
    pub fn set_public(&self, public: bool) {
        self.state.lock().public = public;
    }

    /// Makes [`ObjectStore::check_access`] fail with this reason.
    pub fn deny_access(&self, reason: impl Into<String>) {
        self.state.lock().denied = Some(reason.into());
    }

    /// How an object was last written.
    #[must_use]
    pub fn options(&self, key: &str) -> Option<PutOptions> {
        self.state.lock().objects.get(key).map(|entry| entry.options.clone())
    }

    /// All objects as text, by key.
    #[must_use]
    pub fn contents(&self) -> BTreeMap<String, String> {
        let text = |entry: &Entry| String::from_utf8_lossy(&entry.object.bytes).into_owned();
        self.state.lock().objects.iter().map(|(key, entry)| (key.clone(), text(entry))).collect()
    }
}

impl Bucket {
    fn generation(&self, key: &str) -> Option<i64> {
        self.objects.get(key).map(|entry| entry.object.generation)
    }

    fn require(&self, operation: &str, key: &str, precondition: Precondition) -> Result<()> {
        let found = self.generation(key);
        let holds = match precondition {
            Precondition::None => true,
            Precondition::Absent => found.is_none(),
            Precondition::Generation(wanted) => found == Some(wanted),
        };
        if holds {
            return Ok(());
        }
        let found =
            found.map_or_else(|| "there is no such object".to_owned(), |g| format!("it has generation {g}"));
        Err(Error::new(Meaning::PreconditionFailed, operation, key, found))
    }
}

#[async_trait]
impl ObjectStore for InMemoryObjects {
    fn location(&self) -> String {
        format!("memory://{}", self.name)
    }

    fn url(&self, key: &str) -> String {
        format!("memory://{}/{key}", self.name)
    }

    async fn get(&self, key: &str) -> Result<Option<StoredObject>> {
        check_object_key("read object", key)?;
        let call = self.ledger.begin("objects.get", key).await?;
        let found = self.state.lock().objects.get(key).map(|entry| entry.object.clone());
        call.read(found)
    }

    async fn put(&self, key: &str, bytes: Vec<u8>, options: &PutOptions) -> Result<i64> {
        check_object_key("write object", key)?;
        let call = self.ledger.begin("objects.put", key).await?;
        call.writes();
        let generation = {
            let mut bucket = self.state.lock();
            bucket.require("write object", key, options.precondition)?;
            bucket.last_generation += 1;
            let object = StoredObject { bytes, generation: bucket.last_generation };
            bucket.objects.insert(key.to_owned(), Entry { object, options: options.clone() });
            bucket.last_generation
        };
        call.wrote(generation)
    }

    async fn delete(&self, key: &str, precondition: Precondition) -> Result<Outcome> {
        check_object_key("delete object", key)?;
        let call = self.ledger.begin("objects.delete", key).await?;
        call.writes();
        let outcome = {
            let mut bucket = self.state.lock();
            if bucket.generation(key).is_none() {
                Outcome::Absent
            } else {
                bucket.require("delete object", key, precondition)?;
                bucket.objects.remove(key);
                Outcome::Removed
            }
        };
        call.wrote(outcome)
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, i64)>> {
        let call = self.ledger.begin("objects.list", prefix).await?;
        let bucket = self.state.lock();
        let found = bucket.objects.iter().filter(|(key, _)| key.starts_with(prefix));
        call.read(found.map(|(key, entry)| (key.clone(), entry.object.generation)).collect())
    }

    async fn is_public(&self) -> Result<bool> {
        let call = self.ledger.begin("objects.is_public", &self.name).await?;
        let public = self.state.lock().public;
        call.read(public)
    }

    async fn check_access(&self) -> Result<()> {
        let call = self.ledger.begin("objects.check_access", &self.name).await?;
        let denied = self.state.lock().denied.clone();
        match denied {
            Some(reason) => Err(Error::new(Meaning::Denied, "use bucket", &self.name, reason)),
            None => call.read(()),
        }
    }
}
