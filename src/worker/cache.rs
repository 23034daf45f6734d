//! Files about interpreters that spare later starts some work; whatever is wrong with one costs that work and nothing else.
//!
//! They decide what is started, so only the user who runs this may have written them: under sudo the home, and the cache
//! in it, can be somebody else's.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use actwright_sandbox::sys;

use crate::config::Config;
use crate::config::env::Environment;

/// A file that is larger than this was not written here.
const MOST: u64 = 16 << 20;

/// Where they are: one place for all base directories of a user.
pub fn directory(config: &Config, environment: &Environment) -> PathBuf {
    let shared = environment.cache_home().map(|cache| cache.join("actwright").join("python"));
    shared.unwrap_or_else(|| config.base.join("cache"))
}

/// Its content, if there is one that this user alone can have written.
pub fn read(place: &Path) -> Option<Vec<u8>> {
    let file = File::open(place).ok()?;
    let metadata = file.metadata().ok()?;
    let is_own = metadata.uid() == sys::effective_ids().0 && metadata.mode() & 0o022 == 0;
    if !is_own || !metadata.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(MOST).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Puts a file there, whole or not at all.
pub fn write(place: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(place.parent().unwrap_or(place))?;
    let written = place.with_extension(format!("{}.new", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&written)?;
    file.write_all(bytes)?;
    fs::rename(&written, place)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_others_could_have_written_is_not_read() {
        let room = tempfile::tempdir().unwrap();
        let place = room.path().join("python").join("kept");
        write(&place, b"old").unwrap();
        write(&place, b"new").unwrap();
        assert_eq!(read(&place).unwrap(), b"new");
        for (mode, is_read) in [(0o644, true), (0o620, false), (0o602, false), (0o600, true)] {
            fs::set_permissions(&place, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(read(&place).is_some(), is_read, "{mode:o}");
        }
        assert_eq!(read(room.path()), None);
        assert_eq!(read(&room.path().join("absent")), None);
    }
}
