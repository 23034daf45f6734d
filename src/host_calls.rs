//! Calls of a session into the host: decoded, answered, never trusted.
//!
//! Every effect that code can have beyond its own workspace passes through here.

use actwright_protocol::{CallError, Value, decode, encode_datagram};

use crate::session::report::RunEvent;

/// The longest progress message that is passed on, in characters.
const MESSAGE: usize = 500;

/// What an answered call leaves to do.
#[derive(Debug)]
pub struct Answer {
    /// The encoded value to send back.
    pub value: Vec<u8>,
    /// Something for whoever watches the run.
    pub event: Option<RunEvent>,
}

/// Answers one call.
pub fn answer(name: &str, arguments: &[u8]) -> Result<Answer, CallError> {
    let decoded = decode(arguments).map_err(|_| error("invalid_arguments", "the arguments do not decode"))?;
    let Value::List(parts) = decoded else {
        return Err(error("invalid_arguments", "the arguments are not a list"));
    };
    match (name, parts.as_slice()) {
        ("progress", [Value::List(_), Value::Map(named)]) => progress(named),
        (_, [Value::List(_), Value::Map(_)]) => {
            Err(error("unknown_call", &format!("the host has no `{name}`")))
        }
        _ => Err(error("invalid_arguments", "a call carries a list and a dict")),
    }
}

/// The answer to a call beyond `limits.calls`.
pub fn too_many(limit: u64) -> CallError {
    error(
        "too_many_calls",
        &format!(
            "the cell has called the host more than {limit} times (limits.calls); call less often, or go on in \
             another cell"
        ),
    )
}

fn error(kind: &str, message: &str) -> CallError {
    CallError { kind: kind.to_owned(), message: message.to_owned() }
}

fn progress(named: &[(Value, Value)]) -> Result<Answer, CallError> {
    let find = |wanted: &str| {
        named
            .iter()
            .find(|(name, _)| matches!(name, Value::Str(name) if name == wanted))
            .map(|(_, value)| value)
    };
    let Some(done) = find("done").and_then(number) else {
        return Err(error("invalid_arguments", "progress: `done` must be a finite number"));
    };
    let total = find("total").and_then(number);
    let message = match find("message") {
        Some(Value::Str(text)) => text.chars().take(MESSAGE).collect(),
        _ => String::new(),
    };
    let value = encode_datagram(&Value::Nil).map_err(|_| error("internal", "the answer does not encode"))?;
    Ok(Answer { value, event: Some(RunEvent::Progress { done, total, message }) })
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) if number.is_finite() => Some(*number),
        _ => None,
    }
}
