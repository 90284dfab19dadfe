use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::SCHEMA;
use crate::error::{Error, Meaning, Result};
use crate::names::NetworkName;
use crate::observer::Outcome;
use crate::time::Clock;
use crate::traits::{ObjectStore, Precondition, PutOptions};

/// An object takes about one write a second; faster ones are refused.
const BETWEEN_WRITES: Duration = Duration::from_millis(1050);

/// What an operation meant to do and did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalDocument {
    /// [`SCHEMA`].
    pub schema: String,
    /// `Journal`.
    pub kind: String,
    /// The command, such as `create-network`.
    pub operation: String,
    /// Who runs it.
    pub operator: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended by itself.
    pub finished_at: Option<Timestamp>,
    /// Its steps, and those of earlier operations that did not finish.
    pub entries: Vec<Entry>,
}

impl JournalDocument {
    /// True when the bytes are a journal of the same run of an operation.
    fn is_same_operation(&self, bytes: &[u8]) -> bool {
        serde_json::from_slice::<Self>(bytes)
            .is_ok_and(|found| (found.operator, found.started_at) == (self.operator.clone(), self.started_at))
    }
}

/// One step's intent and result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The operation it belongs to.
    pub operation: String,
    /// The step.
    pub step: String,
    /// What it is about to make, change or remove.
    pub resources: Vec<String>,
    /// When that was written down.
    pub intended_at: Timestamp,
    /// How it ended; none while it runs, or when its process died.
    pub result: Option<EntryResult>,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntryResult {
    /// It did this.
    Done(Outcome),
    /// It failed with this.
    Failed(String),
}

/// The journal of the operation that is running on a network.
///
/// Intents are durable before [`intend`](Self::intend) returns. Results are written with the next intent or at the end: a
/// result that got lost only means that the next run looks once more.
#[derive(Debug)]
pub struct Journal {
    store: Arc<dyn ObjectStore>,
    clock: Arc<dyn Clock>,
    key: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    document: JournalDocument,
    /// The journal that was there before, to the byte.
    earlier: Option<Vec<u8>>,
    generation: Option<i64>,
    written_at: Option<Timestamp>,
}

impl Journal {
    /// The key of a network's journal.
    #[must_use]
    pub fn key(network: &NetworkName) -> String {
        format!("{network}/journal.json")
    }

    /// True for a journal of an operation that did not get to its end.
    #[must_use]
    pub fn is_open(bytes: &[u8]) -> bool {
        serde_json::from_slice::<JournalDocument>(bytes).is_ok_and(|document| document.finished_at.is_none())
    }

    /// The journal of the last operation on `network`, whether it ended or not; none when there is none, or none that can be read.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn read(store: &dyn ObjectStore, network: &NetworkName) -> Result<Option<JournalDocument>> {
        let found = store.get(&Self::key(network)).await?;
        Ok(found.and_then(|object| serde_json::from_slice(&object.bytes).ok()))
    }

    /// Begins the journal of an operation, keeping unfinished entries of earlier ones. Writes nothing yet.
    ///
    /// # Errors
    ///
    /// Those of the store. A journal that cannot be read is started anew: it is a memory of intents, never the only source of what exists.
    pub async fn begin(
        store: Arc<dyn ObjectStore>,
        clock: Arc<dyn Clock>,
        network: &NetworkName,
        operation: &str,
        operator: &str,
    ) -> Result<Self> {
        let key = Self::key(network);
        let earlier = store.get(&key).await?;
        let generation = earlier.as_ref().map(|object| object.generation);
        let earlier = earlier.map(|object| object.bytes);
        let entries = earlier.as_deref().map(unfinished_in).unwrap_or_default();
        let document = JournalDocument {
            schema: SCHEMA.to_owned(),
            kind: "Journal".to_owned(),
            operation: operation.to_owned(),
            operator: operator.to_owned(),
            started_at: clock.now(),
            finished_at: None,
            entries,
        };
        let state = State { document, earlier, generation, written_at: None };
        Ok(Self { store, clock, key, state: Mutex::new(state) })
    }

    /// Writes down what steps are about to do, each with its resources, and returns when that is durable.
    ///
    /// # Errors
    ///
    /// Those of the store; nothing may be done then.
    pub async fn intend(&self, steps: Vec<(String, Vec<String>)>) -> Result<()> {
        let mut state = self.state.lock().await;
        let now = self.clock.now();
        let operation = state.document.operation.clone();
        state.document.entries.extend(steps.into_iter().map(|(step, resources)| Entry {
            operation: operation.clone(),
            step,
            resources,
            intended_at: now,
            result: None,
        }));
        self.write(&mut state).await
    }

    /// Notes how a step ended; written with the next intent or at the end.
    pub async fn note(&self, step: &str, result: EntryResult) {
        let mut state = self.state.lock().await;
        let open = state
            .document
            .entries
            .iter_mut()
            .rev()
            .find(|entry| entry.step == step && entry.result.is_none());
        if let Some(entry) = open {
            entry.result = Some(result);
        }
    }

    /// Entries that have no result, and those that failed: what may be half done.
    pub async fn unfinished(&self) -> Vec<Entry> {
        let state = self.state.lock().await;
        state
            .document
            .entries
            .iter()
            .filter(|entry| !matches!(entry.result, Some(EntryResult::Done(_))))
            .cloned()
            .collect()
    }

    /// Writes the results that are not written yet; with `finished`, also that the operation ended by itself as it should.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn close(&self, finished: bool) -> Result<()> {
        let mut state = self.state.lock().await;
        if finished {
            state.document.finished_at = Some(self.clock.now());
            let started_at = state.document.started_at;
            state.document.entries.retain(|entry| entry.intended_at >= started_at);
        }
        self.write(&mut state).await
    }

    /// Takes the intents back of an operation that made nothing: the journal is again what it was before, or gone if there was none. One that somebody else wrote
    /// since then stays.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn withdraw(&self) -> Result<()> {
        let mut state = self.state.lock().await;
        state.generation = None;
        let Some(present) = self.store.get(&self.key).await? else { return Ok(()) };
        if !state.document.is_same_operation(&present.bytes) {
            return Ok(());
        }
        let as_seen = Precondition::Generation(present.generation);
        let withdrawn = match state.earlier.take() {
            Some(earlier) => {
                self.rest(&state).await;
                self.store.put(&self.key, earlier, &PutOptions::json(as_seen)).await.map(drop)
            }
            None => self.store.delete(&self.key, as_seen).await.map(drop),
        };
        match withdrawn {
            Err(error) if error.meaning() == Meaning::PreconditionFailed => Ok(()),
            withdrawn => withdrawn,
        }
    }

    /// Removes the journal of a network that no longer exists.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn remove(&self) -> Result<Outcome> {
        let mut state = self.state.lock().await;
        state.generation = None;
        self.store.delete(&self.key, Precondition::None).await
    }

    /// Waits until the object takes another write.
    async fn rest(&self, state: &State) {
        let Some(written_at) = state.written_at else { return };
        let since = Duration::try_from(self.clock.now().duration_since(written_at)).unwrap_or(BETWEEN_WRITES);
        if let Some(left) = BETWEEN_WRITES.checked_sub(since).filter(|left| !left.is_zero()) {
            self.clock.sleep(left).await;
        }
    }

    async fn write(&self, state: &mut State) -> Result<()> {
        self.rest(state).await;
        let bytes = serde_json::to_vec_pretty(&state.document).map_err(|error| {
            Error::new(Meaning::Other, "write journal", &self.key, "it cannot be encoded").with_source(error)
        })?;
        let precondition = state.generation.map_or(Precondition::Absent, Precondition::Generation);
        state.generation = Some(self.store.put(&self.key, bytes, &PutOptions::json(precondition)).await?);
        state.written_at = Some(self.clock.now());
        Ok(())
    }
}

/// Entries of a journal that was not closed, as far as it can be read.
fn unfinished_in(bytes: &[u8]) -> Vec<Entry> {
    let document = serde_json::from_slice::<JournalDocument>(bytes).ok();
    document
        .filter(|document| document.finished_at.is_none())
        .map(|document| document.entries)
        .unwrap_or_default()
}
