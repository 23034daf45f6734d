//! The way into a zygote's room, run by the launcher: a process with one thread that execs Python at the end.
//!
//! Python and every third-party import start inside. Under root the room is built with root's rights and then
//! handed to an unprivileged user; an ordinary user builds it inside a user namespace of its own.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::error::{Step, StepError};
use crate::groups::{Grave, OpenGrave};
use crate::guard;
use crate::plan::{Access, Bind, INSIDE_ID, Identity, Missing, OuterPlan, RoomPlan};
use crate::sys::{self, AtFlags, Dumpable, Forked, Groups, flags};

/// `MOUNT_ATTR_RDONLY`.
pub const ATTRIBUTE_READ_ONLY: u64 = 1;
const ATTRIBUTE_NO_SUID: u64 = 2;
const ATTRIBUTE_NO_DEVICES: u64 = 4;
const ATTRIBUTE_NO_EXEC: u64 = 8;

/// Enters the room. The calling process stays outside and never returns: for a room with namespaces as a waiter that
/// ends with its child, pid 1 inside, and otherwise as the guard. The child returns.
pub fn enter(plan: &OuterPlan, grave: &Grave) -> Result<(), StepError> {
    let grave = grave.open();
    sys::die_with_parent().step(|| "tie the launcher to the host".to_owned())?;
    match plan {
        OuterPlan::Room(room) => enter_room(room, &grave),
        OuterPlan::Bare { become_user } => {
            let guard = guard::leave_behind(grave)?;
            if let Some(id) = become_user {
                sys::empty_bounding_set().step(|| "empty the bounding set".to_owned())?;
                sys::become_user(*id, *id, Groups::Drop).step(|| "become an unprivileged user".to_owned())?;
                // The change of user cleared it.
                guard::tie_to(guard)?;
                sys::set_dumpable(Dumpable::Yes).step(|| "keep /proc/self readable".to_owned())?;
            }
            sys::become_subreaper().step(|| "adopt orphans".to_owned())?;
            sys::drop_capabilities().step(|| "drop the capabilities".to_owned())?;
            sys::no_new_privileges().step(|| "forbid new privileges".to_owned())
        }
        OuterPlan::Open => {
            guard::leave_behind(grave)?;
            sys::become_subreaper().step(|| "adopt orphans".to_owned())
        }
    }
}

fn enter_room(room: &RoomPlan, grave: &OpenGrave) -> Result<(), StepError> {
    let events = guard::hear_of_ends()?;
    let mut spaces = libc::CLONE_NEWNS
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWCGROUP;
    if room.own_network {
        spaces |= libc::CLONE_NEWNET;
    }
    match room.identity {
        Identity::Same { uid, gid } => {
            sys::unshare(spaces | libc::CLONE_NEWUSER).step(|| "make a user namespace".to_owned())?;
            write_maps(INSIDE_ID, uid, gid)?;
        }
        Identity::Handed { .. } => sys::unshare(spaces).step(|| "make the namespaces".to_owned())?,
    }
    let (to_child, from_parent) = pipe_pair()?;
    // SAFETY of `fork`: the launcher has one thread.
    #[allow(unsafe_code)]
    let forked = unsafe { sys::fork() }.step(|| "fork the room's first process".to_owned())?;
    match forked {
        // Each half lets go of the other's end, or neither would notice that the other has ended.
        Forked::Parent(child) => {
            drop(from_parent);
            wait_outside(room, child, to_child, &events, grave)
        }
        Forked::Child => {
            drop(to_child);
            guard::hear_nothing(events)?;
            build_inside(room, from_parent)
        }
    }
}

/// A pair of connected sockets on which the two halves of the launcher tell each other how far they are.
fn pipe_pair() -> Result<(OwnedFd, OwnedFd), StepError> {
    sys::socket_pair(sys::SocketKind::Packet).step(|| "make a socket pair".to_owned())
}

fn say(socket: &OwnedFd) -> Result<(), StepError> {
    sys::send(socket.as_fd(), b"x", &[], sys::Waiting::Block)
        .map(drop)
        .step(|| "signal the other half".to_owned())
}

fn hear(socket: &OwnedFd) -> Result<(), StepError> {
    let mut byte = [0; 1];
    let heard = sys::receive(socket.as_fd(), &mut byte, sys::Waiting::Block)
        .and_then(|(count, _)| if count == 1 { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) });
    heard.step(|| "wait for the other half".to_owned())
}

/// The half that stays outside: writes the id map that only root may write, then waits and ends with its child.
fn wait_outside(
    room: &RoomPlan,
    child: i32,
    socket: OwnedFd,
    events: &OwnedFd,
    grave: &OpenGrave,
) -> Result<(), StepError> {
    if let Identity::Handed { id } = room.identity {
        // Opened before the child leaves this mount namespace's root behind, which the two share.
        let process =
            fs::File::open(format!("/proc/{child}")).step(|| "open the child's /proc".to_owned())?;
        let agreed = say(&socket)
            .and_then(|()| hear(&socket))
            .and_then(|()| write_maps_of(&process, INSIDE_ID, id, id))
            .and_then(|()| say(&socket));
        // A child that fails says why itself, one that was killed has nothing to say, and this half has only to pass its end on.
        if agreed.is_err() && !sys::is_hung_up(socket.as_fd()) {
            return agreed;
        }
    }
    // The socket is held to the end, so that the child can tell whether this half still lives.
    guard::keep_alone([&socket, events], grave)?;
    let over = guard::until_over(child, events);
    if !over.is_gone {
        // It is pid 1 of the room: with it the kernel ends everything there, before it can be collected.
        let _ = sys::signal_child(child, sys::KILL);
        let _ = sys::reap(Some(child), sys::Waiting::Block);
    }
    grave.fill(over.is_orphaned);
    sys::exit_now(over.code)
}

/// The half that goes in.
fn build_inside(room: &RoomPlan, socket: OwnedFd) -> Result<(), StepError> {
    sys::die_with_parent().step(|| "tie the room to the launcher".to_owned())?;
    if matches!(room.identity, Identity::Handed { .. }) {
        hear(&socket)?;
    }
    build_root(room)?;
    if room.own_network {
        sys::loopback_up().step(|| "bring up the loopback".to_owned())?;
    }
    sys::set_host_name("sandbox").step(|| "set the host name".to_owned())?;
    if matches!(room.identity, Identity::Handed { .. }) {
        sys::unshare(libc::CLONE_NEWUSER).step(|| "make a user namespace".to_owned())?;
        say(&socket)?;
        hear(&socket)?;
        // Before the change of user, which takes the right to do it.
        sys::empty_bounding_set().step(|| "empty the bounding set".to_owned())?;
        sys::become_user(INSIDE_ID, INSIDE_ID, Groups::Leave).step(|| "become the user inside".to_owned())?;
        // The change of user cleared both.
        sys::die_with_parent().step(|| "tie the room to the launcher".to_owned())?;
        sys::set_dumpable(Dumpable::Yes).step(|| "keep /proc/self readable".to_owned())?;
    }
    // While the tie was not yet made, or was cleared, the other half may have been killed, and would not be heard of.
    if sys::is_hung_up(socket.as_fd()) {
        return Err(io::Error::from(io::ErrorKind::BrokenPipe)).step(|| "find the launcher alive".to_owned());
    }
    drop_all_capabilities()?;
    sys::no_new_privileges().step(|| "forbid new privileges".to_owned())
}

/// Gives up every capability and, where this namespace grants the right to, every future one.
pub fn drop_all_capabilities() -> Result<(), StepError> {
    sys::empty_bounding_set().step(|| "empty the bounding set".to_owned())?;
    sys::drop_capabilities().step(|| "drop the capabilities".to_owned())
}

/// Maps one user and one group of the parent namespace into the new one of this process.
pub fn write_maps(inside: u32, uid: u32, gid: u32) -> Result<(), StepError> {
    let process = fs::File::open("/proc/self").step(|| "open /proc/self".to_owned())?;
    write_maps_of(&process, inside, uid, gid)
}

fn write_maps_of(process: &fs::File, inside: u32, uid: u32, gid: u32) -> Result<(), StepError> {
    let lines = [
        (c"setgroups", "deny".to_owned()),
        (c"uid_map", format!("{inside} {uid} 1")),
        (c"gid_map", format!("{inside} {gid} 1")),
    ];
    for (name, line) in lines {
        let written = sys::open_to_write(process.as_fd(), name)
            .and_then(|file| sys::write(file.as_fd(), line.as_bytes()));
        written.step(|| format!("write {}", name.to_string_lossy()))?;
    }
    Ok(())
}

/// Builds a root on a tmpfs out of parts of the host's tree, makes it `/` and lets go of the host's.
///
/// Two pivots: first into a staging tmpfs so that the old tree stands beside the new one under a name that no
/// bind can collide with, then into the new root alone.
fn build_root(room: &RoomPlan) -> Result<(), StepError> {
    let mount = |source: &str, target: &str, kind: &str, flags: u64, data: &str| {
        sys::mount(Path::new(source), Path::new(target), kind, flags, data).step(|| format!("mount {target}"))
    };
    let safe = flags::NOSUID | flags::NODEV;
    mount("none", "/", "", flags::RECURSIVE | flags::PRIVATE, "")?;
    mount("stage", "/tmp", "tmpfs", safe, "mode=0755,size=16m")?;
    for name in ["/tmp/new", "/tmp/old"] {
        make_directory(Path::new(name), 0o755)?;
    }
    sys::pivot_root(Path::new("/tmp"), Path::new("/tmp/old")).step(|| "pivot into the stage".to_owned())?;
    std::env::set_current_dir("/").step(|| "enter the stage".to_owned())?;
    for directory in &room.directories {
        make_directory(&below("/new", directory), 0o755)?;
    }
    for (path, target) in &room.links {
        symlink(target, below("/new", path)).step(|| format!("link {}", path.display()))?;
    }
    for part in &room.binds {
        bind(part)?;
    }
    for (path, text) in &room.files {
        let path = below("/new", path);
        fs::write(&path, text).step(|| format!("write {}", path.display()))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644))
            .step(|| "open a file to all".to_owned())?;
    }
    for (name, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        symlink(target, Path::new("/new/dev").join(name)).step(|| format!("link /dev/{name}"))?;
    }
    mount("proc", "/new/kernel/proc", "proc", safe | flags::NOEXEC, "")?;
    mount("/new", "/new", "", flags::BIND | flags::RECURSIVE, "")?;
    std::env::set_current_dir("/new").step(|| "enter the new root".to_owned())?;
    sys::unmount_lazily(Path::new("/old")).step(|| "let go of the host's tree".to_owned())?;
    sys::pivot_root(Path::new("."), Path::new(".")).step(|| "pivot into the new root".to_owned())?;
    sys::unmount_lazily(Path::new(".")).step(|| "let go of the stage".to_owned())?;
    std::env::set_current_dir("/").step(|| "enter the root".to_owned())?;
    let closed = ATTRIBUTE_READ_ONLY | ATTRIBUTE_NO_SUID | ATTRIBUTE_NO_DEVICES;
    sys::set_mount_attributes(Path::new("/"), closed, AtFlags::ThisMount)
        .step(|| "make the root read-only".to_owned())
}

fn below(root: &str, path: &Path) -> PathBuf {
    Path::new(root).join(path.strip_prefix("/").unwrap_or(path))
}

fn bind(part: &Bind) -> Result<(), StepError> {
    let (source, target) = (below("/old", &part.path), below("/new", &part.path));
    let shown = part.path.display();
    let metadata = match fs::symlink_metadata(&source) {
        Ok(metadata) => metadata,
        Err(_) if part.missing == Missing::Skip => return Ok(()),
        Err(error) => return Err(error).step(|| format!("find {shown}")),
    };
    if let Some(parent) = target.parent() {
        make_directory(parent, 0o755)?;
    }
    if metadata.is_symlink() && part.missing == Missing::Skip {
        // System links such as /lib -> usr/lib stay links; what they point at is bound on its own.
        let to = fs::read_link(&source).step(|| format!("read the link {shown}"))?;
        return symlink(to, &target).step(|| format!("link {shown}"));
    }
    let real = fs::metadata(&source).step(|| format!("find {shown}"))?;
    if real.is_dir() {
        make_directory(&target, 0o755)?;
    } else if !target.exists() {
        fs::write(&target, b"").step(|| format!("make a place for {shown}"))?;
    }
    sys::mount(&source, &target, "", flags::BIND | flags::RECURSIVE, "").step(|| format!("bind {shown}"))?;
    let attributes = match part.access {
        Access::Read => ATTRIBUTE_READ_ONLY | ATTRIBUTE_NO_SUID | ATTRIBUTE_NO_DEVICES,
        Access::Data => ATTRIBUTE_READ_ONLY | ATTRIBUTE_NO_SUID | ATTRIBUTE_NO_DEVICES | ATTRIBUTE_NO_EXEC,
        Access::Write => ATTRIBUTE_NO_SUID | ATTRIBUTE_NO_DEVICES,
        Access::Device => ATTRIBUTE_NO_SUID | ATTRIBUTE_NO_EXEC,
    };
    sys::set_mount_attributes(&target, attributes, AtFlags::Recursive).step(|| format!("close {shown}"))
}

/// Makes a directory, and those above it, with exactly this mode whatever the umask; an existing one is left as it is.
pub fn make_directory(path: &Path, mode: u32) -> Result<(), StepError> {
    if path.is_dir() {
        return Ok(());
    }
    let step = || format!("make {}", path.display());
    fs::DirBuilder::new().recursive(true).mode(0o755).create(path).step(step)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).step(step)
}
