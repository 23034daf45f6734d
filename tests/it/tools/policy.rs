//! What `actwright.toml` allows: who may call what, how often, and that no other spelling is a way around it.

use std::process::Command;

use serde_json::{Value, json};

use super::{base, heard, over, raised, said, scripted, upstream_file, value};
use crate::support::Client;

const POLICY: &str = r#"
[tools.policy."up.*"]
permission = "allow"
[tools.policy."up.errors"]
permission = "ask"
[tools.policy."up.get-thing"]
permission = "deny"
[tools.policy."tools.up.text"]
callers = "code"
[tools.policy."up.unsaid"]
callers = "model"
[tools.policy."up.echo"]
rate = "3/h"
[tools.policy."up.resources.read"]
permission = "deny"
[tools.policy."odd-name.*"]
permission = "deny"
[tools.policy."show.show"]
permission = "deny"
"#;

fn policed() -> Client {
    let mut servers: serde_json::Value = serde_json::from_str(&scripted("up", "good")).unwrap();
    servers["mcpServers"]["odd-name"] = serde_json::from_str::<serde_json::Value>(&scripted("odd", "good"))
        .unwrap()["mcpServers"]["odd"]
        .clone();
    let show = format!(
        "name: show\ncommand: python3\nargs: [\"-I\", \"{}\"]\nrecipes: {{show: {{}}, other: {{}}}}\n",
        upstream_file("argv.py").display()
    );
    over(&[("mcp.json", &servers.to_string()), ("tools/show.yaml", &show), ("actwright.toml", POLICY)])
}

fn denied(client: &mut Client, code: &str) -> String {
    let (kind, message) = raised(client, code);
    assert_eq!(kind, "ToolDeniedError", "{code}: {message}");
    message
}

#[test]
fn a_policy_holds_for_code_and_model() {
    let mut client = policed();
    assert_eq!(value(&mut client, "tools.up.add(1), tools.up.text()"), "('2', 'one\\ntwo')");
    insta::assert_snapshot!(denied(&mut client, "tools.up.errors()"), @"tools.up.errors was not called: the policy wants a person's consent, and this server has no way to ask yet; its operator can set permission = \"allow\" ([tools.policy.\"up.errors\"] in actwright.toml)");
    insta::assert_snapshot!(denied(&mut client, "tools.up.unsaid()"), @"tools.up.unsaid was not called: code may not call it; the model may, with call_tool ([tools.policy.\"up.unsaid\"] in actwright.toml)");
    insta::assert_snapshot!(said(&mut client, "call_tool", json!({"name": "up.text", "arguments": {}})), @"[error] tools.up.text was not called: only code may call it; use run_code ([tools.policy.\"up.text\"] in actwright.toml)");
    assert_eq!(
        said(&mut client, "call_tool", json!({"name": "up.unsaid", "arguments": {"n": 4}})),
        r#"{"id":4,"name":"a value that is not kept"}"#
    );
    assert_eq!(value(&mut client, "[tools.up.echo(n)['value'] for n in range(3)]"), "[0, 1, 2]");
    insta::assert_snapshot!(denied(&mut client, "tools.up.echo(1)"), @"tools.up.echo was not called: it was called 3 times in 3600 s ([tools.policy.\"up.echo\"] in actwright.toml)");
    let code = "import asyncio\ntry:\n    await asyncio.gather(*[tools.up.echo(n) for n in range(3)])\nexcept PermissionError as e:\n    r = e.kind\nr";
    assert_eq!(value(&mut client, code), "'denied'");
    assert_eq!(heard(&client, "up").iter().filter(|line| *line == "tools/call echo").count(), 3);
    assert!(!heard(&client, "up").iter().any(|line| line == "tools/call errors"));
}

#[test]
fn no_other_spelling_is_a_way_around() {
    let mut client = policed();
    for code in [
        "tools.up.get_thing_2()",
        "getattr(tools.up, 'get-thing')()",
        "f = tools.up.get_thing_2\nf()",
        "await tools.up.get_thing_2()",
        "tools._host.channel.call('tools.call', ('up.get-thing',), {})[1]['kind'] == 'denied' and tools.up.get_thing_2()",
        "tools.up.resources.read('test://note')",
        "tools.odd_name.add(1)",
        "getattr(tools, 'odd-name').add(1)",
        "tools.odd_name.resources.read('test://note')",
        "tools.odd_name.prompts.get('greet', who='x')",
        "tools.show.show()",
        "tools.show()",
    ] {
        denied(&mut client, code);
    }
    for name in
        ["up.get-thing", "tools.up.get_thing_2", "up.get_thing_2", "odd-name.add", "show", "show.show"]
    {
        let result = client.call("call_tool", json!({"name": name, "arguments": if name.ends_with("add") { json!({"a": 1}) } else { json!({}) }}));
        assert_eq!(result["_meta"]["actwright/tool"]["kind"], "denied", "{name}: {result}");
    }
    assert_eq!(value(&mut client, "tools.up.get_thing(), tools.show.other()"), "('get_thing {}', '[]\\n')");
    assert!(!heard(&client, "up").iter().any(|line| line.contains("get-thing")));
    assert!(!heard(&client, "up").iter().any(|line| line.starts_with("resources/read")));
}

/// A command that fails when another call of it is under way.
const ALONE: &str = "\ncommand: sh\nargs: [-c, \"mkdir $0 && sleep 0.05 && rmdir $0\", DIRECTORY]\ndescription: Wants to be alone.\n";

#[test]
fn calls_wait_for_each_other_where_file_or_policy_says_so() {
    let tool = |name: &str, more: &str| format!("name: {name}{}{more}", ALONE.replace("DIRECTORY", name));
    let policy = "[tools.policy.\"ruled*\"]\nserial = true\n[tools.policy.\"free\"]\nper_cell = 50\n";
    let mut client = over(&[
        ("tools/filed.yaml", &tool("filed", "serial: true\n")),
        ("tools/ruled.yaml", &tool("ruled", "")),
        ("tools/free.yaml", &tool("free", "")),
        ("actwright.toml", policy),
    ]);
    let gather = |name: &str| {
        format!(
            "import asyncio\nr = await asyncio.gather(*[tools.{name}() for _ in range(4)], return_exceptions=True)\n\
             sum(isinstance(x, Exception) for x in r)"
        )
    };
    assert_eq!(value(&mut client, &gather("filed")), "0");
    assert_eq!(value(&mut client, &gather("ruled")), "0");
    assert_ne!(value(&mut client, &gather("free")), "0", "side by side they meet");
}

#[test]
fn every_call_counts_for_its_cell_and_leaves_a_record() {
    let policy =
        "[tools.policy.\"up.echo\"]\nper_cell = 2\n[tools.policy.\"up.errors\"]\npermission = \"deny\"\n";
    let files = [("mcp.json", scripted("up", "good")), ("actwright.toml", policy.to_owned())];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let base = base(&files);
    let code = "def call(f, *args):\n    try:\n        f(*args)\n        return 'ok'\n    except ToolError as e:\n        \
                return e.kind\n[call(tools.up.echo, n) for n in range(3)] + [call(tools.up.errors), call(tools.up.echo)]";
    std::fs::write(base.path().join("cell.py"), code).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_actwright"));
    command.args(["run", "--json", "--log", "warn,audit=info"]).arg(base.path().join("cell.py"));
    let ended = command.env("ACTWRIGHT_BASE", base.path()).env("NO_COLOR", "1").output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    let run: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!(run["result"], "['ok', 'ok', 'denied', 'denied', 'arguments']", "{run}");
    let calls = run["tool_calls"].as_array().unwrap();
    let brief: Vec<_> = calls.iter().map(|call| (&call["tool"], &call["calls"], &call["failed"])).collect();
    assert_eq!(
        brief,
        [(&json!("up.echo"), &json!(4), &json!(2)), (&json!("up.errors"), &json!(1), &json!(1))]
    );
    assert!(
        calls[0]["sent"].as_u64().unwrap() > 0 && calls[0]["received"].as_u64().unwrap() > 0,
        "{calls:?}"
    );
    let records: Vec<&str> = said.lines().filter(|line| line.contains("audit: tool call")).collect();
    assert_eq!(records.len(), 5, "{said}");
    let session = run["session"].as_str().unwrap();
    let outcomes = ["ok", "ok", "denied", "denied", "arguments"];
    for (record, outcome) in records.iter().zip(outcomes) {
        assert!(record.contains(&format!("outcome=\"{outcome}\"")), "{record}");
        assert!(record.contains(session) && record.contains("caller=\"code\""), "{record}");
    }
    let digest = |record: &str| record.split("arguments=").nth(1).unwrap()[..34].to_owned();
    assert_ne!(digest(records[0]), digest(records[1]));
}
