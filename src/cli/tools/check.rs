//! `actwright tools check`: every file read, every server started, and a table of what works.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::{patiently, shown, with_tools};
use crate::cli::flags::Workspace;
use crate::cli::print;
use crate::tools::{NamespaceSummary, Patience, State, Tools};

/// `actwright tools check`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Only read the files, start no server
    #[arg(long)]
    no_start: bool,
    #[command(flatten)]
    workspace: Workspace,
}

/// One line of the table.
struct Finding {
    word: &'static str,
    place: String,
    words: String,
}

/// Looks and reports.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let workspace = args.workspace.clone();
    with_tools(&workspace, async |tools| {
        let patience = if args.no_start { Patience::Known } else { Patience::Start };
        let spaces = patiently(tools, tools.namespaces(patience)).await?;
        let failed = spaces.iter().filter(|space| matches!(space.state, State::Failed(_))).count();
        let wrong = failed + tools.broken().len();
        let text = if args.json {
            format!("{:#}\n", as_json(tools, &spaces, wrong))
        } else {
            as_text(tools, &spaces, failed)
        };
        print::stdout(&text)?;
        Ok(shown::code(wrong))
    })
}

fn as_json(tools: &Tools, spaces: &[NamespaceSummary], wrong: usize) -> Value {
    let namespaces = spaces.iter().map(|space| {
        let (state, reason) = (space.state.word(), space.state.reason());
        json!({
            "name": space.name.as_str(), "original": space.original, "kind": space.kind.word(),
            "state": state, "reason": reason, "tools": space.tools.len(), "unchecked": unchecked(space),
        })
    });
    json!({
        "ok": wrong == 0,
        "namespaces": namespaces.collect::<Vec<_>>(),
        "broken": shown::troubles(tools.broken()),
        "notes": shown::troubles(tools.notes()),
    })
}

fn as_text(tools: &Tools, spaces: &[NamespaceSummary], failed: usize) -> String {
    let mut findings: Vec<Finding> = spaces.iter().map(of_space).collect();
    for space in spaces {
        findings.extend(unchecked(space).into_iter().map(|words| Finding {
            word: "note",
            place: format!("tools.{}", space.name),
            words,
        }));
    }
    let broken = tools.broken().iter().map(|it| ("broken", it));
    for (word, trouble) in broken.chain(tools.notes().iter().map(|it| ("note", it))) {
        findings.push(Finding { word, place: trouble.place.clone(), words: trouble.words.clone() });
    }
    let width = findings.iter().map(|finding| finding.place.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for Finding { word, place, words } in findings {
        text.push_str(&format!("{word:6}  {place:width$}  {}\n", words.replace('\n', "\n        ")));
    }
    text.push_str(&verdict(spaces.len() - failed, failed, tools.broken().len()));
    text
}

fn of_space(space: &NamespaceSummary) -> Finding {
    let count = match space.tools.len() {
        1 => "1 tool".to_owned(),
        count => format!("{count} tools"),
    };
    let (word, words) = match &space.state {
        State::Ready => ("ok", format!("{}, {count}", space.kind.word())),
        State::Idle => ("idle", format!("{}, not started", space.kind.word())),
        State::Starting => ("slow", format!("{}, still starting", space.kind.word())),
        State::Failed(why) => ("FAILED", format!("{}: {why}", space.kind.word())),
    };
    Finding { word, place: format!("tools.{}", space.name), words }
}

/// Tools whose schema does not compile: their arguments go to them as they are.
fn unchecked(space: &NamespaceSummary) -> Vec<String> {
    let tools = space.tools.iter();
    let said = tools.filter_map(|tool| {
        let why = tool.check().as_ref().err()?;
        Some(format!(
            "the schema of `{}` cannot be used, so its arguments are not checked: {why}",
            tool.full_name()
        ))
    });
    said.collect()
}

fn verdict(well: usize, failed: usize, broken: usize) -> String {
    let count = |count: usize, one: &str, more: &str| match count {
        1 => format!("1 {one}"),
        count => format!("{count} {more}"),
    };
    let mut parts = vec![count(well, "namespace is well", "namespaces are well")];
    if failed > 0 {
        parts.push(count(failed, "cannot be used", "cannot be used"));
    }
    if broken > 0 {
        parts.push(count(broken, "entry is broken", "entries are broken"));
    }
    parts.join(", ") + "\n"
}
