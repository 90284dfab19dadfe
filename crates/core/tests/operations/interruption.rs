//! Stopped dead at every single call, and run again.

use spacecraft_core::Meaning;
use spacecraft_core::names::NetworkName;
use spacecraft_core::spec::{Generation, NetworkSpec};
use spacecraft_core::state::NetworkRecord;
use spacecraft_core::traits::ClusterProvider;
use spacecraft_testkit::Fault;

use crate::miners::miners;
use crate::world::{World, network, small};

async fn calls_of_a_creation(spec: &NetworkSpec) -> usize {
    let world = World::new();
    world.create(spec, 1).await.unwrap();
    world.ledger.call_count()
}

/// What must be the same however often a creation was stopped: names of everything that exists.
async fn end_state(world: &World) -> Vec<String> {
    let mut state: Vec<String> = world.workloads.workloads().into_keys().collect();
    state.extend(world.charts.installed().into_iter().map(|release| release.name));
    state.extend(world.config.contents().into_keys());
    state.extend(world.state.contents().into_keys());
    state.extend(world.logs.retentions().into_keys());
    state.extend(world.cluster.firewall_rules(None).await.unwrap().into_iter().map(|rule| rule.name));
    state
}

#[tokio::test]
async fn a_creation_that_was_stopped_at_any_call_comes_to_the_same_end_when_it_runs_again() {
    for generation in [Generation::V1, Generation::V0] {
        let spec = small(generation);
        let undisturbed = World::new();
        undisturbed.create(&spec, 1).await.unwrap();
        let expected = end_state(&undisturbed).await;
        for stop in 0..calls_of_a_creation(&spec).await {
            let world = World::new();
            world.ledger.stop_after(stop);
            let _ = world.create(&spec, 1).await;
            world.ledger.clear_faults();
            let again = world.create(&spec, 2).await;
            assert!(again.is_ok(), "{generation}, stopped after call {stop}: {:?}", again.err());
            assert_eq!(end_state(&world).await, expected, "{generation}, stopped after call {stop}");
        }
    }
}

#[tokio::test]
async fn a_creation_that_says_that_it_left_nothing_left_no_lock_and_no_journal() {
    let spec = small(Generation::V1);
    let mut clean = 0;
    for number in 1..=calls_of_a_creation(&spec).await {
        for fault in [Fault::refused(Meaning::Denied), Fault::ReplyLost] {
            let world = World::new();
            let told = format!("{fault:?} at call {number}");
            world.ledger.fail_call(number, fault);
            let ended = world.create(&spec, 1).await;
            if ended.is_err_and(|failure| !failure.is_resumable()) {
                let left = world.state.contents();
                assert!(left.is_empty(), "{told} left {:?}", left.keys());
                clean += 1;
            }
        }
    }
    assert!(clean > 0);
}

#[tokio::test]
async fn whatever_a_stopped_creation_made_is_deleted() {
    let spec = small(Generation::V1);
    for stop in 0..calls_of_a_creation(&spec).await {
        let world = World::new();
        world.ledger.stop_after(stop);
        let _ = world.create(&spec, 1).await;
        world.ledger.clear_faults();
        let _ = world.delete(&spec, 2).await;
        left_nothing(&world, stop, &network()).await;
    }
}

#[tokio::test]
async fn a_deletion_that_was_stopped_at_any_call_is_finished_by_the_next() {
    let spec = small(Generation::V1);
    let undisturbed = World::new();
    undisturbed.create(&spec, 1).await.unwrap();
    undisturbed.ledger.forget_calls();
    undisturbed.delete(&spec, 2).await.unwrap();
    for stop in 0..undisturbed.ledger.call_count() {
        let world = World::new();
        world.create(&spec, 1).await.unwrap();
        world.ledger.forget_calls();
        world.ledger.stop_after(stop);
        let _ = world.delete(&spec, 2).await;
        world.ledger.clear_faults();
        let _ = world.delete(&spec, 3).await;
        left_nothing(&world, stop, &network()).await;
    }
}

/// The end state with every identity: who joined twice, or joined anew, would differ.
async fn state_of_fleet(world: &World) -> (Vec<String>, Vec<String>, Vec<String>) {
    let mut secrets = world.secret_names().await;
    secrets.sort();
    let record: NetworkRecord = serde_json::from_str(&world.state.contents()["net1/network.json"]).unwrap();
    assert!(record.joining.is_empty() && record.leaving.is_empty());
    let nodes = record.nodes.into_iter().map(|node| node.name).collect();
    (end_state(world).await, secrets, nodes)
}

#[tokio::test]
async fn an_addition_that_was_stopped_at_any_call_adds_the_same_miners_when_it_runs_again() {
    for generation in [Generation::V1, Generation::V0] {
        let spec = small(generation);
        let undisturbed = World::new();
        undisturbed.create(&spec, 1).await.unwrap();
        undisturbed.ledger.forget_calls();
        undisturbed.add(generation, miners(2), 2).await.unwrap();
        let calls = undisturbed.ledger.call_count();
        let expected = state_of_fleet(&undisturbed).await;
        for stop in 0..calls {
            let world = World::new();
            world.create(&spec, 1).await.unwrap();
            world.ledger.forget_calls();
            world.ledger.stop_after(stop);
            let first = world.add(generation, miners(2), 2).await;
            world.ledger.clear_faults();
            if first.is_ok() {
                // Only giving the lock back was not possible any more: the command has done what it says, and would add the next ones.
                continue;
            }
            let again = world.add(generation, miners(2), 3).await;
            assert!(again.is_ok(), "{generation}, stopped after call {stop}: {:?}", again.err());
            assert_eq!(state_of_fleet(&world).await, expected, "{generation}, stopped after call {stop}");
        }
    }
}

#[tokio::test]
async fn a_removal_that_was_stopped_at_any_call_is_finished_by_the_next() {
    for generation in [Generation::V1, Generation::V0] {
        let spec = small(generation);
        let undisturbed = World::new();
        undisturbed.create(&spec, 1).await.unwrap();
        undisturbed.add(generation, miners(1), 2).await.unwrap();
        undisturbed.ledger.forget_calls();
        undisturbed.remove(generation, &[3, 4], 3).await.unwrap();
        let calls = undisturbed.ledger.call_count();
        let expected = state_of_fleet(&undisturbed).await;
        for stop in 0..calls {
            let world = World::new();
            world.create(&spec, 1).await.unwrap();
            world.add(generation, miners(1), 2).await.unwrap();
            world.ledger.forget_calls();
            world.ledger.stop_after(stop);
            let first = world.remove(generation, &[3, 4], 3).await;
            world.ledger.clear_faults();
            if first.is_ok() {
                continue;
            }
            let again = world.remove(generation, &[3, 4], 4).await;
            assert!(again.is_ok(), "{generation}, stopped after call {stop}: {:?}", again.err());
            assert_eq!(state_of_fleet(&world).await, expected, "{generation}, stopped after call {stop}");
        }
    }
}

async fn left_nothing(world: &World, stop: usize, network: &NetworkName) {
    assert!(
        world.state.contents().is_empty(),
        "stopped after call {stop}: {:?}",
        world.state.contents().keys()
    );
    assert!(world.config.contents().is_empty(), "stopped after call {stop}");
    assert!(
        world.cluster.get(network).await.unwrap().is_none(),
        "stopped after call {stop}: the cluster is left"
    );
    assert!(world.cluster.disks(None).await.unwrap().is_empty(), "stopped after call {stop}: disks are left");
    assert!(
        world.cluster.firewall_rules(None).await.unwrap().is_empty(),
        "stopped after call {stop}: a rule is left"
    );
}
