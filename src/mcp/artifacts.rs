//! `save_artifact`, `load_artifact`, `list_artifacts`, `delete_artifact`, and artifacts as resources: `artifact://…`.
//!
//! Text and JSON are shown, images as images, the rest is named with its address; what is longer than a reply may be is cut
//! there and whole in its resource.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rmcp::model::{
    CallToolResult, ContentBlock, ErrorData, ListResourcesResult, MetaObject, ReadResourceResult, Resource,
    ResourceContents, ResourceTemplate,
};
use serde_json::{Value, json};

use super::arguments::{ArgumentError, Arguments};
use super::server::Server;
use super::tools::{MAX_TOOLS, ToolName};
use super::{images, render};
use crate::artifacts::{About, ArtifactError, ArtifactRow, Artifacts};
use crate::outputs::Excerpt;

/// Who is noted as the author of what clients save.
const AUTHOR: &str = "client";

/// The key of a result's data.
const META: &str = "actwright/artifacts";

/// Where addresses begin.
const BASE: &str = "artifact://";

/// What a cursor of the list of resources begins with when artifacts come next.
const CURSOR: &str = "artifact:";

/// Artifacts in one page of the list of resources.
const PAGE: usize = 50;

/// The most bytes of one answer.
const MAX_BYTES: usize = 4_000_000;

/// A call whose arguments are read.
#[derive(Debug)]
pub(super) enum Request {
    /// `save_artifact`.
    Save(Box<About>, Vec<u8>),
    /// `load_artifact`.
    Load(String, Option<i64>),
    /// `list_artifacts`, a page.
    List {
        /// Of names that begin so.
        prefix: String,
        /// The name after which the page begins.
        after: String,
        /// How many to show.
        limit: usize,
    },
    /// `delete_artifact`.
    Delete(String),
}

/// What an address points at.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Address {
    name: String,
    version: Option<i64>,
    offset: u64,
    limit: Option<usize>,
}

impl Request {
    /// Reads the arguments of one of the tools.
    pub(super) fn read(tool: ToolName, arguments: &Arguments<'_>) -> Result<Self, ArgumentError> {
        let name = || arguments.text("name").map(str::to_owned);
        Ok(match tool {
            ToolName::SaveArtifact => {
                let (form, plain, bytes) = content(arguments)?;
                let media_type = arguments.optional_text("media_type")?.unwrap_or(plain);
                let about = About {
                    name: name()?,
                    form: form.to_owned(),
                    media_type: media_type.to_owned(),
                    description: arguments.optional_text("description")?.unwrap_or("").to_owned(),
                    metadata: Some(Value::Object(arguments.object("metadata")?)),
                    ttl: arguments.number("ttl")?,
                    author: AUTHOR.to_owned(),
                };
                Self::Save(Box::new(about), bytes)
            }
            ToolName::LoadArtifact => Self::Load(name()?, arguments.version()?),
            ToolName::ListArtifacts => Self::List {
                prefix: arguments.optional_text("prefix")?.unwrap_or("").to_owned(),
                after: arguments.optional_text("cursor")?.unwrap_or("").to_owned(),
                limit: arguments.whole("limit", 1, MAX_TOOLS)?.unwrap_or(100) as usize,
            },
            _ => Self::Delete(name()?),
        })
    }
}

/// The form, media type and bytes of what a client gives.
fn content(arguments: &Arguments<'_>) -> Result<(&'static str, &'static str, Vec<u8>), ArgumentError> {
    match (arguments.any("data"), arguments.optional_text("base64")?) {
        (Some(Value::String(text)), None) => {
            Ok(("text", "text/plain; charset=utf-8", text.clone().into_bytes()))
        }
        (Some(data), None) => Ok(("json", "application/json", data.to_string().into_bytes())),
        (None | Some(Value::Null), Some(text)) => {
            let bytes = STANDARD.decode(text).map_err(|_| arguments.mistaken("base64"))?;
            Ok(("bytes", "application/octet-stream", bytes))
        }
        (Some(_), Some(_)) => Err(ArgumentError::Both("data", "base64")),
        (None, None) => Err(arguments.missing("data")),
    }
}

/// Does what the call asks.
pub(super) async fn perform(server: &Server, request: Request) -> CallToolResult {
    let artifacts = server.sessions.artifacts();
    let done = match request {
        Request::Save(about, bytes) => artifacts.save(*about, bytes).await.map(|row| {
            render::with_data(META, format!("saved version {}: {}", row.version, line(&row)), about_of(&row))
        }),
        Request::Load(name, version) => {
            load(artifacts, &name, version, server.config.results.max_output as u64).await
        }
        Request::List { prefix, after, limit } => list(artifacts, &prefix, &after, limit).await,
        Request::Delete(name) => artifacts.delete(&name, AUTHOR).await.map(|version| {
            render::plain(format!("artifact '{name}' is deleted (version {version}); its history stays"))
        }),
    };
    done.unwrap_or_else(|error| render::refusal(&error))
}

async fn load(
    artifacts: &Artifacts,
    name: &str,
    version: Option<i64>,
    budget: u64,
) -> Result<CallToolResult, ArtifactError> {
    let content = artifacts.read(name, version, 0, MAX_BYTES).await?;
    let row = content.row;
    let is_whole = content.bytes.len() as i64 == row.size;
    let mut blocks = vec![ContentBlock::text(line(&row))];
    if let Some(format) = images::format_of(&row.media_type).filter(|_| is_whole) {
        let bytes = content.bytes;
        let shown = tokio::task::spawn_blocking(move || images::fit(&bytes, format)).await;
        match shown {
            Ok(Ok(image)) => blocks.push(ContentBlock::image(image.data, image.media_type)),
            _ => blocks.push(link(&row)),
        }
    } else {
        match text_of(content.bytes) {
            Ok(text) => {
                let excerpt = Excerpt::of(&text, budget);
                let mut shown = excerpt.head;
                if let Some((from, to)) = excerpt.cut {
                    // Writing to a string cannot fail.
                    let _ = write!(
                        shown,
                        "\n[… {} characters cut; artifacts.load in run_code has all …]\n{}",
                        to - from,
                        excerpt.tail
                    );
                }
                blocks.push(ContentBlock::text(shown));
                if !is_whole {
                    blocks.push(link(&row));
                }
            }
            Err(_) => blocks.push(link(&row)),
        }
    }
    let mut result = CallToolResult::success(blocks);
    result.meta = Some(render::meta(META, about_of(&row)));
    Ok(result)
}

async fn list(
    artifacts: &Artifacts,
    prefix: &str,
    after: &str,
    limit: usize,
) -> Result<CallToolResult, ArtifactError> {
    let page = artifacts.list(after, prefix, None, limit).await?;
    let mut lines: Vec<String> = page.artifacts.iter().map(line).collect();
    if let Some(next) = &page.next {
        lines.push(format!("[{} artifacts shown; next: cursor={}]", page.artifacts.len(), json!(next)));
    }
    if lines.is_empty() {
        lines.push("no artifacts here; artifacts.save(name, value) in run_code keeps one".to_owned());
    }
    let all: Vec<Value> = page.artifacts.iter().map(about_of).collect();
    Ok(render::with_data(META, lines.join("\n"), json!({"artifacts": all, "next": page.next})))
}

/// One artifact in a line.
pub(super) fn line(row: &ArtifactRow) -> String {
    let what = row.description.lines().next().unwrap_or("");
    let what = if what.is_empty() { String::new() } else { format!("  {what}") };
    format!("{} [version {}, {}, {} bytes]{what}", row.name, row.version, row.media_type, row.size)
}

/// One artifact for programs.
pub(super) fn about_of(row: &ArtifactRow) -> Value {
    let metadata: Value = serde_json::from_str(&row.metadata).unwrap_or(Value::Null);
    json!({
        "name": row.name, "version": row.version, "uri": uri(row), "media_type": row.media_type, "size": row.size,
        "sha256": row.hash, "description": row.description, "metadata": metadata,
    })
}

/// An artifact as a part of a result.
pub(super) fn link(row: &ArtifactRow) -> ContentBlock {
    ContentBlock::resource_link(resource(row))
}

fn resource(row: &ArtifactRow) -> Resource {
    Resource::new(uri(row), row.name.as_str())
        .with_description(row.description.as_str())
        .with_mime_type(row.media_type.as_str())
        .with_size(u64::try_from(row.size).unwrap_or(0))
}

/// The form that addresses take.
pub(super) fn template() -> ResourceTemplate {
    ResourceTemplate::new("artifact://{+name}{?version,offset,limit}", "artifact")
        .with_title("An artifact")
        .with_description("What artifacts.save and save_artifact keep; offset and limit in bytes")
}

/// The name after which a page of artifacts begins, if a cursor is one of theirs.
pub(super) fn after(cursor: &str) -> Option<&str> {
    cursor.strip_prefix(CURSOR)
}

/// A page of artifacts as resources.
pub(super) async fn resources(artifacts: &Artifacts, after: &str) -> Result<ListResourcesResult, ErrorData> {
    let page = artifacts.list(after, "", None, PAGE).await.map_err(|error| {
        tracing::error!(%error, "artifacts could not be listed");
        ErrorData::internal_error(error.to_string(), None)
    })?;
    let mut result = ListResourcesResult::with_all_items(page.artifacts.iter().map(resource).collect());
    result.next_cursor = page.next.map(|next| format!("{CURSOR}{next}"));
    Ok(result)
}

/// Adds the first page; that there is no store hides nothing else.
pub(super) async fn add_first(artifacts: &Artifacts, to: &mut ListResourcesResult) {
    if let Ok(first) = resources(artifacts, "").await {
        to.resources.extend(first.resources);
        to.next_cursor = first.next_cursor;
    }
}

/// Reads an address; text where the artifact is one and the bytes are too, else base64.
pub(super) async fn read(
    artifacts: &Artifacts,
    uri: &str,
    address: Address,
) -> Result<ReadResourceResult, ErrorData> {
    let limit = address.limit.unwrap_or(MAX_BYTES).min(MAX_BYTES);
    let content = artifacts.read(&address.name, address.version, address.offset, limit).await;
    let content = content
        .map_err(|error| ErrorData::resource_not_found(error.to_string(), Some(json!({"uri": uri}))))?;
    let row = content.row;
    // What is no text stays base64 on each of its pages, also where a page happens to read like text.
    let text = if is_textual(&row) { text_of(content.bytes) } else { Err(content.bytes) };
    let (contents, read) = match text {
        Ok(text) => {
            let read = text.len();
            (ResourceContents::text(text, uri), read)
        }
        Err(bytes) => (ResourceContents::blob(STANDARD.encode(&bytes), uri), bytes.len()),
    };
    let end = address.offset + read as u64;
    let mut about = json!({"actwright/total": row.size, "actwright/offset": address.offset});
    if read > 0 && (end as i64) < row.size {
        about["actwright/next"] = format!("{}?version={}&offset={end}", self::uri(&row), row.version).into();
    }
    let about = MetaObject(about.as_object().cloned().unwrap_or_default());
    Ok(ReadResourceResult::new(vec![contents.with_mime_type(row.media_type).with_meta(about)]))
}

/// Whether an artifact's bytes are text to whoever knows its media type.
fn is_textual(row: &ArtifactRow) -> bool {
    let kind = row.media_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    let words = ["json", "xml", "yaml", "toml", "javascript", "csv", "sql"];
    kind.starts_with("text/")
        || kind.strip_prefix("application/").is_some_and(|kind| words.iter().any(|word| kind.ends_with(word)))
        || kind == "image/svg+xml"
}

/// Bytes as text, without the character that the end of a page has cut; or the bytes.
fn text_of(bytes: Vec<u8>) -> Result<String, Vec<u8>> {
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(error) if error.utf8_error().error_len().is_none() && error.utf8_error().valid_up_to() > 0 => {
            let whole = error.utf8_error().valid_up_to();
            let mut bytes = error.into_bytes();
            bytes.truncate(whole);
            String::from_utf8(bytes).map_err(|error| error.into_bytes())
        }
        Err(error) => Err(error.into_bytes()),
    }
}

/// The address of an artifact, at its newest version.
fn uri(row: &ArtifactRow) -> String {
    let mut uri = BASE.to_owned();
    for byte in row.name.bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => uri.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(byte)),
            byte => {
                // Writing to a string cannot fail.
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    uri
}

/// Reads an address; nothing if it is none of an artifact.
pub(super) fn parse(uri: &str) -> Option<Address> {
    let rest = uri.strip_prefix(BASE)?;
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut address = Address { name: decoded(path)?, version: None, offset: 0, limit: None };
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=')? {
            ("version", number) => address.version = Some(number.parse().ok()?),
            ("offset", number) => address.offset = number.parse().ok()?,
            ("limit", number) => address.limit = Some(number.parse().ok()?),
            _ => return None,
        }
    }
    Some(address)
}

fn decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_back() {
        let read = |uri: &str| parse(uri).map(|address| (address.name, address.version, address.offset));
        assert_eq!(read("artifact://a/b%20c%C3%A9?version=2&offset=7"), Some(("a/b cé".into(), Some(2), 7)));
        assert_eq!(read("artifact://x"), Some(("x".into(), None, 0)));
        for bad in [
            "actwright://output/x",
            "artifact://%zz",
            "artifact://%ff",
            "artifact://x?other=1",
            "artifact://x?offset=-1",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(text_of("aé".as_bytes()[..2].to_vec()), Ok("a".to_owned()));
        assert_eq!(text_of(vec![0xff, 0xfe]), Err(vec![0xff, 0xfe]));
    }
}
