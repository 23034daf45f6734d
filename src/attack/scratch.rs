//! The directory in which everything that the suite makes lies. It goes when the suite does.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use actwright_sandbox::sys;

use crate::config::{PACKAGE_SETS, SandboxLevel};

/// The set with a package in it, and its list as sessions read it.
const SET: &str = "3-canary";
const LIST: &str = r#"{"packages": [{"name": "actwright-canary", "version": "1", "modules": ["actwright_canary"], "requires": []}]}"#;

/// The newest version of Python, 3.x, that may come.
const NEWEST: u32 = 30;

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

    /// Puts a package that is only looked at into a base directory; every version of Python sees it there.
    pub fn plant_package(&self, base: &Path) -> io::Result<()> {
        // Everybody may enter: that a package cannot be reached is not what refuses to change it.
        fs::set_permissions(base, fs::Permissions::from_mode(0o711))?;
        let sets = base.join(PACKAGE_SETS);
        let set = sets.join(SET);
        if set.exists() {
            return Ok(());
        }
        fs::create_dir_all(&set)?;
        fs::write(set.join("actwright_canary.py"), "")?;
        fs::write(set.join("removable.txt"), "")?;
        fs::write(set.join("actwright-packages.json"), LIST)?;
        (9..=NEWEST).try_for_each(|minor| symlink(SET, sets.join(format!("now-3.{minor}"))))
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
