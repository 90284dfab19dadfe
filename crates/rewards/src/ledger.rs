use std::collections::{BTreeMap, HashMap};
use std::fmt;

use serde::{Serialize, Serializer};
use spacecraft_core::{Error, Meaning, Result};

use crate::amount::Smidge;
use crate::chain::{Chain, LayerSpan};
use crate::layers::LayerRanges;
use crate::managed::ManagedKeys;

/// The most accounts and the most smeshers that are counted, against a node that never runs out of new ones.
const MOST_ACCOUNTS: usize = 2_000_000;

/// One reward, as a node tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reward {
    /// The layer it was paid for.
    pub layer: u32,
    /// The account it went to.
    pub coinbase: String,
    /// Whose work it was for, when the node knows.
    pub smesher: Option<SmesherId>,
    /// The part that was newly made, in smidge.
    pub subsidy: u64,
    /// All of it, the fees of transactions included, in smidge.
    pub total: u64,
}

/// A smesher's public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SmesherId(pub [u8; 32]);

impl SmesherId {
    /// Reads 64 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }
}

impl fmt::Display for SmesherId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

impl Serialize for SmesherId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The sum of rewards.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// How many there are.
    pub count: u64,
    /// What was newly made.
    pub subsidy: Smidge,
    /// The fees of transactions.
    pub fees: Smidge,
    /// Both together.
    pub total: Smidge,
}

impl Totals {
    fn add(&mut self, reward: &Reward) {
        self.count += 1;
        self.subsidy += reward.subsidy.into();
        self.fees += reward.total.saturating_sub(reward.subsidy).into();
        self.total += reward.total.into();
    }
}

/// What went to one account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) totals: Totals,
    pub(crate) managed: bool,
}

/// What one smesher earned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Smesher {
    pub(crate) totals: Totals,
    pub(crate) managed: bool,
}

/// What one epoch paid.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Epoch {
    pub(crate) totals: Totals,
    pub(crate) managed: Smidge,
}

/// Adds rewards up, one after the other in any order. It keeps sums for accounts, smeshers and epochs, and for layers only when asked to.
#[derive(Debug, Clone)]
pub struct Ledger {
    pub(crate) chain: Chain,
    pub(crate) span: LayerSpan,
    pub(crate) managed_keys: ManagedKeys,
    pub(crate) totals: Totals,
    pub(crate) managed: Totals,
    pub(crate) accounts: HashMap<String, Account>,
    pub(crate) smeshers: HashMap<SmesherId, Smesher>,
    pub(crate) without_smesher: Totals,
    pub(crate) epochs: BTreeMap<u32, Epoch>,
    pub(crate) layers: Option<BTreeMap<u32, Totals>>,
    pub(crate) paid_layers: LayerRanges,
}

impl Ledger {
    /// An empty ledger for the layers `span` of `chain`, some of whose accounts and smeshers are managed. With `by_layer` it keeps sums for each layer as well.
    #[must_use]
    pub fn new(chain: Chain, span: LayerSpan, managed_keys: ManagedKeys, by_layer: bool) -> Self {
        Self {
            chain,
            span,
            managed_keys,
            totals: Totals::default(),
            managed: Totals::default(),
            accounts: HashMap::new(),
            smeshers: HashMap::new(),
            without_smesher: Totals::default(),
            epochs: BTreeMap::new(),
            layers: by_layer.then(BTreeMap::new),
            paid_layers: LayerRanges::default(),
        }
    }

    /// Takes a reward in.
    ///
    /// # Errors
    ///
    /// [`Meaning::Invalid`] for a reward that cannot be: of a layer that was not asked for, or of less than its own subsidy. [`Meaning::Quota`] when there are
    /// more accounts or smeshers than any network has.
    pub fn add(&mut self, reward: Reward) -> Result<()> {
        self.check(&reward)?;
        let owned = self.managed_keys.owners(&reward.coinbase).is_some();
        let works = reward.smesher.is_some_and(|smesher| self.managed_keys.node(&smesher).is_some());
        self.totals.add(&reward);
        let epoch = self.epochs.entry(self.chain.epoch_of(reward.layer)).or_default();
        epoch.totals.add(&reward);
        if owned || works {
            self.managed.add(&reward);
            epoch.managed += reward.total.into();
        }
        self.paid_layers.insert(reward.layer);
        if let Some(layers) = &mut self.layers {
            layers.entry(reward.layer).or_default().add(&reward);
        }
        self.add_smesher(&reward, works);
        self.add_account(reward, owned);
        Ok(())
    }

    fn check(&self, reward: &Reward) -> Result<()> {
        let refuse = |meaning, reason: String| Err(Error::new(meaning, "count rewards", "", reason));
        let Reward { layer, subsidy, total, .. } = *reward;
        if !self.span.contains(layer) {
            let LayerSpan { first, last } = self.span;
            return refuse(
                Meaning::Invalid,
                format!("the node tells a reward of layer {layer}, which is not one of {first} to {last}"),
            );
        }
        if subsidy > total {
            return refuse(
                Meaning::Invalid,
                format!(
                    "the node tells a reward of layer {layer} whose subsidy {subsidy} is more than all of it, {total}"
                ),
            );
        }
        if self.accounts.len().max(self.smeshers.len()) >= MOST_ACCOUNTS {
            return refuse(
                Meaning::Quota,
                format!("there are more than {MOST_ACCOUNTS} accounts or smeshers"),
            );
        }
        Ok(())
    }

    fn add_smesher(&mut self, reward: &Reward, managed: bool) {
        let Some(id) = reward.smesher else {
            self.without_smesher.add(reward);
            return;
        };
        let smesher = self.smeshers.entry(id).or_default();
        smesher.managed = managed;
        smesher.totals.add(reward);
    }

    /// The account's name is only taken over once, so that most rewards cost no memory.
    fn add_account(&mut self, mut reward: Reward, managed: bool) {
        if let Some(account) = self.accounts.get_mut(&reward.coinbase) {
            account.totals.add(&reward);
            return;
        }
        let mut account = Account { managed, ..Account::default() };
        account.totals.add(&reward);
        self.accounts.insert(std::mem::take(&mut reward.coinbase), account);
    }

    /// The accounts that rewards went to, sorted.
    #[must_use]
    pub fn coinbases(&self) -> Vec<String> {
        let mut addresses: Vec<String> = self.accounts.keys().cloned().collect();
        addresses.sort();
        addresses
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::chain::tests::chain;

    fn ledger(by_layer: bool) -> Ledger {
        let mut managed = ManagedKeys::default();
        managed.insert("miner-1", "sm1a", None);
        managed.insert("miner-2", "", Some(&"02".repeat(32)));
        Ledger::new(chain(), LayerSpan { first: 7, last: 30 }, managed, by_layer)
    }

    fn reward(layer: u32, coinbase: &str, smesher: u8, subsidy: u64, fees: u64) -> Reward {
        let smesher = (smesher != 0).then_some(SmesherId([smesher; 32]));
        Reward { layer, coinbase: coinbase.to_owned(), smesher, subsidy, total: subsidy + fees }
    }

    #[test]
    fn a_reward_is_managed_by_its_account_or_by_its_smesher() {
        let mut ledger = ledger(false);
        for (coinbase, smesher) in [("sm1a", 9), ("sm1b", 2), ("sm1b", 9), ("sm1b", 0)] {
            ledger.add(reward(8, coinbase, smesher, 10, 1)).unwrap();
        }
        assert_eq!((ledger.totals.count, ledger.managed.count), (4, 2));
        assert_eq!(ledger.epochs[&2].managed, Smidge(22));
        assert!(ledger.accounts["sm1a"].managed && !ledger.accounts["sm1b"].managed);
        assert_eq!(ledger.without_smesher.count, 1);
    }

    #[test]
    fn rewards_that_cannot_be_are_refused() {
        let mut ledger = ledger(false);
        for (layer, subsidy, total) in [(6, 1, 1), (31, 1, 1), (8, 2, 1)] {
            let wrong = Reward { subsidy, total, ..reward(layer, "sm1a", 1, 0, 0) };
            assert_eq!(ledger.add(wrong).unwrap_err().meaning(), Meaning::Invalid);
        }
        assert_eq!(ledger.totals, Totals::default());
    }

    #[test]
    fn amounts_beyond_64_bits_add_up_exactly() {
        let mut ledger = ledger(false);
        for _ in 0..3 {
            ledger.add(reward(8, "sm1a", 1, u64::MAX, 0)).unwrap();
        }
        assert_eq!(ledger.totals.total, Smidge(3 * u128::from(u64::MAX)));
    }

    prop_compose! {
        fn any_reward()(layer in 7_u32..=30, coinbase in 0_u8..5, smesher in 0_u8..6, subsidy in 0_u64..1_000_000, fees in 0_u64..1_000) -> Reward {
            reward(layer, &format!("sm1{coinbase}"), smesher, subsidy, fees)
        }
    }

    proptest! {
        #[test]
        fn accounts_smeshers_epochs_and_layers_all_add_up_to_the_same(rewards in prop::collection::vec(any_reward(), 0..60)) {
            let mut ledger = ledger(true);
            for reward in rewards.clone() {
                ledger.add(reward).unwrap();
            }
            let all = ledger.totals;
            prop_assert_eq!(all.total, all.subsidy + all.fees);
            prop_assert_eq!(all.count, u64::try_from(rewards.len()).unwrap());
            let layers = ledger.layers.as_ref().unwrap();
            for total in [
                ledger.accounts.values().map(|account| account.totals.total).sum::<Smidge>(),
                ledger.smeshers.values().map(|smesher| smesher.totals.total).sum::<Smidge>() + ledger.without_smesher.total,
                ledger.epochs.values().map(|epoch| epoch.totals.total).sum(),
                layers.values().map(|layer| layer.total).sum(),
            ] {
                prop_assert_eq!(total, all.total);
            }
            prop_assert_eq!(ledger.paid_layers.count(), u64::try_from(layers.len()).unwrap());
        }

        #[test]
        fn the_order_of_rewards_does_not_matter(rewards in prop::collection::vec(any_reward(), 0..40)) {
            let (mut forwards, mut backwards) = (ledger(true), ledger(true));
            for reward in rewards.iter().cloned() {
                forwards.add(reward).unwrap();
            }
            for reward in rewards.into_iter().rev() {
                backwards.add(reward).unwrap();
            }
            prop_assert_eq!(&forwards.accounts, &backwards.accounts);
            prop_assert_eq!(&forwards.layers, &backwards.layers);
            prop_assert_eq!(forwards.managed, backwards.managed);
        }
    }
}
