//! What sessions and their frozen copies cost where a library is loaded, and how fast sessions come and go.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::json;

use crate::cases::{Bench, NEW};
use crate::client::Client;
use crate::memory;
use crate::sample::Sample;
use crate::table::{Goal, Row, number};

/// Copies that a session keeps in the measurement of one.
const COPIES: u32 = 4;

impl Bench {
    /// Checkpoints of a session that has imported pandas and holds a small table.
    pub fn copies_with_pandas(&self) -> anyhow::Result<Vec<Row>> {
        let python = pandas(&self.program.with_file_name("bench-pandas"), &self.python)?;
        let base = self.base.to_str().context("the base directory is not UTF-8")?;
        let python = python.to_str().context("the interpreter's path is not UTF-8")?;
        let mut client = Client::connect(&self.program, &["serve", "--base", base, "--python", python])?;
        client.run(json!({"code": "import pandas\ntable = pandas.DataFrame({'a': range(1000)})"}))?;
        let (mut copy, mut threads) = (Sample::default(), 0);
        for _ in 0..self.effort.times(200) {
            let call = json!({"name": "run_code", "arguments": {"code": "int(table.a.sum())"}});
            let answer = client.ask("tools/call", call)?;
            let checkpoint = &answer.message["result"]["_meta"]["actwright/run"]["checkpoint"];
            let micros = checkpoint["micros"].as_f64().context("a session with pandas was not copied")?;
            threads = checkpoint["threads"].as_u64().unwrap_or(1).max(threads);
            copy.add(Duration::from_secs_f64(micros / 1e6));
        }
        Ok(vec![
            Row::new("checkpoint before a cell, pandas loaded", copy.median(), "ms")
                .p95(copy.quantile(0.95))
                .goal(Goal::AtMost(10.0))
                .beside(format!("{threads} threads at most")),
        ])
    }

    /// What a frozen copy adds to a session, each made after a cell that changes something.
    pub fn memory_per_copy(&self) -> anyhow::Result<Vec<Row>> {
        let with = self.memory_with_copies(COPIES)?;
        let without = self.memory_with_copies(0)?;
        Ok(vec![
            Row::new("memory per frozen copy", (with - without) / f64::from(COPIES), "MB")
                .beside(format!("server with one session and no copy: {} MB in all", number(without))),
        ])
    }

    fn memory_with_copies(&self, copies: u32) -> anyhow::Result<f64> {
        let base = self.base.join(format!("copies-{copies}"));
        std::fs::create_dir_all(&base).context("no base directory")?;
        let kept = match copies {
            0 => "checkpoints = \"off\"".to_owned(),
            some => format!("checkpoints = \"always\"\ncopies = {some}"),
        };
        std::fs::write(base.join("actwright.toml"), format!("[sessions]\npool = 0\n{kept}\n"))?;
        let base = base.to_str().context("the base directory is not UTF-8")?;
        let mut client = Client::connect(&self.program, &["serve", "--base", base])?;
        for cell in 0..10 {
            client.run(json!({"code": format!("x = list(range({cell}, 1000))")}))?;
        }
        std::thread::sleep(Duration::from_millis(300));
        memory::of_tree(client.pid())
    }

    /// Sessions that are made, run one cell and are closed, one after the other.
    pub fn sessions_a_second(&self) -> anyhow::Result<Vec<Row>> {
        let mut client = Client::connect(
            &self.program,
            &["serve", "--base", self.base.to_str().context("the base directory is not UTF-8")?],
        )?;
        client.run(json!({"code": "1+1"}))?;
        let count = self.effort.times(300);
        let start = Instant::now();
        for _ in 0..count {
            let run = client.run(json!({"code": "1+1", "session": NEW}))?;
            let closing = json!({"name": "close_session", "arguments": {"session": run.session}});
            client.ask("tools/call", closing)?;
        }
        let rate = count as f64 / start.elapsed().as_secs_f64();
        let plain = Sample::take(self.effort.times(40), || self.python(&["-I", "-c", "1+1"]).map(drop))?;
        Ok(vec![
            Row::new("sessions made, used and closed", rate, "/s")
                .beside(format!("python3 -I -c 1+1: {}/s", number(1e3 / plain.median()))),
        ])
    }
}

/// The interpreter of an environment with pandas, made once beside the program.
pub fn pandas(room: &Path, python: &str) -> anyhow::Result<PathBuf> {
    let inside = room.join("bin/python3");
    let ran = |program: &Path, arguments: &[&str]| {
        let status =
            Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    let works = || ran(&inside, &["-I", "-c", "import pandas"]);
    if !works() {
        let room = room.to_str().context("the program's directory is not UTF-8")?;
        let made = ran(Path::new(python), &["-m", "venv", "--clear", room])
            && ran(&inside, &["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "pandas"]);
        if !made || !works() {
            bail!("an environment with pandas could not be made");
        }
    }
    Ok(inside)
}
