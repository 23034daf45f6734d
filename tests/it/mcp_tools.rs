//! The tools from outside: what arguments are refused, what a model reads, and what stays readable.

use base64::Engine as _;
use serde_json::{Value, json};

use crate::support::Client;

fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap()
}

fn run(result: &Value) -> &Value {
    &result["_meta"]["actwright/run"]
}

fn refused(client: &mut Client, tool: &str, arguments: Value) -> String {
    let result = client.call(tool, arguments);
    assert_eq!(result["isError"], true, "{result}");
    text(&result).to_owned()
}

#[test]
fn wrong_arguments_are_results_that_say_how() {
    let mut client = Client::start();
    insta::assert_snapshot!(refused(&mut client, "run_code", json!({})), @"[error] run_code needs the argument `code` (Python source as a string). It takes: code, session, timeout, plan, keep, max_output");
    insta::assert_snapshot!(refused(&mut client, "run_code", json!({"code": "1", "timeout_s": 5})), @"[error] run_code has no argument `timeout_s`; did you mean `timeout`? It takes: code, session, timeout, plan, keep, max_output");
    insta::assert_snapshot!(refused(&mut client, "run_code", json!({"code": "1", "timeout": -5})), @"[error] argument `timeout` must be a number of seconds above 0 and up to 3600, not the number -5");
    insta::assert_snapshot!(refused(&mut client, "run_code", json!({"code": 1})), @"[error] argument `code` must be Python source as a string, not the number 1");
    insta::assert_snapshot!(refused(&mut client, "run_code", json!({"code": "1", "plan": 1})), @"[error] argument `plan` must be true or false, not the number 1");
    insta::assert_snapshot!(refused(&mut client, "run_code", json!({"code": "1", "max_output": 200_001})), @"[error] argument `max_output` must be a whole number from 1 to 200000, not the number 200001");
    insta::assert_snapshot!(refused(&mut client, "run_code", json!({"code": "1", "session": "default"})), @"[error] argument `session`: `default` is not a session handle: a session handle is `s_` and 32 hexadecimal digits");
    insta::assert_snapshot!(refused(&mut client, "list_sessions", json!({"all": true})), @"[error] list_sessions has no argument `all`. It takes: no arguments");
    insta::assert_snapshot!(refused(&mut client, "read_output", json!({"id": format!("o_{:032x}", 1)})), @"[error] no output `o_00000000000000000000000000000001`. Output ids are in the results of run_code");
    let unknown = refused(&mut client, "run_code", json!({"code": "1", "session": format!("s_{:032x}", 1)}));
    assert!(unknown.starts_with("[error] no session `s_00000000000000000000000000000001`."), "{unknown}");
}

#[test]
fn texts_for_a_model() {
    let mut client = Client::start();
    let mut read = |code: &str| text(&client.run(code)).to_owned();
    assert_eq!(read("pass"), "(no output)");
    assert_eq!(read("'42'"), "[result: str]\n'42'");
    assert_eq!(read("print('a')\n42"), "[stdout]\na\n[result: int]\n42");
    let both = "import sys\nprint('a', flush=True)\nimport time; time.sleep(.05)\nprint('b', file=sys.stderr, flush=True)";
    assert_eq!(read(both), "[stdout]\na\n[stderr]\nb");
    let raised = client.run("print('before')\n1/0");
    assert_eq!(raised["isError"], true);
    let shown = text(&raised);
    assert!(shown.starts_with("[stdout]\nbefore\n[error]\nTraceback (most recent call last):\n"), "{shown}");
    assert!(shown.contains("ZeroDivisionError: division by zero"), "{shown}");
    assert_eq!(run(&raised)["status"], "raised");
    assert_eq!(run(&raised)["error"]["type"], "ZeroDivisionError");
}

#[test]
fn a_timeout_says_so_first() {
    let mut client = Client::start();
    let result = client.call("run_code", json!({"code": "import time\ntime.sleep(60)", "timeout": 0.5}));
    assert_eq!(result["isError"], true);
    assert!(text(&result).starts_with("[timeout] "), "{}", text(&result));
    assert_eq!(run(&result)["status"], "timeout");
}

#[test]
fn a_long_output_is_cut_announced_and_readable() {
    let mut client = Client::start();
    let result = client.run("for i in range(20000): print(i)\n'done'");
    let shown = text(&result);
    assert!(shown.chars().count() < 8_400, "{}", shown.chars().count());
    let first = shown.lines().next().unwrap();
    assert!(first.starts_with("[cut] output is 108890 characters, "), "{first}");
    assert!(shown.ends_with("19999\n[result: str]\n'done'"), "{shown}");
    let id = run(&result)["output_id"].as_str().unwrap().to_owned();
    let offset = &run(&result)["truncated"][0];
    assert_eq!((offset["stream"].as_str(), offset["total"].as_u64()), (Some("stdout"), Some(108_890)));
    assert!(first.contains(&format!("read_output(id=\"{id}\", offset=")), "{first}");

    let mut whole = String::new();
    let mut offset = 0;
    loop {
        let page = client.call("read_output", json!({"id": id, "offset": offset, "limit": 50_000}));
        let (line, body) = text(&page).split_once('\n').unwrap();
        whole.push_str(body);
        offset += body.chars().count();
        if line.contains("this is the end") {
            break;
        }
        assert!(line.contains(&format!("next: read_output(id=\"{id}\", offset={offset})")), "{line}");
    }
    assert_eq!(whole, (0..20_000).map(|i| format!("{i}\n")).collect::<String>());

    let found = client.call("read_output", json!({"id": id, "grep": "^1234\\d$", "limit": 3}));
    assert_eq!(
        text(&found),
        "[10 of 20000 lines of output match `^1234\\d$`; matches 0-3 are shown, next: offset=3]\n12341: 12340\n12342: 12341\n12343: 12342"
    );
    let value = client.call("read_output", json!({"id": format!("{id}/result")}));
    assert_eq!(text(&value), "[result characters 0-6 of 6; this is the end]\n'done'");
}

#[test]
fn outputs_are_resources_with_ranges() {
    let mut client = Client::start();
    let result = client.run("print('añb漢')");
    let id = run(&result)["output_id"].as_str().unwrap();
    let uri = format!("actwright://output/{id}");
    let list = client.request("resources/list", json!({})).unwrap();
    assert_eq!(list["resources"][0]["uri"], uri.as_str());
    let templates = client.request("resources/templates/list", json!({})).unwrap();
    assert_eq!(templates["resourceTemplates"].as_array().unwrap().len(), 5);
    let whole = client.request("resources/read", json!({"uri": uri})).unwrap();
    assert_eq!(whole["contents"][0]["text"], "añb漢\n");
    let range = client.request("resources/read", json!({"uri": format!("{uri}?offset=1&limit=2")})).unwrap();
    assert_eq!(range["contents"][0]["text"], "ñb");
    assert_eq!(range["contents"][0]["_meta"]["actwright/next"], format!("{uri}?offset=3"));
    let error = client.request("resources/read", json!({"uri": "file:///etc/passwd"})).unwrap_err();
    assert_eq!(error.code, -32002);
}

#[test]
fn images_are_shown_and_their_originals_kept() {
    let mut client = Client::start();
    // A class that shows itself as the smallest PNG: one grey pixel.
    let png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==";
    let code = format!(
        "import base64\nclass P:\n    def _repr_png_(self): return base64.b64decode('{png}')\n    def __repr__(self): return '<P>'\nP()"
    );
    let result = client.run(&code);
    let image = &result["content"][1];
    assert_eq!((image["type"].as_str(), image["mimeType"].as_str()), (Some("image"), Some("image/png")));
    assert_eq!(image["data"], png);
    let uri = run(&result)["displays"][0]["uri"].as_str().unwrap();
    let original = client.request("resources/read", json!({"uri": uri})).unwrap();
    let blob = original["contents"][0]["blob"].as_str().unwrap();
    assert!(base64::engine::general_purpose::STANDARD.decode(blob).unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn bytes_that_are_no_text_come_as_escapes() {
    let mut client = Client::start();
    let result = client.run("import os\nos.write(1, b'a\\xff\\xc3')\nNone");
    assert_eq!(text(&result), "[stdout]\na\\xff\\xc3");
}
