//! When the chain starts: chosen when the first node is about to be applied, and fixed from then on.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::BringUp;
use crate::error::{Error, Meaning, Result};
use crate::identity::Genesis;
use crate::node_config::NodeConfig;
use crate::plan::Plan;
use crate::spec::{Generation, NetworkSpec};
use crate::state::{GenesisRecord, NetworkRecord, NetworkStatus};

impl BringUp<'_> {
    /// The network's genesis: the recorded one, the parent's, or one that leaves the fleet time to come up.
    pub(super) fn choose_genesis(&self, record: &NetworkRecord) -> Result<GenesisRecord> {
        if let Some(fixed) = &record.genesis {
            self.check_not_passed(record, fixed)?;
            return Ok(fixed.clone());
        }
        let time = genesis_time(self.spec, self.plan, self.services().clock.now())?;
        Ok(genesis_record(self.spec, time))
    }

    /// A network of its own whose genesis passed before it was up cannot start any more.
    fn check_not_passed(&self, record: &NetworkRecord, fixed: &GenesisRecord) -> Result<()> {
        let passed = fixed.genesis.time <= self.services().clock.now();
        if !passed || record.status != NetworkStatus::Creating || !self.spec.fleet.bootstrap {
            return Ok(());
        }
        Err(self.genesis_passed(fixed, Duration::ZERO))
    }

    /// Reports the margin that is left now that the fleet is up, or that there is none.
    pub(in crate::operation) fn check_margin(&self, fixed: &GenesisRecord, bring_up: Duration) -> Result<()> {
        if !self.spec.fleet.bootstrap {
            return Ok(());
        }
        let left = fixed.genesis.time.duration_since(self.services().clock.now());
        if left <= SignedDuration::ZERO {
            return Err(self.genesis_passed(fixed, bring_up));
        }
        self.run.tell(format!("the fleet is up, {} before genesis", human(left)));
        Ok(())
    }

    fn genesis_passed(&self, fixed: &GenesisRecord, bring_up: Duration) -> Error {
        let predicted = Duration::from_secs(self.plan.genesis.predicted_bring_up_seconds);
        let late = bring_up.max(predicted).saturating_sub(predicted) + self.spec.genesis.delay;
        let reason =
            format!("genesis was at {} and passed before the fleet was up", fixed.genesis.time_text());
        self.begin_later(reason, late)
    }

    /// v0: whether PoETs that are activated at `instant` come before genesis. The first round of those that come later would be shorter than the config says, or an epoch late.
    pub(super) fn check_activation(
        &self,
        record: &NetworkRecord,
        fixed: &GenesisRecord,
        instant: Timestamp,
    ) -> Result<()> {
        let starts = self.spec.fleet.bootstrap && record.status == NetworkStatus::Creating;
        let late = instant.duration_since(fixed.genesis.time);
        if !starts || late.is_negative() {
            return Ok(());
        }
        let left = fixed.genesis.time.duration_since(self.services().clock.now()).max(SignedDuration::ZERO);
        let reason = format!(
            "genesis is at {}, in {}, which is too soon for the PoETs to be deployed and activated before",
            fixed.genesis.time_text(),
            human(left)
        );
        let late = Duration::try_from(late).unwrap_or(Duration::ZERO) + self.spec.genesis.delay;
        Err(self.begin_later(reason, late))
    }

    /// That the chain cannot start at its genesis, which `late` after the predicted bring-up would have been late enough.
    fn begin_later(&self, reason: String, late: Duration) -> Error {
        let minutes = late.as_secs().div_ceil(60) + 5;
        Error::new(Meaning::TimedOut, "start chain", self.spec.network.as_str(), reason).with_hint(format!(
            "run the command again with --new-genesis --genesis-delay {minutes}, which starts the chain anew, with new keys and data"
        ))
    }
}

/// The genesis that a network would have if its first node were applied at `now`; where a parent's config names no time, `now` stands in for it.
#[must_use]
pub fn planned_genesis(spec: &NetworkSpec, plan: &Plan, now: Timestamp) -> Genesis {
    genesis_record(spec, genesis_time(spec, plan, now).unwrap_or(now)).genesis
}

/// The parent's genesis time, or one that leaves the fleet time to come up.
fn genesis_time(spec: &NetworkSpec, plan: &Plan, now: Timestamp) -> Result<Timestamp> {
    if spec.fleet.bootstrap {
        Ok(in_whole_minutes(later(now, plan.time_to_genesis())))
    } else {
        genesis_time_of(NodeConfig::new(spec.generation, &spec.node.base_config))
    }
}

/// The genesis of a spec at `time`: extra data (v1) or network id (v0) come from the node config.
pub(crate) fn genesis_record(spec: &NetworkSpec, time: Timestamp) -> GenesisRecord {
    let config = NodeConfig::new(spec.generation, &spec.node.base_config);
    let genesis = Genesis {
        time,
        extra_data: config.genesis_extra_data().unwrap_or(spec.network.as_str()).to_owned(),
        network_id: config.network_id(),
    };
    let id = match spec.generation {
        Generation::V0 => genesis.network_id.map(|id| id.to_string()).unwrap_or_default(),
        Generation::V1 => genesis.id().to_string(),
    };
    GenesisRecord { genesis, id, poet_activation: None, poets_activated: spec.generation == Generation::V1 }
}

/// The genesis time that a parent's config names.
fn genesis_time_of(config: NodeConfig<'_>) -> Result<Timestamp> {
    config.genesis_time().ok_or_else(|| {
        Error::new(
            Meaning::Invalid,
            "read parent's config",
            "genesis-time",
            "it is missing or no time as RFC 3339 writes it",
        )
        .with_hint("--miner-go-sm-config wants the config that the parent network published")
    })
}

fn later(now: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by).ok().and_then(|by| now.checked_add(by).ok()).unwrap_or(now)
}

/// The first whole minute that is not before `time`.
fn in_whole_minutes(time: Timestamp) -> Timestamp {
    let seconds = time.as_second();
    let up = (60 - seconds.rem_euclid(60)) % 60;
    Timestamp::from_second(seconds.saturating_add(up)).unwrap_or(time)
}

/// A duration as people say it: `9 min 30 s`.
pub(crate) fn human(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn genesis_is_on_a_whole_minute_that_is_not_earlier() {
        let time: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        assert_eq!(in_whole_minutes(time).to_string(), "2026-01-02T03:05:00Z");
        let whole: Timestamp = "2026-01-02T03:04:00Z".parse().unwrap();
        assert_eq!(in_whole_minutes(whole), whole);
    }

    #[test]
    fn a_parents_config_without_a_time_is_refused() {
        let empty = serde_json::json!({});
        let refusal = genesis_time_of(NodeConfig::new(Generation::V0, &empty)).unwrap_err();
        assert_eq!(refusal.meaning(), Meaning::Invalid);
        let config = serde_json::json!({"main": {"genesis-time": "2026-01-02T03:04:05+00:00"}});
        let time = genesis_time_of(NodeConfig::new(Generation::V0, &config)).unwrap();
        assert_eq!(time.to_string(), "2026-01-02T03:04:05Z");
    }

    #[test]
    fn margins_read_as_people_say_them() {
        assert_eq!(human(SignedDuration::from_secs(570)), "9 min 30 s");
        assert_eq!(human(SignedDuration::from_secs(600)), "10 min");
    }
}
