//! Signals, and the end of children and other processes.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use super::{Waiting, check, check_long, own, read};

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
/// Number of the signal that says that the other side is gone.
pub const HANG_UP: i32 = libc::SIGHUP;
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
