//! `list_tools`, `search_tools` and `call_tool`: the catalog for clients that want it without code.
//!
//! The text is for the model, compact; what a tool gave stands whole under `_meta["actwright/tool"]` where it is data.

use rmcp::model::{CallToolResult, ContentBlock, JsonObject, MetaObject};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::images;
use super::render;
use crate::outputs::Excerpt;
use crate::tools::{Caller, Failure, Given, Media, Origin, Output, Part, Patience, Tools, Watch, doc};

/// The key of a result's data.
const META: &str = "actwright/tool";

/// How much a search says of each tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// Only its name.
    Names,
    /// Its signature and first sentence.
    Signatures,
    /// All of its description, and its schemas.
    Full,
}

impl Detail {
    /// The level with this name.
    pub(super) fn parse(name: &str) -> Option<Self> {
        match name {
            "names" => Some(Self::Names),
            "signatures" => Some(Self::Signatures),
            "full" => Some(Self::Full),
            _ => None,
        }
    }
}

/// `list_tools`, a page of it: namespaces with their state, and their tools.
pub(super) async fn list(tools: &Tools, server: Option<&str>, skip: usize, show: usize) -> CallToolResult {
    let spaces = match server {
        None => tools.namespaces(Patience::Start).await,
        Some(name) => match tools.namespace(name).await {
            Ok(space) => vec![space],
            Err(failure) => return render::refusal(&failure),
        },
    };
    let total: usize = spaces.iter().map(|space| space.tools.len()).sum();
    let mut lines = Vec::new();
    let mut index = 0;
    for space in &spaces {
        let end = index + space.tools.len();
        let visible = index < skip + show && end > skip || space.tools.is_empty() && skip == 0;
        if visible {
            lines.push(space.heading());
        }
        for tool in space.tools.iter() {
            if (skip..skip + show).contains(&index) {
                lines.push(format!("  {}", tool.line()));
            }
            index += 1;
        }
    }
    if skip == 0 {
        let troubles = tools.broken().iter().filter(|_| server.is_none());
        lines.extend(troubles.map(|trouble| format!("broken: {}: {}", trouble.place, trouble.words)));
        let notes = tools.notes().iter().filter(|_| server.is_none());
        lines.extend(notes.map(|note| format!("note: {}: {}", note.place, note.words)));
    }
    if total > skip + show {
        lines.push(format!(
            "[{} of {total} tools; next: cursor=\"{}\"]",
            show.min(total - skip),
            skip + show
        ));
    }
    if lines.is_empty() && total > 0 {
        lines.push(format!("[there is nothing behind this cursor; {total} tools in all]"));
    } else if lines.is_empty() {
        lines.push("no tools are configured; put YAML files into tools/ or servers into mcp.json".to_owned());
    }
    render::plain(lines.join("\n"))
}

/// `search_tools`.
pub(super) async fn search(tools: &Tools, query: &str, limit: usize, detail: Detail) -> CallToolResult {
    let found = tools.search(query, limit).await;
    let read_as = Tools::read_as(query).map(|english| format!("[read as: \"{english}\"]"));
    if found.is_empty() {
        let known: Vec<&str> = tools.names().collect();
        let known = if known.is_empty() { "none are configured".to_owned() } else { known.join(", ") };
        let nothing = format!("no tool fits these words; the namespaces are: {known}");
        return render::plain([nothing].into_iter().chain(read_as).collect::<Vec<_>>().join("\n"));
    }
    let lines = found.iter().map(|hit| match detail {
        Detail::Names => format!("tools.{}", hit.tool.full_name()),
        Detail::Signatures => hit.tool.line(),
        Detail::Full => {
            let schema = json!({"input": hit.tool.raw.input, "output": tools.output_schema(&hit.tool)});
            format!("{}\n{}\n{schema}\n", hit.tool.signature(), doc(&hit.tool))
        }
    });
    render::plain(lines.chain(read_as).collect::<Vec<_>>().join("\n"))
}

/// `call_tool`; a client that does not wait for it any more ends the call.
pub(super) async fn call(
    tools: &Tools,
    name: &str,
    arguments: &JsonObject,
    budget: u64,
    watch: Watch,
    ended: &[&CancellationToken],
) -> CallToolResult {
    let given = arguments.iter().map(|(name, value)| (name.clone(), Given::Json(value.clone()))).collect();
    let origin = Origin::outside(Caller::Model);
    let call = tools.call(&origin, name, given, watch);
    let result = tokio::select! {
        result = call => result,
        () = cancelled(ended) => return render::refusal(&"the call was cancelled"),
    };
    match result {
        Ok(output) => shown(output, budget),
        Err(failure) => refused(&failure),
    }
}

async fn cancelled(tokens: &[&CancellationToken]) {
    match tokens {
        [one, other] => tokio::select! { () = one.cancelled() => (), () = other.cancelled() => () },
        [one] => one.cancelled().await,
        _ => std::future::pending().await,
    }
}

fn refused(failure: &Failure) -> CallToolResult {
    let mut result = render::refusal(failure);
    let mut facts = JsonObject::new();
    facts.insert("kind".to_owned(), failure.kind.word().into());
    facts.extend(failure.facts.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    result.meta = Some(meta(Value::Object(facts)));
    result
}

fn shown(output: Output, budget: u64) -> CallToolResult {
    let mut blocks = Vec::new();
    let mut data = None;
    match output {
        Output::Text(text) => blocks.push(ContentBlock::text(cut(&text, budget))),
        Output::Json(value) => {
            blocks.push(ContentBlock::text(cut(&value.to_string(), budget)));
            data = Some(value);
        }
        Output::Media(media) => blocks.push(block(media)),
        Output::Parts(parts) => blocks.extend(parts.into_iter().map(|part| match part {
            Part::Text(text) => ContentBlock::text(cut(&text, budget)),
            Part::Json(value) => ContentBlock::text(cut(&value.to_string(), budget)),
            Part::Media(media) => block(media),
        })),
    }
    let mut result = CallToolResult::success(blocks);
    result.meta = data.filter(|data| data.to_string().len() as u64 <= budget).map(meta);
    result
}

fn meta(value: Value) -> MetaObject {
    let mut meta = MetaObject(JsonObject::new());
    meta.0.insert(META.to_owned(), value);
    meta
}

fn cut(text: &str, budget: u64) -> String {
    let excerpt = Excerpt::of(text, budget);
    match excerpt.cut {
        None => excerpt.head,
        Some((from, to)) => format!(
            "[{} of {} characters; call it from run_code to work with all of them]\n{}\n[… {} characters cut …]\n{}",
            excerpt.shown(),
            excerpt.total,
            excerpt.head,
            to - from,
            excerpt.tail
        ),
    }
}

fn block(media: Media) -> ContentBlock {
    if let Some(format) = images::format_of(&media.media_type)
        && let Ok(image) = images::fit(&media.bytes, format)
    {
        return ContentBlock::image(image.data, image.media_type);
    }
    match String::from_utf8(media.bytes) {
        Ok(text) if media.media_type.starts_with("text/") => ContentBlock::text(text),
        other => {
            let size = other.map_or_else(|error| error.as_bytes().len(), |text| text.len());
            ContentBlock::text(format!(
                "[{}, {size} bytes; call it from run_code to work with them]",
                media.media_type
            ))
        }
    }
}
