//! A running zygote, as the host holds it.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use actwright_protocol::{
    CheckpointRules, FromSupervisor, FromWorker, FromZygote, Proof, PythonFacts, Ready, SessionSpec,
    ToZygote, VERSION, encode_datagram,
};
use actwright_sandbox::groups::Grave;
use actwright_sandbox::plan::SessionPlan;
use actwright_sandbox::sys::{self, SocketKind, Waiting};
use serde_bytes::ByteBuf;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::timeout;

use super::conversation::{Conversation, Event, receive_datagram};
use super::fences::{Fence, Fences};
use super::interpreter::Interpreter;
use super::launcher::{Death, Launched, Launcher, Order, launch, proxy_environment, session_environment};
use super::lease::Lease;
use super::policy::plan_for;
use super::stock::Stock;
use super::twins::{Expected, TwinOrder};
use super::workspace::{self, Workspace};
use super::{Worker, WorkerError};
use super::{cache, compiled};
use crate::config::env::Environment;
use crate::config::{Checkpoints, Config, Network, PACKAGE_SETS};
use crate::network::{Proxy, Shared};
use crate::watch::watch;

/// How long an interpreter may take to start; imports from a cold disk are slow.
const START: Duration = Duration::from_secs(30);

/// How long a forked session may take to lock itself in.
const BIRTH: Duration = Duration::from_secs(10);

/// How long a zygote may take to go when it is told to.
const END: Duration = Duration::from_secs(5);

/// What can happen to a zygote.
#[derive(Debug)]
pub enum Change {
    /// Sessions forked from now on have more imports done.
    Warmed {
        /// Packages that it was told to import and has.
        imported: Vec<String>,
        /// Those that it has not, with the reasons.
        refused: Vec<(String, String)>,
    },
    /// It has ended; these were its last words.
    Ended(String),
}

/// A zygote that is ready to fork.
#[derive(Debug)]
pub struct Zygote {
    control: AsyncFd<OwnedFd>,
    process: Launcher,
    interpreter: Interpreter,
    /// What it said of itself.
    pub python: PythonFacts,
}

impl Zygote {
    /// Starts one and waits until it is ready. What it is told to import in advance is there when it has warmed.
    pub async fn start(config: &Config, stock: Option<&Stock>) -> Result<Self, WorkerError> {
        let for_thread = config.clone();
        let preload = stock.map_or(Ok(String::new()), serde_json::to_string);
        let preload = preload.map_err(|error| WorkerError::Launch(error.to_string()))?;
        // Blocking on purpose in a plain thread's place: at start nothing else wants this one, and the launcher's
        // own thread does the rest.
        let launched = tokio::task::spawn_blocking(move || prepare(&for_thread, preload)).await;
        let (launched, interpreter) = launched
            .map_err(|error| WorkerError::Launch(format!("the launcher's thread failed: {error}")))??;
        let Launched { control, process } = launched;
        let control = watch(control, Interest::READABLE)
            .map_err(|error| WorkerError::Launch(format!("the control socket cannot be watched: {error}")))?;
        let python = PythonFacts { version: String::new(), implementation: String::new(), threads: 0 };
        let mut zygote = Self { control, process, interpreter, python };
        zygote.python = match timeout(START, zygote.hear()).await {
            Ok(heard) => heard?,
            Err(_) => {
                return Err(WorkerError::Launch(format!(
                    "Python did not start within {} s",
                    START.as_secs()
                )));
            }
        };
        Ok(zygote)
    }

    async fn hear(&mut self) -> Result<PythonFacts, WorkerError> {
        let first = read(&self.control).await;
        match first {
            Ok(Some(FromZygote::Ready { version: VERSION, python })) => Ok(python),
            Ok(Some(FromZygote::Ready { version, .. })) => Err(WorkerError::Launch(format!(
                "the worker speaks protocol {version} and this server {VERSION}; they are from different builds"
            ))),
            Ok(Some(FromZygote::Failed { reason })) => Err(WorkerError::Launch(reason)),
            Ok(None | Some(FromZygote::Warmed { .. })) | Err(_) => {
                let death = self.process.ended().await;
                let words = format!("Python could not be started in the sandbox: {}", death.words);
                Err(match death {
                    Death { killed: true, .. } => WorkerError::Killed(words),
                    Death { unbuilt: true, .. } => WorkerError::Unbuilt(words),
                    Death { .. } => WorkerError::Launch(words),
                })
            }
        }
    }

    /// Begins the birth of a session; what it gives back is finished by [`Unborn::wait`].
    pub fn fork(
        &self,
        config: &Config,
        network: Option<Arc<Shared>>,
        groups: &Fences,
        lease: Lease,
    ) -> Result<Unborn, WorkerError> {
        let workspace = Workspace::make(config)?;
        let place = workspace.as_ref().map_or(std::path::Path::new("/session"), Workspace::path);
        let plan = plan_for(config, &self.interpreter, place)?.session;
        let fence = groups.fence(config);
        let conversation = self
            .spawn(&plan, checkpoint_rules(config), &fence)
            .map_err(|error| WorkerError::Launch(format!("no session: {error}")))?;
        Ok(Unborn { conversation, workspace, network, fence, lease })
    }

    fn spawn(
        &self,
        plan: &SessionPlan,
        checkpoints: CheckpointRules,
        fence: &Fence,
    ) -> io::Result<Conversation> {
        let (data, their_data) = sys::socket_pair(SocketKind::Stream)?;
        let (control, their_control) = sys::socket_pair(SocketKind::Packet)?;
        let plan = ByteBuf::from(encode_datagram(plan).map_err(io::Error::other)?);
        let message =
            encode_datagram(&ToZygote::Spawn(SessionSpec { plan, checkpoints })).map_err(io::Error::other)?;
        let entrances = fence.entrances()?;
        let fds: Vec<_> =
            [&their_data, &their_control].into_iter().chain(&entrances).map(AsFd::as_fd).collect();
        sys::send(self.control.as_fd(), &message, &fds, Waiting::Never)?;
        Conversation::new(data, control)
    }

    /// Begins the birth of twins; what it gives back is finished by [`Expected::wait`].
    pub fn bear(
        &self,
        config: &Config,
        network: Option<Arc<Shared>>,
        groups: &Fences,
        order: &TwinOrder,
        leases: Vec<Lease>,
    ) -> Result<Expected, WorkerError> {
        let plan = plan_for(config, &self.interpreter, std::path::Path::new("/session"))?.session;
        let ordered = encode_datagram(&plan).map_err(io::Error::other).and_then(|plan| {
            let session = SessionSpec { plan: plan.into(), checkpoints: checkpoint_rules(config) };
            let fences = leases.into_iter().map(|lease| (groups.fence(config), lease)).collect();
            Expected::order(self.control.as_fd(), order, session, network, fences)
        });
        ordered.map_err(|error| WorkerError::Twins(error.to_string()))
    }

    /// What happens to it next.
    pub async fn next(&mut self) -> Change {
        match read(&self.control).await {
            Ok(Some(FromZygote::Warmed { imported, refused })) => Change::Warmed { imported, refused },
            // Nothing else is expected on the socket, so anything there is its end.
            _ => Change::Ended(self.process.ended().await.words),
        }
    }

    /// Ends it, and with it every session that it forked; returns when the kernel has let go of all.
    pub async fn end(mut self) {
        self.process.end();
        if timeout(END, self.process.ended()).await.is_err() {
            tracing::error!("a zygote does not end although it was told to");
        }
    }

    /// The version of its Python, as in `3.12`.
    pub fn version(&self) -> String {
        let (major, minor, _) = self.interpreter.version;
        format!("{major}.{minor}")
    }

    /// Whether it has ended, even if nobody has heard of it yet.
    pub fn is_over(&self) -> bool {
        sys::is_hung_up(self.control.as_fd())
    }
}

/// Own memory beyond which copying a session would cost more than it is worth, and how long a copy may take before the
/// next ones are skipped: the page tables of 256 MB take about 20 ms to copy.
const COPIED_MEMORY: u64 = 256 << 20;
const COPY_MICROS: u64 = 20_000;

fn checkpoint_rules(config: &Config) -> CheckpointRules {
    let keep = config.sessions.copies;
    match config.sessions.checkpoints {
        Checkpoints::Auto => CheckpointRules { keep, memory: Some(COPIED_MEMORY), micros: Some(COPY_MICROS) },
        Checkpoints::Always => CheckpointRules { keep, memory: None, micros: None },
        Checkpoints::Off => CheckpointRules { keep: 0, memory: None, micros: None },
    }
}

/// The blocking part of a start.
fn prepare(config: &Config, preload: String) -> Result<(Launched, Interpreter), WorkerError> {
    workspace::remove_abandoned(config);
    let environment = Environment::of_process();
    let interpreter = Interpreter::find(config, &environment)?;
    let modules = compiled::supply(&interpreter, cache::directory(config, &environment))
        .map_err(|error| WorkerError::Launch(format!("the interpreter gets no modules: {error}")))?;
    // The room is the same for all sessions; only those without a room of their own work in another place.
    let place = std::path::Path::new("/session");
    let plan = plan_for(config, &interpreter, place)?;
    let executable = interpreter.executable.clone();
    let mut environment = session_environment(&executable, place, std::path::Path::new("/tmp"));
    if matches!(config.sandbox.network, Network::List(_)) {
        environment.extend(proxy_environment());
    }
    let packages = (config.base.join(PACKAGE_SETS), config.packages.policy.word().to_owned());
    let grave = Grave::own();
    let order = Order { plan: plan.outer, executable, environment, packages, preload, grave };
    let launched = launch(&order, modules)?;
    Ok((launched, interpreter))
}

async fn read(socket: &AsyncFd<OwnedFd>) -> io::Result<Option<FromZygote>> {
    loop {
        let mut guard = socket.readable().await?;
        if let Ok(result) = guard.try_io(|socket| receive_datagram(socket.as_fd())) {
            return result.map(|message| message.map(|(message, _)| message));
        }
    }
}

/// A session between the zygote's fork and its own word that it is locked in.
#[derive(Debug)]
pub struct Unborn {
    conversation: Conversation,
    workspace: Option<Workspace>,
    /// What its proxy needs, where it gets one.
    network: Option<Arc<Shared>>,
    fence: Fence,
    lease: Lease,
}

impl Unborn {
    /// Waits for the session's word, and for its listener where it has one.
    pub async fn wait(self) -> Result<Worker, WorkerError> {
        let limit = format!("the session was not locked in within {} s", BIRTH.as_secs());
        timeout(BIRTH, self.words()).await.unwrap_or(Err(WorkerError::Refused(limit)))
    }

    async fn words(mut self) -> Result<Worker, WorkerError> {
        let (mut ready, mut proxy) = (None, None);
        while ready.is_none() || (self.network.is_some() && proxy.is_none()) {
            match self.conversation.next().await {
                Event::Message(FromWorker::Ready(word), _) if ready.is_none() => ready = Some(judge(word)?),
                Event::Listening(listener) => {
                    let Some(network) = self.network.clone().filter(|_| proxy.is_none()) else {
                        return Err(WorkerError::Refused("a listener came that nobody asked for".to_owned()));
                    };
                    let started = Proxy::start(listener, network);
                    proxy = Some(started.map_err(|error| {
                        WorkerError::Launch(format!("the session's network cannot be served: {error}"))
                    })?);
                }
                other => return Err(failure(other)),
            }
        }
        let Self { conversation, workspace, mut fence, lease, .. } = self;
        fence.look();
        let proofs = ready.unwrap_or_default();
        let family = Vec::new();
        Ok(Worker { conversation, proofs, workspace, proxy, fence, lowered: None, family, lease })
    }
}

/// The proofs of a session that is locked in.
fn judge(ready: Ready) -> Result<Vec<Proof>, WorkerError> {
    if ready.version == VERSION {
        return Ok(ready.proofs);
    }
    let reasons: Vec<String> = ready.proofs.into_iter().map(|proof| proof.evidence).collect();
    Err(WorkerError::Refused(reasons.join("; ")))
}

fn failure(event: Event) -> WorkerError {
    WorkerError::Refused(match event {
        Event::Control(FromSupervisor::Failed { step, reason }) => format!("{step}: {reason}"),
        Event::DataClosed | Event::ControlClosed => {
            let words = "a session's process was killed while it was locked in, or lacked memory";
            return WorkerError::Killed(words.to_owned());
        }
        other => format!("the session ended while it was being locked in ({other:?})"),
    })
}
