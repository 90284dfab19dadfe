//! Deletions that keep logs and metrics.

use spacecraft_core::Meaning;
use spacecraft_core::observer::Outcome;
use spacecraft_core::operation::{DeleteRequest, OperationFailure, binding_of, keep_logs_and_metrics};
use spacecraft_core::report::DeletionReport;
use spacecraft_core::spec::{Generation, NetworkSpec};
use spacecraft_core::state::{NetworkRecord, NetworkStatus, RecordStore};
use spacecraft_core::traits::{ClusterProvider, DnsProvider};
use std::sync::Arc;

use crate::web_services::deploy;
use crate::world::{LIMITS, World, network, spec};

async fn keep(world: &World, spec: &NetworkSpec, process: u32) -> Result<DeletionReport, OperationFailure> {
    let request =
        DeleteRequest { network: spec.network.clone(), fallback: binding_of(spec, true), limits: LIMITS };
    keep_logs_and_metrics(&world.services(process), request).await
}

async fn with_web_services() -> (World, NetworkSpec) {
    let world = World::new();
    let mut spec = spec(Generation::V1);
    spec.fleet.poets = 1;
    world.create(&spec, 1).await.unwrap();
    deploy(&world, Generation::V1, 2).await.unwrap();
    (world, spec)
}

async fn record(world: &World) -> NetworkRecord {
    RecordStore::new(Arc::new(world.state.clone()), &network()).read().await.unwrap().unwrap()
}

async fn only_logs_are_left(world: &World, what: &str) {
    assert!(world.workloads.workloads().is_empty(), "{what}: {:?}", world.workloads.workloads().keys());
    let mut charts: Vec<String> = world.charts.installed().into_iter().map(|release| release.name).collect();
    charts.sort();
    assert_eq!(charts, ["elasticsearch", "filebeat", "ingress-nginx", "kibana"], "{what}");
    let names: Vec<String> =
        world.dns.list(None).await.unwrap().into_iter().map(|record| record.name).collect();
    assert_eq!(names, ["kibana-net1.spacemesh.io"], "{what}");
    assert!(world.cluster.firewall_rules(None).await.unwrap().is_empty(), "{what}");
    assert!(world.config.contents().is_empty(), "{what}");
    assert!(world.discovery.contents().is_empty(), "{what}: {:?}", world.discovery.contents());
    let record = record(world).await;
    assert_eq!((record.status, record.nodes.len()), (NetworkStatus::Kept, 0), "{what}");
}

#[tokio::test]
async fn logs_stay_everything_else_goes_and_the_pool_shrinks() {
    let (world, spec) = with_web_services().await;
    let before = world.cluster.get(&network()).await.unwrap().unwrap().workers;
    let report = keep(&world, &spec, 3).await.unwrap();
    assert!(report.kept.contains(&"elasticsearch".to_owned()), "{:?}", report.kept);
    only_logs_are_left(&world, "kept").await;
    assert!(world.cluster.get(&network()).await.unwrap().unwrap().workers < before);

    let writes = world.ledger.write_count();
    let again = keep(&world, &spec, 4).await.unwrap();
    assert!(again.steps.iter().all(|step| step.outcome == Outcome::Unchanged), "{:?}", again.steps);
    assert_eq!(world.ledger.write_count(), writes);

    let create = world.create(&spec, 5).await.unwrap_err();
    assert_eq!(create.error.meaning(), Meaning::Invalid);
    assert!(create.error.hint().unwrap().contains("delete-network"), "{create}");

    world.delete(&spec, 6).await.unwrap();
    assert!(world.state.contents().is_empty() && world.dns.list(None).await.unwrap().is_empty());
    assert!(world.cluster.get(&network()).await.unwrap().is_none());
}

#[tokio::test]
async fn stopped_at_any_call_it_is_finished_by_the_next() {
    let (undisturbed, spec) = with_web_services().await;
    undisturbed.ledger.forget_calls();
    keep(&undisturbed, &spec, 3).await.unwrap();
    for stop in 0..undisturbed.ledger.call_count() {
        let (world, spec) = with_web_services().await;
        world.ledger.forget_calls();
        world.ledger.stop_after(stop);
        let _ = keep(&world, &spec, 3).await;
        world.ledger.clear_faults();
        let again = keep(&world, &spec, 4).await;
        assert!(again.is_ok(), "stopped after call {stop}: {:?}", again.err());
        only_logs_are_left(&world, &format!("stopped after call {stop}")).await;
    }
}

#[tokio::test]
async fn a_network_without_logs_and_metrics_or_without_a_cluster_has_nothing_to_keep() {
    let world = World::new();
    let mut bare = spec(Generation::V1);
    bare.logs = None;
    world.create(&bare, 1).await.unwrap();
    let writes = world.ledger.write_count();
    assert!(keep(&world, &bare, 2).await.unwrap_err().is_usage());
    world.cluster.lose_cluster(&network());
    assert!(keep(&world, &bare, 3).await.unwrap_err().is_usage());
    assert_eq!(world.ledger.write_count(), writes);
    let mut unknown = bare.clone();
    unknown.network = spacecraft_core::names::NetworkName::new("net9").unwrap();
    assert_eq!(keep(&world, &unknown, 4).await.unwrap_err().error.meaning(), Meaning::NotFound);
}
