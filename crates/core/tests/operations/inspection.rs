use spacecraft_core::inspection::{
    NodeCount, Standing, StatusReport, find_hosts, find_networks, find_status,
};
use spacecraft_core::names::NetworkName;
use spacecraft_core::operation::{CreateOptions, Drift};
use spacecraft_core::plan::Reach;
use spacecraft_core::secret::ExposeSecret;
use spacecraft_core::spec::{Generation, NetworkSpec, WaitFor};
use spacecraft_core::state::{NetworkRecord, RecordStore};
use spacecraft_core::traits::{Precondition, PutOptions, Workloads};
use spacecraft_core::wait::Wait;

use crate::world::{World, network, request, spec};

/// A network of twelve nodes that is up, with its record.
async fn twelve_nodes(world: &World) -> (NetworkSpec, NetworkRecord) {
    let mut spec = spec(Generation::V1);
    spec.fleet.nodes = 12;
    world.create(&spec, 1).await.unwrap();
    let record = record(world).await;
    (spec, record)
}

async fn record(world: &World) -> NetworkRecord {
    RecordStore::new(world.services(1).state_store, &network()).read().await.unwrap().unwrap()
}

#[tokio::test]
async fn every_node_is_found_in_the_order_of_its_number_with_its_own_ports() {
    let world = World::new();
    let (_, record) = twelve_nodes(&world).await;
    let writes = world.ledger.write_count();
    let report = find_hosts(&world.services(2), &record).await.unwrap();

    let names: Vec<&str> = report.hosts.iter().map(|host| host.name.as_str()).collect();
    assert_eq!((names[0], names[1], names[11]), ("miner-1", "miner-2", "miner-12"));
    let mut addresses: Vec<&String> =
        report.hosts.iter().flat_map(|host| [&host.grpc, &host.json]).flatten().collect();
    addresses.sort();
    addresses.dedup();
    assert_eq!(addresses.len(), 24, "every port is a node's own");
    assert!(report.watch.starts_with("miner-1.default.svc:6000/miner-1,miner-2.default.svc:6000/miner-2,"));
    assert_eq!(report.reach, Reach::ClusterOnly);
    assert_eq!(world.ledger.write_count(), writes);
}

#[tokio::test]
async fn all_networks_are_listed_with_what_is_known_of_them_and_foreign_clusters_are_none() {
    let world = World::new();
    world.create(&spec(Generation::V1), 1).await.unwrap();
    world.cluster.add_foreign_cluster(&NetworkName::new("theirs").unwrap());
    world.workloads.hold_back("miner-3", "pulling its image");
    let writes = world.ledger.write_count();
    let report = find_networks(&world.services(2), false).await.unwrap();

    let [row] = report.networks.as_slice() else { panic!("{:?}", report.networks) };
    assert_eq!((row.network.as_str(), row.standing), ("net1", Standing::Ready));
    assert_eq!(row.nodes, Some(NodeCount { ready: Some(9), planned: 10 }));
    assert_eq!(row.urls.get("kibana").unwrap(), "https://kibana-net1.spacemesh.io/");
    assert!(row.config_url.is_some() && row.network_id.is_some() && row.error.is_none());
    assert!(row.logins.is_empty());
    assert_eq!(report.problems, [""; 0]);
    assert_eq!(world.ledger.write_count(), writes);
}

#[tokio::test]
async fn passwords_are_read_only_when_they_are_asked_for() {
    let world = World::new();
    world.create(&spec(Generation::V1), 1).await.unwrap();
    let report = find_networks(&world.services(2), true).await.unwrap();
    let login = report.networks[0].logins.get("kibana").unwrap();
    assert_eq!(login.user, "elastic");
    assert!(!format!("{login:?}").contains(login.password.expose_secret()));
}

#[tokio::test]
async fn a_network_that_fails_is_a_row_and_not_the_end() {
    let world = World::new();
    world.create(&spec(Generation::V1), 1).await.unwrap();
    let state = world.services(1).state_store;
    state
        .put("broken/network.json", b"no record".to_vec(), &PutOptions::json(Precondition::Absent))
        .await
        .unwrap();
    let report = find_networks(&world.services(2), false).await.unwrap();
    let standings: Vec<_> = report.networks.iter().map(|row| (row.network.as_str(), row.standing)).collect();
    assert_eq!(standings, [("broken", Standing::Unreadable), ("net1", Standing::Ready)]);
    assert!(report.networks[0].error.is_some());
}

#[tokio::test]
async fn a_network_whose_cluster_or_record_is_gone_is_a_row_that_says_so() {
    let world = World::new();
    world.create(&spec(Generation::V1), 1).await.unwrap();
    let state = world.services(1).state_store;
    let key = RecordStore::key(&network());
    let kept = state.get(&key).await.unwrap().unwrap();
    state.delete(&key, Precondition::None).await.unwrap();
    let report = find_networks(&world.services(2), false).await.unwrap();
    assert_eq!(report.networks[0].standing, Standing::Unrecorded);

    state.put(&key, kept.bytes, &PutOptions::json(Precondition::Absent)).await.unwrap();
    world.cluster.lose_cluster(&network());
    let report = find_networks(&world.services(2), false).await.unwrap();
    assert_eq!(report.networks[0].standing, Standing::WithoutCluster);

    world.cluster.set_unreachable(vec!["us-central1-a".to_owned()]);
    let report = find_networks(&world.services(2), false).await.unwrap();
    assert_eq!(report.networks[0].standing, Standing::Ready, "what did not answer is not gone");
    assert_eq!(report.problems, ["no answer from us-central1-a"]);
}

async fn status(world: &World) -> StatusReport {
    let request = request(&spec(Generation::V1), CreateOptions::default());
    find_status(&world.services(2), &record(world).await, Some(request), WaitFor::Healthy).await.unwrap()
}

#[tokio::test]
async fn a_network_as_it_was_made_is_well_and_looking_at_it_writes_nothing() {
    for generation in [Generation::V1, Generation::V0] {
        let world = World::new();
        world.create(&spec(generation), 1).await.unwrap();
        let writes = world.ledger.write_count();
        let request = request(&spec(generation), CreateOptions::default());
        let report = find_status(&world.services(2), &record(&world).await, Some(request), WaitFor::Healthy)
            .await
            .unwrap();
        assert_eq!(report.findings, [""; 0]);
        assert_eq!(report.drift, Some(Drift { differences: Vec::new(), ended_early: None }));
        assert_eq!((report.nodes.len(), report.poets.len()), (10, 3));
        assert!(report.nodes.iter().all(|node| node.says.is_some() && node.version.is_some()));
        assert_eq!(world.ledger.write_count(), writes);
    }
}

#[tokio::test]
async fn everything_that_is_off_is_found() {
    let world = World::new();
    world.create(&spec(Generation::V1), 1).await.unwrap();
    let services = world.services(1);
    world.workloads.hold_back("miner-3", "pulling its image");
    services.config_store.delete("net1-archive/config.json", Precondition::None).await.unwrap();
    services.dns.unwrap().remove("kibana-net1.spacemesh.io", &network()).await.unwrap();
    let writes = world.ledger.write_count();

    let report = status(&world).await;
    for expected in [
        "miner-3 is not ready: pulling its image",
        "its config is not published",
        "DNS name kibana-net1.spacemesh.io is missing",
        "dns kibana-net1.spacemesh.io is missing",
    ] {
        assert!(
            report.findings.iter().any(|finding| finding.contains(expected)),
            "{expected}: {:?}",
            report.findings
        );
    }
    assert_eq!(world.ledger.write_count(), writes);
}

#[tokio::test]
async fn a_change_of_the_fleet_that_was_interrupted_is_off() {
    let world = World::new();
    world.create(&spec(Generation::V1), 1).await.unwrap();
    let mut record = record(&world).await;
    record.nodes.retain(|node| node.name != "miner-8");
    record.joining = [11].into();
    record.leaving = [12].into();
    let report = find_status(&world.services(2), &record, None, WaitFor::Healthy).await.unwrap();
    assert_eq!(
        report.findings,
        [
            "miner-11 began joining and did not end; add-miner goes on",
            "miner-12 began leaving and did not end; delete-miner goes on",
            "miner-8 is in the cluster, but not in the record",
        ]
    );
}

#[tokio::test]
async fn where_pods_are_all_that_counts_no_node_is_asked() {
    let world = World::new();
    world.create(&spec(Generation::V1), 1).await.unwrap();
    world.ledger.forget_calls();
    world.workloads.hold_back("miner-3", "pulling its image");
    let report = find_status(&world.services(2), &record(&world).await, None, WaitFor::Ready).await.unwrap();
    assert_eq!(report.findings, ["miner-3 is not ready: pulling its image"]);
    assert!(report.nodes.iter().all(|node| node.says.is_none() && node.error.is_none()));
    assert_eq!(
        (world.ledger.count("spacemesh.node_status"), world.ledger.count("spacemesh.poet_info")),
        (0, 0)
    );
}

#[tokio::test]
async fn a_node_that_is_gone_with_its_keys_is_missing() {
    let world = World::new();
    world.create(&spec(Generation::V1), 1).await.unwrap();
    world.workloads.remove_workload("miner-10", &patience(&world)).await.unwrap();
    let report = status(&world).await;
    let would_change =
        ["keys is missing", "record differs: record", "nodes differs: miner-10: does not exist"];
    assert_eq!(report.findings, [&["miner-10 is not in the cluster"][..], &would_change].concat());
    assert_eq!(report.drift.unwrap().ended_early, None, "a look waits for nobody");
}

#[tokio::test]
async fn a_poet_that_is_gone_does_not_end_the_comparison() {
    let world = World::new();
    world.create(&spec(Generation::V1), 1).await.unwrap();
    world.workloads.remove_workload("poet-1", &patience(&world)).await.unwrap();
    let report = status(&world).await;
    for expected in ["poet-1 is not in the cluster", "poets differs", "config differs"] {
        assert!(
            report.findings.iter().any(|finding| finding.starts_with(expected)),
            "{expected}: {report:?}"
        );
    }
    assert_eq!(report.drift.unwrap().ended_early, None);
}

#[tokio::test]
async fn what_differs_beside_a_missing_node_is_found_too() {
    let world = World::new();
    world.create(&spec(Generation::V1), 1).await.unwrap();
    world.workloads.remove_workload("miner-10", &patience(&world)).await.unwrap();
    let services = world.services(1);
    services.config_store.put("net1-archive/config.json", b"{}".to_vec(), &overwriting()).await.unwrap();
    let report = status(&world).await;
    let differs = |step: &str| report.findings.iter().any(|finding| finding.starts_with(step));
    assert!(differs("nodes differs") && differs("config differs"), "{:?}", report.findings);
}

fn overwriting() -> PutOptions {
    PutOptions::json(Precondition::None)
}

#[tokio::test]
async fn a_network_without_its_cluster_is_told_as_such() {
    let world = World::new();
    world.create(&spec(Generation::V1), 1).await.unwrap();
    world.cluster.lose_cluster(&network());
    let report = status(&world).await;
    assert!(report.findings[0].contains("its cluster is gone"), "{:?}", report.findings);
    assert_eq!(report.drift, None);
}

fn patience(world: &World) -> Wait {
    let services = world.services(1);
    let deadline = services.clock.now() + jiff::SignedDuration::from_mins(10);
    Wait::new(services.clock, services.observer, "test", deadline)
}
