//! What is measured, each case from a client's side of stdio.
//!
//! Every case makes its own server, so that none sees what another left behind.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::client::{Client, Run};
use crate::memory;
use crate::sample::Sample;
use crate::table::{Goal, Row, number};

/// What a new session is asked for by.
pub const NEW: &str = "new";

/// A case: its name, the unit of its first row, the effort that it is for, and what measures it.
type Case = (&'static str, &'static str, Effort, fn(&Bench) -> anyhow::Result<Vec<Row>>);

/// What is measured with, and how often.
#[derive(Debug)]
pub struct Bench {
    /// The program under test.
    pub program: PathBuf,
    /// The reference server.
    pub echo: PathBuf,
    /// The host with a tool of its own.
    pub host: PathBuf,
    /// The interpreter of the references.
    pub python: String,
    /// The base directory of the servers.
    pub base: PathBuf,
    /// How often.
    pub effort: Effort,
}

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// Enough for a table.
    Full,
    /// Enough to see that it works.
    Quick,
}

impl Effort {
    /// How often something is done that a whole table does so often.
    pub fn times(self, full: usize) -> usize {
        match self {
            Self::Full => full,
            Self::Quick => full.div_ceil(20).max(3),
        }
    }
}

impl Bench {
    /// The rows of the cases with these words in their name. A case that fails becomes a row that says so; the others go on.
    pub fn rows(&self, only: &str) -> Vec<Row> {
        let cases: [Case; 21] = [
            ("start", "ms", Effort::Quick, Self::start),
            ("new session", "ms", Effort::Quick, Self::new_session),
            ("warm 1+1 over stdio", "ms", Effort::Quick, Self::warm),
            ("rollback", "ms", Effort::Quick, Self::rollback),
            ("fork_session", "ms", Effort::Quick, Self::forks),
            ("200 MB heap", "ms", Effort::Quick, Self::large_heap),
            ("host calls", "/s", Effort::Quick, Self::host_calls),
            ("calls of tools", "/s", Effort::Quick, Self::tools),
            ("skills", "ms", Effort::Quick, Self::skills),
            ("tools over HTTP", "ms", Effort::Quick, Self::remote_tools),
            ("a large catalog", "ms", Effort::Quick, Self::catalog),
            ("a large API", "ms", Effort::Quick, Self::large_api),
            ("1 MB of output", "ms", Effort::Quick, |bench| bench.output("1 MB of output", 10_000, 10)),
            ("100 MB of output", "ms", Effort::Full, |bench| bench.output("100 MB of output", 999_000, 3)),
            ("search of skills", "ms", Effort::Quick, Self::search),
            ("memory per idle session", "MB", Effort::Quick, Self::memory),
            ("memory per frozen copy", "MB", Effort::Quick, Self::memory_per_copy),
            ("checkpoint with pandas", "ms", Effort::Full, Self::copies_with_pandas),
            ("sessions a second", "/s", Effort::Quick, Self::sessions_a_second),
            ("throughput", "/s", Effort::Quick, Self::throughput),
            ("p95 of 1+1 beside a busy session", "ms", Effort::Quick, Self::neighbours),
        ];
        let wanted = cases.into_iter().filter(|(name, _, effort, _)| {
            name.contains(only) && (*effort == Effort::Quick || self.effort == *effort)
        });
        let rows = wanted.flat_map(|(name, unit, _, measure)| match measure(self) {
            Ok(measured) => measured,
            Err(why) => vec![Row::missing(name, unit, &why)],
        });
        rows.collect()
    }

    fn connect(&self) -> anyhow::Result<Client> {
        Client::connect(&self.program, &self.arguments()?)
    }

    fn arguments(&self) -> anyhow::Result<[&str; 3]> {
        Ok(["serve", "--base", self.base.to_str().context("the base directory is not UTF-8")?])
    }

    /// From the start of the process to the list of tools, and on to the first value.
    fn start(&self) -> anyhow::Result<Vec<Row>> {
        let arguments = self.arguments()?;
        let (mut listed, mut first) = (Sample::default(), Sample::default());
        for _ in 0..self.effort.times(40) {
            let start = Instant::now();
            let mut client = Client::spawn(&self.program, &arguments)?;
            client.greet()?;
            client.ask("tools/list", json!({}))?;
            listed.add(start.elapsed());
            let start = Instant::now();
            expect(&client.run(json!({"code": "1+1"}))?, "2")?;
            first.add(start.elapsed());
        }
        let plain = Sample::take(self.effort.times(40), || self.python(&["-I", "-c", "pass"]).map(drop))?;
        let echo = Sample::take(self.effort.times(40), || {
            Client::connect(&self.echo, &[])?.ask("tools/list", json!({})).map(drop)
        })?;
        Ok(vec![
            Row::new("process start to tools/list", listed.median(), "ms")
                .p95(listed.quantile(0.95))
                .goal(Goal::AtMost(10.0))
                .beside(format!("bare rmcp server, start to end: {} ms", number(echo.median()))),
            Row::new("first run_code after that", first.median(), "ms")
                .p95(first.quantile(0.95))
                .goal(Goal::AtMost(60.0))
                .beside(format!("python3 -I -c pass: {} ms", number(plain.median()))),
        ])
    }

    /// A call that needs a new session, against a server that is warm; the session is closed each time.
    fn new_session(&self) -> anyhow::Result<Vec<Row>> {
        let mut client = self.connect()?;
        client.run(json!({"code": "1+1"}))?;
        let mut sample = Sample::default();
        for _ in 0..self.effort.times(100) {
            let start = Instant::now();
            let run = client.run(json!({"code": "1+1", "session": NEW}))?;
            sample.add(start.elapsed());
            let closing = json!({"name": "close_session", "arguments": {"session": run.session}});
            client.ask("tools/call", closing)?;
            // The pool refills behind the reply; a client that thinks between calls gives it this time too.
            std::thread::sleep(Duration::from_millis(20));
        }
        let burst = Sample::take(self.effort.times(40), || {
            client.run(json!({"code": "1+1", "session": NEW})).map(drop)
        })?;
        Ok(vec![
            Row::new("new session and its first 1+1", sample.median(), "ms")
                .p95(sample.quantile(0.95))
                .goal(Goal::AtMost(5.0))
                .beside(format!("one after the other, no pause: {} ms", number(burst.median()))),
        ])
    }

    fn warm(&self) -> anyhow::Result<Vec<Row>> {
        let mut client = self.connect()?;
        expect(&client.run(json!({"code": "1+1"}))?, "2")?;
        let call = json!({"name": "run_code", "arguments": {"code": "1+1"}});
        for _ in 0..50 {
            client.ask("tools/call", call.clone())?;
        }
        let sample =
            Sample::take(self.effort.times(5000), || client.ask("tools/call", call.clone()).map(drop))?;
        let (mut turn, mut copy) = (Sample::default(), Sample::default());
        for _ in 0..self.effort.times(1000) {
            let answer = client.ask("tools/call", call.clone())?;
            let run = &answer.message["result"]["_meta"]["actwright/run"];
            let millis = |value: &Value| value.as_f64().context("a result without its times");
            turn.add(Duration::from_secs_f64(millis(&run["duration_ms"])? / 1e3));
            copy.add(Duration::from_secs_f64(millis(&run["checkpoint"]["micros"])? / 1e6));
        }
        let mut echo = Client::connect(&self.echo, &[])?;
        let call = json!({"name": "echo", "arguments": {"code": "1+1"}});
        let floor = Sample::take(self.effort.times(5000), || echo.ask("tools/call", call.clone()).map(drop))?;
        let exec = self.python(&["-I", "-c", include_str!("cells/exec_loop.py")])?;
        let exec: f64 = exec.trim().parse().context("the reference printed no number")?;
        let floor = floor.median();
        Ok(vec![
            Row::new("warm 1+1 over stdio", sample.median(), "ms")
                .p95(sample.quantile(0.95))
                .goal(Goal::AtMost(0.25))
                .beside(format!(
                    "bare rmcp echo: {} ms; in-process exec: {} ms",
                    number(floor),
                    number(exec)
                )),
            Row::new("of which not the SDK's echo", sample.median() - floor, "ms")
                .beside("render, worker round trip and the cell itself"),
            Row::new("worker round trip of 1+1", turn.median(), "ms").p95(turn.quantile(0.95)),
            Row::new("checkpoint before a cell, small heap", copy.median(), "ms")
                .p95(copy.quantile(0.95))
                .goal(Goal::AtMost(1.0))
                .beside("made after the reply before, while the client thinks"),
        ])
    }

    /// From a call whose cell ends its own process to the reply, after which every variable is there again; and undo.
    fn rollback(&self) -> anyhow::Result<Vec<Row>> {
        let mut client = self.connect()?;
        client.run(json!({"code": "n = 0"}))?;
        let (mut crash, mut undo) = (Sample::default(), Sample::default());
        for _ in 0..self.effort.times(100) {
            crash.add(self.crash(&mut client, "n")?);
            client.run(json!({"code": "n += 1"}))?;
            let start = Instant::now();
            client.ask("tools/call", json!({"name": "undo_run", "arguments": {}}))?;
            undo.add(start.elapsed());
            expect(&client.run(json!({"code": "n"}))?, "0")?;
        }
        let fresh = "without a copy: a new session, and its variables are gone";
        Ok(vec![
            Row::new("rollback after a crash, small heap", crash.median(), "ms")
                .p95(crash.quantile(0.95))
                .beside(fresh),
            Row::new("undo_run of one cell, small heap", undo.median(), "ms").p95(undo.quantile(0.95)),
        ])
    }

    /// From the call to the reply, after which the session and its twin go on; and closing the twin again.
    fn forks(&self) -> anyhow::Result<Vec<Row>> {
        let mut rows = Vec::new();
        for (name, code) in [("small heap", "n = 0"), ("200 MB heap", include_str!("cells/large_heap.py"))] {
            let mut client = self.connect()?;
            client.run(json!({"code": "None"}))?;
            let mut sample = Sample::default();
            for _ in 0..self.effort.times(30) {
                // The kernel nests namespaces 32 deep: each starts from a session that is nobody's twin.
                client.ask("tools/call", json!({"name": "reset_session", "arguments": {}}))?;
                client.run(json!({"code": code}))?;
                let start = Instant::now();
                let answer = client.ask("tools/call", json!({"name": "fork_session", "arguments": {}}))?;
                sample.add(start.elapsed());
                let result = &answer.message["result"];
                if result["isError"] != false {
                    bail!("a fork was refused: {}", result["content"][0]["text"]);
                }
                let text = result["content"][0]["text"].as_str().unwrap_or_default();
                let twin =
                    text.lines().find(|line| line.starts_with("s_")).context("a fork without a twin")?;
                client.ask("tools/call", json!({"name": "close_session", "arguments": {"session": twin}}))?;
            }
            rows.push(
                Row::new(format!("fork_session, one twin, {name}"), sample.median(), "ms")
                    .p95(sample.quantile(0.95))
                    .beside("both in new namespaces, each wall tried"),
            );
        }
        Ok(rows)
    }

    /// The same with 200 MB that every copy shares: what the copy costs, what a rollback takes, and the first cell that
    /// touches every page again.
    fn large_heap(&self) -> anyhow::Result<Vec<Row>> {
        let mut client = self.connect()?;
        client.run(json!({"code": include_str!("cells/large_heap.py")}))?;
        let (mut copy, mut crash, mut touch) = (Sample::default(), Sample::default(), Sample::default());
        for _ in 0..self.effort.times(20) {
            crash.add(self.crash(&mut client, "len(heap)")?);
            let call =
                json!({"name": "run_code", "arguments": {"code": "heap[::4096] = bytes(len(heap[::4096]))"}});
            let start = Instant::now();
            let answer = client.ask("tools/call", call)?;
            touch.add(start.elapsed());
            let micros = &answer.message["result"]["_meta"]["actwright/run"]["checkpoint"]["micros"];
            let micros = micros.as_f64().context("a large heap was not copied")?;
            copy.add(Duration::from_secs_f64(micros / 1e6));
        }
        Ok(vec![
            Row::new("checkpoint before a cell, 200 MB heap", copy.median(), "ms").p95(copy.quantile(0.95)),
            Row::new("rollback after a crash, 200 MB heap", crash.median(), "ms").p95(crash.quantile(0.95)),
            Row::new("a cell that writes to each of its pages", touch.median(), "ms")
                .p95(touch.quantile(0.95))
                .beside("the copy keeps the old ones, so each is copied once"),
        ])
    }

    /// How long the reply to a crash takes; the session must have gone on from its copy.
    fn crash(&self, client: &mut Client, intact: &str) -> anyhow::Result<Duration> {
        let before = client.run(json!({"code": intact}))?.result;
        let call = json!({"name": "run_code", "arguments": {"code": "import os; os._exit(1)"}});
        let start = Instant::now();
        let answer = client.ask("tools/call", call)?;
        let took = start.elapsed();
        let state = &answer.message["result"]["_meta"]["actwright/run"]["state"];
        if state != "rolled_back" {
            bail!("after a crash the state is {state}");
        }
        expect(&client.run(json!({"code": intact}))?, &before)?;
        Ok(took)
    }

    fn host_calls(&self) -> anyhow::Result<Vec<Row>> {
        let mut client = self.connect()?;
        let mut best: f64 = 0.0;
        for _ in 0..self.effort.times(5).min(5) {
            let run = client.run(json!({"code": include_str!("cells/host_calls.py")}))?;
            let rate: f64 = run.result.parse().with_context(|| format!("the rate is `{}`", run.result))?;
            best = best.max(rate);
        }
        Ok(vec![
            Row::new("host calls from a loop in code (best run)", best, "/s").goal(Goal::AtLeast(20_000.0)),
        ])
    }

    /// Lines of 100 bytes; the reply holds head and tail only.
    fn output(&self, name: &str, lines: u64, times: usize) -> anyhow::Result<Vec<Row>> {
        let code = include_str!("cells/output.py").replace("LINES", &lines.to_string());
        let mut client = self.connect()?;
        let mut bytes = 0;
        let sample = Sample::take(self.effort.times(times), || {
            let call = json!({"name": "run_code", "arguments": {"code": code}});
            let answer = client.ask("tools/call", call)?;
            bytes = answer.bytes;
            Run::read(answer).map(drop)
        })?;
        let plain = Sample::take(self.effort.times(times), || self.python(&["-I", "-c", &code]).map(drop))?;
        Ok(vec![Row::new(name, sample.median(), "ms").beside(format!(
            "python3 into a pipe: {} ms; the reply was {} kB",
            number(plain.median()),
            number(bytes as f64 / 1e3)
        ))])
    }

    fn memory(&self) -> anyhow::Result<Vec<Row>> {
        let mut client = self.connect()?;
        client.run(json!({"code": "1+1"}))?;
        std::thread::sleep(Duration::from_millis(300));
        let before = memory::of_tree(client.pid())?;
        let sessions = if self.effort == Effort::Full { 50 } else { 5 };
        for _ in 0..sessions {
            client.run(json!({"code": "1+1", "session": NEW}))?;
        }
        std::thread::sleep(Duration::from_millis(300));
        let after = memory::of_tree(client.pid())?;
        let each = (after - before) / f64::from(sessions);
        Ok(vec![
            Row::new("memory per idle session", each, "MB")
                .goal(Goal::AtMost(8.0))
                .beside(format!("server with one session: {} MB in all", number(before))),
        ])
    }

    /// Calls a second with one call in flight on each of n sessions.
    fn throughput(&self) -> anyhow::Result<Vec<Row>> {
        let mut rows: Vec<Row> = Vec::new();
        let mut at_eight = None;
        for count in [1, 2, 8, 100] {
            let (rate, slowest) = self.rate(count)?;
            let mut row = Row::new(format!("throughput, {count} sessions"), rate, "calls/s")
                .beside(format!("slowest call: {} ms", number(slowest.as_secs_f64() * 1e3)));
            match (count, at_eight) {
                (8, _) => at_eight = Some(rate),
                // "No lower than at 8", with the noise of a short run allowed for.
                (100, Some(eight)) => row = row.goal(Goal::AtLeast(eight * 0.95)),
                _ => {}
            }
            rows.push(row);
        }
        Ok(rows)
    }

    fn rate(&self, count: usize) -> anyhow::Result<(f64, Duration)> {
        let mut client = self.connect()?;
        let mut sessions = Vec::new();
        for _ in 0..count {
            sessions.push(client.run(json!({"code": "n = 0", "session": NEW}))?.session);
        }
        let calls = self.effort.times(10_000).max(count * 3);
        let mut in_flight: std::collections::HashMap<u64, (usize, Instant)> = Default::default();
        let start = Instant::now();
        for (index, session) in sessions.iter().enumerate() {
            in_flight.insert(client.request("tools/call", count_up(session))?, (index, Instant::now()));
        }
        let (mut sent, mut answered, mut slowest) = (count, vec![0_u64; count], Duration::ZERO);
        while !in_flight.is_empty() {
            let answer = client.answer()?;
            let Some((index, asked)) = in_flight.remove(&answer.id) else {
                bail!("reply {} came for no request", answer.id);
            };
            slowest = slowest.max(asked.elapsed());
            answered[index] += 1;
            // Each session counts its own calls: a reply that went astray is seen here.
            expect(&Run::read(answer)?, &answered[index].to_string())?;
            if sent < calls {
                sent += 1;
                let id = client.request("tools/call", count_up(&sessions[index]))?;
                in_flight.insert(id, (index, Instant::now()));
            }
        }
        Ok((sent as f64 / start.elapsed().as_secs_f64(), slowest))
    }

    /// Runs the reference interpreter to its end and gives its output.
    pub fn python(&self, arguments: &[&str]) -> anyhow::Result<String> {
        printed(Path::new(&self.python), arguments)
    }
}

/// What a program prints.
pub fn printed(program: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("cannot start {}", program.display()))?;
    if !output.status.success() {
        bail!("{} ended with {}", program.display(), output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn count_up(session: &str) -> Value {
    json!({"name": "run_code", "arguments": {"code": "n += 1\nn", "session": session}})
}

fn expect(run: &Run, value: &str) -> anyhow::Result<()> {
    if run.result == value {
        return Ok(());
    }
    bail!("a cell gave `{}` instead of `{value}`", run.result)
}

/// The interpreter itself, past any launcher script (pyenv has one that takes 30 ms).
pub fn real_python(named: &str) -> anyhow::Result<String> {
    let output = Command::new(named).args(["-I", "-c", "import sys; print(sys.executable)"]).output();
    let output = output.with_context(|| format!("cannot start {named}"))?;
    let path = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if Path::new(&path).is_file() { Ok(path) } else { bail!("{named} does not say where it lies") }
}
