//! Text to a cell's pipes, in order between the two streams.
//!
//! The host reads two pipes and cannot know which was written first. So before a write to one of them the other
//! must have been read empty; the host does that within microseconds while a cell runs.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use actwright_sandbox::sys;
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

/// How often, and for how long each time, to wait for the host to empty the other stream: 20 ms in all. After that
/// somebody else must be filling it, and order between the two has no meaning.
const ATTEMPTS: u32 = 400;
const PAUSE: Duration = Duration::from_micros(50);

/// Writes all of `text` to stream 1 or 2.
#[pyfunction]
pub fn emit(py: Python<'_>, stream: i32, text: &Bound<'_, PyString>) -> PyResult<()> {
    let (fd, other) = match stream {
        1 => (sys::borrow(1), sys::borrow(2)),
        2 => (sys::borrow(2), sys::borrow(1)),
        _ => return Err(PyValueError::new_err("stream is 1 or 2")),
    };
    let bytes = crate::convert::utf8(text)?;
    let bytes = bytes.as_bytes();
    py.detach(|| settle(other));
    write_all(py, fd, bytes)
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

fn write_all(py: Python<'_>, fd: BorrowedFd<'_>, bytes: &[u8]) -> PyResult<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match py.detach(|| sys::write(fd, rest)) {
            Ok(count) => rest = &rest[count..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => py.check_signals()?,
            // Code of the session made its own output non-blocking.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => py.detach(|| wait_for_room(fd)),
            Err(error) => return Err(PyOSError::new_err((error.raw_os_error(), error.to_string()))),
        }
    }
    Ok(())
}

fn wait_for_room(fd: BorrowedFd<'_>) {
    let interest = sys::Interest { fd: fd.as_raw_fd(), readable: false, writable: true };
    // An error here shows again at the next write.
    let _ = sys::wait(&[interest], 100);
}

/// `str.encode("utf-8", "backslashreplace")`, for text with lone surrogates.
pub fn escaped<'py>(text: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyBytes>> {
    Ok(text.call_method1("encode", ("utf-8", "backslashreplace"))?.cast_into::<PyBytes>()?)
}
