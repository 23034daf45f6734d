//! Tells the processes that a cell leaves behind from those that the next cell starts, by their age.
//!
//! A process's age is known to a clock tick only (10 ms), and the next cell may begin within the same one. So the cell
//! that leaves something young behind ends a few milliseconds later; all others end at once.

use std::sync::{Mutex, PoisonError};

use actwright_sandbox::sys;

/// The youngest process or thread that was there when a cell ended.
#[derive(Debug, Default)]
pub struct Ages {
    youngest: Mutex<Option<i32>>,
}

impl Ages {
    /// At the end of a cell: returns when whatever starts from now on is seen to be younger than what is left behind.
    /// Frozen copies of the session are not left behind by a cell.
    pub fn part(&self, copies: &[i32]) {
        let youngest = sys::youngest_pid();
        let mut known = self.youngest.lock().unwrap_or_else(PoisonError::into_inner);
        if youngest.is_some() && *known == youngest {
            return;
        }
        *known = youngest;
        if !sys::has_children() && !sys::has_siblings_but(copies) {
            return;
        }
        // Without the clock the two cannot be told apart, which is no reason to keep the cell's answer back.
        if let Ok(rest) = sys::rest_of_tick() {
            std::thread::sleep(rest);
        }
    }

    /// What has started last is the session's own doing, not a cell's.
    pub fn note(&self) {
        *self.youngest.lock().unwrap_or_else(PoisonError::into_inner) = sys::youngest_pid();
    }
}
