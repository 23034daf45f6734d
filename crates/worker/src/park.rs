//! Parking: a frozen copy of the live process, made between two cells and woken when the live one has to be given up.
//!
//! The copy shares all memory until one of the two writes to it. It runs nothing while it waits: it sits in a read on a
//! socket whose other end the supervisor holds, and ends when that is closed.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use actwright_protocol::{CheckpointRules, FromLive, Parking};
use actwright_sandbox::sys::{self, Disposition, Forked, Resource, Waiting};
use pyo3::prelude::*;

use crate::birth;
use crate::socket::send_datagram_with;

/// Set in a copy that is being woken, while the interpreter's at-fork hooks run: they must not take it for a child.
static WAKING: AtomicBool = AtomicBool::new(false);

/// Set in a copy that was woken as a twin.
static TWIN: AtomicBool = AtomicBool::new(false);

/// Whether this process was woken as a twin; said once.
pub fn is_new_twin() -> bool {
    TWIN.swap(false, Ordering::Relaxed)
}

/// What a frozen copy is woken as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waking {
    /// What goes on in place of the process that it was copied from.
    Again,
    /// One of several that go on from here.
    Twin,
}

impl Waking {
    /// The word on the copy's socket.
    pub fn word(self) -> &'static [u8; 1] {
        match self {
            Self::Again => b"w",
            Self::Twin => b"t",
        }
    }
}

/// Whether this process is a copy that is being woken.
pub fn is_waking() -> bool {
    WAKING.load(Ordering::Relaxed)
}

/// After a fork that took too long, so many cells pass until the next one is tried.
const REST: u32 = 16;

/// Decides whether to park, and remembers what parking has cost.
#[derive(Debug)]
pub struct Park {
    rules: CheckpointRules,
    resting: u32,
    /// The copies made last.
    copies: Vec<i32>,
}

/// Which process came out of it.
pub enum Parked {
    /// The one that runs on, with what to tell the host.
    Live(Parking),
    /// The copy, woken.
    Copy,
}

impl Park {
    /// With these rules.
    pub fn new(rules: CheckpointRules) -> Self {
        Self { rules, resting: 0, copies: Vec::new() }
    }

    /// The copies that may be there beside this process.
    pub fn copies(&self) -> Vec<i32> {
        self.copies.clone()
    }

    /// Parks a copy after this cell, unless the rules say that it would cost too much.
    pub fn park(&mut self, py: Python<'_>, cell: u64) -> Parked {
        if let Some(why) = self.reason_not_to() {
            return Parked::Live(Parking::Skipped { why });
        }
        // A copy that goes on at level `restricted` cannot look into /proc: the rules name the process it came from.
        let threads = sys::own_threads().ok();
        let (start, worked) = (sys::micros(), sys::micros_at_work());
        // The sockets must find room even if code has used up its files.
        let lent = sys::lend(Resource::Files);
        let forked = fork(py, cell, threads);
        if let Some(before) = lent {
            sys::take_back(Resource::Files, before);
        }
        match forked {
            Ok(Forked::Child) => Parked::Copy,
            Ok(Forked::Parent(pid)) => {
                self.copies.push(pid);
                let surplus = self.copies.len().saturating_sub(self.rules.keep as usize + 1);
                self.copies.drain(..surplus);
                let micros = sys::micros().saturating_sub(start);
                // What counts is the work: on a busy machine a small copy waits for its turn and is still worth having.
                let work = sys::micros_at_work().saturating_sub(worked);
                if self.rules.micros.is_some_and(|most| work > most) {
                    self.resting = REST;
                }
                let threads = u32::try_from(threads.unwrap_or(1)).unwrap_or(u32::MAX);
                Parked::Live(Parking::Kept { micros, threads })
            }
            Err(error) => {
                Parked::Live(Parking::Skipped { why: format!("the process could not be copied: {error}") })
            }
        }
    }

    fn reason_not_to(&mut self) -> Option<String> {
        if self.rules.keep == 0 {
            return Some("checkpoints are switched off".to_owned());
        }
        if self.resting > 0 {
            self.resting -= 1;
            return Some("the last copy took too long; it is tried again in a few cells".to_owned());
        }
        let most = self.rules.memory?;
        match sys::own_memory() {
            Ok(own) if own <= most => None,
            Ok(own) => Some(format!(
                "the session's own memory is {} MB and copies are made up to {} MB",
                own >> 20,
                most >> 20
            )),
            Err(error) => Some(format!("the session's memory cannot be measured: {error}")),
        }
    }
}

/// Makes the copy and hands it to the supervisor. Returns twice: at once in the live process, and in the copy when it is
/// woken.
fn fork(py: Python<'_>, cell: u64, threads: Option<usize>) -> io::Result<Forked> {
    let (wake, wait) = sys::socket_pair(sys::SocketKind::Packet)?;
    // What a fork would forget: Python's own generator reseeds itself in every child. Asking for its state writes to many
    // pages, which then have to be copied after every cell; a copy with one thread can ask when it is woken.
    let is_alone = threads == Some(1);
    let random = if is_alone { None } else { random_state(py) };
    // SAFETY: the interpreter's lock is held and these calls surround the fork as CPython's own `os.fork` does.
    #[allow(unsafe_code)]
    let forked = unsafe {
        pyo3::ffi::PyOS_BeforeFork();
        let forked = match threads {
            Some(1) => sys::fork_beside().transpose().unwrap_or_else(fork_twice),
            _ => fork_twice(),
        };
        if matches!(forked, Ok(Forked::Child)) {
            drop(wake);
            let waking = sleep_until_woken(wait);
            // The live process was tied to its supervisor; so is what takes its place.
            let _ = sys::die_with_parent();
            let random = if is_alone { random_state(py) } else { random };
            WAKING.store(true, Ordering::Relaxed);
            pyo3::ffi::PyOS_AfterFork_Child();
            WAKING.store(false, Ordering::Relaxed);
            match waking {
                Waking::Again => restore_random(py, random),
                // Its own generator is seeded by the line before; Python sees to the others.
                Waking::Twin => TWIN.store(true, Ordering::Relaxed),
            }
            return Ok(Forked::Child);
        }
        pyo3::ffi::PyOS_AfterFork_Parent();
        forked
    };
    drop(wait);
    if let Forked::Parent(pid) = forked? {
        send_datagram_with(sys::borrow(birth::keeper()), &FromLive::Parked { pid, cell }, &[wake.as_fd()])?;
        return Ok(Forked::Parent(pid));
    }
    Err(io::ErrorKind::Other.into())
}

/// Forks with the C library's handlers, for processes with threads, and lets the copy be orphaned so that code that
/// waits for its children never meets it.
fn fork_twice() -> io::Result<Forked> {
    let (said, say) = sys::pipe()?;
    // SAFETY of `fork`: as in the caller.
    #[allow(unsafe_code)]
    let middle = unsafe { sys::fork() }?;
    match middle {
        Forked::Child => {
            // SAFETY of `fork`: this process has one thread.
            #[allow(unsafe_code)]
            match unsafe { sys::fork() } {
                Ok(Forked::Child) => Ok(Forked::Child),
                Ok(Forked::Parent(pid)) => {
                    let _ = sys::write(say.as_fd(), &pid.to_le_bytes());
                    sys::exit_now(0)
                }
                Err(_) => sys::exit_now(125),
            }
        }
        Forked::Parent(middle) => {
            drop(say);
            sys::reap(Some(middle), Waiting::Block)?;
            let mut pid = [0; 4];
            match sys::read(said.as_fd(), &mut pid)? {
                4 => Ok(Forked::Parent(i32::from_le_bytes(pid))),
                _ => Err(io::Error::other("the second fork failed")),
            }
        }
    }
}

/// The copy's long sleep. Returns when it is woken with a fresh data socket, which takes the old one's place; ends the
/// process when nobody can wake it any more.
fn sleep_until_woken(wait: OwnedFd) -> Waking {
    let null = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null");
    if let Ok(null) = null {
        // The cell's pipes must not stay open for its sake, nor the live process's socket.
        for stream in [1, 2, birth::data()] {
            let _ = sys::place(null.as_fd(), stream);
        }
    }
    let _ = sys::set_signal(sys::INTERRUPT, Disposition::Ignore);
    loop {
        let mut byte = [0; 1];
        match sys::receive(wait.as_fd(), &mut byte, Waiting::Block) {
            Ok((1, fds)) => match fds.first() {
                Some(data) if sys::place_private(data.as_fd(), birth::data()).is_ok() => {
                    return if byte == *Waking::Twin.word() { Waking::Twin } else { Waking::Again };
                }
                _ => sys::exit_now(125),
            },
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            _ => sys::exit_now(0),
        }
    }
}

fn random_state<'py>(py: Python<'py>) -> Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    let modules = py.import("sys").ok()?.getattr("modules").ok()?;
    let generator = modules.get_item("random").ok()?.getattr("_inst").ok()?;
    let state = generator.call_method0("getstate").ok()?;
    Some((generator, state))
}

fn restore_random(py: Python<'_>, random: Option<(Bound<'_, PyAny>, Bound<'_, PyAny>)>) {
    if let Some((generator, state)) = random
        && let Err(error) = generator.call_method1("setstate", (state,))
    {
        error.write_unraisable(py, None);
    }
}
