//! The one place that writes to the client: a queue, and as little of it as possible.
//!
//! A message is written at once, by whoever sends it, when nothing waits before it; only what the client
//! does not take yet is queued. Whoever waits for their message helps to write what stands before it, so no
//! task is needed and no message overtakes another.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::fd::Sink;

/// Memory that the queue keeps when it is empty.
const KEEP: usize = 1 << 20;

/// Where all messages go out.
#[derive(Debug)]
pub(super) struct Outlet {
    sink: Sink,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    bytes: Vec<u8>,
    /// How many of `bytes` are written.
    done: usize,
    /// Bytes ever queued, and of them written.
    queued: u64,
    written: u64,
    broken: Option<io::ErrorKind>,
}

impl Outlet {
    /// Takes over the descriptor that is written to.
    pub(super) fn new(sink: Sink) -> Self {
        Self { sink, queue: Mutex::default() }
    }

    /// Queues one message, which ends with its line end, and writes what can be written now.
    ///
    /// Gives the position to wait for with [`Self::written`].
    pub(super) fn push(&self, message: &[u8]) -> u64 {
        let mut queue = self.lock();
        queue.queued += message.len() as u64;
        let end = queue.queued;
        if queue.broken.is_some() {
            return end;
        }
        if queue.bytes.is_empty() {
            let done = match self.sink.write_now(message) {
                Ok(done) => done,
                Err(error) if is_passing(&error) => 0,
                Err(error) => return queue.fail(&error, end),
            };
            queue.written += done as u64;
            queue.bytes.extend_from_slice(&message[done..]);
        } else {
            queue.bytes.extend_from_slice(message);
        }
        end
    }

    /// Waits until everything up to `end` is written.
    pub(super) async fn written(&self, end: u64) -> io::Result<()> {
        loop {
            if self.reached(end)? {
                return Ok(());
            }
            match self.sink.when_writable(|| self.flush()).await {
                Err(error) if !is_passing(&error) => return Err(error),
                _ => {}
            }
        }
    }

    /// Waits until at most `bytes` wait to be written.
    pub(super) async fn below(&self, bytes: u64) -> io::Result<()> {
        let target = self.lock().queued.saturating_sub(bytes);
        self.written(target).await
    }

    /// Whether the client still takes what is written.
    pub(super) fn is_broken(&self) -> bool {
        self.lock().broken.is_some()
    }

    fn reached(&self, end: u64) -> io::Result<bool> {
        let queue = self.lock();
        match queue.broken {
            Some(kind) => Err(kind.into()),
            None => Ok(queue.written >= end),
        }
    }

    /// Writes as much of the queue as goes; `WouldBlock` when something is left.
    fn flush(&self) -> io::Result<()> {
        let mut queue = self.lock();
        while queue.done < queue.bytes.len() {
            match self.sink.write_now(&queue.bytes[queue.done..]) {
                Ok(count) => {
                    queue.done += count;
                    queue.written += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    queue.compact();
                    return Err(error);
                }
                Err(error) => {
                    queue.fail(&error, 0);
                    return Err(error);
                }
            }
        }
        queue.compact();
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn compact(&mut self) {
        if self.done == self.bytes.len() {
            self.bytes.clear();
            self.bytes.shrink_to(KEEP);
            self.done = 0;
        } else if self.done >= self.bytes.len() / 2 {
            self.bytes.drain(..self.done);
            self.done = 0;
        }
    }

    fn fail(&mut self, error: &io::Error, end: u64) -> u64 {
        self.broken = Some(error.kind());
        self.bytes = Vec::new();
        self.done = 0;
        end
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
