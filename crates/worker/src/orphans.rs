//! What a killed supervisor leaves behind, in levels without a namespace that would take it along.
//!
//! The zygote adopts it there, because it asked the kernel to; in level `full` nothing of this is needed, and it is
//! never done.

use actwright_sandbox::sys;

use crate::supervisor::{LOOKS, signal_each};

/// The children that the zygote has made itself: numbers with the start times that go with them.
#[derive(Debug, Default)]
pub struct Family {
    made: Vec<(i32, u64)>,
}

impl Family {
    /// A child was made.
    pub fn add(&mut self, pid: i32) {
        self.made.retain(|(known, start)| sys::start_ticks(*known) == Some(*start));
        if let Some(start) = sys::start_ticks(pid) {
            self.made.push((pid, start));
        }
    }

    /// Kills every child that was adopted, and what is below it.
    pub fn end_adopted(&self) {
        if sys::pid() == 1 {
            return;
        }
        for _ in 0..LOOKS {
            let adopted = sys::children(sys::pid()).into_iter().filter(|pid| !self.is_own(*pid)).collect();
            if signal_each(sys::below(adopted).into_iter(), 0, sys::KILL) == 0 {
                return;
            }
        }
    }

    fn is_own(&self, pid: i32) -> bool {
        self.made.iter().any(|(known, start)| *known == pid && sys::start_ticks(pid) == Some(*start))
    }
}
