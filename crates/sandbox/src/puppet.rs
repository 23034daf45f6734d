//! A stopped process that makes the system calls it is told to, one by one, and runs nothing else.
//!
//! This is how a frozen copy of a session gets twins: its memory may have been prepared by agent code, so not one
//! instruction of it runs before its twin is locked in. The calls are made with the puppet's own rights, so its system
//! call rules hold; `setns` is the one call that they leave to whoever leads the process, and to nobody else.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, RawFd};
use std::os::unix::fs::FileExt;
use std::time::Duration;

use crate::sys::ptrace::{self, Registers, Stopped};
use crate::sys::{self, Waiting};

/// Bytes below the stack pointer that belong to the function that runs (x86-64's red zone), and then some.
const RED_ZONE: u64 = 512;

/// Bytes of the stack that are used for arguments.
const SCRATCH: u64 = 1024;

/// How often it is looked whether a process has come to wait, and how long it is let run in between.
const LOOKS: usize = 500;
const PAUSE: Duration = Duration::from_millis(2);

/// The instruction that makes a system call.
const CALL: [u8; 2] = [0x0f, 0x05];

/// See the module. Whoever leads it must let go of it by [`Puppet::release`] or [`Puppet::kill`].
#[derive(Debug)]
pub struct Puppet {
    pid: i32,
    /// As it waits in its call: where to come back to.
    waiting: Registers,
    memory: File,
}

impl Puppet {
    /// Stops a process with one thread once it waits in `recvmsg`; the descriptor that it waits on is
    /// [`Puppet::waits_on`]. One that was made a moment ago gets a little time to come so far.
    pub fn seize(pid: i32) -> io::Result<Self> {
        ptrace::seize(pid)?;
        let memory = File::options().read(true).write(true).open(format!("/proc/{pid}/mem"))?;
        for _ in 0..LOOKS {
            ptrace::interrupt(pid)?;
            if ptrace::wait_for_stop(pid)? == Stopped::Ended {
                return Err(ended());
            }
            let waiting = ptrace::registers(pid)?;
            if is_waiting(&waiting, &memory)? {
                let threads = std::fs::read_dir(format!("/proc/{pid}/task"))?.count();
                return match threads {
                    1 => Ok(Self { pid, waiting, memory }),
                    _ => Err(let_go(pid)),
                };
            }
            ptrace::resume(pid)?;
            std::thread::sleep(PAUSE);
        }
        ptrace::interrupt(pid)?;
        match ptrace::wait_for_stop(pid)? {
            Stopped::Ended => Err(ended()),
            _ => Err(let_go(pid)),
        }
    }

    /// Its number here.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// The descriptor whose message it waits for.
    pub fn waits_on(&self) -> RawFd {
        self.waiting.rdi as RawFd
    }

    /// Makes one call.
    pub fn call(&self, number: libc::c_long, arguments: [u64; 6]) -> io::Result<u64> {
        self.perform(number, arguments).map(|(result, _)| result)
    }

    /// Makes one call with bytes in memory, whose address is its argument `at`.
    pub fn call_with(
        &self,
        number: libc::c_long,
        mut arguments: [u64; 6],
        at: usize,
        bytes: &[u8],
    ) -> io::Result<u64> {
        self.write(0, bytes)?;
        arguments[at] = self.scratch();
        self.call(number, arguments)
    }

    /// Forks it; the child is a puppet that waits in the same call.
    pub fn fork(&self) -> io::Result<Self> {
        self.forked(0, 0)
    }

    /// Forks it, and has the kernel keep the child's number at this address of its memory.
    pub fn fork_with_number_at(&self, address: u64) -> io::Result<Self> {
        let keep = libc::CLONE_CHILD_SETTID | libc::CLONE_CHILD_CLEARTID;
        self.forked(if address == 0 { 0 } else { keep }, address)
    }

    fn forked(&self, flags: libc::c_int, number_at: u64) -> io::Result<Self> {
        let flags = (flags | libc::SIGCHLD) as u64;
        let (_, child) = self.perform(libc::SYS_clone, [flags, 0, 0, number_at, 0, 0])?;
        let pid = child.ok_or_else(|| io::Error::other("the fork was not seen"))?;
        if ptrace::wait_for_stop(pid)? == Stopped::Ended {
            return Err(ended());
        }
        let memory = File::options().read(true).write(true).open(format!("/proc/{pid}/mem"))?;
        Ok(Self { pid, waiting: self.waiting, memory })
    }

    /// Where the C library keeps the number of its thread; 0 where the kernel does not say.
    pub fn number_address(&self) -> io::Result<u64> {
        let option = libc::PR_GET_TID_ADDRESS as u64;
        if self.call_with(libc::SYS_prctl, [option, 0, 0, 0, 0, 0], 1, &[0; 8]).is_err() {
            return Ok(0);
        }
        let mut address = [0; 8];
        self.memory.read_exact_at(&mut address, self.scratch())?;
        Ok(u64::from_ne_bytes(address))
    }

    /// Hands it a descriptor through `ours`, whose other end it waits on; gives the number that it has there.
    pub fn hand(&self, ours: BorrowedFd<'_>, given: BorrowedFd<'_>) -> io::Result<RawFd> {
        sys::send(ours, b"d", &[given], Waiting::Never)?;
        // A header, one part of one byte, and room for one descriptor, one after the other.
        let base = self.scratch();
        let (part, byte, control) = (base + 64, base + 96, base + 128);
        let mut bytes = [0_u8; 192];
        let mut put = |at: usize, value: u64| bytes[at..at + 8].copy_from_slice(&value.to_ne_bytes());
        put(16, part);
        put(24, 1);
        put(32, control);
        put(40, 24);
        put(64, byte);
        put(72, 1);
        let flags = (libc::MSG_CMSG_CLOEXEC | libc::MSG_DONTWAIT) as u64;
        let socket = self.waits_on() as u64;
        self.call_with(libc::SYS_recvmsg, [socket, 0, flags, 0, 0, 0], 1, &bytes)?;
        let mut answer = [0; 24];
        self.memory.read_exact_at(&mut answer, control)?;
        let word =
            |at: usize| i32::from_ne_bytes([answer[at], answer[at + 1], answer[at + 2], answer[at + 3]]);
        // A control message: its length in 8 bytes, its level, its type, the descriptor.
        if word(0) == 20 && (word(8), word(12)) == (libc::SOL_SOCKET, libc::SCM_RIGHTS) {
            Ok(word(16))
        } else {
            Err(io::Error::other("a descriptor did not arrive"))
        }
    }

    /// Takes every capability that it holds or could pass on.
    pub fn drop_capabilities(&self) -> io::Result<()> {
        // A header (`_LINUX_CAPABILITY_VERSION_3`, this process), then two triples of nothing.
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&0x2008_0522_u32.to_ne_bytes());
        let sets = self.scratch() + 8;
        self.call_with(libc::SYS_capset, [0, sets, 0, 0, 0, 0], 0, &bytes).map(drop)
    }

    /// Lets it go on waiting by itself.
    pub fn release(self) -> io::Result<()> {
        let again = Registers {
            rip: self.waiting.rip.wrapping_sub(2),
            rax: self.waiting.orig_rax,
            orig_rax: u64::MAX,
            ..self.waiting
        };
        ptrace::set_registers(self.pid, &again)?;
        ptrace::detach(self.pid)
    }

    /// Ends it, and returns when it has ended.
    pub fn kill(self) -> io::Result<()> {
        let process = sys::open_process(self.pid)?;
        sys::signal_process(process.as_fd(), sys::KILL)?;
        while ptrace::wait_for_stop(self.pid)? != Stopped::Ended {}
        Ok(())
    }

    fn scratch(&self) -> u64 {
        (self.waiting.rsp.wrapping_sub(RED_ZONE + SCRATCH)) & !0xf
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() as u64 > SCRATCH {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        self.memory.write_all_at(bytes, self.scratch().wrapping_add(offset))
    }

    /// Makes one call; gives its result, and the child if it has made one.
    fn perform(&self, number: libc::c_long, arguments: [u64; 6]) -> io::Result<(u64, Option<i32>)> {
        let [rdi, rsi, rdx, r10, r8, r9] = arguments;
        let rip = self.waiting.rip.wrapping_sub(2);
        let rax = number as u64;
        // Without a number of a call that is under way the kernel restarts nothing.
        let calling = Registers { rip, rax, orig_rax: u64::MAX, rdi, rsi, rdx, r10, r8, r9, ..self.waiting };
        ptrace::set_registers(self.pid, &calling)?;
        let mut calls = 0;
        let mut child = None;
        while calls < 2 {
            ptrace::step(self.pid)?;
            match ptrace::wait_for_stop(self.pid)? {
                Stopped::AtCall => calls += 1,
                Stopped::Forked => child = Some(ptrace::forked_child(self.pid)?),
                Stopped::AtTracedCall | Stopped::Otherwise => {}
                Stopped::Ended => return Err(ended()),
            }
        }
        let after = ptrace::registers(self.pid)?;
        if after.rip != self.waiting.rip {
            return Err(io::Error::other("a call came back to another place"));
        }
        let result = after.rax.cast_signed();
        if (-4095..0).contains(&result) {
            return Err(io::Error::from_raw_os_error(i32::try_from(-result).unwrap_or(libc::EIO)));
        }
        Ok((after.rax, child))
    }
}

/// Whether a stopped process waits in the call that it is to be led from.
fn is_waiting(registers: &Registers, memory: &File) -> io::Result<bool> {
    let mut instruction = [0; 2];
    memory.read_exact_at(&mut instruction, registers.rip.wrapping_sub(2))?;
    Ok(registers.orig_rax == libc::SYS_recvmsg as u64
        && registers.rax == (-INTERRUPTED).cast_unsigned()
        && instruction == CALL)
}

/// Lets a process that cannot be led run on.
fn let_go(pid: i32) -> io::Error {
    match ptrace::detach(pid) {
        Ok(()) => io::Error::other("the copy does not wait as it should"),
        Err(error) => error,
    }
}

/// `ERESTARTSYS`: what a call that was interrupted shows to who leads its process.
const INTERRUPTED: i64 = 512;

fn ended() -> io::Error {
    io::Error::other("the process has ended")
}

#[cfg(test)]
mod tests;
