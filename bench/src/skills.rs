//! What skills cost: to save one, to save and prove one, to run one beside a plain function, and to prove it again.

use std::fs::{self, File};
use std::io::Write as _;
use std::time::Instant;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::cases::{Bench, Effort};
use crate::client::Client;
use crate::sample::Sample;
use crate::table::{Goal, Row, number};

const ADD: &str = "def run(x: int) -> int:\n    return x + 1\n";

impl Bench {
    /// Saving and running.
    pub fn skills(&self) -> anyhow::Result<Vec<Row>> {
        let base = self.base.join("skills");
        fs::create_dir_all(&base)?;
        let base = base.to_str().context("the base directory is not UTF-8")?;
        let mut client = Client::connect(&self.program, &["serve", "--base", base])?;
        client.run(json!({"code": "1+1"}))?;
        let (mut saved, mut proven, mut synced) = (Sample::default(), Sample::default(), Sample::default());
        for n in 0..self.effort.times(100) {
            let name = format!("saved_{n}");
            saved.add(save(&mut client, json!({"name": name, "source": ADD}))?);
            let found = call(&mut client, "search_skills", json!({"query": name, "limit": 1}))?;
            if !found.starts_with(&format!("skills.{name}(")) {
                bail!("{name} was saved and is not found");
            }
            synced.add(synced_file(base)?);
        }
        let examples = json!([{"args": {"x": 1}, "expect": 2}]);
        for n in 0..self.effort.times(40) {
            let arguments = json!({"name": format!("proven_{n}"), "source": ADD, "examples": examples});
            proven.add(save(&mut client, arguments)?);
        }
        save(&mut client, json!({"name": "bench_add", "source": ADD, "examples": examples}))?;
        let verified = Sample::take(self.effort.times(40), || {
            let said = call(&mut client, "verify_skill", json!({"name": "bench_add"}))?;
            if said.starts_with("verified") { Ok(()) } else { bail!("it is not verified: {said}") }
        })?;
        let times = if self.effort == Effort::Full { 2_000 } else { 100 };
        let code = include_str!("cells/skill_overhead.py").replace("TIMES", &times.to_string());
        let run = client.run(json!({"code": code}))?;
        let [skill, plain]: [f64; 2] =
            serde_json::from_str(&run.result).with_context(|| format!("a cell gave `{}`", run.result))?;
        let invoked = Sample::take(self.effort.times(500), || {
            call(&mut client, "invoke_skill", json!({"name": "bench_add", "arguments": {"x": 1}})).map(drop)
        })?;
        let cell = Sample::take(self.effort.times(500), || client.run(json!({"code": "1+1"})).map(drop))?;
        Ok(vec![
            Row::new("create a skill, durable and searchable", saved.median(), "ms")
                .p95(saved.quantile(0.95))
                .goal(Goal::AtMost(20.0))
                .beside(format!("4 kB written and synced there: {} ms", number(synced.median()))),
            Row::new("create a skill with one example, run and recorded", proven.median(), "ms")
                .p95(proven.quantile(0.95)),
            Row::new("verify a skill with one example", verified.median(), "ms").p95(verified.quantile(0.95)),
            Row::new("a skill called in code, as a multiple of a plain function", skill / plain, "x")
                .beside(format!("{} µs beside {} µs", number(skill), number(plain))),
            Row::new("invoke_skill over stdio", invoked.median(), "ms")
                .p95(invoked.quantile(0.95))
                .beside(format!("run_code of 1+1: {} ms", number(cell.median()))),
        ])
    }
}

fn save(client: &mut Client, arguments: Value) -> anyhow::Result<std::time::Duration> {
    let start = Instant::now();
    let said = call(client, "create_skill", arguments)?;
    let taken = start.elapsed();
    if said.starts_with("saved version 1") { Ok(taken) } else { bail!("it was not saved: {said}") }
}

fn call(client: &mut Client, tool: &str, arguments: Value) -> anyhow::Result<String> {
    let answer = client.ask("tools/call", json!({"name": tool, "arguments": arguments}))?;
    let text = answer.message["result"]["content"][0]["text"].as_str();
    text.map(str::to_owned).with_context(|| format!("{tool} gave no text"))
}

/// The time that the disk needs for a small file.
fn synced_file(base: &str) -> anyhow::Result<std::time::Duration> {
    let path = format!("{base}/synced");
    let start = Instant::now();
    let mut file = File::create(&path)?;
    file.write_all(&[b'x'; 4096])?;
    file.sync_all()?;
    Ok(start.elapsed())
}
