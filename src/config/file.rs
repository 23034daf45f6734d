//! `actwright.toml` exactly as it is written: every key optional, every other key an error.
//!
//! Nothing is checked here but form; ranges and paths are checked in `resolve`, where flags and environment
//! have had their say. `base` is no key of it, because the file lies in the base directory.

use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use super::ConfigError;
use super::preload::RawPreload;
use super::reach::Reach;
use super::tools::RawTools;
use super::units::{Size, Span};
use crate::nearest::nearest;

/// The file's name in the base directory.
pub const FILE_NAME: &str = "actwright.toml";

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawFile {
    /// `"auto"`, a name on `PATH` or an absolute path.
    pub python: Option<Spanned<String>>,
    /// What is logged: `"warn"`, `"actwright=debug"`.
    pub log: Option<Spanned<String>>,
    /// `[sandbox]`
    pub sandbox: RawSandbox,
    /// `[limits]`
    pub limits: RawLimits,
    /// `[sessions]`
    pub sessions: RawSessions,
    /// `[results]`
    pub results: RawResults,
    /// `[tools]`
    pub tools: RawTools,
    /// `[skills]`
    pub skills: RawSkills,
    /// `[model]`
    pub model: RawModel,
    /// `[packages]`
    pub packages: RawPackages,
    /// `[network]`
    pub network: RawNetwork,
}

/// What a session may reach.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawSandbox {
    /// `"full"`, `"full-or-restricted"` or `"restricted"`.
    pub level: Option<Spanned<String>>,
    /// Absolute paths, `~/` allowed.
    pub read: Option<Spanned<Vec<String>>>,
    /// Absolute paths, `~/` allowed.
    pub write: Option<Spanned<Vec<String>>>,
    /// `"none"`, `"full"` or a list of hosts.
    pub network: Option<Spanned<Reach>>,
    /// `"auto"` or `"off"`.
    pub control_groups: Option<Spanned<String>>,
}

/// What a session may use up.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawLimits {
    /// Bytes of memory.
    pub memory: Option<Spanned<Size>>,
    /// Processes and threads.
    pub processes: Option<Spanned<u64>>,
    /// Open files of one process.
    pub files: Option<Spanned<u64>>,
    /// Bytes of `/session`.
    pub workspace: Option<Spanned<Size>>,
    /// Bytes one cell may write.
    pub output: Option<Spanned<Size>>,
    /// Bytes of source in one cell.
    pub source: Option<Spanned<Size>>,
    /// Calls into the host in one cell.
    pub calls: Option<Spanned<u64>>,
    /// Bytes of one artifact.
    pub artifact: Option<Spanned<Size>>,
    /// Bytes of all artifacts.
    pub artifacts: Option<Spanned<Size>>,
    /// Processor time of one cell.
    pub cpu_time: Option<Spanned<Span>>,
    /// Default time of a cell.
    pub timeout: Option<Spanned<Span>>,
    /// Longest time a call may ask for.
    pub max_timeout: Option<Spanned<Span>>,
}

/// How many sessions, and for how long.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawSessions {
    /// Sessions alive at once.
    pub max: Option<Spanned<u64>>,
    /// Time after which an unused one is closed.
    pub idle_timeout: Option<Spanned<Span>>,
    /// Sessions kept ready in advance.
    pub pool: Option<Spanned<u64>>,
    /// `"auto"`, `"always"` or `"off"`.
    pub checkpoints: Option<Spanned<String>>,
    /// Copies a session keeps.
    pub copies: Option<Spanned<u64>>,
}

/// How results are shown.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawResults {
    /// Characters of text a result shows.
    pub max_output: Option<Spanned<u64>>,
    /// Whether results carry `structuredContent`.
    pub structured: Option<Spanned<bool>>,
    /// Bytes of outputs kept for reading.
    pub kept_outputs: Option<Spanned<Size>>,
}

/// Where skills come from.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawSkills {
    /// Directories of skills; absolute paths, `~/` allowed.
    pub directories: Option<Spanned<Vec<String>>>,
    /// `"none"`, `"tools"` or `"prompts"`.
    pub expose: Option<Spanned<String>>,
}

/// The model that compares meanings.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawModel {
    /// Its name, or `"none"`.
    pub name: Option<Spanned<String>>,
    /// Where models are kept; an absolute path, `~/` allowed.
    pub directory: Option<Spanned<String>>,
    /// Whether nothing is fetched.
    pub offline: Option<Spanned<bool>>,
    /// The library that runs models; an absolute path, `~/` allowed.
    pub runtime: Option<Spanned<String>>,
}

/// Which packages may be added.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawPackages {
    /// `"allow"`, `"ask"` or `"deny"`.
    pub policy: Option<Spanned<String>>,
    /// Requirements such as `"pandas>=2"`.
    pub allow: Option<Spanned<Vec<String>>>,
    /// Whether packages without a wheel are built.
    pub build: Option<Spanned<bool>>,
    /// `"auto"`, `"off"` or a list of modules.
    pub preload: Option<Spanned<RawPreload>>,
    /// The most that all packages may take together, such as `"10GB"`.
    pub max_size: Option<Spanned<Size>>,
}

/// What a session may use of the hosts that it can reach.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawNetwork {
    /// Connections at once.
    pub connections: Option<Spanned<u64>>,
    /// New connections in a second.
    pub rate: Option<Spanned<u64>>,
    /// Bytes that one connection may send.
    pub sent: Option<Spanned<Size>>,
    /// Bytes that one connection may receive.
    pub received: Option<Spanned<Size>>,
    /// Bytes that a session may send.
    pub session_sent: Option<Spanned<Size>>,
    /// Bytes that a session may receive.
    pub session_received: Option<Spanned<Size>>,
    /// Bytes of the head of a request or an answer.
    pub head: Option<Spanned<Size>>,
    /// Time after which a connection on which nothing moves is cut.
    pub idle_timeout: Option<Spanned<Span>>,
}

/// A file as text with its values: the text turns a value's place into a line number.
#[derive(Debug, Default)]
pub struct LoadedFile {
    /// The values.
    pub raw: RawFile,
    text: String,
}

impl LoadedFile {
    /// Reads `actwright.toml` in `base`; a file that does not exist is an empty one.
    pub fn read(base: &Path) -> Result<Self, ConfigError> {
        let path = base.join(FILE_NAME);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            // The base directory itself may be a file; that is reported where the base is checked.
            Err(e) if e.kind() == std::io::ErrorKind::NotADirectory => return Ok(Self::default()),
            Err(source) => return Err(ConfigError::Read { path, source }),
        };
        let text = String::from_utf8(bytes).map_err(|e| ConfigError::File {
            path: path.clone(),
            line: 1 + e.as_bytes()[..e.utf8_error().valid_up_to()].iter().filter(|b| **b == b'\n').count(),
            message: "this line is not UTF-8".into(),
            hint: Some("save the file as UTF-8".into()),
        })?;
        Self::parse(text, &path)
    }

    /// Reads the text of a file; `path` is for messages.
    pub fn parse(text: String, path: &Path) -> Result<Self, ConfigError> {
        match toml::from_str::<RawFile>(&text) {
            Ok(raw) => Ok(Self { raw, text }),
            Err(error) => Err(explain(&error, &text, path)),
        }
    }

    /// The line, from 1, on which a value stands.
    pub fn line_of<T>(&self, value: &Spanned<T>) -> usize {
        line_at(&self.text, value.span().start)
    }
}

fn line_at(text: &str, offset: usize) -> usize {
    1 + text.as_bytes()[..offset.min(text.len())].iter().filter(|b| **b == b'\n').count()
}

/// Serde's sentence about an unknown key lists all keys; people want the one they meant.
fn explain(error: &toml::de::Error, text: &str, path: &Path) -> ConfigError {
    let line = error.span().map_or(1, |span| line_at(text, span.start));
    let message = error.message().lines().next().unwrap_or("cannot be read").to_owned();
    let Some((key, allowed)) = unknown_key(&message) else {
        return ConfigError::File { path: path.to_owned(), line, message, hint: None };
    };
    let hint = match nearest(key, allowed.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? allowed here: {}", listed(&allowed)),
        None => format!("allowed here: {}", listed(&allowed)),
    };
    let message = format!("unknown key `{key}`");
    ConfigError::File { path: path.to_owned(), line, message, hint: Some(hint) }
}

fn unknown_key(message: &str) -> Option<(&str, Vec<&str>)> {
    let rest = message.strip_prefix("unknown field ")?;
    let mut ticked = rest.split('`').skip(1).step_by(2);
    let key = ticked.next()?;
    Some((key, ticked.collect()))
}

fn listed(keys: &[&str]) -> String {
    keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
