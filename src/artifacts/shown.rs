//! A version as programs read it, inside a session and in a shell.

use serde_json::{Value, json};

use crate::storage::{ArtifactKind, ArtifactRow};

/// All that is known of it; times in seconds since 1970.
pub fn shown(row: &ArtifactRow) -> Value {
    let metadata: Value = serde_json::from_str(&row.metadata).unwrap_or(Value::Null);
    json!({
        "name": row.name,
        "version": row.version,
        "kind": match row.kind { ArtifactKind::Saved => "saved", ArtifactKind::Deleted => "deleted" },
        "form": row.form,
        "media_type": row.media_type,
        "size": row.size,
        "sha256": row.hash,
        "description": row.description,
        "metadata": metadata,
        "author": row.author,
        "made": row.made as f64 / 1e6,
        "expires": row.expires.map(|expires| expires as f64 / 1e6),
        "kept": row.is_kept,
    })
}
