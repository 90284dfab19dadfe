//! Custom resource definitions of `apiextensions.k8s.io/v1beta1`.

use serde_json::{Map, Value, json};

use super::{Fields, object, objects, rename};

pub(super) fn rewrite(definition: &mut Fields) -> Result<(), String> {
    definition.remove("status");
    let Some(spec) = object(definition, "spec") else {
        return Err("it has no spec".to_owned());
    };
    let prunes = spec.remove("preserveUnknownFields") == Some(Value::Bool(false));
    let shared: Vec<(&str, Value)> = [("validation", "schema"), ("subresources", "subresources")]
        .into_iter()
        .chain([("additionalPrinterColumns", "additionalPrinterColumns")])
        .filter_map(|(from, to)| Some((to, spec.remove(from)?)))
        .collect();
    let only_version = spec.remove("version");
    if !spec.get("versions").is_some_and(Value::is_array) {
        let name = only_version.ok_or("it names no version")?;
        spec.insert("versions".to_owned(), json!([{ "name": name, "served": true, "storage": true }]));
    }
    for version in objects(spec, "versions") {
        for (field, value) in &shared {
            version.entry(*field).or_insert_with(|| value.clone());
        }
        for column in objects(version, "additionalPrinterColumns") {
            rename(column, "JSONPath", "jsonPath");
        }
        complete_schema(version, prunes);
    }
    rewrite_conversion(spec);
    Ok(())
}

/// Every version needs a structural schema; what was not checked before is still let through.
fn complete_schema(version: &mut Fields, prunes: bool) {
    let schema = version.entry("schema").or_insert_with(|| json!({}));
    let Some(schema) = schema.as_object_mut() else { return };
    let root = schema.entry("openAPIV3Schema").or_insert_with(|| json!({}));
    if let Some(root) = root.as_object_mut() {
        root.entry("type").or_insert_with(|| json!("object"));
        if !prunes {
            root.entry(PRESERVE).or_insert(Value::Bool(true));
        }
        complete_parts(root);
    }
}

const PRESERVE: &str = "x-kubernetes-preserve-unknown-fields";
const INT_OR_TEXT: &str = "x-kubernetes-int-or-string";

/// Every part of a schema needs a type, or has to say that it takes anything, which is what one without a type did before.
fn complete_parts(schema: &mut Fields) {
    for holder in ["properties", "patternProperties"] {
        let parts = schema.get_mut(holder).and_then(Value::as_object_mut).into_iter().flatten();
        parts.filter_map(|(_, part)| part.as_object_mut()).for_each(complete_part);
    }
    for holder in ["items", "additionalProperties"] {
        if let Some(part) = object(schema, holder) {
            complete_part(part);
        }
    }
}

fn complete_part(part: &mut Fields) {
    let is_complete =
        part.contains_key("type") || part.contains_key(PRESERVE) || part.contains_key(INT_OR_TEXT);
    if !is_complete {
        let takes_both = part.get("anyOf") == Some(&json!([{"type": "integer"}, {"type": "string"}]));
        part.insert(if takes_both { INT_OR_TEXT } else { PRESERVE }.to_owned(), Value::Bool(true));
    }
    complete_parts(part);
}

fn rewrite_conversion(spec: &mut Fields) {
    let Some(conversion) = object(spec, "conversion") else { return };
    let client = conversion.remove("webhookClientConfig");
    let versions = conversion.remove("conversionReviewVersions");
    if client.is_some() || versions.is_some() {
        let mut webhook = Map::new();
        webhook.extend(client.map(|client| ("clientConfig".to_owned(), client)));
        let versions = versions.unwrap_or_else(|| json!(["v1beta1"]));
        webhook.insert("conversionReviewVersions".to_owned(), versions);
        conversion.insert("webhook".to_owned(), Value::Object(webhook));
    }
}
