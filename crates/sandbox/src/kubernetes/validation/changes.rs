//! What may not change once an object exists.

use serde_json::Value;

use super::super::object::{self, flag, items, text, text_or_empty};
use super::super::quantity::Quantity;
use super::super::resources::Resource;
use super::super::status::Mistake;
use super::{Mistakes, storage};

/// Every forbidden difference between the stored object and the one that shall replace it.
pub(crate) fn changed(resource: &Resource, old: &Value, new: &Value) -> Mistakes {
    let mut mistakes = Mistakes::new();
    if resource.custom.is_some() {
        return mistakes;
    }
    match resource.kind.as_str() {
        "Deployment" | "ReplicaSet" | "DaemonSet" => immutable(old, new, "spec.selector", &mut mistakes),
        "StatefulSet" => stateful_set(old, new, &mut mistakes),
        "Job" => {
            for field in ["spec.completions", "spec.selector", "spec.template", "spec.completionMode"] {
                if field == "spec.completions" || !flag(old, "/spec/suspend") {
                    immutable(old, new, field, &mut mistakes);
                }
            }
        }
        "Pod" => pod(old, new, &mut mistakes),
        "Service" => service(old, new, &mut mistakes),
        "PersistentVolumeClaim" => claim(old, new, &mut mistakes),
        "PersistentVolume" => volume(old, new, &mut mistakes),
        "ConfigMap" | "Secret" => data(old, new, &mut mistakes),
        "StorageClass" => {
            for field in ["provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"] {
                forbidden(old, new, field, "updates to this field are forbidden.", &mut mistakes);
            }
        }
        "RoleBinding" | "ClusterRoleBinding" if old.get("roleRef") != new.get("roleRef") => {
            let role = new.get("roleRef").cloned().unwrap_or_default();
            mistakes.push(Mistake::invalid("roleRef", role, "cannot change roleRef"));
        }
        "CustomResourceDefinition" => {
            for field in ["spec.group", "spec.scope", "spec.names.kind"] {
                immutable(old, new, field, &mut mistakes);
            }
        }
        "PriorityClass" => forbidden(old, new, "value", "may not be changed in an update.", &mut mistakes),
        "IngressClass" => immutable(old, new, "spec.controller", &mut mistakes),
        _ => {}
    }
    mistakes
}

fn at<'a>(object: &'a Value, field: &str) -> Option<&'a Value> {
    object.pointer(&format!("/{}", field.replace('.', "/")))
}

fn immutable(old: &Value, new: &Value, field: &str, mistakes: &mut Mistakes) {
    if at(old, field) != at(new, field) {
        mistakes.push(Mistake::invalid(
            field,
            at(new, field).cloned().unwrap_or_default(),
            "field is immutable",
        ));
    }
}

fn forbidden(old: &Value, new: &Value, field: &str, detail: &str, mistakes: &mut Mistakes) {
    if at(old, field) != at(new, field) {
        mistakes.push(Mistake::forbidden(field, detail));
    }
}

/// True when the specs are equal apart from some fields of them.
fn equal_but(old: &Value, new: &Value, but: &[&str]) -> bool {
    let rest = |object: &Value| {
        let mut spec = object.get("spec").cloned().unwrap_or_default();
        for pointer in but {
            object::remove(&mut spec, pointer);
        }
        spec
    };
    rest(old) == rest(new)
}

fn stateful_set(old: &Value, new: &Value, mistakes: &mut Mistakes) {
    const MUTABLE: [&str; 8] = [
        "/replicas",
        "/ordinals",
        "/template",
        "/updateStrategy",
        "/revisionHistoryLimit",
        "/persistentVolumeClaimRetentionPolicy",
        "/minReadySeconds",
        "/paused",
    ];
    if !equal_but(old, new, &MUTABLE) {
        let detail = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', \
                      'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and \
                      'minReadySeconds' are forbidden";
        mistakes.push(Mistake::forbidden("spec", detail));
    }
}

fn pod(old: &Value, new: &Value, mistakes: &mut Mistakes) {
    let rest = |object: &Value| {
        let mut object = object.clone();
        for pointer in [
            "/spec/activeDeadlineSeconds",
            "/spec/terminationGracePeriodSeconds",
            "/spec/tolerations",
            "/spec/schedulingGates",
        ] {
            object::remove(&mut object, pointer);
        }
        for list in ["/spec/containers", "/spec/initContainers"] {
            for container in object.pointer_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                object::remove(container, "/image");
            }
        }
        object.get("spec").cloned()
    };
    if rest(old) != rest(new) {
        let detail = "pod updates may not change fields other than `spec.containers[*].image`,\
                      `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to \
                      existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was \
                      previously negative)";
        mistakes.push(Mistake::forbidden("spec", detail));
    }
}

fn service(old: &Value, new: &Value, mistakes: &mut Mistakes) {
    let headless_or_named = |object: &Value| text(object, "/spec/type") == Some("ExternalName");
    if headless_or_named(old) || headless_or_named(new) {
        return;
    }
    let (before, after) = (text_or_empty(old, "/spec/clusterIP"), text_or_empty(new, "/spec/clusterIP"));
    if !before.is_empty() && before != after {
        let detail = "may not change once set";
        mistakes.push(Mistake::invalid(
            "spec.clusterIPs[0]",
            items(new, "/spec/clusterIPs").to_vec(),
            detail,
        ));
    }
}

fn claim(old: &Value, new: &Value, mistakes: &mut Mistakes) {
    let detail = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
    let mut before = old.clone();
    if text_or_empty(&before, "/spec/volumeName").is_empty() {
        object::set(
            &mut before,
            "/spec/volumeName",
            new.pointer("/spec/volumeName").cloned().unwrap_or_default(),
        );
        if before.pointer("/spec/volumeName").is_some_and(Value::is_null) {
            object::remove(&mut before, "/spec/volumeName");
        }
    }
    let bound = text(old, "/status/phase") == Some("Bound");
    let but: &[&str] = if bound { &["/resources/requests", "/volumeAttributesClassName"] } else { &[] };
    if !equal_but(&before, new, but) {
        mistakes.push(Mistake::forbidden("spec", detail));
    }
    let size = |object: &Value| text(object, "/spec/resources/requests/storage").and_then(Quantity::parse);
    if let (Some(before), Some(after)) = (size(old), size(new))
        && after.units() < before.units()
    {
        let detail = "field can not be less than status.capacity";
        mistakes.push(Mistake::forbidden("spec.resources.requests.storage", detail));
    }
}

fn volume(old: &Value, new: &Value, mistakes: &mut Mistakes) {
    for source in ["csi", "hostPath", "nfs", "local", "gcePersistentDisk"] {
        let field = format!("spec.{source}");
        if at(old, &field) != at(new, &field) {
            let detail = "spec.persistentvolumesource is immutable after creation";
            mistakes.push(Mistake::forbidden("spec.persistentvolumesource", detail));
        }
    }
}

fn data(old: &Value, new: &Value, mistakes: &mut Mistakes) {
    if let (Some(before), Some(after)) = (old.get("type"), new.get("type"))
        && before != after
    {
        mistakes.push(Mistake::invalid("type", after.clone(), "field is immutable"));
    }
    if !flag(old, "/immutable") {
        return;
    }
    let detail = "field is immutable when `immutable` is set";
    if !flag(new, "/immutable") {
        mistakes.push(Mistake::forbidden("immutable", detail));
    }
    let (before, after) = (storage::data_of(old), storage::data_of(new));
    for list in ["data", "binaryData"] {
        if before.get(list) != after.get(list) {
            mistakes.push(Mistake::forbidden(list, detail));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kubernetes::resources::Catalog;

    fn changes(plural: &str, old: &Value, new: &Value) -> usize {
        changed(Catalog::new().stored(plural).unwrap(), old, new).len()
    }

    #[test]
    fn selectors_of_deployments_stay() {
        let old = json!({"spec": {"selector": {"matchLabels": {"a": "b"}}, "replicas": 1}});
        let mut new = old.clone();
        new["spec"]["replicas"] = 2.into();
        assert_eq!(changes("deployments.apps", &old, &new), 0);
        new["spec"]["selector"]["matchLabels"]["a"] = "c".into();
        assert_eq!(changes("deployments.apps", &old, &new), 1);
    }

    #[test]
    fn a_bound_claim_may_only_grow() {
        let old =
            json!({"spec": {"resources": {"requests": {"storage": "2Gi"}}}, "status": {"phase": "Bound"}});
        let mut new = old.clone();
        new["spec"]["resources"]["requests"]["storage"] = "3Gi".into();
        assert_eq!(changes("persistentvolumeclaims", &old, &new), 0);
        new["spec"]["resources"]["requests"]["storage"] = "1Gi".into();
        assert_eq!(changes("persistentvolumeclaims", &old, &new), 1);
        new["spec"]["resources"]["requests"]["storage"] = "2Gi".into();
        new["spec"]["storageClassName"] = "other".into();
        assert_eq!(changes("persistentvolumeclaims", &old, &new), 1);
    }

    #[test]
    fn immutable_data_stays() {
        let old = json!({"immutable": true, "data": {"a": "b"}});
        assert_eq!(changes("secrets", &old, &json!({"immutable": true, "data": {"a": "c"}})), 1);
        assert_eq!(changes("secrets", &old, &json!({"data": {"a": "b"}})), 1);
        assert_eq!(changes("secrets", &old, &old), 0);
    }
}
