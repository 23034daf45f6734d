//! One server as `mcp.json` or a tool file describes it, in any of the spellings that clients use.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};

use crate::config::Order;
use crate::tools::secrets::{ReferenceError, Secrets, Template};

/// How long a server may be silent in the middle of a call when its entry does not say.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Why an entry cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum EntryError {
    /// Something in it is not what it must be.
    #[error("{0}")]
    Wrong(String),
    /// A reference cannot be followed.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// It says that it is switched off.
    #[error("it is switched off (`disabled`)")]
    Disabled,
}

/// How to reach a server.
#[derive(Debug, Clone)]
pub struct Entry {
    /// By which way.
    pub way: Way,
    /// How long it may be silent in the middle of a call.
    pub timeout: Duration,
    /// What it is for, where its entry says.
    pub description: Option<String>,
    /// Words to find its tools by.
    pub tags: Vec<String>,
    /// Whether its calls wait for each other.
    pub order: Order,
    /// Masks what must not be shown.
    pub secrets: Secrets,
}

/// The way to a server.
#[derive(Debug, Clone)]
pub enum Way {
    /// A program that is started here.
    Program {
        /// It.
        command: String,
        /// Its arguments.
        arguments: Vec<Template>,
        /// Its whole environment.
        environment: Vec<(String, Template)>,
        /// Where it runs.
        directory: PathBuf,
    },
    /// An address.
    Address {
        /// Where.
        url: String,
        /// Sent with every request.
        headers: Vec<(String, Template)>,
        /// Which of the two transports it speaks.
        transport: Transport,
    },
}

/// The two transports over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// One address for everything.
    Streamable,
    /// The older one: a stream of events, and an address to post to.
    Sse,
}

impl Entry {
    /// Reads an entry; references to secrets are read now and followed whenever the server is started or greeted.
    pub fn read(
        entry: &Value,
        base: &Path,
        surroundings: &[(String, String)],
        secrets: &Secrets,
    ) -> Result<Self, EntryError> {
        let Value::Object(entry) = entry else { return Err(wrong("it must be a table")) };
        if entry.get("disabled") == Some(&Value::Bool(true))
            || entry.get("enabled") == Some(&Value::Bool(false))
        {
            return Err(EntryError::Disabled);
        }
        let kind =
            ["transport", "type"].iter().filter_map(|key| text(entry, key)).find(|kind| *kind != "mcp");
        let url = ["url", "httpUrl", "serverUrl"].iter().find_map(|key| text(entry, key));
        let way = match (kind, text(entry, "command"), url) {
            (None | Some("stdio"), Some(command), _) => {
                Self::program(entry, command, base, surroundings, secrets)?
            }
            (None | Some("http" | "streamable-http" | "streamableHttp" | "sse"), _, Some(url)) => {
                let transport = if kind == Some("sse") { Transport::Sse } else { Transport::Streamable };
                let url = secrets.expand(url)?;
                if !url.starts_with("http://") && !url.starts_with("https://") {
                    return Err(wrong("`url` must begin with http:// or https://"));
                }
                let headers = pairs(entry, "headers", secrets)?;
                Way::Address { url, headers, transport }
            }
            (Some(other), None, None) if !["stdio", "http", "streamable-http", "sse"].contains(&other) => {
                return Err(wrong(format!("`type` is stdio, http or sse, not `{other}`")));
            }
            _ => return Err(wrong("it has neither a `command` nor a `url` for its `type`")),
        };
        Ok(Self {
            way,
            timeout: timeout(entry)?,
            description: text(entry, "description").map(str::to_owned),
            tags: texts(entry, "tags")?,
            order: order(entry)?,
            secrets: secrets.clone(),
        })
    }

    fn program(
        entry: &Map<String, Value>,
        command: &str,
        base: &Path,
        surroundings: &[(String, String)],
        secrets: &Secrets,
    ) -> Result<Way, EntryError> {
        let arguments = texts(entry, "args")?
            .iter()
            .map(|text| Template::read(text, secrets))
            .collect::<Result<_, _>>()?;
        let plain = |(name, value): &(String, String)| (name.clone(), Template::plain(value));
        let mut environment: Vec<_> = surroundings.iter().map(plain).collect();
        for (name, value) in pairs(entry, "env", secrets)? {
            environment.retain(|(known, _)| *known != name);
            environment.push((name, value));
        }
        let directory = match text(entry, "cwd") {
            Some(path) => base.join(secrets.expand(path)?),
            None => base.to_owned(),
        };
        Ok(Way::Program { command: secrets.expand(command)?, arguments, environment, directory })
    }
}

fn wrong(words: impl Into<String>) -> EntryError {
    EntryError::Wrong(words.into())
}

fn text<'a>(entry: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    entry.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn texts(entry: &Map<String, Value>, key: &str) -> Result<Vec<String>, EntryError> {
    match entry.get(key) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| match item {
                Value::String(text) if !text.contains('\0') => Ok(text.clone()),
                Value::Number(number) => Ok(number.to_string()),
                _ => Err(wrong(format!("`{key}` must be a list of texts"))),
            })
            .collect(),
        Some(_) => Err(wrong(format!("`{key}` must be a list of texts"))),
    }
}

fn pairs(
    entry: &Map<String, Value>,
    key: &str,
    secrets: &Secrets,
) -> Result<Vec<(String, Template)>, EntryError> {
    let table = match entry.get(key) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(table)) => table,
        Some(_) => return Err(wrong(format!("`{key}` must be a table"))),
    };
    let mut pairs = Vec::new();
    for (name, value) in table {
        let value = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            _ => return Err(wrong(format!("`{key}`, `{name}` must be a text"))),
        };
        if name.is_empty() || name.contains(['=', '\0', '\n']) || value.contains(['\0', '\n']) {
            return Err(wrong(format!("`{key}`, `{name}` cannot be used")));
        }
        pairs.push((name.clone(), Template::read(&value, secrets)?));
    }
    Ok(pairs)
}

fn order(entry: &Map<String, Value>) -> Result<Order, EntryError> {
    match entry.get("serial") {
        None | Some(Value::Null | Value::Bool(false)) => Ok(Order::Parallel),
        Some(Value::Bool(true)) => Ok(Order::Serial),
        Some(_) => Err(wrong("`serial` must be true or false")),
    }
}

/// Milliseconds, as clients write them.
fn timeout(entry: &Map<String, Value>) -> Result<Duration, EntryError> {
    match entry.get("timeout") {
        None | Some(Value::Null) => Ok(TIMEOUT),
        Some(value) => match value.as_u64() {
            Some(millis @ 1..=86_400_000) => Ok(Duration::from_millis(millis)),
            _ => Err(wrong("`timeout` must be milliseconds, at most a day")),
        },
    }
}

#[cfg(test)]
mod tests;
