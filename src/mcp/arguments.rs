//! The arguments of a tool call, read once and strictly.
//!
//! A mistake is answered in words that let the caller repair it in one step: the argument, what was given,
//! what is allowed. `null` counts as left out, because models write it for optional arguments.

use std::time::Duration;

use rmcp::model::JsonObject;
use serde_json::Value;

use crate::names::{NameError, OutputId, SessionId};
use crate::nearest::nearest;
use crate::outputs::Part;
use crate::session::report::Target;

/// What a client passes as `session` to get another one.
pub(super) const NEW_SESSION: &str = "new";

/// The largest number of characters that one reply shows.
pub(super) const MAX_OUTPUT: u64 = 200_000;

/// Why arguments were refused. The text is for the model.
#[derive(Debug, thiserror::Error, PartialEq)]
pub(super) enum ArgumentError {
    /// No such argument.
    #[error("{tool} has no argument `{name}`{nearest} It takes: {allowed}")]
    Unknown { tool: &'static str, name: String, nearest: String, allowed: String },
    /// A required argument was left out.
    #[error("{tool} needs the argument `{name}` ({expected}). It takes: {allowed}")]
    Missing { tool: &'static str, name: &'static str, expected: &'static str, allowed: String },
    /// Another type, or a value out of range.
    #[error("argument `{name}` must be {expected}, not {given}")]
    Wrong { name: &'static str, expected: String, given: String },
    /// Not a handle.
    #[error("argument `{name}`: {error}")]
    Handle { name: &'static str, error: NameError },
    /// Given in two ways.
    #[error("give either `{0}` or `{1}`, not both")]
    Both(&'static str, &'static str),
    /// Not a part of an output.
    #[error("argument `id`: an output has no part `{given}`; the parts are {parts}, as in o_…/stderr")]
    Part { given: String, parts: String },
}

/// An argument as its tool declares it.
pub(super) struct Declared {
    /// Its name.
    pub(super) name: &'static str,
    /// What it must be, in words.
    pub(super) expected: &'static str,
}

/// The arguments of one call.
pub(super) struct Arguments<'a> {
    tool: &'static str,
    declared: &'static [Declared],
    given: &'a JsonObject,
}

/// What `read_output` reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// The output.
    pub(super) id: OutputId,
    /// Which of its texts, if one was named.
    pub(super) part: Option<Part>,
}

impl<'a> Arguments<'a> {
    /// Checks the names; values are checked as they are read.
    pub(super) fn new(
        tool: &'static str,
        declared: &'static [Declared],
        given: &'a JsonObject,
    ) -> Result<Self, ArgumentError> {
        let arguments = Self { tool, declared, given };
        match given.keys().find(|key| declared.iter().all(|known| known.name != key.as_str())) {
            None => Ok(arguments),
            Some(name) => Err(arguments.unknown(name)),
        }
    }

    /// A text that must be there.
    pub(super) fn text(&self, name: &'static str) -> Result<&'a str, ArgumentError> {
        match self.optional_text(name)? {
            Some(text) => Ok(text),
            None => Err(ArgumentError::Missing {
                tool: self.tool,
                name,
                expected: self.expected(name),
                allowed: self.allowed(),
            }),
        }
    }

    /// A text that may be left out.
    pub(super) fn optional_text(&self, name: &'static str) -> Result<Option<&'a str>, ArgumentError> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong(name, other)),
        }
    }

    /// The version of a skill.
    pub(super) fn version(&self) -> Result<Option<i64>, ArgumentError> {
        Ok(self.whole("version", 1, u64::from(u32::MAX))?.map(|version| version as i64))
    }

    /// The session to run in: a handle, or `new` for another one.
    pub(super) fn target(&self) -> Result<Target, ArgumentError> {
        if self.optional_text("session")? == Some(NEW_SESSION) {
            return Ok(Target::Fresh);
        }
        Ok(self.session()?.map_or(Target::Default, Target::Named))
    }

    /// A session's handle.
    pub(super) fn session(&self) -> Result<Option<SessionId>, ArgumentError> {
        let name = "session";
        let Some(text) = self.optional_text(name)? else { return Ok(None) };
        SessionId::parse(text).map(Some).map_err(|error| ArgumentError::Handle { name, error })
    }

    /// An output's id, with a part after a slash.
    pub(super) fn address(&self) -> Result<Address, ArgumentError> {
        let text = self.text("id")?;
        let text = text.strip_prefix("actwright://output/").unwrap_or(text);
        let (id, part) = text.split_once('/').map_or((text, None), |(id, part)| (id, Some(part)));
        let id = OutputId::parse(id).map_err(|error| ArgumentError::Handle { name: "id", error })?;
        let part = match part {
            None => None,
            Some(name) => Some(Part::parse(name).ok_or_else(|| ArgumentError::Part {
                given: name.chars().take(40).collect(),
                parts: Part::ALL.map(Part::name).join(", "),
            })?),
        };
        Ok(Address { id, part })
    }

    /// Yes or no.
    pub(super) fn choice(&self, name: &'static str) -> Result<Option<Choice>, ArgumentError> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Bool(true)) => Ok(Some(Choice::Yes)),
            Some(Value::Bool(false)) => Ok(Some(Choice::No)),
            Some(other) => Err(self.wrong(name, other)),
        }
    }

    /// An object; without one, an empty object.
    pub(super) fn object(&self, name: &'static str) -> Result<JsonObject, ArgumentError> {
        match self.value(name) {
            None => Ok(JsonObject::new()),
            Some(Value::Object(object)) => Ok(object.clone()),
            Some(other) => Err(self.wrong(name, other)),
        }
    }

    /// Any value, null too where it was given.
    pub(super) fn any(&self, name: &'static str) -> Option<&'a Value> {
        self.given.get(name)
    }

    /// A number.
    pub(super) fn number(&self, name: &'static str) -> Result<Option<f64>, ArgumentError> {
        let Some(value) = self.value(name) else { return Ok(None) };
        value.as_f64().map(Some).ok_or_else(|| self.wrong(name, value))
    }

    /// That one of two arguments has to be given.
    pub(super) fn missing(&self, name: &'static str) -> ArgumentError {
        let (tool, expected) = (self.tool, self.expected(name));
        ArgumentError::Missing { tool, name, expected, allowed: self.allowed() }
    }

    /// What an argument must be.
    pub(super) fn mistaken(&self, name: &'static str) -> ArgumentError {
        self.wrong(name, self.given.get(name).unwrap_or(&Value::Null))
    }

    /// A list; without one, an empty list.
    pub(super) fn list(&self, name: &'static str) -> Result<Vec<Value>, ArgumentError> {
        match self.value(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => Ok(items.clone()),
            Some(other) => Err(self.wrong(name, other)),
        }
    }

    /// A list of texts; without one, an empty list.
    pub(super) fn texts(&self, name: &'static str) -> Result<Vec<String>, ArgumentError> {
        let text = |item: Value| match item {
            Value::String(text) => Ok(text),
            other => Err(self.wrong(name, &other)),
        };
        self.list(name)?.into_iter().map(text).collect()
    }

    /// A text that `read` understands.
    pub(super) fn word<T>(
        &self,
        name: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, ArgumentError> {
        let Some(text) = self.optional_text(name)? else { return Ok(None) };
        read(text).map(Some).ok_or_else(|| self.wrong(name, &Value::from(text)))
    }

    /// A whole number in a range.
    pub(super) fn whole(
        &self,
        name: &'static str,
        least: u64,
        most: u64,
    ) -> Result<Option<u64>, ArgumentError> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let number = match value {
            // `8000.0` is the same number as `8000` in JSON.
            Value::Number(number) => number.as_u64().or_else(|| exact(number.as_f64()?)),
            _ => None,
        };
        match number {
            Some(number) if (least..=most).contains(&number) => Ok(Some(number)),
            _ => Err(ArgumentError::Wrong {
                name,
                expected: format!("a whole number from {least} to {most}"),
                given: describe(value),
            }),
        }
    }

    /// A time in seconds, above zero and not above `most`.
    pub(super) fn seconds(
        &self,
        name: &'static str,
        most: Duration,
    ) -> Result<Option<Duration>, ArgumentError> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let seconds = match value {
            Value::Number(number) => number.as_f64(),
            _ => None,
        };
        let duration = seconds.filter(|seconds| *seconds > 0.0 && *seconds <= most.as_secs_f64());
        match duration.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
            Some(duration) if !duration.is_zero() => Ok(Some(duration)),
            _ => Err(ArgumentError::Wrong {
                name,
                expected: format!("a number of seconds above 0 and up to {}", most.as_secs_f64()),
                given: describe(value),
            }),
        }
    }

    fn value(&self, name: &str) -> Option<&'a Value> {
        self.given.get(name).filter(|value| !value.is_null())
    }

    fn expected(&self, name: &str) -> &'static str {
        self.declared.iter().find(|known| known.name == name).map_or("", |known| known.expected)
    }

    fn wrong(&self, name: &'static str, given: &Value) -> ArgumentError {
        ArgumentError::Wrong { name, expected: self.expected(name).to_owned(), given: describe(given) }
    }

    fn allowed(&self) -> String {
        if self.declared.is_empty() {
            return "no arguments".to_owned();
        }
        self.declared.iter().map(|known| known.name).collect::<Vec<_>>().join(", ")
    }

    fn unknown(&self, name: &str) -> ArgumentError {
        let nearest = nearest(name, self.declared.iter().map(|known| known.name));
        ArgumentError::Unknown {
            tool: self.tool,
            name: name.chars().take(60).collect(),
            nearest: nearest.map_or_else(|| ".".to_owned(), |known| format!("; did you mean `{known}`?")),
            allowed: self.allowed(),
        }
    }
}

/// A yes or no that the caller gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    /// `true`.
    Yes,
    /// `false`.
    No,
}

fn exact(number: f64) -> Option<u64> {
    let fits = number.fract() == 0.0 && (0.0..9e15).contains(&number);
    fits.then_some(number as u64)
}

/// A value as it is quoted back: its type, and itself when it is short.
fn describe(value: &Value) -> String {
    let kind = match value {
        Value::Null => return "null".to_owned(),
        Value::Bool(_) => "the boolean",
        Value::Number(_) => "the number",
        Value::String(_) => "the string",
        Value::Array(_) => return "an array".to_owned(),
        Value::Object(_) => return "an object".to_owned(),
    };
    let text = value.to_string();
    let short: String = text.chars().take(60).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    format!("{kind} {short}{more}")
}

#[cfg(test)]
mod tests;
