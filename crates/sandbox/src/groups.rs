//! Control groups: what the kernel holds a session to over all of its processes together, where it lets us.
//!
//! A server has a group for itself, named by its process, and below it one for each session: memory, an equal share of
//! the processors however many processes it starts, and their number. Where groups are not to be had the watch over
//! memory and the limits of single processes hold alone. Whoever outlives the server removes its group ([`Grave`]).

use std::ffi::CString;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::sys;

mod places;
#[cfg(test)]
mod tests;

pub use places::{Controller, Place, Version, places};

/// Names of servers' groups begin with this.
const PREFIX: &str = "actwright-";

/// Where a server's own processes go, in a group that was its alone. It ends with the unit that made that group.
const ASIDE: &str = "actwright";

/// What the kernel charges to a session beside what it has asked for: page tables, sockets, what its supervisor and
/// frozen copies need.
const MARGIN: u64 = 64 << 20;

/// The shares of one group among its siblings, where nobody says otherwise.
const SHARES: [(Version, &str, u64, u64); 2] =
    [(Version::One, "cpu.shares", 1024, 262_144), (Version::Two, "cpu.weight", 100, 10_000)];

/// How long an ended session's last process gets to be gone from its group.
const PATIENCE: u32 = 500;
const PAUSE: Duration = Duration::from_millis(20);

/// What a session's group is held to.
#[derive(Debug, Clone, Copy)]
pub struct Most {
    /// Bytes of memory, what lies in its file systems included.
    pub memory: u64,
    /// Processes and threads.
    pub processes: u64,
}

/// The group of a server.
#[derive(Debug)]
pub struct Groups {
    trees: Vec<Tree>,
}

/// A server's group in one hierarchy.
#[derive(Debug, Clone)]
struct Tree {
    version: Version,
    controllers: Vec<Controller>,
    directory: PathBuf,
}

/// Why there are no groups.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

/// The name of a server's group.
pub fn own_name() -> String {
    let pid = sys::pid();
    format!("{PREFIX}{pid}-{}", sys::start_ticks(pid).unwrap_or(0))
}

/// Where this process stands.
pub fn own_places() -> Vec<Place> {
    let read = |name: &str| fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
    places(&read("cgroup"), &read("mountinfo"))
}

impl Groups {
    /// Makes the group of the server in the hierarchies where it stands, and removes those of servers that have ended.
    pub fn make(places: &[Place], name: &str) -> Result<Self, Unavailable> {
        let mut trees: Vec<Tree> = Vec::new();
        let mut reasons = Vec::new();
        for place in places {
            let missing: Vec<Controller> = Controller::ALL
                .into_iter()
                .filter(|each| !trees.iter().any(|tree| tree.controllers.contains(each)))
                .collect();
            for parent in place.parents() {
                remove_abandoned(&parent);
                match plant(place, &parent, name, &missing) {
                    Ok(tree) if tree.controllers.is_empty() => {}
                    Ok(tree) => {
                        trees.push(tree);
                        break;
                    }
                    Err(error) => reasons.push(format!("{}: {error}", parent.display())),
                }
            }
        }
        if trees.is_empty() {
            let words = reasons.into_iter().next_back();
            return Err(Unavailable(words.unwrap_or_else(|| "no control groups are mounted".to_owned())));
        }
        Ok(Self { trees })
    }

    /// Removes them all, when no session is left. Blocks while the last processes go.
    pub fn remove(&self) {
        self.trees.iter().for_each(|tree| remove_patiently(&tree.directory));
    }

    /// A group for one session, which is removed some time after this is dropped.
    pub fn session(&self, most: Most) -> io::Result<Group> {
        let mut group = Group { members: Vec::new() };
        let name = format!("session-{:032x}", sys::random_u128()?);
        for tree in &self.trees {
            let directory = tree.directory.join(&name);
            fs::create_dir(&directory)?;
            group.members.push(Tree { directory, ..tree.clone() });
        }
        for member in &group.members {
            member.hold(most)?;
        }
        Ok(group)
    }
}

impl Tree {
    fn write(&self, name: &str, value: &str) -> io::Result<()> {
        fs::write(self.directory.join(name), value)
            .map_err(|error| io::Error::new(error.kind(), format!("write {name}: {error}")))
    }

    fn hold(&self, most: Most) -> io::Result<()> {
        let memory = most.memory.saturating_add(MARGIN);
        for controller in &self.controllers {
            match (controller, self.version) {
                (Controller::Memory, Version::One) => {
                    self.write("memory.limit_in_bytes", &memory.to_string())?;
                    // It is there only where the kernel accounts swap.
                    absent_is_fine(self.write("memory.memsw.limit_in_bytes", &(2 * memory).to_string()))?;
                }
                (Controller::Memory, Version::Two) => {
                    self.write("memory.max", &memory.to_string())?;
                    absent_is_fine(self.write("memory.swap.max", &memory.to_string()))?;
                }
                (Controller::Processes, _) => self.write("pids.max", &most.processes.to_string())?,
                // All sessions have the same share, which is what a new group has.
                (Controller::Processor, _) => {}
            }
        }
        Ok(())
    }
}

/// Not every kernel has every file; creating one in such a directory is what is refused then.
fn absent_is_fine(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) => Ok(()),
        other => other,
    }
}

/// The group of one session.
#[derive(Debug)]
pub struct Group {
    members: Vec<Tree>,
}

impl Group {
    /// What a process writes `0` to in order to enter, one for each hierarchy. Whoever holds them needs no right of its own.
    pub fn entrances(&self) -> io::Result<Vec<OwnedFd>> {
        let open = |member: &Tree| {
            fs::OpenOptions::new().write(true).open(member.directory.join("cgroup.procs")).map(OwnedFd::from)
        };
        self.members.iter().map(open).collect()
    }

    /// Whether every hierarchy's part of it has a process.
    pub fn is_entered(&self) -> bool {
        let has_process = |member: &Tree| {
            fs::read_to_string(member.directory.join("cgroup.procs"))
                .is_ok_and(|pids| !pids.trim().is_empty())
        };
        self.members.iter().all(has_process)
    }

    /// How many processes the kernel has killed because the group held too much memory.
    pub fn killed_for_memory(&self) -> u64 {
        let count = |member: &Tree| {
            let name = match member.version {
                Version::One => "memory.oom_control",
                Version::Two => "memory.events",
            };
            let text = fs::read_to_string(member.directory.join(name)).unwrap_or_default();
            text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse::<u64>().ok())
        };
        let holding = self.members.iter().filter(|member| member.controllers.contains(&Controller::Memory));
        holding.filter_map(count).sum()
    }

    /// Whether it has this controller.
    pub fn has(&self, controller: Controller) -> bool {
        self.members.iter().any(|member| member.controllers.contains(&controller))
    }

    /// What it holds and where, in words.
    pub fn words(&self) -> String {
        let each = self.members.iter().map(|member| {
            let names: Vec<_> = member.controllers.iter().map(|controller| controller.name()).collect();
            format!("{} in {}", names.join(", "), member.directory.display())
        });
        each.collect::<Vec<_>>().join("; ")
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let left: Vec<PathBuf> =
            self.members.drain(..).map(|member| member.directory).filter(|path| !is_removed(path)).collect();
        if left.is_empty() {
            return;
        }
        let body = move || left.iter().for_each(|path| remove_patiently(path));
        // Without a thread the server's end removes it.
        let _ = std::thread::Builder::new().name("groups".to_owned()).spawn(body);
    }
}

/// Enters the groups that these lead to; a process that cannot stays where it is, and its host sees that.
pub fn enter(entrances: &[OwnedFd]) {
    entrances.iter().for_each(|entrance| drop(sys::write(entrance.as_fd(), b"0")));
}

/// Has another process enter, by its number in the namespace of this one.
pub fn admit(entrances: &[OwnedFd], pid: i32) {
    entrances.iter().for_each(|entrance| drop(sys::write(entrance.as_fd(), pid.to_string().as_bytes())));
}

/// A server's group in one hierarchy, with as many of the missing controllers as there are.
fn plant(place: &Place, parent: &Path, name: &str, missing: &[Controller]) -> io::Result<Tree> {
    let wanted: Vec<Controller> = match place.version {
        Version::One => place.controllers.iter().copied().filter(|each| missing.contains(each)).collect(),
        Version::Two => {
            let offered = words(&parent.join("cgroup.controllers"))?;
            missing.iter().copied().filter(|each| offered.iter().any(|word| word == each.name())).collect()
        }
    };
    let tree = Tree { version: place.version, controllers: wanted, directory: parent.join(name) };
    if tree.controllers.is_empty() {
        return Ok(tree);
    }
    if place.version == Version::Two {
        // Whoever moves a process needs this right on what lies above both groups.
        fs::OpenOptions::new().write(true).open(parent.join("cgroup.procs"))?;
        if parent == place.own {
            step_aside(parent)?;
        }
        offer(parent, &tree.controllers)?;
    }
    fs::create_dir(&tree.directory)?;
    match furnish(&tree) {
        Ok(()) => Ok(tree),
        Err(error) => {
            remove_patiently(&tree.directory);
            Err(error)
        }
    }
}

fn furnish(tree: &Tree) -> io::Result<()> {
    if tree.version == Version::Two {
        offer(&tree.directory, &tree.controllers)?;
    }
    if tree.controllers.contains(&Controller::Processor) {
        let processors = std::thread::available_parallelism().map_or(1, usize::from) as u64;
        for (_, file, one, most) in SHARES.iter().filter(|(version, ..)| *version == tree.version) {
            // Many sessions share what one process beside them would have on every processor.
            tree.write(file, &(one * processors).min(*most).to_string())?;
        }
    }
    Ok(())
}

/// A group with processes cannot have others below it that are held to anything. Where all of its processes are this one
/// and what it has started, as in a unit of its own, they move into a group beside those of sessions.
fn step_aside(own: &Path) -> io::Result<()> {
    let members = words(&own.join("cgroup.procs"))?;
    let ours = sys::below(vec![sys::pid()]);
    if members.is_empty() || !members.iter().all(|member| ours.iter().any(|pid| pid.to_string() == *member)) {
        return Ok(());
    }
    let aside = own.join(ASIDE);
    match fs::create_dir(&aside) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    members.iter().try_for_each(|member| fs::write(aside.join("cgroup.procs"), member))
}

/// Lets groups below this one use these controllers. The kernel refuses it where a group has processes of its own.
fn offer(directory: &Path, controllers: &[Controller]) -> io::Result<()> {
    let file = directory.join("cgroup.subtree_control");
    let there = words(&file).unwrap_or_default();
    for controller in controllers {
        if !there.iter().any(|word| word == controller.name()) {
            fs::write(&file, format!("+{}", controller.name()))?;
        }
    }
    Ok(())
}

fn words(file: &Path) -> io::Result<Vec<String>> {
    Ok(fs::read_to_string(file)?.split_whitespace().map(str::to_owned).collect())
}

/// Removes groups whose server has ended. The kernel removes only what has no process.
fn remove_abandoned(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let Some((pid, start)) = maker(&entry.file_name().to_string_lossy()) else { continue };
        if sys::start_ticks(pid) != Some(start) {
            remove_with_sessions(&entry.path());
        }
    }
}

/// The pid and start time in the name of a server's group.
fn maker(name: &str) -> Option<(i32, u64)> {
    let (pid, start) = name.strip_prefix(PREFIX)?.split_once('-')?;
    Some((pid.parse().ok()?, start.parse().ok()?))
}

/// Whether it is gone now.
fn is_removed(directory: &Path) -> bool {
    fs::remove_dir(directory).map_or_else(|error| error.kind() == ErrorKind::NotFound, |()| true)
}

fn remove_with_sessions(server: &Path) -> bool {
    for entry in fs::read_dir(server).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            is_removed(&entry.path());
        }
    }
    is_removed(server)
}

fn remove_patiently(directory: &Path) {
    for _ in 0..PATIENCE {
        if remove_with_sessions(directory) {
            return;
        }
        std::thread::sleep(PAUSE);
    }
}

/// Where the group of a server is, for whoever outlives it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Grave {
    /// Directories that it may be in.
    pub parents: Vec<PathBuf>,
    /// Its name.
    pub name: String,
}

/// A grave that can be found whatever becomes of this process's root.
#[derive(Debug, Default)]
pub struct OpenGrave {
    parents: Vec<OwnedFd>,
    name: CString,
    /// Who made this process.
    server: i32,
}

impl Grave {
    /// Of this process, a server.
    pub fn own() -> Self {
        Self { parents: own_places().iter().flat_map(Place::parents).collect(), name: own_name() }
    }

    /// Takes hold of the directories.
    pub fn open(&self) -> OpenGrave {
        let open = |path: &PathBuf| fs::File::open(path).ok().map(OwnedFd::from);
        OpenGrave {
            parents: self.parents.iter().filter_map(open).collect(),
            name: CString::new(self.name.as_str()).unwrap_or_default(),
            server: sys::parent_pid(),
        }
    }
}

impl OpenGrave {
    /// What is held.
    pub fn descriptors(&self) -> impl Iterator<Item = &OwnedFd> {
        self.parents.iter()
    }

    /// Removes the server's group, when everything below this process has ended and the server has too, or is about to.
    pub fn fill(&self, is_orphaned: bool) {
        if !is_orphaned && sys::parent_pid() == self.server {
            return;
        }
        for parent in &self.parents {
            for _ in 0..PATIENCE {
                if self.is_filled(parent) {
                    break;
                }
                std::thread::sleep(PAUSE);
            }
        }
    }

    fn is_filled(&self, parent: &OwnedFd) -> bool {
        let Ok(server) = sys::open_directory_at(parent.as_fd(), &self.name) else { return true };
        for session in server.try_clone().and_then(sys::directories_in).into_iter().flatten() {
            // What still has a process is looked at again.
            let _ = sys::remove_directory_at(server.as_fd(), &session);
        }
        sys::remove_directory_at(parent.as_fd(), &self.name).is_ok()
    }
}
