//! What calls of tools cost, from code in a session: requests that the host answers itself, commands, an upstream server, and
//! a catalog of thousands.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, bail};
use serde_json::json;

use crate::cases::{Bench, Effort, printed};
use crate::client::Client;
use crate::sample::Sample;
use crate::table::{Goal, Row, number};

/// Namespaces of the large catalog, and tools in each besides itself.
const NAMESPACES: usize = 500;
const RECIPES: usize = 9;

const QUICK: &str = "name: quick\ncommand: \"true\"\ndescription: Does nothing.\n";
const NAP: &str = "\
name: nap
command: sleep
description: Waits.
schema: {positional: [{name: seconds, type: number, required: true}]}
";

impl Bench {
    /// Requests and calls over a small catalog.
    pub fn tools(&self) -> anyhow::Result<Vec<Row>> {
        let mut client = self.with_tools("tools")?;
        let names = best(&mut client, include_str!("cells/tool_names.py"), self.effort)?;
        let schemas = best(&mut client, include_str!("cells/tool_schemas.py"), self.effort)?;
        let gathered = -best(&mut client, include_str!("cells/tool_gather.py"), self.effort)?;
        let times = if self.effort == Effort::Full { 200 } else { 20 };
        let command = measured(&mut client, &calls("tools.quick()", times))?;
        let upstream = measured(&mut client, &calls("tools.echo.echo(code='1+1')", times * 5))?;
        let plain = self.python(&["-I", "-c", include_str!("cells/subprocess_loop.py")])?;
        let plain: f64 = plain.trim().parse().context("the reference printed no number")?;
        let mut echo = Client::connect(&self.echo, &[])?;
        let call = json!({"name": "echo", "arguments": {"code": "1+1"}});
        let floor = Sample::take(times * 5, || echo.ask("tools/call", call.clone()).map(drop))?;
        let own = self.base.join("host");
        fs::create_dir_all(&own)?;
        let base = own.to_str().context("the base directory is not UTF-8")?;
        let host = printed(&self.host, &[base, include_str!("cells/tool_echo.py")])?;
        let host: f64 = host.trim().parse().context("the host printed no number")?;
        Ok(vec![
            Row::new("an in-host echo tool from a loop in code (best run)", host, "/s")
                .goal(Goal::AtLeast(20_000.0)),
            Row::new("dir(tools) from a loop in code (best run)", names, "/s").goal(Goal::AtLeast(20_000.0)),
            Row::new("tools.schema from a loop in code (best run)", schemas, "/s")
                .goal(Goal::AtLeast(20_000.0)),
            Row::new("100 gathered calls of a 50 ms command (best run)", gathered, "ms")
                .goal(Goal::AtMost(500.0))
                .beside("one after the other it would be 5000 ms"),
            Row::new("one call of a command that does nothing", command, "ms")
                .beside(format!("subprocess.run outside: {} ms; ours runs below a tender", number(plain))),
            Row::new("one call of an upstream's echo", upstream, "ms")
                .beside(format!("the same server asked by this client: {} ms", number(floor.median()))),
        ])
    }

    /// Thousands of tools: from nothing to the list of all, and to a search.
    pub fn catalog(&self) -> anyhow::Result<Vec<Row>> {
        let base = self.base.join("catalog");
        fs::create_dir_all(base.join("tools"))?;
        for space in 0..NAMESPACES {
            let mut text =
                format!("name: space{space}\ncommand: \"true\"\ndescription: Number {space}.\nrecipes:\n");
            for recipe in 0..RECIPES {
                // Writing to a string cannot fail.
                let _ =
                    writeln!(text, "  verb{recipe}: {{description: \"Does thing {recipe} of {space}.\"}}");
            }
            fs::write(base.join(format!("tools/{space}.yaml")), text)?;
        }
        let count = NAMESPACES * (RECIPES + 1);
        let base = base.to_str().context("the base directory is not UTF-8")?;
        let run = |arguments: &[&str]| {
            let output = Command::new(&self.program)
                .args(["tools"])
                .args(arguments)
                .args(["--base", base])
                .output()?;
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            if output.status.success() { Ok(text) } else { bail!("`tools {}` failed", arguments.join(" ")) }
        };
        let mut listed = Sample::default();
        for _ in 0..self.effort.times(20) {
            let start = Instant::now();
            let lines = run(&["list"])?.matches("\n  ").count();
            listed.add(start.elapsed());
            if lines != count {
                bail!("{lines} tools are listed instead of {count}");
            }
        }
        let found = Sample::take(self.effort.times(20), || {
            let found = run(&["search", "thing", "7", "of", "321", "--limit", "1"])?;
            if found.starts_with("tools.space321.verb7") { Ok(()) } else { bail!("the search found {found}") }
        })?;
        let mut rows = self.catalog_memory(Path::new(base), count)?;
        let process = vec![
            Row::new(format!("{count} tools: from process start to the whole list"), listed.median(), "ms")
                .p95(listed.quantile(0.95)),
            Row::new(
                format!("{count} tools: from process start to what was searched for"),
                found.median(),
                "ms",
            )
            .p95(found.quantile(0.95)),
        ];
        rows.splice(0..0, process);
        Ok(rows)
    }

    fn with_tools(&self, name: &str) -> anyhow::Result<Client> {
        let base: PathBuf = self.base.join(name);
        fs::create_dir_all(base.join("tools"))?;
        fs::write(base.join("tools/quick.yaml"), QUICK)?;
        fs::write(base.join("tools/nap.yaml"), NAP)?;
        let servers = json!({"mcpServers": {"echo": {"command": self.echo}}});
        fs::write(base.join("mcp.json"), servers.to_string())?;
        let base = base.to_str().context("the base directory is not UTF-8")?;
        Client::connect(&self.program, &["serve", "--base", base])
    }
}

/// The largest number that a cell gives in a few runs.
pub fn best(client: &mut Client, code: &str, effort: Effort) -> anyhow::Result<f64> {
    let mut best = f64::NEG_INFINITY;
    for _ in 0..effort.times(5).min(5) {
        best = best.max(measured(client, code)?);
    }
    Ok(best)
}

/// The number that a cell gives.
pub fn measured(client: &mut Client, code: &str) -> anyhow::Result<f64> {
    let run = client.run(json!({"code": code}))?;
    run.result.parse().with_context(|| format!("a cell gave `{}` and no number", run.result))
}

pub fn calls(call: &str, times: usize) -> String {
    include_str!("cells/tool_calls.py").replace("CALL", call).replace("TIMES", &times.to_string())
}
