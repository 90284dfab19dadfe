//! PodSecurityPolicies, which nothing took the place of: they go, and with them what only served them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Modernised, describe, text};

const POLICY: &str = "PodSecurityPolicy";

/// Drops the policies that the cluster does not serve, the rules that let them be used, roles that have no other rule,
/// and bindings of such roles.
pub(super) fn drop_policies(modernised: &mut Modernised, serves: &dyn Fn(&str, &str) -> bool) {
    let is_gone =
        |object: &Value| text(object, "/kind") == POLICY && !serves(&text(object, "/apiVersion"), POLICY);
    if !modernised.objects.iter().flatten().any(is_gone) {
        return;
    }
    let Modernised { objects, changes } = modernised;
    let mut empty_roles = BTreeSet::new();
    for slot in objects.iter_mut() {
        let Some(object) = slot else { continue };
        if is_gone(object) {
            changes.push(format!("{} was dropped: PodSecurityPolicies exist no more", describe(object)));
            *slot = None;
        } else if is_role(object) && drop_rules(object, changes) {
            empty_roles.insert((text(object, "/kind"), text(object, "/metadata/name")));
            changes
                .push(format!("{} was dropped: it only let PodSecurityPolicies be used", describe(object)));
            *slot = None;
        }
    }
    for slot in objects.iter_mut() {
        let Some(object) = slot else { continue };
        let role = (text(object, "/roleRef/kind"), text(object, "/roleRef/name"));
        if text(object, "/kind").ends_with("RoleBinding") && empty_roles.contains(&role) {
            changes.push(format!("{} was dropped: its role {} was", describe(object), role.1));
            *slot = None;
        }
    }
}

fn is_role(object: &Value) -> bool {
    matches!(text(object, "/kind").as_str(), "Role" | "ClusterRole")
}

/// Takes the policies out of the rules; true if there were such rules and none is left.
fn drop_rules(role: &mut Value, changes: &mut Vec<String>) -> bool {
    let description = describe(role);
    let Some(rules) = role.get_mut("rules").and_then(Value::as_array_mut) else { return false };
    let before = rules.clone();
    rules.retain_mut(keep_rule);
    if *rules == before {
        return false;
    }
    if !rules.is_empty() {
        changes.push(format!("{description} lost its rule about PodSecurityPolicies"));
    }
    rules.is_empty()
}

/// True if the rule is about anything else, which is then all it is about.
fn keep_rule(rule: &mut Value) -> bool {
    let groups = rule.get("apiGroups").and_then(Value::as_array).cloned().unwrap_or_default();
    let is_of_policies =
        groups.iter().filter_map(Value::as_str).any(|group| matches!(group, "policy" | "extensions"));
    let Some(resources) = rule.get_mut("resources").and_then(Value::as_array_mut).filter(|_| is_of_policies)
    else {
        return true;
    };
    let had_any = !resources.is_empty();
    resources.retain(|resource| resource.as_str() != Some("podsecuritypolicies"));
    !(had_any && resources.is_empty())
}
