use spacecraft_core::observer::Outcome;
use spacecraft_core::operation::{Services, delete_network, keep_logs_and_metrics};
use spacecraft_core::spec::{ChaosSpec, Generation, MetricsSpec, ProviderKind};
use spacecraft_core::state::NetworkStatus;
use spacecraft_core::traits::{ClusterProvider, DnsProvider, LoadBalancer, ServiceName, Workloads};
use spacecraft_core::{Error, Meaning};

use spacecraft_testkit::{Fault, InMemoryObjects};

use crate::world::{World, network, spec};

async fn nothing_is_left(world: &World) {
    assert!(world.state.contents().is_empty(), "{:?}", world.state.contents().keys());
    assert!(world.config.contents().is_empty());
    assert!(world.cluster.disks(None).await.unwrap().is_empty());
    assert!(world.cluster.firewall_rules(None).await.unwrap().is_empty());
    assert!(world.cluster.get(&network()).await.unwrap().is_none());
    assert!(world.dns.list(None).await.unwrap().is_empty());
}

#[tokio::test]
async fn deleting_leaves_nothing_behind() {
    let world = World::new();
    world.create(&spec(Generation::V1), 1).await.unwrap();
    let report = world.delete(&spec(Generation::V1), 2).await.unwrap();
    assert!(report.steps.iter().any(|step| step.name == "cluster" && step.outcome == Outcome::Removed));
    nothing_is_left(&world).await;
}

#[tokio::test]
async fn a_network_whose_cluster_is_gone_is_deleted_all_the_same() {
    let world = World::new();
    world.create(&spec(Generation::V1), 1).await.unwrap();
    world.cluster.lose_cluster(&network());
    assert!(!world.cluster.load_balancer_names().is_empty());
    world.delete(&spec(Generation::V1), 2).await.unwrap();
    nothing_is_left(&world).await;
    assert!(world.cluster.load_balancer_names().is_empty());
}

#[tokio::test]
async fn a_cluster_is_not_taken_for_gone_while_a_location_does_not_answer() {
    let world = World::new();
    world.create(&spec(Generation::V1), 1).await.unwrap();
    world.cluster.lose_cluster(&network());
    world.cluster.set_unreachable(vec!["europe-west1-b".to_owned()]);
    let writes = world.ledger.write_count();
    let failure = world.delete(&spec(Generation::V1), 2).await.unwrap_err();
    assert_eq!(failure.error.meaning(), Meaning::Unavailable);
    assert!(failure.to_string().contains("europe-west1-b"), "{failure}");
    assert_eq!(world.ledger.write_count(), writes);
    world.cluster.set_unreachable(Vec::new());
    world.delete(&spec(Generation::V1), 3).await.unwrap();
    nothing_is_left(&world).await;
}

#[tokio::test]
async fn names_that_cannot_be_removed_keep_their_network() {
    let world = World::new();
    let spec = spec(Generation::V1);
    world.create(&spec, 1).await.unwrap();
    let writes = world.ledger.write_count();
    for keeping in [false, true] {
        let services = Services { dns: None, ..world.services(2) };
        let refused = if keeping {
            keep_logs_and_metrics(&services, world.removal(&spec)).await.unwrap_err()
        } else {
            delete_network(&services, world.removal(&spec)).await.unwrap_err()
        };
        assert!(refused.is_usage(), "{refused:?}");
        assert!(refused.error.reason().contains("kibana-net1.spacemesh.io"), "{refused:?}");
        assert!(refused.error.hint().unwrap().contains("SPACECRAFT_CLOUDFLARE_API_TOKEN"), "{refused:?}");
    }
    assert_eq!(world.ledger.write_count(), writes);
}

#[tokio::test]
async fn a_load_balancer_of_another_network_at_the_same_address_stays() {
    let world = World::new();
    world.create(&spec(Generation::V1), 1).await.unwrap();
    world.cluster.lose_cluster(&network());
    let theirs = LoadBalancer {
        name: "theirs".to_owned(),
        network: network(),
        region: None,
        address: Some("203.0.113.7".to_owned()),
        service: Some(ServiceName::new("default", "shop")),
        created: None,
    };
    world.cluster.add_load_balancer(theirs);
    world.delete(&spec(Generation::V1), 2).await.unwrap();
    assert_eq!(world.cluster.load_balancer_names(), ["theirs"]);
}

#[tokio::test]
async fn a_deletion_that_cannot_remove_its_journal_or_lock_says_so_and_ends_well_the_next_time() {
    for (key, left) in [("net1/journal.json", "journal of net1"), ("net1/lock.json", "lock of net1")] {
        let number = call_that_deletes(key).await;
        let world = World::new();
        let spec = spec(Generation::V1);
        world.create(&spec, 1).await.unwrap();
        world.ledger.forget_calls();
        world.ledger.fail_call(number, Fault::refused(Meaning::Denied));
        let failure = world.delete(&spec, 2).await.unwrap_err();
        let resources: Vec<&String> = failure.leftovers.iter().flat_map(|one| &one.resources).collect();
        assert_eq!(resources, [left], "{failure:?}");
        world.delete(&spec, 3).await.unwrap();
        nothing_is_left(&world).await;
    }
}

/// The number of the call of a deletion that deletes this object.
async fn call_that_deletes(key: &str) -> usize {
    let world = World::new();
    let spec = spec(Generation::V1);
    world.create(&spec, 1).await.unwrap();
    world.ledger.forget_calls();
    world.delete(&spec, 2).await.unwrap();
    let calls = world.ledger.calls();
    1 + calls.iter().rposition(|call| call.operation == "objects.delete" && call.resource == key).unwrap()
}

#[tokio::test]
async fn a_network_on_a_shared_cluster_takes_its_charts_and_namespaces_with_it() {
    let world = World::shared();
    let mut spec = spec(Generation::V1);
    spec.provider = ProviderKind::Kubernetes;
    world.create(&spec, 1).await.unwrap();
    world.delete(&spec, 2).await.unwrap();
    assert!(world.charts.installed().is_empty(), "{:?}", world.charts.installed());
    assert!(world.workloads.is_empty());
    assert!(world.state.contents().is_empty());
}

#[tokio::test]
async fn a_network_whose_namespaces_were_deleted_by_hand_leaves_no_slots_and_no_shared_charts() {
    let world = World::shared();
    let mut spec = spec(Generation::V1);
    spec.provider = ProviderKind::Kubernetes;
    spec.chaos = Some(ChaosSpec { version: "2.8.3".to_owned() });
    world.create(&spec, 1).await.unwrap();
    world.cluster.lose_cluster(&network());
    assert!(world.charts.installed().iter().any(|release| release.shared));
    world.delete(&spec, 2).await.unwrap();
    assert!(world.charts.installed().is_empty(), "{:?}", world.charts.installed());
    let workers = world.workloads.workers().await.unwrap();
    assert!(workers.iter().all(|worker| worker.slot.is_none()), "{workers:?}");
    assert!(world.state.contents().is_empty());
}

/// Metrics are installed before the nodes, of which the record tells: what they leave in the cluster outside their namespace is found by the record alone.
#[tokio::test]
async fn a_creation_that_died_among_its_charts_on_a_shared_cluster_leaves_nothing_to_its_deletion() {
    let world = World::shared();
    let mut spec = spec(Generation::V1);
    spec.provider = ProviderKind::Kubernetes;
    spec.metrics = Some(MetricsSpec { push_gateway_url: None });
    world.ledger.fail_next("charts.ensure", Fault::ReplyLost);
    world.create(&spec, 1).await.unwrap_err();
    assert_eq!(world.record().unwrap().status, NetworkStatus::Creating);
    world.delete(&spec, 2).await.unwrap();
    assert!(world.charts.installed().is_empty(), "{:?}", world.charts.installed());
    assert!(world.state.contents().is_empty() && world.workloads.is_empty());
}

/// The API of a cluster may be silent: its control plane is degraded, or the way to it is blocked.
#[tokio::test]
async fn a_network_whose_cluster_does_not_answer_is_deleted_all_the_same() {
    let world = World::new();
    let spec = spec(Generation::V1);
    world.create(&spec, 1).await.unwrap();
    for _ in 0..20 {
        let silence = Error::new(Meaning::Unavailable, "list workers of", "net1", "there is no answer");
        world.ledger.fail_next("workloads.workers", Fault::Refused(silence));
    }
    world.delete(&spec, 2).await.unwrap();
    assert!(world.state.contents().is_empty());
    assert!(world.cluster.load_balancer_names().is_empty());
}

#[tokio::test]
async fn a_network_of_a_shared_cluster_that_is_recorded_elsewhere_is_neither_made_nor_deleted() {
    let mut world = World::shared();
    let mut spec = spec(Generation::V1);
    spec.provider = ProviderKind::Kubernetes;
    world.create(&spec, 1).await.unwrap();
    let another = InMemoryObjects::with_ledger("another", world.ledger.clone());
    let store = std::mem::replace(&mut world.state, another);
    let writes = world.ledger.write_count();
    for failure in [world.delete(&spec, 2).await.unwrap_err(), world.create(&spec, 2).await.unwrap_err()] {
        assert_eq!(failure.error.meaning(), Meaning::Invalid);
        assert!(failure.error.to_string().contains("recorded in memory://state"), "{}", failure.error);
    }
    assert_eq!(world.ledger.write_count(), writes);
    world.state = store;
    world.delete(&spec, 3).await.unwrap();
}

#[tokio::test]
async fn a_network_that_does_not_exist_is_refused_with_those_that_do() {
    let world = World::new();
    world.create(&spec(Generation::V1), 1).await.unwrap();
    let writes = world.ledger.write_count();
    let mut other = spec(Generation::V1);
    other.network = spacecraft_core::names::NetworkName::new("net10").unwrap();
    let failure = world.delete(&other, 2).await.unwrap_err();
    assert_eq!(failure.error.meaning(), Meaning::NotFound);
    assert!(failure.error.hint().unwrap().contains("net1"));
    assert_eq!(world.ledger.write_count(), writes);
}

#[tokio::test]
async fn a_foreign_cluster_is_never_deleted() {
    let world = World::new();
    world.cluster.add_foreign_cluster(&network());
    let failure = world.delete(&spec(Generation::V1), 1).await.unwrap_err();
    assert_eq!(failure.error.meaning(), Meaning::Denied);
    assert!(world.cluster.get(&network()).await.unwrap().is_some());
}

#[tokio::test]
async fn a_deletion_that_stops_between_steps_says_what_is_still_there() {
    let world = World::new();
    let spec = spec(Generation::V1);
    world.create(&spec, 1).await.unwrap();
    world.ledger.forget_calls();
    let mut stopped = 0;
    for stop in 0.. {
        world.ledger.forget_calls();
        world.ledger.stop_after(stop);
        let ended = world.delete(&spec, 2).await;
        world.ledger.clear_faults();
        let Err(failure) = ended else { break };
        let recorded = world.state.contents().keys().any(|key| key.ends_with("network.json"));
        if recorded && failure.leftovers.is_empty() {
            let record = world.record().unwrap();
            assert_ne!(record.status, NetworkStatus::Deleting, "stopped after call {stop}: {failure:?}");
        }
        stopped += usize::from(!failure.leftovers.is_empty());
        if stopped > 3 {
            break;
        }
    }
    assert!(stopped > 3, "{stopped}");
}
