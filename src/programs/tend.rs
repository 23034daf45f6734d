//! The tender: a process between the server and a program that a tool has started, which ends everything below it.
//!
//! The server itself can be killed at any moment and could then end nothing. The tender hears of the server's end from the
//! kernel, takes in whatever the program leaves behind, and kills its own children until there are none; it never signals
//! a process that is not below it.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::process::{Command, ExitCode};

use actwright_sandbox::ending::end_children;
use actwright_sandbox::sys::{self, Ended, Interest, Waiting};

/// The exit code of a program that could not be started.
const NOT_STARTED: u8 = 127;

/// Runs `program` for the server with this pid; gives its exit code, or 128 and the number of the signal that ended it.
pub fn run(server: i32, program: &str, arguments: &[String]) -> io::Result<ExitCode> {
    let events = sys::signal_events(&[sys::CHILD_ENDED, sys::TERMINATE, sys::INTERRUPT])?;
    sys::hear_of_parents_end(sys::TERMINATE)?;
    if sys::parent_pid() != server {
        // It ended before the kernel was asked to say so.
        return Ok(ExitCode::from(NOT_STARTED));
    }
    sys::become_subreaper()?;
    let code = tend(program, arguments, events.as_fd());
    // Also when something went wrong in between: what was started must not be left alone.
    end_children(|_| false);
    Ok(ExitCode::from(u8::try_from(code? & 0xff).unwrap_or(1)))
}

/// Starts the program and waits for its end, or for the word to end it; gives the exit code.
fn tend(program: &str, arguments: &[String], events: BorrowedFd<'_>) -> io::Result<i32> {
    let child = match Command::new(program).args(arguments).spawn() {
        Ok(child) => child,
        Err(error) => {
            use std::io::Write;
            // Its words are for whoever reads the program's stderr.
            let _ = writeln!(io::stderr(), "{program}: {error}");
            return Ok(NOT_STARTED.into());
        }
    };
    // The pipes are the program's: only it, and not the tender, keeps them open.
    sys::close_range(0, 1)?;
    let main = i32::try_from(child.id()).map_err(io::Error::other)?;
    loop {
        let mut code = None;
        sys::wait(&[Interest { fd: events.as_raw_fd(), readable: true, writable: false }], -1)?;
        while let Some(signal) = sys::next_signal(events) {
            if signal != sys::CHILD_ENDED {
                code = Some(128 + signal);
            }
        }
        while let Ok(Some((pid, ended))) = sys::reap(None, Waiting::Never) {
            if pid == main && code.is_none() {
                code = Some(match ended {
                    Ended::Code(code) => code,
                    Ended::Signal(signal) => 128 + signal,
                });
            }
        }
        if let Some(code) = code {
            return Ok(code);
        }
    }
}
