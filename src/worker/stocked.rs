//! Zygotes beside the plain one: of the present set of packages one that has the popular ones imported already, and of
//! former ones those that still have sessions.
//!
//! Nothing here is needed for a session to be born. A stocked zygote is used when it stands and sessions see the set that it is
//! for; whatever fails leaves sessions to the plain one.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::history::History;
use super::stock::Stock;
use super::zygote::{Change, Zygote};
use crate::config::{Config, Preload};
use crate::packages::Packages;

/// Zygotes of former sets that are kept for their sessions; while there are so many no other is made.
const FORMER: usize = 3;

/// How long all imports may take; each has a limit of its own.
pub const WARMING: Duration = Duration::from_secs(300);

/// Between two starts for the same set.
const PAUSE: Duration = Duration::from_secs(5);

/// So often in a row a zygote of one set may fail until it is given up.
const FAILURES: u32 = 3;

/// A zygote and the sessions that came from it.
#[derive(Debug)]
pub struct Kept {
    /// Its number in this process.
    pub id: u64,
    /// It.
    pub zygote: Zygote,
    stock: Stock,
    sessions: usize,
}

#[derive(Debug)]
enum Coming {
    Nothing,
    Starting { id: u64, stock: Stock },
    Warming(Box<Kept>),
}

/// What is to be done.
#[derive(Debug)]
pub enum Decision {
    /// Nothing.
    Stay,
    /// Start another.
    Start(Stock),
    /// Ask again.
    Later(Duration),
}

/// See the module.
#[derive(Debug)]
pub struct Stocked {
    config: Arc<Config>,
    packages: Packages,
    history: History,
    /// What the trial found unfit of the set that was tried last.
    unfit: BTreeSet<String>,
    tried: Option<String>,
    begun: Option<Instant>,
    failures: u32,
    coming: Coming,
    present: Option<Kept>,
    former: Vec<Kept>,
    ending: JoinSet<()>,
}

impl Stocked {
    /// With none yet.
    pub fn new(config: Arc<Config>, packages: Packages) -> Self {
        Self {
            history: History::below(&config.base),
            config,
            packages,
            unfit: BTreeSet::new(),
            tried: None,
            begun: None,
            failures: 0,
            coming: Coming::Nothing,
            present: None,
            former: Vec::new(),
            ending: JoinSet::new(),
        }
    }

    /// Sessions are at another level from now on; there is no zygote yet.
    pub fn lower(&mut self, config: Arc<Config>) {
        self.config = config;
    }

    /// A session has imported these; whether that may change what is to be done.
    pub fn imported(&mut self, session: &str, names: &[String]) -> bool {
        let is_news = self.config.packages.preload == Preload::Auto && self.history.imported(session, names);
        if is_news {
            self.history.keep();
        }
        is_news
    }

    /// Looks at what sessions see and import, lets go of what is outdated, and says what is to be done. `python` is `3.12`.
    pub fn decide(&mut self, python: &str) -> Decision {
        if self.config.packages.preload == Preload::Off {
            return Decision::Stay;
        }
        let seen = self.packages.seen(python);
        let set = seen.as_ref().map(|seen| seen.set.clone()).unwrap_or_default();
        if self.tried.as_ref() != Some(&set) {
            self.tried = Some(set.clone());
            self.unfit.clear();
            (self.begun, self.failures) = (None, 0);
        }
        if self.present.as_ref().is_some_and(|kept| kept.stock.set != set) {
            self.retire();
        }
        let preload = &self.config.packages.preload;
        let sandbox = &self.config.sandbox;
        let popular = self.history.popular();
        let stock = Stock::of(seen.as_ref(), preload, sandbox.level, popular, &sandbox.write);
        let Some(mut stock) = stock else {
            return Decision::Stay;
        };
        stock.names.retain(|name| !self.unfit.contains(name));
        let has = |known: &Stock| stock.names.iter().all(|name| known.names.contains(name));
        let is_busy = !matches!(self.coming, Coming::Nothing) || self.former.len() >= FORMER;
        if is_busy || self.failures >= FAILURES || self.present.as_ref().is_some_and(|kept| has(&kept.stock))
        {
            return Decision::Stay;
        }
        if stock.names.is_empty() {
            return Decision::Stay;
        }
        if let Some(left) = self.begun.and_then(|begun| PAUSE.checked_sub(begun.elapsed())) {
            return Decision::Later(left);
        }
        Decision::Start(stock)
    }

    /// One is being started.
    pub fn starting(&mut self, id: u64, stock: Stock) {
        self.begun = Some(Instant::now());
        self.coming = Coming::Starting { id, stock };
    }

    /// It has started and imports; whoever hears of this says after [`WARMING`] that it is overdue.
    pub fn started(&mut self, id: u64, zygote: Zygote) {
        match std::mem::replace(&mut self.coming, Coming::Nothing) {
            Coming::Starting { id: expected, stock } if expected == id => {
                self.coming = Coming::Warming(Box::new(Kept { id, zygote, stock, sessions: 0 }));
            }
            other => self.coming = other,
        }
    }

    /// It does not start.
    pub fn failed(&mut self, words: &str) {
        tracing::warn!("packages are not imported in advance: {words}");
        self.failures += 1;
        self.coming = Coming::Nothing;
    }

    /// If it still imports, it never ends.
    pub fn overdue(&mut self, id: u64) {
        match std::mem::replace(&mut self.coming, Coming::Nothing) {
            Coming::Warming(kept) if kept.id == id => {
                self.ending.spawn(kept.zygote.end());
                self.failed("importing them does not end");
            }
            other => self.coming = other,
        }
    }

    /// What happens to one of them next.
    pub async fn next(&mut self) -> (u64, Change) {
        let coming = match &mut self.coming {
            Coming::Warming(kept) => Some(&mut **kept),
            Coming::Starting { .. } | Coming::Nothing => None,
        };
        let all = coming.into_iter().chain(&mut self.present).chain(&mut self.former);
        let mut ends: Vec<_> =
            all.map(|kept| Box::pin(async { (kept.id, kept.zygote.next().await) })).collect();
        poll_fn(move |context| {
            for end in &mut ends {
                if let Poll::Ready(change) = end.as_mut().poll(context) {
                    return Poll::Ready(change);
                }
            }
            Poll::Pending
        })
        .await
    }

    /// It has imported what it could, and takes the place of the one before.
    pub fn warmed(&mut self, id: u64, imported: Vec<String>, refused: Vec<(String, String)>) {
        let kept = match std::mem::replace(&mut self.coming, Coming::Nothing) {
            Coming::Warming(kept) if kept.id == id => kept,
            other => {
                self.coming = other;
                return;
            }
        };
        let mut kept = *kept;
        if self.tried.as_ref() == Some(&kept.stock.set) {
            for (name, reason) in refused.into_iter().filter(|(name, _)| kept.stock.names.contains(name)) {
                let reason: String = reason.chars().filter(|c| !c.is_control()).take(300).collect();
                tracing::info!("`{name}` is not imported in advance: {reason}");
                self.unfit.insert(name);
            }
        }
        kept.stock.names.retain(|name| imported.contains(name));
        if kept.stock.names.is_empty() {
            self.ending.spawn(kept.zygote.end());
            return;
        }
        tracing::debug!(names = ?kept.stock.names, "a zygote has imported packages in advance");
        self.failures = 0;
        self.retire();
        self.present = Some(kept);
    }

    /// One has ended, and every session that it forked with it; whether it was known.
    pub fn ended(&mut self, id: u64, words: &str) -> bool {
        let is_coming = matches!(&self.coming, Coming::Warming(kept) if kept.id == id);
        if is_coming {
            self.coming = Coming::Nothing;
        }
        let is_present = self.present.as_ref().is_some_and(|kept| kept.id == id);
        if is_present {
            self.present = None;
        }
        let before = self.former.len();
        self.former.retain(|kept| kept.id != id);
        let is_known = is_coming || is_present || self.former.len() < before;
        if is_known {
            self.failures += u32::from(is_coming || is_present);
            tracing::warn!("a zygote with packages has ended: {words}");
        }
        is_known
    }

    /// The one that new sessions may come from, if they see the set that it is for.
    pub fn source(&mut self, python: &str) -> Option<&mut Kept> {
        let kept = self.present.as_mut().filter(|kept| !kept.zygote.is_over())?;
        (self.packages.present_set(python).unwrap_or_default() == kept.stock.set).then_some(kept)
    }

    /// The one with this number.
    pub fn with_id(&mut self, id: u64) -> Option<&mut Kept> {
        self.present.iter_mut().chain(&mut self.former).find(|kept| kept.id == id)
    }

    /// New sessions do not come from the present one any more.
    pub fn retire(&mut self) {
        self.former.extend(self.present.take());
        self.end_unused();
    }

    /// One could not give birth to a session.
    pub fn give_up(&mut self, id: u64, words: &str) {
        if self.present.as_ref().is_some_and(|kept| kept.id == id) {
            tracing::warn!("a zygote with packages makes no sessions: {words}");
            self.failures += 1;
            self.retire();
        }
    }

    /// A session that came from this one has ended; whether there is room for another zygote now.
    pub fn left(&mut self, id: u64) -> bool {
        if let Some(kept) = self.with_id(id) {
            kept.sessions = kept.sessions.saturating_sub(1);
        }
        let before = self.former.len();
        self.end_unused();
        self.former.len() < before
    }

    fn end_unused(&mut self) {
        let (used, unused): (Vec<_>, Vec<_>) = self.former.drain(..).partition(|kept| kept.sessions > 0);
        self.former = used;
        for kept in unused {
            self.ending.spawn(kept.zygote.end());
        }
        while self.ending.try_join_next().is_some() {}
    }

    /// Ends them all.
    pub async fn end(&mut self) {
        let coming = match std::mem::replace(&mut self.coming, Coming::Nothing) {
            Coming::Warming(kept) => Some(*kept),
            Coming::Starting { .. } | Coming::Nothing => None,
        };
        for kept in coming.into_iter().chain(self.present.take()).chain(self.former.drain(..)) {
            self.ending.spawn(kept.zygote.end());
        }
        while self.ending.join_next().await.is_some() {}
    }
}

impl Kept {
    /// Another session comes from it.
    pub fn add(&mut self, sessions: usize) {
        self.sessions += sessions;
    }
}
