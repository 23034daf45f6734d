//! `actwright tools search`: tools by words, best first.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::{patiently, shown, with_tools};
use crate::cli::flags::Workspace;
use crate::cli::print;

/// `actwright tools search`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What the tool should do
    #[arg(required = true)]
    words: Vec<String>,
    /// How many at most
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    workspace: Workspace,
}

/// Prints what was found; the exit code is 1 when that is nothing.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let workspace = args.workspace.clone();
    with_tools(&workspace, async |tools| {
        let query = args.words.join(" ");
        let found = patiently(tools, tools.search(&query, usize::from(args.limit))).await?;
        if args.json {
            let found: Vec<Value> = found
                .iter()
                .map(|hit| {
                    let mut about = shown::tool(&hit.tool);
                    about["score"] = json!((hit.score * 1000.0).round() / 1000.0);
                    about
                })
                .collect();
            print::stdout(&format!("{:#}\n", Value::from(found)))?;
        } else if found.is_empty() {
            print::stderr("no tool fits these words\n")?;
        } else {
            let lines: Vec<String> = found.iter().map(|hit| hit.tool.line()).collect();
            print::stdout(&(lines.join("\n") + "\n"))?;
        }
        Ok(shown::code(usize::from(found.is_empty())))
    })
}
