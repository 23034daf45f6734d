//! How a session's cells and processes end: by themselves, by a limit, by a crash, by order.
//!
//! Whatever the way, the caller gets exactly one report, and nothing of a stopped cell runs on.

use std::time::{Duration, Instant};

use actwright_protocol::{ExitStatus, FromSupervisor, FromWorker, ToSupervisor};
use tokio::time::timeout_at;

use super::{Actor, internal};
use crate::names::OutputId;
use crate::outputs::Kept;
use crate::session::SessionError;
use crate::session::cell::{End, GRACE, Running, Stopping, Story};
use crate::session::death::Stop;
use crate::session::report::{RunReport, SessionState};
use crate::worker::{Conversation, Event, Worker};

/// How long to wait for the supervisor's word after something that it answers.
const WORD: Duration = Duration::from_secs(2);

impl Actor {
    /// Begins to stop the running cell: interrupt now, kill after the grace period.
    pub(super) fn stop(&mut self, why: Stop) {
        let (Some(running), Some(worker)) = (&mut self.running, &self.worker) else { return };
        running.stop = Some(Stopping { why, kill_at: Instant::now() + GRACE });
        let order = ToSupervisor::Interrupt { since_ticks: running.started_ticks };
        if let Err(error) = worker.conversation.order(&order) {
            tracing::debug!(session = %self.id, %error, "the supervisor does not take an interrupt");
        }
    }

    pub(super) async fn deadline(&mut self) {
        match self.running.as_ref().map(|running| running.stop) {
            Some(None) => self.stop(Stop::Timeout),
            Some(Some(_)) => self.finish(End::Killed).await,
            None => {}
        }
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
        if self.running.is_some() {
            return self.finish(End::Lost(status)).await;
        }
        self.lose_between_cells().await;
    }

    pub(super) async fn lose_between_cells(&mut self) {
        self.drop_process().await;
        if self.variables_lost {
            return;
        }
        self.variables_lost = true;
        self.notes.push(
            "the session's process ended between two cells (a thread or child of an earlier cell may have crashed or \
             killed it); all variables from before are lost"
                .to_owned(),
        );
    }

    /// Ends the process from outside, and the running cell with it.
    pub(super) async fn end_process(&mut self, why: Stop) {
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
        if conversation.order(&ToSupervisor::Quit).is_err() {
            // It is gone already and has not seen to its session's end.
            self.workers.end_orphans();
        }
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
    pub(super) async fn finish(&mut self, end: End) {
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
        self.publish();
        running.job.answer(report);
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

    fn report(&mut self, running: &mut Running, story: Story) -> Result<RunReport, SessionError> {
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
            late,
            plan: story.plan,
            duration: story.duration,
        })
    }
}
