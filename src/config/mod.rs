//! The resolved configuration: what every other module sees.
//!
//! `file` holds `actwright.toml` exactly as written, `env` every environment variable we read; `resolve`
//! merges defaults, file, environment and flags (later wins) once, at start.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

mod checks;
pub mod env;
mod error;
pub mod file;
pub mod listing;
pub mod python;
pub mod resolve;
pub mod units;

pub use error::{ConfigError, Origin};

/// Everything that was decided before the first request.
#[derive(Debug, Clone, Serialize)]
pub struct Config {
    /// The directory that holds this workspace: store, `tools/`, `skills/`, `mcp.json`, `actwright.toml`.
    pub base: PathBuf,
    /// Which interpreter runs the cells.
    pub python: PythonChoice,
    /// What a session may reach.
    pub sandbox: SandboxConfig,
    /// What a session may use up.
    pub limits: Limits,
    /// How many sessions, and for how long.
    pub sessions: SessionRules,
    /// How results are shown.
    pub results: ResultRules,
}

impl Config {
    /// The defaults, with this base directory.
    pub fn at(base: PathBuf) -> Self {
        Self {
            base,
            python: PythonChoice::Auto,
            sandbox: SandboxConfig::default(),
            limits: Limits::default(),
            sessions: SessionRules::default(),
            results: ResultRules::default(),
        }
    }
}

/// Which CPython runs the cells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PythonChoice {
    /// `$VIRTUAL_ENV`, then `.venv` in the base directory, then `python3` on `PATH`.
    Auto,
    /// This executable.
    At(PathBuf),
}

/// What a session may reach. Everything not listed is out of reach.
#[derive(Debug, Clone, Serialize)]
pub struct SandboxConfig {
    /// Which set of protections must be active before any code runs.
    pub level: SandboxLevel,
    /// Host paths visible read-only under their own names.
    pub read: Vec<PathBuf>,
    /// Host paths visible and writable under their own names.
    pub write: Vec<PathBuf>,
    /// The network.
    pub network: Network,
}

/// The set of protections a session must have. There is no silent step down from one to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SandboxLevel {
    /// Namespaces, Landlock, seccomp and limits.
    Full,
    /// For machines without user namespaces: Landlock and seccomp without sockets, and limits.
    Restricted,
    /// No sandbox at all: code runs with the server's own rights.
    Off,
}

/// What of the network a session sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// Nothing but its own loopback.
    None,
    /// The host's network.
    Full,
}

/// What one session, or one of its cells, may use up.
#[derive(Debug, Clone, Serialize)]
pub struct Limits {
    /// Bytes of memory that a session's processes and copies may hold together; one process may not even allocate
    /// more (default 2 GB). Files in the workspace count apart.
    pub memory: u64,
    /// Processes and threads in a session (default 64).
    pub processes: u64,
    /// Open files in a process (default 256).
    pub files: u64,
    /// Bytes in a session's workspace, `/session` (default 1 GB).
    pub workspace: u64,
    /// Bytes one cell may write to stdout and stderr together (default 100 MB).
    pub output: u64,
    /// Bytes of source in one cell (default 8 MB).
    pub source: u64,
    /// Calls into the host, progress included, that one cell may make (default 100,000).
    pub calls: u64,
    /// Processor time that one cell may use, over all the session's processes (default 4 h).
    pub cpu_time: Duration,
    /// How long a cell may run when the call names no timeout (default 60 s).
    pub timeout: Duration,
    /// The longest timeout that a call may name (default 3600 s).
    pub max_timeout: Duration,
}

/// How many sessions live at once, and for how long.
#[derive(Debug, Clone, Serialize)]
pub struct SessionRules {
    /// Sessions alive at once; the least recently used idle one makes room (default 100).
    pub max: usize,
    /// A session unused for this long is closed (default 30 min).
    pub idle_timeout: Duration,
    /// Sessions kept ready in advance (default 1).
    pub pool: usize,
    /// When a session parks a frozen copy of itself between two cells.
    pub checkpoints: Checkpoints,
    /// Copies a session keeps at most; one is for a cell that has to be killed, the others to undo (default 4).
    pub copies: u32,
}

/// When a session parks a frozen copy of itself between two cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Checkpoints {
    /// Unless that would cost much: not over 256 MB of own memory, nor for a while after a copy that took over 20 ms.
    Auto,
    /// After every cell, whatever it costs.
    Always,
    /// Never: a cell that has to be killed costs the session's variables.
    Off,
}

/// How results are shown.
#[derive(Debug, Clone, Serialize)]
pub struct ResultRules {
    /// Characters of text a result shows when the call names no number (default 8000).
    pub max_output: usize,
    /// Whether results also carry `structuredContent` and tools declare an `outputSchema`.
    pub structured: bool,
    /// Bytes of kept outputs (memory and disk) before the oldest are dropped (default 1 GB).
    pub kept_outputs: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 2_000_000_000,
            processes: 64,
            files: 256,
            workspace: 1_000_000_000,
            output: 100_000_000,
            source: 8_000_000,
            calls: 100_000,
            cpu_time: Duration::from_secs(4 * 3600),
            timeout: Duration::from_secs(60),
            max_timeout: Duration::from_secs(3600),
        }
    }
}

impl Default for SessionRules {
    fn default() -> Self {
        Self {
            max: 100,
            idle_timeout: Duration::from_secs(30 * 60),
            pool: 1,
            checkpoints: Checkpoints::Auto,
            copies: 4,
        }
    }
}

impl Default for ResultRules {
    fn default() -> Self {
        Self { max_output: 8_000, structured: false, kept_outputs: 1_000_000_000 }
    }
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self { level: SandboxLevel::Full, read: Vec::new(), write: Vec::new(), network: Network::None }
    }
}
