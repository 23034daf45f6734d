//! `actwright tools`: the catalog for the person at the keyboard, one file per subcommand.
//!
//! Nothing here runs a session: tools are the host's, so the host alone lists and calls them, as `serve` would.

use std::future::Future;
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;

use super::flags::Workspace;
use super::{engine, print};
use crate::tools::{Patience, State, Tools};

mod call;
mod check;
mod import;
mod list;
mod search;
mod show;
mod shown;

/// What a shell gives for a program that was interrupted.
const INTERRUPTED: u8 = 130;

/// How long something may take before a line says what is waited for.
const SILENCE: Duration = Duration::from_secs(1);

/// `actwright tools`
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the namespaces and their tools, with what is broken and why
    List(list::Args),
    /// Find tools by words
    Search(search::Args),
    /// Show one tool: signature, description, schemas
    Show(show::Args),
    /// Call a tool; the exit code is 0, 1 failed, 2 wrong name or arguments, 124 timeout, 130 interrupted
    Call(call::Args),
    /// Read every file, start every server, and say what does not work; exit code 1 when something does not
    Check(check::Args),
    /// Take MCP servers over from the configuration of other clients into mcp.json
    Import(import::Args),
}

/// Runs the subcommand.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::List(args) => list::run(args),
        Command::Search(args) => search::run(args),
        Command::Show(args) => show::run(args),
        Command::Call(args) => call::run(args),
        Command::Check(args) => check::run(args),
        Command::Import(args) => import::run(args),
    }
}

/// Does something with the tools, and ends whatever was started for it.
fn with_tools(
    workspace: &Workspace,
    work: impl AsyncFnOnce(&Tools) -> anyhow::Result<ExitCode>,
) -> anyhow::Result<ExitCode> {
    let config = workspace.resolve(Vec::new())?;
    let runtime = engine::runtime()?;
    let outcome = runtime.block_on(async {
        let tools = engine::tools(&config);
        let outcome = tokio::select! {
            outcome = work(&tools) => outcome,
            _ = tokio::signal::ctrl_c() => Ok(ExitCode::from(INTERRUPTED)),
        };
        tools.end().await;
        outcome
    });
    runtime.shutdown_background();
    outcome
}
/// Waits for something that may start servers, and says which when it takes long.
async fn patiently<T>(tools: &Tools, work: impl Future<Output = T>) -> anyhow::Result<T> {
    let mut work = pin!(work);
    if let Ok(done) = tokio::time::timeout(SILENCE, &mut work).await {
        return Ok(done);
    }
    let known = tools.namespaces(Patience::Known).await;
    let waited: Vec<&str> =
        known.iter().filter(|space| space.state == State::Idle).map(|space| space.name.as_str()).collect();
    if !waited.is_empty() {
        print::stderr(&format!("starting {}\n", waited.join(", ")))?;
    }
    Ok(work.await)
}
