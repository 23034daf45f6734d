//! `actwright model`: the models that compare meanings, fetched and looked at.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Subcommand;
use serde_json::{Value, json};

use super::error::hinted;
use super::flags::{ConfigFlags, ModelFlags};
use super::{engine, print};
use crate::config::ModelRules;
use crate::config::env::Environment;
use crate::embedding::{Embedder, Found, MODELS, Model, Progress, Shelf, State, Turn, fetch};

/// How often the bar is drawn.
const DRAWN: Duration = Duration::from_millis(100);

/// The width of the bar, in characters.
const WIDTH: u64 = 30;

/// `actwright model`
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    model: ModelFlags,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Fetch a model and the library that runs it, check them, and read a first text
    Fetch {
        /// Throw away what is there and fetch it anew
        #[arg(long)]
        force: bool,
    },
    /// List the models that can be fetched
    List,
    /// Say whether the model is there and works; exit code 1 when it does not
    Status,
}

/// Runs the subcommand.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let log = Some("error".to_owned());
    let flags = ConfigFlags { model: args.model, log, ..ConfigFlags::default() };
    let rules = flags.resolve(&Environment::of_process())?.config.model;
    let shelf = Shelf::at(rules.directory.clone(), rules.runtime.clone());
    match args.command {
        Command::List => list(&rules, &shelf, args.json),
        Command::Fetch { force } => bring(&rules, &shelf, force, args.json),
        Command::Status => status(&rules, &shelf, args.json),
    }
}

fn list(rules: &ModelRules, shelf: &Shelf, json: bool) -> anyhow::Result<ExitCode> {
    let chosen = Embedder::over(rules).model().map(|model| model.name);
    if json {
        let all: Vec<Value> = MODELS.iter().map(|model| about(model, shelf, chosen)).collect();
        print::stdout(&format!("{:#}\n", Value::from(all)))?;
        return Ok(ExitCode::SUCCESS);
    }
    let lines = MODELS.iter().map(|model| {
        let mark = if chosen == Some(model.name) { '*' } else { ' ' };
        let there = if shelf.model(model) == Found::Whole { ", fetched" } else { "" };
        let tried = if model.is_verified { "" } else { ", not tried by our tests" };
        let size = megabytes(model.weight());
        format!("{mark} {}  {} ({size} MB, {}{there}{tried})\n", model.name, model.about, model.licence)
    });
    print::stdout(&lines.collect::<String>())?;
    Ok(ExitCode::SUCCESS)
}

fn about(model: &Model, shelf: &Shelf, chosen: Option<&str>) -> Value {
    json!({
        "name": model.name,
        "about": model.about,
        "licence": model.licence,
        "from": model.place(),
        "bytes": model.weight(),
        "dimension": model.dimension,
        "verified": model.is_verified,
        "fetched": shelf.model(model) == Found::Whole,
        "chosen": chosen == Some(model.name),
    })
}

fn bring(rules: &ModelRules, shelf: &Shelf, force: bool, json: bool) -> anyhow::Result<ExitCode> {
    let model = chosen(rules)?;
    if rules.offline {
        return Err(hinted(
            "nothing may be fetched (offline)",
            "leave out `--offline`, `ACTWRIGHT_OFFLINE`, `model.offline`",
        ));
    }
    if !model.is_verified && !json {
        print::stderr(&format!(
            "{} is not tried by our tests; its files are compared with known sums all the same\n",
            model.name
        ))?;
    }
    let runtime = engine::runtime()?;
    let begun = Instant::now();
    let progress = Progress::default();
    let bytes = runtime.block_on(async {
        if force {
            shelf.forget(model).context("cannot throw away what is there")?;
        }
        let bar = tokio::spawn(draw(progress.clone()));
        let fetched = fetch(shelf, model, &rules.way, &progress).await;
        bar.abort();
        if std::io::stderr().is_terminal() {
            print::stderr("\r\u{1b}[K")?;
        }
        fetched.map_err(|error| hinted(error.to_string(), WAYS))
    })?;
    let taken = begun.elapsed();
    runtime
        .block_on(Embedder::over(rules).read("parse a log file", Turn::Query))
        .context("the model does not work")?;
    if json {
        let place = shelf.place(model);
        let about =
            json!({"name": model.name, "bytes": bytes, "seconds": taken.as_secs_f64(), "directory": place});
        print::stdout(&format!("{about:#}\n"))?;
    } else if bytes == 0 {
        print::stdout(&format!("{} was there already, and works\n", model.name))?;
    } else {
        let (size, seconds) = (megabytes(bytes), taken.as_secs_f64());
        print::stdout(&format!("{} is here and works: {size} MB in {seconds:.1} s\n", model.name))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The way out when fetching fails.
const WAYS: &str = "the index is that of pip or uv (PIP_INDEX_URL, pip.conf, uv.toml), proxies are those of HTTPS_PROXY; on a \
                    machine without network, copy the directory that `actwright model status` names on another";

/// Draws a line of progress until it is stopped; where stderr is no terminal, a line for each tenth.
async fn draw(progress: Progress) {
    let is_terminal = std::io::stderr().is_terminal();
    let mut last = 0;
    loop {
        tokio::time::sleep(DRAWN).await;
        let (came, all) = progress.bytes();
        if all == 0 {
            continue;
        }
        let percent = progress.percent();
        let (came, all) = (megabytes(came), megabytes(all));
        let line = if is_terminal {
            let full = percent * WIDTH / 100;
            let bar: String = (0..WIDTH).map(|at| if at < full { '#' } else { '-' }).collect();
            format!("\r\u{1b}[K[{bar}] {percent:3} %  {came} of {all} MB")
        } else if percent / 10 > last {
            last = percent / 10;
            format!("{percent} %: {came} of {all} MB\n")
        } else {
            continue;
        };
        if print::stderr(&line).is_err() {
            return;
        }
    }
}

fn status(rules: &ModelRules, shelf: &Shelf, json: bool) -> anyhow::Result<ExitCode> {
    let embedder = Embedder::over(rules);
    let mut state = embedder.state();
    if state == State::Ready
        && let Err(error) = engine::runtime()?.block_on(embedder.read("parse a log file", Turn::Query))
    {
        state = State::Off(error.to_string());
    }
    let code = if state == State::Ready { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    let (word, reason) = match &state {
        State::Ready => ("ready", String::new()),
        State::Fetching(percent) => ("fetching", format!("{percent} %")),
        State::Off(why) => ("off", why.clone()),
    };
    let directory = embedder.model().map(|model| shelf.place(model));
    let library = shelf.library().ok();
    if json {
        let about = json!({
            "model": embedder.model().map(|model| model.name), "state": word, "reason": reason,
            "directory": directory, "runtime": library, "offline": rules.offline,
        });
        print::stdout(&format!("{about:#}\n"))?;
        return Ok(code);
    }
    let mut text = match reason.is_empty() {
        true => format!("{word}\n"),
        false => format!("{word}: {reason}\n"),
    };
    for (what, place) in [("model", directory), ("runtime", library)] {
        if let Some(place) = place {
            text.push_str(&format!("{what}: {}\n", place.display()));
        }
    }
    print::stdout(&text)?;
    Ok(code)
}

fn chosen(rules: &ModelRules) -> anyhow::Result<&'static Model> {
    let embedder = Embedder::over(rules);
    embedder.model().ok_or_else(|| match embedder.state() {
        State::Off(why) => hinted(why, "`actwright model list` shows what there is"),
        _ => hinted("there is no model", "`actwright model list` shows what there is"),
    })
}

fn megabytes(bytes: u64) -> u64 {
    bytes.div_ceil(1_000_000)
}
