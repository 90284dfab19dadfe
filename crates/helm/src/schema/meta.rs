//! What a schema itself must be: the schemas of schemas, draft by draft, as the drafts define them.
//!
//! Each is one document here, the vocabularies of the newer drafts among its definitions, so that references stay inside.

use serde_json::{Map, Value, json};

/// The name of a draft's schema of schemas.
pub(super) fn url(draft: u16) -> &'static str {
    match draft {
        4 => "http://json-schema.org/draft-04/schema#",
        6 => "http://json-schema.org/draft-06/schema#",
        7 => "http://json-schema.org/draft-07/schema#",
        2019 => "https://json-schema.org/draft/2019-09/schema#",
        _ => "https://json-schema.org/draft/2020-12/schema#",
    }
}

/// The schema that the schemas of a draft must meet.
pub(super) fn schema(draft: u16) -> Value {
    match draft {
        4 => draft_4(),
        6 | 7 => draft_6_or_7(draft),
        _ => with_vocabularies(draft),
    }
}

/// Properties by what they must be: the names are separated by blanks.
fn properties(groups: &[(&str, Value)]) -> Map<String, Value> {
    let each = |(names, schema): &(&str, Value)| {
        names.split(' ').map(|name| (name.to_owned(), schema.clone())).collect::<Vec<_>>()
    };
    groups.iter().flat_map(each).collect()
}

fn any_schema() -> Value {
    json!({"$ref": "#"})
}

fn defined(name: &str) -> Value {
    json!({"$ref": format!("#/definitions/{name}")})
}

fn of_type(name: &str) -> Value {
    json!({"type": name})
}

/// An object each of whose values is a schema.
fn schemas_by_name() -> Value {
    json!({"type": "object", "additionalProperties": any_schema()})
}

fn schemas_by_pattern() -> Value {
    json!({"type": "object", "additionalProperties": any_schema(), "propertyNames": {"format": "regex"}})
}

fn schema_or_names() -> Value {
    json!({"additionalProperties": {"anyOf": [any_schema(), defined("stringArray")]}})
}

fn pattern() -> Value {
    json!({"type": "string", "format": "regex"})
}

fn definitions(least_names: usize) -> Value {
    json!({
        "schemaArray": {"type": "array", "minItems": 1, "items": any_schema()},
        "nonNegativeInteger": {"type": "integer", "minimum": 0},
        "nonNegativeIntegerDefault0": {"allOf": [defined("nonNegativeInteger"), {"default": 0}]},
        "simpleTypes": {"enum": ["array", "boolean", "integer", "null", "number", "object", "string"]},
        "stringArray":
            {"type": "array", "items": {"type": "string"}, "minItems": least_names, "uniqueItems": true},
    })
}

fn kinds() -> Value {
    let several =
        json!({"type": "array", "items": defined("simpleTypes"), "minItems": 1, "uniqueItems": true});
    json!({"anyOf": [defined("simpleTypes"), several]})
}

fn sizes(properties: &mut Map<String, Value>) {
    for (most, least) in
        [("maxLength", "minLength"), ("maxItems", "minItems"), ("maxProperties", "minProperties")]
    {
        properties.insert(most.to_owned(), defined("nonNegativeInteger"));
        properties.insert(least.to_owned(), defined("nonNegativeIntegerDefault0"));
    }
}

fn draft_4() -> Value {
    let schema_or_flag = json!({"anyOf": [{"type": "boolean"}, any_schema()]});
    let mut properties = properties(&[
        ("id $schema title description format", of_type("string")),
        ("multipleOf", json!({"type": "number", "minimum": 0, "exclusiveMinimum": true})),
        ("maximum minimum", of_type("number")),
        ("exclusiveMaximum exclusiveMinimum uniqueItems", of_type("boolean")),
        ("pattern", pattern()),
        ("additionalItems additionalProperties", schema_or_flag),
        ("items", json!({"anyOf": [any_schema(), defined("schemaArray")]})),
        ("required", defined("stringArray")),
        ("definitions properties patternProperties", schemas_by_name()),
        ("dependencies", schema_or_names()),
        ("enum", json!({"type": "array", "minItems": 1, "uniqueItems": true})),
        ("type", kinds()),
        ("allOf anyOf oneOf", defined("schemaArray")),
        ("not", any_schema()),
    ]);
    sizes(&mut properties);
    json!({
        "$schema": url(4), "type": "object", "definitions": definitions(1), "properties": properties,
        "dependencies": {"exclusiveMaximum": ["maximum"], "exclusiveMinimum": ["minimum"]},
    })
}

fn draft_6_or_7(draft: u16) -> Value {
    let mut properties = properties(&[
        ("$id $schema $ref title description format", of_type("string")),
        ("multipleOf", json!({"type": "number", "exclusiveMinimum": 0})),
        ("maximum exclusiveMaximum minimum exclusiveMinimum", of_type("number")),
        ("uniqueItems", of_type("boolean")),
        ("examples", of_type("array")),
        ("pattern", pattern()),
        ("additionalItems additionalProperties contains propertyNames not", any_schema()),
        ("items", json!({"anyOf": [any_schema(), defined("schemaArray")]})),
        ("required", defined("stringArray")),
        ("definitions properties", schemas_by_name()),
        ("patternProperties", schemas_by_pattern()),
        ("dependencies", schema_or_names()),
        ("enum", json!({"type": "array", "minItems": 1, "uniqueItems": true})),
        ("type", kinds()),
        ("allOf anyOf oneOf", defined("schemaArray")),
    ]);
    sizes(&mut properties);
    if draft == 7 {
        properties.extend(self::properties(&[
            ("$comment contentMediaType contentEncoding", of_type("string")),
            ("readOnly", of_type("boolean")),
            ("if then else", any_schema()),
        ]));
    }
    json!({
        "$schema": url(draft), "type": ["object", "boolean"], "definitions": definitions(0), "properties": properties,
    })
}

/// Drafts 2019-09 and 2020-12, whose keywords are grouped in vocabularies.
fn with_vocabularies(draft: u16) -> Value {
    let is_2019 = draft == 2019;
    let vocabularies: &[&str] = if is_2019 {
        &["core", "applicator", "validation", "metadata", "format", "content"]
    } else {
        &["core", "applicator", "unevaluated", "validation", "metadata", "format", "content"]
    };
    let mut definitions = definitions(0);
    for name in vocabularies {
        let vocabulary = json!({"type": ["object", "boolean"], "properties": vocabulary(name, is_2019)});
        if let Some(definitions) = definitions.as_object_mut() {
            definitions.insert((*name).to_owned(), vocabulary);
        }
    }
    let all: Vec<Value> = vocabularies.iter().map(|name| defined(name)).collect();
    let mut properties =
        properties(&[("definitions", schemas_by_name()), ("dependencies", schema_or_names())]);
    if !is_2019 {
        properties.extend(self::properties(&[("$recursiveAnchor $recursiveRef", of_type("string"))]));
    }
    json!({
        "$schema": url(draft), "type": ["object", "boolean"], "definitions": definitions, "allOf": all,
        "properties": properties,
    })
}

fn vocabulary(name: &str, is_2019: bool) -> Map<String, Value> {
    let names_by_name =
        json!({"type": "object", "additionalProperties": {"$ref": "#/definitions/stringArray"}});
    match name {
        "core" => {
            let first = if is_2019 { "^[A-Za-z][-A-Za-z0-9.:_]*$" } else { "^[A-Za-z_][-A-Za-z0-9._]*$" };
            let anchors = if is_2019 { "$anchor" } else { "$anchor $dynamicAnchor" };
            let mut properties = properties(&[
                ("$schema $ref $comment", of_type("string")),
                ("$id", json!({"type": "string", "pattern": "^[^#]*#?$"})),
                (anchors, json!({"type": "string", "pattern": first})),
                ("$vocabulary", json!({"type": "object", "additionalProperties": {"type": "boolean"}})),
                ("$defs", schemas_by_name()),
            ]);
            properties.extend(if is_2019 {
                self::properties(&[
                    ("$recursiveRef", of_type("string")),
                    ("$recursiveAnchor", of_type("boolean")),
                ])
            } else {
                self::properties(&[("$dynamicRef", of_type("string"))])
            });
            properties
        }
        "applicator" => applicators(is_2019),
        "unevaluated" => properties(&[("unevaluatedItems unevaluatedProperties", any_schema())]),
        "validation" => properties(&[
            ("type", kinds()),
            ("enum", of_type("array")),
            ("multipleOf", json!({"type": "number", "exclusiveMinimum": 0})),
            ("maximum exclusiveMaximum minimum exclusiveMinimum", of_type("number")),
            (
                "maxLength minLength maxItems minItems maxProperties minProperties maxContains minContains",
                defined("nonNegativeInteger"),
            ),
            ("pattern", pattern()),
            ("uniqueItems", of_type("boolean")),
            ("required", defined("stringArray")),
            ("dependentRequired", names_by_name),
        ]),
        "metadata" => properties(&[
            ("title description", of_type("string")),
            ("deprecated readOnly writeOnly", of_type("boolean")),
            ("examples", of_type("array")),
        ]),
        "format" => properties(&[("format", of_type("string"))]),
        _ => properties(&[
            ("contentMediaType contentEncoding", of_type("string")),
            ("contentSchema", any_schema()),
        ]),
    }
}

fn applicators(is_2019: bool) -> Map<String, Value> {
    let mut properties = properties(&[
        ("contains additionalProperties propertyNames if then else not", any_schema()),
        ("properties dependentSchemas", schemas_by_name()),
        ("patternProperties", schemas_by_pattern()),
        ("allOf anyOf oneOf", defined("schemaArray")),
    ]);
    properties.extend(if is_2019 {
        self::properties(&[
            ("additionalItems unevaluatedItems unevaluatedProperties", any_schema()),
            ("items", json!({"anyOf": [any_schema(), defined("schemaArray")]})),
        ])
    } else {
        self::properties(&[("items", any_schema()), ("prefixItems", defined("schemaArray"))])
    });
    properties
}
