use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use spacecraft_core::observer::Outcome;
use spacecraft_core::traits::{LogRetention, LogStore, Look};
use spacecraft_core::wait::{Progress, Wait};
use spacecraft_core::{Error, Meaning, Result};

use crate::difference;
use crate::ledger::Ledger;
use crate::shared::Shared;

/// A log store in memory.
#[derive(Debug, Clone, Default)]
pub struct InMemoryLogs {
    ledger: Ledger,
    state: Shared<Store>,
}

#[derive(Debug, Default)]
struct Store {
    looks_until_ready: u32,
    retentions: BTreeMap<String, LogRetention>,
    saved_objects: SavedObjects,
}

type SavedObjectId = (String, String);
type SavedObjects = BTreeMap<SavedObjectId, Value>;

impl InMemoryLogs {
    /// An empty log store that counts its calls in `ledger`.
    #[must_use]
    pub fn with_ledger(ledger: Ledger) -> Self {
        Self { ledger, state: Shared::default() }
    }

    /// The calls so far, and faults to come.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Makes the store answer only after it was looked at so many times in vain.
    pub fn start_slowly(&self, looks: u32) {
        self.state.lock().looks_until_ready = looks;
    }

    /// All retentions by name.
    #[must_use]
    pub fn retentions(&self) -> BTreeMap<String, LogRetention> {
        self.state.lock().retentions.clone()
    }

    /// Types and identifiers of all saved objects, sorted.
    #[must_use]
    pub fn saved_objects(&self) -> Vec<(String, String)> {
        self.state.lock().saved_objects.keys().cloned().collect()
    }

    fn look_for_readiness(&self) -> Progress<()> {
        let mut store = self.state.lock();
        if store.looks_until_ready == 0 {
            return Progress::Ready(());
        }
        store.looks_until_ready -= 1;
        Progress::Pending("it is still starting".to_owned())
    }
}

fn parse(saved_objects: &str) -> Result<SavedObjects> {
    let lines = saved_objects.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| parse_line(line).ok_or_else(|| not_a_saved_object(line))).collect()
}

fn parse_line(line: &str) -> Option<(SavedObjectId, Value)> {
    let object: Value = serde_json::from_str(line).ok()?;
    let kind = object.get("type")?.as_str()?.to_owned();
    let id = object.get("id")?.as_str()?.to_owned();
    Some(((kind, id), object))
}

fn not_a_saved_object(line: &str) -> Error {
    Error::new(Meaning::Invalid, "import saved objects", line, "the line is no saved object")
}

/// Refuses objects that refer to objects which are neither there nor imported with them.
fn require_references(existing: &SavedObjects, wanted: &SavedObjects) -> Result<()> {
    let missing = |object: &Value| {
        references(object).into_iter().find(|id| !existing.contains_key(id) && !wanted.contains_key(id))
    };
    for ((kind, id), object) in wanted {
        if let Some((missing_kind, missing_id)) = missing(object) {
            let reason = format!("{kind} {id} refers to {missing_kind} {missing_id}, which does not exist");
            return Err(Error::new(Meaning::Invalid, "import saved objects", id, reason));
        }
    }
    Ok(())
}

fn references(object: &Value) -> Vec<SavedObjectId> {
    let references =
        object.get("references").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let text = |reference: &Value, key: &str| Some(reference.get(key)?.as_str()?.to_owned());
    references.iter().filter_map(|one| Some((text(one, "type")?, text(one, "id")?))).collect()
}

#[async_trait]
impl LogStore for InMemoryLogs {
    async fn wait_ready(&self, wait: &Wait) -> Result<()> {
        let call = self.ledger.begin("logs.wait_ready", "").await?;
        let look = || async { Ok(self.look_for_readiness()) };
        call.read(wait.until("the log store", Duration::from_secs(5), look).await?)
    }

    async fn look_retention(&self, retention: &LogRetention) -> Result<Look> {
        let call = self.ledger.begin("logs.look_retention", &retention.name).await?;
        let store = self.state.lock();
        call.read(difference::look(store.retentions.get(&retention.name), retention))
    }

    async fn ensure_retention(&self, retention: &LogRetention) -> Result<Outcome> {
        let call = self.ledger.begin("logs.ensure_retention", &retention.name).await?;
        let before = self.state.lock().retentions.insert(retention.name.clone(), retention.clone());
        call.changed(match before {
            None => Outcome::Created,
            Some(same) if same == *retention => Outcome::Unchanged,
            Some(_) => Outcome::Updated,
        })
    }

    async fn look_dashboards(&self, saved_objects: &str) -> Result<Look> {
        let call = self.ledger.begin("logs.look_dashboards", "").await?;
        let wanted = parse(saved_objects)?;
        let existing = &self.state.lock().saved_objects;
        let differing = wanted.iter().filter(|(id, object)| existing.get(*id) != Some(object));
        let differing: Vec<String> = differing.map(|((kind, id), _)| format!("{kind} {id}")).collect();
        let none_there = wanted.keys().all(|id| !existing.contains_key(id));
        call.read(match differing.is_empty() {
            true => Look::Same,
            false if none_there => Look::Absent,
            false => Look::Differs(differing),
        })
    }

    async fn ensure_dashboards(&self, saved_objects: &str) -> Result<Outcome> {
        let call = self.ledger.begin("logs.ensure_dashboards", "").await?;
        let wanted = parse(saved_objects)?;
        let outcome = {
            let existing = &mut self.state.lock().saved_objects;
            require_references(existing, &wanted)?;
            let same = wanted.iter().all(|(id, object)| existing.get(id) == Some(object));
            let some_there = wanted.keys().any(|id| existing.contains_key(id));
            existing.extend(wanted);
            match (same, some_there) {
                (true, _) => Outcome::Unchanged,
                (false, true) => Outcome::Updated,
                (false, false) => Outcome::Created,
            }
        };
        call.changed(outcome)
    }
}
