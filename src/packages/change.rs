//! What a change did, and whether what was installed is what was locked.

use super::lock::{Package, Pin};
use crate::requirements::{PackageName, same_version};

/// What a change did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// New, by name and version.
    pub added: Vec<(PackageName, String)>,
    /// Gone.
    pub removed: Vec<(PackageName, String)>,
    /// At another version.
    pub updated: Vec<Updated>,
    /// How many there are now.
    pub count: usize,
}

/// A package at another version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Updated {
    /// It.
    pub name: PackageName,
    /// What it was.
    pub from: String,
    /// What it is.
    pub to: String,
}

/// In which way what is there is not what was locked.
pub fn difference(pins: &[Pin], packages: &[Package]) -> Option<String> {
    for pin in pins {
        match packages.iter().find(|package| package.name == pin.name) {
            None => return Some(format!("{} is missing", pin.name)),
            Some(package) if !same_version(&package.version, &pin.version) => {
                return Some(format!("{} is {} and not {}", pin.name, package.version, pin.version));
            }
            Some(_) => {}
        }
    }
    let surplus = packages.iter().find(|package| pins.iter().all(|pin| pin.name != package.name));
    surplus.map(|package| format!("{} came too", package.name))
}

/// From one list to the next.
pub fn changed(before: &[Package], after: &[Package]) -> Change {
    let mut change = Change { count: after.len(), ..Change::default() };
    for package in after {
        match before.iter().find(|known| known.name == package.name) {
            None => change.added.push((package.name.clone(), package.version.clone())),
            Some(known) if known.version != package.version => change.updated.push(Updated {
                name: package.name.clone(),
                from: known.version.clone(),
                to: package.version.clone(),
            }),
            Some(_) => {}
        }
    }
    let is_gone = |known: &&Package| after.iter().all(|package| package.name != known.name);
    change.removed =
        before.iter().filter(is_gone).map(|known| (known.name.clone(), known.version.clone())).collect();
    change
}
