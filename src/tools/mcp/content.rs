//! What an upstream gives back, as plain data: structured content first, text otherwise, media with its bytes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rmcp::model::{CallToolResult, ContentBlock, Resource, ResourceContents};
use serde::Serialize;
use serde_json::Value;

use crate::tools::failure::Failure;
use crate::tools::output::{Media, Output, Part};

const OCTETS: &str = "application/octet-stream";

/// The schema of what stands in the only field of a result that its server made an object of: the SDKs for Python give
/// everything that is none as `{"result": …}`, because structured content has to be an object, and say so in the schema.
pub fn unwrapped(schema: &Value) -> Option<Value> {
    let properties = schema.get("properties")?.as_object()?;
    let result = properties.get("result").filter(|_| properties.len() == 1)?;
    let title = schema.get("title").and_then(Value::as_str).unwrap_or_default();
    if schema.get("x-fastmcp-wrap-result") != Some(&Value::Bool(true)) && !title.ends_with("Output") {
        return None;
    }
    let mut result = result.clone();
    for key in ["$defs", "definitions"] {
        if let (Some(definitions), Some(fields)) = (schema.get(key), result.as_object_mut()) {
            fields.insert(key.to_owned(), definitions.clone());
        }
    }
    Some(result)
}

/// The value inside such a result; what is none stays as it is.
pub fn unwrap(result: &mut CallToolResult) {
    if result.is_error != Some(true)
        && let Some(Value::Object(fields)) = &mut result.structured_content
        && fields.len() == 1
        && let Some(value) = fields.get_mut("result")
    {
        result.structured_content = Some(value.take());
    }
}

/// The result of a call, or its failure with the server's own words.
pub fn of_call(result: CallToolResult) -> Result<Output, Failure> {
    if result.is_error == Some(true) {
        let words = result.content.iter().filter_map(text_of).collect::<Vec<_>>().join("\n");
        let words = if words.is_empty() { "the tool failed without a word".to_owned() } else { words };
        let mut failure = Failure::failed(words);
        if let Some(body) = result.structured_content {
            failure = failure.with("body", body);
        }
        return Err(failure);
    }
    if let Some(value) = result.structured_content {
        let rich = result
            .content
            .iter()
            .any(|block| matches!(block, ContentBlock::Image(_) | ContentBlock::Audio(_)));
        if !rich {
            return Ok(Output::Json(value));
        }
        let mut parts = vec![Part::Json(value)];
        parts.extend(result.content.into_iter().filter(|block| text_of(block).is_none()).map(part));
        return Ok(Output::Parts(parts));
    }
    if result.content.iter().all(|block| text_of(block).is_some()) {
        let texts: Vec<&str> = result.content.iter().filter_map(text_of).collect();
        return Ok(Output::Text(texts.join("\n")));
    }
    let mut parts: Vec<Part> = result.content.into_iter().map(part).collect();
    Ok(match (parts.len(), parts.pop()) {
        (1, Some(Part::Media(media))) => Output::Media(media),
        (1, Some(Part::Json(value))) => Output::Json(value),
        (_, Some(last)) => {
            parts.push(last);
            Output::Parts(parts)
        }
        (_, None) => Output::Text(String::new()),
    })
}

fn text_of(block: &ContentBlock) -> Option<&str> {
    match block {
        ContentBlock::Text(text) => Some(&text.text),
        _ => None,
    }
}

fn part(block: ContentBlock) -> Part {
    match block {
        ContentBlock::Text(text) => Part::Text(text.text),
        ContentBlock::Image(image) => Part::Media(media(&image.data, Some(image.mime_type), None)),
        ContentBlock::Audio(audio) => Part::Media(media(&audio.data, Some(audio.mime_type), None)),
        ContentBlock::Resource(resource) => match contents(resource.resource) {
            Ok(text) => Part::Text(text),
            Err(media) => Part::Media(media),
        },
        ContentBlock::ResourceLink(link) => Part::Json(of_resource(link)),
        other => Part::Json(plain(&other)),
    }
}

/// Bytes that came as base64; what is none is kept as it is.
fn media(data: &str, media_type: Option<String>, uri: Option<String>) -> Media {
    let bytes = STANDARD.decode(data).unwrap_or_else(|_| data.as_bytes().to_vec());
    Media { bytes, media_type: media_type.unwrap_or_else(|| OCTETS.to_owned()), uri }
}

fn contents(resource: ResourceContents) -> Result<String, Media> {
    match resource {
        ResourceContents::TextResourceContents { text, .. } => Ok(text),
        ResourceContents::BlobResourceContents { uri, mime_type, blob, .. } => {
            Err(media(&blob, mime_type, Some(uri)))
        }
        other => Ok(plain(&other).to_string()),
    }
}

/// A resource's contents: one text or one media object, or a list of them.
pub fn of_contents(all: Vec<ResourceContents>) -> Output {
    let mut parts: Vec<Part> = all
        .into_iter()
        .map(|resource| match contents(resource) {
            Ok(text) => Part::Text(text),
            Err(media) => Part::Media(media),
        })
        .collect();
    match (parts.len(), parts.pop()) {
        (1, Some(Part::Text(text))) => Output::Text(text),
        (1, Some(Part::Media(media))) => Output::Media(media),
        (_, last) => {
            parts.extend(last);
            Output::Parts(parts)
        }
    }
}

/// A resource as a list shows it.
pub fn of_resource(resource: Resource) -> Value {
    plain(&resource)
}

/// Something of the protocol as plain data.
pub fn plain(thing: &impl Serialize) -> Value {
    serde_json::to_value(thing).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests;
