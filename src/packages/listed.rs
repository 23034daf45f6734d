//! What is told of packages that are there.

use std::collections::BTreeMap;

use super::library::Packages;
use super::lock::Package;
use crate::requirements::{PackageName, Requirement};

/// The packages that sessions see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// The name of their directory below that of all sets.
    pub set: String,
    /// They themselves.
    pub packages: Vec<Package>,
}

/// A package that sessions can import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// What is known of it.
    pub package: Package,
    /// What was asked for, if it was asked for by itself.
    pub requested: Option<Requirement>,
}

/// Why a package is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// It.
    pub listed: Listed,
    /// Those that need it.
    pub needed_by: Vec<PackageName>,
    /// The way from one that was asked for to it.
    pub path: Vec<PackageName>,
}

impl Packages {
    /// The versions of those of these packages that are there, by the names that were given. What cannot be read is not there.
    pub async fn versions(&self, names: Vec<String>) -> BTreeMap<String, String> {
        let listed = self.list().await.unwrap_or_default();
        let version = |name: String| {
            let normal: PackageName = name.parse().ok()?;
            let found = listed.iter().find(|listed| listed.package.name == normal)?;
            Some((name, found.package.version.clone()))
        };
        names.into_iter().filter_map(version).collect()
    }
}
