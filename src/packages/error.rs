//! Why a package was not added, removed or found. Said to agents and people alike, so no paths of the host.

use std::io;

use crate::requirements::{PackageName, RequirementError};

/// See the module.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// Not a requirement.
    #[error("{0}; nothing was changed")]
    Requirement(#[from] RequirementError),
    /// Nothing, or far too much, was asked for.
    #[error("{0}; nothing was changed")]
    Number(String),
    /// The policy says no.
    #[error("{0}")]
    Denied(String),
    /// There is no base directory to keep them in.
    #[error("this server keeps no packages, because its configuration cannot be used")]
    Absent,
    /// The interpreter or the installer is missing.
    #[error("packages cannot be installed: {0}")]
    Installer(String),
    /// The resolver found no versions, or they could not be fetched.
    #[error("the packages could not be installed, and nothing was changed. The installer says:\n{0}")]
    Failed(String),
    /// What was installed is not what was locked.
    #[error("what was installed is not what was asked for ({0}), and nothing was changed")]
    Unexpected(String),
    /// They take too much room.
    #[error(
        "the packages would take more than {limit} bytes together (`packages.max_size`), and nothing was changed"
    )]
    TooLarge {
        /// The most bytes.
        limit: u64,
    },
    /// Another one does not end.
    #[error("another installation into this base directory has been under way for {0} s; try again later")]
    Busy(u64),
    /// No such package.
    #[error("no package '{name}' is among those that were added{hint}")]
    NotFound {
        /// What was asked for.
        name: String,
        /// The nearest name, or who brought it.
        hint: String,
    },
    /// It is there because another one needs it.
    #[error("'{name}' was not asked for by itself: {} it, and would have to be removed instead", needing(.by))]
    Needed {
        /// The package.
        name: PackageName,
        /// Those that need it.
        by: Vec<PackageName>,
    },
    /// The lock file was written by something else.
    #[error("the lock file `packages.lock` in the base directory cannot be used: {0}")]
    Lock(String),
    /// The disk.
    #[error("{what} failed on the disk of the server; its log has the detail")]
    Disk {
        /// What was being done.
        what: &'static str,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
}

impl PackageError {
    /// What kind it is, in a word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Requirement(_) | Self::Number(_) => "invalid",
            Self::Denied(_) => "denied",
            Self::NotFound { .. } | Self::Needed { .. } => "not_found",
            Self::Failed(_) => "resolver",
            Self::TooLarge { .. } => "quota",
            _ => "failed",
        }
    }

    /// From the system's error while this was being done.
    pub fn disk(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |cause| Self::Disk { what, cause }
    }
}

fn needing(by: &[PackageName]) -> String {
    let names: Vec<String> = by.iter().map(|name| format!("'{name}'")).collect();
    match names.len() {
        0 => "another package needs".to_owned(),
        1 => format!("{} needs", names[0]),
        _ => format!("{} need", names.join(" and ")),
    }
}
