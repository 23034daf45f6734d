//! What stays as pid 1 of a session: it tells the host how the live process ended, sends the signals that the host
//! asks for, and keeps the frozen copies to go on from.
//!
//! It runs no Python and holds nothing but sockets. When the host lets go of the control socket it exits, and the
//! kernel takes the whole namespace with it. Without a namespace (levels `restricted` and `off`) it ends its
//! descendants first, also when the zygote is killed; if it is killed itself, the zygote does (`orphans`),
//! and if that is killed too, the launcher's guard. The live process runs agent code, so what it says is checked: a copy must be a child of this process.

use std::io;
use std::ops::RangeBounds;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use actwright_protocol::{ExitStatus, FromLive, FromSupervisor, ToSupervisor};
use actwright_sandbox::ending::end_children;
use actwright_sandbox::sys::{self, Ended, Interest, Waiting};

use crate::meter::{Finding, Meter};
use crate::park::Waking;
use crate::socket::{receive_datagram, send_datagram};

mod twins;

/// How often descendants are looked for again: a process may fork between the look and the signal.
const LOOKS: usize = 200;

/// Reports taken at a time. The kernel queues ten by default.
const REPORTS: usize = 64;

struct Supervisor {
    live: Option<Member>,
    /// Oldest first.
    copies: Vec<Copy>,
    /// Pids of copies that were released and are not collected yet.
    leaving: Vec<i32>,
    keep: usize,
    control: BorrowedFd<'static>,
    reports: BorrowedFd<'static>,
    signals: OwnedFd,
    meter: Meter,
}

/// A child of this process, by a reference that cannot come to mean another one.
struct Member {
    pid: i32,
    process: OwnedFd,
}

struct Copy {
    member: Member,
    cell: u64,
    waking: Waking,
    /// The copy ends when this is closed, and wakes when a socket comes through it.
    wake: OwnedFd,
}

impl Member {
    fn of(pid: i32) -> io::Result<Self> {
        let process = sys::open_process(pid)?;
        if sys::parent_of(pid) != Some(sys::pid()) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok(Self { pid, process })
    }

    fn signal(&self, signal: i32) -> bool {
        sys::signal_process(self.process.as_fd(), signal).is_ok()
    }
}

/// Whom a supervisor begins with.
pub enum First {
    /// The live process, by its pid.
    Live(i32),
    /// A twin that waits to be woken.
    Twin {
        /// Its pid.
        pid: i32,
        /// The last cell that it has run.
        cell: u64,
        /// What wakes it.
        wake: OwnedFd,
    },
}

/// Never returns.
pub fn supervise(first: First, control: RawFd, reports: RawFd, keep: u32, memory: u64) -> ! {
    let Ok(signals) = sys::signal_events(&[sys::CHILD_ENDED, sys::TERMINATE]) else { sys::exit_now(125) };
    let (live, copies) = match first {
        First::Live(pid) => (Member::of(pid).ok(), None),
        First::Twin { pid, cell, wake } => {
            let copy = |member| Copy { member, cell, waking: Waking::Twin, wake };
            (None, Member::of(pid).ok().map(copy))
        }
    };
    if live.is_none() && copies.is_none() {
        sys::exit_now(125);
    }
    let mut supervisor = Supervisor {
        live,
        copies: copies.into_iter().collect(),
        leaving: Vec::new(),
        keep: keep as usize,
        control: sys::borrow(control),
        reports: sys::borrow(reports),
        signals,
        meter: Meter::new(memory),
    };
    loop {
        if supervisor.turn().is_err() {
            supervisor.leave();
        }
    }
}

impl Supervisor {
    /// Collects who has ended, then waits for the next thing to do.
    fn turn(&mut self) -> io::Result<()> {
        self.collect()?;
        let mut wanted = vec![self.control.as_raw_fd(), self.signals.as_raw_fd()];
        if self.live.is_some() {
            // Without a live process the socket is at its end or silent, and that is no news.
            wanted.push(self.reports.as_raw_fd());
        }
        let wanted: Vec<_> =
            wanted.into_iter().map(|fd| Interest { fd, readable: true, writable: false }).collect();
        let ready = match sys::wait(&wanted, self.meter.rest_ms()) {
            Ok(ready) => ready,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(error),
        };
        if self.meter.is_due() {
            self.measure()?;
        }
        if ready[1].0 && sys::next_signal(self.signals.as_fd()) == Some(sys::TERMINATE) {
            self.leave();
        }
        if ready.get(2).is_some_and(|(readable, _)| *readable) {
            self.take_report();
        }
        if ready[0].0 {
            match receive_datagram::<ToSupervisor>(self.control)? {
                Some((order, fds)) => self.obey(&order, fds)?,
                None => self.leave(),
            }
        }
        Ok(())
    }

    /// Looks at what the session uses, and keeps it within its memory.
    fn measure(&mut self) -> io::Result<()> {
        loop {
            let copies: Vec<i32> = self.copies.iter().map(|copy| copy.member.pid).collect();
            match self.meter.look(&self.running(), &copies) {
                Finding::Well => return Ok(()),
                Finding::CpuTime => return send_datagram(self.control, &FromSupervisor::OverCpuTime),
                // The oldest is of the least use.
                Finding::Copies if !self.copies.is_empty() => self.drop_copy()?,
                Finding::Copies | Finding::Memory => {
                    // The word goes first, so that the host knows what the end means.
                    send_datagram(self.control, &FromSupervisor::OverMemory)?;
                    if let Some(live) = &self.live {
                        live.signal(sys::KILL);
                    }
                    self.kill_descendants(0);
                    return Ok(());
                }
            }
        }
    }

    /// The live process and everything that it has started.
    fn running(&self) -> Vec<i32> {
        let mut all = sys::descendants();
        all.retain(|pid| {
            !self.copies.iter().any(|copy| copy.member.pid == *pid) && !self.leaving.contains(pid)
        });
        all
    }

    /// Gives up the oldest copy, and waits until its memory is free.
    fn drop_copy(&mut self) -> io::Result<()> {
        let Copy { member, cell, .. } = self.copies.remove(0);
        member.signal(sys::KILL);
        // It cannot refuse, and its end is not news.
        let _ = sys::reap(Some(member.pid), Waiting::Block);
        send_datagram(self.control, &FromSupervisor::Dropped { cell })
    }

    fn collect(&mut self) -> io::Result<()> {
        while let Ok(Some((pid, how))) = sys::reap(None, Waiting::Never) {
            self.copies.retain(|copy| copy.member.pid != pid);
            self.leaving.retain(|leaving| *leaving != pid);
            if self.live.as_ref().is_some_and(|live| live.pid == pid) {
                self.live = None;
                // It may have parked a copy in its last moment.
                self.take_report();
                let status = match how {
                    Ended::Code(code) => ExitStatus::Code(code),
                    Ended::Signal(signal) => ExitStatus::Signal(signal),
                };
                send_datagram(self.control, &FromSupervisor::Exited(status))?;
            }
        }
        Ok(())
    }

    /// Takes what the live process has to say, if anything. Nonsense costs it nothing but the copy; more of it than a
    /// socket holds at once waits, so that a flood does not keep the host's orders from being heard.
    fn take_report(&mut self) {
        for _ in 0..REPORTS {
            let mut bytes = [0; 256];
            let Ok((count, fds)) = sys::receive(self.reports, &mut bytes, Waiting::Never) else { return };
            if count == 0 {
                return;
            }
            let Ok(FromLive::Parked { pid, cell }) = actwright_protocol::decode(&bytes[..count]) else {
                continue;
            };
            let (Ok(member), Some(wake)) = (Member::of(pid), fds.into_iter().next()) else { continue };
            self.copies.retain(|copy| copy.member.pid != pid);
            self.copies.push(Copy { member, cell, waking: Waking::Again, wake });
            let surplus = self.copies.len().saturating_sub(self.keep);
            self.release(..surplus);
        }
    }

    fn obey(&mut self, order: &ToSupervisor, fds: Vec<OwnedFd>) -> io::Result<()> {
        match order {
            ToSupervisor::Interrupt { since_ticks } => {
                // The word goes first, so that the host hears it before anything that the signal brings about.
                send_datagram(self.control, &FromSupervisor::Interrupted)?;
                self.signal_descendants(*since_ticks, sys::INTERRUPT);
                if let Some(live) = &self.live {
                    // It may end at this very moment; then the report of its end is on its way.
                    live.signal(sys::INTERRUPT);
                }
                Ok(())
            }
            ToSupervisor::Sweep { since_ticks } => {
                let killed = self.kill_descendants(*since_ticks);
                send_datagram(self.control, &FromSupervisor::Swept { killed })
            }
            ToSupervisor::RollBack { cell } => {
                let answer = match self.roll_back(*cell, fds) {
                    Some(cell) => FromSupervisor::RolledBack { cell },
                    None => FromSupervisor::NoCopy,
                };
                send_datagram(self.control, &answer)
            }
            ToSupervisor::Allow { cpu_ms } => {
                let running = self.running();
                self.meter.allow(*cpu_ms, &running);
                Ok(())
            }
            ToSupervisor::Conceive { cell } => self.conceive(*cell),
            ToSupervisor::Spare => {
                self.spare();
                Ok(())
            }
            ToSupervisor::Yield => self.give_way(),
            ToSupervisor::Quit => self.leave(),
        }
    }

    /// Goes on from the newest copy that is not younger than `cell`; says which cell it has run last.
    fn roll_back(&mut self, cell: u64, fds: Vec<OwnedFd>) -> Option<u64> {
        self.take_report();
        let data = fds.into_iter().next()?;
        let newest = self.copies.iter().rposition(|copy| copy.cell <= cell)?;
        if let Some(live) = self.live.take() {
            live.signal(sys::KILL);
            // It cannot refuse, and its end is not news.
            let _ = sys::reap(Some(live.pid), Waiting::Block);
        }
        end_children(|pid| self.is_own(pid));
        // Younger copies are of a branch that is given up.
        self.release(newest + 1..);
        while let Some(chosen) = self.copies.pop() {
            // One that has ended cannot be woken; it is an older one's turn then.
            if sys::send(chosen.wake.as_fd(), chosen.waking.word(), &[data.as_fd()], Waiting::Never).is_ok() {
                self.live = Some(chosen.member);
                return Some(chosen.cell);
            }
            self.give_up(&chosen);
        }
        None
    }

    /// Gives up copies that nobody will wake. They take a moment to go, and are no children of the code until then.
    fn release(&mut self, which: impl RangeBounds<usize>) {
        for copy in self.copies.drain(which).collect::<Vec<_>>() {
            self.give_up(&copy);
        }
    }

    fn give_up(&mut self, copy: &Copy) {
        // What says that it is a copy may be anything, so it is not left to end by itself.
        copy.member.signal(sys::KILL);
        self.leaving.push(copy.member.pid);
    }

    fn is_own(&self, pid: i32) -> bool {
        let live = self.live.iter();
        live.chain(self.copies.iter().map(|copy| &copy.member)).any(|member| member.pid == pid)
            || self.leaving.contains(&pid)
    }

    fn kill_descendants(&self, since_ticks: u64) -> u32 {
        let (mut killed, mut empty) = (0, 0);
        for _ in 0..LOOKS {
            match self.signal_descendants(since_ticks, sys::KILL) {
                // A child may pass from one that ends to this process in the middle of a look, which then misses it.
                0 if empty > 0 => break,
                0 => empty += 1,
                count => (killed, empty) = (killed + count, 0),
            }
        }
        killed
    }

    /// Signals everything below this process that is neither the live one nor a copy, if it is at least as young as
    /// asked.
    fn signal_descendants(&self, since_ticks: u64, signal: i32) -> u32 {
        let others = sys::descendants().into_iter().filter(|pid| !self.is_own(*pid));
        signal_each(others, since_ticks, signal)
    }

    fn leave(&self) -> ! {
        if sys::pid() != 1 {
            end_children(|_| false);
        }
        sys::exit_now(0)
    }
}

/// Signals those of these processes that are at least as young as asked; gives their number.
pub fn signal_each(pids: impl Iterator<Item = i32>, since_ticks: u64, signal: i32) -> u32 {
    let mut count = 0;
    for pid in pids {
        // The reference first, the age second: a number given away in between is another, younger process of this
        // same session at worst.
        let Ok(process) = sys::open_process(pid) else { continue };
        let young = sys::start_ticks(pid).is_some_and(|start| start >= since_ticks);
        if young && sys::signal_process(process.as_fd(), signal).is_ok() {
            count += 1;
        }
    }
    count
}
