use std::fmt;

use serde::Serialize;

use crate::amount::Smidge;
use crate::ledger::Ledger;
use crate::subsidy::expected_subsidy;

/// Whether the subsidies that were found are those that the layers with rewards were to pay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Consistency {
    /// How they compare.
    pub verdict: Verdict,
    /// What the layers with rewards were to pay, by the rules of the generation.
    pub expected_subsidy: Smidge,
    /// What was found.
    pub found_subsidy: Smidge,
    /// How far the two are apart.
    pub difference: Smidge,
}

/// How subsidies compare with what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// They are equal, but for what division leaves over.
    Consistent,
    /// Some are missing: not all accounts are known, or the node lacks some.
    Missing,
    /// There are more than there can be.
    Excess,
}

impl Consistency {
    /// Compares what a ledger holds with what its layers were to pay.
    ///
    /// Each reward is its share of the layer's subsidy, rounded down, so that a layer with n rewards may lack up to n smidge. Nodes compute the subsidy of a
    /// layer in their own arithmetic; one smidge a layer is granted to it.
    pub(crate) fn of(ledger: &Ledger) -> Self {
        let first_paid = ledger.chain.first_paid_layer();
        let generation = ledger.chain.generation;
        let of_range = |(first, last): (u32, u32)| {
            expected_subsidy(generation, first.saturating_sub(first_paid), last.saturating_sub(first_paid))
        };
        let expected: Smidge = ledger.paid_layers.iter().map(of_range).sum();
        let found = ledger.totals.subsidy;
        let layers = Smidge::from(ledger.paid_layers.count());
        let verdict = if found > expected + layers {
            Verdict::Excess
        } else if found + layers + Smidge::from(ledger.totals.count) < expected {
            Verdict::Missing
        } else {
            Verdict::Consistent
        };
        let difference = Smidge(expected.0.abs_diff(found.0));
        Self { verdict, expected_subsidy: expected, found_subsidy: found, difference }
    }
}

impl fmt::Display for Consistency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verdict, expected_subsidy, found_subsidy, difference } = self;
        let (found, expected) = (found_subsidy.in_smh(), expected_subsidy.in_smh());
        match verdict {
            Verdict::Consistent => write!(
                formatter,
                "consistent: {found} SMH of subsidy found, {expected} SMH expected of the layers with rewards ({difference} smidge apart, from rounding)"
            ),
            Verdict::Missing => write!(
                formatter,
                "MISSING {} SMH: {found} SMH of subsidy found, {expected} SMH expected of the layers with rewards",
                difference.in_smh()
            ),
            Verdict::Excess => write!(
                formatter,
                "TOO MUCH by {} SMH: {found} SMH of subsidy found, {expected} SMH expected of the layers with rewards",
                difference.in_smh()
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::tests::chain;
    use crate::{LayerSpan, ManagedKeys, Reward};

    /// Layers 7, 8 and 10 of a chain, each paid in `parts` equal parts.
    fn paid(parts: u64, missing: u64) -> Consistency {
        let mut ledger =
            Ledger::new(chain(), LayerSpan { first: 7, last: 30 }, ManagedKeys::default(), false);
        for layer in [7, 8, 10] {
            let subsidy = expected_subsidy(ledger.chain.generation, layer - 7, layer - 7);
            let share = u64::try_from(subsidy.0).unwrap() / parts - missing;
            for _ in 0..parts {
                let reward = Reward {
                    layer,
                    coinbase: "sm1a".to_owned(),
                    smesher: None,
                    subsidy: share,
                    total: share,
                };
                ledger.add(reward).unwrap();
            }
        }
        Consistency::of(&ledger)
    }

    #[test]
    fn what_rounding_leaves_over_is_no_difference() {
        for parts in [1, 3, 7, 1_000] {
            assert_eq!(paid(parts, 0).verdict, Verdict::Consistent, "{parts} parts");
        }
    }

    #[test]
    fn what_is_missing_or_too_much_is_told() {
        let missing = paid(7, 100);
        assert_eq!(missing.verdict, Verdict::Missing);
        assert!(missing.to_string().starts_with("MISSING 0.00000"), "{missing}");
        let mut ledger =
            Ledger::new(chain(), LayerSpan { first: 7, last: 30 }, ManagedKeys::default(), false);
        let reward = Reward {
            layer: 7,
            coinbase: "sm1a".to_owned(),
            smesher: None,
            subsidy: 500_000_000_000,
            total: 500_000_000_000,
        };
        ledger.add(reward).unwrap();
        assert_eq!(Consistency::of(&ledger).verdict, Verdict::Excess);
    }

    #[test]
    fn no_rewards_are_consistent_with_no_layers() {
        let ledger = Ledger::new(chain(), LayerSpan { first: 7, last: 30 }, ManagedKeys::default(), false);
        assert_eq!(Consistency::of(&ledger).verdict, Verdict::Consistent);
    }
}
