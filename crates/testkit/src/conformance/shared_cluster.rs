//! What every [`ClusterProvider`] promises that gives networks room in a cluster which stays.

use spacecraft_core::observer::Outcome;
use spacecraft_core::quantity::{Bytes, MilliCpu};
use spacecraft_core::traits::{ClusterProvider, ClusterRequest, FirewallRequest, Look, MachineShape};
use spacecraft_core::wait::Wait;
use spacecraft_core::{Error, Meaning};

use super::network;

/// Runs the suite on a cluster without networks; the argument is a future of a [`Subject`](super::Subject).
#[macro_export]
macro_rules! shared_cluster_conformance {
    ($subject:expr) => {
        $crate::conformance_tests! { $subject, shared_cluster(wait):
            it_says_that_it_makes_no_clusters
            the_cluster_is_there_already
            a_network_that_is_not_there_is_none
            the_cluster_can_be_reached
            what_it_cannot_do_is_unsupported
        }
    };
}

fn request() -> ClusterRequest {
    ClusterRequest {
        network: network("net1"),
        kubernetes_version: None,
        release_channel: "regular".to_owned(),
        machine: MachineShape {
            machine_type: String::new(),
            cpu: MilliCpu::cores(1),
            memory: Bytes::gibi(1),
        },
        workers: 1,
        most_workers: 1,
        accelerator: None,
        vpc: None,
    }
}

pub async fn it_says_that_it_makes_no_clusters(provider: &dyn ClusterProvider, _wait: &Wait) {
    let capabilities = provider.capabilities();
    assert!(!capabilities.creates_clusters && !capabilities.manages_infrastructure);
    assert!(!capabilities.plans_node_ports);
}

pub async fn the_cluster_is_there_already(provider: &dyn ClusterProvider, wait: &Wait) {
    assert_eq!(provider.look_cluster(&request()).await.unwrap(), Look::Same);
    assert_eq!(provider.ensure_cluster(&request(), wait).await.unwrap(), Outcome::Unchanged);
}

pub async fn a_network_that_is_not_there_is_none(provider: &dyn ClusterProvider, _wait: &Wait) {
    assert_eq!(provider.get(&network("net1")).await.unwrap(), None);
    assert_eq!(provider.list().await.unwrap().clusters, []);
}

pub async fn the_cluster_can_be_reached(provider: &dyn ClusterProvider, _wait: &Wait) {
    provider.access(&network("net1")).await.unwrap();
}

pub async fn what_it_cannot_do_is_unsupported(provider: &dyn ClusterProvider, wait: &Wait) {
    let name = network("net1");
    let firewall = FirewallRequest { network: name.clone(), vpc: None, openings: Vec::new() };
    let refusals: [Option<Error>; 5] = [
        provider.resize(&name, 1, 1, wait).await.err(),
        provider.delete_cluster(&name, wait).await.err(),
        provider.ensure_firewall(&firewall, wait).await.err(),
        provider.firewall_rules(None).await.err(),
        provider.disks(None).await.err(),
    ];
    for refusal in refusals {
        assert_eq!(refusal.map(|error| error.meaning()), Some(Meaning::Unsupported));
    }
}
