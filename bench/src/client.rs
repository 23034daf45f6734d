//! The smallest MCP client: JSON-RPC lines over a child's stdin and stdout, blocking.
//!
//! Replies come back in any order and notifications in between; `Client::answer` hands out replies as they
//! come, and the caller matches ids. The server ends when the client is dropped: its input ends.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};

/// How long a server may take to end when its client has left.
const FAREWELL: Duration = Duration::from_secs(15);

/// A server and the line to it.
#[derive(Debug)]
pub struct Client {
    server: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    next_id: u64,
    line: Vec<u8>,
}

/// One reply.
#[derive(Debug)]
pub struct Answer {
    /// The id of the request that it answers.
    pub id: u64,
    /// The whole message.
    pub message: Value,
    /// Its length on the wire.
    pub bytes: usize,
}

impl Client {
    /// Starts a server; nothing has been said yet.
    pub fn spawn(program: &Path, arguments: &[&str]) -> anyhow::Result<Self> {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        // All sessions of the largest run, and the default one.
        command.env("ACTWRIGHT_MAX_SESSIONS", "128");
        command.env("ACTWRIGHT_MODEL", "none");
        let mut server = command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
        let (Some(input), Some(output)) = (server.stdin.take(), server.stdout.take()) else {
            bail!("the server has no stdin or stdout");
        };
        let output = BufReader::with_capacity(1 << 20, output);
        Ok(Self { server, input: Some(input), output, next_id: 0, line: Vec::new() })
    }

    /// Starts a server and greets it.
    pub fn connect(program: &Path, arguments: &[&str]) -> anyhow::Result<Self> {
        let mut client = Self::spawn(program, arguments)?;
        client.greet()?;
        Ok(client)
    }

    /// The handshake.
    pub fn greet(&mut self) -> anyhow::Result<()> {
        self.ask(
            "initialize",
            json!({
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "clientInfo": {"name": "actwright-bench", "version": env!("CARGO_PKG_VERSION")},
            }),
        )?;
        self.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))
    }

    /// The server's process id.
    pub fn pid(&self) -> u32 {
        self.server.id()
    }

    /// Sends a request and does not wait; gives its id.
    pub fn request(&mut self, method: &str, params: Value) -> anyhow::Result<u64> {
        self.next_id += 1;
        let id = self.next_id;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))?;
        Ok(id)
    }

    /// The next reply, whichever request it is for.
    pub fn answer(&mut self) -> anyhow::Result<Answer> {
        loop {
            self.line.clear();
            if self.output.read_until(b'\n', &mut self.line)? == 0 {
                bail!("the server has ended");
            }
            let message: Value = serde_json::from_slice(&self.line).context("the server sent no JSON")?;
            if let Some(id) = message.get("id").and_then(Value::as_u64)
                && message.get("method").is_none()
            {
                if let Some(error) = message.get("error") {
                    bail!("the server refused a request: {error}");
                }
                return Ok(Answer { id, message, bytes: self.line.len() });
            }
        }
    }

    /// A request and its reply.
    pub fn ask(&mut self, method: &str, params: Value) -> anyhow::Result<Answer> {
        let id = self.request(method, params)?;
        let answer = self.answer()?;
        if answer.id != id {
            bail!("reply {} came for request {id}", answer.id);
        }
        Ok(answer)
    }

    /// Runs a cell to its good end.
    pub fn run(&mut self, arguments: Value) -> anyhow::Result<Run> {
        let answer = self.ask("tools/call", json!({"name": "run_code", "arguments": arguments}))?;
        Run::read(answer)
    }

    fn send(&mut self, message: &Value) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        let Some(input) = self.input.as_mut() else { bail!("the line to the server is closed") };
        input.write_all(&line).context("the server does not read")
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        drop(self.input.take());
        let start = Instant::now();
        while start.elapsed() < FAREWELL {
            if matches!(self.server.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        // Only this one process, which we started; its workers die with it.
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

/// A cell's result.
#[derive(Debug)]
pub struct Run {
    /// `repr` of its value.
    pub result: String,
    /// Its session's handle.
    pub session: String,
}

impl Run {
    /// Reads the structure that comes with every result; any status but `ok` is an error.
    pub fn read(answer: Answer) -> anyhow::Result<Self> {
        let run = &answer.message["result"]["_meta"]["actwright/run"];
        let text = |name: &str| run[name].as_str().unwrap_or_default().to_owned();
        if run["status"] != "ok" {
            let shown = answer.message["result"].to_string();
            bail!("a cell ended with `{}`: {}", run["status"], shown.chars().take(600).collect::<String>());
        }
        Ok(Self { result: text("result"), session: text("session") })
    }
}
