//! Numbers that the kernel keeps for every process of a session.
//!
//! `RLIMIT_AS` is not among them: address space that is only reserved, as numerical libraries do by the gigabyte,
//! would count against it.

use std::io;

use crate::error::{Step, StepError};
use crate::policy::SessionLimits;
use crate::sys::{self, Resource};

/// Bytes of stack: what CPython's own recursion guard is made for.
const STACK: u64 = 8 << 20;

/// Descriptors above the limit that the worker lends itself while it takes a cell's pipes, so that code that has
/// used up its own can still run another cell.
pub const SPARE_FILES: u64 = 16;

/// Bytes above the limit that the worker lends itself after a cell, so that a session whose code has used up its
/// memory can still tell so and take another cell.
pub const SPARE_MEMORY: u64 = 32 << 20;

/// Sets all limits for this process and its future children.
pub fn apply(limits: &SessionLimits) -> Result<(), StepError> {
    let all = [
        (Resource::Processes, limits.processes),
        (Resource::FileSize, limits.workspace),
        (Resource::Core, 0),
        (Resource::MessageQueues, 1 << 16),
        (Resource::LockedMemory, 1 << 16),
        (Resource::Stack, STACK),
    ];
    for (resource, value) in all {
        sys::set_limit(resource, value).step(|| format!("set the limit {resource:?}"))?;
    }
    sys::set_soft_and_hard(Resource::Data, limits.memory, limits.memory.saturating_add(SPARE_MEMORY))
        .step(|| "set the limit on memory".to_owned())?;
    let files = files(limits).step(|| "read the limit on open files".to_owned())?;
    sys::set_soft_and_hard(Resource::Files, files, files + SPARE_FILES)
        .step(|| "set the limit on open files".to_owned())
}

/// The first descriptor above those of code's own files.
pub fn first_spare_file(limits: &SessionLimits) -> io::Result<i32> {
    i32::try_from(files(limits)?).map_err(io::Error::other)
}

/// Open files that code may have: what the policy says, as far as this process's own limit leaves room.
fn files(limits: &SessionLimits) -> io::Result<u64> {
    Ok(limits.files.min(sys::get_hard_limit(Resource::Files)?.saturating_sub(SPARE_FILES)))
}
