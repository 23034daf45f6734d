//! Finding skills in libraries of a thousand, ten thousand and a hundred thousand: end to end over MCP, what a change costs there,
//! and what the parts cost apart from us, in NumPy and in SQLite.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use actwright::config::ModelRules;
use actwright::embedding::{Embedder, MODELS};
use actwright::skills::{Skills, Spent};
use actwright::storage::Store;
use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::cases::{Bench, Effort};
use crate::client::Client;
use crate::made_up::{Chance, creation, fill, query};
use crate::memory;
use crate::sample::Sample;
use crate::table::{Goal, Row, number};

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
        let apart = self.apart(&base)?;
        let arguments =
            ["serve", "--base", path, "--model", MODELS[0].name, "--model-dir", models, "--offline"];
        let mut chance = Chance::of(3);
        let start = Instant::now();
        let mut client = Client::connect(&self.program, &arguments)?;
        client.ask("tools/list", json!({}))?;
        let listed = start.elapsed().as_secs_f64() * 1e3;
        // The bundled skills are read first, which is waited for only so long.
        while search(&mut client, &query(&mut chance), "on").is_err() && start.elapsed() < READING {}
        let first = start.elapsed().as_secs_f64() * 1e3;
        let times = self.effort.times(200);
        let meaning = Sample::take(times, || search(&mut client, &query(&mut chance), "on").map(drop))?;
        let common = Sample::take(times / 4, || search(&mut client, COMMON, "on").map(drop))?;
        let (mut saved, mut found) = (Sample::default(), Sample::default());
        for at in 0..self.effort.times(100) {
            let given = creation(&mut chance, size + at);
            saved.add(save(&mut client, &given.name, &given.source)?);
            let start = Instant::now();
            let hits = search(&mut client, &given.name, "on")?;
            found.add(start.elapsed());
            if hits[0]["name"] != given.name.as_str() {
                bail!("{} was saved and is not found first: {hits}", given.name);
            }
        }
        let held = memory::of_process(client.pid());
        drop(client);
        let mut client = Client::connect(&self.program, &["serve", "--base", path, "--model", "none"])?;
        let words = Sample::take(times, || search(&mut client, &query(&mut chance), "off").map(drop))?;
        drop(client);
        let (inside, parts) = parts(&base, models, times, &mut chance)?;
        let mut rows = vec![
            Row::new(format!("search {size} skills, words and meaning"), meaning.median(), "ms")
                .p95(meaning.quantile(0.95))
                .goal(Goal::AtMost(25.0))
                .beside(format!("words alone: {} ms; {apart}", number(words.median()))),
            Row::new(format!("the same without MCP, among {size}"), inside.median(), "ms")
                .p95(inside.quantile(0.95))
                .beside(parts),
            Row::new(format!("the same for words that all {size} have"), common.median(), "ms")
                .p95(common.quantile(0.95)),
            Row::new(format!("create one among {size} skills"), saved.median(), "ms")
                .p95(saved.quantile(0.95))
                .goal(Goal::AtMost(20.0)),
            Row::new(
                format!("the search that finds it, its reading included, among {size}"),
                found.median(),
                "ms",
            )
            .p95(found.quantile(0.95)),
            Row::new(format!("start to tools/list with {size} skills"), listed, "ms"),
            Row::new(format!("start to the first answer with {size} skills"), first, "ms")
                .beside("model and vectors are loaded"),
        ];
        let name = format!("memory of the server after searches of {size} skills");
        rows.push(match held {
            Ok(held) => Row::new(name, held, "MB")
                .beside(format!("vectors of f32 alone: {} MB", number(size as f64 * 1536.0 / 1e6))),
            Err(why) => Row::missing(name, "MB", &why),
        });
        // Hundreds of megabytes are not kept until the end.
        std::fs::remove_dir_all(&base)?;
        Ok(rows)
    }

    /// The same parts without us, over the same texts.
    fn apart(&self, base: &Path) -> anyhow::Result<String> {
        let mut chance = Chance::of(4);
        let queries: Vec<String> = (0..20).map(|_| query(&mut chance)).collect();
        let given = json!({"store": base.join("store.db"), "queries": queries}).to_string();
        let script = include_str!("cells/search_parts.py");
        let output = Command::new(&self.python).args(["-I", "-c", script, &given]).output()?;
        if !output.status.success() {
            bail!("the references failed: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

/// A part of a search, by its name.
type Part = (&'static str, fn(&Spent) -> Duration);

/// Searches in this process, and what of them goes where.
fn parts(base: &Path, models: &str, times: usize, chance: &mut Chance) -> anyhow::Result<(Sample, String)> {
    let rules = ModelRules { name: None, directory: models.into(), ..ModelRules::none() };
    let skills = Skills::over(Store::at(base), Vec::new(), Embedder::over(&rules));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let named: [Part; 6] = [
        ("refresh", |spent| spent.refresh),
        ("words", |spent| spent.words),
        ("beside them the query's vector", |spent| spent.query),
        ("and all vectors", |spent| spent.vectors),
        ("fusion", |spent| spent.fusion),
        ("rows and their uses", |spent| spent.rows),
    ];
    let (mut all, mut parts) = (Sample::default(), named.map(|_| Sample::default()));
    runtime.block_on(async {
        skills.fill(|_, _| ()).await.map_err(anyhow::Error::msg)?;
        skills.search(&query(chance), 10).await?;
        for _ in 0..times {
            let spent = skills.search(&query(chance), 10).await?.spent;
            all.add(spent.all);
            for ((_, part), sample) in named.iter().zip(&mut parts) {
                sample.add(part(&spent));
            }
        }
        anyhow::Ok(())
    })?;
    skills.meanings().embedder().end();
    let said =
        named.iter().zip(&parts).map(|((name, _), sample)| format!("{name} {}", number(sample.median())));
    Ok((all, format!("{} ms", said.collect::<Vec<_>>().join(", "))))
}

/// How long the model may take to be loaded and to read the bundled skills.
const READING: Duration = Duration::from_secs(60);

/// Words that stand in every source.
const COMMON: &str = "the limit of a path and the groups with their totals for every key";

fn search(client: &mut Client, query: &str, semantic: &str) -> anyhow::Result<Value> {
    let found = client.ask("tools/call", json!({"name": "search_skills", "arguments": {"query": query}}))?;
    let about = &found.message["result"]["_meta"]["actwright/skills"];
    // With vectors of no meaning it may be right that nothing fits; what is measured is the look.
    if about["semantic"] != semantic || !about["hits"].is_array() {
        bail!("the answer was {}", found.message);
    }
    Ok(about["hits"].clone())
}

fn save(client: &mut Client, name: &str, source: &str) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let arguments = json!({"name": name, "source": source});
    let answer = client.ask("tools/call", json!({"name": "create_skill", "arguments": arguments}))?;
    let taken = start.elapsed();
    let said = answer.message["result"]["content"][0]["text"].as_str().unwrap_or_default();
    if said.starts_with("saved version 1") { Ok(taken) } else { bail!("it was not saved: {said}") }
}
