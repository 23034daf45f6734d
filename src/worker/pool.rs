//! The one owner of the zygote and of the sessions kept ready.
//!
//! A request is answered from the ready ones if there is one; then another is forked in advance, so that the next
//! request does not wait for a fork.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use super::fences::Fences;
use super::twins::{Litter, TwinOrder};
use super::zygote::{Change, Zygote};
use super::{Worker, WorkerError};
use crate::config::{Config, Fallback, Network, SandboxLevel};
use crate::network::Shared;

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
    /// The end.
    Shutdown(oneshot::Sender<()>),
}

/// What wakes the pool.
enum Wake {
    Asked(Option<Request>),
    Started(Result<Zygote, WorkerError>),
    Born(u64, Result<Worker, WorkerError>),
    Changed(Change),
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
    zygote: Phase,
    /// Counts zygotes, so that a session of a dead one is not taken for one of the next.
    generation: u64,
    ready: VecDeque<Worker>,
    waiting: VecDeque<Reply>,
    unborn: usize,
    /// Zygotes in a row that ended before one session was born.
    barren: u32,
    /// Sessions in a row that ended before they were locked in.
    stillborn: u32,
    /// The start that is under way.
    starting: Option<AbortHandle>,
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
    pub fn new(config: Arc<Config>) -> Self {
        let (wakes, inbox) = mpsc::unbounded_channel();
        let network = match &config.sandbox.network {
            Network::List(list) => Some(Arc::new(Shared::new(list.clone(), &config.network))),
            Network::None | Network::Full => None,
        };
        Self {
            config,
            network,
            fences: Fences::default(),
            lowered: None,
            fertile: false,
            zygote: Phase::Absent,
            generation: 0,
            ready: VecDeque::new(),
            waiting: VecDeque::new(),
            unborn: 0,
            barren: 0,
            stillborn: 0,
            starting: None,
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
                Wake::Asked(Some(Request::Shutdown(done))) => {
                    self.end().await;
                    // Whoever asked may have gone.
                    let _ = done.send(());
                    return;
                }
                Wake::Asked(None) => return self.end().await,
                Wake::Started(result) => self.started(result),
                Wake::Born(generation, result) => self.born(generation, result),
                Wake::Changed(Change::Warmed) => self.warmed(),
                Wake::Changed(Change::Ended(words)) => self.died(&words),
            }
        }
    }

    async fn next(&mut self, requests: &mut mpsc::UnboundedReceiver<Request>) -> Wake {
        let change = async {
            match &mut self.zygote {
                Phase::Running(zygote) => zygote.next().await,
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            request = requests.recv() => Wake::Asked(request),
            Some(wake) = self.inbox.recv() => wake,
            change = change => Wake::Changed(change),
        }
    }

    fn start(&mut self) {
        self.zygote = Phase::Starting;
        self.generation += 1;
        let (config, wakes) = (self.config.clone(), self.wakes.clone());
        let starting = tokio::spawn(async move {
            // At shutdown the pool is gone and the zygote with its sender.
            let _ = wakes.send(Wake::Started(Zygote::start(&config).await));
        });
        self.starting = Some(starting.abort_handle());
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
        self.lowered = Some(words.into());
        self.unborn = 0;
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
        self.ready.retain(|worker| !worker.conversation.is_over());
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

    /// Forks as many sessions as are wanted and not yet on their way.
    fn fill(&mut self) {
        let wanted = self.waiting.len() + self.config.sessions.pool;
        while self.ready.len() + self.unborn < wanted {
            let Phase::Running(zygote) = &self.zygote else { return };
            match zygote.fork(&self.config, self.network.clone(), &self.fences) {
                Ok(unborn) => {
                    self.unborn += 1;
                    let (generation, wakes) = (self.generation, self.wakes.clone());
                    tokio::spawn(async move {
                        // At shutdown nobody wants it; dropping it ends it.
                        let _ = wakes.send(Wake::Born(generation, unborn.wait().await));
                    });
                }
                // The next request, or the next zygote, takes up what waits.
                Err(_) if zygote.is_over() || self.unborn > 0 => return,
                Err(error) => return self.refuse_one(error),
            }
        }
    }

    /// A zygote that was killed leaves those who wait for its sessions to the next one.
    fn is_bereft(&self) -> bool {
        matches!(&self.zygote, Phase::Running(zygote) if zygote.is_over())
    }

    fn bear(&self, order: &TwinOrder, reply: oneshot::Sender<Result<Litter, WorkerError>>) {
        let Phase::Running(zygote) = &self.zygote else {
            let words = "the zygote that its process came from has ended".to_owned();
            return drop(reply.send(Err(WorkerError::Twins(words))));
        };
        match zygote.bear(&self.config, self.network.clone(), &self.fences, order) {
            Ok(expected) => {
                tokio::spawn(async move {
                    // Whoever asked may have gone; dropping them ends them.
                    let _ = reply.send(expected.wait().await);
                });
            }
            Err(error) => drop(reply.send(Err(error))),
        }
    }

    fn refuse_one(&mut self, error: WorkerError) {
        tracing::error!("{error}");
        if let Some(reply) = self.waiting.pop_front() {
            let _ = reply.send(Err(error));
        }
    }

    fn born(&mut self, generation: u64, result: Result<Worker, WorkerError>) {
        if generation != self.generation {
            return;
        }
        self.unborn -= 1;
        match result {
            Ok(mut worker) => {
                (self.barren, self.stillborn) = (0, 0);
                self.fertile = true;
                worker.lowered = self.lowered.clone();
                match self.waiting.pop_front() {
                    Some(reply) => {
                        if let Err(unwanted) = reply.send(Ok(worker)) {
                            self.ready.extend(unwanted.ok());
                        }
                    }
                    None => self.ready.push_back(worker),
                }
                if !self.waiting.is_empty() {
                    self.fill();
                }
            }
            Err(_) if self.is_bereft() => {}
            Err(WorkerError::Killed(_)) if self.stillborn < BARREN => {
                self.stillborn += 1;
                self.fill();
            }
            Err(WorkerError::Refused(words)) if self.may_lower() => self.lower(words),
            Err(error) => self.refuse_one(error),
        }
    }

    /// Sessions that wait unused are made again from the warmer zygote.
    fn warmed(&mut self) {
        self.ready.clear();
        self.fill();
    }

    /// The zygote is gone and every session it forked with it.
    fn died(&mut self, words: &str) {
        tracing::error!("the zygote has ended: {words}");
        self.ready.clear();
        // What it still had to bring into the world no longer counts, whatever is heard of it later.
        self.generation += 1;
        self.unborn = 0;
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
        if let Some(starting) = self.starting.take() {
            // Dropping what has been started so far kills it.
            starting.abort();
        }
        if let Phase::Running(zygote) = std::mem::replace(&mut self.zygote, Phase::Absent) {
            zygote.end().await;
        }
        self.inbox.close();
        while let Some(wake) = self.inbox.recv().await {
            if let Wake::Started(Ok(zygote)) = wake {
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
            Request::Shutdown(done) => {
                let _ = done.send(());
                return;
            }
        }
    }
}
