//! What others may know of a session without asking its task.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::Phase;

/// A session, as it was when it last said so.
#[derive(Debug, Clone)]
pub struct Status {
    /// What it is doing.
    pub phase: Phase,
    /// Cells run so far.
    pub cells: u64,
    /// Calls waiting.
    pub queued: usize,
    /// When it was last used.
    pub used: Instant,
}

/// The shared view of a session's status; written by its task alone.
#[derive(Debug, Clone)]
pub struct StatusBoard(Arc<Mutex<Status>>);

impl StatusBoard {
    /// For a session that was just made.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Status { phase: Phase::Idle, cells: 0, queued: 0, used: Instant::now() })))
    }

    /// A copy of the status.
    pub fn read(&self) -> Status {
        self.lock().clone()
    }

    /// Holds the status while its task changes it.
    pub(super) fn lock(&self) -> MutexGuard<'_, Status> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many calls of a session are not answered yet, those that its task has not seen included.
#[derive(Debug, Clone, Default)]
pub struct OpenCalls(Arc<AtomicUsize>);

/// One call that is not answered yet, for as long as this lives.
#[derive(Debug)]
pub struct OpenCall(Arc<AtomicUsize>);

impl OpenCalls {
    /// Counts one more.
    pub fn begin(&self) -> OpenCall {
        self.0.fetch_add(1, Ordering::Relaxed);
        OpenCall(self.0.clone())
    }

    /// Whether all are answered.
    pub fn none(&self) -> bool {
        self.0.load(Ordering::Acquire) == 0
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}
