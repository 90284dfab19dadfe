use spacecraft_core::inspection::find_hosts;
use spacecraft_core::plan::Reach;
use spacecraft_core::spec::{Generation, NetworkSpec};
use spacecraft_core::state::{NetworkRecord, RecordStore};

use crate::world::{World, network, spec};

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
