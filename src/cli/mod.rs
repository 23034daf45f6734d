//! The command line: one file per command, and what they share.
//!
//! A command does nothing before it needs it, because an MCP client waits for `serve` to start. Only here
//! errors are `anyhow`: at this height they are read by people and no longer matched.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

mod artifacts;
mod completions;
mod config;
mod continuation;
mod demo;
mod deps;
mod doctor;
mod engine;
mod error;
mod flags;
mod launch;
mod model;
mod print;
mod repl;
mod run;
mod serve;
mod skills;
mod store;
mod tend;
mod tools;

/// Runs the program and gives its exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let failure = cli.command.code_of_failure();
    match cli.command.run() {
        Ok(code) => code,
        Err(error) => {
            error::report(&error);
            failure
        }
    }
}

/// A Code Mode server for any MCP client: sandboxed, persistent Python sessions behind `run_code`.
#[derive(Debug, Parser)]
#[command(name = "actwright", version, propagate_version = false, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve MCP on stdin and stdout.
    Serve(serve::Args),
    /// Run one file of Python as a cell; the exit code is the cell's.
    Run(run::Args),
    /// Talk to a session line by line.
    Repl(repl::Args),
    /// Say what works on this machine, how that was proven, and how to mend what does not.
    Doctor(doctor::Args),
    /// A tour through a real MCP connection to this program.
    Demo(demo::Args),
    /// Print the resolved configuration and where each value came from.
    Config(config::Args),
    /// List, look at, call and check the tools of the base directory, or take over those of other clients.
    Tools(tools::Args),
    /// List, search, save and exchange skills.
    Skills(skills::Args),
    /// List, show, fetch, keep and delete artifacts, and what they take of the disk.
    Artifacts(artifacts::Args),
    /// Fetch and look at the model by which skills are found by meaning.
    Model(model::Args),
    /// Add, list and remove the packages that sessions can import.
    Deps(deps::Args),
    /// Back up, restore or check what the base directory keeps.
    Store(store::Args),
    /// Print a completion script for a shell.
    Completions(completions::Args),
    /// Used by actwright itself to start the sandbox.
    #[command(name = "__launch", hide = true)]
    Launch(launch::Args),
    /// Used by actwright itself to start the programs of tools.
    #[command(name = "__tend", hide = true)]
    Tend(tend::Args),
}

impl Command {
    fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Serve(args) => serve::run(args),
            Self::Run(args) => run::run(args),
            Self::Repl(args) => repl::run(args),
            Self::Doctor(args) => doctor::run(args),
            Self::Demo(args) => demo::run(args),
            Self::Config(args) => config::run(args),
            Self::Tools(args) => tools::run(args),
            Self::Skills(args) => skills::run(args),
            Self::Artifacts(args) => artifacts::run(args),
            Self::Model(args) => model::run(args),
            Self::Deps(args) => deps::run(args),
            Self::Store(args) => store::run(args),
            Self::Completions(args) => completions::run(args, &mut Cli::command()),
            Self::Launch(args) => launch::run(args),
            Self::Tend(args) => tend::run(args),
        }
    }

    /// `run` speaks with the exit codes of cells, among which 1 means that the cell raised.
    fn code_of_failure(&self) -> ExitCode {
        match self {
            Self::Run(_) => ExitCode::from(run::CANNOT_START),
            _ => ExitCode::FAILURE,
        }
    }
}
