//! The OpenAPI documents, made from the same fields that decoding uses.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::resources::{Catalog, Resource};
use super::schema::{self, ListMerge, Shape, Structure};

/// The index of the version 3 documents, each under a name that changes with its content.
pub(crate) fn index(catalog: &Catalog) -> Value {
    let mut paths = Map::new();
    for (group, versions) in catalog.groups() {
        for version in versions {
            let path =
                if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") };
            let resources: Vec<String> = catalog
                .version(group, version)
                .into_iter()
                .flatten()
                .map(|resource| format!("{}{:?}", resource.kind, resource.custom))
                .collect();
            let hash = hex::encode(Sha256::digest(resources.join(",")));
            let address = format!("/openapi/v3/{path}?hash={}", hash.to_uppercase());
            paths.insert(path, json!({"serverRelativeURL": address}));
        }
    }
    json!({"paths": paths})
}

/// The version 3 document of one group and version.
pub(crate) fn version_3(catalog: &Catalog, path: &[&str], version: &str) -> Option<Value> {
    let (group, group_version) = match path {
        ["api", group_version] => ("", *group_version),
        ["apis", group, group_version] => (*group, *group_version),
        _ => return None,
    };
    let resources: Vec<&Resource> = catalog.version(group, group_version)?.map(AsRef::as_ref).collect();
    let mut paths = Map::new();
    let mut schemas = schemas(&resources, "#/components/schemas/");
    for resource in &resources {
        add_paths(
            &mut paths,
            resource,
            |content| json!({"content": {"*/*": {"schema": content}}}),
            "#/components/schemas/",
        );
    }
    schemas.extend(built_in_schemas("#/components/schemas/"));
    Some(json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": version},
        "paths": paths,
        "components": {"schemas": schemas},
    }))
}

/// The version 2 document of everything.
pub(crate) fn version_2(catalog: &Catalog, version: &str) -> Value {
    const BASE: &str = "#/definitions/";
    let resources: Vec<&Resource> = catalog.all().map(AsRef::as_ref).collect();
    let mut paths = Map::new();
    for resource in &resources {
        add_paths(&mut paths, resource, |schema| json!({"schema": schema}), BASE);
    }
    let mut definitions = schemas(&resources, BASE);
    definitions.extend(built_in_schemas(BASE));
    json!({
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": version},
        "paths": paths,
        "definitions": definitions,
    })
}

/// The name of a type in the documents, as in `io.k8s.api.apps.v1.Deployment`.
fn document_name(structure: &Structure) -> String {
    let (folder, rest) = structure.name.split_once('/').unwrap_or(("", &structure.name));
    match folder {
        "meta" => format!("io.k8s.apimachinery.pkg.apis.meta.{rest}"),
        "apiextensions" => format!("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.{rest}"),
        "apiregistration" => format!("io.k8s.kube-aggregator.pkg.apis.apiregistration.{rest}"),
        folder => format!("io.k8s.api.{folder}.{rest}"),
    }
}

fn resource_name(resource: &Resource) -> String {
    if resource.custom.is_none() {
        return document_name(&resource.structure);
    }
    let reversed: Vec<&str> = resource.group.split('.').rev().collect();
    format!("{}.{}.{}", reversed.join("."), resource.version, resource.kind)
}

fn kind_mark(resource: &Resource) -> Value {
    json!([{"group": resource.group, "version": resource.version, "kind": resource.kind}])
}

/// The schemas of the kinds themselves, marked with what they are.
fn schemas(resources: &[&Resource], base: &str) -> Map<String, Value> {
    let mut schemas = Map::new();
    for resource in resources {
        let mut schema = match &resource.custom {
            Some(custom) => custom.open_api.clone(),
            None => structure_schema(&resource.structure, base),
        };
        if let Some(schema) = schema.as_object_mut() {
            schema.insert("x-kubernetes-group-version-kind".to_owned(), kind_mark(resource));
        }
        schemas.insert(resource_name(resource), schema);
    }
    schemas
}

fn built_in_schemas(base: &str) -> impl Iterator<Item = (String, Value)> {
    schema::all_built_in()
        .filter(|structure| !structure.fields.contains_key("kind"))
        .map(move |structure| (document_name(structure), structure_schema(structure, base)))
}

fn structure_schema(structure: &Structure, base: &str) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (name, field) in &structure.fields {
        properties.insert(name.clone(), shape_schema(&field.shape, base));
        if field.required {
            required.push(name.clone());
        }
    }
    let mut schema = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    if structure.atomic {
        schema["x-kubernetes-map-type"] = "atomic".into();
    }
    schema
}

fn shape_schema(shape: &Shape, base: &str) -> Value {
    match shape {
        Shape::Text | Shape::Quantity => json!({"type": "string"}),
        Shape::Boolean => json!({"type": "boolean"}),
        Shape::Int32 => json!({"type": "integer", "format": "int32"}),
        Shape::Int64 => json!({"type": "integer", "format": "int64"}),
        Shape::Number => json!({"type": "number", "format": "double"}),
        Shape::Bytes => json!({"type": "string", "format": "byte"}),
        Shape::IntOrText => json!({"type": "string", "format": "int-or-string"}),
        Shape::Time | Shape::MicroTime => json!({"type": "string", "format": "date-time"}),
        Shape::Any => json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
        Shape::Map { item, .. } => {
            json!({"type": "object", "additionalProperties": shape_schema(item, base)})
        }
        Shape::Structure(structure) => json!({"$ref": format!("{base}{}", document_name(structure))}),
        Shape::List(list) => {
            let mut schema = json!({"type": "array", "items": shape_schema(&list.item, base)});
            match &list.merge {
                ListMerge::Atomic => schema["x-kubernetes-list-type"] = "atomic".into(),
                ListMerge::Set => schema["x-kubernetes-list-type"] = "set".into(),
                ListMerge::Map(keys) => {
                    schema["x-kubernetes-list-type"] = "map".into();
                    schema["x-kubernetes-list-map-keys"] = json!(keys);
                }
            }
            if let Some(key) = &list.patch_key {
                schema["x-kubernetes-patch-merge-key"] = key.clone().into();
                schema["x-kubernetes-patch-strategy"] = "merge".into();
            }
            schema
        }
    }
}

fn add_paths(paths: &mut Map<String, Value>, resource: &Resource, body: impl Fn(Value) -> Value, base: &str) {
    let group = if resource.group.is_empty() { "api".to_owned() } else { format!("apis/{}", resource.group) };
    let scope = if resource.namespaced { "namespaces/{namespace}/" } else { "" };
    let collection = format!("/{group}/{}/{scope}{}", resource.version, resource.plural);
    let reference = json!({"$ref": format!("{base}{}", resource_name(resource))});
    let operation = |action: &str| {
        let text = |name: &str| json!({"name": name, "in": "query", "uniqueItems": true, "type": "string", "schema": {"type": "string", "uniqueItems": true}});
        let parameters: Vec<Value> = match action {
            "get" | "list" => vec![text("labelSelector"), text("fieldSelector")],
            _ => vec![text("dryRun"), text("fieldManager"), text("fieldValidation")],
        };
        let mut answer = body(reference.clone());
        answer["description"] = "OK".into();
        json!({
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": kind_mark(resource)[0],
            "parameters": parameters,
            "responses": {"200": answer},
        })
    };
    let mut collected = json!({"post": operation("post")});
    if !resource.create_only {
        collected["get"] = operation("list");
        let one = json!({"get": operation("get"), "put": operation("put"), "patch": operation("patch"), "delete": operation("delete")});
        paths.insert(format!("{collection}/{{name}}"), one);
    }
    paths.insert(collection, collected);
}
