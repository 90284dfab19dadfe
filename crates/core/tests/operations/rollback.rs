use spacecraft_core::Meaning;
use spacecraft_core::operation::{OperationFailure, collect_support, finish_roll_back, roll_back};
use spacecraft_core::report::DeletionReport;
use spacecraft_core::spec::{Generation, ProviderKind};
use spacecraft_core::traits::ClusterProvider;
use spacecraft_testkit::Fault;

use crate::world::{World, network, spec};

async fn broken(world: &World) -> OperationFailure {
    world.workloads.break_down("miner-9", "image cannot be pulled");
    let failure = world.create(&spec(Generation::V1), 1).await.unwrap_err();
    assert!(failure.is_resumable());
    failure
}

async fn rolled_back(world: &World) -> Result<DeletionReport, OperationFailure> {
    roll_back(&world.services(2), world.removal(&spec(Generation::V1))).await
}

/// What the rollback removed that was begun before, if one was.
async fn finished(world: &World) -> Option<DeletionReport> {
    let removal = world.removal(&spec(Generation::V1));
    Box::pin(finish_roll_back(&world.services(3), removal)).await.unwrap()
}

#[tokio::test]
async fn a_create_that_failed_is_taken_back_whole() {
    let world = World::new();
    broken(&world).await;
    Box::pin(rolled_back(&world)).await.unwrap();
    assert!(world.cluster.get(&network()).await.unwrap().is_none());
    assert!(world.config.contents().is_empty(), "{:?}", world.config.contents());
    assert!(world.state.contents().is_empty(), "{:?}", world.state.contents());
}

#[tokio::test]
async fn what_an_earlier_run_that_was_killed_has_made_is_taken_back_too() {
    let world = World::new();
    broken(&world).await;
    world.create(&spec(Generation::V1), 2).await.unwrap_err();
    Box::pin(rolled_back(&world)).await.unwrap();
    assert!(world.cluster.get(&network()).await.unwrap().is_none());
    assert!(world.state.contents().is_empty(), "{:?}", world.state.contents());
}

#[tokio::test]
async fn a_run_that_fails_without_a_change_leaves_what_earlier_ones_made() {
    let world = World::new();
    broken(&world).await;
    let mut writes = 0;
    for process in 1..4 {
        writes = world.ledger.write_count();
        let failure = world.create(&spec(Generation::V1), process).await.unwrap_err();
        assert!(failure.is_resumable() && !failure.is_usage(), "{failure:?}");
    }
    assert_eq!(world.ledger.write_count(), writes, "the last of them found nothing to do");
    Box::pin(rolled_back(&world)).await.unwrap();
    assert!(world.state.contents().is_empty(), "{:?}", world.state.contents());
}

#[tokio::test]
async fn a_cluster_that_was_there_before_stays_and_only_the_network_goes() {
    let world = World::new();
    let wanted = spec(Generation::V1);
    world.make_cluster(&wanted).await;
    broken(&world).await;
    let report = Box::pin(rolled_back(&world)).await.unwrap();
    assert!(world.cluster.get(&network()).await.unwrap().is_some());
    assert!(report.steps.iter().all(|step| step.name != "cluster"));
    assert!(world.state.contents().is_empty(), "{:?}", world.state.contents());
}

#[tokio::test]
async fn a_network_that_was_up_once_is_never_taken_back() {
    let world = World::new();
    world.create(&spec(Generation::V1), 1).await.unwrap();
    let writes = world.ledger.write_count();
    let failure = Box::pin(rolled_back(&world)).await.unwrap_err();
    assert_eq!(failure.error.meaning(), Meaning::Invalid);
    assert_eq!(world.ledger.write_count(), writes);
}

#[tokio::test]
async fn a_rollback_that_stopped_is_finished_and_the_network_created_anew() {
    let world = World::new();
    broken(&world).await;
    world.ledger.fail_next("cluster.delete_cluster", Fault::refused(Meaning::Denied));
    Box::pin(rolled_back(&world)).await.unwrap_err();
    world.workloads.let_go("miner-9");
    let refused = world.create(&spec(Generation::V1), 1).await.unwrap_err();
    assert_eq!(refused.error.reason(), "a creation that failed is being rolled back");
    assert!(refused.error.hint().unwrap().contains("create-network with --rollback finishes that"));
    assert!(finished(&world).await.is_some());
    assert!(world.state.contents().is_empty(), "{:?}", world.state.contents());
    world.create(&spec(Generation::V1), 1).await.unwrap();
}

#[tokio::test]
async fn there_is_no_rollback_to_finish_of_what_is_up_or_only_begun_or_being_deleted() {
    let world = World::new();
    assert_eq!(finished(&world).await, None);
    broken(&world).await;
    assert_eq!(finished(&world).await, None);
    world.workloads.let_go("miner-9");
    world.create(&spec(Generation::V1), 1).await.unwrap();
    assert_eq!(finished(&world).await, None);
    world.ledger.fail_next("cluster.delete_cluster", Fault::refused(Meaning::Denied));
    world.delete(&spec(Generation::V1), 1).await.unwrap_err();
    assert_eq!(finished(&world).await, None);
}

#[tokio::test]
async fn a_failure_before_anything_was_made_leaves_nothing() {
    let mut shared = spec(Generation::V1);
    shared.provider = ProviderKind::Kubernetes;
    shared.logs = None;
    for (world, wanted) in [(World::new(), spec(Generation::V1)), (World::shared(), shared)] {
        world.ledger.fail_next("cluster.preflight", Fault::refused(Meaning::Denied));
        let failure = world.create(&wanted, 1).await.unwrap_err();
        assert_eq!(failure.leftovers, []);
        assert!(world.state.contents().is_empty(), "{:?}", world.state.contents());
    }
}

#[tokio::test]
async fn a_support_bundle_tells_all_but_the_secrets() {
    let world = World::new();
    let failure = broken(&world).await;
    let bundle = collect_support(&world.services(2), &network(), "create-network", &failure).await;
    assert!(bundle.evidence.as_ref().unwrap().pods.iter().any(|pod| pod.workload == "miner-9"));
    assert!(bundle.journal.as_ref().unwrap().entries.iter().any(|entry| entry.step == "nodes"));
    assert_eq!(bundle.plan.as_ref().unwrap().nodes.len(), 10);
    assert_eq!(bundle.versions["spacecraft"], "0");
    let text = bundle.blanked(&["cannot be pulled"]);
    assert!(!text.contains("cannot be pulled") && text.contains("[secret]"), "{text}");
}
