//! One session process, as the host talks with it: frames, control messages and the pipes of its cells.
//!
//! Everything that comes in is hostile until it is decoded and bounded. `next` may be dropped at any await without
//! losing a byte. Output is read before messages, so that what was written before a message is seen before it.

use std::collections::VecDeque;
use std::fs::{File, Permissions};
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::task::{Context, Poll};

use actwright_protocol::{
    Blob, Buffer, FromSupervisor, FromWorker, INLINE_LIMIT, MAX_BLOB, MAX_DATAGRAM, ToSupervisor, ToWorker,
    decode, encode, encode_datagram,
};
use actwright_sandbox::sys::{self, SocketKind, Waiting};
use serde::de::DeserializeOwned;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::outputs::Stream;
use crate::watch::watch;

/// How much is read from a pipe at a time.
const CHUNK: usize = 64 << 10;

/// Ended cells whose pipes are still watched because something holds them open.
const WATCHED_CELLS: usize = 32;

/// What comes from a session.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "made and taken apart once; a box would cost more than the move"
)]
pub enum Event {
    /// A message of the live process, with the content of its blobs in order.
    Message(FromWorker, Vec<Vec<u8>>),
    /// A message of the supervisor.
    Control(FromSupervisor),
    /// Bytes on a cell's pipe.
    Output {
        /// The cell whose pipe it is.
        cell: u64,
        /// Which of the two.
        stream: Stream,
        /// What was written.
        bytes: Vec<u8>,
    },
    /// The listener of the session's network, from the supervisor.
    Listening(OwnedFd),
    /// The supervisor lends what twins are made from: the pid of the copy, what wakes it, its namespaces.
    Expecting(i32, Vec<OwnedFd>),
    /// The live process has let go of its socket.
    DataClosed,
    /// The supervisor is gone, and with it everything.
    ControlClosed,
    /// What came was not the protocol; the session must end.
    Broken(String),
}

/// The host's side of one session.
#[derive(Debug)]
pub struct Conversation {
    data: Option<AsyncFd<OwnedFd>>,
    control: Option<AsyncFd<OwnedFd>>,
    buffer: Buffer,
    received: VecDeque<OwnedFd>,
    outbox: VecDeque<Outgoing>,
    pipes: Vec<Pipe>,
    scratch: Vec<u8>,
}

#[derive(Debug)]
struct Outgoing {
    bytes: Vec<u8>,
    sent: usize,
    fds: Vec<OwnedFd>,
}

#[derive(Debug)]
struct Pipe {
    cell: u64,
    stream: Stream,
    end: AsyncFd<OwnedFd>,
}

impl Conversation {
    /// Over the host's ends of a session's two sockets. Must be called within the runtime.
    pub fn new(data: OwnedFd, control: OwnedFd) -> io::Result<Self> {
        let data = Some(watch(data, Interest::READABLE | Interest::WRITABLE)?);
        Ok(Self { data, ..Self::silent(control)? })
    }

    /// With a supervisor alone, whose process is still to be woken by [`Conversation::roll_back`].
    pub fn silent(control: OwnedFd) -> io::Result<Self> {
        Ok(Self {
            data: None,
            control: Some(watch(control, Interest::READABLE)?),
            buffer: Buffer::default(),
            received: VecDeque::new(),
            outbox: VecDeque::new(),
            pipes: Vec::new(),
            scratch: vec![0; CHUNK],
        })
    }

    /// Lets go of everything but the supervisor, which ends when what this gives is closed.
    pub fn into_control(self) -> Option<OwnedFd> {
        self.control.map(AsyncFd::into_inner)
    }

    /// Whether the session's process or its supervisor is gone, even if nobody has heard of it yet.
    pub fn is_over(&self) -> bool {
        let gone = |socket: &Option<AsyncFd<OwnedFd>>| {
            socket.as_ref().is_none_or(|socket| sys::is_hung_up(socket.as_fd()))
        };
        gone(&self.data) || gone(&self.control)
    }

    /// Sends a cell with fresh pipes of its own.
    pub fn send_cell(&mut self, cell: u64, code: &str, plan: bool) -> io::Result<()> {
        let (stdout, their_stdout) = output_pipe()?;
        let (stderr, their_stderr) = output_pipe()?;
        for (stream, end) in [(Stream::Stdout, stdout), (Stream::Stderr, stderr)] {
            sys::set_nonblocking(end.as_fd())?;
            let end = watch(end, Interest::READABLE)?;
            self.pipes.push(Pipe { cell, stream, end });
        }
        if self.pipes.len() > 2 * WATCHED_CELLS {
            self.pipes.drain(..2);
        }
        let mut fds = vec![their_stdout, their_stderr];
        let code = pack(code.as_bytes(), &mut fds)?;
        self.send(&ToWorker::Run { cell, code, plan }, fds)
    }

    /// Queues a message; it leaves as the process reads.
    pub fn send(&mut self, message: &ToWorker, fds: Vec<OwnedFd>) -> io::Result<()> {
        let bytes = encode(message).map_err(io::Error::other)?;
        self.outbox.push_back(Outgoing { bytes, sent: 0, fds });
        // Most messages fit at once; what does not is sent by `next`.
        self.flush()
    }

    /// Queues a host call's answer.
    pub fn reply(&mut self, id: u64, value: &[u8]) -> io::Result<()> {
        let mut fds = Vec::new();
        let blob = pack(value, &mut fds)?;
        self.send(&ToWorker::Reply { id, result: Ok(blob) }, fds)
    }

    /// Asks for a copy in place of the live process and turns to it; what the live process still says is lost.
    pub fn roll_back(&mut self, cell: u64) -> io::Result<()> {
        let Some(control) = &self.control else { return Err(io::ErrorKind::NotConnected.into()) };
        let (data, theirs) = sys::socket_pair(SocketKind::Stream)?;
        let order = encode_datagram(&ToSupervisor::RollBack { cell }).map_err(io::Error::other)?;
        sys::send(control.as_fd(), &order, &[theirs.as_fd()], Waiting::Never)?;
        self.data = Some(watch(data, Interest::READABLE | Interest::WRITABLE)?);
        self.buffer.clear();
        self.received.clear();
        self.outbox.clear();
        Ok(())
    }

    /// Tells the supervisor something.
    pub fn order(&self, order: &ToSupervisor) -> io::Result<()> {
        let Some(control) = &self.control else { return Err(io::ErrorKind::NotConnected.into()) };
        let bytes = encode_datagram(order).map_err(io::Error::other)?;
        sys::send(control.as_fd(), &bytes, &[], Waiting::Never).map(drop)
    }

    /// Waits for the next thing that comes.
    pub async fn next(&mut self) -> Event {
        poll_fn(|context| self.poll(context)).await
    }

    /// Takes what one cell has written so far, bounded by what its pipes hold now.
    pub fn drain(&mut self, cell: u64) -> Vec<(Stream, Vec<u8>)> {
        let mut taken = Vec::new();
        for pipe in self.pipes.iter().filter(|pipe| pipe.cell == cell) {
            let mut left = sys::unread(pipe.end.as_fd()).unwrap_or(0);
            while left > 0 {
                match sys::read(pipe.end.as_fd(), &mut self.scratch) {
                    Ok(count) if count > 0 => {
                        taken.push((pipe.stream, self.scratch[..count].to_vec()));
                        left = left.saturating_sub(count);
                    }
                    _ => break,
                }
            }
        }
        taken
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        if let Poll::Ready(event) = self.poll_pipes(context) {
            return Poll::Ready(event);
        }
        if let Err(error) = self.poll_outbox(context) {
            self.outbox.clear();
            tracing::debug!(%error, "a session does not take what it is sent");
        }
        match self.poll_data(context) {
            Poll::Ready(Ok(Event::DataClosed)) => {
                self.data = None;
                return Poll::Ready(Event::DataClosed);
            }
            Poll::Ready(Ok(event)) => return Poll::Ready(event),
            Poll::Ready(Err(error)) => {
                self.data = None;
                return Poll::Ready(Event::Broken(error.to_string()));
            }
            Poll::Pending => {}
        }
        match self.poll_control(context) {
            Poll::Ready(Ok(Event::ControlClosed)) => {
                self.control = None;
                Poll::Ready(Event::ControlClosed)
            }
            Poll::Ready(Ok(event)) => Poll::Ready(event),
            Poll::Ready(Err(error)) => {
                self.control = None;
                Poll::Ready(Event::Broken(error.to_string()))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_pipes(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        let mut index = 0;
        while index < self.pipes.len() {
            let pipe = &self.pipes[index];
            let Poll::Ready(ready) = pipe.end.poll_read_ready(context) else {
                index += 1;
                continue;
            };
            let Ok(mut guard) = ready else {
                self.pipes.swap_remove(index);
                continue;
            };
            match guard.try_io(|end| sys::read(end.as_fd(), &mut self.scratch)) {
                Ok(Ok(count)) if count > 0 => {
                    let bytes = self.scratch[..count].to_vec();
                    return Poll::Ready(Event::Output { cell: pipe.cell, stream: pipe.stream, bytes });
                }
                // Everybody who could write is gone. Order is kept: older cells stay in front.
                Ok(_) => drop(self.pipes.remove(index)),
                // Not readable after all; the next look registers the waker.
                Err(_would_block) => {}
            }
        }
        Poll::Pending
    }

    fn poll_outbox(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        while !self.outbox.is_empty() {
            let Some(data) = &self.data else {
                self.outbox.clear();
                return Ok(());
            };
            let Poll::Ready(ready) = data.poll_write_ready(context) else { return Ok(()) };
            let mut guard = ready?;
            let before = self.outbox.len();
            match send_first(data.as_fd(), &mut self.outbox) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => guard.clear_ready(),
                result => result?,
            }
            debug_assert!(self.outbox.len() <= before);
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        while let (Some(data), false) = (&self.data, self.outbox.is_empty()) {
            match send_first(data.as_fd(), &mut self.outbox) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                result => result?,
            }
        }
        Ok(())
    }

    fn poll_data(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Event>> {
        loop {
            if let Some(event) = self.take_message()? {
                return Poll::Ready(Ok(event));
            }
            let Some(data) = &self.data else { return Poll::Pending };
            let Poll::Ready(ready) = data.poll_read_ready(context) else { return Poll::Pending };
            let mut guard = ready?;
            match guard.try_io(|data| sys::receive(data.as_fd(), &mut self.scratch, Waiting::Never)) {
                Ok(Ok((0, _))) => return Poll::Ready(Ok(Event::DataClosed)),
                Ok(Ok((count, fds))) => {
                    self.buffer.extend(&self.scratch[..count]);
                    self.received.extend(fds);
                    if self.received.len() > 2 * sys::MAX_DESCRIPTORS {
                        return Poll::Ready(Err(io::Error::other("more descriptors than messages ask for")));
                    }
                }
                Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionReset => {
                    return Poll::Ready(Ok(Event::DataClosed));
                }
                Ok(Err(error)) => return Poll::Ready(Err(error)),
                Err(_would_block) => {}
            }
        }
    }

    /// The next whole message; its descriptors must have come with it or before it.
    fn take_message(&mut self) -> io::Result<Option<Event>> {
        let Some(frame) = self.buffer.next_frame().map_err(io::Error::other)? else { return Ok(None) };
        let message: FromWorker = decode(frame).map_err(io::Error::other)?;
        let mut contents = Vec::new();
        for blob in blobs(&message) {
            contents.push(match blob {
                Blob::Inline(bytes) => bytes.to_vec(),
                Blob::Memfd(length) => self.read_blob(*length)?,
            });
        }
        Ok(Some(Event::Message(message, contents)))
    }

    fn read_blob(&mut self, length: u64) -> io::Result<Vec<u8>> {
        if length > MAX_BLOB {
            return Err(io::Error::other(format!(
                "a blob of {length} bytes is over the limit of {MAX_BLOB}"
            )));
        }
        let fd = self
            .received
            .pop_front()
            .ok_or_else(|| io::Error::other("a blob came without its descriptor"))?;
        sys::read_sealed(fd.as_fd(), usize::try_from(length).map_err(io::Error::other)?)
    }

    fn poll_control(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Event>> {
        loop {
            let Some(control) = &self.control else { return Poll::Pending };
            let Poll::Ready(ready) = control.poll_read_ready(context) else { return Poll::Pending };
            let mut guard = ready?;
            match guard.try_io(|control| receive_datagram(control.as_fd())) {
                Ok(Ok(Some((FromSupervisor::Listening, fds)))) => {
                    let listener = fds.into_iter().next().filter(|fd| sys::is_tcp_listener(fd.as_fd()));
                    let listener = listener.ok_or_else(|| io::Error::other("no listener came with its word"));
                    return Poll::Ready(listener.map(Event::Listening));
                }
                Ok(Ok(Some((FromSupervisor::Expecting { mother }, fds)))) => {
                    return Poll::Ready(Ok(Event::Expecting(mother, fds)));
                }
                Ok(Ok(Some((message, _)))) => return Poll::Ready(Ok(Event::Control(message))),
                Ok(Ok(None)) => return Poll::Ready(Ok(Event::ControlClosed)),
                Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionReset => {
                    return Poll::Ready(Ok(Event::ControlClosed));
                }
                Ok(Err(error)) => return Poll::Ready(Err(error)),
                Err(_would_block) => {}
            }
        }
    }
}

/// Receives one control message with the descriptors beside it. `None` when the other side is gone.
pub fn receive_datagram<T: DeserializeOwned>(
    socket: BorrowedFd<'_>,
) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
    let mut bytes = [0; 4096];
    debug_assert!(bytes.len() <= MAX_DATAGRAM);
    let (count, fds) = sys::receive(socket, &mut bytes, Waiting::Never)?;
    if count == 0 {
        return Ok(None);
    }
    let message = decode(&bytes[..count]).map_err(io::Error::other)?;
    Ok(Some((message, fds)))
}

fn send_first(socket: BorrowedFd<'_>, outbox: &mut VecDeque<Outgoing>) -> io::Result<()> {
    let Some(first) = outbox.front_mut() else { return Ok(()) };
    let fds: Vec<BorrowedFd<'_>> = first.fds.iter().map(AsFd::as_fd).collect();
    let count = sys::send(socket, &first.bytes[first.sent..], &fds, Waiting::Never)?;
    drop(fds);
    first.fds.clear();
    first.sent += count;
    if first.sent == first.bytes.len() {
        outbox.pop_front();
    }
    Ok(())
}

/// A pipe that a session can also open by a name such as `/dev/stderr`, for which its rights count: it is another user
/// than the one the pipe belongs to.
fn output_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = sys::pipe()?;
    let write = File::from(write);
    write.set_permissions(Permissions::from_mode(0o622))?;
    Ok((read, write.into()))
}

fn pack(bytes: &[u8], fds: &mut Vec<OwnedFd>) -> io::Result<Blob> {
    if bytes.len() <= INLINE_LIMIT {
        return Ok(Blob::inline(bytes));
    }
    fds.push(sys::sealed_memfd(c"blob", bytes)?);
    Ok(Blob::Memfd(bytes.len() as u64))
}

/// The blobs of a message in the order in which their descriptors come.
fn blobs(message: &FromWorker) -> Vec<&Blob> {
    match message {
        FromWorker::Ready(_)
        | FromWorker::Abandon { .. }
        | FromWorker::Parked { .. }
        | FromWorker::Resumed { .. } => Vec::new(),
        FromWorker::Done(done) => {
            let value = done.value.as_ref();
            value
                .map(|value| &value.repr)
                .into_iter()
                .chain(value.and_then(|value| value.json.as_ref()))
                .collect()
        }
        FromWorker::Display { forms, .. } => forms.iter().map(|(_, blob)| blob).collect(),
        FromWorker::Late { text, .. } => vec![text],
        FromWorker::Call { arguments, .. } => vec![arguments],
    }
}
