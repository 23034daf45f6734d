//! How a session's cells and processes end: by themselves, by a limit, by a crash, by order.
//!
//! Whatever the way, the caller gets exactly one report, and nothing of a stopped cell runs on.

use std::sync::Arc;
use std::time::Duration;

use actwright_protocol::{ExitStatus, FromSupervisor, FromWorker, ToSupervisor};
use actwright_sandbox::sys;
use tokio::time::timeout_at;

use super::{Actor, internal};
use crate::names::OutputId;
use crate::outputs::Kept;
use crate::session::SessionError;
use crate::session::cell::{Delivery, Due, End, Running, Stopping, Story};
use crate::session::death::Stop;
use crate::session::masking;
use crate::session::report::{Checkpoint, Keep, RunMode, RunReport, SessionState, Status};
use crate::session::stage::Calls;
use crate::skills::Ran;
use crate::tools::Tape;
use crate::worker::{Event, Worker};

/// How long to wait for the supervisor's word after something that it answers.
const WORD: Duration = Duration::from_secs(2);

/// How long a copy may take to wake: on a busy machine a large one takes its time, and all would be lost with it.
const WAKING: Duration = Duration::from_secs(10);

/// What is over sooner has not filled the session's memory, and looking costs something.
const A_WHILE: Duration = Duration::from_millis(20);

/// What became of waiting for a word of the supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Said,
    Silence,
    Gone,
}

/// What became of waking a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wake {
    /// It goes on from where it stood after this cell.
    Went(u64),
    /// It ended before it was awake.
    Ended,
    None,
}

impl Actor {
    /// What many sessions import is imported in advance for others.
    pub(super) fn tell_of_imports(&self, names: Vec<String>) {
        if self.cells == 1 || !names.is_empty() {
            self.workers.imported(self.id.as_str(), names);
        }
    }

    /// Begins to stop the running cell: interrupt now, kill after the grace period.
    pub(super) fn stop(&mut self, why: Stop) {
        let Some(running) = &mut self.running else { return };
        running.stop = Some(Stopping::now(why));
        self.interrupt();
    }

    fn interrupt(&self) {
        let (Some(running), Some(worker)) = (&self.running, &self.worker) else { return };
        let order = ToSupervisor::Interrupt { since_ticks: running.started_ticks };
        if let Err(error) = worker.conversation.order(&order) {
            tracing::debug!(session = %self.id, %error, "the supervisor does not take an interrupt");
        }
    }

    pub(super) async fn deadline(&mut self) {
        match self.running.as_mut().map(Running::due) {
            Some(Due::Stop) => self.stop(Stop::Timeout),
            Some(Due::InterruptAgain) => self.interrupt(),
            Some(Due::Kill) => self.finish(End::Killed).await,
            None => {}
        }
    }

    /// The supervisor has sent the signal, so whatever the cell does from now on it does after the interrupt.
    pub(super) fn interrupted(&mut self) {
        if let Some(stopping) = self.running.as_mut().and_then(|running| running.stop.as_mut()) {
            stopping.delivery = Delivery::Sent;
        }
    }

    /// What the supervisor has seen the session's processes use.
    pub(super) fn watched(&mut self, word: &FromSupervisor) {
        let running = self.running.as_mut();
        match (word, running) {
            (FromSupervisor::OverMemory, Some(running)) => {
                running.stop = Some(Stopping::now(Stop::Memory { bytes: self.config.limits.memory }));
            }
            (FromSupervisor::OverMemory, None) => self.notes.push(format!(
                "between two cells the session's processes held more than {} bytes of memory together \
                 (limits.memory) and were killed",
                self.config.limits.memory
            )),
            (FromSupervisor::OverCpuTime, Some(running)) if running.stop.is_none() => {
                // What was allowed to an earlier cell is no limit of this one.
                if let Some(limit) = running.cpu_time {
                    self.stop(Stop::CpuTime { limit });
                }
            }
            (FromSupervisor::Dropped { cell }, _) => self.copies.dropped(*cell),
            _ => {}
        }
    }

    /// Whether the kernel has killed one of the session's processes for the memory of all.
    pub(super) fn has_been_held(&mut self) -> bool {
        self.worker.as_mut().is_some_and(|worker| worker.fence.has_killed())
    }

    /// Waits a moment for the supervisor's word on how the process ended.
    pub(super) async fn exit_status(&mut self) -> Option<ExitStatus> {
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

    pub(super) async fn process_ended(&mut self, status: Option<ExitStatus>) {
        if status == Some(ExitStatus::Signal(sys::KILL)) && self.has_been_held() {
            self.watched(&FromSupervisor::OverMemory);
        }
        if self.running.is_some() {
            return self.finish(End::Lost(status)).await;
        }
        self.lose_between_cells().await;
    }

    pub(super) async fn lose_between_cells(&mut self) {
        let what = "the session's process ended between two cells (a thread or child of an earlier cell may have crashed \
                    or killed it)";
        match self.go_back(self.cells).await {
            Some(from) => self.notes.push(format!(
                "{what}; it went on from a copy made after cell {from}: threads, child processes and open connections \
                 are lost"
            )),
            None => {
                self.drop_process().await;
                if !self.variables_lost {
                    self.variables_lost = true;
                    self.notes.push(format!("{what}; all variables from before are lost"));
                }
            }
        }
    }

    /// Has the supervisor end the live process and go on from the newest copy that is not younger than this cell; says
    /// after which cell that copy was made, `None` when there is none.
    ///
    /// A copy may end before it is awake: code may have ended it, or the kernel for want of memory. Then the next older one
    /// takes its place.
    pub(super) async fn go_back(&mut self, cell: u64) -> Option<u64> {
        if let Some(proxy) = &self.worker.as_ref()?.proxy {
            proxy.cut();
        }
        // Each try uses up a copy.
        for _ in 0..=self.config.sessions.copies {
            if let Err(error) = self.worker.as_mut()?.conversation.roll_back(cell) {
                tracing::debug!(session = %self.id, %error, "the supervisor does not take an order");
                return None;
            }
            self.give_up_calls();
            match self.wake().await {
                Wake::Went(from) => {
                    let threads = self.copies.threads();
                    tracing::debug!(session = %self.id, from, threads, "a session went on from a copy");
                    self.copies.went_back(from);
                    return Some(from);
                }
                Wake::Ended => {}
                Wake::None => return None,
            }
        }
        None
    }

    /// Waits until a copy that was asked for is awake.
    async fn wake(&mut self) -> Wake {
        let until = tokio::time::Instant::now() + WAKING;
        let mut is_chosen = false;
        loop {
            let Some(worker) = self.worker.as_mut() else { return Wake::None };
            match timeout_at(until, worker.conversation.next()).await {
                Ok(Event::Message(FromWorker::Resumed { cell }, _)) => return Wake::Went(cell),
                Ok(Event::Control(FromSupervisor::RolledBack { .. })) => is_chosen = true,
                // Before the choice it is the word about the process that is given up.
                Ok(Event::Control(FromSupervisor::Exited(_))) if is_chosen => return Wake::Ended,
                // The supervisor says whether there was none or it has ended.
                Ok(Event::DataClosed) => {}
                Ok(Event::Control(FromSupervisor::NoCopy) | Event::ControlClosed | Event::Broken(_))
                | Err(_) => return Wake::None,
                Ok(other) => self.aside(other).await,
            }
        }
    }

    /// See [`crate::session::Sessions::undo`].
    pub(super) async fn undo(&mut self, steps: usize) -> Result<usize, SessionError> {
        if self.running.is_some() || !self.queue.is_empty() {
            return Err(SessionError::Busy(self.id.clone()));
        }
        let Some(target) = self.copies.target(steps) else {
            return Err(SessionError::NoCopy { steps, reason: self.why_not_further() });
        };
        match self.go_back(target).await {
            Some(cell) if cell == target => Ok(self.copies.depth()),
            Some(cell) => Err(SessionError::UndoneFurther { id: self.id.clone(), cell }),
            None => {
                self.drop_process().await;
                self.variables_lost = true;
                self.notes.push("an undo failed and all variables from before are lost".to_owned());
                Err(SessionError::NoCopy {
                    steps,
                    reason: "the copy is gone, and the session starts anew".to_owned(),
                })
            }
        }
    }

    fn why_not_further(&self) -> String {
        match (self.copies.depth(), self.copies.checkpoint()) {
            (0, Checkpoint::Skipped { why }) => why,
            (0, Checkpoint::Kept { .. }) => "there is no copy from before the last cell".to_owned(),
            (depth, _) => format!("{depth} can be (sessions.copies)"),
        }
    }

    /// Ends the process from outside, and the running cell with it.
    pub(super) async fn end_process(&mut self, why: Stop) {
        if let Some(running) = &mut self.running {
            running.stop = Some(Stopping::now(why));
            return self.finish_alone(End::Killed).await;
        }
        self.drop_process().await;
    }

    /// Lets go of the process and waits until the kernel has ended everything in it.
    async fn drop_process(&mut self) {
        self.give_up_calls();
        let Some(worker) = self.worker.take() else { return };
        let Worker { mut conversation, workspace, fence, lease, .. } = worker;
        let until = tokio::time::Instant::now() + WORD;
        // It may be gone already; then whoever it belonged to sees to its session's end.
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
            for (stream, bytes) in conversation.drain(cell) {
                self.output(cell, stream, &bytes);
            }
        }
        drop(conversation);
        drop((workspace, fence, lease));
    }

    fn take_rest(&mut self, cell: u64) {
        let Some(worker) = &mut self.worker else { return };
        for (stream, bytes) in worker.conversation.drain(cell) {
            self.output(cell, stream, &bytes);
        }
    }

    /// Ends the turn of the running cell and starts the next.
    pub(super) async fn finish(&mut self, end: End) {
        self.finish_alone(end).await;
        Box::pin(self.start_next()).await;
    }

    async fn finish_alone(&mut self, end: End) {
        let Some((cell, stop)) = self.running.as_ref().map(|running| (running.cell, running.stop)) else {
            return;
        };
        let checkpoint = self.copies.checkpoint();
        let threads = self.copies.threads();
        let mut from = None;
        let given_up = !matches!(end, End::Done(..));
        if given_up {
            let by_order = stop.is_some_and(|stopping| stopping.why == Stop::Ended);
            if !by_order {
                from = self.go_back(cell - 1).await;
            }
            self.take_rest(cell);
            if from.is_none() {
                self.drop_process().await;
            }
        } else {
            self.take_rest(cell);
            self.sweep().await;
            self.copies.ran(cell);
            self.tell_of_held_children();
        }
        self.publish();
        let Some(mut running) = self.running.take() else { return };
        let mut story = running.tell(end, self.config.limits.memory);
        if given_up {
            story.recovered(cell, from, threads);
        } else if running.job.request.keep == Keep::Nothing {
            self.forget_cell(&mut story, cell).await;
        }
        let report = self.report(&mut running, story, checkpoint);
        self.publish();
        running.job.answer(report);
    }

    /// A child that the kernel has killed for the memory of all looks like one that has died by itself.
    fn tell_of_held_children(&mut self) {
        let Some(running) = &self.running else { return };
        if running.started.elapsed() < A_WHILE || !self.has_been_held() {
            return;
        }
        let bytes = self.config.limits.memory;
        if let Some(running) = &mut self.running {
            running.note(format!(
                "the kernel killed a process of the session, because all of them together held more than {bytes} bytes \
                 of memory (limits.memory)"
            ));
        }
    }

    /// Goes back to before a cell whose effects were not to stand.
    async fn forget_cell(&mut self, story: &mut Story, cell: u64) {
        match self.copies.target(1) {
            Some(target) => match self.go_back(target).await {
                Some(from) => {
                    story.state = SessionState::RolledBack;
                    if from != target {
                        story.notes.push(format!(
                            "the copy from before the cell was gone: the variables are as they were after cell {from}, \
                             counted from the session's first"
                        ));
                    }
                }
                None => {
                    self.drop_process().await;
                    story.state = SessionState::Reset;
                }
            },
            // Before the first cell there was nothing, and that is what a new process has.
            None if cell == 1 => {
                self.drop_process().await;
                story.state = SessionState::RolledBack;
            }
            None => {
                story.notes.push(format!("the cell's effects stand after all: {}", self.why_not_further()))
            }
        }
    }

    /// After a stop: nothing that the cell started may run on, and the interrupt must not hit the next cell.
    async fn sweep(&mut self) {
        let Some(running) = self.running.as_ref().filter(|running| running.stop.is_some()) else { return };
        let since_ticks = running.started_ticks;
        let now = tokio::time::Instant::now();
        // A cell that the interrupt ended is heard of after the interrupt itself, if one looks.
        match self.word(now, |word| matches!(word, FromSupervisor::Interrupted)).await {
            Word::Said => self.interrupted(),
            Word::Silence => {}
            Word::Gone => return self.lose_between_cells().await,
        }
        let Some(worker) = &self.worker else { return };
        if worker.conversation.order(&ToSupervisor::Sweep { since_ticks }).is_err() {
            return;
        }
        if self.word(now + WORD, |word| matches!(word, FromSupervisor::Swept { .. })).await == Word::Gone {
            self.lose_between_cells().await;
        }
    }

    /// Takes what comes until the supervisor says what is waited for.
    async fn word(&mut self, until: tokio::time::Instant, awaited: fn(&FromSupervisor) -> bool) -> Word {
        loop {
            let Some(worker) = &mut self.worker else { return Word::Gone };
            match timeout_at(until, worker.conversation.next()).await {
                Err(_) => return Word::Silence,
                Ok(Event::Control(word)) if awaited(&word) => return Word::Said,
                Ok(Event::ControlClosed | Event::Broken(_) | Event::DataClosed)
                | Ok(Event::Control(FromSupervisor::Exited(_))) => return Word::Gone,
                Ok(other) => self.aside(other).await,
            }
        }
    }

    /// What comes while the supervisor's word is waited for: threads live on and may write or call.
    pub(super) async fn aside(&mut self, event: Event) {
        match event {
            Event::Output { cell, stream, bytes } => self.output(cell, stream, &bytes),
            Event::Message(
                message @ (FromWorker::Late { .. } | FromWorker::Call { .. } | FromWorker::Parked { .. }),
                contents,
            ) => {
                Box::pin(self.message(message, contents)).await;
            }
            Event::Control(word) => self.watched(&word),
            _ => {}
        }
    }

    fn report(
        &mut self,
        running: &mut Running,
        mut story: Story,
        checkpoint: Checkpoint,
    ) -> Result<RunReport, SessionError> {
        running.recorder.flush();
        masking::story(&mut story, &self.host_calls.tools().masks().now());
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
        let calls = self.origin.tape.clone().unwrap_or_default();
        self.remember(running, &story, &output_id, &calls);
        let mut notes = std::mem::take(&mut self.notes);
        notes.extend(story.notes);
        let lost_before = std::mem::take(&mut self.variables_lost);
        let late = self.late.empty();
        let recorder = std::mem::replace(&mut running.recorder, self.outputs.recorder());
        self.late.listen(running.cell, output_id.clone(), recorder);
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
            artifacts: self.host_calls.artifacts().take_made(self.id.as_str()),
            late,
            plan: story.plan,
            checkpoint,
            tools: self.origin.cell.as_ref().map(|cell| cell.counts()).unwrap_or_default(),
            calls,
            duration: story.duration,
        })
    }

    /// Keeps the cell for a while, as what a skill may be made from.
    fn remember(&self, running: &Running, story: &Story, output: &OutputId, calls: &Arc<Tape>) {
        if running.job.request.mode == RunMode::Plan {
            return;
        }
        let value = match &story.value {
            None => Some("null".to_owned()),
            Some(value) => value.json.clone(),
        };
        self.host_calls.skills().cells().keep(Ran {
            session: self.id.to_string(),
            cell: running.cell,
            output: output.to_string(),
            code: running.job.request.code.clone(),
            value,
            is_well: story.status == Status::Ok,
            calls: Arc::new(Calls(calls.clone())),
        });
    }
}
