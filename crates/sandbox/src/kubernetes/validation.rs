//! The rules that objects must keep, each broken one reported in the API server's words.

mod changes;
mod cluster;
mod network;
mod pods;
mod storage;
mod workloads;

use std::collections::BTreeSet;

use serde_json::Value;

use super::names;
use super::object::{entries, items, text, text_or_empty};
use super::resources::Resource;
use super::status::Mistake;

pub(crate) use changes::changed;

/// The mistakes found so far.
pub(crate) type Mistakes = Vec<Mistake>;

/// Every mistake in an object that is about to be stored, whatever was there before.
pub(crate) fn object(resource: &Resource, object: &Value) -> Mistakes {
    let mut mistakes = metadata(resource, object);
    if resource.custom.is_some() {
        cluster::custom(resource, object, &mut mistakes);
        return mistakes;
    }
    match resource.kind.as_str() {
        "Pod" => pods::spec(object, "/spec", "spec", &mut mistakes),
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" | "Job" | "CronJob" => {
            workloads::object(&resource.kind, object, &mut mistakes);
        }
        "Service" => network::service(object, &mut mistakes),
        "Ingress" => network::ingress(object, &mut mistakes),
        "IngressClass" => network::ingress_class(object, &mut mistakes),
        "NetworkPolicy" => network::network_policy(object, &mut mistakes),
        "ConfigMap" => storage::config_map(object, &mut mistakes),
        "Secret" => storage::secret(object, &mut mistakes),
        "PersistentVolumeClaim" => storage::claim(object, "/spec", "spec", &mut mistakes),
        "PersistentVolume" => storage::volume(object, &mut mistakes),
        "StorageClass" => storage::storage_class(object, &mut mistakes),
        "PodDisruptionBudget" => cluster::disruption_budget(object, &mut mistakes),
        "RoleBinding" | "ClusterRoleBinding" => cluster::role_binding(object, &mut mistakes),
        "Role" | "ClusterRole" => cluster::role(&resource.kind, object, &mut mistakes),
        "CustomResourceDefinition" => cluster::definition(object, &mut mistakes),
        "Lease" => cluster::lease(object, &mut mistakes),
        "PriorityClass" => cluster::priority_class(object, &mut mistakes),
        _ => {}
    }
    mistakes
}

/// How long all annotations together may be.
const ANNOTATIONS_BYTES: usize = 256 * 1024;

fn metadata(resource: &Resource, object: &Value) -> Mistakes {
    let mut mistakes = Mistakes::new();
    let name = text_or_empty(object, "/metadata/name");
    if name.is_empty() {
        mistakes.push(Mistake::required("metadata.name", "name or generateName is required"));
    } else {
        let why = name_rule(resource)(name);
        mistakes.extend(why.iter().map(|why| Mistake::invalid("metadata.name", name, why)));
    }
    labels(object, "/metadata/labels", "metadata.labels", &mut mistakes);
    annotations(object, "metadata.annotations", &mut mistakes);
    finalizers(object, &mut mistakes);
    owners(object, &mut mistakes);
    mistakes
}

fn name_rule(resource: &Resource) -> fn(&str) -> Vec<String> {
    match resource.kind.as_str() {
        "Namespace" => names::dns_label,
        "Service" => names::dns_1035_label,
        "Role" | "ClusterRole" | "RoleBinding" | "ClusterRoleBinding" => names::path_segment,
        _ => names::dns_subdomain,
    }
}

/// Labels, or anything that must look like them.
fn labels(object: &Value, pointer: &str, field: &str, mistakes: &mut Mistakes) {
    for (key, value) in entries(object, pointer) {
        mistakes
            .extend(names::qualified_name(key).iter().map(|why| Mistake::invalid(field, key.as_str(), why)));
        let value = value.as_str().unwrap_or_default();
        mistakes.extend(names::label_value(value).iter().map(|why| Mistake::invalid(field, value, why)));
    }
}

fn annotations(object: &Value, field: &str, mistakes: &mut Mistakes) {
    let mut bytes = 0;
    for (key, value) in entries(object, "/metadata/annotations") {
        let lower = key.to_lowercase();
        mistakes.extend(
            names::qualified_name(&lower).iter().map(|why| Mistake::invalid(field, key.as_str(), why)),
        );
        bytes += key.len() + value.as_str().unwrap_or_default().len();
    }
    if bytes > ANNOTATIONS_BYTES {
        mistakes.push(Mistake::too_long(field, ANNOTATIONS_BYTES));
    }
}

fn finalizers(object: &Value, mistakes: &mut Mistakes) {
    const KNOWN: [&str; 3] = ["orphan", "foregroundDeletion", "kubernetes"];
    for finalizer in items(object, "/metadata/finalizers").iter().filter_map(Value::as_str) {
        let why = names::qualified_name(finalizer);
        mistakes.extend(why.iter().map(|why| Mistake::invalid("metadata.finalizers", finalizer, why)));
        if why.is_empty() && !finalizer.contains('/') && !KNOWN.contains(&finalizer) {
            let detail = "name is neither a standard finalizer name nor is it fully qualified";
            mistakes.push(Mistake::invalid("metadata.finalizers", finalizer, detail));
        }
    }
}

fn owners(object: &Value, mistakes: &mut Mistakes) {
    const FIELD: &str = "metadata.ownerReferences";
    for owner in items(object, "/metadata/ownerReferences") {
        for (pointer, name) in
            [("/apiVersion", "version"), ("/kind", "kind"), ("/name", "name"), ("/uid", "uid")]
        {
            if text_or_empty(owner, pointer).is_empty() {
                let detail = format!("{name} must not be empty");
                mistakes.push(Mistake::invalid(format!("{FIELD}.{name}"), "", &detail));
            }
        }
    }
}

/// A `LabelSelector`: its labels and expressions.
fn label_selector(object: &Value, pointer: &str, field: &str, mistakes: &mut Mistakes) {
    labels(object, &format!("{pointer}/matchLabels"), &format!("{field}.matchLabels"), mistakes);
    for (index, expression) in items(object, &format!("{pointer}/matchExpressions")).iter().enumerate() {
        let field = format!("{field}.matchExpressions[{index}]");
        let values = items(expression, "/values");
        match text_or_empty(expression, "/operator") {
            "In" | "NotIn" if values.is_empty() => {
                let detail = "must be specified when `operator` is 'In' or 'NotIn'";
                mistakes.push(Mistake::required(format!("{field}.values"), detail));
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                mistakes.push(Mistake::forbidden(format!("{field}.values"), detail));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => {
                let detail = "not a valid selector operator";
                mistakes.push(Mistake::invalid(format!("{field}.operator"), other, detail));
            }
        }
        let key = text_or_empty(expression, "/key");
        let why = names::qualified_name(key);
        mistakes.extend(why.iter().map(|why| Mistake::invalid(format!("{field}.key"), key, why)));
    }
}

/// A text that must be one of a few; absent is another rule's matter.
fn one_of(object: &Value, pointer: &str, field: &str, supported: &[&str], mistakes: &mut Mistakes) {
    if let Some(value) = text(object, pointer)
        && !supported.contains(&value)
    {
        mistakes.push(Mistake::unsupported(field, value, supported));
    }
}

/// A number that must not be negative.
fn not_negative(object: &Value, pointer: &str, field: &str, mistakes: &mut Mistakes) {
    if let Some(number) = super::object::whole(object, pointer).filter(|number| *number < 0) {
        mistakes.push(Mistake::invalid(field, number, "must be greater than or equal to 0"));
    }
}

/// A port number.
fn port_number(number: i64, field: &str, mistakes: &mut Mistakes) {
    if !(1..=65535).contains(&number) {
        mistakes.push(Mistake::invalid(field, number, "must be between 1 and 65535, inclusive"));
    }
}

/// Names that may come only once.
fn duplicates<'a>(names: impl Iterator<Item = (String, &'a str)>, mistakes: &mut Mistakes) {
    let mut seen = BTreeSet::new();
    for (field, name) in names.filter(|(_, name)| !name.is_empty()) {
        if !seen.insert(name) {
            mistakes.push(Mistake::duplicate(field, name));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kubernetes::resources::Catalog;
    use crate::kubernetes::status::Failure;

    /// What the server would answer about an object; empty when it is valid.
    pub(super) fn verdict(plural: &str, value: &Value) -> String {
        let catalog = Catalog::new();
        let resource = catalog.stored(plural).unwrap();
        let mut filled = value.clone();
        crate::kubernetes::defaults::fill(&resource.kind, &mut filled);
        let mistakes = object(resource, &filled);
        if mistakes.is_empty() {
            return String::new();
        }
        Failure::invalid(&resource.group, &resource.kind, "x", &mistakes).message().to_owned()
    }

    #[test]
    fn names_and_labels_are_checked() {
        let object = json!({"metadata": {"name": "Upper", "labels": {"a": "b c"}}});
        let verdict = verdict("configmaps", &object);
        assert!(verdict.starts_with("ConfigMap \"x\" is invalid: [metadata.name: Invalid value: \"Upper\": a lowercase RFC 1123 subdomain"), "{verdict}");
        assert!(
            verdict.contains("metadata.labels: Invalid value: \"b c\": a valid label must be"),
            "{verdict}"
        );
    }

    #[test]
    fn unqualified_finalizers_are_refused() {
        let object = json!({"metadata": {"name": "a", "finalizers": ["mine"]}});
        assert!(verdict("configmaps", &object).contains("neither a standard finalizer name"));
    }
}
