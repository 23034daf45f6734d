//! Mounts, names and namespaces: what a room is built of, and its loopback.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use super::{c_path, c_text, check, check_long, own};

/// Flags for [`mount`], a subset of `MS_*` under readable names.
pub mod flags {
    /// No set-user-id programs.
    pub const NOSUID: u64 = libc::MS_NOSUID;
    /// No device nodes.
    pub const NODEV: u64 = libc::MS_NODEV;
    /// No programs.
    pub const NOEXEC: u64 = libc::MS_NOEXEC;
    /// Read only.
    pub const RDONLY: u64 = libc::MS_RDONLY;
    /// Another view of a tree that is mounted already.
    pub const BIND: u64 = libc::MS_BIND;
    /// The whole tree, not only its top.
    pub const RECURSIVE: u64 = libc::MS_REC;
    /// Keep mounts to this namespace.
    pub const PRIVATE: u64 = libc::MS_PRIVATE;
}

/// `mount(2)`.
pub fn mount(source: &Path, target: &Path, kind: &str, flags: u64, data: &str) -> io::Result<()> {
    let (source, target, kind, data) = (c_path(source)?, c_path(target)?, c_text(kind)?, c_text(data)?);
    // SAFETY: all four are C strings that outlive the call.
    check(unsafe {
        libc::mount(source.as_ptr(), target.as_ptr(), kind.as_ptr(), flags, data.as_ptr().cast())
    })?;
    Ok(())
}

#[repr(C)]
struct MountAttributes {
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: u64,
}

/// Adds mount attributes (`MOUNT_ATTR_RDONLY` 1, `NOSUID` 2, `NODEV` 4, `NOEXEC` 8) to a mount, or with
/// `recursive` to all mounts below it. Linux 5.12.
pub fn set_mount_attributes(path: &Path, set: u64, flags: AtFlags) -> io::Result<()> {
    let attributes = MountAttributes { set, clear: 0, propagation: 0, user_namespace: 0 };
    let path = c_path(path)?;
    let at = match flags {
        AtFlags::ThisMount => 0,
        AtFlags::Recursive => libc::AT_RECURSIVE,
    };
    // SAFETY: the path is a C string, the structure has the size given.
    check_long(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            path.as_ptr(),
            at,
            &attributes as *const MountAttributes,
            size_of::<MountAttributes>(),
        )
    })?;
    Ok(())
}

/// How far [`set_mount_attributes`] reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtFlags {
    /// One mount.
    ThisMount,
    /// Everything mounted below it too.
    Recursive,
}

/// Opens an existing file by its name in a directory, to write.
pub fn open_to_write(directory: BorrowedFd<'_>, name: &CStr) -> io::Result<OwnedFd> {
    // SAFETY: `name` is a C string; the kernel makes a descriptor.
    own(unsafe { libc::openat(directory.as_raw_fd(), name.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC) })
}

/// Makes a named pipe.
pub fn make_pipe(path: &Path, mode: u32) -> io::Result<()> {
    let path = c_path(path)?;
    // SAFETY: the path is a C string.
    check(unsafe { libc::mkfifo(path.as_ptr(), mode) })?;
    Ok(())
}

/// Makes a file without a name in a directory, to read and write, closed on exec.
pub fn unnamed_file(directory: &Path) -> io::Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::File::options().read(true).write(true).mode(0o600).custom_flags(libc::O_TMPFILE).open(directory)
}

/// Where a file has been written at or after this place: from and to; `None` when there is no more.
pub fn next_data(file: BorrowedFd<'_>, from: u64) -> io::Result<Option<(u64, u64)>> {
    let seek = |at: u64, how| {
        let at = libc::off_t::try_from(at).map_err(io::Error::other)?;
        // SAFETY: plain integers.
        let found = unsafe { libc::lseek(file.as_raw_fd(), at, how) };
        u64::try_from(found).map_err(|_| io::Error::last_os_error())
    };
    match seek(from, libc::SEEK_DATA) {
        Ok(start) => Ok(Some((start, seek(start, libc::SEEK_HOLE)?))),
        Err(error) if error.raw_os_error() == Some(libc::ENXIO) => Ok(None),
        Err(error) => Err(error),
    }
}

/// `pivot_root(2)`.
pub fn pivot_root(new_root: &Path, put_old: &Path) -> io::Result<()> {
    let (new_root, put_old) = (c_path(new_root)?, c_path(put_old)?);
    // SAFETY: both are C strings.
    check_long(unsafe { libc::syscall(libc::SYS_pivot_root, new_root.as_ptr(), put_old.as_ptr()) })?;
    Ok(())
}

/// Takes a mount out of sight; it goes when its last user does.
pub fn unmount_lazily(path: &Path) -> io::Result<()> {
    let path = c_path(path)?;
    // SAFETY: the path is a C string.
    check(unsafe { libc::umount2(path.as_ptr(), libc::MNT_DETACH) })?;
    Ok(())
}

/// Moves this process into new namespaces (`CLONE_NEW*`).
pub fn unshare(flags: libc::c_int) -> io::Result<()> {
    // SAFETY: plain flags; changes only this process.
    check(unsafe { libc::unshare(flags) })?;
    Ok(())
}

/// Sets the host name of this UTS namespace.
pub fn set_host_name(name: &str) -> io::Result<()> {
    // SAFETY: pointer and length describe the text.
    check(unsafe { libc::sethostname(name.as_ptr().cast(), name.len()) })?;
    Ok(())
}

/// Brings up the loopback interface of this network namespace.
pub fn loopback_up() -> io::Result<()> {
    // SAFETY: plain integers; the kernel makes a descriptor.
    let socket = own(unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) })?;
    // SAFETY: an all-zero ifreq is valid; the name is two bytes and a NUL.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name[0] = b'l' as libc::c_char;
    request.ifr_name[1] = b'o' as libc::c_char;
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: SIOCSIFFLAGS reads one ifreq.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &request) })?;
    Ok(())
}

/// A TCP listener on this network namespace's 127.0.0.1.
pub fn listen_on_loopback(port: u16) -> io::Result<OwnedFd> {
    std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, port)).map(OwnedFd::from)
}

/// Whether this is a TCP socket of IPv4 that listens.
pub fn is_tcp_listener(socket: BorrowedFd<'_>) -> bool {
    let option = |name| {
        let mut value: libc::c_int = 0;
        let mut length = size_of::<libc::c_int>() as libc::socklen_t;
        // SAFETY: pointer and length describe one integer.
        let asked = unsafe {
            libc::getsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                name,
                (&raw mut value).cast(),
                &raw mut length,
            )
        };
        (asked == 0).then_some(value)
    };
    option(libc::SO_DOMAIN) == Some(libc::AF_INET)
        && option(libc::SO_PROTOCOL) == Some(libc::IPPROTO_TCP)
        && option(libc::SO_ACCEPTCONN) == Some(1)
}
