//! The directory in which everything that the suite makes lies. It goes when the suite does.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::PathBuf;

use actwright_sandbox::sys;

use crate::config::SandboxLevel;

/// See the module.
#[derive(Debug)]
pub struct Scratch {
    directory: PathBuf,
}

impl Scratch {
    /// A new one. Everybody may enter it: file permissions alone must not be what holds an attempt.
    pub fn make() -> io::Result<Self> {
        let name = format!("actwright-attack-{:032x}", sys::random_u128()?);
        let directory = std::env::temp_dir().join(name);
        fs::DirBuilder::new().mode(0o700).create(&directory)?;
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o755))?;
        Ok(Self { directory })
    }

    /// An empty base directory for the sessions of a level.
    pub fn base(&self, level: SandboxLevel) -> io::Result<PathBuf> {
        let name = match level {
            SandboxLevel::Full => "full",
            SandboxLevel::Restricted => "restricted",
            SandboxLevel::Off => "off",
        };
        let path = self.directory.join(name);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
        Ok(path)
    }

    /// An empty directory for the canaries, owned by `owner` where that is another user.
    pub fn canaries(&self, name: &str, owner: Option<u32>) -> io::Result<PathBuf> {
        let path = self.directory.join(name);
        fs::DirBuilder::new().mode(0o755).create(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        if owner.is_some() {
            chown(&path, owner, owner)?;
        }
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.directory) {
            tracing::warn!(%error, "the directory of the suite could not be removed");
        }
    }
}
