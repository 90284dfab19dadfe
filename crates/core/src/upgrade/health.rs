use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::node_config::NetworkTiming;
use crate::traits::NodeStatus;

/// What a node said when it was asked, or why it did not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// When it was asked.
    pub at: Timestamp,
    /// Its answer.
    pub answer: Result<NodeStatus, String>,
}

/// Where the network's chain should be by the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainClock {
    /// The genesis.
    pub genesis: Timestamp,
    /// How long a layer is.
    pub layer: Duration,
    /// Whether the node has others to be connected with.
    pub has_peers: bool,
}

/// Whether a node is healthy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Healthy,
    /// Not yet, because of this.
    Pending(String),
}

/// Clocks of this machine and of workers, and the time that an answer takes, may differ by this many layers.
const CLOCK_TOLERANCE: u32 = 1;

/// A node that follows the chain is at most this many layers behind the present one.
const FOLLOWING: u32 = 2;

impl ChainClock {
    /// The clock of a network.
    #[must_use]
    pub fn new(genesis: Timestamp, timing: &NetworkTiming, has_peers: bool) -> Self {
        Self { genesis, layer: timing.layer, has_peers }
    }

    /// The present layer; none before genesis.
    #[must_use]
    pub fn layer_at(&self, now: Timestamp) -> Option<u32> {
        let since = now.duration_since(self.genesis);
        if since < SignedDuration::ZERO {
            return None;
        }
        let layers = since.as_millis().checked_div(i128::try_from(self.layer.as_millis()).ok()?)?;
        Some(u32::try_from(layers).unwrap_or(u32::MAX))
    }
}

/// Judges a node from what it says over time. It is healthy when it answers, has peers (in a network of more than one node), keeps the network's time, and its
/// layer moves: either it is where the network is, or it comes closer from one answer to the next.
#[derive(Debug, Clone)]
pub struct HealthWatch {
    clock: ChainClock,
    first: Option<NodeStatus>,
}

impl HealthWatch {
    /// Nothing is known of the node yet.
    #[must_use]
    pub fn new(clock: ChainClock) -> Self {
        Self { clock, first: None }
    }

    /// What the newest observation says, together with those before it.
    pub fn note(&mut self, observation: &Observation) -> Verdict {
        let status = match &observation.answer {
            Ok(status) => status,
            Err(why) => return Verdict::Pending(format!("it does not answer: {why}")),
        };
        let first = self.first.get_or_insert_with(|| status.clone()).clone();
        match self.trouble(observation.at, status, &first) {
            Some(trouble) => Verdict::Pending(trouble),
            None => Verdict::Healthy,
        }
    }

    fn trouble(&self, now: Timestamp, status: &NodeStatus, first: &NodeStatus) -> Option<String> {
        if self.clock.has_peers && status.connected_peers == 0 {
            return Some("it has no peers".to_owned());
        }
        let layer = self.clock.layer_at(now)?;
        if status.top_layer.abs_diff(layer) > CLOCK_TOLERANCE {
            return Some(format!(
                "its clock is in layer {}, the network's in layer {layer}",
                status.top_layer
            ));
        }
        let catches_up = status.synced_layer > first.synced_layer;
        let follows = status.synced && status.synced_layer.saturating_add(FOLLOWING) >= layer;
        if follows || catches_up {
            return None;
        }
        let state =
            if status.synced { "its layer does not move" } else { "it is not synced and does not catch up" };
        Some(format!("{state}: it is at layer {} of {layer}", status.synced_layer))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn clock() -> ChainClock {
        ChainClock { genesis: Timestamp::UNIX_EPOCH, layer: Duration::from_secs(30), has_peers: true }
    }

    fn status(synced: bool, synced_layer: u32, top_layer: u32) -> NodeStatus {
        NodeStatus { connected_peers: 3, synced, synced_layer, top_layer, verified_layer: synced_layer }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    fn verdicts(observations: &[(i64, Result<NodeStatus, String>)]) -> Vec<String> {
        let mut watch = HealthWatch::new(clock());
        let verdict = |(seconds, answer): &(i64, Result<NodeStatus, String>)| match watch
            .note(&Observation { at: at(*seconds), answer: answer.clone() })
        {
            Verdict::Healthy => "healthy".to_owned(),
            Verdict::Pending(why) => why,
        };
        observations.iter().map(verdict).collect()
    }

    #[test]
    fn a_node_that_follows_the_chain_is_healthy_at_its_first_answer() {
        assert_eq!(verdicts(&[(300, Ok(status(true, 9, 10)))]), ["healthy"]);
        assert_eq!(verdicts(&[(-60, Ok(status(false, 0, 0)))]), ["healthy"], "before genesis nothing moves");
    }

    #[test]
    fn a_node_that_does_not_answer_is_not_healthy_and_says_why() {
        let found = verdicts(&[(300, Err("connection refused".to_owned())), (302, Ok(status(true, 10, 10)))]);
        assert_eq!(found, ["it does not answer: connection refused", "healthy"]);
    }

    #[test]
    fn a_node_without_peers_is_not_healthy_unless_it_is_alone() {
        let lonely = NodeStatus { connected_peers: 0, ..status(true, 10, 10) };
        assert_eq!(verdicts(&[(300, Ok(lonely.clone()))]), ["it has no peers"]);
        let mut watch = HealthWatch::new(ChainClock { has_peers: false, ..clock() });
        assert_eq!(watch.note(&Observation { at: at(300), answer: Ok(lonely) }), Verdict::Healthy);
    }

    #[test]
    fn a_node_that_catches_up_is_healthy_and_one_that_stays_behind_is_not() {
        let behind = (300, Ok(status(false, 2, 10)));
        let found =
            verdicts(&[behind.clone(), (302, Ok(status(false, 2, 10))), (304, Ok(status(false, 4, 10)))]);
        let stays = "it is not synced and does not catch up: it is at layer 2 of 10";
        assert_eq!(found, [stays, stays, "healthy"]);
    }

    #[test]
    fn a_node_that_believes_to_be_synced_but_stands_still_is_not_healthy() {
        let found = verdicts(&[(300, Ok(status(true, 4, 10))), (360, Ok(status(true, 4, 12)))]);
        assert_eq!(found[1], "its layer does not move: it is at layer 4 of 12");
    }

    #[test]
    fn a_node_with_another_time_is_not_healthy() {
        assert_eq!(
            verdicts(&[(300, Ok(status(true, 3, 3)))]),
            ["its clock is in layer 3, the network's in layer 10"]
        );
        assert_eq!(verdicts(&[(300, Ok(status(true, 11, 11)))]), ["healthy"], "clocks may differ a little");
    }

    proptest! {
        #[test]
        fn no_answer_makes_judging_panic(seconds in any::<i32>(), peers: u64, synced: bool, layers: (u32, u32, u32), layer in 0_u64..1000) {
            let clock = ChainClock { layer: Duration::from_secs(layer), ..clock() };
            let mut watch = HealthWatch::new(clock);
            let (synced_layer, top_layer, verified_layer) = layers;
            let status = NodeStatus { connected_peers: peers, synced, synced_layer, top_layer, verified_layer };
            let observation = Observation { at: at(seconds.into()), answer: Ok(status) };
            watch.note(&observation);
            watch.note(&observation);
        }
    }
}
