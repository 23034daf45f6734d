//! `actwright tools list`: namespaces with kind and state, and their tools.

use std::process::ExitCode;

use serde_json::json;

use super::{patiently, shown, with_tools};
use crate::cli::flags::Workspace;
use crate::cli::print;
use crate::tools::{NamespaceSummary, Patience, Tools};

/// `actwright tools list`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this namespace
    namespace: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Start no server; the tools of those that are not started are not known
    #[arg(long)]
    no_start: bool,
    #[command(flatten)]
    workspace: Workspace,
}

/// Prints the list.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let workspace = args.workspace.clone();
    with_tools(&workspace, async |tools| {
        let patience = if args.no_start { Patience::Known } else { Patience::Start };
        let spaces = spaces(tools, args.namespace.as_deref(), patience).await?;
        let text = if args.json {
            let namespaces: Vec<_> = spaces.iter().map(shown::space).collect();
            let (broken, notes) = (shown::troubles(tools.broken()), shown::troubles(tools.notes()));
            format!("{:#}\n", json!({"namespaces": namespaces, "broken": broken, "notes": notes}))
        } else {
            as_text(tools, &spaces, args.namespace.as_deref())
        };
        print::stdout(&text)?;
        Ok(ExitCode::SUCCESS)
    })
}

async fn spaces(
    tools: &Tools,
    namespace: Option<&str>,
    patience: Patience,
) -> anyhow::Result<Vec<NamespaceSummary>> {
    let Some(name) = namespace else { return patiently(tools, tools.namespaces(patience)).await };
    let name = name.strip_prefix("tools.").unwrap_or(name);
    if patience == Patience::Start {
        let found = patiently(tools, tools.namespace(name)).await?;
        return found.map(|space| vec![space]).map_err(|failure| shown::not_found(&failure));
    }
    let known = tools.namespaces(patience).await.into_iter();
    Ok(known.filter(|space| space.name.as_str() == name || space.original == name).collect())
}

fn as_text(tools: &Tools, spaces: &[NamespaceSummary], namespace: Option<&str>) -> String {
    let mut lines = Vec::new();
    for space in spaces {
        lines.push(space.heading());
        lines.extend(space.tools.iter().map(|tool| format!("  {}", tool.line())));
    }
    if namespace.is_none() {
        lines.extend(tools.broken().iter().map(|it| format!("broken: {}: {}", it.place, it.words)));
        lines.extend(tools.notes().iter().map(|it| format!("note: {}: {}", it.place, it.words)));
    }
    if lines.is_empty() {
        lines.push("no tools are configured; put YAML files into tools/ or servers into mcp.json".to_owned());
    }
    lines.join("\n") + "\n"
}
