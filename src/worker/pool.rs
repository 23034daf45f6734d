//! The one owner of the zygotes and of the sessions kept ready.
//!
//! A request is answered from the ready ones if there is one; then another is forked in advance, so that the next
//! request does not wait for a fork. It comes from the plain zygote, unless one stands that has imported popular packages.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::AbortHandle;

use super::fences::Fences;
use super::stocked::{Stocked, WARMING};
use super::twins::{Litter, TwinOrder};
use super::zygote::{Change, Zygote};
use super::{Worker, WorkerError};
use crate::config::{Config, Fallback, Network, SandboxLevel};
use crate::network::Shared;
use crate::packages::Packages;

mod births;
mod stocking;

/// After a failed start requests are answered with the same error for this long, instead of starting Python again
/// and again.
const REST: Duration = Duration::from_secs(2);

/// How many zygotes in a row may end before one session is born, until that is an error and not somebody's kill.
const BARREN: u32 = 3;

type Reply = oneshot::Sender<Result<Worker, WorkerError>>;

/// What is asked of the pool.
#[derive(Debug)]
pub enum Request {
    /// A session's process.
    Take(Reply),
    /// Twins of a session.
    Bear(TwinOrder, oneshot::Sender<Result<Litter, WorkerError>>),
    /// A session, by its name, has imported these modules.
    Imported(String, Vec<String>),
    /// The end.
    Shutdown(oneshot::Sender<()>),
}

/// What wakes the pool.
enum Wake {
    Asked(Option<Request>),
    Started(Result<Zygote, WorkerError>),
    /// The same of one that is to import packages in advance.
    Stocked(u64, Result<Zygote, WorkerError>),
    /// It should have imported them by now.
    Overdue(u64),
    Born(u64, Result<Worker, WorkerError>),
    /// Of the zygote with this number.
    Changed(u64, Change),
    /// A session of the zygote with this number has ended.
    Left(u64),
    /// Sessions may see other packages from now on, or it is time to look.
    Restock,
}

/// See the module.
pub struct Pool {
    config: Arc<Config>,
    /// What the proxies of all sessions share, where the network is a list of hosts.
    network: Option<Arc<Shared>>,
    /// The kernel's hold on all sessions.
    fences: Fences,
    /// Why sessions are at a lower level than the one that is wanted most.
    lowered: Option<Arc<str>>,
    /// Whether there has ever been a session.
    fertile: bool,
    /// The plain one.
    zygote: Phase,
    /// Its number, so that a session of a dead one is not taken for one of the next.
    plain: u64,
    /// The number given last.
    numbers: u64,
    stocked: Stocked,
    /// Whether the plain one has done what it does in its first idle moment.
    is_warm: bool,
    ready: VecDeque<Worker>,
    waiting: VecDeque<Reply>,
    /// By zygote.
    unborn: HashMap<u64, usize>,
    /// Zygotes in a row that ended before one session was born.
    barren: u32,
    /// Sessions in a row that ended before they were locked in.
    stillborn: u32,
    /// The starts that are under way.
    starting: Vec<AbortHandle>,
    /// Tells when the packages have changed.
    changes: watch::Receiver<()>,
    leases: mpsc::UnboundedSender<u64>,
    left: mpsc::UnboundedReceiver<u64>,
    wakes: mpsc::UnboundedSender<Wake>,
    inbox: mpsc::UnboundedReceiver<Wake>,
}

enum Phase {
    Absent,
    Starting,
    Running(Zygote),
    Resting { error: WorkerError, since: Instant },
}

impl Pool {
    /// With no zygote yet.
    pub fn new(config: Arc<Config>, packages: Packages) -> Self {
        let (wakes, inbox) = mpsc::unbounded_channel();
        let (leases, left) = mpsc::unbounded_channel();
        let network = match &config.sandbox.network {
            Network::List(list) => Some(Arc::new(Shared::new(list.clone(), &config.network))),
            Network::None | Network::Full => None,
        };
        Self {
            changes: packages.changes(),
            stocked: Stocked::new(config.clone(), packages),
            config,
            network,
            fences: Fences::default(),
            lowered: None,
            fertile: false,
            zygote: Phase::Absent,
            plain: 0,
            numbers: 0,
            is_warm: false,
            ready: VecDeque::new(),
            waiting: VecDeque::new(),
            unborn: HashMap::new(),
            barren: 0,
            stillborn: 0,
            starting: Vec::new(),
            leases,
            left,
            wakes,
            inbox,
        }
    }

    /// Serves until it is told to end or nobody can ask any more.
    pub async fn run(mut self, mut requests: mpsc::UnboundedReceiver<Request>) {
        self.start();
        loop {
            match self.next(&mut requests).await {
                Wake::Asked(Some(Request::Take(reply))) => self.take(reply),
                Wake::Asked(Some(Request::Bear(order, reply))) => self.bear(&order, reply),
                Wake::Asked(Some(Request::Imported(session, names))) => {
                    if self.stocked.imported(&session, &names) {
                        self.restock();
                    }
                }
                Wake::Asked(Some(Request::Shutdown(done))) => {
                    self.end().await;
                    // Whoever asked may have gone.
                    let _ = done.send(());
                    return;
                }
                Wake::Asked(None) => return self.end().await,
                Wake::Started(result) => self.started(result),
                Wake::Stocked(id, Ok(zygote)) => {
                    self.stocked.started(id, zygote);
                    self.wake_later(WARMING, Wake::Overdue(id));
                }
                Wake::Stocked(_, Err(error)) => {
                    self.stocked.failed(&error.to_string());
                    self.restock();
                }
                Wake::Overdue(id) => self.stocked.overdue(id),
                Wake::Born(id, result) => self.born(id, result),
                Wake::Changed(id, change) if id != self.plain => self.stock_changed(id, change),
                Wake::Changed(_, Change::Warmed { .. }) => self.warmed(),
                Wake::Changed(_, Change::Ended(words)) => self.died(&words),
                Wake::Left(id) => {
                    if self.stocked.left(id) {
                        self.restock();
                    }
                }
                Wake::Restock => self.restock(),
            }
        }
    }

    async fn next(&mut self, requests: &mut mpsc::UnboundedReceiver<Request>) -> Wake {
        let change = async {
            match &mut self.zygote {
                Phase::Running(zygote) => (self.plain, zygote.next().await),
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            request = requests.recv() => Wake::Asked(request),
            Some(wake) = self.inbox.recv() => wake,
            (id, change) = change => Wake::Changed(id, change),
            (id, change) = self.stocked.next() => Wake::Changed(id, change),
            Some(id) = self.left.recv() => Wake::Left(id),
            Ok(()) = self.changes.changed() => Wake::Restock,
        }
    }

    fn start(&mut self) {
        self.zygote = Phase::Starting;
        self.is_warm = false;
        self.plain = self.number();
        let (config, wakes) = (self.config.clone(), self.wakes.clone());
        let starting = tokio::spawn(async move {
            // At shutdown the pool is gone and the zygote with its sender.
            let _ = wakes.send(Wake::Started(Zygote::start(&config, None).await));
        });
        self.remember(starting.abort_handle());
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    fn remember(&mut self, starting: AbortHandle) {
        self.starting.retain(|other| !other.is_finished());
        self.starting.push(starting);
    }

    fn started(&mut self, result: Result<Zygote, WorkerError>) {
        match result {
            Ok(zygote) => {
                tracing::debug!(python = zygote.python.version, "a zygote is ready");
                self.zygote = Phase::Running(zygote);
                // Not before: from now on there is somebody who removes them whatever happens to this process.
                self.fences.make(&self.config);
                self.fill();
            }
            Err(WorkerError::Unbuilt(words)) if self.may_lower() => self.lower(words),
            Err(error) => {
                tracing::error!("{error}");
                self.barren += 1;
                if matches!(error, WorkerError::Killed(_)) && self.barren < BARREN {
                    return self.start();
                }
                self.rest(error);
            }
        }
    }

    /// Whether the configuration allows a lower level, and nobody has seen a session of this one.
    fn may_lower(&self) -> bool {
        let sandbox = &self.config.sandbox;
        sandbox.level == SandboxLevel::Full && sandbox.fallback == Fallback::Restricted && !self.fertile
    }

    /// Begins again at level `restricted`.
    fn lower(&mut self, words: String) {
        tracing::warn!("sessions are at level `restricted`, because level `full` cannot be had: {words}");
        let mut config = Config::clone(&self.config);
        config.sandbox.level = SandboxLevel::Restricted;
        self.config = Arc::new(config);
        self.stocked.lower(self.config.clone());
        self.lowered = Some(words.into());
        self.unborn.clear();
        self.start();
    }

    fn rest(&mut self, error: WorkerError) {
        for reply in self.waiting.drain(..) {
            // Whoever asked may have gone.
            let _ = reply.send(Err(error.clone()));
        }
        self.zygote = Phase::Resting { error, since: Instant::now() };
    }

    fn take(&mut self, reply: Reply) {
        let source = self.source();
        self.ready.retain(|worker| {
            // One with packages of a set that is not the present one would keep them.
            let is_current = source.is_none_or(|source| worker.lease.zygote == source);
            !worker.conversation.is_over() && is_current
        });
        if let Some(worker) = self.ready.pop_front() {
            if let Err(unwanted) = reply.send(Ok(worker)) {
                self.ready.extend(unwanted.ok());
            }
            return self.fill();
        }
        match &self.zygote {
            Phase::Resting { error, since } if since.elapsed() < REST => {
                let _ = reply.send(Err(error.clone()));
                return;
            }
            Phase::Resting { .. } | Phase::Absent => self.start(),
            Phase::Starting | Phase::Running(_) => {}
        }
        self.waiting.push_back(reply);
        self.fill();
    }

    /// Sessions that wait unused are made again from the warmer zygote.
    fn warmed(&mut self) {
        self.is_warm = true;
        self.ready.retain(|worker| worker.lease.zygote != self.plain);
        self.fill();
        self.restock();
    }

    /// The plain zygote is gone and every session it forked with it.
    fn died(&mut self, words: &str) {
        tracing::error!("the zygote has ended: {words}");
        self.ready.retain(|worker| worker.lease.zygote != self.plain);
        // What it still had to bring into the world no longer counts, whatever is heard of it later.
        self.unborn.remove(&self.plain);
        self.zygote = Phase::Absent;
        self.barren += 1;
        if self.barren >= BARREN {
            return self
                .rest(WorkerError::Launch(format!("Python does not stay alive in the sandbox: {words}")));
        }
        if !self.waiting.is_empty() {
            self.start();
        }
    }

    async fn end(&mut self) {
        self.ready.clear();
        self.waiting.clear();
        for starting in self.starting.drain(..) {
            // Dropping what has been started so far kills it.
            starting.abort();
        }
        let plain = std::mem::replace(&mut self.zygote, Phase::Absent);
        let plain = async {
            if let Phase::Running(zygote) = plain {
                zygote.end().await;
            }
        };
        tokio::join!(plain, self.stocked.end());
        self.inbox.close();
        while let Some(wake) = self.inbox.recv().await {
            if let Wake::Started(Ok(zygote)) | Wake::Stocked(_, Ok(zygote)) = wake {
                zygote.end().await;
            }
        }
        self.fences.end().await;
    }
}

/// Stands in for a pool that cannot be.
pub async fn refuse_all(error: WorkerError, mut requests: mpsc::UnboundedReceiver<Request>) {
    while let Some(request) = requests.recv().await {
        match request {
            // Whoever asked may have gone, here and below.
            Request::Take(reply) => drop(reply.send(Err(error.clone()))),
            Request::Bear(_, reply) => drop(reply.send(Err(error.clone()))),
            Request::Imported(..) => {}
            Request::Shutdown(done) => {
                let _ = done.send(());
                return;
            }
        }
    }
}
