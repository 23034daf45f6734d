//! Watches what the processes of a session use together: memory, and processor time where a cell has a budget of it.
//!
//! It looks more often the nearer the limit is, and never spends more than a small part of the processor on looking:
//! an exact account walks page tables, so it is taken only when the cheap one, which counts shared memory several
//! times, is over the limit.

use actwright_sandbox::limits::SPARE_MEMORY;
use actwright_sandbox::{sys, usage};

/// The longest and shortest time between two looks, in microseconds.
const LONGEST: u64 = 500_000;
const SHORTEST: u64 = 20_000;

/// Bytes per microsecond that two busy processors may fill at most.
const FILLING: u64 = 4_000;

/// Looking may take one part in so many of the time.
const PART: u64 = 20;

/// Microseconds of a clock tick, the unit of processor time.
const TICK: u64 = 10_000;

/// What a look has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// All is within the limits.
    Well,
    /// The running processes alone hold too much.
    Memory,
    /// With the copies it is too much, and without them it may not be.
    Copies,
    /// The budget of processor time is used up.
    CpuTime,
}

/// See the module.
#[derive(Debug)]
pub struct Meter {
    /// Bytes that the session may hold. Above it lies what the worker lends itself after a cell.
    limit: u64,
    /// When to look next.
    next: u64,
    /// The tick count at which the budget is used up.
    budget: Option<u64>,
}

impl Meter {
    /// For a session that may hold so many bytes.
    pub fn new(memory: u64) -> Self {
        Self { limit: memory.saturating_add(SPARE_MEMORY), next: 0, budget: None }
    }

    /// Milliseconds until the next look.
    pub fn rest_ms(&self) -> i32 {
        i32::try_from(self.next.saturating_sub(sys::micros()).div_ceil(1000)).unwrap_or(i32::MAX)
    }

    /// Whether it is time to look.
    pub fn is_due(&self) -> bool {
        sys::micros() >= self.next
    }

    /// From now on these may use so much processor time.
    pub fn allow(&mut self, cpu_ms: u64, running: &[i32]) {
        self.budget = Some(spent(running).saturating_add((cpu_ms * 1000).div_ceil(TICK)));
        self.next = 0;
    }

    /// Looks at the running processes and the frozen copies.
    pub fn look(&mut self, running: &[i32], copies: &[i32]) -> Finding {
        let start = sys::micros();
        let (finding, held) = self.judge(running, copies);
        let now = sys::micros();
        let mut rest = self.limit.saturating_sub(held) / FILLING;
        if let Some(budget) = self.budget {
            rest = rest.min(budget.saturating_sub(spent(running)) * TICK / 2);
        }
        let rest = rest.clamp(SHORTEST, LONGEST).max((now - start) * PART);
        // What is killed takes a moment to give its memory back.
        self.next = now + if finding == Finding::Memory { LONGEST / 2 } else { rest };
        finding
    }

    fn judge(&mut self, running: &[i32], copies: &[i32]) -> (Finding, u64) {
        let all = || running.iter().chain(copies).copied();
        let unmapped = usage::memory_files(running).saturating_add(usage::detached_segments());
        let mut held = unmapped + all().map(usage::most).sum::<u64>();
        if held > self.limit {
            let copied: Vec<_> = copies.iter().map(|pid| usage::memory(*pid)).collect();
            let share = running.iter().map(|pid| usage::memory(*pid).share).sum::<u64>();
            held = unmapped + share + copied.iter().map(|memory| memory.share).sum::<u64>();
            if held > self.limit {
                let freed = copied.iter().map(|memory| memory.own).sum();
                return (self.blame(running, copies.len(), unmapped, held.saturating_sub(freed)), held);
            }
        }
        if self.budget.is_some_and(|budget| spent(running) > budget) {
            self.budget = None;
            return (Finding::CpuTime, held);
        }
        (Finding::Well, held)
    }

    /// Whether the running processes hold too much by themselves. `without` is what would be held if each copy were
    /// the only one to go; what the copies share among themselves is still in it.
    fn blame(&self, running: &[i32], copies: usize, unmapped: u64, without: u64) -> Finding {
        let alone = unmapped + running.iter().map(|pid| usage::most(*pid)).sum::<u64>();
        // With several of both nobody knows until only one copy is left.
        let is_exact = copies <= 1 || running.len() <= 1;
        if copies == 0 || (is_exact && alone.min(without) > self.limit) {
            Finding::Memory
        } else {
            Finding::Copies
        }
    }
}

/// Processor time of these processes, of the children that they have collected, and of the orphans that this one has.
fn spent(running: &[i32]) -> u64 {
    let orphans = usage::ticks_of_collected(sys::pid()).unwrap_or(0);
    orphans + running.iter().filter_map(|pid| usage::ticks(*pid)).sum::<u64>()
}
