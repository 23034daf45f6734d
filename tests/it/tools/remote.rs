//! Upstream servers over HTTP: the streamable way and the older one, against a server on the loopback.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;

use super::{over_with, raised, upstream_file, value};
use crate::support::Client;
use crate::support::processes::await_that;

/// A server; it ends when it is dropped.
struct Remote {
    child: Child,
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Remote {
    fn start() -> Self {
        let mut command = Command::new("python3");
        command.arg("-I").arg(upstream_file("remote.py")).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines.next().unwrap().unwrap().parse().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let told = heard.clone();
        std::thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| told.lock().unwrap().push(line))
        });
        Self { child, port, heard }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    /// A client with a server `far` at this path, in this way.
    fn client(&self, path: &str, kind: &str) -> Client {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let far = json!({"type": kind, "url": url, "headers": {"X-Key": "${A_TOKEN}"}, "timeout": 5000});
        over_with(
            &[("mcp.json", &json!({"mcpServers": {"far": far}}).to_string())],
            &[("A_TOKEN", "hush-hush-0123")],
        )
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

#[test]
fn both_ways_over_http_work() {
    for (path, kind) in [("/mcp", "http"), ("/sse", "sse")] {
        let remote = Remote::start();
        let mut client = remote.client(path, kind);
        value(&mut client, "1 + 1");
        assert!(remote.heard().is_empty(), "{:?}", remote.heard());
        assert_eq!(
            value(&mut client, "tools.far.echo(value=[1, 2.5, None, 2**70])"),
            format!("{{'value': [1, 2.5, None, {}]}}", 1_u128 << 70)
        );
        assert_eq!(
            value(&mut client, "r = tools.far.headers()\nr['key'], r['agent'].startswith('actwright/')"),
            "('***', True)"
        );
        assert_eq!(value(&mut client, "len(tools.far.big())"), "4194304");
        let (error, message) = raised(&mut client, "tools.far.fails()");
        assert_eq!((error.as_str(), message.as_str()), ("ToolError", "tools.far.fails: it is closed"));
        let code = "import asyncio\n[r['value'] for r in await asyncio.gather(*[tools.far.echo(value=n) for n in range(20)])] == list(range(20))";
        assert_eq!(value(&mut client, code), "True");
        let id = client.begin("run_code", json!({"code": "tools.far.progress()"}), "t");
        client.await_print("part 1");
        client.answer(&id).unwrap();
    }
}

#[test]
fn a_cancelled_call_is_told_over_http() {
    for (path, kind) in [("/mcp", "http"), ("/sse", "sse")] {
        let remote = Remote::start();
        let mut client = remote.client(path, kind);
        let id = client.begin("run_code", json!({"code": "tools.far.slow()"}), "t");
        await_that("the call has come", || remote.heard().iter().any(|line| line == "tools/call slow"));
        client.cancel(&id);
        await_that("it is told", || remote.heard().iter().any(|line| line == "notifications/cancelled"));
        assert_eq!(value(&mut client, "tools.far.echo(value=1)"), "{'value': 1}");
        let (error, message) = raised(&mut client, "tools.far.slow()");
        assert_eq!(
            (error.as_str(), message.as_str()),
            ("ToolTimeoutError", "tools.far.slow: no answer and no progress within 5 s")
        );
        let started = Instant::now();
        assert!(client.finish().success());
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    }
}

#[test]
fn a_connection_that_breaks_is_made_again() {
    for (path, kind) in [("/mcp", "http"), ("/sse", "sse")] {
        let remote = Remote::start();
        let mut client = remote.client(path, kind);
        let (error, message) = raised(&mut client, "tools.far.drop()");
        assert!(error.starts_with("Tool") && !message.contains("hush"), "{kind}: {error}: {message}");
        // It may have been done, so it is not sent again.
        let heard = remote.heard().iter().filter(|line| *line == "tools/call drop").count();
        assert_eq!(heard, 1, "{kind}: {:?}", remote.heard());
        assert_eq!(value(&mut client, "tools.far.echo(value=1)"), "{'value': 1}", "{kind}");
    }
}

#[test]
fn a_server_that_forgot_the_session_is_greeted_again() {
    let remote = Remote::start();
    let mut client = remote.client("/forgetful", "http");
    assert_eq!(value(&mut client, "tools.far.echo(value='forget')"), "{'value': 'forget'}");
    assert_eq!(value(&mut client, "tools.far.echo(value=2)"), "{'value': 2}");
    let greetings = remote.heard().iter().filter(|line| *line == "initialize").count();
    assert_eq!(greetings, 2, "{:?}", remote.heard());
}

#[test]
fn an_error_without_a_number_is_the_answer_to_what_was_asked() {
    let remote = Remote::start();
    let mut client = remote.client("/numberless", "http");
    let started = Instant::now();
    let (error, message) = raised(&mut client, "tools.far.echo(value=1)");
    assert_eq!(
        (error.as_str(), message.as_str()),
        ("ToolError", "tools.far.echo: Bad Request: No valid key ID provided")
    );
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
}

#[test]
fn an_answer_over_http_is_bounded_before_it_is_read() {
    let remote = Remote::start();
    for (path, kind) in [("/mcp", "http"), ("/sse", "sse")] {
        let mut client = remote.client(path, kind);
        let (error, message) = raised(&mut client, "tools.far.huge()");
        assert!(error.starts_with("Tool"), "{kind}: {error}: {message}");
        assert!(message.len() < 1_000, "{kind}: {message}");
        assert_eq!(value(&mut client, "tools.far.echo(value=1)"), "{'value': 1}", "{kind}");
    }
}

#[test]
fn refusals_are_told_and_keys_go_nowhere_else() {
    let remote = Remote::start();
    for (path, kind) in [
        ("/refuses", "http"),
        ("/away", "http"),
        ("/away", "sse"),
        ("/elsewhere", "sse"),
        ("/nothing", "sse"),
    ] {
        let mut client = remote.client(path, kind);
        let (error, message) = raised(&mut client, "tools.far.echo(value=1)");
        assert_eq!(error, "ToolUnavailableError");
        assert!(
            message.starts_with("tools.far cannot be used now: ")
                && !message.contains("hush")
                && !message.contains("::"),
            "{message}"
        );
    }
    // No redirect was followed, with or without the key.
    assert!(!remote.heard().iter().any(|line| line == "sse"), "{:?}", remote.heard());
    let gone = remote.port;
    drop(remote);
    let far = json!({"mcpServers": {"far": {"url": format!("http://127.0.0.1:{gone}/mcp")}}}).to_string();
    let mut client = over_with(&[("mcp.json", &far)], &[]);
    let (error, message) = raised(&mut client, "tools.far.echo(value=1)");
    assert_eq!(error, "ToolUnavailableError");
    assert!(message.contains("Connection refused") && !message.contains("::"), "{message}");
}
