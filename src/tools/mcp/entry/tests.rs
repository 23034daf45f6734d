//! Tests of entries in the spellings of many clients.

use std::sync::Arc;

use serde_json::json;

use super::*;

fn read(entry: Value) -> Result<Entry, String> {
    let secrets = Secrets::new(
        Path::new("/base"),
        Arc::new(|name| (name == "TOKEN").then(|| "s3cret-token".to_owned())),
    );
    Entry::read(&entry, Path::new("/base"), &[("PATH".into(), "/bin".into())], &secrets)
        .map_err(|error| error.to_string())
}

#[test]
fn a_program_is_read_with_its_references_followed() {
    let entry = read(json!({
        "type": "stdio", "command": "npx", "args": ["-y", "server", 5],
        "env": {"KEY": "${TOKEN}", "PATH": "/usr/bin"}, "timeout": 1500,
    }));
    let entry = entry.unwrap();
    assert_eq!(entry.timeout, Duration::from_millis(1500));
    let Way::Program { command, arguments, environment, directory } = &entry.way else { panic!("a program") };
    let text = |template: &Template| template.resolve_now(&entry.secrets).unwrap();
    let arguments: Vec<String> = arguments.iter().map(text).collect();
    assert_eq!((command.as_str(), arguments), ("npx", vec!["-y".to_owned(), "server".into(), "5".into()]));
    let expected = [("KEY", "s3cret-token"), ("PATH", "/usr/bin")];
    let environment: Vec<_> = environment.iter().map(|(name, value)| (name.as_str(), text(value))).collect();
    assert_eq!(environment, expected.map(|(name, value)| (name, value.to_owned())));
    assert_eq!(directory, Path::new("/base"));
}

#[test]
fn an_address_is_read_in_every_spelling() {
    let check = |entry: Value, expected: Transport| {
        let Way::Address { url, transport, .. } = read(entry.clone()).unwrap().way else {
            panic!("an address")
        };
        assert_eq!((url.as_str(), transport), ("http://x/mcp", expected), "{entry}");
    };
    check(json!({"url": "http://x/mcp"}), Transport::Streamable);
    check(json!({"type": "http", "url": "http://x/mcp"}), Transport::Streamable);
    check(json!({"type": "streamable-http", "url": "http://x/mcp"}), Transport::Streamable);
    check(json!({"httpUrl": "http://x/mcp"}), Transport::Streamable);
    check(json!({"serverUrl": "http://x/mcp"}), Transport::Streamable);
    check(json!({"type": "sse", "url": "http://x/mcp"}), Transport::Sse);
    check(json!({"type": "mcp", "transport": "sse", "url": "http://x/mcp"}), Transport::Sse);
}

#[test]
fn a_mistake_is_named() {
    let check = |entry: Value, expected: &str| assert_eq!(read(entry).unwrap_err(), expected);
    check(json!([]), "it must be a table");
    check(json!({}), "it has neither a `command` nor a `url` for its `type`");
    check(json!({"type": "ftp"}), "`type` is stdio, http or sse, not `ftp`");
    check(json!({"url": "file:///x"}), "`url` must begin with http:// or https://");
    check(json!({"command": "x", "args": "y"}), "`args` must be a list of texts");
    check(json!({"command": "x", "timeout": 0}), "`timeout` must be milliseconds, at most a day");
    check(json!({"command": "x", "disabled": true}), "it is switched off (`disabled`)");
    let unset = read(json!({"command": "x", "env": {"A": "${NOPE}"}})).unwrap_err();
    assert!(unset.contains("`NOPE` is not set"), "{unset}");
}
