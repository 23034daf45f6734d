//! Who needs whom among the packages of a set.

use std::collections::{BTreeMap, BTreeSet};

use super::lock::{Lock, Package};
use crate::requirements::PackageName;

/// Those that need it.
pub fn needing(name: &PackageName, present: &[Package]) -> Vec<PackageName> {
    present
        .iter()
        .filter(|package| package.requires.contains(name))
        .map(|package| package.name.clone())
        .collect()
}

/// All that these need, and they themselves.
pub fn reachable<'a>(
    from: impl Iterator<Item = &'a PackageName>,
    present: &[Package],
) -> BTreeSet<PackageName> {
    let needs: BTreeMap<&PackageName, &[PackageName]> =
        present.iter().map(|package| (&package.name, package.requires.as_slice())).collect();
    let (mut found, mut open): (BTreeSet<PackageName>, Vec<PackageName>) =
        (BTreeSet::new(), from.cloned().collect());
    while let Some(name) = open.pop() {
        if found.insert(name.clone()) {
            open.extend(needs.get(&name).copied().unwrap_or_default().iter().cloned());
        }
    }
    found
}

/// The shortest way from what was asked for to a package.
pub fn path_to(name: &PackageName, lock: &Lock, present: &[Package]) -> Vec<PackageName> {
    let mut ways: Vec<Vec<PackageName>> = vec![vec![name.clone()]];
    let mut seen = BTreeSet::from([name.clone()]);
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            if lock.requested.contains_key(&way[0]) {
                return way;
            }
            for next in needing(&way[0], present) {
                if seen.insert(next.clone()) {
                    longer.push([vec![next], way.clone()].concat());
                }
            }
        }
        ways = longer;
    }
    Vec::new()
}
