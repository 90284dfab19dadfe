//! Who knows whom: the roles of nodes, the bootnodes each is given, and the PoET each uses.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::spec::FleetSpec;
use crate::workload::Role;

/// A node's place in the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodePlace {
    /// Its number, from 1.
    pub number: u32,
    /// Its role.
    pub role: Role,
    /// The number of the PoET it uses, from 1.
    pub poet: u32,
    /// Whom it asks for peers when it starts.
    pub knows: Knows,
    /// The worker slot it is pinned to; plain miners run anywhere.
    pub slot: Option<u32>,
}

impl NodePlace {
    /// The node's name, `miner-<number>`.
    #[must_use]
    pub fn name(&self) -> String {
        node_name(self.number)
    }
}

/// Whom a node asks for peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Knows {
    /// The bootnodes named in the config that the network was made from: the parent's, or none.
    Config,
    /// The bootstrap node.
    Bootstrap,
    /// The network's own bootnodes.
    Bootnodes,
}

/// The name of node `number`.
#[must_use]
pub fn node_name(number: u32) -> String {
    format!("miner-{number}")
}

/// The names of some nodes, as a person reads them.
#[must_use]
pub fn node_names(numbers: &BTreeSet<u32>) -> String {
    numbers.iter().map(|number| node_name(*number)).collect::<Vec<_>>().join(", ")
}

/// The name of PoET `number`.
#[must_use]
pub fn poet_name(number: u32) -> String {
    format!("poet-{number}")
}

/// The number of the PoET that node `number` uses: round robin by node number.
#[must_use]
pub fn poet_of(number: u32, poets: u32) -> u32 {
    number.saturating_sub(1).checked_rem(poets).map_or(1, |turn| turn + 1)
}

/// The places of all nodes of a fleet on `slots` worker slots, by number. Roles, PoETs and slots follow from a node's number and what the network was made with, so that
/// they stay while other nodes come and go.
///
/// With bootstrap, node 1 is the bootstrap node, the next `bootnodes` know it, and the rest know the bootnodes. Without,
/// the first `bootnodes` know whom the parent's config names and the rest know them. Where a fleet has no bootnodes, miners know whom the
/// bootnodes would have known; where the bootstrap node was removed, bootnodes know each other.
#[must_use]
pub fn places(fleet: &FleetSpec, slots: u32) -> Vec<NodePlace> {
    let place = |number: u32| {
        let role = role_of(number, fleet);
        let slot = if role == Role::Miner { None } else { (number - 1).checked_rem(slots) };
        NodePlace { number, role, poet: poet_of(number, fleet.poets), knows: knows(role, fleet), slot }
    };
    fleet.numbers().into_iter().map(place).collect()
}

/// The role of node `number`: whoever joined later is a plain miner.
#[must_use]
pub fn role_of(number: u32, fleet: &FleetSpec) -> Role {
    let before_miners = fleet.bootnodes + u32::from(fleet.bootstrap);
    match number {
        _ if fleet.added.contains(&number) => Role::Miner,
        1 if fleet.bootstrap => Role::Bootstrap,
        _ if number <= before_miners => Role::Bootnode,
        _ => Role::Miner,
    }
}

/// How many nodes the network was made with that are pinned to workers of their own: the bootstrap node and the bootnodes.
#[must_use]
pub fn pinned_nodes(fleet: &FleetSpec) -> u32 {
    (fleet.bootnodes + u32::from(fleet.bootstrap)).min(fleet.nodes)
}

fn knows(role: Role, fleet: &FleetSpec) -> Knows {
    let has_bootstrap_node = fleet.bootstrap && fleet.is_original(1);
    match (role, fleet.bootstrap) {
        (Role::Bootstrap, _) | (Role::Bootnode, false) => Knows::Config,
        (Role::Bootnode, true) if has_bootstrap_node => Knows::Bootstrap,
        (Role::Bootnode, true) => Knows::Bootnodes,
        (Role::Miner, _) if bootnodes(fleet).next().is_some() => Knows::Bootnodes,
        (Role::Miner, true) if has_bootstrap_node => Knows::Bootstrap,
        (Role::Miner, _) => Knows::Config,
    }
}

/// The numbers of the bootnodes that there are.
pub fn bootnodes(fleet: &FleetSpec) -> impl Iterator<Item = u32> + '_ {
    let first = 1 + u32::from(fleet.bootstrap);
    (first..first.saturating_add(fleet.bootnodes)).filter(|number| fleet.is_original(*number))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fleet(bootstrap: bool, nodes: u32, bootnodes: u32, poets: u32) -> FleetSpec {
        FleetSpec { bootstrap, nodes, bootnodes, poets, ..FleetSpec::default() }
    }

    #[test]
    fn ten_nodes_have_one_bootstrap_node_six_bootnodes_and_three_miners() {
        let places = places(&fleet(true, 10, 6, 3), 7);
        let roles: Vec<Role> = places.iter().map(|place| place.role).collect();
        assert_eq!(roles.iter().filter(|role| **role == Role::Bootnode).count(), 6);
        assert_eq!(roles.iter().filter(|role| **role == Role::Miner).count(), 3);
        let poets: Vec<u32> = places.iter().map(|place| place.poet).collect();
        assert_eq!(poets, [1, 2, 3, 1, 2, 3, 1, 2, 3, 1]);
    }

    #[test]
    fn an_extended_network_has_no_bootstrap_node_and_its_bootnodes_know_the_parent() {
        let places = places(&fleet(false, 5, 2, 1), 2);
        assert!(places.iter().all(|place| place.role != Role::Bootstrap));
        let known: Vec<Knows> = places.iter().map(|place| place.knows).collect();
        assert_eq!(
            known,
            [Knows::Config, Knows::Config, Knows::Bootnodes, Knows::Bootnodes, Knows::Bootnodes]
        );
    }

    proptest! {
        #[test]
        fn the_number_of_nodes_is_exactly_what_was_asked(
            bootstrap: bool, nodes in 1_u32..2000, bootnodes in 0_u32..50, poets in 1_u32..10, slots in 1_u32..60,
        ) {
            let fleet = fleet(bootstrap, nodes, bootnodes, poets);
            let places = places(&fleet, slots);
            prop_assert_eq!(places.len(), nodes as usize);
            for place in &places {
                prop_assert!((1..=poets).contains(&place.poet));
                prop_assert_eq!(place.slot.is_some(), place.role != Role::Miner);
                prop_assert!(place.slot.is_none_or(|slot| slot < slots));
            }
            let pinned = places.iter().filter(|place| place.slot.is_some()).count();
            prop_assert_eq!(pinned, pinned_nodes(&fleet) as usize);
            let shares: Vec<usize> = (1..=poets).map(|poet| places.iter().filter(|p| p.poet == poet).count()).collect();
            let (least, most) = (shares.iter().min(), shares.iter().max());
            prop_assert!(most.zip(least).is_none_or(|(most, least)| most - least <= 1), "poets are not used evenly");
        }
    }
}
