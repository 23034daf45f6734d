//! What artifacts cost: saving and loading, small, large and in pieces; the memory that a gigabyte takes on its way; lists.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::json;

use crate::cases::{Bench, Effort};
use crate::client::Client;
use crate::memory;
use crate::sample::Sample;
use crate::table::{Goal, Row, number};

const CELL: &str = include_str!("cells/artifacts.py");

/// How often the memory is looked at while bytes go through.
const LOOK: Duration = Duration::from_millis(50);

impl Bench {
    /// Everything about artifacts.
    pub fn artifacts(&self) -> anyhow::Result<Vec<Row>> {
        let base = self.base.join("artifacts");
        fs::create_dir_all(&base)?;
        let mut client = Client::connect(
            &self.program,
            &[
                "serve",
                "--base",
                base.to_str().context("the base directory is not UTF-8")?,
                "--timeout",
                "600",
            ],
        )?;
        client.run(json!({"code": CELL}))?;
        let mut rows = Vec::new();
        for (name, size, times) in [("1 kB", 1_000, 200), ("1 MB", 1_000_000, 40)] {
            rows.extend(self.lap(&mut client, &base, name, size, self.effort.times(times))?);
        }
        let pieces = if self.effort == Effort::Full { 1_000 } else { 64 };
        rows.extend(self.stream(&mut client, &base, pieces)?);
        let count = if self.effort == Effort::Full { 10_000 } else { 300 };
        rows.push(self.listed(&mut client, &base, count)?);
        Ok(rows)
    }

    fn lap(
        &self,
        client: &mut Client,
        base: &Path,
        name: &str,
        size: usize,
        times: usize,
    ) -> anyhow::Result<Vec<Row>> {
        // Rounded, because a reply shows no more than so many characters.
        let code = format!("[[round(each, 4) for each in times] for times in lap({size}, {times})]");
        let run = client.run(json!({"code": code}))?;
        let [saved, loaded]: [Vec<f64>; 2] =
            serde_json::from_str(&run.result).with_context(|| format!("a cell gave `{}`", run.result))?;
        let content = vec![7; size];
        let plain = Sample::take(times, || synced(&base.join("synced"), &[&content]))?;
        let read = Sample::take(times, || fs::read(base.join("synced")).map(drop).map_err(Into::into))?;
        let of = |times: &[f64]| {
            let mut sample = Sample::default();
            times.iter().for_each(|millis| sample.add(Duration::from_secs_f64(millis / 1e3)));
            sample
        };
        let (saved, loaded) = (of(&saved), of(&loaded));
        Ok(vec![
            Row::new(format!("artifacts.save of {name}, durable"), saved.median(), "ms")
                .p95(saved.quantile(0.95))
                .beside(format!("written, synced and renamed there: {} ms", number(plain.median()))),
            Row::new(format!("artifacts.load of {name}, compared with its hash"), loaded.median(), "ms")
                .p95(loaded.quantile(0.95))
                .beside(format!("read there: {} ms", number(read.median()))),
        ])
    }

    /// Bytes that go through piece by piece, both ways, and the most memory that host and worker take more meanwhile.
    fn stream(&self, client: &mut Client, base: &Path, pieces: usize) -> anyhow::Result<Vec<Row>> {
        let size = format!("{} MB", pieces * (1 << 20) / 1_000_000);
        let piece = vec![7; 1 << 20];
        let whole: Vec<&[u8]> = std::iter::repeat_n(piece.as_slice(), pieces).collect();
        let start = Instant::now();
        synced(&base.join("synced"), &whole)?;
        let plain = start.elapsed();
        let mut rows = Vec::new();
        for (name, call) in [("saved", "write"), ("loaded", "read")] {
            let before = memory::of_tree(client.pid())?;
            let (run, most) = watched(client, &format!("{call}({pieces})"))?;
            let seconds: f64 = run.parse().with_context(|| format!("a cell gave `{run}`"))?;
            let beside = match call {
                "write" => format!("written and synced there: {} s", number(plain.as_secs_f64())),
                _ => String::new(),
            };
            rows.push(Row::new(format!("{size} {name} in pieces"), seconds, "s").beside(beside));
            rows.push(
                Row::new(format!("memory more while {size} are {name}"), (most - before).max(0.0), "MB")
                    .goal(Goal::AtMost(64.0))
                    .beside(format!("server and session before: {} MB", number(before))),
            );
        }
        fs::remove_file(base.join("synced"))?;
        Ok(rows)
    }

    fn listed(&self, client: &mut Client, base: &Path, count: usize) -> anyhow::Result<Row> {
        client.run(json!({"code": format!("fill({count})")}))?;
        let mut listed = Sample::default();
        for _ in 0..self.effort.times(20) {
            let run = client.run(json!({"code": format!("listed({count})")}))?;
            let millis: f64 = run.result.parse().with_context(|| format!("a cell gave `{}`", run.result))?;
            listed.add(Duration::from_secs_f64(millis / 1e3));
        }
        let page = Sample::take(self.effort.times(40), || {
            let answer = client
                .ask("tools/call", json!({"name": "list_artifacts", "arguments": {"prefix": "many/"}}))?;
            if answer.message["result"]["isError"] == true { bail!("no list") } else { Ok(()) }
        })?;
        let directory = base.join("files");
        fs::create_dir_all(&directory)?;
        (0..count).try_for_each(|n| fs::write(directory.join(n.to_string()), ""))?;
        let files = Sample::take(self.effort.times(20), || {
            for entry in fs::read_dir(&directory)? {
                entry?.metadata()?;
            }
            Ok(())
        })?;
        Ok(Row::new(format!("{count} artifacts listed in code"), listed.median(), "ms")
            .p95(listed.quantile(0.95))
            .beside(format!(
                "list_artifacts, the first 100: {} ms; as many files, looked at: {} ms",
                number(page.median()),
                number(files.median())
            )))
    }
}

/// Runs a cell and gives its value, and the most memory that the server's tree took meanwhile.
fn watched(client: &mut Client, code: &str) -> anyhow::Result<(String, f64)> {
    let (pid, is_over) = (client.pid(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut most: f64 = 0.0;
            while !is_over.load(Ordering::Relaxed) {
                // A process that ends meanwhile cannot be read; the next look counts.
                most = memory::of_tree(pid).map_or(most, |now| most.max(now));
                std::thread::sleep(LOOK);
            }
            most
        });
        let run = client.run(json!({"code": code}));
        is_over.store(true, Ordering::Relaxed);
        let most = watch.join().map_err(|_| anyhow::anyhow!("the watch ended"))?;
        Ok((run?.result, most))
    })
}

/// What a plain program does to have content on the disk.
fn synced(path: &Path, pieces: &[&[u8]]) -> anyhow::Result<()> {
    let new = path.with_extension("new");
    let mut file = File::create(&new)?;
    pieces.iter().try_for_each(|piece| file.write_all(piece))?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    File::open(path.parent().context("no directory")?)?.sync_all()?;
    Ok(())
}
