//! Ports of workers: host ports of P2P listeners and the block of node ports.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::generation::{GRPC_PORT, GRPC_PRIVATE_PORT, JSON_PORT, METRICS_PORT, PPROF_PORT};

/// The ports that Kubernetes hands out to Services of type NodePort.
pub const NODE_PORT_RANGE: std::ops::RangeInclusive<u16> = 30_000..=32_767;

/// The first port of our block: servers choose ports for other Services from here upwards only when the ones above are used up, and the 86
/// below are kept for explicit choices such as the ingress controller's.
pub const FIRST_PLANNED_NODE_PORT: u16 = 30_086;

/// Ports of a worker that pods cannot use as host ports, each with who has it.
pub const RESERVED_HOST_PORTS: [(u16, &str); 12] = [
    (22, "ssh"),
    (53, "DNS"),
    (80, "the ingress controller"),
    (443, "the ingress controller"),
    (4194, "the kubelet's monitor"),
    (8080, "the health checks of the container network"),
    (9099, "the container network"),
    (10_248, "the kubelet's health check"),
    (10_249, "kube-proxy"),
    (10_250, "the kubelet"),
    (10_255, "the kubelet's read-only port"),
    (10_256, "kube-proxy's health check"),
];

/// Node ports of a network in one contiguous block: PoETs first, then each node's gRPC and JSON port. A node's ports follow from its number, so that they stay while
/// others come and go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodePortBlock {
    poets: u32,
    nodes: u32,
    ports_a_node: u32,
}

impl NodePortBlock {
    /// The block of a fleet whose highest number is `nodes`.
    ///
    /// # Errors
    ///
    /// The arithmetic, when the fleet needs more ports than there are.
    pub fn new(poets: u32, nodes: u32, json_api: bool) -> Result<Self, String> {
        let block = Self { poets, nodes, ports_a_node: if json_api { 2 } else { 1 } };
        let first = u32::from(FIRST_PLANNED_NODE_PORT);
        let room = u32::from(*NODE_PORT_RANGE.end()) + 1 - first;
        let needed = block.size();
        if needed <= u64::from(room) {
            return Ok(block);
        }
        let all = u32::from(*NODE_PORT_RANGE.end()) + 1 - u32::from(*NODE_PORT_RANGE.start());
        Err(format!(
            "{nodes} nodes with {} each and {poets} PoETs with one each need {needed} node ports, but there are {all}, of which {room} can be planned{}",
            if json_api { "two ports (gRPC and JSON)" } else { "one port (gRPC)" },
            if json_api { "; --enable-json-api=false halves that" } else { "" },
        ))
    }

    fn size(&self) -> u64 {
        u64::from(self.poets) + u64::from(self.nodes) * u64::from(self.ports_a_node)
    }

    /// The port of a PoET's REST interface; `number` counts from 1.
    #[must_use]
    pub fn poet(&self, number: u32) -> Option<u16> {
        (1..=self.poets).contains(&number).then(|| at(u64::from(number - 1))).flatten()
    }

    /// The port of a node's gRPC interface.
    #[must_use]
    pub fn grpc(&self, number: u32) -> Option<u16> {
        self.node(number, 0)
    }

    /// The port of a node's JSON interface, when nodes have one.
    #[must_use]
    pub fn json(&self, number: u32) -> Option<u16> {
        if self.ports_a_node == 2 { self.node(number, 1) } else { None }
    }

    fn node(&self, number: u32, which: u32) -> Option<u16> {
        let before = u64::from(self.poets) + u64::from(number.checked_sub(1)?) * u64::from(self.ports_a_node);
        (number <= self.nodes).then(|| at(before + u64::from(which))).flatten()
    }

    /// The ports of all PoETs as a firewall writes them, such as `30086-30088`.
    #[must_use]
    pub fn poet_range(&self) -> Option<String> {
        range(self.poet(1)?, self.poet(self.poets)?)
    }

    /// The ports of the nodes of these numbers as a firewall writes them.
    #[must_use]
    pub fn node_ranges(&self, numbers: &BTreeSet<u32>) -> Vec<String> {
        let ports = numbers.iter().flat_map(|number| [self.grpc(*number), self.json(*number)]);
        ranges(ports.flatten().collect())
    }
}

fn at(offset: u64) -> Option<u16> {
    u16::try_from(u64::from(FIRST_PLANNED_NODE_PORT) + offset)
        .ok()
        .filter(|port| NODE_PORT_RANGE.contains(port))
}

/// `first-last` as a firewall writes it, or the one port.
#[must_use]
pub fn range(first: u16, last: u16) -> Option<String> {
    match first.cmp(&last) {
        std::cmp::Ordering::Less => Some(format!("{first}-{last}")),
        std::cmp::Ordering::Equal => Some(first.to_string()),
        std::cmp::Ordering::Greater => None,
    }
}

/// Ports that a node listens on inside its own pod for other things: gRPC, private gRPC, pprof, JSON and metrics.
const PORTS_OF_A_NODE: [u16; 5] = [GRPC_PORT, GRPC_PRIVATE_PORT, PPROF_PORT, JSON_PORT, METRICS_PORT];

/// By how much the P2P port moves up for the few nodes whose port would be one of [`PORTS_OF_A_NODE`].
const ASIDE: u16 = 20_000;

/// The P2P host port of node `number`: the base plus its number, or, where the node needs that port for something else, 20,000 more.
///
/// # Errors
///
/// Who has that port already, or that there is no such port.
pub fn p2p_port(base: u16, number: u32) -> Result<u16, String> {
    let port = u32::from(base) + number;
    let Ok(port) = u16::try_from(port) else {
        return Err(format!("node {number} would listen on port {port}, and ports end at 65535"));
    };
    let port = if PORTS_OF_A_NODE.contains(&port) { port.saturating_add(ASIDE) } else { port };
    if NODE_PORT_RANGE.contains(&port) {
        return Err(format!(
            "node {number} would listen on port {port}, which is among the node ports of Services (30000-32767)"
        ));
    }
    match RESERVED_HOST_PORTS.iter().find(|(reserved, _)| *reserved == port) {
        Some((_, who)) => Err(format!("node {number} would listen on port {port}, which belongs to {who}")),
        None => Ok(port),
    }
}

/// The P2P host ports of the nodes of these numbers, as a firewall writes them.
#[must_use]
pub fn p2p_ranges(base: u16, numbers: &BTreeSet<u32>) -> Vec<String> {
    ranges(numbers.iter().filter_map(|number| p2p_port(base, *number).ok()).collect())
}

/// Ports as a firewall writes them: those in a row together.
fn ranges(ports: BTreeSet<u16>) -> Vec<String> {
    let mut ranges: Vec<(u16, u16)> = Vec::new();
    for port in ports {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(port) => *last = port,
            _ => ranges.push((port, port)),
        }
    }
    ranges.into_iter().filter_map(|(first, last)| range(first, last)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_fleet_that_needs_too_many_ports_is_refused_with_the_arithmetic() {
        let refusal = NodePortBlock::new(10, 1400, true).unwrap_err();
        assert!(refusal.contains("need 2810 node ports, but there are 2768"), "{refusal}");
        assert!(NodePortBlock::new(10, 1400, false).is_ok());
    }

    #[test]
    fn ports_of_the_kubelet_and_of_services_are_never_p2p_ports() {
        assert_eq!(p2p_port(5000, 1), Ok(5001));
        for number in [5250, 5255, 25_000, 61_000] {
            assert!(p2p_port(5000, number).is_err(), "node {number}");
        }
    }

    #[test]
    fn a_node_never_shares_its_p2p_port_with_another_listener_of_its_pod() {
        assert_eq!(p2p_port(5000, 1000), Ok(26_000));
        assert_eq!(p2p_port(6000, 1), Ok(26_001));
        assert_eq!(p2p_ranges(5000, &(1..=1001).collect()), ["5001-5999", "26000-26001"]);
        assert_eq!(p2p_ranges(5000, &(1..=10).collect()), ["5001-5010"]);
    }

    proptest! {
        #[test]
        fn no_port_is_given_twice_and_all_are_in_the_published_ranges(poets in 1_u32..20, nodes in 1_u32..1200, json_api: bool) {
            let block = NodePortBlock::new(poets, nodes, json_api).unwrap();
            let mut seen = BTreeSet::new();
            for poet in 1..=poets {
                prop_assert!(seen.insert(block.poet(poet).unwrap()));
            }
            for node in 1..=nodes {
                prop_assert!(seen.insert(block.grpc(node).unwrap()));
                prop_assert_eq!(block.json(node).is_some(), json_api);
                if let Some(port) = block.json(node) { prop_assert!(seen.insert(port)); }
            }
            let (first, last) = (*seen.first().unwrap(), *seen.last().unwrap());
            prop_assert_eq!(usize::from(last - first) + 1, seen.len());
            prop_assert_eq!(block.grpc(nodes + 1), None);
        }

        #[test]
        fn ranges_name_the_ports_of_the_nodes_that_there_are_and_no_others(
            numbers in prop::collection::btree_set(1_u32..200, 1..60), poets in 1_u32..5, json_api: bool,
        ) {
            let block = NodePortBlock::new(poets, 200, json_api).unwrap();
            let open: BTreeSet<u16> = block.node_ranges(&numbers).iter().flat_map(|range| {
                let (first, last) = range.split_once('-').unwrap_or((range, range));
                first.parse::<u16>().unwrap()..=last.parse().unwrap()
            }).collect();
            let ports = numbers.iter().flat_map(|number| [block.grpc(*number), block.json(*number)]);
            prop_assert_eq!(open, ports.flatten().collect::<BTreeSet<u16>>());
        }
    }
}
