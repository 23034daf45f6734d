//! The plan: every mount, rule and limit by name, made from the policy and a few facts, still without effects.
//!
//! What is not in the plan does not exist inside. The plan travels to the launcher and to the zygote, so it is plain
//! data too.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::policy::{Level, Network, Policy, SessionLimits};
use crate::proof::Probe;

mod places;

use places::{COVERED, DEVICES, LINKS, RESTRICTED_PROC, SYSTEM_ETC, SYSTEM_TREES};
pub use places::{KERNEL, OWN};

/// The lowest Landlock version that we accept: 3 covers truncation, the last way to damage a file it forbids to write.
pub const LANDLOCK_AT_LEAST: u32 = 3;

/// The lowest Landlock version for level `restricted`: 6 keeps signals and abstract sockets to the session's own
/// processes, which in level `full` the namespaces do.
pub const LANDLOCK_FOR_RESTRICTED: u32 = 6;

/// The user that root hands the sandbox to (`nobody` on every Linux).
pub const UNPRIVILEGED: u32 = 65_534;

/// The user id that code sees as its own in level `full`.
pub const INSIDE_ID: u32 = 1_000;

/// Where the listener of a proxied network waits, on the session's own loopback.
pub const PROXY_PORT: u16 = 3128;

/// A file that exists in the sandbox's root and that no rule allows: opening it tells whether Landlock holds.
pub const FORBIDDEN_FILE: &str = "/forbidden";

/// What has to be known of the machine to plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Effective user id of the host.
    pub uid: u32,
    /// Effective group id of the host.
    pub gid: u32,
    /// Landlock version of the kernel, 0 for none.
    pub landlock: u32,
    /// Whether the host is root and there is an unprivileged user to hand over to.
    pub is_root: bool,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The kernel has no Landlock, or one too old.
    #[error(
        "the sandbox needs Landlock {LANDLOCK_AT_LEAST} and this kernel has {found}; use Linux 6.2 or newer with `landlock` in its lsm= list"
    )]
    Landlock {
        /// What there is.
        found: u32,
    },
    /// Landlock is too old to stand in for namespaces.
    #[error(
        "level `restricted` needs Landlock {LANDLOCK_FOR_RESTRICTED} (Linux 6.12) and this kernel has {found}: code could signal other processes of its user; use level `full`"
    )]
    RestrictedLandlock {
        /// What there is.
        found: u32,
    },
    /// The restricted level cannot give what the policy asks for.
    #[error("level `restricted` has no network at all; set sandbox.network to \"none\" or use level `full`")]
    RestrictedNetwork,
    /// Nothing would keep code to the proxy.
    #[error(
        "level `off` cannot keep code to a list of hosts; use level `full`, or set sandbox.network to \"none\" or \"full\""
    )]
    OpenNetwork,
    /// A path in the policy is not absolute.
    #[error("`{0}` in the sandbox policy is not an absolute path")]
    Relative(PathBuf),
    /// A path in the policy lies where sessions have something of their own.
    #[error("`{0}` cannot be opened to sessions: they have `{OWN}` and `{KERNEL}` for themselves")]
    Reserved(PathBuf),
    /// A path in the policy would show what the sandbox exists to hide.
    #[error("`{0}` cannot be opened to sessions as a whole; name the directory that they need")]
    TooWide(PathBuf),
}

/// The whole way in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Once per zygote, before Python starts.
    pub outer: OuterPlan,
    /// Once per session, after the fork.
    pub session: SessionPlan,
}

/// The room of a zygote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OuterPlan {
    /// New namespaces and a root of its own.
    Room(RoomPlan),
    /// The host's own view; only the user changes.
    Bare {
        /// The user to become, if the host is root.
        become_user: Option<u32>,
    },
    /// Nothing at all.
    Open,
}

/// A root built from scratch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomPlan {
    /// A network namespace without interfaces, or the host's.
    pub own_network: bool,
    /// Who the user inside is outside.
    pub identity: Identity,
    /// Parts of the host's tree, in this order.
    pub binds: Vec<Bind>,
    /// Files made here.
    pub files: Vec<(PathBuf, String)>,
    /// Empty directories to mount over.
    pub directories: Vec<PathBuf>,
    /// Links: where, and what they say.
    pub links: Vec<(PathBuf, PathBuf)>,
}

/// Who the user inside is outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Identity {
    /// The ordinary user that runs the host.
    Same {
        /// That user.
        uid: u32,
        /// Its group.
        gid: u32,
    },
    /// An unprivileged user in place of root.
    Handed {
        /// User and group id outside.
        id: u32,
    },
}

/// One path of the host, shown under its own name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    /// The path, here and there.
    pub path: PathBuf,
    /// What may be done with it.
    pub access: Access,
    /// What to do when the host does not have it.
    pub missing: Missing,
}

/// What may be done with a bind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Access {
    /// Read it and run programs from it.
    Read,
    /// Read data, run nothing.
    Data,
    /// Read and write.
    Write,
    /// Use it as a device.
    Device,
}

/// What to do when a bind's path does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Missing {
    /// Leave it out: not every system has every tree.
    Skip,
    /// Refuse: somebody asked for it by name.
    Refuse,
}

/// The room of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionPlan {
    /// Namespaces of its own, or none.
    pub rooms: SessionRooms,
    /// Where it starts and may write.
    pub workspace: PathBuf,
    /// File rules; `None` only in level `off`.
    pub landlock: Option<LandlockPlan>,
    /// System call rules; `None` only in level `off`.
    pub seccomp: Option<SeccompPlan>,
    /// Numbers that the kernel keeps.
    pub limits: SessionLimits,
    /// A port of the session's own loopback on which the host listens.
    pub listener: Option<u16>,
    /// What is tried from inside before the session is called ready.
    pub probes: Vec<Probe>,
}

/// Whether a session has namespaces of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SessionRooms {
    /// All of them, and mounts of its own.
    Own {
        /// A network namespace too.
        network: bool,
        /// Bytes in the workspace and `/tmp` together.
        workspace_bytes: u64,
        /// Bytes in `/dev/shm`.
        shared_memory_bytes: u64,
        /// Parts of the host's tree that the session's own mounts would cover, and that are to be seen all the same.
        kept: Vec<PathBuf>,
    },
    /// None: it shares the zygote's view.
    Shared,
}

/// What Landlock allows; all else is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LandlockPlan {
    /// The version whose rights are handled.
    pub version: u32,
    /// Trees to read and run.
    pub read: Vec<PathBuf>,
    /// Trees to write.
    pub write: Vec<PathBuf>,
    /// Files to read and write in place.
    pub devices: Vec<PathBuf>,
    /// Trees whose names may be listed.
    pub list: Vec<PathBuf>,
}

/// Which sockets the system call filter lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SeccompPlan {
    /// Unix, IPv4, IPv6: the network namespace holds them.
    Sockets,
    /// None but anonymous Unix pairs, and nothing that reaches other processes of the same user: there are no
    /// namespaces to hold it.
    NoSockets,
}

/// Makes the plan.
///
/// `workspace` is a host directory for levels without a mount namespace; level `full` makes its own behind `/session`.
pub fn plan(policy: &Policy, facts: Facts, workspace: &Path) -> Result<Plan, PlanError> {
    for path in policy.read.iter().chain(&policy.write) {
        check_path(path)?;
    }
    match policy.level {
        Level::Full => {
            require_landlock(facts)?;
            Ok(Plan { outer: OuterPlan::Room(room(policy, facts)), session: full_session(policy, facts) })
        }
        Level::Restricted => {
            require_landlock(facts)?;
            if facts.landlock < LANDLOCK_FOR_RESTRICTED {
                return Err(PlanError::RestrictedLandlock { found: facts.landlock });
            }
            if policy.network != Network::None {
                return Err(PlanError::RestrictedNetwork);
            }
            let become_user = (facts.is_root).then_some(UNPRIVILEGED);
            Ok(Plan {
                outer: OuterPlan::Bare { become_user },
                session: restricted_session(policy, facts, workspace),
            })
        }
        Level::Off if policy.network == Network::Proxied => Err(PlanError::OpenNetwork),
        Level::Off => Ok(Plan { outer: OuterPlan::Open, session: open_session(policy, workspace) }),
    }
}

/// The unprivileged user that a workspace directory must belong to, if the host is root.
pub fn workspace_owner(facts: Facts, level: Level) -> Option<u32> {
    (facts.is_root && level == Level::Restricted).then_some(UNPRIVILEGED)
}

fn check_path(path: &Path) -> Result<(), PlanError> {
    if !path.is_absolute() {
        return Err(PlanError::Relative(path.to_owned()));
    }
    let whole = ["/", "/proc", "/sys", "/dev", "/run", "/session", "/tmp"];
    if path.starts_with(OWN) || path.starts_with(KERNEL) {
        return Err(PlanError::Reserved(path.to_owned()));
    }
    if whole.iter().any(|root| path == Path::new(root))
        || path.starts_with("/proc")
        || path.starts_with("/sys")
    {
        return Err(PlanError::TooWide(path.to_owned()));
    }
    Ok(())
}

fn require_landlock(facts: Facts) -> Result<(), PlanError> {
    if facts.landlock < LANDLOCK_AT_LEAST {
        Err(PlanError::Landlock { found: facts.landlock })
    } else {
        Ok(())
    }
}

fn room(policy: &Policy, facts: Facts) -> RoomPlan {
    let bind = |path: &Path, access, missing| Bind { path: path.to_owned(), access, missing };
    let mut binds: Vec<Bind> = Vec::new();
    binds.extend(SYSTEM_TREES.iter().map(|tree| bind(Path::new(tree), Access::Read, Missing::Skip)));
    binds.extend(SYSTEM_ETC.iter().map(|file| bind(Path::new(file), Access::Data, Missing::Skip)));
    if policy.network == Network::Full {
        for file in ["/etc/resolv.conf", "/etc/hosts", "/etc/host.conf"] {
            binds.push(bind(Path::new(file), Access::Data, Missing::Skip));
        }
    }
    binds.extend(python_trees(policy).map(|tree| bind(tree, Access::Read, Missing::Refuse)));
    // What may be missing is shown as the link that it is.
    binds.extend(python_links(policy).map(|link| bind(link, Access::Read, Missing::Skip)));
    binds.extend(policy.read.iter().map(|path| bind(path, Access::Read, Missing::Refuse)));
    binds.extend(policy.write.iter().map(|path| bind(path, Access::Write, Missing::Refuse)));
    binds.extend(DEVICES.iter().map(|device| bind(Path::new(device), Access::Device, Missing::Refuse)));
    let identity = if facts.is_root {
        Identity::Handed { id: UNPRIVILEGED }
    } else {
        Identity::Same { uid: facts.uid, gid: facts.gid }
    };
    let directories = ["/dev", "/own/session", "/own/tmp", "/own/shm", "/kernel/proc", "/run", "/etc"];
    RoomPlan {
        own_network: policy.network != Network::Full,
        identity,
        binds,
        files: synthetic_files(policy.network),
        directories: paths(&directories),
        links: LINKS.iter().map(|(path, target)| (path.into(), target.into())).collect(),
    }
}

fn synthetic_files(network: Network) -> Vec<(PathBuf, String)> {
    let mut files = vec![
        // Only who can be somebody here: code that finds other users tries to hand files to them.
        ("/etc/passwd", format!("user:x:{INSIDE_ID}:{INSIDE_ID}:user:/session:/bin/sh\n")),
        ("/etc/group", format!("user:x:{INSIDE_ID}:\n")),
        ("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n".to_owned()),
        (FORBIDDEN_FILE, "closed by landlock\n".to_owned()),
    ];
    if network != Network::Full {
        files.push(("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n".to_owned()));
        files.push(("/etc/resolv.conf", String::new()));
    }
    files.into_iter().map(|(path, text)| (PathBuf::from(path), text)).collect()
}

/// Python's trees that are not inside a system tree already.
fn python_trees(policy: &Policy) -> impl Iterator<Item = &Path> {
    let inside_system = |path: &Path| SYSTEM_TREES.iter().any(|tree| path.starts_with(tree));
    policy.python.prefixes.iter().map(PathBuf::as_path).filter(move |path| !inside_system(path))
}

/// Links on the way to Python that are not inside a tree that is shown.
fn python_links(policy: &Policy) -> impl Iterator<Item = &Path> {
    let shown = |link: &Path| {
        let trees = SYSTEM_TREES.iter().map(Path::new);
        trees.chain(policy.python.prefixes.iter().map(PathBuf::as_path)).any(|tree| link.starts_with(tree))
    };
    policy.python.links.iter().map(PathBuf::as_path).filter(move |link| !shown(link))
}

fn paths(list: &[&str]) -> Vec<PathBuf> {
    list.iter().map(PathBuf::from).collect()
}

fn readable(policy: &Policy) -> Vec<PathBuf> {
    let mut read = paths(&SYSTEM_TREES);
    read.extend(python_trees(policy).map(Path::to_owned));
    read.extend(policy.read.iter().cloned());
    read
}

fn full_session(policy: &Policy, facts: Facts) -> SessionPlan {
    let mut read = readable(policy);
    read.extend(paths(&["/etc", KERNEL]));
    let mut write = paths(&[OWN]);
    write.extend(policy.write.iter().cloned());
    let mut probes = vec![
        Probe::Namespaces,
        Probe::Absent { path: "/etc/shadow".into() },
        Probe::Unopenable { path: FORBIDDEN_FILE.into() },
        Probe::Unwritable { path: "/usr/.probe".into() },
        Probe::NoNewNamespaces,
        Probe::SystemCallFilter,
        Probe::NoCapabilities,
        Probe::EmptyBoundingSet,
        Probe::NoNewPrivileges,
        Probe::Limits,
    ];
    match policy.network {
        Network::None => probes.push(Probe::NoRoute),
        Network::Proxied => probes.push(Probe::OnlyProxy { port: PROXY_PORT }),
        Network::Full => {}
    }
    SessionPlan {
        rooms: SessionRooms::Own {
            network: policy.network != Network::Full,
            workspace_bytes: policy.limits.workspace,
            shared_memory_bytes: policy.limits.workspace.min(256 << 20),
            kept: covered(policy),
        },
        workspace: "/session".into(),
        landlock: Some(LandlockPlan {
            version: facts.landlock,
            read,
            write,
            devices: paths(&DEVICES),
            list: paths(&["/"]),
        }),
        seccomp: Some(SeccompPlan::Sockets),
        limits: policy.limits,
        listener: (policy.network == Network::Proxied).then_some(PROXY_PORT),
        probes,
    }
}

/// What of the host is shown below a directory that each session has for itself: a virtual environment or data
/// somewhere in `/tmp`.
fn covered(policy: &Policy) -> Vec<PathBuf> {
    let python = python_trees(policy).chain(python_links(policy));
    let shown = python.chain(policy.read.iter().chain(&policy.write).map(PathBuf::as_path));
    let below = |path: &Path| COVERED.iter().any(|root| path.starts_with(root));
    shown.filter(|path| below(path)).map(Path::to_owned).collect()
}

fn restricted_session(policy: &Policy, facts: Facts, workspace: &Path) -> SessionPlan {
    let mut read = readable(policy);
    read.extend(paths(&SYSTEM_ETC));
    read.extend(paths(&RESTRICTED_PROC));
    let mut write = vec![workspace.to_owned()];
    write.extend(policy.write.iter().cloned());
    let mut probes = vec![
        Probe::Unopenable { path: "/etc/passwd".into() },
        Probe::Unwritable { path: "/tmp/.probe".into() },
        Probe::NoSocket,
        Probe::NoNewNamespaces,
        Probe::SystemCallFilter,
        Probe::NoCapabilities,
        Probe::NoNewPrivileges,
        Probe::Limits,
    ];
    if facts.is_root {
        // An ordinary user may not empty it, and without new privileges it gives nothing.
        probes.push(Probe::EmptyBoundingSet);
    }
    SessionPlan {
        rooms: SessionRooms::Shared,
        workspace: workspace.to_owned(),
        landlock: Some(LandlockPlan {
            version: facts.landlock,
            read,
            write,
            devices: paths(&DEVICES),
            list: vec![],
        }),
        seccomp: Some(SeccompPlan::NoSockets),
        limits: policy.limits,
        listener: None,
        probes,
    }
}

fn open_session(policy: &Policy, workspace: &Path) -> SessionPlan {
    SessionPlan {
        rooms: SessionRooms::Shared,
        workspace: workspace.to_owned(),
        landlock: None,
        seccomp: None,
        limits: policy.limits,
        listener: None,
        probes: vec![],
    }
}

#[cfg(test)]
mod tests;
