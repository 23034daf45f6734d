//! Tells the processes that a cell leaves behind from those that the next cell starts, by their age.
//!
//! A process's age is known to a clock tick only (10 ms), and the next cell may begin within the same one. So the cell
//! that leaves something young behind ends a few milliseconds later; all others end at once.

use std::sync::{Mutex, PoisonError};

use actwright_sandbox::sys;

/// What was there when the session last was between two cells.
#[derive(Debug, Default)]
pub struct Ages {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// The number given last to a process or thread.
    youngest: Option<i32>,
    /// The supervisor's children: this process, its frozen copies, and orphans.
    siblings: Vec<i32>,
}

impl Ages {
    /// At the end of a cell: returns when whatever starts from now on is seen to be younger than what is left behind.
    pub fn part(&self) {
        let youngest = sys::youngest_pid();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if youngest.is_some() && known.youngest == youngest {
            return;
        }
        let siblings = sys::siblings();
        let adopted = siblings.iter().any(|pid| !known.siblings.contains(pid));
        *known = Known { youngest, siblings };
        if !adopted && !sys::has_children() {
            return;
        }
        // Without the clock the two cannot be told apart, which is no reason to keep the cell's answer back.
        if let Ok(rest) = sys::rest_of_tick() {
            std::thread::sleep(rest);
        }
    }

    /// Between two cells: whatever is there now was not left behind by the next one.
    pub fn note(&self) {
        let now = Known { youngest: sys::youngest_pid(), siblings: sys::siblings() };
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }
}
