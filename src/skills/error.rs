//! Why something with skills was not done, in words for an agent.

use super::name::NameError;
use super::source::SourceError;
use crate::storage::StorageError;

/// A request that was refused. Nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum SkillError {
    /// The name is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The source is no skill.
    #[error("skill '{name}' was not saved: {cause}")]
    Source {
        /// Its name.
        name: String,
        /// What is wrong with it.
        cause: SourceError,
    },
    /// Something else of what was given is wrong.
    #[error("skill '{name}' was not saved: {what}")]
    Given {
        /// Its name.
        name: String,
        /// What is wrong.
        what: String,
    },
    /// There is no such skill.
    #[error("no skill named '{name}'{nearest}. Search with skills.search(\"...\")")]
    NotFound {
        /// What was asked for.
        name: String,
        /// `; nearest: 'parse_logs'`, or nothing.
        nearest: String,
    },
    /// It was deleted.
    #[error(
        "skill '{name}' was deleted (version {version}); its history is kept, and version {before} can still be read: \
         skills.get(\"{name}\", version={before})"
    )]
    Deleted {
        /// Its name.
        name: String,
        /// The version that deleted it.
        version: i64,
        /// The version before.
        before: i64,
    },
    /// There is no such version.
    #[error("skill '{name}' has no version {version}; it has {known}")]
    NoVersion {
        /// Its name.
        name: String,
        /// What was asked for.
        version: i64,
        /// What there is, in words.
        known: String,
    },
    /// It is not the store's to delete.
    #[error("skill '{name}' {why}")]
    NotStored {
        /// Its name.
        name: String,
        /// Where it comes from and what to do.
        why: String,
    },
    /// One of its examples does not give what it should.
    #[error(
        "skill '{name}' was not saved: {what}\nMend the source or the example and save again, or leave the example out"
    )]
    Example {
        /// Its name.
        name: String,
        /// Which example, and what is wrong.
        what: String,
    },
    /// Its examples could not be run.
    #[error("the examples of skill '{name}' could not be run: {why}")]
    NotRun {
        /// Its name.
        name: String,
        /// Why.
        why: String,
    },
    /// It cannot be made from a cell.
    #[error("skill '{name}' cannot be made from a cell: {what}")]
    Cell {
        /// Its name.
        name: String,
        /// Why.
        what: String,
    },
    /// It is being proven.
    #[error("skill '{name}' cannot be {what} here: a skill that runs to be proven changes no skills")]
    OnStage {
        /// Its name.
        name: String,
        /// What was to be done.
        what: &'static str,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StorageError),
}

impl SkillError {
    /// The word for programs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Name(_)
            | Self::Source { .. }
            | Self::Given { .. }
            | Self::Example { .. }
            | Self::Cell { .. } => "invalid",
            Self::NotFound { .. } | Self::Deleted { .. } | Self::NoVersion { .. } => "not_found",
            Self::NotStored { .. } | Self::OnStage { .. } => "refused",
            Self::NotRun { .. } => "not_run",
            Self::Store(_) => "store",
        }
    }
}
