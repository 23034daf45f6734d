//! The calls of one cell: how many each tool has had, for its limits and for the cell's report.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Counts the calls of one cell; shared by everything that runs in it.
#[derive(Debug, Default)]
pub struct Tally {
    admitted: Mutex<HashMap<String, u32>>,
    ended: Mutex<BTreeMap<String, Count>>,
}

/// The calls of one tool in one cell that have ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// How many.
    pub calls: u32,
    /// Those of them that gave no result.
    pub failed: u32,
    /// Their time altogether; calls that ran side by side each count whole.
    pub time: Duration,
    /// Bytes of arguments.
    pub sent: u64,
    /// Bytes of results.
    pub received: u64,
}

impl Tally {
    /// Counts a call against a limit, unless it would be one too many.
    pub fn admit(&self, tool: &str, most: u32) -> bool {
        let mut admitted = self.admitted.lock().unwrap_or_else(PoisonError::into_inner);
        let count = admitted.entry(tool.to_owned()).or_default();
        let is_within = *count < most;
        *count += u32::from(is_within);
        is_within
    }

    /// Takes down a call that has ended.
    pub fn note(&self, tool: &str, one: Count) {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        match ended.get_mut(tool) {
            Some(count) => count.add(one),
            None => drop(ended.insert(tool.to_owned(), one)),
        }
    }

    /// What has ended so far, by the tools' names.
    pub fn counts(&self) -> BTreeMap<String, Count> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Count {
    fn add(&mut self, other: Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.failed = self.failed.saturating_add(other.failed);
        self.time += other.time;
        self.sent += other.sent;
        self.received += other.received;
    }
}
