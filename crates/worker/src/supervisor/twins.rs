//! A supervisor whose session gets twins: it holds still what it has, lends its namespaces, and in the end stands aside.
//!
//! Twins live in namespaces below this one's, because a process can only move down. What was in this one has rights over
//! theirs, so it is stopped while they are made and killed before one of them runs.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use actwright_protocol::{FromSupervisor, ToSupervisor};
use actwright_sandbox::plan::SessionRooms;
use actwright_sandbox::session;
use actwright_sandbox::sys::{self, Interest, Waiting, ptrace};

use super::{Supervisor, signal_each};
use crate::socket::{receive_datagram, send_datagram, send_datagram_with};

/// Milliseconds that stopped processes may take to hold still; on a busy machine each has to be scheduled for that.
const STILL: u32 = 2_000;

/// Microseconds in which everything that was killed has to be gone; large processes on a busy machine take their time,
/// and the host waits a little longer.
const EMPTY: u64 = 9_000_000;

/// Milliseconds that processes that are ending may take.
const GOING: u32 = 200;

impl Supervisor {
    /// Lends the copy made after this cell, and what is needed to fork it into namespaces of its own.
    pub(super) fn conceive(&mut self, cell: u64) -> io::Result<()> {
        self.take_report();
        // What was released is killed and only has to be scheduled for its end.
        for _ in 0..STILL {
            self.collect()?;
            if self.leaving.is_empty() {
                break;
            }
            rest();
        }
        match self.expect(cell) {
            Ok((mother, wake, namespaces)) => {
                let mut fds = vec![wake];
                fds.extend(namespaces.iter().map(AsFd::as_fd));
                send_datagram_with(self.control, &FromSupervisor::Expecting { mother }, &fds)
            }
            Err(why) => {
                self.spare();
                send_datagram(self.control, &FromSupervisor::NotAlone { why })
            }
        }
    }

    fn expect(&self, cell: u64) -> Result<(i32, BorrowedFd<'_>, Vec<OwnedFd>), String> {
        let Some(live) = &self.live else { return Err("its process has ended".to_owned()) };
        let threads = sys::threads_of(live.pid);
        if threads > 1 {
            return Err(format!(
                "it has {threads} threads, and a twin would have one; join them, or close the pools that they belong to"
            ));
        }
        let Some(mother) = self.copies.iter().rfind(|copy| copy.cell == cell) else {
            return Err("there is no copy of its present state".to_owned());
        };
        let mother_pid = mother.member.pid;
        let members = || std::iter::once(live).chain(self.copies.iter().map(|copy| &copy.member));
        let all_but_her = || members().filter(|member| member.pid != mother_pid);
        for member in all_but_her() {
            member.signal(sys::STOP);
        }
        let is_still = || all_but_her().all(|member| ptrace::is_stopped(member.pid));
        if !(0..STILL).any(|_| is_still() || rest()) {
            return Err("its processes do not hold still".to_owned());
        }
        let others = || sys::everybody_here().into_iter().filter(|pid| !self.is_own(*pid)).count();
        // What is ending takes its moment to go.
        let _ = (0..GOING).any(|_| others() == 0 || rest());
        let count = others();
        if count > 0 {
            return Err(format!(
                "it has {count} child processes, which a twin would not have; wait for them, or end them"
            ));
        }
        let namespaces =
            own_namespaces().map_err(|error| format!("its namespaces cannot be lent: {error}"))?;
        Ok((mother_pid, mother.wake.as_fd(), namespaces))
    }

    /// Lets what was stopped go on.
    pub(super) fn spare(&self) {
        for member in self.live.iter().chain(self.copies.iter().map(|copy| &copy.member)) {
            member.signal(sys::CONTINUE);
        }
    }

    /// Kills everything in this namespace that is not a twin's, and holds it for the twins until the host lets go.
    pub(super) fn give_way(&mut self) -> io::Result<()> {
        // Their ends are no news.
        self.live = None;
        self.copies.clear();
        self.leaving.clear();
        let start = sys::micros();
        while sys::micros().saturating_sub(start) < EMPTY {
            let alive = signal_each(sys::everybody_here().into_iter(), 0, sys::KILL);
            while let Ok(Some(_)) = sys::reap(None, Waiting::Never) {}
            if alive > 0 {
                rest();
            } else {
                send_datagram(self.control, &FromSupervisor::Yielded)?;
                session::clear_out();
                return self.hold();
            }
        }
        Err(io::Error::other("the namespace is not empty"))
    }

    fn hold(&self) -> io::Result<()> {
        loop {
            while let Ok(Some(_)) = sys::reap(None, Waiting::Never) {}
            let wanted = [self.control.as_raw_fd(), self.signals.as_raw_fd()];
            let wanted = wanted.map(|fd| Interest { fd, readable: true, writable: false });
            let ready = match sys::wait(&wanted, -1) {
                Ok(ready) => ready,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if ready[1].0 && sys::next_signal(self.signals.as_fd()) == Some(sys::TERMINATE) {
                sys::exit_now(0);
            }
            if ready[0].0
                && matches!(
                    receive_datagram::<ToSupervisor>(self.control)?,
                    None | Some((ToSupervisor::Quit, _))
                )
            {
                sys::exit_now(0);
            }
        }
    }
}

/// A moment for a signal to arrive; never what is waited for.
fn rest() -> bool {
    std::thread::sleep(Duration::from_millis(1));
    false
}

/// The namespaces of this process, for somebody who has rights over them.
fn own_namespaces() -> io::Result<Vec<OwnedFd>> {
    // Only a session with rooms of its own is asked, and a namespace that it shares with all is not needed.
    let rooms =
        SessionRooms::Own { network: true, workspace_bytes: 0, shared_memory_bytes: 0, kept: Vec::new() };
    let open = |(name, _)| Ok(OwnedFd::from(File::open(format!("/proc/self/ns/{name}"))?));
    session::namespaces(&rooms).into_iter().map(open).collect()
}
