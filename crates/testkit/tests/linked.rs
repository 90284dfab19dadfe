//! In-memory providers that are tied to one cluster live and die with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use spacecraft_core::Meaning;
use spacecraft_core::observer::Outcome;
use spacecraft_core::quantity::Bytes;
use spacecraft_core::traits::{ClusterProvider, Disk, Workloads};
use spacecraft_core::workload::{Foundation, NetworkSecret};
use spacecraft_testkit::conformance::{network, patience};
use spacecraft_testkit::{InMemoryCluster, InMemoryWorkloads, Ledger, TestClock};

fn foundation() -> Foundation {
    Foundation::default()
}

#[tokio::test]
async fn nothing_of_a_shared_cluster_is_reached_before_the_network_is_founded() {
    let cluster = InMemoryCluster::shared(Ledger::default());
    let net1 = network("net1");
    let workloads = InMemoryWorkloads::in_cluster(&net1, cluster.link(&net1));
    assert_eq!(cluster.get(&net1).await.unwrap(), None);
    workloads.ensure_foundation(&foundation()).await.unwrap();
    assert!(cluster.get(&net1).await.unwrap().is_some());
    let wait = patience(Arc::new(TestClock::default()));
    assert_eq!(workloads.remove_all(&wait).await.unwrap(), Outcome::Removed);
    assert_eq!(cluster.get(&net1).await.unwrap(), None);
}

#[tokio::test]
async fn workloads_of_a_cluster_that_is_gone_cannot_be_reached() {
    let cluster = InMemoryCluster::new(Ledger::default());
    let net1 = network("net1");
    let workloads = InMemoryWorkloads::in_cluster(&net1, cluster.link(&net1));
    assert_eq!(workloads.list().await.unwrap_err().meaning(), Meaning::NotFound);
}

#[tokio::test]
async fn calls_of_linked_providers_are_counted_together() {
    let ledger = Ledger::default();
    let cluster = InMemoryCluster::shared(ledger.clone());
    let net1 = network("net1");
    let workloads = InMemoryWorkloads::in_cluster(&net1, cluster.link(&net1));
    cluster.get(&net1).await.unwrap();
    workloads.ensure_foundation(&foundation()).await.unwrap();
    let secret = NetworkSecret { name: "a".to_owned(), part: None, data: BTreeMap::new() };
    workloads.create_secret(&secret).await.unwrap();
    assert_eq!((ledger.call_count(), ledger.write_count()), (3, 2));
}

#[tokio::test]
async fn disks_of_a_cluster_that_was_lost_stay_and_are_detached() {
    let cluster = InMemoryCluster::new(Ledger::default());
    let net1 = network("net1");
    let disk = Disk {
        name: "pvc-1".to_owned(),
        network: net1.clone(),
        location: "memory".to_owned(),
        regional: false,
        size: Bytes::gibi(1),
        users: vec!["worker-1".to_owned()],
        claim: None,
        created: None,
    };
    cluster.add_disk(disk.clone());
    let wait = patience(Arc::new(TestClock::default()));
    assert_eq!(cluster.delete_disk(&disk, &wait).await.unwrap_err().meaning(), Meaning::TimedOut);
    cluster.lose_cluster(&net1);
    assert_eq!(cluster.delete_disk(&disk, &wait).await.unwrap(), Outcome::Removed);
}
