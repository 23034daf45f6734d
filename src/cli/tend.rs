//! `actwright __tend`: the program as the tender of a tool's program.
//!
//! Not for people: the host starts it, and it ends with the host.

use std::process::ExitCode;

/// `actwright __tend`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The pid of the server that started it.
    server: i32,
    /// The program and its arguments.
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

/// Runs the program; its exit code is this one's.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let Some((program, arguments)) = args.command.split_first() else { return Ok(ExitCode::FAILURE) };
    Ok(crate::programs::tend::run(args.server, program, arguments)?)
}
