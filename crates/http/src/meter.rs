use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{Method, StatusCode};

/// One attempt of a call, as it went over the wire.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// The host that was asked.
    pub host: &'a str,
    /// The method.
    pub method: &'a Method,
    /// The status of the reply; none when no reply came.
    pub status: Option<StatusCode>,
    /// Bytes of the request's body.
    pub sent: u64,
    /// Bytes of the reply's body, decompressed.
    pub received: u64,
}

/// Is told of every attempt, for benchmarks and tests.
///
/// # Contract
///
/// `attempt` returns quickly and may be called from several tasks at once.
pub trait Meter: Debug + Send + Sync {
    /// Takes note of an attempt.
    fn attempt(&self, attempt: &Attempt<'_>);
}

/// What went over the wire so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// Attempts of calls.
    pub attempts: u64,
    /// Bytes of request bodies.
    pub sent: u64,
    /// Bytes of reply bodies.
    pub received: u64,
}

/// A meter that adds everything up.
#[derive(Debug, Default)]
pub struct TrafficCounter {
    attempts: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
}

impl TrafficCounter {
    /// The sums so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        Traffic {
            attempts: self.attempts.load(Ordering::Relaxed),
            sent: self.sent.load(Ordering::Relaxed),
            received: self.received.load(Ordering::Relaxed),
        }
    }
}

impl Meter for TrafficCounter {
    fn attempt(&self, attempt: &Attempt<'_>) {
        self.attempts.fetch_add(1, Ordering::Relaxed);
        self.sent.fetch_add(attempt.sent, Ordering::Relaxed);
        self.received.fetch_add(attempt.received, Ordering::Relaxed);
    }
}
