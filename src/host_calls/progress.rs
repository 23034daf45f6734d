//! `progress`: how far a cell has come, passed on to whoever watches it.

use actwright_protocol::Value;
use tokio::sync::mpsc;

use super::{Answer, Named, encoded, error};
use crate::masks::Mask;
use crate::session::report::RunEvent;

/// The longest message that is passed on, in characters.
const MESSAGE: usize = 500;

/// Answers one report.
pub fn report(named: &Named, watcher: Option<mpsc::Sender<RunEvent>>, mask: &Mask) -> Answer {
    let Some(done) = named.get("done").and_then(number) else {
        return Err(error("invalid_arguments", "progress: `done` must be a finite number"));
    };
    let message = match named.get("message") {
        Some(Value::Str(text)) => text.as_str(),
        _ => "",
    };
    let masked = mask.text(message);
    let message = masked.as_deref().unwrap_or(message);
    tell(watcher.as_ref(), done, named.get("total").and_then(number), message);
    encoded(&Value::Nil)
}

/// Tells whoever watches, if somebody does.
pub fn tell(watcher: Option<&mpsc::Sender<RunEvent>>, done: f64, total: Option<f64>, message: &str) {
    if let Some(watcher) = watcher {
        let message = message.chars().take(MESSAGE).collect();
        // A full channel means that nobody reads fast enough.
        let _ = watcher.try_send(RunEvent::Progress { done, total, message });
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) if number.is_finite() => Some(*number),
        _ => None,
    }
}
