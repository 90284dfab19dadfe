//! What every [`DnsProvider`] promises.

use spacecraft_core::Meaning;
use spacecraft_core::observer::Outcome;
use spacecraft_core::traits::{DnsProvider, DnsRecord, Look};

use super::network;

/// Runs the suite on an empty zone; the argument is a future of a [`Subject`](super::Subject).
#[macro_export]
macro_rules! dns_provider_conformance {
    ($subject:expr) => {
        $crate::conformance_tests! { $subject, dns():
            access_to_the_zone_is_granted
            a_record_is_made_once
            an_address_that_differs_is_changed
            proxying_that_differs_is_changed
            a_record_of_another_network_is_refused_and_stays
            only_the_networks_own_record_is_removed
            removing_nothing_is_absent
            a_list_is_of_one_network_or_of_all
            a_name_that_begins_like_another_is_another
            records_of_ours_are_not_among_the_unmarked
        }
    };
}

fn record(dns: &dyn DnsProvider, host: &str, owner: &str) -> DnsRecord {
    DnsRecord {
        name: format!("{host}.{}", dns.domain()),
        address: "203.0.113.7".to_owned(),
        proxied: true,
        network: network(owner),
    }
}

pub async fn access_to_the_zone_is_granted(dns: &dyn DnsProvider) {
    dns.check_access().await.unwrap();
}

pub async fn a_record_is_made_once(dns: &dyn DnsProvider) {
    let record = record(dns, "kibana-net1", "net1");
    assert_eq!(dns.look(&record).await.unwrap(), Look::Absent);
    assert_eq!(dns.ensure(&record).await.unwrap(), Outcome::Created);
    assert_eq!(dns.look(&record).await.unwrap(), Look::Same);
    assert_eq!(dns.ensure(&record).await.unwrap(), Outcome::Unchanged);
    assert_eq!(dns.list(None).await.unwrap(), [record]);
}

pub async fn an_address_that_differs_is_changed(dns: &dyn DnsProvider) {
    let old = record(dns, "kibana-net1", "net1");
    let new = DnsRecord { address: "203.0.113.8".to_owned(), ..old.clone() };
    assert_is_changed(dns, &old, &new).await;
}

pub async fn proxying_that_differs_is_changed(dns: &dyn DnsProvider) {
    let old = record(dns, "kibana-net1", "net1");
    let new = DnsRecord { proxied: false, ..old.clone() };
    assert_is_changed(dns, &old, &new).await;
}

async fn assert_is_changed(dns: &dyn DnsProvider, old: &DnsRecord, new: &DnsRecord) {
    dns.ensure(old).await.unwrap();
    assert!(matches!(dns.look(new).await.unwrap(), Look::Differs(points) if !points.is_empty()));
    assert_eq!(dns.ensure(new).await.unwrap(), Outcome::Updated);
    let left = dns.list(None).await.unwrap();
    assert_eq!(left, std::slice::from_ref(new), "exactly one record of ours is left");
}

pub async fn a_record_of_another_network_is_refused_and_stays(dns: &dyn DnsProvider) {
    let theirs = record(dns, "kibana", "net1");
    let ours = record(dns, "kibana", "net2");
    dns.ensure(&theirs).await.unwrap();
    assert_eq!(dns.ensure(&ours).await.unwrap_err().meaning(), Meaning::AlreadyExists);
    assert_eq!(dns.list(None).await.unwrap(), [theirs]);
}

pub async fn only_the_networks_own_record_is_removed(dns: &dyn DnsProvider) {
    let record = record(dns, "kibana", "net1");
    dns.ensure(&record).await.unwrap();
    assert_eq!(dns.remove(&record.name, &network("net2")).await.unwrap(), Outcome::Absent);
    assert_eq!(dns.list(None).await.unwrap().len(), 1);
    assert_eq!(dns.remove(&record.name, &record.network).await.unwrap(), Outcome::Removed);
    assert_eq!(dns.list(None).await.unwrap(), []);
}

pub async fn removing_nothing_is_absent(dns: &dyn DnsProvider) {
    let name = format!("kibana-net1.{}", dns.domain());
    assert_eq!(dns.remove(&name, &network("net1")).await.unwrap(), Outcome::Absent);
}

pub async fn a_list_is_of_one_network_or_of_all(dns: &dyn DnsProvider) {
    let first = record(dns, "kibana-net1", "net1");
    let second = record(dns, "kibana-net10", "net10");
    dns.ensure(&first).await.unwrap();
    dns.ensure(&second).await.unwrap();
    assert_eq!(dns.list(Some(&first.network)).await.unwrap(), [first]);
    assert_eq!(dns.list(Some(&second.network)).await.unwrap(), [second]);
    assert_eq!(dns.list(None).await.unwrap().len(), 2);
}

pub async fn a_name_that_begins_like_another_is_another(dns: &dyn DnsProvider) {
    let longer = record(dns, "kibana-net1", "net1");
    let shorter = record(dns, "kibana", "net1");
    dns.ensure(&longer).await.unwrap();
    assert_eq!(dns.look(&shorter).await.unwrap(), Look::Absent);
    assert_eq!(dns.remove(&shorter.name, &shorter.network).await.unwrap(), Outcome::Absent);
    assert_eq!(dns.list(None).await.unwrap(), [longer]);
}

pub async fn records_of_ours_are_not_among_the_unmarked(dns: &dyn DnsProvider) {
    let record = record(dns, "kibana-net1", "net1");
    dns.ensure(&record).await.unwrap();
    let unmarked = dns.unmarked_names().await.unwrap();
    assert!(!unmarked.contains(&record.name), "{unmarked:?}");
}
