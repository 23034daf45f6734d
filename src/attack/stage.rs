//! Sessions of one level, and how an attempt is performed in them.
//!
//! Every attempt gets a session of its own. Afterwards the same session and a witness that never attacked anything
//! must answer, whatever the attempt did to itself.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::canaries::Canaries;
use super::catalogue::{Attempt, End, Script};
use super::leftovers;
use crate::config::{Checkpoints, Config, SandboxLevel};
use crate::host_calls::HostCalls;
use crate::names::SessionId;
use crate::session::report::{Keep, RunMode, RunReport, RunRequest, Status, Target};
use crate::session::{SessionError, Sessions};

const INSTALL: &str = include_str!("attempts/install.py");
const ATTACK: &str = include_str!("attempts/attack.py");

/// Bytes that artifacts of the suite may take.
const ROOM: u64 = 16 << 20;

/// How long a session may take to answer after an attempt: a new process, if it lost its own.
const ANSWER: Duration = Duration::from_secs(15);

/// How long an attempt's own cell may run.
const CELL: Duration = Duration::from_secs(20);

/// How long an attempt may run that is meant to be stopped.
const SHORT: Duration = Duration::from_millis(1200);

/// How long one may run that leaves processes behind first; on a busy machine they take a while to start.
const LEAVING: Duration = Duration::from_secs(4);

/// How long processes may take to appear, and to be gone.
const APPEAR: Duration = Duration::from_secs(5);

/// What an attempt's cell said or suffered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It got what it wanted, with a piece of evidence.
    Done(String),
    /// Something refused it, by name.
    Refused(String),
    /// This machine has nothing to attack there.
    Absent(String),
}

impl Outcome {
    /// In a few words.
    pub fn words(&self) -> String {
        match self {
            Self::Done(evidence) => evidence.clone(),
            Self::Refused(by) => format!("refused: {by}"),
            Self::Absent(why) => format!("absent: {why}"),
        }
    }
}

/// An attempt that was performed once.
#[derive(Debug, Clone)]
pub struct Performed {
    /// What it said or suffered.
    pub outcome: Outcome,
    /// Who did not answer afterwards.
    pub harm: Option<String>,
    /// How long the attempt itself took.
    pub took: Duration,
}

impl Performed {
    /// The runner itself failed.
    pub fn failed() -> Self {
        let outcome = Outcome::Refused("not performed".to_owned());
        Self { outcome, harm: None, took: Duration::ZERO }
    }
}

/// See the module.
#[derive(Debug)]
pub struct Stage {
    sessions: Sessions,
    level: SandboxLevel,
    coordinates: Map<String, Value>,
    witness: tokio::sync::OnceCell<SessionId>,
}

impl Stage {
    /// Starts an engine. `base` and `home` are the user's own, for attempts to look for.
    pub fn open(
        mut config: Config,
        canaries: &Canaries,
        base: PathBuf,
        home: Option<PathBuf>,
    ) -> io::Result<Self> {
        let level = config.sandbox.level;
        // Twins are made from copies, whatever these cost on a busy machine.
        config.sessions.checkpoints = Checkpoints::Always;
        let mut coordinates = canaries.coordinates.clone();
        let known = json!({
            "token": canaries.token,
            "inside": level != SandboxLevel::Off,
            "server": std::process::id(),
            "base": base,
            "own_base": config.base,
            "home": home,
            "home_names": home.as_ref().and_then(|home| home.read_dir().ok()).map_or(0, Iterator::count),
            "memory_limit": config.limits.memory,
            "workspace_limit": config.limits.workspace,
        });
        if let Value::Object(known) = known {
            coordinates.extend(known);
        }
        let sessions = Sessions::new(Arc::new(config.clone()), HostCalls::apart(&config.base, ROOM))?;
        Ok(Self { sessions, level, coordinates, witness: tokio::sync::OnceCell::new() })
    }

    /// Starts the witness; fails when no session can be had at all.
    pub async fn prepare(&self) -> Result<(), SessionError> {
        let report = self.run(Target::Fresh, "1 + 1", ANSWER).await?;
        // It was empty until now.
        let _ = self.witness.set(report.session);
        Ok(())
    }

    /// Ends every session.
    pub async fn close(&self) {
        self.sessions.shutdown().await;
    }

    /// Performs one attempt, or its control in level `off`.
    pub async fn perform(&self, attempt: &Attempt) -> Performed {
        let started = Instant::now();
        let tried = match &attempt.script {
            Script::Alone => self.alone(attempt, CELL).await,
            Script::Hurried => self.alone(attempt, SHORT).await,
            Script::Beside { victim } => self.beside(attempt, victim).await,
            Script::After { plant, end } => self.after(attempt, plant, *end).await,
            Script::Twin { plant, act } => self.twin(attempt, plant, act).await,
            Script::Remains { end } => self.remains(attempt, *end).await,
        };
        let took = started.elapsed();
        let (outcome, session) = match tried {
            Ok(tried) => tried,
            Err(error) => (Outcome::Refused(error.to_string()), None),
        };
        let harm = self.harm(session).await;
        Performed { outcome, harm, took }
    }

    /// The function to call: in level `off` the control, if it is another one.
    fn function<'a>(&self, attempt: &'a Attempt) -> &'a str {
        match (self.level, attempt.control) {
            (SandboxLevel::Off, Some(control)) => control,
            _ => attempt.name,
        }
    }

    async fn alone(
        &self,
        attempt: &Attempt,
        longest: Duration,
    ) -> Result<(Outcome, Option<SessionId>), SessionError> {
        let session = self.install(Target::Fresh, attempt, Value::Null).await?;
        let report = self.call(&session, self.function(attempt), longest).await?;
        Ok((outcome(&report), Some(session)))
    }

    async fn beside(
        &self,
        attempt: &Attempt,
        victim: &str,
    ) -> Result<(Outcome, Option<SessionId>), SessionError> {
        let other = self.install(Target::Fresh, attempt, Value::Null).await?;
        let prepared = outcome(&self.call(&other, victim, CELL).await?);
        let Outcome::Done(told) = prepared else { return Ok((prepared, Some(other))) };
        let known = json!({
            "told": serde_json::from_str::<Value>(&told).unwrap_or(Value::String(told)),
            "pids": leftovers::with_words(&self.mark(attempt)),
        });
        let session = self.install(Target::Fresh, attempt, known).await?;
        let report = self.call(&session, self.function(attempt), CELL).await?;
        let outcome = outcome(&report);
        self.close_session(&other).await;
        Ok((outcome, Some(session)))
    }

    /// In level `off` the look is taken in the session that planted: it shows that a look finds what is there.
    async fn after(
        &self,
        attempt: &Attempt,
        plant: &str,
        end: End,
    ) -> Result<(Outcome, Option<SessionId>), SessionError> {
        let first = self.install(Target::Fresh, attempt, Value::Null).await?;
        let planted = outcome(&self.call(&first, plant, CELL).await?);
        let told = match planted {
            Outcome::Done(told) => Value::String(told),
            // What cannot be planted cannot be found; the refusal is the answer.
            other => return Ok((other, Some(first))),
        };
        if self.level == SandboxLevel::Off {
            let report = self.call(&first, self.function(attempt), CELL).await?;
            return Ok((outcome(&report), Some(first)));
        }
        let target = match end {
            End::Reset => {
                self.sessions.reset(Some(&first)).await?;
                Target::Named(first)
            }
            _ => {
                self.close_session(&first).await;
                Target::Fresh
            }
        };
        let second = self.install(target, attempt, json!({ "told": told })).await?;
        let report = self.call(&second, self.function(attempt), CELL).await?;
        Ok((outcome(&report), Some(second)))
    }

    /// In level `off` one session does everything: it shows that what is planted works as long as both are one.
    async fn twin(
        &self,
        attempt: &Attempt,
        plant: &str,
        act: &str,
    ) -> Result<(Outcome, Option<SessionId>), SessionError> {
        let first = self.install(Target::Fresh, attempt, Value::Null).await?;
        let planted = outcome(&self.call(&first, plant, CELL).await?);
        let Outcome::Done(planted) = planted else { return Ok((planted, Some(first))) };
        let second = match self.level {
            SandboxLevel::Off => first.clone(),
            _ => match self.sessions.fork(Some(&first), 1).await {
                Ok(fork) => fork.twins.first().cloned().unwrap_or_else(|| first.clone()),
                Err(SessionError::NotForked { .. }) => {
                    return Ok((Outcome::Refused("not forked".to_owned()), Some(first)));
                }
                Err(error) => return Err(error),
            },
        };
        let acted = outcome(&self.call(&first, act, CELL).await?);
        let Outcome::Done(acted) = acted else { return Ok((acted, Some(first))) };
        let read = |told: &str| serde_json::from_str::<Map<String, Value>>(told).unwrap_or_default();
        let mut told = read(&planted);
        told.extend(read(&acted));
        let known = json!({ "told": told, "pids": leftovers::with_words(&self.mark(attempt)) });
        // A JSON string is a Python string.
        let text = Value::String(known.to_string()).to_string();
        let tell = format!("import attack, json\nattack.target.victim = json.loads({text})");
        self.run(Target::Named(second.clone()), &tell, ANSWER).await?;
        let report = self.call(&second, self.function(attempt), CELL).await?;
        if second != first {
            self.close_session(&first).await;
        }
        Ok((outcome(&report), Some(second)))
    }

    /// Needs no control: the processes must be seen while the session lives, or the attempt counts for nothing.
    async fn remains(
        &self,
        attempt: &Attempt,
        end: End,
    ) -> Result<(Outcome, Option<SessionId>), SessionError> {
        if self.level == SandboxLevel::Off {
            return Ok((Outcome::Done("seen while the session lives".to_owned()), None));
        }
        let session = self.install(Target::Fresh, attempt, Value::Null).await?;
        let mark = self.mark(attempt);
        let cancel = CancellationToken::new();
        let longest = if end == End::Timeout { LEAVING } else { CELL };
        let cell = self.run_until(&session, attempt.name, longest, cancel.clone());
        let watch = async {
            let seen = wait_for(|| !leftovers::with_words(&mark).is_empty()).await;
            if end == End::Cancel {
                cancel.cancel();
            }
            seen
        };
        let (report, seen) = tokio::join!(cell, watch);
        report?;
        if !seen {
            return Ok((Outcome::Refused("nothing was seen from outside".to_owned()), Some(session)));
        }
        match end {
            End::Close => self.close_session(&session).await,
            End::Reset => drop(self.sessions.reset(Some(&session)).await?),
            End::Timeout | End::Cancel | End::Exit => {}
        }
        let gone = wait_for(|| leftovers::with_words(&mark).is_empty()).await;
        let left = leftovers::with_words(&mark).len();
        let outcome = if gone {
            Outcome::Refused("gone".to_owned())
        } else {
            Outcome::Done(format!("{left} processes run on"))
        };
        Ok((outcome, (end != End::Close).then_some(session)))
    }

    /// What marks the processes of an attempt on their command lines.
    fn mark(&self, attempt: &Attempt) -> String {
        let token = self.coordinates.get("token").and_then(Value::as_str).unwrap_or_default();
        format!("{}-{token}", attempt.name)
    }

    async fn install(
        &self,
        target: Target,
        attempt: &Attempt,
        victim: Value,
    ) -> Result<SessionId, SessionError> {
        let mut coordinates = self.coordinates.clone();
        coordinates.insert("arm".to_owned(), attempt.name.into());
        coordinates.insert("mark".to_owned(), self.mark(attempt).into());
        coordinates.insert("victim".to_owned(), victim);
        let text = |value: Value| Value::String(value.to_string()).to_string();
        let modules = json!([["attack", ATTACK], ["attempts", attempt.class.program()]]);
        // A JSON string is a Python string.
        let code = format!("{INSTALL}\ninstall({}, {})", text(modules), text(Value::Object(coordinates)));
        Ok(self.run(target, &code, ANSWER).await?.session)
    }

    async fn call(
        &self,
        session: &SessionId,
        function: &str,
        longest: Duration,
    ) -> Result<RunReport, SessionError> {
        self.run_until(session, function, longest, CancellationToken::new()).await
    }

    async fn run_until(
        &self,
        session: &SessionId,
        function: &str,
        longest: Duration,
        cancel: CancellationToken,
    ) -> Result<RunReport, SessionError> {
        let code = format!("import attack, attempts\nattack.told(attempts.{function})");
        self.cell(Target::Named(session.clone()), &code, longest, cancel).await
    }

    async fn run(&self, target: Target, code: &str, longest: Duration) -> Result<RunReport, SessionError> {
        self.cell(target, code, longest, CancellationToken::new()).await
    }

    async fn cell(
        &self,
        target: Target,
        code: &str,
        longest: Duration,
        cancel: CancellationToken,
    ) -> Result<RunReport, SessionError> {
        // Nobody listens to what happens meanwhile.
        let (events, _) = mpsc::channel(1);
        let request = RunRequest {
            code: code.to_owned(),
            timeout: Some(longest),
            mode: RunMode::Execute,
            keep: Keep::Effects,
        };
        self.sessions.run(target, request, events, cancel).await
    }

    async fn close_session(&self, session: &SessionId) {
        if let Err(error) = self.sessions.close(Some(session)).await {
            tracing::debug!(%error, "a session of the suite was gone already");
        }
    }

    /// Who does not answer: the session itself, which may have had to start again, or one that has done nothing.
    async fn harm(&self, session: Option<SessionId>) -> Option<String> {
        let mut harm = None;
        if let Some(session) = session {
            if !self.answers(Target::Named(session.clone())).await {
                harm = Some("the session does not answer any more".to_owned());
            }
            self.close_session(&session).await;
        }
        let witness = self.witness.get().cloned().map_or(Target::Fresh, Target::Named);
        if !self.answers(witness).await {
            harm = Some("another session does not answer any more".to_owned());
        }
        harm
    }

    async fn answers(&self, target: Target) -> bool {
        // A session between two processes may lose one cell; it must not lose a second.
        for _ in 0..2 {
            let ran = timeout(ANSWER + CELL, self.run(target.clone(), "40 + 2", ANSWER)).await;
            let value = ran.ok().and_then(Result::ok).and_then(|report| report.value);
            if value.is_some_and(|value| value.repr == "42") {
                return true;
            }
        }
        false
    }
}

async fn wait_for(condition: impl Fn() -> bool) -> bool {
    let until = Instant::now() + APPEAR;
    while !condition() {
        if Instant::now() > until {
            return false;
        }
        sleep(Duration::from_millis(20)).await;
    }
    true
}

/// What a cell's report means.
fn outcome(report: &RunReport) -> Outcome {
    let error = report.error.as_ref().map(|error| error.type_name.clone()).unwrap_or_default();
    match report.status {
        Status::Ok => said(report),
        Status::Timeout => Outcome::Refused("timeout".to_owned()),
        Status::Raised | Status::Cancelled => Outcome::Refused(error),
        Status::Lost if error == "WorkerLost" => Outcome::Refused("lost".to_owned()),
        Status::Lost => Outcome::Refused(error),
    }
}

fn said(report: &RunReport) -> Outcome {
    let json = report.value.as_ref().and_then(|value| value.json.as_deref()).unwrap_or("null");
    let said: Value = serde_json::from_str(json).unwrap_or_default();
    let word = |name: &str| said.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    match word("outcome").as_str() {
        "done" => Outcome::Done(word("detail")),
        "refused" => Outcome::Refused(word("by")),
        "absent" => Outcome::Absent(word("detail")),
        _ => Outcome::Refused("the attempt said nothing".to_owned()),
    }
}
