//! Words for the end of a session's process: what happened, and what to do about it.

use actwright_protocol::{ExitStatus, LOST_CONNECTION};

use super::report::CellError;

/// Why a cell is being stopped from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Its time is over.
    Timeout,
    /// The client cancelled the call.
    Cancelled,
    /// It wrote more than `limits.output` bytes.
    OutputLimit {
        /// The limit.
        bytes: u64,
    },
    /// The processes of the session held more than `limits.memory` bytes together, and were killed.
    Memory {
        /// The limit.
        bytes: u64,
    },
    /// The session's processes used more than `limits.cpu_time` in this cell.
    CpuTime {
        /// The limit.
        limit: std::time::Duration,
    },
    /// `reset_session` or `close_session` came while it ran.
    Ended,
}

impl Stop {
    /// The error that stands for it.
    pub fn error(self, timeout_s: f64) -> CellError {
        let (type_name, message, hint) = match self {
            Self::Timeout => (
                "Timeout",
                format!("the cell was stopped after {timeout_s} s"),
                "pass a longer `timeout`, or do the work in smaller steps",
            ),
            Self::Cancelled => ("Cancelled", "the call was cancelled".to_owned(), ""),
            Self::OutputLimit { bytes } => (
                "OutputLimitExceeded",
                format!("the cell wrote more than {bytes} bytes (limits.output)"),
                "write large data to a file in the workspace and print only what matters",
            ),
            Self::Memory { bytes } => (
                "MemoryLimitExceeded",
                format!(
                    "the session's processes held more than {bytes} bytes of memory together (limits.memory) and \
                     were killed"
                ),
                "work on less data at a time, with fewer processes, or delete large variables first",
            ),
            Self::CpuTime { limit } => (
                "CpuTimeLimitExceeded",
                format!(
                    "the cell used more than {} s of processor time (limits.cpu_time)",
                    limit.as_secs_f64()
                ),
                "do the work in smaller steps; waiting and sleeping use no processor time",
            ),
            Self::Ended => ("Cancelled", "the session was reset or closed while the cell ran".to_owned(), ""),
        };
        named(type_name, message, hint)
    }
}

/// The error for a process that ended by itself in the middle of a cell.
pub fn lost(status: Option<ExitStatus>, memory: u64) -> CellError {
    let (message, hint) = match status {
        None | Some(ExitStatus::Code(LOST_CONNECTION)) => (
            "the session's process lost its connection to the server".to_owned(),
            "the code closed descriptors that it did not open, or replaced the process",
        ),
        Some(ExitStatus::Code(code)) => (
            format!("the session's process exited with code {code} in the middle of the cell"),
            "use sys.exit() or let the cell end: os._exit() and os.exec*() take the whole session along",
        ),
        Some(ExitStatus::Signal(signal)) => by_signal(signal, memory),
    };
    named("WorkerLost", message, hint)
}

fn by_signal(signal: i32, memory: u64) -> (String, &'static str) {
    let crash = "native code crashed: look for ctypes, a broken extension module, or very deep recursion";
    let own = "the code sent the signal to its own process";
    let (name, cause, hint) = match signal {
        1 => ("SIGHUP", "a hang-up", own),
        2 => ("SIGINT", "an interrupt without a handler", own),
        3 => ("SIGQUIT", "a request to quit", own),
        4 => ("SIGILL", "an illegal instruction", crash),
        6 => ("SIGABRT", "abort()", crash),
        7 => ("SIGBUS", "a bus error", crash),
        8 => ("SIGFPE", "an arithmetic fault", crash),
        9 => ("SIGKILL", "a kill", ""),
        10 => ("SIGUSR1", "a signal without a handler", own),
        11 => ("SIGSEGV", "a segmentation fault", crash),
        12 => ("SIGUSR2", "a signal without a handler", own),
        13 => (
            "SIGPIPE",
            "a write that nobody reads",
            "leave SIGPIPE ignored, as Python does, and catch BrokenPipeError",
        ),
        14 => {
            ("SIGALRM", "an alarm without a handler", "set a handler with signal.signal() before the alarm")
        }
        15 => ("SIGTERM", "a request to end", own),
        24 => ("SIGXCPU", "a limit on processor time", own),
        25 => ("SIGXFSZ", "a file larger than limits.workspace", own),
        31 => ("SIGSYS", "a forbidden system call", ""),
        _ => ("", "", own),
    };
    if signal == 9 {
        let message = format!(
            "the session's process was killed by SIGKILL: by its own code, or because the machine ran out of memory \
             (a session may use {memory} bytes, limits.memory)"
        );
        return (message, "work on less data at a time");
    }
    let name = if name.is_empty() { format!("signal {signal}") } else { format!("{name} ({cause})") };
    (format!("the session's process was ended by {name}"), hint)
}

fn named(type_name: &str, message: String, hint: &str) -> CellError {
    CellError {
        type_name: type_name.to_owned(),
        message,
        hints: if hint.is_empty() { Vec::new() } else { vec![hint.to_owned()] },
        ..CellError::default()
    }
}
