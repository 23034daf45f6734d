//! The declared shape of a run's structure, for clients that validate `structuredContent`.
//!
//! `structure` makes values of this shape; a key that is not required there is absent, never null.

use serde_json::{Map, Value, json};

/// The output schema of `run_code`.
pub(super) fn of_run() -> Value {
    let properties = json!({
        "status": {"type": "string", "enum": ["ok", "raised", "timeout", "cancelled", "lost"]},
        "ok": {"type": "boolean"},
        "session": text(),
        "cell": whole(),
        "result": {"type": "string", "description": "repr of the last expression; absent when it has no value"},
        "result_type": text(),
        "result_json": {"description": "The value as JSON, where JSON says exactly the same"},
        "stdout": text(),
        "stderr": text(),
        "output": {"type": "string", "description": "Both streams in the order of writing"},
        "error": error(),
        "state": {"type": "string", "enum": ["kept", "rolled_back", "reset"]},
        "checkpoint": {
            "type": "object",
            "properties": {"kept": {"type": "boolean"}, "micros": whole(), "why": text()},
            "required": ["kept"],
            "description": "Whether the session was copied before the cell, to go back to if the cell has to be killed",
        },
        "notes": texts(),
        "duration_ms": number(),
        "truncated": list(&[("stream", text()), ("total", whole()), ("shown", whole()), ("where", text())]),
        "output_id": text(),
        "displays": list(&[("media_types", texts()), ("uri", text())]),
        "late": list(&[("cell", whole()), ("text", text()), ("output_id", text())]),
        "tool_calls": list(&[
            ("tool", text()), ("calls", whole()), ("failed", whole()), ("ms", number()), ("sent", whole()),
            ("received", whole()),
        ]),
        "artifacts": list(&[
            ("name", text()), ("version", whole()), ("uri", text()), ("media_type", text()), ("size", whole()),
            ("sha256", text()), ("description", text()), ("metadata", json!({"type": "object"})),
        ]),
        "plan": list(&[("name", text()), ("line", whole()), ("arguments", texts()), ("types", texts())]),
    });
    let required = [
        "status",
        "ok",
        "session",
        "cell",
        "stdout",
        "stderr",
        "output",
        "state",
        "checkpoint",
        "notes",
        "duration_ms",
        "truncated",
        "output_id",
        "displays",
        "late",
    ];
    json!({"type": "object", "properties": properties, "required": required})
}

fn error() -> Value {
    json!({
        "type": "object",
        "properties": {
            "type": text(), "message": text(), "line": whole(), "source": text(), "traceback": text(),
            "hints": texts(), "exit_code": whole(),
        },
        "required": ["type", "message", "traceback", "hints"],
    })
}

fn text() -> Value {
    json!({"type": "string"})
}

fn texts() -> Value {
    json!({"type": "array", "items": text()})
}

fn number() -> Value {
    json!({"type": "number"})
}

fn whole() -> Value {
    json!({"type": "integer"})
}

/// A list of objects that have all of these keys.
fn list(keys: &[(&str, Value)]) -> Value {
    let properties: Map<String, Value> =
        keys.iter().map(|(key, kind)| ((*key).to_owned(), kind.clone())).collect();
    let required: Vec<_> = keys.iter().map(|(key, _)| *key).collect();
    json!({"type": "array", "items": {"type": "object", "properties": properties, "required": required}})
}
