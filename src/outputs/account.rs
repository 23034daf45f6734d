//! What all kept outputs use together, counted as it grows and goes.

use std::iter::Sum;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What something uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cost {
    /// Bytes that can be read back.
    pub(super) bytes: u64,
    /// Open files.
    pub(super) files: usize,
    /// Bytes in memory.
    pub(super) memory: usize,
}

/// The sum for a store.
#[derive(Debug, Default)]
pub(super) struct Account(Mutex<Cost>);

impl Account {
    /// The sum now.
    pub(super) fn total(&self) -> Cost {
        *self.lock()
    }

    /// Something uses other than it did before.
    pub(super) fn change(&self, before: Cost, after: Cost) {
        let mut total = self.lock();
        *total = total.without(before).with(after);
    }

    fn lock(&self) -> MutexGuard<'_, Cost> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cost {
    /// Both together.
    pub(super) fn with(self, other: Self) -> Self {
        Self {
            bytes: self.bytes + other.bytes,
            files: self.files + other.files,
            memory: self.memory + other.memory,
        }
    }

    /// What is left without the other.
    pub(super) fn without(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_sub(other.bytes),
            files: self.files.saturating_sub(other.files),
            memory: self.memory.saturating_sub(other.memory),
        }
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Self>>(costs: I) -> Self {
        costs.fold(Self::default(), Self::with)
    }
}
