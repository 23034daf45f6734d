//! Uses of calls that are refused where a session shares the host's namespaces (level `restricted`).
//!
//! Landlock holds what opens a file; it does not look at the calls below. There a session has the same user as
//! other programs of the machine, so what they own would be its own: their files' modes and times, their shared
//! memory and message queues, their limits and priorities, the sockets they listen on.

use std::collections::BTreeMap;

use seccompiler::{SeccompCmpArgLen as Len, SeccompCmpOp as Op, SeccompRule};

use super::{Built, Rules, condition};

/// Calls that reach by path, key or name what belongs to others.
#[rustfmt::skip]
const REFUSED: [i64; 28] = [
    // A file's mode, owner, times and attributes need no open that Landlock could refuse; and a descriptor
    // opened to read is enough for the forms that take one.
    libc::SYS_fchmod, libc::SYS_fchmodat, libc::SYS_fchmodat2, libc::SYS_fchown, libc::SYS_fchownat,
    libc::SYS_utimensat, libc::SYS_setxattr, libc::SYS_lsetxattr, libc::SYS_fsetxattr,
    libc::SYS_removexattr, libc::SYS_lremovexattr, libc::SYS_fremovexattr,
    // Watching a directory tells the names of the files in use there.
    libc::SYS_inotify_init1, libc::SYS_inotify_add_watch,
    // Without a namespace of its own these are the machine's.
    libc::SYS_shmget, libc::SYS_shmat, libc::SYS_shmctl, libc::SYS_semget, libc::SYS_semctl,
    libc::SYS_semop, libc::SYS_semtimedop, libc::SYS_msgget, libc::SYS_msgctl, libc::SYS_msgsnd,
    libc::SYS_msgrcv, libc::SYS_mq_open, libc::SYS_mq_unlink, libc::SYS_socket,
];

/// Their older forms.
#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
const REFUSED_OLDER: [i64; 7] = [
    libc::SYS_chmod, libc::SYS_chown, libc::SYS_lchown, libc::SYS_utime, libc::SYS_utimes,
    libc::SYS_futimesat, libc::SYS_inotify_init,
];

/// Other architectures started without the older forms.
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_OLDER: [i64; 0] = [];

/// Adds the rules.
pub fn refuse(rules: &mut Rules) -> Built<()> {
    rules.extend(REFUSED.into_iter().chain(REFUSED_OLDER).map(|call| (call, Vec::new())));
    rules.extend(other_processes()?);
    // An unconnected end of a pair of datagram sockets can send to any socket that has a name.
    let datagrams = rules.entry(libc::SYS_socketpair).or_default();
    for kind in [libc::SOCK_DGRAM, libc::SOCK_RAW] {
        let kind = condition(1, Len::Dword, Op::MaskedEq(0xf), kind as u64)?;
        datagrams.push(SeccompRule::new(vec![kind])?);
    }
    Ok(())
}

/// Only the caller itself may be limited, pinned or given another priority.
fn other_processes() -> Built<BTreeMap<i64, Vec<SeccompRule>>> {
    let is_not = |argument, value| condition(argument, Len::Dword, Op::Ne, value);
    let is_given = |argument| condition(argument, Len::Qword, Op::Ne, 0);
    let mut rules = BTreeMap::new();
    // Reading another's limits is harmless; the third argument is the new limit.
    rules.insert(libc::SYS_prlimit64, vec![SeccompRule::new(vec![is_not(0, 0)?, is_given(2)?])?]);
    let by_pid = [
        libc::SYS_sched_setaffinity,
        libc::SYS_sched_setscheduler,
        libc::SYS_sched_setparam,
        libc::SYS_sched_setattr,
    ];
    for call in by_pid {
        rules.insert(call, vec![SeccompRule::new(vec![is_not(0, 0)?])?]);
    }
    // PRIO_PROCESS is 0, IOPRIO_WHO_PROCESS is 1; the others are groups and users.
    for (call, process) in [(libc::SYS_setpriority, 0), (libc::SYS_ioprio_set, 1)] {
        let other_kind = SeccompRule::new(vec![is_not(0, process)?])?;
        let other_process = SeccompRule::new(vec![is_not(1, 0)?])?;
        rules.insert(call, vec![other_kind, other_process]);
    }
    Ok(rules)
}
