//! What the network needs before its workloads: namespaces, NetworkPolicies, PodDisruptionBudgets.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use spacecraft_core::workload::{
    Admission, AdmittedPort, Callers, DisruptionBudget, Foundation, GuardedNamespace,
};

use super::labels::{self, Labels};
use super::{Manifest, Target, at, pod, set, set_unless_empty};
use crate::resource::{Address, DISRUPTION_BUDGET, NAMESPACE, NETWORK_POLICY};

/// The policy that closes a namespace of the network to everything outside of it.
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
    let mut manifests: Vec<Manifest> =
        guarded(target, foundation).iter().flat_map(|guarded| policies(target, guarded)).collect();
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

/// The guarded namespaces, the network's own among them in any case.
pub(crate) fn guarded(target: &Target, foundation: &Foundation) -> Vec<GuardedNamespace> {
    let own = GuardedNamespace { namespace: target.namespace.clone(), admissions: Vec::new() };
    let is_missing = !foundation.guarded.iter().any(|guarded| guarded.namespace == target.namespace);
    is_missing.then_some(own).into_iter().chain(foundation.guarded.iter().cloned()).collect()
}

/// One policy that lets the pods of a namespace reach each other, with what all of them admit, and one for each application that admits more. Kubelets reach the pods of
/// their own workers under every policy.
fn policies(target: &Target, guarded: &GuardedNamespace) -> Vec<Manifest> {
    let mut applications: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    let mut to_all = vec![json!({ "from": [{ "podSelector": {} }] })];
    for admission in &guarded.admissions {
        let rule = rule(admission);
        match &admission.application {
            Some(application) => applications.entry(application).or_default().push(rule),
            None => to_all.push(rule),
        }
    }
    let namespace = guarded.namespace.as_str();
    let closed = policy(target, namespace, CLOSED, &json!({}), &to_all);
    let of_applications = applications.iter().map(|(application, rules)| {
        let pods = json!({ "matchLabels": { labels::APPLICATION: application } });
        policy(target, namespace, &format!("spacecraft-to-{application}"), &pods, rules)
    });
    std::iter::once(closed).chain(of_applications).collect()
}

fn policy(target: &Target, namespace: &str, name: &str, pods: &Value, rules: &[Value]) -> Manifest {
    let content = json!({ "spec": { "podSelector": pods, "policyTypes": ["Ingress"], "ingress": rules } });
    let address = Address::new(NETWORK_POLICY, namespace, name);
    Manifest::new(address, &labels::of_network(target.network.as_str()), content)
}

fn rule(admission: &Admission) -> Value {
    let port = match admission.port {
        AdmittedPort::All => None,
        AdmittedPort::Number(number) => Some(json!({ "port": number, "protocol": "TCP" })),
        AdmittedPort::Host(transport) => {
            Some(json!({ "port": pod::host_port_name(transport), "protocol": pod::protocol(transport) }))
        }
    };
    let mut rule = json!({});
    set_unless_empty(&mut rule, "ports", json!(port.as_slice()));
    set_unless_empty(&mut rule, "from", json!(sources(&admission.callers)));
    rule
}

/// The sources of a rule; none means everybody.
fn sources(callers: &Callers) -> Vec<Value> {
    match callers {
        Callers::Everybody => Vec::new(),
        Callers::Ranges(ranges) => {
            ranges.iter().map(|range| json!({ "ipBlock": { "cidr": range } })).collect()
        }
        Callers::Pods { namespace, application } => {
            let name = json!({ "kubernetes.io/metadata.name": namespace });
            let mut source = json!({ "namespaceSelector": { "matchLabels": name } });
            if let Some(application) = application {
                set(
                    &mut source,
                    "podSelector",
                    json!({ "matchLabels": { labels::APPLICATION: application } }),
                );
            }
            vec![source]
        }
    }
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
