//! The way into a session's own room, run by its future pid 1 after the zygote's fork.
//!
//! Order matters: namespaces, maps, mounts, then capabilities go; only then may anything of the session's own
//! run. File rules and system call rules come last, in the processes that need them, because they forbid the
//! steps before.

use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::copying;
use crate::error::{Step, StepError};
use crate::outer::{self, write_maps};
use crate::plan::{INSIDE_ID, OWN, SessionPlan, SessionRooms};
use crate::sys::{self, AtFlags, flags};

/// Files and directories that one session may have in its workspace and `/tmp` together.
const WORKSPACE_FILES: u64 = 200_000;

/// The namespaces that a session has for itself, in the order in which another process can enter them: the name in
/// `/proc/PID/ns`, and the kind (`CLONE_NEW*`).
pub fn namespaces(rooms: &SessionRooms) -> Vec<(&'static str, libc::c_int)> {
    let SessionRooms::Own { network, .. } = rooms else { return Vec::new() };
    let mut all = vec![
        ("user", libc::CLONE_NEWUSER),
        ("mnt", libc::CLONE_NEWNS),
        ("pid", libc::CLONE_NEWPID),
        ("ipc", libc::CLONE_NEWIPC),
        ("uts", libc::CLONE_NEWUTS),
        ("cgroup", libc::CLONE_NEWCGROUP),
    ];
    if *network {
        all.push(("net", libc::CLONE_NEWNET));
    }
    all
}

/// Moves this process into new namespaces. Its next child is pid 1 there.
pub fn leave_zygote(rooms: &SessionRooms) -> Result<(), StepError> {
    let spaces = namespaces(rooms);
    if spaces.is_empty() {
        return Ok(());
    }
    let all = spaces.iter().fold(0, |all, (_, kind)| all | kind);
    sys::unshare(all).step(|| "make the session's namespaces".to_owned())?;
    write_maps(INSIDE_ID, INSIDE_ID, INSIDE_ID)
}

/// Builds the session's view, in its pid 1, and gives up every capability.
pub fn settle(plan: &SessionPlan) -> Result<(), StepError> {
    build(plan)?;
    give_up(plan)
}

/// The same for a twin, which begins with a copy of what its mother has in the file systems that are her own.
pub fn settle_as_twin(plan: &SessionPlan) -> Result<(), StepError> {
    let hold = |name: &str| {
        let place = fs::File::open(Path::new(OWN).join(name));
        place.step(|| format!("open the mother's {name}"))
    };
    let mothers = [("session", hold("session")?), ("tmp", hold("tmp")?), ("shm", hold("shm")?)];
    build(plan)?;
    for (name, place) in &mothers {
        let from = PathBuf::from(format!("/proc/self/fd/{}", place.as_raw_fd()));
        copying::copy_tree(&from, &Path::new(OWN).join(name))
            .step(|| format!("copy the session's {name}"))?;
    }
    drop(mothers);
    give_up(plan)
}

/// Deletes what a session has in the file systems that are its own, when it has become several.
pub fn clear_out() {
    for name in ["session", "tmp", "shm"] {
        copying::empty(&Path::new(OWN).join(name));
    }
}

fn build(plan: &SessionPlan) -> Result<(), StepError> {
    if let SessionRooms::Own { network, workspace_bytes, shared_memory_bytes, kept } = &plan.rooms {
        mounts(*workspace_bytes, *shared_memory_bytes, kept)?;
        if *network {
            sys::loopback_up().step(|| "bring up the loopback".to_owned())?;
        }
    }
    Ok(())
}

fn give_up(plan: &SessionPlan) -> Result<(), StepError> {
    std::env::set_current_dir(&plan.workspace).step(|| "enter the workspace".to_owned())?;
    if plan.seccomp.is_some() {
        match plan.rooms {
            SessionRooms::Own { .. } => outer::drop_all_capabilities()?,
            // The launcher emptied the bounding set, if it was allowed to.
            SessionRooms::Shared => sys::drop_capabilities().step(|| "drop the capabilities".to_owned())?,
        }
        sys::no_new_privileges().step(|| "forbid new privileges".to_owned())?;
    }
    Ok(())
}

fn mounts(workspace_bytes: u64, shared_memory_bytes: u64, kept: &[PathBuf]) -> Result<(), StepError> {
    let safe = flags::NOSUID | flags::NODEV;
    let none = Path::new("none");
    let mount = |source: &Path, target: &str, kind: &str, flags: u64, data: &str| {
        sys::mount(source, Path::new(target), kind, flags, data).step(|| format!("mount {target}"))
    };
    mount(none, "/", "", flags::RECURSIVE | flags::PRIVATE, "")?;
    let kept = take_hold(kept)?;
    // One file system, so one limit, behind both places where a session may write.
    let data = format!("size={workspace_bytes},nr_inodes={WORKSPACE_FILES},mode=0755");
    mount(Path::new("workspace"), "/run", "tmpfs", safe, &data)?;
    for (name, mode) in [("session", 0o755), ("tmp", 0o1777)] {
        let path = Path::new("/run").join(name);
        outer::make_directory(&path, mode)?;
        mount(&path, &format!("{OWN}/{name}"), "", flags::BIND, "")?;
    }
    mount(Path::new("empty"), "/run", "tmpfs", safe | flags::NOEXEC, "size=64k,nr_inodes=256,mode=0755")?;
    let data = format!("size={shared_memory_bytes},nr_inodes=4096,mode=1777");
    mount(Path::new("shm"), "/own/shm", "tmpfs", safe | flags::NOEXEC, &data)?;
    for (path, kept) in &kept {
        show_again(path, kept)?;
    }
    sys::set_mount_attributes(Path::new("/run"), outer::ATTRIBUTE_READ_ONLY, AtFlags::ThisMount)
        .step(|| "make /run read-only".to_owned())?;
    mount(Path::new("proc"), "/kernel/proc", "proc", safe | flags::NOEXEC, "")
}

/// Something that is about to be covered.
enum Kept {
    /// What a link says.
    Link(PathBuf),
    /// A file or directory, held open.
    Place(fs::File),
}

/// Takes hold of what is about to be covered.
fn take_hold(paths: &[PathBuf]) -> Result<Vec<(&Path, Kept)>, StepError> {
    let hold = |path: &Path| {
        if path.is_symlink() {
            return fs::read_link(path).map(Kept::Link);
        }
        fs::OpenOptions::new().read(true).custom_flags(libc::O_PATH).open(path).map(Kept::Place)
    };
    paths
        .iter()
        .map(|path| Ok((path.as_path(), hold(path).step(|| format!("find {}", path.display()))?)))
        .collect()
}

/// Puts what was covered back under its own name, with the rights that it had.
fn show_again(path: &Path, kept: &Kept) -> Result<(), StepError> {
    let step = || format!("show {} again", path.display());
    let parent = path.parent().unwrap_or(Path::new("/"));
    let place = match kept {
        Kept::Link(target) => {
            outer::make_directory(parent, 0o755)?;
            return if path.is_symlink() { Ok(()) } else { symlink(target, path).step(step) };
        }
        Kept::Place(place) => place,
    };
    if place.metadata().step(step)?.is_dir() {
        outer::make_directory(path, 0o755)?;
    } else if !path.exists() {
        outer::make_directory(parent, 0o755)?;
        fs::write(path, b"").step(step)?;
    }
    let source = PathBuf::from(format!("/proc/self/fd/{}", place.as_raw_fd()));
    sys::mount(&source, path, "", flags::BIND | flags::RECURSIVE, "").step(step)
}
