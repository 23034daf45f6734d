//! What outlives the server: one database in the base directory, and the one thread that owns its connection.
//!
//! [`Store`] is a cheap handle. Nothing is opened before it is needed, so that a server that is only asked for its tools
//! never waits for a disk. What has been answered is on the disk: a `kill -9` takes back nothing.
//!
//! A room that keeps something here adds a migration (`sqlite/schema.rs`) and a file of `impl Db` with its requests, in
//! plain types of its own; it never sees the library beneath.

mod artifacts;
mod error;
mod handle;
mod meanings;
mod proofs;
mod skills;
mod sqlite;
mod words;

pub use artifacts::{
    ArtifactContent, ArtifactKind, ArtifactRow, Collected, NewArtifact, Room, Saving, Usage,
};
pub use error::StorageError;
pub use handle::Store;
pub use meanings::{Part, Vectors};
pub use proofs::{CassetteRow, Packages, ProofRow, Standing};
pub use skills::{NewVersion, SkillRow, UseRow, VersionKind, VersionRow};
pub use sqlite::Db;
pub use words::{Changes, Hash, Head, Mark, WordHits, Worded, Words};

/// The database's name in the base directory.
pub const FILE_NAME: &str = "store.db";

#[cfg(test)]
mod tests;
