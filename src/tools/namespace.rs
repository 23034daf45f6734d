//! One source of tools with names that Python can write, found by those or by its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::MutexGuard;

use super::adapter::{Adapter, Kind, Listing, Patience};
use super::entry::Tool;
use super::name::{Identifier, Reserved};
use super::policy::{Policy, RuleIndex};
use crate::config::Order;

/// One source.
#[derive(Debug)]
pub struct Namespace {
    /// `tools.<name>`.
    pub name: Identifier,
    /// As its file or configuration names it.
    pub original: String,
    /// What performs its calls.
    pub adapter: Arc<dyn Adapter>,
    known: Mutex<Option<Known>>,
    turn: tokio::sync::Mutex<()>,
}

/// The tools of the listing with this generation.
#[derive(Debug, Clone)]
struct Known {
    generation: u64,
    tools: Arc<Vec<Arc<Tool>>>,
    index: Arc<Index>,
}

/// Where each tool is, and its rule.
#[derive(Debug, Default)]
struct Index {
    entries: Vec<Entry>,
    root: Option<usize>,
    /// By the name that Python writes, then by the source's own.
    names: HashMap<String, usize>,
    originals: HashMap<String, usize>,
}

/// A tool, and what the policy knows of it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// It.
    pub tool: Arc<Tool>,
    /// The name under which its calls are counted: a command's own recipe counts as the command.
    pub counted: Arc<str>,
    /// Its rule.
    pub rule: RuleIndex,
}

impl Namespace {
    /// Over a source.
    pub fn new(name: Identifier, original: String, adapter: Arc<dyn Adapter>) -> Self {
        Self { name, original, adapter, known: Mutex::default(), turn: tokio::sync::Mutex::default() }
    }

    /// The tools of a listing.
    pub fn tools(&self, listing: &Listing, policy: &Policy) -> Arc<Vec<Arc<Tool>>> {
        self.learn(listing, policy).tools
    }

    /// One tool of those that are known now, or else of those that there are once the source is started. `None` is the
    /// namespace itself.
    pub async fn find(&self, name: Option<&str>, policy: &Policy) -> Result<Entry, Listing> {
        let current = self.known().filter(|known| known.generation == self.adapter.generation());
        if let Some(entry) = current.and_then(|known| known.index.get(name)) {
            return Ok(entry);
        }
        let mut listing = self.adapter.listing(Patience::Known).await;
        if let Some(entry) = self.learn(&listing, policy).index.get(name) {
            return Ok(entry);
        }
        // What is known may be old, or nothing yet.
        listing = self.adapter.listing(Patience::Start).await;
        self.learn(&listing, policy).index.get(name).ok_or(listing)
    }

    /// Waits until no other call is under way, where the source takes one at a time.
    pub async fn turn(&self) -> Option<MutexGuard<'_, ()>> {
        match self.adapter.order() {
            Order::Parallel => None,
            Order::Serial => Some(self.turn.lock().await),
        }
    }

    fn known(&self) -> Option<Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn learn(&self, listing: &Listing, policy: &Policy) -> Known {
        if let Some(known) = self.known().filter(|known| known.generation == listing.generation) {
            return known;
        }
        let originals: Vec<&str> = listing.tools.iter().map(|raw| raw.name.as_str()).collect();
        let names = Identifier::of_all(&originals, Reserved::Tool);
        let root = listing.root.iter().map(|raw| Tool::new(self.name.clone(), None, (**raw).clone()));
        let named = listing.tools.iter().zip(names);
        let named = named.map(|(raw, name)| Tool::new(self.name.clone(), Some(name), raw.clone()));
        let tools: Arc<Vec<Arc<Tool>>> = Arc::new(root.chain(named).map(Arc::new).collect());
        let entries = tools.iter().map(|tool| {
            let (counted, spellings) = self.spellings(tool);
            Entry {
                tool: tool.clone(),
                counted: counted.into(),
                rule: policy.rule(&spellings, tool.raw.hints),
            }
        });
        let index = Arc::new(Index::of(entries.collect()));
        let known = Known { generation: listing.generation, tools, index };
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(known.clone());
        known
    }

    /// The name under which the calls of a tool are counted, and all those that a rule may mean it by: the names that its
    /// source has, and for a command itself the recipe of the same name, which is what calling it means.
    fn spellings(&self, tool: &Tool) -> (String, Vec<String>) {
        let spaces = [self.name.as_str(), self.original.as_str()];
        let is_command = self.adapter.kind() == Kind::Command;
        let names = match &tool.name {
            None => vec![self.name.as_str(), self.original.as_str()],
            Some(name) => vec![name.as_str(), tool.raw.name.as_str()],
        };
        let mut spellings: Vec<String> =
            spaces.iter().flat_map(|space| names.iter().map(move |name| format!("{space}.{name}"))).collect();
        let is_root = tool.name.is_none() || is_command && tool.raw.name == self.original;
        if is_root {
            spellings.extend(spaces.map(str::to_owned));
            return (self.name.to_string(), spellings);
        }
        (tool.full_name().to_owned(), spellings)
    }
}

impl Index {
    fn of(entries: Vec<Entry>) -> Self {
        let mut index = Self::default();
        for (at, entry) in entries.iter().enumerate() {
            match &entry.tool.name {
                None => index.root = Some(at),
                Some(name) => {
                    index.names.insert(name.to_string(), at);
                    index.originals.entry(entry.tool.raw.name.clone()).or_insert(at);
                }
            }
        }
        index.entries = entries;
        index
    }

    fn get(&self, name: Option<&str>) -> Option<Entry> {
        let at = match name {
            None => self.root,
            Some(name) => self.names.get(name).or_else(|| self.originals.get(name)).copied(),
        };
        at.and_then(|at| self.entries.get(at)).cloned()
    }
}
