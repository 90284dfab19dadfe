//! Budgets, access rules, definitions, custom resources and the other small kinds.

use serde_json::Value;

use super::super::names;
use super::super::object::{flag, items, text, text_or_empty, whole};
use super::super::resources::Resource;
use super::super::status::Mistake;
use super::{Mistakes, label_selector, not_negative};

/// A disruption budget.
pub(super) fn disruption_budget(object: &Value, mistakes: &mut Mistakes) {
    let both = ["minAvailable", "maxUnavailable"]
        .iter()
        .all(|name| object.pointer(&format!("/spec/{name}")).is_some());
    if both {
        let detail = "minAvailable and maxUnavailable cannot be both set";
        mistakes.push(Mistake::invalid("spec", "", detail));
    }
    not_negative(object, "/spec/minAvailable", "spec.minAvailable", mistakes);
    not_negative(object, "/spec/maxUnavailable", "spec.maxUnavailable", mistakes);
    label_selector(object, "/spec/selector", "spec.selector", mistakes);
}

/// A role or cluster role.
pub(super) fn role(kind: &str, object: &Value, mistakes: &mut Mistakes) {
    for (index, rule) in items(object, "/rules").iter().enumerate() {
        let field = format!("rules[{index}]");
        if items(rule, "/verbs").is_empty() {
            mistakes
                .push(Mistake::required(format!("{field}.verbs"), "verbs must contain at least one value"));
        }
        if !items(rule, "/nonResourceURLs").is_empty() {
            if kind == "Role" {
                let detail = "namespaced rules cannot apply to non-resource URLs";
                mistakes.push(Mistake::invalid(format!("{field}.nonResourceURLs"), "", detail));
            }
            continue;
        }
        if items(rule, "/apiGroups").is_empty() {
            let detail = "resource rules must supply at least one api group";
            mistakes.push(Mistake::required(format!("{field}.apiGroups"), detail));
        }
        if items(rule, "/resources").is_empty() {
            let detail = "resource rules must supply at least one resource";
            mistakes.push(Mistake::required(format!("{field}.resources"), detail));
        }
    }
}

/// A role binding or cluster role binding.
pub(super) fn role_binding(object: &Value, mistakes: &mut Mistakes) {
    if text_or_empty(object, "/roleRef/name").is_empty() {
        mistakes.push(Mistake::required("roleRef.name", ""));
    }
    let kind = text_or_empty(object, "/roleRef/kind");
    if !["Role", "ClusterRole"].contains(&kind) {
        mistakes.push(Mistake::unsupported("roleRef.kind", kind, &["Role", "ClusterRole"]));
    }
    for (index, subject) in items(object, "/subjects").iter().enumerate() {
        let field = format!("subjects[{index}]");
        if text_or_empty(subject, "/name").is_empty() {
            mistakes.push(Mistake::required(format!("{field}.name"), ""));
        }
        let kind = text_or_empty(subject, "/kind");
        if !["ServiceAccount", "User", "Group"].contains(&kind) {
            mistakes.push(Mistake::unsupported(
                format!("{field}.kind"),
                kind,
                &["ServiceAccount", "User", "Group"],
            ));
        }
    }
}

/// A lease.
pub(super) fn lease(object: &Value, mistakes: &mut Mistakes) {
    if let Some(seconds) = whole(object, "/spec/leaseDurationSeconds").filter(|seconds| *seconds <= 0) {
        mistakes.push(Mistake::invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0"));
    }
}

/// A priority class.
pub(super) fn priority_class(object: &Value, mistakes: &mut Mistakes) {
    const HIGHEST: i64 = 1_000_000_000;
    let value = whole(object, "/value").unwrap_or(0);
    if value > HIGHEST && !text_or_empty(object, "/metadata/name").starts_with("system-") {
        let detail = format!("maximum allowed value of a user defined priority is {HIGHEST}");
        mistakes.push(Mistake::forbidden("value", &detail));
    }
}

/// A custom resource definition.
pub(super) fn definition(object: &Value, mistakes: &mut Mistakes) {
    let group = text_or_empty(object, "/spec/group");
    let plural = text_or_empty(object, "/spec/names/plural");
    let name = text_or_empty(object, "/metadata/name");
    if name != format!("{plural}.{group}") {
        mistakes.push(Mistake::invalid("metadata.name", name, "must be spec.names.plural+\".\"+spec.group"));
    }
    for (pointer, field) in [
        ("/spec/group", "spec.group"),
        ("/spec/names/plural", "spec.names.plural"),
        ("/spec/names/kind", "spec.names.kind"),
        ("/spec/scope", "spec.scope"),
    ] {
        if text_or_empty(object, pointer).is_empty() {
            mistakes.push(Mistake::required(field, ""));
        }
    }
    if !group.contains('.') && !group.is_empty() {
        mistakes.push(Mistake::invalid("spec.group", group, "should be a domain with at least one dot"));
    }
    let scope = text_or_empty(object, "/spec/scope");
    if !scope.is_empty() && !["Cluster", "Namespaced"].contains(&scope) {
        mistakes.push(Mistake::unsupported("spec.scope", scope, &["Cluster", "Namespaced"]));
    }
    versions(object, mistakes);
}

fn versions(object: &Value, mistakes: &mut Mistakes) {
    let versions = items(object, "/spec/versions");
    if versions.is_empty() {
        mistakes.push(Mistake::required("spec.versions", "must have at least one version"));
    } else if versions.iter().filter(|version| flag(version, "/storage")).count() != 1 {
        let detail = "must have exactly one version marked as storage version";
        mistakes.push(Mistake::invalid("spec.versions", Value::Array(versions.to_vec()), detail));
    }
    for (index, version) in versions.iter().enumerate() {
        let field = format!("spec.versions[{index}]");
        let name = text_or_empty(version, "/name");
        mistakes.extend(
            names::dns_1035_label(name)
                .iter()
                .map(|why| Mistake::invalid(format!("{field}.name"), name, why)),
        );
        match version.pointer("/schema/openAPIV3Schema") {
            None => mistakes
                .push(Mistake::required(format!("{field}.schema.openAPIV3Schema"), "schemas are required")),
            Some(schema) if text(schema, "/type") != Some("object") => {
                let detail = "must be object at the root";
                mistakes.push(Mistake::invalid(
                    format!("{field}.schema.openAPIV3Schema.type"),
                    text_or_empty(schema, "/type"),
                    detail,
                ));
            }
            Some(_) => {}
        }
    }
}

/// A custom resource, by the rules in the schema of its definition.
pub(super) fn custom(resource: &Resource, object: &Value, mistakes: &mut Mistakes) {
    if let Some(custom) = &resource.custom {
        schema(object, &custom.open_api, "", mistakes);
    }
}

fn schema(value: &Value, rules: &Value, field: &str, mistakes: &mut Mistakes) {
    let below = |name: &str| if field.is_empty() { name.to_owned() } else { format!("{field}.{name}") };
    for name in items(rules, "/required").iter().filter_map(Value::as_str) {
        if value.is_object() && value.get(name).is_none() {
            mistakes.push(Mistake::required(below(name), ""));
        }
    }
    scalar(value, rules, field, mistakes);
    if let Some(map) = value.as_object() {
        for (name, value) in map {
            let known = rules.get("properties").and_then(|all| all.get(name));
            let rules = known.or_else(|| rules.get("additionalProperties").filter(|rules| rules.is_object()));
            if let Some(rules) = rules.filter(|_| !(field.is_empty() && name == "metadata")) {
                schema(value, rules, &below(name), mistakes);
            }
        }
    }
    if let (Some(list), Some(rules)) = (value.as_array(), rules.get("items")) {
        for (index, item) in list.iter().enumerate() {
            schema(item, rules, &format!("{field}[{index}]"), mistakes);
        }
    }
}

fn scalar(value: &Value, rules: &Value, field: &str, mistakes: &mut Mistakes) {
    let allowed = items(rules, "/enum");
    if !allowed.is_empty() && !allowed.contains(value) {
        let shown: Vec<&str> = allowed.iter().filter_map(Value::as_str).collect();
        mistakes.push(Mistake::unsupported(field, value.as_str().unwrap_or_default(), &shown));
    }
    if let (Some(number), Some(least)) = (value.as_f64(), rules.get("minimum").and_then(Value::as_f64))
        && number < least
    {
        let detail = format!("{field} in body should be greater than or equal to {least}");
        mistakes.push(Mistake::invalid(field, value.clone(), &detail));
    }
    if let (Some(number), Some(most)) = (value.as_f64(), rules.get("maximum").and_then(Value::as_f64))
        && number > most
    {
        let detail = format!("{field} in body should be less than or equal to {most}");
        mistakes.push(Mistake::invalid(field, value.clone(), &detail));
    }
    let length = value.as_str().and_then(|text| i64::try_from(text.chars().count()).ok());
    if let (Some(length), Some(least)) = (length, whole(rules, "/minLength"))
        && length < least
    {
        let detail = format!("{field} in body should be at least {least} chars long");
        mistakes.push(Mistake::invalid(field, value.clone(), &detail));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::verdict;

    #[test]
    fn a_budget_has_one_bound() {
        let budget = json!({"metadata": {"name": "a"}, "spec": {"minAvailable": 1, "maxUnavailable": 1}});
        assert!(verdict("poddisruptionbudgets.policy", &budget).contains("cannot be both set"));
    }

    #[test]
    fn a_definition_is_named_after_what_it_defines() {
        let definition = json!({"metadata": {"name": "wrong"}, "spec": {
            "group": "example.com", "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}}]}});
        assert_eq!(
            verdict("customresourcedefinitions.apiextensions.k8s.io", &definition),
            "CustomResourceDefinition.apiextensions.k8s.io \"x\" is invalid: metadata.name: Invalid value: \"wrong\": \
             must be spec.names.plural+\".\"+spec.group"
        );
    }

    #[test]
    fn a_binding_names_a_role() {
        let binding = json!({"metadata": {"name": "a"}, "roleRef": {"kind": "Other", "name": ""}});
        let verdict = verdict("rolebindings.rbac.authorization.k8s.io", &binding);
        assert!(verdict.contains("roleRef.name: Required value"), "{verdict}");
        assert!(verdict.contains("roleRef.kind: Unsupported value: \"Other\""), "{verdict}");
    }
}
