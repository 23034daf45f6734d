//! The tools of artifacts as clients see them: titles, descriptions, schemas, arguments.
//!
//! Every conversation pays for these words, so what a name says already has no description.

use serde_json::json;

use super::{Declared, Definition, ToolName};

/// The arguments of one of them.
pub(super) fn arguments(name: ToolName) -> &'static [Declared] {
    const NAME: Declared = Declared { name: "name", expected: "an artifact's name as a string" };
    const LIMIT: Declared = Declared { name: "limit", expected: "a whole number" };
    match name {
        ToolName::SaveArtifact => &[
            NAME,
            Declared { name: "data", expected: "any JSON value" },
            Declared { name: "base64", expected: "bytes in base64, a string" },
            Declared { name: "media_type", expected: "a media type as a string" },
            Declared { name: "description", expected: "a string" },
            Declared { name: "metadata", expected: "an object" },
            Declared { name: "ttl", expected: "a number of seconds above 0" },
        ],
        ToolName::LoadArtifact => &[NAME, Declared { name: "version", expected: "a whole number" }],
        ToolName::ListArtifacts => &[
            Declared { name: "prefix", expected: "the beginning of names, a string" },
            LIMIT,
            Declared { name: "cursor", expected: "the cursor of the page before, a string" },
        ],
        _ => &[NAME],
    }
}

/// The definition of one of them.
pub(super) fn definition(name: ToolName) -> Definition {
    let text = || json!({"type": "string"});
    let whole = || json!({"type": "integer"});
    let made = |title, words: &str, properties, required| (title, words.to_owned(), properties, required);
    match name {
        ToolName::SaveArtifact => made(
            "Save artifact",
            "Keep data beyond the session.",
            json!({
                "name": text(), "data": {}, "base64": text(), "media_type": text(), "description": text(),
                "metadata": {"type": "object"}, "ttl": {"type": "number"},
            }),
            json!(["name"]),
        ),
        ToolName::LoadArtifact => made(
            "Load artifact",
            "Show kept data.",
            json!({"name": text(), "version": whole()}),
            json!(["name"]),
        ),
        ToolName::ListArtifacts => made(
            "List artifacts",
            "List kept data.",
            json!({"prefix": text(), "limit": whole(), "cursor": text()}),
            json!([]),
        ),
        _ => made("Delete artifact", "Delete kept data.", json!({"name": text()}), json!(["name"])),
    }
}
