use std::time::Duration;

use jiff::Timestamp;

use crate::node_config::{NetworkTiming, PoetTiming, later};

/// When the rounds of a v0 PoET close. A v0 PoET knows no genesis: its first round lasts `initialduration` from the moment of its activation, every later one
/// `duration`. Rounds must close one layer after an epoch starts (plus a shift for each further PoET), so `initialduration` follows from the activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct V0Rounds {
    genesis: Timestamp,
    timing: NetworkTiming,
    shift: Duration,
}

impl V0Rounds {
    /// The rounds of PoET `number` (from 1), each further PoET closing `initial_phase_shift` later.
    #[must_use]
    pub fn new(
        genesis: Timestamp,
        timing: NetworkTiming,
        number: u32,
        initial_phase_shift: Duration,
    ) -> Self {
        let shift = initial_phase_shift.saturating_mul(number.saturating_sub(1));
        Self { genesis, timing, shift }
    }

    /// `duration`: how long every round but the first lasts, an epoch.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.timing.epoch()
    }

    /// `initialduration`: the time from `activation` until the first round closes, which is at `genesis + layer + shift`, or when that has passed (a network
    /// that extends a parent), the next time a multiple of an epoch later.
    #[must_use]
    pub fn initial_duration(&self, activation: Timestamp) -> Duration {
        let first_close = later(later(self.genesis, self.timing.layer), self.shift);
        let until = first_close.duration_since(activation);
        if let Some(until) = Duration::try_from(until).ok().filter(|until| !until.is_zero()) {
            return until;
        }
        let epoch = self.timing.epoch().as_nanos().max(1);
        let passed = until.unsigned_abs().as_nanos();
        let into_round = passed % epoch;
        Duration::from_nanos(u64::try_from(epoch - into_round).unwrap_or(u64::MAX))
    }
}

/// When the rounds of a v1 PoET start and end; it computes them from the genesis by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct V1Rounds {
    genesis: Timestamp,
    timing: NetworkTiming,
    poet: PoetTiming,
}

impl V1Rounds {
    /// The rounds of a network; none when its timing says nothing of PoETs.
    #[must_use]
    pub fn new(genesis: Timestamp, timing: NetworkTiming) -> Option<Self> {
        timing.poet.map(|poet| Self { genesis, timing, poet })
    }

    /// `genesis + phase_shift + epoch * epoch_duration`
    #[must_use]
    pub fn start(&self, epoch: u32) -> Timestamp {
        later(later(self.genesis, self.poet.phase_shift), self.timing.epoch().saturating_mul(epoch))
    }

    /// `start + epoch_duration - cycle_gap`
    #[must_use]
    pub fn end(&self, epoch: u32) -> Timestamp {
        later(self.start(epoch), self.timing.epoch().saturating_sub(self.poet.cycle_gap))
    }

    /// The latest instant at which a PoET must be up, and smeshers initialised, for the ATXs of epoch 1: the start of round 0.
    #[must_use]
    pub fn first_registration(&self) -> Timestamp {
        self.start(0)
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;

    fn timing(layer_seconds: u64, layers_per_epoch: u32) -> NetworkTiming {
        let poet = PoetTiming {
            phase_shift: Duration::from_secs(30),
            cycle_gap: Duration::from_secs(20),
            grace_period: Duration::from_secs(10),
        };
        NetworkTiming { layer: Duration::from_secs(layer_seconds), layers_per_epoch, poet: Some(poet) }
    }

    fn genesis() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().unwrap()
    }

    #[test]
    fn the_first_v0_round_closes_one_layer_after_genesis_and_each_further_poet_later() {
        let ten_minutes_before = genesis() - SignedDuration::from_mins(10);
        let of = |number| {
            V0Rounds::new(genesis(), timing(120, 60), number, Duration::from_secs(6000))
                .initial_duration(ten_minutes_before)
        };
        assert_eq!(of(1).as_secs(), 600 + 120);
        assert_eq!(of(3).as_secs(), 600 + 120 + 2 * 6000);
    }

    #[test]
    fn the_first_v0_round_of_an_extension_closes_with_the_parents_epochs() {
        let rounds = V0Rounds::new(genesis(), timing(100, 6), 1, Duration::ZERO);
        let after = |seconds| genesis() + SignedDuration::from_secs(seconds);
        assert_eq!(rounds.initial_duration(after(99)).as_secs(), 1);
        assert_eq!(rounds.initial_duration(after(100)).as_secs(), 600);
        assert_eq!(rounds.initial_duration(after(101)).as_secs(), 599);
        assert_eq!(rounds.initial_duration(after(6000)).as_secs(), 100);
    }

    #[test]
    fn v1_rounds_follow_from_the_genesis() {
        let rounds = V1Rounds::new(genesis(), timing(15, 4)).unwrap();
        assert_eq!(rounds.first_registration().to_string(), "2026-01-01T00:00:30Z");
        assert_eq!(rounds.start(2).to_string(), "2026-01-01T00:02:30Z");
        assert_eq!(rounds.end(2).to_string(), "2026-01-01T00:03:10Z");
    }

    proptest! {
        #[test]
        fn a_v0_round_always_closes_after_its_activation_and_at_its_place_in_an_epoch(
            offset in -100_000_i64..1_000_000,
            layer in 1_u64..1000,
            layers in 1_u32..1000,
            number in 1_u32..20,
            shift in 0_u64..10_000,
        ) {
            let timing = timing(layer, layers);
            let rounds = V0Rounds::new(genesis(), timing, number, Duration::from_secs(shift));
            let activation = genesis() + SignedDuration::from_secs(offset);
            let initial = rounds.initial_duration(activation);
            prop_assert!(!initial.is_zero());
            let close = offset + i64::try_from(initial.as_secs()).unwrap();
            let first = i64::try_from(layer + shift * u64::from(number - 1)).unwrap();
            let epoch = i64::try_from(timing.epoch().as_secs()).unwrap();
            prop_assert!(close >= first);
            prop_assert_eq!((close - first) % epoch, 0);
        }

        #[test]
        fn a_v1_round_ends_a_gap_before_the_next_one_starts(epoch in 0_u32..100_000) {
            let rounds = V1Rounds::new(genesis(), timing(15, 4)).unwrap();
            prop_assert_eq!(rounds.start(epoch + 1).duration_since(rounds.end(epoch)), SignedDuration::from_secs(20));
        }
    }
}
