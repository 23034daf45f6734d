//! Text to a cell's pipes, in order between the two streams, and never to another cell's.
//!
//! The host reads two pipes and cannot know which was written first. So before a write to one of them the other
//! must have been read empty; the host does that within microseconds while a cell runs. A thread of an ended cell may
//! come here at any moment, so each piece is written under the lock that the switch to the next cell takes too.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actwright_sandbox::sys;
use pyo3::exceptions::{PyOSError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PySlice, PyString};

/// How often, and for how long each time, to wait for the host to empty the other stream: 20 ms in all. After that
/// somebody else must be filling it, and order between the two has no meaning.
const ATTEMPTS: u32 = 400;
const PAUSE: Duration = Duration::from_micros(50);

/// A pipe that says it has room takes this many bytes at once without making the writer wait (`PIPE_BUF`), so the lock
/// is never held for long.
const PIECE: usize = 4096;

/// After this many pieces a writer looks after signals, so that a gigabyte in one print can be interrupted.
const PIECES: usize = 16;

/// Characters that are turned into bytes at once.
const SLICE: usize = 1 << 20;

/// The longest character in bytes.
const CHARACTER: usize = 4;

/// Descriptors 1 and 2, and the cell that they belong to.
#[derive(Debug, Default)]
pub struct Streams {
    cell: Mutex<u64>,
    /// In a forked child nobody switches cells, and the lock may have been copied in its locked state.
    forked: AtomicBool,
}

/// What became of one piece.
enum Piece {
    Written(usize),
    Full,
    /// The cell's turn is over: descriptors 1 and 2 belong to another.
    Passed,
}

impl Streams {
    /// From now on descriptors 1 and 2 are those of this cell.
    pub fn switch(&self, cell: u64, stdout: &OwnedFd, stderr: &OwnedFd) -> io::Result<()> {
        let mut current = self.current();
        // What C code has printed and not sent belongs to the cell before.
        sys::flush_printed();
        *current = cell;
        sys::place(stdout.as_fd(), 1)?;
        sys::place(stderr.as_fd(), 2)
    }

    /// Lets nobody write until the guard is dropped.
    pub fn hold(&self) -> MutexGuard<'_, u64> {
        self.current()
    }

    /// In a forked child: the descriptors stay whose they are.
    pub fn forked(&self) {
        self.forked.store(true, Ordering::Relaxed);
    }

    /// Writes text or bytes to stream 1 or 2 for a cell, or for whichever runs if `cell` is 0. Gives back what was not
    /// written because the cell's turn is over, empty if all was.
    pub fn emit<'py>(
        &self,
        cell: u64,
        stream: i32,
        content: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = content.py();
        if let Ok(text) = content.cast::<PyString>() {
            if text.len()? > SLICE {
                return self.emit_slices(cell, stream, text);
            }
            let bytes = crate::convert::utf8(text)?;
            let written = self.write(py, cell, stream, bytes.as_bytes(), Cut::BetweenCharacters)?;
            Ok(PyString::new(py, bytes.get(written..).unwrap_or_default()).into_any())
        } else if let Ok(bytes) = content.cast::<PyBytes>() {
            let bytes = bytes.as_bytes();
            let written = self.write(py, cell, stream, bytes, Cut::Anywhere)?;
            Ok(PyBytes::new(py, &bytes[written..]).into_any())
        } else {
            Err(PyTypeError::new_err("content is str or bytes"))
        }
    }

    /// A long text needs memory again for its bytes, so it goes a part at a time.
    fn emit_slices<'py>(
        &self,
        cell: u64,
        stream: i32,
        text: &Bound<'py, PyString>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let length = text.len()?;
        let slice = |from: usize, to: usize| {
            let bounds = PySlice::new(text.py(), from.cast_signed(), to.cast_signed(), 1);
            text.get_item(bounds)
        };
        for start in (0..length).step_by(SLICE) {
            let end = length.min(start + SLICE);
            let rest = self.emit(cell, stream, &slice(start, end)?)?;
            if !rest.is_empty()? {
                return rest.add(slice(end, length)?);
            }
        }
        Ok(PyString::new(text.py(), "").into_any())
    }

    fn write(&self, py: Python<'_>, cell: u64, stream: i32, bytes: &[u8], cut: Cut) -> PyResult<usize> {
        let (fd, other) = match stream {
            1 => (sys::borrow(1), sys::borrow(2)),
            2 => (sys::borrow(2), sys::borrow(1)),
            _ => return Err(PyValueError::new_err("stream is 1 or 2")),
        };
        py.detach(|| settle(other));
        let mut written = 0;
        while written < bytes.len() {
            match py.detach(|| self.write_pieces(cell, fd, bytes, &mut written, cut)) {
                Ok(Piece::Passed) => break,
                Ok(Piece::Full | Piece::Written(_)) => py.check_signals()?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => py.check_signals()?,
                Err(error) => return Err(PyOSError::new_err((error.raw_os_error(), error.to_string()))),
            }
        }
        Ok(written)
    }

    /// Writes on until all is written, the turn is over, or there is a reason to look after signals.
    fn write_pieces(
        &self,
        cell: u64,
        fd: BorrowedFd<'_>,
        bytes: &[u8],
        written: &mut usize,
        cut: Cut,
    ) -> io::Result<Piece> {
        for _ in 0..PIECES {
            if *written == bytes.len() {
                break;
            }
            match self.write_piece(cell, fd, cut.piece(&bytes[*written..]))? {
                Piece::Written(count) => *written += count,
                Piece::Passed => return Ok(Piece::Passed),
                Piece::Full => {
                    // Nobody may hold the lock while waiting: the next cell must be able to begin.
                    sys::wait_for_room(fd, 100)?;
                    return Ok(Piece::Full);
                }
            }
        }
        Ok(Piece::Written(0))
    }

    fn write_piece(&self, cell: u64, fd: BorrowedFd<'_>, piece: &[u8]) -> io::Result<Piece> {
        let _turn = if self.forked.load(Ordering::Relaxed) {
            None
        } else {
            let current = self.current();
            if cell != 0 && *current != cell {
                return Ok(Piece::Passed);
            }
            Some(current)
        };
        if !sys::wait_for_room(fd, 0)? {
            return Ok(Piece::Full);
        }
        match sys::write(fd, piece) {
            Ok(count) => Ok(Piece::Written(count)),
            // Code of the session made its own output non-blocking, and somebody else was faster.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Piece::Full),
            Err(error) => Err(error),
        }
    }

    fn current(&self) -> MutexGuard<'_, u64> {
        self.cell.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a text may be cut into pieces.
#[derive(Debug, Clone, Copy)]
enum Cut {
    Anywhere,
    BetweenCharacters,
}

impl Cut {
    fn piece(self, bytes: &[u8]) -> &[u8] {
        let mut end = bytes.len().min(PIECE);
        if matches!(self, Self::BetweenCharacters) && end < bytes.len() {
            let least = end.saturating_sub(CHARACTER);
            // A continuation byte begins no character.
            while end > least && bytes[end] & 0xc0 == 0x80 {
                end -= 1;
            }
        }
        &bytes[..end]
    }
}

fn settle(other: BorrowedFd<'_>) {
    for attempt in 0..ATTEMPTS {
        match sys::unread(other) {
            Ok(0) | Err(_) => return,
            Ok(_) if attempt < 4 => std::thread::yield_now(),
            Ok(_) => std::thread::sleep(PAUSE),
        }
    }
}

/// `str.encode("utf-8", "backslashreplace")`, for text with lone surrogates.
pub fn escaped<'py>(text: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyBytes>> {
    Ok(text.call_method1("encode", ("utf-8", "backslashreplace"))?.cast_into::<PyBytes>()?)
}
