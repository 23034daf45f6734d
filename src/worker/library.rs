//! The worker extension, embedded, and how it reaches a sandboxed interpreter: as a sealed memfd.

use std::io;
use std::os::fd::OwnedFd;

use actwright_sandbox::sys;

/// The extension module that `build.rs` built.
static WORKER: &[u8] = include_bytes!(env!("ACTWRIGHT_WORKER_SO"));

/// A fresh descriptor of the extension. Nothing can change its bytes.
pub fn descriptor() -> io::Result<OwnedFd> {
    sys::sealed_memfd(c"actwright-worker", WORKER)
}
