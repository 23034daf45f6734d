//! Upstream servers that misbehave: each is contained, says why in `list_tools`, and hides nothing of the others.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{heard, over, over_with, raised, said, scripted, value};
use crate::support::Client;
use crate::support::processes::{await_that, below_named, memory};

/// A good server beside one that misbehaves in this way.
fn beside(mode: &str) -> Client {
    let mut servers: Value = serde_json::from_str(&scripted("bad", mode)).unwrap();
    let good: Value = serde_json::from_str(&scripted("good", "good")).unwrap();
    servers["mcpServers"]["good"] = good["mcpServers"]["good"].clone();
    over(&[("mcp.json", &servers.to_string())])
}

fn starts(client: &Client, name: &str) -> usize {
    heard(client, name).iter().filter(|line| line.starts_with("start")).count()
}

#[test]
fn a_crash_in_the_middle_of_a_call_is_told_and_the_next_call_starts_anew() {
    let mut client = beside("good");
    let (kind, message) = raised(&mut client, "tools.bad.crash()");
    assert_eq!(kind, "ToolUnavailableError");
    insta::assert_snapshot!(message, @r#"
    tools.bad.crash: the server cannot be used now: it has ended; the last words on its stderr: a stack trace
    the last words
    "#);
    assert_eq!(value(&mut client, "tools.bad.add(1), tools.good.add(2)"), "('2', '3')");
    assert_eq!(starts(&client, "bad"), 2);
    // Those that wait for the same server fail with it, and nobody else.
    let code = "import asyncio\nr = await asyncio.gather(tools.bad.slow(30), tools.good.add(1), tools.bad.crash(), return_exceptions=True)\n[type(x).__name__ for x in r]";
    assert_eq!(value(&mut client, code), "['ToolUnavailableError', 'str', 'ToolUnavailableError']");
}

#[test]
fn a_server_that_dies_at_once_is_tried_again_with_growing_pauses() {
    let mut client = beside("dies");
    let (kind, message) = raised(&mut client, "tools.bad.add(1)");
    assert_eq!(kind, "ToolUnavailableError");
    insta::assert_snapshot!(message, @"tools.bad cannot be used now: connection closed: initialize response; its stderr: cannot find its configuration; it is tried again in 1 s");
    assert_eq!(starts(&client, "bad"), 1);
    for _ in 0..5 {
        raised(&mut client, "tools.bad.add(1)");
    }
    assert!(starts(&client, "bad") <= 2, "{}", starts(&client, "bad"));
    let listed = said(&mut client, "list_tools", json!({}));
    let line = listed.lines().find(|line| line.starts_with("tools.bad")).unwrap();
    assert!(line.contains("cannot be used: ") && line.contains("cannot find its configuration"), "{line}");
    assert!(listed.contains("tools.good.add(a: int, b: int = 1)"), "{listed}");
    await_that("it is tried again", || {
        raised(&mut client, "tools.bad.add(1)");
        starts(&client, "bad") >= 3
    });
    await_that("nothing is left of it", || below_named(client.pid(), "dies").is_empty());
}

#[test]
fn a_server_that_hangs_keeps_nobody_waiting() {
    for mode in ["hang", "hang_list"] {
        let mut client = beside(mode);
        let started = Instant::now();
        let session = client.new_session();
        let waiting = client.begin_in(&session, "tools.bad.add(1)");
        assert_eq!(value(&mut client, "tools.good.add(1)"), "'2'");
        client.request("tools/list", json!({})).unwrap();
        assert!(started.elapsed() < Duration::from_secs(10), "{mode}: {:?}", started.elapsed());
        client.cancel(&waiting);
        // A list in flight must not keep the server from ending either.
        let _ = client.begin("list_tools", json!({}), "l");
        client.listen(Duration::from_millis(500));
        let left = below_named(client.pid(), "scripted.py");
        let started = Instant::now();
        assert!(client.finish().success());
        assert!(started.elapsed() < Duration::from_secs(8), "{mode}: {:?}", started.elapsed());
        crate::support::processes::await_end(&left, Duration::from_secs(5));
    }
}

#[test]
fn floods_and_garbage_are_taken_in_stride() {
    let mut client = beside("good");
    let mut check = |call: &str, expected: &str| assert_eq!(value(&mut client, call), expected, "{call}");
    check("tools.bad.flood()", "'flooded'");
    check("tools.bad.garbage()", "'after garbage'");
    check("tools.bad.add(1)", "'2'");
    let before = memory(client.pid());
    assert_eq!(value(&mut client, "tools.bad.endless_line()"), "'after the line'");
    let grown = memory(client.pid()).saturating_sub(before);
    assert!(grown < 100 << 20, "{} MB more", grown >> 20);
    assert_eq!(value(&mut client, "tools.bad.add(1), tools.good.add(2)"), "('2', '3')");
}

#[test]
fn a_flood_before_the_greeting_is_read_too() {
    let mut client = beside("floods_at_start");
    assert_eq!(value(&mut client, "tools.bad.add(1)"), "'2'");
}

#[test]
fn requests_to_us_are_answered_and_refused() {
    let mut client = beside("good");
    assert_eq!(value(&mut client, "tools.bad.ask_us()"), "'asked'");
    await_that("all are answered", || {
        heard(&client, "bad").iter().filter(|line| line.contains("ask-")).count() == 4
    });
    let mut answers: Vec<String> =
        heard(&client, "bad").into_iter().filter(|line| line.contains("ask-")).collect();
    answers.sort();
    assert_eq!(answers, ["error ask-1", "error ask-3", "result ask-0", "result ask-2"]);
}

#[test]
fn lists_without_end_have_one() {
    let mut client = beside("endless");
    let count: usize = value(&mut client, "len(tools.bad.list())").parse().unwrap();
    assert_eq!(count, 100);
    assert_eq!(value(&mut client, "tools.bad.t99(), tools.good.add(1)"), "('t99 {}', '2')");
    let mut client = beside("pages");
    assert_eq!(value(&mut client, "len(tools.bad.list()), tools.bad.t49()"), "(50, 't49 {}')");
}

#[test]
fn wrong_schemas_break_only_themselves() {
    let mut client = beside("wrong_schema");
    assert_eq!(value(&mut client, "tools.bad.good('a'), tools.good.add(1)"), r#"('good {"x": "a"}', '2')"#);
    assert_eq!(value(&mut client, "tools.bad.bad(x=1)"), r#"'bad {"x": 1}'"#);
    assert_eq!(value(&mut client, "tools.bad.worse(x=1)"), r#"'worse {"x": 1}'"#);
    insta::assert_snapshot!(value(&mut client, "[t['signature'] for t in tools.bad.list()]"), @"['tools.bad.bad(x: Any = None)', 'tools.bad.worse(x: Any = None)', 'tools.bad.loops(x: dict = None)', 'tools.bad.good(x: str = None)']");
}

#[test]
fn a_call_without_an_answer_times_out_and_is_cancelled() {
    let mut servers: Value = serde_json::from_str(&scripted("bad", "good")).unwrap();
    servers["mcpServers"]["bad"]["timeout"] = json!(600);
    let mut client = over(&[("mcp.json", &servers.to_string())]);
    value(&mut client, "tools.bad.add(1)");
    let (kind, message) = raised(&mut client, "tools.bad.no_result()");
    assert_eq!(kind, "ToolTimeoutError");
    insta::assert_snapshot!(message, @"tools.bad.no_result: no answer and no progress within 0.6 s");
    await_that("it is told", || heard(&client, "bad").iter().any(|line| line == "notifications/cancelled"));
    assert_eq!(value(&mut client, "tools.bad.add(1)"), "'2'");
}

#[test]
fn secrets_of_an_upstream_never_come_back() {
    let mut servers: Value = serde_json::from_str(&scripted("up", "good")).unwrap();
    servers["mcpServers"]["up"]["env"]["TOKEN"] = json!("${A_TOKEN}");
    let mut client = over_with(&[("mcp.json", &servers.to_string())], &[("A_TOKEN", "hush-hush-0123")]);
    let shown = value(&mut client, "tools.up.secret()");
    assert!(!shown.contains("hush") && shown.starts_with("'token=*** basic="), "{shown}");
    let decoded = "import base64\nr = tools.up.secret().split('basic=')[1]\n'hush' in base64.b64decode(r.replace('*', '') + '===', validate=False).decode('latin-1')";
    assert_eq!(value(&mut client, decoded), "False");
}
