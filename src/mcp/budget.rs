//! How the characters of one reply are shared out between its parts.
//!
//! The error comes first, because the next step depends on it; what one part does not need goes to others.

/// The characters that a reply may show.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget(u64);

/// How long each part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Traceback and hints.
    pub(super) error: u64,
    /// `repr` of the value.
    pub(super) result: u64,
    /// What was written and displayed.
    pub(super) output: u64,
    /// What earlier cells wrote late.
    pub(super) late: u64,
}

impl Budget {
    /// A budget of this many characters.
    pub(super) fn of(chars: u64) -> Self {
        Self(chars)
    }

    /// What each part gets, at most what it wants.
    pub(super) fn share(self, wanted: Wanted) -> Wanted {
        let whole = wanted.error + wanted.result + wanted.output + wanted.late;
        if whole <= self.0 {
            return wanted;
        }
        let error = wanted.error.min(self.0 * 3 / 5);
        let rest = self.0 - error;
        let late = wanted.late.min(rest / 5);
        let rest = rest - late;
        let result = wanted.result.min((rest / 2).max(rest.saturating_sub(wanted.output)));
        let rest = rest - result;
        let output = wanted.output.min(rest);
        let spare = rest - output;
        let more_error = (wanted.error - error).min(spare);
        let more_late = (wanted.late - late).min(spare - more_error);
        Wanted { error: error + more_error, result, output, late: late + more_late }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares() {
        let wanted = |error, result, output, late| Wanted { error, result, output, late };
        for (budget, want, got) in [
            (100, wanted(10, 20, 30, 40), wanted(10, 20, 30, 40)),
            (100, wanted(0, 0, 1000, 0), wanted(0, 0, 100, 0)),
            (100, wanted(0, 1000, 0, 0), wanted(0, 100, 0, 0)),
            (100, wanted(0, 1000, 1000, 0), wanted(0, 50, 50, 0)),
            (100, wanted(0, 1000, 10, 0), wanted(0, 90, 10, 0)),
            (100, wanted(1000, 0, 0, 0), wanted(100, 0, 0, 0)),
            (100, wanted(1000, 0, 1000, 0), wanted(60, 0, 40, 0)),
            (100, wanted(20, 0, 1000, 0), wanted(20, 0, 80, 0)),
            (100, wanted(0, 0, 1000, 1000), wanted(0, 0, 80, 20)),
            (1, wanted(9, 9, 9, 9), wanted(0, 0, 1, 0)),
        ] {
            let shared = Budget::of(budget).share(want);
            assert_eq!(shared, got, "{budget} {want:?}");
            assert!(shared.error + shared.result + shared.output + shared.late <= budget);
        }
    }
}
