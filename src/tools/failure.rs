//! Why a call of a tool gave no result, in words for the code or the agent that called it.

use serde_json::Value;

/// What kind of failure it is; each is an exception of its own in Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// There is no such tool.
    NotFound,
    /// The arguments do not fit; nothing was sent.
    Arguments,
    /// The policy does not allow the call; nothing was sent.
    Denied,
    /// The tool's server or file cannot be used now.
    Unavailable,
    /// It took longer than it may.
    Timeout,
    /// The tool itself failed.
    Failed,
}

impl FailureKind {
    /// The kind with this word.
    pub fn parse(word: &str) -> Option<Self> {
        let all =
            [Self::NotFound, Self::Arguments, Self::Denied, Self::Unavailable, Self::Timeout, Self::Failed];
        all.into_iter().find(|kind| kind.word() == word)
    }

    /// The word that travels.
    pub fn word(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Arguments => "arguments",
            Self::Denied => "denied",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::Failed => "failed",
        }
    }
}

/// The facts that a failure can have.
pub const FACTS: [&str; 5] = ["exit_code", "stderr", "stdout", "status", "body"];

/// A call without a result.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What kind.
    pub kind: FailureKind,
    /// What failed, its name, what to do next.
    pub message: String,
    /// Facts for code: `exit_code`, `stderr`, `stdout`, `status`, `body`.
    pub facts: Vec<(&'static str, Value)>,
}

impl Failure {
    /// Without facts.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), facts: Vec::new() }
    }

    /// The tool itself failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Failed, message)
    }

    /// The tool cannot be reached now.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Unavailable, message)
    }

    /// The arguments do not fit.
    pub fn arguments(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Arguments, message)
    }

    /// With one more fact.
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.facts.push((name, value.into()));
        self
    }
}
