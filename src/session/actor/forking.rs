//! A session that becomes several: it and its twins all go on from the copy made after its last cell.
//!
//! Until the twins stand nothing has changed and everything that fails leaves the session as it was. From the moment at
//! which its old supervisor gives way there are only the twins, of which the first is the session itself.

use std::time::Duration;

use actwright_protocol::{FromSupervisor, FromWorker, ToSupervisor};
use tokio::time::{Instant, timeout_at};

use super::Actor;
use crate::config::SandboxLevel;
use crate::packages::InUse;
use crate::session::SessionError;
use crate::session::report::Checkpoint;
use crate::worker::{Anchor, Event, Litter, TwinOrder, Worker};

/// How long the supervisor may take to answer, and a twin to wake.
const WORD: Duration = Duration::from_secs(5);

/// How long the old supervisor may take to kill what it had: a little longer than it gives itself.
const YIELD: Duration = Duration::from_secs(10);

/// How often a session and what came of it can be forked, one after the other: the kernel nests namespaces 32 deep.
const GENERATIONS: usize = 16;

/// What came of a fork.
#[derive(Debug)]
pub struct Forked {
    /// Beside the session itself.
    pub twins: Vec<Twin>,
    /// Open descriptors of the session that it and its twins do not have any more, in words.
    pub lost: Vec<String>,
}

/// A session's process that is awake and has no session yet.
#[derive(Debug)]
pub struct Twin {
    worker: Worker,
    /// Cells run so far, those of the session it comes from included.
    cells: u64,
    /// The last one whose effects are there.
    present: u64,
    /// What it has imported was there when the session began that it comes from.
    packages: InUse,
}

impl Actor {
    /// Goes on with a twin as this session's process.
    pub fn adopt(&mut self, twin: Twin) {
        self.cells = twin.cells;
        self.packages = twin.packages;
        self.copies.begin_at(twin.present);
        self.take_worker(twin.worker);
        self.publish();
    }

    /// See [`crate::session::Sessions::fork`].
    pub(super) async fn fork(&mut self, twins: usize) -> Result<Forked, SessionError> {
        if self.running.is_some() || !self.queue.is_empty() {
            return Err(SessionError::Busy(self.id.clone()));
        }
        self.check_fork()?;
        let cell = self.present_copy().await?;
        let (mother, lent) = self.conceive(cell).await?;
        let Some(zygote) = self.worker.as_ref().map(|worker| worker.lease.zygote) else {
            return Err(self.not_forked("its process has ended"));
        };
        let order = TwinOrder { zygote, mother, cell, lent, count: twins + 1 };
        let litter = match self.workers.bear(order).await {
            Ok(litter) => litter,
            Err(error) => {
                self.order(&ToSupervisor::Spare);
                return Err(self.not_forked(error.to_string()));
            }
        };
        self.give_way(litter, cell).await
    }

    fn check_fork(&self) -> Result<(), SessionError> {
        let Some(worker) = self.worker.as_ref().filter(|worker| !worker.conversation.is_over()) else {
            return Err(self.not_forked("it has no variables yet; run a cell first"));
        };
        if self.config.sandbox.level != SandboxLevel::Full || worker.lowered.is_some() {
            return Err(self.not_forked(
                "twins need namespaces, which only sandbox.level \"full\" has; save what matters to a file, or run the \
                 variants one after the other with keep: false",
            ));
        }
        if worker.family.len() >= GENERATIONS {
            let words = format!(
                "it is a twin of a twin, {GENERATIONS} times over; go on in a new session from a file"
            );
            return Err(self.not_forked(words));
        }
        Ok(())
    }

    fn not_forked(&self, reason: impl Into<String>) -> SessionError {
        SessionError::NotForked { id: self.id.clone(), reason: reason.into() }
    }

    fn order(&self, order: &ToSupervisor) {
        let Some(worker) = &self.worker else { return };
        if let Err(error) = worker.conversation.order(order) {
            tracing::debug!(session = %self.id, %error, "the supervisor does not take an order");
        }
    }

    /// The last cell that has been run, once the session has said that there is a copy from after it.
    async fn present_copy(&mut self) -> Result<u64, SessionError> {
        let until = Instant::now() + WORD;
        while !self.copies.has_said() {
            let Some(worker) = &mut self.worker else { break };
            match timeout_at(until, worker.conversation.next()).await {
                Ok(Event::ControlClosed | Event::Broken(_) | Event::DataClosed) | Err(_) => break,
                Ok(other) => self.aside(other).await,
            }
        }
        match (self.copies.target(0), self.copies.checkpoint()) {
            (Some(cell), _) => Ok(cell),
            (None, Checkpoint::Skipped { why }) => Err(self.not_forked(format!(
                "there is no copy of its present state: {why}; whoever runs the server can force copies \
                 (sessions.checkpoints)"
            ))),
            (None, Checkpoint::Kept { .. }) => Err(self.not_forked("the copy of its present state is gone")),
        }
    }

    async fn conceive(&mut self, cell: u64) -> Result<(i32, Vec<std::os::fd::OwnedFd>), SessionError> {
        self.order(&ToSupervisor::Conceive { cell });
        let until = Instant::now() + WORD;
        loop {
            let Some(worker) = &mut self.worker else { return Err(self.not_forked("its process has ended")) };
            match timeout_at(until, worker.conversation.next()).await {
                Ok(Event::Expecting(mother, lent)) => return Ok((mother, lent)),
                Ok(Event::Control(FromSupervisor::NotAlone { why })) => {
                    return Err(self.not_forked(why));
                }
                Ok(Event::ControlClosed | Event::Broken(_) | Event::DataClosed) => {
                    self.lose_between_cells().await;
                    return Err(self.not_forked("its process has ended"));
                }
                Err(_) => {
                    self.order(&ToSupervisor::Spare);
                    return Err(self.not_forked("its supervisor does not answer"));
                }
                Ok(other) => self.aside(other).await,
            }
        }
    }

    /// Lets the twins take the place of what was there, and wakes them.
    async fn give_way(&mut self, litter: Litter, cell: u64) -> Result<Forked, SessionError> {
        self.order(&ToSupervisor::Yield);
        self.give_up_calls();
        let Some(mut old) = self.worker.take() else { return Err(self.not_forked("its process has ended")) };
        let given = yielded(&mut old).await;
        let mut family = old.family;
        let anchor = old.conversation.into_control().filter(|_| given);
        let Some(anchor) = anchor else { return Err(self.lost_in_a_fork()) };
        family.push(Anchor::new(anchor, old.fence));
        let mut twins = Vec::new();
        for mut worker in litter.twins {
            worker.family = family.clone();
            if !wake(&mut worker, cell).await {
                return Err(self.lost_in_a_fork());
            }
            twins.push(Twin { worker, cells: self.cells, present: cell, packages: self.packages.clone() });
        }
        if twins.is_empty() {
            return Err(self.lost_in_a_fork());
        }
        self.adopt(twins.remove(0));
        Ok(Forked { twins, lost: litter.lost })
    }

    fn lost_in_a_fork(&mut self) -> SessionError {
        self.variables_lost = true;
        self.copies.forget();
        self.notes.push("a fork failed and all variables from before are lost".to_owned());
        SessionError::LostInFork(self.id.clone())
    }
}

/// Whether the old supervisor has nothing left but twins.
async fn yielded(old: &mut Worker) -> bool {
    let until = Instant::now() + YIELD;
    loop {
        match timeout_at(until, old.conversation.next()).await {
            Ok(Event::Control(FromSupervisor::Yielded)) => return true,
            Ok(Event::ControlClosed | Event::Broken(_)) | Err(_) => return false,
            // The old process has nothing more to say that counts.
            Ok(_) => {}
        }
    }
}

/// Wakes a twin; whether it did.
async fn wake(worker: &mut Worker, cell: u64) -> bool {
    if worker.conversation.roll_back(cell).is_err() {
        return false;
    }
    let until = Instant::now() + WORD;
    loop {
        match timeout_at(until, worker.conversation.next()).await {
            Ok(Event::Message(FromWorker::Resumed { cell: said }, _)) => return said == cell,
            Ok(Event::Control(FromSupervisor::RolledBack { .. })) => {}
            _ => return false,
        }
    }
}
