//! Tests of how schemas are converted, and of how much a careless or hostile document can cost.

use super::*;
use crate::tools::arguments::Check;
use crate::tools::rest::document::Document;

fn clean(schema: Value) -> Value {
    let mut converted = convert(&schema);
    forget_places(&mut converted);
    converted
}

#[test]
fn schemas_become_json_schema() {
    let check = |given: Value, expected: Value| assert_eq!(clean(given.clone()), expected, "{given}");
    check(json!({"type": "string", "nullable": true}), json!({"type": ["string", "null"]}));
    check(
        json!({"type": "string", "nullable": true, "enum": ["a"]}),
        json!({"type": ["string", "null"], "enum": ["a", null]}),
    );
    check(
        json!({"$ref": "#/components/schemas/A", "nullable": true}),
        json!({"anyOf": [{"$ref": "#/$defs/A"}, {"type": "null"}]}),
    );
    check(json!({"minimum": 1, "exclusiveMinimum": true}), json!({"exclusiveMinimum": 1}));
    check(json!({"maximum": 1, "exclusiveMaximum": false}), json!({"maximum": 1}));
    check(json!({"$ref": "other.yaml#/A"}), json!({"description": "It is described in another document."}));
    check(json!({"$ref": "#/paths/~1a/get"}), json!({"$ref": "#/$defs/paths._x7E_1a.get"}));
    check(json!({"$ref": "#/components/schemas/A%20B"}), json!({"$ref": "#/$defs/A_x20_B"}));
    check(
        json!({"required": ["id", "name"], "properties": {"id": {"readOnly": true}, "name": {}}}),
        json!({"required": ["name"], "properties": {"id": {"readOnly": true}, "name": {}}}),
    );
    check(json!({"items": [{"type": "string"}]}), json!({"prefixItems": [{"type": "string"}]}));
    check(json!(true), json!(true));
    check(json!("what"), json!({}));
}

#[test]
fn fields_may_be_called_like_keywords() {
    let fields = [
        "example",
        "xml",
        "discriminator",
        "nullable",
        "enum",
        "required",
        "type",
        "$id",
        "x-y",
        "externalDocs",
    ];
    let properties: Map<String, Value> =
        fields.iter().map(|name| ((*name).to_owned(), json!({"type": "string"}))).collect();
    let schema = json!({"type": "object", "properties": properties});
    assert_eq!(clean(schema.clone()), schema);
}

#[test]
fn a_careless_schema_still_compiles() {
    let careless = json!({
        "type": "file", "required": true, "enum": [], "minLength": "3", "multipleOf": 0, "allOf": [], "maximum": "1",
        "$schema": "http://example.org/dialect", "$id": "::", "additionalProperties": null, "uniqueItems": "yes",
        "properties": {"a": {"type": "any", "required": ["x", "x", 1]}, "b": null}, "pattern": "a{b|(", "patternProperties": {"(": {}},
    });
    Check::of(&clean(careless)).unwrap();
}

#[test]
fn definitions_are_brought_along_and_bounded() {
    let mut schemas = Map::new();
    // A circle, a long chain, and one that leads nowhere.
    schemas.insert("A".into(), json!({"properties": {"b": {"$ref": "#/components/schemas/B"}}}));
    schemas.insert("B".into(), json!({"properties": {"a": {"$ref": "#/components/schemas/A"}}}));
    for n in 0..5_000 {
        schemas
            .insert(format!("C{n}"), json!({"items": {"$ref": format!("#/components/schemas/C{}", n + 1)}}));
    }
    schemas.insert(
        "Huge".into(),
        json!({"enum": (0..100_000).map(|n| format!("value {n}")).collect::<Vec<_>>()}),
    );
    let root = json!({"components": {"schemas": schemas}});
    let known = Schemas::new(&root);
    let of = |name: &str| {
        let schema = convert(&json!({"$ref": format!("#/components/schemas/{name}")}));
        let mut whole = json!({"$defs": known.definitions(&[&schema])});
        whole["properties"] = json!({"x": schema});
        forget_places(&mut whole);
        Check::of(&whole).unwrap();
        whole["$defs"].as_object().unwrap().clone()
    };
    assert_eq!(of("A").len(), 2);
    assert_eq!(of("A")["A"], json!({"properties": {"b": {"$ref": "#/$defs/B"}}}));
    assert_eq!(of("C0").len(), DEFINITIONS + 1);
    assert_eq!(of("Huge")["Huge"], json!({}));
    assert_eq!(of("Missing")["Missing"], json!({}));
}

#[test]
fn ten_thousand_operations_are_read_in_no_time_and_what_is_too_heavy_is_refused() {
    let schema = json!({"type": "object", "properties": {"again": {"$ref": "#/components/schemas/A"}}});
    let operation = json!({"parameters": [{"$ref": "#/components/parameters/P"}], "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}}});
    let document = |count: usize, choices: usize| {
        let paths: Map<String, Value> =
            (0..count).map(|n| (format!("/p{n}"), json!({"post": operation}))).collect();
        let choices: Vec<String> = (0..choices).map(|n| format!("choice {n}")).collect();
        Document::new(json!({
            "openapi": "3.0.0",
            "paths": paths,
            "components": {
                "schemas": {"A": schema},
                "parameters": {"P": {"name": "p", "in": "query", "schema": {"enum": choices}}},
            },
        }))
        .unwrap()
    };
    let started = std::time::Instant::now();
    let operations = document(10_000, 10).operations(|_| true, &Map::new()).unwrap();
    assert_eq!(operations.len(), 10_000);
    assert!(started.elapsed() < std::time::Duration::from_secs(8), "{:?}", started.elapsed());
    let refused = document(10_000, 20_000).operations(|_| true, &Map::new()).unwrap_err();
    assert!(refused.contains("name the operations that are needed in `include`"), "{refused}");
    let few = document(10_000, 20_000).operations(|name| name == "post_p7", &Map::new()).unwrap();
    assert_eq!(few.len(), 1);
}

#[test]
fn references_in_circles_end() {
    let document = Document::new(json!({
        "openapi": "3.1.0",
        "paths": {
            "/a": {"$ref": "#/paths/~1b"},
            "/b": {"$ref": "#/paths/~1a"},
            "/c": {"get": {
                "parameters": [{"$ref": "#/components/parameters/P"}, {"name": "q", "in": "query", "schema": {"$ref": "#/components/schemas/Self"}}],
                "requestBody": {"$ref": "#/components/requestBodies/B"},
            }},
        },
        "components": {
            "parameters": {"P": {"$ref": "#/components/parameters/P"}},
            "requestBodies": {"B": {"$ref": "#/components/requestBodies/B"}},
            "schemas": {"Self": {"$ref": "#/components/schemas/Self"}},
        },
    }));
    let operations = document.unwrap().operations(|_| true, &Map::new()).unwrap();
    assert_eq!(operations.len(), 1);
    Check::of(&operations[0].raw(&[], std::time::Duration::from_secs(1)).input).unwrap();
}

#[test]
fn operations_of_the_same_name_are_told_apart() {
    let document = Document::new(json!({"openapi": "3.0.0", "paths": {
        "/a": {"get": {"operationId": "same"}, "put": {"operationId": "same"}},
        "/b": {"get": {"operationId": "same"}, "post": {}},
    }}));
    let operations = document.unwrap().operations(|_| true, &Map::new()).unwrap();
    let names: Vec<&str> = operations.iter().map(|operation| operation.name.as_str()).collect();
    assert_eq!(names, ["same", "put_a", "get_b", "post_b"]);
}
