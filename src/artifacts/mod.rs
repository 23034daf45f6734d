//! Artifacts: named, versioned data that outlives every session. Bytes and what is said of them; what they mean is known by
//! those who encode them.
//!
//! The store has the names and versions, the directory beside it the content. A save is answered when both are on the disk.

mod blobs;
mod copies;
mod error;
mod library;
mod name;
mod shown;
mod uploads;

pub use blobs::Health;
pub use copies::{Contents, Unsound, Way};
pub use error::ArtifactError;
pub use library::{About, Artifacts, Collection, Content, Page, Rules};
pub use name::{ArtifactName, NameError};
pub use shown::shown;

pub use crate::storage::{ArtifactContent, ArtifactKind, ArtifactRow};

#[cfg(test)]
mod tests;
