//! Limits on resources, and what the session itself may take beyond them for a moment.
#![allow(unsafe_code)]

use std::io;

use super::check;

/// A resource whose use by one process the kernel can bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// Bytes of private writable memory.
    Data,
    /// Processes and threads of the user, counted per user namespace.
    Processes,
    /// One more than the highest descriptor.
    Files,
    /// Bytes in any one file written.
    FileSize,
    /// Bytes of a core dump.
    Core,
    /// Bytes in POSIX message queues.
    MessageQueues,
    /// Bytes locked into memory.
    LockedMemory,
    /// Bytes of stack.
    Stack,
}

fn resource_number(resource: Resource) -> libc::__rlimit_resource_t {
    match resource {
        Resource::Data => libc::RLIMIT_DATA,
        Resource::Processes => libc::RLIMIT_NPROC,
        Resource::Files => libc::RLIMIT_NOFILE,
        Resource::FileSize => libc::RLIMIT_FSIZE,
        Resource::Core => libc::RLIMIT_CORE,
        Resource::MessageQueues => libc::RLIMIT_MSGQUEUE,
        Resource::LockedMemory => libc::RLIMIT_MEMLOCK,
        Resource::Stack => libc::RLIMIT_STACK,
    }
}

/// The soft limit that the kernel keeps for this process.
pub fn get_limit(resource: Resource) -> io::Result<u64> {
    Ok(limits_of(resource)?.rlim_cur)
}

/// The hard limit that the kernel keeps for this process.
pub fn get_hard_limit(resource: Resource) -> io::Result<u64> {
    Ok(limits_of(resource)?.rlim_max)
}

fn limits_of(resource: Resource) -> io::Result<libc::rlimit> {
    // SAFETY: an all-zero rlimit is a valid place for the call to write to.
    let mut now: libc::rlimit = unsafe { std::mem::zeroed() };
    // SAFETY: `now` is valid for writing.
    check(unsafe { libc::getrlimit(resource_number(resource), &mut now) })?;
    Ok(now)
}

/// Sets soft and hard limit for this process and its future children, never above what there is.
pub fn set_limit(resource: Resource, value: u64) -> io::Result<()> {
    let which = resource_number(resource);
    // SAFETY: an all-zero rlimit is a valid place for the call to write to.
    let mut now: libc::rlimit = unsafe { std::mem::zeroed() };
    // SAFETY: `now` is valid for writing.
    check(unsafe { libc::getrlimit(which, &mut now) })?;
    let value = value.min(now.rlim_max);
    let limit = libc::rlimit { rlim_cur: value, rlim_max: value };
    // SAFETY: the structure outlives the call.
    check(unsafe { libc::setrlimit(which, &limit) })?;
    Ok(())
}

/// Sets the two limits apart: code may raise the soft one up to the hard one by itself.
pub fn set_soft_and_hard(resource: Resource, soft: u64, hard: u64) -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: soft.min(hard), rlim_max: hard };
    // SAFETY: the structure outlives the call.
    check(unsafe { libc::setrlimit(resource_number(resource), &limit) })?;
    Ok(())
}

/// Raises a soft limit to the hard one; gives back what it was, for [`take_back`].
pub fn lend(resource: Resource) -> Option<u64> {
    let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `now` is valid for writing, then for reading.
    unsafe {
        check(libc::getrlimit(resource_number(resource), &mut now)).ok()?;
        let before = now.rlim_cur;
        now.rlim_cur = now.rlim_max;
        check(libc::setrlimit(resource_number(resource), &now)).ok()?;
        Some(before)
    }
}

/// Puts a soft limit back.
pub fn take_back(resource: Resource, before: u64) {
    let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `now` is valid for writing, then for reading. Lowering a soft limit cannot fail.
    unsafe {
        if libc::getrlimit(resource_number(resource), &mut now) == 0 {
            now.rlim_cur = before.min(now.rlim_max);
            let _ = libc::setrlimit(resource_number(resource), &now);
        }
    }
}
