//! What cells wrote: recorded while they run, kept for reading afterwards, bounded in memory and on disk.
//!
//! Offsets and sizes that leave this module count characters (Unicode scalar values), never bytes: a reader
//! pages by characters, and no page ever splits one.
//!
//! In reading order: [`spool`] keeps bytes, [`text`] counts and finds characters in them, [`decode`] makes
//! text of what came out of a pipe, [`recording`] puts one cell's two streams together, [`store`] keeps
//! finished cells by id, [`grep`] searches.

mod account;
mod decode;
mod grep;
mod recording;
mod spool;
mod store;
mod text;

pub use grep::{GrepHit, GrepResult, PatternKind};
pub use recording::{Excerpt, Recorder, Recording, Segment, Segments};
pub use store::{Form, Kept, KeptSummary, Outputs, Page, ReadError};

/// Where a piece of text was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// File descriptor 1 and `sys.stdout`.
    Stdout,
    /// File descriptor 2 and `sys.stderr`.
    Stderr,
}

impl Stream {
    /// The stream's name as Python and shells know it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// One of the texts that are kept of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// Both streams in the order of writing.
    Output,
    /// What was written to stdout.
    Stdout,
    /// What was written to stderr.
    Stderr,
    /// `repr` of the cell's value.
    Result,
    /// The traceback.
    Error,
}

impl Part {
    /// Every part, in the order in which they are offered.
    pub const ALL: [Self; 5] = [Self::Output, Self::Stdout, Self::Stderr, Self::Result, Self::Error];

    /// The name that follows the id and a slash (`o_…/result`).
    pub fn name(self) -> &'static str {
        match self {
            Self::Output => "output",
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
            Self::Result => "result",
            Self::Error => "error",
        }
    }

    /// The part with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.name() == name)
    }
}
