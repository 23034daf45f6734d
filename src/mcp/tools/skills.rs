//! The tools of the library of skills as clients see them: titles, descriptions, schemas.
//!
//! Every conversation pays for these words, so what a name says already has no description.

use serde_json::json;

use super::{Definition, ToolName};

/// The definition of one of them.
pub(super) fn definition(name: ToolName) -> Definition {
    let whole = || json!({"type": "integer"});
    let text = || json!({"type": "string"});
    let made = |title, words: &str, properties, required| (title, words.to_owned(), properties, required);
    match name {
        ToolName::ListSkills => {
            made("List skills", "List saved skills.", json!({"limit": whole(), "cursor": text()}), json!([]))
        }
        ToolName::GetSkill => made(
            "Get skill",
            "Show a skill's source.",
            json!({"name": text(), "version": whole()}),
            json!(["name"]),
        ),
        ToolName::CreateSkill => made(
            "Create skill",
            "Save Python that worked as a skill, or its next version; code then calls skills.<name>(...).",
            json!({
                "name": text(),
                "source": {"type": "string", "description": "A module with def run(...)."},
                "from_cell": {"type": "string", "description": "Instead of source: last, or its number."},
                "session": text(),
                "description": {"type": "string"},
                "examples": {
                    "type": "array", "items": {"type": "object"}, "description": "[{args, expect}]",
                },
                "tags": {"type": "array", "items": text()},
                "reason": text(),
            }),
            json!(["name"]),
        ),
        ToolName::InvokeSkill => made(
            "Invoke skill",
            "Run a skill in a Python session.",
            json!({"name": text(), "arguments": {"type": "object"}, "version": whole(), "session": text()}),
            json!(["name"]),
        ),
        ToolName::VerifySkill => made(
            "Verify skill",
            "Run a skill's examples against recorded tool calls.",
            json!({"name": text(), "record": {"type": "boolean", "description": "Call the tools anew."}}),
            json!(["name"]),
        ),
        ToolName::DeleteSkill => made(
            "Delete skill",
            "Delete a skill; its history stays.",
            json!({"name": text()}),
            json!(["name"]),
        ),
        _ => made(
            "Search skills",
            "Find saved Python workflows by what they do.",
            json!({"query": text(), "limit": whole()}),
            json!(["query"]),
        ),
    }
}
