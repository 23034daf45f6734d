//! Tests of entries in the words of every client.

use serde_json::json;

use super::*;

fn translated(client: Client, project: Option<&str>, value: Value) -> Result<(Value, Vec<String>), String> {
    let context = Context { client, project: project.map(Path::new), home: Path::new("/h") };
    entry(&value, &context).map(|made| (made.entry, made.notes))
}

#[test]
fn each_client_means_the_same_server() {
    let check = |client: Client, project: Option<&str>, value: Value, expected: Value| {
        let (made, notes) = translated(client, project, value.clone()).unwrap();
        assert_eq!(made, expected, "{value}");
        assert_eq!(notes, [""; 0], "{value}");
    };
    check(
        Client::ClaudeCode,
        Some("/p"),
        json!({"type": "stdio", "command": "npx", "args": ["-y", 7], "env": {"A": "${A:-b}", "B": 1}}),
        json!({"command": "npx", "args": ["-y", "7"], "env": {"A": "${A:-b}", "B": "1"}, "cwd": "/p"}),
    );
    check(
        Client::ClaudeCode,
        None,
        json!({"type": "sse", "url": "https://x/sse", "headers": {"Authorization": "Bearer ${T}"}, "timeout": 1500}),
        json!({"type": "sse", "url": "https://x/sse", "headers": {"Authorization": "Bearer ${T}"}, "timeout": 1500}),
    );
    check(
        Client::ClaudeDesktop,
        None,
        json!({"command": "/usr/bin/x", "args": [], "env": {}}),
        json!({"command": "/usr/bin/x", "args": []}),
    );
    check(
        Client::Cursor,
        None,
        json!({"url": "https://x/mcp", "headers": {"X-Team": "${env:TEAM}"}}),
        json!({"type": "http", "url": "https://x/mcp", "headers": {"X-Team": "${TEAM}"}}),
    );
    check(
        Client::VsCode,
        Some("/p"),
        json!({"type": "stdio", "command": "${workspaceFolder}/run", "cwd": "sub"}),
        json!({"command": "/p/run", "cwd": "/p/sub"}),
    );
    check(
        Client::Codex,
        None,
        json!({"command": "x", "env": {"A": "1"}, "env_vars": ["TOKEN", {"name": "B", "source": "local"}],
               "tool_timeout_sec": 2.5, "enabled": true, "required": false}),
        json!({"command": "x", "env": {"A": "1", "TOKEN": "${TOKEN:-}", "B": "${B:-}"}, "timeout": 2500}),
    );
    check(
        Client::Codex,
        None,
        json!({"url": "https://x", "bearer_token_env_var": "T", "http_headers": {"X-A": "b"},
               "env_http_headers": {"X-B": "B"}}),
        json!({"type": "http", "url": "https://x",
               "headers": {"X-A": "b", "X-B": "${B}", "Authorization": "Bearer ${T}"}}),
    );
    check(Client::Gemini, None, json!({"httpUrl": "http://x"}), json!({"type": "http", "url": "http://x"}));
    check(Client::Gemini, None, json!({"url": "http://x"}), json!({"type": "sse", "url": "http://x"}));
    check(
        Client::Gemini,
        None,
        json!({"url": "http://x", "type": "http"}),
        json!({"type": "http", "url": "http://x"}),
    );
    check(
        Client::Gemini,
        None,
        json!({"command": "x", "env": {"A": "$A"}, "trust": false}),
        json!({"command": "x", "env": {"A": "${A}"}}),
    );
}

#[test]
fn what_is_not_taken_over_is_said() {
    let check = |client: Client, value: Value, expected: &[&str]| {
        assert_eq!(translated(client, None, value).unwrap().1, expected);
    };
    check(
        Client::Gemini,
        json!({"command": "x", "trust": true, "excludeTools": ["a"]}),
        &[
            "`trust`, `excludeTools` are left out; which tools may be called is said in `[tools.policy]` of actwright.toml",
        ],
    );
    check(
        Client::ClaudeCode,
        json!({"type": "http", "url": "http://x", "oauth": {"clientId": "a"}, "headersHelper": "get"}),
        &[
            "`oauth`, `headersHelper` are left out; signing in is up to `headers` here, such as `Authorization`",
        ],
    );
    check(
        Client::VsCode,
        json!({"command": "x", "envFile": ".env", "dev": {"watch": "*"}, "gallery": ""}),
        &[
            "the variables of `envFile` are not read; set those that the server needs in `env`",
            "`dev` is left out",
        ],
    );
    check(
        Client::Cursor,
        json!({"command": "x", "cwd": "sub", "timeout": 0, "env": {"A": null}}),
        &[
            "`env`, `A` is not a text; it is left out",
            "`cwd` is relative to where cursor is started; it is left out",
            "its timeout is more than a day or nothing; it is left out",
        ],
    );
}

#[test]
fn what_cannot_be_taken_over_says_why() {
    let check = |value: Value, expected: &str| {
        assert_eq!(translated(Client::ClaudeCode, None, value).unwrap_err(), expected);
    };
    check(json!(3), "it is not a table");
    check(json!({}), "it has neither a `command` nor a `url`");
    check(json!({"type": "http"}), "it has neither a `command` nor a `url`");
    check(json!({"type": "ws", "url": "wss://x"}), "its transport `ws` is not supported");
    check(json!({"command": "x", "disabled": true}), "it is switched off");
    check(json!({"command": "x", "enabled": false}), "it is switched off");
    check(json!({"command": "x", "args": "y"}), "`args` is not a list of texts");
    check(json!({"command": "x", "env": []}), "`env` is not a table");
    check(json!({"command": "/opt/bin/actwright", "args": ["serve"]}), "it is this program");
    check(json!({"command": "uvx", "args": ["actwright", "serve"]}), "it is this program");
}
