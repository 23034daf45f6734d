//! What packages cost: adding a small wheel, from a directory and from the index, and the first import of it.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::json;

use crate::cases::{Bench, Effort};
use crate::client::Client;
use crate::sample::Sample;
use crate::table::{Row, number};

/// Makes wheels of a few kilobytes without any tool.
const WHEELS: &str = include_str!("cells/wheels.py");

/// A package of the index that is small and needs no other.
const SMALL: &str = "humanize==4.12.2";

impl Bench {
    /// Everything about packages. Wheels of our own come from a directory, so that no network is measured.
    pub fn packages(&self) -> anyhow::Result<Vec<Row>> {
        let wheels = self.base.join("wheels");
        fs::create_dir_all(&wheels)?;
        let times = self.effort.times(10);
        let place = wheels.to_str().context("the base directory is not UTF-8")?;
        self.python(&["-I", "-c", WHEELS, place, &times.to_string()])?;
        let found = format!("PIP_FIND_LINKS={place}");
        let local = ["PIP_NO_INDEX=1", &found, "UV_NO_INDEX=1", &found.replace("PIP", "UV")];
        let mut client = self.serve("packages", &local)?;
        let (mut new, mut again, mut first) = (Sample::default(), Sample::default(), Sample::default());
        for n in 0..times {
            new.add(call(&mut client, "add_dep", &format!("actwright-bench-{n}"))?);
            let code = format!(
                "import time\nstart = time.perf_counter()\nimport actwright_bench_{n}\n(time.perf_counter() - start) * 1e3"
            );
            let run = client.run(json!({"code": code, "session": "new"}))?;
            let millis: f64 = run.result.parse().with_context(|| format!("a cell gave `{}`", run.result))?;
            first.add(Duration::from_secs_f64(millis / 1e3));
            client
                .ask("tools/call", json!({"name": "close_session", "arguments": {"session": run.session}}))?;
            call(&mut client, "remove_dep", &format!("actwright-bench-{n}"))?;
            again.add(call(&mut client, "add_dep", &format!("actwright-bench-{n}"))?);
            call(&mut client, "remove_dep", &format!("actwright-bench-{n}"))?;
        }
        let mut at = 0;
        let plain = Sample::take(times.min(5), || {
            at += 1;
            let target = self.base.join(format!("plain-{at}"));
            let mut pip = Command::new(&self.python);
            pip.args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--no-index",
                "--disable-pip-version-check",
                "--find-links",
                place,
            ]);
            pip.arg("--target").arg(target).arg("actwright-bench-0");
            if pip.status()?.success() { Ok(()) } else { bail!("pip did not install") }
        })?;
        let uv = Command::new("uv").arg("--version").output().is_ok_and(|done| done.status.success());
        let by = if uv { "uv" } else { "pip, twice: once to resolve, once to install" };
        let mut rows = vec![
            Row::new("add_dep of a small wheel", new.median(), "ms")
                .p95(new.quantile(0.95))
                .beside(format!("by {by}; pip install --target: {} ms", number(plain.median()))),
            Row::new("the same when its set is still there", again.median(), "ms").p95(again.quantile(0.95)),
            Row::new("first import after it, in a new session", first.median(), "ms")
                .p95(first.quantile(0.95)),
        ];
        if self.effort == Effort::Full {
            rows.extend(self.of_index()?);
        }
        Ok(rows)
    }

    /// With nothing in the caches of pip and uv, and once more with what is in them then.
    fn of_index(&self) -> anyhow::Result<Vec<Row>> {
        let (mut cold, mut warm) = (Sample::default(), Sample::default());
        for n in 0..3 {
            let cache = self.base.join(format!("cache-{n}"));
            let cache = cache.to_str().context("the base directory is not UTF-8")?;
            let caches = [format!("PIP_CACHE_DIR={cache}"), format!("UV_CACHE_DIR={cache}")];
            let caches: Vec<&str> = caches.iter().map(String::as_str).collect();
            cold.add(call(&mut self.serve(&format!("cold-{n}"), &caches)?, "add_dep", SMALL)?);
            warm.add(call(&mut self.serve(&format!("warm-{n}"), &caches)?, "add_dep", SMALL)?);
        }
        Ok(vec![
            Row::new("add_dep of a small wheel of the index, nothing cached", cold.median(), "ms")
                .p95(cold.quantile(1.0)),
            Row::new("the same with the wheel in the cache", warm.median(), "ms").p95(warm.quantile(1.0)),
        ])
    }

    /// A server on a base directory of its own, with these variables.
    fn serve(&self, name: &str, variables: &[&str]) -> anyhow::Result<Client> {
        let base = self.base.join(name);
        fs::create_dir_all(&base)?;
        let program = self.program.to_str().context("the program's path is not UTF-8")?;
        let base = base.to_str().context("the base directory is not UTF-8")?;
        let arguments: Vec<&str> =
            variables.iter().copied().chain([program, "serve", "--base", base]).collect();
        let mut client = Client::connect(Path::new("env"), &arguments)?;
        client.run(json!({"code": "1+1"}))?;
        Ok(client)
    }
}

fn call(client: &mut Client, tool: &str, package: &str) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let answer = client.ask("tools/call", json!({"name": tool, "arguments": {"package": package}}))?;
    let taken = start.elapsed();
    let result = &answer.message["result"];
    if result["isError"] == true {
        bail!("{tool} of {package}: {}", result["content"][0]["text"].as_str().unwrap_or_default());
    }
    Ok(taken)
}
