//! The tools as clients see them: names, descriptions, schemas.
//!
//! Schemas are written by hand and in a fixed order, because clients compare and cache them; the
//! list never changes while the server runs.

use std::sync::Arc;

use rmcp::model::{JsonObject, Tool};
use serde_json::{Value, json};

use super::arguments::Declared;
use super::{marks, schema};
use crate::config::{Config, Network, SandboxLevel};

mod artifacts;
mod icons;
mod packages;
mod skills;

/// A tool of this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ToolName {
    RunCode,
    ReadOutput,
    ListSessions,
    UndoRun,
    ForkSession,
    ResetSession,
    CloseSession,
    SearchTools,
    ListTools,
    CallTool,
    SearchSkills,
    ListSkills,
    GetSkill,
    CreateSkill,
    InvokeSkill,
    VerifySkill,
    DeleteSkill,
    SaveArtifact,
    LoadArtifact,
    ListArtifacts,
    DeleteArtifact,
    AddDep,
    ListDeps,
    RemoveDep,
}

impl ToolName {
    /// All of them, in the order of the list.
    pub(super) const ALL: [Self; 24] = [
        Self::RunCode,
        Self::ReadOutput,
        Self::ListSessions,
        Self::UndoRun,
        Self::ForkSession,
        Self::ResetSession,
        Self::CloseSession,
        Self::SearchTools,
        Self::ListTools,
        Self::CallTool,
        Self::SearchSkills,
        Self::ListSkills,
        Self::GetSkill,
        Self::CreateSkill,
        Self::InvokeSkill,
        Self::VerifySkill,
        Self::DeleteSkill,
        Self::SaveArtifact,
        Self::LoadArtifact,
        Self::ListArtifacts,
        Self::DeleteArtifact,
        Self::AddDep,
        Self::ListDeps,
        Self::RemoveDep,
    ];

    /// The name in the protocol.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::RunCode => "run_code",
            Self::ReadOutput => "read_output",
            Self::ListSessions => "list_sessions",
            Self::UndoRun => "undo_run",
            Self::ForkSession => "fork_session",
            Self::ResetSession => "reset_session",
            Self::CloseSession => "close_session",
            Self::SearchTools => "search_tools",
            Self::ListTools => "list_tools",
            Self::CallTool => "call_tool",
            Self::SearchSkills => "search_skills",
            Self::ListSkills => "list_skills",
            Self::GetSkill => "get_skill",
            Self::CreateSkill => "create_skill",
            Self::InvokeSkill => "invoke_skill",
            Self::VerifySkill => "verify_skill",
            Self::DeleteSkill => "delete_skill",
            Self::SaveArtifact => "save_artifact",
            Self::LoadArtifact => "load_artifact",
            Self::ListArtifacts => "list_artifacts",
            Self::DeleteArtifact => "delete_artifact",
            Self::AddDep => "add_dep",
            Self::ListDeps => "list_deps",
            Self::RemoveDep => "remove_dep",
        }
    }

    /// The tool with this name.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.as_str() == name)
    }

    /// Its arguments, in the order of the schema.
    pub(super) fn arguments(self) -> &'static [Declared] {
        const SESSION: Declared =
            Declared { name: "session", expected: "a session handle as a string, s_…" };
        const SKILL: Declared = Declared { name: "name", expected: "a skill's name as a string" };
        const VERSION: Declared = Declared { name: "version", expected: "a whole number" };
        match self {
            Self::RunCode => &[
                Declared { name: "code", expected: "Python source as a string" },
                SESSION,
                Declared { name: "timeout", expected: "a number of seconds" },
                Declared { name: "plan", expected: "true or false" },
                Declared { name: "keep", expected: "true or false" },
                Declared { name: "max_output", expected: "a whole number of characters" },
            ],
            Self::ReadOutput => &[
                Declared { name: "id", expected: "an output id as a string, o_…" },
                Declared { name: "offset", expected: "a whole number" },
                Declared { name: "limit", expected: "a whole number" },
                Declared { name: "grep", expected: "a pattern as a string" },
            ],
            Self::ListSessions => &[],
            Self::UndoRun => &[SESSION, Declared { name: "steps", expected: "a whole number of cells" }],
            Self::ForkSession => &[SESSION, Declared { name: "n", expected: "a whole number of twins" }],
            Self::ResetSession | Self::CloseSession => &[SESSION],
            Self::SearchTools => &[
                Declared { name: "query", expected: "words as a string" },
                Declared { name: "limit", expected: "a whole number" },
                Declared { name: "detail", expected: "\"names\", \"signatures\" or \"full\"" },
            ],
            Self::ListTools => &[
                Declared { name: "server", expected: "a namespace as a string" },
                Declared { name: "limit", expected: "a whole number" },
                Declared { name: "cursor", expected: "the cursor of the page before, a string" },
            ],
            Self::SearchSkills => &[
                Declared { name: "query", expected: "words as a string" },
                Declared { name: "limit", expected: "a whole number" },
            ],
            Self::ListSkills => &[
                Declared { name: "limit", expected: "a whole number" },
                Declared { name: "cursor", expected: "the cursor of the page before, a string" },
            ],
            Self::GetSkill => &[SKILL, VERSION],
            Self::CreateSkill => &[
                SKILL,
                Declared { name: "source", expected: "Python source as a string" },
                Declared {
                    name: "from_cell",
                    expected: "\"last\", a cell's number as a string, or o_…, in place of source",
                },
                SESSION,
                Declared { name: "description", expected: "a string" },
                Declared { name: "examples", expected: "a list of objects with args and expect" },
                Declared { name: "tags", expected: "a list of strings" },
                Declared { name: "reason", expected: "a string" },
            ],
            Self::InvokeSkill => {
                &[SKILL, Declared { name: "arguments", expected: "an object" }, VERSION, SESSION]
            }
            Self::VerifySkill => &[SKILL, Declared { name: "record", expected: "true or false" }],
            Self::DeleteSkill => &[SKILL],
            Self::SaveArtifact | Self::LoadArtifact | Self::ListArtifacts | Self::DeleteArtifact => {
                artifacts::arguments(self)
            }
            Self::AddDep | Self::ListDeps | Self::RemoveDep => packages::arguments(self),
            Self::CallTool => &[
                Declared { name: "name", expected: "a tool's full name as a string, namespace.tool" },
                Declared { name: "arguments", expected: "an object" },
            ],
        }
    }
}

/// The most tools that one call shows.
pub(super) const MAX_TOOLS: u64 = 500;

/// The most cells that one call may ask to undo.
pub(super) const MAX_STEPS: u64 = 16;

/// The most twins that one call may ask for.
pub(super) const MAX_TWINS: u64 = 8;

/// What `initialize` and `server/discover` tell the model. The first 500 characters stand alone, because
/// some clients cut there.
pub(super) const INSTRUCTIONS: &str = "\
Python for your task: run_code runs code in a persistent sandboxed CPython session; variables, imports and \
functions stay for the next call. Put loops, branches and error handling into one call; only \
what the code prints or its last expression returns comes back. Work in a loop: search (skills.search(\"words\"), \
tools.search(\"words\"), files), solve in code, read the result or the error with its hints, fix that part and run again.

tools.<namespace>.<function>(...) calls the host's commands, MCP servers and APIs. Save what \
works: skills.create(name, source) keeps a module with def run(...), from_cell=\"last\" the cell before; skills.<name>(...) \
runs it in any session. artifacts.save(name, value) and .load(name) keep data; deps.add(\"httpx\") installs packages.

A failing cell keeps what ran before. A cut reply begins with the read_output call for the rest. \
The sandbox has no network and no host files unless configured. reset_session clears the variables; \
session=\"new\" starts another.";

/// What [`INSTRUCTIONS`] says of the network where nothing else is configured.
const NO_NETWORK: &str = "The sandbox has no network and no host files unless configured.";

/// The most hosts that a text names.
const NAMED_HOSTS: usize = 12;

/// [`INSTRUCTIONS`] with what is true of this configuration's network.
pub(super) fn instructions(config: &Config) -> String {
    let reach = match reach(config) {
        Some(reach) => format!("{reach} No host files unless configured."),
        None => NO_NETWORK.to_owned(),
    };
    INSTRUCTIONS.replace(NO_NETWORK, &reach)
}

/// What of the network code can reach, where there is some.
fn reach(config: &Config) -> Option<String> {
    match &config.sandbox.network {
        _ if config.sandbox.level == SandboxLevel::Off => Some("Network: the server's own.".to_owned()),
        Network::None => None,
        Network::Full => Some("Network: open.".to_owned()),
        Network::List(list) => {
            let entries = list.entries();
            let more = entries.len().saturating_sub(NAMED_HOSTS);
            let mut named = entries[..entries.len() - more].join(", ");
            if more > 0 {
                named.push_str(&format!(" and {more} more"));
            }
            Some(format!("Network: HTTP and HTTPS to {named} only, by proxy; no raw sockets."))
        }
    }
}

/// What code can reach beyond its sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Nothing.
    Sandbox,
    /// The tools that are configured.
    Tools,
}

/// The list of tools for this configuration.
pub(super) fn list(config: &Config, reach: Reach) -> Vec<Tool> {
    ToolName::ALL.into_iter().map(|name| tool(name, config, reach)).collect()
}

fn tool(name: ToolName, config: &Config, reach: Reach) -> Tool {
    let (title, description, properties, required) = match name {
        ToolName::RunCode => run_code(config),
        ToolName::ReadOutput => read_output(),
        ToolName::ListSessions => {
            ("List sessions", "List the living sessions.".to_owned(), json!({}), json!([]))
        }
        ToolName::UndoRun => (
            "Undo run",
            "Take a session's variables back to before its last cells; files stay.".to_owned(),
            json!({
                "session": session(),
                "steps": {
                    "type": "integer", "maximum": MAX_STEPS,
                },
            }),
            json!([]),
        ),
        ToolName::ForkSession => (
            "Fork session",
            "Give a session live twins with its variables and files, to try variants side by side."
                .to_owned(),
            json!({
                "session": session(),
                "n": {
                    "type": "integer", "maximum": MAX_TWINS,
                },
            }),
            json!([]),
        ),
        ToolName::ResetSession => (
            "Reset session",
            "Stop what a session runs and clear its variables.".to_owned(),
            json!({"session": session()}),
            json!([]),
        ),
        ToolName::CloseSession => {
            ("Close session", "End a session for good.".to_owned(), json!({"session": session()}), json!([]))
        }
        ToolName::SearchTools => search_tools(),
        ToolName::ListTools => list_tools(),
        ToolName::CallTool => call_tool(),
        ToolName::SearchSkills
        | ToolName::ListSkills
        | ToolName::GetSkill
        | ToolName::CreateSkill
        | ToolName::InvokeSkill
        | ToolName::VerifySkill
        | ToolName::DeleteSkill => skills::definition(name),
        ToolName::SaveArtifact
        | ToolName::LoadArtifact
        | ToolName::ListArtifacts
        | ToolName::DeleteArtifact => artifacts::definition(name),
        ToolName::AddDep | ToolName::ListDeps | ToolName::RemoveDep => packages::definition(name),
    };
    let mut input = json!({"type": "object", "properties": properties});
    if required.as_array().is_some_and(|names| !names.is_empty()) {
        input["required"] = required;
    }
    let mut tool = Tool::new(name.as_str(), description, object(input))
        .with_title(title)
        .with_annotations(marks::annotations(name, config, reach))
        .with_icons(vec![icons::icon(name)]);
    if let Some(meta) = marks::meta(name) {
        tool = tool.with_meta(meta);
    }
    if name == ToolName::RunCode && config.results.structured {
        tool = tool.with_raw_output_schema(object(schema::of_run()));
    }
    tool
}

type Definition = (&'static str, String, Value, Value);

fn run_code(config: &Config) -> Definition {
    let most = config.limits.max_timeout.as_secs_f64();
    let default = config.limits.timeout.as_secs_f64();
    let shown = config.results.max_output;
    (
        "Run Python code",
        "Run Python (compute, analyse data, plot, script) in a persistent sandboxed CPython session; variables \
         persist, top-level await works. Returns output, the last expression's value, images, or the error \
         with hints."
            .to_owned()
            + &reach(config).map_or_else(String::new, |reach| format!(" {reach}")),
        json!({
            "code": {"type": "string"},
            "session": {
                "type": "string",
                "description": "Handle s_…, or \"new\" for another.",
            },
            "timeout": {
                "type": "number", "maximum": number(most),
                "description": format!("Seconds; default {default}."),
            },
            "plan": {
                "type": "boolean",
                "description": "true: only list undefined calls.",
            },
            "keep": {
                "type": "boolean",
                "description": "false: a dry run.",
            },
            "max_output": {
                "type": "integer",
                "description": format!("Characters; default {shown}."),
            },
        }),
        json!(["code"]),
    )
}

fn read_output() -> Definition {
    (
        "Read output",
        "Read or search the full output of an earlier call.".to_owned(),
        json!({
            "id": {
                "type": "string",
                "description": "o_…, with /stdout, /stderr, /result or /error for a part.",
            },
            "offset": {
                "type": "integer",
                "description": "First character; with grep: matches to skip.",
            },
            "limit": {
                "type": "integer",
                "description": "Characters (default 8000); with grep: lines (100).",
            },
            "grep": {"type": "string", "description": "Only lines that match this."},
        }),
        json!(["id"]),
    )
}

fn search_tools() -> Definition {
    (
        "Search tools",
        "Find functions for run_code: commands, MCP servers, REST APIs, called as tools.namespace.tool(...)."
            .to_owned(),
        json!({
            "query": {"type": "string"},
            "limit": {"type": "integer"},
            "detail": {"type": "string", "enum": ["names", "signatures", "full"]},
        }),
        json!(["query"]),
    )
}

fn list_tools() -> Definition {
    (
        "List tools",
        "List tools, and why a server cannot be used.".to_owned(),
        json!({
            "server": {"type": "string"},
            "limit": {"type": "integer"},
            "cursor": {"type": "string"},
        }),
        json!([]),
    )
}

fn call_tool() -> Definition {
    (
        "Call tool",
        "Call one tool; loops and large results belong into run_code.".to_owned(),
        json!({
            "name": {"type": "string", "description": "namespace.tool"},
            "arguments": {"type": "object"},
        }),
        json!(["name"]),
    )
}

fn session() -> Value {
    // `run_code` says what it is.
    json!({"type": "string"})
}

/// Whole seconds are written as integers.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 { json!(value as u64) } else { json!(value) }
}

fn object(value: Value) -> Arc<JsonObject> {
    match value {
        Value::Object(object) => Arc::new(object),
        _ => Arc::default(),
    }
}

#[cfg(test)]
mod tests;
