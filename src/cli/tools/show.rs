//! `actwright tools show`: everything that is known of one tool.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::{patiently, shown, with_tools};
use crate::cli::flags::Workspace;
use crate::cli::print;
use crate::tools::{Tool, doc};

/// `actwright tools show`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its name, such as curl.get
    name: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    workspace: Workspace,
}

/// Prints the tool.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let workspace = args.workspace.clone();
    with_tools(&workspace, async |tools| {
        let found = patiently(tools, tools.find(&args.name)).await?;
        let tool = found.map_err(|failure| shown::not_found(&failure))?;
        let output = tools.output_schema(&tool);
        let text = if args.json {
            format!("{:#}\n", as_json(&tool, output))
        } else {
            as_text(&tool, output.as_ref())
        };
        print::stdout(&text)?;
        Ok(ExitCode::SUCCESS)
    })
}

fn as_json(tool: &Tool, output: Option<Value>) -> Value {
    let hints = tool.raw.hints;
    json!({
        "name": tool.full_name(),
        "original": tool.raw.name,
        "signature": tool.signature(),
        "description": tool.raw.description,
        "tags": tool.raw.tags,
        "read_only": hints.read_only,
        "destructive": hints.destructive,
        "idempotent": hints.idempotent,
        "timeout": tool.raw.timeout.map(|time| time.as_secs_f64()),
        "input": tool.raw.input,
        "output": output,
        "output_is": output_is(tool, output.as_ref()),
    })
}

fn as_text(tool: &Tool, output: Option<&Value>) -> String {
    let mut text = tool.signature() + "\n";
    if tool.name.as_ref().is_some_and(|name| name.as_str() != tool.raw.name) {
        text.push_str(&format!("in its own words: `{}`\n", tool.raw.name));
    }
    let about = doc(tool);
    if !about.is_empty() {
        text.push_str(&format!("\n{about}\n"));
    }
    let hints = tool.raw.hints;
    let said = [
        ("read only", hints.read_only),
        ("destructive", hints.destructive),
        ("idempotent", hints.idempotent),
    ];
    let said: Vec<&str> = said.iter().filter(|(_, is)| *is == Some(true)).map(|(word, _)| *word).collect();
    if !said.is_empty() {
        text.push_str(&format!("\nsays of itself: {}\n", said.join(", ")));
    }
    text.push_str(&format!("\ninput\n{:#}\n", tool.raw.input));
    match output {
        Some(schema) => text.push_str(&format!("\noutput ({})\n{schema:#}\n", output_is(tool, output))),
        None => text.push_str("\noutput: not declared\n"),
    }
    text
}

/// Where the schema of its results comes from.
fn output_is(tool: &Tool, output: Option<&Value>) -> &'static str {
    match (&tool.raw.output, output) {
        (Some(_), _) => "declared",
        (None, Some(_)) => "learned",
        (None, None) => "unknown",
    }
}
