//! What the kernel says of processes, time and itself, read and never changed.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use super::{check, effective_ids, own, parent_pid, pid};

/// The pids of all processes below this one, as this namespace numbers them. They may end at any moment; use
/// [`open_process`] before doing anything to one.
pub fn descendants() -> Vec<i32> {
    below(children(pid()))
}

/// These processes and all below them.
pub fn below(mut found: Vec<i32>) -> Vec<i32> {
    let mut next = 0;
    while next < found.len() && found.len() < 100_000 {
        let more = children(found[next]);
        found.extend(more);
        next += 1;
    }
    found
}

/// The pids of a process's children.
pub fn children(pid: i32) -> Vec<i32> {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    threads
        .flatten()
        .filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<i32>>())
        .collect()
}

/// The pids of everything that lives and whose own pid namespace is this one, but for this process.
pub fn everybody_here() -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_here = |pid: &i32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        // One number for each namespace from this one down.
        let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
        numbers.is_none_or(|numbers| numbers.split_whitespace().count() == 1)
    };
    pids.filter(|pid| *pid != super::pid() && start_ticks(*pid).is_some()).filter(is_here).collect()
}

/// Threads of a process; 0 if it has ended.
pub fn threads_of(pid: i32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count)
}

/// When a process started, in clock ticks since boot; `None` if it has ended.
pub fn start_ticks(pid: i32) -> Option<u64> {
    stat_field(pid, 19)
}

/// A number from `/proc/PID/stat`, counted from the state, which is field 3.
fn stat_field<T: std::str::FromStr>(pid: i32, index: usize) -> Option<T> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in field 2 may hold anything; the last `)` ends it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    // A zombie has ended and only waits to be collected.
    if fields.clone().next().is_none_or(|state| matches!(state, "Z" | "X")) {
        return None;
    }
    fields.nth(index)?.parse().ok()
}

/// Processes and threads that this process's user has on the whole machine.
pub fn tasks_of_user() -> io::Result<u64> {
    let (uid, _) = effective_ids();
    let mut count = 0;
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let Ok(status) = std::fs::read_to_string(entry.path().join("status")) else { continue };
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
        let owner = field("Uid:").and_then(|ids| ids.split_whitespace().next()?.parse().ok());
        if owner == Some(uid) {
            count += field("Threads:").and_then(|number| number.trim().parse::<u64>().ok()).unwrap_or(1);
        }
    }
    Ok(count)
}

/// Clock ticks since boot, the unit of a process's start time in `/proc/PID/stat`.
pub fn ticks_since_boot() -> io::Result<u64> {
    let (since_boot, tick) = clock()?;
    Ok(u64::try_from(since_boot.as_nanos() / tick.as_nanos()).unwrap_or(u64::MAX))
}

/// How long this clock tick will last.
pub fn rest_of_tick() -> io::Result<Duration> {
    let (since_boot, tick) = clock()?;
    let begun = u64::try_from(since_boot.as_nanos() % tick.as_nanos()).unwrap_or(0);
    Ok(tick.saturating_sub(Duration::from_nanos(begun)))
}

/// The time since boot, and how long a clock tick is.
fn clock() -> io::Result<(Duration, Duration)> {
    // SAFETY: an all-zero timespec is a valid place for the call to write to.
    let mut time: libc::timespec = unsafe { std::mem::zeroed() };
    // SAFETY: `time` is valid for writing.
    check(unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &mut time) })?;
    // SAFETY: takes a plain integer.
    let per_second = u32::try_from(unsafe { libc::sysconf(libc::_SC_CLK_TCK) }).unwrap_or(100).max(1);
    let nanos = u32::try_from(time.tv_nsec).unwrap_or(0);
    Ok((Duration::new(time.tv_sec.unsigned_abs(), nanos), Duration::from_secs(1) / per_second))
}

/// The number given last to a process or thread of this pid namespace; `None` where that is hidden.
pub fn youngest_pid() -> Option<i32> {
    std::fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().nth(4)?.parse().ok()
}

/// Whether this process has children, ended ones included.
pub fn has_children() -> bool {
    // SAFETY: an all-zero siginfo is a valid place for the call to write to.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: `info` is valid for writing; WNOWAIT leaves whatever has ended to its owner.
    unsafe { libc::waitid(libc::P_ALL, 0, &mut info, flags) == 0 }
}

/// Whether the parent has children beside this process and those that are `known`, as far as that can be seen.
pub fn has_siblings_but(known: &[i32]) -> bool {
    children(parent_pid()).into_iter().any(|pid| pid != super::pid() && !known.contains(&pid))
}

/// What the kernel says of this thread, as `/proc/thread-self/status` shows it.
pub fn own_status() -> io::Result<String> {
    std::fs::read_to_string("/proc/thread-self/status")
}

/// The Landlock version that the running kernel speaks; 0 when it has none or it is switched off.
pub fn landlock_version() -> u32 {
    // SAFETY: with a null attribute and LANDLOCK_CREATE_RULESET_VERSION (1) the call only returns a number.
    let version =
        unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0usize, 1u32) };
    u32::try_from(version).unwrap_or(0)
}

/// A socket of this family and type, opened only to see whether that is possible.
pub fn try_socket(family: i32, kind: i32) -> io::Result<OwnedFd> {
    // SAFETY: plain integers; the kernel makes a descriptor.
    own(unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC, 0) })
}

/// Tries to connect a TCP socket to an IPv4 address without waiting.
pub fn try_connect(address: [u8; 4], port: u16) -> io::Result<()> {
    let socket = try_socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_NONBLOCK)?;
    // SAFETY: an all-zero sockaddr_in is valid.
    let mut to: libc::sockaddr_in = unsafe { std::mem::zeroed() };
    to.sin_family = libc::AF_INET as libc::sa_family_t;
    to.sin_port = port.to_be();
    to.sin_addr.s_addr = u32::from_ne_bytes(address);
    // SAFETY: pointer and length describe one sockaddr_in.
    let result = unsafe {
        libc::connect(
            socket.as_raw_fd(),
            (&raw const to).cast(),
            size_of::<libc::sockaddr_in>() as libc::socklen_t,
        )
    };
    check(result)?;
    Ok(())
}

/// The parent of a process, as this namespace numbers them; `None` if it has ended.
pub fn parent_of(pid: i32) -> Option<i32> {
    stat_field(pid, 1)
}
