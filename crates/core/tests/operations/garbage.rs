use std::time::Duration;

use spacecraft_core::names::NetworkName;
use spacecraft_core::operation::{
    GarbageReport, GarbageRequest, RemainderKind, Services, find_garbage, remove_garbage,
};
use spacecraft_core::spec::Generation;
use spacecraft_core::state::RecordStore;
use spacecraft_core::traits::{
    ClusterProvider, DnsProvider, DnsRecord, Precondition, PutOptions, UnmarkedDisk,
};

use crate::world::{World, network, spec};

fn request() -> GarbageRequest {
    GarbageRequest {
        network: None,
        older_than: Duration::from_secs(3600),
        timeout: Duration::from_secs(3600),
        step_timeout: Duration::from_secs(1200),
    }
}

async fn find(world: &World) -> GarbageReport {
    find_garbage(&world.services(2), &request()).await.unwrap()
}

/// A network whose record and cluster somebody removed by hand.
async fn forsaken() -> World {
    let world = World::new();
    world.create(&spec(Generation::V1), 1).await.unwrap();
    let state = world.services(1).state_store;
    state.delete(&RecordStore::key(&network()), Precondition::None).await.unwrap();
    world.cluster.lose_cluster(&network());
    world.clock.advance(Duration::from_secs(7200));
    world
}

#[tokio::test]
async fn a_network_that_exists_is_no_garbage() {
    let world = World::new();
    world.create(&spec(Generation::V1), 1).await.unwrap();
    world.clock.advance(Duration::from_secs(7200));
    let report = find(&world).await;
    assert_eq!((report.remains, report.notices), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn what_a_network_left_behind_is_found_and_removed_only_when_asked() {
    let world = forsaken().await;
    let writes = world.ledger.write_count();
    let report = find(&world).await;
    let [remains] = report.remains.as_slice() else { panic!("{:?}", report.remains) };
    assert_eq!((&remains.network, &remains.kept_because), (&network(), &None));
    for kind in [
        RemainderKind::Disk,
        RemainderKind::FirewallRule,
        RemainderKind::State,
        RemainderKind::DnsRecord,
        RemainderKind::Archive,
    ] {
        assert!(remains.pieces.iter().any(|piece| piece.kind == kind), "{kind:?}: {:?}", remains.pieces);
    }
    assert_eq!(world.ledger.write_count(), writes);

    let report = remove_garbage(&world.services(2), &request(), report).await;
    assert_eq!((report.removed, report.failed), (vec![network()], Vec::new()));
    assert!(find(&world).await.remains.is_empty());
    assert!(world.state.contents().is_empty() && world.config.contents().is_empty());
    assert!(world.cluster.disks(None).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_cluster_whose_record_is_gone_from_here_is_left_over_and_one_that_is_recorded_elsewhere_is_not() {
    let world = World::new();
    world.create(&spec(Generation::V1), 1).await.unwrap();
    world.clock.advance(Duration::from_secs(7200));
    let state = world.services(1).state_store;
    world.cluster.tell_recorded_in(&network(), state.location());
    let key = RecordStore::key(&network());
    let record = state.get(&key).await.unwrap().unwrap();
    state.delete(&key, Precondition::None).await.unwrap();

    let elsewhere = Services { state_store: world.services(1).config_store, ..world.services(2) };
    let report = find_garbage(&elsewhere, &request()).await.unwrap();
    let clusters = |report: &GarbageReport| {
        let pieces = report.remains.iter().flat_map(|remains| &remains.pieces);
        pieces.filter(|piece| piece.kind == RemainderKind::Cluster).count()
    };
    assert_eq!(clusters(&report), 0, "{report:?}");

    let report = find(&world).await;
    assert_eq!((clusters(&report), report.removable().count()), (1, 1), "{report:?}");
    state.put(&key, record.bytes, &PutOptions::json(Precondition::Absent)).await.unwrap();
    let refused = remove_garbage(&world.services(2), &request(), report.clone()).await;
    assert!(refused.removed.is_empty() && refused.failed[0].error.contains("it exists"), "{refused:?}");
    assert!(world.cluster.get(&network()).await.unwrap().is_some());

    state.delete(&key, Precondition::None).await.unwrap();
    let removed = remove_garbage(&world.services(2), &request(), report).await;
    assert_eq!((removed.removed, removed.failed), (vec![network()], Vec::new()));
    assert!(world.cluster.get(&network()).await.unwrap().is_none());
    assert!(find(&world).await.remains.is_empty());
}

#[tokio::test]
async fn a_creation_that_was_interrupted_before_its_record_is_no_garbage() {
    let world = World::new();
    world.create(&spec(Generation::V1), 1).await.unwrap();
    world.clock.advance(Duration::from_secs(7200));
    let state = world.services(1).state_store;
    world.cluster.tell_recorded_in(&network(), state.location());
    state.delete(&RecordStore::key(&network()), Precondition::None).await.unwrap();
    let key = "net1/journal.json";
    let mut journal: serde_json::Value =
        serde_json::from_slice(&state.get(key).await.unwrap().unwrap().bytes).unwrap();
    journal["finished_at"] = serde_json::Value::Null;
    state.put(key, journal.to_string().into_bytes(), &PutOptions::json(Precondition::None)).await.unwrap();
    let report = find(&world).await;
    assert_eq!(report.removable().count(), 0, "{report:?}");
    assert!(report.notices[0].contains("delete-network --network-name net1"), "{report:?}");
}

#[tokio::test]
async fn a_cluster_that_was_made_since_remains_were_looked_for_stays() {
    let world = forsaken().await;
    let report = find(&world).await;
    world.make_cluster(&spec(Generation::V1)).await;
    let state = world.services(1).state_store;
    world.cluster.tell_recorded_in(&network(), state.location());
    let refused = remove_garbage(&world.services(2), &request(), report).await;
    assert!(refused.removed.is_empty() && refused.failed[0].error.contains("it exists"), "{refused:?}");
    assert!(world.cluster.get(&network()).await.unwrap().is_some());
}

#[tokio::test]
async fn a_location_that_does_not_answer_keeps_everything() {
    let world = forsaken().await;
    world.cluster.set_unreachable(vec!["us-central1-a".to_owned()]);
    let report = find(&world).await;
    assert_eq!(report.removable().count(), 0);
    assert!(!report.remains.is_empty());
}

#[tokio::test]
async fn a_network_without_its_cluster_is_left_to_delete_network() {
    let world = World::new();
    world.create(&spec(Generation::V1), 1).await.unwrap();
    world.cluster.lose_cluster(&network());
    let report = find(&world).await;
    assert!(report.remains.is_empty(), "{:?}", report.remains);
    assert!(report.notices[0].contains("delete-network --network-name net1"), "{:?}", report.notices);
}

#[tokio::test]
async fn what_bears_the_name_of_a_foreign_cluster_is_not_touched_and_the_cluster_is_only_named() {
    let world = World::new();
    let theirs = NetworkName::new("theirs").unwrap();
    world.cluster.add_foreign_cluster(&theirs);
    let config = world.services(1).config_store;
    config
        .put("theirs-archive/config.json", Vec::new(), &PutOptions::json(Precondition::None))
        .await
        .unwrap();
    let report = find(&world).await;
    assert!(report.remains.is_empty(), "{:?}", report.remains);
    assert!(report.notices[0].contains("cluster theirs"), "{:?}", report.notices);
}

#[tokio::test]
async fn names_alone_may_belong_to_another_project_unless_the_network_is_named() {
    let world = World::new();
    let elsewhere = NetworkName::new("elsewhere").unwrap();
    let record = DnsRecord {
        name: "kibana-elsewhere.spacemesh.io".to_owned(),
        address: "203.0.113.9".to_owned(),
        proxied: true,
        network: elsewhere.clone(),
    };
    world.dns.ensure(&record).await.unwrap();
    let report = find(&world).await;
    assert_eq!(report.remains[0].network, elsewhere);
    assert_eq!(report.removable().count(), 0);

    let named = GarbageRequest { network: Some(elsewhere.clone()), ..request() };
    let report = find_garbage(&world.services(2), &named).await.unwrap();
    assert_eq!(report.removable().collect::<Vec<_>>(), [&elsewhere]);
    let report = remove_garbage(&world.services(2), &named, report).await;
    assert_eq!(report.failed, []);
    assert!(world.dns.list(None).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_network_that_came_into_being_since_it_was_looked_for_stays() {
    let world = forsaken().await;
    let report = find(&world).await;
    let mut other = spec(Generation::V1);
    other.fleet.nodes = 10;
    world.create(&other, 3).await.unwrap();
    let report = remove_garbage(&world.services(2), &request(), report).await;
    assert_eq!(report.removed, []);
    assert!(report.failed[0].error.contains("it exists"), "{:?}", report.failed);
    assert!(world.cluster.get(&network()).await.unwrap().is_some());
}

#[tokio::test]
async fn what_is_young_may_be_about_to_become_a_network() {
    let world = World::new();
    let lock = serde_json::json!({"taken_at": spacecraft_core::time::Clock::now(&world.clock)});
    let state = world.services(1).state_store;
    let bytes = serde_json::to_vec(&lock).unwrap();
    state.put("net9/lock.json", bytes, &PutOptions::json(Precondition::None)).await.unwrap();
    assert_eq!(find(&world).await.removable().count(), 0);
    world.clock.advance(Duration::from_secs(7200));
    assert_eq!(find(&world).await.removable().count(), 1);
}

#[tokio::test]
async fn a_removal_that_was_killed_is_gone_on_with_at_once() {
    let world = World::new();
    let now = spacecraft_core::time::Clock::now(&world.clock);
    let state = world.services(1).state_store;
    let holder = serde_json::json!({"operation": "gc", "operator": "ops@host", "host": "host", "process_id": 7, "process_started": "1"});
    for (key, document) in [
        ("net9/lock.json", serde_json::json!({"taken_at": now, "holder": holder})),
        ("net9/journal.json", serde_json::json!({"started_at": now, "operation": "delete-network"})),
    ] {
        let bytes = serde_json::to_vec(&document).unwrap();
        state.put(key, bytes, &PutOptions::json(Precondition::None)).await.unwrap();
    }
    assert_eq!(find(&world).await.removable().count(), 1);
}

#[tokio::test]
async fn disks_that_go_spacecraft_left_are_told_and_stay() {
    let world = World::new();
    world.create(&spec(Generation::V1), 1).await.unwrap();
    let claims = [("devnet", "miner-1"), ("devnet", "poet-2"), ("net1", "miner-3"), ("shop", "data")];
    for (cluster, claim) in claims {
        world.cluster.add_foreign_disk(UnmarkedDisk {
            cluster: Some(cluster.to_owned()),
            location: "us-central1-a".to_owned(),
            claim: format!("default/{claim}"),
            name: format!("pvc-of-{claim}"),
        });
    }
    let writes = world.ledger.write_count();
    let report = find(&world).await;
    assert_eq!(world.ledger.write_count(), writes);
    let [notice] = report.notices.as_slice() else { panic!("{:?}", report.notices) };
    for part in [
        "us-central1-a",
        "cluster devnet",
        "pvc-of-miner-1 (default/miner-1), pvc-of-poet-2 (default/poet-2)",
    ] {
        assert!(notice.contains(part), "{notice}");
    }
    assert!(report.remains.is_empty(), "{:?}", report.remains);
}

#[tokio::test]
async fn names_that_go_spacecraft_left_are_told_and_stay() {
    let world = World::new();
    world.create(&spec(Generation::V1), 1).await.unwrap();
    for host in ["kibana-devnet", "api-json-devnet", "grafana-net1", "www"] {
        world.dns.add_foreign(format!("{host}.spacemesh.io"), "203.0.113.9");
    }
    let report = find(&world).await;
    let told: Vec<bool> = report.notices.iter().map(|notice| notice.contains("network devnet,")).collect();
    assert_eq!(told, [true, true], "{:?}", report.notices);
    let writes = world.ledger.write_count();
    remove_garbage(&world.services(2), &request(), report).await;
    assert_eq!((world.ledger.write_count(), world.dns.foreign().len()), (writes, 4));
}
