//! The guard: what stands between the host and a zygote that has no namespace, and ends all that is below when either
//! of the two ends.
//!
//! Supervisors end their sessions and the zygote those of a supervisor that was killed; if both are killed at once, all
//! that they leave behind comes to the guard. It keeps the host's user, so where that is root no session can signal it.

use std::convert::Infallible;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use crate::ending::end_children;
use crate::error::{Step, StepError};
use crate::outer::keep_alone;
use crate::sys::{self, Ended, Forked, Interest, Waiting};

/// Leaves this process as the guard, which never returns; its child does, and [`tie_to`] the guard's pid ties it.
pub fn leave_behind() -> Result<i32, StepError> {
    let signals = [sys::CHILD_ENDED, sys::TERMINATE];
    let events = sys::signal_events(&signals).step(|| "watch signals".to_owned())?;
    // Not a kill: it has to end what is below first.
    sys::hear_of_parents_end(sys::TERMINATE).step(|| "tie the guard to the host".to_owned())?;
    sys::become_subreaper().step(|| "adopt orphans".to_owned())?;
    let guard = sys::pid();
    // SAFETY of `fork`: the launcher has one thread.
    #[allow(unsafe_code)]
    let forked = unsafe { sys::fork() }.step(|| "fork the zygote".to_owned())?;
    if let Forked::Parent(zygote) = forked {
        match stand(zygote, events)? {}
    }
    drop(events);
    for signal in signals {
        sys::unblock(signal).step(|| "hear signals again".to_owned())?;
    }
    tie_to(guard)?;
    Ok(guard)
}

/// Has this process killed when its parent, which must be this one, ends.
pub fn tie_to(parent: i32) -> Result<(), StepError> {
    let step = || "tie a process to its parent".to_owned();
    sys::die_with_parent().step(step)?;
    // It may have ended before the kernel was asked to say so.
    if sys::parent_pid() == parent { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()).step(step) }
}

/// Waits for the zygote's end or the host's, ends everything below and then itself, as the zygote did.
fn stand(zygote: i32, events: OwnedFd) -> Result<Infallible, StepError> {
    let events = keep_alone(events)?;
    // The control socket is one of these, and the host has to see when the zygote lets go of it.
    sys::close_range(0, 1).step(|| "close what the guard does not need".to_owned())?;
    let mut code = None;
    while code.is_none() {
        let wanted = [Interest { fd: events.as_raw_fd(), readable: true, writable: false }];
        // An interrupted wait is looked at like any other.
        let _ = sys::wait(&wanted, -1);
        while let Some(signal) = sys::next_signal(events.as_fd()) {
            if signal == sys::TERMINATE {
                code = Some(128 + sys::KILL);
            }
        }
        while let Ok(Some((pid, how))) = sys::reap(None, Waiting::Never) {
            if pid == zygote {
                code = Some(match how {
                    Ended::Code(code) => code,
                    Ended::Signal(signal) => 128 + signal,
                });
            }
        }
    }
    end_children(|_| false);
    sys::exit_now(code.unwrap_or(125))
}
