//! One cell's output: stdout, stderr, and both in the order of writing.
//!
//! The text in order is stored a second time only once both streams were used; until then it is the one
//! stream that was. A [`Recording`] is a handle on something that may still grow: threads and children can
//! write after their cell has ended.

use std::borrow::Cow;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::account::{Account, Cost};
use super::decode::Decoder;
use super::text::{Text, count};
use super::{Part, Stream};
use crate::masks::Masks;

/// Changes of stream that are remembered; a cell that alternates more often is shown stream by stream.
const MAX_SEGMENTS: usize = 10_000;

/// Takes what a cell writes. Stays usable after the cell has ended, for its late output.
#[derive(Debug)]
pub struct Recorder {
    recorded: Arc<Recorded>,
    decoders: [Decoder; 2],
    masks: Masks,
    /// The end of each stream so far, where that may be the beginning of a secret.
    held: [Vec<u8>; 2],
}

/// A cheap handle on what was recorded.
#[derive(Debug, Clone)]
pub struct Recording {
    recorded: Arc<Recorded>,
}

/// The part of a text that fits a budget: all of it, or its head and its tail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Excerpt {
    /// The beginning.
    pub head: String,
    /// The end; empty unless something was cut.
    pub tail: String,
    /// Characters of the whole text.
    pub total: u64,
    /// The characters that are missing between head and tail: first, and one past the last.
    pub cut: Option<(u64, u64)>,
}

/// A run of characters of [`Part::Output`] that one stream wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Who wrote it.
    pub stream: Stream,
    /// Its first character.
    pub from: u64,
    /// One past its last.
    pub to: u64,
}

/// How the two streams alternate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segments {
    /// All runs in order; neighbours are of different streams.
    Known(Vec<Segment>),
    /// More runs than the reader asked for, or than are remembered.
    TooMany,
}

#[derive(Debug)]
struct Recorded {
    dir: Arc<Path>,
    account: Arc<Account>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    streams: [Text; 2],
    both: Both,
    /// Where each run begins; ends are the next one's beginning.
    runs: Vec<(Stream, u64)>,
    all_runs: AllRuns,
    /// What was last added to the account.
    cost: Cost,
}

#[derive(Debug, Default)]
enum Both {
    #[default]
    Nothing,
    Only(Stream),
    Own(Text),
}

#[derive(Debug, Default, PartialEq, Eq)]
enum AllRuns {
    #[default]
    Remembered,
    Forgotten,
}

impl Recorder {
    pub(super) fn new(dir: Arc<Path>, account: Arc<Account>, masks: Masks) -> Self {
        let recorded = Recorded { dir, account, state: Mutex::default() };
        Self { recorded: Arc::new(recorded), decoders: Default::default(), masks, held: Default::default() }
    }

    /// Appends bytes as they were read from one of the cell's pipes; gives back their text, without secrets.
    ///
    /// A character or secret whose end has not come yet is held back until the next write or [`Self::flush`].
    pub fn write<'a>(&mut self, stream: Stream, bytes: &'a [u8]) -> Cow<'a, str> {
        let mask = self.masks.now();
        if mask.is_empty() {
            return self.push(stream, bytes);
        }
        let shown = mask.piece(&mut self.held[stream as usize], bytes);
        self.push(stream, &shown).into_owned().into()
    }

    fn push<'a>(&mut self, stream: Stream, bytes: &'a [u8]) -> Cow<'a, str> {
        let text = self.decoders[stream as usize].push(bytes);
        self.recorded.push(stream, &text);
        text
    }

    /// Writes out what still waits for the rest of a secret and, as escapes, of a character.
    pub fn flush(&mut self) {
        for stream in [Stream::Stdout, Stream::Stderr] {
            let held = std::mem::take(&mut self.held[stream as usize]);
            self.push(stream, &held);
            let text = self.decoders[stream as usize].finish();
            self.recorded.push(stream, &text);
        }
    }

    /// A handle for reading.
    pub fn recording(&self) -> Recording {
        Recording { recorded: Arc::clone(&self.recorded) }
    }
}

impl Recording {
    /// Characters of a text ([`Part::Result`] and [`Part::Error`] are not recorded here and have none).
    pub fn chars(&self, part: Part) -> u64 {
        self.recorded.lock().text(part).map_or(0, Text::chars)
    }

    /// Bytes of UTF-8 of a text.
    pub fn bytes(&self, part: Part) -> u64 {
        self.recorded.lock().text(part).map_or(0, Text::bytes)
    }

    /// Whether all of it was stored; not so when the disk was full.
    pub fn is_complete(&self, part: Part) -> bool {
        self.recorded.lock().text(part).is_none_or(Text::is_complete)
    }

    /// The characters `from..to`, as far as the text goes.
    pub fn slice(&self, part: Part, from: u64, to: u64) -> io::Result<String> {
        match self.recorded.lock().text(part) {
            Some(text) => text.slice(from, to),
            None => Ok(String::new()),
        }
    }

    /// What fits into `budget` characters: everything, or two thirds head and one third tail.
    pub fn excerpt(&self, part: Part, budget: u64) -> io::Result<Excerpt> {
        let state = self.recorded.lock();
        let Some(text) = state.text(part) else { return Ok(Excerpt::default()) };
        excerpt(text, budget)
    }

    /// The runs of the two streams in [`Part::Output`], if there are at most `max`.
    pub fn segments(&self, max: usize) -> Segments {
        let state = self.recorded.lock();
        if state.all_runs == AllRuns::Forgotten || state.runs.len() > max {
            return Segments::TooMany;
        }
        let end = state.text(Part::Output).map_or(0, Text::chars);
        let ends = state.runs.iter().skip(1).map(|(_, from)| *from).chain([end]);
        let runs = state.runs.iter().zip(ends);
        Segments::Known(
            runs.map(|((stream, from), to)| Segment { stream: *stream, from: *from, to }).collect(),
        )
    }

    /// The next bytes of a text from a byte offset on, in whole characters, and where to go on.
    pub(super) fn block(&self, part: Part, from: u64, size: u64) -> io::Result<(String, u64)> {
        match self.recorded.lock().text(part) {
            Some(text) => text.block(from, size),
            None => Ok((String::new(), from)),
        }
    }

    /// What this recording uses of its account.
    pub(super) fn cost(&self) -> Cost {
        self.recorded.lock().cost
    }
}

/// See [`Recording::excerpt`].
pub(super) fn excerpt(text: &Text, budget: u64) -> io::Result<Excerpt> {
    let total = text.chars();
    if total <= budget {
        return Ok(Excerpt { head: text.slice(0, total)?, tail: String::new(), total, cut: None });
    }
    let tail = budget / 3;
    let (from, to) = (budget - tail, total - tail);
    Ok(Excerpt { head: text.slice(0, from)?, tail: text.slice(to, total)?, total, cut: Some((from, to)) })
}

impl Recorded {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, stream: Stream, text: &str) {
        if text.is_empty() {
            return;
        }
        let mut state = self.lock();
        state.note_run(stream);
        state.join(stream, &self.dir);
        state.streams[stream as usize].push(&self.dir, text);
        if let Both::Own(both) = &mut state.both {
            both.push(&self.dir, text);
        }
        state.settle(&self.account);
    }
}

impl State {
    fn text(&self, part: Part) -> Option<&Text> {
        match part {
            Part::Stdout => Some(&self.streams[Stream::Stdout as usize]),
            Part::Stderr => Some(&self.streams[Stream::Stderr as usize]),
            Part::Output => match &self.both {
                Both::Nothing => None,
                Both::Only(stream) => Some(&self.streams[*stream as usize]),
                Both::Own(text) => Some(text),
            },
            Part::Result | Part::Error => None,
        }
    }

    /// Gives the text in order its own storage when the second stream comes in.
    fn join(&mut self, stream: Stream, dir: &Path) {
        match self.both {
            Both::Nothing => self.both = Both::Only(stream),
            Both::Only(other) if other != stream => {
                let copy = self.streams[other as usize].duplicate(dir);
                self.both = Both::Own(copy.unwrap_or_else(|error| {
                    tracing::warn!(%error, "cannot read kept output back; its text in order begins here");
                    Text::default()
                }));
            }
            Both::Only(_) | Both::Own(_) => {}
        }
    }

    fn note_run(&mut self, stream: Stream) {
        if self.runs.last().is_some_and(|(last, _)| *last == stream) {
            return;
        }
        if self.runs.len() == MAX_SEGMENTS {
            self.all_runs = AllRuns::Forgotten;
            return;
        }
        let from = self.text(Part::Output).map_or(0, Text::chars);
        self.runs.push((stream, from));
    }

    /// Brings the account up to date.
    fn settle(&mut self, account: &Account) {
        let own = match &self.both {
            Both::Own(text) => Some(text),
            Both::Nothing | Both::Only(_) => None,
        };
        let cost = self.streams.iter().chain(own).map(Text::cost).sum();
        account.change(self.cost, cost);
        self.cost = cost;
    }
}

impl Drop for Recorded {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.account.change(state.cost, Cost::default());
    }
}

impl Excerpt {
    /// Of a text that is whole in memory.
    pub fn of(text: &str, budget: u64) -> Self {
        let total = count(text);
        if total <= budget {
            return Self { head: text.to_owned(), tail: String::new(), total, cut: None };
        }
        let tail = budget / 3;
        let head = budget - tail;
        let at = |n: u64| text.char_indices().nth(n as usize).map_or(text.len(), |(at, _)| at);
        let from_end = |n: u64| match n {
            0 => text.len(),
            n => text.char_indices().nth_back(n as usize - 1).map_or(0, |(at, _)| at),
        };
        Self {
            head: text[..at(head)].to_owned(),
            tail: text[from_end(tail)..].to_owned(),
            total,
            cut: Some((head, total - tail)),
        }
    }

    /// Characters shown.
    pub fn shown(&self) -> u64 {
        self.cut.map_or(self.total, |(from, to)| self.total - (to - from))
    }
}

#[cfg(test)]
mod tests;
