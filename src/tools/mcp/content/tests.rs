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
