//! One session: a task that owns its process and runs its cells one after the other.
//!
//! What can wake it is the closed enum `Wake`; the loop is `run`. The process may be lost at any moment; the session
//! goes on without and takes a new one when the next cell comes.

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use actwright_protocol::{CallError, FromSupervisor, FromWorker, OutputStream, ToSupervisor, ToWorker};
use actwright_sandbox::sys;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep_until;

use super::board::StatusBoard;
use super::cell::{End, Job, Running};
use super::copies::Copies;
use super::death::Stop;
use super::late::LateBox;
use super::registry::Registry;
use super::report::{RunEvent, RunMode};
use super::{Phase, SessionError};
use crate::config::Config;
use crate::host_calls::{self, Answer, Answering, HostCalls};
use crate::names::SessionId;
use crate::outputs::{Outputs, Stream};
use crate::packages::InUse;
use crate::tools::Origin;
use crate::worker::{Event, Worker, Workers};

mod command;
mod ending;
mod forking;

pub use command::Command;
pub use forking::{Forked, Twin};

/// Calls of one session that are under way at once; each costs little until its tool begins.
const OPEN_CALLS: usize = 10_000;

/// See the module.
pub struct Actor {
    id: SessionId,
    is_default: bool,
    config: Arc<Config>,
    workers: Workers,
    outputs: Outputs,
    host_calls: HostCalls,
    /// Calls of the session's process that the host still works on.
    calls: JoinSet<(u64, Answer)>,
    open_calls: HashMap<u64, AbortHandle>,
    board: StatusBoard,
    commands: mpsc::UnboundedReceiver<Command>,
    worker: Option<Worker>,
    running: Option<Running>,
    queue: VecDeque<Job>,
    cells: u64,
    late: LateBox,
    copies: Copies,
    /// Host calls since the last cell began, and whose they are.
    cell_calls: u64,
    origin: Origin,
    /// What the next report must say of the time before it.
    notes: Vec<String>,
    variables_lost: bool,
    /// The sets of packages that its process may have imported from stay as long as this.
    packages: InUse,
}

#[expect(
    clippy::large_enum_variant,
    reason = "made and taken apart once; a box would cost more than the move"
)]
enum Wake {
    Command(Option<Command>),
    Worker(Event),
    Answered(u64, Answer),
    Deadline,
    Cancelled,
}

/// Whether the loop goes on.
enum Flow {
    On,
    Closed(String),
}

impl Actor {
    /// A session without a process yet.
    pub fn new(
        id: SessionId,
        is_default: bool,
        registry: &Registry,
        board: StatusBoard,
        commands: mpsc::UnboundedReceiver<Command>,
        note: Option<String>,
    ) -> Self {
        let origin = Origin::code(id.as_str().into(), Arc::default());
        Self {
            id,
            is_default,
            config: registry.config().clone(),
            workers: registry.workers().clone(),
            outputs: registry.outputs().clone(),
            host_calls: registry.host_calls().clone(),
            calls: JoinSet::new(),
            open_calls: HashMap::new(),
            board,
            commands,
            worker: None,
            running: None,
            queue: VecDeque::new(),
            cells: 0,
            late: LateBox::default(),
            copies: Copies::default(),
            cell_calls: 0,
            origin,
            notes: note.into_iter().collect(),
            variables_lost: false,
            packages: registry.host_calls().packages().begin_use(),
        }
    }

    /// Serves until it is closed; gives the reason.
    pub async fn run(mut self) -> String {
        loop {
            let wake = self.next().await;
            if let Flow::Closed(why) = self.handle(wake).await {
                return why;
            }
            self.publish();
        }
    }

    async fn next(&mut self) -> Wake {
        let deadline = self.running.as_ref().map(Running::deadline);
        let cancelled = self.running.as_ref().filter(|running| running.stop.is_none());
        let cancel = cancelled.map(|running| running.job.cancel.clone());
        let event = async {
            match &mut self.worker {
                Some(worker) => worker.conversation.next().await,
                None => std::future::pending().await,
            }
        };
        let late = async {
            match deadline {
                Some(at) => sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        let cancel = async {
            match cancel {
                Some(token) => token.cancelled_owned().await,
                None => std::future::pending().await,
            }
        };
        let answered = async {
            loop {
                match self.calls.join_next().await {
                    Some(Ok((id, answer))) => return (id, answer),
                    // It was given up.
                    Some(Err(_)) => {}
                    None => std::future::pending().await,
                }
            }
        };
        tokio::select! {
            biased;
            () = late => Wake::Deadline,
            () = cancel => Wake::Cancelled,
            command = self.commands.recv() => Wake::Command(command),
            (id, answer) = answered => Wake::Answered(id, answer),
            event = event => Wake::Worker(event),
        }
    }

    async fn handle(&mut self, wake: Wake) -> Flow {
        match wake {
            Wake::Command(command) => return self.command(command).await,
            Wake::Worker(event) => self.event(event).await,
            Wake::Answered(id, answer) => self.answered(id, answer),
            Wake::Deadline => self.deadline().await,
            Wake::Cancelled => self.stop(Stop::Cancelled),
        }
        Flow::On
    }

    async fn command(&mut self, command: Option<Command>) -> Flow {
        match command {
            Some(Command::Run(job)) => {
                self.queue.push_back(*job);
                self.start_next().await;
                Flow::On
            }
            Some(Command::Reset(done)) => {
                self.end_process(Stop::Ended).await;
                self.forget();
                // Whoever asked may have gone.
                let _ = done.send(());
                self.start_next().await;
                Flow::On
            }
            Some(Command::Undo { steps, done }) => {
                // Whoever asked may have gone.
                let _ = done.send(self.undo(steps).await);
                Flow::On
            }
            Some(Command::Fork { twins, done }) => {
                // Whoever asked may have gone; then the twins end.
                let _ = done.send(self.fork(twins).await);
                Flow::On
            }
            Some(Command::Close { why, done }) => {
                self.close(&why).await;
                let _ = done.send(());
                Flow::Closed(why)
            }
            None => {
                self.close("the server shut down").await;
                Flow::Closed("the server shut down".to_owned())
            }
        }
    }

    async fn close(&mut self, why: &str) {
        self.end_process(Stop::Ended).await;
        for job in self.queue.drain(..) {
            job.answer(Err(SessionError::Gone { id: self.id.clone(), why: why.to_owned() }));
        }
    }

    /// The state after a reset that somebody asked for: nothing to apologise for later.
    fn forget(&mut self) {
        self.notes.clear();
        self.variables_lost = false;
    }

    async fn event(&mut self, event: Event) {
        match event {
            Event::Output { cell, stream, bytes } => self.output(cell, stream, &bytes),
            Event::Message(message, contents) => self.message(message, contents).await,
            Event::Control(FromSupervisor::Exited(status)) => self.process_ended(Some(status)).await,
            Event::Control(FromSupervisor::Interrupted) => self.interrupted(),
            Event::Control(word) => self.watched(&word),
            Event::Listening(_) | Event::Expecting(..) => {
                tracing::warn!(session = %self.id, "a session's supervisor spoke out of turn");
                self.process_ended(None).await;
            }
            Event::DataClosed => {
                let status = self.exit_status().await;
                self.process_ended(status).await;
            }
            Event::ControlClosed => self.process_ended(None).await,
            Event::Broken(reason) => {
                tracing::warn!(session = %self.id, "a session broke the protocol: {reason}");
                self.process_ended(None).await;
            }
        }
    }

    async fn message(&mut self, message: FromWorker, contents: Vec<Vec<u8>>) {
        match message {
            FromWorker::Done(mut done)
                if self.running.as_ref().is_some_and(|running| running.cell == done.cell) =>
            {
                self.tell_of_imports(std::mem::take(&mut done.imports));
                self.finish(End::Done(done, contents)).await;
            }
            FromWorker::Display { cell, forms } => {
                let forms = forms.into_iter().map(|(media_type, _)| media_type).zip(contents).collect();
                match &mut self.running {
                    Some(running) if running.cell == cell => running.take_display(forms),
                    _ => tracing::debug!(session = %self.id, cell, "a display came after its cell"),
                }
            }
            FromWorker::Late { cell, stream, .. } => {
                let stream = match stream {
                    OutputStream::Stdout => Stream::Stdout,
                    OutputStream::Stderr => Stream::Stderr,
                };
                for text in contents {
                    self.output(cell, stream, &text);
                }
            }
            FromWorker::Call { id, name, .. } => {
                self.call(id, &name, contents.first().map_or(&[][..], Vec::as_slice)).await;
            }
            FromWorker::Parked { cell, copy } => {
                self.copies.parked(cell, copy, self.config.sessions.copies as usize);
            }
            FromWorker::Abandon { id } => self.give_up_call(id),
            FromWorker::Done(_) | FromWorker::Ready(_) | FromWorker::Resumed { .. } => {
                tracing::warn!(session = %self.id, "a session spoke out of turn");
                self.process_ended(None).await;
            }
        }
    }

    async fn call(&mut self, id: u64, name: &str, arguments: &[u8]) {
        if self.is_over_calls() {
            return self.reply(id, Err(host_calls::too_many(self.config.limits.calls)));
        }
        let watcher = self.running.as_ref().map(|running| running.job.events.clone());
        let mut future = match self.host_calls.begin(name, arguments, &self.origin, watcher) {
            Answering::Now(answer) => return self.reply(id, answer),
            Answering::Later(future) => future,
        };
        // What is ready at once needs no task of its own.
        let first = poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await;
        if let Poll::Ready(answer) = first {
            return self.reply(id, answer);
        }
        if self.open_calls.len() >= OPEN_CALLS {
            let message = format!("{OPEN_CALLS} calls are under way already; wait for some of them");
            return self.reply(id, Err(CallError { kind: "too_many".to_owned(), message }));
        }
        let task = self.calls.spawn(async move { (id, future.await) });
        self.open_calls.insert(id, task);
        if let Some(running) = &mut self.running {
            running.wait_for_host();
        }
    }

    /// Counts a call, and says so once when it is one too many.
    fn is_over_calls(&mut self) -> bool {
        self.cell_calls += 1;
        let most = self.config.limits.calls;
        if self.cell_calls == most + 1
            && let Some(running) = &mut self.running
        {
            running.note(format!(
                "the cell called the host more than {most} times (limits.calls), and further calls were refused"
            ));
        }
        self.cell_calls > most
    }

    fn answered(&mut self, id: u64, answer: Answer) {
        if self.open_calls.remove(&id).is_some() {
            self.host_is_done();
            self.reply(id, answer);
        }
    }

    /// Nobody waits for this call any more.
    fn give_up_call(&mut self, id: u64) {
        if let Some(task) = self.open_calls.remove(&id) {
            task.abort();
            self.host_is_done();
        }
    }

    fn host_is_done(&mut self) {
        if let Some(running) = self.running.as_mut().filter(|_| self.open_calls.is_empty()) {
            running.go_on();
        }
    }

    /// The process whose calls these are is gone, and with it everybody who could use an answer.
    fn give_up_calls(&mut self) {
        self.calls = JoinSet::new();
        self.open_calls.clear();
        self.host_calls.process_ended(&self.origin);
        self.host_is_done();
    }

    fn reply(&mut self, id: u64, answer: Answer) {
        let Some(worker) = &mut self.worker else { return };
        let sent = match answer {
            Ok(value) => worker.conversation.reply(id, &value),
            Err(error) => worker.conversation.send(&ToWorker::Reply { id, result: Err(error) }, Vec::new()),
        };
        if let Err(error) = sent {
            tracing::debug!(session = %self.id, %error, "an answer could not be sent");
        }
    }

    fn output(&mut self, cell: u64, stream: Stream, bytes: &[u8]) {
        let limit = self.config.limits.output;
        match &mut self.running {
            Some(running) if running.cell == cell => {
                if running.take_output(stream, bytes, limit) && running.stop.is_none() {
                    self.stop(Stop::OutputLimit { bytes: limit });
                }
            }
            _ => self.late.take(cell, stream, bytes, limit),
        }
    }

    /// Starts the next waiting cell, unless one runs.
    async fn start_next(&mut self) {
        while self.running.is_none() {
            let Some(job) = self.queue.pop_front() else { return };
            if job.cancel.is_cancelled() {
                job.answer(Err(SessionError::NotStarted));
                continue;
            }
            if self.worker.as_ref().is_some_and(|worker| worker.conversation.is_over()) {
                // It ended a moment ago; the cell must not be sent into the void.
                let _ = self.exit_status().await;
                self.lose_between_cells().await;
            }
            if self.worker.is_none() {
                let taken = tokio::select! {
                    taken = self.workers.take() => taken.map_err(SessionError::Start),
                    // A Python that is slow to start must not keep a call that nobody waits for.
                    () = job.cancel.cancelled() => Err(SessionError::NotStarted),
                };
                match taken {
                    Ok(worker) => {
                        self.take_worker(worker);
                        self.copies.forget();
                    }
                    Err(error) => {
                        job.answer(Err(error));
                        continue;
                    }
                }
            }
            self.start(job).await;
        }
    }

    fn take_worker(&mut self, worker: Worker) {
        if let Some(proxy) = &worker.proxy {
            tracing::info!(target: "audit", worker = proxy.worker, session = %self.id, "worker");
        }
        if let Some(why) = &worker.lowered {
            self.notes.push(format!(
                "this session is at sandbox level `restricted`: no sockets, no network of its own, no fork_session; level \
                 `full` cannot be had here ({why})"
            ));
        }
        self.worker = Some(worker);
    }

    async fn start(&mut self, job: Job) {
        let Some(worker) = &mut self.worker else { return };
        self.cells += 1;
        self.cell_calls = 0;
        self.origin.cell = Some(Arc::default());
        self.origin.tape = Some(Arc::default());
        let plan = job.request.mode == RunMode::Plan;
        let ticks = sys::ticks_since_boot().unwrap_or(u64::MAX);
        let timeout = job.request.timeout.unwrap_or(self.config.limits.timeout);
        let budget = self.config.limits.cpu_time;
        // A budget that cannot be used up before the clock stops the cell is not worth watching.
        let budget = (budget < timeout.saturating_mul(processors())).then_some(budget);
        if let Some(budget) = budget {
            let cpu_ms = u64::try_from(budget.as_millis()).unwrap_or(u64::MAX);
            if let Err(error) = worker.conversation.order(&ToSupervisor::Allow { cpu_ms }) {
                tracing::debug!(session = %self.id, %error, "the supervisor does not take a budget");
            }
        }
        let sent = worker.conversation.send_cell(self.cells, &job.request.code, plan);
        // A full channel means that nobody watches.
        let _ = job.events.try_send(RunEvent::Started { session: self.id.clone(), cell: self.cells });
        let mut running = Running::new(job, self.cells, self.outputs.recorder(), ticks, timeout);
        running.longest = self.config.limits.max_timeout;
        running.cpu_time = budget;
        self.running = Some(running);
        self.publish();
        if let Err(error) = sent {
            tracing::debug!(session = %self.id, %error, "a cell could not be sent");
            self.finish(End::Lost(None)).await;
        }
    }

    fn publish(&self) {
        let mut status = self.board.lock();
        status.phase = match (&self.running, &self.worker) {
            (Some(_), _) => Phase::Running,
            (None, None) if self.cells > 0 => Phase::Reset,
            (None, _) => Phase::Idle,
        };
        if self.running.is_some() {
            status.used = Instant::now();
        }
        status.cells = self.cells;
        status.queued = self.queue.len();
    }
}

/// How many of its threads can run at the same time.
fn processors() -> u32 {
    std::thread::available_parallelism().map_or(1, |count| u32::try_from(count.get()).unwrap_or(u32::MAX))
}

/// An error of the host: a short id for the caller, the detail in the log.
pub fn internal(error: std::io::Error) -> SessionError {
    let id = format!("e{:08x}", sys::random_u128().unwrap_or(0) as u32);
    tracing::error!(id, %error, "the host failed");
    SessionError::Internal { id }
}
