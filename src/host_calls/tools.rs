//! `tools.*`: the catalog and its calls, as code in a session sees them.

use actwright_protocol::Value;
use serde_json::{Map, Value as Json, json};
use tokio::sync::mpsc;

use super::data::{from_json, to_json};
use super::progress::tell;
use super::{Answer, Answering, Named, encoded, error};
use crate::session::report::RunEvent;
use crate::tools::{
    Extra, Failure, FailureKind, Given, Media, NamespaceSummary, Origin, Output, Part, Patience, Presence,
    Tool, Tools, Watch, doc, type_of,
};

/// The most tools that are offered for a function that does not exist.
const ALIKE: usize = 3;

/// The most tools that one search gives.
const FOUND: i64 = 100;

/// Begins one request.
pub fn begin(
    tools: &Tools,
    request: &str,
    positional: Vec<Value>,
    named: Named,
    origin: &Origin,
    watcher: Option<mpsc::Sender<RunEvent>>,
) -> Answering {
    let (tools, origin) = (tools.clone(), origin.clone());
    match request {
        "names" => Answering::Now(encoded(&ok(json!(tools.names().collect::<Vec<_>>())))),
        "call" => {
            Answering::Later(Box::pin(async move { call(&tools, positional, named, &origin, watcher).await }))
        }
        "list" => Answering::Later(Box::pin(async move { list(&tools).await })),
        "namespace" => Answering::Later(Box::pin(async move { namespace(&tools, &named).await })),
        "alike" => Answering::Later(Box::pin(async move { alike(&tools, &named).await })),
        "describe" => Answering::Later(Box::pin(async move { describe(&tools, &named).await })),
        "search" => Answering::Later(Box::pin(async move { search(&tools, &named).await })),
        "schema" => Answering::Later(Box::pin(async move { schema(&tools, &named).await })),
        "extra" => Answering::Later(Box::pin(async move { extra(&tools, named, &origin).await })),
        _ => Answering::Now(Err(error("unknown_call", format!("the host has no `tools.{request}`")))),
    }
}

async fn call(
    tools: &Tools,
    positional: Vec<Value>,
    named: Named,
    origin: &Origin,
    watcher: Option<mpsc::Sender<RunEvent>>,
) -> Answer {
    let [Value::Str(name)] = positional.as_slice() else {
        return Err(error("invalid_arguments", "a tool's name must be given"));
    };
    let mut given = Vec::new();
    for (key, value) in named.0 {
        let Value::Str(key) = key else {
            return Err(error("invalid_arguments", "an argument's name must be a text"));
        };
        let value = match value {
            Value::Bytes(bytes) => Given::Bytes(bytes),
            value => match to_json(value) {
                Ok(value) => Given::Json(value),
                Err(what) => {
                    let words = format!("tools.{name}: argument `{key}` holds {what}");
                    return encoded(&failed(name, Failure::new(FailureKind::Arguments, words)));
                }
            },
        };
        given.push((key, value));
    }
    let watch = match watcher {
        Some(watcher) => Watch::new(move |done, total, message| tell(Some(&watcher), done, total, &message)),
        None => Watch::default(),
    };
    answer(name, tools.call(origin, name, given, watch).await)
}

async fn list(tools: &Tools) -> Answer {
    let mut spaces: Vec<Json> =
        tools.namespaces(Patience::Start).await.iter().map(|space| Json::Object(about(space))).collect();
    for trouble in tools.broken() {
        spaces.push(json!({"name": trouble.place, "state": "broken", "reason": trouble.words, "tools": []}));
    }
    encoded(&ok(Json::Array(spaces)))
}

async fn namespace(tools: &Tools, named: &Named) -> Answer {
    let name = named.text("name")?;
    match tools.namespace(name).await {
        Ok(space) => encoded(&ok(Json::Object(about(&space)))),
        Err(failure) => encoded(&failed(name, failure)),
    }
}

fn about(space: &NamespaceSummary) -> Map<String, Json> {
    let mut about = Map::new();
    about.insert("name".to_owned(), space.name.as_str().into());
    if space.name.as_str() != space.original {
        about.insert("original".to_owned(), space.original.as_str().into());
    }
    about.insert("kind".to_owned(), space.kind.word().into());
    about.insert("description".to_owned(), space.description.as_str().into());
    about.insert("state".to_owned(), space.state.word().into());
    if let Some(reason) = space.state.reason() {
        about.insert("reason".to_owned(), reason.into());
    }
    about.insert("callable".to_owned(), space.tools.iter().any(|tool| tool.name.is_none()).into());
    about.insert("tools".to_owned(), space.tools.iter().map(|tool| summary(tool)).collect());
    about
}

fn summary(tool: &Tool) -> Json {
    let name = tool.name.as_ref().map(|name| name.as_str()).unwrap_or_default();
    let mut summary = json!({"name": name, "signature": tool.signature(), "summary": tool.summary()});
    if tool.name.as_ref().is_some_and(|name| name.as_str() != tool.raw.name) {
        summary["original"] = tool.raw.name.as_str().into();
    }
    summary
}

async fn describe(tools: &Tools, named: &Named) -> Answer {
    let name = named.text("name")?;
    let tool = match tools.find(name).await {
        Ok(tool) => tool,
        Err(failure) => return encoded(&failed(name, failure)),
    };
    let parameters: Vec<Json> = tool
        .parameters
        .iter()
        .map(|parameter| {
            let default = match &parameter.presence {
                Presence::Default(value) => value.clone(),
                Presence::Required | Presence::Optional => Json::Null,
            };
            json!({
                "name": parameter.name.as_str(),
                "type": type_of(&parameter.schema, &tool.raw.input),
                "required": parameter.presence == Presence::Required,
                "default": default,
            })
        })
        .collect();
    let output = tools.output_schema(&tool);
    encoded(&ok(json!({
        "name": tool.full_name(),
        "signature": tool.signature(),
        "doc": doc(&tool),
        "parameters": parameters,
        "open": tool.is_open(),
        "returns": output.map(|schema| type_of(&schema, &schema)),
    })))
}

/// The signatures of tools with this very name, for whoever has called a function that exists nowhere.
async fn alike(tools: &Tools, named: &Named) -> Answer {
    let found = tools.named_like(named.text("name")?).await;
    encoded(&ok(found.iter().take(ALIKE).map(|tool| tool.signature()).collect()))
}

async fn search(tools: &Tools, named: &Named) -> Answer {
    let query = named.text("query")?;
    let limit = match named.get("limit") {
        Some(Value::Int(limit)) if (1..=FOUND).contains(limit) => *limit as usize,
        _ => return Err(error("invalid_arguments", format!("`limit` must be from 1 to {FOUND}"))),
    };
    let found = tools.search(query, limit).await;
    let found = found.into_iter().map(|hit| {
        json!({
            "name": hit.tool.full_name(),
            "signature": hit.tool.signature(),
            "summary": hit.tool.summary(),
            "score": (hit.score * 1000.0).round() / 1000.0,
        })
    });
    encoded(&ok(found.collect()))
}

async fn schema(tools: &Tools, named: &Named) -> Answer {
    let name = named.text("name")?;
    match tools.find(name).await {
        Ok(tool) => encoded(&ok(json!({
            "name": tool.full_name(),
            "original": tool.raw.name,
            "description": tool.raw.description,
            "input": tool.raw.input,
            "output": tools.output_schema(&tool),
        }))),
        Err(failure) => encoded(&failed(name, failure)),
    }
}

async fn extra(tools: &Tools, named: Named, origin: &Origin) -> Answer {
    let namespace = named.text("namespace")?.to_owned();
    let request = match named.text("request")? {
        "list_resources" => Extra::ListResources,
        "read_resource" => Extra::ReadResource { uri: named.text("uri")?.to_owned() },
        "list_prompts" => Extra::ListPrompts,
        "get_prompt" => {
            let arguments = named.get("arguments").cloned().unwrap_or(Value::Map(Vec::new()));
            match to_json(arguments) {
                Ok(Json::Object(arguments)) => {
                    Extra::GetPrompt { name: named.text("name")?.to_owned(), arguments }
                }
                _ => return Err(error("invalid_arguments", "`arguments` must be a dict of texts")),
            }
        }
        _ => return Err(error("invalid_arguments", "no such request")),
    };
    let result = tools.extra(origin, &namespace, request).await;
    answer(&namespace, result)
}

fn answer(name: &str, result: Result<Output, Failure>) -> Answer {
    match result {
        Ok(output) => encoded(&value(output)),
        Err(failure) => encoded(&failed(name, failure)),
    }
}

/// A result as the Python side reads it: a word for what it is, and the content.
fn value(output: Output) -> Value {
    match output {
        Output::Json(value) => ok(value),
        Output::Text(text) => ok(Json::String(text)),
        Output::Media(media) => self::media(media),
        Output::Parts(parts) => {
            let parts = parts.into_iter().map(|part| match part {
                Part::Text(text) => ok(Json::String(text)),
                Part::Json(value) => ok(value),
                Part::Media(media) => self::media(media),
            });
            pair("parts", Value::List(parts.collect()))
        }
    }
}

fn media(media: Media) -> Value {
    let uri = media.uri.map_or(Value::Nil, Value::Str);
    pair("media", Value::List(vec![Value::Bytes(media.bytes), Value::Str(media.media_type), uri]))
}

fn ok(value: Json) -> Value {
    pair("ok", from_json(value))
}

fn failed(name: &str, failure: Failure) -> Value {
    let mut facts = Map::new();
    facts.insert("kind".to_owned(), failure.kind.word().into());
    facts.insert("message".to_owned(), failure.message.into());
    facts.insert("tool".to_owned(), name.into());
    facts.extend(failure.facts.into_iter().map(|(name, value)| (name.to_owned(), value)));
    pair("error", from_json(Json::Object(facts)))
}

fn pair(word: &str, content: Value) -> Value {
    Value::List(vec![Value::Str(word.to_owned()), content])
}
