//! System call rules: an allow-list whose default answer is "no such call", and arguments that are refused.
//!
//! `ENOSYS` makes libraries fall back to older calls (`clone3` to `clone`, whose flags a filter can see); `EPERM`
//! says that the call exists and this use of it is not allowed. The list is what CPython, numpy, pandas,
//! matplotlib, multiprocessing and asyncio were seen to use, plus their plain relatives.

use std::collections::BTreeMap;
use std::io;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Len, SeccompCmpOp as Op, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};

use crate::error::{Step, StepError};
use crate::plan::SeccompPlan;

mod calls;
mod shared;

/// `linux/net.h`: the kernel turns this type of an `AF_INET` socket into the family `AF_PACKET`.
const SOCK_PACKET: i32 = 10;

/// Compiled filters, made once per zygote and applied once per session.
#[derive(Debug, Clone)]
pub struct Filters {
    programs: Vec<BpfProgram>,
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;
type Built<T> = Result<T, seccompiler::BackendError>;

impl Filters {
    /// Compiles the filters for a plan.
    pub fn compile(plan: SeccompPlan) -> Result<Self, StepError> {
        build(plan).map_err(io::Error::other).step(|| "compile the system call filter".to_owned())
    }

    /// Binds this thread and everything it makes, for good. Needs `no_new_privileges` first.
    pub fn apply(&self) -> Result<(), StepError> {
        for program in &self.programs {
            apply_filter(program)
                .map_err(io::Error::other)
                .step(|| "apply the system call filter".to_owned())?;
        }
        Ok(())
    }
}

fn build(plan: SeccompPlan) -> Built<Filters> {
    let arch: TargetArch = std::env::consts::ARCH.try_into()?;
    let mut allowed: Rules = calls::ALLOWED.iter().map(|call| (*call, Vec::new())).collect();
    let no_such_call = SeccompAction::Errno(libc::ENOSYS as u32);
    let not_allowed = SeccompAction::Errno(libc::EPERM as u32);
    let mut of_the_led = Rules::new();
    if plan == SeccompPlan::Sockets {
        // Moving into namespaces exists only for a process that is led by somebody outside, who decides about each
        // call: a twin on its way out of its mother's. For all others it is no such call.
        allowed.insert(libc::SYS_setns, Vec::new());
        of_the_led.insert(libc::SYS_setns, Vec::new());
    }
    let led = SeccompFilter::new(of_the_led, SeccompAction::Allow, SeccompAction::Trace(0), arch)?;
    let allow_list = SeccompFilter::new(allowed, no_such_call, SeccompAction::Allow, arch)?;
    let arguments = SeccompFilter::new(refused_arguments(plan)?, SeccompAction::Allow, not_allowed, arch)?;
    // The allow-list comes last: it has no call that would add another filter.
    Ok(Filters { programs: vec![arguments.try_into()?, led.try_into()?, allow_list.try_into()?] })
}

fn condition(argument: u8, length: Len, operator: Op, value: u64) -> Built<SeccompCondition> {
    SeccompCondition::new(argument, length, operator, value)
}

/// Uses of allowed calls that are refused all the same.
fn refused_arguments(plan: SeccompPlan) -> Built<Rules> {
    let mut rules = Rules::new();
    rules.insert(libc::SYS_clone, new_namespaces()?);
    rules.insert(libc::SYS_socket, refused_sockets()?);
    let other_than_unix = condition(0, Len::Dword, Op::Ne, libc::AF_UNIX as u64)?;
    rules.insert(libc::SYS_socketpair, vec![SeccompRule::new(vec![other_than_unix])?]);
    // Typing into a terminal on the user's behalf (TIOCSTI), and through the console (TIOCLINUX).
    let mut ioctls = Vec::new();
    for request in [libc::TIOCSTI, 0x541c] {
        ioctls.push(SeccompRule::new(vec![condition(1, Len::Dword, Op::Eq, request)?])?);
    }
    rules.insert(libc::SYS_ioctl, ioctls);
    // Only asking for the personality, or setting the plain one.
    let neither = vec![condition(0, Len::Dword, Op::Ne, 0)?, condition(0, Len::Dword, Op::Ne, 0xffff_ffff)?];
    rules.insert(libc::SYS_personality, vec![SeccompRule::new(neither)?]);
    if plan == SeccompPlan::NoSockets {
        shared::refuse(&mut rules)?;
    }
    Ok(rules)
}

fn new_namespaces() -> Built<Vec<SeccompRule>> {
    let flags = [
        libc::CLONE_NEWNS,
        libc::CLONE_NEWUSER,
        libc::CLONE_NEWPID,
        libc::CLONE_NEWNET,
        libc::CLONE_NEWIPC,
        libc::CLONE_NEWUTS,
        libc::CLONE_NEWCGROUP,
    ];
    flags
        .iter()
        .map(|flag| {
            let flag = *flag as u32 as u64;
            SeccompRule::new(vec![condition(0, Len::Qword, Op::MaskedEq(flag), flag)?])
        })
        .collect()
}

fn refused_sockets() -> Built<Vec<SeccompRule>> {
    let families = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6];
    let other_family: Built<Vec<_>> =
        families.iter().map(|family| condition(0, Len::Dword, Op::Ne, *family as u64)).collect();
    let mut rules = vec![SeccompRule::new(other_family?)?];
    // The low four bits are the type; the flags are above. `SOCK_PACKET` is a family in disguise.
    for kind in [libc::SOCK_RAW, SOCK_PACKET] {
        let raw = condition(1, Len::Dword, Op::MaskedEq(0xf), kind as u64)?;
        rules.push(SeccompRule::new(vec![raw])?);
    }
    Ok(rules)
}
