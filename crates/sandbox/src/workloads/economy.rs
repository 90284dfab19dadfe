//! What a simulated chain pays: which smesher gets how much in which layer, always the same for the same network and layer.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::chain::{Generation, Node};

/// v0: what a layer pays, in smidge.
const V0_SUBSIDY: u64 = 50_000_000_000_000;
/// v1: what is paid in all, in smidge, and how many layers it takes to pay half of what is left.
const V1_TOTAL: f64 = 2.25e18;
const V1_HALF_LIFE: f64 = 3_265_328.552_227_785;
/// One layer of about this many has no block.
const EMPTY_LAYERS: u64 = 40;
/// The fees of a layer are up to this many times this much, in smidge.
const MOST_FEES: u64 = 12;
const FEE: u64 = 36_090;

/// A node that earns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Smesher {
    id: Vec<u8>,
    coinbase: String,
    /// The first layer that can pay it.
    since: u32,
    seed: u64,
}

/// A payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Paid {
    pub(crate) layer: u32,
    pub(crate) total: u64,
    pub(crate) subsidy: u64,
    pub(crate) coinbase: String,
    pub(crate) smesher: Vec<u8>,
}

/// A chain with those who earn on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Economy {
    generation: Generation,
    first_paid: u32,
    seed: u64,
    smeshers: Vec<Smesher>,
    genesis_accounts: BTreeMap<String, u64>,
}

impl Smesher {
    /// A node that was first deployed then; `None` for one that does not smesh.
    pub(crate) fn of(node: &Node, deployed: Timestamp) -> Option<Self> {
        let coinbase = if node.generation == Generation::V0 {
            v0_address(&node.coinbase)?
        } else {
            node.coinbase.clone()
        };
        let joined = node.current_layer(deployed) / node.layers_per_epoch;
        // Work published in one epoch is paid in the next; who is there at genesis is paid from the first layer that pays on.
        let since = if deployed <= node.genesis_time {
            node.effective_genesis()
        } else {
            joined.saturating_add(2).saturating_mul(node.layers_per_epoch)
        };
        let smesher =
            Self { seed: number_of(&node.smesher_id), id: node.smesher_id.clone(), coinbase, since };
        (node.is_smeshing && !smesher.coinbase.is_empty()).then_some(smesher)
    }
}

impl Economy {
    /// The economy of the chain that a node is on.
    pub(crate) fn new(node: &Node, mut smeshers: Vec<Smesher>) -> Self {
        smeshers.sort_by(|a, b| a.id.cmp(&b.id));
        Self {
            generation: node.generation,
            first_paid: node.effective_genesis(),
            seed: number_of(&node.genesis_id) ^ node.network_id,
            smeshers,
            genesis_accounts: node.genesis_accounts.clone(),
        }
    }

    /// What a layer pays: subsidy and fees in parts that are rounded down.
    pub(crate) fn layer(&self, layer: u32) -> Vec<Paid> {
        let chance = mixed(self.seed, u64::from(layer));
        if layer < self.first_paid || chance.is_multiple_of(EMPTY_LAYERS) {
            return Vec::new();
        }
        let slots: Vec<(u64, &Smesher)> = self.slots(layer);
        let all: u64 = slots.iter().map(|(slots, _)| slots).sum();
        let subsidy = self.subsidy(layer);
        let total = subsidy + chance % MOST_FEES * FEE;
        let part = |whole: u64, slots: u64| {
            let part = u128::from(whole) * u128::from(slots) / u128::from(all.max(1));
            u64::try_from(part).unwrap_or(whole)
        };
        let paid = |(slots, smesher): (u64, &Smesher)| Paid {
            layer,
            total: part(total, slots),
            subsidy: part(subsidy, slots),
            coinbase: smesher.coinbase.clone(),
            smesher: smesher.id.clone(),
        };
        slots.into_iter().map(paid).collect()
    }

    /// How many proposals each smesher has in a layer; who has none is left out. When nobody has one, everybody gets one.
    fn slots(&self, layer: u32) -> Vec<(u64, &Smesher)> {
        let active = || self.smeshers.iter().filter(|smesher| smesher.since <= layer);
        let some: Vec<(u64, &Smesher)> = active()
            .map(|smesher| (mixed(smesher.seed, u64::from(layer)) % 4, smesher))
            .filter(|(slots, _)| *slots > 0)
            .collect();
        if some.is_empty() { active().map(|smesher| (1, smesher)).collect() } else { some }
    }

    /// The subsidy of a layer, by the closed form of the difference of two neighbouring terms.
    fn subsidy(&self, layer: u32) -> u64 {
        match self.generation {
            Generation::V0 => V0_SUBSIDY,
            Generation::V1 => {
                let rate = std::f64::consts::LN_2 / V1_HALF_LIFE;
                let left = (-rate * f64::from(layer - self.first_paid)).exp();
                whole(V1_TOTAL * left * -(-rate).exp_m1())
            }
        }
    }

    /// Everything that is paid in a span of layers, in order.
    pub(crate) fn span(&self, first: u32, last: u32) -> impl Iterator<Item = Paid> + use<'_> {
        (first.max(self.first_paid)..=last).flat_map(|layer| self.layer(layer))
    }

    /// What every account holds after a layer. Nothing is ever spent.
    pub(crate) fn balances(&self, applied: u32) -> BTreeMap<String, u64> {
        let mut balances = self.genesis_accounts.clone();
        for paid in self.span(0, applied) {
            let balance = balances.entry(paid.coinbase).or_default();
            *balance = balance.saturating_add(paid.total);
        }
        balances
    }
}

/// A positive amount without its fraction.
fn whole(amount: f64) -> u64 {
    let seconds = jiff::SignedDuration::try_from_secs_f64(amount.floor());
    seconds.ok().and_then(|seconds| u64::try_from(seconds.as_secs()).ok()).unwrap_or_default()
}

/// The last 20 bytes of what a v0 node was given, as everybody writes them.
fn v0_address(coinbase: &str) -> Option<String> {
    let raw = hex::decode(coinbase.trim_start_matches("0x")).ok()?;
    Some(format!("0x{}", hex::encode(raw.get(raw.len().checked_sub(20)?..)?)))
}

fn number_of(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// A number that looks like chance and is always the same (the finishing of SplitMix64).
fn mixed(seed: u64, number: u64) -> u64 {
    let mut mixed = seed ^ number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn economy(generation: Generation, smeshers: u8) -> Economy {
        let smesher = |number: u8| Smesher {
            id: vec![number; 32],
            coinbase: format!("sm1{number}"),
            since: if number == 1 { 12 } else { 7 },
            seed: u64::from(number),
        };
        Economy {
            generation,
            first_paid: 7,
            seed: 5,
            smeshers: (1..=smeshers).map(smesher).collect(),
            genesis_accounts: BTreeMap::from([("sm1rich".to_owned(), 1_000)]),
        }
    }

    #[test]
    fn a_layer_pays_its_subsidy_but_for_what_division_leaves_over() {
        for (generation, expected) in [(Generation::V0, V0_SUBSIDY), (Generation::V1, 477_618_397_593)] {
            let paid = economy(generation, 7).layer(7);
            let subsidy: u64 = paid.iter().map(|paid| paid.subsidy).sum();
            assert!(expected - subsidy <= 7, "{subsidy}");
            assert!(paid.iter().all(|paid| paid.total >= paid.subsidy));
        }
    }

    #[test]
    fn the_subsidy_of_known_layers_is_that_of_the_formula() {
        let economy = economy(Generation::V1, 1);
        for (layer, expected) in
            [(0, 477_618_397_593_u64), (130_271, 464_591_638_607), (1_000_000, 386_270_235_451)]
        {
            assert!(economy.subsidy(7 + layer).abs_diff(expected) <= 1, "layer {layer}");
        }
    }

    #[test]
    fn nobody_is_paid_before_the_chain_pays_or_before_joining() {
        let economy = economy(Generation::V1, 3);
        assert!(economy.span(0, 6).next().is_none());
        assert!(economy.span(0, 11).all(|paid| paid.coinbase != "sm11"));
        assert!(economy.span(12, 40).any(|paid| paid.coinbase == "sm11"));
    }

    #[test]
    fn some_layers_are_empty_and_the_same_ones_each_time() {
        let economy = economy(Generation::V1, 3);
        let empty =
            |economy: &Economy| (7..400).filter(|layer| economy.layer(*layer).is_empty()).collect::<Vec<_>>();
        let layers = empty(&economy);
        assert!((2..40).contains(&layers.len()), "{layers:?}");
        assert_eq!(layers, empty(&economy));
    }

    #[test]
    fn balances_are_what_was_paid_and_what_was_there_at_genesis() {
        let economy = economy(Generation::V0, 3);
        let balances = economy.balances(30);
        let paid: u64 = economy.span(0, 30).map(|paid| paid.total).sum();
        assert_eq!(balances.values().sum::<u64>(), paid + 1_000);
        assert_eq!(balances["sm1rich"], 1_000);
    }

    #[test]
    fn v0_accounts_are_the_end_of_what_the_node_was_given() {
        let digits = "ab".repeat(13) + &"cd".repeat(20);
        assert_eq!(v0_address(&format!("0x{digits}")), Some(format!("0x{}", "cd".repeat(20))));
        assert_eq!(v0_address("0x12"), None);
    }
}
