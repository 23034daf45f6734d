//! Lines that are no messages: each is answered or ignored, and the server lives on.

use serde_json::{Value, json};

use crate::support::{Client, Wire};

fn still_works(client: &mut Client) {
    let result = client.run("1+1");
    assert_eq!(result["content"][0]["text"], "[result: int]\n2");
}

fn code(answer: &Value) -> i64 {
    answer["error"]["code"].as_i64().unwrap()
}

#[test]
fn malformed_lines_get_a_parse_error() {
    let mut client = Client::start();
    let lines: [&[u8]; 8] = [
        b"not json",
        b"{\"jsonrpc\":\"2.0\",\"id\":1,",
        b"\x00\x00\x00",
        b"\xff\xfe\xfd",
        b"{\"jsonrpc\":\"2.0\",\"id\":,\"method\":\"ping\"}",
        b"}",
        b"{'jsonrpc':'2.0'}",
        b"NaN",
    ];
    for line in lines {
        client.bytes(line);
        client.bytes(b"\n");
        assert_eq!(code(&client.unaddressed()), -32700, "{}", String::from_utf8_lossy(line));
    }
    still_works(&mut client);
}

#[test]
fn a_line_that_is_an_object_to_its_end_is_answered_by_id() {
    let mut client = Client::start();
    let deep = format!(
        r#"{{"jsonrpc":"2.0","id":"deep","method":"x","params":{}{}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    client.line(&deep);
    let error = client.answer(&json!("deep")).unwrap_err();
    assert_eq!((error.code, error.message.contains("recursion limit")), (-32602, true), "{}", error.message);
    client.bytes(
        b"{\"jsonrpc\":\"2.0\",\"id\":\"utf\",\"method\":\"tools/call\",\"params\":{\"name\":\"\xff\"}}\n",
    );
    assert_eq!(client.answer(&json!("utf")).unwrap_err().code, -32700);
    client.line(r#"{"jsonrpc":"2.0","id":"half","method":"tools/call","params":{"name":"\ud800"}}"#);
    assert_eq!(client.answer(&json!("half")).unwrap_err().code, -32602);
    still_works(&mut client);
}

#[test]
fn json_that_is_no_message_gets_an_invalid_request() {
    let mut client = Client::start();
    for line in [
        "[]",
        "[1,2]",
        "5",
        "\"x\"",
        "{}",
        "null",
        r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":[1],"method":"ping"}"#,
        r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#,
    ] {
        client.line(line);
        assert_eq!(code(&client.unaddressed()), -32600, "{line}");
    }
    for (id, line) in [
        (61, r#"{"jsonrpc":"1.0","id":61,"method":"ping"}"#),
        (62, r#"{"id":62,"method":"ping"}"#),
        (63, r#"{"jsonrpc":"2.0","id":63}"#),
        (64, r#"{"jsonrpc":"2.0","id":64,"method":5}"#),
    ] {
        client.line(line);
        assert_eq!(client.answer(&json!(id)).unwrap_err().code, -32600, "{line}");
    }
    still_works(&mut client);
}

#[test]
fn wrong_params_and_methods_are_named() {
    let mut client = Client::start();
    for (method, params, expected) in [
        ("tools/call", json!({"name": 5}), -32602),
        ("tools/call", json!({"name": "run_code", "arguments": []}), -32602),
        ("tools/call", json!({}), -32602),
        ("tools/call", json!({"name": "run_cod"}), -32602),
        ("resources/read", json!({"uri": 5}), -32602),
        ("no/such", json!({}), -32601),
    ] {
        assert_eq!(client.request(method, params.clone()).unwrap_err().code, expected, "{method} {params}");
    }
    still_works(&mut client);
}

#[test]
fn harmless_lines_are_ignored() {
    let mut client = Client::start();
    for line in [
        "",
        "   ",
        "\r",
        r#"{"jsonrpc":"2.0","method":"$/unknown"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":[]}}"#,
        r#"{"jsonrpc":"2.0","id":77,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":78,"error":{"code":1,"message":""}}"#,
    ] {
        client.line(line);
    }
    client.bytes(b"\xef\xbb\xbf{\"jsonrpc\":\"2.0\",\"id\":\"crlf\",\"method\":\"ping\"}\r\n");
    client.answer(&json!("crlf")).unwrap();
    still_works(&mut client);
    assert!(client.unaddressed.is_empty(), "{:?}", client.unaddressed);
}

#[test]
fn an_oversized_line_is_answered_by_id_in_bounded_memory() {
    for wire in [Wire::Pipes, Wire::SocketPairs] {
        let mut client = Client::spawn(wire, &[]);
        client.initialize("2025-11-25");
        still_works(&mut client);
        let before = memory(client.pid());
        let block = "x".repeat(1 << 20);
        client.bytes(br#"{"jsonrpc":"2.0","method":"tools/call","params":{"id":"inner","code":""#);
        for _ in 0..100 {
            client.bytes(block.as_bytes());
        }
        client.bytes(b"\"},\"id\":\"big\"}\n");
        let error = client.answer(&json!("big")).unwrap_err();
        assert_eq!(error.code, -32600);
        assert!(error.message.contains("the limit is 16777216"), "{}", error.message);
        still_works(&mut client);
        let grown = memory(client.pid()).saturating_sub(before);
        assert!(grown < 40 << 20, "{grown} bytes more");
    }
}

#[test]
fn a_long_line_within_the_limit_is_a_message() {
    let mut client = Client::start();
    let code = format!("x = '{}'\nlen(x)", "y".repeat(4 << 20));
    assert_eq!(client.run(&code)["content"][0]["text"], format!("[result: int]\n{}", 4 << 20));
}

#[test]
fn a_client_that_does_not_read_does_not_fill_memory() {
    let mut client = Client::spawn(Wire::SocketPairs, &[]);
    client.initialize("2025-11-25");
    let ids: Vec<_> = (0..5_000).map(|_| client.send("tools/list", json!({}))).collect();
    for id in ids {
        client.answer(&id).unwrap();
    }
    assert!(memory(client.pid()) < 300 << 20);
}

/// Resident memory in bytes.
fn memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}
