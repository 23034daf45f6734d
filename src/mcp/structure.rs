//! A run as data for programs: the same facts as the text, under fixed keys.
//!
//! Every text obeys the budget of its own; `truncated` says which were cut and where all of them can be read.

use std::io;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{artifacts, uri};
use crate::outputs::{Excerpt, Part};
use crate::session::report::{
    CellError, CellValue, Checkpoint, Display, RunReport, SessionState, Status, UndefinedCall,
};
use crate::tools::Count;

/// The status as the protocol names it.
pub(super) fn status(status: Status) -> &'static str {
    match status {
        Status::Ok => "ok",
        Status::Raised => "raised",
        Status::Timeout => "timeout",
        Status::Cancelled => "cancelled",
        Status::Lost => "lost",
    }
}

/// The structure of a run whose texts show up to `budget` characters each.
pub(super) fn of_run(report: &RunReport, budget: u64) -> io::Result<Map<String, Value>> {
    let mut texts = Texts { report, budget, cut: Vec::new() };
    let mut run = Map::new();
    let mut put = |key: &str, value: Value| drop(run.insert(key.to_owned(), value));
    put("status", status(report.status).into());
    put("ok", (report.status == Status::Ok).into());
    put("session", report.session.as_str().into());
    put("cell", report.cell.into());
    if let Some(value) = &report.value {
        put("result", texts.whole(Part::Result, &value.repr));
        put("result_type", value.type_name.as_str().into());
        if let Some(json) = texts.json(value) {
            put("result_json", json);
        }
    }
    put("stdout", texts.recorded(Part::Stdout)?);
    put("stderr", texts.recorded(Part::Stderr)?);
    put("output", texts.recorded(Part::Output)?);
    if let Some(error) = &report.error {
        put("error", texts.error(error));
    }
    put("state", state(report.state).into());
    put("checkpoint", checkpoint(&report.checkpoint));
    put("notes", json!(report.notes));
    put("duration_ms", json!(milliseconds(report.duration)));
    put("truncated", Value::Array(texts.cut));
    put("output_id", report.output_id.as_str().into());
    let displays = report.displays.iter().enumerate();
    put("displays", displays.map(|(n, display)| self::display(report, n, display)).collect());
    let late = report.late.iter();
    put(
        "late",
        late.map(|late| json!({"cell": late.cell, "text": late.text, "output_id": late.output_id.as_str()}))
            .collect(),
    );
    if !report.tools.is_empty() {
        put("tool_calls", report.tools.iter().map(tool_calls).collect());
    }
    if !report.artifacts.is_empty() {
        put("artifacts", report.artifacts.iter().map(artifacts::about_of).collect());
    }
    if let Some(plan) = &report.plan {
        put("plan", plan.iter().map(call).collect());
    }
    Ok(run)
}

/// The state as the protocol names it.
fn state(state: SessionState) -> &'static str {
    match state {
        SessionState::Kept => "kept",
        SessionState::RolledBack => "rolled_back",
        SessionState::Reset => "reset",
    }
}

fn tool_calls((tool, count): (&String, &Count)) -> Value {
    json!({
        "tool": tool,
        "calls": count.calls,
        "failed": count.failed,
        "ms": milliseconds(count.time),
        "sent": count.sent,
        "received": count.received,
    })
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

fn checkpoint(checkpoint: &Checkpoint) -> Value {
    match checkpoint {
        Checkpoint::Kept { micros } => json!({"kept": true, "micros": micros}),
        Checkpoint::Skipped { why } => json!({"kept": false, "why": why}),
    }
}

struct Texts<'a> {
    report: &'a RunReport,
    budget: u64,
    cut: Vec<Value>,
}

impl Texts<'_> {
    fn recorded(&mut self, part: Part) -> io::Result<Value> {
        let excerpt = self.report.output.excerpt(part, self.budget)?;
        Ok(self.join(part, excerpt))
    }

    fn whole(&mut self, part: Part, text: &str) -> Value {
        self.join(part, Excerpt::of(text, self.budget))
    }

    fn join(&mut self, part: Part, excerpt: Excerpt) -> Value {
        let Some((from, to)) = excerpt.cut else { return excerpt.head.into() };
        self.note(part.name(), part, excerpt.total, excerpt.shown());
        format!("{}\n[… {} characters cut …]\n{}", excerpt.head, to - from, excerpt.tail).into()
    }

    fn note(&mut self, stream: &str, part: Part, total: u64, shown: u64) {
        let place = uri::of_part(&self.report.output_id, part);
        self.cut.push(json!({"stream": stream, "total": total, "shown": shown, "where": place}));
    }

    fn json(&mut self, value: &CellValue) -> Option<Value> {
        let text = value.json.as_ref()?;
        if text.len() as u64 > self.budget {
            self.note("result_json", Part::Result, text.len() as u64, 0);
            return None;
        }
        match serde_json::from_str(text) {
            Ok(json) => Some(json),
            Err(error) => {
                tracing::warn!(%error, "a value's JSON form is not JSON; it is left out");
                None
            }
        }
    }

    fn error(&mut self, error: &CellError) -> Value {
        let mut map = Map::new();
        map.insert("type".to_owned(), error.type_name.as_str().into());
        map.insert("message".to_owned(), shorten(&error.message, self.budget));
        if let Some(line) = error.line {
            map.insert("line".to_owned(), line.into());
        }
        if let Some(source) = &error.source {
            map.insert("source".to_owned(), shorten(source, self.budget));
        }
        map.insert("traceback".to_owned(), self.whole(Part::Error, &error.traceback));
        map.insert("hints".to_owned(), json!(error.hints));
        if let Some(code) = error.exit_code {
            map.insert("exit_code".to_owned(), code.into());
        }
        Value::Object(map)
    }
}

/// A text whose whole is in the traceback.
fn shorten(text: &str, budget: u64) -> Value {
    let excerpt = Excerpt::of(text, budget);
    match excerpt.cut {
        None => excerpt.head.into(),
        Some(_) => format!("{}…{}", excerpt.head, excerpt.tail).into(),
    }
}

fn display(report: &RunReport, n: usize, display: &Display) -> Value {
    let media_types: Vec<_> = display.forms.iter().map(|(media_type, _)| media_type.as_str()).collect();
    json!({"media_types": media_types, "uri": uri::of_display(&report.output_id, n, None)})
}

fn call(call: &UndefinedCall) -> Value {
    json!({"name": call.name, "line": call.line, "arguments": call.arguments, "types": call.types})
}
