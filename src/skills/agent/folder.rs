//! A directory that somebody else wrote: what is in it is found and read below its root, through no link, within bounds.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2};

/// The most files.
const FILES: usize = 200;

/// The most entries that are looked at.
const ENTRIES: usize = 1_000;

/// The most directories above a file, that of the skill apart.
const DEPTH: usize = 3;

/// The largest file that is read.
const LARGEST: u64 = 256 * 1024;

/// An open directory.
#[derive(Debug)]
pub struct Folder {
    root: OwnedFd,
    /// Its files, each as a path from its root, in order.
    pub files: Vec<String>,
    /// What was not taken.
    pub notes: Vec<String>,
}

impl Folder {
    /// Opens a directory and finds its files.
    pub fn open(directory: &Path) -> Result<Self, String> {
        let root =
            openat(CWD, directory, OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
                .map_err(|error| format!("it cannot be opened: {}", std::io::Error::from(error).kind()))?;
        let mut folder = Self { root, files: Vec::new(), notes: Vec::new() };
        let mut left = ENTRIES;
        folder.look("", 0, &mut left)?;
        folder.files.sort();
        Ok(folder)
    }

    fn look(&mut self, below: &str, depth: usize, left: &mut usize) -> Result<(), String> {
        let opened = if below.is_empty() {
            self.root.try_clone().map_err(|e| e.to_string())?
        } else {
            self.beneath(below, OFlags::DIRECTORY)?
        };
        let unreadable = |_| format!("the directory {below} cannot be read");
        for entry in Dir::read_from(&opened).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let Ok(name) = entry.file_name().to_str() else {
                self.notes.push("a file whose name is not UTF-8 was left out".to_owned());
                continue;
            };
            if name.starts_with('.') {
                continue;
            }
            if *left == 0 {
                return Err(format!("it has more than {ENTRIES} entries"));
            }
            *left -= 1;
            let path = if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
            let kind = self
                .beneath(&path, OFlags::PATH)
                .and_then(|fd| fstat(&fd).map_err(|error| error.to_string()));
            match kind.map(|about| FileType::from_raw_mode(about.st_mode)) {
                Ok(FileType::RegularFile) if self.files.len() < FILES => self.files.push(path),
                Ok(FileType::RegularFile) => return Err(format!("it has more than {FILES} files")),
                Ok(FileType::Directory) if depth < DEPTH => self.look(&path, depth + 1, left)?,
                Ok(FileType::Directory) => self.notes.push(format!("{path} was left out: it lies too deep")),
                // A link, or something that is no file.
                Ok(_) | Err(_) => self.notes.push(format!("{path} was left out: it is no plain file")),
            }
        }
        Ok(())
    }

    /// The text of one of its files.
    pub fn text(&self, path: &str) -> Result<String, String> {
        // Not opened for reading before it is known to be a file: a pipe would wait for its writer.
        let found = fstat(&self.beneath(path, OFlags::PATH)?).map_err(|error| error.to_string())?;
        if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
            return Err(format!("{path} is no plain file"));
        }
        bounded(File::from(self.beneath(path, OFlags::RDONLY | OFlags::NONBLOCK)?), path)
    }

    /// Opens what lies below the root, whatever is exchanged meanwhile.
    fn beneath(&self, path: &str, flags: OFlags) -> Result<OwnedFd, String> {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let opened =
            openat2(&self.root, path, flags | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty(), resolve);
        opened.map_err(|error| format!("{path} cannot be opened: {}", std::io::Error::from(error).kind()))
    }
}

/// The text of a file among those of a directory. A link may lead to another of them and no further, so that whoever can make
/// one there cannot have the host read what lies elsewhere.
pub fn text_in(directory: &Path, name: &Path) -> Result<String, String> {
    let words = |error: rustix::io::Errno| match error {
        rustix::io::Errno::XDEV => {
            "it is a link that leads out of its directory; put the file itself there".to_owned()
        }
        error => format!("it cannot be read: {}", std::io::Error::from(error).kind()),
    };
    let root = openat(CWD, directory, OFlags::DIRECTORY | OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
    let root = root.map_err(words)?;
    let opened = |flags: OFlags| {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        openat2(&root, name, flags | OFlags::CLOEXEC, Mode::empty(), resolve).map_err(words)
    };
    // Not opened for reading before it is known to be a file: a pipe would wait for its writer.
    let found = fstat(opened(OFlags::PATH)?).map_err(words)?;
    if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
        return Err("it is no regular file".to_owned());
    }
    bounded(File::from(opened(OFlags::RDONLY | OFlags::NONBLOCK)?), "it")
}

fn bounded(file: File, shown: &str) -> Result<String, String> {
    let mut bytes = Vec::new();
    let read = file.take(LARGEST + 1).read_to_end(&mut bytes);
    read.map_err(|error| format!("{shown} cannot be read: {}", error.kind()))?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!("{shown} is larger than {LARGEST} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| format!("{shown} is not UTF-8"))
}

/// A value that is another one when something in a directory was changed; nothing is opened.
pub fn stamp(directory: &Path) -> Vec<(u64, i64, i64, u64)> {
    let mut stamps = Vec::new();
    let mut left = ENTRIES;
    collect(directory, 0, &mut left, &mut stamps);
    stamps.sort_unstable();
    stamps
}

fn collect(directory: &Path, depth: usize, left: &mut usize, stamps: &mut Vec<(u64, i64, i64, u64)>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        if *left == 0 {
            return;
        }
        *left -= 1;
        let Ok(about) = entry.path().symlink_metadata() else { continue };
        stamps.push((about.len(), about.mtime(), about.mtime_nsec(), about.ino()));
        if about.is_dir() && depth < DEPTH {
            collect(&entry.path(), depth + 1, left, stamps);
        }
    }
}
