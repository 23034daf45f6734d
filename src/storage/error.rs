//! Why the store did not do what it was asked: which thing went wrong, and what to do about it.
//!
//! The words are for agents and operators alike, so they name no path; whoever knows the path adds it.

use std::error::Error;

/// A request that was not fulfilled. Nothing of it was kept.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// There is no base directory, so there is no store.
    #[error("this server has no store, because its configuration cannot be used")]
    Absent,
    /// The database was written by a newer program.
    #[error(
        "the store was written by a newer actwright (schema {found}, this one knows {known}); update actwright, or name another base directory"
    )]
    Newer {
        /// The schema of the file.
        found: i64,
        /// The newest schema that this program knows.
        known: i64,
    },
    /// It is no database of ours.
    #[error("the store's file is no database of actwright; move it away, or restore a backup")]
    Foreign,
    /// Its content is damaged.
    #[error(
        "the store is damaged ({what}); `actwright store check` says more, `actwright store restore FILE` brings a backup back"
    )]
    Damaged {
        /// What was found.
        what: String,
    },
    /// Another process held it for too long.
    #[error("the store was busy for too long; another server works on the same base directory; try again")]
    Busy,
    /// There is no room.
    #[error("the store has no room left: its disk is full, or it has reached 4 GB; nothing was kept")]
    Full,
    /// A file that must not be there is.
    #[error("the file is already there")]
    Exists,
    /// Anything else.
    #[error("the store failed while {doing}")]
    Failed {
        /// What it was doing.
        doing: &'static str,
        /// Why.
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
    /// The thread that owns the connection is gone.
    #[error("the store has ended; restart the server")]
    Ended,
}

impl StorageError {
    /// A failure with its cause.
    pub fn failed(doing: &'static str, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Failed { doing, cause: cause.into() }
    }
}
