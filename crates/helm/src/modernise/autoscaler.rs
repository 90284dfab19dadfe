//! HorizontalPodAutoscalers of `autoscaling/v2beta1`: each metric got a `metric` and a `target`.

use serde_json::{Map, Value, json};

use super::{Fields, describe, object, objects, rename, successor, text};

/// Points an autoscaler, of whatever version, to the version that its target is served in: it does not find it under another one.
pub(super) fn modernise_target(
    mut autoscaler: Value,
    serves: &dyn Fn(&str, &str) -> bool,
    changes: &mut Vec<String>,
) -> Value {
    if text(&autoscaler, "/kind") != "HorizontalPodAutoscaler" {
        return autoscaler;
    }
    let (kind, old) = (
        text(&autoscaler, "/spec/scaleTargetRef/kind"),
        text(&autoscaler, "/spec/scaleTargetRef/apiVersion"),
    );
    if let Some(new) = successor(&old, &kind, serves) {
        changes.push(format!("{} was pointed from {old} to {new}", describe(&autoscaler)));
        if let Some(version) = autoscaler.pointer_mut("/spec/scaleTargetRef/apiVersion") {
            *version = Value::from(new);
        }
    }
    autoscaler
}

pub(super) fn rewrite(autoscaler: &mut Fields) -> Result<(), String> {
    let Some(spec) = object(autoscaler, "spec") else { return Ok(()) };
    for metric in objects(spec, "metrics") {
        for kind in ["resource", "containerResource", "pods", "object", "external"] {
            if let Some(source) = object(metric, kind) {
                rewrite_source(source, kind)?;
            }
        }
    }
    Ok(())
}

fn rewrite_source(source: &mut Fields, kind: &str) -> Result<(), String> {
    if kind == "object" {
        rename(source, "target", "describedObject");
    }
    if let Some(name) = source.remove("metricName") {
        let selector = ["metricSelector", "selector"].iter().find_map(|key| source.remove(*key));
        let mut metric = Map::from_iter([("name".to_owned(), name)]);
        metric.extend(selector.map(|selector| ("selector".to_owned(), selector)));
        source.insert("metric".to_owned(), Value::Object(metric));
    }
    let target = target(source, kind).ok_or_else(|| format!("its {kind} metric has no target"))?;
    source.insert("target".to_owned(), target);
    Ok(())
}

fn target(source: &mut Fields, kind: &str) -> Option<Value> {
    let utilization = source.remove("targetAverageUtilization");
    let average = ["targetAverageValue", "averageValue"].iter().find_map(|key| source.remove(*key));
    let value = source.remove("targetValue");
    // An object's `targetValue` was required, and counted only where there was no average.
    if let Some(average) = average.filter(|_| kind != "resource" || utilization.is_none()) {
        return Some(json!({ "type": "AverageValue", "averageValue": average }));
    }
    if let Some(utilization) = utilization {
        return Some(json!({ "type": "Utilization", "averageUtilization": utilization }));
    }
    value.map(|value| json!({ "type": "Value", "value": value }))
}
