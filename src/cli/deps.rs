//! `actwright deps`: the packages of the base directory, for the person at the keyboard, whom the policy does not ask.
//!
//! Servers may be at work on it meanwhile; their sessions follow at their next cell.

use std::future::Future;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Subcommand;
use serde_json::Value;

use super::error::hinted;
use super::flags::Asked;
use super::{engine, print};
use crate::packages::{Asker, Change, PackageError, Packages, shown};

/// How long something may take before it is said that it goes on.
const SILENCE: Duration = Duration::from_secs(1);

/// `actwright deps`
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    asked: Asked,
    /// Interpreter that runs the cells: a path, a name on PATH, or auto
    #[arg(long, value_name = "PYTHON", global = true)]
    python: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Add packages to what sessions can import
    Add {
        /// Names with versions, such as "pandas>=2"
        #[arg(required = true)]
        packages: Vec<String>,
    },
    /// List the packages that were added, and what came with them
    List,
    /// Remove packages that were added, and what only they needed
    Remove {
        /// Their names
        #[arg(required = true)]
        packages: Vec<String>,
    },
    /// Install again what the lock file names and is missing
    Sync,
    /// Say why a package is there
    Why {
        /// Its name
        package: String,
    },
    /// Print the lock file: what was asked for, exact versions and hashes
    Lock,
}

/// Runs the subcommand.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let config = args.asked.workspace.resolve_with(Vec::new(), args.python)?;
    let packages = engine::packages(&config);
    let runtime = engine::runtime()?;
    // Sets that other servers use are not swept meanwhile, and what is no longer wanted is.
    let _held = packages.hold().context("cannot write to the base directory")?;
    let work = perform(&packages, args.command);
    let (text, data) = runtime.block_on(waiting(work))?;
    args.asked.print(&text, &data)?;
    Ok(ExitCode::SUCCESS)
}

/// What it says, in words and as data.
async fn perform(packages: &Packages, command: Command) -> anyhow::Result<(String, Value)> {
    let changed = |change: Change| (shown::change_in_words(&change), shown::change(&change));
    Ok(match command {
        Command::Add { packages: specs } => changed(packages.add(&specs, Asker::Person).await.map_err(said)?),
        Command::Remove { packages: names } => {
            changed(packages.remove(&names, Asker::Person).await.map_err(said)?)
        }
        Command::Sync => changed(packages.sync().await.map_err(said)?),
        Command::List => {
            let listed = packages.list().await.map_err(said)?;
            let lines: Vec<String> = listed.iter().map(shown::line).collect();
            let text = if lines.is_empty() { "no packages were added".to_owned() } else { lines.join("\n") };
            (text, listed.iter().map(shown::listed).collect())
        }
        Command::Why { package } => {
            let why = packages.why(&package).await.map_err(said)?;
            (shown::why_in_words(&why), shown::why(&why))
        }
        Command::Lock => {
            let text = packages.lock_text().map_err(said)?;
            let data = serde_json::from_str(&text)?;
            (text, data)
        }
    })
}

/// Says on a terminal that something takes its time.
async fn waiting<T>(work: impl Future<Output = T>) -> T {
    tokio::pin!(work);
    let begun = Instant::now();
    let mut is_shown = false;
    loop {
        match tokio::time::timeout(SILENCE, &mut work).await {
            Ok(done) => {
                if is_shown {
                    // A terminal that is gone is no failure of the work.
                    let _ = print::stderr("\r\x1b[K");
                }
                return done;
            }
            Err(_) if std::io::stderr().is_terminal() => {
                is_shown = true;
                let _ =
                    print::stderr(&format!("\rresolving and installing, {} s", begun.elapsed().as_secs()));
            }
            Err(_) => {}
        }
    }
}

fn said(error: PackageError) -> anyhow::Error {
    match &error {
        PackageError::NotFound { .. } => hinted(error.to_string(), "`actwright deps list` shows all"),
        _ => error.into(),
    }
}
