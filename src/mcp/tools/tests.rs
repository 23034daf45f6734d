//! Tests of the tool list: budgets and promises that clients rely on.

use std::path::PathBuf;

use super::*;
use crate::hosts::AllowList;

fn config() -> Config {
    Config::at(PathBuf::from("/base"))
}

#[test]
fn instructions_fit() {
    assert!(INSTRUCTIONS.chars().count() < 1_000);
    let first: String = INSTRUCTIONS.chars().take(500).collect();
    assert!(first.contains("fix that part and run again."), "the loop stands in the first 500 characters");
}

#[test]
fn schemas_and_declared_arguments_agree() {
    for (tool, name) in list(&config()).iter().zip(ToolName::ALL) {
        let schema = Value::Object((*tool.input_schema).clone());
        let properties: Vec<_> = schema["properties"].as_object().unwrap().keys().cloned().collect();
        let declared: Vec<_> = name.arguments().iter().map(|known| known.name.to_owned()).collect();
        assert_eq!(properties, declared, "{}", tool.name);
        assert_eq!(schema["additionalProperties"], json!(false));
        assert!(tool.description.as_ref().unwrap().len() < 2_000);
    }
}

#[test]
fn the_list_is_the_same_every_time() {
    let text = || serde_json::to_string(&list(&config())).unwrap();
    assert_eq!(text(), text());
}

#[test]
fn structure_is_declared_when_asked_for_only() {
    let mut config = config();
    assert!(list(&config).iter().all(|tool| tool.output_schema.is_none()));
    config.results.structured = true;
    assert!(list(&config)[0].output_schema.is_some());
}
