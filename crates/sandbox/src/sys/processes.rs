//! Processes: forking, whose they are, what they may do, how they end with their parent.
#![allow(unsafe_code)]

use std::io;

use super::{KILL, check, check_long};

/// What [`fork`] returns on either side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forked {
    /// In the parent: the child's pid.
    Parent(i32),
    /// In the child.
    Child,
}

/// `fork(2)` through libc, so that its at-fork handlers run (OpenBLAS and malloc depend on them).
///
/// # Safety
/// In a process with several threads the child may only use what is safe after fork until it execs or exits. The
/// launcher has one thread; the zygote holds the interpreter's lock and refuses to serve with more than one.
pub unsafe fn fork() -> io::Result<Forked> {
    // SAFETY: the caller keeps the contract above.
    match check(unsafe { libc::fork() })? {
        0 => Ok(Forked::Child),
        pid => Ok(Forked::Parent(pid)),
    }
}

/// Forks a copy of this process that is not its child but its sibling, so that code which waits for its own children
/// never meets it. `Ok(None)` when this kernel cannot do it.
///
/// The C library's at-fork handlers do not run, so this is only for processes with one thread.
///
/// # Safety
/// The caller has one thread and holds no lock that the copy would need.
pub unsafe fn fork_beside() -> io::Result<Option<Forked>> {
    // Where the C library keeps this thread's id; the copy's own must be written there, or `abort` in it would
    // signal this process.
    let mut address: usize = 0;
    // SAFETY: PR_GET_TID_ADDRESS writes one pointer.
    let asked = unsafe { libc::prctl(libc::PR_GET_TID_ADDRESS, &raw mut address, 0, 0, 0) };
    if asked < 0 || address == 0 {
        return Ok(None);
    }
    let flags = libc::CLONE_PARENT | libc::CLONE_CHILD_SETTID | libc::CLONE_CHILD_CLEARTID | libc::SIGCHLD;
    // SAFETY: no new stack and no shared memory: the same as fork but for who the parent is. The caller keeps the
    // contract on threads and locks.
    #[cfg(target_arch = "x86_64")]
    let result = unsafe { libc::syscall(libc::SYS_clone, flags, 0usize, 0usize, address, 0usize) };
    // SAFETY: as above; other architectures take the last two arguments the other way round.
    #[cfg(not(target_arch = "x86_64"))]
    let result = unsafe { libc::syscall(libc::SYS_clone, flags, 0usize, 0usize, 0usize, address) };
    match check_long(result)? {
        0 => Ok(Some(Forked::Child)),
        pid => Ok(Some(Forked::Parent(pid as i32))),
    }
}

/// Threads of this process.
pub fn own_threads() -> io::Result<usize> {
    Ok(std::fs::read_dir("/proc/self/task")?.count())
}

/// Bytes of memory that are this process's own and not a file's, roughly: resident less shared, or, where `/proc` is
/// closed to it, the most that has been resident.
pub fn own_memory() -> io::Result<u64> {
    let Ok(text) = std::fs::read_to_string("/proc/self/statm") else { return peak_memory() };
    let mut pages = text.split_whitespace().skip(1).map(|number| number.parse::<u64>().unwrap_or(0));
    let (resident, shared) = (pages.next().unwrap_or(0), pages.next().unwrap_or(0));
    // SAFETY: takes a plain integer.
    let size = u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096);
    Ok(resident.saturating_sub(shared) * size)
}

fn peak_memory() -> io::Result<u64> {
    // SAFETY: an all-zero rusage is a valid place for the call to write to.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: `usage` is valid for writing.
    check(unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut usage) })?;
    Ok(usage.ru_maxrss.unsigned_abs() * 1024)
}

/// Microseconds on a clock that only goes forward.
pub fn micros() -> u64 {
    micros_of(libc::CLOCK_MONOTONIC)
}

/// Microseconds that this thread has been at work, in the kernel too.
pub fn micros_at_work() -> u64 {
    micros_of(libc::CLOCK_THREAD_CPUTIME_ID)
}

fn micros_of(clock: libc::clockid_t) -> u64 {
    // SAFETY: an all-zero timespec is a valid place for the call to write to.
    let mut time: libc::timespec = unsafe { std::mem::zeroed() };
    // SAFETY: `time` is valid for writing; the clocks of the callers always exist.
    unsafe { libc::clock_gettime(clock, &mut time) };
    time.tv_sec.unsigned_abs() * 1_000_000 + time.tv_nsec.unsigned_abs() / 1_000
}

/// Ends this process at once, running no handler.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: never returns.
    unsafe { libc::_exit(code) }
}

/// This process's pid in its own namespace.
pub fn pid() -> i32 {
    // SAFETY: always succeeds.
    unsafe { libc::getpid() }
}

/// The parent's pid in this process's namespace; 0 when it is outside.
pub fn parent_pid() -> i32 {
    // SAFETY: always succeeds.
    unsafe { libc::getppid() }
}

/// Effective user and group id.
pub fn effective_ids() -> (u32, u32) {
    // SAFETY: both always succeed.
    unsafe { (libc::geteuid(), libc::getegid()) }
}

/// Becomes this user and group for good, with no supplementary groups.
pub fn become_user(uid: u32, gid: u32, groups: Groups) -> io::Result<()> {
    // SAFETY: plain integers; changes only this process (one thread).
    unsafe {
        if groups == Groups::Drop {
            check(libc::setgroups(0, std::ptr::null()))?;
        }
        check(libc::setresgid(gid, gid, gid))?;
        check(libc::setresuid(uid, uid, uid))?;
    }
    Ok(())
}

/// What [`become_user`] does with supplementary groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Groups {
    /// Give them up.
    Drop,
    /// Leave them: a user namespace with `setgroups` denied does not allow the call.
    Leave,
}

/// Starts a session and process group of its own.
pub fn new_process_group() -> io::Result<()> {
    // SAFETY: no arguments.
    check(unsafe { libc::setsid() })?;
    Ok(())
}

fn prctl(option: libc::c_int, argument: libc::c_ulong) -> io::Result<libc::c_int> {
    // SAFETY: the options used here take plain integers; unused arguments must be zero.
    check(unsafe {
        libc::prctl(option, argument, 0 as libc::c_ulong, 0 as libc::c_ulong, 0 as libc::c_ulong)
    })
}

/// Asks for SIGKILL when the thread that made this process ends. Cleared by a change of user id.
pub fn die_with_parent() -> io::Result<()> {
    hear_of_parents_end(KILL)
}

/// Asks for this signal when the thread that made this process ends. Cleared by a change of user id.
pub fn hear_of_parents_end(signal: i32) -> io::Result<()> {
    prctl(libc::PR_SET_PDEATHSIG, signal as libc::c_ulong).map(drop)
}

/// Gives up, for good, every way of gaining rights by exec.
pub fn no_new_privileges() -> io::Result<()> {
    prctl(libc::PR_SET_NO_NEW_PRIVS, 1).map(drop)
}

/// Whether others of the same user may look into this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dumpable {
    /// `/proc/PID` belongs to the user.
    Yes,
    /// Memory and descriptors are closed to everybody without rights over the namespace.
    No,
}

/// Opens or closes this process to its own user.
pub fn set_dumpable(dumpable: Dumpable) -> io::Result<()> {
    prctl(libc::PR_SET_DUMPABLE, (dumpable == Dumpable::Yes) as libc::c_ulong).map(drop)
}

/// Makes orphans below this process its children.
pub fn become_subreaper() -> io::Result<()> {
    prctl(libc::PR_SET_CHILD_SUBREAPER, 1).map(drop)
}

/// Empties the bounding set, so that no exec can ever bring a capability back. Needs `CAP_SETPCAP`.
pub fn empty_bounding_set() -> io::Result<()> {
    for capability in 0..64 {
        match prctl(libc::PR_CAPBSET_READ, capability) {
            Ok(1) => {
                prctl(libc::PR_CAPBSET_DROP, capability)?;
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    Ok(())
}

/// Drops every capability that this process holds or could pass on.
pub fn drop_capabilities() -> io::Result<()> {
    prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as libc::c_ulong)?;
    clear_capability_sets()
}

fn clear_capability_sets() -> io::Result<()> {
    #[repr(C)]
    struct Header {
        version: u32,
        pid: i32,
    }
    // _LINUX_CAPABILITY_VERSION_3: two triples of effective, permitted, inheritable.
    let header = Header { version: 0x2008_0522, pid: 0 };
    let none = [0u32; 6];
    // SAFETY: both structures have the layout that version 3 asks for.
    check_long(unsafe { libc::syscall(libc::SYS_capset, &header as *const Header, none.as_ptr()) })?;
    Ok(())
}
