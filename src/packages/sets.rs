//! The directories of sets: made aside, put in place by a rename, and never changed from then on.
//!
//! Below `packages/` in the base directory: `sets/` is what sessions see, with a link for each version of Python that says
//! which set is the present one; `work/` is where installers write; `lock` is held by whoever changes something and
//! `in-use` by every server.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::error::PackageError;
use super::lock::Package;
use super::metadata::packages_in;
use crate::config::PACKAGE_SETS;

/// The list of packages in each set, under a name that is no module's.
const LIST: &str = "actwright-packages.json";

/// How long a change waits for another one.
const PATIENCE: Duration = Duration::from_secs(900);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Where the sets of one base directory are. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sets {
    base: PathBuf,
}

#[derive(Debug, Serialize, Deserialize)]
struct List {
    packages: Vec<Package>,
}

impl Sets {
    /// Those of a base directory; nothing is made yet.
    pub fn below(base: &Path) -> Self {
        Self { base: base.to_owned() }
    }

    fn sets(&self) -> PathBuf {
        self.base.join(PACKAGE_SETS)
    }

    fn room(&self) -> PathBuf {
        self.base.join("packages")
    }

    /// Waits until nobody else changes anything; they wait as long as the answer lives.
    pub async fn lock(&self) -> Result<File, PackageError> {
        let begun = Instant::now();
        let (this, locking) = (self.clone(), "locking the packages");
        let file = blocking(move || this.make().and_then(|()| this.open("lock"))).await;
        let file = file.map_err(PackageError::disk(locking))?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(error)) => return Err(PackageError::disk(locking)(error)),
                Err(TryLockError::WouldBlock) if begun.elapsed() > PATIENCE => {
                    return Err(PackageError::Busy(PATIENCE.as_secs()));
                }
                Err(TryLockError::WouldBlock) => tokio::time::sleep(LOOK_AGAIN).await,
            }
        }
    }

    /// Keeps every set in its place as long as the answer lives. Whoever comes first removes those that are no longer wanted.
    pub fn hold(&self) -> io::Result<File> {
        self.make()?;
        let file = self.open("in-use")?;
        if file.try_lock().is_ok() {
            // What cannot be removed now can be by the next.
            let _ = self.sweep();
            file.unlock()?;
        }
        file.lock_shared()?;
        Ok(file)
    }

    fn make(&self) -> io::Result<()> {
        // Sessions may run as another user, who has to get in.
        for (directory, mode) in
            [(self.room(), 0o711), (self.sets(), 0o755), (self.room().join("work"), 0o700)]
        {
            match DirBuilder::new().mode(mode).create(&directory) {
                Ok(()) => fs::set_permissions(&directory, fs::Permissions::from_mode(mode))?,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn open(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(self.room().join(name))
    }

    /// A directory of its own to work in; goes when it is dropped.
    pub fn work(&self) -> io::Result<TempDir> {
        tempfile::tempdir_in(self.room().join("work"))
    }

    /// The present set for this version of Python.
    pub fn now(&self, python: &str) -> Option<String> {
        let target = fs::read_link(self.sets().join(link(python))).ok()?;
        let name = target.to_str()?.to_owned();
        self.has(&name).then_some(name)
    }

    /// Whether it stands.
    pub fn has(&self, set: &str) -> bool {
        self.sets().join(set).join(LIST).is_file()
    }

    /// What is in it.
    pub fn packages(&self, set: &str) -> io::Result<Vec<Package>> {
        let list: List = serde_json::from_slice(&fs::read(self.sets().join(set).join(LIST))?)?;
        Ok(list.packages)
    }

    /// Puts what was installed in a working directory in its place.
    pub fn place(&self, installed: &Path, set: &str, packages: &[Package]) -> io::Result<()> {
        // The installer's own lock.
        let _ = fs::remove_file(installed.join(".lock"));
        let list = List { packages: packages.to_vec() };
        fs::write(installed.join(LIST), serde_json::to_vec(&list)?)?;
        open_up(installed)?;
        let place = self.sets().join(set);
        if place.exists() {
            // Without its list it is what somebody has left half removed.
            fs::remove_dir_all(&place)?;
        }
        fs::rename(installed, &place)?;
        File::open(self.sets())?.sync_all()
    }

    /// Makes it the present one; without one there are no packages.
    pub fn point(&self, python: &str, set: Option<&str>) -> io::Result<()> {
        let place = self.sets().join(link(python));
        match set {
            Some(set) => {
                let aside = self.room().join("work").join(link(python));
                // A server may have been killed at this point.
                let _ = fs::remove_file(&aside);
                symlink(set, &aside)?;
                fs::rename(&aside, &place)?;
            }
            None => match fs::remove_file(&place) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            },
        }
        File::open(self.sets())?.sync_all()
    }

    /// Removes what no link names and what killed servers have left.
    fn sweep(&self) -> io::Result<()> {
        let (mut wanted, mut found) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(self.sets())? {
            let entry = entry?;
            match fs::read_link(entry.path()) {
                Ok(target) => wanted.push(self.sets().join(target)),
                Err(_) => found.push(entry.path()),
            }
        }
        for entry in fs::read_dir(self.room().join("work"))? {
            found.push(entry?.path());
        }
        for path in found.iter().filter(|path| !wanted.contains(path)) {
            if path.is_dir() && !path.is_symlink() {
                fs::remove_dir_all(path)?;
            } else {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}

/// The name of the link to the present set.
fn link(python: &str) -> String {
    format!("now-{python}")
}

/// Lets every user read: umasks differ, and sessions of a server of root run as nobody.
fn open_up(directory: &Path) -> io::Result<()> {
    let allow = |path: &Path, more: u32| {
        let mode = fs::symlink_metadata(path)?.permissions().mode();
        if mode & more == more {
            return Ok(());
        }
        fs::set_permissions(path, fs::Permissions::from_mode(mode | more))
    };
    allow(directory, 0o555)?;
    for entry in fs::read_dir(directory)? {
        let (path, kind) = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)))?;
        if kind.is_dir() {
            open_up(&path)?;
        } else if kind.is_file() {
            allow(&path, 0o444)?;
        }
    }
    Ok(())
}

/// What an installer has put into a directory.
pub fn installed(directory: &Path) -> io::Result<Vec<Package>> {
    packages_in(directory)
}

/// Work on the disk, apart from the runtime's own threads.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}
