//! The declared shape of a run's structure, for clients that validate `structuredContent`.

use serde_json::{Value, json};

/// The output schema of `run_code`. `structure` makes values of this shape.
pub(super) fn of_run() -> Value {
    let text = json!({"type": "string"});
    json!({
        "type": "object",
        "properties": {
            "status": {"type": "string", "enum": ["ok", "raised", "timeout", "cancelled", "lost"]},
            "ok": {"type": "boolean"},
            "session": text,
            "cell": {"type": "integer"},
            "result": {"type": "string", "description": "repr of the last expression; absent when it has no value"},
            "result_type": text,
            "result_json": {"description": "The value as JSON, where JSON says exactly the same"},
            "stdout": text,
            "stderr": text,
            "output": {"type": "string", "description": "Both streams in the order of writing"},
            "error": {
                "type": "object",
                "properties": {
                    "type": text, "message": text, "line": {"type": "integer"}, "source": text,
                    "traceback": text, "hints": {"type": "array", "items": text}, "exit_code": {"type": "integer"},
                },
                "required": ["type", "message", "traceback", "hints"],
            },
            "state": {"type": "string", "enum": ["kept", "reset"]},
            "notes": {"type": "array", "items": text},
            "duration_ms": {"type": "number"},
            "truncated": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "stream": text, "total": {"type": "integer"}, "shown": {"type": "integer"}, "where": text,
                    },
                    "required": ["stream", "total", "shown", "where"],
                },
            },
            "output_id": text,
            "displays": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"media_types": {"type": "array", "items": text}, "uri": text},
                    "required": ["media_types", "uri"],
                },
            },
            "late": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"cell": {"type": "integer"}, "text": text, "output_id": text},
                    "required": ["cell", "text", "output_id"],
                },
            },
            "plan": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "name": text, "line": {"type": "integer"},
                        "arguments": {"type": "array", "items": text}, "types": {"type": "array", "items": text},
                    },
                    "required": ["name", "line", "arguments", "types"],
                },
            },
        },
        "required": [
            "status", "ok", "session", "cell", "stdout", "stderr", "output", "state", "notes", "duration_ms",
            "truncated", "output_id", "displays", "late",
        ],
    })
}
