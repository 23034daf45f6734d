//! The resolved configuration: what every other module sees.
//!
//! `file` holds `actwright.toml` exactly as written, `env` every environment variable we read; `resolve`
//! merges defaults, file, environment and flags (later wins) once, at start.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

pub use crate::hosts::AllowList;
use crate::hosts::Host;
use crate::requirements::{PackageName, Requirement};

mod checks;
pub mod env;
mod error;
pub mod file;
mod index;
pub mod listing;
mod model;
mod preload;
pub mod python;
pub mod reach;
pub mod resolve;
mod tools;
pub mod units;

pub use error::{ConfigError, Origin};
pub use index::{Place, Way};
pub use model::ModelRules;
pub use preload::{Preload, is_module};
pub use tools::{Callers, Effects, Order, Permission, Rate, ToolRule};

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
    /// Which tools may be called.
    pub tools: Vec<ToolRule>,
    /// Directories of skills beside `skills/` in the base directory, which comes last.
    pub skills: Vec<PathBuf>,
    /// Whether skills are also tools or prompts of their own.
    pub expose_skills: Exposure,
    /// The model that compares meanings.
    pub model: ModelRules,
    /// Which packages may be added.
    pub packages: PackageRules,
    /// What a session may use of the hosts that it can reach.
    pub network: NetworkRules,
}

/// Where sets of packages lie below the base directory; sessions may read them.
pub const PACKAGE_SETS: &str = "packages/sets";

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
            tools: Vec::new(),
            skills: Vec::new(),
            expose_skills: Exposure::None,
            model: ModelRules::none(),
            packages: PackageRules::default(),
            network: NetworkRules::default(),
        }
    }
}

/// What skills are to clients beside the library's own tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Exposure {
    /// Nothing more.
    None,
    /// Each a tool.
    Tools,
    /// Each a prompt.
    Prompts,
}

/// Which packages may be added, by whom.
#[derive(Debug, Clone, Serialize)]
pub struct PackageRules {
    /// Whether agents may add and remove packages.
    pub policy: Consent,
    /// Those that may be asked for, each with its versions; empty for all. What they need in turn comes with them.
    pub allow: Vec<Requirement>,
    /// Whether packages without a wheel are built, which runs their code in the host.
    pub build: bool,
    /// Which packages new sessions begin with, imported already.
    pub preload: Preload,
    /// The most bytes that all packages of a set may take together.
    pub max_size: u64,
}

impl Default for PackageRules {
    fn default() -> Self {
        Self {
            policy: Consent::default(),
            allow: Vec::new(),
            build: false,
            preload: Preload::default(),
            max_size: 10_000_000_000,
        }
    }
}

impl PackageRules {
    /// What the list says of a package.
    pub fn allowed(&self, name: &PackageName) -> Option<&Requirement> {
        self.allow.iter().find(|each| each.name() == name)
    }
}

/// Whether agents may do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Consent {
    /// Yes.
    #[default]
    Allow,
    /// Only if the user agrees.
    Ask,
    /// No.
    Deny,
}

impl Consent {
    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Ask => "ask",
            Self::Deny => "deny",
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
    /// What to do where that level cannot be had.
    pub fallback: Fallback,
    /// Host paths visible read-only under their own names.
    pub read: Vec<PathBuf>,
    /// Host paths visible and writable under their own names.
    pub write: Vec<PathBuf>,
    /// The network.
    pub network: Network,
    /// Whether the kernel's control groups hold sessions too.
    pub control_groups: ControlGroups,
}

/// When a session is put into a control group of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ControlGroups {
    /// Where the server may make them.
    Auto,
    /// Never.
    Off,
}

/// The set of protections a session must have. There is no step down that the configuration does not name.
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

/// What takes the place of level `full` where it cannot be had. Nothing does, unless the configuration says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fallback {
    /// No code runs.
    None,
    /// Level `restricted`, and each session says so.
    Restricted,
}

impl SandboxConfig {
    /// The level, as the configuration says it.
    pub fn level_name(&self) -> &'static str {
        match (self.level, self.fallback) {
            (SandboxLevel::Full, Fallback::None) => "full",
            (SandboxLevel::Full, Fallback::Restricted) => "full-or-restricted",
            (SandboxLevel::Restricted, _) => "restricted",
            (SandboxLevel::Off, _) => "off",
        }
    }
}

/// What of the network a session sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// Nothing but its own loopback.
    None,
    /// Its own loopback, and these hosts by HTTP and HTTPS through a proxy in the server.
    List(AllowList),
    /// The host's network.
    Full,
}

/// What a session may use of the hosts in the list of `sandbox.network`.
#[derive(Debug, Clone, Serialize)]
pub struct NetworkRules {
    /// Connections at once (default 32).
    pub connections: u32,
    /// New connections in a second; more are made to wait (default 50).
    pub rate: u32,
    /// Bytes that one connection may send (default 100 MB).
    pub sent: u64,
    /// Bytes that one connection may receive (default 1 GB).
    pub received: u64,
    /// Bytes that a session may send in all (default 1 GB).
    pub session_sent: u64,
    /// Bytes that a session may receive in all (default 10 GB).
    pub session_received: u64,
    /// Bytes of the head of a request or an answer (default 64 KB).
    pub head: u64,
    /// How long nothing may move on a connection (default 2 min).
    pub idle_timeout: Duration,
    /// Names that mean a server of a test, on the loopback; empty outside tests.
    pub test_servers: Vec<(Host, SocketAddr)>,
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
    /// Bytes of one artifact (default 4 GB).
    pub artifact: u64,
    /// Bytes of all artifacts of the base directory, equal content counted once (default 20 GB).
    pub artifacts: u64,
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
    /// Unless that would cost much: not over 256 MB of own memory, nor for a while after a copy that took over 20 ms of work.
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
            artifact: 4_000_000_000,
            artifacts: 20_000_000_000,
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

impl Default for NetworkRules {
    fn default() -> Self {
        Self {
            connections: 32,
            rate: 50,
            sent: 100_000_000,
            received: 1_000_000_000,
            session_sent: 1_000_000_000,
            session_received: 10_000_000_000,
            head: 64_000,
            idle_timeout: Duration::from_secs(120),
            test_servers: Vec::new(),
        }
    }
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            level: SandboxLevel::Full,
            fallback: Fallback::None,
            read: Vec::new(),
            write: Vec::new(),
            network: Network::None,
            control_groups: ControlGroups::Auto,
        }
    }
}
