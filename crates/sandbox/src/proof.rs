//! Pushing against every wall from inside, after lock-down and before the session is called ready.
//!
//! A probe that succeeds where it must not, or that fails with another answer than the wall gives, is an error:
//! the process exits and no code runs. What the kernel answered is the evidence that `doctor` shows.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::policy::SessionLimits;
use crate::sys;

/// One wall, and how it is tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Probe {
    /// The process has a pid namespace of its own: it is 2 and its parent is 1.
    Namespaces,
    /// A file that every host has is not there.
    Absent {
        /// That file.
        path: PathBuf,
    },
    /// A file that is there cannot be opened (Landlock).
    Unopenable {
        /// That file.
        path: PathBuf,
    },
    /// A file cannot be made in a system directory.
    Unwritable {
        /// That file.
        path: PathBuf,
    },
    /// A packet to an outside address has nowhere to go.
    NoRoute,
    /// The same, and the listener of the proxy is there.
    OnlyProxy {
        /// Its port on the loopback.
        port: u16,
    },
    /// No socket can be made at all.
    NoSocket,
    /// A user namespace cannot be made.
    NoNewNamespaces,
    /// The kernel says that a system call filter is active.
    SystemCallFilter,
    /// No capability is held or can be passed on.
    NoCapabilities,
    /// No exec can bring a capability back.
    EmptyBoundingSet,
    /// Exec cannot gain rights.
    NoNewPrivileges,
    /// The kernel keeps the limits of the plan.
    Limits,
}

/// A wall that does not hold.
#[derive(Debug, thiserror::Error)]
#[error("the sandbox does not hold: {wall}: {found}")]
pub struct Breach {
    /// The wall.
    pub wall: &'static str,
    /// What happened when it was tried.
    pub found: String,
}

impl Probe {
    /// The wall's name, as doctor shows it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Namespaces => "namespaces",
            Self::Absent { .. } => "own root",
            Self::Unopenable { .. } => "landlock",
            Self::Unwritable { .. } => "read-only system",
            Self::NoRoute => "no network",
            Self::OnlyProxy { .. } => "no network but the proxy",
            Self::NoSocket => "no sockets",
            Self::NoNewNamespaces => "no new namespaces",
            Self::SystemCallFilter => "seccomp",
            Self::NoCapabilities => "no capabilities",
            Self::EmptyBoundingSet => "empty bounding set",
            Self::NoNewPrivileges => "no new privileges",
            Self::Limits => "limits",
        }
    }

    /// Tries the wall; the evidence that it holds, in a few words.
    pub fn attempt(&self, limits: &SessionLimits) -> Result<String, Breach> {
        let breach = |found: String| Breach { wall: self.name(), found };
        match self {
            Self::Namespaces => match (sys::pid(), sys::parent_pid()) {
                (2, 1) => Ok("own pid 2, parent 1".to_owned()),
                (pid, parent) => Err(breach(format!("own pid {pid}, parent {parent}"))),
            },
            Self::Absent { path } => {
                refused(fs::metadata(path), &[libc::ENOENT], "stat", path).map_err(breach)
            }
            Self::Unopenable { path } => {
                refused(fs::File::open(path), &[libc::EACCES], "open", path).map_err(breach)
            }
            Self::Unwritable { path } => {
                let made = fs::OpenOptions::new().write(true).create_new(true).open(path);
                refused(made, &[libc::EACCES, libc::EROFS, libc::EPERM], "create", path).map_err(breach)
            }
            Self::NoRoute => no_route().map_err(breach),
            Self::OnlyProxy { port } => {
                let refused = no_route().map_err(breach)?;
                match sys::try_connect([127, 0, 0, 1], *port) {
                    // On the loopback a connection stands or is refused at once, and one that is still on its way
                    // has a listener.
                    Ok(()) => {}
                    Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {}
                    Err(error) => return Err(breach(format!("connect 127.0.0.1:{port}: {error}"))),
                }
                Ok(format!("{refused}; connect 127.0.0.1:{port} (the proxy) works"))
            }
            Self::NoSocket => {
                let tried = sys::try_socket(libc::AF_INET, libc::SOCK_STREAM);
                refused(tried, &[libc::EPERM], "socket", Path::new("AF_INET")).map_err(breach)
            }
            Self::NoNewNamespaces => {
                let tried = sys::unshare(libc::CLONE_NEWUSER);
                refused(tried, &[libc::ENOSYS, libc::EPERM], "unshare", Path::new("CLONE_NEWUSER"))
                    .map_err(breach)
            }
            Self::SystemCallFilter => status(&["Seccomp:"], |value| value == "2").map_err(breach),
            Self::NoCapabilities => {
                let sets = ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"];
                status(&sets, |value| value.bytes().all(|digit| digit == b'0')).map_err(breach)
            }
            Self::EmptyBoundingSet => {
                status(&["CapBnd:"], |value| value.bytes().all(|digit| digit == b'0')).map_err(breach)
            }
            Self::NoNewPrivileges => status(&["NoNewPrivs:"], |value| value == "1").map_err(breach),
            Self::Limits => kernel_limits(limits).map_err(breach),
        }
    }
}

fn no_route() -> Result<String, String> {
    // 192.0.2.0/24 is kept for documentation, RFC 5737.
    let tried = sys::try_connect([192, 0, 2, 1], 9);
    refused(tried, &[libc::ENETUNREACH], "connect", Path::new("192.0.2.1"))
}

/// Tries every probe; the first wall that does not hold ends it.
pub fn attempt_all(probes: &[Probe], limits: &SessionLimits) -> Result<Vec<(&'static str, String)>, Breach> {
    probes.iter().map(|probe| Ok((probe.name(), probe.attempt(limits)?))).collect()
}

fn refused<T>(tried: io::Result<T>, expected: &[i32], verb: &str, what: &Path) -> Result<String, String> {
    let what = what.display();
    match tried {
        Ok(_) => Err(format!("{verb} {what} succeeded")),
        Err(error) => match error.raw_os_error() {
            Some(code) if expected.contains(&code) => Ok(format!("{verb} {what}: {}", name(code))),
            _ => Err(format!("{verb} {what} was refused by something else: {error}")),
        },
    }
}

fn name(code: i32) -> &'static str {
    match code {
        libc::ENOENT => "ENOENT",
        libc::EACCES => "EACCES",
        libc::EPERM => "EPERM",
        libc::EROFS => "EROFS",
        libc::ENOSYS => "ENOSYS",
        libc::ENETUNREACH => "ENETUNREACH",
        _ => "refused",
    }
}

fn status(fields: &[&str], holds: impl Fn(&str) -> bool) -> Result<String, String> {
    // The thread's own file: restricted sessions may read no more than this of /proc, and through this name.
    let text = sys::own_status().map_err(|error| format!("/proc/thread-self/status: {error}"))?;
    for field in fields {
        let value = text.lines().find_map(|line| line.strip_prefix(field)).map(str::trim);
        match value {
            Some(value) if holds(value) => {}
            Some(value) => return Err(format!("{field} {value}")),
            None => return Err(format!("{field} is missing")),
        }
    }
    Ok(format!("/proc/self/status {}", fields.join(" ").replace(':', "")))
}

fn kernel_limits(limits: &SessionLimits) -> Result<String, String> {
    let wanted = [
        ("memory", sys::Resource::Data, limits.memory.saturating_add(crate::limits::SPARE_MEMORY)),
        ("processes", sys::Resource::Processes, limits.processes),
        ("files", sys::Resource::Files, limits.files + crate::limits::SPARE_FILES),
        ("file size", sys::Resource::FileSize, limits.workspace),
    ];
    for (name, resource, most) in wanted {
        let kept = sys::get_limit(resource).map_err(|error| format!("{name}: {error}"))?;
        if kept > most {
            return Err(format!("{name} {kept} is over {most}"));
        }
    }
    Ok("rlimits as planned".to_owned())
}
