//! `deps.*`: packages that code adds, removes and asks about. What changed is said; the session switches by itself.

use actwright_protocol::{CallError, Value};
use serde_json::json;

use super::data::from_json;
use super::{Answer, Answering, Named, encoded, error};
use crate::packages::{Asker, PackageError, Packages, shown};

/// Begins one request.
pub fn begin(packages: &Packages, request: &str, named: Named) -> Answering {
    let packages = packages.clone();
    match request {
        "add" => Answering::Later(Box::pin(async move {
            let change = packages.add(&texts(&named, "packages")?, Asker::Agent).await;
            answer(change.map(|change| shown::change(&change)))
        })),
        "remove" => Answering::Later(Box::pin(async move {
            let change = packages.remove(&texts(&named, "packages")?, Asker::Agent).await;
            answer(change.map(|change| shown::change(&change)))
        })),
        "sync" => Answering::Later(Box::pin(async move {
            answer(packages.sync().await.map(|change| shown::change(&change)))
        })),
        "list" => Answering::Later(Box::pin(async move {
            let listed = packages.list().await;
            answer(listed.map(|listed| listed.iter().map(shown::listed).collect()))
        })),
        "why" => Answering::Later(Box::pin(async move {
            answer(packages.why(named.text("name")?).await.map(|why| shown::why(&why)))
        })),
        "need" => Answering::Later(Box::pin(async move { need(&packages, &named).await })),
        _ => Answering::Now(Err(error("unknown_call", format!("the host has no `deps.{request}`")))),
    }
}

/// What a file says it needs; `have` is what the session can import already, `None` where it cannot.
async fn need(packages: &Packages, named: &Named) -> Answer {
    let have = pairs(named, "have");
    let surroundings = pairs(named, "surroundings");
    let python = named.optional_text("requires_python")?.unwrap_or_default();
    let needed = packages.need(&texts(named, "packages")?, &have, python, &surroundings).await;
    answer(needed.map(|change| shown::change(&change)))
}

/// Names and what they are; whatever is no text is left out.
fn pairs(named: &Named, wanted: &str) -> Vec<(String, String)> {
    let Some(Value::Map(pairs)) = named.get(wanted) else { return Vec::new() };
    let texts = pairs.iter().filter_map(|pair| match pair {
        (Value::Str(name), Value::Str(text)) => Some((name.clone(), text.clone())),
        _ => None,
    });
    texts.collect()
}

fn texts(named: &Named, wanted: &str) -> Result<Vec<String>, CallError> {
    let wrong = || error("invalid_arguments", "packages are named by texts, such as \"pandas>=2\"");
    let Some(Value::List(items)) = named.get(wanted) else { return Err(wrong()) };
    let text = |item: &Value| match item {
        Value::Str(text) => Ok(text.clone()),
        _ => Err(wrong()),
    };
    items.iter().map(text).collect()
}

/// An answer as the Python side reads it: a word for what it is, and the content.
fn answer(result: Result<serde_json::Value, PackageError>) -> Answer {
    let (word, content) = match result {
        Ok(value) => ("ok", value),
        Err(failure) => {
            if let PackageError::Disk { cause, .. } = &failure {
                tracing::error!(%cause, "packages: {failure}");
            }
            ("error", json!({"kind": failure.word(), "message": failure.to_string()}))
        }
    };
    encoded(&Value::List(vec![Value::Str(word.to_owned()), from_json(content)]))
}
