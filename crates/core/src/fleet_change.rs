//! What adding and removing miners decides: which numbers new ones get, and which nodes may go. Nothing here calls anything.

use std::collections::BTreeSet;

use crate::quantity::Resources;
use crate::spec::FleetSpec;
use crate::topology::{bootnodes, node_name, node_names};
use crate::workload::Worker;

/// Why a fleet cannot be changed so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What stands against it.
    pub reason: String,
    /// What to do.
    pub hint: String,
    /// True when the nodes it is about do not exist.
    pub is_not_found: bool,
}

impl Refusal {
    fn new(reason: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { reason: reason.into(), hint: hint.into(), is_not_found: false }
    }
}

/// The numbers that `count` new miners get: `first` and those after it, or those after the highest number there is. `leaving` numbers, whose nodes are still being removed, are
/// not free.
///
/// # Errors
///
/// Numbers that are taken.
pub fn numbers_of_new_miners(
    fleet: &FleetSpec,
    leaving: &BTreeSet<u32>,
    first: Option<u32>,
    count: u32,
) -> Result<BTreeSet<u32>, Refusal> {
    let highest = fleet.last_number().max(leaving.last().copied().unwrap_or(0));
    let first = first.unwrap_or_else(|| highest.saturating_add(1));
    let last = first.saturating_add(count.saturating_sub(1));
    let numbers: BTreeSet<u32> = (first.max(1)..=last).collect();
    let taken: BTreeSet<u32> = numbers.iter().copied().filter(|number| fleet.contains(*number)).collect();
    if !taken.is_empty() {
        let reason = format!("there is {} already", node_names(&taken));
        return Err(Refusal::new(
            reason,
            format!("the highest number is {highest}; without --miner-number the next ones are taken"),
        ));
    }
    let going: BTreeSet<u32> = numbers.intersection(leaving).copied().collect();
    if !going.is_empty() {
        let reason = format!("{} is still being removed", node_names(&going));
        return Err(Refusal::new(reason, "finish that with delete-miner and the same numbers"));
    }
    Ok(numbers)
}

/// Refuses what would harm the network: to remove nodes that are not there, its bootstrap node or its last bootnode unless `forced`, or all of its nodes.
///
/// # Errors
///
/// What stands against it.
pub fn check_removal(
    fleet: &FleetSpec,
    leaving: &BTreeSet<u32>,
    numbers: &BTreeSet<u32>,
    forced: bool,
) -> Result<(), Refusal> {
    let present = fleet.numbers();
    let absent: BTreeSet<u32> = numbers
        .iter()
        .copied()
        .filter(|number| !present.contains(number) && !leaving.contains(number))
        .collect();
    if !absent.is_empty() {
        let hint = format!("there are miners {}", in_ranges(&present));
        let reason = format!("there is no {}", node_names(&absent));
        return Err(Refusal { is_not_found: true, ..Refusal::new(reason, hint) });
    }
    if present.is_subset(numbers) {
        let reason = "no node would be left";
        return Err(Refusal::new(reason, "delete-network removes a network with all its nodes"));
    }
    if forced {
        return Ok(());
    }
    const FORCE: &str =
        "--force removes it all the same; nodes that know nobody else are told of others and restart";
    if fleet.bootstrap && numbers.contains(&1) && fleet.is_original(1) {
        return Err(Refusal::new(format!("{} is the bootstrap node", node_name(1)), FORCE));
    }
    let all: BTreeSet<u32> = bootnodes(fleet).collect();
    if !all.is_empty() && all.is_subset(numbers) {
        return Err(Refusal::new(format!("no bootnode would be left without {}", node_names(&all)), FORCE));
    }
    Ok(())
}

/// Why a node of this size can run on none of the workers of a cluster that others own; none when it could run on one that has nothing else to do.
#[must_use]
pub fn fits_no_worker(wanted: Resources, workers: &[Worker]) -> Option<String> {
    let fits =
        |worker: &&Worker| worker.allocatable_cpu >= wanted.cpu && worker.allocatable_memory >= wanted.memory;
    let mut schedulable = workers.iter().filter(|worker| worker.schedulable).peekable();
    if schedulable.peek().is_none() {
        return Some("the cluster has no worker that is ready".to_owned());
    }
    let largest =
        schedulable.clone().max_by_key(|worker| (worker.allocatable_cpu, worker.allocatable_memory));
    if schedulable.any(|worker| fits(&worker)) {
        return None;
    }
    let has = largest.map(|worker| {
        format!("{} has {} and {}", worker.name, worker.allocatable_cpu, worker.allocatable_memory)
    });
    Some(format!(
        "a node requests {} processor and {} memory, and of all workers of the cluster even {}",
        wanted.cpu,
        wanted.memory,
        has.unwrap_or_default()
    ))
}

/// Numbers as people write them, such as `1-6, 8`.
fn in_ranges(numbers: &BTreeSet<u32>) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*number) => *last = *number,
            _ => ranges.push((*number, *number)),
        }
    }
    let shown = |(first, last): (u32, u32)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    ranges.into_iter().map(shown).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fleet() -> FleetSpec {
        FleetSpec { bootstrap: true, nodes: 10, bootnodes: 2, poets: 1, ..FleetSpec::default() }
    }

    fn set(numbers: impl IntoIterator<Item = u32>) -> BTreeSet<u32> {
        numbers.into_iter().collect()
    }

    #[test]
    fn new_miners_get_the_numbers_after_the_highest() {
        let none = BTreeSet::new();
        assert_eq!(numbers_of_new_miners(&fleet(), &none, None, 3), Ok(set([11, 12, 13])));
        let mut smaller = fleet();
        smaller.remove(10);
        smaller.remove(4);
        assert_eq!(numbers_of_new_miners(&smaller, &none, None, 1), Ok(set([10])));
        assert_eq!(numbers_of_new_miners(&smaller, &set([10]), None, 1), Ok(set([11])));
        assert_eq!(numbers_of_new_miners(&smaller, &none, Some(4), 1), Ok(set([4])));
    }

    #[test]
    fn a_number_that_is_taken_or_still_leaving_is_refused() {
        let none = BTreeSet::new();
        let refusal = numbers_of_new_miners(&fleet(), &none, Some(10), 2).unwrap_err();
        assert_eq!(refusal.reason, "there is miner-10 already");
        let mut smaller = fleet();
        smaller.remove(4);
        let refusal = numbers_of_new_miners(&smaller, &set([4]), Some(4), 1).unwrap_err();
        assert!(refusal.reason.contains("still being removed"), "{refusal:?}");
    }

    #[test]
    fn bootstrap_node_last_bootnode_and_the_whole_fleet_are_kept() {
        let none = BTreeSet::new();
        let check = |numbers: BTreeSet<u32>, forced| check_removal(&fleet(), &none, &numbers, forced);
        assert_eq!(check(set([2, 5, 9]), false), Ok(()));
        assert!(check(set([1]), false).unwrap_err().reason.contains("bootstrap node"));
        assert!(check(set([2, 3]), false).unwrap_err().reason.contains("miner-2, miner-3"));
        assert_eq!(check(set([1, 2, 3]), true), Ok(()));
        assert!(check(set(1..=10), true).unwrap_err().hint.contains("delete-network"));
    }

    #[test]
    fn a_node_that_is_not_there_is_told_with_those_that_are() {
        let mut fleet = fleet();
        fleet.remove(4);
        let refusal = check_removal(&fleet, &BTreeSet::new(), &set([4]), true).unwrap_err();
        assert_eq!(
            (refusal.reason.as_str(), refusal.hint.as_str()),
            ("there is no miner-4", "there are miners 1-3, 5-10")
        );
        assert!(refusal.is_not_found);
        assert_eq!(
            check_removal(&fleet, &set([4]), &set([4]), false),
            Ok(()),
            "an unfinished removal goes on"
        );
    }

    proptest! {
        #[test]
        fn new_numbers_are_free_and_in_a_row(removed in prop::collection::btree_set(1_u32..=10, 0..9), count in 1_u32..20) {
            let mut fleet = fleet();
            removed.iter().for_each(|number| fleet.remove(*number));
            let numbers = numbers_of_new_miners(&fleet, &BTreeSet::new(), None, count).unwrap();
            prop_assert_eq!(numbers.len(), count as usize);
            prop_assert!(numbers.iter().all(|number| !fleet.contains(*number)));
            let (first, last) = (numbers.first().unwrap(), numbers.last().unwrap());
            prop_assert_eq!(last - first + 1, count);
            prop_assert_eq!(*first, fleet.last_number() + 1);
        }
    }
}
