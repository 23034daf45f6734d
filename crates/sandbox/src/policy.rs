//! What a session may do, as data. Nothing in here looks at the machine.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Everything that decides how a session is locked in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Which set of walls there must be.
    pub level: Level,
    /// What of the network there is.
    pub network: Network,
    /// Host paths visible read-only, besides Python and the system libraries.
    pub read: Vec<PathBuf>,
    /// Host paths visible and writable.
    pub write: Vec<PathBuf>,
    /// The interpreter and the trees it is made of.
    pub python: PythonRoots,
    /// What one session may use up.
    pub limits: SessionLimits,
}

/// The set of walls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Level {
    /// Namespaces, Landlock, seccomp, limits.
    Full,
    /// No namespaces: Landlock, seccomp without sockets, limits.
    Restricted,
    /// No walls; limits only.
    Off,
}

/// What of the network a session sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Network {
    /// Only a loopback of its own.
    None,
    /// Only a loopback of its own, with a listener on it that the host serves.
    Proxied,
    /// The host's.
    Full,
}

/// The interpreter as the host found it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PythonRoots {
    /// The executable to run, a virtual environment's own where there is one.
    pub executable: PathBuf,
    /// What it needs: prefix, base prefix, import paths outside them, and the program itself if it lies elsewhere.
    pub prefixes: Vec<PathBuf>,
    /// Links on the way to the executable, each shown as a link and without the directory around it.
    pub links: Vec<PathBuf>,
}

/// Limits that the kernel keeps for a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionLimits {
    /// Bytes of private writable memory per process.
    pub memory: u64,
    /// Processes and threads.
    pub processes: u64,
    /// Open files per process.
    pub files: u64,
    /// Bytes in the workspace and `/tmp` together.
    pub workspace: u64,
}
