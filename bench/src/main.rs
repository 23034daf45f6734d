//! Measures the release binary from a client's side and prints one table: the number, its goal, and a plain
//! reference measured in the same run.
//!
//! Numbers of two machines, or of two runs under different load, say nothing about each other; the
//! references in the same table do.

mod apis;
mod artifacts;
mod cases;
mod client;
mod copies;
mod http;
mod made_up;
mod memory;
mod neighbour;
mod packages;
mod preload;
mod sample;
mod search;
mod skills;
mod table;
mod tools;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};

use cases::{Bench, Effort};

const USAGE: &str = "\
usage: actwright-bench [--quick] [--json] [--only WORD] [--program PATH] [--python PYTHON]
  --quick    few repetitions, no 100 MB of output, no 1 GB of artifacts, nothing from the package index
  --json     print the table as JSON
  --only     only the cases in whose names the word is, such as artifacts
  --program  the binary to measure [default: actwright beside this program]
  --python   the interpreter of the references [default: python3]
";

/// How the table is printed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Json,
}

fn main() -> anyhow::Result<ExitCode> {
    let own = std::env::current_exe().context("cannot tell where this program lies")?;
    let (mut form, mut effort) = (Form::Text, Effort::Full);
    let mut only = String::new();
    let (mut program, mut python) = (own.with_file_name("actwright"), "python3".to_owned());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{argument} wants a value"));
        match argument.as_str() {
            "--quick" => effort = Effort::Quick,
            "--json" => form = Form::Json,
            "--only" => only = value()?,
            "--program" => program = PathBuf::from(value()?),
            "--python" => python = value()?,
            "--help" | "-h" => return print(USAGE).map(|()| ExitCode::SUCCESS),
            other => bail!("unknown argument `{other}`\n{USAGE}"),
        }
    }
    let base = std::env::temp_dir().join(format!("actwright-bench-{}", std::process::id()));
    let bench = Bench {
        program,
        echo: own.with_file_name("actwright-bench-echo"),
        host: own.with_file_name("actwright-bench-host"),
        python: cases::real_python(&python)?,
        base,
        effort,
    };
    if !bench.program.is_file() {
        bail!("{} is not there; build it with `cargo build --release`", bench.program.display());
    }
    let rows = bench.rows(&only);
    // What is left in the temporary directory harms nothing.
    drop(std::fs::remove_dir_all(&bench.base));
    match form {
        Form::Text => print(&table::as_text(&rows))?,
        Form::Json => print(&format!("{:#}\n", table::as_json(&rows)))?,
    }
    // Missing a goal is news; not being able to measure is a failure.
    let all = !rows.is_empty() && rows.iter().all(|row| row.value.is_some());
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(text: &str) -> anyhow::Result<()> {
    std::io::stdout().write_all(text.as_bytes()).context("cannot write to stdout")
}
