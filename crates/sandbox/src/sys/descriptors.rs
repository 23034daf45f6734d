//! Descriptors: sockets, pipes, sealed memory, and where they are placed.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::time::Duration;

use super::{MAX_DESCRIPTORS, check, check_long, check_size, own};

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

/// Closes every descriptor above the standard streams but these. Only for processes whose owners of the others never
/// run again.
pub fn close_all_but(kept: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut numbers: Vec<RawFd> = kept.iter().map(AsRawFd::as_raw_fd).collect();
    numbers.sort_unstable();
    let mut first = 3;
    for number in numbers {
        if number > first {
            close_range(first, number - 1)?;
        }
        first = first.max(number + 1);
    }
    close_range(first, RawFd::MAX)
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
