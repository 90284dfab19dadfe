//! Workloads of `extensions/v1beta1` and of the early versions of `apps`, and budgets for their pods.

use serde_json::{Value, json};

use super::{Fields, object, objects, rename, write_default};

pub(super) fn deployment(deployment: &mut Fields) -> Result<(), String> {
    let is_oldest = is_of(deployment, "extensions/v1beta1");
    let Some(spec) = selected_spec(deployment)? else { return Ok(()) };
    spec.remove("rollbackTo");
    if is_oldest {
        // There, a value that stood for "no deadline" and "all revisions" was the default; it needs no writing down.
        for field in ["progressDeadlineSeconds", "revisionHistoryLimit"] {
            if spec.get(field).and_then(Value::as_f64) == Some(f64::from(i32::MAX)) {
                spec.remove(field);
            }
        }
    }
    Ok(())
}

pub(super) fn daemon_set(daemon_set: &mut Fields) -> Result<(), String> {
    let is_oldest = is_of(daemon_set, "extensions/v1beta1");
    let Some(spec) = selected_spec(daemon_set)? else { return Ok(()) };
    spec.remove("templateGeneration");
    if is_oldest {
        write_default(spec, "updateStrategy", json!({ "type": "OnDelete" }));
    }
    Ok(())
}

pub(super) fn replica_set(replica_set: &mut Fields) -> Result<(), String> {
    selected_spec(replica_set).map(drop)
}

pub(super) fn stateful_set(stateful_set: &mut Fields) -> Result<(), String> {
    let is_oldest = is_of(stateful_set, "apps/v1beta1");
    let Some(spec) = selected_spec(stateful_set)? else { return Ok(()) };
    if is_oldest {
        write_default(spec, "updateStrategy", json!({ "type": "OnDelete" }));
    }
    Ok(())
}

fn is_of(object: &Fields, api_version: &str) -> bool {
    object.get("apiVersion").and_then(Value::as_str) == Some(api_version)
}

/// The spec, with the selector written down that used to be taken from the pods' labels.
fn selected_spec(workload: &mut Fields) -> Result<Option<&mut Fields>, String> {
    let Some(spec) = object(workload, "spec") else { return Ok(None) };
    if !spec.contains_key("selector") {
        let labels = spec.get("template").and_then(|template| template.pointer("/metadata/labels")).cloned();
        let labels = labels.ok_or("it has neither a selector nor labels on its pods to make one of")?;
        spec.insert("selector".to_owned(), json!({ "matchLabels": labels }));
    }
    Ok(Some(spec))
}

/// In `policy/v1beta1` an empty selector matched no pod, in `policy/v1` it matches all, and only none at all matches no pod.
pub(super) fn disruption_budget(budget: &mut Fields) -> Result<(), String> {
    let Some(spec) = object(budget, "spec") else { return Ok(()) };
    if spec.get("selector").is_some_and(is_empty_selector) {
        spec.remove("selector");
    }
    Ok(())
}

fn is_empty_selector(selector: &Value) -> bool {
    let is_empty = |terms: &Value| match terms {
        Value::Null => true,
        Value::Object(labels) => labels.is_empty(),
        Value::Array(expressions) => expressions.is_empty(),
        _ => false,
    };
    selector.as_object().is_some_and(|selector| selector.values().all(is_empty))
}

/// In `discovery.k8s.io/v1beta1` the zone and the worker were in a map of topology.
pub(super) fn endpoint_slice(slice: &mut Fields) -> Result<(), String> {
    for endpoint in objects(slice, "endpoints") {
        if let Some(Value::Object(mut topology)) = endpoint.remove("topology") {
            for (from, to) in
                [("kubernetes.io/hostname", "nodeName"), ("topology.kubernetes.io/zone", "zone")]
            {
                if let Some(value) = topology.remove(from) {
                    endpoint.entry(to).or_insert(value);
                }
            }
            topology.remove("topology.kubernetes.io/region");
            if !topology.is_empty() {
                endpoint.insert("deprecatedTopology".to_owned(), Value::Object(topology));
            }
        }
        rename(endpoint, "nodename", "nodeName");
    }
    Ok(())
}
