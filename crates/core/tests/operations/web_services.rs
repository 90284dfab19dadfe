//! Web services and chaos mesh: what they make, that they make it once, and that a deletion finds all of it.

use std::collections::BTreeMap;

use serde_json::Value;
use spacecraft_core::names::NetworkName;
use spacecraft_core::observer::Outcome;
use spacecraft_core::operation::{
    ChaosRequest, OperationFailure, TlsPair, WebServicesRequest, deploy_chaos_mesh, deploy_web_services,
};
use spacecraft_core::report::WebServicesReport;
use spacecraft_core::spec::{ChaosSpec, Generation, ProviderKind, WebServicesSpec};
use spacecraft_core::traits::{
    ChartRelease, ClusterProvider, DnsProvider, ObjectStore, Precondition, PutOptions, Workloads,
};
use spacecraft_core::workload::{Foundation, SharedChart};
use spacecraft_core::{Meaning, Result};
use spacecraft_testkit::InMemoryWorkloads;

use crate::world::{LIMITS, World, materials, network, small};

pub(crate) fn services() -> WebServicesSpec {
    WebServicesSpec {
        image: None,
        resources: None,
        explorer_version: "v0.0.10".to_owned(),
        dash_version: "v0.0.2".to_owned(),
        smapp_version: "0.2.1".to_owned(),
        private: false,
        logs_expiry_days: 3,
    }
}

pub(crate) fn request(generation: Generation) -> WebServicesRequest {
    WebServicesRequest {
        network: network(),
        services: services(),
        charts: BTreeMap::new(),
        certificate: Some(TlsPair { certificate: "certificate".to_owned(), key: "its key".into() }),
        materials: materials(generation),
        filebeat_config: "filebeat.inputs: []\n".to_owned(),
        limits: LIMITS,
    }
}

pub(crate) async fn deploy(
    world: &World,
    generation: Generation,
    process: u32,
) -> Result<WebServicesReport, OperationFailure> {
    deploy_web_services(&world.services(process), request(generation)).await
}

async fn created(generation: Generation) -> World {
    let world = World::new();
    world.create(&small(generation), 1).await.unwrap();
    world
}

fn release(world: &World, name: &str) -> ChartRelease {
    world.charts.installed().into_iter().find(|release| release.name == name).unwrap()
}

fn discovery(world: &World, file: &str) -> Value {
    world.discovery.contents().get(file).map_or(Value::Null, |text| serde_json::from_str(text).unwrap())
}

#[tokio::test]
async fn web_services_come_up_with_names_logs_and_an_entry_in_the_discovery_file() {
    for generation in [Generation::V1, Generation::V0] {
        let world = created(generation).await;
        let report = deploy(&world, generation, 2).await.unwrap();
        let outcomes: Vec<(&str, Outcome)> =
            report.steps.iter().map(|step| (step.name.as_str(), step.outcome)).collect();
        assert!(outcomes.contains(&("certificate", Outcome::Created)), "{outcomes:?}");
        assert!(outcomes.contains(&("chart spacemesh-api", Outcome::Created)), "{outcomes:?}");
        assert!(outcomes.contains(&("log-retention ws", Outcome::Created)), "{outcomes:?}");
        assert!(outcomes.contains(&("discovery", Outcome::Created)), "{outcomes:?}");

        let names: BTreeMap<String, bool> = world
            .dns
            .list(Some(&network()))
            .await
            .unwrap()
            .into_iter()
            .map(|record| (record.name, record.proxied))
            .collect();
        let proxied = |service: &str| names.get(&format!("{service}-net1.spacemesh.io")).copied();
        assert_eq!(
            ["api-json", "explorer-api", "dash-api", "api"].map(proxied),
            [Some(true), Some(true), Some(true), Some(false)]
        );
        assert!(world.logs.retentions().contains_key("sm") && world.logs.retentions().contains_key("ws"));
        insta::assert_json_snapshot!(
            format!("entry_of_a_{generation}_network"),
            discovery(&world, "networks.json")
        );
    }
}

#[tokio::test]
async fn the_charts_get_these_values_and_patches() {
    for generation in [Generation::V1, Generation::V0] {
        let world = created(generation).await;
        deploy(&world, generation, 2).await.unwrap();
        let mut shown = BTreeMap::new();
        for name in ["spacemesh-api", "spacemesh-explorer", "spacemesh-dash", "filebeat-ws"] {
            let mut release = release(&world, name);
            for place in ["/config", "/node/config"] {
                if let Some(config) = release.values.pointer_mut(place) {
                    assert!(serde_json::from_str::<Value>(config.as_str().unwrap()).is_ok());
                    *config = "[config]".into();
                }
            }
            shown.insert(name, release);
        }
        insta::assert_json_snapshot!(format!("releases_of_a_{generation}_network"), shown);
    }
}

#[tokio::test]
async fn the_same_command_again_writes_nothing_and_neither_does_create_network() {
    for generation in [Generation::V1, Generation::V0] {
        let world = created(generation).await;
        deploy(&world, generation, 2).await.unwrap();
        let writes = world.ledger.write_count();
        let again = deploy(&world, generation, 3).await.unwrap();
        assert!(again.steps.iter().all(|step| step.outcome == Outcome::Unchanged), "{:?}", again.steps);
        let kept = WebServicesRequest { certificate: None, ..request(generation) };
        deploy_web_services(&world.services(4), kept).await.unwrap();
        let create = world.create(&small(generation), 5).await.unwrap();
        assert!(create.steps.iter().all(|step| step.outcome == Outcome::Unchanged), "{:?}", create.steps);
        assert_eq!(world.ledger.write_count(), writes, "{generation}");
    }
}

#[tokio::test]
async fn what_others_have_in_the_discovery_file_stays_and_the_network_is_never_there_twice() {
    let world = created(Generation::V1).await;
    let theirs = "[ {\"netName\" : \"theirs\",\"x\":1.0e2 } ]";
    let put = PutOptions::json(Precondition::Absent);
    world.discovery.put("networks.json", theirs.into(), &put).await.unwrap();
    deploy(&world, Generation::V1, 2).await.unwrap();
    let text = world.discovery.contents()["networks.json"].clone();
    assert!(text.ends_with("{\"netName\" : \"theirs\",\"x\":1.0e2 } ]"), "{text}");

    let newer = WebServicesSpec { dash_version: "v0.0.3".to_owned(), private: true, ..services() };
    let request = WebServicesRequest { services: newer, ..request(Generation::V1) };
    deploy_web_services(&world.services(3), request).await.unwrap();
    assert_eq!(world.discovery.contents()["networks.json"], theirs);
    let private = discovery(&world, "networks.private.json");
    assert_eq!((private.as_array().unwrap().len(), &private[0]["dashVersion"]), (1, &"v0.0.3".into()));
}

async fn nothing_is_left(world: &World, what: &str) {
    assert!(world.state.contents().is_empty(), "{what}: {:?}", world.state.contents().keys());
    assert!(world.config.contents().is_empty(), "{what}");
    assert!(world.cluster.get(&network()).await.unwrap().is_none(), "{what}: the cluster is left");
    assert!(world.dns.list(None).await.unwrap().is_empty(), "{what}: names are left");
    assert!(world.discovery.contents().is_empty(), "{what}: {:?}", world.discovery.contents());
}

#[tokio::test]
async fn a_discovery_file_that_was_there_before_the_network_outlives_it() {
    let world = created(Generation::V1).await;
    let put = PutOptions::json(Precondition::Absent);
    world.discovery.put("networks.json", "[]".into(), &put).await.unwrap();
    deploy(&world, Generation::V1, 2).await.unwrap();
    world.delete(&small(Generation::V1), 3).await.unwrap();
    assert_eq!(discovery(&world, "networks.json"), Value::Array(Vec::new()));
}

#[tokio::test]
async fn a_deployment_that_was_stopped_at_any_call_is_finished_by_the_next_or_deleted_whole() {
    let generation = Generation::V1;
    let undisturbed = created(generation).await;
    undisturbed.ledger.forget_calls();
    deploy(&undisturbed, generation, 2).await.unwrap();
    let expected = end_state(&undisturbed).await;
    for stop in 0..undisturbed.ledger.call_count() {
        let world = created(generation).await;
        world.ledger.forget_calls();
        world.ledger.stop_after(stop);
        let _ = deploy(&world, generation, 2).await;
        world.ledger.clear_faults();
        let again = deploy(&world, generation, 3).await;
        assert!(again.is_ok(), "stopped after call {stop}: {:?}", again.err());
        assert_eq!(end_state(&world).await, expected, "stopped after call {stop}");

        let half = created(generation).await;
        half.ledger.forget_calls();
        half.ledger.stop_after(stop);
        let _ = deploy(&half, generation, 2).await;
        half.ledger.clear_faults();
        half.delete(&small(generation), 3).await.unwrap();
        nothing_is_left(&half, &format!("stopped after call {stop}")).await;
    }
}

async fn end_state(world: &World) -> Vec<String> {
    let mut state: Vec<String> = world.charts.installed().into_iter().map(|release| release.name).collect();
    state.extend(world.state.contents().into_keys());
    state.extend(world.logs.retentions().into_keys());
    state.extend(world.dns.list(None).await.unwrap().into_iter().map(|record| record.name));
    state.extend(world.discovery.contents().into_values());
    state
}

#[tokio::test]
async fn a_network_that_cannot_have_them_is_refused_and_nothing_is_written() {
    let world = World::new();
    let unknown = deploy(&world, Generation::V1, 1).await.unwrap_err();
    assert_eq!(unknown.error.meaning(), Meaning::NotFound);

    world.create(&small(Generation::V1), 1).await.unwrap();
    let writes = world.ledger.write_count();
    let bare = WebServicesRequest { certificate: None, ..request(Generation::V1) };
    let failure = deploy_web_services(&world.services(2), bare).await.unwrap_err();
    assert!(failure.is_usage() && failure.error.hint().unwrap().contains("--tls-crt"), "{failure}");

    world.cluster.lose_cluster(&network());
    let gone = deploy(&world, Generation::V1, 3).await.unwrap_err();
    assert!(gone.is_usage() && gone.error.reason().contains("gone"), "{gone}");
    assert_eq!(world.ledger.write_count(), writes);
}

#[tokio::test]
async fn the_pool_grows_when_web_services_do_not_fit() {
    let world = World::new();
    let mut tight = small(Generation::V1);
    tight.cluster.machine.cpu = spacecraft_core::quantity::MilliCpu::cores(4);
    tight.cluster.machine.memory = spacecraft_core::quantity::Bytes::gibi(16);
    world.create(&tight, 1).await.unwrap();
    let before = world.cluster.get(&network()).await.unwrap().unwrap().workers;
    deploy(&world, Generation::V1, 2).await.unwrap();
    assert!(world.cluster.get(&network()).await.unwrap().unwrap().workers > before);
}

fn shared_chart(name: &str) -> SharedChart {
    SharedChart { name: name.to_owned(), namespace: "chaos-testing".to_owned() }
}

pub(crate) fn chaos(network: NetworkName, version: &str) -> ChaosRequest {
    ChaosRequest {
        network,
        chaos: ChaosSpec::of_version(version).unwrap(),
        charts: BTreeMap::new(),
        materials: materials(Generation::V1),
        limits: LIMITS,
    }
}

#[tokio::test]
async fn chaos_mesh_is_installed_once_and_remembered() {
    let world = created(Generation::V1).await;
    deploy_chaos_mesh(&world.services(2), chaos(network(), "2.8.3")).await.unwrap();
    assert_eq!(release(&world, "chaos-mesh").version, "2.8.3");
    let writes = world.ledger.write_count();
    let again = deploy_chaos_mesh(&world.services(3), chaos(network(), "2.8.3")).await.unwrap();
    assert!(again.steps.iter().all(|step| step.outcome == Outcome::Unchanged), "{:?}", again.steps);
    assert_eq!(world.ledger.write_count(), writes);
    world.delete(&small(Generation::V1), 4).await.unwrap();
    nothing_is_left(&world, "chaos mesh").await;
}

/// Runs `deploy`, which asks for a chart that is not published: it is refused as the operator's mistake before anything is written.
async fn refuses_an_unknown_chart<T: std::fmt::Debug>(
    world: &World,
    deploy: impl AsyncFnOnce(&World) -> Result<T, OperationFailure>,
) {
    let (record, writes) = (world.record(), world.ledger.write_count());
    let failure = deploy(world).await.unwrap_err();
    assert!(failure.is_usage(), "{failure:?}");
    assert_eq!(failure.error.meaning(), Meaning::NotFound);
    assert_eq!((world.record(), world.ledger.write_count()), (record, writes), "something was written");
}

#[tokio::test]
async fn a_version_of_chaos_mesh_that_does_not_exist_is_refused_before_anything_is_written() {
    let world = created(Generation::V1).await;
    world.charts.publish_only([("chaos-mesh", "2.8.3")]);
    refuses_an_unknown_chart(&world, async |world| {
        deploy_chaos_mesh(&world.services(2), chaos(network(), "2.99.0")).await
    })
    .await;
    deploy_chaos_mesh(&world.services(3), chaos(network(), "2.8.3")).await.unwrap();
}

#[tokio::test]
async fn a_chart_of_web_services_that_does_not_exist_is_refused_before_anything_is_written() {
    let world = created(Generation::V1).await;
    world.charts.publish_only([("spacemesh-api", "1.0.9"), ("spacemesh-explorer", "1.0.6")]);
    refuses_an_unknown_chart(&world, async |world| deploy(world, Generation::V1, 2).await).await;
}

#[tokio::test]
async fn on_a_shared_cluster_chaos_mesh_goes_with_the_last_network_that_uses_it() {
    let world = World::shared();
    let mut shared = small(Generation::V1);
    shared.provider = ProviderKind::Kubernetes;
    shared.logs = None;
    let uses = |charts: &[&str]| Foundation {
        shared_charts: charts.iter().map(|chart| shared_chart(chart)).collect(),
        ..Foundation::default()
    };
    let other = NetworkName::new("net2").unwrap();
    let theirs = InMemoryWorkloads::in_cluster(&other, world.cluster.link(&other));
    for (charts, stays) in [(&["chaos-mesh"][..], true), (&[][..], false)] {
        world.create(&shared, 1).await.unwrap();
        deploy_chaos_mesh(&world.services(2), chaos(network(), "2.8.3")).await.unwrap();
        theirs.ensure_foundation(&uses(charts)).await.unwrap();
        world.delete(&shared, 3).await.unwrap();
        let left = world.charts.installed().iter().any(|release| release.name == "chaos-mesh");
        assert_eq!(left, stays, "{charts:?}");
    }
}
