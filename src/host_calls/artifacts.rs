//! `artifacts.*`: what code in a session saves and loads. Bytes cross in pieces; a save that is not finished leaves nothing.

use actwright_protocol::{CallError, Value};
use serde_json::json;

use super::data::{from_json, to_json};
use super::{Answer, Answering, Named, encoded, error};
use crate::artifacts::{self, About, ArtifactError, ArtifactRow, Artifacts};
use crate::tools::Origin;

/// Who is noted as the author of what code saves.
const AUTHOR: &str = "code";

/// The most bytes that cross at once.
const PIECE: usize = 1 << 20;

/// The most artifacts that one call lists.
const MOST: i64 = 1_000;

/// Begins one request.
pub fn begin(artifacts: &Artifacts, request: &str, named: Named, origin: &Origin) -> Answering {
    let artifacts = artifacts.clone();
    let session = origin.session.as_deref().unwrap_or_default().to_owned();
    match request {
        "begin" => Answering::Later(Box::pin(async move {
            answer(artifacts.begin(&session).await.map(|id| Value::Int(id as i64)))
        })),
        "append" => Answering::Later(Box::pin(append(artifacts, session, named))),
        "finish" => Answering::Later(Box::pin(async move {
            let id = number(&named, "id")?;
            let saved = artifacts.finish(&session, id, about(&named)?).await;
            note(&artifacts, &session, &saved);
            answer(saved.map(|row| shown(&row)))
        })),
        "abandon" => Answering::Now(
            number(&named, "id").and_then(|id| answer(artifacts.abandon(&session, id).map(|()| Value::Nil))),
        ),
        "save" => Answering::Later(Box::pin(async move {
            let saved = artifacts.save(about(&named)?, piece(&named)?).await;
            note(&artifacts, &session, &saved);
            answer(saved.map(|row| shown(&row)))
        })),
        "read" => Answering::Later(Box::pin(async move { read(&artifacts, &named).await })),
        "get" => Answering::Later(Box::pin(async move {
            let row = artifacts.get(named.text("name")?, named.optional_whole("version")?).await;
            answer(row.map(|row| shown(&row)))
        })),
        "check" => Answering::Later(Box::pin(async move {
            answer(artifacts.is_there(named.text("name")?).await.map(Value::Bool))
        })),
        "list" => Answering::Later(Box::pin(async move { list(&artifacts, &named).await })),
        "history" => Answering::Later(Box::pin(async move {
            let rows = artifacts.history(named.text("name")?).await;
            answer(rows.map(|rows| Value::List(rows.iter().map(shown).collect())))
        })),
        "delete" => Answering::Later(Box::pin(async move {
            let version = artifacts.delete(named.text("name")?, AUTHOR).await;
            answer(version.map(Value::Int))
        })),
        _ => Answering::Now(Err(error("unknown_call", format!("the host has no `artifacts.{request}`")))),
    }
}

async fn append(artifacts: Artifacts, session: String, named: Named) -> Answer {
    let id = number(&named, "id")?;
    let size = artifacts.append(&session, id, piece(&named)?).await;
    answer(size.map(|size| Value::Int(i64::try_from(size).unwrap_or(i64::MAX))))
}

async fn read(artifacts: &Artifacts, named: &Named) -> Answer {
    let offset = number(named, "offset")?;
    let limit = usize::try_from(number(named, "limit")?).unwrap_or(PIECE).min(PIECE);
    let content = artifacts.read(named.text("name")?, named.optional_whole("version")?, offset, limit).await;
    answer(content.map(|content| Value::List(vec![shown(&content.row), Value::Bytes(content.bytes)])))
}

async fn list(artifacts: &Artifacts, named: &Named) -> Answer {
    let limit = match named.optional_whole("limit")? {
        None => MOST,
        Some(limit) if (1..=MOST).contains(&limit) => limit,
        Some(_) => return Err(error("invalid_arguments", format!("`limit` must be from 1 to {MOST}"))),
    };
    let (after, prefix) = (named.optional_text("after")?, named.optional_text("prefix")?);
    let tag = named.optional_text("tag")?;
    let page = artifacts.list(after.unwrap_or(""), prefix.unwrap_or(""), tag, limit as usize).await;
    answer(page.map(|page| {
        let next = page.next.map_or(Value::Nil, Value::Str);
        Value::List(vec![Value::List(page.artifacts.iter().map(shown).collect()), next])
    }))
}

/// The report of the cell names what it made.
fn note(artifacts: &Artifacts, session: &str, saved: &Result<ArtifactRow, ArtifactError>) {
    if let Ok(row) = saved {
        artifacts.note_made(session, row);
    }
}

fn about(named: &Named) -> Result<About, CallError> {
    let metadata = match named.get("metadata") {
        None | Some(Value::Nil) => None,
        Some(value) => Some(
            to_json(value.clone())
                .map_err(|what| error("invalid_arguments", format!("`metadata` holds {what}")))?,
        ),
    };
    let ttl = match named.get("ttl") {
        None | Some(Value::Nil) => None,
        Some(Value::Int(seconds)) => Some(*seconds as f64),
        Some(Value::Float(seconds)) => Some(*seconds),
        Some(_) => return Err(error("invalid_arguments", "`ttl` must be a number of seconds")),
    };
    Ok(About {
        name: named.text("name")?.to_owned(),
        form: named.text("form")?.to_owned(),
        media_type: named.text("media_type")?.to_owned(),
        description: named.optional_text("description")?.unwrap_or("").to_owned(),
        metadata,
        ttl,
        author: AUTHOR.to_owned(),
    })
}

fn piece(named: &Named) -> Result<Vec<u8>, CallError> {
    match named.get("data") {
        Some(Value::Bytes(bytes)) if bytes.len() <= PIECE => Ok(bytes.clone()),
        _ => Err(error("invalid_arguments", format!("`data` must be bytes, at most {PIECE}"))),
    }
}

fn number(named: &Named, wanted: &str) -> Result<u64, CallError> {
    let number = named.optional_whole(wanted)?.and_then(|number| u64::try_from(number).ok());
    number.ok_or_else(|| error("invalid_arguments", format!("`{wanted}` must be a whole number")))
}

/// A version as code sees it.
fn shown(row: &ArtifactRow) -> Value {
    from_json(artifacts::shown(row))
}

/// An answer as the Python side reads it: a word for what it is, and the content.
fn answer(result: Result<Value, ArtifactError>) -> Answer {
    let (word, content) = match result {
        Ok(value) => ("ok", value),
        Err(failure) => {
            if let ArtifactError::Disk { cause, .. } = &failure {
                tracing::error!(%cause, "artifacts: {failure}");
            }
            ("error", from_json(json!({"kind": failure.word(), "message": failure.to_string()})))
        }
    };
    encoded(&Value::List(vec![Value::Str(word.to_owned()), content]))
}
