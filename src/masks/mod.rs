//! What must never go back to code or to the model: known values, found in whatever does, in every spelling in which they come.
//!
//! Who knows a secret says so once; who passes something on asks for the mask of that moment.

mod mask;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

pub use mask::Mask;

/// Values that are masked; of more than these, such as tokens that are fetched anew each hour, the oldest are over.
const MOST: usize = 1_000;

/// The values that are known. Cheap to clone.
#[derive(Clone, Default)]
pub struct Masks {
    known: Arc<RwLock<Known>>,
}

#[derive(Default)]
struct Known {
    values: VecDeque<String>,
    mask: Arc<Mask>,
}

impl fmt::Debug for Masks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Masks(***)")
    }
}

impl Masks {
    /// This value must never go back; one of less than six bytes would turn up by chance and is not hidden.
    pub fn learn(&self, value: &str) {
        let is_known = |known: &Known| known.values.iter().any(|one| one == value);
        if value.len() < mask::SHORTEST
            || is_known(&self.known.read().unwrap_or_else(PoisonError::into_inner))
        {
            return;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if is_known(&known) {
            return;
        }
        known.values.push_back(value.to_owned());
        if known.values.len() > MOST {
            known.values.pop_front();
        }
        known.mask = Arc::new(Mask::of(known.values.iter()));
    }

    /// What finds all that are known now.
    pub fn now(&self) -> Arc<Mask> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).mask.clone()
    }
}
