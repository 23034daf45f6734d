//! The zygote's children: those that it has made, and what a killed supervisor leaves behind, in levels without a
//! namespace that would take it along.
//!
//! The zygote adopts the latter there, because it asked the kernel to, and the kernel's word that a child has ended comes
//! after its children have been handed on. In level `full` nothing of this is needed, and it is never done.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use actwright_sandbox::ending::end_children;
use actwright_sandbox::sys::{self, Disposition, Interest, Waiting};

/// The children that the zygote has made itself and not yet collected, so that their numbers are theirs.
#[derive(Debug)]
pub struct Family {
    made: Vec<i32>,
    /// Readable when a child has ended; nothing in level `full`, where children end without a trace.
    ends: Option<OwnedFd>,
}

impl Family {
    /// Before the first child.
    pub fn begin() -> io::Result<Self> {
        let ends = if sys::pid() == 1 {
            sys::set_signal(sys::CHILD_ENDED, Disposition::Ignore)?;
            None
        } else {
            Some(sys::signal_events(&[sys::CHILD_ENDED])?)
        };
        Ok(Self { made: Vec::new(), ends })
    }

    /// A child was made.
    pub fn add(&mut self, pid: i32) {
        if self.ends.is_some() {
            self.made.push(pid);
        }
    }

    /// Waits until there is something to read here, and ends meanwhile what is adopted.
    pub fn tend_until_readable(&mut self, fd: RawFd) -> io::Result<()> {
        let wanted: Vec<_> = std::iter::once(fd)
            .chain(self.ends.as_ref().map(AsRawFd::as_raw_fd))
            .map(|fd| Interest { fd, readable: true, writable: false })
            .collect();
        loop {
            let ready = match sys::wait(&wanted, -1) {
                Ok(ready) => ready,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if ready.get(1).is_some_and(|(readable, _)| *readable) {
                self.tend();
            }
            if ready[0].0 {
                return Ok(());
            }
        }
    }

    /// Collects whoever has ended, and ends every child that was adopted and what is below it.
    fn tend(&mut self) {
        let Some(ends) = &self.ends else { return };
        // The word first, so that an end after this is news again.
        while sys::next_signal(ends.as_fd()).is_some() {}
        while let Ok(Some((pid, _))) = sys::reap(None, Waiting::Never) {
            self.made.retain(|made| *made != pid);
        }
        end_children(|pid| self.made.contains(&pid));
    }
}
