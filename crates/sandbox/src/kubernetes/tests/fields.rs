//! The table of fields, compared with an independent rendering of the same API.

use k8s_openapi::api;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::kubernetes::schema::{self, Shape, Structure};

/// A value in which every field of a structure has something.
fn sample(structure: &Structure) -> Value {
    let fields = structure.fields.iter().map(|(name, field)| (name.clone(), sample_of(&field.shape)));
    let mut object = Value::Object(fields.collect::<Map<String, Value>>());
    if let (Some((group_version, kind)), true) = (
        structure.name.split_once('.'),
        structure.fields.contains_key("metadata") && structure.fields.contains_key("kind"),
    ) {
        let (folder, version) = group_version.split_once('/').unwrap();
        object["kind"] = kind.into();
        object["apiVersion"] = api_version(folder, version).into();
    }
    object
}

fn sample_of(shape: &Shape) -> Value {
    match shape {
        Shape::Text => json!("text"),
        Shape::Boolean => json!(true),
        Shape::Int32 | Shape::Int64 => json!(7),
        Shape::Number => json!(7.5),
        Shape::Bytes => json!("Ynl0ZXM="),
        Shape::Quantity => json!("7Gi"),
        Shape::IntOrText => json!("50%"),
        Shape::Time => json!("2026-01-01T00:00:00Z"),
        Shape::MicroTime => json!("2026-01-01T00:00:00.000001Z"),
        Shape::Any => json!({}),
        Shape::List(list) => json!([sample_of(&list.item)]),
        Shape::Map { item, .. } => json!({"key": sample_of(item)}),
        Shape::Structure(structure) => sample(structure),
    }
}

/// Every field of the table is one of the type's, of the same type, and the other way round.
fn agrees<T: DeserializeOwned + Serialize>(name: &str) {
    let structure = schema::built_in(name).unwrap_or_else(|| panic!("{name} is not in the table"));
    let object = sample(&structure);
    let typed: T = serde_json::from_value(object.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
    let back = serde_json::to_value(&typed).unwrap();
    assert_eq!(first_difference(&back, &object, name), None);
}

/// Where two objects differ.
fn first_difference(left: &Value, right: &Value, path: &str) -> Option<String> {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            let keys = left.keys().chain(right.keys());
            keys.filter(|key| left.get(*key) != right.get(*key))
                .find_map(|key| {
                    let (left, right) = (left.get(key)?, right.get(key)?);
                    first_difference(left, right, &format!("{path}.{key}"))
                })
                .or_else(|| {
                    let differs =
                        left.keys().chain(right.keys()).find(|key| left.get(*key) != right.get(*key));
                    differs.map(|key| format!("{path}.{key} is only on one side"))
                })
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            left.iter().zip(right).find_map(|(left, right)| first_difference(left, right, path))
        }
        (left, right) => (left != right).then(|| format!("{path}: {left} and {right}")),
    }
}

fn api_version(folder: &str, version: &str) -> String {
    match folder {
        "core" => version.to_owned(),
        "apps" | "batch" | "policy" | "autoscaling" => format!("{folder}/{version}"),
        "rbac" => format!("rbac.authorization.k8s.io/{version}"),
        other => format!("{other}.k8s.io/{version}"),
    }
}

macro_rules! agree {
    ($($module:ident :: $version:ident: $($kind:ident),+;)+) => {
        $($(agrees::<api::$module::$version::$kind>(
            concat!(stringify!($module), "/", stringify!($version), ".", stringify!($kind)),
        );)+)+
    };
}

#[test]
fn the_table_of_fields_has_the_fields_of_every_kind() {
    agree! {
        core::v1: Pod, Service, Secret, ConfigMap, PersistentVolumeClaim, PersistentVolume, Namespace, Node,
            ServiceAccount, Event, Endpoints, LimitRange, ResourceQuota, PodTemplate, ReplicationController;
        apps::v1: Deployment, StatefulSet, DaemonSet, ReplicaSet, ControllerRevision;
        batch::v1: Job, CronJob;
        networking::v1: Ingress, IngressClass, NetworkPolicy;
        policy::v1: PodDisruptionBudget;
        rbac::v1: Role, RoleBinding, ClusterRole, ClusterRoleBinding;
        storage::v1: StorageClass, CSIDriver, CSINode, VolumeAttachment;
        autoscaling::v2: HorizontalPodAutoscaler;
        coordination::v1: Lease;
        discovery::v1: EndpointSlice;
        scheduling::v1: PriorityClass;
        node::v1: RuntimeClass;
        admissionregistration::v1: ValidatingWebhookConfiguration, MutatingWebhookConfiguration;
    }
    agrees::<apiregistration::v1::APIService>("apiregistration/v1.APIService");
}
