//! Every raw system call of the host and the sandbox, each behind a safe function where it can be one.
//!
//! Nothing here decides anything: policy is in `plan`, order is in `outer` and `session`. Functions that are only
//! sound in a process with one thread, or that change the process for good, say so.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::time::Duration;

pub mod ptrace;

/// The most descriptors that one message may carry.
pub const MAX_DESCRIPTORS: usize = 32;

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

// ---------------------------------------------------------------------------------------------- descriptors

/// The kinds of socket pair that the protocol uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketKind {
    /// A byte stream.
    Stream,
    /// Messages with boundaries, in order.
    Packet,
}

/// A connected pair of Unix sockets, closed on exec.
pub fn socket_pair(kind: SocketKind) -> io::Result<(OwnedFd, OwnedFd)> {
    let kind = match kind {
        SocketKind::Stream => libc::SOCK_STREAM,
        SocketKind::Packet => libc::SOCK_SEQPACKET,
    };
    let mut fds = [0; 2];
    // SAFETY: `fds` holds two integers, as the call wants.
    check(unsafe { libc::socketpair(libc::AF_UNIX, kind | libc::SOCK_CLOEXEC, 0, fds.as_mut_ptr()) })?;
    Ok((own(fds[0])?, own(fds[1])?))
}

/// A pipe, closed on exec: the end to read, the end to write.
pub fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut fds = [0; 2];
    // SAFETY: `fds` holds two integers, as the call wants.
    check(unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC) })?;
    Ok((own(fds[0])?, own(fds[1])?))
}

/// Whether a call may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// Block until done.
    Block,
    /// Return `WouldBlock` instead.
    Never,
}

/// Sends bytes and descriptors on a socket. On a stream fewer bytes than given may be taken; the descriptors go
/// with the first of them.
pub fn send(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    fds: &[BorrowedFd<'_>],
    waiting: Waiting,
) -> io::Result<usize> {
    let raw: Vec<RawFd> = fds.iter().map(AsRawFd::as_raw_fd).collect();
    if raw.len() > MAX_DESCRIPTORS {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    // Aligned for `cmsghdr` and large enough for `MAX_DESCRIPTORS`.
    let mut control = [0u64; 2 + MAX_DESCRIPTORS / 2];
    // SAFETY: an all-zero msghdr is a valid empty one.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &mut part;
    header.msg_iovlen = 1;
    if !raw.is_empty() {
        let size = std::mem::size_of_val(raw.as_slice());
        header.msg_control = control.as_mut_ptr().cast();
        // SAFETY: pure arithmetic on a length that fits (checked against MAX_DESCRIPTORS above).
        header.msg_controllen = unsafe { libc::CMSG_SPACE(size as u32) } as _;
        // SAFETY: the control buffer is aligned, zeroed and large enough for one header and `size` bytes.
        unsafe {
            let message = libc::CMSG_FIRSTHDR(&header);
            (*message).cmsg_level = libc::SOL_SOCKET;
            (*message).cmsg_type = libc::SCM_RIGHTS;
            (*message).cmsg_len = libc::CMSG_LEN(size as u32) as _;
            std::ptr::copy_nonoverlapping(raw.as_ptr().cast(), libc::CMSG_DATA(message), size);
        }
    }
    let flags = libc::MSG_NOSIGNAL | if waiting == Waiting::Never { libc::MSG_DONTWAIT } else { 0 };
    // SAFETY: the header points at buffers that outlive the call.
    check_size(unsafe { libc::sendmsg(socket.as_raw_fd(), &header, flags) })
}

/// Receives bytes and whatever descriptors come with them. More descriptors than [`MAX_DESCRIPTORS`] is an error;
/// none of them stays open.
pub fn receive(
    socket: BorrowedFd<'_>,
    buffer: &mut [u8],
    waiting: Waiting,
) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let mut control = [0u64; 2 + MAX_DESCRIPTORS / 2];
    // SAFETY: an all-zero msghdr is a valid empty one.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &mut part;
    header.msg_iovlen = 1;
    header.msg_control = control.as_mut_ptr().cast();
    header.msg_controllen = std::mem::size_of_val(&control) as _;
    let flags = libc::MSG_CMSG_CLOEXEC | if waiting == Waiting::Never { libc::MSG_DONTWAIT } else { 0 };
    // SAFETY: the header points at buffers that outlive the call.
    let count = check_size(unsafe { libc::recvmsg(socket.as_raw_fd(), &mut header, flags) })?;
    let mut fds = Vec::new();
    // SAFETY: the kernel filled the control buffer; the CMSG macros walk it within `msg_controllen`, and every
    // descriptor found there was made for this process by this call.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(&header);
        while !message.is_null() {
            if (*message).cmsg_level == libc::SOL_SOCKET && (*message).cmsg_type == libc::SCM_RIGHTS {
                let bytes = (*message).cmsg_len as usize - libc::CMSG_LEN(0) as usize;
                let first: *const RawFd = libc::CMSG_DATA(message).cast();
                for index in 0..bytes / size_of::<RawFd>() {
                    fds.push(OwnedFd::from_raw_fd(first.add(index).read_unaligned()));
                }
            }
            message = libc::CMSG_NXTHDR(&header, message);
        }
    }
    if header.msg_flags & libc::MSG_CTRUNC != 0 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "too many descriptors in one message"));
    }
    Ok((count, fds))
}

/// Bytes that wait in a pipe or socket to be read.
pub fn unread(fd: BorrowedFd<'_>) -> io::Result<usize> {
    let mut count: libc::c_int = 0;
    // SAFETY: FIONREAD writes one int.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::FIONREAD, &mut count) })?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// Reads without waiting, whatever the descriptor's own mode; only for descriptors set non-blocking or sockets.
pub fn read(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the buffer is valid for its length.
    check_size(unsafe { libc::read(fd.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) })
}

/// Writes once; fewer bytes than given may be taken.
pub fn write(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: the buffer is valid for its length.
    check_size(unsafe { libc::write(fd.as_raw_fd(), bytes.as_ptr().cast(), bytes.len()) })
}

/// Makes reads and writes on this open file return `WouldBlock` instead of waiting.
pub fn set_nonblocking(fd: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: F_GETFL and F_SETFL take and return plain integers.
    unsafe {
        let flags = check(libc::fcntl(fd.as_raw_fd(), libc::F_GETFL))?;
        check(libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, flags | libc::O_NONBLOCK))?;
    }
    Ok(())
}

/// Asks for a larger pipe buffer; the kernel may refuse, which costs only speed.
pub fn enlarge_pipe(fd: BorrowedFd<'_>, bytes: i32) {
    // SAFETY: F_SETPIPE_SZ takes a plain integer.
    let _ = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETPIPE_SZ, bytes) };
}

/// A copy of a descriptor at `lowest` or above, closed on exec.
pub fn duplicate_above(fd: BorrowedFd<'_>, lowest: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: F_DUPFD_CLOEXEC takes a plain integer and makes a new descriptor.
    own(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, lowest) })
}

/// Puts a copy of `fd` at exactly `number`, inherited over exec, closing what was there.
pub fn place(fd: BorrowedFd<'_>, number: RawFd) -> io::Result<()> {
    // SAFETY: the caller gives up whatever was at `number`; no owner of it exists in the callers' design.
    check(unsafe { libc::dup2(fd.as_raw_fd(), number) })?;
    Ok(())
}

/// Waits until a write would find room, at most `timeout_ms`. A descriptor that is closed counts as ready: the write
/// says what is wrong with it.
pub fn wait_for_room(fd: BorrowedFd<'_>, timeout_ms: i32) -> io::Result<bool> {
    let mut poll = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLOUT, revents: 0 };
    // SAFETY: the pointer is to one pollfd, as the count says.
    check(unsafe { libc::poll(&mut poll, 1, timeout_ms) })?;
    Ok(poll.revents != 0)
}

/// Puts an empty file at descriptor 0 if there is none.
pub fn fill_standard_input() -> io::Result<()> {
    // SAFETY: F_GETFD takes and returns plain integers.
    if unsafe { libc::fcntl(0, libc::F_GETFD) } >= 0 {
        return Ok(());
    }
    let null = std::fs::File::open("/dev/null")?;
    // The lowest free number is 0, unless another thread was faster.
    if null.as_raw_fd() != 0 {
        return place(null.as_fd(), 0);
    }
    // SAFETY: F_SETFD takes a plain integer. Children inherit their stdin.
    check(unsafe { libc::fcntl(null.into_raw_fd(), libc::F_SETFD, 0) })?;
    Ok(())
}

/// Puts a copy of `fd` at exactly `number`, closed on exec, closing what was there.
pub fn place_private(fd: BorrowedFd<'_>, number: RawFd) -> io::Result<()> {
    // SAFETY: as in `place`.
    check(unsafe { libc::dup3(fd.as_raw_fd(), number, libc::O_CLOEXEC) })?;
    Ok(())
}

/// Closes every descriptor from `first` to `last`. Only for processes that are about to become something else:
/// owners of those descriptors must never run again.
pub fn close_range(first: RawFd, last: RawFd) -> io::Result<()> {
    // SAFETY: see above; the callers fork or exec and leave their owners behind.
    check_long(unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) })?;
    Ok(())
}

/// Borrows a descriptor by its number, for the fixed places that the launch agrees on.
pub fn borrow(number: RawFd) -> BorrowedFd<'static> {
    // SAFETY: the callers use numbers that stay open for the life of the process.
    unsafe { BorrowedFd::borrow_raw(number) }
}

/// Takes ownership of a descriptor that was handed to this process at an agreed number. Call once per number.
pub fn adopt(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: F_GETFD has no side effect and fails on a closed descriptor.
    check(unsafe { libc::fcntl(number, libc::F_GETFD) })?;
    own(number)
}

/// How often sealing is tried.
const SEALING: u32 = 40;

/// An anonymous file with these bytes, sealed against every further change.
pub fn sealed_memfd(name: &CStr, bytes: &[u8]) -> io::Result<OwnedFd> {
    // SAFETY: `name` is a C string.
    let fd = own(unsafe { libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING) })?;
    let mut rest = bytes;
    while !rest.is_empty() {
        use std::os::fd::AsFd;
        match write(fd.as_fd(), rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => rest = &rest[count..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let seals = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_WRITE | libc::F_SEAL_SEAL;
    // While the kernel holds a page for a moment, as it does when it moves memory, sealing answers `EBUSY`.
    for _ in 0..SEALING {
        // SAFETY: F_ADD_SEALS takes a plain integer.
        match check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_ADD_SEALS, seals) }) {
            Ok(_) => return Ok(fd),
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::ResourceBusy.into())
}

/// Reads a whole memfd that somebody else made: it must be one, sealed against change, and exactly `length` long.
pub fn read_sealed(fd: BorrowedFd<'_>, length: usize) -> io::Result<Vec<u8>> {
    let refuse = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    // SAFETY: F_GET_SEALS has no side effect and fails on anything but a memfd.
    let seals = check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GET_SEALS) })
        .map_err(|_| refuse("a blob's descriptor is not a memfd"))?;
    let wanted = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_WRITE;
    if seals & wanted != wanted {
        return Err(refuse("a blob's memfd is not sealed"));
    }
    // SAFETY: an all-zero stat is a valid place for the call to write to.
    let mut stat: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: `stat` is valid for writing.
    check(unsafe { libc::fstat(fd.as_raw_fd(), &mut stat) })?;
    if usize::try_from(stat.st_size).ok() != Some(length) {
        return Err(refuse("a blob's memfd has another size than said"));
    }
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while filled < length {
        let rest = &mut bytes[filled..];
        // SAFETY: the slice is valid for its length; the offset is within the file.
        let count = check_size(unsafe {
            libc::pread(fd.as_raw_fd(), rest.as_mut_ptr().cast(), rest.len(), filled as libc::off_t)
        })?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        filled += count;
    }
    Ok(bytes)
}

/// What to wait for on a descriptor, and what came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interest {
    /// The descriptor's number.
    pub fd: RawFd,
    /// Wake when it can be read (or its peer is gone).
    pub readable: bool,
    /// Wake when it can be written.
    pub writable: bool,
}

/// Waits until one of the descriptors is ready or `timeout_ms` is over (negative: for ever). The result says for
/// each whether it is readable or hung up, and whether it is writable.
pub fn wait(interests: &[Interest], timeout_ms: i32) -> io::Result<Vec<(bool, bool)>> {
    let mut polls: Vec<libc::pollfd> = interests
        .iter()
        .map(|interest| libc::pollfd {
            fd: interest.fd,
            events: if interest.readable { libc::POLLIN } else { 0 }
                | if interest.writable { libc::POLLOUT } else { 0 },
            revents: 0,
        })
        .collect();
    // SAFETY: the slice is valid for its length.
    check(unsafe { libc::poll(polls.as_mut_ptr(), polls.len() as libc::nfds_t, timeout_ms) })?;
    let gone = libc::POLLHUP | libc::POLLERR;
    Ok(polls
        .iter()
        .map(|p| (p.revents & (libc::POLLIN | gone) != 0, p.revents & (libc::POLLOUT | gone) != 0))
        .collect())
}

// ------------------------------------------------------------------------------------------- mounts and names

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

// ------------------------------------------------------------------------------------------------- processes

/// What [`fork`] returns on either side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forked {
    /// In the parent: the child's pid.
    Parent(i32),
    /// In the child.
    Child,
}

/// `fork(2)` through libc, so that its at-fork handlers run (OpenBLAS and malloc depend on them).
///
/// # Safety
/// In a process with several threads the child may only use what is safe after fork until it execs or exits. The
/// launcher has one thread; the zygote holds the interpreter's lock and refuses to serve with more than one.
pub unsafe fn fork() -> io::Result<Forked> {
    // SAFETY: the caller keeps the contract above.
    match check(unsafe { libc::fork() })? {
        0 => Ok(Forked::Child),
        pid => Ok(Forked::Parent(pid)),
    }
}

/// Forks a copy of this process that is not its child but its sibling, so that code which waits for its own children
/// never meets it. `Ok(None)` when this kernel cannot do it.
///
/// The C library's at-fork handlers do not run, so this is only for processes with one thread.
///
/// # Safety
/// The caller has one thread and holds no lock that the copy would need.
pub unsafe fn fork_beside() -> io::Result<Option<Forked>> {
    // Where the C library keeps this thread's id; the copy's own must be written there, or `abort` in it would
    // signal this process.
    let mut address: usize = 0;
    // SAFETY: PR_GET_TID_ADDRESS writes one pointer.
    let asked = unsafe { libc::prctl(libc::PR_GET_TID_ADDRESS, &raw mut address, 0, 0, 0) };
    if asked < 0 || address == 0 {
        return Ok(None);
    }
    let flags = libc::CLONE_PARENT | libc::CLONE_CHILD_SETTID | libc::CLONE_CHILD_CLEARTID | libc::SIGCHLD;
    // SAFETY: no new stack and no shared memory: the same as fork but for who the parent is. The caller keeps the
    // contract on threads and locks.
    #[cfg(target_arch = "x86_64")]
    let result = unsafe { libc::syscall(libc::SYS_clone, flags, 0usize, 0usize, address, 0usize) };
    // SAFETY: as above; other architectures take the last two arguments the other way round.
    #[cfg(not(target_arch = "x86_64"))]
    let result = unsafe { libc::syscall(libc::SYS_clone, flags, 0usize, 0usize, 0usize, address) };
    match check_long(result)? {
        0 => Ok(Some(Forked::Child)),
        pid => Ok(Some(Forked::Parent(pid as i32))),
    }
}

/// Threads of this process.
pub fn own_threads() -> io::Result<usize> {
    Ok(std::fs::read_dir("/proc/self/task")?.count())
}

/// Bytes of memory that are this process's own and not a file's, roughly: resident less shared, or, where `/proc` is
/// closed to it, the most that has been resident.
pub fn own_memory() -> io::Result<u64> {
    let Ok(text) = std::fs::read_to_string("/proc/self/statm") else { return peak_memory() };
    let mut pages = text.split_whitespace().skip(1).map(|number| number.parse::<u64>().unwrap_or(0));
    let (resident, shared) = (pages.next().unwrap_or(0), pages.next().unwrap_or(0));
    // SAFETY: takes a plain integer.
    let size = u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096);
    Ok(resident.saturating_sub(shared) * size)
}

fn peak_memory() -> io::Result<u64> {
    // SAFETY: an all-zero rusage is a valid place for the call to write to.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: `usage` is valid for writing.
    check(unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut usage) })?;
    Ok(usage.ru_maxrss.unsigned_abs() * 1024)
}

/// Microseconds on a clock that only goes forward.
pub fn micros() -> u64 {
    micros_of(libc::CLOCK_MONOTONIC)
}

/// Microseconds that this thread has been at work, in the kernel too.
pub fn micros_at_work() -> u64 {
    micros_of(libc::CLOCK_THREAD_CPUTIME_ID)
}

fn micros_of(clock: libc::clockid_t) -> u64 {
    // SAFETY: an all-zero timespec is a valid place for the call to write to.
    let mut time: libc::timespec = unsafe { std::mem::zeroed() };
    // SAFETY: `time` is valid for writing; the clocks of the callers always exist.
    unsafe { libc::clock_gettime(clock, &mut time) };
    time.tv_sec.unsigned_abs() * 1_000_000 + time.tv_nsec.unsigned_abs() / 1_000
}

/// The parent of a process, as this namespace numbers them; `None` if it has ended.
pub fn parent_of(pid: i32) -> Option<i32> {
    stat_field(pid, 1)
}

/// Ends this process at once, running no handler.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: never returns.
    unsafe { libc::_exit(code) }
}

/// This process's pid in its own namespace.
pub fn pid() -> i32 {
    // SAFETY: always succeeds.
    unsafe { libc::getpid() }
}

/// The parent's pid in this process's namespace; 0 when it is outside.
pub fn parent_pid() -> i32 {
    // SAFETY: always succeeds.
    unsafe { libc::getppid() }
}

/// Effective user and group id.
pub fn effective_ids() -> (u32, u32) {
    // SAFETY: both always succeed.
    unsafe { (libc::geteuid(), libc::getegid()) }
}

/// Becomes this user and group for good, with no supplementary groups.
pub fn become_user(uid: u32, gid: u32, groups: Groups) -> io::Result<()> {
    // SAFETY: plain integers; changes only this process (one thread).
    unsafe {
        if groups == Groups::Drop {
            check(libc::setgroups(0, std::ptr::null()))?;
        }
        check(libc::setresgid(gid, gid, gid))?;
        check(libc::setresuid(uid, uid, uid))?;
    }
    Ok(())
}

/// What [`become_user`] does with supplementary groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Groups {
    /// Give them up.
    Drop,
    /// Leave them: a user namespace with `setgroups` denied does not allow the call.
    Leave,
}

/// Starts a session and process group of its own.
pub fn new_process_group() -> io::Result<()> {
    // SAFETY: no arguments.
    check(unsafe { libc::setsid() })?;
    Ok(())
}

fn prctl(option: libc::c_int, argument: libc::c_ulong) -> io::Result<libc::c_int> {
    // SAFETY: the options used here take plain integers; unused arguments must be zero.
    check(unsafe {
        libc::prctl(option, argument, 0 as libc::c_ulong, 0 as libc::c_ulong, 0 as libc::c_ulong)
    })
}

/// Asks for SIGKILL when the thread that made this process ends. Cleared by a change of user id.
pub fn die_with_parent() -> io::Result<()> {
    hear_of_parents_end(KILL)
}

/// Asks for this signal when the thread that made this process ends. Cleared by a change of user id.
pub fn hear_of_parents_end(signal: i32) -> io::Result<()> {
    prctl(libc::PR_SET_PDEATHSIG, signal as libc::c_ulong).map(drop)
}

/// Gives up, for good, every way of gaining rights by exec.
pub fn no_new_privileges() -> io::Result<()> {
    prctl(libc::PR_SET_NO_NEW_PRIVS, 1).map(drop)
}

/// Whether others of the same user may look into this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dumpable {
    /// `/proc/PID` belongs to the user.
    Yes,
    /// Memory and descriptors are closed to everybody without rights over the namespace.
    No,
}

/// Opens or closes this process to its own user.
pub fn set_dumpable(dumpable: Dumpable) -> io::Result<()> {
    prctl(libc::PR_SET_DUMPABLE, (dumpable == Dumpable::Yes) as libc::c_ulong).map(drop)
}

/// Makes orphans below this process its children.
pub fn become_subreaper() -> io::Result<()> {
    prctl(libc::PR_SET_CHILD_SUBREAPER, 1).map(drop)
}

/// Empties the bounding set, so that no exec can ever bring a capability back. Needs `CAP_SETPCAP`.
pub fn empty_bounding_set() -> io::Result<()> {
    for capability in 0..64 {
        match prctl(libc::PR_CAPBSET_READ, capability) {
            Ok(1) => {
                prctl(libc::PR_CAPBSET_DROP, capability)?;
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    Ok(())
}

/// Drops every capability that this process holds or could pass on.
pub fn drop_capabilities() -> io::Result<()> {
    prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as libc::c_ulong)?;
    clear_capability_sets()
}

fn clear_capability_sets() -> io::Result<()> {
    #[repr(C)]
    struct Header {
        version: u32,
        pid: i32,
    }
    // _LINUX_CAPABILITY_VERSION_3: two triples of effective, permitted, inheritable.
    let header = Header { version: 0x2008_0522, pid: 0 };
    let none = [0u32; 6];
    // SAFETY: both structures have the layout that version 3 asks for.
    check_long(unsafe { libc::syscall(libc::SYS_capset, &header as *const Header, none.as_ptr()) })?;
    Ok(())
}

/// A resource whose use by one process the kernel can bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// Bytes of private writable memory.
    Data,
    /// Processes and threads of the user, counted per user namespace.
    Processes,
    /// One more than the highest descriptor.
    Files,
    /// Bytes in any one file written.
    FileSize,
    /// Bytes of a core dump.
    Core,
    /// Bytes in POSIX message queues.
    MessageQueues,
    /// Bytes locked into memory.
    LockedMemory,
    /// Bytes of stack.
    Stack,
}

fn resource_number(resource: Resource) -> libc::__rlimit_resource_t {
    match resource {
        Resource::Data => libc::RLIMIT_DATA,
        Resource::Processes => libc::RLIMIT_NPROC,
        Resource::Files => libc::RLIMIT_NOFILE,
        Resource::FileSize => libc::RLIMIT_FSIZE,
        Resource::Core => libc::RLIMIT_CORE,
        Resource::MessageQueues => libc::RLIMIT_MSGQUEUE,
        Resource::LockedMemory => libc::RLIMIT_MEMLOCK,
        Resource::Stack => libc::RLIMIT_STACK,
    }
}

/// The soft limit that the kernel keeps for this process.
pub fn get_limit(resource: Resource) -> io::Result<u64> {
    Ok(limits_of(resource)?.rlim_cur)
}

/// The hard limit that the kernel keeps for this process.
pub fn get_hard_limit(resource: Resource) -> io::Result<u64> {
    Ok(limits_of(resource)?.rlim_max)
}

fn limits_of(resource: Resource) -> io::Result<libc::rlimit> {
    // SAFETY: an all-zero rlimit is a valid place for the call to write to.
    let mut now: libc::rlimit = unsafe { std::mem::zeroed() };
    // SAFETY: `now` is valid for writing.
    check(unsafe { libc::getrlimit(resource_number(resource), &mut now) })?;
    Ok(now)
}

/// Sets soft and hard limit for this process and its future children, never above what there is.
pub fn set_limit(resource: Resource, value: u64) -> io::Result<()> {
    let which = resource_number(resource);
    // SAFETY: an all-zero rlimit is a valid place for the call to write to.
    let mut now: libc::rlimit = unsafe { std::mem::zeroed() };
    // SAFETY: `now` is valid for writing.
    check(unsafe { libc::getrlimit(which, &mut now) })?;
    let value = value.min(now.rlim_max);
    let limit = libc::rlimit { rlim_cur: value, rlim_max: value };
    // SAFETY: the structure outlives the call.
    check(unsafe { libc::setrlimit(which, &limit) })?;
    Ok(())
}

/// Sets the two limits apart: code may raise the soft one up to the hard one by itself.
pub fn set_soft_and_hard(resource: Resource, soft: u64, hard: u64) -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: soft.min(hard), rlim_max: hard };
    // SAFETY: the structure outlives the call.
    check(unsafe { libc::setrlimit(resource_number(resource), &limit) })?;
    Ok(())
}

/// Raises a soft limit to the hard one; gives back what it was, for [`take_back`].
pub fn lend(resource: Resource) -> Option<u64> {
    let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `now` is valid for writing, then for reading.
    unsafe {
        check(libc::getrlimit(resource_number(resource), &mut now)).ok()?;
        let before = now.rlim_cur;
        now.rlim_cur = now.rlim_max;
        check(libc::setrlimit(resource_number(resource), &now)).ok()?;
        Some(before)
    }
}

/// Puts a soft limit back.
pub fn take_back(resource: Resource, before: u64) {
    let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `now` is valid for writing, then for reading. Lowering a soft limit cannot fail.
    unsafe {
        if libc::getrlimit(resource_number(resource), &mut now) == 0 {
            now.rlim_cur = before.min(now.rlim_max);
            let _ = libc::setrlimit(resource_number(resource), &now);
        }
    }
}

/// What a signal does to this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// What the kernel does by itself.
    Default,
    /// Nothing.
    Ignore,
}

/// Sets what a signal does to this process.
pub fn set_signal(signal: i32, disposition: Disposition) -> io::Result<()> {
    let handler = match disposition {
        Disposition::Default => libc::SIG_DFL,
        Disposition::Ignore => libc::SIG_IGN,
    };
    // SAFETY: neither disposition runs code of ours.
    if unsafe { libc::signal(signal, handler) } == libc::SIG_ERR {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// Number of the child-ended signal.
pub const CHILD_ENDED: i32 = libc::SIGCHLD;
/// Number of the keyboard's interrupt.
pub const INTERRUPT: i32 = libc::SIGINT;
/// Number of the signal nobody survives.
pub const KILL: i32 = libc::SIGKILL;
/// Number of the signal that stops a process, whatever it thinks of that.
pub const STOP: i32 = libc::SIGSTOP;
/// Number of the signal that lets it go on.
pub const CONTINUE: i32 = libc::SIGCONT;
/// Number of the signal that asks to end.
pub const TERMINATE: i32 = libc::SIGTERM;
/// Number of the file-too-large signal.
pub const FILE_TOO_LARGE: i32 = libc::SIGXFSZ;

/// Lets a signal through to this thread again, in case code has blocked it.
pub fn unblock(signal: i32) -> io::Result<()> {
    // SAFETY: the set is initialised before use; the call changes only this thread's mask.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        check(libc::sigemptyset(&mut set))?;
        check(libc::sigaddset(&mut set, signal))?;
        match libc::pthread_sigmask(libc::SIG_UNBLOCK, &set, std::ptr::null_mut()) {
            0 => Ok(()),
            code => Err(io::Error::from_raw_os_error(code)),
        }
    }
}

unsafe extern "C" {
    static stdout: *mut libc::FILE;
}

/// Lets what C code prints leave at the end of each line, in order with everything else, although it goes to a pipe.
/// Nothing may have been printed yet.
pub fn print_by_lines() {
    // SAFETY: the C library keeps `stdout` open and makes its own buffer; a refusal changes nothing.
    let _ = unsafe { libc::setvbuf(stdout, std::ptr::null_mut(), libc::_IOLBF, 0) };
}

/// Writes out what C code has printed and not ended with a newline.
pub fn flush_printed() {
    // SAFETY: as above; flushing takes the stream's own lock.
    let _ = unsafe { libc::fflush(stdout) };
}

/// Blocks these signals and gives a descriptor that becomes readable when one comes; see [`next_signal`].
pub fn signal_events(signals: &[i32]) -> io::Result<OwnedFd> {
    // SAFETY: the set is initialised before use; the calls change only this thread's mask.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        check(libc::sigemptyset(&mut set))?;
        for signal in signals {
            check(libc::sigaddset(&mut set, *signal))?;
        }
        check(libc::sigprocmask(libc::SIG_BLOCK, &set, std::ptr::null_mut()))?;
        own(libc::signalfd(-1, &set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK))
    }
}

/// The number of the next signal that has come, if one has.
pub fn next_signal(events: BorrowedFd<'_>) -> Option<i32> {
    let mut event = [0; std::mem::size_of::<libc::signalfd_siginfo>()];
    let count = read(events, &mut event).ok()?;
    // The number is the record's first field.
    let number = event.first_chunk::<4>().filter(|_| count == event.len())?;
    i32::try_from(u32::from_ne_bytes(*number)).ok()
}

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// `exit(code)`.
    Code(i32),
    /// Killed by this signal.
    Signal(i32),
}

fn ended(status: libc::c_int) -> Ended {
    if libc::WIFSIGNALED(status) {
        Ended::Signal(libc::WTERMSIG(status))
    } else {
        Ended::Code(libc::WEXITSTATUS(status))
    }
}

/// Collects one ended child, any if `pid` is `None`; `Ok(None)` when none has ended and `waiting` is `Never`.
pub fn reap(pid: Option<i32>, waiting: Waiting) -> io::Result<Option<(i32, Ended)>> {
    let options = if waiting == Waiting::Never { libc::WNOHANG } else { 0 };
    loop {
        let mut status = 0;
        // SAFETY: `status` is valid for writing.
        match check(unsafe { libc::waitpid(pid.unwrap_or(-1), &mut status, options) }) {
            Ok(0) => return Ok(None),
            Ok(child) => return Ok(Some((child, ended(status)))),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Sends a signal to a child, or with a negative number to the process group of one. Only for pids whose parent
/// this process is and that it has not reaped, so that the number cannot have been given to somebody else.
pub fn signal_child(pid: i32, signal: i32) -> io::Result<()> {
    if pid == 0 || pid == -1 || pid == 1 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: plain integers; the guard above excludes "everybody".
    check(unsafe { libc::kill(pid, signal) })?;
    Ok(())
}

/// A stable reference to a process that may end and whose number may be given away.
pub fn open_process(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: plain integers; the kernel makes a descriptor.
    own(check_long(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })? as libc::c_int)
}

/// Sends a signal to exactly the process that `process` refers to.
pub fn signal_process(process: BorrowedFd<'_>, signal: i32) -> io::Result<()> {
    // SAFETY: plain integers and a null siginfo.
    check_long(unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            process.as_raw_fd(),
            signal,
            std::ptr::null::<libc::siginfo_t>(),
            0,
        )
    })?;
    Ok(())
}

/// Whether the other side of a socket is gone.
pub fn is_hung_up(fd: BorrowedFd<'_>) -> bool {
    let mut poll = libc::pollfd { fd: fd.as_raw_fd(), events: 0, revents: 0 };
    // SAFETY: one valid record, and no waiting.
    let ready = check(unsafe { libc::poll(&mut poll, 1, 0) });
    ready.is_ok() && poll.revents & (libc::POLLHUP | libc::POLLERR) != 0
}

/// The pids of all processes below this one, as this namespace numbers them. They may end at any moment; use
/// [`open_process`] before doing anything to one.
pub fn descendants() -> Vec<i32> {
    below(children(pid()))
}

/// These processes and all below them.
pub fn below(mut found: Vec<i32>) -> Vec<i32> {
    let mut next = 0;
    while next < found.len() && found.len() < 100_000 {
        let more = children(found[next]);
        found.extend(more);
        next += 1;
    }
    found
}

/// The pids of a process's children.
pub fn children(pid: i32) -> Vec<i32> {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    threads
        .flatten()
        .filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<i32>>())
        .collect()
}

/// The pids of everything that lives and whose own pid namespace is this one, but for this process.
pub fn everybody_here() -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_here = |pid: &i32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        // One number for each namespace from this one down.
        let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
        numbers.is_none_or(|numbers| numbers.split_whitespace().count() == 1)
    };
    pids.filter(|pid| *pid != self::pid() && start_ticks(*pid).is_some()).filter(is_here).collect()
}

/// Threads of a process; 0 if it has ended.
pub fn threads_of(pid: i32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count)
}

/// When a process started, in clock ticks since boot; `None` if it has ended.
pub fn start_ticks(pid: i32) -> Option<u64> {
    stat_field(pid, 19)
}

/// A number from `/proc/PID/stat`, counted from the state, which is field 3.
fn stat_field<T: std::str::FromStr>(pid: i32, index: usize) -> Option<T> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in field 2 may hold anything; the last `)` ends it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    // A zombie has ended and only waits to be collected.
    if fields.clone().next().is_none_or(|state| matches!(state, "Z" | "X")) {
        return None;
    }
    fields.nth(index)?.parse().ok()
}

/// Processes and threads that this process's user has on the whole machine.
pub fn tasks_of_user() -> io::Result<u64> {
    let (uid, _) = effective_ids();
    let mut count = 0;
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let Ok(status) = std::fs::read_to_string(entry.path().join("status")) else { continue };
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
        let owner = field("Uid:").and_then(|ids| ids.split_whitespace().next()?.parse().ok());
        if owner == Some(uid) {
            count += field("Threads:").and_then(|number| number.trim().parse::<u64>().ok()).unwrap_or(1);
        }
    }
    Ok(count)
}

/// Clock ticks since boot, the unit of a process's start time in `/proc/PID/stat`.
pub fn ticks_since_boot() -> io::Result<u64> {
    let (since_boot, tick) = clock()?;
    Ok(u64::try_from(since_boot.as_nanos() / tick.as_nanos()).unwrap_or(u64::MAX))
}

/// How long this clock tick will last.
pub fn rest_of_tick() -> io::Result<Duration> {
    let (since_boot, tick) = clock()?;
    let begun = u64::try_from(since_boot.as_nanos() % tick.as_nanos()).unwrap_or(0);
    Ok(tick.saturating_sub(Duration::from_nanos(begun)))
}

/// The time since boot, and how long a clock tick is.
fn clock() -> io::Result<(Duration, Duration)> {
    // SAFETY: an all-zero timespec is a valid place for the call to write to.
    let mut time: libc::timespec = unsafe { std::mem::zeroed() };
    // SAFETY: `time` is valid for writing.
    check(unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &mut time) })?;
    // SAFETY: takes a plain integer.
    let per_second = u32::try_from(unsafe { libc::sysconf(libc::_SC_CLK_TCK) }).unwrap_or(100).max(1);
    let nanos = u32::try_from(time.tv_nsec).unwrap_or(0);
    Ok((Duration::new(time.tv_sec.unsigned_abs(), nanos), Duration::from_secs(1) / per_second))
}

/// The number given last to a process or thread of this pid namespace; `None` where that is hidden.
pub fn youngest_pid() -> Option<i32> {
    std::fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().nth(4)?.parse().ok()
}

/// Whether this process has children, ended ones included.
pub fn has_children() -> bool {
    // SAFETY: an all-zero siginfo is a valid place for the call to write to.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: `info` is valid for writing; WNOWAIT leaves whatever has ended to its owner.
    unsafe { libc::waitid(libc::P_ALL, 0, &mut info, flags) == 0 }
}

/// Whether the parent has children beside this process and those that are `known`, as far as that can be seen.
pub fn has_siblings_but(known: &[i32]) -> bool {
    children(parent_pid()).into_iter().any(|pid| pid != self::pid() && !known.contains(&pid))
}

/// What the kernel says of this thread, as `/proc/thread-self/status` shows it.
pub fn own_status() -> io::Result<String> {
    std::fs::read_to_string("/proc/thread-self/status")
}

/// The Landlock version that the running kernel speaks; 0 when it has none or it is switched off.
pub fn landlock_version() -> u32 {
    // SAFETY: with a null attribute and LANDLOCK_CREATE_RULESET_VERSION (1) the call only returns a number.
    let version =
        unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0usize, 1u32) };
    u32::try_from(version).unwrap_or(0)
}

/// A socket of this family and type, opened only to see whether that is possible.
pub fn try_socket(family: i32, kind: i32) -> io::Result<OwnedFd> {
    // SAFETY: plain integers; the kernel makes a descriptor.
    own(unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC, 0) })
}

/// Tries to connect a TCP socket to an IPv4 address without waiting.
pub fn try_connect(address: [u8; 4], port: u16) -> io::Result<()> {
    let socket = try_socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_NONBLOCK)?;
    // SAFETY: an all-zero sockaddr_in is valid.
    let mut to: libc::sockaddr_in = unsafe { std::mem::zeroed() };
    to.sin_family = libc::AF_INET as libc::sa_family_t;
    to.sin_port = port.to_be();
    to.sin_addr.s_addr = u32::from_ne_bytes(address);
    // SAFETY: pointer and length describe one sockaddr_in.
    let result = unsafe {
        libc::connect(
            socket.as_raw_fd(),
            (&raw const to).cast(),
            size_of::<libc::sockaddr_in>() as libc::socklen_t,
        )
    };
    check(result)?;
    Ok(())
}
