//! Why a configuration can't be used: each message names the place, the key and what is allowed.
//!
//! The way out is kept apart from the message, in `hint`, because it is shown on a line of its own.

use std::fmt;
use std::path::PathBuf;

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nowhere: it is built in.
    Default,
    /// In `actwright.toml`, on this line.
    File(usize),
    /// In this environment variable.
    Environment(&'static str),
    /// In this flag.
    Flag(&'static str),
}

impl Origin {
    /// The kind of place in one word, as `actwright config` prints it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::File(_) => "file",
            Self::Environment(_) => "environment",
            Self::Flag(_) => "flag",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("the default"),
            Self::File(line) => write!(f, "`actwright.toml`, line {line}"),
            Self::Environment(variable) => write!(f, "`{variable}`"),
            Self::Flag(flag) => write!(f, "`{flag}`"),
        }
    }
}

/// A configuration that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is there and can't be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file's text is wrong.
    #[error("{}, line {line}: {message}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong there.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// A value can't be used, wherever it came from.
    #[error("`{key}` (set by {origin}) {message}")]
    Value {
        /// The setting, as the file spells it.
        key: &'static str,
        /// Where the value was written.
        origin: Origin,
        /// What is wrong with it, and what is allowed.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// A variable holds bytes that are no text.
    #[error("the environment variable `{variable}` is not UTF-8")]
    NotText {
        /// Its name.
        variable: &'static str,
    },
    /// There is no place for the base directory.
    #[error("no place for the base directory: neither `XDG_DATA_HOME` nor `HOME` is set")]
    NoHome,
    /// The base directory can't be made.
    #[error("cannot make the base directory {}", path.display())]
    Base {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A test has written something else than a server on the loopback.
    #[error(
        "`ACTWRIGHT_TEST_NETWORK_RESOLVE` has `{given}`; it takes `name=127.0.0.1:port` alone, for tests"
    )]
    TestServer {
        /// The entry.
        given: String,
    },
    /// `auto` found nothing.
    #[error("no Python found: no `VIRTUAL_ENV`, no `.venv` in the base directory, no `python3` on `PATH`")]
    NoPython,
    /// The current directory is needed for a relative path and can't be had.
    #[error("cannot tell the current directory")]
    CurrentDirectory(#[source] std::io::Error),
}

impl ConfigError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::File { hint, .. } | Self::Value { hint, .. } => hint.as_deref(),
            Self::NoHome | Self::Base { .. } => Some("name a directory with --base DIR or `ACTWRIGHT_BASE`"),
            Self::NoPython => Some("install CPython 3.9 or newer, or name one with --python PATH"),
            Self::Read { .. } => Some("make the file readable for the user that runs actwright"),
            Self::TestServer { .. } => Some("unset it: it is for tests of actwright itself"),
            Self::NotText { .. } | Self::CurrentDirectory(_) => None,
        }
    }
}
