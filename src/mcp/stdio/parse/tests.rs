//! Tests of parsing: what a line becomes, and that the short way reads the same as the SDK's.

use rmcp::model::GetMeta;

use super::*;

fn check(line: &[u8], expected: &str) {
    let kind = match parse(line) {
        Parsed::Message(message) => match *message {
            JsonRpcMessage::Request(request) => {
                format!("request {} {}", request.id, request.request.method())
            }
            JsonRpcMessage::Notification(_) => "notification".to_owned(),
            JsonRpcMessage::Response(_) => "response".to_owned(),
            JsonRpcMessage::Error(_) => "error".to_owned(),
        },
        Parsed::Answer(id, error) => {
            format!("answer {} {}", id.map_or_else(|| "-".to_owned(), |id| id.to_string()), error.code.0)
        }
        Parsed::Nothing => "nothing".to_owned(),
    };
    assert_eq!(kind, expected, "{}", String::from_utf8_lossy(line));
}

#[test]
fn lines() {
    check(b"", "nothing");
    check(b" \r", "nothing");
    check(br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, "request 1 ping");
    check(
        br#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"x"}}"#,
        "request a tools/call",
    );
    check(br#"{"jsonrpc":"2.0","id":1,"method":"custom/x","params":{}}"#, "request 1 custom/x");
    check(br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, "notification");
    check(br#"{"jsonrpc":"2.0","id":1,"result":{}}"#, "response");
    check(br#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"m"}}"#, "error");
    check(br#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#, "answer 1 -32602");
    check(br#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#, "answer 2 -32600");
    check(br#"{"jsonrpc":"2.0","id":1,"method":"ping"} x"#, "answer 1 -32700");
    check(br#"{"jsonrpc":"2.0","id":1,"method":"ping""#, "answer - -32700");
    check(
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"\xff\"}}",
        "answer 1 -32700",
    );
    check(b"[{}]", "answer - -32600");
    check(b"7", "answer - -32600");
}

#[test]
fn a_call_reads_the_same_both_ways() {
    let line = br#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"_meta":{"progressToken":"p","x":1e400},"name":"run_code","arguments":{"b":1.10,"a":12345678901234567890123}}}"#;
    let Parsed::Message(short) = parse(line) else { panic!("a message") };
    let long = whole(line).unwrap();
    let (JsonRpcMessage::Request(short), JsonRpcMessage::Request(long)) = (*short, *long) else {
        panic!("requests")
    };
    assert_eq!(short.id, long.id);
    assert_eq!(short.request.get_meta(), long.request.get_meta());
    let arguments = |request: &ClientRequest| match request {
        ClientRequest::CallToolRequest(call) => serde_json::to_string(&call.params.arguments).unwrap(),
        _ => panic!("a call"),
    };
    assert_eq!(arguments(&short.request), r#"{"b":1.10,"a":12345678901234567890123}"#);
    assert_eq!(arguments(&long.request), arguments(&short.request));
}
