//! Messages on the worker's sockets: whole datagrams on the control sockets, frames on the data stream.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use actwright_protocol::{
    Blob, Buffer, INLINE_LIMIT, MAX_BLOB, MAX_DATAGRAM, decode, encode, encode_datagram,
};
use actwright_sandbox::sys::{self, Interest, Waiting};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Makes an error of the protocol one of the socket.
pub fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// Sends one message with its boundary.
pub fn send_datagram<T: Serialize>(socket: BorrowedFd<'_>, message: &T) -> io::Result<()> {
    send_datagram_with(socket, message, &[])
}

/// Sends one message with its boundary and descriptors beside it.
pub fn send_datagram_with<T: Serialize>(
    socket: BorrowedFd<'_>,
    message: &T,
    fds: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let bytes = encode_datagram(message).map_err(invalid)?;
    sys::send(socket, &bytes, fds, Waiting::Block).map(drop)
}

/// Receives one message with the descriptors beside it; `None` when the other side is gone.
pub fn receive_datagram<T: DeserializeOwned>(
    socket: BorrowedFd<'_>,
) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
    let mut buffer = vec![0; MAX_DATAGRAM];
    let (count, fds) = sys::receive(socket, &mut buffer, Waiting::Block)?;
    if count == 0 {
        return Ok(None);
    }
    Ok(Some((decode(&buffer[..count]).map_err(invalid)?, fds)))
}

/// Sends one frame with its descriptors, however many pieces the kernel takes it in.
pub fn send_frame<T: Serialize>(
    socket: BorrowedFd<'_>,
    message: &T,
    fds: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let bytes = encode(message).map_err(invalid)?;
    let mut rest = bytes.as_slice();
    let mut fds = fds;
    while !rest.is_empty() {
        match sys::send(socket, rest, fds, Waiting::Never) {
            Ok(count) => {
                rest = &rest[count..];
                fds = &[];
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => wait_for_room(socket)?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Waits through signals: a half-sent frame must be finished, or the stream is lost.
fn wait_for_room(socket: BorrowedFd<'_>) -> io::Result<()> {
    match sys::wait(&[Interest { fd: socket.as_raw_fd(), readable: false, writable: true }], -1) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
        Err(error) => Err(error),
    }
}

/// What has been read from the data stream and is not yet taken.
#[derive(Debug, Default)]
pub struct Inbox {
    buffer: Buffer,
    fds: VecDeque<OwnedFd>,
}

/// One step of reading.
pub enum Step<T> {
    /// A whole message.
    Message(T),
    /// Nothing whole yet: read more.
    Starved,
}

impl Inbox {
    /// The next message among what has been read.
    pub fn take<T: DeserializeOwned>(&mut self) -> io::Result<Step<T>> {
        match self.buffer.next_frame().map_err(invalid)? {
            Some(frame) => Ok(Step::Message(decode(frame).map_err(invalid)?)),
            None => Ok(Step::Starved),
        }
    }

    /// Waits for more bytes; `UnexpectedEof` when the host is gone, `Interrupted` on a signal.
    pub fn fill(&mut self, socket: BorrowedFd<'_>) -> io::Result<()> {
        let mut bytes = [0; 16 << 10];
        let (count, fds) = sys::receive(socket, &mut bytes, Waiting::Block)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.buffer.extend(&bytes[..count]);
        for fd in fds {
            self.fds.push_back(above_standard(fd)?);
        }
        Ok(())
    }

    /// The next descriptor that came beside the frames.
    pub fn descriptor(&mut self) -> io::Result<OwnedFd> {
        self.fds
            .pop_front()
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a descriptor is missing"))
    }

    /// A blob's content.
    pub fn blob(&mut self, blob: Blob) -> io::Result<Vec<u8>> {
        match blob {
            Blob::Inline(bytes) => Ok(bytes.into_vec()),
            Blob::Memfd(length) => {
                let fd = self.descriptor()?;
                sys::read_sealed(fd.as_fd(), usize::try_from(length).map_err(invalid)?)
            }
        }
    }
}

/// The same file under a number that is none of the three standard ones, which code may have closed: whatever is
/// put there would be closed with what came.
fn above_standard(fd: OwnedFd) -> io::Result<OwnedFd> {
    if fd.as_raw_fd() > 2 { Ok(fd) } else { sys::duplicate_above(fd.as_fd(), 3) }
}

/// A blob on its way out: inside the frame if it is small, else a memfd that `beside` keeps until it is sent.
pub fn pack(bytes: &[u8], beside: &mut Vec<OwnedFd>) -> Blob {
    if bytes.len() <= INLINE_LIMIT {
        return Blob::inline(bytes);
    }
    if bytes.len() as u64 > MAX_BLOB {
        return Blob::inline(beginning(bytes, &format!("the whole is {} bytes", bytes.len())));
    }
    match sys::sealed_memfd(c"blob", bytes) {
        Ok(fd) => {
            beside.push(fd);
            Blob::Memfd(bytes.len() as u64)
        }
        // Code has used up every descriptor or the memory: the beginning is better than nothing.
        Err(error) => Blob::inline(beginning(bytes, &error.to_string())),
    }
}

/// What of a long text still fits into a frame, cut between two characters.
fn beginning(bytes: &[u8], why: &str) -> Vec<u8> {
    let mut cut = bytes[..INLINE_LIMIT / 2].to_vec();
    while !cut.is_empty() && std::str::from_utf8(&cut).is_err_and(|e| e.error_len().is_none()) {
        cut.pop();
    }
    cut.extend_from_slice(format!("… (cut: {why})").as_bytes());
    cut
}
