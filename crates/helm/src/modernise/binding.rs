//! Bindings of roles: in `rbac.authorization.k8s.io/v1alpha1` a subject had a version where it has a group now.

use serde_json::{Value, json};

use super::{Fields, objects};

const GROUP: &str = "rbac.authorization.k8s.io";

pub(super) fn rewrite(binding: &mut Fields) -> Result<(), String> {
    for subject in objects(binding, "subjects") {
        if subject.remove("apiVersion").is_none() {
            continue;
        }
        let kind = subject.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
        if matches!(kind.as_str(), "User" | "Group") {
            subject.entry("apiGroup").or_insert_with(|| json!(GROUP));
        }
        // There, a star stood for everybody who is known to the cluster.
        if kind == "User" && subject.get("name") == Some(&json!("*")) {
            subject.insert("kind".to_owned(), json!("Group"));
            subject.insert("name".to_owned(), json!("system:authenticated"));
        }
    }
    Ok(())
}
