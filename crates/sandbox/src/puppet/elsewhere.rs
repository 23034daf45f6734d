//! Leading a process where nobody has written down yet how its registers make a call: it is refused.

use std::io;
use std::os::fd::{BorrowedFd, RawFd};

/// There is none.
#[derive(Debug)]
pub enum Puppet {}

impl Puppet {
    /// Always an error.
    pub fn seize(_pid: i32) -> io::Result<Self> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "twins can be made on x86-64 only"))
    }

    /// See the module.
    pub fn pid(&self) -> i32 {
        match *self {}
    }

    /// See the module.
    pub fn waits_on(&self) -> RawFd {
        match *self {}
    }

    /// See the module.
    pub fn call(&self, _number: libc::c_long, _arguments: [u64; 6]) -> io::Result<u64> {
        match *self {}
    }

    /// See the module.
    pub fn call_with(
        &self,
        _number: libc::c_long,
        _arguments: [u64; 6],
        _at: usize,
        _bytes: &[u8],
    ) -> io::Result<u64> {
        match *self {}
    }

    /// See the module.
    pub fn fork(&self) -> io::Result<Self> {
        match *self {}
    }

    /// See the module.
    pub fn fork_with_number_at(&self, _address: u64) -> io::Result<Self> {
        match *self {}
    }

    /// See the module.
    pub fn number_address(&self) -> io::Result<u64> {
        match *self {}
    }

    /// See the module.
    pub fn hand(&self, _ours: BorrowedFd<'_>, _given: BorrowedFd<'_>) -> io::Result<RawFd> {
        match *self {}
    }

    /// See the module.
    pub fn drop_capabilities(&self) -> io::Result<()> {
        match *self {}
    }

    /// See the module.
    pub fn release(self) -> io::Result<()> {
        match self {}
    }

    /// See the module.
    pub fn kill(self) -> io::Result<()> {
        match self {}
    }
}
