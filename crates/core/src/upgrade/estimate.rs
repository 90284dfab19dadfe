use std::time::Duration;

/// A wave takes about this long before one was measured: the old pods stop, the new ones start and find their peers.
const UNMEASURED_WAVE: Duration = Duration::from_secs(60);

/// How long the waves of an upgrade take, learned from those that are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    waves: u32,
    between: Duration,
    done: u32,
    taken: Duration,
}

impl Estimate {
    /// Nothing is done yet of `waves` waves, with a pause of `between` them.
    #[must_use]
    pub fn new(waves: u32, between: Duration) -> Self {
        Self { waves, between, done: 0, taken: Duration::ZERO }
    }

    /// A wave is through after `taken`.
    pub fn note_wave(&mut self, taken: Duration) {
        self.done = self.done.saturating_add(1);
        self.taken = self.taken.saturating_add(taken);
    }

    /// The time until the last wave is through; there is no pause before the first wave and none after the last.
    #[must_use]
    pub fn left(&self) -> Duration {
        let waves = self.waves.saturating_sub(self.done);
        let pauses = if self.done == 0 { waves.saturating_sub(1) } else { waves };
        let each = self.taken.checked_div(self.done).unwrap_or(UNMEASURED_WAVE);
        each.saturating_mul(waves).saturating_add(self.between.saturating_mul(pauses))
    }

    /// The pauses together: time that is asked for and therefore no part of what an operation may take.
    #[must_use]
    pub fn pauses(&self) -> Duration {
        self.between.saturating_mul(self.waves.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO_MINUTES: Duration = Duration::from_secs(120);

    #[test]
    fn the_time_left_follows_from_the_waves_so_far_and_the_pauses_to_come() {
        let mut estimate = Estimate::new(3, TWO_MINUTES);
        assert_eq!(estimate.left(), UNMEASURED_WAVE * 3 + TWO_MINUTES * 2);
        estimate.note_wave(Duration::from_secs(20));
        assert_eq!(estimate.left(), Duration::from_secs(40) + TWO_MINUTES * 2);
        estimate.note_wave(Duration::from_secs(30));
        assert_eq!(estimate.left(), Duration::from_secs(25) + TWO_MINUTES);
        estimate.note_wave(Duration::from_secs(25));
        assert_eq!(estimate.left(), Duration::ZERO);
    }

    #[test]
    fn one_wave_has_no_pause_and_none_takes_no_time() {
        assert_eq!(Estimate::new(1, TWO_MINUTES).pauses(), Duration::ZERO);
        assert_eq!(Estimate::new(0, TWO_MINUTES).left(), Duration::ZERO);
        assert_eq!(Estimate::new(u32::MAX, Duration::MAX).pauses(), Duration::MAX);
    }
}
