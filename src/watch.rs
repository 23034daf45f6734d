//! Descriptors of our own, registered with the runtime.

use std::io;
use std::os::fd::OwnedFd;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Registers a descriptor with the runtime.
///
/// The call beneath is deprecated because a type may change its number behind the runtime's back; an `OwnedFd` keeps it
/// until it is closed, and the `AsyncFd` owns it.
#[allow(deprecated)]
pub fn watch(fd: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(fd, interest)
}
