//! What a call of a tool costs by itself: a session in this process whose only tool gives back what it gets.
//!
//! Prints calls a second, of the best of some runs. Started again with a word that begins with `__`, it is the program that
//! sessions are made of.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use actwright::artifacts::Artifacts;
use actwright::config::Config;
use actwright::host_calls::HostCalls;
use actwright::packages::Packages;
use actwright::session::Sessions;
use actwright::session::report::{Keep, RunMode, RunRequest, Target};
use actwright::skills::Skills;
use actwright::tools::{
    Adapter, Arguments, Failure, Hints, Kind, Listing, Output, Patience, Raw, State, Task, Tools, Watch,
};
use anyhow::{Context, bail};
use serde_json::{Value, json};

const USAGE: &str = "usage: actwright-bench-host BASE CELL";
const RUNS: usize = 5;

/// A source whose one tool answers at once.
#[derive(Debug)]
struct Echo(Listing);

impl Echo {
    fn new() -> Self {
        let tool = Raw {
            name: "echo".to_owned(),
            description: "Gives back what it gets.".to_owned(),
            input: json!({
                "type": "object", "properties": {"value": {"type": "integer"}}, "required": ["value"]
            }),
            output: Some(json!({"type": "integer"})),
            bytes: Vec::new(),
            hints: Hints { read_only: Some(true), ..Hints::default() },
            tags: Vec::new(),
            timeout: None,
        };
        let tools = Arc::new(vec![tool]);
        Self(Listing { tools, root: None, state: State::Ready, generation: 0 })
    }
}

impl Adapter for Echo {
    fn kind(&self) -> Kind {
        Kind::Rest
    }

    fn description(&self) -> String {
        "Answers at once.".to_owned()
    }

    fn listing(&self, _patience: Patience) -> Task<'_, Listing> {
        Box::pin(async { self.0.clone() })
    }

    fn generation(&self) -> u64 {
        self.0.generation
    }

    fn call<'a>(
        &'a self,
        _name: Option<&'a str>,
        mut arguments: Arguments,
        _watch: Watch,
    ) -> Task<'a, Result<Output, Failure>> {
        let value = arguments.values.get_mut("value").map_or(Value::Null, Value::take);
        Box::pin(async { Ok(Output::Json(value)) })
    }
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|word| word.starts_with("__")) {
        return Ok(actwright::cli::main());
    }
    let [base, cell] = arguments.as_slice() else { bail!("{USAGE}") };
    let config = Arc::new(Config::at(base.into()));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let best = runtime.block_on(async {
        let tools = Tools::of(vec![("host".to_owned(), Arc::new(Echo::new()))], Vec::new());
        let sessions =
            Sessions::new(config, HostCalls::new(tools, Skills::none(), Artifacts::none(), Packages::none()))
                .context("no sessions")?;
        let mut best = 0.0_f64;
        for _ in 0..RUNS {
            best = best.max(run(&sessions, cell).await?);
        }
        sessions.shutdown().await;
        anyhow::Ok(best)
    })?;
    writeln!(std::io::stdout(), "{best}")?;
    Ok(ExitCode::SUCCESS)
}

/// The number that the cell gives.
async fn run(sessions: &Sessions, cell: &str) -> anyhow::Result<f64> {
    let request =
        RunRequest { code: cell.to_owned(), timeout: None, mode: RunMode::Execute, keep: Keep::Effects };
    let (events, _) = tokio::sync::mpsc::channel(1);
    let report = sessions.run(Target::Default, request, events, Default::default()).await?;
    let value = report.value.with_context(|| format!("the cell gave {:?}", report.error))?;
    value.repr.parse().with_context(|| format!("the cell gave `{}` and no number", value.repr))
}
