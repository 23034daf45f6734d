//! What can be asked of a session.

use tokio::sync::oneshot;

use super::forking::Forked;
use crate::session::SessionError;
use crate::session::cell::Job;

/// What is asked of a session.
#[derive(Debug)]
pub enum Command {
    /// Run a cell when those before it are done.
    Run(Box<Job>),
    /// End the process; the handle stays.
    Reset(oneshot::Sender<()>),
    /// Go back to before the last so many cells.
    Undo {
        /// How many.
        steps: usize,
        /// How many cells can still be undone.
        done: oneshot::Sender<Result<usize, SessionError>>,
    },
    /// Become several, this many beside itself.
    Fork {
        /// How many.
        twins: usize,
        /// What comes of it.
        done: oneshot::Sender<Result<Forked, SessionError>>,
    },
    /// End everything now.
    Close {
        /// The reason that later callers are told.
        why: String,
        /// When it is done.
        done: oneshot::Sender<()>,
    },
}
