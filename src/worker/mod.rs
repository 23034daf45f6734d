//! Worker processes: finding Python, launching zygotes, and sessions' processes ready to run cells.
//!
//! [`Workers`] is the door. It owns a plain zygote, others that have popular packages imported already, and a few sessions in
//! advance; a zygote that dies takes its sessions along, and the next request starts another.

use std::path::PathBuf;
use std::sync::Arc;

use actwright_protocol::Proof;
use tokio::sync::{mpsc, oneshot};

use crate::config::Config;
use crate::config::env::Environment;
use crate::network::Proxy;
use crate::packages::Packages;

mod cache;
mod compiled;
mod conversation;
pub mod doctor;
mod fences;
mod history;
mod interpreter;
pub mod launcher;
mod lease;
mod library;
mod policy;
mod pool;
mod python_side;
mod stock;
mod stocked;
mod twins;
mod workspace;
mod zygote;

pub use conversation::{Conversation, Event};
pub use fences::Fence;
pub use lease::Lease;
pub use twins::{Anchor, Litter, TwinOrder};

/// The interpreter that sessions run on, and its version as in `3.12`.
pub fn python(config: &Config, environment: &Environment) -> Result<(PathBuf, String), WorkerError> {
    let found = interpreter::Interpreter::find(config, environment)?;
    let (major, minor, _) = found.version;
    Ok((found.executable, format!("{major}.{minor}")))
}

/// A session's process, locked in and waiting for its first cell.
#[derive(Debug)]
pub struct Worker {
    /// How to talk with it.
    pub conversation: Conversation,
    /// How each wall answered when it was tried from inside.
    pub proofs: Vec<Proof>,
    /// A directory of its own on the host, for levels without a mount namespace; goes when this is dropped.
    pub workspace: Option<workspace::Workspace>,
    /// Serves its network, where that is a list of hosts.
    pub proxy: Option<Proxy>,
    /// What the kernel holds all its processes to together.
    pub fence: Fence,
    /// Why it is at level `restricted` although `full` was wanted, which the configuration allows.
    pub lowered: Option<Arc<str>>,
    /// Holds the namespaces that a twin's own are made below; empty for all others.
    pub family: Vec<Arc<Anchor>>,
    /// Its hold on the zygote that it came from.
    pub lease: Lease,
}

/// Why there is no worker.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WorkerError {
    /// No interpreter that can be used.
    #[error("{0}")]
    Python(String),
    /// The server was started with a configuration that cannot be used.
    #[error(
        "the server's configuration cannot be used: {0}. Whoever runs the server has to mend and restart it"
    )]
    Configuration(String),
    /// The policy and the machine do not go together.
    #[error("{0}")]
    Policy(String),
    /// The launcher or the zygote failed.
    #[error("{0}")]
    Launch(String),
    /// The machine refused a wall of the sandbox.
    #[error("{0}")]
    Unbuilt(String),
    /// Somebody killed it while it started; another try may go well.
    #[error("{0}")]
    Killed(String),
    /// A session could not be locked in; no code was run.
    #[error("the sandbox could not be entered: {0}")]
    Refused(String),
    /// Twins could not be made; the session that was to have them goes on.
    #[error("{0}")]
    Twins(String),
    /// The engine is shutting down.
    #[error("the server is shutting down")]
    Closing,
}

/// The door to worker processes. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Workers {
    requests: mpsc::UnboundedSender<pool::Request>,
    packages: Packages,
}

impl Workers {
    /// Starts the engine; the first zygote begins to warm up at once. Must be called within the runtime.
    pub fn start(config: Arc<Config>, packages: Packages) -> Self {
        let (requests, inbox) = mpsc::unbounded_channel();
        tokio::spawn(pool::Pool::new(config, packages.clone()).run(inbox));
        Self { requests, packages }
    }

    /// A session has run a cell and has imported these modules since it last said so.
    pub fn imported(&self, session: &str, names: Vec<String>) {
        // At shutdown nobody wants to know.
        let _ = self.requests.send(pool::Request::Imported(session.to_owned(), names));
    }

    /// An engine that starts nothing and answers every request with this error.
    pub fn refusing(error: WorkerError) -> Self {
        let (requests, inbox) = mpsc::unbounded_channel();
        tokio::spawn(pool::refuse_all(error, inbox));
        Self { requests, packages: Packages::none() }
    }

    /// A session's process that nobody has used.
    pub async fn take(&self) -> Result<Worker, WorkerError> {
        // The first cell after a start may need what is only being installed again.
        self.packages.settled().await;
        let (reply, answer) = oneshot::channel();
        self.requests.send(pool::Request::Take(reply)).map_err(|_| WorkerError::Closing)?;
        answer.await.map_err(|_| WorkerError::Closing)?
    }

    /// Twins of a session, each with a supervisor of its own and still frozen.
    pub async fn bear(&self, order: TwinOrder) -> Result<Litter, WorkerError> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(pool::Request::Bear(order, reply)).map_err(|_| WorkerError::Closing)?;
        answer.await.map_err(|_| WorkerError::Closing)?
    }

    /// Ends the zygote and everything below it; returns when nothing is left.
    pub async fn shutdown(&self) {
        let (reply, answer) = oneshot::channel();
        if self.requests.send(pool::Request::Shutdown(reply)).is_ok() {
            // An error means that the pool has ended already.
            let _ = answer.await;
        }
    }
}
