//! Time that passes as tokio's paused time does, and can be set to an instant that was before.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use spacecraft_core::time::Clock;
use spacecraft_sandbox::server::TimeSource;
use tokio::time::Instant;

/// The one clock of a stage: of the command, of its clients and of the simulated cloud.
#[derive(Debug, Clone)]
pub struct StageClock {
    origin: Instant,
    shown_at_origin: Arc<Mutex<Timestamp>>,
}

impl StageClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn showing(now: Timestamp) -> Self {
        Self { origin: Instant::now(), shown_at_origin: Arc::new(Mutex::new(now)) }
    }

    /// Sets the clock.
    pub fn set(&self, now: Timestamp) {
        let shown = now.saturating_sub(self.passed()).unwrap_or(now);
        *self.shown_at_origin.lock().unwrap_or_else(PoisonError::into_inner) = shown;
    }

    /// A clock that goes with this one and shows another time.
    #[must_use]
    pub fn off_by(&self, difference: SignedDuration) -> Self {
        let shown = *self.shown_at_origin.lock().unwrap_or_else(PoisonError::into_inner);
        let other = shown.saturating_add(difference).unwrap_or(shown);
        Self { origin: self.origin, shown_at_origin: Arc::new(Mutex::new(other)) }
    }

    /// The same clock, for the simulated cloud.
    #[must_use]
    pub fn source(&self) -> TimeSource {
        let clock = self.clone();
        TimeSource::new(move || clock.now())
    }

    fn passed(&self) -> SignedDuration {
        SignedDuration::try_from(self.origin.elapsed()).unwrap_or(SignedDuration::MAX)
    }
}

#[async_trait]
impl Clock for StageClock {
    fn now(&self) -> Timestamp {
        let shown = *self.shown_at_origin.lock().unwrap_or_else(PoisonError::into_inner);
        shown.saturating_add(self.passed()).unwrap_or(Timestamp::MAX)
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
