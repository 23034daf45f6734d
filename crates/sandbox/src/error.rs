//! One error for the whole way in: which step failed, and what the kernel said.

use std::io;

/// A step of entering the sandbox that did not work. Nothing was run.
#[derive(Debug, thiserror::Error)]
#[error("{step}: {source}")]
pub struct StepError {
    /// The step in words (`mount /session`).
    pub step: String,
    /// What the kernel answered.
    pub source: io::Error,
}

/// Names the step on an error.
pub trait Step<T> {
    /// Adds the step's name, made only when it is needed.
    fn step(self, name: impl FnOnce() -> String) -> Result<T, StepError>;
}

impl<T> Step<T> for io::Result<T> {
    fn step(self, name: impl FnOnce() -> String) -> Result<T, StepError> {
        self.map_err(|source| StepError { step: name(), source })
    }
}
