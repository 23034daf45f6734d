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
use crate::groups::OpenGrave;
use crate::sys::{self, Ended, Forked, Interest, Waiting};

/// What wakes whoever stays outside: the end of its child, an order, and the end of the host, which is a word and not a
/// kill, because there are things to end and to remove first.
const SIGNALS: [i32; 3] = [sys::CHILD_ENDED, sys::TERMINATE, sys::HANG_UP];

/// How a wait was over.
pub(crate) struct Over {
    /// What to end with.
    pub code: i32,
    /// Whether the child has ended.
    pub is_gone: bool,
    /// Whether the host is ending. Its number tells only when all of its threads have.
    pub is_orphaned: bool,
}

/// Begins to hear these; a child that goes on has to [`hear_nothing`].
pub(crate) fn hear_of_ends() -> Result<OwnedFd, StepError> {
    let events = sys::signal_events(&SIGNALS).step(|| "watch signals".to_owned())?;
    sys::hear_of_parents_end(sys::HANG_UP).step(|| "tie the launcher to the host".to_owned())?;
    Ok(events)
}

/// In the child: signals do to it what they do to every process.
pub(crate) fn hear_nothing(events: OwnedFd) -> Result<(), StepError> {
    drop(events);
    for signal in SIGNALS {
        sys::unblock(signal).step(|| "hear signals again".to_owned())?;
    }
    Ok(())
}

/// Leaves this process as the guard, which never returns; its child does, and [`tie_to`] the guard's pid ties it.
pub fn leave_behind(grave: OpenGrave) -> Result<i32, StepError> {
    let events = hear_of_ends()?;
    sys::become_subreaper().step(|| "adopt orphans".to_owned())?;
    let guard = sys::pid();
    // SAFETY of `fork`: the launcher has one thread.
    #[allow(unsafe_code)]
    let forked = unsafe { sys::fork() }.step(|| "fork the zygote".to_owned())?;
    if let Forked::Parent(zygote) = forked {
        match stand(zygote, &events, &grave)? {}
    }
    hear_nothing(events)?;
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
fn stand(zygote: i32, events: &OwnedFd, grave: &OpenGrave) -> Result<Infallible, StepError> {
    keep_alone([events], grave)?;
    // The control socket is one of these, and the host has to see when the zygote lets go of it.
    sys::close_range(0, 1).step(|| "close what the guard does not need".to_owned())?;
    let over = until_over(zygote, events);
    end_children(|_| false);
    grave.fill(over.is_orphaned);
    sys::exit_now(over.code)
}

/// Waits for the child's end, an order, or the host's end.
pub(crate) fn until_over(child: i32, events: &OwnedFd) -> Over {
    let mut over = Over { code: 125, is_gone: false, is_orphaned: false };
    let mut is_over = false;
    while !is_over {
        let wanted = [Interest { fd: events.as_raw_fd(), readable: true, writable: false }];
        // An interrupted wait is looked at like any other.
        let _ = sys::wait(&wanted, -1);
        while let Some(signal) = sys::next_signal(events.as_fd()) {
            if signal != sys::CHILD_ENDED {
                is_over = true;
                over.is_orphaned |= signal == sys::HANG_UP;
                over.code = 128 + sys::KILL;
            }
        }
        while let Ok(Some((pid, how))) = sys::reap(None, Waiting::Never) {
            if pid == child {
                (is_over, over.is_gone) = (true, true);
                over.code = match how {
                    Ended::Code(code) => code,
                    Ended::Signal(signal) => 128 + signal,
                };
            }
        }
    }
    over
}

/// Closes everything but the standard streams, these, and what leads to the grave.
pub(crate) fn keep_alone<const N: usize>(kept: [&OwnedFd; N], grave: &OpenGrave) -> Result<(), StepError> {
    let kept: Vec<_> = kept.into_iter().chain(grave.descriptors()).map(AsFd::as_fd).collect();
    sys::close_all_but(&kept).step(|| "close what the launcher does not need".to_owned())
}
