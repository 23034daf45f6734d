//! One session: a task that owns its process and runs its cells one after the other.
//!
//! What can wake it is the closed enum `Wake`; the loop is `run`. The process may be lost at any moment; the session
//! goes on without and takes a new one when the next cell comes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use actwright_protocol::{ExitStatus, FromSupervisor, FromWorker, OutputStream, ToSupervisor, ToWorker};
use actwright_sandbox::sys;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep_until, timeout_at};

use super::cell::{End, GRACE, Job, Running, Stopping};
use super::death::Stop;
use super::late::LateBox;
use super::registry::Registry;
use super::report::{RunEvent, RunMode, RunReport, SessionState};
use super::{Phase, SessionError};
use crate::config::Config;
use crate::host_calls;
use crate::names::{OutputId, SessionId};
use crate::outputs::{Kept, Outputs, Stream};
use crate::worker::{Conversation, Event, Worker, Workers};

/// How long to wait for the supervisor's word after something that it answers.
const WORD: Duration = Duration::from_secs(2);

/// What is asked of a session.
#[derive(Debug)]
pub enum Command {
    /// Run a cell when those before it are done.
    Run(Box<Job>),
    /// End the process; the handle stays.
    Reset(oneshot::Sender<()>),
    /// End everything, if it has not been used since the moment given.
    CloseUnused {
        /// It was last used then.
        since: Instant,
        /// The reason that later callers are told.
        why: String,
        /// Whether it was closed.
        done: oneshot::Sender<bool>,
    },
    /// End everything now.
    Close {
        /// The reason that later callers are told.
        why: String,
        /// When it is done.
        done: oneshot::Sender<()>,
    },
}

/// What others may know of a session without asking it.
#[derive(Debug, Clone)]
pub struct Status {
    /// What it is doing.
    pub phase: Phase,
    /// Cells run so far.
    pub cells: u64,
    /// Calls waiting.
    pub queued: usize,
    /// When it was last used.
    pub used: Instant,
}

/// The shared view of a session's status; written by its task alone.
#[derive(Debug, Clone)]
pub struct StatusBoard(Arc<Mutex<Status>>);

impl StatusBoard {
    /// For a session that was just made.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Status { phase: Phase::Idle, cells: 0, queued: 0, used: Instant::now() })))
    }

    /// A copy of the status.
    pub fn read(&self) -> Status {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Status> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See the module.
pub struct Actor {
    id: SessionId,
    is_default: bool,
    config: Arc<Config>,
    workers: Workers,
    outputs: Outputs,
    board: StatusBoard,
    commands: mpsc::UnboundedReceiver<Command>,
    worker: Option<Worker>,
    running: Option<Running>,
    queue: VecDeque<Job>,
    cells: u64,
    late: LateBox,
    /// What the next report must say of the time before it.
    notes: Vec<String>,
    variables_lost: bool,
}

enum Wake {
    Command(Option<Command>),
    Worker(Event),
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
        Self {
            id,
            is_default,
            config: registry.config().clone(),
            workers: registry.workers().clone(),
            outputs: registry.outputs().clone(),
            board,
            commands,
            worker: None,
            running: None,
            queue: VecDeque::new(),
            cells: 0,
            late: LateBox::default(),
            notes: note.into_iter().collect(),
            variables_lost: false,
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
        tokio::select! {
            biased;
            () = late => Wake::Deadline,
            () = cancel => Wake::Cancelled,
            command = self.commands.recv() => Wake::Command(command),
            event = event => Wake::Worker(event),
        }
    }

    async fn handle(&mut self, wake: Wake) -> Flow {
        match wake {
            Wake::Command(command) => return self.command(command).await,
            Wake::Worker(event) => self.event(event).await,
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
            Some(Command::CloseUnused { since, why, done }) => {
                let unused = self.running.is_none() && self.queue.is_empty() && self.board.read().used <= since;
                if unused {
                    self.end_process(Stop::Ended).await;
                }
                let _ = done.send(unused);
                if unused { Flow::Closed(why) } else { Flow::On }
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
            // Whoever asked may have gone.
            let _ = job.reply.send(Err(SessionError::Gone { id: self.id.clone(), why: why.to_owned() }));
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
            Event::Control(_) => {}
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
            FromWorker::Done(done) if self.running.as_ref().is_some_and(|running| running.cell == done.cell) => {
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
            // Calls are answered at once, so there is nothing to abandon.
            FromWorker::Abandon { .. } => {}
            FromWorker::Done(_) | FromWorker::Ready(_) => {
                tracing::warn!(session = %self.id, "a session spoke out of turn");
                self.process_ended(None).await;
            }
        }
    }

    async fn call(&mut self, id: u64, name: &str, arguments: &[u8]) {
        let Some(worker) = &mut self.worker else { return };
        let sent = match host_calls::answer(name, arguments) {
            Ok(answer) => {
                if let (Some(event), Some(running)) = (answer.event, &self.running) {
                    // A full channel means that nobody reads fast enough.
                    let _ = running.job.events.try_send(event);
                }
                worker.conversation.reply(id, &answer.value)
            }
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

    /// Begins to stop the running cell: interrupt now, kill after the grace period.
    fn stop(&mut self, why: Stop) {
        let (Some(running), Some(worker)) = (&mut self.running, &self.worker) else { return };
        running.stop = Some(Stopping { why, kill_at: Instant::now() + GRACE });
        let order = ToSupervisor::Interrupt { since_ticks: running.started_ticks };
        if let Err(error) = worker.conversation.order(&order) {
            tracing::debug!(session = %self.id, %error, "the supervisor does not take an interrupt");
        }
    }

    async fn deadline(&mut self) {
        match self.running.as_ref().map(|running| running.stop) {
            Some(None) => self.stop(Stop::Timeout),
            Some(Some(_)) => self.finish(End::Killed).await,
            None => {}
        }
    }

    /// Starts the next waiting cell, unless one runs.
    async fn start_next(&mut self) {
        while self.running.is_none() {
            let Some(job) = self.queue.pop_front() else { return };
            if job.cancel.is_cancelled() {
                // Whoever asked may have gone.
                let _ = job.reply.send(Err(SessionError::NotStarted));
                continue;
            }
            if self.worker.is_none() {
                match self.workers.take().await {
                    Ok(worker) => self.worker = Some(worker),
                    Err(error) => {
                        let _ = job.reply.send(Err(SessionError::Start(error)));
                        continue;
                    }
                }
            }
            self.start(job).await;
        }
    }

    async fn start(&mut self, job: Job) {
        let Some(worker) = &mut self.worker else { return };
        self.cells += 1;
        let plan = job.request.mode == RunMode::Plan;
        let ticks = sys::ticks_since_boot().unwrap_or(u64::MAX);
        let timeout = job.request.timeout.unwrap_or(self.config.limits.timeout);
        let sent = worker.conversation.send_cell(self.cells, &job.request.code, plan);
        // A full channel means that nobody watches.
        let _ = job.events.try_send(RunEvent::Started { session: self.id.clone(), cell: self.cells });
        self.running = Some(Running::new(job, self.cells, self.outputs.recorder(), ticks, timeout));
        self.publish();
        if let Err(error) = sent {
            tracing::debug!(session = %self.id, %error, "a cell could not be sent");
            self.finish(End::Lost(None)).await;
        }
    }

    /// Waits a moment for the supervisor's word on how the process ended.
    async fn exit_status(&mut self) -> Option<ExitStatus> {
        let until = tokio::time::Instant::now() + WORD;
        loop {
            let worker = self.worker.as_mut()?;
            match timeout_at(until, worker.conversation.next()).await {
                Ok(Event::Control(FromSupervisor::Exited(status))) => return Some(status),
                Ok(Event::ControlClosed | Event::Broken(_)) | Err(_) => return None,
                Ok(other) => self.aside(other).await,
            }
        }
    }

    async fn process_ended(&mut self, status: Option<ExitStatus>) {
        if self.running.is_some() {
            return self.finish(End::Lost(status)).await;
        }
        self.lose_between_cells().await;
    }

    async fn lose_between_cells(&mut self) {
        self.drop_process().await;
        self.variables_lost = true;
        self.notes.push(
            "the session's process ended between two cells (a thread or child of an earlier cell may have crashed or \
             killed it); all variables from before are lost"
                .to_owned(),
        );
    }

    /// Ends the process from outside, and the running cell with it.
    async fn end_process(&mut self, why: Stop) {
        if let Some(running) = &mut self.running {
            running.stop = Some(Stopping { why, kill_at: Instant::now() });
            return self.finish_alone(End::Killed).await;
        }
        self.drop_process().await;
    }

    /// Lets go of the process and waits until the kernel has ended everything in it.
    async fn drop_process(&mut self) {
        let Some(Worker { mut conversation, workspace, .. }) = self.worker.take() else { return };
        let until = tokio::time::Instant::now() + WORD;
        // It may be gone already.
        let _ = conversation.order(&ToSupervisor::Quit);
        loop {
            match timeout_at(until, conversation.next()).await {
                Ok(Event::ControlClosed | Event::Broken(_)) | Err(_) => break,
                Ok(Event::Output { cell, stream, bytes }) => self.output(cell, stream, &bytes),
                Ok(_) => {}
            }
        }
        if let Some(running) = &self.running {
            let cell = running.cell;
            self.take_rest(&mut conversation, cell);
        }
        drop(conversation);
        drop(workspace);
    }

    fn take_rest(&mut self, conversation: &mut Conversation, cell: u64) {
        for (stream, bytes) in conversation.drain(cell) {
            self.output(cell, stream, &bytes);
        }
    }

    /// Ends the turn of the running cell and starts the next.
    async fn finish(&mut self, end: End) {
        self.finish_alone(end).await;
        Box::pin(self.start_next()).await;
    }

    async fn finish_alone(&mut self, end: End) {
        let Some(cell) = self.running.as_ref().map(|running| running.cell) else { return };
        match &end {
            End::Done(..) => {
                if let Some(mut worker) = self.worker.take() {
                    self.take_rest(&mut worker.conversation, cell);
                    self.worker = Some(worker);
                }
                self.sweep().await;
            }
            End::Lost(_) | End::Killed => self.drop_process().await,
        }
        self.publish();
        let Some(mut running) = self.running.take() else { return };
        let story = running.tell(end, self.config.limits.memory);
        let report = self.report(&mut running, story);
        // Whoever asked may have gone.
        let _ = running.job.reply.send(report);
        self.publish();
    }

    /// After a stop: nothing that the cell started may run on, and the interrupt must not hit the next cell.
    async fn sweep(&mut self) {
        let Some(running) = self.running.as_ref().filter(|running| running.stop.is_some()) else { return };
        let since_ticks = running.started_ticks;
        let until = tokio::time::Instant::now() + WORD;
        let Some(worker) = &self.worker else { return };
        if worker.conversation.order(&ToSupervisor::Sweep { since_ticks }).is_err() {
            return;
        }
        loop {
            let Some(worker) = &mut self.worker else { return };
            match timeout_at(until, worker.conversation.next()).await {
                Ok(Event::Control(FromSupervisor::Swept { .. })) | Err(_) => return,
                Ok(Event::ControlClosed | Event::Broken(_) | Event::DataClosed)
                | Ok(Event::Control(FromSupervisor::Exited(_))) => return self.lose_between_cells().await,
                Ok(other) => self.aside(other).await,
            }
        }
    }

    /// What comes while the supervisor's word is waited for: threads live on and may write or call.
    async fn aside(&mut self, event: Event) {
        match event {
            Event::Output { cell, stream, bytes } => self.output(cell, stream, &bytes),
            Event::Message(message @ (FromWorker::Late { .. } | FromWorker::Call { .. }), contents) => {
                Box::pin(self.message(message, contents)).await;
            }
            _ => {}
        }
    }

    fn report(&mut self, running: &mut Running, story: super::cell::Story) -> Result<RunReport, SessionError> {
        running.recorder.flush();
        let output_id = OutputId::random().map_err(internal)?;
        let recording = running.recorder.recording();
        let kept = Kept {
            session: self.id.clone(),
            cell: running.cell,
            recording: recording.clone(),
            result: story.value.as_ref().map(|value| value.repr.clone()),
            error: story.error.as_ref().map(|error| error.traceback.clone()),
            displays: story.displays.iter().map(|display| display.forms.clone()).collect(),
        };
        self.outputs.keep(output_id.clone(), kept);
        let mut notes = std::mem::take(&mut self.notes);
        notes.extend(story.notes);
        let lost_before = std::mem::take(&mut self.variables_lost);
        let late = self.late.empty();
        let recorder = std::mem::replace(&mut running.recorder, self.outputs.recorder());
        self.late.expect(running.cell, output_id.clone(), recorder);
        Ok(RunReport {
            session: self.id.clone(),
            is_default_session: self.is_default,
            cell: running.cell,
            status: story.status,
            state: if lost_before { SessionState::Reset } else { story.state },
            notes,
            value: story.value,
            error: story.error,
            output: recording,
            output_id,
            displays: story.displays,
            late,
            plan: story.plan,
            duration: story.duration,
        })
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

/// An error of the host: a short id for the caller, the detail in the log.
pub fn internal(error: std::io::Error) -> SessionError {
    let id = format!("e{:08x}", sys::random_u128().unwrap_or(0) as u32);
    tracing::error!(id, %error, "the host failed");
    SessionError::Internal { id }
}
