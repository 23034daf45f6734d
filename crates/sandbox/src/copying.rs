//! Copies and deletes trees of files that agent code has made.
//!
//! Nothing runs that could change a tree meanwhile. Links are never followed, and what is mounted inside a tree is
//! another file system's and left alone.

use std::collections::HashMap;
use std::fs::{self, File, FileTimes, Metadata, Permissions};
use std::io::{self, Seek, SeekFrom};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::sys;

/// Bytes that are copied at a time.
const PIECE: usize = 256 << 10;

/// Copies everything below one directory into another: files with their holes, directories, links, pipes; modes and
/// times of files and directories. What is there already stays.
pub fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    let device = fs::metadata(from)?.dev();
    let mut linked = HashMap::new();
    let mut directories = vec![(from.to_owned(), to.to_owned())];
    let mut finished = Vec::new();
    while let Some((from, to)) = directories.pop() {
        for entry in fs::read_dir(&from)? {
            let entry = entry?;
            let (source, target) = (entry.path(), to.join(entry.file_name()));
            let metadata = fs::symlink_metadata(&source)?;
            if metadata.dev() != device {
                continue;
            }
            if metadata.is_dir() {
                make_directory(&target)?;
                directories.push((source, target.clone()));
                finished.push((target, metadata));
            } else {
                copy_entry(&source, &target, &metadata, &mut linked)?;
            }
        }
    }
    // Children first: making something in a directory changes its time, and its mode may forbid that.
    for (directory, metadata) in finished.iter().rev() {
        dress(&File::open(directory)?, metadata)?;
    }
    Ok(())
}

fn make_directory(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

fn copy_entry(
    source: &Path,
    target: &Path,
    metadata: &Metadata,
    linked: &mut HashMap<u64, PathBuf>,
) -> io::Result<()> {
    let kind = metadata.file_type();
    if metadata.nlink() > 1
        && let Some(first) = linked.get(&metadata.ino())
    {
        return fs::hard_link(first, target);
    }
    if kind.is_symlink() {
        match symlink(fs::read_link(source)?, target) {
            // A link on the way to Python, which every session has.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
            other => other?,
        }
    } else if kind.is_file() {
        let copy = File::create_new(target)?;
        copy_content(&File::open(source)?, &copy)?;
        dress(&copy, metadata)?;
    } else if kind.is_fifo() {
        sys::make_pipe(target, metadata.permissions().mode() & 0o7777)?;
    } else {
        // A socket leads to a process that its copy would not lead to.
        return Ok(());
    }
    if metadata.nlink() > 1 {
        linked.insert(metadata.ino(), target.to_owned());
    }
    Ok(())
}

/// Copies what is written in a file, and leaves holes where there are some.
pub fn copy_content(from: &File, to: &File) -> io::Result<()> {
    let length = from.metadata()?.len();
    let mut piece = vec![0; PIECE];
    let mut at = 0;
    while let Some((start, end)) = sys::next_data(from.as_fd(), at)? {
        at = start;
        while at < end {
            let want = piece.len().min(usize::try_from(end - at).unwrap_or(usize::MAX));
            let count = from.read_at(&mut piece[..want], at)?;
            if count == 0 {
                break;
            }
            to.write_all_at(&piece[..count], at)?;
            at += count as u64;
        }
        if at < end {
            break;
        }
    }
    to.set_len(length)
}

/// Gives a copy the mode and times of what it is a copy of.
fn dress(copy: &File, metadata: &Metadata) -> io::Result<()> {
    copy.set_permissions(Permissions::from_mode(metadata.permissions().mode() & 0o7777))?;
    copy.set_times(FileTimes::new().set_accessed(metadata.accessed()?).set_modified(metadata.modified()?))
}

/// Deletes everything below a directory that is of the same file system, as far as that is possible.
pub fn empty(directory: &Path) {
    let Ok(device) = fs::metadata(directory).map(|metadata| metadata.dev()) else { return };
    let mut open = vec![directory.to_owned()];
    let mut seen = Vec::new();
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            let path = entry.path();
            match fs::symlink_metadata(&path) {
                Ok(metadata) if metadata.dev() != device => {}
                Ok(metadata) if metadata.is_dir() => {
                    open.push(path.clone());
                    seen.push(path);
                }
                // What cannot be deleted stays, for as long as its file system.
                Ok(_) => drop(fs::remove_file(&path)),
                Err(_) => {}
            }
        }
    }
    for directory in seen.iter().rev() {
        // One that holds what is mounted there is not empty.
        let _ = fs::remove_dir(directory);
    }
}

/// Opens a copy of a file that has no name any more, as unnamed as that, in this directory.
pub fn copy_unnamed(from: &File, directory: &Path) -> io::Result<File> {
    let copy = sys::unnamed_file(directory)?;
    copy_content(from, &copy)?;
    (&copy).seek(SeekFrom::Start(0))?;
    Ok(copy)
}

#[cfg(test)]
mod tests;
