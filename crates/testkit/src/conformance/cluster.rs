//! What every [`ClusterProvider`] promises that makes clusters and manages what belongs to them.

use spacecraft_core::Meaning;
use spacecraft_core::names::NetworkName;
use spacecraft_core::observer::Outcome;
use spacecraft_core::quantity::{Bytes, MilliCpu};
use spacecraft_core::traits::{
    Cluster, ClusterProvider, ClusterRequest, ClusterState, Disk, FirewallOpening, FirewallRequest,
    LoadBalancer, Look, MachineShape, Ownership, PreflightRequest, RememberedBalancer, ServiceName,
};
use spacecraft_core::wait::Wait;

use super::network;

/// Runs the suite; the argument is a future of a [`Subject`](super::Subject). The cloud must hold one cluster that is not ours, named
/// [`foreign_cluster`], and nothing else, and have room for a handful of workers.
#[macro_export]
macro_rules! cluster_provider_conformance {
    ($subject:expr) => {
        $crate::conformance_tests! { $subject, cluster(wait):
            it_says_that_it_makes_clusters
            a_cluster_that_is_not_there_is_none
            a_cluster_is_made_once
            a_pool_with_more_workers_than_asked_for_is_the_same
            a_pool_that_is_too_small_grows
            a_cluster_of_somebody_else_is_refused
            a_cluster_of_somebody_else_is_never_deleted
            what_was_deleted_is_gone
            deleting_nothing_is_absent
            a_pool_is_resized_once
            a_pool_that_is_not_there_cannot_be_resized
            the_list_tells_ours_from_others
            only_a_cluster_that_is_there_can_be_reached
            a_preflight_with_room_finds_nothing_that_blocks
            a_firewall_is_made_once
            a_firewall_that_differs_is_changed
            firewall_rules_are_of_one_network_or_of_all
            a_firewall_rule_is_deleted_once
            a_cloud_without_networks_has_no_disks_of_ours
            deleting_a_disk_that_is_gone_is_absent
            a_load_balancer_that_is_not_there_is_not_found_however_well_it_is_remembered
            deleting_a_load_balancer_that_is_gone_is_absent
        }
    };
}

/// The name of the cluster that somebody else has.
#[must_use]
pub fn foreign_cluster() -> NetworkName {
    network("somebody-elses")
}

fn request(name: &str, workers: u32) -> ClusterRequest {
    ClusterRequest {
        network: network(name),
        kubernetes_version: None,
        release_channel: "regular".to_owned(),
        machine: MachineShape {
            machine_type: "e2-standard-4".to_owned(),
            cpu: MilliCpu::cores(4),
            memory: Bytes::gibi(16),
        },
        workers,
        most_workers: 6,
        accelerator: None,
        vpc: None,
    }
}

fn firewall(name: &str, openings: &[(&str, &str)]) -> FirewallRequest {
    let opening = |(name, range): &(&str, &str)| FirewallOpening {
        name: (*name).to_owned(),
        ports: vec![("tcp".to_owned(), (*range).to_owned())],
        sources: vec!["0.0.0.0/0".to_owned()],
    };
    FirewallRequest { network: network(name), vpc: None, openings: openings.iter().map(opening).collect() }
}

async fn present(provider: &dyn ClusterProvider, name: &NetworkName) -> Cluster {
    provider.get(name).await.unwrap().expect("the cluster is there")
}

pub async fn it_says_that_it_makes_clusters(provider: &dyn ClusterProvider, _wait: &Wait) {
    let capabilities = provider.capabilities();
    assert!(capabilities.creates_clusters && capabilities.manages_infrastructure);
    assert!(!provider.name().is_empty());
}

pub async fn a_cluster_that_is_not_there_is_none(provider: &dyn ClusterProvider, _wait: &Wait) {
    assert_eq!(provider.get(&network("net1")).await.unwrap(), None);
    assert_eq!(provider.look_cluster(&request("net1", 2)).await.unwrap(), Look::Absent);
}

pub async fn a_cluster_is_made_once(provider: &dyn ClusterProvider, wait: &Wait) {
    let request = request("net1", 2);
    assert_eq!(provider.ensure_cluster(&request, wait).await.unwrap(), Outcome::Created);
    let cluster = present(provider, &request.network).await;
    assert_eq!(cluster.ownership, Ownership::Ours(request.network.clone()));
    assert_eq!((cluster.state, cluster.workers), (ClusterState::Running, 2));
    assert_eq!(provider.look_cluster(&request).await.unwrap(), Look::Same);
    assert_eq!(provider.ensure_cluster(&request, wait).await.unwrap(), Outcome::Unchanged);
}

pub async fn a_pool_with_more_workers_than_asked_for_is_the_same(
    provider: &dyn ClusterProvider,
    wait: &Wait,
) {
    provider.ensure_cluster(&request("net1", 3), wait).await.unwrap();
    let smaller = request("net1", 2);
    assert_eq!(provider.look_cluster(&smaller).await.unwrap(), Look::Same);
    assert_eq!(provider.ensure_cluster(&smaller, wait).await.unwrap(), Outcome::Unchanged);
    assert_eq!(present(provider, &smaller.network).await.workers, 3);
}

pub async fn a_pool_that_is_too_small_grows(provider: &dyn ClusterProvider, wait: &Wait) {
    provider.ensure_cluster(&request("net1", 2), wait).await.unwrap();
    let larger = request("net1", 3);
    assert!(matches!(provider.look_cluster(&larger).await.unwrap(), Look::Differs(_)));
    assert_eq!(provider.ensure_cluster(&larger, wait).await.unwrap(), Outcome::Updated);
    assert_eq!(present(provider, &larger.network).await.workers, 3);
}

pub async fn a_cluster_of_somebody_else_is_refused(provider: &dyn ClusterProvider, wait: &Wait) {
    let request = ClusterRequest { network: foreign_cluster(), ..request("net1", 2) };
    let before = present(provider, &request.network).await;
    assert_eq!(before.ownership, Ownership::Foreign);
    let error = provider.ensure_cluster(&request, wait).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::AlreadyExists);
    assert_eq!(present(provider, &request.network).await, before);
}

pub async fn a_cluster_of_somebody_else_is_never_deleted(provider: &dyn ClusterProvider, wait: &Wait) {
    let deleted = provider.delete_cluster(&foreign_cluster(), wait).await;
    assert_ne!(deleted.ok(), Some(Outcome::Removed));
    assert_eq!(present(provider, &foreign_cluster()).await.state, ClusterState::Running);
}

pub async fn what_was_deleted_is_gone(provider: &dyn ClusterProvider, wait: &Wait) {
    let request = request("net1", 2);
    provider.ensure_cluster(&request, wait).await.unwrap();
    assert_eq!(provider.delete_cluster(&request.network, wait).await.unwrap(), Outcome::Removed);
    assert_eq!(provider.get(&request.network).await.unwrap(), None);
    assert_eq!(provider.delete_cluster(&request.network, wait).await.unwrap(), Outcome::Absent);
}

pub async fn deleting_nothing_is_absent(provider: &dyn ClusterProvider, wait: &Wait) {
    assert_eq!(provider.delete_cluster(&network("net1"), wait).await.unwrap(), Outcome::Absent);
}

pub async fn a_pool_is_resized_once(provider: &dyn ClusterProvider, wait: &Wait) {
    let request = request("net1", 2);
    provider.ensure_cluster(&request, wait).await.unwrap();
    assert_eq!(provider.resize(&request.network, 4, 8, wait).await.unwrap(), Outcome::Updated);
    assert_eq!(present(provider, &request.network).await.workers, 4);
    assert_eq!(provider.resize(&request.network, 4, 8, wait).await.unwrap(), Outcome::Unchanged);
}

pub async fn a_pool_that_is_not_there_cannot_be_resized(provider: &dyn ClusterProvider, wait: &Wait) {
    let error = provider.resize(&network("net1"), 4, 8, wait).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::NotFound);
}

pub async fn the_list_tells_ours_from_others(provider: &dyn ClusterProvider, wait: &Wait) {
    provider.ensure_cluster(&request("net1", 2), wait).await.unwrap();
    let list = provider.list().await.unwrap();
    let mut seen: Vec<_> = list.clusters.into_iter().map(|found| (found.name, found.ownership)).collect();
    seen.sort_by(|left, right| left.0.cmp(&right.0));
    let ours = ("net1".to_owned(), Ownership::Ours(network("net1")));
    assert_eq!(seen, [ours, (foreign_cluster().to_string(), Ownership::Foreign)]);
    assert!(list.unreachable.is_empty());
}

pub async fn only_a_cluster_that_is_there_can_be_reached(provider: &dyn ClusterProvider, wait: &Wait) {
    let request = request("net1", 2);
    let error = provider.access(&request.network).await.unwrap_err();
    assert_eq!(error.meaning(), Meaning::NotFound);
    provider.ensure_cluster(&request, wait).await.unwrap();
    provider.access(&request.network).await.unwrap();
}

pub async fn a_preflight_with_room_finds_nothing_that_blocks(provider: &dyn ClusterProvider, _wait: &Wait) {
    let request = PreflightRequest {
        cluster: request("net1", 2),
        disk: Bytes::gibi(20),
        disks: 2,
        addresses: 1,
        creates_cluster: true,
    };
    let findings = provider.preflight(&request).await.unwrap();
    assert!(findings.iter().all(|finding| !finding.blocking), "{findings:?}");
}

pub async fn a_firewall_is_made_once(provider: &dyn ClusterProvider, wait: &Wait) {
    let wanted = firewall("net1", &[("public", "5001-5010")]);
    assert_eq!(provider.look_firewall(&wanted).await.unwrap(), Look::Absent);
    assert_eq!(provider.ensure_firewall(&wanted, wait).await.unwrap(), Outcome::Created);
    assert_eq!(provider.look_firewall(&wanted).await.unwrap(), Look::Same);
    assert_eq!(provider.ensure_firewall(&wanted, wait).await.unwrap(), Outcome::Unchanged);
}

pub async fn a_firewall_that_differs_is_changed(provider: &dyn ClusterProvider, wait: &Wait) {
    provider.ensure_firewall(&firewall("net1", &[("public", "5001-5010")]), wait).await.unwrap();
    let wider = firewall("net1", &[("public", "5001-5020")]);
    assert!(matches!(provider.look_firewall(&wider).await.unwrap(), Look::Differs(_)));
    assert_eq!(provider.ensure_firewall(&wider, wait).await.unwrap(), Outcome::Updated);
    assert_eq!(provider.look_firewall(&wider).await.unwrap(), Look::Same);
}

pub async fn firewall_rules_are_of_one_network_or_of_all(provider: &dyn ClusterProvider, wait: &Wait) {
    provider.ensure_firewall(&firewall("net1", &[("public", "5001-5010")]), wait).await.unwrap();
    provider.ensure_firewall(&firewall("net10", &[("public", "5001-5002")]), wait).await.unwrap();
    let rules = provider.firewall_rules(Some(&network("net1"))).await.unwrap();
    let [rule] = rules.as_slice() else { panic!("there is not one rule: {rules:?}") };
    assert_eq!(
        (&rule.network, rule.ports.as_slice()),
        (&network("net1"), ["tcp:5001-5010".to_owned()].as_slice())
    );
    assert_eq!(provider.firewall_rules(None).await.unwrap().len(), 2);
}

pub async fn a_firewall_rule_is_deleted_once(provider: &dyn ClusterProvider, wait: &Wait) {
    let wanted = firewall("net1", &[("public", "5001-5010")]);
    provider.ensure_firewall(&wanted, wait).await.unwrap();
    let rules = provider.firewall_rules(None).await.unwrap();
    assert!(!rules.is_empty());
    for rule in &rules {
        assert_eq!(provider.delete_firewall_rule(rule, wait).await.unwrap(), Outcome::Removed);
        assert_eq!(provider.delete_firewall_rule(rule, wait).await.unwrap(), Outcome::Absent);
    }
    assert_eq!(provider.look_firewall(&wanted).await.unwrap(), Look::Absent);
}

pub async fn a_cloud_without_networks_has_no_disks_of_ours(provider: &dyn ClusterProvider, _wait: &Wait) {
    assert_eq!(provider.disks(None).await.unwrap(), []);
    assert_eq!(provider.disks(Some(&network("net1"))).await.unwrap(), []);
    assert_eq!(provider.unmarked_disks().await.unwrap(), []);
}

pub async fn deleting_a_disk_that_is_gone_is_absent(provider: &dyn ClusterProvider, wait: &Wait) {
    let zone = present(provider, &foreign_cluster()).await.location;
    let gone = Disk {
        name: "pvc-gone".to_owned(),
        network: network("net1"),
        location: zone,
        regional: false,
        size: Bytes::gibi(10),
        users: Vec::new(),
        claim: None,
        created: None,
    };
    assert_eq!(provider.delete_disk(&gone, wait).await.unwrap(), Outcome::Absent);
}

fn ingress() -> ServiceName {
    ServiceName::new("ingress-nginx", "ingress-nginx-controller")
}

pub async fn a_load_balancer_that_is_not_there_is_not_found_however_well_it_is_remembered(
    provider: &dyn ClusterProvider,
    _wait: &Wait,
) {
    let uid = Some("0d3c1f9a-7b52-4a7e-9f65-3a4c5e6f7a8b".to_owned());
    let seen = RememberedBalancer { service: ingress(), uid, address: Some("203.0.113.7".to_owned()) };
    let unseen = RememberedBalancer { service: ingress(), uid: None, address: None };
    assert_eq!(provider.load_balancers(Some(&network("net1")), &[seen, unseen]).await.unwrap(), []);
    assert_eq!(provider.load_balancers(None, &[]).await.unwrap(), []);
}

pub async fn deleting_a_load_balancer_that_is_gone_is_absent(provider: &dyn ClusterProvider, wait: &Wait) {
    let gone = LoadBalancer {
        name: "a0d3c1f9a7b524a7e9f653a4c5e6f7a8".to_owned(),
        network: network("net1"),
        region: Some("us-central1".to_owned()),
        address: Some("203.0.113.7".to_owned()),
        service: Some(ingress()),
        created: None,
    };
    assert_eq!(provider.delete_load_balancer(&gone, wait).await.unwrap(), Outcome::Absent);
}
