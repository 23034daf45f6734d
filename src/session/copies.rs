//! What the host knows of a session's frozen copies: after which cells there is one, and how far back undo can go.
//!
//! The copies themselves are with the supervisor; this is only the account of what the session said about them.

use actwright_protocol::Parking;

use super::report::Checkpoint;

/// The account of one process and the copies behind it.
#[derive(Debug, Default)]
pub struct Copies {
    /// Cells after which a copy stands, oldest first.
    kept: Vec<u64>,
    /// Cells whose effects make up the present state, oldest first.
    history: Vec<u64>,
    /// What was said last, for the cell that runs next.
    last: Option<(u64, Parking)>,
}

impl Copies {
    /// A new process without a past.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// A new process that goes on where another stood after this cell, and has no copies of its own yet.
    pub fn begin_at(&mut self, cell: u64) {
        *self = Self { history: vec![cell], ..Self::default() };
    }

    /// Whether the session has said what came of parking after its last cell.
    pub fn has_said(&self) -> bool {
        match (self.history.last(), &self.last) {
            (Some(present), Some((cell, _))) => present == cell,
            (present, _) => present.is_none(),
        }
    }

    /// The session said what came of parking after this cell; it keeps at most so many.
    pub fn parked(&mut self, cell: u64, parking: Parking, most: usize) {
        if matches!(parking, Parking::Kept { .. }) {
            self.kept.retain(|other| *other != cell);
            self.kept.push(cell);
            let surplus = self.kept.len().saturating_sub(most);
            self.kept.drain(..surplus);
        }
        self.last = Some((cell, parking));
    }

    /// There was no memory left for the copy made after this cell.
    pub fn dropped(&mut self, cell: u64) {
        self.kept.retain(|other| *other != cell);
        if let Some((last, parking)) = &mut self.last
            && *last == cell
        {
            let why = "the session needed the memory that its copy held (limits.memory)".to_owned();
            *parking = Parking::Skipped { why };
        }
    }

    /// This cell's effects stand now.
    pub fn ran(&mut self, cell: u64) {
        self.history.push(cell);
        // Nobody can go back further than there are copies.
        let surplus = self.history.len().saturating_sub(64);
        self.history.drain(..surplus);
    }

    /// The session went on from the copy after this cell.
    pub fn went_back(&mut self, cell: u64) {
        self.history.retain(|other| *other <= cell);
        self.kept.retain(|other| *other < cell);
    }

    /// The cell after which the session would stand if so many cells were undone, if there is a copy of it.
    pub fn target(&self, steps: usize) -> Option<u64> {
        let index = self.history.len().checked_sub(steps + 1)?;
        let cell = *self.history.get(index)?;
        self.kept.contains(&cell).then_some(cell)
    }

    /// How many cells can be undone.
    pub fn depth(&self) -> usize {
        (1..=self.history.len()).take_while(|steps| self.target(*steps).is_some()).count()
    }

    /// Threads that the process had when it was copied last.
    pub fn threads(&self) -> u32 {
        match &self.last {
            Some((_, Parking::Kept { threads, .. })) => *threads,
            _ => 1,
        }
    }

    /// Whether there is a copy to go back to for the cell that runs now.
    pub fn checkpoint(&self) -> Checkpoint {
        match (&self.last, self.history.last()) {
            (Some((cell, Parking::Kept { micros, .. })), Some(present)) if cell == present => {
                Checkpoint::Kept { micros: *micros }
            }
            (Some((_, Parking::Skipped { why })), _) => Checkpoint::Skipped { why: why.clone() },
            (_, None) => {
                Checkpoint::Skipped { why: "there was nothing to keep before the first cell".to_owned() }
            }
            _ => Checkpoint::Skipped { why: "the session said nothing of a copy".to_owned() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> Parking {
        Parking::Kept { micros: 1, threads: 1 }
    }

    fn after(cells: std::ops::RangeInclusive<u64>, most: usize) -> Copies {
        let mut copies = Copies::default();
        for cell in cells {
            copies.ran(cell);
            copies.parked(cell, kept(), most);
        }
        copies
    }

    #[test]
    fn undo_goes_back_as_far_as_there_are_copies() {
        let copies = after(1..=10, 4);
        assert_eq!([1, 2, 3, 4].map(|steps| copies.target(steps)), [Some(9), Some(8), Some(7), None]);
        assert_eq!(copies.depth(), 3);
    }

    #[test]
    fn a_branch_that_was_given_up_is_not_gone_back_to() {
        let mut copies = after(1..=5, 4);
        copies.went_back(4);
        copies.parked(4, kept(), 4);
        copies.ran(6);
        copies.parked(6, kept(), 4);
        assert_eq!([1, 2].map(|steps| copies.target(steps)), [Some(4), Some(3)]);
    }

    #[test]
    fn the_checkpoint_is_that_of_the_present_state() {
        assert!(matches!(Copies::default().checkpoint(), Checkpoint::Skipped { .. }));
        let mut copies = after(1..=2, 4);
        assert_eq!(copies.checkpoint(), Checkpoint::Kept { micros: 1 });
        copies.ran(3);
        copies.parked(3, Parking::Skipped { why: "too large".into() }, 4);
        assert_eq!(copies.checkpoint(), Checkpoint::Skipped { why: "too large".into() });
        assert_eq!(copies.target(1), Some(2));
    }
}
