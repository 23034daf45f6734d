//! Every raw system call of the host and the sandbox, each behind a safe function where it can be one.
//!
//! Nothing here decides anything: policy is in `plan`, order is in `outer` and `session`. Functions that are only
//! sound in a process with one thread, or that change the process for good, say so.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::path::Path;

mod descriptors;
mod directories;
mod inspection;
mod limits;
mod mounts;
mod processes;
pub mod ptrace;
mod signals;

pub use descriptors::{
    Interest, SocketKind, Waiting, adopt, borrow, close_all_but, close_range, duplicate_above, enlarge_pipe,
    fill_standard_input, pipe, place, place_private, read, read_sealed, receive, sealed_memfd, send,
    set_nonblocking, socket_pair, unread, wait, wait_for_room, write,
};
pub use directories::{directories_in, open_directory_at, remove_directory_at};
pub use inspection::{
    below, children, descendants, everybody_here, has_children, has_siblings_but, landlock_version,
    own_status, parent_of, rest_of_tick, start_ticks, tasks_of_user, threads_of, ticks_since_boot,
    try_connect, try_socket, youngest_pid,
};
pub use limits::{Resource, get_hard_limit, get_limit, lend, set_limit, set_soft_and_hard, take_back};
pub use mounts::{
    AtFlags, flags, is_tcp_listener, listen_on_loopback, loopback_up, make_pipe, mount, next_data,
    open_to_write, pivot_root, set_host_name, set_mount_attributes, unmount_lazily, unnamed_file, unshare,
};
pub use processes::{
    Dumpable, Forked, Groups, become_subreaper, become_user, die_with_parent, drop_capabilities,
    effective_ids, empty_bounding_set, exit_now, fork, fork_beside, hear_of_parents_end, micros,
    micros_at_work, new_process_group, no_new_privileges, own_memory, own_threads, parent_pid, pid,
    set_dumpable,
};
pub use signals::{
    CHILD_ENDED, CONTINUE, Disposition, Ended, FILE_TOO_LARGE, HANG_UP, INTERRUPT, KILL, STOP, TERMINATE,
    flush_printed, is_hung_up, next_signal, open_process, print_by_lines, reap, set_signal, signal_child,
    signal_events, signal_process, unblock,
};

/// The most descriptors that one message may carry.
pub const MAX_DESCRIPTORS: usize = 64;

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn check_long(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn check_size(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

fn c_path(path: &Path) -> io::Result<CString> {
    use std::os::unix::ffi::OsStrExt;
    CString::new(path.as_os_str().as_bytes()).map_err(|_| io::ErrorKind::InvalidInput.into())
}

fn c_text(text: &str) -> io::Result<CString> {
    CString::new(text).map_err(|_| io::ErrorKind::InvalidInput.into())
}

/// Takes a descriptor that the kernel has just made for us.
fn own(fd: libc::c_int) -> io::Result<OwnedFd> {
    let fd = check(fd)?;
    // SAFETY: the kernel returned `fd` to this call alone, so nobody else closes it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// 128 bits from the kernel's generator.
pub fn random_u128() -> io::Result<u128> {
    let mut bytes = [0u8; 16];
    // SAFETY: the buffer is valid for its length; reads of up to 256 bytes are never partial.
    let got = check_size(unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) })?;
    if got == bytes.len() { Ok(u128::from_le_bytes(bytes)) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}
