//! Ends everything below this process, by its children alone: what they leave behind becomes its own children.
//!
//! A process that adopts orphans has no descendants exactly when it has no children, and the list of its children cannot
//! miss one: only this process takes children off it, by collecting them, and a child that it has not collected keeps its
//! number. A look further down, where numbers move while they are read, only makes it faster.

use std::os::fd::AsFd;
use std::time::Duration;

use crate::sys::{self, Waiting};

/// How long killed children get to be gone before the next look.
const PAUSE: Duration = Duration::from_millis(1);

/// Kills and collects every child that is not spared, and what is below it, until the kernel shows no other. Only for a
/// process with one thread that adopts orphans and does not ignore the ends of its children. What refuses to be
/// signalled, as a process that has become another user's may at level `off`, is left.
pub fn end_children(is_spared: impl Fn(i32) -> bool) {
    loop {
        let all = sys::children(sys::pid());
        if all.is_empty() && sys::has_children() {
            // The list could not be read.
            std::thread::sleep(PAUSE);
            continue;
        }
        let doomed: Vec<i32> = all.into_iter().filter(|pid| !is_spared(*pid)).collect();
        // A child that has ended takes the signal too.
        let obeying = doomed.iter().filter(|pid| sys::signal_child(**pid, sys::KILL).is_ok()).count();
        if obeying == 0 {
            return;
        }
        for pid in sys::below(doomed.clone()).split_off(doomed.len()) {
            if let Ok(process) = sys::open_process(pid) {
                // It may have ended at this very moment.
                let _ = sys::signal_process(process.as_fd(), sys::KILL);
            }
        }
        for pid in doomed {
            // Whoever has not ended yet is there at the next look.
            let _ = sys::reap(Some(pid), Waiting::Never);
        }
        std::thread::sleep(PAUSE);
    }
}
