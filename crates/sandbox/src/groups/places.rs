//! Where this process stands in the kernel's hierarchies of control groups, read from two of its own files. Pure.

use std::path::{Path, PathBuf};

/// Something that a group can hold its processes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Controller {
    /// Bytes of memory.
    Memory,
    /// The share of the processors.
    Processor,
    /// The number of processes and threads.
    Processes,
}

impl Controller {
    /// All that are used.
    pub const ALL: [Self; 3] = [Self::Memory, Self::Processor, Self::Processes];

    /// The kernel's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Processor => "cpu",
            Self::Processes => "pids",
        }
    }
}

/// How a hierarchy is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// A hierarchy for each controller.
    One,
    /// One hierarchy, in which a group offers its controllers to those below it.
    Two,
}

/// This process's own group in one hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Of the hierarchy.
    pub version: Version,
    /// What the hierarchy has; of version two the group itself says it.
    pub controllers: Vec<Controller>,
    /// The directory of the group.
    pub own: PathBuf,
    /// The directory where the hierarchy is mounted.
    pub top: PathBuf,
}

impl Place {
    /// Directories in which a group may be made for processes that come from here, the nearest first.
    pub fn parents(&self) -> Vec<PathBuf> {
        match self.version {
            Version::One => vec![self.own.clone()],
            Version::Two => self
                .own
                .ancestors()
                .take_while(|above| above.starts_with(&self.top))
                .map(Path::to_owned)
                .collect(),
        }
    }
}

/// From `/proc/self/cgroup` and `/proc/self/mountinfo`; the hierarchy of version two comes first.
pub fn places(membership: &str, mounts: &str) -> Vec<Place> {
    let mut found: Vec<Place> = mounts.lines().filter_map(|line| place(membership, line)).collect();
    found.sort_by_key(|place| place.version == Version::One);
    found
}

fn place(membership: &str, mount: &str) -> Option<Place> {
    let (left, right) = mount.split_once(" - ")?;
    let mut left = left.split(' ').skip(3);
    let (root, top) = (unescaped(left.next()?), PathBuf::from(unescaped(left.next()?)));
    let mut right = right.split(' ');
    let (kind, options) = (right.next()?, right.nth(1)?);
    let version = match kind {
        "cgroup2" => Version::Two,
        "cgroup" => Version::One,
        _ => return None,
    };
    let controllers = match version {
        Version::Two => Vec::new(),
        Version::One => Controller::ALL
            .into_iter()
            .filter(|controller| options.split(',').any(|name| name == controller.name()))
            .collect(),
    };
    let is_ours = |names: &str| match version {
        Version::Two => names.is_empty(),
        Version::One => {
            controllers.first().is_some_and(|first| names.split(',').any(|name| name == first.name()))
        }
    };
    let path = membership.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        is_ours(parts.next()?).then(|| parts.next())?
    })?;
    // What is mounted may be a part of the hierarchy, and this process outside of it.
    let below = if root == "/" { path } else { path.strip_prefix(root.as_str())? };
    let below = Path::new(below.trim_start_matches('/'));
    if below.components().any(|part| matches!(part, std::path::Component::ParentDir)) {
        return None;
    }
    let own = if below.as_os_str().is_empty() { top.clone() } else { top.join(below) };
    Some(Place { version, controllers, own, top })
}

/// Mount tables write blanks and such as three octal digits.
fn unescaped(text: &str) -> String {
    let mut plain = text.to_owned();
    for (code, character) in [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")] {
        plain = plain.replace(code, character);
    }
    plain
}
