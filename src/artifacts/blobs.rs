//! Content on the disk: one file for each content, named by its SHA-256, complete and synced before anyone hears of it.
//!
//! `blobs/ab/abcd…` holds what is kept, `incoming/` what is being written. A file in `incoming` is locked by its writer, so
//! that what a killed server left there can be told from what another one is writing.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

/// Bytes that are hashed at a time.
const STEP: usize = 256 << 10;

/// Files that are remembered as compared.
const REMEMBERED: usize = 10_000;

/// The content below one base directory. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Blobs {
    root: PathBuf,
    compared: Arc<Mutex<HashMap<String, Identity>>>,
}

/// A file as it was when it was compared with its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

impl Identity {
    fn of(found: &fs::Metadata) -> Self {
        Self { inode: found.ino(), size: found.len(), changed: (found.ctime(), found.ctime_nsec()) }
    }
}

/// Content on its way to the disk. When it is dropped before it is kept, nothing of it stays.
#[derive(Debug)]
pub struct Incoming {
    file: NamedTempFile,
    hash: Hash,
    size: u64,
}

/// Content that is on the disk. While this lives, no collection takes it away.
#[derive(Debug)]
pub struct Kept {
    /// The SHA-256 in hex.
    pub hash: String,
    /// Bytes.
    pub size: u64,
    _hold: File,
}

/// The SHA-256 of bytes as they come.
#[derive(Debug, Default)]
pub struct Hash(Sha256);

impl Hash {
    /// More bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Of all bytes, in hex.
    pub fn end(self) -> String {
        hex(&self.0.finalize())
    }
}

/// What became of a content that should be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It is what was saved.
    Sound,
    /// It is not there.
    Missing,
    /// It is something else.
    Changed,
}

impl Blobs {
    /// Below this directory; nothing is made before something is saved.
    pub fn below(base: &Path) -> Self {
        Self { root: base.join("artifacts"), compared: Arc::default() }
    }

    /// Begins new content.
    pub fn begin(&self) -> io::Result<Incoming> {
        let incoming = self.root.join("incoming");
        private_directories(&incoming)?;
        // A sweep must not find the file before it is locked.
        let _hold = self.share()?;
        let file = tempfile::Builder::new().prefix("new-").tempfile_in(&incoming)?;
        file.as_file().lock()?;
        Ok(Incoming { file, hash: Hash::default(), size: 0 })
    }

    /// Puts content in its place. When this returns it is on the disk.
    pub fn keep(&self, incoming: Incoming) -> io::Result<Kept> {
        let Incoming { file, hash, size } = incoming;
        let hash = hash.end();
        let hold = self.share()?;
        let path = self.path(&hash);
        // Equal content is kept once; a file that has come to harm is replaced.
        if self.health(&hash, size)? == Health::Sound {
            File::open(&path)?.sync_all()?;
        } else {
            let directory = path.parent().unwrap_or(&self.root);
            private_directories(directory)?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|error| error.error)?;
            sync_directory(directory)?;
            sync_directory(&self.root.join("blobs"))?;
            sync_directory(&self.root)?;
        }
        Ok(Kept { hash, size, _hold: hold })
    }

    /// Whether content is there and what it was.
    pub fn health(&self, hash: &str, size: u64) -> io::Result<Health> {
        let mut file = match File::open(self.path(hash)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Health::Missing),
            Err(error) => return Err(error),
        };
        let before = file.metadata()?;
        if before.len() != size {
            return Ok(Health::Changed);
        }
        let mut found = Hash::default();
        let mut step = vec![0; STEP];
        loop {
            match file.read(&mut step)? {
                0 => break,
                read => found.add(&step[..read]),
            }
        }
        if found.end() != hash {
            return Ok(Health::Changed);
        }
        let mut compared = self.compared.lock().unwrap_or_else(PoisonError::into_inner);
        if compared.len() >= REMEMBERED {
            compared.clear();
        }
        compared.insert(hash.to_owned(), Identity::of(&before));
        Ok(Health::Sound)
    }

    /// The same for who reads on in the middle: a file that was compared and has not been touched since is not compared again.
    pub fn health_on_the_way(&self, hash: &str, size: u64) -> io::Result<Health> {
        let known = self.compared.lock().unwrap_or_else(PoisonError::into_inner).get(hash).copied();
        match fs::metadata(self.path(hash)) {
            Ok(found) if known == Some(Identity::of(&found)) => Ok(Health::Sound),
            _ => self.health(hash, size),
        }
    }

    /// Bytes of content from an offset on, fewer at its end.
    pub fn read(&self, hash: &str, offset: u64, limit: usize) -> io::Result<Vec<u8>> {
        let file = File::open(self.path(hash))?;
        let left = file.metadata()?.len().saturating_sub(offset);
        let mut bytes = vec![0; limit.min(usize::try_from(left).unwrap_or(usize::MAX))];
        file.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }

    /// Keeps collections away while the file is open.
    pub fn share(&self) -> io::Result<File> {
        let hold = self.hold()?;
        hold.lock_shared()?;
        Ok(hold)
    }

    /// Waits until nobody is saving, and keeps everybody from it while the file is open.
    pub fn stop_saves(&self) -> io::Result<File> {
        let hold = self.hold()?;
        hold.lock()?;
        Ok(hold)
    }

    /// Removes all content but this, which is in order, and what killed servers have left; gives the number of files.
    pub fn sweep(&self, keep: &[(String, i64)]) -> io::Result<u64> {
        let mut removed = self.sweep_incoming()?;
        for directory in entries(&self.root.join("blobs"))? {
            for file in entries(&directory)? {
                let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                if keep.binary_search_by(|(hash, _)| hash.as_str().cmp(name)).is_err() {
                    fs::remove_file(&file)?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }

    /// Removes what killed servers were writing.
    pub fn sweep_incoming(&self) -> io::Result<u64> {
        let mut removed = 0;
        for path in entries(&self.root.join("incoming"))? {
            // Whoever writes it now holds its lock.
            if let Ok(file) = File::open(&path)
                && file.try_lock().is_ok()
            {
                fs::remove_file(&path)?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    fn hold(&self) -> io::Result<File> {
        if !self.root.is_dir() {
            private_directories(&self.root)?;
            self.root.parent().map_or(Ok(()), sync_directory)?;
        }
        use std::os::unix::fs::OpenOptionsExt;
        let mut options = File::options();
        options.write(true).create(true).truncate(false).mode(0o600).open(self.root.join("lock"))
    }

    /// Where content lies.
    pub fn path(&self, hash: &str) -> PathBuf {
        self.root.join("blobs").join(hash.get(..2).unwrap_or("00")).join(hash)
    }
}

impl Incoming {
    /// Adds bytes.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<u64> {
        self.file.as_file_mut().write_all(bytes)?;
        self.hash.add(bytes);
        self.size += bytes.len() as u64;
        Ok(self.size)
    }

    /// Bytes so far.
    pub fn size(&self) -> u64 {
        self.size
    }
}

/// What is in a directory; nothing if there is none.
fn entries(path: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(path) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Directories that belong to their owner alone.
fn private_directories(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
