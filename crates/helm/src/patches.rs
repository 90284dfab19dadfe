//! Changes of rendered objects that the settings ask for.

use serde_json::Value;
use spacecraft_core::traits::{ObjectPatch, PatchKind};
use spacecraft_core::{Error, Meaning, Result};

/// Applies each patch to all objects of its kind and name.
///
/// # Errors
/// [`Meaning::Invalid`] if a patch selects no object, is not well formed, or does not fit an object: a chart that renders
/// something else than it did when the patch was written should be looked at.
pub fn apply(patches: &[ObjectPatch], objects: &mut [Option<Value>]) -> Result<()> {
    for patch in patches {
        let mut selected = 0_usize;
        for object in objects.iter_mut().flatten().filter(|object| selects(patch, object)) {
            selected += 1;
            apply_one(patch, object)?;
        }
        if selected == 0 {
            return Err(fault(patch, "the chart renders no such object"));
        }
    }
    Ok(())
}

fn selects(patch: &ObjectPatch, object: &Value) -> bool {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    text("/kind") == patch.kind && patch.name.as_ref().is_none_or(|name| text("/metadata/name") == name)
}

fn apply_one(patch: &ObjectPatch, object: &mut Value) -> Result<()> {
    match patch.patch_kind {
        PatchKind::Merge if patch.patch.is_object() => json_patch::merge(object, &patch.patch),
        PatchKind::Merge => return Err(fault(patch, "a merge patch is an object")),
        PatchKind::Json => {
            let operations: json_patch::Patch =
                serde_json::from_value(patch.patch.clone()).map_err(|error| {
                    fault(patch, "this is no JSON patch, which is a list of operations").with_source(error)
                })?;
            json_patch::patch(object, &operations)
                .map_err(|error| fault(patch, "the patch does not fit the object").with_source(error))?;
        }
    }
    Ok(())
}

fn fault(patch: &ObjectPatch, reason: &str) -> Error {
    let object = format!("{} {}", patch.kind, patch.name.as_deref().unwrap_or("of any name"));
    Error::new(Meaning::Invalid, "patch", object, reason)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn patch(kind: &str, name: Option<&str>, patch_kind: PatchKind, patch: Value) -> ObjectPatch {
        ObjectPatch { kind: kind.to_owned(), name: name.map(str::to_owned), patch_kind, patch }
    }

    fn objects() -> Vec<Option<Value>> {
        vec![
            Some(json!({"kind": "Service", "metadata": {"name": "a"}, "spec": {"type": "NodePort"}})),
            None,
            Some(json!({"kind": "Service", "metadata": {"name": "b"}, "spec": {"type": "NodePort"}})),
        ]
    }

    #[test]
    fn a_merge_patch_without_a_name_is_for_all_objects_of_the_kind() {
        let mut objects = objects();
        apply(&[patch("Service", None, PatchKind::Merge, json!({"spec": {"type": null}}))], &mut objects)
            .unwrap();
        assert!(objects.iter().flatten().all(|object| object["spec"] == json!({})));
    }

    #[test]
    fn a_json_patch_changes_the_object_of_that_name_alone() {
        let mut objects = objects();
        let operations = json!([{"op": "replace", "path": "/spec/type", "value": "ClusterIP"}]);
        apply(&[patch("Service", Some("b"), PatchKind::Json, operations)], &mut objects).unwrap();
        let kinds: Vec<&Value> = objects.iter().flatten().map(|object| &object["spec"]["type"]).collect();
        assert_eq!(kinds, ["NodePort", "ClusterIP"]);
    }

    #[test]
    fn a_patch_that_selects_nothing_or_does_not_fit_is_an_error() {
        let refused = |patch: ObjectPatch| apply(&[patch], &mut objects()).unwrap_err().meaning();
        assert_eq!(refused(patch("Ingress", None, PatchKind::Merge, json!({}))), Meaning::Invalid);
        assert_eq!(refused(patch("Service", None, PatchKind::Merge, json!(1))), Meaning::Invalid);
        let remove = json!([{"op": "remove", "path": "/nowhere"}]);
        assert_eq!(refused(patch("Service", None, PatchKind::Json, remove)), Meaning::Invalid);
    }
}
