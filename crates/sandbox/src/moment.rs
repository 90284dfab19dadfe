//! The two times of a call.

use jiff::Timestamp;

/// When a call is handled. Simulated time drives everything that takes time in the cloud and may stand still, jump or
/// run fast; a caller's credentials live in its own, real time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The simulated instant.
    pub now: Timestamp,
    /// The real instant, by which tokens are issued and expire.
    pub wall: Timestamp,
}

impl From<Timestamp> for Moment {
    fn from(instant: Timestamp) -> Self {
        Self { now: instant, wall: instant }
    }
}

/// `start` plus a number of seconds, saturating at the end of time.
pub(crate) fn seconds_after(start: Timestamp, seconds: f64) -> Timestamp {
    let span = jiff::SignedDuration::try_from_secs_f64(seconds).unwrap_or(jiff::SignedDuration::ZERO);
    start.checked_add(span).unwrap_or(Timestamp::MAX)
}
