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
