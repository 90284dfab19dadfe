use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ConfigProblem, NodeConfig, missing, problem};
use crate::spec::Generation;

/// How long layers, epochs and PoET rounds of a network are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkTiming {
    /// A layer.
    pub layer: Duration,
    /// Layers of an epoch.
    pub layers_per_epoch: u32,
    /// v1: the PoET rounds.
    pub poet: Option<PoetTiming>,
}

/// When the rounds of v1 PoETs start and end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoetTiming {
    /// How long after the start of an epoch a round starts.
    pub phase_shift: Duration,
    /// How long before the next round starts it ends.
    pub cycle_gap: Duration,
    /// How long before a round starts nodes prepare for it.
    pub grace_period: Duration,
}

impl NetworkTiming {
    /// Reads the timing of a config. Layer duration and layers per epoch must be in the config itself, because those who join the network read them there.
    ///
    /// # Errors
    ///
    /// All that is missing or wrong.
    pub fn read(config: NodeConfig<'_>) -> Result<Self, Vec<ConfigProblem>> {
        let mut problems = Vec::new();
        let layer = layer_duration(config).map_err(|found| problems.push(found)).unwrap_or_default();
        let layers_per_epoch =
            layers_per_epoch(config).map_err(|found| problems.push(found)).unwrap_or_default();
        let poet = match config.generation() {
            Generation::V0 => None,
            Generation::V1 => {
                let mut read = |path: &str| match config.duration(path) {
                    Ok(duration) => duration.unwrap_or_default(),
                    Err(found) => {
                        problems.push(found);
                        Duration::ZERO
                    }
                };
                Some(PoetTiming {
                    phase_shift: read("poet.phase-shift"),
                    cycle_gap: read("poet.cycle-gap"),
                    grace_period: read("poet.grace-period"),
                })
            }
        };
        if problems.is_empty() { Ok(Self { layer, layers_per_epoch, poet }) } else { Err(problems) }
    }

    /// An epoch.
    #[must_use]
    pub fn epoch(&self) -> Duration {
        self.layer.saturating_mul(self.layers_per_epoch)
    }

    /// The first layer that can bring rewards: the one after the effective genesis layer, `2 * layers_per_epoch - 1`, in both generations.
    #[must_use]
    pub fn first_rewarded_layer(&self) -> u32 {
        self.layers_per_epoch.saturating_mul(2)
    }

    /// When a layer starts.
    #[must_use]
    pub fn layer_start(&self, genesis: Timestamp, layer: u32) -> Timestamp {
        later(genesis, self.layer.saturating_mul(layer))
    }
}

/// `time` and `duration` after it; the end of time where that is later.
pub(crate) fn later(time: Timestamp, duration: Duration) -> Timestamp {
    let span = jiff::SignedDuration::try_from(duration).unwrap_or(jiff::SignedDuration::MAX);
    time.checked_add(span).unwrap_or(Timestamp::MAX)
}

fn layer_duration(config: NodeConfig<'_>) -> Result<Duration, ConfigProblem> {
    let (path, example) = match config.generation() {
        Generation::V0 => ("main.layer-duration-sec", "add a number of seconds, such as 120"),
        Generation::V1 => ("main.layer-duration", "add a duration, such as \"30s\""),
    };
    let Some(given) = config.given(path) else {
        return Err(missing(path, &format!("the layer duration is missing: {example}")));
    };
    match config.duration(path)? {
        Some(duration) if !duration.is_zero() => Ok(duration),
        _ => Err(problem(path, given, "a layer must last longer than no time")),
    }
}

fn layers_per_epoch(config: NodeConfig<'_>) -> Result<u32, ConfigProblem> {
    let path = "main.layers-per-epoch";
    let Some(given) = config.given(path) else {
        return Err(missing(path, "the layers of an epoch are missing: add a number, such as 10"));
    };
    let number = config.number(path)?.and_then(|number| u32::try_from(number).ok());
    number
        .filter(|layers| *layers > 0)
        .ok_or_else(|| problem(path, given, "it must be a number from 1 to 4294967295"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(generation: Generation, config: &Value) -> Result<NetworkTiming, Vec<String>> {
        NetworkTiming::read(NodeConfig::new(generation, config))
            .map_err(|problems| problems.into_iter().map(|problem| problem.path).collect())
    }

    #[test]
    fn layer_and_epoch_must_be_in_the_config_itself() {
        assert_eq!(
            read(Generation::V0, &json!({"preset": "testnet"})),
            Err(vec!["main.layer-duration-sec".to_owned(), "main.layers-per-epoch".to_owned()])
        );
        assert_eq!(
            read(Generation::V1, &json!({"preset": "fastnet", "main": {"layers-per-epoch": 0}})),
            Err(vec!["main.layer-duration".to_owned(), "main.layers-per-epoch".to_owned()])
        );
    }

    #[test]
    fn epochs_and_first_rewards_follow_from_layers() {
        let timing =
            read(Generation::V0, &json!({"main": {"layer-duration-sec": 200, "layers-per-epoch": 6}}))
                .unwrap();
        assert_eq!(timing.epoch(), Duration::from_secs(1200));
        assert_eq!(timing.first_rewarded_layer(), 12);
        let genesis: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(timing.layer_start(genesis, 12).to_string(), "2026-01-01T00:40:00Z");
    }

    #[test]
    fn rounds_of_v1_poets_come_from_the_preset_where_the_config_is_silent() {
        let config = json!({"preset": "fastnet", "main": {"layer-duration": "15s", "layers-per-epoch": 4}, "poet": {"cycle-gap": "20s"}});
        let poet = read(Generation::V1, &config).unwrap().poet.unwrap();
        assert_eq!(
            (poet.phase_shift.as_secs(), poet.cycle_gap.as_secs(), poet.grace_period.as_secs()),
            (30, 20, 10)
        );
    }
}
