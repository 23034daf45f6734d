//! Tests of how arguments are bound and what their mistakes are called.

use serde_json::json;

use super::*;
use crate::tools::entry::{Hints, Raw};
use crate::tools::name::{Identifier, Reserved};

fn tool(input: Value) -> Tool {
    let raw = Raw {
        name: "get-repo".into(),
        description: "Get a repository.".into(),
        input,
        output: None,
        bytes: vec!["file".into()],
        hints: Hints::default(),
        tags: Vec::new(),
        timeout: None,
    };
    let name = |text: &str, place| Identifier::of(text, place);
    Tool::new(name("github", Reserved::Namespace), Some(name("get-repo", Reserved::Tool)), raw)
}

fn example() -> Tool {
    tool(json!({
        "type": "object",
        "properties": {
            "per-page": {"type": "integer", "minimum": 1, "default": 30},
            "owner": {"type": "string"},
            "state": {"enum": ["open", "closed"]},
            "class": {"type": ["string", "null"]},
            "labels": {"type": "array", "items": {"type": "string"}},
            "file": {"type": "string", "format": "binary"},
        },
        "required": ["owner"],
    }))
}

fn bind(given: Value) -> Result<Arguments, String> {
    let given = given.as_object().unwrap().clone();
    let given = given.into_iter().map(|(name, value)| (name, Given::Json(value))).collect();
    example().bind(given).map_err(|failure| failure.message)
}

#[test]
fn arguments_are_bound_by_either_name() {
    let check = |given: Value, expected: Value| {
        assert_eq!(Value::Object(bind(given.clone()).unwrap().values), expected, "{given}");
    };
    check(json!({"owner": "a", "per_page": 5}), json!({"owner": "a", "per-page": 5}));
    check(json!({"owner": "a", "per-page": 5}), json!({"owner": "a", "per-page": 5}));
    check(json!({"owner": "a", "class_": null}), json!({"owner": "a", "class": null}));
    check(json!({"owner": "a", "per_page": null, "state": null}), json!({"owner": "a"}));
}

#[test]
fn a_mistake_names_the_argument_and_shows_the_signature() {
    let check = |given: Value, expected: &str| {
        let message = bind(given.clone()).unwrap_err();
        let (what, signature) = message.split_once("; it is called as ").unwrap();
        assert_eq!(what, format!("tools.github.get_repo: {expected}"), "{given}");
        assert!(
            signature.starts_with("tools.github.get_repo(owner: str, per_page: int = 30, "),
            "{signature}"
        );
    };
    check(json!({}), "argument `owner` is missing");
    check(json!({"owner": "a", "onwer": 1}), "there is no argument `onwer` (did you mean `owner`?)");
    check(json!({"owner": "a", "zzz": 1}), "there is no argument `zzz`");
    check(json!({"owner": 5}), "argument `owner`: 5 is not of type \"string\"");
    check(json!({"owner": null}), "argument `owner`: null is not of type \"string\"");
    check(json!({"owner": "a", "per_page": 0}), "argument `per_page`: 0 is less than the minimum of 1");
    check(json!({"owner": "a", "labels": ["x", 5]}), "argument `labels`, at 1: 5 is not of type \"string\"");
    check(json!({"owner": "a", "per_page": 1, "per-page": 2}), "argument `per-page` is given twice");
}

#[test]
fn bytes_go_only_where_they_are_meant_to() {
    let file = |name: &str| (name.to_owned(), Given::Bytes(vec![0, 255]));
    let owner = ("owner".to_owned(), Given::Json("a".into()));
    let bound = example().bind(vec![owner.clone(), file("file")]).unwrap();
    assert_eq!(bound.bytes["file"], [0, 255]);
    let refused = example().bind(vec![owner, file("state")]).unwrap_err().message;
    assert!(refused.contains("argument `state` is bytes; this one takes plain data"), "{refused}");
}

#[test]
fn a_schema_that_does_not_compile_leaves_the_check_of_names() {
    let broken = tool(json!({"properties": {"a": {"type": "no-such-type"}}, "required": ["a"]}));
    assert!(broken.check().is_err());
    assert!(broken.bind(vec![("a".into(), Given::Json(json!(5)))]).is_ok());
    assert!(broken.bind(vec![]).is_err());
}

#[test]
fn a_whole_number_is_sent_as_one_where_an_integer_is_asked_for() {
    let tool = tool(json!({"type": "object", "properties": {
        "n": {"type": "integer"},
        "x": {"type": "number"},
        "rows": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "integer"}}}},
    }}));
    let given = json!({"n": 5.0, "x": 5.0, "rows": [{"n": -2.0, "m": 2.0}]});
    let given = given.as_object().unwrap().clone();
    let bound = tool.bind(given.into_iter().map(|(name, value)| (name, Given::Json(value))).collect());
    let sent = serde_json::to_string(&bound.unwrap().values).unwrap();
    assert_eq!(sent, r#"{"n":5,"x":5.0,"rows":[{"n":-2,"m":2.0}]}"#);
}

#[test]
fn null_is_taken_where_a_schema_says_nullable() {
    let tool = tool(json!({"type": "object", "properties": {
        "a": {"type": "string", "nullable": true},
        "b": {"enum": ["x"], "nullable": true},
    }, "required": ["a"]}));
    let given = [("a", Value::Null), ("b", Value::Null)];
    let given = given.map(|(name, value)| (name.to_owned(), Given::Json(value))).to_vec();
    let bound = tool.bind(given).unwrap();
    assert_eq!(json!(bound.values), json!({"a": null, "b": null}));
}
