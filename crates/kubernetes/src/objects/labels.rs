//! The labels and annotations by which everything is found.

use std::collections::BTreeMap;

use spacecraft_core::charts::usage_label;
use spacecraft_core::workload::{Part, Role, SharedChart};

/// The field manager of everything that Spacecraft applies, and the value of `app.kubernetes.io/managed-by`.
pub const MANAGER: &str = "spacecraft";

/// The name of the workload that an object belongs to.
pub(crate) const NAME: &str = "name";
/// What the workload is: `miner`, `poet`, ...
pub(crate) const APPLICATION: &str = "app";
/// [`MANAGER`] on everything of ours.
pub(crate) const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// The network's name.
pub(crate) const NETWORK: &str = spacecraft_core::workload::KUBERNETES_NETWORK_LABEL;
/// The role of a node; of anything else what it is.
pub(crate) const ROLE: &str = "spacecraft.io/role";
/// The number of a node.
pub(crate) const NODE: &str = "spacecraft.io/node";
/// The number of a PoET.
pub(crate) const POET: &str = "spacecraft.io/poet";
/// The slot of a worker.
pub(crate) const SLOT: &str = "spacecraft.io/slot";
/// `true` on namespaces that Spacecraft made, which it may delete whole.
pub(crate) const OWNED: &str = "spacecraft.io/owned";
/// `true` on namespaces that Spacecraft made for charts which networks share.
pub(crate) const SHARED: &str = "spacecraft.io/shared";
/// Annotation: a digest of the object as it was applied, so that a field that is no longer wanted shows as a difference.
pub(crate) const MANIFEST_DIGEST: &str = "spacecraft.io/manifest-digest";
/// Annotation of namespaces: where the record of their network is.
pub(crate) const RECORDED_IN: &str = spacecraft_core::workload::RECORDED_IN_ANNOTATION;
/// Annotation of pods: a digest of their template and config, so that changed config makes a new pod and a pod is known for one of the newest template.
pub(crate) const TEMPLATE_DIGEST: &str = "spacecraft.io/template-digest";

/// Labels in the order of their keys.
pub(crate) type Labels = BTreeMap<&'static str, String>;

/// The labels of everything that belongs to the network as a whole.
pub(crate) fn of_network(network: &str) -> Labels {
    BTreeMap::from([
        ("app.kubernetes.io/part-of", network.to_owned()),
        (MANAGED_BY, MANAGER.to_owned()),
        (NETWORK, network.to_owned()),
    ])
}

/// The labels of everything that belongs to the workload `name`.
pub(crate) fn of_workload(network: &str, name: &str, part: Part) -> Labels {
    let mut labels = of_network(network);
    labels.extend([
        (NAME, name.to_owned()),
        (APPLICATION, part.application().to_owned()),
        ("app.kubernetes.io/name", part.application().to_owned()),
        ("app.kubernetes.io/instance", name.to_owned()),
        (ROLE, role(part)),
    ]);
    match part {
        Part::Node { number, .. } => labels.insert(NODE, number.to_string()),
        Part::Poet { number } => labels.insert(POET, number.to_string()),
        Part::Beacon | Part::Watch | Part::Pyroscope => None,
    };
    labels
}

/// The labels by which Deployments, Services and monitors find the pods of the workload `name`.
pub(crate) fn selecting(network: &str, name: &str) -> Labels {
    BTreeMap::from([(NAME, name.to_owned()), (NETWORK, network.to_owned())])
}

fn role(part: Part) -> String {
    match part {
        Part::Node { role, .. } => role.to_string(),
        Part::Poet { .. } | Part::Beacon | Part::Watch | Part::Pyroscope => part.application().to_owned(),
    }
}

/// The part that an object with these labels belongs to; none when they do not say.
pub(crate) fn part_of(label: impl Fn(&str) -> Option<String>) -> Option<Part> {
    let number = |key: &str| label(key)?.parse().ok();
    let role = match label(ROLE)?.as_str() {
        "bootstrap" => Role::Bootstrap,
        "bootnode" => Role::Bootnode,
        "miner" => Role::Miner,
        "poet" => return Some(Part::Poet { number: number(POET)? }),
        "beacon" => return Some(Part::Beacon),
        "spacemesh-watch" => return Some(Part::Watch),
        "pyroscope" => return Some(Part::Pyroscope),
        _ => return None,
    };
    Some(Part::Node { number: number(NODE)?, role })
}

/// The label that carries a worker's slot: on a shared cluster one for each network, since a worker can serve several.
pub(crate) fn slot_key(network: &str, shared_cluster: bool) -> String {
    if shared_cluster { format!("{SLOT}-{network}") } else { SLOT.to_owned() }
}

/// The labels by which namespaces of a network say which shared charts it uses.
pub(crate) fn usages(shared_charts: &[SharedChart]) -> BTreeMap<String, String> {
    shared_charts.iter().map(|chart| (usage_label(&chart.name), "true".to_owned())).collect()
}

/// The selector of the namespaces of one network, or of all.
pub(crate) fn namespace_selector(network: Option<&str>) -> String {
    network.map_or_else(|| NETWORK.to_owned(), bearing_network_selector)
}

/// The selector of everything of ours that belongs to the network.
pub(crate) fn network_selector(network: &str) -> String {
    format!("{NETWORK}={network},{MANAGED_BY}={MANAGER}")
}

/// The selector of what carries the network's name, whoever manages it: the claims of charts, too.
pub(crate) fn bearing_network_selector(network: &str) -> String {
    format!("{NETWORK}={network}")
}

/// The selector of everything of ours that belongs to the workload `name`.
pub(crate) fn workload_selector(network: &str, name: &str) -> String {
    format!("{},{NAME}={name}", network_selector(network))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts() -> impl Strategy<Value = Part> {
        let role = prop_oneof![Just(Role::Bootstrap), Just(Role::Bootnode), Just(Role::Miner)];
        prop_oneof![
            (any::<u32>(), role).prop_map(|(number, role)| Part::Node { number, role }),
            any::<u32>().prop_map(|number| Part::Poet { number }),
            Just(Part::Beacon),
            Just(Part::Watch),
            Just(Part::Pyroscope),
        ]
    }

    proptest! {
        #[test]
        fn a_part_reads_back_from_its_labels(part in parts()) {
            let labels = of_workload("net1", &part.workload_name(), part);
            prop_assert_eq!(part_of(|key| labels.get(key).cloned()), Some(part));
        }

        #[test]
        fn label_values_are_what_kubernetes_takes(part in parts(), network in "[a-z]([a-z0-9-]{0,38}[a-z0-9])?") {
            for (key, value) in of_workload(&network, &part.workload_name(), part) {
                prop_assert!(value.len() <= 63, "{} is too long", key);
                prop_assert!(value.starts_with(|c: char| c.is_ascii_alphanumeric()));
                prop_assert!(value.ends_with(|c: char| c.is_ascii_alphanumeric()));
            }
            let key = slot_key(&network, true);
            prop_assert!(key.split_once('/').is_some_and(|(_, name)| name.len() <= 63));
        }
    }
}
