//! The system calls by which a process of ours leads another one step by step, and moves into namespaces.
//!
//! Only for the birth of twins. The one who leads has rights over the other's user namespace; nobody inside a session
//! has, and there these calls do not exist.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use super::{check, check_long};

/// A process's registers, as the kernel shows them while it is stopped.
pub type Registers = libc::user_regs_struct;

/// Why a led process has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// At the beginning or the end of a system call.
    AtCall,
    /// It has forked; its child is led too.
    Forked,
    /// At a call that its filter leaves to who leads it.
    AtTracedCall,
    /// For a signal, which is not delivered, or because it was asked to.
    Otherwise,
    /// It has ended.
    Ended,
}

/// Begins to lead a process and what it forks. All of them are killed when this process ends.
pub fn seize(pid: i32) -> io::Result<()> {
    let options = libc::PTRACE_O_TRACESYSGOOD
        | libc::PTRACE_O_TRACEFORK
        | libc::PTRACE_O_TRACECLONE
        | libc::PTRACE_O_TRACESECCOMP
        | libc::PTRACE_O_EXITKILL;
    request(libc::PTRACE_SEIZE, pid, 0, options as usize)
}

/// Asks a led process to stop.
pub fn interrupt(pid: i32) -> io::Result<()> {
    request(libc::PTRACE_INTERRUPT, pid, 0, 0)
}

/// Lets a stopped process go on to the next thing that [`wait_for_stop`] tells.
pub fn step(pid: i32) -> io::Result<()> {
    request(libc::PTRACE_SYSCALL, pid, 0, 0)
}

/// Lets a stopped process run until it is interrupted.
pub fn resume(pid: i32) -> io::Result<()> {
    request(libc::PTRACE_CONT, pid, 0, 0)
}

/// Lets a stopped process go for good.
pub fn detach(pid: i32) -> io::Result<()> {
    request(libc::PTRACE_DETACH, pid, 0, 0)
}

/// The child that a process stopped by [`Stopped::Forked`] has just made.
pub fn forked_child(pid: i32) -> io::Result<i32> {
    let mut child: libc::c_ulong = 0;
    request(libc::PTRACE_GETEVENTMSG, pid, 0, &raw mut child as usize)?;
    i32::try_from(child).map_err(io::Error::other)
}

/// The registers of a stopped process.
pub fn registers(pid: i32) -> io::Result<Registers> {
    // SAFETY: an all-zero structure of plain numbers is a valid place for the kernel to write to.
    let mut registers: Registers = unsafe { std::mem::zeroed() };
    let mut part = libc::iovec { iov_base: (&raw mut registers).cast(), iov_len: size_of::<Registers>() };
    request(libc::PTRACE_GETREGSET, pid, GENERAL, &raw mut part as usize)?;
    Ok(registers)
}

/// Sets the registers of a stopped process.
pub fn set_registers(pid: i32, registers: &Registers) -> io::Result<()> {
    let mut part =
        libc::iovec { iov_base: (&raw const *registers).cast_mut().cast(), iov_len: size_of::<Registers>() };
    request(libc::PTRACE_SETREGSET, pid, GENERAL, &raw mut part as usize)
}

/// `NT_PRSTATUS`: the general registers.
const GENERAL: usize = 1;

fn request(what: libc::c_uint, pid: i32, address: usize, data: usize) -> io::Result<()> {
    // SAFETY: where `data` is a pointer it is to a structure of the caller that outlives the call and has the form that
    // the request asks for. What happens to the other process is what this module is for.
    check_long(unsafe { libc::ptrace(what, pid, address, data) })?;
    Ok(())
}

/// Waits until a led process stops or ends.
pub fn wait_for_stop(pid: i32) -> io::Result<Stopped> {
    let mut status = 0;
    loop {
        // SAFETY: `status` is valid for writing.
        match check(unsafe { libc::waitpid(pid, &mut status, libc::__WALL) }) {
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    if !libc::WIFSTOPPED(status) {
        return Ok(Stopped::Ended);
    }
    Ok(match (libc::WSTOPSIG(status), status >> 16) {
        (_, libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_CLONE) => Stopped::Forked,
        (_, libc::PTRACE_EVENT_SECCOMP) => Stopped::AtTracedCall,
        (signal, 0) if signal == libc::SIGTRAP | 0x80 => Stopped::AtCall,
        _ => Stopped::Otherwise,
    })
}

/// Moves this process into an existing namespace of this kind (`CLONE_NEW*`); for a pid namespace, its next children.
pub fn enter_namespace(namespace: BorrowedFd<'_>, kind: libc::c_int) -> io::Result<()> {
    // SAFETY: plain integers; changes only this process.
    check(unsafe { libc::setns(namespace.as_raw_fd(), kind) })?;
    Ok(())
}

/// Whether a process is stopped, by a signal or by who leads it.
pub fn is_stopped(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name in field 2 may hold anything; the last `)` ends it.
    stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with(['T', 't']))
}

/// Has the kernel end this process after so many seconds, unless it has ended before.
pub fn end_after(seconds: u32) {
    // SAFETY: takes a plain integer; the signal's default is to end the process.
    unsafe { libc::alarm(seconds) };
}
