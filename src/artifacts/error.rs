//! Why something with artifacts was not done, in words for an agent.

use super::name::NameError;
use crate::storage::StorageError;

/// A request that was refused. Nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// The name is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Something else of what was given is wrong.
    #[error("artifact '{name}' was not saved: {what}")]
    Given {
        /// Its name.
        name: String,
        /// What is wrong.
        what: String,
    },
    /// Another name looks the same.
    #[error(
        "artifact '{name}' was not saved: '{other}' is there already and looks the same; use that name or another"
    )]
    Collides {
        /// What was given.
        name: String,
        /// What there is.
        other: String,
    },
    /// There is no such artifact.
    #[error("no artifact named '{name}'{nearest}; artifacts.list() shows all")]
    NotFound {
        /// What was asked for.
        name: String,
        /// `; nearest: 'sales.csv'`, or nothing.
        nearest: String,
    },
    /// There is no such version.
    #[error(
        "artifact '{name}' has no version {version}; artifacts.history(\"{name}\") shows those that it has"
    )]
    NoVersion {
        /// Its name.
        name: String,
        /// What was asked for.
        version: i64,
    },
    /// It was deleted.
    #[error(
        "artifact '{name}' was deleted (version {version}); artifacts.history(\"{name}\") shows what was there"
    )]
    Deleted {
        /// Its name.
        name: String,
        /// The version that deleted it.
        version: i64,
    },
    /// Its time is over.
    #[error("artifact '{name}' was saved for a limited time, which is over")]
    Expired {
        /// Its name.
        name: String,
    },
    /// Its content was collected.
    #[error("the content of artifact '{name}', version {version}, is no longer kept")]
    Collected {
        /// Its name.
        name: String,
        /// Which version.
        version: i64,
    },
    /// It is larger than one may be.
    #[error("the artifact is larger than {limit} bytes (limits.artifact); nothing was saved")]
    TooLarge {
        /// The most bytes.
        limit: u64,
    },
    /// There is no room for it.
    #[error(
        "artifact '{name}' was not saved: {used} of {limit} bytes are taken (limits.artifacts); delete some first, \
         with artifacts.delete(name)"
    )]
    NoRoom {
        /// Its name.
        name: String,
        /// What is taken.
        used: i64,
        /// What there is.
        limit: u64,
    },
    /// There is no room for all that is being written.
    #[error(
        "{room} bytes are left for artifacts (limits.artifacts), and this, with what else is being written at this moment, \
         takes more; nothing was saved. Delete some first, with artifacts.delete(name)"
    )]
    NoRoomNow {
        /// What was left when the save began.
        room: u64,
    },
    /// The content is not what was saved.
    #[error(
        "the content of artifact '{name}', version {version}, is damaged: {what} ({hash}); save it again, or load an \
         earlier version"
    )]
    Damaged {
        /// Its name.
        name: String,
        /// Which version.
        version: i64,
        /// What was found.
        what: &'static str,
        /// The content's hash.
        hash: String,
    },
    /// A save or read that was never begun, or is over.
    #[error("this save has ended; begin it again with artifacts.save or artifacts.open")]
    NoUpload,
    /// Too many at once.
    #[error("{0} artifacts are being written at once already; close some of them")]
    TooMany(usize),
    /// The disk failed.
    #[error("the artifacts' directory failed while {doing}")]
    Disk {
        /// What it was doing.
        doing: &'static str,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StorageError),
}

impl ArtifactError {
    /// The word for programs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Name(_) | Self::Given { .. } => "invalid",
            Self::Collides { .. } => "collision",
            Self::NotFound { .. }
            | Self::NoVersion { .. }
            | Self::Deleted { .. }
            | Self::Expired { .. }
            | Self::Collected { .. } => "not_found",
            Self::TooLarge { .. } | Self::NoRoom { .. } | Self::NoRoomNow { .. } | Self::TooMany(_) => {
                "quota"
            }
            Self::Damaged { .. } => "damaged",
            Self::NoUpload => "ended",
            Self::Disk { .. } | Self::Store(_) => "store",
        }
    }

    /// A failure of the disk. A full one is said as such.
    pub(super) fn disk(doing: &'static str, cause: std::io::Error) -> Self {
        if cause.kind() == std::io::ErrorKind::StorageFull {
            return Self::Store(StorageError::Full);
        }
        Self::Disk { doing, cause }
    }
}
