//! The one waiting mechanism: a deadline, a reason, and a clock that tests can drive.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::error::{Error, Meaning, Result};
use crate::observer::{Event, Observer};
use crate::time::Clock;

/// What a look at something that is waited for found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress<T> {
    /// It is there.
    Ready(T),
    /// It is not there yet, because of this.
    Pending(String),
}

/// The patience of one step: until when it may wait, who is told why, and by which clock.
#[derive(Debug, Clone)]
pub struct Wait {
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    step: String,
    deadline: Timestamp,
    last_told: Arc<Mutex<Option<(String, Timestamp)>>>,
}

/// The same reason is told again after this time, so that a long wait is never silent.
const TELL_AGAIN_AFTER: Duration = Duration::from_secs(15);

impl Wait {
    /// Patience for `step` that ends at `deadline`.
    #[must_use]
    pub fn new(
        clock: Arc<dyn Clock>,
        observer: Arc<dyn Observer>,
        step: impl Into<String>,
        deadline: Timestamp,
    ) -> Self {
        Self { clock, observer, step: step.into(), deadline, last_told: Arc::default() }
    }

    /// The same patience, but ending after at most `limit` from now.
    #[must_use]
    pub fn within(&self, limit: Duration) -> Self {
        let limited = self.clock.now().saturating_add(jiff_span(limit)).unwrap_or(self.deadline);
        Self { deadline: self.deadline.min(limited), last_told: Arc::default(), ..self.clone() }
    }

    /// The step that waits.
    #[must_use]
    pub fn step(&self) -> &str {
        &self.step
    }

    /// The clock that counts.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Who is told.
    #[must_use]
    pub fn observer(&self) -> &Arc<dyn Observer> {
        &self.observer
    }

    /// When patience ends.
    #[must_use]
    pub fn deadline(&self) -> Timestamp {
        self.deadline
    }

    /// The time that is left; zero when none is.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        Duration::try_from(self.deadline.duration_since(self.clock.now())).unwrap_or(Duration::ZERO)
    }

    /// Tells the observer what is waited for and why, at once when the reason changed and now and then while it stays.
    pub fn tell(&self, what: &str, why: &str) {
        let now = self.clock.now();
        let text = format!("{what}\n{why}");
        let mut last = self.last_told.lock().unwrap_or_else(PoisonError::into_inner);
        let again = last.as_ref().is_none_or(|(told, when)| {
            *told != text || now.duration_since(*when) >= jiff_span(TELL_AGAIN_AFTER)
        });
        if again {
            *last = Some((text, now));
            self.observer.observe(&Event::Waiting {
                step: self.step.clone(),
                what: what.to_owned(),
                why: why.to_owned(),
            });
        }
    }

    /// The error of a wait for `what` whose time ran out, with the last reason.
    #[must_use]
    pub fn timed_out(&self, what: &str, why: &str) -> Error {
        Error::new(Meaning::TimedOut, "wait for", what, why)
            .with_hint("run the same command again to go on, with a larger --step-timeout or --timeout if it only needs time")
    }

    /// Looks by `attempt` every `interval` until it is ready.
    ///
    /// # Errors
    ///
    /// What `attempt` fails with, at once; [`Meaning::TimedOut`] with the last reason once the deadline has passed.
    pub async fn until<T, F, A>(&self, what: &str, interval: Duration, mut attempt: A) -> Result<T>
    where
        A: FnMut() -> F,
        F: Future<Output = Result<Progress<T>>>,
    {
        loop {
            match attempt().await? {
                Progress::Ready(value) => return Ok(value),
                Progress::Pending(why) => {
                    let left = self.remaining();
                    if left.is_zero() {
                        return Err(self.timed_out(what, &why));
                    }
                    self.tell(what, &why);
                    self.clock.sleep(interval.min(left)).await;
                }
            }
        }
    }
}

fn jiff_span(duration: Duration) -> jiff::SignedDuration {
    jiff::SignedDuration::try_from(duration).unwrap_or(jiff::SignedDuration::MAX)
}
