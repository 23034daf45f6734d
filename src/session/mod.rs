//! Sessions: handles, one task per session, and the registry that finds them.
//!
//! A session outlives its worker process: when the process is lost the handle stays and the next run starts
//! a new one.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::artifacts::Artifacts;
use crate::config::Config;
use crate::host_calls::HostCalls;
use crate::names::SessionId;
use crate::outputs::Outputs;
use crate::packages::Packages;
use crate::skills::Skills;
use crate::tools::Tools;
use crate::worker::{WorkerError, Workers};

mod actor;
mod board;
mod cell;
mod copies;
mod death;
mod late;
mod masking;
mod registry;
pub mod report;
mod stage;

use registry::Registry;
use report::{RunEvent, RunReport, RunRequest, Target};

/// The door to all sessions of this server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sessions {
    registry: Arc<Registry>,
}

/// A session as `list_sessions` shows it.
#[derive(Debug, Clone)]
pub struct SessionSummary {
    /// Its handle.
    pub id: SessionId,
    /// Whether it is the default one.
    pub is_default: bool,
    /// `idle`, `running` or `reset` (its worker is gone; the next run starts a new one).
    pub phase: Phase,
    /// Cells run so far.
    pub cells: u64,
    /// Since it was made.
    pub age: Duration,
    /// Since its last cell ended.
    pub idle: Duration,
    /// Calls waiting for their turn.
    pub queued: usize,
}

/// What came of a fork.
#[derive(Debug, Clone)]
pub struct Fork {
    /// The session that was forked and goes on.
    pub id: SessionId,
    /// Its twins.
    pub twins: Vec<SessionId>,
    /// Open descriptors that none of them has any more, in words.
    pub lost: Vec<String>,
}

/// What a session is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Waiting for a cell.
    Idle,
    /// Running one.
    Running,
    /// Without a process; the next cell starts a new one.
    Reset,
}

/// Why a call on sessions gave no report.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The handle was never given out by this server.
    #[error("no session `{0}`. Call list_sessions for those that live, or pass session=\"new\" to start one")]
    Unknown(SessionId),
    /// It was closed, or expired, or made room for another.
    #[error("session `{id}` is gone: {why}. Its variables are lost; pass session=\"new\" to start another")]
    Gone {
        /// The handle.
        id: SessionId,
        /// What happened to it (`it was idle for 30 minutes`).
        why: String,
    },
    /// Every session is busy and the cap is reached.
    #[error("all {max} sessions are running a cell; wait for one to end or close one (sessions.max)")]
    Full {
        /// The cap.
        max: usize,
    },
    /// The source is larger than `limits.source`.
    #[error(
        "the cell is {bytes} bytes and the limit is {limit} (limits.source); put data into a file or a variable instead"
    )]
    SourceTooLarge {
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// The default session was named and there is none yet.
    #[error("there is no default session yet; run_code makes it")]
    NoDefault,
    /// The call was cancelled while it waited for its turn.
    #[error("the call was cancelled before its cell started; nothing was run")]
    NotStarted,
    /// A cell runs or waits, and undo and fork are for a session at rest.
    #[error("session `{0}` is running a cell; try again when it has ended")]
    Busy(SessionId),
    /// It cannot have twins now, and is as it was.
    #[error("session `{id}` cannot be forked: {reason}. Nothing has changed")]
    NotForked {
        /// The handle.
        id: SessionId,
        /// Why, and what to do instead.
        reason: String,
    },
    /// Its process was lost while it was forked.
    #[error(
        "session `{0}` was lost while it was forked: its variables are gone, and the next cell starts it anew"
    )]
    LostInFork(SessionId),
    /// There is no room for so many sessions.
    #[error("there is room for {room} more of {max} sessions (sessions.max); close some first")]
    NoRoom {
        /// How many can be made.
        room: usize,
        /// The cap.
        max: usize,
    },
    /// The copy that was wanted had gone by the time it was to be woken.
    #[error(
        "the state that was asked for is gone, so session `{id}` went on from an older one: its variables are as they were \
         after cell {cell}, counted from the session's first"
    )]
    UndoneFurther {
        /// The handle.
        id: SessionId,
        /// The last cell whose effects are there.
        cell: u64,
    },
    /// There is no copy that old.
    #[error("{steps} cells cannot be undone: {reason}")]
    NoCopy {
        /// How many were asked for.
        steps: usize,
        /// How far it goes, or why not at all.
        reason: String,
    },
    /// No worker could be started.
    #[error(
        "no Python session could be started: {0}. Nothing was run; `actwright doctor`, where the server runs, says what to do"
    )]
    Start(#[from] WorkerError),
    /// The host itself failed; the id finds the detail in the log.
    #[error("internal error {id}; the server's log has the detail")]
    Internal {
        /// A short random id.
        id: String,
    },
}

impl Sessions {
    /// The door over an engine that starts at once. Must be called within the runtime, with the base directory in
    /// place.
    pub fn new(config: Arc<Config>, host_calls: HostCalls) -> std::io::Result<Self> {
        std::fs::create_dir_all(kept(&config))?;
        let workers = Workers::start(config.clone(), host_calls.packages().clone());
        Ok(Self::over(config, workers, host_calls))
    }

    /// The door to nothing: a server that cannot run code still says why to everyone who asks.
    pub fn refusing(config: Arc<Config>, why: String) -> Self {
        let workers = Workers::refusing(WorkerError::Configuration(why));
        Self::over(config, workers, HostCalls::none())
    }

    fn over(config: Arc<Config>, workers: Workers, host_calls: HostCalls) -> Self {
        let outputs =
            Outputs::new(kept(&config), config.results.kept_outputs, host_calls.tools().masks().clone());
        let registry = Arc::new(Registry::new(config, workers, outputs, host_calls));
        tokio::spawn(registry::expire(Arc::downgrade(&registry)));
        Self { registry }
    }

    /// From now on the library's skills are proven in sessions beside these.
    pub fn open_stage(&self) {
        self.skills().use_stage(Arc::new(stage::Stage::beside(&self.registry)));
    }

    /// Where the outputs of all cells are kept.
    pub fn outputs(&self) -> &Outputs {
        self.registry.outputs()
    }

    /// The tools that code in sessions can call.
    pub fn tools(&self) -> &Tools {
        self.registry.host_calls().tools()
    }

    /// What outlives sessions.
    pub fn artifacts(&self) -> &Artifacts {
        self.registry.host_calls().artifacts()
    }

    /// The packages that code in sessions can import.
    pub fn packages(&self) -> &Packages {
        self.registry.host_calls().packages()
    }

    /// The skills that code in sessions can run.
    pub fn skills(&self) -> &Skills {
        self.registry.host_calls().skills()
    }

    /// Runs one cell and waits for its report.
    ///
    /// `events` receives what happens meanwhile; a full channel drops events, never slows the cell.
    /// When `cancel` fires the cell is interrupted and, after a grace period, killed; the report still comes.
    pub async fn run(
        &self,
        target: Target,
        request: RunRequest,
        events: mpsc::Sender<RunEvent>,
        cancel: CancellationToken,
    ) -> Result<RunReport, SessionError> {
        self.registry.run(target, request, events, cancel).await
    }

    /// All living sessions, the default one first, then by age.
    pub fn list(&self) -> Vec<SessionSummary> {
        self.registry.list()
    }

    /// Ends the session's process (a running cell too); the handle lives on with no variables. `None` is the
    /// default session.
    pub async fn reset(&self, id: Option<&SessionId>) -> Result<SessionSummary, SessionError> {
        self.registry.reset(id).await
    }

    /// Takes the variables back to before the last `steps` cells; gives the handle and how many cells can still be undone.
    /// `None` is the default session.
    pub async fn undo(
        &self,
        id: Option<&SessionId>,
        steps: usize,
    ) -> Result<(SessionId, usize), SessionError> {
        self.registry.undo(id, steps).await
    }

    /// Gives a session so many live twins, each a session of its own that goes on from its present state. `None` is the
    /// default session.
    pub async fn fork(&self, id: Option<&SessionId>, twins: usize) -> Result<Fork, SessionError> {
        self.registry.fork(id, twins).await
    }

    /// Ends the session for good. `None` is the default session.
    pub async fn close(&self, id: Option<&SessionId>) -> Result<SessionId, SessionError> {
        self.registry.close(id).await
    }

    /// Ends every session and worker; returns when no process is left.
    pub async fn shutdown(&self) {
        self.registry.shutdown().await;
        self.tools().end().await;
        self.skills().write_uses().await;
    }
}

/// Where outputs are kept.
fn kept(config: &Config) -> PathBuf {
    config.base.join("cache").join("outputs")
}
