//! `add_dep`, `list_deps`, `remove_dep`: the packages that every session of the workspace can import.

use rmcp::model::CallToolResult;
use serde_json::json;

use super::arguments::{ArgumentError, Arguments};
use super::render;
use super::server::Server;
use super::tools::ToolName;
use crate::packages::{Asker, Change, PackageError, shown};

/// The key of a result's data.
const META: &str = "actwright/packages";

/// A call whose arguments are read.
#[derive(Debug)]
pub(super) enum Request {
    /// `add_dep`.
    Add(String),
    /// `list_deps`.
    List,
    /// `remove_dep`.
    Remove(String),
}

impl Request {
    /// Reads the arguments of one of the tools.
    pub(super) fn read(tool: ToolName, arguments: &Arguments<'_>) -> Result<Self, ArgumentError> {
        let package = || arguments.text("package").map(str::to_owned);
        Ok(match tool {
            ToolName::AddDep => Self::Add(package()?),
            ToolName::RemoveDep => Self::Remove(package()?),
            _ => Self::List,
        })
    }
}

/// Does what the call asks.
pub(super) async fn perform(server: &Server, request: Request) -> CallToolResult {
    let packages = server.sessions.packages();
    let done = match request {
        Request::Add(package) => {
            let end = "; every session can import it from its next cell on";
            packages.add(&[package], Asker::Agent).await.map(|change| changed(&change, end))
        }
        Request::Remove(package) => {
            let end = "; from its next cell on no session can import it anew";
            packages.remove(&[package], Asker::Agent).await.map(|change| changed(&change, end))
        }
        Request::List => packages.list().await.map(|listed| {
            let mut text: Vec<String> = listed.iter().map(shown::line).collect();
            if text.is_empty() {
                text.push("no packages were added; sessions have what their Python has".to_owned());
            }
            let data = json!(listed.iter().map(shown::listed).collect::<Vec<_>>());
            render::with_data(META, text.join("\n"), data)
        }),
    };
    done.unwrap_or_else(|error| {
        if let PackageError::Disk { cause, .. } = &error {
            tracing::error!(%cause, "packages: {error}");
        }
        render::refusal(&error)
    })
}

fn changed(change: &Change, end: &str) -> CallToolResult {
    render::with_data(META, shown::change_in_words(change) + end, shown::change(change))
}
