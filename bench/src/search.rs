//! Finding skills in libraries of a thousand, ten thousand and a hundred thousand: end to end over MCP, and what its parts cost
//! apart from us, in NumPy and in SQLite.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use actwright::config::ModelRules;
use actwright::embedding::{Embedder, MODELS};
use actwright::skills::{Creation, Skills, content_of};
use actwright::storage::Store;
use anyhow::{Context, bail};
use serde_json::json;

use crate::cases::{Bench, Effort};
use crate::client::Client;
use crate::memory;
use crate::sample::Sample;
use crate::table::{Goal, Row, number};

/// Skills that are saved at once.
const PART: usize = 1_000;

/// What descriptions are made of; a number of skills share each word, as in a library of people.
const VERBS: [&str; 16] = [
    "count",
    "merge",
    "parse",
    "split",
    "sort",
    "filter",
    "convert",
    "compare",
    "fetch",
    "group",
    "clean",
    "rename",
    "validate",
    "summarise",
    "plot",
    "encode",
];
const THINGS: [&str; 24] = [
    "invoices",
    "log lines",
    "rows",
    "tables",
    "images",
    "addresses",
    "dates",
    "orders",
    "headers",
    "tokens",
    "events",
    "files",
    "folders",
    "records",
    "columns",
    "prices",
    "users",
    "sessions",
    "reports",
    "tags",
    "links",
    "names",
    "points",
    "intervals",
];
const WAYS: [&str; 20] = [
    "by month",
    "by level",
    "without duplicates",
    "in one pass",
    "by a key",
    "from a spreadsheet",
    "into JSON",
    "of a web page",
    "with a limit",
    "that are too large",
    "as text",
    "in parallel",
    "over time",
    "by similarity",
    "by customer",
    "per region",
    "in a directory",
    "before a deadline",
    "with their totals",
    "from an archive",
];

/// What is looked for, in other words.
const QUERIES: [&str; 5] = [
    "how many bills were sent each month",
    "throw out lines that occur twice",
    "turn a spreadsheet into JSON",
    "which documents take the most space",
    "put customers into groups",
];

impl Bench {
    /// The rows of all sizes.
    pub fn search(&self) -> anyhow::Result<Vec<Row>> {
        let models =
            self.program.parent().and_then(Path::parent).context("the program lies nowhere")?.join("models");
        let place = models.to_str().context("the place of models is not UTF-8")?;
        let fetched = Command::new(&self.program).args(["model", "fetch", "--model-dir", place]).output()?;
        if !fetched.status.success() {
            bail!("{}", String::from_utf8_lossy(&fetched.stderr).lines().next().unwrap_or("no model"));
        }
        let sizes: &[usize] = if self.effort == Effort::Full { &[1_000, 10_000, 100_000] } else { &[1_000] };
        let mut rows = Vec::new();
        for size in sizes {
            rows.extend(self.search_among(*size, place)?);
        }
        Ok(rows)
    }

    fn search_among(&self, size: usize, models: &str) -> anyhow::Result<Vec<Row>> {
        let base = self.base.join(format!("search-{size}"));
        std::fs::create_dir_all(&base)?;
        fill(&base, size)?;
        let path = base.to_str().context("the base directory is not UTF-8")?;
        let arguments =
            ["serve", "--base", path, "--model", MODELS[0].name, "--model-dir", models, "--offline"];
        let start = Instant::now();
        let mut client = Client::connect(&self.program, &arguments)?;
        search(&mut client, QUERIES[0], "on")?;
        let first = start.elapsed().as_secs_f64() * 1e3;
        let times = self.effort.times(200).max(QUERIES.len());
        let mut meaning = Sample::default();
        for at in 0..times {
            let start = Instant::now();
            search(&mut client, QUERIES[at % QUERIES.len()], "on")?;
            meaning.add(start.elapsed());
        }
        let held = memory::of_process(client.pid());
        let mut client = Client::connect(&self.program, &["serve", "--base", path, "--model", "none"])?;
        let mut at = 0;
        let words = Sample::take(times, || {
            at += 1;
            search(&mut client, QUERIES[at % QUERIES.len()], "off")
        })?;
        let beside = format!("words alone: {} ms; {}", number(words.median()), self.apart(size)?);
        let mut rows = vec![
            Row::new(format!("search {size} skills, words and meaning"), meaning.median(), "ms")
                .p95(meaning.quantile(0.95))
                .goal(Goal::AtMost(25.0))
                .beside(beside),
            Row::new(format!("start to the first answer with {size} skills"), first, "ms")
                .beside("model and vectors are loaded"),
        ];
        let name = format!("memory of the server after a search of {size} skills");
        rows.push(match held {
            Ok(held) => Row::new(name, held, "MB")
                .beside(format!("vectors alone: {} MB", number(size as f64 * 1536.0 / 1e6))),
            Err(why) => Row::missing(name, "MB", &why),
        });
        Ok(rows)
    }

    /// The same parts without us.
    fn apart(&self, size: usize) -> anyhow::Result<String> {
        let script = include_str!("cells/search_parts.py").replace("SIZE", &size.to_string());
        let output = Command::new(&self.python).args(["-I", "-c", &script]).output()?;
        if !output.status.success() {
            bail!("the references failed: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

fn search(client: &mut Client, query: &str, semantic: &str) -> anyhow::Result<()> {
    let found = client.ask("tools/call", json!({"name": "search_skills", "arguments": {"query": query}}))?;
    let about = &found.message["result"]["_meta"]["actwright/skills"];
    // With vectors of no meaning it may be right that nothing fits; what is measured is the look.
    if about["semantic"] != semantic || !about["hits"].is_array() {
        bail!("the answer was {}", found.message);
    }
    Ok(())
}

/// A library of made-up skills with made-up vectors, because reading them all would take an hour.
fn fill(base: &Path, size: usize) -> anyhow::Result<()> {
    let store = Store::at(base);
    let skills = Skills::over(store.clone(), Vec::<PathBuf>::new(), Embedder::over(&ModelRules::none()));
    let model = MODELS[0].key();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let mut random = 1_u64;
        for from in (0..size).step_by(PART) {
            let creations: Vec<Creation> = (from..size.min(from + PART)).map(creation).collect();
            let vectors: anyhow::Result<Vec<_>> = creations
                .iter()
                .map(|creation| Ok((content_of(&creation.clone().check()?), vector(&mut random))))
                .collect();
            let (vectors, key) = (vectors?, model.clone());
            skills.create_all(creations).await?;
            store.ask(move |db| db.keep_vectors(&key, &vectors)).await?;
        }
        anyhow::Ok(())
    })
}

fn creation(at: usize) -> Creation {
    let (verb, thing) = (VERBS[at % VERBS.len()], THINGS[at / VERBS.len() % THINGS.len()]);
    let way = WAYS[at / 384 % WAYS.len()];
    let name = format!("{verb}_{}_{at}", thing.replace(' ', "_"));
    let code = format!(
        "def run(items: list, limit: int = {at}):\n    found = [each for each in items if each]\n    return found[:limit]\n"
    );
    let description = format!("{verb} {thing} {way}, variant {at}");
    Creation { name, source: code, description: Some(description), ..Creation::default() }
}

/// Numbers of no meaning, of length 1.
fn vector(random: &mut u64) -> Vec<f32> {
    let mut next = || {
        *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*random >> 40) as f32 / (1_u64 << 24) as f32 - 0.5
    };
    let mut numbers: Vec<f32> = (0..MODELS[0].dimension).map(|_| next()).collect();
    let length = numbers.iter().map(|number| number * number).sum::<f32>().sqrt();
    numbers.iter_mut().for_each(|number| *number /= length);
    numbers
}
