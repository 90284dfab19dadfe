use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use spacecraft_core::spec::Generation;
use spacecraft_core::state::SCHEMA;

use crate::amount::{Percent, Smidge};
use crate::chain::{LayerSpan, RewardsApi};
use crate::consistency::Consistency;
use crate::ledger::{Ledger, SmesherId, Totals};

/// How many accounts the concentration looks at.
const LARGEST: usize = 10;

/// What a chain paid in a span of layers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RewardsReport {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// `RewardsReport`.
    pub kind: &'static str,
    /// Where the numbers are from.
    #[serde(flatten)]
    pub reading: Reading,
    /// The layers.
    pub layer_span: LayerSpan,
    /// The epochs that these layers are of, the first and the last.
    pub epoch_span: LayerSpan,
    /// How many layers an epoch has.
    pub layers_per_epoch: u32,
    /// All of it.
    pub summary: Summary,
    /// By account, the most rewarded first.
    pub coinbases: Vec<CoinbaseRow>,
    /// By smesher, the most rewarded first.
    pub smeshers: Vec<SmesherRow>,
    /// What was paid without the node telling to which smesher.
    pub without_smesher: Totals,
    /// By epoch; epochs without rewards are left out.
    pub epochs: Vec<EpochRow>,
    /// By layer, when that was asked for; layers without rewards are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layers: Option<Vec<LayerRow>>,
    /// Layers without rewards, as ranges of first and last.
    pub empty_layers: Vec<LayerSpan>,
}

/// Where the numbers of a report are from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reading {
    /// The network, when it is known by name.
    pub network: Option<String>,
    /// Its generation.
    pub generation: Generation,
    /// v1: the genesis id; v0: the network's number.
    pub network_id: String,
    /// When layer 0 began.
    pub genesis_time: Timestamp,
    /// The node that was asked.
    pub node: String,
    /// By which of its services.
    pub api: RewardsApi,
    /// Whether it has caught up with its network.
    pub synced: bool,
    /// The layer that its clock is in.
    pub current_layer: u32,
    /// The newest layer whose block it applied.
    pub applied_layer: u32,
    /// When it was asked.
    pub read_at: Timestamp,
    /// What the node does not tell, each in a sentence.
    pub unknown: Vec<String>,
}

impl Reading {
    /// A report about `network`, read from `node` at `read_at`.
    #[must_use]
    pub fn new(ledger: &Ledger, network: Option<String>, node: &str, read_at: Timestamp) -> Self {
        let chain = &ledger.chain;
        Self {
            network,
            generation: chain.generation,
            network_id: chain.network_id.clone(),
            genesis_time: chain.genesis_time,
            node: node.to_owned(),
            api: chain.api,
            synced: chain.synced,
            current_layer: chain.current_layer,
            applied_layer: chain.applied_layer,
            read_at,
            unknown: Vec::new(),
        }
    }
}

/// A report in few numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Everything that was paid.
    #[serde(flatten)]
    pub totals: Totals,
    /// What went to accounts or smeshers that are managed.
    pub managed: Totals,
    /// Their share of everything; none of nothing.
    pub managed_share: Option<Percent>,
    /// How many layers have rewards.
    pub paid_layers: u64,
    /// How many layers have none.
    pub empty_layers: u64,
    /// How unevenly the rewards are spread.
    pub concentration: Concentration,
    /// Whether the sum is what it should be.
    pub consistency: Consistency,
}

/// How unevenly rewards are spread over accounts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Concentration {
    /// The share of the account that got the most.
    pub largest_share: Option<Percent>,
    /// The share of the ten accounts that got the most.
    pub largest_ten_share: Option<Percent>,
    /// The fewest accounts that together got more than half (the Nakamoto coefficient); 0 of nothing.
    pub accounts_with_majority: u64,
}

/// What went to an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CoinbaseRow {
    /// Its address.
    pub coinbase: String,
    /// Whether it is that of a node of the network.
    pub managed: bool,
    /// The nodes whose rewards go there.
    pub nodes: Vec<String>,
    /// The rewards.
    #[serde(flatten)]
    pub totals: Totals,
    /// Their share of everything.
    pub share: Option<Percent>,
    /// What the account holds now; none when the node did not tell.
    pub balance: Option<Smidge>,
}

/// What a smesher earned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SmesherRow {
    /// Its id.
    pub smesher: SmesherId,
    /// Whether it is a node of the network.
    pub managed: bool,
    /// The node.
    pub node: Option<String>,
    /// The rewards.
    #[serde(flatten)]
    pub totals: Totals,
    /// Their share of everything.
    pub share: Option<Percent>,
}

/// What an epoch paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EpochRow {
    /// Its number.
    pub epoch: u32,
    /// Its layers, as far as the report has them.
    pub layers: LayerSpan,
    /// The rewards.
    #[serde(flatten)]
    pub totals: Totals,
    /// What went to managed accounts or smeshers.
    pub managed: Smidge,
    /// Their share.
    pub managed_share: Option<Percent>,
    /// How many of its layers have no rewards.
    pub empty_layers: u64,
}

/// What a layer paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LayerRow {
    /// Its number.
    pub layer: u32,
    /// Its epoch.
    pub epoch: u32,
    /// The rewards.
    #[serde(flatten)]
    pub totals: Totals,
}

/// Balances of accounts by address.
pub type Accounts = BTreeMap<String, Smidge>;

impl RewardsReport {
    /// The report of what a ledger holds, with the balances of its accounts.
    #[must_use]
    pub fn new(ledger: Ledger, reading: Reading, balances: &Accounts) -> Self {
        let LayerSpan { first, last } = ledger.span;
        let gaps = ledger.paid_layers.gaps(first, last);
        let coinbases = coinbases(&ledger, balances);
        let paid_layers = ledger.paid_layers.count();
        let summary = Summary {
            totals: ledger.totals,
            managed: ledger.managed,
            managed_share: Percent::of(ledger.managed.total, ledger.totals.total),
            paid_layers,
            empty_layers: ledger.span.count().saturating_sub(paid_layers),
            concentration: Concentration::of(&coinbases, ledger.totals.total),
            consistency: Consistency::of(&ledger),
        };
        Self {
            schema: SCHEMA,
            kind: "RewardsReport",
            reading,
            layer_span: ledger.span,
            epoch_span: LayerSpan { first: ledger.chain.epoch_of(first), last: ledger.chain.epoch_of(last) },
            layers_per_epoch: ledger.chain.layers_per_epoch,
            summary,
            coinbases,
            smeshers: smeshers(&ledger),
            without_smesher: ledger.without_smesher,
            epochs: epochs(&ledger),
            layers: layers(&ledger),
            empty_layers: gaps.into_iter().map(|(first, last)| LayerSpan { first, last }).collect(),
        }
    }
}

fn coinbases(ledger: &Ledger, balances: &Accounts) -> Vec<CoinbaseRow> {
    let row = |(address, account): (&String, &crate::ledger::Account)| CoinbaseRow {
        coinbase: address.clone(),
        managed: account.managed,
        nodes: ledger.managed_keys.owners(address).map(<[String]>::to_vec).unwrap_or_default(),
        totals: account.totals,
        share: Percent::of(account.totals.total, ledger.totals.total),
        balance: balances.get(address).copied(),
    };
    let mut rows: Vec<CoinbaseRow> = ledger.accounts.iter().map(row).collect();
    rows.sort_by(|a, b| b.totals.total.cmp(&a.totals.total).then_with(|| a.coinbase.cmp(&b.coinbase)));
    rows
}

fn smeshers(ledger: &Ledger) -> Vec<SmesherRow> {
    let row = |(id, smesher): (&SmesherId, &crate::ledger::Smesher)| SmesherRow {
        smesher: *id,
        managed: smesher.managed,
        node: ledger.managed_keys.node(id).map(str::to_owned),
        totals: smesher.totals,
        share: Percent::of(smesher.totals.total, ledger.totals.total),
    };
    let mut rows: Vec<SmesherRow> = ledger.smeshers.iter().map(row).collect();
    rows.sort_by(|a, b| b.totals.total.cmp(&a.totals.total).then_with(|| a.smesher.cmp(&b.smesher)));
    rows
}

/// Every epoch with rewards; one without any is told by its empty layers.
fn epochs(ledger: &Ledger) -> Vec<EpochRow> {
    let row = |(number, epoch): (&u32, &crate::ledger::Epoch)| {
        let first = ledger.chain.first_layer_of(*number);
        let layers = LayerSpan {
            first: first.max(ledger.span.first),
            last: first.saturating_add(ledger.chain.layers_per_epoch - 1).min(ledger.span.last),
        };
        let gaps = ledger.paid_layers.gaps(layers.first, layers.last);
        EpochRow {
            epoch: *number,
            layers,
            totals: epoch.totals,
            managed: epoch.managed,
            managed_share: Percent::of(epoch.managed, epoch.totals.total),
            empty_layers: gaps.iter().map(|(first, last)| u64::from(last - first) + 1).sum(),
        }
    };
    ledger.epochs.iter().map(row).collect()
}

fn layers(ledger: &Ledger) -> Option<Vec<LayerRow>> {
    let row = |(layer, totals): (&u32, &Totals)| LayerRow {
        layer: *layer,
        epoch: ledger.chain.epoch_of(*layer),
        totals: *totals,
    };
    Some(ledger.layers.as_ref()?.iter().map(row).collect())
}

impl Concentration {
    /// Of accounts that are sorted, the most rewarded first.
    fn of(rows: &[CoinbaseRow], all: Smidge) -> Self {
        let largest = |count: usize| rows.iter().take(count).map(|row| row.totals.total).sum();
        Self {
            largest_share: Percent::of(largest(1), all),
            largest_ten_share: Percent::of(largest(LARGEST), all),
            accounts_with_majority: majority(rows, all),
        }
    }
}

fn majority(rows: &[CoinbaseRow], all: Smidge) -> u64 {
    let mut count = 0;
    let mut sum = Smidge::default();
    for row in rows {
        if sum + sum > all {
            break;
        }
        sum += row.totals.total;
        count += 1;
    }
    count
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::chain::tests::chain;
    use crate::subsidy::expected_subsidy;
    use crate::{ManagedKeys, Reward};

    /// Three accounts in layers 7 to 22, two of them of the network's nodes, with layers 12 and 17 to 18 empty.
    pub(crate) fn report() -> RewardsReport {
        let mut keys = ManagedKeys::default();
        keys.insert("miner-1", "sm1first", Some(&"01".repeat(32)));
        keys.insert("miner-2", "sm1second", Some(&"02".repeat(32)));
        let mut ledger = Ledger::new(chain(), LayerSpan { first: 7, last: 22 }, keys, true);
        for layer in (7..=22).filter(|layer| ![12, 17, 18].contains(layer)) {
            let whole = expected_subsidy(Generation::V1, layer - 7, layer - 7);
            let eighth = u64::try_from(whole.0).unwrap() / 8;
            for (number, coinbase, eighths) in [(1, "sm1first", 3), (2, "sm1second", 1), (9, "sm1other", 4)] {
                ledger
                    .add(Reward {
                        layer,
                        coinbase: coinbase.to_owned(),
                        smesher: Some(SmesherId([number; 32])),
                        subsidy: eighth * eighths,
                        total: eighth * eighths + u64::from(layer),
                    })
                    .unwrap();
            }
        }
        let reading = Reading::new(
            &ledger,
            Some("net1".to_owned()),
            "miner-1",
            "2026-01-01T01:00:00Z".parse().unwrap(),
        );
        let balances = Accounts::from([("sm1first".to_owned(), Smidge(5_000_000_000))]);
        RewardsReport::new(ledger, reading, &balances)
    }

    #[test]
    fn a_report_is_this_document() {
        insta::assert_json_snapshot!(report());
    }

    #[test]
    fn concentration_counts_the_accounts_that_have_more_than_half() {
        let report = report();
        let Concentration { largest_share, largest_ten_share, accounts_with_majority } =
            report.summary.concentration;
        assert_eq!(largest_share.unwrap().to_string(), "50.00 %");
        assert_eq!(largest_ten_share.unwrap().to_string(), "100.00 %");
        assert_eq!(accounts_with_majority, 2);
    }

    #[test]
    fn nothing_at_all_has_no_shares() {
        let ledger = Ledger::new(chain(), LayerSpan { first: 7, last: 9 }, ManagedKeys::default(), false);
        let reading = Reading::new(&ledger, None, "node:1", Timestamp::UNIX_EPOCH);
        let report = RewardsReport::new(ledger, reading, &Accounts::new());
        assert_eq!((report.summary.managed_share, report.summary.empty_layers), (None, 3));
        assert_eq!(report.summary.concentration, Concentration::default());
        assert_eq!(report.empty_layers, [LayerSpan { first: 7, last: 9 }]);
    }
}
