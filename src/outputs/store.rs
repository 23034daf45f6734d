//! Finished cells by id, oldest dropped first when they pass the limit.
//!
//! Holding an id is the permission to read: ids are unguessable. What still runs counts towards the limit
//! but is never dropped.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Part;
use super::account::{Account, Cost};
use super::grep::{GrepResult, search};
use super::recording::{Recorder, Recording};
use super::spool::Spool;
use super::text::Text;
use crate::masks::Masks;
use crate::names::{OutputId, SessionId};

/// Open files behind all kept outputs; each long text has one, and the process may open 1,024 by default.
const MAX_FILES: usize = 256;

/// Bytes of kept outputs in memory: what is too short for a file of its own adds up.
const MAX_MEMORY: usize = 64 << 20;

/// Kept outputs, however small they are.
const MAX_KEPT: usize = 10_000;

/// Dropped ids that are remembered, so that their readers learn what happened.
const MAX_DROPPED: usize = 10_000;

/// The store of kept outputs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Outputs {
    shared: Arc<Shared>,
}

/// What is kept of a finished cell.
#[derive(Debug)]
pub struct Kept {
    /// The session that ran it.
    pub session: SessionId,
    /// Its number there.
    pub cell: u64,
    /// What it wrote, and may still write.
    pub recording: Recording,
    /// `repr` of its value, whole.
    pub result: Option<String>,
    /// Its traceback, whole.
    pub error: Option<String>,
    /// Its displays, each with its forms as media type and content.
    pub displays: Vec<Vec<(String, Vec<u8>)>>,
}

/// A kept output in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptSummary {
    /// Its id.
    pub id: OutputId,
    /// The session that ran the cell.
    pub session: SessionId,
    /// The cell's number.
    pub cell: u64,
    /// Characters of the output in order.
    pub chars: u64,
    /// Bytes of the output in order.
    pub bytes: u64,
    /// The media types of each display.
    pub displays: Vec<Vec<String>>,
}

/// A piece of a kept text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Which text this is.
    pub part: Part,
    /// The characters.
    pub text: String,
    /// The offset of the first.
    pub offset: u64,
    /// Characters of the whole text.
    pub total: u64,
    /// Where to go on, if there is more.
    pub next: Option<u64>,
}

/// One form of a display.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// Its media type.
    pub media_type: String,
    /// Its content.
    pub data: Vec<u8>,
}

/// Why a kept output could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It was never given out.
    #[error("no output `{0}`. Output ids are in the results of run_code")]
    Unknown(OutputId),
    /// It was dropped to make room.
    #[error(
        "output `{0}` is no longer kept: newer outputs took its room (results.kept_outputs). Run the cell again, or keep what you need in a variable"
    )]
    Dropped(OutputId),
    /// The cell left no such text.
    #[error("output `{id}` has no {part}; it has {has}")]
    NoPart {
        /// The id.
        id: OutputId,
        /// The part that was asked for.
        part: &'static str,
        /// The parts that exist.
        has: String,
    },
    /// The cell showed fewer displays.
    #[error("output `{id}` has no display {n}; it has {count}, counted from 0")]
    NoDisplay {
        /// The id.
        id: OutputId,
        /// The number that was asked for.
        n: usize,
        /// How many there are.
        count: usize,
    },
    /// The host could not read its own file.
    #[error("the kept output could not be read back")]
    Io(#[from] io::Error),
}

#[derive(Debug)]
struct Shared {
    dir: Arc<Path>,
    limit: u64,
    masks: Masks,
    account: Arc<Account>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    entries: HashMap<OutputId, Arc<Entry>>,
    order: VecDeque<OutputId>,
    dropped: HashSet<OutputId>,
    dropped_order: VecDeque<OutputId>,
}

#[derive(Debug)]
struct Entry {
    session: SessionId,
    cell: u64,
    recording: Recording,
    result: Option<Text>,
    error: Option<Text>,
    displays: Vec<Vec<(String, Spool)>>,
    account: Arc<Account>,
    /// What this entry itself has added to the account, its recording apart.
    own_cost: Cost,
}

impl Outputs {
    /// A store whose long texts go to unnamed files in `dir`, that keeps `limit` bytes and takes nothing that these mask.
    pub fn new(dir: PathBuf, limit: u64, masks: Masks) -> Self {
        let dir = Arc::from(dir);
        let shared = Shared { dir, limit, masks, account: Arc::default(), state: Mutex::default() };
        Self { shared: Arc::new(shared) }
    }

    /// A recorder for a cell that is about to run.
    pub fn recorder(&self) -> Recorder {
        let shared = &self.shared;
        Recorder::new(Arc::clone(&shared.dir), Arc::clone(&shared.account), shared.masks.clone())
    }

    /// Keeps a finished cell under `id`, dropping the oldest ones where they pass the limit.
    pub fn keep(&self, id: OutputId, kept: Kept) {
        let entry = Arc::new(Entry::of(kept, &self.shared));
        let mut state = self.shared.lock();
        state.order.push_back(id.clone());
        state.entries.insert(id, entry);
        let evicted = state.make_room(self.shared.limit, &self.shared.account);
        drop(state);
        // Closing files is left for after the lock.
        drop(evicted);
    }

    /// Up to `limit` characters of a part from `offset` on; without a part, the first that is not empty of
    /// output, result and error.
    pub fn read(
        &self,
        id: &OutputId,
        part: Option<Part>,
        offset: u64,
        limit: u64,
    ) -> Result<Page, ReadError> {
        let entry = self.entry(id)?;
        let part = entry.choose(id, part)?;
        let total = entry.chars(part);
        let offset = offset.min(total);
        let end = offset.saturating_add(limit).min(total);
        let text = entry.slice(part, offset, end)?;
        Ok(Page { part, text, offset, total, next: (end < total).then_some(end) })
    }

    /// The lines of a part that match; skips the first `skip` of them and shows up to `show`.
    ///
    /// Reads the whole text, so it is for a thread that may block.
    pub fn grep(
        &self,
        id: &OutputId,
        part: Option<Part>,
        pattern: &str,
        skip: u64,
        show: u64,
    ) -> Result<(Part, GrepResult), ReadError> {
        let entry = self.entry(id)?;
        let part = entry.choose(id, part)?;
        Ok((part, search(pattern, skip, show, |from, size| entry.block(part, from, size))?))
    }

    /// One form of a display: the one of the media type, or the first.
    pub fn form(&self, id: &OutputId, n: usize, media_type: Option<&str>) -> Result<Form, ReadError> {
        let entry = self.entry(id)?;
        let forms = entry.displays.get(n);
        let form = forms.and_then(|forms| match media_type {
            Some(wanted) => forms.iter().find(|(media_type, _)| media_type == wanted),
            None => forms.first(),
        });
        let Some((media_type, data)) = form else {
            return Err(ReadError::NoDisplay { id: id.clone(), n, count: entry.displays.len() });
        };
        Ok(Form { media_type: media_type.clone(), data: data.read(0, u64::MAX)? })
    }

    /// Everything that is kept, newest first.
    pub fn list(&self) -> Vec<KeptSummary> {
        let state = self.shared.lock();
        let entries = state.order.iter().rev().filter_map(|id| Some((id, state.entries.get(id)?)));
        entries.map(|(id, entry)| entry.summary(id)).collect()
    }

    fn entry(&self, id: &OutputId) -> Result<Arc<Entry>, ReadError> {
        let state = self.shared.lock();
        match state.entries.get(id) {
            Some(entry) => Ok(Arc::clone(entry)),
            None if state.dropped.contains(id) => Err(ReadError::Dropped(id.clone())),
            None => Err(ReadError::Unknown(id.clone())),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes out the oldest entries until the rest is within the limits; the newest always stays.
    fn make_room(&mut self, limit: u64, account: &Account) -> Vec<Arc<Entry>> {
        let mut total = account.total();
        let mut evicted = Vec::new();
        let is_over =
            |total: Cost| total.bytes > limit || total.files > MAX_FILES || total.memory > MAX_MEMORY;
        while (is_over(total) || self.entries.len() > MAX_KEPT) && self.order.len() > 1 {
            let Some(oldest) = self.order.pop_front() else { break };
            if let Some(entry) = self.entries.remove(&oldest) {
                total = total.without(entry.cost());
                evicted.push(entry);
            }
            self.remember_dropped(oldest);
        }
        evicted
    }

    fn remember_dropped(&mut self, id: OutputId) {
        self.dropped_order.push_back(id.clone());
        self.dropped.insert(id);
        if self.dropped_order.len() > MAX_DROPPED
            && let Some(forgotten) = self.dropped_order.pop_front()
        {
            self.dropped.remove(&forgotten);
        }
    }
}

impl Entry {
    fn of(kept: Kept, shared: &Shared) -> Self {
        let dir = &shared.dir;
        let text = |text: Option<String>| text.map(|text| Text::of(dir, &text));
        let (result, error) = (text(kept.result), text(kept.error));
        let spool = |(media_type, data): (String, Vec<u8>)| {
            let mut spool = Spool::default();
            spool.append(dir, &data);
            (media_type, spool)
        };
        let displays: Vec<Vec<_>> =
            kept.displays.into_iter().map(|forms| forms.into_iter().map(spool).collect()).collect();
        let texts = || result.iter().chain(&error);
        let spools = || displays.iter().flatten().map(|(_, spool)| spool);
        let own_cost = texts().map(Text::cost).chain(spools().map(Spool::cost)).sum();
        shared.account.change(Cost::default(), own_cost);
        let account = Arc::clone(&shared.account);
        let Kept { session, cell, recording, .. } = kept;
        Self { session, cell, recording, result, error, displays, account, own_cost }
    }

    fn cost(&self) -> Cost {
        self.own_cost.with(self.recording.cost())
    }

    fn text(&self, part: Part) -> Option<&Text> {
        match part {
            Part::Result => self.result.as_ref(),
            Part::Error => self.error.as_ref(),
            Part::Output | Part::Stdout | Part::Stderr => None,
        }
    }

    fn has(&self, part: Part) -> bool {
        match part {
            Part::Result | Part::Error => self.text(part).is_some(),
            Part::Output | Part::Stdout | Part::Stderr => self.recording.chars(part) > 0,
        }
    }

    fn choose(&self, id: &OutputId, part: Option<Part>) -> Result<Part, ReadError> {
        match part {
            None => {
                let first =
                    [Part::Output, Part::Result, Part::Error].into_iter().find(|part| self.has(*part));
                Ok(first.unwrap_or(Part::Output))
            }
            Some(part @ (Part::Result | Part::Error)) if !self.has(part) => {
                let names: Vec<_> =
                    Part::ALL.into_iter().filter(|part| self.has(*part)).map(Part::name).collect();
                let has = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
                Err(ReadError::NoPart { id: id.clone(), part: part.name(), has })
            }
            Some(part) => Ok(part),
        }
    }

    fn chars(&self, part: Part) -> u64 {
        self.text(part).map_or_else(|| self.recording.chars(part), Text::chars)
    }

    fn slice(&self, part: Part, from: u64, to: u64) -> io::Result<String> {
        match self.text(part) {
            Some(text) => text.slice(from, to),
            None => self.recording.slice(part, from, to),
        }
    }

    fn block(&self, part: Part, from: u64, size: u64) -> io::Result<(String, u64)> {
        match self.text(part) {
            Some(text) => text.block(from, size),
            None => self.recording.block(part, from, size),
        }
    }

    fn summary(&self, id: &OutputId) -> KeptSummary {
        let media_types = |forms: &Vec<(String, Spool)>| forms.iter().map(|(name, _)| name.clone()).collect();
        KeptSummary {
            id: id.clone(),
            session: self.session.clone(),
            cell: self.cell,
            chars: self.recording.chars(Part::Output),
            bytes: self.recording.bytes(Part::Output),
            displays: self.displays.iter().map(media_types).collect(),
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.account.change(self.own_cost, Cost::default());
    }
}

#[cfg(test)]
mod tests;
