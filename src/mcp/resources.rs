//! Kept outputs as MCP resources: listed newest first, read whole or by range.
//!
//! A read is bounded: a longer text comes with the address of what follows in its `_meta`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rmcp::model::{
    ErrorData, ListResourceTemplatesResult, ListResourcesResult, MetaObject, ReadResourceResult, Resource,
    ResourceContents, ResourceTemplate,
};
use serde_json::json;

use super::uri::{self, Target};
use super::{artifacts, skill_resources};
use crate::outputs::{KeptSummary, Outputs, Part, ReadError};

/// Outputs in one page of the list.
const PAGE: usize = 50;

/// Characters in one answer.
const MAX_CHARS: u64 = 4_000_000;

/// One page of what is kept.
pub(super) fn list(outputs: &Outputs, cursor: Option<String>) -> Result<ListResourcesResult, ErrorData> {
    let start = match &cursor {
        None => 0,
        Some(text) => text.parse::<usize>().map_err(|_| {
            ErrorData::invalid_params(
                "the cursor is not one that this server gave; leave it out to begin",
                None,
            )
        })?,
    };
    let kept = outputs.list();
    let page = kept.iter().skip(start).take(PAGE);
    let mut result = ListResourcesResult::with_all_items(page.flat_map(resources).collect());
    if kept.len() > start + PAGE {
        result.next_cursor = Some((start + PAGE).to_string());
    }
    Ok(result)
}

/// The forms that addresses take.
pub(super) fn templates() -> ListResourceTemplatesResult {
    let range = ResourceTemplate::new("actwright://output/{id}{?offset,limit}", "output")
        .with_title("Output of a run")
        .with_description(
            "Everything a cell wrote, stdout and stderr in order; offset and limit in characters",
        )
        .with_mime_type("text/plain");
    let part = ResourceTemplate::new("actwright://output/{id}/{part}{?offset,limit}", "output-part")
        .with_title("One text of a run")
        .with_description("part is stdout, stderr, result or error")
        .with_mime_type("text/plain");
    let display = ResourceTemplate::new("actwright://output/{id}/display/{n}{?type}", "display")
        .with_title("An image or table that a run showed")
        .with_description("n counts from 0; type picks one of its media types");
    let mut all = vec![range, part, display];
    all.extend([skill_resources::template(), artifacts::template()]);
    ListResourceTemplatesResult::with_all_items(all)
}

/// Reads one address.
pub(super) fn read(outputs: &Outputs, address: &str) -> Result<ReadResourceResult, ErrorData> {
    let Some((id, target)) = uri::parse(address) else {
        let short: String = address.chars().take(100).collect();
        let message = format!(
            "no resource `{short}`; addresses look like actwright://output/o_…?offset=0&limit=8000, skill://name?version=1 or artifact://name?version=1&offset=0&limit=1000"
        );
        return Err(ErrorData::resource_not_found(message, Some(json!({"uri": short}))));
    };
    let not_found = |error: ReadError| {
        if let ReadError::Io(cause) = &error {
            tracing::error!(%cause, "a kept output could not be read");
            return ErrorData::internal_error(error.to_string(), None);
        }
        ErrorData::resource_not_found(error.to_string(), Some(json!({"uri": address})))
    };
    let contents = match target {
        Target::Text { part, offset, limit } => {
            let limit = limit.unwrap_or(MAX_CHARS).min(MAX_CHARS);
            let page = outputs.read(&id, part, offset, limit).map_err(not_found)?;
            let mut meta = json!({"actwright/total": page.total, "actwright/offset": page.offset});
            if let Some(next) = page.next {
                meta["actwright/next"] = format!("{}?offset={next}", uri::of_part(&id, page.part)).into();
            }
            let meta = meta.as_object().cloned().unwrap_or_default();
            ResourceContents::text(page.text, address).with_meta(MetaObject(meta))
        }
        Target::Display { n, media_type } => {
            let form = outputs.form(&id, n, media_type.as_deref()).map_err(not_found)?;
            contents(form.data, address).with_mime_type(form.media_type)
        }
    };
    Ok(ReadResourceResult::new(vec![contents]))
}

/// Text where the bytes are text, else base64.
fn contents(data: Vec<u8>, address: &str) -> ResourceContents {
    match String::from_utf8(data) {
        Ok(text) => ResourceContents::text(text, address),
        Err(error) => ResourceContents::blob(STANDARD.encode(error.as_bytes()), address),
    }
}

fn resources(kept: &KeptSummary) -> Vec<Resource> {
    let cell = format!("cell {} of {}", kept.cell, kept.session);
    let text = Resource::new(uri::of_part(&kept.id, Part::Output), kept.id.as_str())
        .with_title(format!("Output of {cell}"))
        .with_description(format!("{} characters", kept.chars))
        .with_mime_type("text/plain")
        .with_size(kept.bytes);
    let displays = kept.displays.iter().enumerate().filter_map(|(n, media_types)| {
        let media_type = media_types.first()?;
        let name = format!("{}-display-{n}", kept.id);
        let title = format!("Display {n} of {cell}");
        let uri = uri::of_display(&kept.id, n, None);
        Some(Resource::new(uri, name).with_title(title).with_mime_type(media_type.as_str()))
    });
    (kept.chars > 0).then_some(text).into_iter().chain(displays).collect()
}
