//! Packages that sessions can import beside what their Python has: resolved and installed in the host, shown read-only.
//!
//! Each set of packages has a directory of its own that never changes once it stands, so a failed installation leaves
//! nothing behind and whoever uses an older set goes on with it. The lock file in the base directory has the exact versions
//! and their hashes; the directories can be made again from it.

mod change;
mod error;
mod installer;
mod library;
mod listed;
mod lock;
mod metadata;
mod needs;
mod restore;
mod sets;
pub mod shown;
mod surroundings;
mod users;

pub use change::{Change, Updated};
pub use error::PackageError;
pub use installer::Python;
pub use library::{Asker, Packages};
pub use listed::{Listed, Present, Why};
pub use lock::Package;
pub use needs::reachable;
pub use surroundings::Surroundings;
pub use users::InUse;
