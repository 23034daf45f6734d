//! One cell from its start to its report: what it has written and shown so far, and how it is being stopped.

use std::time::{Duration, Instant};

use actwright_protocol::{Done, ExitStatus, Failure};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::SessionError;
use super::board::OpenCall;
use super::death::{self, Stop};
use super::report::{
    CellError, CellValue, Display, RunEvent, RunReport, RunRequest, SessionState, Status, UndefinedCall,
};
use crate::outputs::{Recorder, Stream};

/// How long an interrupted cell may take to end by itself.
const GRACE: Duration = Duration::from_secs(1);

/// How long an interrupted cell has to clean up before it is interrupted again. One interrupt may end only what runs
/// just then, such as a wait in a `finally`; the next one saves the session from being killed.
const PATIENCE: Duration = Duration::from_millis(400);

/// The most rich objects that one cell may show, and the most bytes of them together.
const DISPLAYS: usize = 100;
const DISPLAY_BYTES: usize = 64 << 20;

/// A call waiting for its turn.
#[derive(Debug)]
pub struct Job {
    /// What to run.
    pub request: RunRequest,
    /// Who watches.
    pub events: mpsc::Sender<RunEvent>,
    /// Fires when the client no longer wants it.
    pub cancel: CancellationToken,
    /// Who gets the report.
    pub reply: oneshot::Sender<Result<RunReport, SessionError>>,
    /// Keeps the session from being closed as unused.
    pub call: OpenCall,
}

impl Job {
    /// Ends the call.
    pub fn answer(self, result: Result<RunReport, SessionError>) {
        // First, so that whoever has the answer finds the session unused.
        drop(self.call);
        // Whoever asked may have gone.
        let _ = self.reply.send(result);
    }
}

/// The cell that runs now.
#[derive(Debug)]
pub struct Running {
    /// The call it is for.
    pub job: Job,
    /// Its number.
    pub cell: u64,
    /// Takes what it writes.
    pub recorder: Recorder,
    /// When it started, in clock ticks since boot, the unit of process ages.
    pub started_ticks: u64,
    /// How long it may run.
    pub timeout: Duration,
    /// How much processor time it may use, where that is watched.
    pub cpu_time: Option<Duration>,
    /// Whether and why it is being stopped.
    pub stop: Option<Stopping>,
    /// The longest that it may take with all that it waits for.
    pub longest: Duration,
    pub started: Instant,
    /// Since when it waits for the host, and how long it has waited before.
    waiting: Option<Instant>,
    waited: Duration,
    written: u64,
    displays: Vec<Display>,
    display_bytes: usize,
    notes: Vec<String>,
}

/// A cell that was interrupted and has not ended yet.
#[derive(Debug, Clone, Copy)]
pub struct Stopping {
    /// Why.
    pub why: Stop,
    /// When it is interrupted again.
    pub again_at: Instant,
    /// When it is killed.
    pub kill_at: Instant,
    /// Whether the interrupt has reached it.
    pub delivery: Delivery,
}

/// What is known of an interrupt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// It is on its way.
    Ordered,
    /// The supervisor has sent the signal.
    Sent,
}

/// What has to be done about a running cell when its deadline comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Its time is over.
    Stop,
    /// It has not heeded the interrupt.
    InterruptAgain,
    /// It has had its grace.
    Kill,
}

impl Stopping {
    /// A cell that is interrupted now.
    pub fn now(why: Stop) -> Self {
        let now = Instant::now();
        Self { why, again_at: now + PATIENCE, kill_at: now + GRACE, delivery: Delivery::Ordered }
    }
}

/// How a cell's turn ended.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "made and taken apart once; a box would cost more than the move"
)]
pub enum End {
    /// Its process said so.
    Done(Done, Vec<Vec<u8>>),
    /// Its process is gone.
    Lost(Option<ExitStatus>),
    /// We killed its process.
    Killed,
}

/// What of a report the cell itself knows.
#[derive(Debug)]
pub struct Story {
    /// How it ended.
    pub status: Status,
    /// What became of the variables.
    pub state: SessionState,
    /// The last expression's value.
    pub value: Option<CellValue>,
    /// The error.
    pub error: Option<CellError>,
    /// Undefined calls.
    pub plan: Option<Vec<UndefinedCall>>,
    /// Sentences for the reader.
    pub notes: Vec<String>,
    /// Rich objects.
    pub displays: Vec<Display>,
    /// Wall time.
    pub duration: Duration,
}

impl Story {
    /// Says what became of the variables after the process had to be given up: `from` is the cell after whose copy the
    /// session goes on, `threads` how many threads the process had.
    pub fn recovered(&mut self, cell: u64, from: Option<u64>, threads: u32) {
        let Some(from) = from else {
            self.state = SessionState::Reset;
            return;
        };
        self.state = SessionState::RolledBack;
        let mut note =
            "the session goes on from a copy of itself; threads, child processes and open connections are \
                        lost, and files are as the cell left them"
                .to_owned();
        if from + 1 < cell {
            note.push_str(&format!("; the copy was made after cell {from}"));
        }
        self.notes.push(note);
        if threads > 1 {
            self.notes.push(format!(
                "the session had {threads} threads, of which the copy has one: a library with a thread pool of its \
                 own may hang; reset_session helps"
            ));
        }
    }
}

impl Running {
    /// A cell that starts now.
    pub fn new(job: Job, cell: u64, recorder: Recorder, started_ticks: u64, timeout: Duration) -> Self {
        Self {
            job,
            cell,
            recorder,
            started_ticks,
            timeout,
            cpu_time: None,
            stop: None,
            longest: timeout,
            started: Instant::now(),
            waiting: None,
            waited: Duration::ZERO,
            written: 0,
            displays: Vec::new(),
            display_bytes: 0,
            notes: Vec::new(),
        }
    }

    /// When something has to be done about it.
    pub fn deadline(&self) -> Instant {
        match &self.stop {
            Some(stopping) => stopping.again_at.min(stopping.kill_at),
            None => {
                let whole = self.started + self.longest.max(self.timeout);
                match self.waiting {
                    Some(_) => whole,
                    None => (self.started + self.timeout + self.waited).min(whole),
                }
            }
        }
    }

    /// The host works for it: that time is not its own.
    pub fn wait_for_host(&mut self) {
        self.waiting.get_or_insert_with(Instant::now);
    }

    /// The host does nothing for it any more.
    pub fn go_on(&mut self) {
        if let Some(since) = self.waiting.take() {
            self.waited += since.elapsed();
        }
    }

    /// What that is; a repeated interrupt counts as given.
    pub fn due(&mut self) -> Due {
        match &mut self.stop {
            None => Due::Stop,
            Some(stopping) if Instant::now() >= stopping.kill_at => Due::Kill,
            Some(stopping) => {
                stopping.again_at += PATIENCE;
                Due::InterruptAgain
            }
        }
    }

    /// Takes output, up to the limit; says whether the limit is now passed.
    pub fn take_output(&mut self, stream: Stream, bytes: &[u8], limit: u64) -> bool {
        let room = usize::try_from(limit.saturating_sub(self.written)).unwrap_or(usize::MAX);
        let kept = &bytes[..bytes.len().min(room)];
        self.written = self.written.saturating_add(bytes.len() as u64);
        if !kept.is_empty() {
            let text = self.recorder.write(stream, kept);
            if !text.is_empty() && !self.job.events.is_closed() {
                // A full channel means that nobody reads fast enough; the text is in the report all the same.
                let _ = self.job.events.try_send(RunEvent::Output { stream, text: text.into_owned() });
            }
        }
        self.written > limit
    }

    /// Something that the report must say, once.
    pub fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Takes something rich, within bounds.
    pub fn take_display(&mut self, forms: Vec<(String, Vec<u8>)>) {
        let bytes: usize = forms.iter().map(|(_, content)| content.len()).sum();
        if self.displays.len() >= DISPLAYS || self.display_bytes + bytes > DISPLAY_BYTES {
            let note = format!(
                "more than {DISPLAYS} rich objects or {} MB of them; the rest is left out",
                DISPLAY_BYTES >> 20
            );
            return self.note(note);
        }
        self.display_bytes += bytes;
        self.displays.push(Display { forms });
    }

    /// The cell's story, now that its turn is over.
    pub fn tell(&mut self, end: End, memory: u64) -> Story {
        let duration = self.started.elapsed();
        let why = self.stop.map(|stopping| stopping.why);
        let (displays, notes) = (std::mem::take(&mut self.displays), std::mem::take(&mut self.notes));
        let mut story = Story {
            status: Status::Ok,
            state: SessionState::Kept,
            value: None,
            error: None,
            plan: None,
            notes,
            displays,
            duration,
        };
        match (end, why) {
            (End::Done(done, contents), why) => self.tell_done(&mut story, done, contents, why),
            (End::Killed, Some(why)) => {
                story.error = Some(why.error(self.timeout.as_secs_f64()));
                story.status = killed_status(why);
                story.state = SessionState::Reset;
                // A reset does not interrupt first.
                if why != Stop::Ended {
                    let note = "the code did not stop when it was interrupted, so its process was killed";
                    story.notes.push(note.to_owned());
                }
            }
            (End::Killed, None) => self.tell_lost(&mut story, None, memory),
            // It was killed for this, inside.
            (End::Lost(_), Some(why @ Stop::Memory { .. })) => {
                story.error = Some(why.error(self.timeout.as_secs_f64()));
                story.status = Status::Lost;
                story.state = SessionState::Reset;
            }
            (End::Lost(status), _) => self.tell_lost(&mut story, status, memory),
        }
        story
    }

    fn tell_lost(&self, story: &mut Story, status: Option<ExitStatus>, memory: u64) {
        story.status = Status::Lost;
        story.state = SessionState::Reset;
        story.error = Some(death::lost(status, memory));
    }

    fn tell_done(&self, story: &mut Story, done: Done, contents: Vec<Vec<u8>>, why: Option<Stop>) {
        let mut contents = contents.into_iter().map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        story.value = done.value.map(|value| CellValue {
            repr: contents.next().unwrap_or_default(),
            type_name: value.type_name,
            json: value.json.and_then(|_| contents.next()),
        });
        story.plan = done.plan.map(|calls| calls.into_iter().map(undefined_call).collect());
        let raised = done.error.map(cell_error);
        let interrupted = raised.as_ref().is_some_and(|error| error.type_name == "KeyboardInterrupt");
        let ended_before = self.stop.is_some_and(|stopping| stopping.delivery == Delivery::Ordered);
        match (why, raised) {
            // It ended by itself just before the interrupt reached it.
            (Some(Stop::Timeout), None) if ended_before => {}
            (Some(Stop::Timeout), Some(error)) if ended_before && !interrupted => {
                story.status = Status::Raised;
                story.error = Some(error);
            }
            (Some(why), raised) => {
                let mut error = why.error(self.timeout.as_secs_f64());
                if raised.is_none() {
                    error.hints.push("the code caught the interrupt and went on to its end".to_owned());
                }
                if let Some(raised) = raised {
                    error.line = raised.line;
                    error.source = raised.source;
                    if !interrupted {
                        error.hints.push(
                            "the code answered the interrupt with another exception, shown above".to_owned(),
                        );
                    }
                    error.traceback =
                        format!("{}\n{}: {}", raised.traceback.trim_end(), error.type_name, error.message);
                }
                story.status = stopped_status(why);
                story.error = Some(error);
            }
            (None, Some(error)) => {
                story.status = Status::Raised;
                story.error = Some(error);
            }
            (None, None) => {}
        }
    }
}

fn stopped_status(why: Stop) -> Status {
    match why {
        Stop::Timeout | Stop::CpuTime { .. } => Status::Timeout,
        Stop::Cancelled | Stop::Ended => Status::Cancelled,
        Stop::OutputLimit { .. } | Stop::Memory { .. } => Status::Raised,
    }
}

fn killed_status(why: Stop) -> Status {
    match why {
        Stop::OutputLimit { .. } | Stop::Memory { .. } => Status::Lost,
        other => stopped_status(other),
    }
}

fn cell_error(failure: Failure) -> CellError {
    let Failure { type_name, message, line, source, traceback, hints, exit_code } = failure;
    CellError { type_name, message, line, source, traceback, hints, exit_code }
}

fn undefined_call(call: actwright_protocol::Undefined) -> UndefinedCall {
    let actwright_protocol::Undefined { name, line, arguments, types } = call;
    UndefinedCall { name, line, arguments, types }
}
