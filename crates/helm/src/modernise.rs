//! Objects of API versions that a server no longer serves become objects of those that it does.
//!
//! A pure function over objects and over what is served. Charts of 2019 to 2021 render Ingresses, budgets, autoscalers
//! and custom resource definitions of versions that are gone; each is rewritten field by field, and each change is
//! reported. What cannot be rewritten without a guess is an error, so that nothing is applied.

mod admission;
mod autoscaler;
mod binding;
mod cluster;
mod definition;
mod ingress;
mod lists;
mod security_policy;
mod workload;

use serde_json::{Map, Value};

/// The outcome for all objects of a chart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Modernised {
    /// For each object given, in order: as it is now, or none where it was dropped.
    pub objects: Vec<Option<Value>>,
    /// What was changed and why, a sentence each.
    pub changes: Vec<String>,
}

/// An object that cannot be rewritten.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{object} is of {api_version}, which the cluster no longer serves, and cannot be rewritten: {reason}"
)]
pub struct ModerniseError {
    object: String,
    api_version: String,
    reason: String,
}

type Fields = Map<String, Value>;
/// Rewrites the fields of an object other than its API version; the text says why that cannot be done.
type Rewrite = fn(&mut Fields) -> Result<(), String>;

/// The kinds that changed, the group versions that are gone, what they are now, and how they are rewritten.
const REWRITES: &[(&str, &[&str], &str, Rewrite)] = &[
    (
        "Ingress",
        &["extensions/v1beta1", "networking.k8s.io/v1beta1"],
        "networking.k8s.io/v1",
        ingress::rewrite,
    ),
    ("IngressClass", &["networking.k8s.io/v1beta1"], "networking.k8s.io/v1", unchanged),
    ("NetworkPolicy", &["extensions/v1beta1"], "networking.k8s.io/v1", unchanged),
    ("Deployment", &["extensions/v1beta1", "apps/v1beta1", "apps/v1beta2"], "apps/v1", workload::deployment),
    ("DaemonSet", &["extensions/v1beta1", "apps/v1beta2"], "apps/v1", workload::daemon_set),
    ("ReplicaSet", &["extensions/v1beta1", "apps/v1beta2"], "apps/v1", workload::replica_set),
    ("StatefulSet", &["apps/v1beta1", "apps/v1beta2"], "apps/v1", workload::stateful_set),
    ("ControllerRevision", &["apps/v1beta1", "apps/v1beta2"], "apps/v1", unchanged),
    ("PodDisruptionBudget", &["policy/v1beta1"], "policy/v1", workload::disruption_budget),
    ("HorizontalPodAutoscaler", &["autoscaling/v2beta1"], "autoscaling/v2", autoscaler::rewrite),
    ("HorizontalPodAutoscaler", &["autoscaling/v2beta2"], "autoscaling/v2", unchanged),
    ("CronJob", &["batch/v1beta1", "batch/v2alpha1"], "batch/v1", unchanged),
    ("Role", RBAC, "rbac.authorization.k8s.io/v1", unchanged),
    ("RoleBinding", RBAC, "rbac.authorization.k8s.io/v1", binding::rewrite),
    ("ClusterRole", RBAC, "rbac.authorization.k8s.io/v1", unchanged),
    ("ClusterRoleBinding", RBAC, "rbac.authorization.k8s.io/v1", binding::rewrite),
    ("ValidatingWebhookConfiguration", ADMISSION, "admissionregistration.k8s.io/v1", admission::rewrite),
    ("MutatingWebhookConfiguration", ADMISSION, "admissionregistration.k8s.io/v1", admission::rewrite),
    ("APIService", &["apiregistration.k8s.io/v1beta1"], "apiregistration.k8s.io/v1", unchanged),
    (
        "CustomResourceDefinition",
        &["apiextensions.k8s.io/v1beta1"],
        "apiextensions.k8s.io/v1",
        definition::rewrite,
    ),
    (
        "PriorityClass",
        &["scheduling.k8s.io/v1alpha1", "scheduling.k8s.io/v1beta1"],
        "scheduling.k8s.io/v1",
        unchanged,
    ),
    ("StorageClass", &["storage.k8s.io/v1beta1"], "storage.k8s.io/v1", unchanged),
    ("CSIDriver", &["storage.k8s.io/v1beta1"], "storage.k8s.io/v1", unchanged),
    ("CSINode", &["storage.k8s.io/v1beta1"], "storage.k8s.io/v1", unchanged),
    (
        "VolumeAttachment",
        &["storage.k8s.io/v1alpha1", "storage.k8s.io/v1beta1"],
        "storage.k8s.io/v1",
        unchanged,
    ),
    (
        "CSIStorageCapacity",
        &["storage.k8s.io/v1alpha1", "storage.k8s.io/v1beta1"],
        "storage.k8s.io/v1",
        unchanged,
    ),
    ("Lease", &["coordination.k8s.io/v1beta1"], "coordination.k8s.io/v1", unchanged),
    ("RuntimeClass", &["node.k8s.io/v1alpha1"], "node.k8s.io/v1", cluster::runtime_class),
    ("RuntimeClass", &["node.k8s.io/v1beta1"], "node.k8s.io/v1", unchanged),
    ("EndpointSlice", &["discovery.k8s.io/v1beta1"], "discovery.k8s.io/v1", workload::endpoint_slice),
    ("Event", &["events.k8s.io/v1beta1"], "events.k8s.io/v1", unchanged),
    ("FlowSchema", FLOW_CONTROL, "flowcontrol.apiserver.k8s.io/v1", unchanged),
    ("PriorityLevelConfiguration", FLOW_CONTROL, "flowcontrol.apiserver.k8s.io/v1", cluster::priority_level),
    (
        "CertificateSigningRequest",
        &["certificates.k8s.io/v1beta1"],
        "certificates.k8s.io/v1",
        cluster::signing_request,
    ),
    ("ValidatingAdmissionPolicy", POLICIES, "admissionregistration.k8s.io/v1", unchanged),
    ("ValidatingAdmissionPolicyBinding", POLICIES, "admissionregistration.k8s.io/v1", unchanged),
];
const RBAC: &[&str] = &["rbac.authorization.k8s.io/v1alpha1", "rbac.authorization.k8s.io/v1beta1"];
const ADMISSION: &[&str] = &["admissionregistration.k8s.io/v1beta1"];
const POLICIES: &[&str] = &["admissionregistration.k8s.io/v1alpha1", "admissionregistration.k8s.io/v1beta1"];
const FLOW_CONTROL: &[&str] = &[
    "flowcontrol.apiserver.k8s.io/v1alpha1",
    "flowcontrol.apiserver.k8s.io/v1beta1",
    "flowcontrol.apiserver.k8s.io/v1beta2",
    "flowcontrol.apiserver.k8s.io/v1beta3",
];

#[allow(clippy::unnecessary_wraps, reason = "it stands where rewrites stand that can fail")]
fn unchanged(_: &mut Fields) -> Result<(), String> {
    Ok(())
}

/// Rewrites those `objects` that the cluster no longer serves; `serves` answers for an API version and kind.
///
/// # Errors
/// For the first object that is no longer served and cannot be rewritten.
pub fn modernise(
    objects: Vec<Value>,
    serves: &dyn Fn(&str, &str) -> bool,
) -> Result<Modernised, ModerniseError> {
    let shape = lists::Shape::of(&objects);
    let mut modernised = Modernised::default();
    for object in lists::flat(objects) {
        let object = modernise_one(object, serves, &mut modernised.changes)?;
        let object = autoscaler::modernise_target(object, serves, &mut modernised.changes);
        modernised.objects.push(Some(object));
    }
    security_policy::drop_policies(&mut modernised, serves);
    modernised.objects = shape.filled(modernised.objects);
    Ok(modernised)
}

/// The API version that took the place of one that a kind is no longer served in.
fn successor(api_version: &str, kind: &str, serves: &dyn Fn(&str, &str) -> bool) -> Option<&'static str> {
    if serves(api_version, kind) {
        return None;
    }
    let is_it = |(known, old, new, _): &&(&str, &[&str], &'static str, Rewrite)| {
        *known == kind && old.contains(&api_version) && serves(new, known)
    };
    REWRITES.iter().find(is_it).map(|(_, _, new, _)| *new)
}

fn modernise_one(
    object: Value,
    serves: &dyn Fn(&str, &str) -> bool,
    changes: &mut Vec<String>,
) -> Result<Value, ModerniseError> {
    let (api_version, kind) = (text(&object, "/apiVersion"), text(&object, "/kind"));
    if serves(&api_version, &kind) {
        return Ok(object);
    }
    let rewrite = REWRITES.iter().find(|(known, old, new, _)| {
        *known == kind && old.contains(&api_version.as_str()) && serves(new, known)
    });
    let (Some((_, _, new, rewrite)), Value::Object(mut fields)) = (rewrite, object.clone()) else {
        return Ok(object);
    };
    let description = describe(&object);
    rewrite(&mut fields).map_err(|reason| ModerniseError {
        object: description.clone(),
        api_version: api_version.clone(),
        reason,
    })?;
    fields.insert("apiVersion".to_owned(), Value::from(*new));
    changes.push(format!("{description} was rewritten from {api_version} to {new}"));
    Ok(Value::Object(fields))
}

fn text(object: &Value, pointer: &str) -> String {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn describe(object: &Value) -> String {
    format!("{} {}", text(object, "/kind"), text(object, "/metadata/name"))
}

/// The object under `key`, if it is one.
fn object<'a>(fields: &'a mut Fields, key: &str) -> Option<&'a mut Fields> {
    fields.get_mut(key)?.as_object_mut()
}

/// The objects in the list under `key`.
fn objects<'a>(fields: &'a mut Fields, key: &str) -> impl Iterator<Item = &'a mut Fields> {
    fields.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut)
}

/// Gives a field another name.
fn rename(fields: &mut Fields, from: &str, to: &str) {
    if let Some(value) = fields.remove(from) {
        fields.insert(to.to_owned(), value);
    }
}

/// Writes an old default down, because the new one differs.
fn write_default(fields: &mut Fields, key: &str, value: Value) {
    fields.entry(key).or_insert(value);
}

#[cfg(test)]
mod tests;
