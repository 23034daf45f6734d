//! The directories of sets: made aside, put in place by a rename, and never changed from then on.
//!
//! Below `packages/` in the base directory: `sets/` is what sessions see, with a link for each version of Python that says
//! which set is the present one; `replaced/` has a file for each that no longer is, with the time; `work/` is where
//! installers write; `lock` is held by whoever changes something and `in-use` by every server. Sets that nobody can still
//! import from are removed, but for the last ones.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::error::PackageError;
use super::lock::Package;
use super::metadata::packages_in;
use super::users;
use crate::config::PACKAGE_SETS;

/// The list of packages in each set, under a name that is no module's.
const LIST: &str = "actwright-packages.json";

/// How many replaced sets of each version of Python are kept, so that a change is quickly taken back.
const KEPT: usize = 2;

/// By how much a set must have been replaced before the oldest session began.
const MARGIN: Duration = Duration::from_secs(5);

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

    fn replaced(&self) -> PathBuf {
        self.room().join("replaced")
    }

    /// Where servers say since when their sessions live.
    pub fn servers(&self) -> PathBuf {
        self.room().join("servers")
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
            let _ = self.clear_work().and_then(|()| self.collect());
            file.unlock()?;
        }
        file.lock_shared()?;
        Ok(file)
    }

    fn make(&self) -> io::Result<()> {
        // Sessions may run as another user, who has to get in.
        for (directory, mode) in [
            (self.room(), 0o711),
            (self.sets(), 0o755),
            (self.room().join("work"), 0o700),
            (self.replaced(), 0o700),
        ] {
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
        if let Some(before) = self.now(python).filter(|before| Some(before.as_str()) != set) {
            // Known before sessions begin to leave it.
            File::create(self.replaced().join(before))?;
        }
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

    /// Removes what killed servers have left half made. Nobody may be at work.
    fn clear_work(&self) -> io::Result<()> {
        for entry in fs::read_dir(self.room().join("work"))? {
            remove(&entry?.path())?;
        }
        Ok(())
    }

    /// Removes every set that was replaced before the oldest session of any server began, but for the last ones of each
    /// version of Python; gives their names. The caller holds the lock, or is alone.
    pub fn collect(&self) -> io::Result<Vec<String>> {
        let oldest = users::oldest(&self.servers())?;
        let (mut wanted, mut found) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(self.sets())? {
            let path = entry?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()).map(str::to_owned) else {
                continue;
            };
            match fs::read_link(&path) {
                Ok(target) => wanted.extend(target.to_str().map(str::to_owned)),
                Err(_) => found.push((self.left_at(&name, &path)?, name)),
            }
        }
        found.retain(|(_, name)| !wanted.contains(name));
        found.sort_by(|one, other| other.cmp(one));
        let mut kept: BTreeMap<&str, usize> = BTreeMap::new();
        let mut removed = Vec::new();
        for (left, name) in &found {
            let kept = kept.entry(python_of(name)).or_default();
            if *kept < KEPT && self.has(name) {
                *kept += 1;
            } else if *left + MARGIN < oldest {
                self.remove_set(name)?;
                removed.push(name.clone());
            }
        }
        for entry in fs::read_dir(self.replaced())? {
            let path = entry?.path();
            let stands = path.file_name().is_some_and(|name| self.sets().join(name).exists());
            if !stands {
                fs::remove_file(&path)?;
            }
        }
        Ok(removed)
    }

    /// When a set was replaced; one of which that is not known when it was made.
    fn left_at(&self, name: &str, path: &Path) -> io::Result<SystemTime> {
        match fs::metadata(self.replaced().join(name)) {
            Ok(file) => file.modified(),
            Err(_) => fs::symlink_metadata(path)?.modified(),
        }
    }

    /// Takes a set away at once, so that no half of it can be taken for the whole.
    fn remove_set(&self, name: &str) -> io::Result<()> {
        let aside = self.room().join("work").join(format!("old-{name}"));
        if aside.exists() {
            remove(&aside)?;
        }
        fs::rename(self.sets().join(name), &aside)?;
        remove(&aside)
    }
}

/// The version of Python that a set is for.
fn python_of(set: &str) -> &str {
    set.split('-').next().unwrap_or(set)
}

fn remove(path: &Path) -> io::Result<()> {
    if path.is_dir() && !path.is_symlink() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

/// Bytes of all files in a directory; of one that changes meanwhile, what there is.
pub fn size_of(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(found) if found.is_dir() => size_of(&entry.path()),
            Ok(found) => found.len(),
            Err(_) => 0,
        })
        .sum()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packages::users::Users;

    /// A set with a list in it, which is the present one from now on.
    fn switch(sets: &Sets, name: &str) {
        let work = sets.work().unwrap();
        let made = work.path().join("set");
        fs::create_dir(&made).unwrap();
        sets.place(&made, name, &[]).unwrap();
        sets.point("3.12", Some(name)).unwrap();
        std::thread::sleep(Duration::from_millis(5));
    }

    fn long_ago(sets: &Sets) {
        let past = SystemTime::now() - Duration::from_secs(1_000);
        for (at, entry) in fs::read_dir(sets.replaced()).unwrap().flatten().enumerate() {
            let name = entry.file_name().into_string().unwrap();
            let order = name.bytes().last().map_or(at as u64, u64::from);
            File::options()
                .write(true)
                .open(entry.path())
                .unwrap()
                .set_modified(past + Duration::from_secs(order))
                .unwrap();
        }
    }

    #[test]
    fn sets_that_nobody_can_import_from_are_removed_but_for_the_last() {
        let base = tempfile::tempdir().unwrap();
        let sets = Sets::below(base.path());
        sets.make().unwrap();
        for name in ["3.12-a", "3.12-b", "3.12-c", "3.12-d", "3.12-e"] {
            switch(&sets, name);
        }
        switch(&sets, "3.12-b");
        let users = Users::default();
        users.show(&sets.servers()).unwrap();
        let session = users.begin();
        assert_eq!(
            sets.collect().unwrap(),
            Vec::<String>::new(),
            "a session may have begun with any of them"
        );
        long_ago(&sets);
        assert_eq!(sets.collect().unwrap(), ["3.12-c", "3.12-a"]);
        assert!(sets.has("3.12-b") && sets.has("3.12-d") && sets.has("3.12-e"));
        drop(session);
        let old = users.begin();
        switch(&sets, "3.12-f");
        assert_eq!(sets.collect().unwrap(), ["3.12-d"], "what it may have used was left after it began");
        drop(old);
        assert_eq!(sets.now("3.12").as_deref(), Some("3.12-f"));
        sets.point("3.12", None).unwrap();
        assert_eq!(sets.collect().unwrap(), ["3.12-e"], "the last two stay");
        assert!(sets.has("3.12-f") && sets.has("3.12-b"));
        assert_eq!(fs::read_dir(sets.replaced()).unwrap().count(), 2);
    }
}
