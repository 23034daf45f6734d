//! Since when sessions live that may still import from a set which is no longer the present one.
//!
//! Each server has a file below `packages/servers/`, locked as long as it runs, whose time says since when its oldest session
//! lives: a set that was replaced before that is nobody's. A session that follows a link needs no word of it; it was there
//! before the set was replaced.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tempfile::NamedTempFile;

/// What a file is called before it is locked; nobody looks at it yet.
const UNLOCKED: &str = "new-";

/// What it is called from then on.
const LOCKED: &str = "server-";

/// The sessions of this server. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Users {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    last: u64,
    births: BTreeMap<u64, SystemTime>,
    file: Option<Mark>,
}

/// The file that others look at; gone when it is dropped.
#[derive(Debug)]
struct Mark {
    file: File,
    path: PathBuf,
}

/// A session, or whatever else may import from the sets that were there since it began. A clone has begun with the first.
#[derive(Debug)]
pub struct InUse {
    users: Users,
    id: u64,
    since: SystemTime,
}

impl Users {
    /// One more, from now on.
    pub fn begin(&self) -> InUse {
        self.since(SystemTime::now())
    }

    fn since(&self, since: SystemTime) -> InUse {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.last += 1;
        let id = state.last;
        state.births.insert(id, since);
        state.tell();
        InUse { users: self.clone(), id, since }
    }

    /// Lets other servers know of the sessions of this one, as long as it runs.
    pub fn show(&self, directory: &Path) -> io::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.file.is_none() {
            match DirBuilder::new().mode(0o700).create(directory) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
            let made = tempfile::Builder::new().prefix(UNLOCKED).tempfile_in(directory)?;
            made.as_file().lock()?;
            state.file = Some(Mark::of(made)?);
            state.tell();
        }
        Ok(())
    }
}

impl Mark {
    fn of(made: NamedTempFile) -> io::Result<Self> {
        let name = made.path().file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let path = made.path().with_file_name(name.replace(UNLOCKED, LOCKED));
        let file = made.persist_noclobber(&path).map_err(|error| error.error)?;
        Ok(Self { file, path })
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        // A file that nobody locks is removed by whoever looks next.
        let _ = fs::remove_file(&self.path);
    }
}

impl State {
    /// Writes the oldest birth where others look.
    fn tell(&self) {
        let Some(mark) = &self.file else { return };
        let oldest = self.births.values().min().copied().unwrap_or_else(nobody);
        if let Err(error) = mark.file.set_modified(oldest) {
            tracing::warn!(%error, "other servers are not told which packages are in use");
        }
    }
}

impl Clone for InUse {
    fn clone(&self) -> Self {
        self.users.since(self.since)
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        let mut state = self.users.state.lock().unwrap_or_else(PoisonError::into_inner);
        let was = state.births.remove(&self.id);
        if was.is_some_and(|was| state.births.values().all(|other| was < *other)) {
            state.tell();
        }
    }
}

/// Since when the oldest session of all servers lives. Files that killed servers have left go.
pub fn oldest(directory: &Path) -> io::Result<SystemTime> {
    let mut oldest = nobody();
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(oldest),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        let is_locked =
            path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(LOCKED));
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            file => file?,
        };
        match file.try_lock() {
            Ok(()) if is_locked => fs::remove_file(&path)?,
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => oldest = oldest.min(file.metadata()?.modified()?),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(oldest)
}

/// The time of a server without sessions: later than anything.
fn nobody() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_of_all_servers_counts_as_long_as_it_lives() {
        let room = tempfile::tempdir().unwrap();
        let directory = room.path().join("servers");
        assert_eq!(oldest(&directory).unwrap(), nobody());
        let (one, other) = (Users::default(), Users::default());
        let first = one.begin();
        one.show(&directory).unwrap();
        other.show(&directory).unwrap();
        assert_eq!(oldest(&directory).unwrap(), first.since);
        std::thread::sleep(Duration::from_millis(20));
        let second = other.begin();
        let twin = first.clone();
        drop(first);
        assert_eq!(oldest(&directory).unwrap(), twin.since);
        drop(twin);
        assert_eq!(oldest(&directory).unwrap(), second.since);
        drop((one, other));
        // The session holds its server's file.
        assert_eq!(oldest(&directory).unwrap(), second.since);
        drop(second);
        assert_eq!(oldest(&directory).unwrap(), nobody());
        // Left by a killed one.
        std::fs::write(directory.join("server-left"), "").unwrap();
        assert_eq!(oldest(&directory).unwrap(), nobody());
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0);
    }
}
