//! Cells that ran, as what skills are made from. They are kept in memory for a while, the newest of each session.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

/// The most cells that are kept of one session.
const CELLS: usize = 50;

/// The most bytes of them together, roughly; the oldest go first, and the newest stays.
const BYTES: usize = 1 << 20;

/// What a cell's calls of tools were given and gave.
pub trait Calls: fmt::Debug + Send + Sync {
    /// As data, or why it is not known whole.
    fn written(&self) -> Result<Value, String>;

    /// Roughly how many bytes it holds.
    fn size(&self) -> usize;
}

/// A cell that ran.
#[derive(Debug)]
pub struct Ran {
    /// The session's handle.
    pub session: String,
    /// Its number there.
    pub cell: u64,
    /// The id of its output.
    pub output: String,
    /// What was run.
    pub code: String,
    /// The value of its last expression as JSON text, where JSON says exactly the same; `null` where there was none.
    pub value: Option<String>,
    /// Whether it ran to its end.
    pub is_well: bool,
    /// Its calls of tools.
    pub calls: Arc<dyn Calls>,
}

/// Which cell is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// The newest one.
    Last,
    /// That of this number.
    Number(u64),
    /// That with this output, in whatever session.
    Output(String),
}

/// A cell, and those that ran before it in its session, the newest first.
#[derive(Debug, Clone)]
pub struct Cell {
    /// It.
    pub ran: Arc<Ran>,
    /// Those before.
    pub before: Vec<Arc<Ran>>,
}

/// The cells that are kept, by session.
#[derive(Debug, Default)]
pub struct Cells {
    kept: Mutex<HashMap<String, VecDeque<Arc<Ran>>>>,
}

impl Ran {
    fn size(&self) -> usize {
        self.code.len() + self.value.as_ref().map_or(0, String::len) + self.calls.size()
    }
}

impl Which {
    /// `last`, a number, or `o_…`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "last" => Some(Self::Last),
            id if id.starts_with("o_") => Some(Self::Output(id.to_owned())),
            number => number.parse().ok().map(Self::Number),
        }
    }
}

impl Cells {
    /// Keeps one.
    pub fn keep(&self, ran: Ran) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let cells = kept.entry(ran.session.clone()).or_default();
        cells.push_back(Arc::new(ran));
        let mut bytes: usize = cells.iter().map(|one| one.size()).sum();
        while cells.len() > CELLS || bytes > BYTES && cells.len() > 1 {
            bytes -= cells.pop_front().map_or(0, |oldest| oldest.size());
        }
    }

    /// A session is over.
    pub fn forget(&self, session: &str) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).remove(session);
    }

    /// Finds one of a session's cells, or by its output one of any.
    pub fn find(&self, session: Option<&str>, which: &Which) -> Option<Cell> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let in_session = |cells: &VecDeque<Arc<Ran>>| {
            let mut newest = cells.iter().rev();
            let ran = newest.find(|one| match which {
                Which::Last => true,
                Which::Number(number) => one.cell == *number,
                Which::Output(output) => one.output == *output,
            })?;
            Some(Cell { ran: ran.clone(), before: newest.cloned().collect() })
        };
        match which {
            Which::Output(_) => kept.values().find_map(in_session),
            Which::Last | Which::Number(_) => in_session(kept.get(session?)?),
        }
    }
}
