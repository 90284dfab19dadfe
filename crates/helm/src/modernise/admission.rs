//! Admission webhooks of `admissionregistration.k8s.io/v1beta1`, whose defaults differed.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Fields, objects, write_default};

pub(super) fn rewrite(configuration: &mut Fields) -> Result<(), String> {
    let mut names = BTreeSet::new();
    for webhook in objects(configuration, "webhooks") {
        let name = webhook.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        if !names.insert(name.clone()) {
            return Err(format!("it has two webhooks named {name:?}, whose names have to differ now"));
        }
        let side_effects = webhook.get("sideEffects").and_then(Value::as_str).unwrap_or("Unknown");
        if !matches!(side_effects, "None" | "NoneOnDryRun") {
            return Err(format!(
                "its webhook {name} has sideEffects {side_effects}, and only None and NoneOnDryRun are allowed now"
            ));
        }
        write_default(webhook, "admissionReviewVersions", json!(["v1beta1"]));
        write_default(webhook, "failurePolicy", json!("Ignore"));
        write_default(webhook, "matchPolicy", json!("Exact"));
        write_default(webhook, "timeoutSeconds", json!(30));
    }
    Ok(())
}
