//! A typed MCP client over the real program's stdin and stdout.
//!
//! It is written from the specification and not with the server's SDK, so that the two cannot share a
//! mistake. Every wait has a limit: a test fails with what was received so far, it never hangs.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::processes::signal;

/// The longest that any answer is waited for. A machine may be busy with much else.
const PATIENCE: Duration = Duration::from_secs(120);

/// What connects client and server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// Two pipes, as shells and Python clients make them.
    Pipes,
    /// Two socket pairs, as Node and Bun clients make them.
    SocketPairs,
}

/// How the client opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    /// With `initialize` at this revision.
    Initialize(&'static str),
    /// Without: the revision rides in each request's `_meta`.
    Stateless,
}

/// A JSON-RPC error.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerError {
    /// Its code.
    pub code: i64,
    /// Its text.
    pub message: String,
}

/// A connected client. Dropping it kills the server it started.
pub struct Client {
    child: Child,
    writer: Option<Box<dyn Write + Send>>,
    incoming: Receiver<Value>,
    answers: HashMap<String, Value>,
    /// Notifications received so far, in order.
    pub notifications: Vec<Value>,
    /// Answers without an id, which errors about unreadable lines are.
    pub unaddressed: Vec<Value>,
    era: Era,
    next_id: i64,
    base: tempfile::TempDir,
}

impl Client {
    /// Starts the server on pipes and opens at the newest revision that has a handshake.
    pub fn start() -> Self {
        Self::open(Wire::Pipes, Era::Initialize("2025-11-25"), &[])
    }

    /// Starts the server with more arguments and opens.
    pub fn open(wire: Wire, era: Era, arguments: &[&str]) -> Self {
        let mut client = Self::spawn(wire, arguments);
        client.era = era;
        if let Era::Initialize(version) = era {
            client.initialize(version);
        }
        client
    }

    /// Starts the server with this `actwright.toml` and opens.
    pub fn configured(settings: &str, arguments: &[&str]) -> Self {
        let base = tempfile::tempdir().unwrap();
        std::fs::write(base.path().join("actwright.toml"), settings).unwrap();
        let mut client = Self::spawn_in(base, Wire::Pipes, arguments);
        client.initialize("2025-11-25");
        client
    }

    /// Starts the server and says nothing yet.
    pub fn spawn(wire: Wire, arguments: &[&str]) -> Self {
        Self::spawn_in(tempfile::tempdir().unwrap(), wire, arguments)
    }

    /// Starts the server over this base directory and says nothing yet. Its temporary files go below the base.
    pub fn spawn_in(base: tempfile::TempDir, wire: Wire, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_actwright"));
        command.arg("serve").arg("--base").arg(base.path()).args(arguments);
        Self::spawn_command(base, wire, command)
    }

    /// Starts a server by this command and says nothing yet.
    pub fn spawn_command(base: tempfile::TempDir, wire: Wire, mut command: Command) -> Self {
        let temporary = base.path().join("tmp");
        // Sessions may run as another user, who must be able to come here.
        for (path, mode) in [(base.path(), 0o755), (&temporary, 0o1777)] {
            std::fs::create_dir_all(path).unwrap();
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        command.env("TMPDIR", temporary).stderr(Stdio::inherit());
        // Only the tests of meaning fetch a model, and none is loaded that happens to be there.
        command.env("ACTWRIGHT_MODEL", "none");
        let (child, writer, reader): (Child, Box<dyn Write + Send>, Box<dyn Read + Send>) = match wire {
            Wire::Pipes => {
                let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
                let (writer, reader) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
                (child, Box::new(writer), Box::new(reader))
            }
            Wire::SocketPairs => {
                let (ours_in, theirs_in) = UnixStream::pair().unwrap();
                let (ours_out, theirs_out) = UnixStream::pair().unwrap();
                command.stdin(OwnedFd::from(theirs_in)).stdout(OwnedFd::from(theirs_out));
                let child = command.spawn().unwrap();
                // The command holds the server's ends, and a held end hides the end of the connection.
                drop(command);
                (child, Box::new(ours_in), Box::new(ours_out))
            }
        };
        let (sender, incoming) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(reader).lines() {
                let Ok(line) = line else { return };
                let message = serde_json::from_str(&line).unwrap_or_else(|_| json!({"not json": line}));
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            writer: Some(writer),
            incoming,
            answers: HashMap::new(),
            notifications: Vec::new(),
            unaddressed: Vec::new(),
            era: Era::Initialize("2025-11-25"),
            next_id: 0,
            base,
        }
    }

    /// Opens at this revision; gives the server's answer.
    pub fn initialize(&mut self, version: &str) -> Value {
        let about = json!({"name": "test", "version": "1"});
        let params = json!({"protocolVersion": version, "capabilities": {}, "clientInfo": about});
        let answer = self.request("initialize", params).unwrap();
        self.notify("notifications/initialized", json!({}));
        answer
    }

    /// Sends a request and waits for its answer.
    pub fn request(&mut self, method: &str, params: Value) -> Result<Value, ServerError> {
        let id = self.send(method, params);
        self.answer(&id)
    }

    /// Sends a request and does not wait; gives its id.
    pub fn send(&mut self, method: &str, params: Value) -> Value {
        self.next_id += 1;
        let id = json!(self.next_id);
        let params = self.dress(params);
        self.line(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string());
        id
    }

    /// Waits for the answer to a request.
    pub fn answer(&mut self, id: &Value) -> Result<Value, ServerError> {
        let key = id.to_string();
        let deadline = Instant::now() + PATIENCE;
        while !self.answers.contains_key(&key) {
            assert!(self.receive(deadline), "no answer to {key}; notifications: {:?}", self.notifications);
        }
        let mut message = self.answers.remove(&key).unwrap();
        match message.get("error") {
            None => Ok(message["result"].take()),
            Some(error) => Err(ServerError {
                code: error["code"].as_i64().unwrap(),
                message: error["message"].as_str().unwrap().to_owned(),
            }),
        }
    }

    /// Sends a notification.
    pub fn notify(&mut self, method: &str, params: Value) {
        self.line(&json!({"jsonrpc": "2.0", "method": method, "params": params}).to_string());
    }

    /// Asks to cancel a request.
    pub fn cancel(&mut self, id: &Value) {
        self.notify(
            "notifications/cancelled",
            json!({"requestId": id, "reason": "the user changed their mind"}),
        );
    }

    /// Calls a tool and waits for its result.
    pub fn call(&mut self, tool: &str, arguments: Value) -> Value {
        self.request("tools/call", json!({"name": tool, "arguments": arguments})).unwrap()
    }

    /// Runs a cell and waits for its result.
    pub fn run(&mut self, code: &str) -> Value {
        self.call("run_code", json!({"code": code}))
    }

    /// Calls a tool and does not wait; progress is asked for.
    pub fn begin(&mut self, tool: &str, arguments: Value, token: &str) -> Value {
        let params = json!({"name": tool, "arguments": arguments, "_meta": {"progressToken": token}});
        self.send("tools/call", params)
    }

    /// Sends one line as it is.
    pub fn line(&mut self, line: &str) {
        self.bytes(line.as_bytes());
        self.bytes(b"\n");
    }

    /// Sends bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) {
        let writer = self.writer.as_mut().expect("the input is open");
        writer.write_all(bytes).unwrap();
        writer.flush().unwrap();
    }

    /// Waits until an answer without an id has come, and takes it.
    pub fn unaddressed(&mut self) -> Value {
        let deadline = Instant::now() + PATIENCE;
        while self.unaddressed.is_empty() {
            assert!(self.receive(deadline), "no answer without an id");
        }
        self.unaddressed.remove(0)
    }

    /// Waits for the first notification that fits.
    pub fn notification(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = 0;
        loop {
            while seen < self.notifications.len() {
                if fits(&self.notifications[seen]) {
                    return self.notifications[seen].clone();
                }
                seen += 1;
            }
            assert!(self.receive(deadline), "no such notification; there were {:?}", self.notifications);
        }
    }

    /// Collects for a while; whatever comes is sorted into its place.
    pub fn listen(&mut self, time: Duration) {
        let deadline = Instant::now() + time;
        while self.receive(deadline) {}
    }

    /// Ends the server's input and goes on reading.
    pub fn close_input(&mut self) {
        self.writer = None;
    }

    /// Ends the server's input and waits for its end.
    pub fn finish(mut self) -> ExitStatus {
        self.writer = None;
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                while self.receive(Instant::now() + Duration::from_millis(50)) {}
                return status;
            }
            assert!(Instant::now() < deadline, "the server does not end");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// The base directory.
    pub fn base(&self) -> &std::path::Path {
        self.base.path()
    }

    /// The server's process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills the server as `kill -9` does, and collects it.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for the server's end without ending its input.
    pub fn ended(&mut self, patience: Duration) -> ExitStatus {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the server does not end");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Leaves as clients do that are in a hurry: the input ends and a signal follows. Gives the base directory.
    pub fn part(mut self) -> tempfile::TempDir {
        self.writer = None;
        if matches!(self.child.try_wait(), Ok(None)) {
            signal(self.pid(), "TERM");
        }
        // A server that was killed has ended already.
        self.ended(PATIENCE);
        std::mem::replace(&mut self.base, tempfile::tempdir().unwrap())
    }

    /// Runs a cell in this session (`new` for another) and waits for its result.
    pub fn run_in(&mut self, session: &str, code: &str) -> Value {
        self.call("run_code", json!({"code": code, "session": session}))
    }

    /// Sends a cell for this session and does not wait.
    pub fn begin_in(&mut self, session: &str, code: &str) -> Value {
        self.begin("run_code", json!({"code": code, "session": session}), "t")
    }

    /// Makes a session; gives its handle.
    pub fn new_session(&mut self) -> String {
        let result = self.run_in("new", "None");
        report(&result)["session"].as_str().unwrap_or_else(|| panic!("no session: {result}")).to_owned()
    }

    /// Waits until a cell has printed this.
    pub fn await_print(&mut self, text: &str) {
        self.notification(|message| {
            message["params"]["message"].as_str().is_some_and(|said| said.contains(text))
        });
    }

    /// In the stateless era each request says what a handshake would have said.
    fn dress(&self, mut params: Value) -> Value {
        if self.era == Era::Stateless {
            let mut meta = meta_2026();
            if let Some(given) = params["_meta"].as_object() {
                meta.as_object_mut().unwrap().extend(given.clone());
            }
            params["_meta"] = meta;
        }
        params
    }

    fn receive(&mut self, deadline: Instant) -> bool {
        let message = match self.incoming.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(message) => message,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return false,
        };
        assert_eq!(message["jsonrpc"], "2.0", "only JSON-RPC comes out: {message}");
        if message.get("method").is_some() {
            self.notifications.push(message);
        } else if message.get("id").is_none_or(Value::is_null) {
            self.unaddressed.push(message);
        } else {
            self.answers.insert(message["id"].to_string(), message);
        }
        true
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.writer = None;
        let deadline = Instant::now() + Duration::from_secs(5);
        while Instant::now() < deadline {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the model reads.
pub fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap()
}

/// What programs read of a run.
pub fn report(result: &Value) -> &Value {
    &result["_meta"]["actwright/run"]
}

/// Runs a cell that must not fail; gives the `repr` of its value.
pub fn value(client: &mut Client, code: &str) -> String {
    let result = client.run(code);
    let run = report(&result);
    assert_eq!(run["status"], "ok", "{code}\n{}", text(&result));
    run["result"].as_str().unwrap_or_default().to_owned()
}

/// Runs a cell that must raise; gives the error's type and message.
pub fn raised(client: &mut Client, code: &str) -> (String, String) {
    let result = client.run(code);
    let error = &report(&result)["error"];
    assert!(error.is_object(), "it raised nothing: {code}\n{}", text(&result));
    (error["type"].as_str().unwrap().to_owned(), error["message"].as_str().unwrap().to_owned())
}

/// What a tool of the server says.
pub fn said(client: &mut Client, tool: &str, arguments: Value) -> String {
    text(&client.call(tool, arguments)).to_owned()
}

/// The `_meta` of a request of the stateless era.
pub fn meta_2026() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}
