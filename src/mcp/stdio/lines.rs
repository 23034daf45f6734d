//! Lines of a byte stream, none of them longer in memory than the limit.
//!
//! What passes the limit is dropped as it flows; only its length and its id remain of it. Dropping the
//! future of [`Lines::next`] loses nothing, which the server's loop relies on.

use std::io;

use rmcp::model::RequestId;

use super::fd::Source;
use super::scan::IdScanner;

/// Bytes asked for at a time.
const READ: usize = 64 << 10;

/// Memory that the buffer keeps between lines.
const KEEP: usize = 1 << 20;

/// The lines of a source.
#[derive(Debug)]
pub(super) struct Lines {
    source: Source,
    limit: usize,
    buffer: Vec<u8>,
    /// Where the current line begins.
    start: usize,
    /// Up to where it was searched for its end.
    searched: usize,
    /// Set while a line is dropped.
    dropping: Option<Dropping>,
    at_end: AtEnd,
}

#[derive(Debug, Default)]
struct Dropping {
    scanner: IdScanner,
    bytes: u64,
}

#[derive(Debug, PartialEq, Eq)]
enum AtEnd {
    NotYet,
    Reached,
}

/// What came in.
#[derive(Debug)]
pub(super) enum Line<'a> {
    /// A line without its end.
    Whole(&'a [u8]),
    /// A line that was dropped because of its length.
    TooLong {
        /// Its own id, if it had one.
        id: Option<RequestId>,
        /// How long it was.
        bytes: u64,
    },
}

impl Lines {
    /// Lines of up to `limit` bytes.
    pub(super) fn new(source: Source, limit: usize) -> Self {
        let buffer = Vec::with_capacity(READ);
        Self { source, limit, buffer, start: 0, searched: 0, dropping: None, at_end: AtEnd::NotYet }
    }

    /// The next line; `None` at the end. A last line without a line end counts.
    pub(super) async fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        loop {
            if let Some(end) = self.find_end() {
                return Ok(Some(self.take(end, end + 1)));
            }
            if self.at_end == AtEnd::Reached {
                let end = self.buffer.len();
                let nothing = self.start == end && self.dropping.is_none();
                return Ok(if nothing { None } else { Some(self.take(end, end)) });
            }
            self.make_room();
            if self.source.read(&mut self.buffer, READ).await? == 0 {
                self.at_end = AtEnd::Reached;
            }
        }
    }

    fn find_end(&mut self) -> Option<usize> {
        let found = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n');
        let end = found.map(|at| self.searched + at);
        self.searched = end.unwrap_or(self.buffer.len());
        if self.searched - self.start > self.limit && self.dropping.is_none() {
            self.dropping = Some(Dropping::default());
        }
        end
    }

    fn take(&mut self, end: usize, next: usize) -> Line<'_> {
        let start = std::mem::replace(&mut self.start, next);
        self.searched = next;
        match self.dropping.take() {
            None => Line::Whole(&self.buffer[start..end]),
            Some(mut dropping) => {
                dropping.feed(&self.buffer[start..end]);
                Line::TooLong { id: dropping.scanner.id(), bytes: dropping.bytes }
            }
        }
    }

    /// Moves the unfinished line to the front, or drops what was seen of one that is too long.
    fn make_room(&mut self) {
        match &mut self.dropping {
            Some(dropping) => {
                dropping.feed(&self.buffer[self.start..]);
                self.buffer.clear();
            }
            None => {
                self.buffer.drain(..self.start);
            }
        }
        self.searched = self.buffer.len();
        self.start = 0;
        if self.buffer.len() < READ && self.buffer.capacity() > KEEP {
            self.buffer.shrink_to(KEEP);
        }
    }
}

impl Dropping {
    fn feed(&mut self, bytes: &[u8]) {
        self.scanner.feed(bytes);
        self.bytes += bytes.len() as u64;
    }
}
