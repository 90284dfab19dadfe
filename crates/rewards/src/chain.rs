use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use spacecraft_core::spec::Generation;
use spacecraft_core::{Error, Meaning, Result};

/// What a node says of its chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// The family of releases that the node belongs to.
    pub generation: Generation,
    /// By which services rewards are asked for.
    pub api: RewardsApi,
    /// The network: v1 the genesis id in hexadecimal, v0 its number.
    pub network_id: String,
    /// When layer 0 began.
    pub genesis_time: Timestamp,
    /// How long a layer takes.
    pub layer_seconds: u64,
    /// How many layers an epoch has; not 0.
    pub layers_per_epoch: u32,
    /// The layer that the clock is in.
    pub current_layer: u32,
    /// The newest layer whose block was applied.
    pub applied_layer: u32,
    /// Whether the node has caught up with its network.
    pub synced: bool,
}

/// By which services rewards are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum RewardsApi {
    /// `spacemesh.v1.GlobalStateService`, account by account.
    #[serde(rename = "v1 GlobalStateService")]
    GlobalState,
    /// `spacemesh.v2alpha1.RewardService` and `RewardStreamService`.
    #[serde(rename = "v2alpha1 RewardService")]
    RewardService,
}

impl Chain {
    /// The first layer that pays: the last of epoch 1.
    #[must_use]
    pub fn first_paid_layer(&self) -> u32 {
        self.layers_per_epoch.saturating_mul(2).saturating_sub(1)
    }

    /// The epoch of a layer.
    #[must_use]
    pub fn epoch_of(&self, layer: u32) -> u32 {
        layer / self.layers_per_epoch.max(1)
    }

    /// The first layer of an epoch.
    #[must_use]
    pub fn first_layer_of(&self, epoch: u32) -> u32 {
        epoch.saturating_mul(self.layers_per_epoch)
    }

    /// When a layer begins; none beyond what a calendar holds.
    #[must_use]
    pub fn start_of(&self, layer: u32) -> Option<Timestamp> {
        let seconds = i64::try_from(self.layer_seconds.checked_mul(u64::from(layer))?).ok()?;
        self.genesis_time.checked_add(SignedDuration::from_secs(seconds)).ok()
    }

    /// The layers of a report: those asked for, as far as they pay and were applied.
    ///
    /// # Errors
    ///
    /// [`Meaning::Invalid`] when nothing of what was asked for was applied yet, with what was.
    pub fn span(&self, from: Option<u32>, to: Option<u32>, node: &str) -> Result<LayerSpan> {
        let first_paid = self.first_paid_layer();
        let refuse = |reason: String| Error::new(Meaning::Invalid, "read rewards from", node, reason);
        if self.applied_layer < first_paid {
            let when =
                self.start_of(first_paid).map(|time| format!(", which begins at {time}")).unwrap_or_default();
            return Err(refuse(format!(
                "nothing was paid yet: the first layer that pays is {first_paid}{when}, and the newest applied one is {}",
                self.applied_layer
            )));
        }
        let first = from.unwrap_or(0).max(first_paid);
        let last = to.unwrap_or(u32::MAX).min(self.applied_layer);
        if first > last {
            let asked = match (from, to) {
                (Some(from), Some(to)) => format!("{from} to {to}"),
                (Some(from), None) => format!("{from} and later"),
                (None, to) => format!("up to {}", to.unwrap_or_default()),
            };
            return Err(refuse(format!("the layers {asked} hold no rewards"))
                .with_hint(format!("layers {first_paid} to {} were paid so far", self.applied_layer)));
        }
        Ok(LayerSpan { first, last })
    }
}

/// The layers `first` to `last`, both of them included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LayerSpan {
    /// The first.
    pub first: u32,
    /// The last; not before the first.
    pub last: u32,
}

impl LayerSpan {
    /// How many layers these are.
    #[must_use]
    pub fn count(&self) -> u64 {
        u64::from(self.last.saturating_sub(self.first)) + 1
    }

    /// True for a layer that is one of them.
    #[must_use]
    pub fn contains(&self, layer: u32) -> bool {
        (self.first..=self.last).contains(&layer)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn chain() -> Chain {
        Chain {
            generation: Generation::V1,
            api: RewardsApi::RewardService,
            network_id: "9eebff023abb17ccb775c602daade8ed708f0a50".to_owned(),
            genesis_time: "2026-01-01T00:00:00Z".parse().unwrap(),
            layer_seconds: 60,
            layers_per_epoch: 4,
            current_layer: 31,
            applied_layer: 30,
            synced: true,
        }
    }

    #[test]
    fn a_report_covers_the_layers_that_pay_and_were_applied() {
        let chain = chain();
        let span = |from, to| chain.span(from, to, "node").map(|span| (span.first, span.last));
        assert_eq!(span(None, None).unwrap(), (7, 30));
        assert_eq!(span(Some(10), Some(12)).unwrap(), (10, 12));
        assert_eq!(span(Some(0), Some(u32::MAX)).unwrap(), (7, 30));
        assert_eq!(span(Some(30), Some(30)).unwrap(), (30, 30));
    }

    #[test]
    fn layers_without_rewards_are_refused_with_those_that_have_some() {
        let refused = |chain: &Chain, from, to| chain.span(from, to, "node").unwrap_err();
        for (from, to) in [(Some(31), None), (Some(40), Some(50)), (None, Some(3)), (Some(12), Some(11))] {
            let error = refused(&chain(), from, to);
            assert_eq!(error.meaning(), Meaning::Invalid);
            assert_eq!(error.hint(), Some("layers 7 to 30 were paid so far"));
        }
        let young = Chain { applied_layer: 6, ..chain() };
        assert!(
            refused(&young, None, None)
                .reason()
                .contains("first layer that pays is 7, which begins at 2026-01-01T00:07:00Z")
        );
    }
}
