//! The protocol from outside: eras, handshakes, the tool list, cancel, progress and the end.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Client, Era, Wire, meta_2026};

const REVISIONS: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

#[test]
fn every_revision_opens_on_every_wire() {
    for wire in [Wire::Pipes, Wire::SocketPairs] {
        for version in REVISIONS {
            let mut client = Client::spawn(wire, &[]);
            let answer = client.initialize(version);
            assert_eq!(answer["protocolVersion"], version);
            assert_eq!(answer["serverInfo"]["name"], "actwright");
            assert!(answer["instructions"].as_str().unwrap().len() < 1_000);
            assert_eq!(text(&client.run("1+1")), "[result: int]\n2");
            assert!(client.finish().success());
        }
        let mut client = Client::open(wire, Era::Stateless, &[]);
        let result = client.run("1+1");
        assert_eq!(text(&result), "[result: int]\n2");
        assert_eq!(result["resultType"], "complete");
        assert!(client.finish().success());
    }
}

#[test]
fn an_unknown_revision_gets_the_newest_with_a_handshake() {
    for asked in ["2099-01-01", "1999-01-01", "2026-07-28"] {
        let mut client = Client::spawn(Wire::Pipes, &[]);
        assert_eq!(client.initialize(asked)["protocolVersion"], "2025-11-25");
    }
}

#[test]
fn a_client_may_look_twice_and_leave() {
    let mut client = Client::open(Wire::SocketPairs, Era::Stateless, &[]);
    for _ in 0..2 {
        let found = client.request("server/discover", json!({})).unwrap();
        assert!(found["supportedVersions"].as_array().unwrap().contains(&json!("2026-07-28")), "{found}");
    }
    assert!(client.finish().success());
    assert!(Client::spawn(Wire::Pipes, &[]).finish().success());
}

#[test]
fn discover_then_either_era() {
    let mut client = Client::spawn(Wire::Pipes, &[]);
    let probe =
        json!({"jsonrpc": "2.0", "id": "p", "method": "server/discover", "params": {"_meta": meta_2026()}});
    client.line(&probe.to_string());
    client.answer(&json!("p")).unwrap();
    assert_eq!(client.initialize("2025-06-18")["protocolVersion"], "2025-06-18");
    client.line(&probe.to_string().replace("\"p\"", "\"q\""));
    client.answer(&json!("q")).unwrap();
    assert_eq!(text(&client.run("1+1")), "[result: int]\n2");
}

#[test]
fn what_comes_too_early_harms_nothing() {
    let mut client = Client::spawn(Wire::Pipes, &[]);
    client.notify("notifications/cancelled", json!({"requestId": 99}));
    client.notify("notifications/initialized", json!({}));
    client.line(r#"{"jsonrpc":"2.0","id":5,"result":{}}"#);
    client.line(r#"{"jsonrpc":"2.0","id":6,"method":"tools/list"}"#);
    assert_eq!(client.answer(&json!(6)).unwrap_err().code, -32602);
    client.line(r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#);
    client.answer(&json!(7)).unwrap();
    client.initialize("2025-11-25");
    assert_eq!(text(&client.run("1+1")), "[result: int]\n2");
}

#[test]
fn the_tool_list() {
    let mut client = Client::start();
    let list = client.request("tools/list", json!({})).unwrap();
    assert_eq!(client.request("tools/list", json!({})).unwrap(), list);
    let lines: Vec<String> = list["tools"].as_array().unwrap().iter().map(summary).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    run_code(code, session?, timeout?, plan?, keep?, max_output?) read_only=null destructive=false idempotent=null
    read_output(id, offset?, limit?, grep?) read_only=true destructive=null idempotent=null
    list_sessions() read_only=true destructive=null idempotent=null
    undo_run(session?, steps?) read_only=null destructive=null idempotent=null
    fork_session(session?, n?) read_only=null destructive=null idempotent=null
    reset_session(session?) read_only=null destructive=null idempotent=true
    close_session(session?) read_only=null destructive=null idempotent=true
    search_tools(query, limit?, detail?) read_only=true destructive=null idempotent=null
    list_tools(server?, limit?, cursor?) read_only=true destructive=null idempotent=null
    call_tool(name, arguments?) read_only=null destructive=null idempotent=null
    search_skills(query, limit?) read_only=true destructive=null idempotent=null
    list_skills(limit?, cursor?) read_only=true destructive=null idempotent=null
    get_skill(name, version?) read_only=true destructive=null idempotent=null
    create_skill(name, source?, from_cell?, session?, description?, examples?, tags?, reason?) read_only=null destructive=false idempotent=null
    invoke_skill(name, arguments?, version?, session?) read_only=null destructive=false idempotent=null
    verify_skill(name, record?) read_only=null destructive=false idempotent=null
    delete_skill(name) read_only=null destructive=null idempotent=true
    save_artifact(name, data?, base64?, media_type?, description?, metadata?, ttl?) read_only=null destructive=false idempotent=null
    load_artifact(name, version?) read_only=true destructive=null idempotent=null
    list_artifacts(prefix?, limit?, cursor?) read_only=true destructive=null idempotent=null
    delete_artifact(name) read_only=null destructive=null idempotent=true
    add_dep(package) read_only=null destructive=false idempotent=true
    list_deps() read_only=true destructive=null idempotent=null
    remove_dep(package) read_only=null destructive=null idempotent=true
    ");
    for tool in list["tools"].as_array().unwrap() {
        assert!(tool["title"].is_string() && tool["icons"][0]["src"].as_str().unwrap().starts_with("data:"));
        let always = &tool["_meta"]["anthropic/alwaysLoad"];
        assert_eq!(*always == json!(true), tool["name"] == "run_code");
        assert!(tool.get("outputSchema").is_none());
    }
    // A rough count of what every conversation pays: four bytes are about a token.
    let bytes = without_icons(list).to_string().len();
    assert!(bytes < 2_000 * 4, "{bytes}");
}

fn without_icons(mut list: Value) -> Value {
    for tool in list["tools"].as_array_mut().unwrap() {
        tool.as_object_mut().unwrap().remove("icons");
    }
    list
}

fn summary(tool: &Value) -> String {
    let schema = &tool["inputSchema"];
    let none = Vec::new();
    let required = schema["required"].as_array().unwrap_or(&none);
    let names = schema["properties"].as_object().unwrap().keys();
    let names: Vec<_> = names
        .map(|name| if required.contains(&json!(name)) { name.clone() } else { format!("{name}?") })
        .collect();
    let hints = &tool["annotations"];
    format!(
        "{}({}) read_only={} destructive={} idempotent={}",
        tool["name"].as_str().unwrap(),
        names.join(", "),
        hints["readOnlyHint"],
        hints["destructiveHint"],
        hints["idempotentHint"]
    )
}

#[test]
fn a_cancelled_call_stops_and_the_next_one_works() {
    let mut client = Client::start();
    client.run("1+1");
    let id = client.begin(
        "run_code",
        json!({"code": "import time\nprint('begun', flush=True)\ntime.sleep(60)"}),
        "t",
    );
    client.notification(|message| {
        message["params"]["message"].as_str().is_some_and(|text| text.contains("begun"))
    });
    let start = Instant::now();
    client.cancel(&id);
    client.cancel(&json!("never sent"));
    assert_eq!(text(&client.run("1+1")), "[result: int]\n2");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    client.cancel(&id);
    assert_eq!(text(&client.run("2+2")), "[result: int]\n4");
}

#[test]
fn progress_beats_and_streams_and_ends_before_the_result() {
    let mut client = Client::start();
    client.run("1+1");
    let code =
        "import time\nprint('one', flush=True)\ntime.sleep(5.5)\nprint('two', flush=True)\ntime.sleep(0.5)";
    let id = client.begin("run_code", json!({"code": code}), "tok");
    client.answer(&id).unwrap();
    let messages: Vec<Value> = client.notifications.iter().map(|message| message["params"].clone()).collect();
    assert!(messages.iter().all(|params| params["progressToken"] == "tok"));
    let numbers: Vec<f64> = messages.iter().map(|params| params["progress"].as_f64().unwrap()).collect();
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");
    let texts: Vec<&str> = messages.iter().map(|params| params["message"].as_str().unwrap()).collect();
    assert_eq!(texts, ["one\n", "running for 4 s", "two\n"]);
    let count = client.notifications.len();
    client.listen(Duration::from_millis(300));
    assert_eq!(client.notifications.len(), count, "nothing comes after the result");
}

#[test]
fn without_a_token_there_is_no_progress() {
    let mut client = Client::start();
    client.run("print('x')");
    client.listen(Duration::from_millis(200));
    assert_eq!(client.notifications, Vec::<Value>::new());
}

#[test]
fn the_end_of_input_stops_what_runs() {
    let mut client = Client::start();
    client.run("1+1");
    client.begin("run_code", json!({"code": "import time\ntime.sleep(600)"}), "t");
    std::thread::sleep(Duration::from_millis(200));
    let start = Instant::now();
    assert!(client.finish().success());
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn calls_sent_before_the_end_of_input_are_answered() {
    let mut client = Client::start();
    let id = client.send("tools/call", json!({"name": "run_code", "arguments": {"code": "6*7"}}));
    client.close_input();
    assert_eq!(text(&client.answer(&id).unwrap()), "[result: int]\n42");
}

#[test]
fn calls_on_one_session_keep_their_order() {
    let mut client = Client::start();
    let ids: Vec<_> = (0..20)
        .map(|_| client.send("tools/call", json!({"name": "run_code", "arguments": {"code": "1+1"}})))
        .collect();
    let cells: Vec<_> = ids
        .iter()
        .map(|id| client.answer(id).unwrap()["_meta"]["actwright/run"]["cell"].as_u64().unwrap())
        .collect();
    assert_eq!(cells, (1..=20).collect::<Vec<u64>>());
}

#[test]
fn structured_results_only_when_asked_for() {
    let mut client = Client::open(Wire::Pipes, Era::Initialize("2025-11-25"), &["--structured-results"]);
    let result = client.run("1+1");
    assert_eq!(result["structuredContent"], result["_meta"]["actwright/run"]);
    let list = client.request("tools/list", json!({})).unwrap();
    let required = list["tools"][0]["outputSchema"]["required"].as_array().unwrap().clone();
    for key in required {
        assert!(result["structuredContent"].get(key.as_str().unwrap()).is_some(), "{key}");
    }
}

fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap()
}
