use std::collections::BTreeSet;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, OnceCell};

use super::{Limits, Services};
use crate::error::{Effect, Error, Meaning, Result, render_chain};
use crate::interrupt::interrupted;
use crate::names::NetworkName;
use crate::observer::{Event, Outcome};
use crate::state::{EntryResult, Journal, Lock};
use crate::traits::{Look, MessageId, Mood};
use crate::wait::Wait;

pub use basis::Basis;
pub(super) use basis::anew_when_outdated;

mod basis;
mod ending;

/// How long what is under way may still take once the operator asked to stop.
const GOODBYE: Duration = Duration::from_secs(2);

/// What a step did, as a report shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepReport {
    /// Its name.
    pub name: String,
    /// What it did.
    pub outcome: Outcome,
}

/// A step that would do something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepDifference {
    /// Its name.
    pub step: String,
    /// What it found.
    pub found: Look,
}

/// One run of an operation on one network: its lock, journal, messages, limits and steps.
#[derive(Debug)]
pub struct Run {
    services: Services,
    network: NetworkName,
    operation: &'static str,
    intents: Vec<(String, Vec<String>)>,
    deadline: Timestamp,
    step_timeout: Duration,
    force_unlock: bool,
    basis: Basis,
    writing: OnceCell<Writing>,
    begun: Notify,
    steps: Mutex<Vec<StepReport>>,
    started: Mutex<BTreeSet<String>>,
    failed: Mutex<bool>,
    removing: AtomicBool,
    wants_to_write: AtomicBool,
    differences: Option<Mutex<Vec<StepDifference>>>,
}

/// What an operation holds once it has begun to write.
#[derive(Debug)]
struct Writing {
    lock: Lock,
    journal: Journal,
    thread: Option<MessageId>,
}

impl Run {
    /// A run of `operation` within `limits`. `intents` names every step that may write, with what it makes, changes or removes; they are written down together
    /// before the first write. When another operation has written the record that is the `basis` by the time the lock is had, nothing is done and the failure
    /// [is outdated](crate::operation::OperationFailure::is_outdated).
    #[must_use]
    pub fn new(
        services: &Services,
        network: &NetworkName,
        operation: &'static str,
        intents: Vec<(String, Vec<String>)>,
        limits: Limits,
        basis: Basis,
    ) -> Self {
        Self {
            services: services.clone(),
            network: network.clone(),
            operation,
            intents,
            deadline: after(services.clock.now(), limits.timeout),
            step_timeout: limits.step_timeout,
            force_unlock: limits.force_unlock,
            basis,
            writing: OnceCell::new(),
            begun: Notify::new(),
            steps: Mutex::default(),
            started: Mutex::default(),
            failed: Mutex::new(false),
            removing: AtomicBool::new(false),
            wants_to_write: AtomicBool::new(false),
            differences: None,
        }
    }

    /// The same run, but it only looks: steps that find a difference note it and go on as if there was none, and nothing is written.
    #[must_use]
    pub fn only_looking(self) -> Self {
        Self { differences: Some(Mutex::default()), ..self }
    }

    /// True when it [only looks](Self::only_looking).
    #[must_use]
    pub fn only_looks(&self) -> bool {
        self.differences.is_some()
    }

    /// What the steps of a run that [only looks](Self::only_looking) would change so far.
    #[must_use]
    pub fn differences(&self) -> Vec<StepDifference> {
        let noted = self.differences.as_ref();
        noted.map(|noted| noted.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap_or_default()
    }

    /// What the run works with.
    #[must_use]
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// The patience of a step.
    #[must_use]
    pub fn wait(&self, step: &str) -> Wait {
        let deadline = self.deadline.min(after(self.services.clock.now(), self.step_timeout));
        Wait::new(Arc::clone(&self.services.clock), Arc::clone(&self.services.observer), step, deadline)
    }

    /// Fails when nothing new should be started: the operator asked to stop, another step failed, or time is up.
    ///
    /// # Errors
    ///
    /// [`Meaning::Interrupted`] or [`Meaning::TimedOut`].
    pub fn may_start(&self, step: &str) -> Result<()> {
        self.services.interrupt.check(step)?;
        if *self.failed.lock().unwrap_or_else(PoisonError::into_inner) {
            return Err(Error::new(Meaning::Interrupted, "run step", step, "another step failed"));
        }
        if self.services.clock.now() >= self.deadline {
            return Err(Error::new(Meaning::TimedOut, "run step", step, "the operation's time is up")
                .with_hint("run the same command again to go on, with a larger --timeout"));
        }
        Ok(())
    }

    /// One step: looks, and when something differs, takes the lock if it is not held yet (and then looks again), ensures, and notes what was done.
    ///
    /// # Errors
    ///
    /// What looking, locking or ensuring fails with.
    pub async fn step<L, E>(
        &self,
        name: &str,
        detail: &str,
        look: impl Fn() -> L,
        ensure: impl FnOnce(Look) -> E,
    ) -> Result<Outcome>
    where
        L: Future<Output = Result<Look>>,
        E: Future<Output = Result<Outcome>>,
    {
        let result = self.try_step(name, detail, look, ensure).await;
        self.finish_step(name, &result).await;
        result
    }

    async fn try_step<L, E>(
        &self,
        name: &str,
        detail: &str,
        look: impl Fn() -> L,
        ensure: impl FnOnce(Look) -> E,
    ) -> Result<Outcome>
    where
        L: Future<Output = Result<Look>>,
        E: Future<Output = Result<Outcome>>,
    {
        self.may_start(name)?;
        self.observe(&Event::StepStarted { step: name.to_owned(), detail: detail.to_owned() });
        let locked_before = self.has_begun();
        let mut found = self.unless_stopped(name, look()).await?;
        if found.is_same() {
            return Ok(Outcome::Unchanged);
        }
        if let Some(differences) = &self.differences {
            let difference = StepDifference { step: name.to_owned(), found };
            differences.lock().unwrap_or_else(PoisonError::into_inner).push(difference);
            return Ok(Outcome::Unchanged);
        }
        self.begin_writing().await?;
        if !locked_before {
            found = self.unless_stopped(name, look()).await?;
            if found.is_same() {
                return Ok(Outcome::Unchanged);
            }
        }
        self.may_start(name)?;
        self.started.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
        self.unless_stopped(name, ensure(found)).await
    }

    /// `work`, abandoned when it is not through a moment after the operator asked to stop; what it meant to do is in the journal.
    async fn unless_stopped<T>(&self, step: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
        let patience = async {
            self.services.interrupt.stopped().await;
            self.services.clock.sleep(GOODBYE).await;
        };
        tokio::select! {
            biased;
            done = work => done,
            () = patience => Err(interrupted(step)),
        }
    }

    async fn finish_step(&self, name: &str, result: &Result<Outcome>) {
        match result {
            Ok(outcome) => {
                self.steps
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(StepReport { name: name.to_owned(), outcome: *outcome });
                self.note(name, EntryResult::Done(*outcome)).await;
                self.observe(&Event::StepDone { step: name.to_owned(), outcome: *outcome });
            }
            Err(error) => {
                *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = true;
                self.note(name, EntryResult::Failed(render_chain(error))).await;
            }
        }
    }

    async fn note(&self, step: &str, result: EntryResult) {
        if let Some(writing) = self.writing.get() {
            writing.journal.note(step, result).await;
        }
    }

    /// True once the lock is held.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.writing.initialized()
    }

    /// True when something was to be written and was not, because the lock could not be had or the intents not be written down.
    #[must_use]
    pub fn was_kept_from_writing(&self) -> bool {
        self.wants_to_write.load(Ordering::Relaxed) && !self.has_begun()
    }

    /// Takes the lock and writes the intents down, unless that was done before.
    ///
    /// # Errors
    ///
    /// Those of the lock and the state store; nothing may be written then.
    pub async fn begin_writing(&self) -> Result<()> {
        if self.only_looks() {
            let reason = "its record would be written";
            return Err(Error::new(
                Meaning::PreconditionFailed,
                "look at network",
                self.network.as_str(),
                reason,
            ));
        }
        self.wants_to_write.store(true, Ordering::Relaxed);
        self.writing.get_or_try_init(|| self.take_lock()).await?;
        self.begun.notify_waiters();
        Ok(())
    }

    async fn take_lock(&self) -> Result<Writing> {
        let services = &self.services;
        let wait = self.wait("lock");
        let lock = Lock::take(
            Arc::clone(&services.state_store),
            &self.network,
            services.holder.clone(),
            &*services.probe,
            &wait,
            self.force_unlock,
        )
        .await?;
        if let Err(error) = self.basis.check(&*services.state_store, &self.network).await {
            self.warn_of(lock.release().await);
            return Err(error);
        }
        let journal = match self.write_intents().await {
            Ok(journal) => journal,
            Err(error) => {
                self.warn_of(lock.release().await);
                return Err(error);
            }
        };
        let thread = self
            .tell_people(Mood::Neutral, &format!("{} of {} begins", self.operation, self.network), "", None)
            .await;
        Ok(Writing { lock, journal, thread })
    }

    /// Writes the intents down; when that fails, no word of them is left.
    async fn write_intents(&self) -> Result<Journal> {
        let services = &self.services;
        let journal = Journal::begin(
            Arc::clone(&services.state_store),
            Arc::clone(&services.clock),
            &self.network,
            self.operation,
            &services.holder.operator,
        )
        .await?;
        if let Err(error) = journal.intend(self.intents.clone()).await {
            if error.effect() == Effect::Possible {
                self.warn_of(journal.withdraw().await);
            }
            return Err(error);
        }
        Ok(journal)
    }

    /// The lock's fence, which records are written under; none while nothing was written.
    #[must_use]
    pub fn fence(&self) -> Option<i64> {
        self.writing.get().map(|writing| writing.lock.fence())
    }

    /// True when the lock was taken from a holder that may still write.
    #[must_use]
    pub fn took_over(&self) -> bool {
        self.writing.get().is_some_and(|writing| writing.lock.was_taken_over())
    }

    /// Runs `flow` while keeping the lock it takes; ends early when the lock is lost.
    ///
    /// # Errors
    ///
    /// What `flow` fails with, or that the lock was lost.
    pub async fn keeping_lock<T>(&self, flow: impl Future<Output = Result<T>>) -> Result<T> {
        let keep = async {
            loop {
                let begun = self.begun.notified();
                if let Some(writing) = self.writing.get() {
                    break writing.lock.keep(&*self.services.clock).await;
                }
                begun.await;
            }
        };
        tokio::select! {
            done = flow => done,
            lost = keep => Err(lost),
        }
    }

    /// Clears up after an earlier run that died between its last step and its end: its lock is given back and its journal closed. For runs that found
    /// nothing else to do.
    ///
    /// # Errors
    ///
    /// Those of the state store; [`Meaning::Unavailable`] when somebody alive is at work on the network.
    pub async fn settle(&self) -> Result<()> {
        if self.has_begun() || self.only_looks() {
            return Ok(());
        }
        let store = &*self.services.state_store;
        let locked = store.get(&Lock::key(&self.network)).await?.is_some();
        let open = store
            .get(&Journal::key(&self.network))
            .await?
            .is_some_and(|object| Journal::is_open(&object.bytes));
        if locked || open {
            self.begin_writing().await?;
        }
        Ok(())
    }

    /// The steps that came to an end so far.
    #[must_use]
    pub fn steps(&self) -> Vec<StepReport> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Passes an event on.
    pub fn observe(&self, event: &Event) {
        self.services.observer.observe(event);
    }

    /// Tells the operator something that is probably not as they want it.
    pub fn warn(&self, text: impl Into<String>) {
        self.observe(&Event::Warning { text: text.into() });
    }

    /// Tells the operator something worth knowing.
    pub fn tell(&self, text: impl Into<String>) {
        self.observe(&Event::Note { text: text.into() });
    }

    fn warn_of(&self, result: Result<()>) {
        if let Err(error) = result {
            self.warn(render_chain(&error));
        }
    }
}

fn after(now: Timestamp, duration: Duration) -> Timestamp {
    let span = jiff::SignedDuration::try_from(duration).unwrap_or(jiff::SignedDuration::MAX);
    now.saturating_add(span).unwrap_or(Timestamp::MAX)
}
