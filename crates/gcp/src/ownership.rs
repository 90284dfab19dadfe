//! How what belongs to a network of ours is told from everything else in a project: clusters and disks by labels, firewall
//! rules, which carry none, by their description.

use std::collections::BTreeMap;

use spacecraft_core::names::NetworkName;
use spacecraft_core::traits::Ownership;
use spacecraft_core::workload::STATE_BUCKET_LABEL;
use spacecraft_core::{Error, Meaning};

/// The label that says who manages a resource.
pub const MANAGED_BY_LABEL: &str = "managed-by";
/// The label that says to which network a resource belongs.
pub const NETWORK_LABEL: &str = "spacecraft-network";
/// The value of [`MANAGED_BY_LABEL`] on what is ours.
pub(crate) const MANAGER: &str = "spacecraft";

/// The labels of everything that belongs to `network`. GKE copies a cluster's labels to its machines and disks.
#[must_use]
pub fn network_labels(network: &NetworkName) -> BTreeMap<String, String> {
    BTreeMap::from([
        (MANAGED_BY_LABEL.to_owned(), MANAGER.to_owned()),
        (NETWORK_LABEL.to_owned(), network.to_string()),
    ])
}

/// The label that names a state bucket; none for a bucket whose name no label can have: values take no dots and 63 characters.
pub(crate) fn state_label(bucket: &str) -> Option<(String, String)> {
    let fits = bucket.len() <= 63
        && bucket.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'));
    fits.then(|| (STATE_BUCKET_LABEL.to_owned(), bucket.to_owned()))
}

/// Where the network of a cluster with these labels is recorded, as its store tells its location.
pub(crate) fn recorded_in(labels: &BTreeMap<String, String>) -> Option<String> {
    labels.get(STATE_BUCKET_LABEL).map(|bucket| format!("gs://{bucket}"))
}

/// The network tag of the workers of `network`, which its firewall rules open.
#[must_use]
pub fn network_tag(network: &NetworkName) -> String {
    format!("{MANAGER}-{network}")
}

/// Whom the bearer of these labels belongs to.
pub(crate) fn owner(labels: &BTreeMap<String, String>) -> Ownership {
    let managed = labels.get(MANAGED_BY_LABEL).is_some_and(|manager| manager == MANAGER);
    let network = labels.get(NETWORK_LABEL).and_then(|name| NetworkName::new(name.as_str()).ok());
    match network {
        Some(network) if managed => Ownership::Ours(network),
        _ => Ownership::Foreign,
    }
}

/// The description of a firewall rule of `network`.
pub(crate) fn description(network: &NetworkName) -> String {
    format!("{MANAGED_BY_LABEL}={MANAGER} {NETWORK_LABEL}={network}")
}

/// The network that a description names, if it is one of ours.
pub(crate) fn network_of_description(description: &str) -> Option<NetworkName> {
    let fields: BTreeMap<String, String> = description
        .split_whitespace()
        .filter_map(|field| field.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    match owner(&fields) {
        Ownership::Ours(network) => Some(network),
        Ownership::Foreign => None,
    }
}

/// The error of an operation on something that is not ours.
pub(crate) fn foreign(operation: &str, kind: &str, name: &str) -> Error {
    let reason =
        format!("a {kind} of that name exists and is not managed by Spacecraft, so it is not touched");
    Error::new(Meaning::AlreadyExists, operation, name, reason)
        .with_hint("choose another network name, or remove it by hand if nobody needs it")
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    fn network() -> NetworkName {
        NetworkName::new("net1").unwrap()
    }

    #[test]
    fn a_state_bucket_is_named_where_labels_can() {
        let labels = BTreeMap::from_iter(state_label("spacemesh-state"));
        assert_eq!(recorded_in(&labels).as_deref(), Some("gs://spacemesh-state"));
        assert_eq!(state_label("state.example.com"), None);
        assert_eq!(state_label(&"a".repeat(64)), None);
        assert_eq!(recorded_in(&network_labels(&network())), None);
    }

    #[test]
    fn what_carries_our_marks_is_ours() {
        assert_eq!(owner(&network_labels(&network())), Ownership::Ours(network()));
        assert_eq!(network_of_description(&description(&network())), Some(network()));
    }

    #[test]
    fn half_a_mark_is_no_mark() {
        let labels = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        for pairs in [
            &[][..],
            &[("managed-by", "spacecraft")],
            &[("spacecraft-network", "net1")],
            &[("managed-by", "terraform"), ("spacecraft-network", "net1")],
            &[("managed-by", "spacecraft"), ("spacecraft-network", "Not A Name")],
        ] {
            assert_eq!(owner(&labels(pairs)), Ownership::Foreign, "{pairs:?}");
        }
        assert_eq!(network_of_description("opened by hand for spacecraft net1"), None);
    }
}
