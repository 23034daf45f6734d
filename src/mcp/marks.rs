//! What a tool says of itself beside its arguments: its effects, its wishes to certain clients.

use rmcp::model::{MetaObject, ToolAnnotations};
use serde_json::{Value, json};

use super::tools::{Reach, ToolName};
use crate::config::{Config, Network, SandboxLevel};

/// What it says of its effects.
pub(super) fn annotations(name: ToolName, config: &Config, reach: Reach) -> ToolAnnotations {
    let sandbox = &config.sandbox;
    // Hints tell the truth about this server: behind closed walls code can harm its own session only, and through
    // tools whatever they reach.
    let open =
        reach == Reach::Tools || sandbox.level == SandboxLevel::Off || sandbox.network != Network::None;
    let harmful = reach == Reach::Tools || sandbox.level == SandboxLevel::Off || !sandbox.write.is_empty();
    // The title stands beside them already. What is left out is what the protocol takes for granted (a tool that does not say
    // that it only reads may change and destroy things, and reach the world), and repetition means nothing where nothing changes.
    let base = ToolAnnotations::new();
    match name {
        ToolName::CreateSkill | ToolName::SaveArtifact => base.destructive(false).open_world(false),
        // The index of packages is the world outside.
        ToolName::AddDep => base.destructive(false).idempotent(true),
        ToolName::RemoveDep => base.idempotent(true),
        // A deletion is a version too: nothing is lost by it.
        ToolName::DeleteSkill | ToolName::DeleteArtifact => base.idempotent(true).open_world(false),
        ToolName::RunCode | ToolName::InvokeSkill | ToolName::VerifySkill => {
            base.destructive(harmful).open_world(open)
        }
        // A search may start a server to ask what it has.
        ToolName::ReadOutput
        | ToolName::ListSessions
        | ToolName::SearchTools
        | ToolName::ListTools
        | ToolName::SearchSkills
        | ToolName::ListSkills
        | ToolName::GetSkill
        | ToolName::LoadArtifact
        | ToolName::ListArtifacts
        | ToolName::ListDeps => base.read_only(true).open_world(false),
        ToolName::UndoRun => base.open_world(false),
        // Undo does not go back beyond it, and some descriptors are lost.
        ToolName::ForkSession => base.open_world(false),
        // What it calls decides; nothing is promised for it.
        ToolName::CallTool => base,
        ToolName::ResetSession | ToolName::CloseSession => base.idempotent(true).open_world(false),
    }
}

/// What it tells certain clients.
pub(super) fn meta(name: ToolName) -> Option<MetaObject> {
    let value = match name {
        ToolName::RunCode => json!({"anthropic/alwaysLoad": true, "anthropic/maxResultSizeChars": 250_000}),
        ToolName::ReadOutput => json!({"anthropic/maxResultSizeChars": 250_000}),
        _ => return None,
    };
    match value {
        Value::Object(meta) => Some(MetaObject(meta)),
        _ => None,
    }
}
