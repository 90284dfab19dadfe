//! How a run ends, and who is told.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use super::{Run, StepReport};
use crate::error::{Error, Result, render_chain};
use crate::observer::Outcome;
use crate::operation::{Leftover, OperationFailure};
use crate::state::{Journal, Lock};
use crate::traits::{Evidence, Message, MessageId, Mood};

impl Run {
    /// Ends the run: closes the journal, tells people, gives the lock back. What cannot be told or given back is a warning, not a failure.
    pub async fn finish(&self, text: &str) -> Vec<StepReport> {
        if let Some(writing) = self.writing.get() {
            self.warn_of(writing.journal.close(true).await);
            let title = format!("{} of {} is done", self.operation, self.network);
            self.tell_people(Mood::Good, &title, text, writing.thread.as_ref()).await;
            self.warn_of(writing.lock.release().await);
        }
        self.steps()
    }

    /// Ends the run of an operation that removed the network: its journal and lock go too.
    ///
    /// # Errors
    ///
    /// When one of them stays: the same command finds it and removes it.
    pub async fn finish_removed(&self) -> Result<Vec<StepReport>, OperationFailure> {
        let Some(writing) = self.writing.get() else { return Ok(self.steps()) };
        let thread = writing.thread.as_ref();
        let key = Journal::key(&self.network);
        if let Err(error) = self.unless_gone(&key, writing.journal.remove().await.map(drop)).await {
            let title = format!("{} of {} failed at its end", self.operation, self.network);
            self.tell_people(Mood::Bad, &title, &render_chain(&error), thread).await;
            self.warn_of(writing.lock.release().await);
            return Err(self.left_at_end("journal", error));
        }
        let title = format!("{} of {} is done", self.operation, self.network);
        self.tell_people(Mood::Good, &title, "", thread).await;
        let released = self.unless_gone(&Lock::key(&self.network), writing.lock.release().await).await;
        released.map_err(|error| self.left_at_end("lock", error))?;
        Ok(self.steps())
    }

    /// What removing an object came to; one that is gone was removed, although the reply was lost.
    async fn unless_gone(&self, key: &str, removed: Result<()>) -> Result<()> {
        let Err(error) = removed else { return Ok(()) };
        match self.services.state_store.get(key).await {
            Ok(None) => Ok(()),
            Ok(Some(_)) | Err(_) => Err(error),
        }
    }

    /// The failure of a run that did all it should, but for an object of its own that stays.
    fn left_at_end(&self, what: &str, error: Error) -> OperationFailure {
        let left = Leftover {
            step: what.to_owned(),
            resources: vec![format!("{what} of {}", self.network)],
            certain: false,
        };
        OperationFailure { error, steps: self.steps(), leftovers: vec![left], evidence: None }
    }

    /// Ends a failed run: journal, message, lock; and says what is left behind.
    pub async fn fail(&self, error: Error, evidence: Option<Evidence>) -> OperationFailure {
        let steps = self.steps();
        let Some(writing) = self.writing.get() else {
            return OperationFailure { error, steps, leftovers: Vec::new(), evidence };
        };
        let leftovers = self.leftovers();
        let noted = match leftovers.is_empty() {
            true => writing.journal.withdraw().await,
            false => writing.journal.close(false).await,
        };
        self.warn_of(noted);
        let title = format!("{} of {} failed", self.operation, self.network);
        self.tell_people(Mood::Bad, &title, &render_chain(&error), writing.thread.as_ref()).await;
        self.warn_of(writing.lock.release().await);
        OperationFailure { error, steps, leftovers, evidence }
    }

    /// Ends a run that failed and left everything as it was before it.
    pub async fn fail_restored(&self, error: Error, evidence: Option<Evidence>) -> OperationFailure {
        if let Some(writing) = self.writing.get() {
            self.warn_of(writing.journal.close(true).await);
            let title = format!("{} of {} failed and was taken back", self.operation, self.network);
            self.tell_people(Mood::Bad, &title, &render_chain(&error), writing.thread.as_ref()).await;
            self.warn_of(writing.lock.release().await);
        }
        OperationFailure { error, steps: self.steps(), leftovers: Vec::new(), evidence }
    }

    /// Says that a step that is about to fail has made nothing: it was still asking whether it may.
    pub fn made_nothing(&self, step: &str) {
        self.started.lock().unwrap_or_else(PoisonError::into_inner).remove(step);
    }

    /// Says that from here on everything that the intents name is to go: what is still there when the run fails is left behind.
    pub fn removes_from_here(&self) {
        self.removing.store(true, Ordering::Relaxed);
    }

    /// What exists since the steps that came to an end, and what those that did not may have made; nothing when none has changed anything.
    fn leftovers(&self) -> Vec<Leftover> {
        let done = self.steps();
        if self.removing.load(Ordering::Relaxed) {
            let left = |step: &String| done.iter().all(|report| report.name != *step);
            let intents = self.intents.iter().filter(|(step, _)| left(step));
            let leftover = |(step, resources): &(String, Vec<String>)| Leftover {
                step: step.clone(),
                resources: resources.clone(),
                certain: false,
            };
            return intents.map(leftover).collect();
        }
        let started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        let unchanged = |step: &String| {
            done.iter().any(|report| report.name == *step && report.outcome == Outcome::Unchanged)
        };
        if started.iter().all(unchanged) {
            return Vec::new();
        }
        let left = |step: &String, resources: &Vec<String>| {
            let report = done.iter().find(|report| report.name == *step);
            let gone =
                report.is_some_and(|report| matches!(report.outcome, Outcome::Removed | Outcome::Absent));
            let touched = report.is_some() || started.contains(step);
            (touched && !gone).then(|| Leftover {
                step: step.clone(),
                resources: resources.clone(),
                certain: report.is_some(),
            })
        };
        self.intents.iter().filter_map(|(step, resources)| left(step, resources)).collect()
    }

    pub(super) async fn tell_people(
        &self,
        mood: Mood,
        title: &str,
        text: &str,
        thread: Option<&MessageId>,
    ) -> Option<MessageId> {
        let notifier = self.services.notifier.as_ref()?;
        let message = Message { mood, title: title.to_owned(), text: text.to_owned() };
        match notifier.post(&message, thread).await {
            Ok(id) => Some(id),
            Err(error) => {
                self.warn(render_chain(&error));
                None
            }
        }
    }
}
