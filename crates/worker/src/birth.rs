//! From the zygote's fork to a session that is locked in: the steps between, in their only order.
//!
//! Three processes take part. The forked child makes the namespaces and forks again; that child, pid 1 inside, builds
//! the view and becomes the supervisor; its own child locks itself in, proves it, and is the one that returns to
//! Python.

use std::io;
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering};

use actwright_protocol::{CheckpointRules, FromSupervisor, FromWorker, Proof, Ready, VERSION};
use actwright_sandbox::plan::{SessionPlan, SessionRooms};
use actwright_sandbox::seccomp::Filters;
use actwright_sandbox::sys::{self, Disposition, Dumpable, Forked};
use actwright_sandbox::{Step, StepError, groups, guard, landlock, limits, proof, session};

use crate::socket::{send_datagram, send_datagram_with, send_frame};
use crate::supervisor::{self, First};

/// Where the live process keeps its own sockets: just above the limit on code's files, so that a session's first file
/// is 3 as everywhere, and below the hard limit, so that a copy can put a fresh socket in the same place.
static OWN_PLACES: AtomicI32 = AtomicI32::new(0);

/// The live process's socket to the host.
pub fn data() -> RawFd {
    OWN_PLACES.load(Ordering::Relaxed)
}

/// The live process's socket to its supervisor.
pub fn keeper() -> RawFd {
    data() + 1
}

/// Out of the way of every fixed place while descriptors are moved.
const ASIDE: RawFd = 700;

/// Where the supervisor keeps its control socket, and its end of the live process's.
pub const CONTROL: RawFd = 3;
/// See above.
pub const LIVE: RawFd = 4;
/// Where the supervisor of a twin keeps what wakes it.
pub const WAKE: RawFd = 5;

/// What a session is born with.
pub struct Birth<'a> {
    /// Its plan.
    pub plan: SessionPlan,
    /// The filters of the plan, compiled before.
    pub filters: Option<&'a Filters>,
    /// To the host: frames.
    pub data: OwnedFd,
    /// To the host: the supervisor's orders and reports.
    pub control: OwnedFd,
    /// Into its control groups.
    pub entrances: Vec<OwnedFd>,
    /// When to keep copies.
    pub checkpoints: CheckpointRules,
    /// Who forks it.
    pub zygote: i32,
}

/// Runs in the zygote's fork. Returns only in the session's live process, locked in; every other process ends
/// here.
pub fn be_born(mut birth: Birth<'_>) {
    let moved = sys::duplicate_above(birth.control.as_fd(), ASIDE)
        .and_then(|control| Ok((control, sys::duplicate_above(birth.data.as_fd(), ASIDE)?)));
    let Ok((control, data)) = moved else { sys::exit_now(125) };
    let entrances = std::mem::take(&mut birth.entrances);
    let result = leave(&birth.plan, birth.zygote, &entrances)
        .and_then(|admitted| split(&birth, &control, &data, admitted));
    if let Err(error) = result {
        fail(&control, &error.step, &error.source.to_string());
    }
}

fn fail(control: &OwnedFd, step: &str, reason: &str) -> ! {
    let message = FromSupervisor::Failed { step: step.to_owned(), reason: reason.to_owned() };
    // If the host is gone there is nobody to tell.
    let _ = send_datagram(control.as_fd(), &message);
    sys::exit_now(125)
}

/// Where the word comes that the process which has this was let into its control groups.
struct Admitted(Option<OwnedFd>);

impl Admitted {
    /// Until then it forks nobody, who would stay outside. Whether it is inside now, the host sees.
    fn wait(self) -> Result<(), StepError> {
        let Some(word) = self.0 else { return Ok(()) };
        let heard = loop {
            match sys::read(word.as_fd(), &mut [0; 1]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) => break Err(io::ErrorKind::UnexpectedEof.into()),
                heard => break heard.map(drop),
            }
        };
        heard.step(|| "be let into the control groups".to_owned())
    }
}

/// Into the session's namespaces; the first child there is its pid 1.
fn leave(plan: &SessionPlan, zygote: i32, entrances: &[OwnedFd]) -> Result<Admitted, StepError> {
    session::leave_zygote(&plan.rooms)?;
    if matches!(plan.rooms, SessionRooms::Own { .. }) {
        let (word, end) = sys::pipe().step(|| "make a pipe".to_owned())?;
        // SAFETY of `fork`: the zygote has one thread and this process is its copy.
        #[allow(unsafe_code)]
        let forked = unsafe { sys::fork() }.step(|| "fork the supervisor".to_owned())?;
        if let Forked::Parent(supervisor) = forked {
            // The kernel takes its time over this, and the supervisor has other things to do meanwhile.
            groups::admit(entrances, supervisor);
            // If the supervisor has ended there is nobody to tell.
            let _ = sys::write(end.as_fd(), b"a");
            sys::exit_now(0);
        }
        drop(end);
        Ok(Admitted(Some(word)))
    } else {
        groups::enter(entrances);
        // Not a kill: it has a session's processes to end first, and until it can the signal waits.
        drop(sys::signal_events(&[sys::TERMINATE]).step(|| "let signals wait".to_owned())?);
        sys::hear_of_parents_end(sys::TERMINATE).step(|| "tie the supervisor to the zygote".to_owned())?;
        if sys::parent_pid() != zygote {
            // It ended before the kernel was asked to say so.
            sys::exit_now(125);
        }
        sys::become_subreaper().step(|| "adopt orphans".to_owned())?;
        Ok(Admitted(None))
    }
}

/// The supervisor's side of the second fork never returns.
fn split(birth: &Birth<'_>, control: &OwnedFd, data: &OwnedFd, admitted: Admitted) -> Result<(), StepError> {
    session::settle(&birth.plan)?;
    hand_over_listener(&birth.plan, control)?;
    let (ours, theirs) =
        sys::socket_pair(sys::SocketKind::Packet).step(|| "make a socket pair".to_owned())?;
    let ours = sys::duplicate_above(ours.as_fd(), ASIDE).step(|| "place a socket".to_owned())?;
    let theirs = sys::duplicate_above(theirs.as_fd(), ASIDE).step(|| "place a socket".to_owned())?;
    sys::set_signal(sys::CHILD_ENDED, Disposition::Default).step(|| "watch children".to_owned())?;
    let supervisor = sys::pid();
    admitted.wait()?;
    // SAFETY of `fork`: as above.
    #[allow(unsafe_code)]
    let forked = unsafe { sys::fork() }.step(|| "fork the session's process".to_owned())?;
    match forked {
        Forked::Parent(live) => {
            if let Err(error) = become_supervisor(birth.filters, control, &ours, None) {
                fail(control, &error.step, &error.source.to_string());
            }
            let memory = birth.plan.limits.memory;
            supervisor::supervise(First::Live(live), CONTROL, LIVE, birth.checkpoints.keep, memory)
        }
        Forked::Child => become_live(birth, supervisor, data, &theirs),
    }
}

/// The host gets the only descriptor, so that nothing inside can stand in for it.
pub fn hand_over_listener(plan: &SessionPlan, control: &OwnedFd) -> Result<(), StepError> {
    let Some(port) = plan.listener else { return Ok(()) };
    let listener = sys::listen_on_loopback(port).step(|| format!("listen on the loopback's port {port}"))?;
    send_datagram_with(control.as_fd(), &FromSupervisor::Listening, &[listener.as_fd()])
        .step(|| "hand over the listener".to_owned())
}

/// Leaves this process with its sockets at their places and nothing else, under the session's system call rules.
pub fn become_supervisor(
    filters: Option<&Filters>,
    control: &OwnedFd,
    live: &OwnedFd,
    wake: Option<&OwnedFd>,
) -> Result<(), StepError> {
    sys::set_dumpable(Dumpable::No).step(|| "close the supervisor to its user".to_owned())?;
    sys::set_signal(sys::INTERRUPT, Disposition::Ignore).step(|| "ignore interrupts".to_owned())?;
    let sockets = [Some((control, CONTROL)), Some((live, LIVE)), wake.map(|wake| (wake, WAKE))];
    // Aside first, so that none lies in another's place.
    let mut aside = Vec::new();
    for (socket, place) in sockets.into_iter().flatten() {
        let moved = sys::duplicate_above(socket.as_fd(), ASIDE).step(|| "move a socket aside".to_owned())?;
        aside.push((moved, place));
    }
    for (socket, place) in &aside {
        sys::place_private(socket.as_fd(), *place).step(|| "place a socket".to_owned())?;
    }
    null_streams()?;
    let last = aside.last().map_or(LIVE, |(_, place)| *place);
    // The owners of what is closed here must not close those numbers again.
    std::mem::forget(aside);
    sys::close_range(last + 1, RawFd::MAX).step(|| "close what the supervisor does not need".to_owned())?;
    if let Some(filters) = filters {
        filters.apply()?;
    }
    Ok(())
}

fn null_streams() -> Result<(), StepError> {
    let null = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null");
    let null = null.step(|| "open /dev/null".to_owned())?;
    for stream in 0..3 {
        sys::place(null.as_fd(), stream).step(|| "place the standard streams".to_owned())?;
    }
    Ok(())
}

/// Locks the live process in and tells the host how each wall answered.
fn become_live(
    birth: &Birth<'_>,
    supervisor: i32,
    data: &OwnedFd,
    keeper: &OwnedFd,
) -> Result<(), StepError> {
    if matches!(birth.plan.rooms, SessionRooms::Shared) {
        guard::tie_to(supervisor)?;
        // What the zygote and the supervisor let wait.
        for signal in [sys::CHILD_ENDED, sys::TERMINATE] {
            sys::unblock(signal).step(|| "hear signals again".to_owned())?;
        }
    }
    sys::new_process_group().step(|| "start a process group".to_owned())?;
    let first =
        limits::first_spare_file(&birth.plan.limits).step(|| "read the limit on open files".to_owned())?;
    // Both are aside already, so neither can lie in the other's place.
    let (data, keeper) = above(first + 2, data, keeper)?;
    OWN_PLACES.store(first, Ordering::Relaxed);
    sys::place_private(data.as_fd(), self::data()).step(|| "place the data socket".to_owned())?;
    sys::place_private(keeper.as_fd(), self::keeper()).step(|| "place the supervisor's socket".to_owned())?;
    null_streams()?;
    sys::print_by_lines();
    sys::close_range(3, first - 1).step(|| "close what the session does not need".to_owned())?;
    sys::close_range(first + 2, RawFd::MAX).step(|| "close what the session does not need".to_owned())?;
    std::mem::forget((data, keeper));
    let proofs = match lock_in(birth) {
        Ok(proofs) => proofs,
        // The control socket is closed here: the supervisor reports the exit, and the reason goes the other way.
        Err(reason) => {
            let _ = send_frame(sys::borrow(self::data()), &refusal(&reason), &[]);
            sys::exit_now(125)
        }
    };
    let ready = FromWorker::Ready(Ready { version: VERSION, proofs });
    send_frame(sys::borrow(self::data()), &ready, &[]).step(|| "say ready".to_owned())
}

/// Copies of two descriptors at `lowest` or above.
fn above(lowest: RawFd, one: &OwnedFd, other: &OwnedFd) -> Result<(OwnedFd, OwnedFd), StepError> {
    let both = sys::duplicate_above(one.as_fd(), lowest)
        .and_then(|one| Ok((one, sys::duplicate_above(other.as_fd(), lowest)?)));
    both.step(|| "move the session's sockets aside".to_owned())
}

/// A `Ready` of version 0 is a refusal: its one proof says which wall does not hold.
fn refusal(reason: &str) -> FromWorker {
    let proof = Proof { name: "refused".to_owned(), evidence: reason.to_owned() };
    FromWorker::Ready(Ready { version: 0, proofs: vec![proof] })
}

fn lock_in(birth: &Birth<'_>) -> Result<Vec<Proof>, String> {
    let plan = &birth.plan;
    // Copies are processes too, and not of code's making.
    let copies = u64::from(birth.checkpoints.keep) + 1;
    let words = |error: StepError| error.to_string();
    let mut kept = plan.limits;
    kept.processes = kept.processes.saturating_add(copies);
    if matches!(plan.rooms, SessionRooms::Shared) {
        // Without a user namespace of its own the kernel counts all processes of the user.
        kept.processes =
            kept.processes.saturating_add(sys::tasks_of_user().map_err(|error| error.to_string())?);
    }
    if let Some(rules) = &plan.landlock {
        landlock::apply(rules).map_err(words)?;
    }
    limits::apply(&kept).map_err(words)?;
    if let Some(filters) = birth.filters {
        filters.apply().map_err(words)?;
    }
    let proofs = proof::attempt_all(&plan.probes, &kept).map_err(|breach| breach.to_string())?;
    Ok(proofs.into_iter().map(|(name, evidence)| Proof { name: name.to_owned(), evidence }).collect())
}
