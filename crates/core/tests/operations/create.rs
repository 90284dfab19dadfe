use std::collections::BTreeSet;

use serde_json::Value;
use spacecraft_core::error::render_chain;
use spacecraft_core::observer::Outcome;
use spacecraft_core::operation::{CreateOptions, create_network};
use spacecraft_core::plan::{Plan, firewall_openings, guarded_namespaces};
use spacecraft_core::ports::FIRST_PLANNED_NODE_PORT;
use spacecraft_core::spec::{ChartOverride, Generation, NetworkSpec, ProviderKind, RolloutOrder};
use spacecraft_core::time::Clock;
use spacecraft_core::traits::{ClusterProvider, Workloads};
use spacecraft_core::workload::{AdmittedPort, Protocol, Role};
use spacecraft_core::{Error, Meaning};
use spacecraft_testkit::Fault;

use crate::world::{World, network, release_values, request, spec};

#[tokio::test]
async fn a_network_comes_up_with_every_step_created() {
    for generation in [Generation::V1, Generation::V0] {
        let world = World::new();
        let report = world.create(&spec(generation), 1).await.unwrap();
        let other: Vec<_> = report.steps.iter().filter(|step| step.outcome != Outcome::Created).collect();
        assert!(other.is_empty(), "{generation}: {other:?}");
        let peers: BTreeSet<_> = report.nodes.iter().map(|node| &node.peer_id).collect();
        assert_eq!(peers.len(), 10);
        let roles = |role: Role| report.nodes.iter().filter(|node| node.role == role).count();
        assert_eq!((roles(Role::Bootstrap), roles(Role::Bootnode), roles(Role::Miner)), (1, 6, 3));
        let bootnode_workers: BTreeSet<_> = report
            .nodes
            .iter()
            .filter(|node| node.role != Role::Miner)
            .filter_map(|node| node.worker.as_ref())
            .collect();
        assert_eq!(bootnode_workers.len(), 7, "pinned nodes share workers");
        assert!(
            report.nodes.iter().all(|node| node.grpc.is_some() && node.json.is_some() && node.p2p.is_some())
        );
        assert!(report.poets.iter().all(|poet| poet.url.is_some()));
    }
}

#[tokio::test]
async fn a_creation_that_a_chart_stopped_goes_on_with_another_version_of_it() {
    let world = World::new();
    let refusal = Error::new(Meaning::NotFound, "fetch chart", "elastic", "there is no such version");
    world.ledger.fail_next("charts.ensure", Fault::Refused(refusal));
    let mut asked = spec(Generation::V1);
    world.create(&asked, 1).await.unwrap_err();
    let chart = spacecraft_core::charts::planned(&asked).remove(0).name;
    let other = ChartOverride { version: Some("99.0.0".to_owned()), ..ChartOverride::default() };
    asked.charts.insert(chart, other);
    world.create(&asked, 2).await.unwrap();
    assert_eq!(world.record().unwrap().spec.charts, asked.charts);

    asked.charts.clear();
    let failure = world.create(&asked, 3).await.unwrap_err();
    assert!(failure.error.to_string().contains("it exists with other settings"), "{}", failure.error);
}

#[tokio::test]
async fn the_same_command_again_writes_nothing() {
    for generation in [Generation::V1, Generation::V0] {
        let world = World::new();
        let first = world.create(&spec(generation), 1).await.unwrap();
        let writes = world.ledger.write_count();
        let posts = world.notifier.posts().len();
        let again = world.create(&spec(generation), 2).await.unwrap();
        assert_eq!(
            world.ledger.write_count(),
            writes,
            "{generation} wrote again: {:?}",
            world.ledger.calls().iter().filter(|call| call.write).skip(writes).collect::<Vec<_>>()
        );
        assert_eq!(world.notifier.posts().len(), posts);
        let changed: Vec<_> = again.steps.iter().filter(|step| step.outcome != Outcome::Unchanged).collect();
        assert!(changed.is_empty(), "{generation}: {changed:?}");
        assert_eq!(again.nodes, first.nodes);
    }
}

#[tokio::test]
async fn the_published_config_names_the_first_poet_and_the_bootnodes() {
    let world = World::new();
    let report = world.create(&spec(Generation::V1), 1).await.unwrap();
    let contents = world.config.contents();
    let config: Value = serde_json::from_str(&contents["net1-archive/config.json"]).unwrap();
    let bootnodes: Vec<&str> =
        config["p2p"]["bootnodes"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let expected: Vec<&str> = report
        .nodes
        .iter()
        .filter(|node| node.role == Role::Bootnode)
        .filter_map(|node| node.p2p.as_deref())
        .collect();
    assert_eq!(bootnodes, expected);
    let poet = config["main"]["poet-servers"][0]["address"].as_str().unwrap();
    assert_eq!(Some(poet), report.poets[0].url.as_deref());
    assert!(contents.keys().any(|key| key.ends_with("epoch-2-update-bs")), "the beacon is not published");
}

#[tokio::test]
async fn a_v0_network_activates_each_poet_once_with_gateways_in_node_order() {
    let world = World::new();
    world.create(&spec(Generation::V0), 1).await.unwrap();
    assert_eq!(world.ledger.count("spacemesh.start_poet"), 3);
    for start in world.spacemesh.starts().values() {
        let names: Vec<&str> =
            start.gateways.iter().filter_map(|address| address.split('.').next()).collect();
        assert_eq!(names, ["miner-1", "miner-2", "miner-3", "miner-4"]);
    }
}

#[tokio::test]
async fn another_spec_is_refused_with_what_differs_and_nothing_is_written() {
    let world = World::new();
    world.create(&spec(Generation::V1), 1).await.unwrap();
    let writes = world.ledger.write_count();
    let mut other = spec(Generation::V1);
    other.fleet.nodes = 12;
    let failure = world.create(&other, 2).await.unwrap_err();
    assert_eq!(failure.error.meaning(), Meaning::Invalid);
    assert!(failure.error.reason().contains("fleet.nodes: 10 -> 12"), "{}", failure.error.reason());
    assert_eq!(world.ledger.write_count(), writes);
}

#[tokio::test]
async fn a_node_that_cannot_come_up_stops_the_operation_with_evidence_and_it_goes_on_later() {
    let world = World::new();
    world.workloads.break_down("miner-9", "image cannot be pulled");
    let failure = world.create(&spec(Generation::V1), 1).await.unwrap_err();
    assert!(failure.is_resumable());
    let evidence = failure.evidence.unwrap();
    assert!(evidence.pods.iter().any(|pod| pod.workload == "miner-9"));
    world.workloads.let_go("miner-9");
    let report = world.create(&spec(Generation::V1), 2).await.unwrap();
    assert_eq!(report.nodes.len(), 10);
}

#[tokio::test]
async fn a_foreign_cluster_of_the_same_name_is_refused() {
    let world = World::new();
    world.cluster.add_foreign_cluster(&network());
    let failure = world.create(&spec(Generation::V1), 1).await.unwrap_err();
    assert_eq!(failure.error.meaning(), Meaning::AlreadyExists);
}

#[tokio::test]
async fn a_shared_cluster_takes_a_network_without_cluster_or_firewall() {
    let world = World::shared();
    let mut spec = spec(Generation::V1);
    spec.provider = ProviderKind::Kubernetes;
    spec.logs = None;
    let report = world.create(&spec, 1).await.unwrap();
    assert!(report.steps.iter().all(|step| step.name != "firewall"));
    let again = world.create(&spec, 2).await.unwrap();
    assert!(again.steps.iter().all(|step| step.outcome == Outcome::Unchanged), "{:?}", again.steps);
}

#[tokio::test]
async fn an_ordered_rollout_applies_the_same_workloads() {
    let (parallel, ordered) = (World::new(), World::new());
    parallel.create(&spec(Generation::V1), 1).await.unwrap();
    let mut in_order = spec(Generation::V1);
    in_order.rollout.order = RolloutOrder::Ordered;
    ordered.create(&in_order, 1).await.unwrap();
    let names = |world: &World| world.workloads.workloads().into_keys().collect::<Vec<_>>();
    assert_eq!(names(&parallel), names(&ordered));
}

#[tokio::test]
async fn an_extended_network_takes_its_genesis_from_the_parent() {
    let world = World::new();
    let mut extended = spec(Generation::V1);
    extended.fleet.bootstrap = false;
    let config = &mut extended.node.base_config;
    config["genesis"]["genesis-time"] = "2025-01-01T00:00:00Z".into();
    config["p2p"]["bootnodes"] = serde_json::json!([
        "/ip4/203.0.113.1/tcp/5001/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN"
    ]);
    let report = world.create(&extended, 1).await.unwrap();
    assert_eq!(report.genesis_time.to_string(), "2025-01-01T00:00:00Z");
    assert!(report.nodes.iter().all(|node| node.role != Role::Bootstrap));
}

#[test]
fn chart_values_hold_the_password_and_sizes_that_were_asked_for() {
    let values = release_values(&spec(Generation::V1), "elasticsearch");
    assert_eq!(values["secret"]["password"], "elastic-password");
    assert_eq!(values["volumeClaimTemplate"]["resources"]["requests"]["storage"], "10Gi");
    assert_eq!(values["resources"]["limits"]["cpu"], "1");
    assert_eq!(values["clusterHealthCheckParams"], "wait_for_status=yellow&timeout=1s");
    let kibana = release_values(&spec(Generation::V1), "kibana");
    assert_eq!(kibana["ingress"]["hosts"][0]["host"], "kibana-net1.spacemesh.io");
}

#[tokio::test]
async fn a_chain_whose_genesis_passed_before_it_was_up_starts_anew_when_asked() {
    let world = World::new();
    world.workloads.break_down("miner-9", "image cannot be pulled");
    world.create(&spec(Generation::V1), 1).await.unwrap_err();
    world.workloads.let_go("miner-9");
    world.clock.advance(std::time::Duration::from_secs(86_400));

    let passed = world.create(&spec(Generation::V1), 2).await.unwrap_err();
    assert!(passed.error.hint().unwrap().contains("--new-genesis"), "{:?}", passed.error);

    let mut later = spec(Generation::V1);
    later.genesis.delay = std::time::Duration::from_secs(1200);
    later.rollout.max_concurrent_deployments = 4;
    let anew = CreateOptions { new_genesis: true, ..CreateOptions::default() };
    let report = create_network(&world.services(3), request(&later, anew)).await.unwrap();
    assert!(report.genesis_time > Clock::now(&world.clock), "{}", report.genesis_time);
    let removals = (
        world.ledger.count("workloads.remove_workload"),
        world.ledger.most_at_once("workloads.remove_workload"),
    );
    assert_eq!(removals, (13, later.rollout.max_concurrent_deployments as usize), "not side by side");

    let again = create_network(&world.services(4), request(&later, anew)).await.unwrap_err();
    assert!(again.error.reason().contains("published"), "{:?}", again.error);

    let published = || world.config.contents().into_values().collect::<Vec<_>>();
    let before = published();
    let forced = CreateOptions { forced: true, ..anew };
    world.clock.advance(std::time::Duration::from_secs(60));
    let forced = create_network(&world.services(5), request(&later, forced)).await.unwrap();
    assert!(forced.genesis_time > report.genesis_time, "{}", forced.genesis_time);
    assert_ne!(published(), before);
    let settled = world.create(&later, 6).await.unwrap();
    assert!(settled.steps.iter().all(|step| step.outcome == Outcome::Unchanged), "{:?}", settled.steps);
}

#[tokio::test]
async fn v0_poets_are_not_activated_when_genesis_is_too_near() {
    let world = World::new();
    world.workloads.break_down("miner-9", "image cannot be pulled");
    world.create(&spec(Generation::V0), 1).await.unwrap_err();
    world.workloads.let_go("miner-9");
    let genesis = world.record().unwrap().genesis.unwrap().genesis.time;
    let three_seconds_before = genesis.duration_since(Clock::now(&world.clock)).as_secs() - 3;
    world.clock.advance(std::time::Duration::from_secs(u64::try_from(three_seconds_before).unwrap()));
    let failure = world.create(&spec(Generation::V0), 2).await.unwrap_err();
    assert_eq!(failure.error.meaning(), Meaning::TimedOut);
    assert!(failure.error.reason().contains("too soon for the PoETs"), "{failure:?}");
    assert!(failure.error.hint().unwrap().contains("--new-genesis --genesis-delay"), "{failure:?}");
    assert_eq!(world.ledger.count("spacemesh.start_poet"), 0);
}

#[test]
fn with_quic_the_udp_ports_of_the_same_numbers_are_open_too() {
    let mut quic = spec(Generation::V1);
    quic.node.base_config["p2p"]["enable-quic-transport"] = true.into();
    let world = World::new();
    let openings = |spec: &NetworkSpec| {
        let plan = Plan::new(spec, &world.cluster.capabilities()).unwrap();
        let transports: BTreeSet<String> = firewall_openings(spec, &plan, true)
            .into_iter()
            .flat_map(|opening| opening.ports)
            .map(|(transport, _)| transport)
            .collect();
        let udp = AdmittedPort::Host(Protocol::Udp);
        let is_admitted = guarded_namespaces(spec, true)[0].admissions.iter().any(|one| one.port == udp);
        (transports, is_admitted, plan.exposure[0].at.clone())
    };
    let (without, with) = (openings(&spec(Generation::V1)), openings(&quic));
    assert_eq!((without.0, without.1), (BTreeSet::from(["tcp".to_owned()]), false));
    assert_eq!((with.0, with.1), (BTreeSet::from(["tcp".to_owned(), "udp".to_owned()]), true));
    assert_eq!(with.2, ["tcp:5001-5010", "udp:5001-5010"]);
}

#[test]
fn charts_are_pinned_by_version() {
    let charts = spacecraft_core::charts::planned(&spec(Generation::V1));
    assert!(!charts.is_empty());
    let pinned =
        |version: &str| version.split('.').count() == 3 && version.starts_with(|c: char| c.is_ascii_digit());
    assert!(charts.iter().all(|chart| pinned(&chart.version)), "{charts:?}");
}

#[tokio::test]
async fn no_node_port_of_the_ingress_controller_is_one_that_nodes_may_have() {
    let world = World::new();
    world.create(&spec(Generation::V1), 1).await.unwrap();
    let ingress = world.charts.installed().into_iter().find(|release| release.name == "ingress-nginx");
    let service = ingress.unwrap().values["controller"]["service"].clone();
    for port in ["/nodePorts/http", "/nodePorts/https", "/healthCheckNodePort"] {
        let port = service.pointer(port).unwrap().as_u64().unwrap();
        assert!((30_000..u64::from(FIRST_PLANNED_NODE_PORT)).contains(&port), "{port}");
    }
}

#[tokio::test]
async fn host_ports_that_others_hold_are_told_before_anything_is_made() {
    let world = World::shared();
    let mut wanted = spec(Generation::V1);
    wanted.provider = ProviderKind::Kubernetes;
    wanted.logs = None;
    let workers = world.workloads.workers().await.unwrap();
    world.workloads.take_host_port(&workers[0].name, 5003);
    let failure = world.create(&wanted, 1).await.unwrap_err();
    assert!(failure.is_usage(), "{failure:?}");
    assert!(failure.error.reason().contains("port 5003"), "{:?}", failure.error);
    assert_eq!(failure.error.hint(), Some("give --p2p-port-base 5100"));
    assert!(world.state.contents().is_empty(), "{:?}", world.state.contents());
    wanted.node.p2p_port_base = 5100;
    world.create(&wanted, 2).await.unwrap();
}

#[tokio::test]
async fn charts_that_cannot_be_had_are_told_before_anything_is_made() {
    for (world, provider) in [(World::new(), ProviderKind::Gcp), (World::shared(), ProviderKind::Kubernetes)]
    {
        let spec = NetworkSpec { provider, ..spec(Generation::V1) };
        world.charts.publish_only([("elasticsearch", "8.5.1"), ("ingress-nginx", "4.15.1")]);
        let failure = world.create(&spec, 1).await.unwrap_err();
        assert!(failure.is_usage(), "{failure:?}");
        let told = render_chain(&failure.error);
        assert!(told.contains("kibana") && told.contains("filebeat"), "{told}");
        assert!(world.state.contents().is_empty() && world.workloads.is_empty());
        assert_eq!(world.ledger.count("cluster.ensure_cluster"), 0);
    }
}

#[tokio::test]
async fn better_charts_for_a_creation_that_goes_on_are_looked_for_before_they_are_recorded() {
    let world = World::new();
    let mut spec = spec(Generation::V1);
    world.ledger.fail_next("charts.ensure", Fault::refused(Meaning::Unavailable));
    world.create(&spec, 1).await.unwrap_err();
    let version = ChartOverride { version: Some("9.9.9".to_owned()), ..ChartOverride::default() };
    spec.charts.insert("kibana".to_owned(), version);
    world.charts.publish_only([("elasticsearch", "8.5.1")]);
    let before = world.record();
    let failure = world.create(&spec, 2).await.unwrap_err();
    assert!(render_chain(&failure.error).contains("9.9.9"), "{failure:?}");
    assert_eq!(world.record(), before);
}

#[tokio::test]
async fn not_a_word_is_written_into_a_state_bucket_that_everybody_can_read() {
    let world = World::new();
    world.state.set_public(true);
    let failure = world.create(&spec(Generation::V1), 1).await.unwrap_err();
    assert!(failure.is_usage() && failure.error.reason().contains("--state-bucket"), "{failure:?}");
    assert_eq!(world.ledger.write_count(), 0);
}
