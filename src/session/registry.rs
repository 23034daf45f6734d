//! Finds sessions by their handles, makes them, and closes those that nobody uses.
//!
//! The map is behind a plain lock that is never held across an await; what a session does, its own task does.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::actor::{Actor, Command, Forked, Twin, internal};
use super::board::{OpenCalls, StatusBoard};
use super::cell::Job;
use super::report::{RunEvent, RunReport, RunRequest, Target};
use super::{Fork, Phase, SessionError, SessionSummary};
use crate::config::Config;
use crate::host_calls::HostCalls;
use crate::names::SessionId;
use crate::outputs::Outputs;
use crate::worker::Workers;

/// Handles that are gone and whose callers are told why.
const GRAVES: usize = 10_000;

/// How long the end of the server waits for sessions to end one by one.
const PATIENCE: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug)]
pub struct Registry {
    config: Arc<Config>,
    workers: Workers,
    outputs: Outputs,
    host_calls: HostCalls,
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
    calls: OpenCalls,
    made: Instant,
}

impl Registry {
    /// With no session yet.
    pub fn new(config: Arc<Config>, workers: Workers, outputs: Outputs, host_calls: HostCalls) -> Self {
        Self { config, workers, outputs, host_calls, state: Mutex::default() }
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

    /// What sessions can reach in the host.
    pub fn host_calls(&self) -> &HostCalls {
        &self.host_calls
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
        let (reply, answer) = oneshot::channel();
        let id = {
            // Finding the session and standing in its queue are one step, so that calls keep their order and no
            // session is closed in between.
            let mut state = self.lock();
            let (id, entry) = self.find(&mut state, target)?;
            let job = Job { request, events, cancel, reply, call: entry.calls.begin() };
            if entry.commands.send(Command::Run(Box::new(job))).is_err() {
                return Err(state.gone(&id));
            }
            id
        };
        answer.await.unwrap_or_else(|_| Err(self.lock().gone(&id)))
    }

    fn find(self: &Arc<Self>, state: &mut State, target: Target) -> Result<(SessionId, Entry), SessionError> {
        match target {
            Target::Named(id) => state.entry(&id).map(|entry| (id, entry)),
            Target::Default => match state.default_entry() {
                Some(found) => Ok(found),
                None => self.make(state, Kind::Default, None),
            },
            Target::Fresh => self.make(state, Kind::Other, None),
        }
    }

    /// Makes a session and its task; the least recently used idle one makes room if the cap is reached.
    fn make(
        self: &Arc<Self>,
        state: &mut State,
        kind: Kind,
        twin: Option<Twin>,
    ) -> Result<(SessionId, Entry), SessionError> {
        let id = SessionId::random().map_err(internal)?;
        let max = self.config.sessions.max;
        while state.sessions.len() >= max {
            let Some(unused) = state.least_recently_used() else { return Err(SessionError::Full { max }) };
            let why = format!(
                "it was the least recently used of {max} sessions and made room for a new one (sessions.max)"
            );
            // Its process ends on its own time: the new session does not wait for it.
            drop(state.close(&unused, why));
        }
        let (commands, inbox) = mpsc::unbounded_channel();
        let entry =
            Entry { commands, board: StatusBoard::new(), calls: OpenCalls::default(), made: Instant::now() };
        state.sessions.insert(id.clone(), entry.clone());
        let mut note = None;
        if kind == Kind::Default {
            state.default = Some(id.clone());
            note = state.default_gone.take();
        }
        let mut actor = Actor::new(id.clone(), kind == Kind::Default, self, entry.board.clone(), inbox, note);
        if let Some(twin) = twin {
            actor.adopt(twin);
        }
        let (registry, name) = (Arc::downgrade(self), id.clone());
        let skills = self.host_calls.skills().clone();
        tokio::spawn(async move {
            let why = actor.run().await;
            skills.cells().forget(name.as_str());
            if let Some(registry) = registry.upgrade() {
                registry.lock().bury(&name, why);
            }
        });
        Ok((id, entry))
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
        let (done, finished) = oneshot::channel();
        let (id, entry) = {
            let state = self.lock();
            let (id, entry) = state.named_or_default(id)?;
            if entry.commands.send(Command::Reset(done)).is_err() {
                return Err(state.gone(&id));
            }
            (id, entry)
        };
        let finished = finished.await;
        let state = self.lock();
        finished.map_err(|_| state.gone(&id))?;
        Ok(summary(&id, &entry, state.default.as_ref() == Some(&id)))
    }

    /// See [`super::Sessions::undo`].
    pub async fn undo(
        self: &Arc<Self>,
        id: Option<&SessionId>,
        steps: usize,
    ) -> Result<(SessionId, usize), SessionError> {
        let (done, finished) = oneshot::channel();
        let id = {
            let state = self.lock();
            let (id, entry) = state.named_or_default(id)?;
            if entry.commands.send(Command::Undo { steps, done }).is_err() {
                return Err(state.gone(&id));
            }
            id
        };
        match finished.await {
            Ok(result) => result.map(|left| (id, left)),
            Err(_) => Err(self.lock().gone(&id)),
        }
    }

    /// See [`super::Sessions::fork`].
    pub async fn fork(self: &Arc<Self>, id: Option<&SessionId>, twins: usize) -> Result<Fork, SessionError> {
        let (done, finished) = oneshot::channel();
        let (id, call) = {
            let state = self.lock();
            let (id, entry) = state.named_or_default(id)?;
            let max = self.config.sessions.max;
            let room = max.saturating_sub(state.sessions.len());
            if twins > room {
                return Err(SessionError::NoRoom { room, max });
            }
            let call = entry.calls.begin();
            if entry.commands.send(Command::Fork { twins, done }).is_err() {
                return Err(state.gone(&id));
            }
            (id, call)
        };
        let Ok(forked) = finished.await else { return Err(self.lock().gone(&id)) };
        let Forked { twins, lost } = forked?;
        let mut state = self.lock();
        let made = twins.into_iter().map(|twin| self.make(&mut state, Kind::Other, Some(twin)));
        let twins = made.map(|made| made.map(|(id, _)| id)).collect::<Result<_, _>>()?;
        drop(call);
        Ok(Fork { id, twins, lost })
    }

    /// See [`super::Sessions::close`].
    pub async fn close(self: &Arc<Self>, id: Option<&SessionId>) -> Result<SessionId, SessionError> {
        let (id, finished) = {
            let mut state = self.lock();
            let (id, _) = state.named_or_default(id)?;
            let finished = state.close(&id, "it was closed by close_session".to_owned());
            // Closed on purpose: the next default session needs no explanation.
            state.default_gone = None;
            (id, finished)
        };
        if let Some(finished) = finished {
            // An error means that its task has ended already.
            let _ = finished.await;
        }
        Ok(id)
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
        let all_ended = async {
            for end in ends {
                // An error means that it has ended already.
                let _ = end.await;
            }
        };
        // One that still waits for its process is not waited for: the end of the zygote ends its waiting.
        let patient = tokio::time::timeout(PATIENCE, all_ended).await;
        self.workers.shutdown().await;
        if patient.is_err() {
            tracing::debug!("some sessions were ended with their zygote");
        }
    }

    fn close_idle(&self) {
        let limit = self.config.sessions.idle_timeout;
        let mut state = self.lock();
        let entries = state.sessions.iter().filter(|(_, entry)| entry.calls.none());
        let idle = entries.filter(|(_, entry)| entry.board.read().used.elapsed() >= limit);
        for id in idle.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            let why = format!("it was idle for {} (sessions.idle_timeout)", words(limit));
            drop(state.close(&id, why));
        }
    }
}

impl State {
    fn default_entry(&self) -> Option<(SessionId, Entry)> {
        let id = self.default.clone()?;
        let entry = self.sessions.get(&id)?.clone();
        Some((id, entry))
    }

    fn entry(&self, id: &SessionId) -> Result<Entry, SessionError> {
        self.sessions.get(id).cloned().ok_or_else(|| self.gone(id))
    }

    fn named_or_default(&self, id: Option<&SessionId>) -> Result<(SessionId, Entry), SessionError> {
        match id {
            Some(id) => Ok((id.clone(), self.entry(id)?)),
            None => self.default_entry().ok_or(SessionError::NoDefault),
        }
    }

    fn gone(&self, id: &SessionId) -> SessionError {
        match self.graves.get(id) {
            Some(why) => SessionError::Gone { id: id.clone(), why: why.clone() },
            None => SessionError::Unknown(id.clone()),
        }
    }

    fn least_recently_used(&self) -> Option<SessionId> {
        let unused = self.sessions.iter().filter(|(_, entry)| entry.calls.none());
        unused.min_by_key(|(_, entry)| entry.board.read().used).map(|(id, _)| id.clone())
    }

    /// Takes the handle away at once and tells the task to end; what is given back resolves when it has.
    fn close(&mut self, id: &SessionId, why: String) -> Option<oneshot::Receiver<()>> {
        let entry = self.sessions.get(id)?.clone();
        let (done, finished) = oneshot::channel();
        let sent = entry.commands.send(Command::Close { why: why.clone(), done });
        self.bury(id, why);
        sent.is_ok().then_some(finished)
    }

    fn bury(&mut self, id: &SessionId, why: String) {
        if self.sessions.remove(id).is_none() {
            return;
        }
        if self.default.as_ref() == Some(id) {
            self.default = None;
            self.default_gone = Some(format!(
                "this is a new default session: the one before is gone, {why}, and its variables are lost"
            ));
        }
        self.graves.insert(id.clone(), why);
        self.grave_order.push_back(id.clone());
        if self.grave_order.len() > GRAVES
            && let Some(oldest) = self.grave_order.pop_front()
        {
            self.graves.remove(&oldest);
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
        registry.close_idle();
    }
}
