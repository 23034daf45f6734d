//! Tests of types as they are shown.

use serde_json::json;

use super::*;

#[test]
fn a_schema_is_shown_as_the_type_that_python_has_for_it() {
    let check = |schema: Value, expected: &str| assert_eq!(type_of(&schema, &schema), expected, "{schema}");
    check(json!({"type": "string"}), "str");
    check(json!({"type": "string", "format": "binary"}), "bytes");
    check(json!({"type": ["string", "null"]}), "str | None");
    check(json!({"type": ["null", "integer"]}), "int | None");
    check(json!({"type": "integer", "nullable": true}), "int | None");
    check(json!({"type": "array", "items": {"type": "number"}}), "list[float]");
    check(json!({"type": "array"}), "list");
    check(json!({"type": "object", "additionalProperties": {"type": "boolean"}}), "dict[str, bool]");
    check(json!({"type": "object", "properties": {"a": {}}}), "dict");
    check(json!({"enum": ["open", "it's", 3, null]}), "Literal['open', \"it's\", 3, None]");
    check(json!({"enum": ["a", "b", "c", "d", "e", "f", "g", "h", "i"]}), "str");
    check(json!({"const": "x\n"}), "Literal['x\\n']");
    check(json!({"anyOf": [{"type": "null"}, {"type": "string"}, {"type": "integer"}]}), "str | int | None");
    check(json!({"oneOf": [{"type": "string"}, {}]}), "Any");
    check(json!({"allOf": [{"type": "string"}]}), "str");
    check(json!({"$ref": "#/$defs/x", "$defs": {"x": {"type": "integer"}}}), "int");
    check(json!({"$ref": "#/$defs/x", "$defs": {"x": {"items": {"$ref": "#/$defs/x"}}}}), "list[list]");
    check(json!({"$ref": "https://example.org/other"}), "Any");
    check(json!(true), "Any");
}

#[test]
fn the_fields_of_objects_are_shown_beside_their_parameter() {
    let check = |schema: Value, expected: Option<&str>| {
        assert_eq!(fields(&schema, &schema, DEPTH).as_deref(), expected, "{schema}");
    };
    let point = json!({"type": "object", "properties": {"lat": {"type": "number"}, "name": {"type": "string"}}, "required": ["lat"]});
    check(point.clone(), Some("{lat: float, name?: str}"));
    check(json!({"type": "array", "items": point}), Some("[{lat: float, name?: str}, …]"));
    check(json!({"properties": {"a": point}}), Some("{a?: {lat: float, name?: str}}"));
    check(json!({"anyOf": [{"type": "null"}, point]}), Some("{lat: float, name?: str}"));
    check(json!({"$ref": "#/$defs/p", "$defs": {"p": point}}), Some("{lat: float, name?: str}"));
    check(json!({"properties": {"next": {"$ref": "#"}}}), Some("{next?: {next?: dict}}"));
    check(json!({"type": "object"}), None);
    check(json!({"type": "object", "properties": {}}), None);
    check(json!({"type": "array", "items": {"type": "string"}}), None);
}
