//! `actwright run FILE`: one cell in a session of its own, through the same engine as `serve`.
//!
//! Exit codes: 0, the code of `sys.exit`, 1 raised, 124 timeout, 130 interrupted, 125 when the process was
//! lost or no cell could be started at all (as `timeout(1)` and shells have them).

use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::error::hinted;
use super::flags::ConfigFlags;
use super::{engine, print};
use crate::config::Config;
use crate::config::env::Environment;
use crate::session::report::{Keep, RunEvent, RunMode, RunReport, RunRequest, Status, Target};
use crate::session::{SessionError, Sessions};
use crate::skills;

/// The exit code when there was no cell whose code could be given.
pub const CANNOT_START: u8 = 125;
const TIMED_OUT: u8 = 124;
const INTERRUPTED: u8 = 130;

/// Events that may wait for a slow terminal: more than a cell's largest output makes, so that none is dropped.
const EVENTS: usize = 1 << 20;

/// `actwright run`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// File of Python source; - is stdin
    #[arg(value_name = "FILE|-")]
    source: PathBuf,
    /// Print the whole result as JSON instead of output and value
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigFlags,
}

/// How a run is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Output as it comes, then the value.
    Text,
    /// One JSON document at the end.
    Json,
}

/// Runs the file and gives the cell's exit code.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let resolved = args.config.resolve(&Environment::of_process())?;
    let code = read_source(&args.source, resolved.config.limits.source)?;
    let form = if args.json { Form::Json } else { Form::Text };
    let runtime = engine::runtime()?;
    runtime.block_on(run_cell(Arc::new(resolved.config), code, form))
}

async fn run_cell(config: Arc<Config>, code: String, form: Form) -> anyhow::Result<ExitCode> {
    let budget = config.results.max_output as u64;
    let sessions = engine::few_sessions(&config)?;
    let cancel = CancellationToken::new();
    let watch = tokio::spawn(interrupts(cancel.clone()));
    let ran = run_with_needs(&sessions, code, cancel, form).await;
    watch.abort();
    let outcome = ran.and_then(|report| {
        match form {
            Form::Text => print::ending(&report)?,
            Form::Json => print::stdout(&format!("{}\n", crate::mcp::structure(&report, budget)?))?,
        }
        Ok(ExitCode::from(exit_code(&report)))
    });
    sessions.shutdown().await;
    outcome
}

/// Runs the file, in a session that has what its block of PEP 723 names.
async fn run_with_needs(
    sessions: &Sessions,
    code: String,
    cancel: CancellationToken,
    form: Form,
) -> anyhow::Result<RunReport> {
    let needed = skills::needed(&code)?;
    let request = |code| RunRequest { code, timeout: None, mode: RunMode::Execute, keep: Keep::Effects };
    let mut target = Target::Fresh;
    if needed != skills::Metadata::default() {
        let first = request(needed.as_cell());
        let report = shown(sessions, target, first, cancel.clone(), form).await?;
        if report.status != Status::Ok {
            return Ok(report);
        }
        target = Target::Named(report.session);
    }
    shown(sessions, target, request(code), cancel, form).await
}

/// Runs a cell and shows what it writes meanwhile.
async fn shown(
    sessions: &Sessions,
    target: Target,
    request: RunRequest,
    cancel: CancellationToken,
    form: Form,
) -> anyhow::Result<RunReport> {
    let (sender, receiver) = mpsc::channel(EVENTS);
    let printer = match form {
        Form::Text => Some(std::thread::spawn(move || show_events(receiver))),
        Form::Json => None,
    };
    let report = sessions.run(target, request, sender, cancel).await;
    if let Some(printer) = printer {
        let printed = tokio::task::spawn_blocking(move || printer.join()).await?;
        printed.map_err(|_| anyhow::anyhow!("the thread that shows output failed"))??;
    }
    report.map_err(explained)
}

/// Runs a cell for someone at a terminal: output as it comes. `repl` is the other caller.
pub(super) async fn run_shown(
    sessions: &Sessions,
    target: Target,
    request: RunRequest,
    cancel: CancellationToken,
) -> anyhow::Result<RunReport> {
    shown(sessions, target, request, cancel, Form::Text).await
}

/// A thread of its own, so that a terminal that stands still does not hold up the sessions.
fn show_events(mut events: mpsc::Receiver<RunEvent>) -> std::io::Result<()> {
    while let Some(event) = events.blocking_recv() {
        print::event(&event)?;
    }
    Ok(())
}

/// Ctrl-C cancels the cell.
pub(super) async fn interrupt(cancel: CancellationToken) {
    if tokio::signal::ctrl_c().await.is_ok() {
        cancel.cancel();
    }
}

/// A second Ctrl-C leaves at once (the workers die with this process).
async fn interrupts(cancel: CancellationToken) {
    interrupt(cancel).await;
    if tokio::signal::ctrl_c().await.is_ok() {
        std::process::exit(i32::from(INTERRUPTED));
    }
}

fn explained(error: SessionError) -> anyhow::Error {
    match error {
        SessionError::Start(_) => {
            hinted(error.to_string(), "`actwright doctor` says what is missing and how to mend it")
        }
        other => other.into(),
    }
}

fn exit_code(report: &RunReport) -> u8 {
    let exit = report.error.as_ref().and_then(|error| error.exit_code);
    match (report.status, exit) {
        // A shell sees the lowest eight bits, whatever `sys.exit` was given.
        (Status::Ok | Status::Raised, Some(code)) => (code & 0xff) as u8,
        (Status::Ok, None) => 0,
        (Status::Raised, None) => 1,
        (Status::Timeout, _) => TIMED_OUT,
        (Status::Cancelled, _) => INTERRUPTED,
        (Status::Lost, _) => CANNOT_START,
    }
}

/// The source as text. No more is read than the limit and a byte, so `run /dev/zero` ends.
fn read_source(path: &PathBuf, limit: u64) -> anyhow::Result<String> {
    let (input, name): (Box<dyn Read>, String) = if path.as_os_str() == "-" {
        (Box::new(std::io::stdin()), "stdin".into())
    } else {
        let name = format!("`{}`", path.display());
        let file = std::fs::File::open(path).with_context(|| format!("cannot open {name}"))?;
        (Box::new(file), name)
    };
    let mut bytes = Vec::new();
    input.take(limit + 1).read_to_end(&mut bytes).with_context(|| format!("cannot read {name}"))?;
    if bytes.len() as u64 > limit {
        let hint = "put data into a file and open it with --read, or raise `limits.source`";
        return Err(hinted(format!("{name} is larger than {limit} bytes (`limits.source`)"), hint));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes()[..valid].iter().filter(|byte| **byte == b'\n').count();
        hinted(format!("{name} is not UTF-8: line {line}, byte {valid}"), "save the file as UTF-8")
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}
