use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::workload::Role;

/// A node that is to be upgraded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Its number.
    pub number: u32,
    /// Its role.
    pub role: Role,
    /// v0: whether PoETs send their proofs through it.
    pub gateway: bool,
}

/// Nodes that are upgraded at the same time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wave {
    /// Its number, from 1.
    pub number: u32,
    /// The numbers of its nodes, ascending.
    pub nodes: Vec<u32>,
}

/// The waves in which nodes are upgraded: one plain miner first, as a canary; then the other plain miners, the miners that are gateways, the bootnodes, and the
/// bootstrap node last; each in the order of their numbers and at most `wave_size` at a time. No wave has nodes of two kinds. Without plain miners, the first
/// of the next kind is the canary.
#[must_use]
pub fn waves(candidates: &[Candidate], wave_size: u32) -> Vec<Wave> {
    let mut by_turn: BTreeMap<Turn, BTreeSet<u32>> = BTreeMap::new();
    for candidate in candidates {
        by_turn.entry(Turn::of(candidate)).or_default().insert(candidate.number);
    }
    let canary = by_turn.values_mut().next().and_then(BTreeSet::pop_first);
    let width = usize::try_from(wave_size.max(1)).unwrap_or(usize::MAX);
    let others = by_turn.into_values().flat_map(|turn| {
        let numbers: Vec<u32> = turn.into_iter().collect();
        numbers.chunks(width).map(<[u32]>::to_vec).collect::<Vec<_>>()
    });
    let all = canary.map(|canary| vec![canary]).into_iter().chain(others);
    (1..).zip(all).map(|(number, nodes)| Wave { number, nodes }).collect()
}

/// When nodes of a kind are upgraded: the fewer depend on them, the earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Miner,
    Gateway,
    Bootnode,
    Bootstrap,
}

impl Turn {
    const fn of(candidate: &Candidate) -> Self {
        match (candidate.role, candidate.gateway) {
            (Role::Miner, false) => Self::Miner,
            (Role::Miner, true) => Self::Gateway,
            (Role::Bootnode, _) => Self::Bootnode,
            (Role::Bootstrap, _) => Self::Bootstrap,
        }
    }
}

/// The share of the nodes after which an upgrade holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldAt {
    percent: u32,
}

impl HoldAt {
    /// Reads `30%`; the sign may be left out.
    ///
    /// # Errors
    ///
    /// A sentence that says what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let number = text.trim().strip_suffix('%').unwrap_or(text.trim());
        match number.trim().parse() {
            Ok(percent @ 1..=99) => Ok(Self { percent }),
            _ => Err("write a share of the nodes from 1% to 99%, such as 30%".to_owned()),
        }
    }

    /// True when `done` of `all` nodes are that share or more.
    #[must_use]
    pub fn is_reached(self, done: usize, all: usize) -> bool {
        done.saturating_mul(100) >= all.saturating_mul(usize::try_from(self.percent).unwrap_or(usize::MAX))
    }
}

/// Reads numbers and ranges of nodes, such as `3` and `5-7`.
///
/// # Errors
///
/// A sentence that says what is wrong.
pub fn parse_numbers(items: &[String]) -> Result<BTreeSet<u32>, String> {
    const MOST: u32 = 100_000;
    let mut numbers = BTreeSet::new();
    for item in items {
        let wrong = || format!("{item:?} is no node number from 1 to {MOST} and no range such as 5-7");
        let number = |text: &str| text.trim().parse().ok().filter(|number| (1..=MOST).contains(number));
        let (first, last) = match item.split_once('-') {
            Some((first, last)) => (number(first).ok_or_else(wrong)?, number(last).ok_or_else(wrong)?),
            None => {
                let only = number(item).ok_or_else(wrong)?;
                (only, only)
            }
        };
        if first > last {
            return Err(format!("the range {item} ends before it begins"));
        }
        numbers.extend(first..=last);
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn network(bootnodes: u32, miners: u32) -> Vec<Candidate> {
        let role = |number| match number {
            1 => Role::Bootstrap,
            _ if number <= bootnodes + 1 => Role::Bootnode,
            _ => Role::Miner,
        };
        let all = 1..=1 + bootnodes + miners;
        all.map(|number| Candidate { number, role: role(number), gateway: false }).collect()
    }

    fn numbers(waves: &[Wave]) -> Vec<&[u32]> {
        waves.iter().map(|wave| wave.nodes.as_slice()).collect()
    }

    #[test]
    fn a_canary_goes_first_then_miners_then_bootnodes_and_the_bootstrap_node_last() {
        let waves = waves(&network(3, 6), 2);
        let expected: [&[u32]; 7] = [&[5], &[6, 7], &[8, 9], &[10], &[2, 3], &[4], &[1]];
        assert_eq!(numbers(&waves), expected);
        assert_eq!(waves.last().map(|wave| wave.number), Some(7));
    }

    #[test]
    fn numbers_are_numbers_and_not_texts() {
        let waves = waves(&network(0, 120), 200);
        let expected: Vec<u32> = (3..=121).collect();
        assert_eq!(numbers(&waves), [&[2][..], &expected, &[1]]);
    }

    #[test]
    fn gateways_of_poets_go_after_the_other_miners() {
        let mut candidates = network(0, 5);
        candidates.iter_mut().for_each(|candidate| candidate.gateway = candidate.number <= 3);
        let expected: [&[u32]; 4] = [&[4], &[5, 6], &[2, 3], &[1]];
        assert_eq!(numbers(&waves(&candidates, 10)), expected);
    }

    #[test]
    fn without_miners_a_bootnode_is_the_canary() {
        assert_eq!(numbers(&waves(&network(3, 0), 5)), [&[2][..], &[3, 4], &[1]]);
        assert_eq!(numbers(&waves(&network(0, 0), 5)), [&[1][..]]);
        assert_eq!(waves(&[], 5), []);
    }

    #[test]
    fn a_hold_is_reached_at_its_share() {
        let hold = HoldAt::parse("30%").unwrap();
        assert!(!hold.is_reached(2, 10) && hold.is_reached(3, 10) && hold.is_reached(4, 10));
        assert_eq!(HoldAt::parse("30"), Ok(hold));
        for wrong in ["0%", "100%", "", "a", "-3%", "1.5%", "30%%"] {
            assert!(HoldAt::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers_and_ranges_are_read() {
        let read =
            |items: &[&str]| parse_numbers(&items.iter().map(|item| (*item).to_owned()).collect::<Vec<_>>());
        assert_eq!(read(&["3", "5-7", " 9 "]), Ok(BTreeSet::from([3, 5, 6, 7, 9])));
        for wrong in ["0", "x", "7-5", "3-", "-3", "1-2-3", "4294967296", "1-100001"] {
            assert!(read(&[wrong]).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn every_node_is_in_one_wave_and_no_wave_is_too_large(
            bootnodes in 0_u32..20, miners in 0_u32..200, size in 0_u32..50, gateways in 0_u32..30,
        ) {
            let mut candidates = network(bootnodes, miners);
            candidates.iter_mut().for_each(|candidate| candidate.gateway = candidate.number <= gateways);
            let waves = waves(&candidates, size);
            let mut all: Vec<u32> = waves.iter().flat_map(|wave| wave.nodes.clone()).collect();
            prop_assert!(waves.iter().all(|wave| !wave.nodes.is_empty() && wave.nodes.len() <= size.max(1) as usize));
            prop_assert!(waves.iter().all(|wave| wave.nodes.is_sorted()));
            prop_assert_eq!(waves.first().map(|wave| wave.nodes.len()), Some(1));
            prop_assert_eq!(waves.last().map(|wave| wave.nodes.clone()), Some(vec![1]));
            all.sort_unstable();
            prop_assert_eq!(all, (1..=1 + bootnodes + miners).collect::<Vec<_>>());
            let turn_of = |wave: &Wave| wave.nodes.iter().map(|number| {
                candidates.iter().find(|candidate| candidate.number == *number).map(Turn::of)
            }).collect::<BTreeSet<_>>();
            prop_assert!(waves.iter().all(|wave| turn_of(wave).len() == 1));
            prop_assert!(waves.iter().map(turn_of).collect::<Vec<_>>().is_sorted());
        }

        #[test]
        fn no_text_makes_reading_panic(text in any::<String>()) {
            let _ = HoldAt::parse(&text);
            let _ = parse_numbers(&[text]);
        }
    }
}
