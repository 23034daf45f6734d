//! Finds sessions by their handles, makes them, and closes those that nobody uses.
//!
//! The map is behind a plain lock that is never held across an await; what a session does, its own task does.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::actor::{Actor, Command, internal};
use super::board::{Status, StatusBoard};
use super::cell::Job;
use super::report::{RunEvent, RunReport, RunRequest, Target};
use super::{Phase, SessionError, SessionSummary};
use crate::config::Config;
use crate::names::SessionId;
use crate::outputs::Outputs;
use crate::worker::Workers;

/// Handles that are gone and whose callers are told why.
const GRAVES: usize = 10_000;

/// See the module.
#[derive(Debug)]
pub struct Registry {
    config: Arc<Config>,
    workers: Workers,
    outputs: Outputs,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sessions: HashMap<SessionId, Entry>,
    default: Option<SessionId>,
    graves: HashMap<SessionId, String>,
    grave_order: VecDeque<SessionId>,
    /// Why the last default session ended, for the first report of the next one.
    default_gone: Option<String>,
}

#[derive(Debug, Clone)]
struct Entry {
    commands: mpsc::UnboundedSender<Command>,
    board: StatusBoard,
    made: Instant,
}

impl Registry {
    /// With no session yet.
    pub fn new(config: Arc<Config>, workers: Workers, outputs: Outputs) -> Self {
        Self { config, workers, outputs, state: Mutex::default() }
    }

    /// The configuration.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// Where processes come from.
    pub fn workers(&self) -> &Workers {
        &self.workers
    }

    /// Where outputs are kept.
    pub fn outputs(&self) -> &Outputs {
        &self.outputs
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// See [`super::Sessions::run`].
    pub async fn run(
        self: &Arc<Self>,
        target: Target,
        request: RunRequest,
        events: mpsc::Sender<RunEvent>,
        cancel: CancellationToken,
    ) -> Result<RunReport, SessionError> {
        let (bytes, limit) = (request.code.len() as u64, self.config.limits.source);
        if bytes > limit {
            return Err(SessionError::SourceTooLarge { bytes, limit });
        }
        let (id, entry) = self.find(target).await?;
        let (reply, answer) = oneshot::channel();
        let job = Job { request, events, cancel, reply };
        let sent = entry.commands.send(Command::Run(Box::new(job)));
        match sent {
            Ok(()) => answer.await.unwrap_or_else(|_| Err(self.gone(&id))),
            Err(_) => Err(self.gone(&id)),
        }
    }

    async fn find(self: &Arc<Self>, target: Target) -> Result<(SessionId, Entry), SessionError> {
        match target {
            Target::Named(id) => Ok((id.clone(), self.entry(&id)?)),
            Target::Default => {
                if let Some(found) = self.default_entry() {
                    return Ok(found);
                }
                self.make_room().await?;
                self.make(Kind::Default)
            }
            Target::Fresh => {
                self.make_room().await?;
                self.make(Kind::Other)
            }
        }
    }

    fn default_entry(&self) -> Option<(SessionId, Entry)> {
        let state = self.lock();
        let id = state.default.clone()?;
        let entry = state.sessions.get(&id)?.clone();
        Some((id, entry))
    }

    fn entry(&self, id: &SessionId) -> Result<Entry, SessionError> {
        let found = self.lock().sessions.get(id).cloned();
        found.ok_or_else(|| self.gone(id))
    }

    fn gone(&self, id: &SessionId) -> SessionError {
        match self.lock().graves.get(id) {
            Some(why) => SessionError::Gone { id: id.clone(), why: why.clone() },
            None => SessionError::Unknown(id.clone()),
        }
    }

    /// Makes a session and its task.
    fn make(self: &Arc<Self>, kind: Kind) -> Result<(SessionId, Entry), SessionError> {
        let id = SessionId::random().map_err(internal)?;
        let (commands, inbox) = mpsc::unbounded_channel();
        let entry = Entry { commands, board: StatusBoard::new(), made: Instant::now() };
        let mut note = None;
        {
            let mut state = self.lock();
            if kind == Kind::Default {
                // Two first calls may come at once; both get the same one.
                let found =
                    state.default.clone().and_then(|id| Some((id.clone(), state.sessions.get(&id)?.clone())));
                if let Some(found) = found {
                    return Ok(found);
                }
                state.default = Some(id.clone());
                note = state.default_gone.take();
            }
            state.sessions.insert(id.clone(), entry.clone());
        }
        let actor = Actor::new(id.clone(), kind == Kind::Default, self, entry.board.clone(), inbox, note);
        let (registry, name) = (Arc::downgrade(self), id.clone());
        tokio::spawn(async move {
            let why = actor.run().await;
            if let Some(registry) = registry.upgrade() {
                registry.bury(&name, why);
            }
        });
        Ok((id, entry))
    }

    fn bury(&self, id: &SessionId, why: String) {
        let mut state = self.lock();
        state.sessions.remove(id);
        if state.default.as_ref() == Some(id) {
            state.default = None;
            state.default_gone = Some(format!(
                "this is a new default session: the one before is gone, {why}, and its variables are lost"
            ));
        }
        if state.graves.insert(id.clone(), why).is_some() {
            return;
        }
        state.grave_order.push_back(id.clone());
        if state.grave_order.len() > GRAVES
            && let Some(oldest) = state.grave_order.pop_front()
        {
            state.graves.remove(&oldest);
        }
    }

    /// Closes the least recently used idle session if the cap is reached.
    async fn make_room(self: &Arc<Self>) -> Result<(), SessionError> {
        let max = self.config.sessions.max;
        // Another call may take the room that one pass makes, so there are as many passes as sessions.
        for _ in 0..=max {
            let candidate = {
                let state = self.lock();
                if state.sessions.len() < max {
                    return Ok(());
                }
                least_recently_used(&state)
            };
            let Some((id, entry, used)) = candidate else { return Err(SessionError::Full { max }) };
            let why = format!(
                "it was the least recently used of {max} sessions and made room for a new one (sessions.max)"
            );
            self.close_unused(&id, &entry, used, why).await;
        }
        Err(SessionError::Full { max })
    }

    async fn close_unused(&self, id: &SessionId, entry: &Entry, since: Instant, why: String) {
        let (done, closed) = oneshot::channel();
        if entry.commands.send(Command::CloseUnused { since, why: why.clone(), done }).is_ok()
            && closed.await.unwrap_or(true)
        {
            // The task says so itself a moment later; the caller must not find the session until then.
            self.bury(id, why);
        }
    }

    /// See [`super::Sessions::list`].
    pub fn list(&self) -> Vec<SessionSummary> {
        let state = self.lock();
        let mut all: Vec<_> = state
            .sessions
            .iter()
            .map(|(id, entry)| summary(id, entry, state.default.as_ref() == Some(id)))
            .collect();
        all.sort_by_key(|session| (!session.is_default, std::cmp::Reverse(session.age)));
        all
    }

    /// See [`super::Sessions::reset`].
    pub async fn reset(self: &Arc<Self>, id: Option<&SessionId>) -> Result<SessionSummary, SessionError> {
        let (id, entry) = self.named_or_default(id)?;
        let (done, finished) = oneshot::channel();
        let sent = entry.commands.send(Command::Reset(done));
        if sent.is_err() || finished.await.is_err() {
            return Err(self.gone(&id));
        }
        let is_default = self.lock().default.as_ref() == Some(&id);
        Ok(summary(&id, &entry, is_default))
    }

    /// See [`super::Sessions::undo`].
    pub async fn undo(
        self: &Arc<Self>,
        id: Option<&SessionId>,
        steps: usize,
    ) -> Result<(SessionId, usize), SessionError> {
        let (id, entry) = self.named_or_default(id)?;
        let (done, finished) = oneshot::channel();
        let sent = entry.commands.send(Command::Undo { steps, done });
        match (sent, finished.await) {
            (Ok(()), Ok(result)) => result.map(|left| (id, left)),
            _ => Err(self.gone(&id)),
        }
    }

    /// See [`super::Sessions::close`].
    pub async fn close(self: &Arc<Self>, id: Option<&SessionId>) -> Result<SessionId, SessionError> {
        let (id, entry) = self.named_or_default(id)?;
        let why = "it was closed by close_session".to_owned();
        let (done, finished) = oneshot::channel();
        let sent = entry.commands.send(Command::Close { why: why.clone(), done });
        if sent.is_err() || finished.await.is_err() {
            return Err(self.gone(&id));
        }
        self.bury(&id, why);
        // Closed on purpose: the next default session needs no explanation.
        self.lock().default_gone = None;
        Ok(id)
    }

    fn named_or_default(&self, id: Option<&SessionId>) -> Result<(SessionId, Entry), SessionError> {
        match id {
            Some(id) => Ok((id.clone(), self.entry(id)?)),
            None => self.default_entry().ok_or(SessionError::NoDefault),
        }
    }

    /// See [`super::Sessions::shutdown`].
    pub async fn shutdown(&self) {
        let entries: Vec<Entry> = self.lock().sessions.values().cloned().collect();
        let mut ends = Vec::new();
        for entry in entries {
            let (done, finished) = oneshot::channel();
            if entry.commands.send(Command::Close { why: "the server shut down".to_owned(), done }).is_ok() {
                ends.push(finished);
            }
        }
        for end in ends {
            // An error means that it has ended already.
            let _ = end.await;
        }
        self.workers.shutdown().await;
    }

    async fn close_idle(self: &Arc<Self>) {
        let limit = self.config.sessions.idle_timeout;
        let idle: Vec<_> = {
            let state = self.lock();
            let entries =
                state.sessions.iter().map(|(id, entry)| (id.clone(), entry.clone(), entry.board.read()));
            entries.filter(|(_, _, status)| is_unused(status) && status.used.elapsed() >= limit).collect()
        };
        for (id, entry, status) in idle {
            let why = format!("it was idle for {} (sessions.idle_timeout)", words(limit));
            self.close_unused(&id, &entry, status.used, why).await;
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Default,
    Other,
}

fn words(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds >= 120.0 { format!("{:.0} minutes", seconds / 60.0) } else { format!("{seconds} s") }
}

fn is_unused(status: &Status) -> bool {
    status.phase != Phase::Running && status.queued == 0
}

fn least_recently_used(state: &State) -> Option<(SessionId, Entry, Instant)> {
    let idle = state.sessions.iter().map(|(id, entry)| (id, entry, entry.board.read()));
    let oldest = idle.filter(|(_, _, status)| is_unused(status)).min_by_key(|(_, _, status)| status.used);
    oldest.map(|(id, entry, status)| (id.clone(), entry.clone(), status.used))
}

fn summary(id: &SessionId, entry: &Entry, is_default: bool) -> SessionSummary {
    let status = entry.board.read();
    SessionSummary {
        id: id.clone(),
        is_default,
        phase: status.phase,
        cells: status.cells,
        age: entry.made.elapsed(),
        idle: if status.phase == Phase::Running { Duration::ZERO } else { status.used.elapsed() },
        queued: status.queued,
    }
}

/// Closes idle sessions for as long as the registry lives.
pub async fn expire(registry: Weak<Registry>) {
    loop {
        let Some(limit) = registry.upgrade().map(|registry| registry.config.sessions.idle_timeout) else {
            return;
        };
        let pause = (limit / 4).clamp(Duration::from_millis(100), Duration::from_secs(30));
        tokio::time::sleep(pause).await;
        let Some(registry) = registry.upgrade() else { return };
        registry.close_idle().await;
    }
}
