//! What is in an installed set, by the metadata that every wheel brings. It is read, and nothing of it is run.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use super::lock::Package;
use crate::requirements::PackageName;

/// The most bytes that are read of one file of metadata.
const LARGEST: u64 = 32 << 20;

/// Every package in this directory, by name.
pub fn packages_in(directory: &Path) -> io::Result<Vec<Package>> {
    let mut packages = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "dist-info") {
            packages.extend(package(&path)?);
        }
    }
    packages.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(packages)
}

fn package(directory: &Path) -> io::Result<Option<Package>> {
    let text = read(&directory.join("METADATA"))?;
    let (mut name, mut version, mut requires) = (None, None, BTreeSet::new());
    // The headers end with an empty line; then comes the description.
    for line in text.lines().take_while(|line| !line.is_empty()) {
        match line.split_once(": ") {
            Some(("Name", value)) => name = value.trim().parse::<PackageName>().ok(),
            Some(("Version", value)) => version = Some(value.trim().to_owned()),
            Some(("Requires-Dist", value)) => requires.extend(name_of(value)),
            _ => {}
        }
    }
    let (Some(name), Some(version)) = (name, version) else { return Ok(None) };
    let modules = modules(&read(&directory.join("RECORD"))?);
    Ok(Some(Package { name, version, modules, requires: requires.into_iter().collect() }))
}

fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The name at the head of a requirement.
fn name_of(requirement: &str) -> Option<PackageName> {
    let end = requirement.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.'));
    requirement[..end.unwrap_or(requirement.len())].parse().ok()
}

/// What can be imported of the files that a wheel says it has.
fn modules(record: &str) -> Vec<String> {
    let mut found = BTreeSet::new();
    for line in record.lines() {
        let path = line.strip_prefix('"').unwrap_or(line);
        let path = path.split([',', '"']).next().unwrap_or_default();
        let (top, is_package) = path.split_once('/').map_or((path, false), |(top, _)| (top, true));
        let is_code = path.ends_with(".py") || path.ends_with(".so");
        let module = if is_package { top } else { top.split('.').next().unwrap_or_default() };
        if is_code && is_identifier(module) {
            found.insert(module.to_owned());
        }
    }
    found.into_iter().collect()
}

fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_what_can_be_imported() {
        let record = "numpy/__init__.py,sha256=x,1\nnumpy.libs/libopenblas.so,,\nsix.py,,\n_cffi.cpython-311-x86_64.so,,\n\
                      bin/f2py,,\nx-1.dist-info/RECORD,,\n\"a,b/c.py\",,\nnumpy/core/x.so,,\n../../etc/x.py,,\n";
        assert_eq!(modules(record), ["_cffi", "numpy", "six"]);
    }

    #[test]
    fn names_stand_at_the_head_of_requirements() {
        let name = |text: &str| name_of(text).map(|name| name.to_string());
        assert_eq!(name("python-dateutil>=2.8.2"), Some("python-dateutil".into()));
        assert_eq!(name("PyArrow (>=10) ; extra == 'parquet'"), Some("pyarrow".into()));
        assert_eq!(name("; x"), None);
    }
}
