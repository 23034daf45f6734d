//! Twins of a session on the host's side: what is asked for, and waiting until all of them stand or none.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use actwright_protocol::{
    FromMidwife, FromSupervisor, Proof, SessionSpec, ToZygote, TwinsSpec, encode_datagram,
};
use actwright_sandbox::sys::{self, SocketKind, Waiting};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::timeout;

use super::conversation::{Conversation, Event, receive_datagram};
use super::fences::Fence;
use super::lease::Lease;
use super::{Worker, WorkerError};
use crate::network::{Proxy, Shared};
use crate::watch::watch;

/// How long a birth may take; the midwife gives up before.
const BIRTH: Duration = Duration::from_secs(20);

/// What twins are made from, as a session's supervisor has lent it.
#[derive(Debug)]
pub struct TwinOrder {
    /// The zygote that the session came from.
    pub zygote: u64,
    /// The frozen copy's pid in its namespace.
    pub mother: i32,
    /// The last cell that it has run.
    pub cell: u64,
    /// What wakes it, and the namespaces.
    pub lent: Vec<OwnedFd>,
    /// How many twins, the session that goes on as one of them included.
    pub count: usize,
}

/// Twins that stand.
#[derive(Debug)]
pub struct Litter {
    /// Each frozen until it is woken.
    pub twins: Vec<Worker>,
    /// Open descriptors that they do not have, in words.
    pub lost: Vec<String>,
}

/// The supervisor of a session that has become several. It holds the namespaces that theirs are made below, and ends
/// with the last of them.
#[derive(Debug)]
pub struct Anchor {
    // In this order: its control groups can be removed when it has ended.
    _control: OwnedFd,
    _fence: Fence,
}

impl Anchor {
    /// Holds a supervisor by its control socket, and the control groups that it is in.
    pub fn new(control: OwnedFd, fence: Fence) -> Arc<Self> {
        Arc::new(Self { _control: control, _fence: fence })
    }
}

/// Twins on their way.
#[derive(Debug)]
pub struct Expected {
    report: AsyncFd<OwnedFd>,
    /// What is heard of each, and what holds it.
    twins: Vec<(Conversation, Fence, Lease)>,
    network: Option<Arc<Shared>>,
}

impl Expected {
    /// Asks a zygote for them.
    pub fn order(
        zygote: BorrowedFd<'_>,
        order: &TwinOrder,
        session: SessionSpec,
        network: Option<Arc<Shared>>,
        holds: Vec<(Fence, Lease)>,
    ) -> io::Result<Self> {
        let (report, their_report) = sys::socket_pair(SocketKind::Packet)?;
        let (mut twins, mut theirs) = (Vec::new(), Vec::new());
        for (fence, lease) in holds {
            let (control, their_control) = sys::socket_pair(SocketKind::Packet)?;
            theirs.push(their_control);
            theirs.extend(fence.entrances()?);
            twins.push((Conversation::silent(control)?, fence, lease));
        }
        let count = u32::try_from(twins.len()).map_err(io::Error::other)?;
        let spec = TwinsSpec { session, mother: order.mother, cell: order.cell, count };
        let message = encode_datagram(&ToZygote::Twins(spec)).map_err(io::Error::other)?;
        let fds = std::iter::once(&their_report).chain(&order.lent).chain(&theirs);
        let fds: Vec<_> = fds.map(AsFd::as_fd).collect();
        sys::send(zygote, &message, &fds, Waiting::Never)?;
        Ok(Self { report: watch(report, Interest::READABLE)?, twins, network })
    }

    /// Waits for all of them. Whatever fails ends all.
    pub async fn wait(self) -> Result<Litter, WorkerError> {
        let limit = format!("they were not there within {} s", BIRTH.as_secs());
        timeout(BIRTH, self.words()).await.unwrap_or(Err(WorkerError::Twins(limit)))
    }

    async fn words(self) -> Result<Litter, WorkerError> {
        let mut twins = Vec::new();
        // The midwife's word comes first when something fails, and last when all is well.
        let lost = report(&self.report).await;
        for (conversation, fence, lease) in self.twins {
            let born = born(conversation, fence, lease, self.network.clone()).await;
            match (&lost, born) {
                // A supervisor knows better why it did not come so far as to be led on.
                (Err(_), Err(WorkerError::Twins(words))) if !words.is_empty() => {
                    return Err(WorkerError::Twins(words));
                }
                (Err(_), _) => break,
                (Ok(_), born) => twins.push(born?),
            }
        }
        Ok(Litter { twins, lost: lost? })
    }
}

async fn report(socket: &AsyncFd<OwnedFd>) -> Result<Vec<String>, WorkerError> {
    let broken = |words: String| WorkerError::Twins(words);
    loop {
        let mut guard = socket.readable().await.map_err(|error| broken(error.to_string()))?;
        let Ok(heard) = guard.try_io(|socket| receive_datagram::<FromMidwife>(socket.as_fd())) else {
            continue;
        };
        return match heard {
            Ok(Some((FromMidwife::Done { lost }, _))) => Ok(lost),
            Ok(Some((FromMidwife::Failed { step, reason }, _))) => Err(broken(format!("{step}: {reason}"))),
            Ok(None) => Err(broken("they took too long to make, or lacked memory".to_owned())),
            Err(error) => Err(broken(error.to_string())),
        };
    }
}

/// Waits for a supervisor's word, and for its listener where it has one; an error without words if it said nothing.
async fn born(
    mut conversation: Conversation,
    mut fence: Fence,
    lease: Lease,
    network: Option<Arc<Shared>>,
) -> Result<Worker, WorkerError> {
    let mut proofs: Option<Vec<Proof>> = None;
    let mut proxy = None;
    while proofs.is_none() || (network.is_some() && proxy.is_none()) {
        match conversation.next().await {
            Event::Control(FromSupervisor::Twin { proofs: word }) if proofs.is_none() => proofs = Some(word),
            Event::Listening(listener) => {
                let Some(network) = network.clone().filter(|_| proxy.is_none()) else {
                    return Err(WorkerError::Twins("a listener came that nobody asked for".to_owned()));
                };
                let started = Proxy::start(listener, network);
                proxy = Some(started.map_err(|error| {
                    WorkerError::Twins(format!("a twin's network cannot be served: {error}"))
                })?);
            }
            Event::Control(FromSupervisor::Failed { step, reason }) => {
                return Err(WorkerError::Twins(format!("{step}: {reason}")));
            }
            _ => return Err(WorkerError::Twins(String::new())),
        }
    }
    fence.look();
    let proofs = proofs.unwrap_or_default();
    let family = Vec::new();
    Ok(Worker { conversation, proofs, workspace: None, proxy, fence, lowered: None, family, lease })
}
