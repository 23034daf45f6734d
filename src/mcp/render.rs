//! Reports made results: the only place that writes what a model reads.
//!
//! The text is for a model, so it is compact and says first what is missing. Sections appear only when they
//! have content; programs read the structure in `_meta` instead of parsing this.

use std::fmt::Write as _;
use std::io;

use rmcp::model::{CallToolResult, ContentBlock, MetaObject, Resource};
use serde_json::Value;

use super::artifacts;
use super::budget::{Budget, Wanted};
use super::images::{self, Fidelity};
use super::sections::{Cut, Sections, streams};
use super::{structure, uri};
use crate::outputs::{Excerpt, Part};
use crate::session::report::{CellError, Display, RunReport, SessionState, Status, UndefinedCall};

/// Where the structure of a run stands in a result's `_meta`.
pub(super) const RUN_META: &str = "actwright/run";

/// Characters of a display's text (markdown, a table) that are shown.
const DISPLAY_TEXT: u64 = 4_000;

/// Images in one result; more are only named.
const MAX_IMAGES: usize = 10;

/// Whether results carry `structuredContent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Structured {
    /// As well as `_meta`.
    Yes,
    /// Only `_meta`, because several clients hide text and images beside structured content.
    No,
}

/// The result of a run that shows up to `budget` characters.
pub(super) fn run(report: &RunReport, budget: u64, structured: Structured) -> io::Result<CallToolResult> {
    let shown = displays(report);
    let mut content = vec![ContentBlock::text(text(report, budget, &shown)?)];
    content.extend(shown.blocks);
    content.extend(report.artifacts.iter().map(artifacts::link));
    let run = structure::of_run(report, budget)?;
    let mut result = match report.status {
        Status::Ok => CallToolResult::success(content),
        Status::Raised | Status::Timeout | Status::Cancelled | Status::Lost => CallToolResult::error(content),
    };
    if structured == Structured::Yes {
        result.structured_content = Some(Value::Object(run.clone()));
    }
    result.meta = Some(meta(RUN_META, Value::Object(run)));
    Ok(result)
}

/// A result of another tool.
pub(super) fn plain(text: String) -> CallToolResult {
    CallToolResult::success(vec![ContentBlock::text(text)])
}

/// The same with data for programs under this key.
pub(super) fn with_data(key: &str, text: String, data: Value) -> CallToolResult {
    let mut result = plain(text);
    result.meta = Some(meta(key, data));
    result
}

/// Data for programs under this key.
pub(super) fn meta(key: &str, data: Value) -> MetaObject {
    let mut meta = MetaObject::new();
    meta.0.insert(key.to_owned(), data);
    meta
}

/// A refusal, in words for the model.
pub(super) fn refusal(error: &dyn std::fmt::Display) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(format!("[error] {error}"))])
}

fn text(report: &RunReport, budget: u64, shown: &Shown) -> io::Result<String> {
    let traceback = report.error.as_ref().map(traceback).unwrap_or_default();
    let hints = report.error.as_ref().map(hints).unwrap_or_default();
    let value = report.value.as_ref();
    let late: u64 = report.late.iter().map(|late| late.text.chars().count() as u64).sum();
    let granted = Budget::of(budget).share(Wanted {
        error: (traceback.chars().count() + hints.chars().count()) as u64,
        result: value.map_or(0, |value| value.repr.chars().count() as u64),
        output: report.output.chars(Part::Output) + shown.text.chars().count() as u64,
        late,
    });
    let mut sections = Sections::default();
    // A line before everything else, where clients that cut the rest still show it.
    sections.line(&headline(report));
    let displayed = Excerpt::of(&shown.text, granted.output);
    streams(&mut sections, report, granted.output.saturating_sub(displayed.shown()))?;
    if let Some(value) = value {
        let excerpt = Excerpt::of(&value.repr, granted.result);
        sections.excerpt(&format!("[result: {}]", value.type_name), &excerpt, Cut::of(report, Part::Result));
    }
    sections.text("", &displayed);
    if let Some(plan) = &report.plan {
        sections.line(&self::plan(plan));
    }
    if !traceback.is_empty() {
        let room = granted.error.saturating_sub(hints.chars().count() as u64).max(granted.error / 2);
        sections.excerpt("[error]", &Excerpt::of(&traceback, room), Cut::of(report, Part::Error));
    }
    sections.line(&hints);
    sections.line(&notes(report));
    let kept = report.artifacts.iter().map(|row| format!("[saved artifact {}]", artifacts::line(row)));
    sections.line(&kept.collect::<Vec<_>>().join("\n"));
    let mut room = granted.late;
    for late in &report.late {
        let excerpt = Excerpt::of(&late.text, room);
        room -= excerpt.shown().min(room);
        let header = format!("[late output of cell {}]", late.cell);
        sections.excerpt(&header, &excerpt, Cut { id: late.output_id.clone(), part: Part::Output });
    }
    if sections.is_empty() && shown.blocks.is_empty() {
        sections.line("(no output)");
    }
    if !report.is_default_session {
        sections.line(&format!("[session: {} cell {}]", report.session, report.cell));
    }
    Ok(sections.finish())
}

/// What happened to a cell that did not end by itself, and to the variables.
fn headline(report: &RunReport) -> String {
    let word = match report.status {
        Status::Ok | Status::Raised => return String::new(),
        Status::Timeout | Status::Cancelled | Status::Lost => structure::status(report.status),
    };
    let message = report.error.as_ref().map_or("the cell was stopped", |error| error.message.as_str());
    let message = Excerpt::of(message, 1_000);
    let state = match report.state {
        SessionState::Kept => "the session's variables are kept",
        SessionState::RolledBack => "the session was rolled back: its variables are as before this cell",
        SessionState::Reset => "the session was reset: its variables are gone, the next run starts empty",
    };
    format!("[{word}] {}; {state}", message.head.trim_end().trim_end_matches('.'))
}

/// For a stopped cell the message stands in the headline already, so only a real traceback is an error section.
fn traceback(error: &CellError) -> String {
    let stopped = matches!(error.type_name.as_str(), "Timeout" | "Cancelled" | "WorkerLost");
    match error.traceback.trim_end() {
        "" if stopped => String::new(),
        "" if error.message.is_empty() => error.type_name.clone(),
        "" => format!("{}: {}", error.type_name, error.message),
        traceback => traceback.to_owned(),
    }
}

fn hints(error: &CellError) -> String {
    lines("[hint]", &error.hints)
}

fn notes(report: &RunReport) -> String {
    let mut text = lines("[note]", &report.notes);
    let stopped = matches!(report.status, Status::Timeout | Status::Cancelled | Status::Lost);
    if report.state == SessionState::Reset && !stopped && report.notes.is_empty() {
        text.push_str("[note] the session was reset: its variables are gone, the next run starts empty");
    }
    if !report.output.is_complete(Part::Output) {
        text.push_str("\n[note] the server's disk is full: the end of the output was not kept");
    }
    text
}

fn lines(prefix: &str, texts: &[String]) -> String {
    texts.iter().map(|text| format!("{prefix} {text}")).collect::<Vec<_>>().join("\n")
}

fn plan(calls: &[UndefinedCall]) -> String {
    if calls.is_empty() {
        return "[plan] not run; every function that it calls exists".to_owned();
    }
    let mut text = format!("[plan] not run; {} calls of functions that exist nowhere:", calls.len());
    for call in calls {
        let arguments = call.arguments.join(", ");
        // Writing to a string cannot fail.
        let _ = write!(text, "\nline {}: {}({arguments})", call.line, call.name);
        if call.types.iter().any(|known| known != "?") {
            let _ = write!(text, "  types: ({})", call.types.join(", "));
        }
    }
    text
}

/// What the displays of a run become.
#[derive(Debug, Default)]
struct Shown {
    text: String,
    blocks: Vec<ContentBlock>,
    images: usize,
}

fn displays(report: &RunReport) -> Shown {
    let mut shown = Shown::default();
    for (n, display) in report.displays.iter().enumerate() {
        shown.add(report, n, display);
    }
    shown
}

impl Shown {
    fn add(&mut self, report: &RunReport, n: usize, display: &Display) {
        let find = |wanted: &[&str]| display.forms.iter().find(|(name, _)| wanted.contains(&name.as_str()));
        if let Some((media_type, bytes)) = find(&["image/png", "image/jpeg"]) {
            self.image(report, n, media_type, bytes);
        } else if let Some((_, bytes)) = find(&["text/markdown", "text/latex", "text/plain"]) {
            let text = String::from_utf8_lossy(bytes);
            // The value's own plain form is the result already.
            if report.value.as_ref().is_none_or(|value| value.repr != text) {
                let excerpt = Excerpt::of(&text, DISPLAY_TEXT);
                self.line(&format!("[display {n}]\n{}", excerpt.head));
                if let Some((from, to)) = excerpt.cut {
                    let place = uri::of_display(&report.output_id, n, None);
                    let rest =
                        format!("[… {} characters cut, from {from}: {place} …]\n{}", to - from, excerpt.tail);
                    self.line(&rest);
                }
            }
        }
        for (media_type, bytes) in &display.forms {
            let known = matches!(media_type.as_str(), "text/plain" | "text/markdown" | "text/latex");
            if !known && images::format_of(media_type).is_none() {
                self.link(report, n, media_type, bytes.len());
            }
        }
    }

    fn image(&mut self, report: &RunReport, n: usize, media_type: &str, bytes: &[u8]) {
        let place = uri::of_display(&report.output_id, n, None);
        if self.images == MAX_IMAGES {
            self.line(&format!("[display {n}: {media_type}, not shown after {MAX_IMAGES} images: {place}]"));
            return;
        }
        let Some(format) = images::format_of(media_type) else { return };
        match images::fit(bytes, format) {
            Err(reason) => {
                self.line(&format!("[display {n}: {media_type} not shown: {reason}; its bytes: {place}]"))
            }
            Ok(image) => {
                let (width, height) = image.original;
                let scaled = match image.fidelity {
                    Fidelity::Original => String::new(),
                    Fidelity::Scaled(w, h) => format!(", shown at {w}x{h}; original: {place}"),
                };
                self.line(&format!("[display {n}: {media_type} {width}x{height}{scaled}]"));
                self.blocks.push(ContentBlock::image(image.data, image.media_type));
                self.images += 1;
            }
        }
    }

    fn link(&mut self, report: &RunReport, n: usize, media_type: &str, bytes: usize) {
        let place = uri::of_display(&report.output_id, n, Some(media_type));
        self.line(&format!("[display {n}: {media_type}, {bytes} bytes: {place}]"));
        let name = format!("display-{n}");
        let resource = Resource::new(place, name).with_mime_type(media_type).with_size(bytes as u64);
        self.blocks.push(ContentBlock::resource_link(resource));
    }

    fn line(&mut self, line: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(line);
    }
}

#[cfg(test)]
mod tests;
