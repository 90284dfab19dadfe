//! Time and chance, passed in.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha20Rng;

/// Tells the time and lets time pass.
#[async_trait]
pub trait Clock: Debug + Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;

    /// Returns once `duration` has passed on this clock.
    async fn sleep(&self, duration: Duration);
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// A clock that is ahead of another one by a fixed span, and as fast.
#[derive(Debug, Clone)]
pub struct AheadClock {
    /// The other one.
    pub base: Arc<dyn Clock>,
    /// How far this one is ahead.
    pub ahead: Duration,
}

#[async_trait]
impl Clock for AheadClock {
    fn now(&self) -> Timestamp {
        let now = self.base.now();
        now.saturating_add(self.ahead).unwrap_or(now)
    }

    async fn sleep(&self, duration: Duration) {
        self.base.sleep(duration).await;
    }
}

/// A source of randomness for keys, passwords and jitter.
pub trait Random: Debug + Send + Sync {
    /// Fills `bytes` with random bytes.
    fn fill(&self, bytes: &mut [u8]);

    /// A random number.
    fn number(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}

/// Randomness of the operating system, fit for keys.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}

/// Randomness that repeats itself for the same seed: for tests and rehearsals, never for keys of a real network.
#[derive(Debug)]
pub struct SeededRandom(Mutex<ChaCha20Rng>);

impl SeededRandom {
    /// The sequence that belongs to `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(ChaCha20Rng::seed_from_u64(seed)))
    }
}

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) {
        let mut generator = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        generator.fill_bytes(bytes);
    }
}
