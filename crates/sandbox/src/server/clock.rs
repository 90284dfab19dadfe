//! Simulated time: a straight line over real time.

use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::folder::read_json;
use crate::moment::{Moment, seconds_after};

/// The file of a sandbox's folder that keeps its clock.
pub(super) const CLOCK_FILE: &str = "clock.json";

/// Where simulated time stood at some real instant, and how fast it runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Clock {
    simulated: Timestamp,
    wall: Timestamp,
    rate: f64,
}

impl Clock {
    /// A clock that shows real time.
    pub(super) fn real(wall: Timestamp) -> Self {
        Self { simulated: wall, wall, rate: 1.0 }
    }

    /// The same clock, showing another time at the instant from which it counts.
    pub(super) fn showing(self, simulated: Timestamp) -> Self {
        Self { simulated, ..self }
    }

    /// Both times at a real instant.
    pub(super) fn at(&self, wall: Timestamp) -> Moment {
        let elapsed = wall.duration_since(self.wall).max(SignedDuration::ZERO);
        Moment { now: seconds_after(self.simulated, elapsed.as_secs_f64() * self.rate), wall }
    }

    /// The clock with another rate from `wall` on, after a jump forward.
    pub(super) fn changed(&self, wall: Timestamp, rate: f64, jump_seconds: f64) -> Self {
        Self { simulated: seconds_after(self.at(wall).now, jump_seconds.max(0.0)), wall, rate: rate.max(0.0) }
    }

    /// How long, in real time, until a simulated instant; `None` when time stands still before it.
    pub(super) fn until(&self, instant: Timestamp, wall: Timestamp) -> Option<Duration> {
        let missing = instant.duration_since(self.at(wall).now);
        if missing <= SignedDuration::ZERO {
            return Some(Duration::ZERO);
        }
        if self.rate <= f64::EPSILON {
            return None;
        }
        Duration::try_from_secs_f64(missing.as_secs_f64() / self.rate).ok()
    }
}

/// How far the simulated time of the sandbox in `folder` is ahead of the real time, `wall`. Nothing when none was ever moved.
#[must_use]
pub fn simulated_lead(folder: &Path, wall: Timestamp) -> Duration {
    let stored: Option<Clock> = read_json(&folder.join(CLOCK_FILE)).ok().flatten();
    let lead = stored.map(|clock| clock.at(wall).now.duration_since(wall));
    lead.and_then(|lead| Duration::try_from(lead).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_lead_of_simulated_time_is_read_from_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(simulated_lead(folder.path(), at(100)), Duration::ZERO);
        let moved = Clock::real(at(100)).changed(at(110), 1.0, 3600.0);
        std::fs::write(folder.path().join(CLOCK_FILE), serde_json::to_string(&moved).unwrap()).unwrap();
        assert_eq!(simulated_lead(folder.path(), at(500)), Duration::from_secs(3600));
    }

    #[test]
    fn a_real_clock_shows_real_time() {
        let clock = Clock::real(at(100));
        assert_eq!(clock.at(at(160)).now, at(160));
        assert_eq!(clock.until(at(170), at(160)), Some(Duration::from_secs(10)));
    }

    #[test]
    fn time_that_stands_still_moves_by_jumps_alone() {
        let clock = Clock::real(at(100)).changed(at(110), 0.0, 0.0);
        assert_eq!(clock.at(at(500)).now, at(110));
        assert_eq!(clock.until(at(111), at(500)), None);
        let jumped = clock.changed(at(500), 0.0, 60.0);
        assert_eq!(jumped.at(at(600)).now, at(170));
    }

    #[test]
    fn fast_time_runs_at_its_rate() {
        let clock = Clock::real(at(0)).changed(at(0), 60.0, 0.0);
        assert_eq!(clock.at(at(10)).now, at(600));
        assert_eq!(clock.until(at(1_200), at(10)), Some(Duration::from_secs(10)));
    }
}
