//! Which nodes a network has, by number, and what single nodes have otherwise than the rest.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{FleetSpec, Generation, NetworkSpec};
use crate::image::ImageReference;
use crate::quantity::{Bytes, Resources};

impl FleetSpec {
    /// The numbers of the nodes that there are: those the network was made with, without those removed since, and those added since. Everything that goes through a
    /// network's nodes begins here.
    #[must_use]
    pub fn numbers(&self) -> BTreeSet<u32> {
        let original = (1..=self.nodes).filter(|number| !self.removed.contains(number));
        original.chain(self.added.iter().copied()).collect()
    }

    /// Whether there is a node of this number.
    #[must_use]
    pub fn contains(&self, number: u32) -> bool {
        self.added.contains(&number) || self.is_original(number)
    }

    /// Whether the node of this number is one that the network was made with. A removed node's number that was given again is not: it names a plain miner.
    #[must_use]
    pub fn is_original(&self, number: u32) -> bool {
        (1..=self.nodes).contains(&number) && !self.removed.contains(&number)
    }

    /// How many nodes there are.
    #[must_use]
    pub fn count(&self) -> u32 {
        u32::try_from(self.numbers().len()).unwrap_or(u32::MAX)
    }

    /// The highest number of a node; 0 when there is none.
    #[must_use]
    pub fn last_number(&self) -> u32 {
        self.numbers().last().copied().unwrap_or(0)
    }

    /// The fleet with another plain miner; nothing changes when there is a node of this number.
    pub fn add(&mut self, number: u32) {
        if number > 0 && !self.contains(number) {
            self.added.insert(number);
        }
    }

    /// The fleet without the node of this number, which may be given again; nothing changes when there is none.
    pub fn remove(&mut self, number: u32) {
        if !self.added.remove(&number) && self.is_original(number) {
            self.removed.insert(number);
        }
    }

    /// The fleet that the network was made with.
    #[must_use]
    pub fn as_made(&self) -> Self {
        Self { removed: BTreeSet::new(), added: BTreeSet::new(), ..self.clone() }
    }
}

/// What one node has otherwise than the network's nodes; what is absent is as the network has it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct NodeOverride {
    /// Its image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageReference>,
    /// The node config that its own is made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Value>,
    /// Requests and limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// Its claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<Bytes>,
    /// The address that its rewards go to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coinbase: Option<String>,
    /// Whether it serves and pushes metrics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<bool>,
    /// Whether it pushes profiles, where the network has a profiler.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profiling: Option<bool>,
}

impl NodeOverride {
    /// True when the node is as all others.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What a node is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NodeMakeup<'a> {
    /// Its image.
    pub image: &'a ImageReference,
    /// The node config that its own is made from.
    pub config: &'a Value,
    /// Requests and limits.
    pub resources: Resources,
    /// Its claim.
    pub disk: Bytes,
    /// The address that its rewards go to; none gives it an account of its own.
    pub coinbase: Option<&'a str>,
    /// Whether it serves metrics, and pushes them where the network collects them.
    pub metrics: bool,
    /// Whether it pushes profiles.
    pub profiling: bool,
}

impl NetworkSpec {
    /// v0: whether PoETs were activated with the node of this number as a gateway.
    #[must_use]
    pub fn is_gateway(&self, number: u32) -> bool {
        self.generation == Generation::V0 && number <= self.fleet.gateways && self.fleet.is_original(number)
    }

    /// What the node of this number is made of: its own override over what the network's nodes have.
    #[must_use]
    pub fn makeup(&self, number: u32) -> NodeMakeup<'_> {
        let own = self.node_overrides.get(&number);
        let profiled = |nodes: &[u32]| own.and_then(|own| own.profiling).unwrap_or(nodes.contains(&number));
        NodeMakeup {
            image: own.and_then(|own| own.image.as_ref()).unwrap_or(&self.node.image),
            config: own.and_then(|own| own.config.as_ref()).unwrap_or(&self.node.base_config),
            resources: own.and_then(|own| own.resources).unwrap_or(self.node.resources),
            disk: own.and_then(|own| own.disk).unwrap_or(self.node.disk),
            coinbase: own.and_then(|own| own.coinbase.as_deref()).or(self.coinbase.as_deref()),
            metrics: own.and_then(|own| own.metrics).unwrap_or(self.metrics.is_some()),
            profiling: self.profiling.as_ref().is_some_and(|profiling| profiled(&profiling.nodes)),
        }
    }

    /// This spec with what other commands than `create-network` changed about the recorded network: which nodes there are, how single ones differ, and
    /// the web services. No setting of
    /// `create-network` says any of it.
    #[must_use]
    pub fn with_changes_of(mut self, recorded: &Self) -> Self {
        self.fleet.removed.clone_from(&recorded.fleet.removed);
        self.fleet.added.clone_from(&recorded.fleet.added);
        self.node_overrides.clone_from(&recorded.node_overrides);
        self.web_services.clone_from(&recorded.web_services);
        for name in crate::charts::WEB_SERVICE_CHARTS {
            match recorded.charts.get(name) {
                Some(changed) => drop(self.charts.insert(name.to_owned(), changed.clone())),
                None => drop(self.charts.remove(name)),
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::topology::{places, poet_of, role_of};
    use crate::workload::Role;

    fn fleet(nodes: u32, bootnodes: u32, poets: u32) -> FleetSpec {
        FleetSpec { bootstrap: true, nodes, bootnodes, poets, gateways: 0, ..FleetSpec::default() }
    }

    #[test]
    fn a_number_that_was_removed_names_a_plain_miner_when_it_is_given_again() {
        let mut fleet = fleet(10, 6, 1);
        fleet.remove(3);
        assert!(!fleet.contains(3) && fleet.count() == 9);
        fleet.add(3);
        assert_eq!((role_of(3, &fleet), fleet.count()), (Role::Miner, 10));
        fleet.remove(3);
        assert!(!fleet.contains(3));
    }

    #[test]
    fn a_fleet_that_nobody_changed_is_written_as_ever() {
        let written = serde_json::to_value(fleet(10, 6, 1)).unwrap();
        assert!(written.get("removed").is_none() && written.get("added").is_none(), "{written}");
        let read: FleetSpec = serde_json::from_value(written).unwrap();
        assert_eq!(read, fleet(10, 6, 1));
    }

    #[derive(Debug, Clone, Copy)]
    enum Change {
        Add(u32),
        Remove(u32),
    }

    fn changes() -> impl Strategy<Value = Vec<Change>> {
        let change = prop_oneof![(1_u32..60).prop_map(Change::Add), (1_u32..60).prop_map(Change::Remove)];
        prop::collection::vec(change, 0..40)
    }

    proptest! {
        #[test]
        fn after_any_changes_exactly_the_numbers_added_last_are_there_and_nobody_else_moved(
            nodes in 1_u32..40, bootnodes in 0_u32..20, poets in 1_u32..5, slots in 1_u32..8, changes in changes(),
        ) {
            let mut fleet = fleet(nodes, bootnodes.min(nodes - 1), poets);
            let mut expected: BTreeSet<u32> = (1..=nodes).collect();
            for change in changes {
                let before = places(&fleet, slots);
                let number = match change {
                    Change::Add(number) => { fleet.add(number); expected.insert(number); number }
                    Change::Remove(number) => { fleet.remove(number); expected.remove(&number); number }
                };
                let after = places(&fleet, slots);
                for place in before.iter().filter(|place| place.number != number) {
                    let still = after.iter().find(|after| after.number == place.number).unwrap();
                    prop_assert_eq!((place.role, place.poet, place.slot), (still.role, still.poet, still.slot));
                }
            }
            prop_assert_eq!(fleet.numbers(), expected.clone());
            prop_assert_eq!(fleet.count() as usize, expected.len());
            prop_assert_eq!(fleet.last_number(), expected.last().copied().unwrap_or(0));
            for number in 1..80 {
                prop_assert_eq!(fleet.contains(number), expected.contains(&number));
                prop_assert!((1..=poets).contains(&poet_of(number, poets)));
            }
            let read: FleetSpec = serde_json::from_value(serde_json::to_value(&fleet).unwrap()).unwrap();
            prop_assert_eq!(read, fleet);
        }
    }
}
