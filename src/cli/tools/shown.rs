//! Namespaces and tools as these commands print them: lines for people, documents for programs.

use std::fmt::Write as _;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::error::hinted;
use crate::tools::{Failure, NamespaceSummary, State, Tool, Trouble};

/// `tools.github (mcp, not started): what it is for`.
pub fn heading(space: &NamespaceSummary) -> String {
    let mut text = format!("tools.{} ({}", space.name, space.kind.word());
    if space.original != space.name.as_str() {
        // Writing to a string cannot fail.
        let _ = write!(text, ", `{}`", space.original);
    }
    match &space.state {
        State::Ready => {}
        State::Idle => text.push_str(", not started"),
        State::Failed(_) => text.push_str(", cannot be used"),
    }
    text.push(')');
    if let Some(line) = space.description.lines().next().filter(|line| !line.is_empty()) {
        let _ = write!(text, ": {line}");
    }
    text
}

/// A tool in one line.
pub fn line(tool: &Tool) -> String {
    match tool.summary() {
        "" => tool.signature(),
        summary => format!("{}  {summary}", tool.signature()),
    }
}

/// A namespace for programs.
pub fn space(space: &NamespaceSummary) -> Value {
    let (state, reason) = state(&space.state);
    json!({
        "name": space.name.as_str(),
        "original": space.original,
        "kind": space.kind.word(),
        "description": space.description,
        "state": state,
        "reason": reason,
        "tools": space.tools.iter().map(|each| tool(each)).collect::<Vec<_>>(),
    })
}

/// The word for a state, and the reason of one that is bad.
pub fn state(state: &State) -> (&'static str, Option<&str>) {
    match state {
        State::Ready => ("ready", None),
        State::Idle => ("idle", None),
        State::Failed(why) => ("failed", Some(why)),
    }
}

/// A tool for programs.
pub fn tool(tool: &Tool) -> Value {
    json!({
        "name": tool.full_name(),
        "original": tool.raw.name,
        "signature": tool.signature(),
        "summary": tool.summary(),
    })
}

/// Words about files for programs.
pub fn troubles(troubles: &[Trouble]) -> Vec<Value> {
    troubles.iter().map(|trouble| json!({"place": trouble.place, "words": trouble.words})).collect()
}

/// A failure to find something, with the way to what there is.
pub fn not_found(failure: &Failure) -> anyhow::Error {
    hinted(failure.to_string(), "`actwright tools list` shows what there is")
}

/// Success unless something is wrong.
pub fn code(wrong: usize) -> ExitCode {
    if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
