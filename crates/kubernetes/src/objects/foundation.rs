//! What the network needs before its workloads: namespaces, NetworkPolicies, PodDisruptionBudgets.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use spacecraft_core::workload::{DisruptionBudget, Foundation, GuardedNamespace, PublicPort};

use super::labels::{self, Labels};
use super::{Manifest, Target, at, pod, set_unless_empty};
use crate::resource::{Address, DISRUPTION_BUDGET, NAMESPACE, NETWORK_POLICY};

/// The policy that closes the network's namespace to everything outside the network.
const CLOSED: &str = "spacecraft-network";

/// All objects of the foundation in the order in which they are applied.
pub(crate) fn manifests(target: &Target, foundation: &Foundation) -> Vec<Manifest> {
    let mut manifests: Vec<Manifest> = namespaces(target, foundation)
        .into_iter()
        .map(|name| namespace(target, foundation, name, true))
        .collect();
    manifests.extend(foundation.shared_charts.iter().map(|chart| shared_namespace(&chart.namespace)));
    manifests.extend(inside(target, foundation));
    manifests
}

/// A namespace for a chart that networks share, which belongs to none of them. One that somebody else made stays as it is.
pub(crate) fn shared_namespace(name: &str) -> Manifest {
    let labels = Labels::from([
        (labels::MANAGED_BY, labels::MANAGER.to_owned()),
        (labels::OWNED, "true".to_owned()),
        (labels::SHARED, "true".to_owned()),
        ("pod-security.kubernetes.io/enforce", "privileged".to_owned()),
    ]);
    Manifest::new(Address::new(NAMESPACE, "", name), &labels, json!({}))
}

/// The objects of the foundation inside namespaces: policies and budgets.
pub(crate) fn inside(target: &Target, foundation: &Foundation) -> Vec<Manifest> {
    let mut manifests = vec![closed_policy(target, foundation)];
    manifests.extend(foundation.guarded.iter().map(|guarded| guarded_policy(target, guarded)));
    let mut applications: BTreeMap<&str, Vec<&PublicPort>> = BTreeMap::new();
    for port in &foundation.public_ports {
        applications.entry(&port.application).or_default().push(port);
    }
    manifests
        .extend(applications.iter().map(|(application, ports)| public_policy(target, application, ports)));
    manifests.extend(foundation.disruption_budgets.iter().map(|budget| disruption_budget(target, budget)));
    manifests
}

/// The names of the network's namespaces, its own first, each once.
pub(crate) fn namespaces<'a>(target: &'a Target, foundation: &'a Foundation) -> Vec<&'a str> {
    let mut seen = BTreeSet::new();
    std::iter::once(&target.namespace)
        .chain(&foundation.namespaces)
        .map(String::as_str)
        .filter(|name| seen.insert(*name))
        .collect()
}

/// A namespace that belongs to the network. One that is `owned`, because we made it, may be deleted whole, and admits pods with
/// host ports and, from charts, host paths, which only the privileged level of pod security does; our own pods keep to the restricted
/// one otherwise. One that somebody else made gets the network's name and nothing more: what it is and admits is theirs to say.
pub(crate) fn namespace(target: &Target, foundation: &Foundation, name: &str, owned: bool) -> Manifest {
    let network = target.network.as_str();
    let labels = if owned {
        let mut labels = labels::of_network(network);
        labels.insert("pod-security.kubernetes.io/enforce", "privileged".to_owned());
        labels.insert(labels::OWNED, "true".to_owned());
        labels
    } else {
        Labels::from([(labels::NETWORK, network.to_owned())])
    };
    let usages = labels::usages(&foundation.shared_charts);
    let all: BTreeMap<&str, &String> = labels
        .iter()
        .map(|(key, value)| (*key, value))
        .chain(usages.iter().map(|(key, value)| (key.as_str(), value)))
        .collect();
    let namespace = Manifest::new(Address::new(NAMESPACE, "", name), &all, json!({}));
    match foundation.recorded_in.as_str() {
        "" => namespace,
        location => namespace.annotated(labels::RECORDED_IN, location),
    }
}

/// Lets pods of the network's namespaces, or on a cluster of our own of all namespaces, reach every pod of the network; nobody else
/// reaches any. Kubelets reach their own pods under every policy.
fn closed_policy(target: &Target, foundation: &Foundation) -> Manifest {
    let ours = if foundation.shared_cluster {
        json!({ "matchLabels": { labels::NETWORK: target.network.as_str() } })
    } else {
        json!({})
    };
    let content = json!({
        "spec": {
            "podSelector": {},
            "policyTypes": ["Ingress"],
            "ingress": [{ "from": [{ "namespaceSelector": ours }] }],
        },
    });
    Manifest::new(at(target, NETWORK_POLICY, CLOSED), &labels::of_network(target.network.as_str()), content)
}

/// Lets pods of the network's namespaces and of those that are named reach every pod of a guarded namespace.
fn guarded_policy(target: &Target, guarded: &GuardedNamespace) -> Manifest {
    let ours =
        json!({ "namespaceSelector": { "matchLabels": { labels::NETWORK: target.network.as_str() } } });
    let named = |name: &String| json!({ "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": name } } });
    let from: Vec<Value> = std::iter::once(ours).chain(guarded.reached_from.iter().map(named)).collect();
    let content = json!({
        "spec": { "podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{ "from": from }] },
    });
    let address = Address::new(NETWORK_POLICY, guarded.namespace.as_str(), CLOSED);
    Manifest::new(address, &labels::of_network(target.network.as_str()), content)
}

/// Opens ports of one application beyond the network.
fn public_policy(target: &Target, application: &str, ports: &[&PublicPort]) -> Manifest {
    let content = json!({
        "spec": {
            "podSelector": { "matchLabels": { labels::APPLICATION: application } },
            "policyTypes": ["Ingress"],
            "ingress": ports.iter().map(|port| opening(port)).collect::<Vec<_>>(),
        },
    });
    let name = format!("spacecraft-public-{application}");
    Manifest::new(at(target, NETWORK_POLICY, &name), &labels::of_network(target.network.as_str()), content)
}

fn opening(port: &PublicPort) -> Value {
    let number_or_name = match port.port {
        Some(number) => json!(number),
        None => json!(pod::host_port_name(port.protocol)),
    };
    let mut rule = json!({ "ports": [{ "port": number_or_name, "protocol": pod::protocol(port.protocol) }] });
    let sources: Vec<Value> = port.from.iter().map(|cidr| json!({ "ipBlock": { "cidr": cidr } })).collect();
    set_unless_empty(&mut rule, "from", json!(sources));
    rule
}

/// How many pods of a role a drain may take at once. Pods that are not ready never hold a drain up.
fn disruption_budget(target: &Target, budget: &DisruptionBudget) -> Manifest {
    let network = target.network.as_str();
    let role = budget.role.to_string();
    let mut labels = labels::of_network(network);
    labels.insert(labels::ROLE, role.clone());
    let content = json!({
        "spec": {
            "maxUnavailable": budget.max_unavailable,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": { "matchLabels": { labels::NETWORK: network, labels::ROLE: role } },
        },
    });
    Manifest::new(at(target, DISRUPTION_BUDGET, &format!("spacecraft-{role}")), &labels, content)
}
