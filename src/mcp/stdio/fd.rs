//! Reading and writing stdin and stdout without blocking the runtime, whatever they are.
//!
//! `O_NONBLOCK` belongs to an open file description, and ours are shared with the client that started us, so
//! it is never set on them: sockets take a flag per call, pipes are opened a second time, and where that is
//! not possible a poll comes before each bounded call. Files and terminals, which cannot be waited for, are
//! read by a thread of their own.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, OFlags, fstat};
use rustix::net::{RecvFlags, SendFlags, recv, send};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;

use crate::watch::watch;

/// A pipe that is ready for writing takes this much without blocking (`PIPE_BUF`).
const PIPE_BUF: usize = 4096;

/// Bytes that the reading thread hands over at a time.
const CHUNK: usize = 64 << 10;

/// How one call on a descriptor is kept from blocking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// A socket: a flag in each call.
    Flag,
    /// A pipe with a description of its own, in non-blocking mode.
    Own,
    /// A description that is shared and blocking: a poll before each call.
    Poll,
}

/// Where requests come from.
#[derive(Debug)]
pub(super) enum Source {
    /// Something that can be waited for.
    Waitable(AsyncFd<OwnedFd>, ReadManner),
    /// A file or a terminal, read by a thread.
    Thread(mpsc::Receiver<io::Result<Vec<u8>>>, Vec<u8>),
}

/// See [`Manner`]; a name of its own keeps the enum above readable from outside.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReadManner(Manner);

/// Where answers go.
#[derive(Debug)]
pub(super) struct Sink {
    waitable: Option<AsyncFd<OwnedFd>>,
    direct: Option<File>,
    manner: Manner,
}

impl Source {
    /// Takes over a descriptor that is open for reading.
    pub(super) fn new(fd: OwnedFd) -> io::Result<Self> {
        if let Some((fd, manner)) = waitable(&fd, Direction::Read)?
            && let Ok(fd) = watch(fd, Interest::READABLE)
        {
            return Ok(Self::Waitable(fd, ReadManner(manner)));
        }
        let (sender, receiver) = mpsc::channel(2);
        let mut file = File::from(fd);
        // A plain thread, because nothing waits for it at exit: a terminal may never answer.
        std::thread::Builder::new().name("stdin".to_owned()).spawn(move || {
            loop {
                let mut chunk = vec![0; CHUNK];
                let result = file.read(&mut chunk).map(|n| {
                    chunk.truncate(n);
                    chunk
                });
                let last = !matches!(&result, Ok(chunk) if !chunk.is_empty());
                if sender.blocking_send(result).is_err() || last {
                    return;
                }
            }
        })?;
        Ok(Self::Thread(receiver, Vec::new()))
    }

    /// Appends what can be read now to `into`, waiting for at least one byte; 0 is the end.
    ///
    /// Dropping the future loses nothing.
    pub(super) async fn read(&mut self, into: &mut Vec<u8>, most: usize) -> io::Result<usize> {
        match self {
            Self::Waitable(fd, ReadManner(manner)) => loop {
                // The usual case is that the next request is not there yet, so waiting comes first.
                let mut guard = fd.readable().await?;
                into.reserve(most);
                match guard.try_io(|fd| read_now(fd.get_ref(), *manner, into)) {
                    Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                    Ok(result) => return result,
                    Err(_would_block) => {}
                }
            },
            Self::Thread(receiver, rest) => {
                if rest.is_empty() {
                    match receiver.recv().await {
                        Some(chunk) => *rest = chunk?,
                        None => return Ok(0),
                    }
                }
                let count = rest.len().min(most);
                into.extend(rest.drain(..count));
                Ok(count)
            }
        }
    }
}

impl Sink {
    /// Takes over a descriptor that is open for writing.
    pub(super) fn new(fd: OwnedFd) -> io::Result<Self> {
        if let Some((fd, manner)) = waitable(&fd, Direction::Write)?
            && let Ok(fd) = watch(fd, Interest::WRITABLE)
        {
            return Ok(Self { waitable: Some(fd), direct: None, manner });
        }
        Ok(Self { waitable: None, direct: Some(File::from(fd)), manner: Manner::Own })
    }

    /// Writes what goes in without waiting; `WouldBlock` when that is nothing.
    ///
    /// Files and terminals take everything at once.
    pub(super) fn write_now(&self, bytes: &[u8]) -> io::Result<usize> {
        match (&self.waitable, &self.direct) {
            (Some(fd), _) => write_now(fd.get_ref(), self.manner, bytes),
            (None, Some(file)) => (&*file).write(bytes),
            (None, None) => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Waits until something can be written and lets `attempt` try; it must answer `WouldBlock` if it could not.
    pub(super) async fn when_writable(&self, attempt: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let Some(fd) = &self.waitable else { return attempt() };
        let mut guard = fd.writable().await?;
        match guard.try_io(|_| attempt()) {
            Ok(result) => result,
            Err(_would_block) => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Read,
    Write,
}

/// The descriptor to wait on and the way to use it; `None` for what cannot be waited for.
fn waitable(fd: &OwnedFd, direction: Direction) -> io::Result<Option<(OwnedFd, Manner)>> {
    match FileType::from_raw_mode(fstat(fd)?.st_mode) {
        FileType::Socket => Ok(Some((fd.try_clone()?, Manner::Flag))),
        FileType::Fifo => match reopen(fd, direction) {
            Ok(own) => Ok(Some((own, Manner::Own))),
            Err(_not_ours_to_open) => Ok(Some((fd.try_clone()?, Manner::Poll))),
        },
        _ => Ok(None),
    }
}

fn reopen(fd: &OwnedFd, direction: Direction) -> io::Result<OwnedFd> {
    let mut options = File::options();
    match direction {
        Direction::Read => options.read(true),
        Direction::Write => options.write(true),
    };
    let flags = OFlags::NONBLOCK.bits() as i32;
    Ok(options.custom_flags(flags).open(format!("/proc/self/fd/{}", fd.as_raw_fd()))?.into())
}

/// Appends what can be read now, as far as the capacity goes.
fn read_now(fd: &OwnedFd, manner: Manner, into: &mut Vec<u8>) -> io::Result<usize> {
    match manner {
        Manner::Flag => Ok(recv(fd, spare_capacity(into), RecvFlags::DONTWAIT)?.0),
        Manner::Own => Ok(rustix::io::read(fd, spare_capacity(into))?),
        Manner::Poll => {
            ready(fd, PollFlags::IN)?;
            Ok(rustix::io::read(fd, spare_capacity(into))?)
        }
    }
}

fn write_now(fd: &OwnedFd, manner: Manner, bytes: &[u8]) -> io::Result<usize> {
    match manner {
        Manner::Flag => Ok(send(fd, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)?),
        Manner::Own => Ok(rustix::io::write(fd, bytes)?),
        Manner::Poll => {
            ready(fd, PollFlags::OUT)?;
            Ok(rustix::io::write(fd, &bytes[..bytes.len().min(PIPE_BUF)])?)
        }
    }
}

/// `WouldBlock` unless a call would return at once; a closed other end counts as ready.
fn ready(fd: &OwnedFd, wanted: PollFlags) -> io::Result<()> {
    let mut fds = [PollFd::from_borrowed_fd(fd.as_fd(), wanted)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    match poll(&mut fds, Some(&now))? {
        0 => Err(io::ErrorKind::WouldBlock.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
