//! What stays as pid 1 of a session: it tells the host how the live process ended and sends the signals that the
//! host asks for.
//!
//! It runs no Python and holds nothing but its control socket. When the host lets go of that socket it exits, and
//! the kernel takes the whole namespace with it. Without a namespace (levels `restricted` and `off`) it ends
//! its descendants first, also when the zygote is killed; if it is killed itself, the zygote does
//! (`orphans`).

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use actwright_protocol::{ExitStatus, FromSupervisor, ToSupervisor};
use actwright_sandbox::sys::{self, Ended, Interest, Waiting};

use crate::socket::{receive_datagram, send_datagram};

/// How often descendants are looked for again: a process may fork between the look and the signal.
pub const LOOKS: usize = 200;

struct Supervisor {
    live: Option<i32>,
    control: BorrowedFd<'static>,
    signals: OwnedFd,
}

/// Never returns.
pub fn supervise(live: i32, control: RawFd) -> ! {
    let Ok(signals) = sys::signal_events(&[sys::CHILD_ENDED, sys::TERMINATE]) else { sys::exit_now(125) };
    let mut supervisor = Supervisor { live: Some(live), control: sys::borrow(control), signals };
    loop {
        if supervisor.turn().is_err() {
            supervisor.leave();
        }
    }
}

impl Supervisor {
    /// Collects who has ended, then waits for the next thing to do.
    fn turn(&mut self) -> std::io::Result<()> {
        self.collect()?;
        let wanted = [self.control.as_raw_fd(), self.signals.as_raw_fd()].map(|fd| Interest {
            fd,
            readable: true,
            writable: false,
        });
        let ready = match sys::wait(&wanted, -1) {
            Ok(ready) => ready,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(error),
        };
        if ready[1].0 && sys::next_signal(self.signals.as_fd()) == Some(sys::TERMINATE) {
            self.leave();
        }
        if ready[0].0 {
            match receive_datagram::<ToSupervisor>(self.control)? {
                Some((order, _)) => self.obey(&order)?,
                None => self.leave(),
            }
        }
        Ok(())
    }

    fn collect(&mut self) -> std::io::Result<()> {
        while let Ok(Some((pid, how))) = sys::reap(None, Waiting::Never) {
            if self.live == Some(pid) {
                self.live = None;
                let status = match how {
                    Ended::Code(code) => ExitStatus::Code(code),
                    Ended::Signal(signal) => ExitStatus::Signal(signal),
                };
                send_datagram(self.control, &FromSupervisor::Exited(status))?;
            }
        }
        Ok(())
    }

    fn obey(&mut self, order: &ToSupervisor) -> std::io::Result<()> {
        match order {
            ToSupervisor::Interrupt { since_ticks } => {
                self.signal_descendants(*since_ticks, sys::INTERRUPT);
                if let Some(live) = self.live {
                    // It may end at this very moment; then the report of its end is on its way.
                    let _ = sys::signal_child(live, sys::INTERRUPT);
                }
                send_datagram(self.control, &FromSupervisor::Interrupted)
            }
            ToSupervisor::Sweep { since_ticks } => {
                let mut killed = 0;
                for _ in 0..LOOKS {
                    match self.signal_descendants(*since_ticks, sys::KILL) {
                        0 => break,
                        count => killed += count,
                    }
                }
                send_datagram(self.control, &FromSupervisor::Swept { killed })
            }
            ToSupervisor::Quit => self.leave(),
        }
    }

    /// Signals everything below this process but the live one, if it is at least as young as asked.
    fn signal_descendants(&self, since_ticks: u64, signal: i32) -> u32 {
        let others = sys::descendants().into_iter().filter(|pid| Some(*pid) != self.live);
        signal_each(others, since_ticks, signal)
    }

    fn leave(&self) -> ! {
        if sys::pid() != 1 {
            for _ in 0..LOOKS {
                let live = self.live.map_or(0, |live| u32::from(sys::signal_child(live, sys::KILL).is_ok()));
                if self.signal_descendants(0, sys::KILL) + live == 0 {
                    break;
                }
                while let Ok(Some(_)) = sys::reap(None, Waiting::Never) {}
            }
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
