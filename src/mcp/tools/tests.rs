//! Tests of the tool list: budgets and promises that clients rely on.

use std::path::PathBuf;

use super::*;
use crate::config::AllowList;

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
    for (tool, name) in list(&config(), Reach::Sandbox).iter().zip(ToolName::ALL) {
        let schema = Value::Object((*tool.input_schema).clone());
        let properties: Vec<_> = schema["properties"].as_object().unwrap().keys().cloned().collect();
        let declared: Vec<_> = name.arguments().iter().map(|known| known.name.to_owned()).collect();
        assert_eq!(properties, declared, "{}", tool.name);
        assert!(tool.description.as_ref().unwrap().len() < 2_000);
    }
}

#[test]
fn the_list_is_the_same_every_time() {
    let text = || serde_json::to_string(&list(&config(), Reach::Sandbox)).unwrap();
    assert_eq!(text(), text());
}

#[test]
fn structure_is_declared_when_asked_for_only() {
    let mut config = config();
    assert!(list(&config, Reach::Sandbox).iter().all(|tool| tool.output_schema.is_none()));
    config.results.structured = true;
    assert!(list(&config, Reach::Sandbox)[0].output_schema.is_some());
}

#[test]
fn texts_and_hints_tell_of_the_network_that_there_is() {
    let with = |network| {
        let mut config = config();
        config.sandbox.network = network;
        let tools = list(&config, Reach::Sandbox);
        let open = tools[0].annotations.as_ref().unwrap().open_world_hint;
        (instructions(&config), tools[0].description.clone().unwrap().into_owned(), open)
    };
    let (said, described, open) = with(Network::None);
    assert!(said == INSTRUCTIONS && said.contains(NO_NETWORK), "{said}");
    assert!(!described.contains("Network") && open == Some(false), "{described}");
    let hosts = AllowList::parse(["a.example", "*.b.example:443"]).unwrap();
    let (said, described, open) = with(Network::List(hosts));
    let words = "Network: HTTP and HTTPS to a.example, *.b.example:443 only, by proxy; no raw sockets.";
    assert!(said.contains(words) && described.ends_with(words), "{said} {described}");
    assert!(!said.contains("no network") && open == Some(true));
    let (said, _, open) = with(Network::Full);
    assert!(said.contains("Network: open.") && open == Some(true), "{said}");
    let many: Vec<String> = (0..500).map(|number| format!("{number}.long-name-of-a-host.example")).collect();
    let (said, described, _) =
        with(Network::List(AllowList::parse(many.iter().map(String::as_str)).unwrap()));
    assert!(said.contains(" and 488 more only"), "{said}");
    assert!(described.len() < 2_000);
}
