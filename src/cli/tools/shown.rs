//! Namespaces and tools as these commands print them: lines for people, documents for programs.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::error::hinted;
use crate::tools::{Failure, NamespaceSummary, Tool, Trouble};

/// A namespace for programs.
pub fn space(space: &NamespaceSummary) -> Value {
    json!({
        "name": space.name.as_str(),
        "original": space.original,
        "kind": space.kind.word(),
        "description": space.description,
        "state": space.state.word(),
        "reason": space.state.reason(),
        "tools": space.tools.iter().map(|each| tool(each)).collect::<Vec<_>>(),
    })
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
