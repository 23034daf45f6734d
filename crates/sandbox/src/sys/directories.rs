//! Directories by descriptor: they stay where they are when a process's root is exchanged.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, IntoRawFd, OwnedFd};

use super::{check, own};

/// Opens a directory in this one.
pub fn open_directory_at(parent: BorrowedFd<'_>, name: &CStr) -> io::Result<OwnedFd> {
    let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    // SAFETY: `name` is a C string.
    own(unsafe { libc::openat(parent.as_raw_fd(), name.as_ptr(), flags) })
}

/// Removes an empty directory in this one.
pub fn remove_directory_at(parent: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
    // SAFETY: `name` is a C string.
    check(unsafe { libc::unlinkat(parent.as_raw_fd(), name.as_ptr(), libc::AT_REMOVEDIR) }).map(drop)
}

/// Names of the directories in this one.
pub fn directories_in(directory: OwnedFd) -> io::Result<Vec<CString>> {
    let number = directory.into_raw_fd();
    // SAFETY: the stream takes the descriptor over and closes it; if it does not come about nobody else does.
    let stream = unsafe { libc::fdopendir(number) };
    if stream.is_null() {
        let error = io::Error::last_os_error();
        // SAFETY: as said, it is still ours alone.
        unsafe { libc::close(number) };
        return Err(error);
    }
    let mut names = Vec::new();
    loop {
        // SAFETY: the stream is open, and each entry is copied before the next call.
        let entry = unsafe { libc::readdir(stream) };
        if entry.is_null() {
            break;
        }
        // SAFETY: the kernel ends names with a zero byte.
        let (kind, name) = unsafe { ((*entry).d_type, CStr::from_ptr((*entry).d_name.as_ptr())) };
        if kind == libc::DT_DIR && name != c"." && name != c".." {
            names.push(name.to_owned());
        }
    }
    // SAFETY: it is open and not used again.
    unsafe { libc::closedir(stream) };
    Ok(names)
}
