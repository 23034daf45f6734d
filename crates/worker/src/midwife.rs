//! Brings twins of a session into the world, each in namespaces, mounts and limits of its own.
//!
//! The zygote forks it for one order. It enters the namespaces of the session's supervisor, makes new ones below them
//! with a new supervisor in each, and leads forks of a frozen copy into them (`puppet`). Memory that agent code may have
//! prepared runs nothing before all walls are tried, and everything here that fails ends every twin. It cannot
//! outlive its time, and what it leads cannot outlive it.

use std::os::fd::{AsFd, OwnedFd};

use actwright_protocol::{FromMidwife, FromSupervisor, Proof, SessionSpec, decode, encode_datagram};
use actwright_sandbox::plan::SessionPlan;
use actwright_sandbox::puppet::Puppet;
use actwright_sandbox::seccomp::Filters;
use actwright_sandbox::sys::{self, Disposition, Dumpable, Forked, SocketKind, Waiting, ptrace};
use actwright_sandbox::{Step, StepError, groups, limits, session};

use crate::birth::{self, hand_over_listener};
use crate::socket::{invalid, send_datagram};
use crate::supervisor::{self, First};

mod belongings;
mod delivery;

use belongings::Belongings;

/// Seconds after which nothing of an unfinished birth is left.
const PATIENCE: u32 = 15;

/// What the host asks for.
pub struct Order<'a> {
    /// What each twin is.
    pub plan: SessionPlan,
    /// The filters of the plan, for the supervisors.
    pub filters: Option<&'a Filters>,
    /// What else each twin is.
    pub spec: SessionSpec,
    /// The frozen copy's pid in its namespace.
    pub mother: i32,
    /// The last cell that it has run.
    pub cell: u64,
    /// Where to answer.
    pub report: OwnedFd,
    /// What wakes the frozen copy.
    pub wake: OwnedFd,
    /// Its supervisor's namespaces.
    pub namespaces: Vec<OwnedFd>,
    /// For each twin.
    pub twins: Vec<Place>,
}

/// What the host gives for one twin.
pub struct Place {
    /// Its socket to the new supervisor.
    control: OwnedFd,
    /// Into the twin's control groups.
    entrances: Vec<OwnedFd>,
}

/// Takes an order's descriptors apart: report, wake, namespaces, those of the twins.
pub fn sort(mut fds: Vec<OwnedFd>, count: u32) -> Option<(OwnedFd, OwnedFd, Vec<OwnedFd>, Vec<Place>)> {
    const NAMESPACES: usize = 7;
    let count = usize::try_from(count).ok()?;
    let each = fds.len().checked_sub(2 + NAMESPACES)?.checked_div(count)?;
    if each == 0 {
        return None;
    }
    let mut rest = fds.split_off(2 + NAMESPACES).into_iter();
    let place = |_| Some(Place { control: rest.next()?, entrances: rest.by_ref().take(each - 1).collect() });
    let twins = (0..count).map(place).collect::<Option<_>>()?;
    let namespaces = fds.split_off(2);
    let wake = fds.pop()?;
    Some((fds.pop()?, wake, namespaces, twins))
}

/// Runs in the zygote's fork and never returns.
pub fn attend(order: &Order<'_>) -> ! {
    let word = match enter(order).and_then(|()| deliver(order)) {
        Ok(lost) => FromMidwife::Done { lost },
        Err(error) => FromMidwife::Failed { step: error.step, reason: error.source.to_string() },
    };
    // If the host is gone there is nobody to tell.
    let _ = send_datagram(order.report.as_fd(), &word);
    sys::exit_now(0)
}

/// Into the namespaces of the session's supervisor; only the child that is a process there returns.
fn enter(order: &Order<'_>) -> Result<(), StepError> {
    for ((name, kind), namespace) in session::namespaces(&order.plan.rooms).iter().zip(&order.namespaces) {
        ptrace::enter_namespace(namespace.as_fd(), *kind)
            .step(|| format!("enter the session's {name} namespace"))?;
    }
    // SAFETY of `fork`: the zygote has one thread and this process is its copy.
    #[allow(unsafe_code)]
    let forked = unsafe { sys::fork() }.step(|| "fork the midwife".to_owned())?;
    if matches!(forked, Forked::Parent(_)) {
        sys::exit_now(0);
    }
    ptrace::end_after(PATIENCE);
    sys::set_signal(sys::CHILD_ENDED, Disposition::Default).step(|| "watch children".to_owned())
}

/// All twins, or none; gives what the mother has and they have not.
fn deliver(order: &Order<'_>) -> Result<Vec<String>, StepError> {
    let mother = Puppet::seize(order.mother).step(|| "stop the session's copy".to_owned())?;
    let delivered = deliver_from(order, &mother);
    // Whatever came of it, the session may have to go on from her.
    let released = mother.release().step(|| "let go of the session's copy".to_owned());
    let lost = delivered?;
    released?;
    Ok(lost)
}

fn deliver_from(order: &Order<'_>, mother: &Puppet) -> Result<Vec<String>, StepError> {
    // Its supervisor is the first process there, and has made sure of the others before.
    let moving = |pid: &&i32| **pid != 1 && **pid != mother.pid() && !ptrace::is_stopped(**pid);
    if sys::everybody_here().iter().any(|pid| moving(&pid)) {
        let error = std::io::Error::other("it has started processes meanwhile");
        return Err(error).step(|| "find the session at rest".to_owned());
    }
    let first =
        limits::first_spare_file(&order.plan.limits).step(|| "read the limit on open files".to_owned())?;
    let own = [0, 1, 2, first, first + 1, mother.waits_on()];
    let belongings = Belongings::of(mother.pid(), &own)?;
    let number_at = mother.number_address().step(|| "ask the copy for its number's place".to_owned())?;
    let mut nurseries = Vec::new();
    for place in &order.twins {
        nurseries.push(furnish(order, place, &belongings)?);
    }
    let mut lost = belongings.lost.clone();
    for nursery in &nurseries {
        let birth =
            delivery::Birth { order, mother, belongings: &belongings, number_at, first, line: nursery };
        for words in birth.take_place()? {
            if !lost.contains(&words) {
                lost.push(words);
            }
        }
    }
    Ok(lost)
}

/// Makes namespaces with a supervisor in them; gives the line to it.
fn furnish(order: &Order<'_>, place: &Place, belongings: &Belongings) -> Result<OwnedFd, StepError> {
    let (ours, theirs) = sys::socket_pair(SocketKind::Packet).step(|| "make a socket pair".to_owned())?;
    // SAFETY of `fork`: this process has one thread.
    #[allow(unsafe_code)]
    let forked = unsafe { sys::fork() }.step(|| "fork a twin's supervisor".to_owned())?;
    if matches!(forked, Forked::Parent(_)) {
        return Ok(ours);
    }
    drop(ours);
    groups::enter(&place.entrances);
    let result = session::leave_zygote(&order.plan.rooms).and_then(|()| {
        // SAFETY of `fork`: as above.
        #[allow(unsafe_code)]
        match unsafe { sys::fork() }.step(|| "fork a twin's supervisor".to_owned())? {
            Forked::Parent(_) => sys::exit_now(0),
            Forked::Child => keep(order, place, &theirs, belongings),
        }
    });
    if let Err(error) = result {
        let message = FromSupervisor::Failed { step: error.step, reason: error.source.to_string() };
        // If the host is gone there is nobody to tell.
        let _ = send_datagram(place.control.as_fd(), &message);
    }
    sys::exit_now(125)
}

/// The twin's supervisor, pid 1 of its namespaces; returns only an error.
fn keep(order: &Order<'_>, place: &Place, line: &OwnedFd, belongings: &Belongings) -> Result<(), StepError> {
    let control = &place.control;
    ptrace::end_after(PATIENCE);
    session::settle_as_twin(&order.plan)?;
    hand_over_listener(&order.plan, control)?;
    let pair = || sys::socket_pair(SocketKind::Packet).step(|| "make a socket pair".to_owned());
    let ((live, keeper), (wake, wait)) = (pair()?, pair()?);
    lend(order, line, [&keeper, &wait], belongings).step(|| "furnish the twin".to_owned())?;
    drop((keeper, wait));
    let mut bytes = vec![0; actwright_protocol::MAX_DATAGRAM];
    let heard = sys::receive(line.as_fd(), &mut bytes, Waiting::Block)
        .and_then(|(count, _)| decode::<(i32, Vec<Proof>)>(&bytes[..count]).map_err(invalid));
    let (pid, proofs) = heard.step(|| "wait for the twin".to_owned())?;
    let here = sys::everybody_here();
    if here != [pid] {
        let error = std::io::Error::other(format!("there are processes {here:?} and not only {pid}"));
        return Err(error).step(|| "look after the twin".to_owned());
    }
    // It was forked in the group of the session that it comes from.
    groups::admit(&place.entrances, pid);
    birth::become_supervisor(order.filters, control, &live, Some(&wake))?;
    ptrace::end_after(0);
    send_datagram(sys::borrow(birth::CONTROL), &FromSupervisor::Twin { proofs })
        .step(|| "tell of the twin".to_owned())?;
    let wake = sys::adopt(birth::WAKE).step(|| "keep what wakes the twin".to_owned())?;
    // The owners of what was closed must not close those numbers again.
    let first = First::Twin { pid, cell: order.cell, wake };
    let keep = order.spec.checkpoints.keep;
    supervisor::supervise(first, birth::CONTROL, birth::LIVE, keep, order.plan.limits.memory)
}

/// Gives the midwife what the twin is moved to and what it will have, when she asks for it.
fn lend(
    order: &Order<'_>,
    line: &OwnedFd,
    own: [&OwnedFd; 2],
    belongings: &Belongings,
) -> std::io::Result<()> {
    sys::set_dumpable(Dumpable::No)?;
    for (name, _) in session::namespaces(&order.plan.rooms) {
        let namespace = std::fs::File::open(format!("/proc/self/ns/{name}"))?;
        sys::send(line.as_fd(), b"n", &[namespace.as_fd()], Waiting::Block)?;
    }
    for socket in own {
        sys::send(line.as_fd(), b"s", &[socket.as_fd()], Waiting::Block)?;
    }
    // Descriptors on their way are few at any time, or the kernel would take offence.
    let mut byte = [0; 1];
    for place in &belongings.places {
        if sys::receive(line.as_fd(), &mut byte, Waiting::Block)?.0 != 1 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        match place.open_again(&order.plan.workspace) {
            Some(file) => sys::send(line.as_fd(), b"f", &[file.as_fd()], Waiting::Block)?,
            None => sys::send(line.as_fd(), b"l", &[], Waiting::Block)?,
        };
    }
    Ok(())
}

/// Tells a supervisor of its twin.
fn hand_over(line: &OwnedFd, pid: i32, proofs: &[Proof]) -> std::io::Result<()> {
    let bytes = encode_datagram(&(pid, proofs)).map_err(invalid)?;
    sys::send(line.as_fd(), &bytes, &[], Waiting::Block).map(drop)
}
