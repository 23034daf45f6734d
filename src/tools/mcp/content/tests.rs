//! Tests of what results become.

use serde_json::json;

use super::*;

fn result(value: Value) -> Result<Output, Failure> {
    of_call(serde_json::from_value(value).unwrap())
}

#[test]
fn a_result_becomes_what_it_is() {
    let check = |value: Value, expected: Output| assert_eq!(result(value.clone()), Ok(expected), "{value}");
    let text = |text: &str| json!({"type": "text", "text": text});
    check(json!({"content": [text("{\"a\": 1}")]}), Output::Text("{\"a\": 1}".into()));
    check(json!({"content": [text("one"), text("two")]}), Output::Text("one\ntwo".into()));
    check(json!({"content": []}), Output::Text(String::new()));
    check(
        json!({"content": [text("x")], "structuredContent": {"a": [1, 2.50]}}),
        Output::Json(json!({"a": [1, 2.50]})),
    );
    let image = json!({"type": "image", "data": "AAEC", "mimeType": "image/png"});
    let media = Media { bytes: vec![0, 1, 2], media_type: "image/png".into(), uri: None };
    check(json!({"content": [image]}), Output::Media(media.clone()));
    check(
        json!({"content": [text("x"), image]}),
        Output::Parts(vec![Part::Text("x".into()), Part::Media(media)]),
    );
}

#[test]
fn an_error_has_the_servers_own_words() {
    let failure =
        result(json!({"content": [{"type": "text", "text": "no such repository"}], "isError": true}));
    assert_eq!(failure.unwrap_err().message, "no such repository");
}

#[test]
fn a_result_that_is_an_object_only_because_it_has_to_be_is_what_stands_in_it() {
    let check = |schema: Value, expected: Option<Value>| assert_eq!(unwrapped(&schema), expected, "{schema}");
    let list = json!({"type": "array", "items": {"$ref": "#/$defs/User"}});
    let defs = json!({"User": {"type": "object"}});
    check(
        json!({"type": "object", "title": "list_usersOutput", "properties": {"result": list}, "$defs": defs}),
        Some(json!({"type": "array", "items": {"$ref": "#/$defs/User"}, "$defs": defs})),
    );
    check(
        json!({"type": "object", "properties": {"result": {"type": "integer"}}, "x-fastmcp-wrap-result": true}),
        Some(json!({"type": "integer"})),
    );
    check(json!({"type": "object", "properties": {"result": {"type": "integer"}}}), None);
    check(json!({"title": "sumOutput", "properties": {"result": {}, "count": {}}}), None);
    check(json!({"title": "sumOutput", "properties": {"total": {}}}), None);

    let result = |value: Value| CallToolResult::structured(value);
    let given = |mut result: CallToolResult| {
        unwrap(&mut result);
        result.structured_content
    };
    assert_eq!(given(result(json!({"result": [1]}))), Some(json!([1])));
    assert_eq!(given(result(json!({"result": null}))), Some(Value::Null));
    assert_eq!(given(result(json!({"result": 1, "more": 2}))), Some(json!({"result": 1, "more": 2})));
    assert_eq!(given(CallToolResult::structured_error(json!({"result": 1}))), Some(json!({"result": 1})));
}
