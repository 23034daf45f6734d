//! `list_tools`, `search_tools`, `call_tool`: the catalog for clients that want it without code.

use std::time::Duration;

use serde_json::json;

use super::{heard, over, said, scripted};
use crate::support::processes::await_that;
use crate::support::{Client, text};

const GIT: &str = "name: git\ncommand: git\ndescription: Versions of files.\ntags: [vcs]\nschema: {options: {oneline: {type: boolean}}, positional: [{name: what, required: true}]}\nrecipes: {log: {description: Show commits, preset: {what: log}}}\n";

fn both() -> Client {
    over(&[("tools/git.yaml", GIT), ("mcp.json", &scripted("up", "pages"))])
}

#[test]
fn a_list_comes_in_pages() {
    let mut client = both();
    insta::assert_snapshot!(said(&mut client, "list_tools", json!({"limit": 4})), @r#"
    tools.git (command): Versions of files.
      tools.git(what: str, oneline: bool = None) -> str  Versions of files.
      tools.git.log(what: str = 'log', oneline: bool = None) -> str  Show commits
    tools.up (mcp): A server for tests.
      tools.up.t0()  Does t0.
      tools.up.t1()  Does t1.
    [4 of 52 tools; next: cursor="4"]
    "#);
    insta::assert_snapshot!(said(&mut client, "list_tools", json!({"limit": 3, "cursor": "4"})), @r#"
    tools.up (mcp): A server for tests.
      tools.up.t2()  Does t2.
      tools.up.t3()  Does t3.
      tools.up.t4()  Does t4.
    [3 of 52 tools; next: cursor="7"]
    "#);
    let mut seen = Vec::new();
    let mut cursor = "0".to_owned();
    loop {
        let page = said(&mut client, "list_tools", json!({"limit": 7, "cursor": cursor}));
        seen.extend(page.lines().filter(|line| line.starts_with("  tools.")).map(str::to_owned));
        match page.split_once("next: cursor=\"") {
            Some((_, next)) => cursor = next.split('"').next().unwrap().to_owned(),
            None => break,
        }
    }
    assert_eq!(seen.len(), 52, "{seen:?}");
    seen.dedup();
    assert_eq!(seen.len(), 52);
    insta::assert_snapshot!(said(&mut client, "list_tools", json!({"server": "git"})), @r#"
    tools.git (command): Versions of files.
      tools.git(what: str, oneline: bool = None) -> str  Versions of files.
      tools.git.log(what: str = 'log', oneline: bool = None) -> str  Show commits
    "#);
    insta::assert_snapshot!(said(&mut client, "list_tools", json!({"server": "gti"})), @"[error] there is no `tools.gti`; did you mean `tools.git`?");
    insta::assert_snapshot!(said(&mut client, "list_tools", json!({"cursor": "x"})), @"[error] argument `cursor` must be the cursor of the page before, a string, not the string \"x\"");
    insta::assert_snapshot!(said(&mut client, "list_tools", json!({"cursor": "99999"})), @"[there is nothing behind this cursor; 52 tools in all]");
}

#[test]
fn a_search_says_as_much_as_is_wanted() {
    let mut client = both();
    insta::assert_snapshot!(said(&mut client, "search_tools", json!({"query": "show commits", "limit": 1, "detail": "names"})), @"tools.git.log");
    insta::assert_snapshot!(said(&mut client, "search_tools", json!({"query": "show commits", "limit": 1})), @"tools.git.log(what: str = 'log', oneline: bool = None) -> str  Show commits");
    insta::assert_snapshot!(said(&mut client, "search_tools", json!({"query": "show commits", "limit": 1, "detail": "full"})), @r#"
    tools.git.log(what: str = 'log', oneline: bool = None) -> str
    Show commits

    Args:
        what
        oneline
    {"input":{"type":"object","properties":{"what":{"type":"string","default":"log"},"oneline":{"type":"boolean"}},"required":[],"additionalProperties":false},"output":{"type":"string"}}
    "#);
    insta::assert_snapshot!(said(&mut client, "search_tools", json!({"query": "zebra", "limit": 1})), @"no tool fits these words; the namespaces are: git, up");
    insta::assert_snapshot!(said(&mut client, "search_tools", json!({"query": "x", "detail": "all"})), @"[error] argument `detail` must be \"names\", \"signatures\" or \"full\", not the string \"all\"");
    assert_eq!(
        said(&mut client, "search_tools", json!({"query": "t7", "limit": 1, "detail": "names"})),
        "tools.up.t7"
    );
}

#[test]
fn a_direct_call_gives_data_and_failures() {
    let mut client = over(&[("mcp.json", &scripted("up", "good"))]);
    let result = client.call("call_tool", json!({"name": "up.numbers", "arguments": {}}));
    assert_eq!(result["isError"], false, "{result}");
    assert!(text(&result).contains(r#""big":1180591620717411303424"#), "{result}");
    assert_eq!(result["_meta"]["actwright/tool"]["float"], 0.1);
    let failed = client.call("call_tool", json!({"name": "up.fails", "arguments": {"words": "disk full"}}));
    assert_eq!(failed["isError"], true);
    insta::assert_snapshot!(text(&failed), @"[error] tools.up.fails: disk full");
    insta::assert_snapshot!(failed["_meta"]["actwright/tool"].to_string(), @"{\"kind\":\"failed\",\"body\":{\"code\":7}}");
    insta::assert_snapshot!(said(&mut client, "call_tool", json!({"name": "up.add", "arguments": {"b": 1}})), @"[error] tools.up.add: argument `a` is missing; it is called as tools.up.add(a: int, b: int = 1)");
    insta::assert_snapshot!(said(&mut client, "call_tool", json!({"name": "up.ad", "arguments": {}})), @"[error] tools.up has no `ad`; did you mean `add`?");
    insta::assert_snapshot!(said(&mut client, "call_tool", json!({"name": "nothing", "arguments": {}})), @"[error] there is no `tools.nothing`. tools.list() shows what there is");
    insta::assert_snapshot!(said(&mut client, "call_tool", json!({"name": "up.add", "arguments": []})), @"[error] argument `arguments` must be an object, not an array");
}

#[test]
fn a_cancelled_direct_call_is_cancelled_upstream() {
    let mut client = over(&[("mcp.json", &scripted("up", "good"))]);
    let id = client.begin("call_tool", json!({"name": "up.slow", "arguments": {"seconds": 60}}), "t");
    await_that("the call has come", || heard(&client, "up").iter().any(|line| line == "tools/call slow"));
    client.cancel(&id);
    await_that("it is told", || heard(&client, "up").iter().any(|line| line == "notifications/cancelled"));
    client.listen(Duration::from_millis(100));
}

#[test]
fn without_tools_the_list_says_how_to_have_some() {
    let mut client = Client::start();
    insta::assert_snapshot!(said(&mut client, "list_tools", json!({})), @"no tools are configured; put YAML files into tools/ or servers into mcp.json");
    insta::assert_snapshot!(said(&mut client, "search_tools", json!({"query": "x"})), @"no tool fits these words; the namespaces are: none are configured");
}
